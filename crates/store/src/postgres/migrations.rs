//! The schema, brought up step by step. The table `rehome_schema` says how far a database is.

use std::time::Duration;

use deadpool_postgres::Object;
use tokio_postgres::{Client, Error, GenericClient, Transaction, error::SqlState};

use super::{
    Options, board, commits,
    connect::{OpenError, Place, quoted},
    indexes,
};

/// Every step, in order. A step that has been released is never changed: add another.
const MIGRATIONS: &[&str] = &[
    include_str!("../../migrations/postgres/0001_tickets.sql"),
    include_str!("../../migrations/postgres/0002_holds.sql"),
    include_str!("../../migrations/postgres/0003_accounts.sql"),
    include_str!("../../migrations/postgres/0004_webhooks.sql"),
    include_str!("../../migrations/postgres/0005_board.sql"),
    include_str!("../../migrations/postgres/0006_board_indexes.sql"),
    include_str!("../../migrations/postgres/0007_standing_of.sql"),
    include_str!("../../migrations/postgres/0008_commit_base.sql"),
    include_str!("../../migrations/postgres/0009_devices.sql"),
    include_str!("../../migrations/postgres/0010_device_names.sql"),
];
/// The step after which rows of before are given what lists go by.
const BOARD: usize = 5;

/// Named by the bytes of "rehome": who has this lock is bringing a schema of this database up.
pub(super) const LOCK: i64 = 0x7265_686F_6D65;
/// How long a step may take, or be waited for while another process takes it: a large table may have to be rewritten.
pub(super) const STEP_TIMEOUT: Duration = Duration::from_secs(600);

/// Brings a database up to this binary's schema, to the end or to a step that must be prepared beside others at work.
pub(super) async fn migrate(client: &mut Object, place: &Place, options: &Options) -> Result<(), OpenError> {
    match check(client, place).await {
        Err(OpenError::Older { .. }) => {
            up(client, options).await.map_err(|source| OpenError::Failed {
                database: place.said(),
                what: "bringing its schema up (its user must be allowed to create tables there)",
                source,
            })?;
            check(client, place).await?;
        }
        settled => settled?,
    }
    commits::go_on(client).await.map_err(|source| OpenError::Failed {
        database: place.said(),
        what: "going on with the order of commits (its user must own its tables and functions)",
        source,
    })
}

/// Others may be at work meanwhile. Their transactions begin with `ticket`, so whoever has that table alone meets none of
/// them half-way through the others; a statement that reads several may still be in the way: then it is done again.
const LOCK_TABLES: &str = "LOCK TABLE ticket IN ACCESS EXCLUSIVE MODE;
    LOCK TABLE request, journal, dead_letter IN ACCESS EXCLUSIVE MODE";
/// How often a schema is brought up that ran into others at work.
const TRIES: usize = 10;

async fn up(client: &mut Object, options: &Options) -> Result<(), Error> {
    let mut tries = 1;
    loop {
        let attempted = match attempt(client, options).await {
            Ok(Some(step)) => indexes::make(client, step).await,
            Ok(None) => return Ok(()),
            Err(error) => Err(error),
        };
        match attempted {
            Err(error) if error.code() == Some(&SqlState::T_R_DEADLOCK_DETECTED) && tries < TRIES => {
                tries += 1;
            }
            ended => ended?,
        }
    }
}

/// A transaction with time for large tables, which no other process has at the same time.
pub(super) async fn begin_alone(client: &mut Object) -> Result<Transaction<'_>, Error> {
    let transaction = Client::transaction(client).await?;
    let timeout = STEP_TIMEOUT.as_millis();
    transaction
        .batch_execute(&format!(
            "SET LOCAL statement_timeout = {timeout}; SET LOCAL lock_timeout = {timeout}"
        ))
        .await?;
    transaction.execute("SELECT pg_advisory_xact_lock($1)", &[&LOCK]).await?;
    Ok(transaction)
}

/// Takes the steps that are left. Answers the one whose indexes must be made first.
async fn attempt(client: &mut Object, options: &Options) -> Result<Option<usize>, Error> {
    let transaction = begin_alone(client).await?;
    if let Some(schema) = &options.schema {
        transaction.batch_execute(&format!("CREATE SCHEMA IF NOT EXISTS {}", quoted(schema))).await?;
    }
    // Read again now that no other process can be at it.
    let found = version(&transaction).await?;
    if found == 0 {
        transaction
            .batch_execute(
                "CREATE TABLE rehome_schema (step integer PRIMARY KEY, taken_at timestamptz NOT NULL DEFAULT now())",
            )
            .await?;
    }
    let fresh = found == 0;
    let mut waits = None;
    for step in (found + 1)..=MIGRATIONS.len() {
        if !fresh && !indexes::ready(&transaction, step).await? {
            waits = Some(step);
            break;
        }
    }
    let ready = (found + 1)..waits.unwrap_or(MIGRATIONS.len() + 1);
    if !fresh && !ready.is_empty() {
        transaction.batch_execute(LOCK_TABLES).await?;
    }
    for (step, sql) in (1..).zip(MIGRATIONS).filter(|(step, _)| ready.contains(step)) {
        if fresh {
            indexes::make_at_once(&transaction, step).await?;
        }
        transaction.batch_execute(sql).await?;
        if step == BOARD {
            board::fill(&transaction).await?;
        }
        let step = i32::try_from(step).unwrap_or(i32::MAX);
        transaction.execute("INSERT INTO rehome_schema (step) VALUES ($1)", &[&step]).await?;
    }
    transaction.commit().await?;
    Ok(waits)
}

/// Whether a database has exactly this binary's schema.
pub(super) async fn check(client: &Object, place: &Place) -> Result<(), OpenError> {
    let found = version::<Client>(client).await.map_err(|source| OpenError::Failed {
        database: place.said(),
        what: "reading its schema",
        source,
    })?;
    let (database, binary) = (place.said(), MIGRATIONS.len());
    match found.cmp(&binary) {
        std::cmp::Ordering::Less => Err(OpenError::Older { database, found, binary }),
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Greater => Err(OpenError::Newer { database, found, binary }),
    }
}

async fn version<C: GenericClient + Sync>(client: &C) -> Result<usize, Error> {
    // Not `to_regclass`: within a transaction that has waited for the lock it may still answer from a cache that says
    // there is none. A query over the catalogue sees what has been committed meanwhile.
    const THERE: &str = "SELECT EXISTS (SELECT FROM pg_catalog.pg_tables
        WHERE tablename = 'rehome_schema' AND schemaname = ANY (current_schemas(false)))";
    let there: bool = client.query_one(THERE, &[]).await?.try_get(0)?;
    if !there {
        return Ok(0);
    }
    let step: i32 =
        client.query_one("SELECT coalesce(max(step), 0) FROM rehome_schema", &[]).await?.try_get(0)?;
    // A schema nobody can count to is newer than any.
    Ok(usize::try_from(step).unwrap_or(usize::MAX))
}
