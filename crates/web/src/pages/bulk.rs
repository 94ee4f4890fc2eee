//! One command for several tickets: first which of them and which not and why, then it is done, one by one.

use actix_web::{HttpResponse, web};
use askama::Template;
use rehome_domain::{
    action::{self, WhyNot},
    board::{Listed, MAX_LIMIT},
    command::{Command, CommandKind},
    id::{MessageId, RelocationId},
    message::{Envelope, Input},
    ports::Loaded,
    role::Role,
    ticket::Ticket,
};
use uuid::Uuid;

use super::{
    Frame, go, page,
    tickets::{invalid, query::Query},
    tone::{self, Chip},
    view::{Section, View},
    words::{self, Say},
};
use crate::{frame::Problem, site::Workbench};

pub(super) fn paths(config: &mut web::ServiceConfig) {
    config.service(web::resource("/bulk").route(web::get().to(preview)).route(web::post().to(act)));
}

/// A ticket it would be done to, or not.
struct Meant {
    id: String,
    version: u64,
    service: String,
    customer: String,
    relocation: Chip,
    why_not: String,
}

#[derive(Template)]
#[template(path = "bulk.html")]
struct Preview {
    frame: Frame,
    say: Say,
    command: &'static str,
    label: &'static str,
    weighs: bool,
    will: Vec<Meant>,
    not: Vec<Meant>,
    will_words: String,
    not_words: String,
    bound: Option<String>,
}

async fn preview(
    view: View,
    pairs: web::Query<Vec<(String, String)>>,
    workbench: web::Data<Workbench>,
) -> Result<HttpResponse, Problem> {
    view.caller.needs(Role::Operator)?;
    let kind = command(&pairs)?;
    let chosen = pairs.iter().filter(|(key, _)| key == "id").filter_map(|(_, id)| id.parse().ok());
    let mut ids: Vec<RelocationId> = chosen.take(MAX_LIMIT).collect();
    let mut more = false;
    if ids.is_empty() {
        let query = Query::read(&pairs).map_err(invalid)?;
        let matching = workbench.board.page(query.look(MAX_LIMIT)).await?;
        more = matching.next.is_some();
        ids = matching.rows.iter().map(Listed::id).collect();
    }
    let loaded = workbench.tickets.load(ids).await?;
    let tickets = loaded.into_iter().filter_map(|loaded| match loaded {
        Loaded::Ticket(ticket) => Some(*ticket),
        Loaded::Missing | Loaded::Unreadable(_) => None,
    });
    let (mut will, mut not) = (Vec::new(), Vec::new());
    for ticket in tickets {
        match refused(&view, &ticket, kind) {
            None => will.push(meant(&view, &ticket, String::new())),
            Some(why) => not.push(meant(&view, &ticket, why.sentence(view.lang()))),
        }
    }
    let lang = view.lang();
    let preview = Preview {
        frame: view.frame(Section::Tickets, view.say.bulk_title()),
        say: view.say,
        command: kind.wire(),
        label: kind.label(lang),
        weighs: weighs(kind),
        will_words: words::bulk_will(lang, will.len()),
        not_words: words::bulk_not(lang, not.len()),
        will,
        not,
        bound: more.then(|| words::bulk_bound(lang, MAX_LIMIT)),
    };
    Ok(page(HttpResponse::Ok(), &preview))
}

const fn weighs(kind: CommandKind) -> bool {
    kind.is_force() || matches!(kind, CommandKind::Cancel)
}

/// Which command is meant.
fn command(pairs: &[(String, String)]) -> Result<CommandKind, Problem> {
    let given = pairs.iter().find(|(key, _)| key == "command").map_or("", |(_, value)| value);
    let known = CommandKind::ALL.into_iter().find(|kind| kind.wire() == given);
    known.ok_or_else(|| Problem::field("command", format!("is `{given}`, expected a command's name")))
}

fn refused(view: &View, ticket: &Ticket, kind: CommandKind) -> Option<WhyNot> {
    let (has, needs) = (view.caller.role(), Role::to(kind));
    if has < needs {
        return Some(WhyNot::NotAllowed { command: kind, has: Some(has), needs });
    }
    action::allowed(&ticket.state, kind).err()
}

fn meant(view: &View, ticket: &Ticket, why_not: String) -> Meant {
    Meant {
        id: ticket.id.to_string(),
        version: ticket.version,
        service: ticket.request.service_id.clone(),
        customer: ticket.request.customer.clone(),
        relocation: tone::relocation(view.lang(), ticket.state.relocation),
        why_not,
    }
}

/// Does it: to each ticket as it was previewed, by its version. One that has moved on since is refused, and says so.
async fn act(
    view: View,
    pairs: web::Form<Vec<(String, String)>>,
    workbench: web::Data<Workbench>,
) -> Result<HttpResponse, Problem> {
    let kind = command(&pairs)?;
    view.caller.needs(Role::to(kind))?;
    let reason = pairs.iter().find(|(key, _)| key == "reason").map_or("", |(_, value)| value);
    if weighs(kind) && reason.trim().is_empty() {
        return Err(Problem::field("reason", view.say.reason_needed().to_owned()));
    }
    let run = Uuid::now_v7();
    let envelope = |id: RelocationId, version: u64| Envelope {
        relocation: id,
        cause: MessageId(Uuid::new_v5(&run, id.to_string().as_bytes()).to_string()),
        by: view.caller.by(),
        input: Input::Command(Command { kind, reason: reason.to_owned(), expected_version: Some(version) }),
    };
    let sent = pairs.iter().filter(|(key, _)| key == "ticket").take(MAX_LIMIT).map(|(_, value)| {
        let mut parts = value.splitn(3, ' ');
        let id: RelocationId = parts.next()?.parse().ok()?;
        let version = parts.next()?.parse().ok()?;
        Some((parts.next()?.to_owned(), envelope(id, version)))
    });
    let sent = sent.collect::<Option<Vec<_>>>().ok_or_else(|| Problem::Malformed("ticket".to_owned()))?;
    let path = workbench.runs.start(&workbench.asker, kind.label(view.lang()).to_owned(), sent);
    Ok(go(&path))
}
