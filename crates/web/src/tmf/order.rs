//! A ticket and its journal as a `ServiceOrder`.

use rehome_domain::{
    action::work_label,
    event::{Alarm, Severity},
    id::RelocationId,
    journal::{Moment, Note},
    lang::Lang,
    message::Input,
    order::Layer,
    request::{self, Request},
    status::{CutoverStatus, Disposition, ReservationStatus},
    ticket::Ticket,
};
use serde_json::{Value, json};

use super::{
    BASE, ITEM,
    resource::{
        Characteristic, ErrorMessage, ItemRef, JeopardyAlert, Milestone, Place, RelatedParty, Service,
        ServiceOrder, ServiceOrderItem,
    },
    state::OrderState,
};

/// Texts of an order are English: TMF641 has no language of its own, and names and codes say the same to machines.
const LANG: Lang = Lang::En;

/// Where an order is found.
#[must_use]
pub fn href(id: RelocationId) -> String {
    format!("{BASE}/serviceOrder/{id}")
}

/// The order that a ticket is after the last of its moments; none if it has none.
#[must_use]
pub fn order(moments: &[Moment]) -> Option<ServiceOrder> {
    let (first, last) = (moments.first()?, moments.last()?);
    let ticket = &last.after;
    let (state, request) = (OrderState::of(&ticket.state), ticket.request.as_ref());
    let closed = ticket.state.is_closed().then(|| closed_at(moments)).flatten();
    let cancelled = ticket.state.disposition == Disposition::Cancelled;
    Some(ServiceOrder {
        id: ticket.id.to_string(),
        href: href(ticket.id),
        external_id: request.external_id.clone(),
        category: "relocation",
        description: request.description.clone(),
        state,
        order_date: first.entry.at,
        start_date: moments
            .iter()
            .find(|moment| !moment.entry.sends.is_empty())
            .map(|moment| moment.entry.at),
        requested_start_date: request.window.map(|window| window.start),
        requested_completion_date: request.window.map(|window| window.end),
        completion_date: closed.filter(|_| !cancelled),
        cancellation_date: closed.filter(|_| cancelled),
        cancellation_reason: ticket.cancelled.as_ref().map(|act| act.reason.clone()),
        related_party: vec![RelatedParty {
            id: request.customer.clone(),
            name: request.customer.clone(),
            role: "customer",
            kind: "RelatedParty",
            referred: "Organization",
        }],
        service_order_item: vec![item(ticket, state)],
        milestone: milestones(moments),
        jeopardy_alert: moments.iter().flat_map(alerts).collect(),
        error_message: moments.iter().filter_map(error).collect(),
        kind: "ServiceOrder",
    })
}

fn closed_at(moments: &[Moment]) -> Option<jiff::Timestamp> {
    moments.iter().find(|moment| moment.after.state.is_closed()).map(|moment| moment.entry.at)
}

fn item(ticket: &Ticket, state: OrderState) -> ServiceOrderItem {
    let request = ticket.request.as_ref();
    let service = Service {
        id: request.service_id.clone(),
        state: if ticket.state.service_lost { "inactive" } else { "active" },
        place: vec![place("old", &request.old), place("new", &request.new)],
        service_characteristic: characteristics(request),
        kind: "Service",
    };
    ServiceOrderItem { id: ITEM, action: "modify", state, service, kind: "ServiceOrderItem" }
}

fn place(role: &'static str, place: &request::Place) -> Place {
    Place { id: access_port(place), role, kind: "Place" }
}

/// How a place is named: by the port where the customer is attached.
#[must_use]
pub fn access_port(place: &request::Place) -> String {
    format!("{}/{}", place.l2_device, place.l2_port)
}

/// A request's characteristics, each under the name by which it is ordered.
#[must_use]
pub fn characteristics(request: &Request) -> Vec<Characteristic> {
    let Request { old, new, ip, vrf, hold, .. } = request;
    let tag = |tag: Option<u16>| tag.map_or(Value::Null, Value::from);
    let values: [(&'static str, Value); 15] = [
        ("old.l3Device", json!(old.l3_device)),
        ("old.l3Port", json!(old.l3_port)),
        ("old.vlan", json!(old.vlan)),
        ("old.innerVlan", tag(old.inner_vlan)),
        ("old.l2Device", json!(old.l2_device)),
        ("old.l2Port", json!(old.l2_port)),
        ("new.l3Device", json!(new.l3_device)),
        ("new.l3Port", json!(new.l3_port)),
        ("new.vlan", json!(new.vlan)),
        ("new.innerVlan", tag(new.inner_vlan)),
        ("new.l2Device", json!(new.l2_device)),
        ("new.l2Port", json!(new.l2_port)),
        ("ip", json!(ip)),
        ("vrf", json!(vrf)),
        ("hold", json!(hold)),
    ];
    let told = values.into_iter().filter(|(_, value)| !value.is_null());
    told.map(|(name, value)| Characteristic { name, value_type: type_of(&value), value }).collect()
}

/// What a characteristic's value is.
#[must_use]
pub fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) | Value::Null | Value::Array(_) | Value::Object(_) => "string",
    }
}

fn items(id: RelocationId) -> Vec<ItemRef> {
    vec![ItemRef { item_id: ITEM, service_order_id: id.to_string(), service_order_href: href(id) }]
}

// ---------------------------------------------------------------------------------------------------------------
// Milestones

/// What an order passes on its way, in order: its name, what it is, and whether a ticket has it behind it.
type Passed = (&'static str, &'static str, fn(&Ticket) -> bool);

/// The milestones.
pub const MILESTONES: [Passed; 5] = [
    ("l3Reserved", "the gateway is reserved at the new place", |ticket| {
        matches!(ticket.state.reservation, Some(ReservationStatus::L3Reserved | ReservationStatus::Reserved))
    }),
    ("reserved", "the new place is reserved on both layers", |ticket| {
        ticket.state.reservation == Some(ReservationStatus::Reserved)
    }),
    ("l3CutOver", "the gateway serves the new place only", |ticket| {
        matches!(
            ticket.state.cutover,
            Some(CutoverStatus::L3CutOver | CutoverStatus::CutOver | CutoverStatus::L2TeardownFailed)
        )
    }),
    ("cutOver", "both layers serve the new place only", |ticket| {
        ticket.state.cutover == Some(CutoverStatus::CutOver)
    }),
    ("closed", "the order is closed", |ticket| ticket.state.is_closed()),
];

fn milestones(moments: &[Moment]) -> Vec<Milestone> {
    let Some(last) = moments.last() else { return Vec::new() };
    let of = |(name, description, passed): Passed| {
        // What was passed and lost again counts from when it was passed last.
        let since = moments.iter().rev().take_while(|moment| passed(&moment.after)).last();
        milestone(last.after.id, name, description, since.map(|moment| moment.entry.at))
    };
    MILESTONES.into_iter().map(of).collect()
}

fn milestone(
    id: RelocationId,
    name: &'static str,
    description: &'static str,
    at: Option<jiff::Timestamp>,
) -> Milestone {
    Milestone {
        id: name,
        name,
        description,
        milestone_date: at,
        status: if at.is_some() { "completed" } else { "notReached" },
        service_order_item: items(id),
    }
}

/// The milestones that a moment passes.
#[must_use]
pub fn passed(moment: &Moment) -> Vec<&'static str> {
    let before = |passed: fn(&Ticket) -> bool| moment.before.as_ref().is_some_and(passed);
    let newly = MILESTONES.into_iter().filter(|(_, _, passed)| passed(&moment.after) && !before(*passed));
    newly.map(|(name, ..)| name).collect()
}

// ---------------------------------------------------------------------------------------------------------------
// Alerts and errors

/// What a moment puts at risk: the alarms it raises, an order whose outcome came into doubt, and that a person must see
/// to it from now on.
#[must_use]
pub fn alerts(moment: &Moment) -> Vec<JeopardyAlert> {
    let (entry, after) = (&moment.entry, &moment.after);
    let failure = after.last_failure.as_ref().map(|(layer, failure)| format!("{layer}: {failure}"));
    let alert = |name: &str, severity: Severity, message: String| JeopardyAlert {
        id: format!("{}.{name}", entry.seq),
        name: name.to_owned(),
        jeopardy_type: severity.wire(),
        alert_date: entry.at,
        message,
        exception: failure.clone(),
        service_order_item: items(after.id),
    };
    let mut alerts: Vec<JeopardyAlert> = entry
        .alarms
        .iter()
        .map(|alarm| alert(name(*alarm), alarm.severity(), alarm.label(LANG).to_owned()))
        .collect();
    for layer in Layer::ALL {
        let doubt = |ticket: &Ticket| ticket.state.flight(layer).is_some_and(|flight| flight.doubt);
        if doubt(after)
            && !moment.before.as_ref().is_some_and(doubt)
            && let Some(work) = after.state.work(layer)
        {
            let name = format!("{}InDoubt", layer.wire());
            let doing = work_label(work, LANG);
            let message =
                format!("{layer} did not answer by its deadline, {doing}: it is asked what is on the device");
            alerts.push(alert(&name, Severity::Warning, message));
        }
    }
    let held = |ticket: &Ticket| OrderState::of(&ticket.state) == OrderState::Held;
    if held(after) && !moment.before.as_ref().is_some_and(held) {
        alerts.push(alert("needsPerson", Severity::Major, "a person decides how it goes on".to_owned()));
    }
    alerts
}

/// An alarm's name in an alert.
const fn name(alarm: Alarm) -> &'static str {
    match alarm {
        Alarm::L3RollbackFailed => "l3RollbackFailed",
        Alarm::L2RollbackFailed => "l2RollbackFailed",
        Alarm::InstallRollbackFailed => "installRollbackFailed",
        Alarm::OldPlaceLeft => "oldPlaceLeft",
        Alarm::ServiceDown => "withoutService",
        Alarm::CutoverBroken => "cutoverBroken",
        Alarm::L2CutoverFailed => "l2CutoverFailed",
        Alarm::CutoverUnknown => "cutoverUnknown",
        Alarm::HeldCutoverLost => "heldCutoverLost",
        Alarm::CutoverTakenBack => "cutoverTakenBack",
        Alarm::Undeliverable => "undeliverable",
        Alarm::NoticeUnread => "noticeUnread",
        Alarm::WindowMissed => "windowMissed",
        Alarm::Quarantined => "quarantined",
    }
}

/// The failure that a moment tells of, if it moved the order.
#[must_use]
pub fn error(moment: &Moment) -> Option<ErrorMessage> {
    let Input::Reply(reply) = &moment.entry.input else { return None };
    if moment.entry.rows.is_empty() || matches!(moment.entry.note, Some(Note::Retrying)) {
        return None;
    }
    let failure = reply.report.failure()?;
    let doing = moment.before.as_ref().and_then(|before| before.state.work(reply.layer));
    let doing = doing.map_or_else(String::new, |work| format!(" {}", work_label(work, LANG)));
    Some(ErrorMessage {
        code: format!("{}.{}", reply.layer.wire(), failure.reason.wire()),
        reason: format!("{} failed{doing}", reply.layer),
        message: failure.text.clone(),
        timestamp: moment.entry.at,
        service_order_item: items(moment.after.id),
    })
}
