//! The API, `/api/v1`: JSON in and out, problems as RFC 9457.
//!
//! Each module gives its routes as data ([`route`]): what is served and what the document says is one list.

mod body;
mod bulk;
mod counts;
mod devices;
mod document;
mod journal;
mod letters;
mod me;
mod passes;
mod plan;
pub(crate) mod query;
mod route;
mod runs;
mod session;
mod sheets;
mod steering;
mod stream;
mod ticket;
mod tickets;
pub(crate) mod unread;
mod webhooks;

use actix_web::{middleware::from_fn, web};

pub use document::document;

use route::Route;

/// Under which path the API is.
pub const BASE: &str = "/api/v1";

/// All that is served, one path's methods beside each other.
fn routes() -> Vec<Route> {
    [
        tickets::routes(),
        plan::routes(),
        bulk::routes(),
        sheets::routes(),
        runs::routes(),
        counts::routes(),
        devices::routes(),
        letters::routes(),
        steering::routes(),
        stream::routes(),
        webhooks::routes(),
        me::routes(),
        session::routes(),
        passes::routes(),
        document::routes(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The scope it is served in.
pub(crate) fn scope() -> impl actix_web::dev::HttpServiceFactory + 'static {
    let mut scope = web::scope(BASE);
    let mut routes = routes().into_iter().peekable();
    while let Some(first) = routes.next() {
        let path = first.path;
        let mut resource = web::resource(path).route(first.handler);
        while let Some(next) = routes.next_if(|next| next.path == path) {
            resource = resource.route(next.handler);
        }
        scope = scope.service(resource);
    }
    scope.wrap(from_fn(query::known))
}
