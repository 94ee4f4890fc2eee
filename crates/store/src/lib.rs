//! Where tickets, configurators' fences and simulated devices are kept: adapters behind the domain's store ports.
//!
//! [`Sqlite`] is all three ports over one file, for everything that runs on one machine.

mod batch;
mod fence;
mod rows;
mod sqlite;

pub use sqlite::{OpenError, Options, Shape, Sqlite, Stats, bare};
