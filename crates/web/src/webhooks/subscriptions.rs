//! Asking to be told: the same for the API and for TMF641's hub, but for how it is told.

use rehome_domain::{
    account::PassKind,
    role::Role,
    webhook::{Format, Secret, Standing, Webhook, WebhookId},
};
use uuid::Uuid;

use super::{Query, secret_of};
use crate::{door::Caller, frame::Problem, site::Workbench};

/// As long as what HMAC-SHA256 gives: more would not be stronger.
const SECRET_BYTES: usize = 32;

/// What somebody asks for, with the names of its fields where it was asked.
pub(crate) struct Wish {
    pub(crate) url: (&'static str, String),
    pub(crate) query: (&'static str, String),
    pub(crate) format: Format,
}

/// Begins to tell of all that happens from now on.
///
/// # Errors
/// If the caller may not listen, the address is out of reach, the query can't be read, or there are too many already.
pub(crate) async fn subscribe(
    caller: &Caller,
    workbench: &Workbench,
    wish: Wish,
) -> Result<Webhook, Problem> {
    caller.needs(Role::TO_LISTEN)?;
    let Wish { url: (url_field, url), query: (query_field, query), format } = wish;
    workbench.reach.admits_url(&url).map_err(|why| Problem::field(url_field, why.to_string()))?;
    Query::read(format, &query).map_err(|why| Problem::field(query_field, why.to_string()))?;
    let mut bytes = [0; SECRET_BYTES];
    getrandom::fill(&mut bytes).map_err(|error| Problem::Failed(error.to_string()))?;
    let (now, pass) = (workbench.door.now(), caller.pass());
    let webhook = Webhook {
        id: WebhookId(Uuid::now_v7()),
        url,
        secret: Secret(secret_of(&bytes)),
        format,
        query,
        by: caller.account().name.to_string(),
        token: (pass.kind == PassKind::Token).then_some(pass.id),
        at: now,
    };
    let standing = Standing::new(workbench.feed.end().await?, now);
    if workbench.webhooks.subscribe(webhook.clone(), standing).await? {
        Ok(webhook)
    } else {
        Err(Problem::Conflict("there are as many listeners as there may be: remove one".to_owned()))
    }
}

/// The webhooks that a caller sees: their own, an admin all.
pub(crate) async fn seen(
    caller: &Caller,
    workbench: &Workbench,
    format: Format,
) -> Result<Vec<(Webhook, Standing)>, Problem> {
    caller.needs(Role::TO_LISTEN)?;
    let name = caller.account().name.to_string();
    let sees = |webhook: &Webhook| webhook.by == name || caller.role() == Role::Admin;
    let all = workbench.webhooks.webhooks().await?.into_iter();
    Ok(all.filter(|(webhook, _)| webhook.format == format && sees(webhook)).collect())
}

/// One of those.
pub(crate) async fn find(
    caller: &Caller,
    workbench: &Workbench,
    format: Format,
    id: &str,
) -> Result<(Webhook, Standing), Problem> {
    let all = seen(caller, workbench, format).await?;
    all.into_iter().find(|(webhook, _)| webhook.id.to_string() == id).ok_or(Problem::NotFound)
}
