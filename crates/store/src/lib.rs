//! Where tickets, configurators' fences and simulated devices are kept: adapters behind the domain's store ports.
//!
//! [`Sqlite`] is all three ports over one file, for everything that runs on one machine. [`Postgres`] is all three over
//! a server, for any number of processes.

mod batch;
mod board;
mod fence;
pub mod metrics;
pub mod postgres;
mod rows;
mod search;
mod sqlite;

pub use postgres::Postgres;
pub use sqlite::{OpenError, Options, Shape, Sqlite, Stats, bare};
