//! Committing steps: the one write that moves tickets.
//!
//! Rows are locked in one order, in which whatever runs into another transaction waits for it and never in a circle:
//! the tickets there are, by id; the resources held, by name; then, writing, new tickets by id, new locks by name.

use std::collections::HashSet;

use futures::join;
use rehome_domain::{
    id::RelocationId,
    ports::Committed,
    status::{CutoverStatus, ReservationStatus},
};
use tokio_postgres::{Row, Statement, types::ToSql};
use uuid::Uuid;

use super::{
    plan::{Known, Plan, Standing, Step},
    session::{Session, Work},
    trouble::Trouble,
};
use crate::rows::{self, RequestRow};

/// A batch of steps, done in one transaction.
pub(super) struct Commit<'a>(pub(super) &'a [Step]);

impl Work for Commit<'_> {
    type Answer = Vec<Committed>;

    fn what(&self) -> &'static str {
        "committing steps"
    }

    fn requests(&self) -> usize {
        self.0.len()
    }

    /// Done a second time, its steps would be told to have been seen: that is for whoever asked to find out.
    fn repeatable(&self) -> bool {
        false
    }

    /// One locked ticket keeps all of the batch waiting: the supervisor does them one by one instead.
    fn waits_again(&self) -> bool {
        false
    }

    async fn attempt(&self, session: &Session) -> Result<Vec<Committed>, Trouble> {
        let plan = Plan::of(self.0, self.standing(session).await?);
        plan.write(session).await?;
        Ok(plan.answers)
    }
}

// ---------------------------------------------------------------------------------------------------------------
// Reading

const LOCK_TICKETS: &str =
    "SELECT id, version, locked FROM ticket WHERE id = ANY ($1) ORDER BY id FOR UPDATE";

const SEEN: &str = "SELECT journal.relocation, journal.cause
    FROM unnest($1::uuid[], $2::text[]) AS asked (relocation, cause)
    JOIN journal ON journal.relocation = asked.relocation AND journal.cause = asked.cause";

const SET_ASIDE: &str = "SELECT relocation FROM quarantine WHERE relocation = ANY ($1)";

/// Only of tickets that take their resources or give them back: the others have nothing to do with resource_lock.
const LOCK_HELD: &str = "SELECT resource, ticket FROM resource_lock
    WHERE resource IN (
        SELECT unnest(ARRAY[asked.l3, asked.l2, asked.service])
        FROM unnest($1::uuid[], $2::boolean[], $3::text[], $4::text[], $5::text[])
            AS asked (ticket, locked, l3, l2, service)
        LEFT JOIN ticket ON ticket.id = asked.ticket
        WHERE ticket.locked IS DISTINCT FROM asked.locked)
    ORDER BY resource FOR UPDATE";

impl Commit<'_> {
    /// Locks what the batch is about and reads what it is decided over, in one round trip. Each statement sees all that
    /// was committed before the locks of those in front of it were had.
    async fn standing(&self, session: &Session) -> Result<Standing, Trouble> {
        let statements = session.prepare([LOCK_TICKETS, SEEN, SET_ASIDE, LOCK_HELD]).await?;
        let [lock_tickets, seen, set_aside, lock_held] = &statements;
        let every = |step: fn(&Step) -> &str| self.0.iter().map(step).collect::<Vec<_>>();
        let ids: Vec<Uuid> = self.0.iter().map(|step| step.id().0).collect();
        let locked: Vec<bool> = self.0.iter().map(|step| step.change.locked).collect();
        let causes = every(|step| &step.cause);
        let [l3, l2, service] = [
            every(|step| &step.resources[0]),
            every(|step| &step.resources[1]),
            every(|step| &step.resources[2]),
        ];
        let (begun, tickets, seen, set_aside, held) = join!(
            session.begin(),
            session.query(lock_tickets, vec![&ids]),
            session.query(seen, vec![&ids, &causes]),
            session.query(set_aside, vec![&ids]),
            session.query(lock_held, vec![&ids, &locked, &l3, &l2, &service]),
        );
        begun?;
        Ok(Standing {
            tickets: tickets?.iter().map(known).collect::<Result<_, _>>()?,
            seen: seen?
                .iter()
                .map(|row| Ok((RelocationId(row.try_get(0)?), row.try_get(1)?)))
                .collect::<Result<_, Trouble>>()?,
            set_aside: set_aside?
                .iter()
                .map(|row| Ok(RelocationId(row.try_get(0)?)))
                .collect::<Result<HashSet<_>, Trouble>>()?,
            holders: held?
                .iter()
                .map(|row| Ok((row.try_get(0)?, RelocationId(row.try_get(1)?))))
                .collect::<Result<_, Trouble>>()?,
        })
    }
}

fn known(row: &Row) -> Result<(RelocationId, Known), Trouble> {
    let version: i64 = row.try_get(1)?;
    Ok((RelocationId(row.try_get(0)?), Known { version: version.cast_unsigned(), locked: row.try_get(2)? }))
}

// ---------------------------------------------------------------------------------------------------------------
// Writing

const UPDATE_TICKETS: &str = "UPDATE ticket SET
        version = new.version, relocation_status = new.relocation_status,
        reservation_status = new.reservation_status, cutover_status = new.cutover_status,
        disposition = new.disposition, locked = new.locked, wakes_at = new.wakes_at, body = new.body,
        held_back = new.held_back, standing = new.standing, changed_at = new.changed_at,
        standing_of = new.version
    FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::boolean[],
                $8::bigint[], $9::text[], $10::boolean[], $11::smallint[], $12::bigint[])
        AS new (id, version, relocation_status, reservation_status, cutover_status, disposition, locked, wakes_at,
                body, held_back, standing, changed_at)
    WHERE ticket.id = new.id";

/// Another process may have submitted the same in the meantime: then the primary key says so.
const INSERT_TICKETS: &str = "INSERT INTO ticket
        (id, version, relocation_status, reservation_status, cutover_status, disposition, locked, wakes_at, body,
         held_back, standing, changed_at, standing_of)
    SELECT new.*, new.version
    FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::boolean[],
                $8::bigint[], $9::text[], $10::boolean[], $11::smallint[], $12::bigint[]) AS new (id, version)";

/// Pieces of text come as the text of an array: there are no arrays of arrays of different lengths.
const INSERT_REQUESTS: &str = "INSERT INTO request
        (ticket, body, submitted_at, service_id, customer, devices, told, grams)
    SELECT ticket, body, submitted_at, service_id, customer, devices, told, grams::smallint[]
    FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[])
        AS new (ticket, body, submitted_at, service_id, customer, devices, told, grams)";

const INSERT_ENTRIES: &str = "INSERT INTO journal (relocation, seq, cause, body)
    SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[])";

const DELETE_LOCKS: &str = "DELETE FROM resource_lock
    USING unnest($1::text[], $2::uuid[]) AS freed (resource, ticket)
    WHERE resource_lock.resource = freed.resource AND resource_lock.ticket = freed.ticket";

/// Another process may have taken one in the meantime: then the primary key says so, and who it is is found when the
/// transaction is made again.
const INSERT_LOCKS: &str =
    "INSERT INTO resource_lock (resource, ticket) SELECT * FROM unnest($1::text[], $2::uuid[])";

impl Plan<'_> {
    /// Writes all and commits, in one round trip.
    pub(super) async fn write(&self, session: &Session) -> Result<(), Trouble> {
        let statements = session
            .prepare([
                UPDATE_TICKETS,
                INSERT_TICKETS,
                INSERT_REQUESTS,
                INSERT_ENTRIES,
                DELETE_LOCKS,
                INSERT_LOCKS,
            ])
            .await?;
        let [update, insert, requests, entries, free, take] = &statements;
        let (updated, inserted) = (Tickets::of(self.updates.values()), Tickets::of(self.inserts.values()));
        let requested = Requests::of(&self.entries);
        let journaled = Entries::of(&self.entries);
        let freed: Pairs<&str, Uuid> =
            self.frees.iter().map(|(resource, id)| (resource.as_str(), id.0)).unzip();
        let taken: Pairs<&str, Uuid> = self.takes.iter().map(|(resource, id)| (*resource, id.0)).unzip();

        let mut writes = Vec::with_capacity(6);
        for (tickets, statement) in [(&updated, update), (&inserted, insert)] {
            if !tickets.ids.is_empty() {
                writes.push(tickets.write(session, statement));
            }
        }
        if !requested.ids.is_empty() {
            writes.push(requested.write(session, requests));
        }
        if !self.entries.is_empty() {
            writes.push(journaled.write(session, entries));
        }
        for (locks, statement) in [(&freed, free), (&taken, take)] {
            if !locks.0.is_empty() {
                writes.push(session.execute(statement, vec![&locks.0, &locks.1]));
            }
        }
        session.finish(writes).await
    }
}

/// Two columns.
type Pairs<A, B> = (Vec<A>, Vec<B>);

/// A write on its way.
type Write<'a> = rehome_domain::ports::Wait<'a, Result<u64, tokio_postgres::Error>>;

/// Rows of tickets, column by column.
#[derive(Default)]
struct Tickets<'a> {
    ids: Vec<Uuid>,
    versions: Vec<i64>,
    relocation: Vec<&'static str>,
    reservation: Vec<Option<&'static str>>,
    cutover: Vec<Option<&'static str>>,
    disposition: Vec<&'static str>,
    locked: Vec<bool>,
    wakes_at: Vec<Option<i64>>,
    bodies: Vec<&'a str>,
    held_back: Vec<bool>,
    standings: Vec<i16>,
    changed: Vec<i64>,
}

impl<'a> Tickets<'a> {
    fn of<'s: 'a>(steps: impl Iterator<Item = &'a &'s Step>) -> Self {
        let mut columns = Self::default();
        for step in steps {
            let ticket = &step.change.ticket;
            columns.ids.push(ticket.id.0);
            columns.versions.push(ticket.version.cast_signed());
            columns.relocation.push(ticket.state.relocation.wire());
            columns.reservation.push(ticket.state.reservation.map(ReservationStatus::wire));
            columns.cutover.push(ticket.state.cutover.map(CutoverStatus::wire));
            columns.disposition.push(ticket.state.disposition.wire());
            columns.locked.push(step.change.locked);
            columns.wakes_at.push(ticket.due().map(rows::not_before));
            columns.bodies.push(&step.ticket);
            columns.held_back.push(ticket.held_back);
            columns.standings.push(ticket.standing().code());
            columns.changed.push(rows::not_after(ticket.changed_at));
        }
        columns
    }

    fn write<'w>(&'w self, session: &'w Session, statement: &'w Statement) -> Write<'w> {
        session.execute(
            statement,
            vec![
                &self.ids,
                &self.versions,
                &self.relocation,
                &self.reservation,
                &self.cutover,
                &self.disposition,
                &self.locked,
                &self.wakes_at,
                &self.bodies,
                &self.held_back,
                &self.standings,
                &self.changed,
            ],
        )
    }
}

/// Rows of requests, column by column.
#[derive(Default)]
pub(super) struct Requests<'a> {
    ids: Vec<Uuid>,
    bodies: Vec<&'a str>,
    submitted: Vec<i64>,
    services: Vec<&'a str>,
    customers: Vec<&'a str>,
    devices: Vec<&'a str>,
    told: Vec<&'a str>,
    grams: Vec<String>,
}

impl<'a> Requests<'a> {
    fn of(steps: &[&'a Step]) -> Self {
        let mut columns = Self::default();
        for (step, request) in steps.iter().filter_map(|step| Some((step, step.request.as_ref()?))) {
            columns.push(step.id().0, request);
        }
        columns
    }

    pub(super) fn push(&mut self, ticket: Uuid, request: &'a RequestRow) {
        let RequestRow { body, submitted_at, columns } = request;
        self.ids.push(ticket);
        self.bodies.push(body);
        self.submitted.push(*submitted_at);
        self.services.push(&columns.service_id);
        self.customers.push(&columns.customer);
        self.devices.push(&columns.devices);
        self.told.push(&columns.told);
        self.grams.push(rows::array(columns.grams()));
    }

    fn write<'w>(&'w self, session: &'w Session, statement: &'w Statement) -> Write<'w> {
        session.execute(statement, self.params())
    }

    pub(super) fn params(&self) -> Vec<&(dyn ToSql + Sync)> {
        vec![
            &self.ids,
            &self.bodies,
            &self.submitted,
            &self.services,
            &self.customers,
            &self.devices,
            &self.told,
            &self.grams,
        ]
    }
}

/// Rows of journals, column by column.
#[derive(Default)]
struct Entries<'a> {
    ids: Vec<Uuid>,
    seqs: Vec<i64>,
    causes: Vec<&'a str>,
    bodies: Vec<&'a str>,
}

impl<'a> Entries<'a> {
    fn of(steps: &[&'a Step]) -> Self {
        let mut columns = Self::default();
        for step in steps {
            columns.ids.push(step.id().0);
            columns.seqs.push(step.change.entry.seq.cast_signed());
            columns.causes.push(&step.cause);
            columns.bodies.push(&step.entry);
        }
        columns
    }

    fn write<'w>(&'w self, session: &'w Session, statement: &'w Statement) -> Write<'w> {
        session.execute(statement, vec![&self.ids, &self.seqs, &self.causes, &self.bodies])
    }
}
