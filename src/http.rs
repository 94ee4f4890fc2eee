//! Asking others over HTTP. It blocks: for threads of one's own, and for verbs that do nothing else.

use std::{sync::Arc, time::Duration};

use ureq::{
    Agent,
    config::Config,
    tls::{Certificate, RootCerts, TlsConfig},
};

/// The system's certificates can't be read.
#[derive(Debug, thiserror::Error)]
#[error("the system's certificates can't be read: {0}")]
pub struct NoCertificates(String);

/// Something to ask with. What is answered is an answer, whatever its status.
///
/// # Errors
/// If the system's certificates can't be read.
pub fn agent(patience: Duration) -> Result<Agent, NoCertificates> {
    let config = Config::builder()
        .timeout_global(Some(patience))
        .http_status_as_error(false)
        .tls_config(tls()?)
        .build();
    Ok(config.new_agent())
}

/// TLS by ring, with whom this system trusts.
///
/// # Errors
/// If the system's certificates can't be read.
pub fn tls() -> Result<TlsConfig, NoCertificates> {
    let read = rustls_native_certs::load_native_certs();
    if let (true, Some(error)) = (read.certs.is_empty(), read.errors.first()) {
        return Err(NoCertificates(error.to_string()));
    }
    let trusted: Vec<Certificate<'static>> =
        read.certs.iter().map(|certificate| Certificate::from_der(certificate).to_owned()).collect();
    Ok(TlsConfig::builder()
        .root_certs(RootCerts::new_with_certs(&trusted))
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .build())
}
