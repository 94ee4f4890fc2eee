//! Giving rows of before what lists go by.

use rehome_domain::{id::RelocationId, ports::Loaded, request::Request, ticket::Ticket};
use tokio_postgres::{Error, Transaction, types::ToSql};
use uuid::Uuid;

use crate::{rows, search::Columns};

/// Rows at once.
const ROWS: i64 = 2000;

const NEXT: &str = "SELECT ticket.id, ticket.version, coalesce(request.body, ''), ticket.body
    FROM ticket LEFT JOIN request ON request.ticket = ticket.id
    WHERE ticket.id > $1 ORDER BY ticket.id LIMIT $2";

const FILL_TICKETS: &str = "UPDATE ticket SET standing = new.standing, changed_at = new.changed_at
    FROM unnest($1::uuid[], $2::smallint[], $3::bigint[]) AS new (id, standing, changed_at)
    WHERE ticket.id = new.id";

const FILL_REQUESTS: &str = "UPDATE request SET submitted_at = new.submitted_at, service_id = new.service_id,
        customer = new.customer, devices = new.devices, told = new.told, grams = new.grams::smallint[]
    FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
        AS new (ticket, submitted_at, service_id, customer, devices, told, grams)
    WHERE request.ticket = new.ticket";

/// Fills in the columns of every ticket that can be read; what can't stays as unknown.
pub(in crate::postgres) async fn fill(transaction: &Transaction<'_>) -> Result<(), Error> {
    let mut after = Uuid::nil();
    loop {
        let found = transaction.query(NEXT, &[&after, &ROWS]).await?;
        let Some(last) = found.last() else { return Ok(()) };
        after = last.try_get(0)?;
        let mut filled = Filled::default();
        for row in &found {
            let version: i64 = row.try_get(1)?;
            let (request, body): (&str, &str) = (row.try_get(2)?, row.try_get(3)?);
            let id = RelocationId(row.try_get(0)?);
            if let Loaded::Ticket(ticket) = rows::ticket(id, version.cast_unsigned(), request, body) {
                filled.take(&ticket);
            }
        }
        transaction.execute(FILL_TICKETS, &filled.tickets()).await?;
        transaction.execute(FILL_REQUESTS, &filled.requests()).await?;
    }
}

/// What is filled in, column by column.
#[derive(Default)]
struct Filled {
    ids: Vec<Uuid>,
    standings: Vec<i16>,
    changed: Vec<i64>,
    submitted: Vec<i64>,
    services: Vec<String>,
    customers: Vec<String>,
    devices: Vec<String>,
    told: Vec<String>,
    grams: Vec<String>,
}

impl Filled {
    fn take(&mut self, ticket: &Ticket) {
        let request: &Request = &ticket.request;
        let columns = Columns::of(request);
        self.ids.push(ticket.id.0);
        self.standings.push(ticket.standing().code());
        self.changed.push(rows::not_after(ticket.changed_at));
        self.submitted.push(rows::not_after(ticket.submitted_at));
        self.grams.push(rows::array(columns.grams()));
        let Columns { service_id, customer, devices, told } = columns;
        self.services.push(service_id);
        self.customers.push(customer);
        self.devices.push(devices);
        self.told.push(told);
    }

    fn tickets(&self) -> [&(dyn ToSql + Sync); 3] {
        [&self.ids, &self.standings, &self.changed]
    }

    fn requests(&self) -> [&(dyn ToSql + Sync); 7] {
        [&self.ids, &self.submitted, &self.services, &self.customers, &self.devices, &self.told, &self.grams]
    }
}
