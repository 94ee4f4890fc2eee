//! Indexes over what may be a million rows: made while others are at work, before the step that goes on with them.

use std::time::Duration;

use deadpool_postgres::Object;
use tokio::time::{Instant, sleep};
use tokio_postgres::{Client, Error, GenericClient, Transaction};

use super::migrations::{LOCK, STEP_TIMEOUT};

/// The step that takes those over that lists by device go by.
const DEVICE_NAMES: usize = 10;
/// Who has this lock is making indexes. Not [`LOCK`]: while one is made, it waits for all transactions that began
/// before, and so for those that wait for a lock.
const MAKING: i64 = LOCK + 1;
/// How often it is asked for: whoever waits for it must not be in a transaction either.
const PAUSE: Duration = Duration::from_millis(200);

/// An index.
struct Index {
    name: &'static str,
    unique: bool,
    over: &'static str,
}

/// One of the places of a device in `request.devices`, in order of name and ticket. What the expression is of must be in
/// the index too, or the database reads the rows all the same.
const fn device(name: &'static str, over: &'static str) -> Index {
    Index { name, unique: false, over }
}

const fn key(name: &'static str, over: &'static str) -> Index {
    Index { name, unique: true, over }
}

const OF_DEVICE_NAMES: &[Index] = &[
    device("request_device_1", "request (split_part(devices, chr(10), 2), ticket) INCLUDE (devices)"),
    device("request_device_2", "request (split_part(devices, chr(10), 3), ticket) INCLUDE (devices)"),
    device("request_device_3", "request (split_part(devices, chr(10), 4), ticket) INCLUDE (devices)"),
    device("request_device_4", "request (split_part(devices, chr(10), 5), ticket) INCLUDE (devices)"),
    key("request_named", "request (ticket) INCLUDE (devices)"),
    key("ticket_standing_of", "ticket (id) INCLUDE (standing, changed_at)"),
];

/// What a step needs.
const fn of(step: usize) -> &'static [Index] {
    if step == DEVICE_NAMES { OF_DEVICE_NAMES } else { &[] }
}

impl Index {
    fn statement(&self, way: &str) -> String {
        let Self { name, unique, over } = self;
        format!("CREATE {} INDEX {way} {name} ON {over}", if *unique { "UNIQUE" } else { "" })
    }

    /// Whether it is there and whole; none if it is not there.
    async fn whole<C: GenericClient + Sync>(&self, client: &C) -> Result<Option<bool>, Error> {
        const SQL: &str = "SELECT i.indisvalid FROM pg_catalog.pg_index AS i
            JOIN pg_catalog.pg_class AS c ON c.oid = i.indexrelid
            JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
            WHERE n.nspname = current_schema() AND c.relname = $1";
        client.query_opt(SQL, &[&self.name]).await?.map(|row| row.try_get(0)).transpose()
    }
}

/// Whether all are there that a step needs.
pub(super) async fn ready<C: GenericClient + Sync>(client: &C, step: usize) -> Result<bool, Error> {
    for index in of(step) {
        if index.whole(client).await? != Some(true) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Makes what a step needs where there is nothing yet and nobody else.
pub(super) async fn make_at_once(transaction: &Transaction<'_>, step: usize) -> Result<(), Error> {
    for index in of(step) {
        transaction.batch_execute(&index.statement("")).await?;
    }
    Ok(())
}

/// Makes what a step needs. Others go on meanwhile; of several that start, one makes it.
pub(super) async fn make(client: &Object, step: usize) -> Result<(), Error> {
    let begun = Instant::now();
    while !client.query_one("SELECT pg_try_advisory_lock($1)", &[&MAKING]).await?.try_get::<_, bool>(0)? {
        if begun.elapsed() > STEP_TIMEOUT {
            // Says what keeps it, in the database's own words.
            client.execute("SELECT pg_advisory_lock($1)", &[&MAKING]).await?;
        }
        sleep(PAUSE).await;
    }
    let made = make_alone(client, step).await;
    client.batch_execute("RESET statement_timeout; RESET lock_timeout").await?;
    client.execute("SELECT pg_advisory_unlock($1)", &[&MAKING]).await?;
    made
}

async fn make_alone(client: &Object, step: usize) -> Result<(), Error> {
    let timeout = STEP_TIMEOUT.as_millis();
    client.batch_execute(&format!("SET statement_timeout = {timeout}; SET lock_timeout = {timeout}")).await?;
    for index in of(step) {
        match index.whole::<Client>(client).await? {
            Some(true) => continue,
            // Somebody ended while making it.
            Some(false) => {
                client.batch_execute(&format!("DROP INDEX CONCURRENTLY {}", index.name)).await?;
            }
            None => {}
        }
        tracing::info!(index = index.name, "the database makes an index: with many tickets it takes a while");
        client.batch_execute(&index.statement("CONCURRENTLY")).await?;
    }
    Ok(())
}
