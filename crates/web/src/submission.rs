//! Submitting a relocation, once under each key of a caller.
//!
//! The relocation's id is derived from the caller and the key, so the ticket itself remembers what was submitted.

use std::sync::Arc;

use actix_web::HttpRequest;
use rehome_domain::{
    action::WhyNot,
    command::By,
    id::{MessageId, RelocationId},
    lang::Lang,
    message::{Answer, Envelope, Input, Rejection},
    ports::Loaded,
    request::{Deadlines, Request},
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
    by: By,
    id: RelocationId,
    request: Arc<Request>,
) -> Result<Submitted, Problem> {
    if let Some(known) = known(workbench, id, &request).await? {
        return Ok(Submitted::Known(known));
    }
    let input = Input::Submitted { request: Arc::clone(&request) };
    let envelope = Envelope { relocation: id, cause: cause(id, &request)?, by, input };
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

/// Names the message. The same sent twice counts once; something else sent as the same relocation is another message, so
/// that it is refused in the ticket's journal, even if nobody waits for the answer any more.
fn cause(id: RelocationId, request: &Request) -> Result<MessageId, Problem> {
    // As `differences` has it.
    let compared = Request { deadlines: Deadlines::default(), ..request.clone() };
    let told = serde_json::to_vec(&compared).map_err(|error| Problem::Failed(error.to_string()))?;
    Ok(MessageId(format!("{id}:submitted:{}", Uuid::new_v5(&id.0, &told))))
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
    Err(Problem::SubmittedOtherwise { id, differ })
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
pub(crate) fn check(request: &Request, lang: Lang) -> Result<(), Problem> {
    let faults = request.faults();
    if faults.is_empty() {
        return Ok(());
    }
    Err(invalid(faults.into_iter().map(|(field, fault)| (field, fault.sentence(lang)))))
}

fn invalid(faults: impl Iterator<Item = (String, String)>) -> Problem {
    let nested = |field: &str| {
        let part = ["old", "new", "window"].into_iter().find_map(|part| {
            let rest = field.strip_prefix(part)?.strip_prefix('_')?;
            Some(format!("{part}.{rest}"))
        });
        part.unwrap_or_else(|| field.to_owned())
    };
    Problem::Invalid(faults.map(|(field, problem)| FieldProblem::new(nested(&field), problem)).collect())
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
        Answer::Rejected(Rejection::Invalid { errors }) => {
            invalid(errors.into_iter().map(|error| (error.field, error.problem)))
        }
        Answer::Rejected(Rejection::Held { by }) => Problem::Refused(WhyNot::Held { by }),
        Answer::Rejected(other) => Problem::Rejected(other),
        Answer::Accepted { .. } | Answer::Steering(_) => {
            Problem::Failed("an answer to something else".to_owned())
        }
    }
}
