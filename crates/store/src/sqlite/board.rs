//! Lists. A list sorted by urgency or change is put together from the stretches of one index; for the others all that is
//! let in is sorted.

use rehome_domain::{
    board::{Cursor, Filter, Key, Look, MAX_COUNT, Page, SortBy, Span, Tally, folded, micros},
    id::RelocationId,
    ports::{Board, Loaded, StoreError, TicketStore, Wait},
};
use rusqlite::{Connection, Row, ToSql, params_from_iter};
use uuid::Uuid;

use super::Sqlite;
use crate::{
    board::{Part, Places, admits, parts, place, sound},
    rows,
    search::{self, Columns},
};

const WHAT: &str = "reading a list";

/// Conditions of a statement, and their parameters in order.
#[derive(Default)]
struct Conditions {
    text: Vec<String>,
    params: Vec<Box<dyn ToSql>>,
}

impl Conditions {
    /// Whether anything is asked of the request's row.
    fn of(filter: &Filter) -> (Self, bool) {
        let mut all = Self::default();
        all.span("ticket.changed_at", filter.changed);
        let of_ticket = all.text.len();
        all.span("request.submitted_at", filter.submitted);
        if let Some(customer) = &filter.customer {
            all.add("request.customer = ?", customer.clone());
        }
        if let Some(device) = &filter.device {
            all.add("instr(request.devices, ?) > 0", search::in_devices(device));
        }
        if let Some(text) = &filter.text {
            all.add("instr(request.told, ?) > 0", folded(text));
        }
        let of_request = all.text.len() > of_ticket;
        (all, of_request)
    }

    fn add(&mut self, text: &str, param: impl ToSql + 'static) {
        self.text.push(text.to_owned());
        self.params.push(Box::new(param));
    }

    fn span(&mut self, column: &str, span: Span) {
        if let Some(since) = span.since {
            self.add(&format!("{column} >= ?"), micros(since));
        }
        if let Some(until) = span.until {
            self.add(&format!("{column} < ?"), micros(until));
        }
    }

    /// That a row comes after a place.
    fn after(&mut self, columns: &str, way: &str, key: impl ToSql + 'static, id: Uuid) {
        self.text.push(format!("({columns}) {way} (?, ?)"));
        self.params.push(Box::new(key));
        self.params.push(Box::new(id.into_bytes()));
    }

    fn and(&self) -> String {
        if self.text.is_empty() { "TRUE".to_owned() } else { self.text.join(" AND ") }
    }

    fn query<T>(
        &self,
        db: &Connection,
        sql: &str,
        read: impl Fn(&Row<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<Vec<T>> {
        db.prepare_cached(sql)?.query_map(params_from_iter(&self.params), |row| read(row))?.collect()
    }
}

const fn way(down: bool) -> (&'static str, &'static str) {
    if down { ("DESC", "<") } else { ("ASC", ">") }
}

/// The standings there are that a filter lets in.
fn standings(db: &Connection, filter: &Filter) -> rusqlite::Result<Vec<i16>> {
    // Each different one by a step down the index, instead of all rows.
    const NEXT: &str = "SELECT min(standing) FROM ticket WHERE standing > ?1";
    let mut next = db.prepare_cached(NEXT)?;
    let (mut codes, mut last) = (Vec::new(), i16::MIN);
    while let Some(code) = next.query_row([last], |row| row.get::<_, Option<i16>>(0))? {
        last = code;
        if admits(filter, code) {
            codes.push(code);
        }
    }
    Ok(codes)
}

/// The first rows of a part of a list sorted by urgency or change.
fn by_change(db: &Connection, look: &Look, part: &Part, wanted: usize) -> rusqlite::Result<Vec<Cursor>> {
    let (way, beyond) = way(part.down);
    let mut found = Vec::new();
    for stretch in &part.stretches {
        let (mut all, of_request) = Conditions::of(&look.filter);
        all.add("ticket.standing = ?", stretch.code);
        all.after("ticket.changed_at, ticket.id", beyond, stretch.after.0, stretch.after.1);
        let join = if of_request { "JOIN request ON request.ticket = ticket.number" } else { "" };
        let sql = format!(
            "SELECT ticket.id, ticket.changed_at FROM ticket {join} WHERE {}
             ORDER BY ticket.changed_at {way}, ticket.id {way} LIMIT {wanted}",
            all.and()
        );
        found.extend(all.query(db, &sql, |row| {
            Ok(place(look.order.by, Uuid::from_bytes(row.get(0)?), stretch.code, row.get(1)?))
        })?);
    }
    found.sort_by(|one, other| look.order.compare(one, other));
    found.truncate(wanted);
    Ok(found)
}

/// The first rows of a list sorted by what was asked for.
fn by_request(db: &Connection, look: &Look, codes: &[i16], wanted: usize) -> rusqlite::Result<Vec<Cursor>> {
    let (way, beyond) = way(look.order.descending);
    let (mut all, _) = Conditions::of(&look.filter);
    all.text.push(format!("ticket.standing IN ({})", list(codes)));
    let column = match look.order.by {
        SortBy::Customer => "request.customer",
        SortBy::Service => "request.service_id",
        SortBy::Submitted | SortBy::Urgency | SortBy::Changed => "request.submitted_at",
    };
    let columns = format!("{column}, ticket.id");
    match look.after.as_ref().map(|after| (&after.key, after.id.0)) {
        Some((Key::Submitted(at), id)) => all.after(&columns, beyond, *at, id),
        Some((Key::Service(text) | Key::Customer(text), id)) => {
            all.after(&columns, beyond, text.clone(), id);
        }
        Some((Key::Urgency(..) | Key::Changed(_), _)) | None => {}
    }
    let sql = format!(
        "SELECT ticket.id, {column} FROM ticket JOIN request ON request.ticket = ticket.number WHERE {}
         ORDER BY {column} {way}, ticket.id {way} LIMIT {wanted}",
        all.and()
    );
    all.query(db, &sql, |row| {
        let key = match look.order.by {
            SortBy::Customer => Key::Customer(row.get(1)?),
            SortBy::Service => Key::Service(row.get(1)?),
            SortBy::Submitted | SortBy::Urgency | SortBy::Changed => Key::Submitted(row.get(1)?),
        };
        Ok(Cursor { key, id: RelocationId(Uuid::from_bytes(row.get(0)?)) })
    })
}

fn list(codes: &[i16]) -> String {
    codes.iter().map(i16::to_string).collect::<Vec<_>>().join(", ")
}

fn places(db: &Connection, look: &Look) -> rusqlite::Result<Places> {
    let wanted = look.skip + look.limit + 1;
    let codes = standings(db, &look.filter)?;
    let mut found = Vec::new();
    if matches!(look.order.by, SortBy::Urgency | SortBy::Changed) {
        for part in parts(look.order, &codes, look.after.as_ref()) {
            if found.len() < wanted {
                found.extend(by_change(db, look, &part, wanted - found.len())?);
            }
        }
    } else {
        found = by_request(db, look, &codes, wanted)?;
    }
    Ok(Places { found, more: None }.cut(look.skip, look.limit))
}

impl Board for Sqlite {
    fn page(&self, look: Look) -> Wait<'_, Result<Page, StoreError>> {
        Box::pin(async move {
            sound(WHAT, &look.faults())?;
            let places = self.read(WHAT, move |db| places(db, &look)).await?;
            let loaded: Vec<Loaded> = self.load(places.ids()).await?;
            Ok(places.page(loaded))
        })
    }

    fn count(&self, filter: Filter, at_most: u64) -> Wait<'_, Result<Tally, StoreError>> {
        Box::pin(async move {
            sound(WHAT, &filter.faults())?;
            let at_most = at_most.min(MAX_COUNT);
            let count = move |db: &Connection| {
                let codes = standings(db, &filter)?;
                let (mut all, of_request) = Conditions::of(&filter);
                all.text.push(format!("ticket.standing IN ({})", list(&codes)));
                let join = if of_request { "JOIN request ON request.ticket = ticket.number" } else { "" };
                let (all_of_it, more) = (all.and(), at_most.saturating_add(1));
                let sql = format!(
                    "SELECT count(*) FROM (SELECT 1 FROM ticket {join} WHERE {all_of_it} LIMIT {more})"
                );
                all.query(db, &sql, |row| row.get::<_, i64>(0))
            };
            let tickets = self.read(WHAT, count).await?.pop().unwrap_or_default().cast_unsigned();
            Ok(Tally { tickets: tickets.min(at_most), exact: tickets <= at_most })
        })
    }
}

/// Tickets at once when rows of before are filled in.
const ROWS: i64 = 2000;

/// Gives rows of before what lists go by; what can't be read stays as unknown.
pub(super) fn fill(db: &Connection) -> rusqlite::Result<()> {
    let mut next = db.prepare(
        "SELECT ticket.number, ticket.id, ticket.version, ifnull(request.body, ''), ticket.body
         FROM ticket LEFT JOIN request ON request.ticket = ticket.number
         WHERE ticket.number > ?1 ORDER BY ticket.number LIMIT ?2",
    )?;
    let mut after = i64::MIN;
    loop {
        let found = next
            .query_map([after, ROWS], |row| {
                let (request, body) = (super::tickets::text(row, 3)?, super::tickets::text(row, 4)?);
                let version = super::tickets::number(row, 2).unwrap_or_default();
                Ok((row.get::<_, i64>(0)?, rows::ticket(rows::id(row.get(1)?), version, &request, &body)))
            })?
            .collect::<rusqlite::Result<Vec<_>>>()?;
        let Some((last, _)) = found.last() else { return Ok(()) };
        after = *last;
        for (number, loaded) in found {
            let Loaded::Ticket(ticket) = loaded else { continue };
            let Columns { service_id, customer, devices, told } = Columns::of(&ticket.request);
            db.prepare_cached("UPDATE ticket SET standing = ?2, changed_at = ?3 WHERE number = ?1")?
                .execute((number, ticket.standing().code(), rows::not_after(ticket.changed_at)))?;
            db.prepare_cached(
                "UPDATE request SET submitted_at = ?2, service_id = ?3, customer = ?4, devices = ?5, told = ?6
                 WHERE ticket = ?1",
            )?
            .execute((
                number,
                rows::not_after(ticket.submitted_at),
                service_id,
                customer,
                devices,
                told,
            ))?;
        }
    }
}
