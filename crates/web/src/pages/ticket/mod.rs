//! One ticket: where it stands, how it came there, what can come next, what a person may do.

mod act;
mod journal;
mod plan;

use actix_web::{HttpResponse, http::header, web};
use askama::Template;
use rehome_domain::{
    action::work_label,
    command::CommandKind,
    id::RelocationId,
    journal::Entry,
    lang::Lang,
    order::Layer,
    ports::{Loaded, Unreadable},
    render::{self, Course, course_svg},
    request::Place,
    role::Role,
    ticket::{Act, Ticket},
    wording,
};
use serde::Deserialize;

use super::{
    Frame, page,
    tone::{self, Chip},
    view::{Section, View, When, age},
    words::{self, Say},
};
use crate::{frame::Problem, site::Workbench};
use act::{Action, Became};
use journal::Told;

pub(super) fn paths(config: &mut web::ServiceConfig) {
    config
        .service(web::resource("/tickets/{id}").route(web::get().to(show)))
        .service(web::resource("/tickets/{id}/plan").route(web::get().to(plan::show)))
        .service(web::resource("/tickets/{id}/act").route(web::post().to(act::act)))
        .service(web::resource("/tickets/{id}/journal.json").route(web::get().to(download)));
}

/// An order that is out.
struct OutRow {
    what: String,
    attempt: String,
    since: When,
    deadline: When,
    doubt: bool,
    retrying: Option<String>,
}

/// A manual act.
struct ActRow {
    what: &'static str,
    who: String,
    at: When,
    reason: String,
}

/// A line of the two places: what, there, here, whether they differ.
struct Compared {
    what: &'static str,
    old: String,
    new: String,
    differs: bool,
}

#[derive(Template)]
#[template(path = "ticket.html")]
struct TicketPage {
    frame: Frame,
    say: Say,
    id: String,
    customer: String,
    version: u64,
    version_words: String,
    down: bool,
    waits: Chip,
    relocation: Chip,
    reservation: Chip,
    cutover: Chip,
    disposition: Chip,
    submitted: When,
    changed: When,
    waited: String,
    became: Option<Became>,
    picture: String,
    course: render::Told,
    outs: Vec<OutRow>,
    last_failure: Option<String>,
    places: Vec<Compared>,
    facts: Vec<(&'static str, String)>,
    window: Option<(When, When)>,
    sides: [(&'static str, Chip); 3],
    acts: Vec<ActRow>,
    actions: Vec<Action>,
    closed: bool,
    /// What it would change can still be asked, by whoever looks.
    plans: bool,
    timeline: Vec<Told>,
}

/// Which command was just given, if one was.
#[derive(Deserialize)]
struct Did {
    #[serde(default)]
    did: String,
    #[serde(rename = "as")]
    kind: Option<CommandKind>,
}

async fn show(
    view: View,
    id: web::Path<RelocationId>,
    did: web::Query<Did>,
    workbench: web::Data<Workbench>,
) -> Result<HttpResponse, Problem> {
    let id = id.into_inner();
    let ticket = loaded(&workbench, id, view.lang()).await?;
    let journal = workbench.tickets.journal(id).await?;
    let became = did.kind.map(|kind| {
        let readable: Vec<Entry> = journal.iter().filter_map(|entry| entry.clone().ok()).collect();
        act::became(view.lang(), &readable, &did.did, kind)
    });
    let now = workbench.door.now();
    Ok(page(
        HttpResponse::Ok(),
        &filled(&view, &ticket, &journal, became, age(view.lang(), ticket.changed_at, now)),
    ))
}

async fn loaded(workbench: &Workbench, id: RelocationId, lang: Lang) -> Result<Ticket, Problem> {
    match workbench.tickets.load(vec![id]).await?.into_iter().next() {
        Some(Loaded::Ticket(ticket)) => Ok(*ticket),
        Some(Loaded::Unreadable(why)) => {
            Err(Problem::Unavailable(format!("{}: {why}", Say(lang).set_aside())))
        }
        Some(Loaded::Missing) | None => Err(Problem::NotFound),
    }
}

fn filled(
    view: &View,
    ticket: &Ticket,
    journal: &[Result<Entry, Unreadable>],
    became: Option<Became>,
    waited: String,
) -> TicketPage {
    let (lang, say, state, request) = (view.lang(), view.say, &ticket.state, &ticket.request);
    let rows = journal.iter().flatten().flat_map(|entry| entry.rows.iter().map(String::as_str));
    let course = Course::of(rows);
    TicketPage {
        frame: view.frame(Section::Tickets, request.service_id.clone()),
        say,
        id: ticket.id.to_string(),
        customer: request.customer.clone(),
        version: ticket.version,
        version_words: words::version(lang, ticket.version),
        down: state.service_down(),
        waits: tone::attention(lang, ticket.attention()),
        relocation: tone::relocation(lang, state.relocation),
        reservation: tone::reservation(lang, state.reservation),
        cutover: tone::cutover(lang, state.cutover),
        disposition: tone::disposition(lang, state.disposition),
        submitted: When::of(ticket.submitted_at),
        changed: When::of(ticket.changed_at),
        waited,
        became,
        picture: course_svg(&course, lang),
        course: course.told(lang),
        outs: outs(lang, ticket),
        last_failure: ticket
            .last_failure
            .as_ref()
            .map(|(layer, failure)| format!("{} {}", layer.label(lang), wording::failure(lang, failure))),
        places: places(say, &request.old, &request.new),
        facts: facts(say, ticket),
        window: request.window.map(|window| (When::of(window.start), When::of(window.end))),
        sides: [
            (say.l3_rollback(), tone::side(lang, state.l3_reservation_rollback)),
            (say.install_rollback(), tone::side(lang, state.install_rollback)),
            (say.l2_cutover(), tone::side(lang, state.l2_cutover)),
        ],
        acts: acts(lang, ticket),
        actions: act::actions(lang, ticket, view.caller.role()),
        closed: state.is_closed(),
        plans: !state.is_closed() && view.may(Role::Operator),
        timeline: journal::timeline(lang, journal),
    }
}

fn outs(lang: Lang, ticket: &Ticket) -> Vec<OutRow> {
    let out = |layer: Layer| {
        let (out, flight) = (ticket.out(layer)?, ticket.state.flight(layer)?);
        Some(OutRow {
            what: format!("{} {}", layer.label(lang), work_label(flight.work, lang)),
            attempt: words::attempt(lang, out.order.attempt),
            since: When::of(out.since),
            deadline: When::of(out.awaited().deadline),
            doubt: flight.doubt,
            retrying: out.retrying.as_ref().map(|retrying| {
                let next = When::of(retrying.next_at).text;
                let why = wording::failure(lang, &retrying.failure);
                format!("{} ({why})", words::retry_number(lang, retrying.attempt, next))
            }),
        })
    };
    Layer::ALL.into_iter().filter_map(out).collect()
}

fn places(say: Say, old: &Place, new: &Place) -> Vec<Compared> {
    let inner = |place: &Place| place.inner_vlan.map(|tag| tag.to_string()).unwrap_or_default();
    let all = [
        (say.gateway(), old.l3_device.clone(), new.l3_device.clone()),
        (say.gateway_port(), old.l3_port.clone(), new.l3_port.clone()),
        (say.vlan(), old.vlan.to_string(), new.vlan.to_string()),
        (say.inner_vlan(), inner(old), inner(new)),
        (say.switch(), old.l2_device.clone(), new.l2_device.clone()),
        (say.switch_port(), old.l2_port.clone(), new.l2_port.clone()),
    ];
    let given = all.into_iter().filter(|(_, old, new)| !old.is_empty() || !new.is_empty());
    given.map(|(what, old, new)| Compared { what, differs: old != new, old, new }).collect()
}

fn facts(say: Say, ticket: &Ticket) -> Vec<(&'static str, String)> {
    let request = &ticket.request;
    let mut facts = vec![(say.address(), request.ip.clone())];
    facts.extend(request.vrf.clone().map(|vrf| (say.vrf(), vrf)));
    facts.push((say.description(), request.description.clone()));
    facts.extend(ticket.plan.as_ref().map(|plan| (say.goes_by_plan(), plan.fingerprint.clone())));
    facts.extend(ticket.state.held.then(|| (say.l3_cutover(), say.held().to_owned())));
    facts.extend(ticket.outage.map(|outage| {
        let from = When::of(outage.from).text;
        (say.outage(), wording::outage(say.0, &outage, ticket.state.may_serve_again(), &from))
    }));
    facts
}

fn acts(lang: Lang, ticket: &Ticket) -> Vec<ActRow> {
    let say = Say(lang);
    let row = |what: &'static str, act: &Option<Act>| {
        act.as_ref().map(|act| ActRow {
            what,
            who: wording::by(lang, &act.by),
            at: When::of(act.at),
            reason: act.reason.clone(),
        })
    };
    [
        row(say.forced_reservation(), &ticket.forced_reservation),
        row(say.forced_completion(), &ticket.forced_completion),
        row(say.cancelled(), &ticket.cancelled),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The journal as a file, as `rehome replay` reads it.
async fn download(
    _: View,
    id: web::Path<RelocationId>,
    workbench: web::Data<Workbench>,
) -> Result<HttpResponse, Problem> {
    let journal: Vec<Entry> =
        workbench.tickets.journal(*id).await?.into_iter().filter_map(Result::ok).collect();
    if journal.is_empty() {
        return Err(Problem::NotFound);
    }
    let saved = format!("attachment; filename=\"{id}.json\"");
    Ok(HttpResponse::Ok().insert_header((header::CONTENT_DISPOSITION, saved)).json(journal))
}
