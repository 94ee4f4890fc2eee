//! The order in which entries were committed, and the webhooks that are told of them.

use std::time::Duration;

use jiff::Timestamp;
use rehome_domain::{
    id::RelocationId,
    ports::{Feed, StoreError, Wait, WebhookStore},
    webhook::{MOST, Mark, Standing, Webhook, WebhookId},
};
use tokio_postgres::{Error, Row};
use uuid::Uuid;

use super::{Postgres, commits::SETTLED, session::Params, tickets::each};
use crate::{metrics, rows};

fn mark(row: &Row) -> Result<Mark, Error> {
    let [commit, seq]: [i64; 2] = [row.try_get(0)?, row.try_get(2)?];
    let relocation = RelocationId(row.try_get(1)?);
    Ok(Mark { commit: commit.cast_unsigned(), relocation, seq: seq.cast_unsigned() })
}

impl Feed for Postgres {
    fn end(&self) -> Wait<'_, Result<Mark, StoreError>> {
        const WHAT: &str = "looking where the journals end";
        Box::pin(async move {
            let found = self.db.read(WHAT, &format!("SELECT {SETTLED}"), &[]).await?;
            let ends = each(WHAT, &found, |row| row.try_get::<_, i64>(0))?;
            let end = ends.first().copied().unwrap_or_default();
            Ok(Mark::before(end.cast_unsigned()))
        })
    }

    fn after(&self, after: Mark, limit: usize) -> Wait<'_, Result<Vec<Mark>, StoreError>> {
        const WHAT: &str = "reading the journals on";
        Box::pin(async move {
            let sql = format!(
                "SELECT commit, relocation, seq FROM journal
                WHERE commit >= $1 AND commit < {SETTLED} AND (commit, relocation, seq) > ($1, $2, $3)
                ORDER BY commit, relocation, seq LIMIT $4"
            );
            let (commit, seq) = (after.commit.cast_signed(), after.seq.cast_signed());
            let limit = rows::limit(limit);
            let found = self.db.read(WHAT, &sql, &[&commit, &after.relocation.0, &seq, &limit]).await?;
            each(WHAT, &found, mark)
        })
    }

    fn held_up(&self) -> Wait<'_, Result<Duration, StoreError>> {
        const WHAT: &str = "looking for entries that are held back";
        Box::pin(async move {
            let sql = format!(
                "SELECT greatest(0, extract(epoch FROM clock_timestamp() - (body::jsonb ->> 'at')::timestamptz))::float8
                FROM journal WHERE commit >= {SETTLED} ORDER BY commit LIMIT 1"
            );
            let found = self.db.read(WHAT, &sql, &[]).await?;
            let seconds = each(WHAT, &found, |row| row.try_get::<_, f64>(0))?.pop().unwrap_or_default();
            metrics::held_up(seconds);
            Ok(Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX))
        })
    }
}

/// A row's webhook and its standing.
fn both(what: &'static str, found: &[Row]) -> Result<Vec<(Webhook, Standing)>, StoreError> {
    let texts = each(what, found, |row| Ok((row.try_get::<_, String>(0)?, row.try_get::<_, String>(1)?)))?;
    texts
        .iter()
        .map(|(body, standing)| Ok((rows::from_json(what, body)?, rows::from_json(what, standing)?)))
        .collect()
}

impl Postgres {
    /// Whether a statement that may be done twice found what it changes.
    async fn found(&self, what: &'static str, sql: &str, params: &Params<'_>) -> Result<bool, StoreError> {
        Ok(!self.single(what, true, sql, params).await?.is_empty())
    }
}

impl WebhookStore for Postgres {
    fn subscribe(&self, webhook: Webhook, standing: Standing) -> Wait<'_, Result<bool, StoreError>> {
        const SQL: &str = "INSERT INTO webhook (id, body, standing, next_at)
            SELECT $1, $2, $3, $4 WHERE (SELECT count(*) FROM webhook) < $5
            ON CONFLICT (id) DO UPDATE SET id = excluded.id RETURNING TRUE";
        Box::pin(async move {
            let (body, told) = (rows::json(&webhook)?, rows::json(&standing)?);
            let (next_at, most) = (rows::not_before(standing.next_at), i64::from(MOST));
            self.found("keeping a webhook", SQL, &[&webhook.id.0, &body, &told, &next_at, &most]).await
        })
    }

    fn unsubscribe(&self, id: WebhookId) -> Wait<'_, Result<bool, StoreError>> {
        const SQL: &str = "DELETE FROM webhook WHERE id = $1 RETURNING TRUE";
        Box::pin(
            async move { Ok(!self.single("forgetting a webhook", false, SQL, &[&id.0]).await?.is_empty()) },
        )
    }

    fn webhooks(&self) -> Wait<'_, Result<Vec<(Webhook, Standing)>, StoreError>> {
        const WHAT: &str = "reading the webhooks";
        const SQL: &str = "SELECT body, standing FROM webhook ORDER BY number";
        Box::pin(async move { both(WHAT, &self.db.read(WHAT, SQL, &[]).await?) })
    }

    fn take_webhooks(
        &self,
        holder: Uuid,
        now: Timestamp,
        until: Timestamp,
    ) -> Wait<'_, Result<Vec<(Webhook, Standing)>, StoreError>> {
        const WHAT: &str = "taking webhooks";
        const SQL: &str = "UPDATE webhook SET holder = $1, held_until = $3
            WHERE id IN (SELECT id FROM webhook
                WHERE next_at <= $2 AND (holder IS NULL OR held_until <= $2) FOR UPDATE SKIP LOCKED)
            RETURNING body, standing";
        Box::pin(async move {
            let (now, until) = (rows::not_after(now), rows::not_before(until));
            // Taken and not heard of, they are free again when their time ends.
            both(WHAT, &self.single(WHAT, true, SQL, &[&holder, &now, &until]).await?)
        })
    }

    fn settle_webhook(
        &self,
        id: WebhookId,
        holder: Uuid,
        standing: Standing,
        until: Option<Timestamp>,
    ) -> Wait<'_, Result<bool, StoreError>> {
        const SQL: &str = "UPDATE webhook SET standing = $3, next_at = $4, held_until = $5,
                holder = CASE WHEN $5::bigint IS NOT NULL THEN holder END
            WHERE id = $1 AND holder = $2 RETURNING TRUE";
        Box::pin(async move {
            let (told, next_at) = (rows::json(&standing)?, rows::not_before(standing.next_at));
            let until = until.map(rows::not_before);
            self.found(
                "writing down how far a webhook was told",
                SQL,
                &[&id.0, &holder, &told, &next_at, &until],
            )
            .await
        })
    }

    fn reset_webhook(&self, id: WebhookId, standing: Standing) -> Wait<'_, Result<bool, StoreError>> {
        const SQL: &str = "UPDATE webhook SET standing = $2, next_at = $3, holder = NULL, held_until = NULL
            WHERE id = $1 RETURNING TRUE";
        Box::pin(async move {
            let (told, next_at) = (rows::json(&standing)?, rows::not_before(standing.next_at));
            self.found("setting a webhook anew", SQL, &[&id.0, &told, &next_at]).await
        })
    }
}
