//! Signing in and out, for scripts that keep a cookie. Programs have tokens.

use actix_web::{HttpRequest, HttpResponse, web};

use super::me::Me;
use crate::{
    door::{SignedIn, Tried, signed_in, taken_back},
    frame::Problem,
    site::Workbench,
};

pub(super) fn paths(config: &mut web::ServiceConfig) {
    config
        .service(web::resource("/session").route(web::post().to(sign_in)).route(web::delete().to(sign_out)));
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
    workbench.door.sign_out(&who.pass).await?;
    Ok(HttpResponse::NoContent().cookie(taken_back(&request)).finish())
}
