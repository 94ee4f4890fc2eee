//! `rehome list`: the tickets of a data directory.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use comfy_table::Cell;
use rehome_domain::{
    board::{Cursor, Order, SortBy},
    id::RelocationId,
    lang::Lang,
    ports::{Loaded, Unreadable},
    status::RelocationStatus,
    ticket::Ticket,
};
use serde_json::{Value, json};

use super::{Ended, Setting, Told, offline, tables};
use crate::texts;

/// List the tickets of a run
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rehome list --data rehome-data/sheet
  rehome list --data rehome-data/sheet --waiting
  rehome list --data rehome-data/sheet --status failed --json

The most urgent stand first. Only reads; works while a run is under way.")]
pub(super) struct Args {
    #[command(flatten)]
    data: offline::DataArg,
    /// Only those with this relocation status
    #[arg(long, value_name = "STATUS", value_parser = statuses())]
    status: Option<RelocationStatus>,
    /// Only those that wait for a person
    #[arg(long)]
    waiting: bool,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// Reads a status by its wire name, and lists them all in the help.
fn statuses() -> impl TypedValueParser<Value = RelocationStatus> {
    PossibleValuesParser::new(RelocationStatus::ALL.iter().map(|status| status.wire()))
        .try_map(|word| word.parse::<RelocationStatus>())
}

pub(super) async fn list(args: Args, setting: &Setting) -> Ended {
    let store = offline::open(setting.lang, &args.data.data)?;
    let (mut tickets, mut unreadable) = (Vec::new(), Vec::new());
    offline::each(&*store, |id, loaded| match loaded {
        Loaded::Ticket(ticket) if wanted(&args, &ticket) => tickets.push(ticket),
        Loaded::Unreadable(why) => unreadable.push((id, why)),
        Loaded::Ticket(_) | Loaded::Missing => {}
    })
    .await?;
    let order = Order::default();
    tickets.sort_by(|one, other| order.compare(&place(one), &place(other)));
    if args.json {
        let tickets: Vec<Value> = tickets.iter().map(|ticket| summary(ticket)).collect();
        let unreadable: Vec<Value> = unreadable
            .iter()
            .map(|(id, why)| json!({ "relocation": id, "reason": why.to_string() }))
            .collect();
        let document = json!({ "tickets": tickets, "quarantined": unreadable });
        return Ok(Told::good(serde_json::to_string_pretty(&document)? + "\n"));
    }
    let mut text = page(setting.lang, &tickets);
    for (id, why) in unreadable {
        text.push_str(&self::unreadable(setting.lang, id, &why));
        text.push('\n');
    }
    Ok(Told::good(text))
}

fn place(ticket: &Ticket) -> Cursor {
    Cursor::of(SortBy::Urgency, ticket)
}

/// Why a ticket can't be read, in a sentence.
pub(super) fn unreadable(lang: Lang, ticket: RelocationId, why: &Unreadable) -> String {
    match why {
        Unreadable::Newer { .. } => texts::can_not_go_on(lang, ticket, why),
        Unreadable::Spoilt(why) => texts::set_aside(lang, ticket, why),
    }
}

fn wanted(args: &Args, ticket: &Ticket) -> bool {
    args.status.is_none_or(|status| status == ticket.state.relocation)
        && (!args.waiting || ticket.attention().needs_person())
}

/// A ticket as one object.
pub(super) fn summary(ticket: &Ticket) -> Value {
    json!({
        "relocation": ticket.id,
        "service_id": ticket.request.service_id,
        "version": ticket.version,
        "status": ticket.state.relocation,
        "reservation": ticket.state.reservation,
        "cutover": ticket.state.cutover,
        "disposition": ticket.state.disposition,
        "attention": ticket.attention(),
        "in_flight": ticket.state.in_flight(),
        "service_down": ticket.state.service_down(),
        "submitted_at": ticket.submitted_at,
        "changed_at": ticket.changed_at,
        "last_failure": ticket.last_failure.as_ref().map(|(layer, failure)| json!({
            "layer": layer,
            "reason": failure.reason,
            "text": failure.text,
        })),
    })
}

fn page(lang: Lang, tickets: &[Box<Ticket>]) -> String {
    let mut table = tables::table(&[
        texts::head_ticket(lang),
        texts::head_service(lang),
        texts::head_relocation(lang),
        texts::head_reservation(lang),
        texts::head_cutover(lang),
        texts::head_attention(lang),
        texts::head_disposition(lang),
        texts::head_changed(lang),
    ]);
    for ticket in tickets {
        let state = &ticket.state;
        table.add_row([
            Cell::new(ticket.id),
            Cell::new(&ticket.request.service_id),
            Cell::new(tables::relocation(lang, state.relocation)),
            Cell::new(tables::reservation(lang, state.reservation)),
            Cell::new(tables::cutover(lang, state.cutover)),
            Cell::new(tables::attention(lang, ticket.attention())),
            Cell::new(tables::disposition(lang, state.disposition)),
            Cell::new(format!("{:.0}", ticket.changed_at)),
        ]);
    }
    tables::text(&table)
}
