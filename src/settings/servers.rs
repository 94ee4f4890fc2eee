//! The servers that many processes share: RabbitMQ and PostgreSQL.

use serde::{Deserialize, Serialize};

/// RabbitMQ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Amqp {
    /// Where, as whom, which virtual host.
    pub url: String,
    /// What the names of exchanges and queues begin with.
    pub prefix: String,
    /// A certificate authority's file, for `amqps`; empty: the system's.
    pub ca_file: String,
    /// This process's certificate; empty: none.
    pub certificate_file: String,
    /// Its key.
    pub key_file: String,
    /// The name the broker knows a client certificate by; empty: the one in the URL.
    pub user: String,
    /// The domains whose orders our own configurators take.
    pub own_domains: Vec<String>,
    /// Which devices belong to which domain, as `pattern=domain`.
    pub domains: Vec<String>,
    /// Inputs handed to a supervisor ahead of time. At least 16: those of one locked ticket may take eight places.
    pub prefetch_inputs: u32,
    /// Orders handed to a configurator ahead of time.
    pub prefetch_work: u32,
    /// Events, answers, wishes and dead letters handed out ahead of time.
    pub prefetch_others: u32,
    /// Messages published and not confirmed, at most.
    pub unconfirmed: usize,
    /// Events that a slow listener's queue holds.
    pub listener_events: u32,
    /// Deliveries after which the broker sets a message aside.
    pub deliveries: u32,
    /// The heartbeat, in seconds.
    pub heartbeat_s: u32,
    /// How long connecting, or declaring, may take, in milliseconds.
    pub connect_ms: u32,
    /// The longest pause before connecting again, in milliseconds.
    pub reconnect_max_ms: u32,
    /// How long a confirm may take before a message is published again, in milliseconds.
    pub confirm_ms: u32,
    /// How long a message may be refused over one connection, in milliseconds.
    pub refused_ms: u32,
    /// How often an idle consumer is looked after, in milliseconds.
    pub watchdog_ms: u32,
    /// How long a stopping process waits for confirms, in milliseconds.
    pub flush_ms: u32,
    /// The largest message read, in bytes.
    pub largest_message: u32,
    /// How much of an unreadable message is kept, in bytes.
    pub dead_body: u32,
}

/// PostgreSQL.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Postgres {
    /// Where, as whom, which database.
    pub url: String,
    /// Connections, at most.
    pub connections: usize,
    /// The schema of the tables; empty: where the user's `search_path` leads.
    pub schema: String,
    /// A certificate authority's file, for `sslmode=require`; empty: the system's.
    pub ca_file: String,
    /// How long a connection may take to come about, in milliseconds.
    pub connect_ms: u32,
    /// How long a call goes on trying a database that is away, in milliseconds.
    pub timeout_ms: u32,
    /// How long a statement may take, in milliseconds.
    pub statement_ms: u32,
    /// How long a statement may wait for a lock, in milliseconds.
    pub lock_ms: u32,
    /// Requests in one transaction of a writer, at most.
    pub batch: usize,
    /// Requests waiting for each writer, at most.
    pub queue: usize,
    /// How long after its last sign of life a process still holds the orders it was at.
    pub lease_ms: u32,
}
