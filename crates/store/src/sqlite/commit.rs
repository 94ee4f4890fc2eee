//! Committing steps: the one write that moves tickets.

use rehome_domain::{
    ports::{Change, Committed, StoreError},
    status::{CutoverStatus, ReservationStatus},
};
use rusqlite::{Connection, OptionalExtension, params};

use super::writer::{Shape, Write};
use crate::{
    batch::Refused,
    rows::{self, RequestRow},
};

/// A batch of steps.
pub(super) struct Commit(Vec<Row>);

/// A step with its text made, so that the writer only writes.
struct Row {
    change: Change,
    ticket: String,
    entry: String,
    /// The request's, with the first step only.
    request: Option<RequestRow>,
}

impl Commit {
    pub(super) fn new(changes: Vec<Change>) -> Result<Self, StoreError> {
        changes.into_iter().map(Row::new).collect::<Result<_, _>>().map(Self)
    }
}

impl Row {
    fn new(change: Change) -> Result<Self, StoreError> {
        let ticket = rows::ticket_body(&change.ticket)?;
        let entry = rows::entry_body(&change.entry)?;
        let first = change.entry.seq == 1;
        let request = first.then(|| RequestRow::of(&change.ticket)).transpose()?;
        Ok(Self { change, ticket, entry, request })
    }
}

impl Write for Commit {
    type Answer = Vec<Committed>;
    const WHAT: &'static str = "committing steps";

    fn execute(&self, db: &Connection) -> rusqlite::Result<Vec<Committed>> {
        let mut refused = Refused::default();
        let commit = |row: &Row| {
            let answer = if refused.under(&row.change) { Committed::Stale } else { row.commit(db)? };
            refused.note(&row.change, &answer);
            Ok(answer)
        };
        self.0.iter().map(commit).collect()
    }

    fn shape(&self, shape: &mut Shape) {
        shape.changes += u32::try_from(self.0.len()).unwrap_or(u32::MAX);
    }
}

/// What the database has of a step's ticket.
struct Stored {
    number: i64,
    version: u64,
    locked: bool,
    /// The step's cause is in its journal.
    seen: bool,
    /// It is in quarantine.
    set_aside: bool,
}

impl Row {
    fn commit(&self, db: &Connection) -> rusqlite::Result<Committed> {
        let stored = self.stored(db)?;
        if stored.as_ref().is_some_and(|stored| stored.seen) {
            return Ok(Committed::Seen);
        }
        // A ticket set aside is stale to whoever still has it in memory: looking again, it finds the reason.
        if stored.as_ref().is_some_and(|stored| stored.set_aside) {
            return Ok(Committed::Stale);
        }
        if stored.as_ref().map_or(0, |stored| stored.version) + 1 != self.change.entry.seq {
            return Ok(Committed::Stale);
        }
        let was_locked = stored.as_ref().is_some_and(|stored| stored.locked);
        let takes_locks = self.change.locked && !was_locked;
        if takes_locks && let Some(holder) = self.holder(db)? {
            return Ok(Committed::Held(rows::id(holder)));
        }
        // From here on rows are written: nothing may be refused any more.
        let number = self.put(db, stored.map(|stored| stored.number))?;
        self.journal(db, number)?;
        if takes_locks {
            self.lock(db, number)?;
        } else if was_locked && !self.change.locked {
            self.unlock(db, number)?;
        }
        Ok(Committed::Done)
    }

    fn stored(&self, db: &Connection) -> rusqlite::Result<Option<Stored>> {
        db.prepare_cached(
            "SELECT number, version, locked,
                    EXISTS (SELECT 1 FROM journal WHERE journal.ticket = ticket.number AND journal.cause = ?2),
                    EXISTS (SELECT 1 FROM quarantine WHERE quarantine.relocation = ticket.id)
             FROM ticket WHERE id = ?1",
        )?
        .query_row(params![rows::key(self.change.ticket.id), self.change.entry.cause.0], |row| {
            Ok(Stored {
                number: row.get(0)?,
                version: row.get::<_, i64>(1)?.cast_unsigned(),
                locked: row.get(2)?,
                seen: row.get(3)?,
                set_aside: row.get(4)?,
            })
        })
        .optional()
    }

    /// Another ticket that has one of this one's resources.
    fn holder(&self, db: &Connection) -> rusqlite::Result<Option<[u8; 16]>> {
        let [l3, l2, service] = self.change.ticket.request.resources();
        db.prepare_cached(
            "SELECT ticket.id FROM resource_lock JOIN ticket ON ticket.number = resource_lock.ticket
             WHERE resource_lock.resource IN (?1, ?2, ?3) AND ticket.id <> ?4 LIMIT 1",
        )?
        .query_row(params![l3, l2, service, rows::key(self.change.ticket.id)], |row| row.get(0))
        .optional()
    }

    /// Writes the ticket's row; the first time also the request's. Answers its number.
    fn put(&self, db: &Connection, known: Option<i64>) -> rusqlite::Result<i64> {
        let ticket = &self.change.ticket;
        db.prepare_cached(
            "INSERT INTO ticket (number, id, version, relocation_status, reservation_status, cutover_status,
                                 disposition, locked, wakes_at, body, held_back, standing, changed_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
             ON CONFLICT (number) DO UPDATE SET
                 version = excluded.version, relocation_status = excluded.relocation_status,
                 reservation_status = excluded.reservation_status, cutover_status = excluded.cutover_status,
                 disposition = excluded.disposition, locked = excluded.locked, wakes_at = excluded.wakes_at,
                 body = excluded.body, held_back = excluded.held_back, standing = excluded.standing,
                 changed_at = excluded.changed_at",
        )?
        .execute(params![
            known,
            rows::key(ticket.id),
            ticket.version.cast_signed(),
            ticket.state.relocation.wire(),
            ticket.state.reservation.map(ReservationStatus::wire),
            ticket.state.cutover.map(CutoverStatus::wire),
            ticket.state.disposition.wire(),
            self.change.locked,
            ticket.due().map(rows::not_before),
            self.ticket,
            ticket.held_back,
            ticket.standing().code(),
            rows::not_after(ticket.changed_at),
        ])?;
        let number = known.unwrap_or_else(|| db.last_insert_rowid());
        if let Some(RequestRow { body, submitted_at, columns }) = &self.request {
            db.prepare_cached(
                "INSERT INTO request (ticket, body, submitted_at, service_id, customer, devices, told)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute(params![
                number,
                body,
                submitted_at,
                columns.service_id,
                columns.customer,
                columns.devices,
                columns.told,
            ])?;
        }
        Ok(number)
    }

    fn journal(&self, db: &Connection, number: i64) -> rusqlite::Result<()> {
        let entry = &self.change.entry;
        db.prepare_cached("INSERT INTO journal (ticket, seq, cause, body) VALUES (?1, ?2, ?3, ?4)")?
            .execute(params![number, entry.seq.cast_signed(), entry.cause.0, self.entry])?;
        Ok(())
    }

    fn lock(&self, db: &Connection, number: i64) -> rusqlite::Result<()> {
        let [l3, l2, service] = self.change.ticket.request.resources();
        db.prepare_cached(
            "INSERT INTO resource_lock (resource, ticket) VALUES (?1, ?4), (?2, ?4), (?3, ?4)",
        )?
        .execute(params![l3, l2, service, number])?;
        Ok(())
    }

    fn unlock(&self, db: &Connection, number: i64) -> rusqlite::Result<()> {
        let [l3, l2, service] = self.change.ticket.request.resources();
        db.prepare_cached("DELETE FROM resource_lock WHERE resource IN (?1, ?2, ?3) AND ticket = ?4")?
            .execute(params![l3, l2, service, number])?;
        Ok(())
    }
}
