//! Comma-separated values with a header.

use ::csv::{ReaderBuilder, StringRecord};

use super::{COLUMNS, Cells, HeaderProblem, Problem, Raw, RowProblem, SheetError, place_of};

/// Reads the rows under the header.
///
/// # Errors
/// If a quote is left open, or the header is not as it must be.
pub(super) fn read(text: &str) -> Result<Vec<Raw>, SheetError> {
    if let Some(line) = open_quote(text) {
        return Err(SheetError::OpenQuote { line });
    }
    let mut reader = ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_bytes());
    // The text is UTF-8 and rows may have any length, so that no record can be an error.
    let mut records = reader.records().map_while(Result::ok);
    let Some(header) = records.next() else { return Err(SheetError::Empty) };
    let places = places(&header).map_err(SheetError::Header)?;
    let mut lines = Lines { text, at: 0, line: 1 };
    Ok(records
        .map(|record| {
            let line = lines.of(&record);
            Raw { line, cells: cells(line, &places, &record) }
        })
        .collect())
}

/// For each field of the header its place in [`COLUMNS`].
fn places(header: &StringRecord) -> Result<Vec<usize>, Vec<HeaderProblem>> {
    let mut places = Vec::with_capacity(COLUMNS.len());
    let mut problems = Vec::new();
    for name in header.iter().map(str::trim) {
        match place_of(name) {
            None => problems.push(HeaderProblem::Unknown(name.to_owned())),
            Some(place) if places.contains(&place) => problems.push(HeaderProblem::Twice(name.to_owned())),
            Some(place) => places.push(place),
        }
    }
    if let Some(separator) = other_separator(header) {
        return Err(vec![HeaderProblem::Separator(separator)]);
    }
    let missing =
        COLUMNS.iter().enumerate().filter(|(place, column)| !column.optional && !places.contains(place));
    problems.extend(missing.map(|(_, column)| HeaderProblem::Missing(column.name)));
    if problems.is_empty() { Ok(places) } else { Err(problems) }
}

/// What a header of a single field seems to be separated by.
fn other_separator(header: &StringRecord) -> Option<char> {
    let mut fields = header.iter();
    let (Some(only), None) = (fields.next(), fields.next()) else { return None };
    [';', '\t', '|', '，'].into_iter().find(|separator| only.contains(*separator))
}

fn cells(line: usize, places: &[usize], record: &StringRecord) -> Result<Cells, Vec<RowProblem>> {
    if record.len() != places.len() {
        let problem = Problem::Fields { found: record.len(), expected: places.len() };
        return Err(vec![RowProblem { line, field: None, problem }]);
    }
    let mut cells: Cells = Default::default();
    for (place, field) in places.iter().zip(record) {
        field.trim().clone_into(&mut cells[*place]);
    }
    Ok(cells)
}

/// Counts lines. The reader's own count is off by the line breaks before a record, which it skips only when it reads
/// the record.
struct Lines<'a> {
    text: &'a str,
    at: usize,
    line: usize,
}

impl Lines<'_> {
    fn of(&mut self, record: &StringRecord) -> usize {
        let bytes = self.text.as_bytes();
        let mut start = record
            .position()
            .map_or(self.at, |position| usize::try_from(position.byte()).unwrap_or(self.at))
            .min(bytes.len());
        while matches!(bytes.get(start), Some(b'\r' | b'\n')) {
            start += 1;
        }
        self.line += bytes[self.at.min(start)..start].iter().filter(|byte| **byte == b'\n').count();
        self.at = start;
        self.line
    }
}

/// The line on which a quoted field begins that never ends. The reader takes the rest of the file for that field and
/// says nothing.
fn open_quote(text: &str) -> Option<usize> {
    enum In {
        FieldStart,
        Plain,
        Quoted,
        /// After a quote within a quoted field: its end, or the first half of a doubled one.
        Quote,
    }
    let (mut state, mut line, mut opened) = (In::FieldStart, 1, 1);
    for byte in text.bytes() {
        line += usize::from(byte == b'\n');
        state = match (state, byte) {
            (In::Quoted, b'"') => In::Quote,
            (In::Quoted, _) | (In::Quote, b'"') => In::Quoted,
            (In::FieldStart | In::Plain | In::Quote, b',' | b'\n' | b'\r') => In::FieldStart,
            (In::FieldStart, b'"') => {
                opened = line;
                In::Quoted
            }
            (In::FieldStart | In::Plain | In::Quote, _) => In::Plain,
        };
    }
    matches!(state, In::Quoted).then_some(opened)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What the reader itself makes of an open quote: it swallows a record put after the text.
    fn swallows(text: &str) -> bool {
        let probed = format!("{text}\nend,of,probe");
        let mut reader =
            ReaderBuilder::new().has_headers(false).flexible(true).from_reader(probed.as_bytes());
        let last = reader.records().map(Result::unwrap).last().unwrap();
        last.iter().ne(["end", "of", "probe"])
    }

    proptest! {
        #[test]
        fn an_open_quote_is_found_exactly_where_the_reader_would_swallow_the_rest(text in "[\",\r\nab ]{0,24}") {
            prop_assert_eq!(open_quote(&text).is_some(), swallows(&text), "{:?}", text);
        }

        #[test]
        fn a_record_is_on_the_line_on_which_its_first_character_stands(
            fields in prop::collection::vec(("[a-z]{1,3}(\n[a-z]{1,2})?", "(\r\n|\n){1,3}"), 1..8),
        ) {
            let mut text = String::new();
            let mut expected = Vec::new();
            for (field, ending) in &fields {
                expected.push(1 + text.matches('\n').count());
                text.push_str(&format!("\"{field}\",x{ending}"));
            }
            let mut reader = ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
            let mut lines = Lines { text: &text, at: 0, line: 1 };
            let found: Vec<usize> = reader.records().map(|record| lines.of(&record.unwrap())).collect();
            prop_assert_eq!(found, expected, "{:?}", text);
        }
    }
}
