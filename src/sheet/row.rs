//! From a row's cells to a request.

use jiff::Timestamp;
use rehome_domain::request::{Deadlines, Place, Request, VLANS, Window};

use super::{Cells, Problem, RowProblem, place_of};

/// The request that a row's cells make.
///
/// # Errors
/// All that is wrong with them.
pub(super) fn request(line: usize, cells: &Cells, deadlines: Deadlines) -> Result<Request, Vec<RowProblem>> {
    let mut row = Reading { line, cells, problems: Vec::new() };
    let request = Request {
        service_id: row.text("service_id"),
        customer: row.text("customer"),
        old: row.place("old"),
        new: row.place("new"),
        ip: row.text("ip"),
        vrf: Some(row.text("vrf")).filter(|vrf| !vrf.is_empty()),
        description: row.text("description"),
        window: row.window(),
        external_id: None,
        hold: false,
        deadlines,
    };
    // A field that could not even be read holds a stand-in, and the domain's word on that means nothing.
    let readable = row.problems.is_empty();
    for (field, fault) in request.faults() {
        let known = row.problems.iter().any(|problem| problem.field.as_deref() == Some(&field));
        let compares_fields = place_of(&field).is_none();
        if !known && (readable || !compares_fields) {
            row.problem(&field, Problem::Invalid(fault));
        }
    }
    if row.problems.is_empty() { Ok(request) } else { Err(row.problems) }
}

struct Reading<'a> {
    line: usize,
    cells: &'a Cells,
    problems: Vec<RowProblem>,
}

impl<'a> Reading<'a> {
    fn cell(&self, field: &str) -> &'a str {
        place_of(field).map_or("", |place| &self.cells[place])
    }

    fn problem(&mut self, field: &str, problem: Problem) {
        self.problems.push(RowProblem { line: self.line, field: Some(field.to_owned()), problem });
    }

    fn text(&self, field: &str) -> String {
        self.cell(field).to_owned()
    }

    fn place(&mut self, side: &str) -> Place {
        let field = |name: &str| format!("{side}_{name}");
        Place {
            l3_device: self.text(&field("l3_device")),
            l3_port: self.text(&field("l3_port")),
            vlan: self.tag(&field("vlan")).unwrap_or_else(|| {
                if self.cell(&field("vlan")).is_empty() {
                    self.problem(&field("vlan"), Problem::Empty);
                }
                *VLANS.start()
            }),
            inner_vlan: self.tag(&field("inner_vlan")),
            l2_device: self.text(&field("l2_device")),
            l2_port: self.text(&field("l2_port")),
        }
    }

    /// A VLAN tag; none if the cell is empty or, which is a problem, no number.
    fn tag(&mut self, field: &str) -> Option<u16> {
        let cell = self.cell(field);
        if cell.is_empty() {
            return None;
        }
        let tag = cell.parse().ok();
        if tag.is_none() {
            self.problem(field, Problem::NotATag { given: cell.to_owned() });
        }
        tag
    }

    fn window(&mut self) -> Option<Window> {
        let (start, end) = (self.time("window_start"), self.time("window_end"));
        match (self.cell("window_start").is_empty(), self.cell("window_end").is_empty()) {
            (false, true) => self.problem("window_end", Problem::HalfAWindow { other: "window_start" }),
            (true, false) => self.problem("window_start", Problem::HalfAWindow { other: "window_end" }),
            _ => {}
        }
        Some(Window { start: start?, end: end? })
    }

    fn time(&mut self, field: &str) -> Option<Timestamp> {
        let cell = self.cell(field);
        if cell.is_empty() {
            return None;
        }
        let time = cell.parse().ok();
        if time.is_none() {
            self.problem(field, Problem::NotATime { given: cell.to_owned() });
        }
        time
    }
}
