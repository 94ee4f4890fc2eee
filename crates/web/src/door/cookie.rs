//! The cookie that has a session's secret, and the one a browser keeps while its owner signs in elsewhere.

use actix_web::{
    HttpRequest,
    cookie::{Cookie, SameSite, time::Duration},
};

use super::{provider::Way, secret::Secret};
use crate::frame::Outside;

/// Its name. With TLS browsers see to it that nobody else's can have it: `__Host-` is taken only with TLS, for this host
/// alone and for all of it.
const fn name(secure: bool) -> &'static str {
    if secure { "__Host-rehome" } else { "rehome" }
}

/// The cookie of a session. It ends with the browser; the session ends by itself.
pub(crate) fn cookie(request: &HttpRequest, secret: &Secret) -> Cookie<'static> {
    let secure = Outside::of(request).secure;
    made(name(secure), secure, secret.expose().to_owned())
}

/// The cookie that takes it back.
pub(crate) fn taken_back(request: &HttpRequest) -> Cookie<'static> {
    let secure = Outside::of(request).secure;
    let mut cookie = made(name(secure), secure, String::new());
    cookie.set_max_age(Duration::ZERO);
    cookie
}

const fn way_name(secure: bool) -> &'static str {
    if secure { "__Host-rehome-way" } else { "rehome-way" }
}

/// How long somebody may take to sign in elsewhere.
const AWAY: Duration = Duration::minutes(10);

/// What a browser keeps while its owner signs in elsewhere.
pub(crate) fn way(request: &HttpRequest, way: &Way) -> Cookie<'static> {
    let secure = Outside::of(request).secure;
    let mut cookie = made(way_name(secure), secure, way.packed());
    cookie.set_max_age(AWAY);
    cookie
}

/// The cookie that takes it back: it is good for one try.
pub(crate) fn way_taken_back(request: &HttpRequest) -> Cookie<'static> {
    let secure = Outside::of(request).secure;
    let mut cookie = made(way_name(secure), secure, String::new());
    cookie.set_max_age(Duration::ZERO);
    cookie
}

/// What the browser has kept.
pub(crate) fn kept_way(request: &HttpRequest) -> Option<Way> {
    Way::unpacked(request.cookie(way_name(Outside::of(request).secure))?.value())
}

fn made(name: &'static str, secure: bool, value: String) -> Cookie<'static> {
    Cookie::build(name, value).path("/").http_only(true).same_site(SameSite::Lax).secure(secure).finish()
}

/// The secret a browser shows.
pub(super) fn shown(request: &HttpRequest) -> Option<String> {
    let cookie = request.cookie(name(Outside::of(request).secure))?;
    Some(cookie.value().to_owned()).filter(|value| !value.is_empty())
}
