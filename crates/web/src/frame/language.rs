//! The language of an answer: the one asked for, else the one asked for before, else the browser's.

use std::future::{Ready, ready};

use actix_web::{
    FromRequest, HttpRequest,
    cookie::{Cookie, SameSite, time::Duration},
    dev::Payload,
    http::header,
};
use rehome_domain::lang::Lang;

/// Keeps what was asked for.
const COOKIE: &str = "rehome-lang";
/// For so long.
const KEPT: Duration = Duration::days(365);

/// The language of an answer, for handlers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Language(pub Lang);

impl FromRequest for Language {
    type Error = actix_web::Error;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self(of(request))))
    }
}

/// The language of the answer to a request.
pub(crate) fn of(request: &HttpRequest) -> Lang {
    let kept = || request.cookie(COOKIE).and_then(|cookie| word(cookie.value()));
    asked(request).or_else(kept).unwrap_or_else(|| browsers(request))
}

/// What is to be kept, if it was asked for.
pub(super) fn cookie(request: &HttpRequest, secure: bool) -> Option<Cookie<'static>> {
    let lang = asked(request)?.pick("en", "zh");
    let cookie = Cookie::build(COOKIE, lang).path("/").same_site(SameSite::Lax).secure(secure);
    Some(cookie.max_age(KEPT).finish())
}

/// `?lang=`.
fn asked(request: &HttpRequest) -> Option<Lang> {
    request.query_string().split('&').find_map(|pair| word(pair.strip_prefix("lang=")?))
}

fn word(word: &str) -> Option<Lang> {
    match word {
        "en" => Some(Lang::En),
        "zh" => Some(Lang::Zh),
        _ => None,
    }
}

/// `Accept-Language`: of the two, the one that is liked better; English if neither is.
fn browsers(request: &HttpRequest) -> Lang {
    let accepted = request.headers().get(header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    let liked = |wanted: &str| {
        let range = |range: &str| {
            let (tag, weight) = range.split_once(";q=").unwrap_or((range, "1"));
            let language = tag.trim().split('-').next().unwrap_or_default();
            let weight = weight.trim().parse::<f32>().ok().filter(|weight| *weight > 0.0)?;
            language.eq_ignore_ascii_case(wanted).then_some(weight)
        };
        accepted.unwrap_or_default().split(',').filter_map(range).fold(0.0_f32, f32::max)
    };
    if liked("zh") > liked("en") { Lang::Zh } else { Lang::En }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn what_is_asked_for_goes_before_what_was_and_that_before_the_browsers_own() {
        for (query, kept, accepted, lang) in [
            ("", "", "", Lang::En),
            ("", "", "zh-CN,zh;q=0.9,en;q=0.8", Lang::Zh),
            ("", "", "en-GB,zh;q=0.9", Lang::En),
            ("", "", "fr, zh;q=0", Lang::En),
            ("", "", "ZH-hant", Lang::Zh),
            ("", "en", "zh", Lang::En),
            ("lang=zh", "en", "en", Lang::Zh),
            ("x=1&lang=zh", "", "en", Lang::Zh),
            ("lang=fr", "zh", "en", Lang::Zh),
            ("", "fr", "zh", Lang::Zh),
        ] {
            let mut request = TestRequest::with_uri(&format!("/?{query}"))
                .insert_header((header::ACCEPT_LANGUAGE, accepted));
            if !kept.is_empty() {
                request = request.cookie(Cookie::new(COOKIE, kept));
            }
            assert_eq!(of(&request.to_http_request()), lang, "{query} {kept} {accepted}");
        }
    }
}
