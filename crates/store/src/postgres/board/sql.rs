//! The statements that lists are read with.

use rehome_domain::board::{Cursor, Filter, Key, Look, Named, SortBy, Span, micros};
use tokio_postgres::types::{ToSql, Type};

use super::{super::session::Param, pieces::Worth};
use crate::{
    board::{Part, parts},
    search,
};

/// A statement and its parameters in the making.
#[derive(Default)]
pub(super) struct Sql {
    text: String,
    params: Vec<Param>,
}

impl Sql {
    /// A parameter, as it stands in the text.
    fn bind<T: ToSql + Sync + Send + 'static>(&mut self, value: T, kind: Type) -> String {
        self.params.push((Box::new(value), kind));
        format!("${}", self.params.len())
    }

    fn with(self, text: String) -> Self {
        Self { text, ..self }
    }

    pub(super) fn done(self) -> (String, Vec<Param>) {
        (self.text, self.params)
    }
}

/// What a filter asks of the rows: of `t` (ticket) and `r` (request).
#[derive(Clone, Copy)]
pub(super) struct Conditions<'a> {
    pub(super) filter: &'a Filter,
    /// The standings it lets in; none if it lets in any.
    pub(super) codes: Option<&'a [i16]>,
    /// What of it the indexes are asked for.
    pub(super) worth: &'a Worth,
}

/// A part of a filter whose tickets are fetched by an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Narrow {
    /// A device, of the request.
    Device,
    /// What was asked for.
    Request,
    /// How it stands, and when it changed.
    Standing,
}

impl Conditions<'_> {
    /// The parts worth fetching by, for a list in this order.
    pub(super) fn narrowings(&self, by: SortBy) -> Vec<Narrow> {
        let by_change = matches!(by, SortBy::Urgency | SortBy::Changed);
        let customer = self.filter.customer.is_some() && by != SortBy::Customer;
        let submitted = self.filter.submitted != Span::EVER && by != SortBy::Submitted;
        let request = customer || submitted || !self.worth.pieces.is_empty();
        let standing = !by_change && self.codes.is_some();
        let all = [
            (self.filter.device.is_some(), Narrow::Device),
            (request, Narrow::Request),
            (standing, Narrow::Standing),
        ];
        all.into_iter().filter_map(|(worth, narrow)| worth.then_some(narrow)).collect()
    }

    /// Whether anything is asked of the request.
    pub(super) fn any_request(&self) -> bool {
        let Filter { customer, device, text, submitted, .. } = self.filter;
        customer.is_some() || device.is_some() || text.is_some() || *submitted != Span::EVER
    }

    /// Whether anything is asked besides what a list in this order is bounded by.
    pub(super) fn any_but(&self, by: SortBy) -> bool {
        let Filter { customer, device, text, submitted, .. } = self.filter;
        (customer.is_some() && by != SortBy::Customer)
            || (*submitted != Span::EVER && by != SortBy::Submitted)
            || device.is_some()
            || text.is_some()
            || self.codes.is_some()
    }

    /// What is asked of the request that a part has not seen to.
    fn request_but(&self, sql: &mut Sql, narrow: Narrow) -> Vec<String> {
        match narrow {
            Narrow::Request => Vec::new(),
            Narrow::Standing => self.request(sql),
            Narrow::Device => {
                let others = Filter { device: None, ..self.filter.clone() };
                Conditions { filter: &others, ..*self }.request(sql)
            }
        }
    }

    /// What is asked of the request.
    fn request(&self, sql: &mut Sql) -> Vec<String> {
        let mut all = span(sql, "r.submitted_at", self.filter.submitted);
        if let Some(customer) = &self.filter.customer {
            all.push(format!("r.customer = {}", sql.bind(customer.clone(), Type::TEXT)));
        }
        if let Some(device) = &self.filter.device {
            let part = sql.bind(search::in_devices(device), Type::TEXT);
            all.push(format!("strpos(r.devices, {part}) > 0"));
        }
        if let Some(text) = &self.filter.text {
            let part = sql.bind(rehome_domain::board::folded(text), Type::TEXT);
            all.push(format!("strpos(r.told, {part}) > 0"));
        }
        all
    }

    /// What is asked of the ticket.
    fn ticket(&self, sql: &mut Sql) -> Vec<String> {
        let mut all = span(sql, "t.changed_at", self.filter.changed);
        if let Some(codes) = self.codes {
            all.push(format!("t.standing = ANY ({})", sql.bind(codes.to_vec(), Type::INT2_ARRAY)));
        }
        all
    }

    /// The ids of what a part of it lets in.
    fn hit(&self, sql: &mut Sql, narrow: Narrow, most: usize) -> String {
        match narrow {
            Narrow::Request => {
                let mut all = self.request(sql);
                let pieces = &self.worth.pieces;
                if !pieces.is_empty() {
                    all.push(format!("r.grams @> {}", sql.bind(pieces.clone(), Type::INT2_ARRAY)));
                }
                format!("SELECT r.ticket AS id FROM request AS r WHERE {}", and(&all))
            }
            Narrow::Device => self.device(sql, most),
            Narrow::Standing => self.standing(sql, most),
        }
    }

    /// The ids of what names a device, so many of each of its places at most: each place has an index.
    fn device(&self, sql: &mut Sql, most: usize) -> String {
        let named = match &self.filter.device {
            Some(Named::Exactly(name)) => format!("= {}", sql.bind(name.clone(), Type::TEXT)),
            Some(Named::StartsWith(start)) => {
                let last = format!("{start}{}", char::MAX);
                let (start, last) = (sql.bind(start.clone(), Type::TEXT), sql.bind(last, Type::TEXT));
                format!("BETWEEN {start} AND {last}")
            }
            None => "IS NULL".to_owned(),
        };
        // What is in front of the first line feed is nothing.
        let places = (2..=5).map(|part| {
            let asked = format!("split_part(r.devices, chr(10), {part}) {named}");
            format!("(SELECT r.ticket AS id FROM request AS r WHERE {asked} LIMIT {most})")
        });
        places.collect::<Vec<_>>().join(" UNION ")
    }

    /// The ids of what stands so, so many of each standing at most.
    fn standing(&self, sql: &mut Sql, most: usize) -> String {
        let codes = sql.bind(self.codes.unwrap_or_default().to_vec(), Type::INT2_ARRAY);
        let range = and(&span(sql, "t.changed_at", self.filter.changed));
        format!(
            "SELECT f.id FROM unnest({codes}) AS s (code) CROSS JOIN LATERAL (
                SELECT t.id FROM ticket AS t WHERE t.standing = s.code AND {range} LIMIT {most}) AS f"
        )
    }
}

fn span(sql: &mut Sql, column: &str, span: Span) -> Vec<String> {
    let mut bound = |at, sign: &str| format!("{column} {sign} {}", sql.bind(micros(at), Type::INT8));
    let since = span.since.map(|at| bound(at, ">="));
    let until = span.until.map(|at| bound(at, "<"));
    since.into_iter().chain(until).collect()
}

fn and(conditions: &[String]) -> String {
    if conditions.is_empty() { "TRUE".to_owned() } else { conditions.join(" AND ") }
}

/// The column of `r` that a list is sorted by.
const fn column(by: SortBy) -> &'static str {
    match by {
        SortBy::Customer => "customer",
        SortBy::Service => "service_id",
        SortBy::Submitted | SortBy::Urgency | SortBy::Changed => "submitted_at",
    }
}

const fn way(down: bool) -> (&'static str, &'static str) {
    if down { ("DESC", "<") } else { ("ASC", ">") }
}

/// The stretches of a list's parts as a table `s`.
fn stretches(sql: &mut Sql, parts: &[Part]) -> String {
    let all = || parts.iter().flat_map(|part| part.stretches.iter().map(|stretch| (part.down, stretch)));
    let codes = sql.bind(all().map(|(_, s)| s.code).collect::<Vec<_>>(), Type::INT2_ARRAY);
    let ranks = sql.bind(all().map(|(_, s)| s.rank).collect::<Vec<_>>(), Type::INT2_ARRAY);
    let ats = sql.bind(all().map(|(_, s)| s.after.0).collect::<Vec<_>>(), Type::INT8_ARRAY);
    let ids = sql.bind(all().map(|(_, s)| s.after.1).collect::<Vec<_>>(), Type::UUID_ARRAY);
    let downs = sql.bind(all().map(|(down, _)| down).collect::<Vec<_>>(), Type::BOOL_ARRAY);
    format!("unnest({codes}, {ranks}, {ats}, {ids}, {downs}) AS s (code, rank, at, after, down)")
}

/// That a row of `r` comes after a place of a list sorted by what was asked for.
fn after(sql: &mut Sql, look: &Look, place: Option<&Cursor>) -> Option<String> {
    let place = place?;
    let key = match &place.key {
        Key::Submitted(at) => sql.bind(*at, Type::INT8),
        Key::Service(text) | Key::Customer(text) => sql.bind(text.clone(), Type::TEXT),
        Key::Urgency(..) | Key::Changed(_) => return None,
    };
    let id = sql.bind(place.id.0, Type::UUID);
    let (_, beyond) = way(look.order.descending);
    Some(format!("(r.{}, r.ticket) {beyond} ({key}, {id})", column(look.order.by)))
}

/// How many a part of the filter lets in, up to one more than few; and if they are few, the first of them that the whole
/// filter lets in.
pub(super) fn few(
    look: &Look,
    conditions: &Conditions<'_>,
    narrow: Narrow,
    few: usize,
    wanted: usize,
) -> Sql {
    let mut sql = Sql::default();
    let more = few.saturating_add(1);
    let hit = conditions.hit(&mut sql, narrow, more);
    let first = match look.order.by {
        SortBy::Urgency | SortBy::Changed => {
            let codes = conditions.codes.unwrap_or_default();
            let stretches = stretches(&mut sql, &parts(look.order, codes, look.after.as_ref()));
            let range = and(&span(&mut sql, "t.changed_at", conditions.filter.changed));
            let others = conditions.request_but(&mut sql, narrow);
            let (others, join) = if others.is_empty() {
                ("TRUE".to_owned(), "")
            } else {
                (and(&others), "JOIN request AS r ON r.ticket = few.id")
            };
            format!(
                "SELECT t.id, t.standing, t.changed_at
                FROM few JOIN ticket AS t ON t.id = few.id JOIN {stretches} ON s.code = t.standing {join}
                WHERE c.found <= {few} AND {range} AND {others}
                    AND CASE WHEN s.down THEN (t.changed_at, t.id) < (s.at, s.after)
                        ELSE (t.changed_at, t.id) > (s.at, s.after) END
                ORDER BY s.rank, CASE WHEN s.down THEN NULL ELSE t.changed_at END,
                    CASE WHEN s.down THEN NULL ELSE t.id END, t.changed_at DESC, t.id DESC
                LIMIT {wanted}"
            )
        }
        by => {
            let mut all = conditions.ticket(&mut sql);
            all.extend(conditions.request_but(&mut sql, narrow));
            all.extend(after(&mut sql, look, look.after.as_ref()));
            let (column, (way, _)) = (column(by), way(look.order.descending));
            format!(
                "SELECT r.ticket AS id, r.{column}
                FROM few JOIN request AS r ON r.ticket = few.id JOIN ticket AS t ON t.id = few.id
                WHERE c.found <= {few} AND {}
                ORDER BY r.{column} {way}, r.ticket {way} LIMIT {wanted}",
                and(&all)
            )
        }
    };
    sql.with(format!(
        "WITH hit AS MATERIALIZED ({hit}), few AS MATERIALIZED (SELECT id FROM hit LIMIT {more})
        SELECT c.found, x.* FROM (SELECT count(*) AS found FROM few) AS c LEFT JOIN LATERAL ({first}) AS x ON TRUE"
    ))
}

/// The next rows of a part of a list sorted by urgency or change: those let in, and the last if there are so many.
pub(super) fn window_by_change(part: &Part, conditions: &Conditions<'_>, window: usize) -> Sql {
    let mut sql = Sql::default();
    let stretches = stretches(&mut sql, std::slice::from_ref(part));
    let range = and(&span(&mut sql, "t.changed_at", conditions.filter.changed));
    let (way, beyond) = way(part.down);
    let (admitted, join) = if conditions.any_request() {
        let asked = and(&conditions.request(&mut sql));
        (format!("coalesce({asked}, FALSE)"), "LEFT JOIN request AS r ON r.ticket = win.id")
    } else {
        ("TRUE".to_owned(), "")
    };
    sql.with(format!(
        "WITH win AS MATERIALIZED (
            SELECT w.id, w.code, w.changed_at,
                row_number() OVER (ORDER BY w.rank, w.changed_at {way}, w.id {way}) AS place
            FROM (SELECT f.id, s.code, s.rank, f.changed_at
                FROM {stretches} CROSS JOIN LATERAL (
                    SELECT t.id, t.changed_at FROM ticket AS t
                    WHERE t.standing = s.code AND (t.changed_at, t.id) {beyond} (s.at, s.after) AND {range}
                    ORDER BY t.changed_at {way}, t.id {way} LIMIT {window}) AS f
                ORDER BY s.rank, f.changed_at {way}, f.id {way} LIMIT {window}) AS w)
        SELECT {admitted}, win.place = {window}, win.id, win.code, win.changed_at
        FROM win {join} WHERE {admitted} OR win.place = {window} ORDER BY win.place"
    ))
}

/// The next rows of a list sorted by what was asked for: those let in, and the last if there are so many.
pub(super) fn window_by_request(
    look: &Look,
    place: Option<&Cursor>,
    conditions: &Conditions<'_>,
    window: usize,
) -> Sql {
    let mut sql = Sql::default();
    let by = look.order.by;
    let (column, (way, _)) = (column(by), way(look.order.descending));
    let mut bounds: Vec<String> = after(&mut sql, look, place).into_iter().collect();
    match (by, &conditions.filter.customer) {
        (SortBy::Submitted, _) => {
            bounds.extend(span(&mut sql, "r.submitted_at", conditions.filter.submitted));
        }
        (SortBy::Customer, Some(customer)) => {
            bounds.push(format!("r.customer = {}", sql.bind(customer.clone(), Type::TEXT)));
        }
        _ => {}
    }
    let asked = and(&conditions.request(&mut sql));
    let stands = conditions.ticket(&mut sql);
    let (admitted, join) = if stands.is_empty() {
        ("win.admitted".to_owned(), "")
    } else {
        let join = "LEFT JOIN ticket AS t ON t.id = win.ticket AND win.admitted";
        (format!("(win.admitted AND coalesce({}, FALSE))", and(&stands)), join)
    };
    sql.with(format!(
        "WITH win AS MATERIALIZED (
            SELECT w.*, row_number() OVER (ORDER BY w.key {way}, w.ticket {way}) AS place
            FROM (SELECT r.ticket, r.{column} AS key, {asked} AS admitted
                FROM request AS r WHERE {}
                ORDER BY r.{column} {way}, r.ticket {way} LIMIT {window}) AS w)
        SELECT {admitted}, win.place = {window}, win.ticket, win.key
        FROM win {join} WHERE {admitted} OR win.place = {window} ORDER BY win.place",
        and(&bounds)
    ))
}

/// How many stand as the filter asks, of which nothing else is asked: up to one more than so many.
pub(super) fn count_standing(conditions: &Conditions<'_>, at_most: usize) -> Sql {
    let mut sql = Sql::default();
    let more = at_most.saturating_add(1);
    let standing = conditions.standing(&mut sql, more);
    sql.with(format!("SELECT count(*), TRUE FROM ({standing} LIMIT {more}) AS found"))
}

/// How many of the latest the filter lets in; and whether there are no others.
pub(super) fn count_latest(conditions: &Conditions<'_>, latest: usize) -> Sql {
    let mut sql = Sql::default();
    let (asked, stands) = (and(&conditions.request(&mut sql)), and(&conditions.ticket(&mut sql)));
    let more = latest.saturating_add(1);
    sql.with(format!(
        "WITH latest AS MATERIALIZED (SELECT * FROM request ORDER BY submitted_at DESC LIMIT {more})
        SELECT count(*), (SELECT count(*) FROM latest) <= {latest}
        FROM latest AS r JOIN ticket AS t ON t.id = r.ticket WHERE {asked} AND {stands}"
    ))
}

/// How many of the few that a part about the request lets in the whole filter does; and whether they are few.
pub(super) fn count_few(conditions: &Conditions<'_>, narrow: Narrow, few: usize) -> Sql {
    let mut sql = Sql::default();
    let mut all = conditions.ticket(&mut sql);
    let others = conditions.request_but(&mut sql, narrow);
    let join = if others.is_empty() { "" } else { "JOIN request AS r ON r.ticket = few.id" };
    all.extend(others);
    let more = few.saturating_add(1);
    let hit = conditions.hit(&mut sql, narrow, more);
    sql.with(format!(
        "WITH hit AS MATERIALIZED ({hit}), few AS MATERIALIZED (SELECT id FROM hit LIMIT {more})
        SELECT count(*), (SELECT count(*) FROM few) <= {few}
        FROM few JOIN ticket AS t ON t.id = few.id {join} WHERE {}",
        and(&all)
    ))
}
