//! Journal entries as people read them.

use comfy_table::{Cell, Table};
use rehome_domain::{journal::Entry, lang::Lang, wording};

use super::tables;
use crate::texts;

/// A table with a row for each entry.
pub(super) fn table<'a>(lang: Lang, entries: impl IntoIterator<Item = &'a Entry>) -> Table {
    let mut table = tables::table(&[
        texts::head_entry(lang),
        texts::head_time(lang),
        texts::head_who(lang),
        texts::head_input(lang),
        texts::head_rows(lang),
        texts::head_relocation(lang),
        texts::head_reservation(lang),
        texts::head_cutover(lang),
        texts::head_sends(lang),
    ]);
    for entry in entries {
        table.add_row([
            tables::number(entry.seq),
            Cell::new(format!("{:.3}", entry.at)),
            Cell::new(wording::by(lang, &entry.by)),
            Cell::new(wording::entry(lang, entry)),
            Cell::new(rows(entry)),
            Cell::new(tables::relocation(lang, entry.relocation_status)),
            Cell::new(tables::reservation(lang, entry.reservation_status)),
            Cell::new(tables::cutover(lang, entry.cutover_status)),
            Cell::new(sends(lang, entry)),
        ]);
    }
    table
}

fn rows(entry: &Entry) -> String {
    if entry.rows.is_empty() { "-".to_owned() } else { entry.rows.join(" ") }
}

fn sends(lang: Lang, entry: &Entry) -> String {
    let sends: Vec<String> = entry.sends.iter().map(|dispatch| wording::order(lang, dispatch)).collect();
    if sends.is_empty() { "-".to_owned() } else { sends.join(", ") }
}
