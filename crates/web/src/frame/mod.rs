//! What is the same for every request, whatever it asks: bounds, language, headers, and how problems are told.

mod around;
mod face;
mod headers;
mod language;
mod outside;
mod problem;

use actix_web::web;

pub use around::Limits;
pub(crate) use around::around;
pub(crate) use face::{Details, TmfError};
pub use language::Language;
pub(crate) use language::of as language;
pub use outside::Outside;
pub use problem::{FieldProblem, Problem};

/// The largest JSON or form that is read where a handler says nothing else, in bytes: a relocation has a few kilobytes.
const BODY: usize = 256 * 1024;

/// Bounds on what is read, and our own words for what can't be.
pub(crate) fn bounds(config: &mut web::ServiceConfig) {
    config
        .app_data(web::PayloadConfig::new(BODY))
        .app_data(
            web::JsonConfig::default().limit(BODY).error_handler(|error, _| Problem::from(error).into()),
        )
        .app_data(
            web::FormConfig::default().limit(BODY).error_handler(|error, _| Problem::from(error).into()),
        )
        .app_data(
            web::QueryConfig::default()
                .error_handler(|error, _| Problem::Malformed(error.to_string()).into()),
        )
        // A path that is not as it must be leads nowhere.
        .app_data(web::PathConfig::default().error_handler(|_, _| Problem::NotFound.into()));
}
