//! `/serviceOrder`: placing orders, reading them, and letting them go on.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use rehome_domain::{
    action::{self, WhyNot},
    command::{Command, CommandKind},
    id::{MessageId, RelocationId},
    journal::{Moment, moments},
    message::{Answer, Envelope, Input, Rejection},
    ports::Loaded,
    request::Request,
    role::Role,
    ticket::Ticket,
};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{
    create,
    order::{href, order},
};
use crate::{
    asker::Asked,
    door::Caller,
    frame::{FieldProblem, Problem},
    site::Workbench,
};

/// The header by which a client names what it sends, so that it counts once; an order's `externalId` does the same.
const KEY: &str = "idempotency-key";
/// What an order goes on by, in this order: one at most is allowed at a time.
const GO_ON: [CommandKind; 5] = [
    CommandKind::DeployReservation,
    CommandKind::DeployCutover,
    CommandKind::RetryRollback,
    CommandKind::RetryReservation,
    CommandKind::RetryCutover,
];

pub(super) fn paths(config: &mut web::ServiceConfig) {
    config
        .service(web::resource("/serviceOrder").route(web::post().to(place)))
        .service(web::resource("/serviceOrder/{id}").route(web::get().to(one)).route(web::patch().to(go_on)));
}

/// What of a resource is asked for.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Fields {
    fields: Option<String>,
}

impl Fields {
    /// The wanted attributes of the first level, and what names the resource.
    pub(super) fn of(&self, resource: Value) -> Value {
        let (Some(wanted), Value::Object(all)) = (&self.fields, &resource) else { return resource };
        let wanted: Vec<&str> = wanted.split(',').map(str::trim).collect();
        let told = |name: &str| matches!(name, "id" | "href" | "@type") || wanted.contains(&name);
        all.iter()
            .filter(|(name, _)| told(name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect::<Map<_, _>>()
            .into()
    }
}

pub(super) fn invalid(faults: Vec<rehome_domain::request::FieldError>) -> Problem {
    let told = |fault: rehome_domain::request::FieldError| FieldProblem {
        field: fault.field,
        problem: fault.problem,
    };
    Problem::Invalid(faults.into_iter().map(told).collect())
}

/// A relocation's ticket.
pub(super) async fn ticket(workbench: &Workbench, id: RelocationId) -> Result<Ticket, Problem> {
    match workbench.tickets.load(vec![id]).await?.pop() {
        Some(Loaded::Ticket(ticket)) => Ok(*ticket),
        Some(Loaded::Unreadable(why)) => Err(Problem::Unavailable(why.to_string())),
        Some(Loaded::Missing) | None => Err(Problem::NotFound),
    }
}

/// A relocation's history.
pub(super) async fn history(workbench: &Workbench, id: RelocationId) -> Result<Vec<Moment>, Problem> {
    let entries: Result<Vec<_>, _> = workbench.tickets.journal(id).await?.into_iter().collect();
    let entries = entries.map_err(|why| why.to_string());
    let history = entries.and_then(|entries| moments(entries).map_err(|error| error.to_string()));
    let history = history.map_err(Problem::Unavailable)?;
    if history.is_empty() { Err(Problem::NotFound) } else { Ok(history) }
}

async fn told(workbench: &Workbench, id: RelocationId) -> Result<Value, Problem> {
    let history = history(workbench, id).await?;
    Ok(json!(order(&history).ok_or(Problem::NotFound)?))
}

fn named(id: &str) -> Result<RelocationId, Problem> {
    id.parse().map_err(|_| Problem::NotFound)
}

async fn one(
    caller: Caller,
    id: web::Path<String>,
    fields: web::Query<Fields>,
    workbench: web::Data<Workbench>,
) -> Result<HttpResponse, Problem> {
    caller.needs(Role::Viewer)?;
    let order = told(&workbench, named(&id)?).await?;
    Ok(HttpResponse::Ok().json(fields.of(order)))
}

async fn place(
    caller: Caller,
    body: web::Bytes,
    request: HttpRequest,
    workbench: web::Data<Workbench>,
) -> Result<HttpResponse, Problem> {
    caller.needs(Role::TO_SUBMIT)?;
    let wanted = create::request(&body, workbench.deadlines).map_err(invalid)?;
    let key = request.headers().get(KEY).map(|key| key.to_str().map(str::to_owned)).transpose();
    let key = key.map_err(|_| Problem::field("Idempotency-Key", "is no plain text".to_owned()))?;
    let key = key.or_else(|| wanted.external_id.clone());
    let name = caller.account().name.to_string();
    let id = key.map_or_else(|| RelocationId(Uuid::now_v7()), |key| RelocationId::keyed(&name, &key));
    if let Some(known) = known(&workbench, id, &wanted).await? {
        return Ok(known);
    }
    let envelope = Envelope {
        relocation: id,
        cause: MessageId(format!("{id}:submitted")),
        by: caller.by(),
        input: Input::Submitted { request: std::sync::Arc::new(wanted.clone()) },
    };
    match workbench.asker.command(envelope).await? {
        Asked::Answered(Answer::Accepted { .. }) => {
            let location = (header::LOCATION, href(id));
            Ok(HttpResponse::Created().insert_header(location).json(told(&workbench, id).await?))
        }
        Asked::Accepted => Ok(later(id)),
        // Somebody was quicker: the same, under the same key.
        Asked::Answered(Answer::Refused { why: WhyNot::Exists, .. }) => {
            known(&workbench, id, &wanted).await?.ok_or(Problem::NotFound)
        }
        Asked::Answered(answer) => Err(refused(answer)),
    }
}

/// It is on the bus, and not answered for yet: where to look.
fn later(id: RelocationId) -> HttpResponse {
    HttpResponse::Accepted()
        .insert_header((header::LOCATION, href(id)))
        .json(json!({ "id": id.to_string(), "href": href(id), "@type": "ServiceOrder" }))
}

/// What was placed under this key before; none if nothing was.
async fn known(
    workbench: &Workbench,
    id: RelocationId,
    wanted: &Request,
) -> Result<Option<HttpResponse>, Problem> {
    let known = match ticket(workbench, id).await {
        Ok(known) => known,
        Err(Problem::NotFound) => return Ok(None),
        Err(problem) => return Err(problem),
    };
    // The deadlines are this system's, and may have been set anew since.
    let same = Request { deadlines: known.request.deadlines, ..wanted.clone() };
    let differs: Vec<&str> = differences(&known.request, &same);
    if !differs.is_empty() {
        let why = format!("something else was ordered under this key before: {} differ", differs.join(", "));
        return Err(Problem::Conflict(why));
    }
    let location = (header::LOCATION, href(id));
    Ok(Some(HttpResponse::Ok().insert_header(location).json(told(workbench, id).await?)))
}

fn differences(one: &Request, other: &Request) -> Vec<&'static str> {
    [
        ("service", one.service_id != other.service_id),
        ("relatedParty", one.customer != other.customer),
        ("old.*", one.old != other.old),
        ("new.*", one.new != other.new),
        ("ip", one.ip != other.ip),
        ("vrf", one.vrf != other.vrf),
        ("description", one.description != other.description),
        ("externalId", one.external_id != other.external_id),
        ("requestedStartDate, requestedCompletionDate", one.window != other.window),
        ("hold", one.hold != other.hold),
    ]
    .into_iter()
    .filter_map(|(name, differs)| differs.then_some(name))
    .collect()
}

/// Why a command did nothing, as a problem.
pub(super) fn refused(answer: Answer) -> Problem {
    match answer {
        Answer::Refused { why, .. } => Problem::Refused(why),
        Answer::Rejected(Rejection::NoSuchTicket { .. }) => Problem::NotFound,
        Answer::Rejected(Rejection::Invalid { errors }) => invalid(errors),
        Answer::Rejected(Rejection::Held { by }) => Problem::Refused(WhyNot::Held { by }),
        Answer::Rejected(Rejection::NotAllowed { has: Some(has), needs }) => {
            Problem::NotAllowed { has, needs }
        }
        Answer::Rejected(other) => Problem::Unavailable(other.to_string()),
        Answer::Accepted { .. } | Answer::Steering(_) => {
            Problem::Failed("an answer to something else".to_owned())
        }
    }
}

/// An update: only the state can be.
async fn go_on(
    caller: Caller,
    id: web::Path<String>,
    body: web::Bytes,
    workbench: web::Data<Workbench>,
) -> Result<HttpResponse, Problem> {
    caller.needs(Role::Operator)?;
    let id = named(&id)?;
    let update: Map<String, Value> = create::read(&body).map_err(invalid)?;
    if let Some(other) = update.keys().find(|name| *name != "state") {
        let why =
            format!("`{other}` can't be changed once it is ordered: cancel the order and place another");
        return Err(Problem::Conflict(why));
    }
    if update.get("state") != Some(&json!("inProgress")) {
        let problem = "is not `inProgress`, which lets an order go on; a cancelServiceOrder cancels it";
        return Err(Problem::field("state", problem.to_owned()));
    }
    let known = ticket(&workbench, id).await?;
    let kind = GO_ON.into_iter().find(|kind| action::allowed(&known.state, *kind).is_ok());
    let Some(kind) = kind else {
        let why = action::allowed(&known.state, CommandKind::DeployCutover).err();
        return Err(why.map_or(Problem::NotFound, Problem::Refused));
    };
    let command = Command { kind, reason: String::new(), expected_version: Some(known.version) };
    let cause = MessageId(Uuid::now_v7().to_string());
    let envelope = Envelope { relocation: id, cause, by: caller.by(), input: Input::Command(command) };
    match workbench.asker.command(envelope).await? {
        Asked::Answered(Answer::Accepted { .. }) => Ok(HttpResponse::Ok().json(told(&workbench, id).await?)),
        Asked::Accepted => Ok(later(id)),
        Asked::Answered(answer) => Err(refused(answer)),
    }
}
