//! The actors' figures. `docs/metrics.md` says what each means to whoever watches; a test holds the two together.

use std::time::Duration;

use jiff::Timestamp;
use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use rehome_domain::{
    Ticket,
    event::Severity,
    journal::{Entry, Note},
    message::Input,
    order::{Layer, OrderKind},
    reply::Reply,
};

const IN_FLIGHT: &str = "rehome_relocations_in_flight";
const STEP_INPUTS: &str = "rehome_step_inputs";
const COMMIT: &str = "rehome_commit_seconds";
const ORDER: &str = "rehome_order_seconds";
const OUTAGE: &str = "rehome_outage_seconds";
const ROWS: &str = "rehome_rows_total";
const CLOSED: &str = "rehome_relocations_closed_total";
const REFUSALS: &str = "rehome_refusals_total";
const WAITING: &str = "rehome_inputs_waiting";
const RETRIES: &str = "rehome_retries_total";
const ALARMS: &str = "rehome_alarms_total";
const DEAD_LETTERS: &str = "rehome_dead_letters_total";

/// Says what the figures are, and begins those at nought over which somebody may want to be called.
pub fn describe() {
    describe_gauge!(IN_FLIGHT, "relocations with an order out, as this supervisor knows");
    describe_gauge!(
        WAITING,
        "messages that wait because the store is in trouble, or their tickets are locked"
    );
    describe_histogram!(STEP_INPUTS, "messages committed together");
    describe_histogram!(COMMIT, Unit::Seconds, "one transaction of a step, from handing over to durable");
    describe_histogram!(
        ORDER,
        Unit::Seconds,
        "a work order, from the entry that sends it to the one that has its answer"
    );
    describe_histogram!(
        OUTAGE,
        Unit::Seconds,
        "how long a customer was without service, as the configurators measured it"
    );
    describe_counter!(ROWS, "rows of the transition table taken");
    describe_counter!(CLOSED, "relocations closed, by the status they ended in");
    describe_counter!(REFUSALS, "commands refused, by reason");
    describe_counter!(RETRIES, "operations on devices tried again after a transient failure");
    describe_counter!(ALARMS, "alarms raised");
    describe_counter!(
        DEAD_LETTERS,
        "messages set aside because nobody could read or take them, by where they came from"
    );
    for severity in [Severity::Warning, Severity::Major, Severity::Critical] {
        counter!(ALARMS, "severity" => severity.wire()).increment(0);
    }
    for layer in Layer::ALL {
        counter!(RETRIES, "layer" => layer.wire()).increment(0);
    }
    gauge!(IN_FLIGHT).set(0.0);
    gauge!(WAITING).set(0.0);
}

pub(crate) fn waiting(inputs: usize) {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    gauge!(WAITING).set(inputs as f64);
}

pub(crate) fn in_flight(relocations: usize) {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    gauge!(IN_FLIGHT).set(relocations as f64);
}

pub(crate) fn committed(inputs: usize, took: Duration) {
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    histogram!(STEP_INPUTS).record(inputs as f64);
    histogram!(COMMIT).record(took);
}

/// An order that an input answers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answered {
    layer: Layer,
    kind: OrderKind,
    /// Since when it was out.
    since: Timestamp,
    /// The outage that ended with it, if one did.
    outage: Option<Duration>,
}

/// The order that an entry settles: it was out before, and is not any more.
pub(crate) fn answered(before: Option<&Ticket>, after: &Ticket, entry: &Entry) -> Option<Answered> {
    let Input::Reply(reply) = &entry.input else { return None };
    let out = before?.out(reply.layer)?;
    let order = out.awaited();
    let settled = after.out(reply.layer).is_none_or(|now| now.awaited().id != order.id);
    let lasted = |ticket: &Ticket| ticket.outage.and_then(|outage| outage.lasted());
    let outage = lasted(after).filter(|_| before.and_then(lasted).is_none());
    let Reply { layer, order: id, .. } = reply;
    (order.id == *id && settled).then_some(Answered {
        layer: *layer,
        kind: order.kind,
        since: out.since,
        outage,
    })
}

/// What a committed entry says.
pub(crate) fn took_effect(ticket: &Ticket, entry: &Entry, answered: Option<Answered>) {
    for row in &entry.rows {
        counter!(ROWS, "row" => row.clone()).increment(1);
    }
    if let Some(Answered { layer, kind, since, outage }) = answered {
        if let Some(outage) = outage {
            histogram!(OUTAGE).record(outage.as_secs_f64());
        }
        let took = entry.at.duration_since(since).as_secs_f64().max(0.0);
        histogram!(ORDER, "layer" => layer.wire(), "kind" => kind.wire()).record(took);
    }
    if let Some(Note::Refused(why)) = &entry.note {
        counter!(REFUSALS, "why" => why.wire()).increment(1);
    }
    for alarm in &entry.alarms {
        counter!(ALARMS, "severity" => alarm.severity().wire()).increment(1);
    }
    // A closed ticket takes no more rows, so the entry that closes it is the last with any.
    if ticket.state.is_closed() && !entry.rows.is_empty() {
        let (status, disposition) = (ticket.state.relocation.wire(), ticket.state.disposition.wire());
        counter!(CLOSED, "status" => status, "disposition" => disposition).increment(1);
    }
}

pub(crate) fn alarm(severity: Severity) {
    counter!(ALARMS, "severity" => severity.wire()).increment(1);
}

pub(crate) fn retried(layer: Layer) {
    counter!(RETRIES, "layer" => layer.wire()).increment(1);
}

/// The origin is one of few words that our own exchanges are named by; what a stranger wrote is not a label.
pub(crate) fn buried(origin: &str) {
    const ORIGINS: [&str; 5] = ["commands", "replies", "work", "internal", "events"];
    let origin = ORIGINS.into_iter().find(|known| *known == origin).unwrap_or("other");
    counter!(DEAD_LETTERS, "origin" => origin).increment(1);
}
