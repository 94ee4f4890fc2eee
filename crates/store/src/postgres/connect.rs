//! Connections: how they come about, and what to do where they don't.

use std::{future::poll_fn, path::PathBuf, pin::pin, str::FromStr, sync::Arc, time::Duration};

use deadpool_postgres::{Connect, Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime, Timeouts};
use rehome_domain::ports::Wait;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use tokio::{
    runtime::Handle,
    task::JoinHandle,
    time::{Instant, sleep},
};
use tokio_postgres::{
    Client, Config, Connection, Error, NoTls, Socket,
    config::{Host, SslMode},
    error::SqlState,
    tls::TlsStream,
};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{
    Options,
    trouble::{Trouble, said},
};

/// A connection nobody uses asks for a sign of life after so long, then so often, so many times.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(10);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
const KEEPALIVE_RETRIES: u32 = 3;
/// A pause before a database that is not there yet is tried again while opening.
const PAUSE: Duration = Duration::from_millis(200);

/// A database that can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The URL can't be read.
    #[error("the database URL can't be read, expected `postgres://user:password@host:5432/database`: {0}")]
    Url(#[source] Error),
    /// The certificates that may vouch for the server can't be read.
    #[error("the certificates that may vouch for the database's server can't be read{}: {detail}", at.as_ref().map(|at| format!(" from {}", at.display())).unwrap_or_default())]
    Authorities {
        /// From where, if not the machine's own.
        at: Option<PathBuf>,
        /// Why.
        detail: String,
    },
    /// The pool can't be made.
    #[error("the database's connections can't be managed: {0}")]
    Pool(String),
    /// The database can't be reached, or does not let us in.
    #[error("the database {database} can't be opened: {why}; {advice}")]
    Connect {
        /// Which.
        database: String,
        /// What it (or the network) says.
        why: String,
        /// What to do.
        advice: String,
    },
    /// It says no.
    #[error("the database {database} failed at {what}: {}", said(source))]
    Failed {
        /// Which.
        database: String,
        /// At what.
        what: &'static str,
        /// What it says.
        source: Error,
    },
    /// A newer binary has been here.
    #[error(
        "the database {database} has schema {found}, this binary knows up to {binary}: start the newer one"
    )]
    Newer {
        /// Which.
        database: String,
        /// The database's schema.
        found: usize,
        /// The newest this binary knows.
        binary: usize,
    },
    /// It must be brought up to date first, and this was only to read.
    #[error(
        "the database {database} has schema {found}, this binary reads {binary}: start it once to bring it up"
    )]
    Older {
        /// Which.
        database: String,
        /// The database's schema.
        found: usize,
        /// The one this binary reads.
        binary: usize,
    },
}

/// A database's name, place and user, for people; never its password.
#[derive(Debug, Clone)]
pub(super) struct Place {
    name: String,
    host: String,
    user: String,
}

impl Place {
    fn of(config: &Config) -> Self {
        let user = config.get_user().unwrap_or("(whoever runs this)").to_owned();
        let ports = config.get_ports();
        let mut hosts = Vec::new();
        for (n, host) in config.get_hosts().iter().enumerate() {
            let port = ports.get(n).or(ports.first()).copied().unwrap_or(5432);
            hosts.push(match host {
                Host::Tcp(host) => format!("{host}:{port}"),
                #[cfg(unix)]
                Host::Unix(path) => format!("{}:{port}", path.display()),
            });
        }
        Self { name: config.get_dbname().unwrap_or(&user).to_owned(), host: hosts.join(","), user }
    }

    /// In one word for error texts.
    pub(super) fn said(&self) -> String {
        format!("`{}` at {}", self.name, self.host)
    }
}

/// The place a URL names, or that it can't be read.
pub(super) fn place(url: &str) -> String {
    Config::from_str(url)
        .map_or_else(|_| "(a URL that can't be read)".to_owned(), |config| Place::of(&config).said())
}

/// A pool; nothing is connected yet.
pub(super) fn pool(options: &Options, read_only: bool) -> Result<(Pool, Place), OpenError> {
    let config = config(options, read_only)?;
    let place = Place::of(&config);
    let tls = (config.get_ssl_mode() == SslMode::Require).then(|| tls(options)).transpose()?;
    let connector = Connector { tls, runtime: Handle::current() };
    // A connection that is over is found so without asking the server.
    let manager =
        Manager::from_connect(config, connector, ManagerConfig { recycling_method: RecyclingMethod::Fast });
    let pool = Pool::builder(manager)
        .max_size(options.pool.max(1))
        .runtime(Runtime::Tokio1)
        .build()
        .map_err(|error| OpenError::Pool(error.to_string()))?;
    Ok((pool, place))
}

/// How long the pool may take for a connection.
pub(super) fn timeouts(options: &Options) -> Timeouts {
    // Longer than for the network alone: the server must also start a process and look at a password.
    Timeouts { wait: Some(options.patience), create: Some(options.connect_timeout * 2), recycle: None }
}

/// The first connection. A database that is just starting is waited for.
pub(super) async fn first(pool: &Pool, place: &Place, options: &Options) -> Result<Object, OpenError> {
    let begun = Instant::now();
    loop {
        let error = match pool.timeout_get(&timeouts(options)).await {
            Ok(client) => return Ok(client),
            Err(error) => error,
        };
        let code = match &error {
            deadpool_postgres::PoolError::Backend(error) => error.code().cloned(),
            _ => None,
        };
        match Trouble::from(error) {
            Trouble::Away(_) if begun.elapsed() < options.patience => sleep(PAUSE).await,
            Trouble::Away(why)
            | Trouble::Raced(why)
            | Trouble::Locked(why)
            | Trouble::Taken(why)
            | Trouble::Unknown(why)
            | Trouble::Unable(why)
            | Trouble::Refused(why) => {
                let advice = advice(code.as_ref(), place);
                return Err(OpenError::Connect { database: place.said(), why, advice });
            }
        }
    }
}

/// What whoever reads the error can do about it.
fn advice(code: Option<&SqlState>, place: &Place) -> String {
    let Place { name, host, user } = place;
    match code {
        None => {
            format!("see that PostgreSQL runs and listens at {host}, and that nothing between bars the way")
        }
        Some(code) if *code == SqlState::INVALID_CATALOG_NAME => {
            format!("make it there, as a user who may: CREATE DATABASE \"{name}\" OWNER \"{user}\"")
        }
        Some(code) if *code == SqlState::INVALID_PASSWORD => {
            format!("put the right password of the user `{user}` into the database URL")
        }
        Some(code) if *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION => format!(
            "see that the user `{user}` exists there, and that the server's pg_hba.conf lets it into `{name}` from \
             this machine; if only encrypted, add `sslmode=require` to the URL"
        ),
        Some(code) if *code == SqlState::TOO_MANY_CONNECTIONS => {
            "raise the server's max_connections, or lower the pools of those who use it".to_owned()
        }
        Some(_) => "see what the server's log says".to_owned(),
    }
}

/// How we connect, and the settings every connection begins with.
fn config(options: &Options, read_only: bool) -> Result<Config, OpenError> {
    let mut config = Config::from_str(&options.url).map_err(OpenError::Url)?;
    // 0 would mean without end.
    let ms = options.statement_timeout.as_millis().max(1);
    let lock_ms = options.lock_timeout.as_millis().max(1);
    let mut settings = vec![
        format!("statement_timeout={ms}"),
        // Whoever keeps a ticket's row locked keeps only that ticket from going on.
        format!("lock_timeout={lock_ms}"),
        // A process that stops in the middle of a transaction must not keep its rows locked for the others.
        format!("idle_in_transaction_session_timeout={ms}"),
        format!("synchronous_commit={}", if options.synchronous_commit { "on" } else { "off" }),
        // Every statement of ours has its index. A plan made while a table was small must not be kept while it grows.
        "enable_seqscan=off".to_owned(),
        "jit=off".to_owned(),
    ];
    if read_only {
        settings.push("default_transaction_read_only=on".to_owned());
    }
    if let Some(schema) = &options.schema {
        settings.push(format!("search_path={}", quoted(schema)));
    }
    let ours = settings.iter().map(|setting| format!("-c {}", escaped(setting)));
    let theirs = config.get_options().map(str::to_owned);
    let all: Vec<_> = theirs.into_iter().chain(ours).collect();
    config
        .options(all.join(" "))
        .connect_timeout(options.connect_timeout)
        .keepalives(true)
        .keepalives_idle(KEEPALIVE_IDLE)
        .keepalives_interval(KEEPALIVE_INTERVAL)
        .keepalives_retries(KEEPALIVE_RETRIES)
        .tcp_user_timeout(options.statement_timeout);
    if config.get_application_name().is_none() {
        config.application_name("rehome");
    }
    Ok(config)
}

/// A name as SQL takes any name.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A setting as it stands in a connection's options, where spaces and backslashes mean something.
fn escaped(setting: &str) -> String {
    setting.replace('\\', "\\\\").replace(' ', "\\ ")
}

fn tls(options: &Options) -> Result<MakeRustlsConnect, OpenError> {
    let failed = |detail: String| OpenError::Authorities { at: options.authorities.clone(), detail };
    let mut roots = RootCertStore::empty();
    match &options.authorities {
        Some(path) => {
            for certificate in
                CertificateDer::pem_file_iter(path).map_err(|error| failed(error.to_string()))?
            {
                let certificate = certificate.map_err(|error| failed(error.to_string()))?;
                roots.add(certificate).map_err(|error| failed(error.to_string()))?;
            }
        }
        None => {
            // A machine has hundreds, and one that can't be read keeps none of the others from vouching.
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    if roots.is_empty() {
        return Err(failed("there are none".to_owned()));
    }
    let config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| failed(error.to_string()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

/// Connects on one runtime, whichever the caller's is: a connection outlives the thread that first wanted it.
struct Connector {
    tls: Option<MakeRustlsConnect>,
    runtime: Handle,
}

impl Connect for Connector {
    fn connect(&self, config: &Config) -> Wait<'_, Result<(Client, JoinHandle<()>), Error>> {
        let (config, runtime) = (config.clone(), self.runtime.clone());
        Box::pin(async move {
            let connecting = async {
                match &self.tls {
                    Some(tls) => config
                        .connect(tls.clone())
                        .await
                        .map(|(client, connection)| (client, drive(connection))),
                    None => {
                        config.connect(NoTls).await.map(|(client, connection)| (client, drive(connection)))
                    }
                }
            };
            let mut connecting = pin!(connecting);
            poll_fn(|context| {
                let _on = runtime.enter();
                connecting.as_mut().poll(context)
            })
            .await
        })
    }
}

/// Keeps a connection going until it ends.
fn drive<T>(connection: Connection<Socket, T>) -> JoinHandle<()>
where
    T: TlsStream + Unpin + Send + 'static,
{
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::warn!(error = said(&error), "a connection to the database ended");
        }
    })
}
