//! Lists, so that a page costs the database a few milliseconds however many tickets there are.
//!
//! A page is found in two steps: the places of its rows, then the rows. Places are found in one of two ways.
//!
//! - *In order*: the list is gone through, window after window, and what the filter lets in is kept. Quick where much is
//!   let in. Bounded: after so many rows the page says how far it has come ([`Reach::rows`]).
//! - *The few*: what one part of the filter lets in is fetched by that part's index and sorted. Quick where it is little,
//!   and given up where it turns out to be much ([`Reach::few`]), or to take long ([`Reach::time`]).
//!
//! A text that is in many tickets has long lists in the index, and stands in the first window of the list; one that is in
//! few has short lists. So where a text may be in many, the first window comes first ([`pieces`]).
//!
//! A device's tickets are few or many, and are found to be either by indexes that hold all that is asked of the rows.
//!
//! Any filter by status is a set of standings, of which there are few: each is a stretch of one index, in order of change.

mod fill;
mod pieces;
mod sql;

use std::{collections::VecDeque, time::Duration};

use rehome_domain::{
    board::{Cursor, Filter, Key, Look, MAX_COUNT, Page, SortBy, Span, Tally},
    id::RelocationId,
    ports::{Board, StoreError, TicketStore, Wait},
};
use tokio_postgres::{Error, Row};

pub(super) use fill::{Mending, fill};
pub(super) use pieces::Pieces;
use sql::{Conditions, Narrow, Sql};

use super::{
    Postgres,
    session::{Typed, Within},
    tickets::each,
};
use crate::board::{Part, Places, parts, place, sound};

const WHAT: &str = "reading a list";

/// How far one look at a list goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reach {
    /// Tickets that one part of a filter may let in to be fetched and sorted; of more, going through the list in order
    /// finds a page sooner.
    pub few: usize,
    /// Tickets that have a piece of text for which the index is asked at most: what else is asked leaves few of them.
    pub many: usize,
    /// Rows of the first window when going through a list. Each further one is as long as what was found lets expect, and
    /// four times as long at most.
    pub window: usize,
    /// Rows gone through for one page.
    pub rows: usize,
    /// How long the few of one part may take to be fetched: a text of common pieces may be in few tickets all the same.
    pub time: Duration,
}

impl Default for Reach {
    /// Each way costs some ten milliseconds at most: a twentieth of what twenty readers at once may wait on two
    /// processors.
    fn default() -> Self {
        Self { few: 4000, many: 20_000, window: 400, rows: 6000, time: Duration::from_millis(250) }
    }
}

/// Rows of a window at most.
const LONGEST: usize = 20_000;

/// A row of a window.
struct Seen {
    place: Cursor,
    /// The filter lets it in.
    admitted: bool,
    /// The window is full: it goes on after this row.
    last: bool,
}

impl Postgres {
    /// The standings there are that a filter lets in; none if it lets in any.
    async fn standings(&self, filter: &Filter) -> Result<Vec<i16>, StoreError> {
        // Each different one by a step down the index, instead of all rows.
        const SQL: &str = "WITH RECURSIVE there AS (
                (SELECT standing FROM ticket ORDER BY standing LIMIT 1)
                UNION ALL
                SELECT (SELECT ticket.standing FROM ticket WHERE ticket.standing > there.standing
                        ORDER BY ticket.standing LIMIT 1)
                FROM there WHERE there.standing IS NOT NULL)
            SELECT standing FROM there WHERE standing IS NOT NULL";
        let found = self.db.read(WHAT, SQL, &[]).await?;
        let mut codes = each(WHAT, &found, |row| row.try_get::<_, i16>(0))?;
        codes.retain(|code| crate::board::admits(filter, *code));
        Ok(codes)
    }

    async fn read_by(&self, sql: Sql) -> Result<Vec<Row>, StoreError> {
        let (text, params) = sql.done();
        let typed = Typed { what: WHAT, sql: &text, params: &params };
        self.db.transact(&typed).await.map_err(|trouble| trouble.failed(WHAT))
    }

    /// The same, as long as it does not take long.
    async fn read_within(&self, sql: Sql) -> Result<Option<Vec<Row>>, StoreError> {
        let (text, params) = sql.done();
        let within = Within(Typed { what: WHAT, sql: &text, params: &params }, self.reach.time);
        self.db.transact(&within).await.map_err(|trouble| trouble.failed(WHAT))
    }

    /// The places of a page's rows.
    async fn places(&self, look: &Look) -> Result<Places, StoreError> {
        let (filter, by) = (&look.filter, look.order.by);
        let wanted = look.skip + look.limit + 1;
        let by_change = matches!(by, SortBy::Urgency | SortBy::Changed);
        let stands = by_change || !filter.any_standing() || filter.changed != Span::EVER;
        let codes = if stands { Some(self.standings(filter).await?) } else { None };
        if codes.as_ref().is_some_and(Vec::is_empty) {
            return Ok(Places::default());
        }
        let worth = self.worth_asking(filter).await?;
        let conditions = Conditions { filter, codes: codes.as_deref(), worth: &worth };
        if worth.maybe_many {
            let first = Reach { rows: self.reach.window, ..self.reach };
            let places = self.in_order(first, look, &conditions, wanted).await?;
            if places.found.len() >= wanted || places.more.is_none() {
                return Ok(places.cut(look.skip, look.limit));
            }
        }
        for narrow in conditions.narrowings(by) {
            let found = self.few(look, &conditions, narrow, wanted).await?;
            if let Some(found) = found {
                return Ok(Places { found, more: None }.cut(look.skip, look.limit));
            }
        }
        // Where the skipped ones end is known only when all of them are found: a page that stopped before could say nothing.
        let rows = if look.skip > 0 { usize::MAX } else { self.reach.rows };
        let reach = Reach { rows, ..self.reach };
        let places = self.in_order(reach, look, &conditions, wanted).await?;
        Ok(places.cut(look.skip, look.limit))
    }

    /// Goes through the list, so far at most.
    async fn in_order(
        &self,
        reach: Reach,
        look: &Look,
        conditions: &Conditions<'_>,
        wanted: usize,
    ) -> Result<Places, StoreError> {
        match (look.order.by, conditions.codes) {
            (SortBy::Urgency | SortBy::Changed, Some(codes)) => {
                let walk = Walk::new(reach, conditions.any_request(), wanted);
                self.by_change(look, codes, conditions, walk).await
            }
            (by, _) => {
                let walk = Walk::new(reach, conditions.any_but(by), wanted);
                self.by_request(look, conditions, walk).await
            }
        }
    }

    /// How many a filter lets in, as far as that is quickly told, and whether that is all.
    async fn counted(&self, conditions: &Conditions<'_>, most: usize) -> Result<Vec<Row>, StoreError> {
        if !conditions.any_request() {
            return self.read_by(sql::count_standing(conditions, most)).await;
        }
        let mut least = None;
        for narrow in conditions.narrowings(SortBy::Urgency) {
            let sql = sql::count_few(conditions, narrow, self.reach.few);
            let Some(found) = self.read_within(sql).await? else { continue };
            let exact = |row: &Row| row.try_get::<_, bool>(1);
            if each(WHAT, &found, exact)?.into_iter().all(|exact| exact) {
                return Ok(found);
            }
            least = Some(found);
        }
        match least {
            Some(least) => Ok(least),
            None => self.read_by(sql::count_latest(conditions, self.reach.few)).await,
        }
    }

    /// The first of the few that a part of the filter lets in, in order; none if they are not few.
    async fn few(
        &self,
        look: &Look,
        conditions: &Conditions<'_>,
        narrow: Narrow,
        wanted: usize,
    ) -> Result<Option<Vec<Cursor>>, StoreError> {
        let found = self.read_within(sql::few(look, conditions, narrow, self.reach.few, wanted)).await?;
        let Some(found) = found else { return Ok(None) };
        let few = |row: &Row| Ok(row.try_get::<_, i64>(0)? <= crate::rows::limit(self.reach.few));
        if !each(WHAT, &found, few)?.into_iter().all(|few| few) {
            return Ok(None);
        }
        let mut places: Vec<Cursor> =
            each(WHAT, &found, |row| cursor(look.order.by, row, 1))?.into_iter().flatten().collect();
        places.sort_by(|one, other| look.order.compare(one, other));
        Ok(Some(places))
    }

    /// Goes through a list sorted by urgency or change.
    async fn by_change(
        &self,
        look: &Look,
        codes: &[i16],
        conditions: &Conditions<'_>,
        mut walk: Walk,
    ) -> Result<Places, StoreError> {
        let mut left: VecDeque<Part> = parts(look.order, codes, look.after.as_ref()).into();
        while let Some(part) = left.pop_front() {
            let found = self.read_by(sql::window_by_change(&part, conditions, walk.window)).await?;
            if let Some(reached) = walk.take(seen(look.order.by, &found)?) {
                left = parts(look.order, codes, Some(&reached)).into();
            }
            if walk.over() {
                break;
            }
        }
        Ok(walk.places)
    }

    /// Goes through a list sorted by what was asked for.
    async fn by_request(
        &self,
        look: &Look,
        conditions: &Conditions<'_>,
        mut walk: Walk,
    ) -> Result<Places, StoreError> {
        let mut after = look.after.clone();
        loop {
            let found =
                self.read_by(sql::window_by_request(look, after.as_ref(), conditions, walk.window)).await?;
            after = walk.take(seen(look.order.by, &found)?);
            if after.is_none() || walk.over() {
                return Ok(walk.places);
            }
        }
    }
}

/// Going through a list, window by window.
struct Walk {
    places: Places,
    wanted: usize,
    window: usize,
    /// No window is longer, so that each is read within the time that a statement may take.
    longest: usize,
    /// Rows gone through.
    gone: usize,
    /// Rows that may still be gone through.
    left: usize,
}

impl Walk {
    fn new(reach: Reach, filtered: bool, wanted: usize) -> Self {
        let window = if filtered { reach.window.max(1) } else { wanted };
        let left = reach.rows.max(window);
        Self {
            places: Places::default(),
            wanted,
            window,
            longest: left.min(LONGEST).max(window),
            gone: 0,
            left,
        }
    }

    /// Takes a window's rows. Answers how far it went, if the list goes on there.
    fn take(&mut self, rows: Vec<Seen>) -> Option<Cursor> {
        self.places.more = None;
        for Seen { place, admitted, last } in rows {
            if last {
                self.places.more = Some(place.clone());
            }
            if admitted {
                self.places.found.push(place);
            }
        }
        self.gone += self.window;
        self.left = self.left.saturating_sub(self.window);
        self.window =
            self.expected().clamp(self.window / 4, self.window * 4).min(self.left.min(self.longest)).max(1);
        self.places.more.clone()
    }

    /// The rows in which what is still wanted should be, and half as many again.
    fn expected(&self) -> usize {
        let found = self.places.found.len().max(1);
        self.wanted.saturating_sub(found).saturating_mul(self.gone) / found * 3 / 2
    }

    /// Whether that is enough. A part that is at its end is not a place to stop at.
    fn over(&self) -> bool {
        self.places.found.len() >= self.wanted || (self.left == 0 && self.places.more.is_some())
    }
}

/// The rows of a window: whether it is let in, whether it is the last, and its place.
fn seen(by: SortBy, rows: &[Row]) -> Result<Vec<Seen>, StoreError> {
    let seen = |row: &Row| {
        let (admitted, last) = (row.try_get(0)?, row.try_get(1)?);
        Ok(cursor(by, row, 2)?.map(|place| Seen { place, admitted, last }))
    };
    Ok(each(WHAT, rows, seen)?.into_iter().flatten().collect())
}

/// A place, from the column of the id on; none if there is none.
fn cursor(by: SortBy, row: &Row, from: usize) -> Result<Option<Cursor>, Error> {
    let Some(id) = row.try_get(from)? else { return Ok(None) };
    let key = from + 1;
    Ok(Some(match by {
        SortBy::Urgency | SortBy::Changed => place(by, id, row.try_get(key)?, row.try_get(key + 1)?),
        SortBy::Submitted => Cursor { key: Key::Submitted(row.try_get(key)?), id: RelocationId(id) },
        SortBy::Service => Cursor { key: Key::Service(row.try_get(key)?), id: RelocationId(id) },
        SortBy::Customer => Cursor { key: Key::Customer(row.try_get(key)?), id: RelocationId(id) },
    }))
}

impl Board for Postgres {
    fn page(&self, look: Look) -> Wait<'_, Result<Page, StoreError>> {
        Box::pin(async move {
            sound(WHAT, &look.faults())?;
            let places = self.places(&look).await?;
            let loaded = self.load(places.ids()).await?;
            Ok(places.page(loaded))
        })
    }

    fn count(&self, filter: Filter, at_most: u64) -> Wait<'_, Result<Tally, StoreError>> {
        Box::pin(async move {
            sound(WHAT, &filter.faults())?;
            let codes = self.standings(&filter).await?;
            let worth = self.worth_asking(&filter).await?;
            let conditions = Conditions { filter: &filter, codes: Some(&codes), worth: &worth };
            let at_most = at_most.min(MAX_COUNT);
            let most = usize::try_from(at_most).unwrap_or(usize::MAX);
            let found = self.counted(&conditions, most).await?;
            let counted = |row: &Row| Ok((row.try_get::<_, i64>(0)?, row.try_get::<_, bool>(1)?));
            let (tickets, exact) = each(WHAT, &found, counted)?.pop().unwrap_or((0, true));
            let tickets = tickets.cast_unsigned();
            Ok(Tally { tickets: tickets.min(at_most), exact: exact && tickets <= at_most })
        })
    }
}
