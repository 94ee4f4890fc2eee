//! The API, `/api/v1`: JSON in and out, problems as RFC 9457.

mod me;
mod session;

use actix_web::web;

/// Its paths. They are under `/api/v1`.
pub(crate) fn paths(config: &mut web::ServiceConfig) {
    config.configure(me::paths).configure(session::paths);
}
