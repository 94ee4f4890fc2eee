//! The order in which entries were committed, and the webhooks that are told of them.

use jiff::Timestamp;
use rehome_domain::{
    ports::{Feed, StoreError, Wait, WebhookStore},
    webhook::{MOST, Mark, Standing, Webhook, WebhookId},
};
use rusqlite::{Connection, params};
use uuid::Uuid;

use super::{Sqlite, writer::Write};
use crate::rows;

impl Feed for Sqlite {
    fn end(&self) -> Wait<'_, Result<Mark, StoreError>> {
        Box::pin(async move {
            let last = |db: &Connection| {
                db.prepare_cached("SELECT ifnull(max(rowid), 0) FROM journal")?
                    .query_row([], |row| row.get::<_, i64>(0))
            };
            let last = self.read("looking where the journals end", last).await?;
            Ok(Mark::before(last.cast_unsigned() + 1))
        })
    }

    fn after(&self, after: Mark, limit: usize) -> Wait<'_, Result<Vec<Mark>, StoreError>> {
        // Each row is a commit of its own here, so a place is in front of one or at one.
        let behind = if after.seq == 0 { after.commit.saturating_sub(1) } else { after.commit };
        let read = move |db: &Connection| {
            db.prepare_cached(
                "SELECT journal.rowid, ticket.id, journal.seq
                 FROM journal JOIN ticket ON ticket.number = journal.ticket
                 WHERE journal.rowid > ?1 ORDER BY journal.rowid LIMIT ?2",
            )?
            .query_map(params![behind.cast_signed(), rows::limit(limit)], |row| {
                Ok(Mark {
                    commit: row.get::<_, i64>(0)?.cast_unsigned(),
                    relocation: rows::id(row.get(1)?),
                    seq: row.get::<_, i64>(2)?.cast_unsigned(),
                })
            })?
            .collect::<Result<Vec<_>, _>>()
        };
        Box::pin(self.read("reading the journals on", read))
    }
}

/// What is done to the webhooks.
enum Act {
    Subscribe { id: Uuid, body: String, standing: String, next_at: i64 },
    Unsubscribe { id: Uuid },
    Settle { id: Uuid, holder: Uuid, standing: String, next_at: i64, until: Option<i64> },
    Reset { id: Uuid, standing: String, next_at: i64 },
}

impl Write for Act {
    type Answer = bool;
    const WHAT: &'static str = "writing a webhook";

    fn execute(&self, db: &Connection) -> rusqlite::Result<bool> {
        let changed = match self {
            Self::Subscribe { id, body, standing, next_at } => db
                .prepare_cached(
                    "INSERT INTO webhook (id, body, standing, next_at)
                     SELECT ?1, ?2, ?3, ?4 WHERE (SELECT count(*) FROM webhook) < ?5",
                )?
                .execute(params![id.as_bytes(), body, standing, next_at, MOST]),
            Self::Unsubscribe { id } => {
                db.prepare_cached("DELETE FROM webhook WHERE id = ?1")?.execute(params![id.as_bytes()])
            }
            Self::Settle { id, holder, standing, next_at, until } => db
                .prepare_cached(
                    "UPDATE webhook SET standing = ?3, next_at = ?4, held_until = ?5,
                            holder = CASE WHEN ?5 IS NOT NULL THEN holder END
                     WHERE id = ?1 AND holder = ?2",
                )?
                .execute(params![id.as_bytes(), holder.as_bytes(), standing, next_at, until]),
            Self::Reset { id, standing, next_at } => db
                .prepare_cached(
                    "UPDATE webhook SET standing = ?2, next_at = ?3, holder = NULL, held_until = NULL
                     WHERE id = ?1",
                )?
                .execute(params![id.as_bytes(), standing, next_at]),
        };
        Ok(changed? > 0)
    }
}

/// Takes those whose time has come.
struct Take {
    holder: Uuid,
    now: i64,
    until: i64,
}

/// A webhook and its standing, as text.
type Texts = (String, String);

impl Write for Take {
    type Answer = Vec<Texts>;
    const WHAT: &'static str = "taking webhooks";

    fn execute(&self, db: &Connection) -> rusqlite::Result<Vec<Texts>> {
        db.prepare_cached(
            "UPDATE webhook SET holder = ?1, held_until = ?3
             WHERE next_at <= ?2 AND (holder IS NULL OR held_until <= ?2) RETURNING body, standing",
        )?
        .query_map(params![self.holder.as_bytes(), self.now, self.until], texts)?
        .collect()
    }
}

fn texts(row: &rusqlite::Row<'_>) -> rusqlite::Result<Texts> {
    Ok((row.get(0)?, row.get(1)?))
}

fn both(what: &'static str, texts: &[Texts]) -> Result<Vec<(Webhook, Standing)>, StoreError> {
    texts
        .iter()
        .map(|(body, standing)| Ok((rows::from_json(what, body)?, rows::from_json(what, standing)?)))
        .collect()
}

impl WebhookStore for Sqlite {
    fn subscribe(&self, webhook: Webhook, standing: Standing) -> Wait<'_, Result<bool, StoreError>> {
        Box::pin(async move {
            let next_at = rows::not_before(standing.next_at);
            let (body, standing) = (rows::json(&webhook)?, rows::json(&standing)?);
            self.write(Act::Subscribe { id: webhook.id.0, body, standing, next_at }).await
        })
    }

    fn unsubscribe(&self, id: WebhookId) -> Wait<'_, Result<bool, StoreError>> {
        Box::pin(self.write(Act::Unsubscribe { id: id.0 }))
    }

    fn webhooks(&self) -> Wait<'_, Result<Vec<(Webhook, Standing)>, StoreError>> {
        const WHAT: &str = "reading the webhooks";
        Box::pin(async move {
            let read = |db: &Connection| {
                db.prepare_cached("SELECT body, standing FROM webhook ORDER BY number")?
                    .query_map([], texts)?
                    .collect::<Result<Vec<_>, _>>()
            };
            both(WHAT, &self.read(WHAT, read).await?)
        })
    }

    fn take_webhooks(
        &self,
        holder: Uuid,
        now: Timestamp,
        until: Timestamp,
    ) -> Wait<'_, Result<Vec<(Webhook, Standing)>, StoreError>> {
        let take = Take { holder, now: rows::not_after(now), until: rows::not_before(until) };
        Box::pin(async move { both(Take::WHAT, &self.write(take).await?) })
    }

    fn settle_webhook(
        &self,
        id: WebhookId,
        holder: Uuid,
        standing: Standing,
        until: Option<Timestamp>,
    ) -> Wait<'_, Result<bool, StoreError>> {
        Box::pin(async move {
            let (next_at, until) = (rows::not_before(standing.next_at), until.map(rows::not_before));
            let standing = rows::json(&standing)?;
            self.write(Act::Settle { id: id.0, holder, standing, next_at, until }).await
        })
    }

    fn reset_webhook(&self, id: WebhookId, standing: Standing) -> Wait<'_, Result<bool, StoreError>> {
        Box::pin(async move {
            let next_at = rows::not_before(standing.next_at);
            let standing = rows::json(&standing)?;
            self.write(Act::Reset { id: id.0, standing, next_at }).await
        })
    }
}
