//! Relocation sheets: a table of circuits to move, as CSV or JSON.
//!
//! A sheet is read as a whole before anything starts, and everything wrong with it is told at once: the line, the
//! field and what was expected.

mod csv;
mod json;
mod problem;
mod row;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use rehome_domain::{
    id::RelocationId,
    request::{Deadlines, Request},
};

pub use problem::{HeaderProblem, JsonKind, Problem, RowProblem, SheetError};

/// A column of a sheet, a key of a JSON object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// Whether its cells may be empty; then the header may leave it out too.
    pub optional: bool,
}

const fn column(name: &'static str) -> Column {
    Column { name, optional: false }
}

const fn optional(name: &'static str) -> Column {
    Column { name, optional: true }
}

/// Every column, in the order of the documentation. Any order is read.
pub const COLUMNS: [Column; 19] = [
    column("service_id"),
    column("customer"),
    column("old_l3_device"),
    column("old_l3_port"),
    column("old_vlan"),
    optional("old_inner_vlan"),
    column("old_l2_device"),
    column("old_l2_port"),
    column("new_l3_device"),
    column("new_l3_port"),
    column("new_vlan"),
    optional("new_inner_vlan"),
    column("new_l2_device"),
    column("new_l2_port"),
    column("ip"),
    optional("vrf"),
    column("description"),
    optional("window_start"),
    optional("window_end"),
];

/// One relocation of a sheet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// Where it stands: the line of a CSV file, the how-many-th object of a JSON file; from 1.
    pub line: usize,
    /// What is asked for. Valid.
    pub request: Arc<Request>,
}

/// A sheet without a fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sheet {
    /// Its rows, in order.
    pub rows: Vec<Row>,
}

impl Row {
    /// The id of its relocation: [`Request::relocation`].
    #[must_use]
    pub fn relocation(&self) -> RelocationId {
        self.request.relocation()
    }
}

/// What a sheet is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated values with a header (RFC 4180).
    Csv,
    /// An array of flat objects.
    Json,
}

impl Format {
    /// By the file's name; if that does not tell, by how the text begins.
    fn of(path: &Path, text: &str) -> Self {
        match path.extension().and_then(|extension| extension.to_str()) {
            Some(extension) if extension.eq_ignore_ascii_case("json") => Self::Json,
            Some(extension) if extension.eq_ignore_ascii_case("csv") => Self::Csv,
            _ if text.trim_start().starts_with(['[', '{']) => Self::Json,
            _ => Self::Csv,
        }
    }
}

/// A row as it was read, before it is known to make sense.
struct Raw {
    line: usize,
    cells: Result<Cells, Vec<RowProblem>>,
}

/// A row's cells, in the order of [`COLUMNS`], trimmed; empty where there is none.
type Cells = [String; COLUMNS.len()];

/// The place of a column in [`COLUMNS`].
fn place_of(name: &str) -> Option<usize> {
    COLUMNS.iter().position(|column| column.name == name)
}

/// Reads a sheet from a file. Every order of its relocations gets these deadlines.
///
/// # Errors
/// If the file can't be read, is no sheet, or any of its rows is not as it must be: all of them.
pub fn open(path: &Path, deadlines: Deadlines) -> Result<Sheet, SheetError> {
    let bytes = std::fs::read(path)
        .map_err(|source| SheetError::Unreadable { path: PathBuf::from(path), source: Arc::new(source) })?;
    named(path, &bytes, deadlines)
}

/// Reads a sheet from the bytes of a file of this name.
///
/// # Errors
/// As [`open`].
pub fn named(path: &Path, bytes: &[u8], deadlines: Deadlines) -> Result<Sheet, SheetError> {
    let text = decode(bytes)?;
    read(text, Format::of(path, text), deadlines)
}

/// Reads a sheet from bytes.
///
/// # Errors
/// As [`open`].
pub fn parse(bytes: &[u8], format: Format, deadlines: Deadlines) -> Result<Sheet, SheetError> {
    read(decode(bytes)?, format, deadlines)
}

fn read(text: &str, format: Format, deadlines: Deadlines) -> Result<Sheet, SheetError> {
    if text.trim().is_empty() {
        return Err(SheetError::Empty);
    }
    let raw = match format {
        Format::Csv => csv::read(text)?,
        Format::Json => json::read(text)?,
    };
    if raw.is_empty() {
        return Err(SheetError::NoRows);
    }
    let mut rows = Vec::with_capacity(raw.len());
    let mut problems = Vec::new();
    for Raw { line, cells } in raw {
        match cells.and_then(|cells| row::request(line, &cells, deadlines)) {
            Ok(request) => rows.push(Row { line, request: Arc::new(request) }),
            Err(found) => problems.extend(found),
        }
    }
    problems.extend(twice(&rows));
    if problems.is_empty() {
        Ok(Sheet { rows })
    } else {
        problems.sort_by_key(|problem| problem.line);
        Err(SheetError::Rows { format, problems })
    }
}

/// Rows that want what an earlier row wants: the second could only be refused (promise 4).
fn twice(rows: &[Row]) -> Vec<RowProblem> {
    let mut first = HashMap::new();
    let mut problems = Vec::new();
    for row in rows {
        for (resource, field) in
            row.request.resources().into_iter().zip(["new_l3_port", "new_l2_port", "service_id"])
        {
            match first.get(&resource) {
                None => {
                    first.insert(resource, row.line);
                }
                Some(earlier) => problems.push(RowProblem {
                    line: row.line,
                    field: Some(field.to_owned()),
                    problem: Problem::Same { resource, line: *earlier },
                }),
            }
        }
    }
    problems
}

/// The text, without the mark that some programs put before it.
fn decode(bytes: &[u8]) -> Result<&str, SheetError> {
    if bytes.starts_with(&[0xFF, 0xFE]) || bytes.starts_with(&[0xFE, 0xFF]) {
        return Err(SheetError::Encoding { line: 1, utf16: true });
    }
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    std::str::from_utf8(bytes).map_err(|error| {
        let line = 1 + bytes.iter().take(error.valid_up_to()).filter(|byte| **byte == b'\n').count();
        SheetError::Encoding { line, utf16: false }
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests;
