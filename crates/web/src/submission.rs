//! Submitting a relocation, once under each key of a caller.
//!
//! The relocation's id is derived from the caller and the key, so the ticket itself remembers what was submitted.

use std::sync::Arc;

use actix_web::HttpRequest;
use rehome_domain::{
    action::WhyNot,
    id::{MessageId, RelocationId},
    message::{Answer, Envelope, Input, Rejection},
    ports::Loaded,
    request::Request,
    ticket::Ticket,
};
use uuid::Uuid;

use crate::{
    asker::Asked,
    door::Caller,
    frame::{FieldProblem, Problem},
    site::Workbench,
};

/// The header by which a caller names what it sends, so that it counts once.
pub(crate) const KEY: &str = "Idempotency-Key";
/// The longest key, in characters.
const LONGEST_KEY: usize = 255;

/// What became of a submission.
pub(crate) enum Submitted {
    /// There is a ticket now that was not there before.
    New(Box<Ticket>),
    /// The same was submitted before under this key: its ticket, as it stands now.
    Known(Box<Ticket>),
    /// It is on the bus, and was not answered for yet.
    Later,
}

/// The caller's own key, if there is one.
///
/// # Errors
/// If it is none.
pub(crate) fn key(request: &HttpRequest) -> Result<Option<String>, Problem> {
    let Some(given) = request.headers().get(KEY) else { return Ok(None) };
    let key = given.to_str().ok().filter(|key| (1..=LONGEST_KEY).contains(&key.len()));
    let wrong = || Problem::field(KEY, format!("is no plain text of 1 to {LONGEST_KEY} characters"));
    key.map(|key| Some(key.to_owned())).ok_or_else(wrong)
}

/// The id that a caller's submission under this key has; without a key any.
pub(crate) fn id(caller: &Caller, key: Option<&str>) -> RelocationId {
    let fresh = || RelocationId(Uuid::now_v7());
    key.map_or_else(fresh, |key| RelocationId::keyed(caller.account().name.as_str(), key))
}

/// Submits a relocation, or finds it submitted.
///
/// # Errors
/// If it is refused, something else was submitted under this id, or bus or store fail.
pub(crate) async fn submit(
    workbench: &Workbench,
    caller: &Caller,
    id: RelocationId,
    request: Request,
) -> Result<Submitted, Problem> {
    if let Some(known) = known(workbench, id, &request).await? {
        return Ok(Submitted::Known(known));
    }
    let request = Arc::new(request);
    let envelope = Envelope {
        relocation: id,
        cause: MessageId(format!("{id}:submitted")),
        by: caller.by(),
        input: Input::Submitted { request: Arc::clone(&request) },
    };
    match workbench.asker.command(envelope).await? {
        // What was asked for is compared again: of two who submit under one key at once, one is first.
        Asked::Answered(Answer::Accepted { .. }) => {
            Ok(known(workbench, id, &request).await?.map_or(Submitted::Later, Submitted::New))
        }
        Asked::Answered(Answer::Refused { why: WhyNot::Exists, .. }) => {
            Ok(known(workbench, id, &request).await?.map_or(Submitted::Later, Submitted::Known))
        }
        Asked::Answered(answer) => Err(refused(answer)),
        Asked::Accepted => Ok(Submitted::Later),
    }
}

/// The ticket with this id, if the same was asked for.
async fn known(
    workbench: &Workbench,
    id: RelocationId,
    request: &Request,
) -> Result<Option<Box<Ticket>>, Problem> {
    let ticket = match workbench.tickets.load(vec![id]).await?.pop() {
        Some(Loaded::Ticket(ticket)) => ticket,
        Some(Loaded::Unreadable(why)) => return Err(Problem::Unavailable(why.to_string())),
        Some(Loaded::Missing) | None => return Ok(None),
    };
    let differ = differences(&ticket.request, request);
    if differ.is_empty() {
        return Ok(Some(ticket));
    }
    let why =
        format!("something else was submitted under this key before, as {id}: {} differ", differ.join(", "));
    Err(Problem::Conflict(why))
}

/// In which fields two requests differ. How long orders may stay unanswered is this system's, and may have been set anew.
fn differences(one: &Request, other: &Request) -> Vec<&'static str> {
    [
        ("service_id", one.service_id != other.service_id),
        ("customer", one.customer != other.customer),
        ("old", one.old != other.old),
        ("new", one.new != other.new),
        ("ip", one.ip != other.ip),
        ("vrf", one.vrf != other.vrf),
        ("description", one.description != other.description),
        ("external_id", one.external_id != other.external_id),
        ("window", one.window != other.window),
        ("hold", one.hold != other.hold),
    ]
    .into_iter()
    .filter_map(|(name, differs)| differs.then_some(name))
    .collect()
}

/// What is wrong with a request, each field named as JSON has it: `new.vlan`, not `new_vlan` as in a sheet.
///
/// # Errors
/// All that is wrong.
pub(crate) fn check(request: &Request) -> Result<(), Problem> {
    request.validate().map_err(invalid)
}

fn invalid(faults: Vec<rehome_domain::request::FieldError>) -> Problem {
    let nested = |field: &str| {
        let part = ["old", "new", "window"].into_iter().find_map(|part| {
            let rest = field.strip_prefix(part)?.strip_prefix('_')?;
            Some(format!("{part}.{rest}"))
        });
        part.unwrap_or_else(|| field.to_owned())
    };
    let told = |fault: rehome_domain::request::FieldError| FieldProblem {
        field: nested(&fault.field),
        problem: fault.problem,
    };
    Problem::Invalid(faults.into_iter().map(told).collect())
}

/// An answer that did nothing, as a problem.
pub(crate) fn refused(answer: Answer) -> Problem {
    match answer {
        Answer::Refused { why: WhyNot::NotAllowed { has: Some(has), needs, .. }, .. }
        | Answer::Rejected(Rejection::NotAllowed { has: Some(has), needs }) => {
            Problem::NotAllowed { has, needs }
        }
        Answer::Refused { why, .. } => Problem::Refused(why),
        Answer::Rejected(Rejection::NoSuchTicket { .. }) => Problem::NotFound,
        Answer::Rejected(Rejection::Invalid { errors }) => invalid(errors),
        Answer::Rejected(Rejection::Held { by }) => Problem::Refused(WhyNot::Held { by }),
        Answer::Rejected(other) => Problem::Unavailable(other.to_string()),
        Answer::Accepted { .. } | Answer::Steering(_) => {
            Problem::Failed("an answer to something else".to_owned())
        }
    }
}
