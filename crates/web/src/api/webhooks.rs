//! Who is told of changes over HTTP.

use actix_web::{HttpResponse, http::Method, web};
use jiff::Timestamp;
use rehome_domain::{
    lang::Lang,
    role::Role,
    webhook::{Format, Standing, Webhook},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    body,
    route::{Answer, Content, Route},
};
use crate::{
    door::Caller,
    frame::{Language, Problem},
    site::Workbench,
    webhooks::{
        silence,
        subscriptions::{self, Wish},
    },
};

pub(super) fn routes() -> Vec<Route> {
    let listens = Some(Role::TO_LISTEN);
    vec![
        Route::new(Method::GET, "/webhooks", "webhooks", all)
            .is("Your webhooks, and how they go; an admin's: everybody's")
            .needs(listens)
            .answers::<Vec<Told>>(200, "The webhooks"),
        Route::new(Method::POST, "/webhooks", "addWebhook", add)
            .is("Posts what happens from now on to an address, as it is published on the bus: at least once, in order, signed")
            .needs(listens)
            .body::<Asked>()
            .answers::<Added>(201, "It is told from now on; the secret is shown this once")
            .problems([409]),
        Route::new(Method::GET, "/webhooks/{id}", "webhook", one)
            .is("A webhook, and how it goes")
            .needs(listens)
            .answers::<Told>(200, "The webhook"),
        Route::new(Method::DELETE, "/webhooks/{id}", "removeWebhook", remove)
            .is("Tells it nothing more")
            .needs(listens)
            .with(Answer { status: 204, is: "It is gone", content: Content::Nothing }),
        Route::new(Method::POST, "/webhooks/{id}/retry", "retryWebhook", retry)
            .is("Tries one that fails again now, on from where it was told")
            .needs(listens)
            .answers::<Told>(200, "It is tried"),
    ]
}

/// A wish to be told.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewWebhook")]
struct Asked {
    /// Where to: an address that `webhooks.allow` lets be posted to.
    url: String,
    /// Of what only: `eventType=alarm.raised&customer=…`; the names are eventType, id, state, customer, serviceId and
    /// externalId. Empty: of all.
    #[serde(default)]
    query: String,
}

/// A webhook, and how it goes.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Webhook")]
struct Told {
    /// What it is called here.
    id: String,
    /// Where it posts to.
    url: String,
    /// Of what only; empty: of all.
    query: String,
    /// Whose it is: it tells nothing while they may not come in.
    by: String,
    /// By which token it was asked for: it ends with that. None: in a session.
    token: Option<Uuid>,
    /// Why it tells nothing, if that is so.
    silent: Option<String>,
    /// Since when.
    at: Timestamp,
    /// How many posts have been taken.
    told: u64,
    /// When the last was.
    told_at: Option<Timestamp>,
    /// Tries that have failed since.
    failed: u32,
    /// How the last try failed.
    last_error: Option<String>,
    /// When it is tried next, while it fails.
    next_at: Option<Timestamp>,
}

impl Told {
    async fn of(
        workbench: &Workbench,
        lang: Lang,
        (webhook, standing): (Webhook, Standing),
    ) -> Result<Self, Problem> {
        let failing = standing.tried > 0;
        let silent = silence(workbench.door.accounts(), &webhook, workbench.door.now()).await?;
        Ok(Self {
            token: webhook.token,
            silent: silent.map(|silent| silent.sentence(lang)),
            id: webhook.id.to_string(),
            url: webhook.url,
            query: webhook.query,
            by: webhook.by,
            at: webhook.at,
            told: standing.told,
            told_at: standing.told_at,
            failed: standing.tried,
            last_error: standing.last_error,
            next_at: failing.then_some(standing.next_at),
        })
    }
}

/// A webhook that was added.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AddedWebhook")]
struct Added {
    /// What it is called here.
    id: String,
    /// What its posts are signed with, as Standard Webhooks has it.
    secret: String,
}

async fn all(
    caller: Caller,
    language: Language,
    workbench: web::Data<Workbench>,
) -> Result<web::Json<Vec<Told>>, Problem> {
    let mut all = Vec::new();
    for seen in subscriptions::seen(&caller, &workbench, Format::Rehome).await? {
        all.push(Told::of(&workbench, language.0, seen).await?);
    }
    Ok(web::Json(all))
}

async fn add(
    caller: Caller,
    sent: web::Bytes,
    workbench: web::Data<Workbench>,
) -> Result<HttpResponse, Problem> {
    caller.needs(Role::TO_LISTEN)?;
    let Asked { url, query } = body::read(&sent)?;
    let wish = Wish { url: ("url", url), query: ("query", query), format: Format::Rehome };
    let Webhook { id, secret, .. } = subscriptions::subscribe(&caller, &workbench, wish).await?;
    Ok(HttpResponse::Created().json(Added { id: id.to_string(), secret: secret.0 }))
}

async fn one(
    caller: Caller,
    id: web::Path<String>,
    language: Language,
    workbench: web::Data<Workbench>,
) -> Result<web::Json<Told>, Problem> {
    let found = subscriptions::find(&caller, &workbench, Format::Rehome, &id).await?;
    Ok(web::Json(Told::of(&workbench, language.0, found).await?))
}

async fn remove(
    caller: Caller,
    id: web::Path<String>,
    workbench: web::Data<Workbench>,
) -> Result<HttpResponse, Problem> {
    let (webhook, _) = subscriptions::find(&caller, &workbench, Format::Rehome, &id).await?;
    workbench.webhooks.unsubscribe(webhook.id).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn retry(
    caller: Caller,
    id: web::Path<String>,
    language: Language,
    workbench: web::Data<Workbench>,
) -> Result<web::Json<Told>, Problem> {
    let (webhook, mut standing) = subscriptions::find(&caller, &workbench, Format::Rehome, &id).await?;
    standing.resume(workbench.door.now());
    if workbench.webhooks.reset_webhook(webhook.id, standing.clone()).await? {
        Ok(web::Json(Told::of(&workbench, language.0, (webhook, standing)).await?))
    } else {
        Err(Problem::NotFound)
    }
}
