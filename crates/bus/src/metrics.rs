//! The bus's figures. `docs/metrics.md` says what each means to whoever watches; a test holds the two together.

use metrics::{counter, describe_counter};

const PUBLISHED: &str = "rehome_amqp_published_total";
const REPEATED: &str = "rehome_amqp_repeated_total";
const RETURNED: &str = "rehome_amqp_returned_total";
const LOST: &str = "rehome_amqp_connections_lost_total";

/// Says what the figures are.
pub fn describe() {
    describe_counter!(PUBLISHED, "messages handed to the broker for the first time");
    describe_counter!(
        REPEATED,
        "messages handed to the broker again: refused, without a queue, or lost with a connection"
    );
    describe_counter!(RETURNED, "messages the broker had no queue for");
    describe_counter!(LOST, "connections lost or not come about, by what they are for");
    for connection in ["publish", "consume"] {
        counter!(LOST, "connection" => connection).increment(0);
    }
    counter!(PUBLISHED).increment(0);
    counter!(RETURNED).increment(0);
    counter!(REPEATED).increment(0);
}

pub(crate) fn published() {
    counter!(PUBLISHED).increment(1);
}

pub(crate) fn repeated(messages: usize) {
    counter!(REPEATED).increment(messages as u64);
}

pub(crate) fn returned() {
    counter!(RETURNED).increment(1);
}

/// Queues of one's own have names nobody has seen before, which a label must not have.
pub(crate) fn lost(purpose: &str) {
    let connection = if purpose.starts_with("consume") { "consume" } else { "publish" };
    counter!(LOST, "connection" => connection).increment(1);
}
