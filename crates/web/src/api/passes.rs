//! Tokens and sessions: one's own, and for an admin everybody's.

use actix_web::{HttpResponse, http::Method, web};
use jiff::Timestamp;
use rehome_domain::{
    account::{AccountName, Pass, PassKind},
    lang::Lang,
    role::Role,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    body,
    route::{Answer, Content, Route},
};
use crate::{
    door::{Caller, DAYS, MOST_DAYS, NewToken, PassError, issue, revoke},
    frame::{Language, Problem},
    site::Workbench,
    texts,
};

/// The longest label, in characters.
const LABEL: usize = 200;

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

/// A token that is wanted.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "NewToken")]
struct Wish {
    /// What it is for, to know it by.
    #[schemars(length(min = 1, max = LABEL))]
    label: String,
    /// Whose; one's own if nothing is said.
    #[serde(default)]
    account: Option<String>,
    /// It allows no more than this, whatever its account may do.
    #[serde(default)]
    at_most: Option<Role>,
    /// It ends after so many days.
    #[serde(default = "days")]
    #[schemars(range(min = 1, max = MOST_DAYS))]
    days: i64,
}

const fn days() -> i64 {
    DAYS
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

fn problem(error: PassError, lang: Lang) -> Problem {
    match error {
        PassError::NoAccount(name) => Problem::field("account", texts::no_account(lang, name)),
        PassError::Above { role, .. } => {
            Problem::field("at_most", texts::token_above(lang, role.label(lang)))
        }
        PassError::TooLong(_) => Problem::field("days", error.to_string()),
        PassError::TooMany(_) => Problem::Conflict(texts::too_many_tokens(lang)),
        PassError::ChangedMeanwhile(_) => Problem::Unavailable(error.to_string()),
        PassError::Secret(error) => error.into(),
        PassError::Store(error) => error.into(),
    }
}

/// The passes of this kind that a caller sees and that let somebody in: their own, an admin all.
async fn seen(caller: &Caller, workbench: &Workbench, kind: PassKind) -> Result<Vec<Pass>, Problem> {
    let all = caller.role() == Role::Admin;
    let of = (!all).then(|| caller.account().name.clone());
    let mut passes = workbench.door.accounts().passes(of).await?;
    let now = workbench.door.now();
    passes.retain(|pass| pass.kind == kind && pass.stands(now));
    Ok(passes)
}

async fn all(
    caller: Caller,
    workbench: &Workbench,
    kind: PassKind,
) -> Result<web::Json<Vec<Shown>>, Problem> {
    caller.needs(Role::Viewer)?;
    let passes = seen(&caller, workbench, kind).await?;
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
    let Wish { label, account, at_most, days } = body::read(&sent)?;
    let own = &caller.account().name;
    let account: AccountName = match account {
        Some(name) => {
            name.parse().map_err(|_| Problem::field("account", texts::no_account(language.0, &name)))?
        }
        None => own.clone(),
    };
    if account != *own {
        caller.needs(Role::Admin)?;
    }
    if label.trim().is_empty() || label.chars().count() > LABEL {
        return Err(Problem::field("label", format!("expected 1 to {LABEL} characters")));
    }
    if !(1..=MOST_DAYS).contains(&days) {
        return Err(Problem::field("days", format!("is {days}, expected 1 to {MOST_DAYS}")));
    }
    let (door, wanted) = (&workbench.door, NewToken { account, label, at_most, days });
    let issued = issue(door.accounts(), wanted, own.as_str(), door.now()).await;
    // The account has a new version.
    door.forget();
    let (secret, pass) = issued.map_err(|error| problem(error, language.0))?;
    let issued = Issued { token: secret.expose().to_owned(), pass: Shown::of(pass, &caller) };
    Ok(HttpResponse::Created().json(issued))
}

async fn take_away(
    caller: &Caller,
    workbench: &Workbench,
    kind: PassKind,
    id: Uuid,
    lang: Lang,
) -> Result<HttpResponse, Problem> {
    caller.needs_session()?;
    let passes = seen(caller, workbench, kind).await?;
    let pass = passes.into_iter().find(|pass| pass.id == id).ok_or(Problem::NotFound)?;
    let (door, by) = (&workbench.door, caller.account().name.as_str());
    let revoked = revoke(door.accounts(), &pass, by, door.now()).await;
    door.forget();
    revoked.map_err(|error| problem(error, lang))?;
    Ok(HttpResponse::NoContent().finish())
}

async fn revoke_token(
    caller: Caller,
    id: web::Path<Uuid>,
    language: Language,
    workbench: web::Data<Workbench>,
) -> Result<HttpResponse, Problem> {
    take_away(&caller, &workbench, PassKind::Token, *id, language.0).await
}

async fn revoke_session(
    caller: Caller,
    id: web::Path<Uuid>,
    language: Language,
    workbench: web::Data<Workbench>,
) -> Result<HttpResponse, Problem> {
    take_away(&caller, &workbench, PassKind::Session, *id, language.0).await
}
