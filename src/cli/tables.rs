//! Tables and words that several verbs print.

use std::fmt::Display;

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};
use rehome_domain::{
    lang::Lang,
    status::{Attention, CutoverStatus, Disposition, RelocationStatus, ReservationStatus},
};

/// Blanks between two columns.
pub(super) const GUTTER: u16 = 2;

/// A table without lines around it, so that its columns can be cut out by other programs too.
pub(super) fn table(header: &[String]) -> Table {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(header.iter().map(Cell::new));
    for column in table.column_iter_mut() {
        column.set_padding((0, GUTTER));
    }
    table
}

/// A number, to the right.
pub(super) fn number(number: impl Display) -> Cell {
    Cell::new(number).set_alignment(CellAlignment::Right)
}

/// A table's text, without the blanks that fill its lines.
pub(super) fn text(table: &Table) -> String {
    let mut text = String::new();
    for line in table.lines() {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// A wire name, and in Chinese its label under it; `more` goes to the second line in both languages.
pub(super) fn stacked(lang: Lang, wire: &str, label: &str, more: &str) -> String {
    let under = match lang {
        Lang::En => more.to_owned(),
        Lang::Zh => format!("{label}{more}"),
    };
    if under.is_empty() { wire.to_owned() } else { format!("{wire}\n{under}") }
}

/// A wire name, in Chinese with its label.
pub(super) fn word(lang: Lang, wire: &str, label: &str) -> String {
    match lang {
        Lang::En => wire.to_owned(),
        Lang::Zh => format!("{wire} {label}"),
    }
}

pub(super) fn relocation(lang: Lang, status: RelocationStatus) -> String {
    word(lang, status.wire(), status.label(lang))
}

pub(super) fn reservation(lang: Lang, status: Option<ReservationStatus>) -> String {
    status.map_or_else(|| "-".to_owned(), |status| word(lang, status.wire(), status.label(lang)))
}

pub(super) fn cutover(lang: Lang, status: Option<CutoverStatus>) -> String {
    status.map_or_else(|| "-".to_owned(), |status| word(lang, status.wire(), status.label(lang)))
}

pub(super) fn disposition(lang: Lang, disposition: Disposition) -> String {
    word(lang, disposition.wire(), disposition.label(lang))
}

pub(super) fn attention(lang: Lang, attention: Attention) -> String {
    word(lang, attention.wire(), attention.label(lang))
}
