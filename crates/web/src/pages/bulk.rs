//! One command for several tickets: the page that shows which of them and which not and why, and leads on to the run.

use actix_web::{HttpResponse, web};
use askama::Template;
use rehome_domain::{board::Look, command::CommandKind, id::RelocationId, lang::Lang, ticket::Ticket};
use uuid::Uuid;

use super::{
    Frame, page, runs,
    tickets::{invalid, matching, query::Query},
    tone::{self, Chip},
    view::{Section, View},
    words::{self, Say},
};
use crate::{
    bulk::{self, Act, Asked, More, Preview, weighs},
    frame::Problem,
    site::Workbench,
};

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
struct BulkPage {
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
    let (kind, lang) = (command(&pairs)?, view.lang());
    let preview = bulk::preview(&workbench, &view.caller, kind, asked(&pairs, view.lang())?).await?;
    let (bound, aside) = (bound(lang, &preview), preview.aside.len());
    let Preview { will, not, .. } = preview;
    let bulk_page = BulkPage {
        frame: view.frame(Section::Tickets, view.say.bulk_title()),
        say: view.say,
        command: kind.wire(),
        label: kind.label(lang),
        weighs: weighs(kind),
        will_words: words::bulk_will(lang, will.len()),
        not_words: words::bulk_not(lang, not.len()),
        will: will.iter().map(|ticket| meant(&view, ticket, String::new())).collect(),
        not: not.iter().map(|(ticket, why)| meant(&view, ticket, why.sentence(lang))).collect(),
        bound,
        aside: (aside > 0).then(|| words::bulk_aside(lang, aside)),
    };
    Ok(page(HttpResponse::Ok(), &bulk_page))
}

/// The tickets that were chosen, or all that match.
fn asked(pairs: &[(String, String)], lang: Lang) -> Result<Asked, Problem> {
    let chosen = pairs.iter().filter(|(key, _)| key == "id").map(|(_, id)| id.parse());
    // One that can't be read must not make it an act on all that match.
    let chosen: Vec<RelocationId> =
        chosen.collect::<Result<_, _>>().map_err(|_| Problem::Malformed("id".to_owned()))?;
    if chosen.is_empty() {
        let look = Query::read(pairs, lang).map_err(invalid)?.look(Look::default().limit);
        Ok(Asked::Listed(Box::new(look)))
    } else {
        Ok(Asked::Chosen(chosen))
    }
}

/// What is to be said if there are more than are taken at once.
fn bound(lang: Lang, preview: &Preview) -> Option<String> {
    let asked = match preview.more.as_ref()? {
        More::Chosen(count) => words::chosen(lang, count),
        More::Matching(tally) => matching(lang, tally),
    };
    Some(words::bulk_bound(lang, asked, preview.taken()))
}

/// Which command is meant.
fn command(pairs: &[(String, String)]) -> Result<CommandKind, Problem> {
    let given = pairs.iter().find(|(key, _)| key == "command").map_or("", |(_, value)| value);
    let known = CommandKind::ALL.into_iter().find(|kind| kind.wire() == given);
    known.ok_or_else(|| Problem::field("command", format!("is `{given}`, expected a command's name")))
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

/// Does it: to each ticket as it was previewed, by its version.
async fn act(
    view: View,
    pairs: web::Form<Vec<(String, String)>>,
    workbench: web::Data<Workbench>,
) -> Result<HttpResponse, Problem> {
    let kind = command(&pairs)?;
    let reason = pairs.iter().find(|(key, _)| key == "reason").map_or("", |(_, value)| value).to_owned();
    let previewed = pairs.iter().filter(|(key, _)| key == "ticket").map(|(_, value)| {
        let (id, version) = value.split_once(' ')?;
        Some((id.parse().ok()?, version.parse().ok()?))
    });
    let tickets = previewed.collect::<Option<_>>().ok_or_else(|| Problem::Malformed("ticket".to_owned()))?;
    let act = Act { kind, reason, tickets, name: Uuid::now_v7() };
    Ok(runs::go_to(&*bulk::act(&workbench, &view.caller, view.lang(), act).await?))
}
