//! Tickets: reading them, claiming those that are due, and setting aside what can't go on.

use jiff::{SignedDuration, Timestamp};
use rehome_domain::{
    id::{MessageId, RelocationId},
    ports::{
        Change, Committed, Count, DeadLetter, Loaded, ReadEntry, StoreError, TicketStore, Unreadable, Wait,
    },
};
use rusqlite::{CachedStatement, Connection, OptionalExtension, Row, ToSql, params, types::ValueRef};

use super::{Sqlite, commit::Commit, writer::Write};
use crate::rows::{self, Raw, RawEntry};

/// The columns of a [`Raw`].
const RAW: &str = "SELECT ticket.id, ticket.version, ifnull(request.body, ''), ticket.body, quarantine.reason
    FROM ticket LEFT JOIN request ON request.ticket = ticket.number
    LEFT JOIN quarantine ON quarantine.relocation = ticket.id";

fn raw(row: &Row<'_>) -> rusqlite::Result<Raw> {
    Ok(Raw {
        id: rows::id(row.get(0)?),
        version: number(row, 1),
        request: text(row, 2)?,
        body: text(row, 3)?,
        set_aside: match row.get_ref(4)? {
            ValueRef::Null => None,
            _ => Some(text(row, 4)?),
        },
    })
}

fn raws(mut statement: CachedStatement<'_>, params: &[&dyn ToSql]) -> rusqlite::Result<Vec<Raw>> {
    statement.query_map(params, raw)?.collect()
}

/// What the database has under an id.
enum Known {
    Raw(Raw),
    /// Set aside before it had a ticket.
    SetAside(String),
    Nothing,
}

fn find(db: &Connection, id: RelocationId) -> rusqlite::Result<Known> {
    let key = rows::key(id);
    let raw = db.prepare_cached(&format!("{RAW} WHERE ticket.id = ?1"))?.query_row([key], raw).optional()?;
    if let Some(raw) = raw {
        return Ok(Known::Raw(raw));
    }
    let reason = db
        .prepare_cached("SELECT reason FROM quarantine WHERE relocation = ?1")?
        .query_row([key], |row| row.get(0))
        .optional()?;
    Ok(reason.map_or(Known::Nothing, Known::SetAside))
}

fn raw_entry(row: &Row<'_>) -> rusqlite::Result<RawEntry> {
    Ok(RawEntry { seq: number(row, 0), cause: text(row, 1)?, body: text(row, 2)? })
}

/// A text as far as it can be read. Damaged text is for whoever asked to find unreadable, and keeps nobody else from
/// reading.
pub(super) fn text(row: &Row<'_>, column: usize) -> rusqlite::Result<String> {
    Ok(match row.get_ref(column)? {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        ValueRef::Null | ValueRef::Integer(_) | ValueRef::Real(_) => String::new(),
    })
}

/// A number, if it is one.
pub(super) fn number(row: &Row<'_>, column: usize) -> Option<u64> {
    row.get::<_, i64>(column).ok().map(i64::cast_unsigned)
}

const ENTRIES: &str = "SELECT journal.seq, journal.cause, journal.body
    FROM journal JOIN ticket ON ticket.number = journal.ticket WHERE ticket.id = ?1";

impl Sqlite {
    async fn page(
        &self,
        what: &'static str,
        condition: &'static str,
        after: Option<RelocationId>,
        limit: usize,
    ) -> Result<Vec<(RelocationId, Loaded)>, StoreError> {
        let after = after.map(rows::key);
        let sql =
            format!("{RAW} WHERE {condition} AND (?1 IS NULL OR ticket.id > ?1) ORDER BY ticket.id LIMIT ?2");
        let page = move |db: &Connection| raws(db.prepare_cached(&sql)?, params![after, rows::limit(limit)]);
        Ok(self.read(what, page).await?.into_iter().map(Raw::loaded).collect())
    }
}

impl TicketStore for Sqlite {
    fn load(&self, ids: Vec<RelocationId>) -> Wait<'_, Result<Vec<Loaded>, StoreError>> {
        Box::pin(async move {
            let find =
                move |db: &Connection| ids.into_iter().map(|id| find(db, id)).collect::<Result<Vec<_>, _>>();
            let known = self.read("loading tickets", find).await?;
            Ok(known
                .into_iter()
                .map(|known| match known {
                    Known::Raw(raw) => raw.loaded().1,
                    Known::SetAside(reason) => Loaded::Unreadable(Unreadable::Spoilt(reason)),
                    Known::Nothing => Loaded::Missing,
                })
                .collect())
        })
    }

    fn commit(&self, changes: Vec<Change>) -> Wait<'_, Result<Vec<Committed>, StoreError>> {
        Box::pin(async move { self.write(Commit::new(changes)?).await })
    }

    fn caused(
        &self,
        messages: Vec<(RelocationId, MessageId)>,
    ) -> Wait<'_, Result<Vec<Option<ReadEntry>>, StoreError>> {
        const WHAT: &str = "reading the entries that messages caused";
        Box::pin(async move {
            let read = move |db: &Connection| {
                let mut find = db.prepare_cached(&format!("{ENTRIES} AND journal.cause = ?2"))?;
                let mut entry = |(relocation, cause): (RelocationId, MessageId)| {
                    let found = find.query_row(params![rows::key(relocation), cause.0], raw_entry).optional();
                    found.map(|raw| raw.map(|raw| raw.entry(relocation)))
                };
                messages.into_iter().map(&mut entry).collect::<Result<Vec<_>, _>>()
            };
            self.read(WHAT, read).await
        })
    }

    fn journal(&self, relocation: RelocationId) -> Wait<'_, Result<Vec<ReadEntry>, StoreError>> {
        Box::pin(async move {
            let read = move |db: &Connection| {
                db.prepare_cached(&format!("{ENTRIES} ORDER BY journal.seq"))?
                    .query_map([rows::key(relocation)], raw_entry)?
                    .collect::<Result<Vec<_>, _>>()
            };
            let raw = self.read("reading a journal", read).await?;
            Ok(raw.into_iter().map(|raw| raw.entry(relocation)).collect())
        })
    }

    fn claim_due(
        &self,
        now: Timestamp,
        lease: SignedDuration,
        limit: usize,
    ) -> Wait<'_, Result<Vec<(RelocationId, Loaded)>, StoreError>> {
        Box::pin(async move {
            let until = now.saturating_add(lease).unwrap_or(Timestamp::MAX);
            let claim = Claim {
                now: rows::not_after(now),
                until: rows::not_before(until),
                limit: rows::limit(limit),
            };
            // Mostly nothing is due, and the writer need not be asked.
            let due = self.read("looking for due tickets", move |db| claim.anything_due(db)).await?;
            if !due {
                return Ok(Vec::new());
            }
            Ok(self.write(claim).await?.into_iter().map(Raw::loaded).collect())
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
        Box::pin(async move {
            let read = |db: &Connection| {
                db.prepare_cached("SELECT standing, count(*) FROM ticket GROUP BY standing")?
                    .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?
                    .collect::<Result<Vec<_>, _>>()
            };
            let counts = self.read("counting tickets", read).await?;
            Ok(counts.into_iter().filter_map(|(code, tickets)| rows::count(code, tickets)).collect())
        })
    }

    fn quarantine(&self, relocation: RelocationId, reason: String) -> Wait<'_, Result<bool, StoreError>> {
        Box::pin(self.write(SetAside { relocation, reason }))
    }

    fn readmit(&self, relocation: RelocationId) -> Wait<'_, Result<(), StoreError>> {
        Box::pin(self.write(Readmit(relocation)))
    }

    fn stored(&self, relocation: RelocationId) -> Wait<'_, Result<Loaded, StoreError>> {
        Box::pin(async move {
            Ok(match self.read("loading a ticket", move |db| find(db, relocation)).await? {
                Known::Raw(raw) => Raw { set_aside: None, ..raw }.loaded().1,
                Known::SetAside(_) | Known::Nothing => Loaded::Missing,
            })
        })
    }

    fn quarantined(&self) -> Wait<'_, Result<Vec<(RelocationId, String)>, StoreError>> {
        Box::pin(self.read("reading the quarantine", |db| {
            db.prepare_cached("SELECT relocation, reason FROM quarantine ORDER BY relocation")?
                .query_map([], |row| Ok((rows::id(row.get(0)?), text(row, 1)?)))?
                .collect()
        }))
    }

    fn bury(&self, letter: DeadLetter) -> Wait<'_, Result<(), StoreError>> {
        Box::pin(async move {
            let body = rows::json(&letter)?;
            self.write(Bury { letter, body }).await
        })
    }

    fn dead_letters(&self, limit: usize) -> Wait<'_, Result<Vec<DeadLetter>, StoreError>> {
        const WHAT: &str = "reading dead letters";
        Box::pin(async move {
            let read = move |db: &Connection| {
                db.prepare_cached("SELECT body FROM dead_letter WHERE settled IS NULL ORDER BY at DESC, rowid DESC LIMIT ?1")?
                    .query_map([rows::limit(limit)], |row| row.get(0))?
                    .collect::<Result<Vec<String>, _>>()
            };
            self.read(WHAT, read).await?.iter().map(|body| rows::from_json(WHAT, body)).collect()
        })
    }
}

/// Claims due tickets. Those in quarantine are not woken.
#[derive(Clone, Copy)]
struct Claim {
    now: i64,
    until: i64,
    limit: i64,
}

const DUE: &str = "SELECT number FROM ticket WHERE wakes_at <= ?1
    AND NOT EXISTS (SELECT 1 FROM quarantine WHERE quarantine.relocation = ticket.id) ORDER BY wakes_at LIMIT ?2";

impl Claim {
    fn anything_due(&self, db: &Connection) -> rusqlite::Result<bool> {
        db.prepare_cached(DUE)?.exists(params![self.now, self.limit.min(1)])
    }
}

impl Write for Claim {
    type Answer = Vec<Raw>;
    const WHAT: &'static str = "claiming due tickets";

    fn execute(&self, db: &Connection) -> rusqlite::Result<Vec<Raw>> {
        let due: Vec<i64> = db
            .prepare_cached(DUE)?
            .query_map([self.now, self.limit], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        let mut claim = db.prepare_cached("UPDATE ticket SET wakes_at = ?2 WHERE number = ?1")?;
        let mut read = db.prepare_cached(&format!("{RAW} WHERE ticket.number = ?1"))?;
        due.into_iter()
            .map(|number| {
                claim.execute([number, self.until])?;
                read.query_row([number], raw)
            })
            .collect()
    }
}

struct SetAside {
    relocation: RelocationId,
    reason: String,
}

impl Write for SetAside {
    type Answer = bool;
    const WHAT: &'static str = "setting a ticket aside";

    fn execute(&self, db: &Connection) -> rusqlite::Result<bool> {
        let added = db
            .prepare_cached(
                "INSERT INTO quarantine (relocation, reason) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            )?
            .execute(params![rows::key(self.relocation), self.reason])?;
        Ok(added > 0)
    }
}

struct Readmit(RelocationId);

impl Write for Readmit {
    type Answer = ();
    const WHAT: &'static str = "taking a ticket back from quarantine";

    fn execute(&self, db: &Connection) -> rusqlite::Result<()> {
        db.prepare_cached("DELETE FROM quarantine WHERE relocation = ?1")?.execute([rows::key(self.0)])?;
        Ok(())
    }
}

struct Bury {
    letter: DeadLetter,
    body: String,
}

impl Write for Bury {
    type Answer = ();
    const WHAT: &'static str = "keeping a dead letter";

    fn execute(&self, db: &Connection) -> rusqlite::Result<()> {
        db.prepare_cached(
            "INSERT INTO dead_letter (id, at, body) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
        )?
        .execute(params![
            rows::letter_key(&self.letter),
            rows::not_after(self.letter.at),
            self.body
        ])?;
        Ok(())
    }
}
