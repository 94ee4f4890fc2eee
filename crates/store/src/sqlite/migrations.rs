//! The schema, brought up step by step. `user_version` says how far a database is.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior};

use super::{OpenError, board};

/// Every step, in order. A step that has been released is never changed: add another.
const MIGRATIONS: &[&str] = &[
    include_str!("../../migrations/sqlite/0001_tickets.sql"),
    include_str!("../../migrations/sqlite/0002_steering.sql"),
    include_str!("../../migrations/sqlite/0003_accounts.sql"),
    include_str!("../../migrations/sqlite/0004_webhooks.sql"),
    include_str!("../../migrations/sqlite/0005_board.sql"),
];
/// The step after which rows of before are given what lists go by.
const BOARD: usize = 5;

/// Brings a database up to this binary's schema: all the way, or not at all.
pub(super) fn migrate(db: &mut Connection, path: &Path) -> Result<(), OpenError> {
    match check(db, path) {
        Err(OpenError::Older { .. }) => {}
        settled => return settled,
    }
    let up = |db: &mut Connection| {
        let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Read again now that no other process can be at it.
        let found = version(&transaction)?;
        for (number, step) in (1..).zip(MIGRATIONS).skip(found) {
            transaction.execute_batch(step)?;
            if number == BOARD {
                board::fill(&transaction)?;
            }
        }
        transaction.pragma_update(None, "user_version", MIGRATIONS.len().max(found).to_string())?;
        transaction.commit()
    };
    up(db).map_err(|source| OpenError::Failed {
        path: path.to_owned(),
        what: "bringing its schema up",
        source,
    })?;
    check(db, path)
}

/// Whether a database has exactly this binary's schema.
pub(super) fn check(db: &Connection, path: &Path) -> Result<(), OpenError> {
    let database = version(db).map_err(|source| OpenError::Failed {
        path: path.to_owned(),
        what: "reading its schema",
        source,
    })?;
    let (path, binary) = (path.to_owned(), MIGRATIONS.len());
    match database.cmp(&binary) {
        std::cmp::Ordering::Less => Err(OpenError::Older { path, database, binary }),
        std::cmp::Ordering::Equal => Ok(()),
        std::cmp::Ordering::Greater => Err(OpenError::Newer { path, database, binary }),
    }
}

fn version(db: &Connection) -> rusqlite::Result<usize> {
    let version: u32 = db.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    // A u32 fits wherever this runs; a schema nobody can count to is newer than any.
    Ok(usize::try_from(version).unwrap_or(usize::MAX))
}
