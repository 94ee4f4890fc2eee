//! Signing in and out.

use actix_web::{HttpRequest, HttpResponse, ResponseError, http::header, web};
use askama::Template;
use rehome_domain::lang::Lang;
use serde::Deserialize;

use super::{Frame, go, own_path, page};
use crate::{
    door::{SignedIn, Tried, signed_in, taken_back},
    frame::{Language, Problem},
    site::Workbench,
    texts,
};

/// Where.
pub(super) const PATH: &str = "/sign-in";
/// Where out.
pub(super) const OUT: &str = "/sign-out";

pub(super) fn paths(config: &mut web::ServiceConfig) {
    config
        .service(web::resource(PATH).route(web::get().to(form)).route(web::post().to(sign_in)))
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
}

fn filled_in(lang: Lang, next: &str, name: String, wrong: Option<String>) -> SignIn {
    SignIn {
        frame: Frame::new(lang, texts::sign_in(lang)),
        action: PATH,
        next: own_path(next).to_owned(),
        name,
        wrong,
        user_name: texts::user_name(lang),
        password: texts::password(lang),
        submit: texts::sign_in(lang),
    }
}

/// Where to go on to.
#[derive(Deserialize)]
struct Next {
    #[serde(default)]
    next: String,
}

async fn form(language: Language, next: web::Query<Next>) -> HttpResponse {
    page(HttpResponse::Ok(), &filled_in(language.0, &next.next, String::new(), None))
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
        Ok((cookie, _)) => {
            let mut answer = go(own_path(&next));
            answer.add_cookie(&cookie).map_err(|error| Problem::Failed(error.to_string()))?;
            Ok(answer)
        }
        // Told in the form, where it can be mended.
        Err(problem @ (Problem::SignInFailed | Problem::TooManyTries { .. })) => {
            let mut answer = HttpResponse::build(problem.status_code());
            if let Some(seconds) = problem.retry_after() {
                answer.insert_header((header::RETRY_AFTER, seconds));
            }
            let wrong = Some(problem.detail(language.0));
            Ok(page(answer, &filled_in(language.0, &next, name, wrong)))
        }
        Err(problem) => Err(problem),
    }
}

async fn sign_out(
    request: HttpRequest,
    who: SignedIn,
    workbench: web::Data<Workbench>,
) -> Result<HttpResponse, Problem> {
    workbench.door.sign_out(&who.pass).await?;
    let mut answer = go(PATH);
    answer.add_cookie(&taken_back(&request)).map_err(|error| Problem::Failed(error.to_string()))?;
    Ok(answer)
}
