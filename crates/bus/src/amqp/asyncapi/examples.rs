//! Examples, made of the types themselves so that they can't be wrong.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use rehome_domain::{
    Place, Request,
    action::WhyNot,
    command::By,
    event::{Alarm, Event, Raised},
    id::{MessageId, RelocationId, WorkOrderId},
    message::{Answer, Envelope, Rejection},
    order::{Dispatch, Layer, MESSAGE_VERSION, OrderKind, WorkOrder},
    reply::{During, Failure, Found, Outcome, Presence, Reason, Reply, Report},
    request::{Deadlines, FieldError},
    role::Role,
    status::{Disposition, RelocationStatus, ReservationStatus},
    steering::{NotSteered, Scope, Steered, Turn, Verdict},
};
use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::amqp::wire::{COMMAND_VERSION, CommandBody, SteerBody, SubmitBody};

/// A relocation that every example is about.
const RELOCATION: RelocationId = RelocationId(Uuid::from_u128(0x0193_5a1c_7a70_7c3e_9d4b_5e2f_8a6c_0d11));

type Named = Vec<(String, Value)>;

fn value(of: &impl Serialize) -> Value {
    serde_json::to_value(of).unwrap_or_default()
}

/// Half past two in the morning, when customers sleep.
fn at() -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_secs(1_764_037_800)
}

fn request() -> Arc<Request> {
    let place = |n: u16, l3_port: &str| Place {
        l3_device: format!("gw-0{n}"),
        l3_port: l3_port.to_owned(),
        vlan: 100 + n,
        inner_vlan: None,
        l2_device: format!("sw-x-0{n}"),
        l2_port: format!("1/0/{n}"),
    };
    Arc::new(Request {
        service_id: "LL-200417".to_owned(),
        customer: "ACME".to_owned(),
        old: place(1, "ge-0/0/1"),
        new: place(2, "ge-0/0/7"),
        ip: "192.0.2.1/30".to_owned(),
        vrf: Some("ACME-VPN".to_owned()),
        description: "LL-200417 ACME, 10 Harbour Road".to_owned(),
        window: None,
        external_id: None,
        hold: false,
        deadlines: Deadlines::default(),
    })
}

pub(super) fn submission() -> Value {
    value(&SubmitBody { v: COMMAND_VERSION, relocation: Some(RELOCATION), request: request() })
}

pub(super) fn command(reason: bool) -> Value {
    let reason = reason.then(|| "the customer asks for it".to_owned());
    value(&CommandBody {
        v: COMMAND_VERSION,
        relocation: RELOCATION,
        reason,
        expected_version: Some(7),
        plan: None,
    })
}

fn device() -> Scope {
    Scope::Device { name: "gw-02".to_owned() }
}

pub(super) fn steering() -> Named {
    let body = |scope| value(&SteerBody::new(scope, "line card swap".to_owned()));
    let domain = Scope::Domain { name: "vendor-x".to_owned() };
    vec![
        ("a device".to_owned(), body(device())),
        ("a domain".to_owned(), body(domain)),
        ("everything".to_owned(), body(Scope::Everything)),
    ]
}

fn order_id(seq: u64) -> WorkOrderId {
    WorkOrderId { relocation: RELOCATION, seq, index: 0 }
}

fn order(layer: Layer, kind: OrderKind) -> WorkOrder {
    let id = order_id(if kind == OrderKind::Inspect { 4 } else { 3 });
    let about = (kind == OrderKind::Inspect).then(|| order_id(3));
    let deadline = at() + SignedDuration::from_mins(5);
    WorkOrder::new(
        &Dispatch { id, layer, kind, attempt: 1, deadline, about, expected: Vec::new() },
        &request(),
    )
}

pub(super) fn orders() -> Named {
    let named =
        |layer: Layer, kind: OrderKind| (format!("{layer} {}", kind.wire()), value(&order(layer, kind)));
    let l2 =
        [OrderKind::Reserve, OrderKind::Release, OrderKind::Cutover, OrderKind::Notice, OrderKind::Inspect];
    let l2 = l2.into_iter().map(|kind| named(Layer::L2, kind));
    let l3 = [OrderKind::RollbackInstall, OrderKind::Confirm, OrderKind::TakeBack];
    l2.chain(l3.map(|kind| named(Layer::L3, kind))).collect()
}

pub(super) fn replies() -> Named {
    let failed = |reason, text: &str| Failure { reason, text: text.to_owned() };
    let conflict = || failed(Reason::Conflict, "sw-x-02/1/0/2:102 is in service for LL-300001");
    let (l2, l3) = (Layer::L2, Layer::L3);
    let found = Some(Found { old: Presence::Installed, new: Presence::Reserved });
    let done = || Report::Reserve { outcome: Outcome::Done, rollback: None };
    let reserve_failed = Report::Reserve { outcome: Outcome::Failed(conflict()), rollback: None };
    let unreachable = failed(Reason::Unreachable, "no answer from sw-x-02");
    let half = Report::CutoverL3 {
        teardown: Outcome::Done,
        install: Outcome::Failed(failed(Reason::Rejected, "commit failed: no such VRF")),
        during: Some(During { from: at(), until: at() + SignedDuration::from_millis(48) }),
        held_until: None,
    };
    let held = Report::CutoverL3 {
        teardown: Outcome::Done,
        install: Outcome::Done,
        during: None,
        held_until: Some(at() + SignedDuration::from_secs(30)),
    };
    let reports = [
        ("reserved", l2, done()),
        ("not reserved", l2, reserve_failed),
        ("its own rollback", l2, Report::RolledBack { outcome: Outcome::Done }),
        ("released", l2, Report::Release { outcome: Outcome::Done }),
        ("cut over", l2, Report::CutoverL2 { outcome: Outcome::Done, during: None }),
        ("refused before anything was touched", l2, Report::CutoverRefused { failure: conflict() }),
        ("a notice is read", l2, Report::Noticed),
        ("looked", l2, Report::Inspected { found, concluded: Some(Box::new(done())) }),
        ("trying again", l2, Report::Retrying { attempt: 1, failure: unreachable, next_at: at() }),
        ("torn down and not installed", l3, half),
        ("the install is taken back", l3, Report::InstallRolledBack { outcome: Outcome::Done }),
        ("cut over, and held to be confirmed", l3, held),
        ("the held cutover stands", l3, Report::Confirmed { outcome: Outcome::Done }),
        ("the held cutover is taken back", l3, Report::TakenBack { outcome: Outcome::Done, found: None }),
    ];
    let reply = |layer, report| Reply { v: MESSAGE_VERSION, order: order_id(3), attempt: 1, layer, report };
    reports.map(|(name, layer, report)| (name.to_owned(), value(&reply(layer, report)))).to_vec()
}

pub(super) fn event() -> Value {
    value(&Event {
        relocation: RELOCATION,
        seq: 4,
        at: at(),
        service_id: request().service_id.clone(),
        status: RelocationStatus::CutoverPending,
        reservation: Some(ReservationStatus::Reserved),
        cutover: None,
        disposition: Disposition::Open,
        in_flight: false,
        outage: None,
        alarms: Vec::new(),
    })
}

pub(super) fn alarm() -> Value {
    value(&Raised {
        relocation: RELOCATION,
        service_id: Some(request().service_id.clone()),
        alarm: Alarm::ServiceDown,
        severity: Alarm::ServiceDown.severity(),
        at: at(),
        detail: "rejected: commit failed: no such VRF".to_owned(),
    })
}

pub(super) fn steered() -> Value {
    value(&Steered {
        id: MessageId("amqp:ann:5f0c".to_owned()),
        turn: Turn::Pause,
        scope: device(),
        by: By::Person { name: "ann".to_owned(), via: "amqp".to_owned(), role: Role::Admin },
        at: at(),
        reason: "line card swap".to_owned(),
    })
}

pub(super) fn answers() -> Named {
    let refused = |why| value(&Answer::Refused { relocation: RELOCATION, why });
    let errors =
        vec![FieldError { field: "new_vlan".to_owned(), problem: "is 4095, expected 1 to 4094".to_owned() }];
    vec![
        ("accepted".to_owned(), value(&Answer::Accepted { relocation: RELOCATION, version: 8 })),
        ("refused: the ticket has moved on".to_owned(), refused(WhyNot::Stale { expected: 7, is: 9 })),
        ("refused: paused".to_owned(), refused(WhyNot::Paused { scope: device() })),
        ("rejected".to_owned(), value(&Answer::Rejected(Rejection::Invalid { errors }))),
    ]
}

pub(super) fn steering_answers() -> Named {
    let turn = Turn::Pause;
    let why = NotSteered::NotAllowed { has: Some(Role::Operator), needs: Role::Admin };
    vec![
        ("accepted".to_owned(), value(&Verdict::Accepted { turn, scope: device(), at: at() })),
        ("refused".to_owned(), value(&Verdict::Refused { turn, scope: Scope::Everything, why })),
    ]
}

pub(super) fn overdue() -> Value {
    json!(value(&Envelope::overdue(order_id(3), at())))
}
