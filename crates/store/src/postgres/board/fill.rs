//! Giving rows what lists go by, where a process of before has written them without.

use std::{sync::Arc, time::Duration};

use rehome_domain::{
    id::RelocationId,
    ports::{Loaded, Unreadable},
    ticket::Ticket,
};
use tokio::{runtime::Handle, task::JoinHandle, time::sleep};
use tokio_postgres::{Error, Row, Transaction, types::ToSql};
use uuid::Uuid;

use crate::{
    postgres::{
        commit::Requests,
        session::{Db, Session, Work},
        trouble::Trouble,
    },
    rows::{self, RequestRow},
};

/// Rows at once while a schema is brought up.
const ROWS: i64 = 2000;
/// Rows at once beside those at work, who wait for them meanwhile: some milliseconds.
const FEW: i64 = 256;
/// How often rows that a process of before has written are looked for. One look costs a step into an empty index.
const EVERY: Duration = Duration::from_secs(2);
/// The pause where there may be more: others are at work.
const BREATH: Duration = Duration::from_millis(50);

const NEXT: &str = "SELECT ticket.id, ticket.version, coalesce(request.body, ''), ticket.body
    FROM ticket LEFT JOIN request ON request.ticket = ticket.id
    WHERE ticket.id > $1 ORDER BY ticket.id LIMIT $2";

/// Mostly there is none, and this is all that a look costs: no transaction.
const IS_ANY: &str = "SELECT id FROM ticket WHERE standing_of <> version LIMIT 1";

/// Whoever has one locked is stepping it: if without what lists go by, it is found at the next look.
const STALE: &str = "SELECT ticket.id, ticket.version, coalesce(request.body, ''), ticket.body
    FROM ticket LEFT JOIN request ON request.ticket = ticket.id
    WHERE ticket.standing_of <> ticket.version ORDER BY ticket.id LIMIT $1 FOR UPDATE OF ticket SKIP LOCKED";

const FILL_TICKETS: &str = "UPDATE ticket SET standing = new.standing, changed_at = new.changed_at
    FROM unnest($1::uuid[], $2::smallint[], $3::bigint[]) AS new (id, standing, changed_at)
    WHERE ticket.id = new.id";

/// What can't be read keeps its standing, and is not looked at again before it is written again.
const MEND_TICKETS: &str = "UPDATE ticket SET standing = coalesce(new.standing, ticket.standing),
        changed_at = coalesce(new.changed_at, ticket.changed_at), standing_of = ticket.version
    FROM unnest($1::uuid[], $2::smallint[], $3::bigint[]) AS new (id, standing, changed_at)
    WHERE ticket.id = new.id";

/// Only those that a process of before has written: the others have it all, and their pieces cost most.
const FILL_REQUESTS: &str = "UPDATE request SET submitted_at = new.submitted_at, service_id = new.service_id,
        customer = new.customer, devices = new.devices, told = new.told, grams = new.grams::smallint[]
    FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[])
        AS new (ticket, body, submitted_at, service_id, customer, devices, told, grams)
    WHERE request.ticket = new.ticket AND request.submitted_at = 0";

/// Fills in the columns of every ticket that can be read; what can't stays as unknown.
pub(in crate::postgres) async fn fill(transaction: &Transaction<'_>) -> Result<(), Error> {
    let mut after = Uuid::nil();
    loop {
        let found = transaction.query(NEXT, &[&after, &ROWS]).await?;
        let Some(last) = found.last() else { return Ok(()) };
        after = last.try_get(0)?;
        let filled = Filled::of(&found)?;
        transaction.execute(FILL_TICKETS, &filled.tickets()).await?;
        transaction.execute(FILL_REQUESTS, &filled.requests().params()).await?;
    }
}

/// What is filled in: of tickets column by column, of requests row by row.
#[derive(Default)]
struct Filled {
    ids: Vec<Uuid>,
    standings: Vec<Option<i16>>,
    changed: Vec<Option<i64>>,
    requests: Vec<(Uuid, RequestRow)>,
    /// Those that can't be read.
    spoilt: Vec<Uuid>,
}

impl Filled {
    fn of(found: &[Row]) -> Result<Self, Error> {
        let mut filled = Self::default();
        for row in found {
            let (id, version): (Uuid, i64) = (row.try_get(0)?, row.try_get(1)?);
            let (request, body): (&str, &str) = (row.try_get(2)?, row.try_get(3)?);
            match rows::ticket(RelocationId(id), version.cast_unsigned(), request, body) {
                Loaded::Ticket(ticket) => filled.take(&ticket),
                // A newer process's: its to mend.
                Loaded::Unreadable(Unreadable::Newer { .. }) => {}
                Loaded::Unreadable(Unreadable::Spoilt(_)) | Loaded::Missing => filled.spoilt.push(id),
            }
        }
        Ok(filled)
    }

    fn take(&mut self, ticket: &Ticket) {
        // What has just been read can be written.
        let Ok(request) = RequestRow::of(ticket) else { return self.spoilt.push(ticket.id.0) };
        self.ids.push(ticket.id.0);
        self.standings.push(Some(ticket.standing().code()));
        self.changed.push(Some(rows::not_after(ticket.changed_at)));
        self.requests.push((ticket.id.0, request));
    }

    /// Those that can't be read too, with nothing to fill in.
    fn with_spoilt(mut self) -> Self {
        self.ids.append(&mut self.spoilt);
        self.standings.resize(self.ids.len(), None);
        self.changed.resize(self.ids.len(), None);
        self
    }

    fn tickets(&self) -> [&(dyn ToSql + Sync); 3] {
        [&self.ids, &self.standings, &self.changed]
    }

    fn requests(&self) -> Requests<'_> {
        let mut columns = Requests::default();
        for (ticket, request) in &self.requests {
            columns.push(*ticket, request);
        }
        columns
    }
}

/// Puts the first few right that a process of before has written. Answers whether there may be more.
struct Mend;

impl Work for Mend {
    type Answer = bool;

    fn what(&self) -> &'static str {
        "putting lists right"
    }

    /// Nobody asked.
    fn requests(&self) -> usize {
        0
    }

    fn repeatable(&self) -> bool {
        true
    }

    /// There is another look.
    fn waits_again(&self) -> bool {
        false
    }

    async fn attempt(&self, session: &Session) -> Result<bool, Trouble> {
        let [is_any] = &session.prepare([IS_ANY]).await?;
        if session.query(is_any, Vec::new()).await?.is_empty() {
            return Ok(false);
        }
        let [stale, tickets, requests] = &session.prepare([STALE, MEND_TICKETS, FILL_REQUESTS]).await?;
        session.begin().await?;
        let found = session.query(stale, vec![&FEW]).await?;
        let filled = Filled::of(&found)?.with_spoilt();
        if filled.ids.is_empty() {
            session.finish(Vec::new()).await?;
            return Ok(false);
        }
        tracing::debug!(tickets = filled.ids.len(), "tickets of a process of before are put right in lists");
        let columns = filled.requests();
        session
            .finish(vec![
                session.execute(tickets, filled.tickets().to_vec()),
                session.execute(requests, columns.params()),
            ])
            .await?;
        Ok(rows::limit(found.len()) == FEW)
    }
}

/// Puts right what processes of before write beside, for as long as it is there.
pub(in crate::postgres) struct Mending(JoinHandle<()>);

impl Mending {
    pub(in crate::postgres) fn start(runtime: &Handle, db: Arc<Db>) -> Self {
        Self(runtime.spawn(async move {
            loop {
                let pause = match db.transact(&Mend).await {
                    Ok(true) => BREATH,
                    Ok(false) => EVERY,
                    Err(trouble) => {
                        tracing::debug!(?trouble, "lists could not be put right, trying again");
                        EVERY
                    }
                };
                sleep(pause).await;
            }
        }))
    }

    /// It mends no more.
    pub(in crate::postgres) fn end(&self) {
        self.0.abort();
    }
}

impl Drop for Mending {
    fn drop(&mut self) {
        self.end();
    }
}
