//! A ticket's journal as a timeline: who, when, what came in, what changed, what was sent.

use rehome_domain::{journal::Entry, lang::Lang, ports::Unreadable, status::Disposition, wording};

use super::super::{
    tone::{self, Chip},
    view::When,
};

/// An entry.
pub(super) enum Told {
    Entry(Box<EntryRow>),
    Unreadable(String),
}

pub(super) struct EntryRow {
    pub(super) seq: u64,
    pub(super) at: When,
    pub(super) who: String,
    pub(super) what: String,
    pub(super) became: Vec<Chip>,
    pub(super) still: bool,
    pub(super) rows: String,
    pub(super) sends: Vec<String>,
    pub(super) raw: String,
}

/// The timeline, newest first.
pub(super) fn timeline(lang: Lang, journal: &[Result<Entry, Unreadable>]) -> Vec<Told> {
    let mut before: Option<&Entry> = None;
    let mut told = Vec::with_capacity(journal.len());
    for entry in journal {
        told.push(match entry {
            Ok(entry) => {
                let row = row(lang, before, entry);
                before = Some(entry);
                Told::Entry(Box::new(row))
            }
            Err(why) => Told::Unreadable(why.to_string()),
        });
    }
    told.reverse();
    told
}

fn row(lang: Lang, before: Option<&Entry>, entry: &Entry) -> EntryRow {
    EntryRow {
        seq: entry.seq,
        at: When::of(entry.at),
        who: wording::by(lang, &entry.by),
        what: wording::entry(lang, entry),
        became: became(lang, before, entry),
        still: entry.rows.is_empty(),
        rows: entry.rows.join(" "),
        sends: entry.sends.iter().map(|sent| wording::order(lang, sent)).collect(),
        raw: serde_json::to_string_pretty(entry).unwrap_or_default(),
    }
}

/// The statuses that are not what they were before it.
fn became(lang: Lang, before: Option<&Entry>, entry: &Entry) -> Vec<Chip> {
    let mut became = Vec::new();
    if before.map(|before| before.relocation_status) != Some(entry.relocation_status) {
        became.push(tone::relocation(lang, entry.relocation_status));
    }
    if before.and_then(|before| before.reservation_status) != entry.reservation_status {
        became.push(tone::reservation(lang, entry.reservation_status));
    }
    if before.and_then(|before| before.cutover_status) != entry.cutover_status {
        became.push(tone::cutover(lang, entry.cutover_status));
    }
    if before.map_or(Disposition::Open, |before| before.disposition) != entry.disposition {
        became.push(tone::disposition(lang, entry.disposition));
    }
    became
}
