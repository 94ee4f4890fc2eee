//! Many processes over one broker and one database (promises 1 and 2): whatever dies, restarts, comes twice or comes
//! late, each sheet ends as it does in one undisturbed process.
//!
//! These need RabbitMQ and PostgreSQL on this machine, and the right to manage them (`crates/testkit`).

// They print their counts: how much was disturbed, and what came of it.
#![allow(clippy::print_stdout)]

mod brokers;
mod cluster;
mod databases;
mod effects;
mod kills;
mod messages;
mod sheets;
mod stops;
mod system;
mod verdict;
