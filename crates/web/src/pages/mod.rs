//! Pages, for people. A page is a template (`templates/`) and the handler that fills it in; forms are posted to the page's
//! own path and answered with where to go on.

mod bulk;
mod chart;
mod devices;
mod letters;
mod live;
mod new;
mod overview;
mod passes;
mod password;
mod reference;
mod runs;
mod sign_in;
mod steering;
mod ticket;
mod tickets;
mod tone;
mod view;
mod words;

use std::time::Duration;

use actix_web::{HttpResponse, HttpResponseBuilder, http::header, web};
use askama::Template;
use rehome_domain::lang::Lang;

pub use self::live::Pulse;
pub(crate) use self::view::Theme;
use self::{view::Inside, words::Say};
use crate::{assets, frame::Problem, texts};

/// Their paths.
pub(crate) fn paths(config: &mut web::ServiceConfig) {
    config
        .configure(sign_in::paths)
        .configure(password::paths)
        .configure(passes::paths)
        .configure(live::paths)
        .configure(tickets::paths)
        .configure(ticket::paths)
        .configure(new::paths)
        .configure(bulk::paths)
        .configure(runs::paths)
        .configure(letters::paths)
        .configure(steering::paths)
        .configure(devices::paths)
        .configure(overview::paths)
        .configure(reference::paths);
}

/// What every page has.
struct Frame {
    lang: Lang,
    title: String,
    theme: Theme,
    /// None where nobody is signed in.
    inside: Option<Inside>,
}

impl Frame {
    fn new(lang: Lang, title: String) -> Self {
        Self { lang, title, theme: Theme::default(), inside: None }
    }

    fn say(&self) -> Say {
        Say(self.lang)
    }

    /// The other language, as `<html lang>` and `?lang=` have it.
    fn other_lang(&self) -> &'static str {
        self.lang.pick("zh", "en")
    }

    fn change_password(&self) -> String {
        texts::change_password(self.lang)
    }

    fn sign_out(&self) -> String {
        texts::sign_out(self.lang)
    }

    #[allow(clippy::unused_self)]
    fn script(&self) -> String {
        assets::path("live.js")
    }

    /// As `<html lang>` has it.
    fn tag(&self) -> &'static str {
        self.lang.pick("en", "zh-CN")
    }

    #[allow(clippy::unused_self)]
    fn style(&self) -> String {
        assets::path("style.css")
    }
}

#[derive(Template)]
#[template(path = "problem.html")]
struct ProblemPage {
    frame: Frame,
    detail: String,
    back: String,
}

/// A problem as a page.
pub(crate) fn problem(answer: HttpResponseBuilder, problem: &Problem, lang: Lang) -> HttpResponse {
    let frame = Frame::new(lang, problem.title(lang));
    page(answer, &ProblemPage { frame, detail: problem.detail(lang), back: texts::back(lang) })
}

/// Where a person is led who has this problem, instead of being told it.
pub(crate) fn instead(problem: &Problem, next: &str) -> Option<HttpResponse> {
    match problem {
        Problem::NotSignedIn => Some(go(&format!("{}?next={}", sign_in::PATH, encoded(next)))),
        Problem::PasswordToChange => Some(go(password::PATH)),
        _ => None,
    }
}

/// A page. One that can't be written is our fault.
fn page(mut answer: HttpResponseBuilder, template: &impl Template) -> HttpResponse {
    match template.render() {
        Ok(text) => answer.content_type(header::ContentType::html()).body(text),
        Err(error) => {
            tracing::error!(%error, "a page could not be written");
            HttpResponse::InternalServerError().finish()
        }
    }
}

/// Says how old the oldest part of a page is that all readers share: whoever shows it knows by that whether a change that
/// they have heard of can be in it (`assets/live.js`).
fn made_ago(age: Duration) -> HttpResponseBuilder {
    let mut answer = HttpResponse::Ok();
    answer.insert_header(("rehome-made-ago", age.as_millis().to_string()));
    answer
}

/// Leads a browser elsewhere, by GET.
fn go(to: &str) -> HttpResponse {
    HttpResponse::SeeOther().insert_header((header::LOCATION, to)).finish()
}

/// A text within a query.
fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

/// A path of this site, if it is one: nobody is led elsewhere by a link that was sent to them.
fn own_path(given: &str) -> &str {
    let own = given.starts_with('/')
        && !given.starts_with("//")
        && !given.contains(|character: char| character == '\\' || character.is_control());
    if own { given } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_this_site_are_gone_on_to() {
        for own in ["/", "/tickets?status=failed&x=%2F", "/a//b"] {
            assert_eq!(own_path(own), own);
        }
        for foreign in [
            "",
            "//evil.example",
            "https://evil.example",
            "/\\evil.example",
            "javascript:alert(1)",
            "/\n/x",
            "/\t/x",
        ] {
            assert_eq!(own_path(foreign), "/", "{foreign}");
        }
    }
}
