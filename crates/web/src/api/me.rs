//! Whoever asks: who they are, and their password.

use actix_web::{HttpRequest, HttpResponse, http::Method, web};
use jiff::Timestamp;
use rehome_domain::{
    account::{Account, Pass, PassKind},
    role::Role,
};
use schemars::JsonSchema;
use serde::Serialize;

use super::route::Route;
use crate::{
    door::{NewPassword, SignedIn, cookie},
    frame::{Language, Outside, Problem},
    site::Workbench,
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(Method::GET, "/me", "me", me).is("Who asks").answers::<Me>(200, "Who it is"),
        Route::new(Method::PUT, "/me/password", "choosePassword", password)
            .is("Chooses another password; only in a session, and it ends the others")
            .in_session()
            .body::<NewPassword>()
            .answers::<Me>(200, "Who it is, with a new session")
            .problems([429]),
    ]
}

/// Who somebody is.
#[derive(Serialize, JsonSchema)]
pub(super) struct Me {
    /// The account's name.
    name: String,
    /// What they are called.
    display_name: String,
    /// What they may do.
    role: Role,
    /// By what they came in.
    kind: PassKind,
    /// Until when that lets them in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
    /// They may do nothing but choose a password.
    must_change_password: bool,
}

impl From<&SignedIn> for Me {
    fn from(who: &SignedIn) -> Self {
        let SignedIn { account, pass, role } = who;
        let Account { name, display_name, password, .. } = account;
        let Pass { kind, .. } = pass;
        Self {
            name: name.to_string(),
            display_name: display_name.clone(),
            role: *role,
            kind: *kind,
            until: pass.until(),
            must_change_password: password.as_ref().is_some_and(|password| password.one_time),
        }
    }
}

async fn me(who: SignedIn) -> web::Json<Me> {
    web::Json(Me::from(&who))
}

async fn password(
    who: SignedIn,
    chosen: web::Json<NewPassword>,
    workbench: web::Data<Workbench>,
    language: Language,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    who.needs_session()?;
    let address = Outside::of(&request).client(&request);
    let chosen = chosen.into_inner();
    let (secret, who) = workbench.door.choose_password(&who, chosen, address, language.0).await?;
    Ok(HttpResponse::Ok().cookie(cookie(&request, &secret)).json(Me::from(&who)))
}
