//! Tokens and sessions: one's own, and for an admin everybody's.

use actix_web::{HttpResponse, http::Method, web};
use jiff::Timestamp;
use rehome_domain::{
    account::{Pass, PassKind},
    role::Role,
};
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use super::{
    body,
    route::{Answer, Content, Route},
};
use crate::{
    door::Caller,
    frame::{Language, Problem},
    passes::{self, Wish},
    site::Workbench,
};

pub(super) fn routes() -> Vec<Route> {
    let gone = || Answer { status: 204, is: "It lets nobody in any more", content: Content::Nothing };
    vec![
        Route::new(Method::GET, "/tokens", "tokens", tokens)
            .is("Your tokens; an admin's: everybody's")
            .answers::<Vec<Shown>>(200, "The tokens that have not ended"),
        Route::new(Method::POST, "/tokens", "issueToken", add)
            .is("Issues a token; only in a session. Issuing one for another account takes the role `admin`. It stands in the \
                 account's history")
            .in_session()
            .body::<Wish>()
            .answers::<Issued>(201, "The token: it is shown this once")
            .problems([409]),
        Route::new(Method::DELETE, "/tokens/{id}", "revokeToken", revoke_token)
            .is("Takes a token away, one's own or as an admin anybody's; only in a session. It stands in the account's history")
            .in_session()
            .with(gone()),
        Route::new(Method::GET, "/sessions", "sessions", sessions)
            .is("Your sessions; an admin's: everybody's")
            .answers::<Vec<Shown>>(200, "The sessions that have not ended"),
        Route::new(Method::DELETE, "/sessions/{id}", "revokeSession", revoke_session)
            .is("Ends a session, one's own or as an admin anybody's; only in a session. It stands in the account's history")
            .in_session()
            .with(gone()),
    ]
}

/// A token or a session.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Pass")]
struct Shown {
    /// To name it by; no secret.
    id: Uuid,
    /// Whose.
    account: String,
    /// What its owner knows it by: a token's name, a session's browser.
    label: String,
    /// It allows no more than this; none: all that its account may.
    at_most: Option<Role>,
    /// Who issued it.
    issued_by: String,
    /// When.
    issued_at: Timestamp,
    /// When it was last shown, to the minute; none: not since.
    seen_at: Option<Timestamp>,
    /// When it ends if it is not shown again.
    until: Option<Timestamp>,
    /// It is the one by which this was asked.
    current: bool,
}

impl Shown {
    fn of(pass: Pass, caller: &Caller) -> Self {
        Self {
            id: pass.id,
            until: pass.until(),
            account: pass.account.into(),
            label: pass.label,
            at_most: pass.at_most,
            issued_by: pass.issued_by,
            issued_at: pass.issued_at,
            seen_at: Some(pass.seen_at).filter(|at| *at > pass.issued_at),
            current: pass.id == caller.pass().id,
        }
    }
}

/// A token that was issued.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "IssuedToken")]
struct Issued {
    /// The token itself: a program sends it as `Authorization: Bearer rht_…`.
    token: String,
    /// What is kept of it.
    pass: Shown,
}

async fn all(
    caller: Caller,
    workbench: &Workbench,
    kind: PassKind,
) -> Result<web::Json<Vec<Shown>>, Problem> {
    let passes = passes::seen(&caller, workbench, kind).await?;
    Ok(web::Json(passes.into_iter().map(|pass| Shown::of(pass, &caller)).collect()))
}

async fn tokens(caller: Caller, workbench: web::Data<Workbench>) -> Result<web::Json<Vec<Shown>>, Problem> {
    all(caller, &workbench, PassKind::Token).await
}

async fn sessions(caller: Caller, workbench: web::Data<Workbench>) -> Result<web::Json<Vec<Shown>>, Problem> {
    all(caller, &workbench, PassKind::Session).await
}

async fn add(
    caller: Caller,
    sent: web::Bytes,
    language: Language,
    workbench: web::Data<Workbench>,
) -> Result<HttpResponse, Problem> {
    caller.needs_session()?;
    let (secret, pass) = passes::add(&caller, &workbench, body::read(&sent)?, None, language.0).await?;
    let issued = Issued { token: secret.expose().to_owned(), pass: Shown::of(pass, &caller) };
    Ok(HttpResponse::Created().json(issued))
}

async fn revoke_token(
    caller: Caller,
    id: web::Path<Uuid>,
    language: Language,
    workbench: web::Data<Workbench>,
) -> Result<HttpResponse, Problem> {
    passes::take_away(&caller, &workbench, PassKind::Token, *id, language.0).await?;
    Ok(HttpResponse::NoContent().finish())
}

async fn revoke_session(
    caller: Caller,
    id: web::Path<Uuid>,
    language: Language,
    workbench: web::Data<Workbench>,
) -> Result<HttpResponse, Problem> {
    passes::take_away(&caller, &workbench, PassKind::Session, *id, language.0).await?;
    Ok(HttpResponse::NoContent().finish())
}
