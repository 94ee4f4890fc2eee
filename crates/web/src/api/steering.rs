//! What is paused; pausing, draining and resuming.

use actix_web::{HttpRequest, HttpResponse, http::Method, web};
use rehome_domain::{
    id::{MessageId, RelocationId},
    message,
    role::Role,
    steering::{NotSteered, Scope, Steer, Steered, Turn, Verdict, draining, pauses},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    body,
    route::{Parameter, Route},
};
use crate::{
    asker::Asked,
    door::Caller,
    frame::Problem,
    site::Workbench,
    submission::{self, KEY},
};

/// Relocations of a drain that are named.
const NAMED: usize = 100;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(Method::GET, "/steering", "steering", show)
            .is("What is paused, and what is still under way there")
            .answers::<Steering>(200, "What is paused"),
        Route::new(Method::POST, "/steering", "steer", steer)
            .is("Pauses, drains or resumes everything, a domain or a device")
            .needs(Some(Role::TO_STEER))
            .header(Parameter::one::<String>(
                KEY,
                "Names the wish, so that it counts once however often it comes",
            ))
            .body::<Wish>()
            .answers::<Verdict>(200, "It stands in the log, and holds within moments")
            .answers::<Steering>(202, "It is on the bus, and was not answered for yet: look again")
            .problems([409]),
    ]
}

/// What is paused.
#[derive(Serialize, JsonSchema)]
struct Steering {
    /// Each scope with the line that paused it.
    paused: Vec<Steered>,
    /// Of those, the drains where something is still under way, or may be.
    draining: Vec<Draining>,
}

/// A drain that is not over.
#[derive(Serialize, JsonSchema)]
struct Draining {
    /// The line that began it.
    #[serde(flatten)]
    line: Steered,
    /// So many relocations have orders out there. None: the supervisors make sure of it, and then it is over.
    under_way: usize,
    /// The first of them.
    relocations: Vec<RelocationId>,
    /// There may be more: not all open tickets were looked at.
    more: bool,
}

/// A wish to pause, to drain or to resume.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Wish {
    /// What is wished.
    turn: Wished,
    /// To what.
    scope: Scope,
    /// Why; may not be empty.
    reason: String,
}

/// What may be wished.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Wished {
    /// From now on nothing begins there.
    Pause,
    /// The same, and it is told when nothing is under way there any more.
    Drain,
    /// What was held back may begin.
    Resume,
}

impl From<Wished> for Turn {
    fn from(wished: Wished) -> Self {
        match wished {
            Wished::Pause => Self::Pause,
            Wished::Drain => Self::Drain,
            Wished::Resume => Self::Resume,
        }
    }
}

async fn standing(workbench: &Workbench) -> Result<Steering, Problem> {
    let log = workbench.steering.steering().await?;
    let paused = pauses(&log).into_iter().cloned().collect();
    let drains = draining(&log);
    if drains.is_empty() {
        return Ok(Steering { paused, draining: Vec::new() });
    }
    let under_way = workbench.under_way.get().await?;
    let draining = drains.into_iter().map(|line| {
        let there = under_way.there(&line.scope, &workbench.domain_of);
        Draining {
            line: line.clone(),
            under_way: there.count(),
            relocations: there.tickets.iter().take(NAMED).map(|line| line.id).collect(),
            more: there.cut,
        }
    });
    Ok(Steering { paused, draining: draining.collect() })
}

async fn show(caller: Caller, workbench: web::Data<Workbench>) -> Result<web::Json<Steering>, Problem> {
    caller.needs(Role::Viewer)?;
    Ok(web::Json(standing(&workbench).await?))
}

async fn steer(
    caller: Caller,
    sent: web::Bytes,
    request: HttpRequest,
    workbench: web::Data<Workbench>,
) -> Result<HttpResponse, Problem> {
    caller.needs(Role::TO_STEER)?;
    let Wish { turn, scope, reason } = body::read(&sent)?;
    if let Scope::Domain { name } | Scope::Device { name } = &scope
        && name.trim().is_empty()
    {
        return Err(Problem::field("scope.name", "is empty".to_owned()));
    }
    if reason.trim().is_empty() {
        return Err(Problem::field("reason", "is empty: whoever pauses or resumes says why".to_owned()));
    }
    let key = submission::key(&request)?;
    let id = MessageId(submission::id(&caller, key.as_deref()).to_string());
    let wish = Steer { id, turn: turn.into(), scope: scope.clone(), by: caller.by(), reason };
    match workbench.asker.steer(wish).await? {
        Asked::Answered(message::Answer::Steering(Verdict::Refused { why, .. })) => Err(match why {
            NotSteered::NotAllowed { has: Some(has), needs } => Problem::NotAllowed { has, needs },
            other => Problem::Conflict(format!("{scope}: {other}")),
        }),
        Asked::Answered(message::Answer::Steering(verdict)) => Ok(HttpResponse::Ok().json(verdict)),
        Asked::Answered(answer) => Err(submission::refused(answer)),
        Asked::Accepted => Ok(HttpResponse::Accepted().json(standing(&workbench).await?)),
    }
}
