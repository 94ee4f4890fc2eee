//! `rehome export`: a ticket's journal, or a list of tickets as a file.

use rehome_domain::ports::TicketStore as _;
use serde_json::Value;

use super::{
    Ended, Failure, Setting, Told,
    list::Filter,
    offline,
    remote::{At, word},
};
use crate::texts;

/// Print a ticket's journal as JSON lines, an entry a line; without a ticket the list of them as CSV
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rehome export SH-LL-000702 > ticket.jsonl
  rehome export --status failed > failed.csv
  rehome export --data rehome-data/sheet SH-LL-000702 | rehome replay -

Only reads; works while a run is under way.")]
pub(super) struct Args {
    /// The ticket: its id, or the id of its service
    #[arg(value_name = "TICKET")]
    ticket: Option<String>,
    #[command(flatten)]
    data: offline::DataArg,
    #[command(flatten)]
    filter: Filter,
    /// All tickets of a running system
    #[arg(long, conflicts_with_all = ["ticket", "data"])]
    all: bool,
    #[command(flatten)]
    at: At,
}

pub(super) async fn export(args: Args, setting: &Setting) -> Ended {
    let lang = setting.lang;
    let (data, ticket) = match (&args.data.data, &args.ticket) {
        (Some(data), Some(ticket)) => (data, ticket),
        (Some(_), None) => return Err(Failure::Bad(texts::export_one(lang))),
        (None, Some(ticket)) => {
            let remote = args.at.remote(setting)?;
            let found = remote.meant(ticket)?;
            return Ok(Told::good(remote.text(&format!("/tickets/{}/journal.jsonl", word(&found["id"])))?));
        }
        (None, None) if args.all || !args.filter.is_empty() => return listed(&args, setting),
        // A forgotten argument should not print a million tickets.
        (None, None) => return Err(Failure::Bad(texts::export_what(lang))),
    };
    let store = offline::open(lang, data)?;
    let (id, _) = offline::meant(lang, &*store, ticket).await?;
    let mut text = String::new();
    for (at, entry) in store.journal(id).await?.into_iter().enumerate() {
        // A journal with a hole is no journal: nothing is printed rather than something that looks whole.
        let entry = entry
            .map_err(|why| Failure::Broken(anyhow::anyhow!(texts::entry_unreadable(lang, at + 1, why))))?;
        text.push_str(&serde_json::to_string(&entry)?);
        text.push('\n');
    }
    Ok(Told::good(text))
}

/// What a row of a list's file has, by the names of the API.
const COLUMNS: [&str; 19] = [
    "id",
    "service_id",
    "customer",
    "old.l3_device",
    "old.l3_port",
    "old.l2_device",
    "old.l2_port",
    "new.l3_device",
    "new.l3_port",
    "new.l2_device",
    "new.l2_port",
    "relocation",
    "reservation",
    "cutover",
    "disposition",
    "attention",
    "service_down",
    "submitted_at",
    "changed_at",
];

/// A list of a running system's tickets.
fn listed(args: &Args, setting: &Setting) -> Ended {
    let mut file = csv::Writer::from_writer(Vec::new());
    file.write_record(COLUMNS).map_err(anyhow::Error::from)?;
    let mut written = Ok(());
    let mut query = args.filter.query();
    // By urgency, a ticket that moves meanwhile could be left out.
    query.push(("sort", "submitted".to_owned()));
    args.at.remote(setting)?.each(&query, |ticket| {
        let field = |name: &str| {
            let value = name.split('.').fold(&ticket, |value, name| &value[name]);
            match value {
                Value::Null => String::new(),
                Value::String(text) => harmless(text),
                other => other.to_string(),
            }
        };
        written = file.write_record(COLUMNS.map(field));
        written.is_ok()
    })?;
    written.map_err(anyhow::Error::from)?;
    let bytes = file.into_inner().map_err(|error| anyhow::anyhow!(error.to_string()))?;
    Ok(Told::good(String::from_utf8(bytes).map_err(anyhow::Error::from)?))
}

/// A text that no spreadsheet takes for a formula.
fn harmless(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() }
}
