//! Tokens and sessions: one's own, and for an admin everybody's.

use actix_web::{HttpResponse, ResponseError, web};
use askama::Template;
use jiff::Timestamp;
use rehome_domain::{
    account::{Pass, PassKind},
    role::Role,
};
use serde::Deserialize;
use uuid::Uuid;

use super::{
    Frame, go, page,
    view::{Section, View, When},
    words::Say,
};
use crate::{
    door::{DAYS, MOST_DAYS},
    frame::Problem,
    passes::{self, LABEL, Wish},
    site::Workbench,
};

/// Where.
const PATH: &str = "/tokens";

pub(super) fn paths(config: &mut web::ServiceConfig) {
    config
        .service(web::resource(PATH).route(web::get().to(show)).route(web::post().to(issue)))
        .service(web::resource("/tokens/revoke").route(web::post().to(revoke)));
}

/// A token or a session.
struct Line {
    id: Uuid,
    account: String,
    label: String,
    at_most: Option<&'static str>,
    issued_by: String,
    issued_at: When,
    seen_at: Option<When>,
    ends: Option<When>,
    /// It is the one by which this page was asked for.
    current: bool,
}

/// A role that a token may be held to.
struct Choice {
    wire: &'static str,
    label: &'static str,
    chosen: bool,
}

#[derive(Template)]
#[template(path = "passes.html")]
struct Passes {
    frame: Frame,
    say: Say,
    /// Whose they are is told only to whoever sees others'.
    everybodys: bool,
    own: String,
    tokens: Vec<Line>,
    sessions: Vec<Line>,
    choices: Vec<Choice>,
    longest: usize,
    most_days: i64,
    wrong: Option<String>,
    /// A token that was just issued.
    issued: Option<String>,
    filled: Sent,
}

/// A token that is wanted, as the form sends it.
#[derive(Deserialize)]
struct Sent {
    /// The form's own: sent again, as by a reload of the page that shows the token, it issues nothing.
    form: Uuid,
    label: String,
    #[serde(default)]
    account: String,
    #[serde(default)]
    at_most: String,
    days: String,
}

impl Default for Sent {
    fn default() -> Self {
        let form = Uuid::now_v7();
        Self {
            form,
            label: String::new(),
            account: String::new(),
            at_most: String::new(),
            days: DAYS.to_string(),
        }
    }
}

impl Sent {
    fn wish(&self) -> Result<Wish, Problem> {
        let given = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let at_most = given(&self.at_most).map(|role| role.parse::<Role>()).transpose();
        Ok(Wish {
            label: self.label.clone(),
            account: given(&self.account),
            at_most: at_most.map_err(|error| Problem::Malformed(error.to_string()))?,
            // What is no number is out of any range.
            days: self.days.trim().parse().unwrap_or_default(),
        })
    }
}

/// When something ends: by day, as it may be years away.
fn day(at: Timestamp) -> When {
    When { text: at.strftime("%Y-%m-%d").to_string(), ..When::of(at) }
}

fn line(view: &View, pass: Pass) -> Line {
    let until = pass.until();
    Line {
        id: pass.id,
        account: pass.account.to_string(),
        label: pass.label,
        at_most: pass.at_most.map(|role| role.label(view.lang())),
        issued_by: pass.issued_by,
        issued_at: When::of(pass.issued_at),
        seen_at: (pass.seen_at > pass.issued_at).then(|| When::of(pass.seen_at)),
        ends: until.map(if pass.kind == PassKind::Token { day } else { When::of }),
        current: pass.id == view.caller.pass().id,
    }
}

async fn filled(view: &View, workbench: &Workbench, filled: Sent) -> Result<Passes, Problem> {
    let own = view.caller.account();
    let lines = async |kind| -> Result<Vec<Line>, Problem> {
        let seen = passes::seen(&view.caller, workbench, kind).await?;
        // The newest first: the one that was just issued is looked for.
        Ok(seen.into_iter().rev().map(|pass| line(view, pass)).collect())
    };
    Ok(Passes {
        frame: view.frame(Section::Passes, view.say.passes()),
        say: view.say,
        everybodys: view.may(Role::Admin),
        own: own.name.to_string(),
        tokens: lines(PassKind::Token).await?,
        sessions: lines(PassKind::Session).await?,
        choices: Role::ALL
            .into_iter()
            .filter(|role| *role <= view.caller.role())
            .map(|role| Choice {
                wire: role.wire(),
                label: role.label(view.lang()),
                chosen: role.wire() == filled.at_most,
            })
            .collect(),
        longest: LABEL,
        most_days: MOST_DAYS,
        wrong: None,
        issued: None,
        filled,
    })
}

async fn show(view: View, workbench: web::Data<Workbench>) -> Result<HttpResponse, Problem> {
    Ok(page(HttpResponse::Ok(), &filled(&view, &workbench, Sent::default()).await?))
}

/// Answers with the page itself, not with where to go on: the secret is in no address and in no store.
async fn issue(
    view: View,
    sent: web::Form<Sent>,
    workbench: web::Data<Workbench>,
) -> Result<HttpResponse, Problem> {
    let sent = sent.into_inner();
    match passes::add(&view.caller, &workbench, sent.wish()?, Some(sent.form), view.lang()).await {
        Ok((secret, _)) => {
            let issued = Some(secret.expose().to_owned());
            let page_of = filled(&view, &workbench, Sent::default()).await?;
            Ok(page(HttpResponse::Created(), &Passes { issued, ..page_of }))
        }
        Err(problem @ (Problem::Invalid(_) | Problem::Conflict(_))) => {
            let wrong = Some(problem.detail(view.lang()));
            let page_of = filled(&view, &workbench, Sent { form: Uuid::now_v7(), ..sent }).await?;
            Ok(page(HttpResponse::build(problem.status_code()), &Passes { wrong, ..page_of }))
        }
        Err(problem) => Err(problem),
    }
}

/// What is to be taken away, as its form sends it.
#[derive(Deserialize)]
struct Gone {
    kind: PassKind,
    id: Uuid,
}

async fn revoke(
    view: View,
    sent: web::Form<Gone>,
    workbench: web::Data<Workbench>,
) -> Result<HttpResponse, Problem> {
    let Gone { kind, id } = sent.into_inner();
    match passes::take_away(&view.caller, &workbench, kind, id, view.lang()).await {
        // Of two who want to, the second finds it gone.
        Ok(()) | Err(Problem::NotFound) => Ok(go(PATH)),
        Err(problem) => Err(problem),
    }
}
