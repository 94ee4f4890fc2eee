//! `/hub`: who listens to the notifications. A listener is a webhook.

use actix_web::{HttpResponse, http::header, web};
use rehome_domain::{
    role::Role,
    webhook::{Format, Secret, Standing, Webhook, WebhookId},
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::{BASE, create, orders::invalid};
use crate::{
    door::Caller,
    frame::Problem,
    site::Workbench,
    webhooks::{Query, secret_of},
};

/// The header that tells a listener, once, what notifications are signed with: TMF641 has no field for it.
const SECRET: &str = "webhook-secret";
/// As long as what HMAC-SHA256 gives: more would not be stronger.
const SECRET_BYTES: usize = 32;

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
    workbench.reach.admits_url(&callback).map_err(|why| Problem::field("callback", why.to_string()))?;
    Query::read(Format::Tmf, &query).map_err(|why| Problem::field("query", why.to_string()))?;
    let mut bytes = [0; SECRET_BYTES];
    getrandom::fill(&mut bytes).map_err(|error| Problem::Failed(error.to_string()))?;
    let now = workbench.door.now();
    let webhook = Webhook {
        id: WebhookId(Uuid::now_v7()),
        url: callback,
        secret: Secret(secret_of(&bytes)),
        format: Format::Tmf,
        query,
        by: caller.account().name.to_string(),
        at: now,
    };
    let standing = Standing::new(workbench.feed.end().await?, now);
    if !workbench.webhooks.subscribe(webhook.clone(), standing).await? {
        return Err(Problem::Conflict("there are as many listeners as there may be: remove one".to_owned()));
    }
    Ok(HttpResponse::Created()
        .insert_header((header::LOCATION, format!("{BASE}/hub/{}", webhook.id)))
        .insert_header((SECRET, webhook.secret.0.clone()))
        .json(told(&webhook)))
}

/// The listeners that a caller sees: their own, an admin all.
async fn seen(caller: &Caller, workbench: &Workbench) -> Result<Vec<Webhook>, Problem> {
    let name = caller.account().name.to_string();
    let sees = |webhook: &Webhook| webhook.by == name || caller.role() == Role::Admin;
    let all = workbench.webhooks.webhooks().await?.into_iter().map(|(webhook, _)| webhook);
    Ok(all.filter(|webhook| webhook.format == Format::Tmf && sees(webhook)).collect())
}

async fn all(caller: Caller, workbench: web::Data<Workbench>) -> Result<HttpResponse, Problem> {
    caller.needs(Role::TO_LISTEN)?;
    let all = seen(&caller, &workbench).await?;
    Ok(HttpResponse::Ok().json(all.iter().map(told).collect::<Vec<_>>()))
}

async fn find(caller: &Caller, id: &str, workbench: &Workbench) -> Result<Webhook, Problem> {
    caller.needs(Role::TO_LISTEN)?;
    let all = seen(caller, workbench).await?;
    all.into_iter().find(|webhook| webhook.id.to_string() == id).ok_or(Problem::NotFound)
}

async fn one(
    caller: Caller,
    id: web::Path<String>,
    workbench: web::Data<Workbench>,
) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(told(&find(&caller, &id, &workbench).await?)))
}

async fn forget(
    caller: Caller,
    id: web::Path<String>,
    workbench: web::Data<Workbench>,
) -> Result<HttpResponse, Problem> {
    let webhook = find(&caller, &id, &workbench).await?;
    workbench.webhooks.unsubscribe(webhook.id).await?;
    Ok(HttpResponse::NoContent().finish())
}
