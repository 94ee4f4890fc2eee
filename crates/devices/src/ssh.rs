//! Sessions over SSH: whom to connect to, as whom, and by which host key the device is known.
//!
//! A device whose key is not one of those that are known for it is refused, whatever else is right: who sits between us and
//! a gateway could move circuits. Passwords and keys are read when they are needed, and never told.

use std::{path::PathBuf, sync::Arc, time::Duration};

use rehome_domain::{ports::DriverError, reply::Reason};
use russh::{
    client::{self, AuthResult, Handle},
    keys::{self, HashAlg, PrivateKeyWithHashAlg, PublicKey, PublicKeyOrCertificate},
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;

use crate::device::{permanent, transient};

/// How a device is reached over SSH, as the inventory says.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// Where: `host:port`.
    pub address: String,
    /// As whom.
    pub user: String,
    /// A file with the private key (OpenSSH's format or PEM), which is in no other way protected than by who may read it.
    #[serde(default)]
    pub key_file: Option<PathBuf>,
    /// The variable of the environment that holds the password.
    #[serde(default)]
    pub password_env: Option<String>,
    /// The file that holds the password, in its first line.
    #[serde(default)]
    pub password_file: Option<PathBuf>,
    /// Fingerprints of the keys that the device may show: `SHA256:…`, as `ssh-keygen -l` prints them.
    #[serde(default)]
    pub host_keys: Vec<String>,
    /// A file of known hosts, as OpenSSH keeps it.
    #[serde(default)]
    pub known_hosts: Option<PathBuf>,
    /// How long connecting and signing in may take, in milliseconds.
    #[serde(default = "connect_ms")]
    pub connect_ms: u32,
    /// After how much silence the device is asked whether it is there, in milliseconds. Three questions without an answer,
    /// and the session is given up.
    #[serde(default = "keepalive_ms")]
    pub keepalive_ms: u32,
}

const fn connect_ms() -> u32 {
    10_000
}

const fn keepalive_ms() -> u32 {
    15_000
}

/// What proves to a device who we are.
enum Credential {
    Key(Arc<keys::PrivateKey>),
    Password(SecretString),
}

/// Checks the device's key.
pub(crate) struct Checked {
    options: Options,
}

impl client::Handler for Checked {
    type Error = russh::Error;

    async fn check_server_key(&mut self, shown: &PublicKeyOrCertificate) -> Result<bool, Self::Error> {
        Ok(match shown {
            PublicKeyOrCertificate::PublicKey { key, .. } => self.knows(key),
            // Nobody is named who could vouch for it.
            PublicKeyOrCertificate::Certificate(_) => false,
        })
    }
}

impl Checked {
    fn knows(&self, key: &PublicKey) -> bool {
        let fingerprint = key.fingerprint(HashAlg::Sha256).to_string();
        let listed = self.options.host_keys.iter().any(|known| known.trim() == fingerprint);
        listed
            || self.options.known_hosts.as_ref().is_some_and(|file| {
                let (host, port) = self.options.host_and_port();
                keys::check_known_hosts_path(host, port, key, file).unwrap_or(false)
            })
    }
}

impl Options {
    /// The host, and the port: NETCONF's if none is given.
    fn host_and_port(&self) -> (&str, u16) {
        let split = self.address.rsplit_once(':').and_then(|(host, port)| Some((host, port.parse().ok()?)));
        let (host, port) = split.unwrap_or((&self.address, 830));
        (host.trim_start_matches('[').trim_end_matches(']'), port)
    }

    fn credential(&self) -> Result<Credential, DriverError> {
        if let Some(file) = &self.key_file {
            let key = keys::load_secret_key(file, None).map_err(|error| {
                self.unusable(&format!("its key {} can't be read: {error}", file.display()))
            })?;
            return Ok(Credential::Key(Arc::new(key)));
        }
        if let Some(variable) = &self.password_env {
            let password = std::env::var(variable).map_err(|_| {
                self.unusable(&format!("the variable {variable} with its password is not set"))
            })?;
            return Ok(Credential::Password(password.into()));
        }
        let Some(file) = &self.password_file else {
            return Err(self.unusable("the inventory names no key_file, password_env or password_file"));
        };
        let text = std::fs::read_to_string(file).map_err(|error| {
            self.unusable(&format!("its password in {} can't be read: {error}", file.display()))
        })?;
        Ok(Credential::Password(text.lines().next().unwrap_or_default().to_owned().into()))
    }

    /// A failure that a person must mend.
    fn unusable(&self, why: &str) -> DriverError {
        permanent(Reason::Unreachable, format!("{}: {why}", self.address))
    }

    fn away(&self, why: &str) -> DriverError {
        transient(Reason::Unreachable, format!("{}: {why}", self.address))
    }
}

/// Connects and signs in.
///
/// # Errors
/// Permanent if the host key is not known or the credentials are wrong: a person must see to it. Transient if the device
/// is not there.
pub(crate) async fn connect(options: &Options) -> Result<Handle<Checked>, DriverError> {
    let within = Duration::from_millis(options.connect_ms.into());
    let late = || options.away(&format!("no session within {} ms", options.connect_ms));
    tokio::time::timeout(within, sign_in(options)).await.map_err(|_| late())?
}

async fn sign_in(options: &Options) -> Result<Handle<Checked>, DriverError> {
    let credential = options.credential()?;
    let config = client::Config {
        keepalive_interval: Some(Duration::from_millis(options.keepalive_ms.into())),
        nodelay: true,
        ..client::Config::default()
    };
    let checked = Checked { options: options.clone() };
    let connected = client::connect(Arc::new(config), options.host_and_port(), checked).await;
    let mut session = connected.map_err(|error| match error {
        russh::Error::UnknownKey => options.unusable(
            "its host key is not one of those that are known for it. If the device was replaced, compare `ssh-keyscan` with \
             what its owner says, and put the key in host_keys or known_hosts",
        ),
        other => options.away(&other.to_string()),
    })?;
    let answered = match credential {
        Credential::Key(key) => {
            let hash = session.best_supported_rsa_hash().await.ok().flatten().flatten();
            session.authenticate_publickey(&options.user, PrivateKeyWithHashAlg::new(key, hash)).await
        }
        Credential::Password(password) => {
            session.authenticate_password(&options.user, password.expose_secret()).await
        }
    };
    match answered {
        Ok(AuthResult::Success) => Ok(session),
        Ok(AuthResult::Failure { .. }) => {
            Err(options.unusable(&format!("it does not let `{}` in with these credentials", options.user)))
        }
        Err(error) => Err(options.away(&error.to_string())),
    }
}
