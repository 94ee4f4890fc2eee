//! The filtered list as a file.

use actix_web::{HttpResponse, http::header, web};
use rehome_domain::board::{Line, Listed, Look, MAX_LIMIT};
use serde::Serialize;

use super::{super::view::View, Query, invalid};
use crate::{frame::Problem, site::Workbench};

/// Rows of one file: what a spreadsheet still opens gladly. Beyond it, filter, or follow the API's pages.
const MOST: usize = 50_000;

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

const COLUMNS: [&str; 15] = [
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
];

pub(super) async fn export(
    _: View,
    format: web::Path<String>,
    pairs: web::Query<Vec<(String, String)>>,
    workbench: web::Data<Workbench>,
) -> Result<HttpResponse, Problem> {
    let csv = match format.as_str() {
        "csv" => true,
        "json" => false,
        _ => return Err(Problem::NotFound),
    };
    let query = Query::read(&pairs).map_err(invalid)?;
    let lines = all(&workbench, query.look(MAX_LIMIT)).await?;
    let rows = lines.iter().map(exported);
    let (kind, name, body) = if csv {
        let head = COLUMNS.join(",");
        // The mark lets spreadsheets see that it is UTF-8.
        let body = rows.fold(format!("\u{feff}{head}\r\n"), |text, row| text + &line(&row));
        ("text/csv; charset=utf-8", "tickets.csv", body)
    } else {
        let body = serde_json::to_string_pretty(&rows.collect::<Vec<_>>());
        ("application/json", "tickets.json", body.map_err(|error| Problem::Failed(error.to_string()))?)
    };
    let saved = format!("attachment; filename=\"{name}\"");
    Ok(HttpResponse::Ok().content_type(kind).insert_header((header::CONTENT_DISPOSITION, saved)).body(body))
}

/// All lines of a list, page by page, up to [`MOST`].
async fn all(workbench: &Workbench, mut look: Look) -> Result<Vec<Line>, Problem> {
    let mut lines = Vec::new();
    loop {
        let page = workbench.board.page(look.clone()).await?;
        lines.extend(page.rows.into_iter().filter_map(|row| match row {
            Listed::Line(line) => Some(*line),
            Listed::SetAside { .. } => None,
        }));
        match page.next {
            Some(next) if lines.len() < MOST => look.after = Some(next),
            _ => return Ok(lines),
        }
    }
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
    ];
    cells.map(quoted).join(",") + "\r\n"
}

/// In quotes; and with a mark before what a spreadsheet would take for a formula.
fn quoted(cell: &str) -> String {
    let formula = cell.starts_with(['=', '+', '-', '@', '\t']);
    format!("\"{}{}\"", if formula { "'" } else { "" }, cell.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_can_neither_break_its_line_nor_run_as_a_formula() {
        assert_eq!(quoted("a \"b\", c"), "\"a \"\"b\"\", c\"");
        assert_eq!(quoted("=HYPERLINK(\"x\")"), "\"'=HYPERLINK(\"\"x\"\")\"");
    }
}
