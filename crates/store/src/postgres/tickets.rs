//! Tickets: reading them, claiming those that are due, and setting aside what can't go on.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use rehome_domain::{
    id::{MessageId, RelocationId},
    ports::{
        Change, Committed, Count, DeadLetter, Loaded, ReadEntry, StoreError, TicketStore, Unreadable, Wait,
    },
};
use tokio_postgres::{Error, Row};
use uuid::Uuid;

use super::{
    Postgres,
    commit::Commit,
    plan::Step,
    session::{Params, Single, Work},
    trouble::Trouble,
};
use crate::{
    batch::Refused,
    rows::{self, Raw, RawEntry},
};

/// What belongs to a [`Raw`] besides its ticket.
const BESIDES: &str = "LEFT JOIN request ON request.ticket = ticket.id
    LEFT JOIN quarantine ON quarantine.relocation = ticket.id";

/// The columns of a [`Raw`].
const COLUMNS: &str = "ticket.id, ticket.version, coalesce(request.body, ''), ticket.body, quarantine.reason";

fn raw(row: &Row) -> Result<Raw, Error> {
    let version: i64 = row.try_get(1)?;
    Ok(Raw {
        id: RelocationId(row.try_get(0)?),
        version: Some(version.cast_unsigned()),
        request: row.try_get(2)?,
        body: row.try_get(3)?,
        set_aside: row.try_get(4)?,
    })
}

fn raw_entry(row: &Row) -> Result<RawEntry, Error> {
    let seq: i64 = row.try_get(0)?;
    let cause: String = row.try_get(1)?;
    Ok(RawEntry { seq: Some(seq.cast_unsigned()), cause: rows::unescape(&cause), body: row.try_get(2)? })
}

/// All rows as something.
pub(super) fn each<T>(
    what: &'static str,
    rows: &[Row],
    read: impl Fn(&Row) -> Result<T, Error>,
) -> Result<Vec<T>, StoreError> {
    rows.iter().map(|row| read(row).map_err(|error| Trouble::from(error).failed(what))).collect()
}

const LOAD: &str =
    "SELECT asked.id, ticket.version, coalesce(request.body, ''), ticket.body, quarantine.reason
    FROM unnest($1::uuid[]) AS asked (id)
    LEFT JOIN ticket ON ticket.id = asked.id
    LEFT JOIN request ON request.ticket = asked.id
    LEFT JOIN quarantine ON quarantine.relocation = asked.id
    WHERE ticket.id IS NOT NULL OR quarantine.relocation IS NOT NULL";

/// What a row of [`LOAD`] says.
fn loaded(row: &Row) -> Result<(Uuid, Loaded), Error> {
    let id: Uuid = row.try_get(0)?;
    let version: Option<i64> = row.try_get(1)?;
    Ok(match version {
        Some(_) => (id, raw(row)?.loaded().1),
        // Set aside before it had a ticket.
        None => (id, Loaded::Unreadable(Unreadable::Spoilt(row.try_get(4)?))),
    })
}

/// Rows that others have locked are passed over: they are being claimed, or being stepped.
const CLAIM: &str = "WITH due AS MATERIALIZED (
        SELECT id, wakes_at FROM ticket
        WHERE wakes_at <= $1
            AND NOT EXISTS (SELECT FROM quarantine WHERE quarantine.relocation = ticket.id)
        ORDER BY wakes_at, id LIMIT $3 FOR UPDATE OF ticket SKIP LOCKED
    ), claimed AS (
        UPDATE ticket SET wakes_at = $2 FROM due WHERE ticket.id = due.id
        RETURNING ticket.id, ticket.version, ticket.body, due.wakes_at AS due
    )";

impl Postgres {
    async fn page(
        &self,
        what: &'static str,
        condition: &'static str,
        after: Option<RelocationId>,
        limit: usize,
    ) -> Result<Vec<(RelocationId, Loaded)>, StoreError> {
        // No id sorts before the nil one.
        let (beyond, from) = after.map_or((">=", Uuid::nil()), |after| (">", after.0));
        // First the tickets: otherwise all requests up to the last of them may be gone through, to be merged.
        let sql = format!(
            "WITH ticket AS MATERIALIZED (
                SELECT * FROM ticket WHERE {condition} AND ticket.id {beyond} $1 ORDER BY ticket.id LIMIT $2)
             SELECT {COLUMNS} FROM ticket {BESIDES} ORDER BY ticket.id"
        );
        let found = self.db.read(what, &sql, &[&from, &rows::limit(limit)]).await?;
        Ok(each(what, &found, raw)?.into_iter().map(Raw::loaded).collect())
    }

    /// A statement that writes, as a transaction by itself.
    pub(super) async fn single(
        &self,
        what: &'static str,
        repeatable: bool,
        sql: &str,
        params: &Params<'_>,
    ) -> Result<Vec<Row>, StoreError> {
        self.write(&Single { what, sql, params, repeatable, writes: true }).await
    }

    /// Commits a batch; step by step if others keep getting in between.
    async fn commit_all(&self, steps: &[Step]) -> Result<Vec<Committed>, StoreError> {
        let batch = Commit(steps);
        let closed = self.closed.read().await;
        if *closed {
            return Err(StoreError::Closed);
        }
        match self.db.transact(&batch).await {
            Ok(answers) => return Ok(answers),
            Err(Trouble::Raced(_) | Trouble::Taken(_)) if steps.len() > 1 => {}
            Err(trouble) => return Err(trouble.failed(batch.what())),
        }
        tracing::warn!(
            steps = steps.len(),
            "others keep getting in between, a batch is committed step by step"
        );
        let (mut answers, mut refused) = (Vec::with_capacity(steps.len()), Refused::default());
        for step in steps {
            let answer = if refused.under(&step.change) {
                Committed::Stale
            } else {
                let one = self.db.transact(&Commit(std::slice::from_ref(step))).await;
                // What was committed before stays: asked again, it will have been seen.
                one.map_err(|trouble| trouble.failed(batch.what()))?.pop().unwrap_or(Committed::Stale)
            };
            refused.note(&step.change, &answer);
            answers.push(answer);
        }
        Ok(answers)
    }
}

impl TicketStore for Postgres {
    fn load(&self, ids: Vec<RelocationId>) -> Wait<'_, Result<Vec<Loaded>, StoreError>> {
        const WHAT: &str = "loading tickets";
        Box::pin(async move {
            let asked: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
            let found = each(WHAT, &self.db.read(WHAT, LOAD, &[&asked]).await?, loaded)?;
            let found: HashMap<_, _> = found.into_iter().collect();
            Ok(asked.iter().map(|id| found.get(id).cloned().unwrap_or(Loaded::Missing)).collect())
        })
    }

    fn commit(&self, changes: Vec<Change>) -> Wait<'_, Result<Vec<Committed>, StoreError>> {
        Box::pin(async move {
            let steps = changes.into_iter().map(Step::new).collect::<Result<Vec<_>, _>>()?;
            self.commit_all(&steps).await
        })
    }

    fn caused(
        &self,
        messages: Vec<(RelocationId, MessageId)>,
    ) -> Wait<'_, Result<Vec<Option<ReadEntry>>, StoreError>> {
        const WHAT: &str = "reading the entries that messages caused";
        const SQL: &str = "SELECT seq, cause, body, number
            FROM unnest($1::uuid[], $2::text[]) WITH ORDINALITY AS asked (relocation, cause, number)
            JOIN journal USING (relocation, cause)";
        Box::pin(async move {
            let (relocations, causes): (Vec<Uuid>, Vec<String>) =
                messages.iter().map(|(relocation, cause)| (relocation.0, rows::escape(&cause.0))).unzip();
            let found = self.db.read(WHAT, SQL, &[&relocations, &causes]).await?;
            let mut entries = vec![None; messages.len()];
            for (raw, number) in each(WHAT, &found, |row| Ok((raw_entry(row)?, row.try_get::<_, i64>(3)?)))? {
                let place = usize::try_from(number - 1).unwrap_or(usize::MAX);
                if let (Some(entry), Some((relocation, _))) = (entries.get_mut(place), messages.get(place)) {
                    *entry = Some(raw.entry(*relocation));
                }
            }
            Ok(entries)
        })
    }

    fn journal(&self, relocation: RelocationId) -> Wait<'_, Result<Vec<ReadEntry>, StoreError>> {
        const WHAT: &str = "reading a journal";
        const SQL: &str = "SELECT seq, cause, body FROM journal WHERE relocation = $1 ORDER BY seq";
        Box::pin(async move {
            let found = self.db.read(WHAT, SQL, &[&relocation.0]).await?;
            Ok(each(WHAT, &found, raw_entry)?.into_iter().map(|raw| raw.entry(relocation)).collect())
        })
    }

    fn claim_due(
        &self,
        now: Timestamp,
        lease: SignedDuration,
        limit: usize,
    ) -> Wait<'_, Result<Vec<(RelocationId, Loaded)>, StoreError>> {
        const WHAT: &str = "claiming due tickets";
        Box::pin(async move {
            let until = rows::not_before(now.saturating_add(lease).unwrap_or(Timestamp::MAX));
            let sql = format!(
                "{CLAIM} SELECT {COLUMNS} FROM claimed AS ticket {BESIDES} ORDER BY ticket.due, ticket.id"
            );
            // A claim that was made and not heard of ends by itself.
            let claimed =
                self.single(WHAT, true, &sql, &[&rows::not_after(now), &until, &rows::limit(limit)]).await?;
            Ok(each(WHAT, &claimed, raw)?.into_iter().map(Raw::loaded).collect())
        })
    }

    fn open_tickets(
        &self,
        after: Option<RelocationId>,
        limit: usize,
    ) -> Wait<'_, Result<Vec<(RelocationId, Loaded)>, StoreError>> {
        Box::pin(self.page("reading open tickets", "ticket.disposition = 'open'", after, limit))
    }

    fn all_tickets(
        &self,
        after: Option<RelocationId>,
        limit: usize,
    ) -> Wait<'_, Result<Vec<(RelocationId, Loaded)>, StoreError>> {
        Box::pin(self.page("reading all tickets", "TRUE", after, limit))
    }

    fn held_back(
        &self,
        after: Option<RelocationId>,
        limit: usize,
    ) -> Wait<'_, Result<Vec<(RelocationId, Loaded)>, StoreError>> {
        Box::pin(self.page("reading tickets held back", "ticket.held_back", after, limit))
    }

    fn counts(&self) -> Wait<'_, Result<Vec<Count>, StoreError>> {
        const WHAT: &str = "counting tickets";
        const SQL: &str = "SELECT standing, count(*) FROM ticket GROUP BY standing";
        Box::pin(async move {
            let found = self.db.read(WHAT, SQL, &[]).await?;
            let counts = each(WHAT, &found, |row| Ok((row.try_get(0)?, row.try_get(1)?)))?;
            Ok(counts.into_iter().filter_map(|(code, tickets)| rows::count(code, tickets)).collect())
        })
    }

    fn quarantine(&self, relocation: RelocationId, reason: String) -> Wait<'_, Result<bool, StoreError>> {
        const SQL: &str = "INSERT INTO quarantine (relocation, reason) VALUES ($1, $2)
            ON CONFLICT DO NOTHING RETURNING TRUE";
        Box::pin(async move {
            let reason = reason.replace('\0', "\u{FFFD}");
            let added = self.single("setting a ticket aside", false, SQL, &[&relocation.0, &reason]).await?;
            Ok(!added.is_empty())
        })
    }

    fn readmit(&self, relocation: RelocationId) -> Wait<'_, Result<(), StoreError>> {
        const SQL: &str = "DELETE FROM quarantine WHERE relocation = $1";
        Box::pin(async move {
            let _gone =
                self.single("taking a ticket back from quarantine", true, SQL, &[&relocation.0]).await?;
            Ok(())
        })
    }

    fn stored(&self, relocation: RelocationId) -> Wait<'_, Result<Loaded, StoreError>> {
        const WHAT: &str = "loading a ticket";
        Box::pin(async move {
            let sql = format!("SELECT {COLUMNS} FROM ticket {BESIDES} WHERE ticket.id = $1");
            let found = self.db.read(WHAT, &sql, &[&relocation.0]).await?;
            let raw = each(WHAT, &found, raw)?.pop();
            Ok(raw.map_or(Loaded::Missing, |raw| Raw { set_aside: None, ..raw }.loaded().1))
        })
    }

    fn quarantined(&self) -> Wait<'_, Result<Vec<(RelocationId, String)>, StoreError>> {
        const WHAT: &str = "reading the quarantine";
        const SQL: &str = "SELECT relocation, reason FROM quarantine ORDER BY relocation";
        Box::pin(async move {
            let found = self.db.read(WHAT, SQL, &[]).await?;
            each(WHAT, &found, |row| Ok((RelocationId(row.try_get(0)?), row.try_get(1)?)))
        })
    }

    fn bury(&self, letter: DeadLetter) -> Wait<'_, Result<(), StoreError>> {
        const SQL: &str = "INSERT INTO dead_letter (id, at, body) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
        Box::pin(async move {
            let id = rows::escape(&rows::letter_key(&letter));
            let (at, body) = (rows::not_after(letter.at), rows::json(&letter)?);
            let _kept = self.single("keeping a dead letter", true, SQL, &[&id, &at, &body]).await?;
            Ok(())
        })
    }

    fn dead_letters(&self, limit: usize) -> Wait<'_, Result<Vec<DeadLetter>, StoreError>> {
        const WHAT: &str = "reading dead letters";
        const SQL: &str =
            "SELECT body FROM dead_letter WHERE settled IS NULL ORDER BY at DESC, number DESC LIMIT $1";
        Box::pin(async move {
            let found = self.db.read(WHAT, SQL, &[&rows::limit(limit)]).await?;
            let bodies = each(WHAT, &found, |row| row.try_get::<_, String>(0))?;
            bodies.iter().map(|body| rows::from_json(WHAT, body)).collect()
        })
    }
}
