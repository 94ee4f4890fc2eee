//! The start: who is signed in.

use actix_web::{HttpResponse, web};
use askama::Template;

use super::{Frame, page, password, sign_in};
use crate::{door::Caller, frame::Language, texts};

pub(super) fn paths(config: &mut web::ServiceConfig) {
    config.service(web::resource("/").route(web::get().to(home)));
}

#[derive(Template)]
#[template(path = "home.html")]
struct Home {
    frame: Frame,
    who: String,
    password_path: &'static str,
    change_password: String,
    sign_out_path: &'static str,
    sign_out: String,
}

async fn home(caller: Caller, language: Language) -> HttpResponse {
    let lang = language.0;
    let home = Home {
        frame: Frame::new(lang, texts::workbench(lang)),
        who: texts::signed_in_as(lang, &caller.account().name, caller.role().label(lang)),
        password_path: password::PATH,
        change_password: texts::change_password(lang),
        sign_out_path: sign_in::OUT,
        sign_out: texts::sign_out(lang),
    };
    page(HttpResponse::Ok(), &home)
}
