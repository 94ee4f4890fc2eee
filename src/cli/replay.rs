//! `rehome replay`: a ticket's exported journal, stepped again.

use std::{
    io::{self, Read},
    path::{Path, PathBuf},
};

use rehome_domain::{
    journal::{Divergence, ENTRY_VERSION, Entry, replay_one},
    lang::Lang,
};
use serde_json::json;

use super::{Ended, Failure, Setting, Told, entries, tables};
use crate::texts;

/// Step a ticket's exported journal again: same statuses, or where it differs
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rehome replay ticket.jsonl
  rehome export --data rehome-data/sheet SH-LL-000702 | rehome replay -
  rehome replay ticket.jsonl --json

Exit code 1 if the journal is not what the table gives, 2 if it can't be read.")]
pub(super) struct Args {
    /// The journal: JSON lines or a JSON array of entries; - for stdin
    #[arg(value_name = "JOURNAL")]
    journal: PathBuf,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

pub(super) fn replay(args: &Args, setting: &Setting) -> Ended {
    let lang = setting.lang;
    let text = text(&args.journal)
        .map_err(|error| Failure::Bad(texts::journal_unreadable(lang, args.journal.display(), error)))?;
    let entries = parse(&text).map_err(|problem| Failure::Bad(texts::journal_malformed(lang, problem)))?;
    let replayed = step_again(&entries);
    let text = if args.json { document(&entries, &replayed)? } else { page(lang, &entries, &replayed) };
    Ok(Told { text, good: replayed.divergence.is_none() })
}

fn text(journal: &Path) -> io::Result<String> {
    if journal.as_os_str() == "-" {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text)?;
        return Ok(text);
    }
    std::fs::read_to_string(journal)
}

/// Reads entries, one a line or all in an array.
fn parse(text: &str) -> Result<Vec<Entry>, String> {
    if text.trim_start().starts_with('[') {
        let mut array = serde_json::Deserializer::from_str(text);
        let entries = serde_path_to_error::deserialize(&mut array)
            .map_err(|error| format!("at {}: {}", error.path(), error.inner()))?;
        return array.end().map(|()| entries).map_err(|error| error.to_string());
    }
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(at, line)| {
            let mut line = serde_json::Deserializer::from_str(line);
            let entry = serde_path_to_error::deserialize(&mut line)
                .map_err(|error| format!("line {}, at {}: {}", at + 1, error.path(), error.inner()))?;
            line.end().map(|()| entry).map_err(|error| format!("line {}: {error}", at + 1))
        })
        .collect()
}

struct Replayed {
    /// So many entries are what the table gives.
    same: usize,
    /// The first that is not.
    divergence: Option<Divergence>,
}

fn step_again(entries: &[Entry]) -> Replayed {
    let mut ticket = None;
    for (same, entry) in entries.iter().enumerate() {
        match replay_one(ticket.as_ref(), entry) {
            Ok(next) => ticket = Some(next),
            Err(divergence) => return Replayed { same, divergence: Some(divergence) },
        }
    }
    let divergence = entries.is_empty().then_some(Divergence::Empty);
    Replayed { same: entries.len(), divergence }
}

fn page(lang: Lang, entries: &[Entry], replayed: &Replayed) -> String {
    let mut page = String::new();
    if let Some(first) = entries.first() {
        page.push_str(&texts::journal_of(lang, first.relocation, entries.len()));
        page.push_str("\n\n");
        page.push_str(&tables::text(&entries::table(lang, entries)));
        page.push('\n');
    }
    let verdict = match &replayed.divergence {
        None => texts::replays(lang, replayed.same),
        Some(divergence) => texts::diverges(lang, replayed.same, where_it_parts(lang, divergence)),
    };
    page.push_str(&verdict);
    page.push('\n');
    page
}

fn where_it_parts(lang: Lang, divergence: &Divergence) -> String {
    match divergence {
        Divergence::Empty => texts::journal_empty(lang),
        Divergence::Gap { expected, found, .. } => texts::journal_gap(lang, expected, found),
        Divergence::Newer { seq, found } => texts::journal_newer(lang, seq, found, ENTRY_VERSION),
        Divergence::Differs { seq, field, journal, table } => {
            texts::journal_differs(lang, seq, field, journal, table)
        }
    }
}

fn document(entries: &[Entry], replayed: &Replayed) -> serde_json::Result<String> {
    let document = json!({
        "relocation": entries.first().map(|entry| entry.relocation),
        "same": replayed.divergence.is_none(),
        "entries_same": replayed.same,
        "difference": replayed.divergence.as_ref().map(ToString::to_string),
        "entries": entries,
    });
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}
