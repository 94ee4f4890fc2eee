//! Dead letters: what no ticket could take, and what a person did about it.

use actix_web::{HttpResponse, http::Method, web};
use jiff::Timestamp;
use rehome_domain::{
    command::By,
    id::MessageId,
    ports::{Kept, Settled, Settlement},
    role::Role,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    body,
    query::{self, Limit, Query},
    route::{Answer, Content, Parameter, Route},
};
use crate::{door::Caller, frame::Problem, site::Workbench};

/// Letters on a page, if nothing is said.
const SHOWN: usize = 50;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(Method::GET, "/dead-letters", "listDeadLetters", list)
            .is("A page of the messages that no ticket could take, newest first")
            .query([
                Parameter::one::<String>("after", "Where to go on: the `next` of the page before"),
                Parameter::one::<Limit>("limit", "So many at most; 50 if nothing is said"),
            ])
            .answers::<Page>(200, "The page"),
        Route::new(Method::GET, "/dead-letters/{key}", "deadLetter", one)
            .is("One message that no ticket could take")
            .answers::<Letter>(200, "The message"),
        Route::new(Method::POST, "/dead-letters/{key}/drop", "dropDeadLetter", drop)
            .is("Says that a dead letter needs nothing. It stays, with who said so and why")
            .needs(Some(Role::TO_SETTLE))
            .body::<Dropping>()
            .with(Answer { status: 204, is: "It is dealt with", content: Content::Nothing })
            .problems([409]),
    ]
}

/// A page of dead letters.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "DeadLetters")]
struct Page {
    letters: Vec<Letter>,
    /// Where it goes on; none if there are no more.
    next: Option<String>,
}

/// A message that no ticket could take.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "DeadLetter")]
struct Letter {
    /// What it is called here.
    key: String,
    /// The message's own id.
    id: MessageId,
    /// When it was set aside.
    at: Timestamp,
    /// Where it came from.
    origin: String,
    /// The routing key it came by, if it came by one.
    routing_key: Option<String>,
    /// Who sent it, if anybody vouched for them.
    by: Option<By>,
    /// Why no ticket took it.
    reason: String,
    /// What it said, as it came.
    body: String,
    /// What was done about it.
    settled: Option<Told>,
}

/// What a person did about a dead letter.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Settled")]
struct Told {
    /// What.
    what: What,
    /// Who.
    by: By,
    /// When.
    at: Timestamp,
    /// Why.
    reason: String,
}

/// What can be done about a dead letter.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Settlement")]
#[serde(rename_all = "snake_case")]
enum What {
    /// Sent again.
    Resent,
    /// Found to need nothing.
    Dropped,
}

impl From<Kept> for Letter {
    fn from(kept: Kept) -> Self {
        let Kept { key, letter, settled } = kept;
        let settled = settled.map(|settled| Told {
            what: match settled.what {
                Settlement::Resent => What::Resent,
                Settlement::Dropped => What::Dropped,
            },
            by: settled.by,
            at: settled.at,
            reason: settled.reason,
        });
        Self {
            key,
            id: letter.id,
            at: letter.at,
            origin: letter.origin,
            routing_key: letter.key,
            by: letter.by,
            reason: letter.reason,
            body: letter.body,
            settled,
        }
    }
}

/// Why a dead letter needs nothing.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Dropping {
    /// Why; may not be empty.
    reason: String,
}

async fn list(
    caller: Caller,
    mut query: Query,
    workbench: web::Data<Workbench>,
) -> Result<web::Json<Page>, Problem> {
    caller.needs(Role::Viewer)?;
    let (after, limit) = (query.one("after", query::text), query.limit(SHOWN));
    query.done()?;
    let kept = workbench.letters.letters(after, limit).await?;
    let next = kept.last().filter(|_| kept.len() == limit).map(|last| last.key.clone());
    Ok(web::Json(Page { letters: kept.into_iter().map(Letter::from).collect(), next }))
}

async fn one(
    caller: Caller,
    key: web::Path<String>,
    workbench: web::Data<Workbench>,
) -> Result<web::Json<Letter>, Problem> {
    caller.needs(Role::Viewer)?;
    let kept = workbench.letters.letter(key.into_inner()).await?.ok_or(Problem::NotFound)?;
    Ok(web::Json(kept.into()))
}

async fn drop(
    caller: Caller,
    key: web::Path<String>,
    sent: web::Bytes,
    workbench: web::Data<Workbench>,
) -> Result<HttpResponse, Problem> {
    caller.needs(Role::TO_SETTLE)?;
    let Dropping { reason } = body::read(&sent)?;
    if reason.trim().is_empty() {
        return Err(Problem::field("reason", "is empty: whoever drops a message says why".to_owned()));
    }
    let key = key.into_inner();
    let settled = Settled { what: Settlement::Dropped, by: caller.by(), at: workbench.door.now(), reason };
    if workbench.letters.settle_letter(key.clone(), settled).await? {
        return Ok(HttpResponse::NoContent().finish());
    }
    let known = workbench.letters.letter(key).await?.and_then(|kept| kept.settled);
    let known = known.ok_or(Problem::NotFound)?;
    Err(Problem::Conflict(format!("{} has dealt with it already, at {}", known.by, known.at)))
}
