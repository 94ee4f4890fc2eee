//! The listener.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    sync::Arc,
    time::Duration,
};

use actix_web::{App, HttpResponse, HttpServer, dev::ServerHandle, http::header, web};

use crate::readiness::Probe;

/// Threads that answer. What is asked is little and seldom: one is enough, and takes no core from the work.
const WORKERS: usize = 1;
/// Connections at once: scrapers, orchestrators, a person or two. More would only be a mistake or an attack.
const CONNECTIONS: usize = 256;
/// How long a client may take to say what it wants.
const REQUEST: Duration = Duration::from_secs(5);
/// How long a stopping server waits for answers under way, in seconds.
const STOPPING_S: u64 = 2;

/// The listener could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Somebody else has the port.
    #[error("something else listens at {at} already: stop it, or name another address")]
    InUse {
        /// Where.
        at: String,
    },
    /// It is no address of this machine, or not allowed.
    #[error("can't listen at {at}: {source}")]
    Failed {
        /// Where.
        at: String,
        /// Why.
        source: io::Error,
    },
}

/// What is served.
#[derive(Clone)]
pub struct Site {
    /// Whether the process can work.
    pub probe: Arc<dyn Probe>,
    /// The figures, as Prometheus reads them.
    pub metrics: Arc<dyn Fn() -> String + Send + Sync>,
}

/// A listener that is open and not served yet: the port is known to be free before anything else starts.
#[derive(Debug)]
pub struct Bound {
    listener: TcpListener,
    at: SocketAddr,
}

impl Bound {
    /// Opens the port. Port 0: any that is free.
    ///
    /// # Errors
    /// If somebody else has it, or the system does not allow it.
    pub fn open(address: &str) -> Result<Self, ListenError> {
        let failed = |source: io::Error| {
            let at = address.to_owned();
            match source.kind() {
                io::ErrorKind::AddrInUse => ListenError::InUse { at },
                _ => ListenError::Failed { at, source },
            }
        };
        let listener = TcpListener::bind(address).map_err(failed)?;
        let at = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, at })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.at
    }

    /// Serves until it is stopped. Must be called on an actix system.
    ///
    /// # Errors
    /// If the listener can't be used.
    pub fn serve(self, site: Site) -> Result<Running, ListenError> {
        let at = self.at;
        let app = move || {
            App::new()
                .app_data(web::Data::new(site.clone()))
                .route("/healthz", web::get().to(healthz))
                .route("/readyz", web::get().to(readyz))
                .route("/metrics", web::get().to(metrics))
        };
        let server = HttpServer::new(app)
            .workers(WORKERS)
            .max_connections(CONNECTIONS)
            .client_request_timeout(REQUEST)
            .shutdown_timeout(STOPPING_S)
            .disable_signals()
            .listen(self.listener)
            .map_err(|source| ListenError::Failed { at: at.to_string(), source })?
            .run();
        let handle = server.handle();
        actix_web::rt::spawn(async move {
            if let Err(error) = server.await {
                tracing::error!(%error, "the HTTP listener ended");
            }
        });
        Ok(Running { handle })
    }
}

/// A listener that serves.
pub struct Running {
    handle: ServerHandle,
}

impl Running {
    /// Finishes the answers under way, and ends.
    pub async fn stop(self) {
        self.handle.stop(true).await;
    }
}

/// It answers, so it lives.
async fn healthz() -> HttpResponse {
    HttpResponse::Ok().content_type(header::ContentType::plaintext()).body("ok\n")
}

async fn readyz(site: web::Data<Site>) -> HttpResponse {
    let readiness = site.probe.look().await;
    let mut answer = if readiness.ready { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    answer.insert_header((header::CACHE_CONTROL, "no-store")).json(readiness)
}

async fn metrics(site: web::Data<Site>) -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body((site.metrics)())
}
