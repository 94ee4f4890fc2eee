//! `rehome show`: one ticket with its history.

use std::fmt::Write as _;

use rehome_domain::{
    action,
    journal::{Entry, moments},
    lang::Lang,
    order::Layer,
    ports::{Loaded, TicketStore as _},
    request::Place,
    ticket::Ticket,
    wording,
};
use serde_json::json;

use super::{
    Ended, Failure, Setting, Told, entries, list, offline,
    remote::{At, word},
    tables,
};
use crate::texts;

/// Show a ticket: what is asked for, where it stands, what a person may do, its history
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rehome show SH-LL-000702
  rehome show SH-LL-000702 --json
  rehome show --data rehome-data/sheet SH-LL-000702

Only reads; works while a run is under way.")]
pub(super) struct Args {
    /// The ticket: its id, or the id of its service
    #[arg(value_name = "TICKET")]
    ticket: String,
    #[command(flatten)]
    data: offline::DataArg,
    #[command(flatten)]
    at: At,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

pub(super) async fn show(args: Args, setting: &Setting) -> Ended {
    let lang = setting.lang;
    let Some(data) = &args.data.data else { return remote(&args, setting) };
    let store = offline::open(lang, data)?;
    let (id, loaded) = offline::meant(lang, &*store, &args.ticket).await?;
    let ticket = match loaded {
        Loaded::Ticket(ticket) => ticket,
        Loaded::Unreadable(why) => {
            return Err(Failure::Broken(anyhow::anyhow!(list::unreadable(lang, id, &why))));
        }
        Loaded::Missing => return Err(Failure::Bad(texts::no_ticket(lang, &args.ticket))),
    };
    let journal: Vec<Entry> = store.journal(id).await?.into_iter().filter_map(Result::ok).collect();
    if args.json {
        let actions: Vec<_> = action::actions(&ticket.state)
            .into_iter()
            .map(|(kind, allowed)| json!({ "command": kind, "allowed": allowed.is_ok(), "why_not": allowed.err() }))
            .collect();
        let document = json!({ "ticket": *ticket, "summary": list::summary(&ticket), "actions": actions, "journal": journal });
        return Ok(Told::good(serde_json::to_string_pretty(&document)? + "\n"));
    }
    Ok(Told::good(page(lang, &ticket, &journal)?))
}

/// A ticket of a running system.
fn remote(args: &Args, setting: &Setting) -> Ended {
    let (lang, remote) = (setting.lang, args.at.remote(setting)?);
    let found = remote.meant(&args.ticket)?;
    let path = format!("/tickets/{}", word(&found["id"]));
    if args.json {
        let journal = remote.told_of(&format!("{path}/journal"), &[])?;
        let document = json!({ "ticket": found, "journal": journal });
        return Ok(Told::good(serde_json::to_string_pretty(&document)? + "\n"));
    }
    // Stepped again from its journal: shown as a run's is, by the same words.
    let lines = remote.text(&format!("{path}/journal.jsonl"))?;
    let journal: Vec<Entry> = lines.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    let moments = moments(journal.clone()).map_err(anyhow::Error::from)?;
    let last = moments.last().ok_or_else(|| Failure::Bad(texts::no_such_ticket(lang, &args.ticket)))?;
    Ok(Told::good(page(lang, &last.after, &journal)?))
}

fn page(lang: Lang, ticket: &Ticket, journal: &[Entry]) -> Result<String, std::fmt::Error> {
    let (request, state) = (&ticket.request, &ticket.state);
    let mut page = String::new();
    let mut line = |name: String, value: String| writeln!(page, "{}", format!("{name}: {value}").trim_end());
    line(texts::head_ticket(lang), ticket.id.to_string())?;
    line(texts::head_service(lang), format!("{} ({})", request.service_id, request.customer))?;
    line(texts::old_place(lang), place(&request.old))?;
    line(texts::new_place(lang), place(&request.new))?;
    let vrf = request.vrf.as_ref().map(|vrf| format!(" VRF {vrf}")).unwrap_or_default();
    line(texts::address(lang), format!("{}{vrf}", request.ip))?;
    if let Some(window) = request.window {
        line(texts::window(lang), format!("{} – {}", window.start, window.end))?;
    }
    line(texts::head_relocation(lang), tables::relocation(lang, state.relocation))?;
    line(texts::head_reservation(lang), tables::reservation(lang, state.reservation))?;
    line(texts::head_cutover(lang), tables::cutover(lang, state.cutover))?;
    line(texts::head_disposition(lang), tables::disposition(lang, state.disposition))?;
    for out in Layer::ALL.into_iter().filter_map(|layer| ticket.out(layer)) {
        let awaited = out.awaited();
        line(
            texts::under_way(lang),
            texts::until(lang, wording::order(lang, awaited), format!("{:.0}", awaited.deadline)),
        )?;
    }
    if let Some((layer, failure)) = &ticket.last_failure {
        let failure = wording::failure(lang, failure);
        line(texts::last_failure(lang), format!("{} {failure}", layer.label(lang)))?;
    }
    if let Some(plan) = &ticket.plan {
        line(texts::goes_by_plan(lang), plan.fingerprint.clone())?;
    }
    if let Some(outage) = &ticket.outage {
        let from = format!("{:.0}", outage.from);
        line(texts::outage(lang), wording::outage(lang, outage, state.may_serve_again(), &from))?;
    }
    if !state.is_closed() {
        line(texts::person_may(lang), String::new())?;
    }
    for (kind, allowed) in action::actions(state).into_iter().filter(|_| !state.is_closed()) {
        let word = match allowed {
            Ok(()) => texts::may(lang),
            Err(why) => texts::may_not(lang, why.sentence(lang)),
        };
        line(format!("  {}", tables::word(lang, kind.wire(), kind.label(lang))), word)?;
    }
    writeln!(page, "\n{}", tables::text(&entries::table(lang, journal)))?;
    Ok(page)
}

fn place(place: &Place) -> String {
    format!("{} + {}", place.l3(), place.l2())
}
