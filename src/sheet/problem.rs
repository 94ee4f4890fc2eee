//! What can be wrong with a sheet. The sentences are in [`texts`].

use std::{fmt, io, path::PathBuf, sync::Arc};

use rehome_domain::{lang::Lang, request::Fault};

use super::Format;
use crate::texts;

/// A sheet that can't be used. Nothing of it has been started.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{}", self.sentence(Lang::En))]
pub enum SheetError {
    /// The file can't be read.
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: Arc<io::Error>,
    },
    /// It holds nothing.
    Empty,
    /// It holds a header, or an array, and nothing in it.
    NoRows,
    /// It is not UTF-8.
    Encoding {
        /// The first line that is not.
        line: usize,
        /// It is UTF-16.
        utf16: bool,
    },
    /// A quoted field never ends: the file has been cut off, or a quote is missing.
    OpenQuote {
        /// Where it begins.
        line: usize,
    },
    /// It is not JSON.
    Json {
        /// What is wrong, with line and column.
        detail: String,
    },
    /// The header is not as it must be.
    Header(Vec<HeaderProblem>),
    /// Rows are not as they must be.
    Rows {
        /// How lines are counted.
        format: Format,
        /// All that is wrong, in the order of lines.
        problems: Vec<RowProblem>,
    },
}

impl SheetError {
    /// What a person reads; may have several lines.
    #[must_use]
    pub fn sentence(&self, lang: Lang) -> String {
        match self {
            Self::Unreadable { path, source } => texts::sheet_unreadable(lang, path.display(), source),
            Self::Empty => texts::sheet_empty(lang),
            Self::NoRows => texts::sheet_no_rows(lang),
            Self::Encoding { utf16: true, .. } => texts::sheet_utf16(lang),
            Self::Encoding { line, utf16: false } => texts::sheet_encoding(lang, line),
            Self::OpenQuote { line } => texts::sheet_open_quote(lang, line),
            Self::Json { detail } => texts::sheet_json(lang, detail),
            Self::Header(problems) => {
                let problems = problems.iter().map(|problem| problem.sentence(lang));
                texts::sheet_header(lang, problems.collect::<Vec<_>>().join(lang.pick("; ", "；")))
            }
            Self::Rows { format, problems } => {
                problems.iter().map(|problem| problem.sentence(lang, *format)).collect::<Vec<_>>().join("\n")
            }
        }
    }
}

/// Something wrong with the header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HeaderProblem {
    /// A column is missing.
    Missing(&'static str),
    /// A column is not one of a sheet's.
    Unknown(String),
    /// A column stands there twice.
    Twice(String),
    /// It is separated by something else than commas.
    Separator(char),
}

impl HeaderProblem {
    /// What a person reads.
    #[must_use]
    pub fn sentence(&self, lang: Lang) -> String {
        match self {
            Self::Missing(column) => texts::column_missing(lang, column),
            Self::Unknown(column) => texts::column_unknown(lang, clip(column)),
            Self::Twice(column) => texts::column_twice(lang, column),
            Self::Separator(separator) => texts::wrong_separator(lang, separator),
        }
    }
}

/// Something wrong with a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowProblem {
    /// The row's line (CSV) or number (JSON).
    pub line: usize,
    /// The field, if it is one field's.
    pub field: Option<String>,
    /// What is wrong and what was expected.
    pub problem: Problem,
}

impl RowProblem {
    /// What a person reads.
    #[must_use]
    pub fn sentence(&self, lang: Lang, format: Format) -> String {
        let place = match format {
            Format::Csv => texts::at_line(lang, self.line),
            Format::Json => texts::at_object(lang, self.line),
        };
        let problem = self.problem.sentence(lang);
        match &self.field {
            Some(field) => texts::at_field(lang, place, clip(field), problem),
            None => format!("{place}{problem}"),
        }
    }
}

/// What is wrong with a row or one of its fields, and what was expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// It has another number of fields than the header.
    Fields {
        /// How many it has.
        found: usize,
        /// How many the header has.
        expected: usize,
    },
    /// It is not an object.
    NotAnObject {
        /// What it is.
        kind: JsonKind,
    },
    /// It is neither text nor number.
    NotAValue {
        /// What it is.
        kind: JsonKind,
    },
    /// An object has a key that is not a sheet's.
    Unknown,
    /// An object has a key twice.
    Twice,
    /// It must not be empty.
    Empty,
    /// A VLAN tag that is no number.
    NotATag {
        /// What it is.
        given: String,
    },
    /// A time that is none.
    NotATime {
        /// What it is.
        given: String,
    },
    /// Half a window.
    HalfAWindow {
        /// The other half, which is there.
        other: &'static str,
    },
    /// An earlier row wants the same.
    Same {
        /// What.
        resource: String,
        /// That row's line or number.
        line: usize,
    },
    /// What the domain says.
    Invalid(Fault),
}

impl Problem {
    /// What a person reads.
    #[must_use]
    pub fn sentence(&self, lang: Lang) -> String {
        match self {
            Self::Fields { found, expected } => texts::wrong_field_count(lang, found, expected),
            Self::NotAnObject { kind } => texts::not_an_object(lang, kind.label(lang)),
            Self::NotAValue { kind } => texts::not_a_value(lang, kind.label(lang)),
            Self::Unknown => texts::key_unknown(lang),
            Self::Twice => texts::key_twice(lang),
            Self::Empty => texts::field_empty(lang),
            Self::NotATag { given } => texts::not_a_tag(lang, clip(given)),
            Self::NotATime { given } => texts::not_a_time(lang, clip(given)),
            Self::HalfAWindow { other } => texts::half_a_window(lang, other),
            Self::Same { resource, line } => texts::wanted_twice(lang, resource, line),
            Self::Invalid(fault) => fault.sentence(lang),
        }
    }
}

/// What a JSON value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonKind {
    /// `null`
    Null,
    /// `true` or `false`
    Boolean,
    /// A number.
    Number,
    /// A text.
    Text,
    /// An array.
    Array,
    /// An object.
    Object,
}

impl JsonKind {
    fn label(self, lang: Lang) -> &'static str {
        match self {
            Self::Null => lang.pick("null", " null"),
            Self::Boolean => lang.pick("a boolean", "布尔值"),
            Self::Number => lang.pick("a number", "数字"),
            Self::Text => lang.pick("a text", "文本"),
            Self::Array => lang.pick("an array", "数组"),
            Self::Object => lang.pick("an object", "对象"),
        }
    }
}

/// A value as far as an error message needs it: a field may hold megabytes.
fn clip(given: &str) -> impl fmt::Display {
    const ENOUGH: usize = 40;
    let mut shown: String = given.chars().take(ENOUGH).collect::<String>().escape_debug().collect();
    if given.chars().nth(ENOUGH).is_some() {
        shown.push('…');
    }
    shown
}
