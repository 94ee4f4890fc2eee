//! Dead letters, for the person who deals with them.

use rehome_domain::ports::{Kept, LetterFilter, LetterStore, Settled, StoreError, Wait};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{Sqlite, writer::Write};
use crate::rows::{self, LetterRow};

fn row(row: &Row<'_>) -> rusqlite::Result<LetterRow> {
    Ok(LetterRow { key: row.get(0)?, body: row.get(1)?, settled: row.get(2)? })
}

struct Settle {
    key: String,
    settled: String,
}

impl Write for Settle {
    type Answer = bool;
    const WHAT: &'static str = "settling a dead letter";

    fn execute(&self, db: &Connection) -> rusqlite::Result<bool> {
        let done = db
            .prepare_cached("UPDATE dead_letter SET settled = ?2 WHERE id = ?1 AND settled IS NULL")?
            .execute(params![self.key, self.settled])?;
        Ok(done > 0)
    }
}

impl LetterStore for Sqlite {
    fn letters(
        &self,
        which: LetterFilter,
        after: Option<String>,
        limit: usize,
    ) -> Wait<'_, Result<Vec<Kept>, StoreError>> {
        const WHAT: &str = "reading dead letters";
        Box::pin(async move {
            let read = move |db: &Connection| {
                db.prepare_cached(
                    "SELECT id, body, settled FROM dead_letter
                     WHERE (?1 IS NULL OR (at, rowid) < (SELECT at, rowid FROM dead_letter WHERE id = ?1))
                       AND (?3 OR settled IS NULL)
                     ORDER BY at DESC, rowid DESC LIMIT ?2",
                )?
                .query_map(params![after, rows::limit(limit), which == LetterFilter::All], row)?
                .collect::<Result<Vec<_>, _>>()
            };
            self.read(WHAT, read).await?.into_iter().map(|row| row.kept(WHAT)).collect()
        })
    }

    fn letter(&self, key: String) -> Wait<'_, Result<Option<Kept>, StoreError>> {
        const WHAT: &str = "reading a dead letter";
        Box::pin(async move {
            let read = move |db: &Connection| {
                db.prepare_cached("SELECT id, body, settled FROM dead_letter WHERE id = ?1")?
                    .query_row([key], row)
                    .optional()
            };
            self.read(WHAT, read).await?.map(|row| row.kept(WHAT)).transpose()
        })
    }

    fn settle_letter(&self, key: String, settled: Settled) -> Wait<'_, Result<bool, StoreError>> {
        Box::pin(async move {
            let settled = rows::json(&settled)?;
            self.write(Settle { key, settled }).await
        })
    }
}
