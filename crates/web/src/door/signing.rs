//! A request to sign in, whatever it is written in.

use actix_web::{HttpRequest, cookie::Cookie, http::header};

use super::{
    Door, SignedIn, Tried,
    cookie::{cookie, shown},
    whence::from_here,
};
use crate::frame::{Outside, Problem};

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
    let browser = request.headers().get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    let (secret, who) = door.sign_in(tried, address, browser.unwrap_or_default()).await?;
    if let Some(before) = shown(request) {
        door.leave_behind(&before).await?;
    }
    Ok((cookie(request, &secret), who))
}
