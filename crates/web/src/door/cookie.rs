//! The cookie that has a session's secret.

use actix_web::{
    HttpRequest,
    cookie::{Cookie, SameSite, time::Duration},
};

use super::secret::Secret;
use crate::frame::Outside;

/// Its name. With TLS browsers see to it that nobody else's can have it: `__Host-` is taken only with TLS, for this host
/// alone and for all of it.
const fn name(secure: bool) -> &'static str {
    if secure { "__Host-rehome" } else { "rehome" }
}

/// The cookie of a session. It ends with the browser; the session ends by itself.
pub(crate) fn cookie(request: &HttpRequest, secret: &Secret) -> Cookie<'static> {
    made(Outside::of(request).secure, secret.expose().to_owned())
}

/// The cookie that takes it back.
pub(crate) fn taken_back(request: &HttpRequest) -> Cookie<'static> {
    let mut cookie = made(Outside::of(request).secure, String::new());
    cookie.set_max_age(Duration::ZERO);
    cookie
}

fn made(secure: bool, value: String) -> Cookie<'static> {
    Cookie::build(name(secure), value)
        .path("/")
        .http_only(true)
        .same_site(SameSite::Lax)
        .secure(secure)
        .finish()
}

/// The secret a browser shows.
pub(super) fn shown(request: &HttpRequest) -> Option<String> {
    let cookie = request.cookie(name(Outside::of(request).secure))?;
    Some(cookie.value().to_owned()).filter(|value| !value.is_empty())
}
