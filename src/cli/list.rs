//! `rehome list`: the tickets of a data directory.

use clap::builder::{PossibleValuesParser, RangedU64ValueParser, TypedValueParser};
use comfy_table::{Cell, Table};
use jiff::Timestamp;
use rehome_domain::{
    board::{self, Cursor, Named, Order, SortBy},
    id::RelocationId,
    lang::Lang,
    ports::{Loaded, Unreadable},
    status::{Attention, CutoverStatus, Disposition, RelocationStatus, ReservationStatus},
    ticket::Ticket,
};
use serde_json::{Value, json};

use super::{
    Ended, Setting, Told, offline,
    remote::{At, word},
    tables,
};
use crate::texts;

/// Tickets of a running system that are listed if nothing is said.
const LIMIT: usize = 200;

/// List the tickets of a running system, or of a run
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rehome list --waiting
  rehome list --device gw-01 --status failed
  rehome list --data rehome-data/sheet --waiting
  rehome list --data rehome-data/sheet --status failed --json

The most urgent stand first. Only reads; works while a run is under way.")]
pub(super) struct Args {
    #[command(flatten)]
    data: offline::DataArg,
    #[command(flatten)]
    filter: Filter,
    /// So many at most; of a running system 200 if not given
    #[arg(long, value_name = "N", value_parser = at_least_one())]
    limit: Option<usize>,
    #[command(flatten)]
    at: At,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// Which tickets.
#[derive(Debug, clap::Args)]
pub(super) struct Filter {
    /// Only those with this relocation status
    #[arg(long, value_name = "STATUS", value_parser = statuses())]
    status: Option<RelocationStatus>,
    /// Only those that wait for a person
    #[arg(long)]
    waiting: bool,
    /// Only those with this device; with * at the end, with one whose name begins so
    #[arg(long, value_name = "NAME")]
    device: Option<String>,
    /// Only this customer's
    #[arg(long, value_name = "NAME")]
    customer: Option<String>,
    /// Only those with this text in what was asked for
    #[arg(long, value_name = "TEXT")]
    text: Option<String>,
}

impl Filter {
    /// As the API is asked for it.
    pub(super) fn query(&self) -> Vec<(&'static str, String)> {
        let mut query = Vec::new();
        let mut say = |name, value: Option<String>| query.extend(value.map(|value| (name, value)));
        say("relocation", self.status.map(|status| status.wire().to_owned()));
        say("device", self.device.clone());
        say("customer", self.customer.clone());
        say("text", self.text.clone());
        if self.waiting {
            let persons = Attention::ALL.iter().filter(|attention| attention.needs_person());
            query.extend(persons.map(|attention| ("attention", attention.wire().to_owned())));
        }
        query
    }

    /// Whether it lets every ticket in.
    pub(super) fn is_empty(&self) -> bool {
        self.query().is_empty()
    }

    /// The same, of a ticket at hand.
    fn admits(&self, ticket: &Ticket) -> bool {
        let device = self.device.as_ref().map(|name| match name.strip_suffix('*') {
            Some(start) => Named::StartsWith(start.to_owned()),
            None => Named::Exactly(name.clone()),
        });
        let (customer, text) = (self.customer.clone(), self.text.clone());
        let relocation = self.status.into_iter().collect();
        let filter = board::Filter { relocation, device, customer, text, ..board::Filter::default() };
        filter.admits(ticket) && (!self.waiting || ticket.attention().needs_person())
    }
}

/// Reads how many are listed at most.
pub(super) fn at_least_one() -> impl TypedValueParser<Value = usize> {
    RangedU64ValueParser::<usize>::new().range(1..)
}

/// Reads a status by its wire name, and lists them all in the help.
fn statuses() -> impl TypedValueParser<Value = RelocationStatus> {
    PossibleValuesParser::new(RelocationStatus::ALL.iter().map(|status| status.wire()))
        .try_map(|word| word.parse::<RelocationStatus>())
}

pub(super) async fn list(args: Args, setting: &Setting) -> Ended {
    let Some(data) = &args.data.data else { return remote(&args, setting) };
    let store = offline::open(setting.lang, data)?;
    let (mut tickets, mut unreadable) = (Vec::new(), Vec::new());
    offline::each(&*store, |id, loaded| match loaded {
        Loaded::Ticket(ticket) if args.filter.admits(&ticket) => tickets.push(ticket),
        Loaded::Unreadable(why) => unreadable.push((id, why)),
        Loaded::Ticket(_) | Loaded::Missing => {}
    })
    .await?;
    let order = Order::default();
    tickets.sort_by(|one, other| order.compare(&place(one), &place(other)));
    tickets.truncate(args.limit.unwrap_or(usize::MAX));
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

/// The tickets of a running system.
fn remote(args: &Args, setting: &Setting) -> Ended {
    let (lang, limit) = (setting.lang, args.limit.unwrap_or(LIMIT));
    let (mut tickets, mut more) = (Vec::new(), false);
    args.at.remote(setting)?.each(&args.filter.query(), |ticket| {
        more = tickets.len() >= limit;
        if !more {
            tickets.push(ticket);
        }
        !more
    })?;
    if args.json {
        let document = json!({ "tickets": tickets, "more": more });
        return Ok(Told::good(serde_json::to_string_pretty(&document)? + "\n"));
    }
    if tickets.is_empty() {
        return Ok(Told::good(texts::no_tickets(lang) + "\n"));
    }
    let mut table = head(lang);
    for ticket in &tickets {
        if let Some(why) = ticket["set_aside"].as_str() {
            table.add_row([word(&ticket["id"]), "-", why]);
            continue;
        }
        let part = |name: &str| if ticket[name].is_null() { "-" } else { word(&ticket[name]) };
        let (status, reservation, cutover) = (part("relocation"), part("reservation"), part("cutover"));
        let (attention, disposition) = (part("attention"), part("disposition"));
        let labelled = |wire: &str, label: Option<&'static str>| {
            label.map_or_else(|| wire.to_owned(), |label| tables::word(lang, wire, label))
        };
        table.add_row([
            word(&ticket["id"]).to_owned(),
            word(&ticket["service_id"]).to_owned(),
            labelled(status, status.parse().ok().map(|known: RelocationStatus| known.label(lang))),
            labelled(reservation, reservation.parse().ok().map(|known: ReservationStatus| known.label(lang))),
            labelled(cutover, cutover.parse().ok().map(|known: CutoverStatus| known.label(lang))),
            labelled(attention, attention.parse().ok().map(|known: Attention| known.label(lang))),
            labelled(disposition, disposition.parse().ok().map(|known: Disposition| known.label(lang))),
            word(&ticket["changed_at"]).parse::<Timestamp>().map_or_else(|_| "-".to_owned(), changed),
        ]);
    }
    let more = if more { texts::there_are_more(lang, limit) + "\n" } else { String::new() };
    Ok(Told::good(tables::text(&table) + &more))
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

fn changed(at: Timestamp) -> String {
    format!("{at:.0}")
}

fn head(lang: Lang) -> Table {
    tables::table(&[
        texts::head_ticket(lang),
        texts::head_service(lang),
        texts::head_relocation(lang),
        texts::head_reservation(lang),
        texts::head_cutover(lang),
        texts::head_attention(lang),
        texts::head_disposition(lang),
        texts::head_changed(lang),
    ])
}

fn page(lang: Lang, tickets: &[Box<Ticket>]) -> String {
    if tickets.is_empty() {
        return texts::no_tickets(lang) + "\n";
    }
    let mut table = head(lang);
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
            Cell::new(changed(ticket.changed_at)),
        ]);
    }
    tables::text(&table)
}
