//! Whether a browser sent a request for a page of ours (against cross-site request forgery).
//!
//! Browsers say so themselves, and no page can make them lie: `Sec-Fetch-Site`, or where they do not send that (without
//! TLS) `Origin`. So no form needs a secret of its own.

use actix_web::{
    HttpRequest,
    http::{Method, header},
};

/// Whether it can't be that another site's page made a browser send it. What changes nothing may come from anywhere.
/// `silent`: what is to be said of a request that says nothing of where it comes from; every browser of the last years
/// says something.
pub(crate) fn from_here(request: &HttpRequest, silent: bool) -> bool {
    if [Method::GET, Method::HEAD, Method::OPTIONS].contains(request.method()) {
        return true;
    }
    let text = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap_or("?"));
    match (text("sec-fetch-site"), text("origin")) {
        (Some(site), _) => site == "same-origin",
        (None, Some(origin)) => {
            let host = text(header::HOST.as_str());
            let from = origin.split_once("://").map(|(_, authority)| authority);
            from.is_some() && from == host
        }
        (None, None) => silent,
    }
}
