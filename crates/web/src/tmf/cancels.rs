//! `/cancelServiceOrder`: asking for an order to be cancelled, and how that stands.

use actix_web::{HttpRequest, HttpResponse, http::header, web};
use jiff::Timestamp;
use rehome_domain::{
    command::{Command, CommandKind},
    id::MessageId,
    message::{Answer, Envelope, Input},
    role::Role,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::{
    cancel, create,
    list::Asking,
    orders::{Fields, history, invalid, later},
};
use crate::{
    asker::Asked,
    door::Caller,
    frame::Problem,
    site::Workbench,
    submission::{self, refused},
};

pub(super) fn paths(config: &mut web::ServiceConfig) {
    config
        .service(web::resource("/cancelServiceOrder").route(web::get().to(list)).route(web::post().to(ask)))
        .service(web::resource("/cancelServiceOrder/{id}").route(web::get().to(one)));
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Wish {
    cancellation_reason: Option<String>,
    requested_cancellation_date: Option<Timestamp>,
    service_order: OrderRef,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct OrderRef {
    id: String,
    #[serde(rename = "href")]
    _href: Option<String>,
    #[serde(rename = "name")]
    _name: Option<String>,
}

async fn ask(
    caller: Caller,
    body: web::Bytes,
    request: HttpRequest,
    workbench: web::Data<Workbench>,
) -> Result<HttpResponse, Problem> {
    caller.needs(Role::Operator)?;
    let wish: Wish = create::read(&body).map_err(invalid)?;
    let reason = wish.cancellation_reason.unwrap_or_default();
    if reason.trim().is_empty() {
        let problem = "is missing: whoever cancels says why";
        return Err(Problem::field("cancellationReason", problem.to_owned()));
    }
    if wish.requested_cancellation_date.is_some_and(|at| at > workbench.door.now()) {
        let problem = "has not come yet: an order is cancelled when that is asked for";
        return Err(Problem::field("requestedCancellationDate", problem.to_owned()));
    }
    let no_order = || Problem::field("serviceOrder.id", "there is no such order".to_owned());
    let order = wish.service_order.id.parse().map_err(|_| no_order())?;
    let key = submission::key(&request)?;
    let cause = MessageId(submission::id(&caller, key.as_deref()).to_string());
    let command = Command { kind: CommandKind::Cancel, reason, expected_version: None, plan: None };
    let input = Input::Command(command);
    let envelope =
        Envelope { relocation: order, cause: cause.clone(), by: caller.by(), input: input.clone() };
    match workbench.asker.command(envelope).await? {
        // A refusal is in the order's journal too: the task is there, and has ended.
        Asked::Answered(Answer::Accepted { .. } | Answer::Refused { .. }) => {}
        Asked::Answered(answer) => {
            return Err(match refused(answer) {
                Problem::NotFound => no_order(),
                problem => problem,
            });
        }
        // Whoever asks again under the same key, or looks at the order's requests, is told of it.
        Asked::Accepted => return Ok(later(order)),
    }
    let entry = workbench.tickets.caused(vec![(order, cause)]).await?.pop().flatten();
    let entry = entry.transpose().map_err(|why| Problem::Unavailable(why.to_string()))?;
    if entry.as_ref().is_some_and(|entry| entry.input != input) {
        let why = format!("something else was asked of {order} under this key before");
        return Err(Problem::Conflict(why));
    }
    let id = entry.map(|entry| cancel::id(order, entry.seq)).ok_or(Problem::NotFound)?;
    let tasks = cancel::requests(&history(&workbench, order).await?);
    let task = tasks.into_iter().find(|task| task.id == id).ok_or(Problem::NotFound)?;
    Ok(HttpResponse::Created().insert_header((header::LOCATION, task.href.clone())).json(task))
}

/// The requests to cancel an order.
async fn list(
    caller: Caller,
    request: HttpRequest,
    workbench: web::Data<Workbench>,
) -> Result<HttpResponse, Problem> {
    caller.needs(Role::Viewer)?;
    let mut asked = Asking::read(request.query_string());
    let order = asked.one("serviceOrder.id", |id| Ok(id.to_owned()));
    let part = asked.part();
    asked.done("serviceOrder.id")?;
    let missing =
        || Problem::field("serviceOrder.id", "is missing: requests are listed by their order".to_owned());
    let order = order.ok_or_else(missing)?;
    let tasks = match order.parse() {
        Ok(order) => match history(&workbench, order).await {
            Ok(history) => cancel::requests(&history),
            Err(Problem::NotFound) => Vec::new(),
            Err(problem) => return Err(problem),
        },
        Err(_) => Vec::new(),
    };
    let total = tasks.len() as u64;
    let told = tasks.into_iter().skip(part.offset).take(part.limit).map(|task| json!(task)).collect();
    Ok(part.answer(told, total))
}

async fn one(
    caller: Caller,
    id: web::Path<String>,
    fields: web::Query<Fields>,
    workbench: web::Data<Workbench>,
) -> Result<HttpResponse, Problem> {
    caller.needs(Role::Viewer)?;
    let (order, _) = cancel::parse(&id).ok_or(Problem::NotFound)?;
    let tasks = cancel::requests(&history(&workbench, order).await?);
    let task = tasks.into_iter().find(|task| task.id == *id).ok_or(Problem::NotFound)?;
    Ok(HttpResponse::Ok().json(fields.of(json!(task))))
}
