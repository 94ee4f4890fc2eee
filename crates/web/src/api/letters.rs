//! Dead letters: what no ticket could take, and what a person did about it.

use actix_web::{HttpResponse, http::Method, web};
use jiff::Timestamp;
use rehome_domain::{
    command::By,
    id::{MessageId, RelocationId},
    lang::Lang,
    message,
    ports::{Kept, LetterFilter, Settlement},
    role::Role,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    body,
    query::{self, Limit, Query},
    route::{Answer, Content, Parameter, Route},
};
use crate::{
    asker::Asked,
    door::Caller,
    frame::{Language, Problem},
    settling::{self, Resent},
    site::Workbench,
};

/// Letters on a page, if nothing is said.
const SHOWN: usize = 50;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(Method::GET, "/dead-letters", "listDeadLetters", list)
            .is("A page of the messages that no ticket could take, newest first: those that nobody has dealt with, or all")
            .query([
                Parameter::one::<LetterFilter>("show", "Which; `open` if nothing is said"),
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
            .body::<Why>()
            .with(Answer { status: 204, is: "It is dealt with", content: Content::Nothing })
            .problems([409]),
        Route::new(Method::POST, "/dead-letters/{key}/resend", "resendDeadLetter", resend)
            .is("Sends a dead letter's message again, as a new message that counts once however often this is asked, in \
                 the name of whoever asks; a request or a command, nothing else. The letter stays, with who sent it again and why")
            .needs(Some(Role::TO_SETTLE))
            .body::<Why>()
            .answers::<Became>(200, "It was sent; what became of it")
            .answers::<Became>(202, "It was sent, and not answered for yet: its ticket's journal will say")
            .problems([409]),
    ]
}

fn which(word: &str) -> Result<LetterFilter, String> {
    match word {
        "open" => Ok(LetterFilter::Open),
        "all" => Ok(LetterFilter::All),
        _ => Err(format!("is `{word}`, expected open or all")),
    }
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
    /// Why it can't be sent again; none if it can, or could when nobody had dealt with it.
    not_resent: Option<String>,
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

impl Letter {
    fn of(workbench: &Workbench, kept: Kept, lang: Lang) -> Self {
        let not_resent = settling::not_resent(workbench, &kept, lang);
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
            not_resent,
            settled,
        }
    }
}

/// Why something is done about a dead letter.
#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "Settling")]
#[serde(deny_unknown_fields)]
struct Why {
    /// Why; may not be empty.
    reason: String,
}

impl Why {
    fn read(sent: &[u8]) -> Result<String, Problem> {
        let Self { reason } = body::read(sent)?;
        if reason.trim().is_empty() {
            let problem = "is empty: whoever deals with a message says why".to_owned();
            return Err(Problem::field("reason", problem));
        }
        Ok(reason)
    }
}

/// What became of a message that was sent again.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Resent")]
struct Became {
    /// The relocation it is about.
    relocation: RelocationId,
    /// What became of it.
    result: ResentAs,
    /// Why it changed nothing, if that is so.
    why: Option<String>,
}

/// What became of it.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum ResentAs {
    /// Its ticket has taken it.
    Accepted,
    /// Its ticket has refused it; the refusal is in its journal.
    Refused,
    /// No ticket could take it: there is a new dead letter.
    Rejected,
    /// There was no answer yet.
    OnItsWay,
}

impl Became {
    fn of(resent: Resent, lang: Lang) -> Self {
        let (result, why) = match resent.asked {
            Asked::Answered(message::Answer::Refused { why, .. }) => {
                (ResentAs::Refused, Some(why.sentence(lang)))
            }
            Asked::Answered(message::Answer::Rejected(why)) => (ResentAs::Rejected, Some(why.to_string())),
            Asked::Answered(_) => (ResentAs::Accepted, None),
            Asked::Accepted => (ResentAs::OnItsWay, None),
        };
        Self { relocation: resent.relocation, result, why }
    }
}

async fn list(
    caller: Caller,
    mut query: Query,
    language: Language,
    workbench: web::Data<Workbench>,
) -> Result<web::Json<Page>, Problem> {
    caller.needs(Role::Viewer)?;
    let which = query.one("show", which).unwrap_or_default();
    let (after, limit) = (query.one("after", query::text), query.limit(SHOWN));
    query.done()?;
    let kept = workbench.letters.letters(which, after, limit).await?;
    let next = kept.last().filter(|_| kept.len() == limit).map(|last| last.key.clone());
    let letters = kept.into_iter().map(|kept| Letter::of(&workbench, kept, language.0)).collect();
    Ok(web::Json(Page { letters, next }))
}

async fn one(
    caller: Caller,
    key: web::Path<String>,
    language: Language,
    workbench: web::Data<Workbench>,
) -> Result<web::Json<Letter>, Problem> {
    caller.needs(Role::Viewer)?;
    let kept = workbench.letters.letter(key.into_inner()).await?.ok_or(Problem::NotFound)?;
    Ok(web::Json(Letter::of(&workbench, kept, language.0)))
}

async fn drop(
    caller: Caller,
    key: web::Path<String>,
    sent: web::Bytes,
    language: Language,
    workbench: web::Data<Workbench>,
) -> Result<HttpResponse, Problem> {
    caller.needs(Role::TO_SETTLE)?;
    let reason = Why::read(&sent)?;
    settling::drop(&workbench, &caller, language.0, key.into_inner(), reason).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn resend(
    caller: Caller,
    key: web::Path<String>,
    sent: web::Bytes,
    language: Language,
    workbench: web::Data<Workbench>,
) -> Result<HttpResponse, Problem> {
    caller.needs(Role::TO_SETTLE)?;
    let reason = Why::read(&sent)?;
    let resent = settling::resend(&workbench, &caller, language.0, key.into_inner(), reason).await?;
    let mut answer = match resent.asked {
        Asked::Answered(_) => HttpResponse::Ok(),
        Asked::Accepted => HttpResponse::Accepted(),
    };
    Ok(answer.json(Became::of(resent, language.0)))
}
