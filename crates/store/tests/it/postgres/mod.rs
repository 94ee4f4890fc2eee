//! PostgreSQL: the same contracts, several processes, and a server that comes and goes.

mod connections;
mod contract;
mod database;
mod holds;
mod proxy;
mod restart;
mod tls;
mod trouble;

use std::{sync::Arc, time::Duration};

use rehome_store::postgres::{Options, Postgres};
use rehome_testkit::postgres::Database;

/// A store over a database of its own, as the defaults have it.
async fn open(database: &Database) -> Arc<Postgres> {
    Postgres::open(&options(database)).await.unwrap()
}

fn options(database: &Database) -> Options {
    // Many tests run at once, on few processors, over a server with a hundred connections.
    Options { pool: 4, patience: Duration::from_secs(20), ..Options::new(database.url()) }
}
