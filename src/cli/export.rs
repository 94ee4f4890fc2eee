//! `rehome export`: a ticket's journal.

use super::{Ended, Failure, Setting, Told, offline};
use crate::texts;
use rehome_domain::ports::TicketStore as _;

/// Print a ticket's journal as JSON lines, an entry a line
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rehome export --data rehome-data/sheet SH-LL-000702 > ticket.jsonl
  rehome export --data rehome-data/sheet SH-LL-000702 | rehome replay -

Only reads; works while a run is under way.")]
pub(super) struct Args {
    /// The ticket: its id, or the id of its service
    #[arg(value_name = "TICKET")]
    ticket: String,
    #[command(flatten)]
    data: offline::DataArg,
}

pub(super) async fn export(args: Args, setting: &Setting) -> Ended {
    let lang = setting.lang;
    let store = offline::open(lang, &args.data.data)?;
    let (id, _) = offline::meant(lang, &*store, &args.ticket).await?;
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
