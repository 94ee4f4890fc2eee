//! `/serviceOrder`: placing orders, reading them, and letting them go on.

use std::sync::Arc;

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use rehome_domain::{
    action,
    command::{Command, CommandKind},
    id::{MessageId, RelocationId},
    journal::{Moment, moments},
    message::{Answer, Envelope, Input},
    ports::Loaded,
    role::Role,
    ticket::Ticket,
};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::{
    create, list,
    order::{href, order},
};
use crate::{
    asker::Asked,
    door::Caller,
    frame::{FieldProblem, Problem},
    site::Workbench,
    submission::{self, Submitted, refused},
};

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
        .service(web::resource("/serviceOrder").route(web::get().to(list::list)).route(web::post().to(place)))
        .service(web::resource("/serviceOrder/{id}").route(web::get().to(one)).route(web::patch().to(go_on)));
}

/// What of a resource is asked for.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Fields {
    pub(super) fields: Option<String>,
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
    let told = |fault: rehome_domain::request::FieldError| FieldProblem::new(fault.field, fault.problem);
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
    let key = submission::key(&request)?.or_else(|| wanted.external_id.clone());
    let id = submission::id(&caller, key.as_deref());
    let mut answer = match submission::submit(&workbench, caller.by(), id, Arc::new(wanted)).await? {
        Submitted::New(_) => HttpResponse::Created(),
        Submitted::Known(_) => HttpResponse::Ok(),
        Submitted::Later => return Ok(later(id)),
    };
    Ok(answer.insert_header((header::LOCATION, href(id))).json(told(&workbench, id).await?))
}

/// It is on the bus, and not answered for yet: where to look.
pub(super) fn later(id: RelocationId) -> HttpResponse {
    HttpResponse::Accepted()
        .insert_header((header::LOCATION, href(id)))
        .json(json!({ "id": id.to_string(), "href": href(id), "@type": "ServiceOrder" }))
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
    let command = Command { kind, reason: String::new(), expected_version: Some(known.version), plan: None };
    let cause = MessageId(Uuid::now_v7().to_string());
    let envelope = Envelope { relocation: id, cause, by: caller.by(), input: Input::Command(command) };
    match workbench.asker.command(envelope).await? {
        Asked::Answered(Answer::Accepted { .. }) => Ok(HttpResponse::Ok().json(told(&workbench, id).await?)),
        Asked::Accepted => Ok(later(id)),
        Asked::Answered(answer) => Err(refused(answer)),
    }
}
