//! `/hub`: who listens to the notifications. A listener is a webhook.

use actix_web::{HttpResponse, http::header, web};
use rehome_domain::{
    role::Role,
    webhook::{Format, Webhook},
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{BASE, create, orders::invalid};
use crate::{
    door::Caller,
    frame::Problem,
    site::Workbench,
    webhooks::subscriptions::{self, Wish},
};

/// The header that tells a listener, once, what notifications are signed with: TMF641 has no field for it.
const SECRET: &str = "webhook-secret";

pub(super) fn paths(config: &mut web::ServiceConfig) {
    config
        .service(web::resource("/hub").route(web::post().to(listen)).route(web::get().to(all)))
        .service(web::resource("/hub/{id}").route(web::get().to(one)).route(web::delete().to(forget)));
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Input {
    callback: String,
    #[serde(default)]
    query: String,
}

/// `EventSubscription`.
fn told(webhook: &Webhook) -> Value {
    json!({ "id": webhook.id, "callback": webhook.url, "query": webhook.query })
}

async fn listen(
    caller: Caller,
    body: web::Bytes,
    workbench: web::Data<Workbench>,
) -> Result<HttpResponse, Problem> {
    caller.needs(Role::TO_LISTEN)?;
    let Input { callback, query } = create::read(&body).map_err(invalid)?;
    let wish = Wish { url: ("callback", callback), query: ("query", query), format: Format::Tmf };
    let webhook = subscriptions::subscribe(&caller, &workbench, wish).await?;
    Ok(HttpResponse::Created()
        .insert_header((header::LOCATION, format!("{BASE}/hub/{}", webhook.id)))
        .insert_header((SECRET, webhook.secret.0.clone()))
        .json(told(&webhook)))
}

async fn all(caller: Caller, workbench: web::Data<Workbench>) -> Result<HttpResponse, Problem> {
    let all = subscriptions::seen(&caller, &workbench, Format::Tmf).await?;
    Ok(HttpResponse::Ok().json(all.iter().map(|(webhook, _)| told(webhook)).collect::<Vec<_>>()))
}

async fn one(
    caller: Caller,
    id: web::Path<String>,
    workbench: web::Data<Workbench>,
) -> Result<HttpResponse, Problem> {
    let (webhook, _) = subscriptions::find(&caller, &workbench, Format::Tmf, &id).await?;
    Ok(HttpResponse::Ok().json(told(&webhook)))
}

async fn forget(
    caller: Caller,
    id: web::Path<String>,
    workbench: web::Data<Workbench>,
) -> Result<HttpResponse, Problem> {
    let (webhook, _) = subscriptions::find(&caller, &workbench, Format::Tmf, &id).await?;
    workbench.webhooks.unsubscribe(webhook.id).await?;
    Ok(HttpResponse::NoContent().finish())
}
