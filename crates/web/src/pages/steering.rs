//! What is paused, and pausing and resuming it.

use actix_web::{HttpResponse, web};
use askama::Template;
use rehome_domain::{
    id::MessageId,
    lang::Lang,
    message::Answer,
    role::Role,
    steering::{NotSteered, Scope, Steer, Steered, Turn, Verdict, draining, pauses},
    wording,
};
use serde::Deserialize;
use uuid::Uuid;

use super::{
    Frame, go, page,
    tickets::under_way,
    view::{Section, View, When},
    words::{self, Say},
};
use crate::{asker::Asked, frame::Problem, site::Workbench, under_way::There};

/// Where.
const PATH: &str = "/pauses";
/// Lines of the log that are shown, the newest.
const SHOWN: usize = 100;
/// Relocations of a drain that are shown.
const NAMED: usize = 20;

pub(super) fn paths(config: &mut web::ServiceConfig) {
    config.service(web::resource(PATH).route(web::get().to(show)).route(web::post().to(steer)));
}

/// A line of the log.
struct Line {
    turn: &'static str,
    tone: &'static str,
    scope: String,
    kind: &'static str,
    name: String,
    by: String,
    at: When,
    reason: String,
    /// How far a drain has come.
    drain: Option<Drain>,
}

/// How far a drain has come.
struct Drain {
    over: bool,
    said: String,
    /// What is still under way, the first of it.
    left: Vec<Left>,
}

/// A relocation that has orders out.
struct Left {
    id: String,
    service: String,
    doing: String,
}

#[derive(Template)]
#[template(path = "steering.html")]
struct Steering {
    frame: Frame,
    say: Say,
    may: bool,
    may_not: String,
    wrong: Option<String>,
    paused: Vec<Line>,
    log: Vec<Line>,
}

fn line(lang: Lang, steered: &Steered) -> Line {
    let (turn, tone) = match steered.turn {
        Turn::Pause => (Say(lang).pause(), "person"),
        Turn::Resume => (Say(lang).resume(), "running"),
        Turn::Lifted => (Say(lang).lifted(), "good"),
        Turn::Drain => (Say(lang).draining(), "person"),
        Turn::Drained => (Say(lang).drained(), "good"),
    };
    let (kind, name) = match &steered.scope {
        Scope::Everything => ("everything", String::new()),
        Scope::Domain { name } => ("domain", name.clone()),
        Scope::Device { name } => ("device", name.clone()),
    };
    Line {
        turn,
        tone,
        scope: steered.scope.label(lang),
        kind,
        name,
        by: wording::by(lang, &steered.by),
        at: When::of(steered.at),
        reason: steered.reason.clone(),
        drain: None,
    }
}

/// What is paused, with what is still under way where it drains.
async fn paused(view: &View, workbench: &Workbench, log: &[Steered]) -> Result<Vec<Line>, Problem> {
    let lang = view.lang();
    let drains = draining(log);
    let under_way = if drains.is_empty() { None } else { Some(workbench.under_way.get().await?) };
    let mut lines = Vec::new();
    for steered in pauses(log) {
        let drain = (steered.turn == Turn::Drain).then(|| match &under_way {
            Some(under_way) if drains.contains(&steered) => {
                going_on(lang, &under_way.there(&steered.scope, &workbench.domain_of))
            }
            _ => Drain { over: true, said: view.say.drained().to_owned(), left: Vec::new() },
        });
        lines.push(Line { drain, ..line(lang, steered) });
    }
    Ok(lines)
}

fn going_on(lang: Lang, there: &There<'_>) -> Drain {
    let said = match there.count() {
        0 if there.cut => Say(lang).draining().to_owned(),
        0 => Say(lang).drain_settles().to_owned(),
        left if there.cut => words::drain_left_at_least(lang, left),
        left => words::drain_left(lang, left),
    };
    let left = there.tickets.iter().take(NAMED).map(|line| {
        let doing: Vec<String> = line.doing.iter().map(|doing| under_way(lang, doing)).collect();
        Left { id: line.id.to_string(), service: line.service_id.clone(), doing: doing.join("; ") }
    });
    Drain { over: false, said, left: left.collect() }
}

async fn filled(view: &View, workbench: &Workbench, wrong: Option<String>) -> Result<Steering, Problem> {
    let (lang, say) = (view.lang(), view.say);
    let log = workbench.steering.steering().await?;
    let (has, needs) = (view.caller.role(), Role::TO_STEER);
    Ok(Steering {
        frame: view.frame(Section::Steering, say.steering()),
        say,
        may: has >= needs,
        may_not: Problem::NotAllowed { has, needs }.detail(lang),
        wrong,
        paused: paused(view, workbench, &log).await?,
        log: log.iter().rev().take(SHOWN).map(|steered| line(lang, steered)).collect(),
    })
}

async fn show(view: View, workbench: web::Data<Workbench>) -> Result<HttpResponse, Problem> {
    Ok(page(HttpResponse::Ok(), &filled(&view, &workbench, None).await?))
}

/// A wish as its form sends it.
#[derive(Deserialize)]
struct Sent {
    turn: Turn,
    kind: String,
    #[serde(default)]
    name: String,
    reason: String,
}

async fn steer(
    view: View,
    sent: web::Form<Sent>,
    workbench: web::Data<Workbench>,
) -> Result<HttpResponse, Problem> {
    view.caller.needs(Role::TO_STEER)?;
    let Sent { turn, kind, name, reason } = sent.into_inner();
    let name = name.trim().to_owned();
    let scope = match kind.as_str() {
        "everything" => Scope::Everything,
        "domain" => Scope::Domain { name: name.clone() },
        "device" => Scope::Device { name: name.clone() },
        _ => return Err(Problem::Malformed("kind".to_owned())),
    };
    if scope != Scope::Everything && name.is_empty() {
        let wrong =
            format!("{}: {}", view.say.name(), rehome_domain::request::Fault::Empty.sentence(view.lang()));
        return Ok(page(HttpResponse::UnprocessableEntity(), &filled(&view, &workbench, Some(wrong)).await?));
    }
    let id = MessageId(Uuid::now_v7().to_string());
    let asked = workbench.asker.steer(Steer { id, turn, scope, by: view.caller.by(), reason }).await?;
    if let Asked::Answered(Answer::Steering(Verdict::Refused { why, .. })) = asked {
        let wrong = match why {
            NotSteered::NeedsReason => view.say.reason_needed().to_owned(),
            other => words::refused_as(view.lang(), view.say.steering(), other),
        };
        return Ok(page(HttpResponse::Conflict(), &filled(&view, &workbench, Some(wrong)).await?));
    }
    Ok(go(PATH))
}
