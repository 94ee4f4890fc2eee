//! Mutual TLS: who the switch is, and who we are.

use std::{path::Path, sync::Arc};

use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{Options, client::ClientError};

/// Shakes hands. The files are read each time, so that a renewed certificate counts at the next connection.
pub(super) async fn shake_hands(
    options: &Options,
    host: &str,
    stream: TcpStream,
) -> Result<TlsStream<TcpStream>, ClientError> {
    let config = config(options)?;
    let name = options.server_name.as_deref().unwrap_or(host);
    let name = ServerName::try_from(name.to_owned())
        .map_err(|error| ClientError::Setup(format!("`server_name` `{name}` can't be one: {error}")))?;
    TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
        .map_err(|error| ClientError::from_io(&error))
}

fn config(options: &Options) -> Result<ClientConfig, ClientError> {
    let ca = file("ca_file", options.ca_file.as_deref())?;
    let mut roots = RootCertStore::empty();
    for certificate in certificates("ca_file", ca)? {
        roots.add(certificate).map_err(|error| unusable("ca_file", ca, &error.to_string()))?;
    }
    let certificate =
        certificates("certificate_file", file("certificate_file", options.certificate_file.as_deref())?)?;
    let at = file("key_file", options.key_file.as_deref())?;
    let key =
        PrivateKeyDer::from_pem_file(at).map_err(|error| unusable("key_file", at, &error.to_string()))?;
    ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map(|builder| builder.with_root_certificates(roots))
        .and_then(|builder| builder.with_client_auth_cert(certificate, key))
        .map_err(|error| ClientError::Setup(format!("the certificate and its key don't fit: {error}")))
}

fn certificates(field: &str, at: &Path) -> Result<Vec<CertificateDer<'static>>, ClientError> {
    let read = CertificateDer::pem_file_iter(at).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let read = read.map_err(|error| unusable(field, at, &error.to_string()))?;
    if read.is_empty() { Err(unusable(field, at, "it holds no certificate")) } else { Ok(read) }
}

fn file<'a>(field: &str, given: Option<&'a Path>) -> Result<&'a Path, ClientError> {
    given.ok_or_else(|| ClientError::Setup(format!("an address with `tls:` needs `{field}`")))
}

fn unusable(field: &str, at: &Path, why: &str) -> ClientError {
    ClientError::Setup(format!("`{field}` {} can't be used: {why}", at.display()))
}
