//! The listener.

use std::{
    io,
    net::{SocketAddr, TcpListener},
    time::Duration,
};

use actix_web::{App, HttpServer, dev::ServerHandle, middleware::from_fn};

use crate::{
    frame::{self, Outside},
    site::Site,
};

/// Connections at once, of each thread: a thousand pages that are open and listen, and room beside them.
const CONNECTIONS: usize = 2048;
/// How long a client may take to say what it wants, without what it sends along.
const HEAD: Duration = Duration::from_secs(5);
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

/// How it is served.
#[derive(Debug, Clone)]
pub struct Listening {
    /// Threads that answer.
    pub threads: usize,
    /// What stands between the listener and the clients.
    pub outside: Outside,
}

impl Default for Listening {
    /// One thread, nothing in between.
    fn default() -> Self {
        Self { threads: 1, outside: Outside::default() }
    }
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
    pub fn serve(self, site: Site, listening: &Listening) -> Result<Running, ListenError> {
        let at = self.at;
        let outside = listening.outside.clone();
        site.ready();
        let app = move || {
            App::new()
                .app_data(outside.clone())
                .wrap(from_fn(frame::around))
                .configure(|config| site.paths(config))
        };
        let server = HttpServer::new(app)
            .workers(listening.threads.max(1))
            .max_connections(CONNECTIONS)
            .client_request_timeout(HEAD)
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
