//! How far acts on several tickets are, ticket by ticket.

use std::time::Duration;

use actix_web::{
    HttpResponse, ResponseError as _,
    http::{Method, header},
    web,
};
use rehome_domain::{
    command::{By, CommandKind},
    id::RelocationId,
    lang::Lang,
    message::Answer,
    role::Role,
};
use schemars::JsonSchema;
use serde::Serialize;
use tokio::time::Instant;
use uuid::Uuid;

use super::{BASE, route::Route};
use crate::{
    door::Caller,
    frame::{Language, Problem},
    runs::{self, Run, Stands, What},
    site::Workbench,
    submission::refused,
};

/// How long a run is waited for before its beginning is answered: most are through by then, and an answer may take 30 s.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(Method::GET, "/runs/{id}", "run", one)
            .is("How far a bulk command or a sheet is. Only the process that began it knows it, and only its latest ones: \
                 each ticket's journal says what was done, and what is sent again is not done twice")
            .answers::<Told>(200, "How far it is"),
    ]
}

/// How far an act on several tickets is.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Run")]
pub(super) struct Told {
    /// What it is called here.
    id: Uuid,
    /// The command that is given, or none: rows of a sheet are submitted.
    command: Option<CommandKind>,
    /// Who does it.
    by: By,
    /// Nothing of it is under way any more.
    ended: bool,
    /// Each ticket, in the order it was asked.
    tickets: Vec<Step>,
}

/// A ticket of it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RunStep")]
struct Step {
    /// Its relocation.
    id: RelocationId,
    /// The circuit; empty if there is no such ticket.
    service_id: String,
    /// What became of it.
    result: Became,
    /// Why it was not done, for programs, if that is so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// The same in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

/// What became of a ticket.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "RunResult")]
enum Became {
    /// Its turn has not come, or it was not answered for yet.
    Waiting,
    /// It was done: there is a ticket now, or the command is in its journal.
    Accepted,
    /// The same was submitted before; nothing was done.
    Known,
    /// It is on the bus, and was not answered for in time: its journal will say.
    OnItsWay,
    /// It was refused.
    Refused,
    /// It could not be asked: it may be tried again.
    Failed,
    /// The process stopped before its turn came.
    NotSent,
}

impl Told {
    fn of(run: &Run, lang: Lang) -> Self {
        // First: what is told of a run that has ended is all of it.
        let ended = run.has_ended();
        Self {
            id: run.id,
            command: match run.what {
                What::Submit => None,
                What::Command(kind) => Some(kind),
            },
            by: run.by.clone(),
            ended,
            tickets: run.steps.iter().map(|step| Step::of(step, lang)).collect(),
        }
    }
}

impl Step {
    fn of(step: &runs::Step, lang: Lang) -> Self {
        let (result, reason) = match step.stands() {
            Stands::Waiting | Stands::Asking => (Became::Waiting, None),
            Stands::NotSent => (Became::NotSent, None),
            Stands::OnItsWay => (Became::OnItsWay, None),
            Stands::Submitted => (Became::Accepted, None),
            Stands::Known(..) => (Became::Known, None),
            Stands::Answered(answer) => match &*answer {
                Answer::Accepted { .. } | Answer::Steering(_) => (Became::Accepted, None),
                Answer::Refused { why, .. } => (Became::Refused, Some((why.wire(), why.sentence(lang)))),
                Answer::Rejected(why) => {
                    let words = why.sentence(lang);
                    not_done(&refused(Answer::clone(&answer)), words)
                }
            },
            Stands::Failed(problem) => not_done(&problem, problem.detail(lang)),
        };
        let (reason, why) = reason.unzip();
        let reason = reason.map(str::to_owned);
        Self { id: step.relocation, service_id: step.service.clone(), result, reason, why }
    }
}

/// Why it was not done: whoever asked is at fault, or we are.
fn not_done(problem: &Problem, words: String) -> (Became, Option<(&'static str, String)>) {
    let ours = problem.status_code().is_server_error();
    (if ours { Became::Failed } else { Became::Refused }, Some((problem.kind(), words)))
}

/// Answers for a run that was begun: with all of it if that is soon through, else with how far it is and where to look.
pub(super) async fn begun(run: &Run, lang: Lang) -> HttpResponse {
    run.wait(Instant::now() + PATIENCE).await;
    let told = Told::of(run, lang);
    let mut answer = if told.ended { HttpResponse::Ok() } else { HttpResponse::Accepted() };
    answer.insert_header((header::LOCATION, format!("{BASE}/runs/{}", run.id))).json(told)
}

async fn one(
    caller: Caller,
    id: web::Path<Uuid>,
    language: Language,
    workbench: web::Data<Workbench>,
) -> Result<web::Json<Told>, Problem> {
    caller.needs(Role::Viewer)?;
    let run = workbench.runs.find(*id).ok_or(Problem::NotFound)?;
    Ok(web::Json(Told::of(&run, language.0)))
}
