//! Certificates for the lab: an authority, and whom it vouches for.

use std::path::{Path, PathBuf};

use crate::daemon::{DaemonError, command, run};

/// A certificate authority in a directory, good for two days.
#[derive(Debug, Clone)]
pub struct Authority {
    directory: PathBuf,
}

/// Who the authority has vouched for: files in PEM.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The certificate.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// An elliptic curve: made in milliseconds, where RSA takes a second.
const NEW_KEY: [&str; 6] = ["req", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];

impl Authority {
    /// Makes one, with its files in this directory.
    ///
    /// # Errors
    /// openssl is missing or failed.
    pub fn make(directory: &Path) -> Result<Self, DaemonError> {
        let authority = Self { directory: directory.to_owned() };
        let (certificate, key) = (authority.certificate(), authority.file("ca.key"));
        let openssl = &mut command("openssl");
        openssl.args(NEW_KEY).args(["-x509", "-days", "2", "-subj", "/CN=Rehome lab"]);
        run(openssl.arg("-keyout").arg(key).arg("-out").arg(certificate))?;
        Ok(authority)
    }

    /// The authority's own certificate.
    #[must_use]
    pub fn certificate(&self) -> PathBuf {
        self.file("ca.pem")
    }

    /// Vouches for somebody of this name at this machine: `localhost` and 127.0.0.1.
    ///
    /// # Errors
    /// openssl is missing or failed.
    pub fn vouch(&self, name: &str) -> Result<Identity, DaemonError> {
        let file = |end: &str| self.file(&format!("{name}.{end}"));
        let identity = Identity { certificate: file("pem"), key: file("key") };
        let (request, extensions) = (file("csr"), file("ext"));
        std::fs::write(&extensions, "subjectAltName=DNS:localhost,IP:127.0.0.1\n")
            .map_err(|source| DaemonError::File { path: extensions.clone(), source })?;
        let subject = format!("/CN={name}");
        let openssl = &mut command("openssl");
        run(openssl
            .args(NEW_KEY)
            .args(["-subj", &subject, "-keyout"])
            .arg(&identity.key)
            .arg("-out")
            .arg(&request))?;
        let openssl = &mut command("openssl");
        openssl.args(["x509", "-req", "-days", "2", "-CAcreateserial", "-in"]).arg(request);
        openssl.arg("-CA").arg(self.certificate()).arg("-CAkey").arg(self.file("ca.key"));
        run(openssl.arg("-extfile").arg(extensions).arg("-out").arg(&identity.certificate))?;
        Ok(identity)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }
}
