//! Signing in and out.

use actix_web::{HttpRequest, HttpResponse, ResponseError, cookie::Cookie, http::header, web};
use askama::Template;
use rehome_domain::lang::Lang;
use serde::Deserialize;

use super::{Frame, encoded, go, own_path, page};
use crate::{
    door::{BACK, Door, Returned, SignedIn, Tried, signed_in, taken_back, vouched_for, way, way_taken_back},
    frame::{Language, Problem},
    site::Workbench,
    texts,
};

/// Where.
pub(super) const PATH: &str = "/sign-in";
/// Where out.
pub(super) const OUT: &str = "/sign-out";
/// Where with the identity provider.
const WITH: &str = "/sign-in/with";

pub(super) fn paths(config: &mut web::ServiceConfig) {
    config
        .service(web::resource(PATH).route(web::get().to(form)).route(web::post().to(sign_in)))
        .service(web::resource(WITH).route(web::get().to(with)))
        .service(web::resource(BACK).route(web::get().to(back)))
        .service(web::resource(OUT).route(web::post().to(sign_out)));
}

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignIn {
    frame: Frame,
    action: &'static str,
    next: String,
    name: String,
    wrong: Option<String>,
    user_name: String,
    password: String,
    submit: String,
    /// Where to sign in elsewhere, and what that is called.
    elsewhere: Option<(String, String)>,
}

fn filled_in(door: &Door, lang: Lang, next: &str, name: String, wrong: Option<String>) -> SignIn {
    let next = own_path(next);
    let elsewhere = door.provider().map(|provider| {
        (format!("{WITH}?next={}", encoded(next)), texts::sign_in_with(lang, provider.label()))
    });
    SignIn {
        frame: Frame::new(lang, texts::sign_in(lang)),
        action: PATH,
        next: next.to_owned(),
        name,
        wrong,
        user_name: texts::user_name(lang),
        password: texts::password(lang),
        submit: texts::sign_in(lang),
        elsewhere,
    }
}

/// Where to go on to.
#[derive(Deserialize)]
struct Next {
    #[serde(default)]
    next: String,
}

async fn form(language: Language, next: web::Query<Next>, workbench: web::Data<Workbench>) -> HttpResponse {
    page(HttpResponse::Ok(), &filled_in(&workbench.door, language.0, &next.next, String::new(), None))
}

/// Leads to the identity provider.
async fn with(
    request: HttpRequest,
    language: Language,
    next: web::Query<Next>,
    workbench: web::Data<Workbench>,
) -> Result<HttpResponse, Problem> {
    let provider = workbench.door.provider().ok_or(Problem::NotFound)?;
    match provider.begin(own_path(&next.next).to_owned()).await {
        Ok((to, kept)) => with_cookie(go(&to), &way(&request, &kept)),
        Err(why) => Ok(not_let_in(&workbench.door, language.0, &next.next, String::new(), &why.into())),
    }
}

/// They come back from it.
async fn back(
    request: HttpRequest,
    language: Language,
    returned: web::Query<Returned>,
    workbench: web::Data<Workbench>,
) -> Result<HttpResponse, Problem> {
    let answer = match vouched_for(&workbench.door, &request, returned.into_inner()).await {
        Ok((cookie, next)) => with_cookie(go(own_path(&next)), &cookie)?,
        Err(why @ (Problem::NotVouched(_) | Problem::TooManyTries { .. })) => {
            tracing::warn!(%why, "a sign-in by the identity provider failed");
            not_let_in(&workbench.door, language.0, "", String::new(), &why)
        }
        Err(problem) => return Err(problem),
    };
    with_cookie(answer, &way_taken_back(&request))
}

/// The form again, and why.
fn not_let_in(door: &Door, lang: Lang, next: &str, name: String, why: &Problem) -> HttpResponse {
    let mut answer = HttpResponse::build(why.status_code());
    if let Some(seconds) = why.retry_after() {
        answer.insert_header((header::RETRY_AFTER, seconds));
    }
    page(answer, &filled_in(door, lang, next, name, Some(why.detail(lang))))
}

fn with_cookie(mut answer: HttpResponse, cookie: &Cookie<'_>) -> Result<HttpResponse, Problem> {
    answer.add_cookie(cookie).map_err(|error| Problem::Failed(error.to_string()))?;
    Ok(answer)
}

/// The form as it is sent.
#[derive(Deserialize)]
struct Sent {
    name: String,
    password: String,
    #[serde(default)]
    next: String,
}

async fn sign_in(
    request: HttpRequest,
    language: Language,
    sent: web::Form<Sent>,
    workbench: web::Data<Workbench>,
) -> Result<HttpResponse, Problem> {
    let Sent { name, password, next } = sent.into_inner();
    let tried = Tried { name: name.clone(), password };
    match signed_in(&workbench.door, &request, tried).await {
        Ok((cookie, _)) => with_cookie(go(own_path(&next)), &cookie),
        // Told in the form, where it can be mended.
        Err(problem @ (Problem::SignInFailed | Problem::TooManyTries { .. })) => {
            Ok(not_let_in(&workbench.door, language.0, &next, name, &problem))
        }
        Err(problem) => Err(problem),
    }
}

async fn sign_out(
    request: HttpRequest,
    who: SignedIn,
    workbench: web::Data<Workbench>,
) -> Result<HttpResponse, Problem> {
    workbench.door.sign_out(&who).await?;
    with_cookie(go(PATH), &taken_back(&request))
}
