//! Dead letters, for the person who deals with them.

use rehome_domain::ports::{Kept, LetterFilter, LetterStore, Settled, StoreError, Wait};
use tokio_postgres::{Error, Row};

use super::{Postgres, tickets::each};
use crate::rows::{self, LetterRow};

fn row(row: &Row) -> Result<LetterRow, Error> {
    let key: String = row.try_get(0)?;
    Ok(LetterRow { key: rows::unescape(&key), body: row.try_get(1)?, settled: row.try_get(2)? })
}

impl LetterStore for Postgres {
    fn letters(
        &self,
        which: LetterFilter,
        after: Option<String>,
        limit: usize,
    ) -> Wait<'_, Result<Vec<Kept>, StoreError>> {
        const WHAT: &str = "reading dead letters";
        const SQL: &str = "SELECT id, body, settled FROM dead_letter
            WHERE ($1::text IS NULL OR (at, number) < (SELECT at, number FROM dead_letter WHERE id = $1))
              AND ($3 OR settled IS NULL)
            ORDER BY at DESC, number DESC LIMIT $2";
        Box::pin(async move {
            let after = after.map(|key| rows::escape(&key));
            let all = which == LetterFilter::All;
            let found = self.db.read(WHAT, SQL, &[&after, &rows::limit(limit), &all]).await?;
            each(WHAT, &found, row)?.into_iter().map(|row| row.kept(WHAT)).collect()
        })
    }

    fn letter(&self, key: String) -> Wait<'_, Result<Option<Kept>, StoreError>> {
        const WHAT: &str = "reading a dead letter";
        const SQL: &str = "SELECT id, body, settled FROM dead_letter WHERE id = $1";
        Box::pin(async move {
            let found = self.db.read(WHAT, SQL, &[&rows::escape(&key)]).await?;
            each(WHAT, &found, row)?.pop().map(|row| row.kept(WHAT)).transpose()
        })
    }

    fn settle_letter(&self, key: String, settled: Settled) -> Wait<'_, Result<bool, StoreError>> {
        const SQL: &str =
            "UPDATE dead_letter SET settled = $2 WHERE id = $1 AND settled IS NULL RETURNING TRUE";
        Box::pin(async move {
            let (key, settled) = (rows::escape(&key), rows::json(&settled)?);
            let done = self.single("settling a dead letter", false, SQL, &[&key, &settled]).await?;
            Ok(!done.is_empty())
        })
    }
}
