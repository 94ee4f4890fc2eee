//! The stores' figures. `docs/metrics.md` says what each means to whoever watches; a test holds the two together.

use metrics::{Unit, counter, describe_counter, describe_gauge, gauge};

const ERRORS: &str = "rehome_store_errors_total";
const HELD_UP: &str = "rehome_feed_held_up_seconds";

/// Says what the figures are.
pub fn describe() {
    describe_counter!(ERRORS, "calls of the database that failed, by what was asked");
    describe_gauge!(
        HELD_UP,
        Unit::Seconds,
        "age of the oldest entry that webhooks and listeners are not told of yet"
    );
}

pub(crate) fn held_up(seconds: f64) {
    gauge!(HELD_UP).set(seconds);
}

pub(crate) fn failed(what: &'static str) {
    counter!(ERRORS, "what" => what).increment(1);
}
