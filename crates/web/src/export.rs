//! The filtered list as a file: all of it, read and written a page at a time, however long it is.

use std::sync::Arc;

use actix_web::{HttpResponse, http::header, web::Bytes};
use futures::stream::{self, Stream};
use rehome_domain::{
    board::{Cursor, Line, Listed, Look, MAX_LIMIT, Order, Page, SortBy},
    id::RelocationId,
    ports::Board,
};
use serde::Serialize;

use crate::frame::Problem;

/// How the file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// RFC 4180, for spreadsheets.
    Csv,
    /// An array of objects.
    Json,
}

/// A row of the file, by the names that sheets and the wire have.
#[derive(Serialize)]
struct Exported<'a> {
    relocation: String,
    service_id: &'a str,
    customer: &'a str,
    old_l3: String,
    old_l2: String,
    new_l3: String,
    new_l2: String,
    status: &'static str,
    reservation: &'static str,
    cutover: &'static str,
    disposition: &'static str,
    waits_for: &'static str,
    service_down: bool,
    submitted_at: String,
    changed_at: String,
}

/// A ticket that can't be read: all there is to say of it.
#[derive(Serialize)]
struct SetAside<'a> {
    relocation: String,
    set_aside: &'a str,
}

/// The columns; the last is empty but for a ticket that can't be read.
const COLUMNS: [&str; 16] = [
    "relocation",
    "service_id",
    "customer",
    "old_l3",
    "old_l2",
    "new_l3",
    "new_l2",
    "status",
    "reservation",
    "cutover",
    "disposition",
    "waits_for",
    "service_down",
    "submitted_at",
    "changed_at",
    "set_aside",
];

/// The file of a list, from where the look begins to the list's end; all of it, in the order of submission, where the list
/// goes by urgency or change. What can't be read has its row too, with the reason.
///
/// # Errors
/// If not even the first page can be read. Later the answer breaks off: whoever reads it sees that it has no end.
pub(crate) async fn export(
    board: &Arc<dyn Board>,
    look: Look,
    format: Format,
) -> Result<HttpResponse, Problem> {
    let look = Look { limit: MAX_LIMIT, ..in_an_order_that_stays(look) };
    let first = board.page(look.clone()).await?;
    let (kind, name) = match format {
        Format::Csv => ("text/csv; charset=utf-8", "tickets.csv"),
        Format::Json => ("application/json", "tickets.json"),
    };
    let saved = format!("attachment; filename=\"{name}\"");
    Ok(HttpResponse::Ok()
        .content_type(kind)
        .insert_header((header::CONTENT_DISPOSITION, saved))
        .streaming(chunks(Arc::clone(board), look, format, first)))
}

/// A ticket that moves while the file is written would be left out, or come twice, where the list goes by what moves.
fn in_an_order_that_stays(look: Look) -> Look {
    match look.order.by {
        SortBy::Submitted | SortBy::Service | SortBy::Customer => look,
        SortBy::Urgency | SortBy::Changed => {
            let order = Order { by: SortBy::Submitted, descending: false };
            Look { order, after: None, ..look }
        }
    }
}

/// Where the file goes on.
enum Rest {
    First(Page),
    After {
        place: Cursor,
        /// Whether rows stand before it: a page may have none and go on all the same.
        rows: bool,
    },
    Done,
}

/// The file in pieces, a page each. The next is read when the one before was taken: no more is ever kept in memory.
fn chunks(
    board: Arc<dyn Board>,
    look: Look,
    format: Format,
    first: Page,
) -> impl Stream<Item = Result<Bytes, Problem>> {
    stream::try_unfold(Rest::First(first), move |rest| {
        let (board, look) = (Arc::clone(&board), look.clone());
        async move {
            let (page, mut text, mut rows) = match rest {
                Rest::First(page) => (page, format.head(), false),
                Rest::After { place, rows } => {
                    let look = Look { after: Some(place), skip: 0, ..look };
                    (board.page(look).await?, String::new(), rows)
                }
                Rest::Done => return Ok(None),
            };
            for listed in &page.rows {
                format.row(&mut text, listed, !rows)?;
                rows = true;
            }
            let rest = page.next.map_or(Rest::Done, |place| Rest::After { place, rows });
            if matches!(rest, Rest::Done) {
                text.push_str(format.foot());
            }
            Ok(Some((Bytes::from(text), rest)))
        }
    })
}

impl Format {
    fn head(self) -> String {
        match self {
            // The mark lets spreadsheets see that it is UTF-8.
            Self::Csv => format!("\u{feff}{}\r\n", COLUMNS.join(",")),
            Self::Json => "[".to_owned(),
        }
    }

    const fn foot(self) -> &'static str {
        match self {
            Self::Csv => "",
            Self::Json => "\n]\n",
        }
    }

    fn row(self, text: &mut String, listed: &Listed, first: bool) -> Result<(), Problem> {
        let failed = |error: serde_json::Error| Problem::Failed(error.to_string());
        if self == Self::Json {
            text.push_str(if first { "\n" } else { ",\n" });
        }
        let written = match (self, listed) {
            (Self::Csv, Listed::Line(row)) => line(&exported(row)),
            (Self::Json, Listed::Line(row)) => serde_json::to_string(&exported(row)).map_err(failed)?,
            (Self::Csv, Listed::SetAside { id, reason }) => set_aside_line(&set_aside(id, reason)),
            (Self::Json, Listed::SetAside { id, reason }) => {
                serde_json::to_string(&set_aside(id, reason)).map_err(failed)?
            }
        };
        text.push_str(&written);
        Ok(())
    }
}

fn set_aside<'a>(id: &RelocationId, reason: &'a str) -> SetAside<'a> {
    SetAside { relocation: id.to_string(), set_aside: reason }
}

fn exported(line: &Line) -> Exported<'_> {
    let standing = line.standing;
    Exported {
        relocation: line.id.to_string(),
        service_id: &line.service_id,
        customer: &line.customer,
        old_l3: line.old.l3().to_string(),
        old_l2: line.old.l2().to_string(),
        new_l3: line.new.l3().to_string(),
        new_l2: line.new.l2().to_string(),
        status: standing.relocation.wire(),
        reservation: standing.reservation.map_or("", |status| status.wire()),
        cutover: standing.cutover.map_or("", |status| status.wire()),
        disposition: standing.disposition.wire(),
        waits_for: standing.attention.wire(),
        service_down: line.service_down,
        submitted_at: line.submitted_at.to_string(),
        changed_at: line.changed_at.to_string(),
    }
}

/// A line of CSV (RFC 4180).
fn line(row: &Exported<'_>) -> String {
    let down = if row.service_down { "true" } else { "false" };
    let cells = [
        &row.relocation,
        row.service_id,
        row.customer,
        &row.old_l3,
        &row.old_l2,
        &row.new_l3,
        &row.new_l2,
        row.status,
        row.reservation,
        row.cutover,
        row.disposition,
        row.waits_for,
        down,
        &row.submitted_at,
        &row.changed_at,
        "",
    ];
    cells.map(quoted).join(",") + "\r\n"
}

/// The line of a ticket that can't be read.
fn set_aside_line(row: &SetAside<'_>) -> String {
    let mut cells = [""; COLUMNS.len()];
    let [first, .., last] = &mut cells;
    (*first, *last) = (&row.relocation, row.set_aside);
    cells.map(quoted).join(",") + "\r\n"
}

/// In quotes; and with a mark before what a spreadsheet would take for a formula.
fn quoted(cell: &str) -> String {
    let formula = cell.starts_with(['=', '+', '-', '@', '\t']);
    format!("\"{}{}\"", if formula { "'" } else { "" }, cell.replace('"', "\"\""))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::{StreamExt, TryStreamExt};
    use rehome_domain::{
        board::{Filter, Key, Tally},
        ports::{StoreError, Wait},
    };
    use uuid::Uuid;

    use super::*;

    #[test]
    fn a_cell_can_neither_break_its_line_nor_run_as_a_formula() {
        assert_eq!(quoted("a \"b\", c"), "\"a \"\"b\"\", c\"");
        assert_eq!(quoted("=HYPERLINK(\"x\")"), "\"'=HYPERLINK(\"\"x\"\")\"");
    }

    /// So many pages, each third of them empty, of two tickets that can't be read; and how many were asked for.
    struct Long {
        pages: usize,
        asked: AtomicUsize,
    }

    impl Board for Long {
        fn page(&self, look: Look) -> Wait<'_, Result<Page, StoreError>> {
            let number = match look.after.map(|after| after.key) {
                Some(Key::Changed(number)) => usize::try_from(number).unwrap(),
                _ => 0,
            };
            self.asked.fetch_add(1, Ordering::SeqCst);
            let id = |row| RelocationId(Uuid::from_u128((number * 2 + row) as u128));
            let row = |row| Listed::SetAside { id: id(row), reason: "a \"hole\"".to_owned() };
            let rows = if number % 3 == 0 { Vec::new() } else { (0..2).map(row).collect() };
            let key = Key::Changed(i64::try_from(number).unwrap() + 1);
            let next = (number + 1 < self.pages).then(|| Cursor { key, id: id(0) });
            Box::pin(std::future::ready(Ok(Page { rows, next })))
        }

        fn count(&self, _: Filter, _: u64) -> Wait<'_, Result<Tally, StoreError>> {
            Box::pin(std::future::ready(Ok(Tally { tickets: 0, exact: false })))
        }
    }

    async fn file(format: Format, pages: usize) -> String {
        let board = Arc::new(Long { pages, asked: AtomicUsize::new(0) });
        let first = board.page(Look::default()).await.unwrap();
        let chunks = chunks(board, Look::default(), format, first);
        let chunks: Vec<Bytes> = chunks.try_collect().await.unwrap_or_else(|_| Vec::new());
        String::from_utf8(chunks.concat()).unwrap()
    }

    #[actix_web::test]
    async fn a_file_has_every_row_to_the_lists_end_also_after_empty_pages_and_of_what_cant_be_read() {
        for pages in [1, 2, 90] {
            let full = (0..pages).filter(|number| number % 3 != 0);
            let ids: Vec<_> =
                full.flat_map(|n| [2 * n, 2 * n + 1]).map(|n| Uuid::from_u128(n as u128)).collect();
            let csv = file(Format::Csv, pages).await;
            let rows: Vec<&str> = csv.lines().skip(1).collect();
            assert_eq!(rows.len(), ids.len());
            for (row, id) in rows.iter().zip(&ids) {
                assert!(row.starts_with(&format!("\"{id}\",\"\"")), "{row}");
                assert!(row.ends_with(",\"a \"\"hole\"\"\""), "{row}");
            }
            let json: Vec<serde_json::Value> =
                serde_json::from_str(&file(Format::Json, pages).await).unwrap();
            assert_eq!(json.len(), ids.len());
            for (row, id) in json.iter().zip(&ids) {
                assert_eq!(*row, serde_json::json!({ "relocation": id, "set_aside": "a \"hole\"" }));
            }
        }
    }

    #[test]
    fn a_file_goes_by_what_does_not_move_while_it_is_written() {
        let after = Some(Cursor { key: Key::Changed(1), id: RelocationId(Uuid::nil()) });
        for by in [SortBy::Urgency, SortBy::Changed] {
            let look =
                Look { order: Order { by, descending: true }, after: after.clone(), ..Look::default() };
            let look = in_an_order_that_stays(look);
            assert_eq!((look.order.by, look.after), (SortBy::Submitted, None));
        }
        for by in [SortBy::Submitted, SortBy::Service, SortBy::Customer] {
            let look = Look { order: Order { by, descending: true }, ..Look::default() };
            assert_eq!(in_an_order_that_stays(look.clone()), look);
        }
    }

    #[actix_web::test]
    async fn a_page_is_read_only_when_the_one_before_was_taken() {
        let board = Arc::new(Long { pages: usize::MAX, asked: AtomicUsize::new(0) });
        let first = board.page(Look::default()).await.unwrap();
        let mut chunks = std::pin::pin!(chunks(Arc::clone(&board) as _, Look::default(), Format::Csv, first));
        for taken in 1..5 {
            assert!(chunks.next().await.is_some());
            assert_eq!(board.asked.load(Ordering::SeqCst), taken);
        }
    }
}
