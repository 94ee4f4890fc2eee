//! The stores' figures. `docs/metrics.md` says what each means to whoever watches; a test holds the two together.

use metrics::{counter, describe_counter};

const ERRORS: &str = "rehome_store_errors_total";

/// Says what the figures are.
pub fn describe() {
    describe_counter!(ERRORS, "calls of the database that failed, by what was asked");
}

pub(crate) fn failed(what: &'static str) {
    counter!(ERRORS, "what" => what).increment(1);
}
