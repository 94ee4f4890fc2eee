//! Opening connections, and saying how they stand.
//!
//! One connection publishes, and each consumer has its own: a broker short of memory blocks connections that publish,
//! acknowledgements included, and a message whose properties can't be read at all breaks the connection it comes by
//! and must not take the others along. Whoever needs a connection opens it, uses it until it is lost, and opens the
//! next; lapin's own recovery stays off.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use lapin::{
    Connection, ConnectionProperties,
    tcp::{OwnedIdentity, OwnedTLSConfig},
    uri::AMQPUri,
};
use tokio::{sync::watch, time::timeout};

use crate::metrics;

use super::{
    error::AmqpError,
    nodes::{Nodes, place},
    options::{Limits, Options},
    topology::{Names, declare},
};

/// A connection that does not close within this is dropped.
const CLOSING: Duration = Duration::from_secs(1);

/// Where the adapter is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    /// At work.
    Open,
    /// Consumers have ended; what is in hand can still be sent and acknowledged.
    Closed,
    /// Connections end.
    Stopped,
}

/// Waits until a phase has come; an adapter that was dropped has stopped.
pub(super) async fn reached(phase: &mut watch::Receiver<Phase>, least: Phase) {
    // An error says that the sender is gone, which is the last phase.
    let _ = phase.wait_for(|now| *now >= least).await;
}

/// How a connection stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It is being opened; if a try failed, why.
    Connecting {
        /// The last failure.
        trouble: Option<String>,
    },
    /// It works.
    Connected,
    /// It works, but the broker takes no messages now: it is short of memory or disk.
    Blocked {
        /// The broker's words.
        reason: String,
    },
}

/// How the adapter stands towards the broker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// Each connection, by what it is for: `publish`, or `consume` and a queue's name.
    pub connections: BTreeMap<String, Standing>,
    /// Messages handed over and not yet confirmed.
    pub unconfirmed: usize,
}

impl Health {
    /// Whether all connections work and none is blocked.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.troubles().is_empty()
    }

    /// What is wrong, a line each connection.
    #[must_use]
    pub fn troubles(&self) -> Vec<String> {
        let unborn = (!self.connections.contains_key("publish")).then(|| "publish: connecting".to_owned());
        let said = self.connections.iter().filter_map(|(purpose, standing)| match standing {
            Standing::Connected => None,
            Standing::Connecting { trouble: None } => Some(format!("{purpose}: connecting")),
            Standing::Connecting { trouble: Some(trouble) } => Some(format!("{purpose}: {trouble}")),
            Standing::Blocked { reason } => {
                Some(format!("{purpose}: the broker takes no messages now: {reason}"))
            }
        });
        unborn.into_iter().chain(said).collect()
    }
}

/// A connection, and which of the broker's nodes it leads to.
pub(super) struct Link {
    pub(super) connection: Connection,
    pub(super) node: usize,
}

/// What all parts of the adapter share.
pub(super) struct Shared {
    pub(super) options: Options,
    pub(super) names: Names,
    /// The user the broker knows us by.
    pub(super) user: String,
    pub(super) nodes: Nodes,
    tls: OwnedTLSConfig,
    standings: Mutex<BTreeMap<String, Standing>>,
    pub(super) unconfirmed: AtomicUsize,
    /// Numbers sessions, so that no two ever share one.
    sessions: AtomicU64,
}

impl Shared {
    pub(super) fn new(options: Options) -> Result<Arc<Self>, AmqpError> {
        let nodes = Nodes::read(&options)?;
        let user = options.user.clone().unwrap_or_else(|| nodes.user().to_owned());
        let tls = read_tls(&options)?;
        let names = Names::new(&options.prefix);
        let (standings, unconfirmed, sessions) = Default::default();
        Ok(Arc::new(Self { options, names, user, nodes, tls, standings, unconfirmed, sessions }))
    }

    pub(super) fn limits(&self) -> &Limits {
        &self.options.limits
    }

    /// The number of a new session.
    pub(super) fn next_session(&self) -> u64 {
        self.sessions.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Opens a connection to the first node that can be used, beginning with the one that last was, and declares what
    /// must be there. Must run on the adapter's own runtime: the connection lives on the one it was opened from.
    pub(super) async fn open(&self, purpose: &str) -> Result<Link, AmqpError> {
        let mut tried = Vec::new();
        for (node, uri) in self.nodes.in_turn() {
            match self.open_at(uri, purpose).await {
                Ok(connection) => {
                    self.nodes.works(node);
                    return Ok(Link { connection, node });
                }
                // The others would say the same: it is theirs too.
                Err(error @ (AmqpError::Differs { .. } | AmqpError::MayNotDeclare { .. })) => {
                    return Err(error);
                }
                Err(error) => tried.push(error),
            }
        }
        Err(AmqpError::none_of(tried))
    }

    async fn open_at(&self, uri: &AMQPUri, purpose: &str) -> Result<Connection, AmqpError> {
        let connection = self.connect(uri, purpose).await?;
        if let Err(error) = self.declare(&connection).await {
            close(&connection).await;
            return Err(error);
        }
        Ok(connection)
    }

    /// Connects to one node.
    pub(super) async fn connect(&self, uri: &AMQPUri, purpose: &str) -> Result<Connection, AmqpError> {
        let unreachable = |detail: String| AmqpError::Unreachable { place: place(uri), detail };
        let name = format!("{} {purpose}", self.options.name);
        let properties = ConnectionProperties::default().with_connection_name(name.into());
        let runtime = lapin::runtime::default_runtime().map_err(|error| unreachable(error.to_string()))?;
        let opening = Connection::connect_uri_with_config(uri.clone(), properties, self.tls.clone(), runtime);
        let late = |_| unreachable(format!("no answer within {:?}", self.limits().connect));
        let opened = timeout(self.limits().connect, opening).await.map_err(late)?;
        opened.map_err(|error| unreachable(error.to_string()))
    }

    /// Declares what must be there, unless others do.
    pub(super) async fn declare(&self, connection: &Connection) -> Result<(), AmqpError> {
        if !self.options.declare {
            return Ok(());
        }
        let late = |_| AmqpError::Declaring {
            what: "exchanges and queues".to_owned(),
            detail: format!("no answer within {:?}", self.limits().connect),
        };
        let declaring = declare(connection, &self.names, &self.options);
        timeout(self.limits().connect, declaring).await.map_err(late).flatten()
    }

    /// Notes how a connection stands, and logs what an operator should know.
    pub(super) fn stands(&self, purpose: &str, standing: Standing) {
        let mut standings = self.standings.lock().unwrap_or_else(PoisonError::into_inner);
        let before = standings.insert(purpose.to_owned(), standing.clone());
        if before.as_ref() == Some(&standing) {
            return;
        }
        match standing {
            Standing::Connecting { trouble: Some(trouble) } => {
                metrics::lost(purpose);
                tracing::warn!(connection = purpose, trouble, "not connected to the broker, trying again");
            }
            Standing::Connecting { trouble: None } => {}
            Standing::Connected => tracing::info!(connection = purpose, "connected to the broker"),
            Standing::Blocked { reason } => {
                tracing::warn!(connection = purpose, reason, "the broker takes no messages now");
            }
        }
    }

    /// Forgets a connection that is no longer wanted.
    pub(super) fn no_longer(&self, purpose: &str) {
        self.standings.lock().unwrap_or_else(PoisonError::into_inner).remove(purpose);
    }

    pub(super) fn health(&self) -> Health {
        Health {
            connections: self.standings.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            unconfirmed: self.unconfirmed.load(Ordering::Relaxed),
        }
    }
}

fn read_tls(options: &Options) -> Result<OwnedTLSConfig, AmqpError> {
    let read = |path: &std::path::Path| {
        std::fs::read(path)
            .map_err(|error| AmqpError::BadTls { path: path.to_owned(), detail: error.to_string() })
    };
    let cert_chain = match &options.tls.ca {
        Some(path) => Some(String::from_utf8(read(path)?).map_err(|error| AmqpError::BadTls {
            path: path.clone(),
            detail: format!("not PEM: {error}"),
        })?),
        None => None,
    };
    let identity = match &options.tls.identity {
        Some(identity) => {
            Some(OwnedIdentity::PKCS8 { pem: read(&identity.certificate)?, key: read(&identity.key)? })
        }
        None => None,
    };
    Ok(OwnedTLSConfig { identity, cert_chain })
}

/// Closes a connection without waiting for a broker that does not answer.
pub(super) async fn close(connection: &Connection) {
    let _ = timeout(CLOSING, connection.close(200, "done".into())).await;
}

/// Pauses between tries, each twice as long.
pub(super) struct Backoff {
    first: Duration,
    max: Duration,
    next: Duration,
}

impl Backoff {
    pub(super) fn new(limits: &Limits) -> Self {
        let first = limits.reconnect_first;
        Self { first, max: limits.reconnect_max, next: first }
    }

    /// It works again.
    pub(super) fn reset(&mut self) {
        self.next = self.first;
    }

    /// The next pause.
    pub(super) fn pause(&mut self) -> Duration {
        let pause = self.next;
        self.next = (self.next * 2).min(self.max);
        pause
    }
}
