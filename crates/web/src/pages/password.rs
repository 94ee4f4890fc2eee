//! Choosing a password.

use actix_web::{HttpRequest, HttpResponse, ResponseError, http::header, web};
use askama::Template;
use rehome_domain::{account::PassKind, lang::Lang};

use super::{Frame, go, page};
use crate::{
    door::{LEAST_PASSWORD, NewPassword, SignedIn, cookie},
    frame::{Language, Outside, Problem},
    site::Workbench,
    texts,
};

/// Where.
pub(super) const PATH: &str = "/password";

pub(super) fn paths(config: &mut web::ServiceConfig) {
    config.service(web::resource(PATH).route(web::get().to(form)).route(web::post().to(choose)));
}

#[derive(Template)]
#[template(path = "password.html")]
struct ChangePassword {
    frame: Frame,
    action: &'static str,
    name: String,
    why: Option<String>,
    wrong: Option<String>,
    old: String,
    new: String,
    submit: String,
}

fn filled_in(lang: Lang, who: &SignedIn, wrong: Option<String>) -> ChangePassword {
    let one_time = who.account.password.as_ref().is_some_and(|password| password.one_time);
    ChangePassword {
        frame: Frame::new(lang, texts::change_password(lang)),
        action: PATH,
        name: who.account.name.to_string(),
        why: one_time.then(|| texts::password_to_change_more(lang)),
        wrong,
        old: texts::old_password(lang),
        new: texts::new_password(lang, LEAST_PASSWORD),
        submit: texts::change_password(lang),
    }
}

async fn form(who: SignedIn, language: Language) -> HttpResponse {
    page(HttpResponse::Ok(), &filled_in(language.0, &who, None))
}

async fn choose(
    request: HttpRequest,
    who: SignedIn,
    language: Language,
    sent: web::Form<NewPassword>,
    workbench: web::Data<Workbench>,
) -> Result<HttpResponse, Problem> {
    if who.pass.kind != PassKind::Session {
        return Err(Problem::NotSignedIn);
    }
    let address = Outside::of(&request).client(&request);
    match workbench.door.choose_password(&who, sent.into_inner(), address, language.0).await {
        Ok((secret, _)) => {
            let mut answer = go("/");
            answer
                .add_cookie(&cookie(&request, &secret))
                .map_err(|error| Problem::Failed(error.to_string()))?;
            Ok(answer)
        }
        Err(problem @ (Problem::Invalid(_) | Problem::TooManyTries { .. })) => {
            let mut answer = HttpResponse::build(problem.status_code());
            if let Some(seconds) = problem.retry_after() {
                answer.insert_header((header::RETRY_AFTER, seconds));
            }
            let wrong = Some(problem.detail(language.0));
            Ok(page(answer, &filled_in(language.0, &who, wrong)))
        }
        Err(problem) => Err(problem),
    }
}
