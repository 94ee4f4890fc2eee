//! A request to sign in, whatever it is written in.

use actix_web::{HttpRequest, cookie::Cookie, http::header};

use super::{
    Door, SignedIn, Tried,
    cookie::{cookie, shown},
    whence::from_here,
};
use crate::frame::{Outside, Problem};

use super::{NotVouched, Returned, cookie::kept_way, secret::Secret};

/// Signs in. The cookie is a new one, and what the browser had before is worth nothing any more: nobody can have put it
/// there to come in by it now.
pub(crate) async fn signed_in(
    door: &Door,
    request: &HttpRequest,
    tried: Tried,
) -> Result<(Cookie<'static>, SignedIn), Problem> {
    // Nobody is to be signed in, as somebody else, by another site's page. A program says nothing of where it comes from.
    if !from_here(request, true) {
        return Err(Problem::CrossSite);
    }
    let address = Outside::of(request).client(request);
    let opened = door.sign_in(tried, address, browser(request)).await?;
    come_back(door, request, opened).await
}

/// Signs in somebody who comes back from the identity provider.
pub(crate) async fn vouched_for(
    door: &Door,
    request: &HttpRequest,
    returned: Returned,
) -> Result<(Cookie<'static>, String), Problem> {
    let provider = door.provider().ok_or(Problem::NotFound)?;
    let way = kept_way(request).ok_or(NotVouched::Astray)?;
    let next = way.next.clone();
    let (address, now) = (Outside::of(request).client(request), door.now());
    door.throttle().take(None, address, now).map_err(|again| Problem::TooManyTries { again })?;
    let vouched = provider.finish(way, returned).await?;
    door.throttle().give_back(None, address, now);
    let opened = door.let_in(vouched, browser(request)).await?;
    let (cookie, _) = come_back(door, request, opened).await?;
    Ok((cookie, next))
}

fn browser(request: &HttpRequest) -> &str {
    let named = request.headers().get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    named.unwrap_or_default()
}

async fn come_back(
    door: &Door,
    request: &HttpRequest,
    (secret, who): (Secret, SignedIn),
) -> Result<(Cookie<'static>, SignedIn), Problem> {
    if let Some(before) = shown(request) {
        door.leave_behind(&before).await?;
    }
    Ok((cookie(request, &secret), who))
}
