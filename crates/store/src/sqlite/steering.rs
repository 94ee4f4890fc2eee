//! The log of what was paused and resumed.

use rehome_domain::{
    ports::{SteeringStore, StoreError, Wait},
    steering::Steered,
};
use rusqlite::{Connection, params};

use super::{Sqlite, writer::Write};
use crate::rows;

struct Append {
    id: String,
    body: String,
}

impl Write for Append {
    type Answer = bool;
    const WHAT: &'static str = "keeping what was steered";

    fn execute(&self, db: &Connection) -> rusqlite::Result<bool> {
        let added = db
            .prepare_cached("INSERT INTO steering (id, body) VALUES (?1, ?2) ON CONFLICT DO NOTHING")?
            .execute(params![self.id, self.body])?;
        Ok(added > 0)
    }
}

impl SteeringStore for Sqlite {
    fn steer(&self, line: Steered) -> Wait<'_, Result<bool, StoreError>> {
        Box::pin(async move {
            let body = rows::json(&line)?;
            self.write(Append { id: line.id.0, body }).await
        })
    }

    fn steering(&self) -> Wait<'_, Result<Vec<Steered>, StoreError>> {
        const WHAT: &str = "reading what was steered";
        Box::pin(async move {
            let read = |db: &Connection| {
                db.prepare_cached("SELECT body FROM steering ORDER BY number")?
                    .query_map([], |row| row.get(0))?
                    .collect::<Result<Vec<String>, _>>()
            };
            self.read(WHAT, read).await?.iter().map(|body| rows::from_json(WHAT, body)).collect()
        })
    }
}
