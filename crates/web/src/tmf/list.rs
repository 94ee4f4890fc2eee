//! Lists, as TMF630 has them: a part of all by `offset` and `limit`, how many there are in headers.

use actix_web::{HttpRequest, HttpResponse, web};
use futures::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use rehome_domain::{
    board::{Filter, Line, Listed, Look, MAX_COUNT, MAX_LIMIT, Order, SortBy, Span},
    id::RelocationId,
    lang::Lang,
    ports::{Board, StoreError},
    role::Role,
};
use serde_json::{Value, json};

use super::{
    order::order,
    orders::{Fields, history},
    state::{Among, OrderState},
};
use crate::{
    door::Caller,
    frame::{FieldProblem, Problem},
    site::Workbench,
};

/// How many are told where nothing is said, and at most: each order is worked out from its own journal.
const LIMIT: usize = 20;
const MOST: usize = 100;
/// Journals read at once.
const AT_ONCE: usize = 8;
/// What orders can be filtered by.
const FILTERS: &str = "state, relatedParty.name, orderDate.gte, orderDate.lt";

/// What is asked for in a query. What is wrong is gathered, and told by [`Asking::done`].
pub(super) struct Asking {
    pairs: Vec<(String, String)>,
    faults: Vec<FieldProblem>,
}

/// Which part of a list, and what of each resource.
pub(super) struct Part {
    pub(super) offset: usize,
    pub(super) limit: usize,
    fields: Fields,
}

impl Asking {
    pub(super) fn read(query: &str) -> Self {
        Self { pairs: form_urlencoded::parse(query.as_bytes()).into_owned().collect(), faults: Vec::new() }
    }

    fn fault(&mut self, field: &str, problem: String) {
        self.faults.push(FieldProblem::new(field, problem));
    }

    /// What is said of a parameter, which is then done with.
    pub(super) fn one<T>(&mut self, name: &str, read: impl Fn(&str) -> Result<T, String>) -> Option<T> {
        let (given, rest): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.pairs).into_iter().partition(|(given, _)| given == name);
        self.pairs = rest;
        if given.len() > 1 {
            self.fault(name, "is given more than once".to_owned());
        }
        let (_, value) = given.into_iter().next()?;
        read(&value).map_err(|problem| self.fault(name, problem)).ok()
    }

    pub(super) fn part(&mut self) -> Part {
        let number = |value: &str| {
            value
                .parse::<usize>()
                .map_err(|_| format!("is `{value}`, expected a whole number that is not negative"))
        };
        let offset = self.one("offset", number).unwrap_or_default();
        let limit = self.one("limit", number).unwrap_or(LIMIT).min(MOST);
        Part { offset, limit, fields: Fields { fields: self.one("fields", |fields| Ok(fields.to_owned())) } }
    }

    /// Whether all of it could be read; what is left is nothing that these filters know.
    pub(super) fn done(mut self, filters: &str) -> Result<(), Problem> {
        // The language of problems, as everywhere.
        self.one("lang", |_| Ok(()));
        for (name, _) in std::mem::take(&mut self.pairs) {
            self.fault(&name, format!("is no parameter here, expected: offset, limit, fields, {filters}"));
        }
        if self.faults.is_empty() { Ok(()) } else { Err(Problem::Invalid(self.faults)) }
    }
}

impl Part {
    /// The part, and how many there are in all.
    pub(super) fn answer(&self, resources: Vec<Value>, total: u64) -> HttpResponse {
        let told = resources.len();
        let all = self.offset == 0 && told as u64 >= total;
        let mut answer = if all { HttpResponse::Ok() } else { HttpResponse::PartialContent() };
        let resources: Vec<Value> = resources.into_iter().map(|resource| self.fields.of(resource)).collect();
        answer
            .insert_header(("X-Total-Count", total.to_string()))
            .insert_header(("X-Result-Count", told.to_string()))
            .json(resources)
    }
}

/// `GET /serviceOrder`, the newest first.
pub(super) async fn list(
    caller: Caller,
    request: HttpRequest,
    workbench: web::Data<Workbench>,
) -> Result<HttpResponse, Problem> {
    caller.needs(Role::Viewer)?;
    let mut asking = Asking::read(request.query_string());
    let (filter, state) = (filter(&mut asking), asking.one("state", state));
    let part = asking.part();
    let order = Order { by: SortBy::Submitted, descending: true };
    let look = Look { filter, order, after: None, skip: part.offset, limit: part.limit.max(1) };
    for (field, fault) in look.faults() {
        // Whose names they are here.
        let field = if field == "customer" { "relatedParty.name" } else { field };
        asking.fault(field, fault.sentence(Lang::En));
    }
    asking.done(FILTERS)?;
    let filter = look.filter.clone();
    let among = state.map_or_else(|| Among::Just(filter.clone()), |state| state.among(&filter));
    let (ids, total) = match among {
        Among::Just(filter) => by_the_list(&*workbench.board, Look { filter, ..look }, &part).await?,
        Among::These(filter) => one_by_one(&*workbench.board, state, Look { filter, ..look }, &part).await?,
        Among::None => (Vec::new(), 0),
    };
    let orders: Vec<Option<Value>> =
        stream::iter(ids).map(|id| told(&workbench, id)).buffered(AT_ONCE).try_collect().await?;
    Ok(part.answer(orders.into_iter().flatten().collect(), total))
}

/// The orders of a part of a list, and how many there are in all.
async fn by_the_list(
    board: &dyn Board,
    look: Look,
    part: &Part,
) -> Result<(Vec<RelocationId>, u64), StoreError> {
    let total = board.count(look.filter.clone(), MAX_COUNT).await?.tickets;
    let (mut rows, mut next) = (Vec::new(), (part.limit > 0).then_some(look));
    // A page may have fewer rows than were asked for, and go on all the same: whoever counts on by `offset` would miss
    // what comes after it.
    while let Some(look) = next {
        let page = board.page(look.clone()).await?;
        rows.extend(page.rows);
        let left = part.limit.saturating_sub(rows.len());
        next = page.next.filter(|_| left > 0).map(|after| Look {
            after: Some(after),
            skip: 0,
            limit: left,
            ..look
        });
    }
    Ok((rows.iter().filter_map(line).map(|line| line.id).collect(), total))
}

/// The same of a list that is gone through order by order, as far as orders are counted: those that are under way or
/// wait for a person are few beside all there are.
async fn one_by_one(
    board: &dyn Board,
    state: Option<OrderState>,
    mut look: Look,
    part: &Part,
) -> Result<(Vec<RelocationId>, u64), StoreError> {
    (look.skip, look.limit) = (0, MAX_LIMIT);
    let (mut found, mut left) = (Vec::new(), MAX_COUNT);
    loop {
        let page = board.page(look.clone()).await?;
        let lines = page.rows.iter().filter_map(line);
        found.extend(lines.filter(|line| Some(OrderState::of(&line.state)) == state).map(|line| line.id));
        left = left.saturating_sub(MAX_LIMIT as u64);
        look.after = page.next;
        if look.after.is_none() || left == 0 {
            break;
        }
    }
    let total = found.len() as u64;
    Ok((found.into_iter().skip(part.offset).take(part.limit).collect(), total))
}

/// Of what is set aside nothing can be told: the supervisor has raised an alarm.
fn line(row: &Listed) -> Option<&Line> {
    match row {
        Listed::Line(line) => Some(line),
        Listed::SetAside { .. } => None,
    }
}

/// None if it is gone, or can't be read, by now.
async fn told(workbench: &Workbench, id: RelocationId) -> Result<Option<Value>, Problem> {
    match history(workbench, id).await {
        Ok(history) => Ok(order(&history).map(|order| json!(order))),
        Err(Problem::NotFound) => Ok(None),
        Err(problem) => Err(problem),
    }
}

fn filter(asking: &mut Asking) -> Filter {
    let instant = |value: &str| {
        value
            .parse::<Timestamp>()
            .map_err(|_| format!("is `{value}`, expected an instant like 2026-01-31T08:00:00Z"))
    };
    let customer = asking.one("relatedParty.name", |name| Ok(name.to_owned()));
    let submitted =
        Span { since: asking.one("orderDate.gte", instant), until: asking.one("orderDate.lt", instant) };
    Filter { customer, submitted, ..Filter::default() }
}

fn state(value: &str) -> Result<OrderState, String> {
    OrderState::ALL.into_iter().find(|state| state.wire() == value).ok_or_else(|| {
        let known = OrderState::ALL.map(OrderState::wire).join(", ");
        format!("is `{value}`, expected one of {known}")
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use rehome_domain::{
        board::{Cursor, Page, Tally},
        ports::Wait,
    };
    use rehome_testkit::history::{self, Play};

    use super::*;

    /// A list of which a page has one row, or none where only others were gone through.
    struct Sparse {
        rows: usize,
    }

    impl Board for Sparse {
        fn page(&self, look: Look) -> Wait<'_, Result<Page, StoreError>> {
            let ticket = Play::submit(history::request()).unwrap().ticket;
            let place = Cursor::of(SortBy::Submitted, &ticket);
            let at = look.after.map_or(0, |after| usize::try_from(after.id.0.as_u128()).unwrap());
            let row = || Listed::Line(Box::new(Line::of(&ticket)));
            let rows = if at.is_multiple_of(2) { vec![row()] } else { Vec::new() };
            let id = RelocationId(uuid::Uuid::from_u128(at as u128 + 1));
            let next = (at + 1 < self.rows * 2).then_some(Cursor { id, ..place });
            Box::pin(std::future::ready(Ok(Page { rows, next })))
        }

        fn count(&self, _: Filter, _: u64) -> Wait<'_, Result<Tally, StoreError>> {
            Box::pin(std::future::ready(Ok(Tally { tickets: self.rows as u64, exact: true })))
        }
    }

    #[actix_web::test]
    async fn a_part_is_full_also_where_the_list_is_gone_through_piece_by_piece() {
        for (rows, limit, told) in [(7, 3, 3), (2, 5, 2), (5, 0, 0)] {
            let part = Part { offset: 0, limit, fields: Fields { fields: None } };
            let look = Look { limit: limit.max(1), ..Look::default() };
            let (ids, total) = by_the_list(&Sparse { rows }, look, &part).await.unwrap();
            assert_eq!((ids.len(), total), (told, rows as u64));
        }
    }
}
