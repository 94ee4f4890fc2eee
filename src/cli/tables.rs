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

/// A text that may come from strangers, as a terminal can be given it: nothing in it moves the cursor, changes colours or
/// sets a title.
pub(super) fn plain(text: &str) -> String {
    text.replace(|letter: char| letter.is_control() && !matches!(letter, '\n' | '\t'), "\u{fffd}")
}

/// A table's text, without the blanks that fill its lines.
pub(super) fn text(table: &Table) -> String {
    let mut text = String::new();
    for line in table.lines() {
        text.push_str(plain(&line).trim_end());
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_strangers_have_written_gives_a_terminal_no_orders() {
        assert_eq!(plain("a\u{1b}[2J\rb\u{9b}\nc 上海"), "a\u{fffd}[2J\u{fffd}b\u{fffd}\nc 上海");
        let mut table = table(&["service".to_owned()]);
        table.add_row(["LL-1\u{1b}]0;title\u{7}"]);
        assert!(!text(&table).contains(['\u{1b}', '\u{7}']));
    }
}
