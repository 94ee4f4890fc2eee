//! Signing in and out, for scripts that keep a cookie. Programs have tokens.

use actix_web::{HttpRequest, HttpResponse, http::Method, web};

use super::{
    me::Me,
    route::{Answer, Content, Route},
};
use crate::{
    door::{SignedIn, Tried, signed_in, taken_back},
    frame::Problem,
    site::Workbench,
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(Method::POST, "/session", "signIn", sign_in)
            .is("Signs in: the answer sets a session's cookie")
            .needs(None)
            .body::<Tried>()
            .answers::<Me>(200, "Who it is")
            .problems([401, 403, 429]),
        Route::new(Method::DELETE, "/session", "signOut", sign_out)
            .is("Signs out: the session lets nobody in any more. A token does not end so")
            .in_session()
            .with(Answer { status: 204, is: "It has ended", content: Content::Nothing }),
    ]
}

async fn sign_in(
    request: HttpRequest,
    tried: web::Json<Tried>,
    workbench: web::Data<Workbench>,
) -> Result<HttpResponse, Problem> {
    let (cookie, who) = signed_in(&workbench.door, &request, tried.into_inner()).await?;
    Ok(HttpResponse::Ok().cookie(cookie).json(Me::from(&who)))
}

async fn sign_out(
    request: HttpRequest,
    who: SignedIn,
    workbench: web::Data<Workbench>,
) -> Result<HttpResponse, Problem> {
    workbench.door.sign_out(&who).await?;
    Ok(HttpResponse::NoContent().cookie(taken_back(&request)).finish())
}
