//! One command for several tickets: first which of them and which not and why, then it is done, one by one.

use actix_web::{HttpResponse, web};
use askama::Template;
use rehome_domain::{
    action::{self, WhyNot},
    board::{Listed, MAX_COUNT, MAX_LIMIT},
    command::{Command, CommandKind},
    id::{MessageId, RelocationId},
    lang::Lang,
    message::{Envelope, Input},
    ports::Loaded,
    role::Role,
    ticket::Ticket,
};
use uuid::Uuid;

use super::{
    Frame, go, page,
    runs::{Runs, Sent, Wish},
    tickets::{invalid, query::Query},
    tone::{self, Chip},
    view::{Section, View},
    words::{self, Say},
};
use crate::{frame::Problem, site::Workbench};

/// Pages of the list that are looked through for what matches: a search in many tickets finds few on each.
const LOOKS: usize = 8;

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
    /// What is to be said if there are more than are taken at once.
    bound: Option<String>,
    /// What is to be said of tickets that can't be read.
    aside: Option<String>,
}

async fn preview(
    view: View,
    pairs: web::Query<Vec<(String, String)>>,
    workbench: web::Data<Workbench>,
) -> Result<HttpResponse, Problem> {
    view.caller.needs(Role::Operator)?;
    let kind = command(&pairs)?;
    let lang = view.lang();
    let (ids, bound) = asked_of(&pairs, &workbench, lang).await?;
    let loaded = workbench.tickets.load(ids).await?;
    let (mut will, mut not, mut aside) = (Vec::new(), Vec::new(), 0);
    for loaded in loaded {
        let Loaded::Ticket(ticket) = loaded else {
            aside += 1;
            continue;
        };
        match refused(&view, &ticket, kind) {
            None => will.push(meant(&view, &ticket, String::new())),
            Some(why) => not.push(meant(&view, &ticket, why.sentence(lang))),
        }
    }
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
        bound,
        aside: (aside > 0).then(|| words::bulk_aside(lang, aside)),
    };
    Ok(page(HttpResponse::Ok(), &preview))
}

/// The tickets that were chosen, or all that match; and what is to be said if there are more than are taken at once.
async fn asked_of(
    pairs: &[(String, String)],
    workbench: &Workbench,
    lang: Lang,
) -> Result<(Vec<RelocationId>, Option<String>), Problem> {
    let chosen = pairs.iter().filter(|(key, _)| key == "id").map(|(_, id)| id.parse());
    // One that can't be read must not make it an act on all that match.
    let mut chosen: Vec<RelocationId> =
        chosen.collect::<Result<_, _>>().map_err(|_| Problem::Malformed("id".to_owned()))?;
    if !chosen.is_empty() {
        let count = chosen.len();
        chosen.truncate(MAX_LIMIT);
        let more =
            (count > MAX_LIMIT).then(|| words::bulk_bound(lang, words::chosen(lang, count), MAX_LIMIT));
        return Ok((chosen, more));
    }
    let query = Query::read(pairs).map_err(invalid)?;
    let mut look = query.look(MAX_LIMIT);
    let mut ids = Vec::new();
    // A page may have fewer rows than were asked for, and go on all the same.
    for _ in 0..LOOKS {
        let page = workbench.board.page(look.clone()).await?;
        ids.extend(page.rows.iter().map(Listed::id));
        look.after = page.next;
        if look.after.is_none() {
            return Ok((ids, None));
        }
        look.limit = MAX_LIMIT.saturating_sub(ids.len());
        if look.limit == 0 {
            break;
        }
    }
    let tally = workbench.board.count(query.filter, MAX_COUNT).await?;
    let matching =
        if tally.exact { words::matching(lang, tally.tickets) } else { words::at_least(lang, tally.tickets) };
    let bound = words::bulk_bound(lang, matching, ids.len());
    Ok((ids, Some(bound)))
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
    let sent = pairs.iter().filter(|(key, _)| key == "ticket").map(|(_, value)| {
        let mut parts = value.splitn(3, ' ');
        let id: RelocationId = parts.next()?.parse().ok()?;
        let version = parts.next()?.parse().ok()?;
        let wish = Wish::Command(Box::new(envelope(id, version)));
        Some(Sent { service: parts.next()?.to_owned(), relocation: id, wish })
    });
    let sent = sent.collect::<Option<Vec<_>>>().ok_or_else(|| Problem::Malformed("ticket".to_owned()))?;
    // No preview of ours has more.
    if sent.len() > MAX_LIMIT {
        return Err(Problem::TooLarge);
    }
    let title = kind.label(view.lang()).to_owned();
    Ok(go(&Runs::start(&workbench, title, view.caller.by(), sent)?))
}
