//! What the adapter must be told, and every limit with its reason.

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use rehome_domain::{order::WorkOrder, role::Role};

use super::{error::AmqpError, nodes::Nodes};

/// Says which domain (region or vendor) an order's device belongs to: the second word of its routing key.
pub type DomainOf = dyn Fn(&WorkOrder) -> String + Send + Sync;
/// Says what a user of the broker may do.
pub type RoleOf = dyn Fn(&str) -> Role + Send + Sync;

/// How to reach the broker and how to behave towards it.
#[derive(Clone)]
pub struct Options {
    /// `amqp://user:password@host:port/vhost`, or `amqps://…`. A vhost's `/` is written `%2f`. Several with commas
    /// between them are the nodes of one cluster, tried in turn beginning with the one that last worked.
    pub url: String,
    /// For `amqps`: whom to trust and who we are.
    pub tls: Tls,
    /// All names begin with it, so that two installations can share a vhost.
    pub prefix: String,
    /// The name the broker knows us by, if it is not the one in the URL (a client certificate's).
    pub user: Option<String>,
    /// What the broker shows beside the connection, and what our messages carry as `app_id`.
    pub name: String,
    /// Whether to declare exchanges, queues and bindings. Not for users who may not configure: then the supervisor's
    /// processes have declared them.
    pub declare: bool,
    /// Domains whose orders go to our own configurators' queues.
    pub domains: Vec<String>,
    /// The domain of an order.
    pub domain_of: Arc<DomainOf>,
    /// The role of a user of the broker, by configuration.
    pub role_of: Arc<RoleOf>,
    /// Users of the broker who alone may answer for a domain, as domain and user; a domain that is not named is answered
    /// by whoever the broker lets write its key.
    pub configurators: Vec<(String, String)>,
    /// Users of the broker who are our own processes, and relay for people they have checked themselves.
    pub relays: Vec<String>,
    /// The limits.
    pub limits: Limits,
}

impl Options {
    /// Options for a broker at this URL, all else by default: every order is in the domain `default`, every user may
    /// look and no more, and nobody relays.
    #[must_use]
    pub fn new(url: &str) -> Self {
        Self {
            url: url.to_owned(),
            tls: Tls::default(),
            prefix: "rehome".to_owned(),
            user: None,
            name: "rehome".to_owned(),
            declare: true,
            domains: vec!["default".to_owned()],
            domain_of: Arc::new(|_| "default".to_owned()),
            role_of: Arc::new(|_| Role::Viewer),
            configurators: Vec::new(),
            relays: Vec::new(),
            limits: Limits::default(),
        }
    }

    /// The name the broker knows us by.
    ///
    /// # Errors
    /// The URL is not one.
    pub fn name_at_broker(&self) -> Result<String, AmqpError> {
        Ok(match &self.user {
            Some(user) => user.clone(),
            None => Nodes::read(self)?.user().to_owned(),
        })
    }
}

impl fmt::Debug for Options {
    /// Without the URL: it has a password in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("prefix", &self.prefix)
            .field("name", &self.name)
            .field("domains", &self.domains)
            .field("configurators", &self.configurators)
            .field("relays", &self.relays)
            .finish_non_exhaustive()
    }
}

/// Files for `amqps`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tls {
    /// Certificates (PEM) to trust beside the system's.
    pub ca: Option<PathBuf>,
    /// Our own certificate and its key.
    pub identity: Option<Identity>,
}

/// A client's certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The certificate (PEM), with its chain.
    pub certificate: PathBuf,
    /// Its key (PEM, PKCS#8).
    pub key: PathBuf,
}

/// Every bound and deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Inputs the broker may have given us unacknowledged, per queue. Measured: 256 gave a third less than 512.
    pub prefetch_inputs: u16,
    /// Orders likewise. Few: device work is slow, other configurators can take them, and each that a dying process
    /// had in hand counts one more delivery against the queue's limit.
    pub prefetch_work: u16,
    /// Events, answers and dead letters likewise.
    pub prefetch_others: u16,
    /// Events a slow listener's queue holds before it misses some.
    pub events: u32,
    /// How often the broker and we assure each other that we are there; twice that without a word ends a connection.
    /// Ten seconds: found within half a minute, and no burden.
    pub heartbeat: Duration,
    /// How long connecting, or declaring, may take.
    pub connect: Duration,
    /// The pause before a lost connection is tried again; each further one is twice as long.
    pub reconnect_first: Duration,
    /// No pause is longer: somebody waits, and a broker stands a try every few seconds.
    pub reconnect_max: Duration,
    /// A confirm that takes longer, while nothing is blocked, will not come: the connection is built anew and what is
    /// unconfirmed published again. Longer than a quorum queue's change of leader.
    pub confirm: Duration,
    /// A message that the broker refused or had no queue for, again and again for so long over one connection, is
    /// tried over another one, to the next node if there are several: the channel may have lost sight of the queue's
    /// leader. Longer than an election or the declaring of a queue; each further time twice as long.
    pub refused: Duration,
    /// Messages published and not yet confirmed; whoever sends more, waits. Enough to keep a broker busy.
    pub unconfirmed: usize,
    /// The largest body we read. An order with all its texts at their longest stays below 20 KiB.
    pub body: usize,
    /// How much of an unreadable body is kept with its dead letter.
    pub dead_body: usize,
    /// Deliveries after which the broker sets a message aside: only what kills its consumer each time comes so far,
    /// and twenty leave room for healthy messages that a dying process had in hand.
    pub deliveries: u32,
    /// How often consumers that hear nothing are compared with their queue, and consume anew. What a queue's leader gave
    /// out as it died waits so long and at most twice: well below an order's deadline.
    pub watchdog: Duration,
    /// How long [`super::Amqp::shutdown`] waits for what is unconfirmed.
    pub flush: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            prefetch_inputs: 512,
            prefetch_work: 64,
            prefetch_others: 256,
            events: 65_536,
            heartbeat: Duration::from_secs(10),
            connect: Duration::from_secs(10),
            reconnect_first: Duration::from_millis(100),
            reconnect_max: Duration::from_secs(5),
            confirm: Duration::from_secs(30),
            refused: Duration::from_secs(10),
            unconfirmed: 4096,
            body: 1024 * 1024,
            dead_body: 64 * 1024,
            deliveries: 20,
            watchdog: Duration::from_secs(10),
            flush: Duration::from_secs(10),
        }
    }
}
