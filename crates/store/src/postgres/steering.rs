//! The log of what was paused and resumed.

use rehome_domain::{
    ports::{SteeringStore, StoreError, Wait},
    steering::Steered,
};

use super::{Postgres, tickets::each};
use crate::rows;

impl SteeringStore for Postgres {
    fn steer(&self, line: Steered) -> Wait<'_, Result<bool, StoreError>> {
        const SQL: &str =
            "INSERT INTO steering (id, body) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING number";
        Box::pin(async move {
            let (id, body) = (rows::escape(&line.id.0), rows::json(&line)?);
            let added = self.single("keeping what was steered", true, SQL, &[&id, &body]).await?;
            Ok(!added.is_empty())
        })
    }

    fn steering(&self) -> Wait<'_, Result<Vec<Steered>, StoreError>> {
        const WHAT: &str = "reading what was steered";
        Box::pin(async move {
            let found = self.db.read(WHAT, "SELECT body FROM steering ORDER BY number", &[]).await?;
            let bodies = each(WHAT, &found, |row| row.try_get::<_, String>(0))?;
            bodies.iter().map(|body| rows::from_json(WHAT, body)).collect()
        })
    }
}
