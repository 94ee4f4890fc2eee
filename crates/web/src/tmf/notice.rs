//! What a change of an order is to those who listen: TMF641's notifications.

use rehome_domain::journal::Moment;
use serde_json::{Value, json};

use super::{
    cancel,
    order::{alerts, order, passed},
    state::OrderState,
};

/// Every notification there is.
pub const KINDS: [&str; 7] = [
    "ServiceOrderCreateEvent",
    "ServiceOrderStateChangeEvent",
    "ServiceOrderAttributeValueChangeEvent",
    "ServiceOrderMilestoneEvent",
    "ServiceOrderJeopardyEvent",
    "CancelServiceOrderCreateEvent",
    "CancelServiceOrderStateChangeEvent",
];

/// A notification.
#[derive(Debug, Clone, PartialEq)]
pub struct Notice {
    /// The same each time it is told, so that whoever hears it twice knows.
    pub id: String,
    /// Which of [`KINDS`].
    pub kind: &'static str,
    /// What is posted.
    pub body: Value,
}

/// What is told of the last of an order's moments. The order in it is as it was then.
#[must_use]
pub fn notices(moments: &[Moment]) -> Vec<Notice> {
    let (Some(moment), Some(order)) = (moments.last(), order(moments)) else { return Vec::new() };
    let (entry, before) = (&moment.entry, moment.before.as_ref());
    let tell = |kind: &'static str, event: Value| {
        let id = format!("{}:{}:{kind}", entry.relocation, entry.seq);
        let body = json!({
            "eventId": id,
            "eventTime": entry.at,
            "timeOcurred": entry.at,
            "eventType": kind,
            "correlationId": entry.relocation.to_string(),
            "domain": "serviceOrdering",
            "event": event,
        });
        Notice { id, kind, body }
    };
    let told = || json!({ "serviceOrder": order });
    let state_before = before.map(|before| OrderState::of(&before.state));
    let mut all = Vec::new();
    if before.is_none() {
        all.push(tell("ServiceOrderCreateEvent", told()));
    } else if state_before != Some(order.state) {
        all.push(tell("ServiceOrderStateChangeEvent", told()));
    } else if before.is_some_and(|before| before.state != moment.after.state) {
        all.push(tell("ServiceOrderAttributeValueChangeEvent", told()));
    }
    if !passed(moment).is_empty() {
        all.push(tell("ServiceOrderMilestoneEvent", told()));
    }
    if !alerts(moment).is_empty() {
        all.push(tell("ServiceOrderJeopardyEvent", told()));
    }
    all.extend(cancellation(moments).map(|(kind, task)| tell(kind, json!({ "cancelServiceOrder": task }))));
    all
}

/// What the last moment is to a request to cancel: its beginning, or its end.
fn cancellation(moments: &[Moment]) -> Option<(&'static str, Value)> {
    let (last, earlier) = moments.split_last()?;
    let (tasks, before) = (cancel::requests(moments), cancel::requests(earlier));
    if tasks.len() > before.len() {
        return Some(("CancelServiceOrderCreateEvent", json!(tasks.last()?)));
    }
    let changed = tasks.iter().zip(&before).find(|(task, before)| task.state != before.state);
    changed
        .filter(|_| last.before.is_some())
        .map(|(task, _)| ("CancelServiceOrderStateChangeEvent", json!(task)))
}
