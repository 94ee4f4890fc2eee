//! Whoever asks: who they are, and their password.

use actix_web::{HttpRequest, HttpResponse, web};
use jiff::Timestamp;
use rehome_domain::{
    account::{Account, Pass, PassKind},
    role::Role,
};
use serde::Serialize;

use crate::{
    door::{NewPassword, SignedIn, cookie},
    frame::{Language, Outside, Problem},
    site::Workbench,
};

pub(super) fn paths(config: &mut web::ServiceConfig) {
    config
        .service(web::resource("/me").route(web::get().to(me)))
        .service(web::resource("/me/password").route(web::put().to(password)));
}

/// Who somebody is.
#[derive(Serialize)]
pub(super) struct Me {
    name: String,
    display_name: String,
    role: Role,
    kind: PassKind,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Timestamp>,
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
    // A token may do its work; it may not take over its account.
    if who.pass.kind != PassKind::Session {
        return Err(Problem::NotSignedIn);
    }
    let address = Outside::of(&request).client(&request);
    let chosen = chosen.into_inner();
    let (secret, who) = workbench.door.choose_password(&who, chosen, address, language.0).await?;
    Ok(HttpResponse::Ok().cookie(cookie(&request, &secret)).json(Me::from(&who)))
}
