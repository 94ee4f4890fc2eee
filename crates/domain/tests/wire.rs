//! What goes over the wire comes back as it was, and looks as other systems were told it looks.
#![allow(clippy::unwrap_used)]

use std::{fmt::Debug, sync::Arc};

use jiff::Timestamp;
use rehome_domain::{
    Command, CommandKind, Layer, MessageId, OrderKind, RelocationId, Reply, Report, Request, WorkOrder,
    WorkOrderId,
    action::WhyNot,
    command::By,
    event::{Alarm, Event, Raised},
    message::{Answer, Envelope, Input, Rejection},
    order::{Dispatch, MESSAGE_VERSION},
    plan::{SeenPlan, SpotHeld},
    ports::DeadLetter,
    reply::{Failure, Outcome, Reason},
    request::FieldError,
    role::Role,
    state::{State, Work},
    status::{Disposition, Side},
    steering::{NotSteered, Scope, Turn, Verdict},
    trace::Trace,
};
use rehome_testkit::history::{self, OTHER, RELOCATION, START};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, from_value, json, to_value};

fn comes_back<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) {
    let text = serde_json::to_string(value).unwrap();
    let back: Result<T, _> = serde_json::from_str(&text);
    assert_eq!(back.as_ref().ok(), Some(value), "{text}: {back:?}");
    // A bus may parse a body before it knows its type.
    assert_eq!(&from_value::<T>(to_value(value).unwrap()).unwrap(), value, "{text}");
}

const ORDER: WorkOrderId = WorkOrderId { relocation: RELOCATION, seq: u64::MAX, index: 7 };

fn expected() -> SpotHeld {
    SpotHeld { spot: history::request().old.l3(), held: None }
}

fn reply(report: Report) -> Reply {
    Reply { v: MESSAGE_VERSION, order: ORDER, attempt: 3, layer: Layer::L2, report }
}

fn envelope(input: Input) -> Envelope {
    Envelope {
        relocation: RELOCATION,
        cause: MessageId("m-1".to_owned()),
        by: history::behind(&input),
        input,
    }
}

#[test]
fn every_report_comes_back_in_a_reply_and_in_an_envelope() {
    for report in history::every_report() {
        comes_back(&report);
        comes_back(&reply(report.clone()));
        comes_back(&envelope(Input::Reply(reply(report))));
    }
}

#[test]
fn every_reason_comes_back_and_an_unknown_one_is_read_as_other() {
    for reason in Reason::ALL {
        comes_back(&reason);
        assert_eq!(to_value(reason).unwrap(), json!(reason.wire()));
        for outcome in [history::failed(reason), Outcome::Done] {
            comes_back(&reply(Report::Reserve {
                outcome: outcome.clone(),
                rollback: Some(history::failed(reason)),
            }));
            comes_back(&reply(Report::CutoverL3 {
                teardown: outcome.clone(),
                install: outcome,
                during: None,
                held_until: None,
            }));
        }
    }
    let from_the_future = json!({
        "v": 1, "order": ORDER.to_string(), "attempt": 1, "layer": "l2",
        "report": "reserve", "outcome": "failed", "reason": "out_of_vlans", "text": "no tag left",
    });
    let expected = Failure { reason: Reason::Other, text: "no tag left".to_owned() };
    let read: Reply = from_value(from_the_future).unwrap();
    assert_eq!(read.report, Report::Reserve { outcome: Outcome::Failed(expected), rollback: None });
}

#[test]
fn a_reply_may_carry_more_than_this_version_knows() {
    let mut newer = to_value(reply(Report::Release { outcome: Outcome::Done })).unwrap();
    newer["firmware"] = json!("22.4R3");
    assert_eq!(from_value::<Reply>(newer).unwrap(), reply(Report::Release { outcome: Outcome::Done }));
}

#[test]
fn every_other_input_comes_back_in_its_envelope() {
    let mut inputs = vec![
        Input::Submitted { request: Arc::new(history::windowed_request()) },
        Input::Overdue { order: ORDER },
        Input::Undeliverable { order: ORDER },
        Input::WindowOpened,
        Input::Resumed,
    ];
    for kind in CommandKind::ALL {
        inputs.push(Input::Command(Command::plain(kind)));
        inputs.push(Input::Command(Command {
            kind,
            reason: "told to".to_owned(),
            expected_version: Some(7),
            plan: Some(Box::new(SeenPlan { fingerprint: "f".to_owned(), expected: vec![expected()] })),
        }));
        assert_eq!(to_value(kind).unwrap(), json!(kind.wire()));
    }
    for input in inputs {
        comes_back(&input);
        comes_back(&envelope(input));
    }
}

#[test]
fn every_sender_comes_back() {
    for by in [history::person(), By::Configurator { layer: Layer::L3, domain: None }, By::Timer, By::System]
    {
        comes_back(&by);
    }
}

#[test]
fn every_kind_of_order_comes_back_for_either_layer() {
    let qinq = |request: Request| {
        let mut request = request;
        request.new.inner_vlan = Some(42);
        request.vrf = Some("blue".to_owned());
        request.external_id = Some("WO-2026-7".to_owned());
        Arc::new(request)
    };
    for request in [Arc::new(history::request()), qinq(history::windowed_request())] {
        comes_back(request.as_ref());
        for layer in Layer::ALL {
            for kind in OrderKind::ALL {
                let about = (kind == OrderKind::Inspect).then_some(ORDER);
                let dispatch = Dispatch {
                    id: ORDER,
                    layer,
                    kind,
                    attempt: 2,
                    deadline: START,
                    about,
                    expected: vec![expected()],
                };
                comes_back(&dispatch);
                comes_back(&WorkOrder::new(&dispatch, &request));
                assert_eq!(
                    (to_value(layer).unwrap(), to_value(kind).unwrap()),
                    (json!(layer.wire()), json!(kind.wire()))
                );
            }
        }
    }
}

#[test]
fn every_answer_comes_back() {
    let refusals = [
        WhyNot::Closed { disposition: Disposition::Forced },
        WhyNot::InFlight { layer: Layer::L2, work: Work::RollingBack },
        WhyNot::WrongStatus {
            command: CommandKind::Cancel,
            field: "cutover".to_owned(),
            is: "l3_cut_over".to_owned(),
            needs: vec!["unset".to_owned()],
        },
        WhyNot::Rollback { command: CommandKind::RetryRollback },
        WhyNot::Cancelling,
        WhyNot::AnothersPlan,
        WhyNot::DriftNeedsReason,
        WhyNot::NeedsReason { command: CommandKind::Cancel },
        WhyNot::Stale { expected: 3, is: 4 },
        WhyNot::Exists,
        WhyNot::Held { by: OTHER },
    ];
    let rejections = [
        Rejection::Invalid {
            errors: vec![FieldError { field: "new_vlan".to_owned(), problem: "is 0".to_owned() }],
        },
        Rejection::Held { by: OTHER },
        Rejection::NoSuchTicket { relocation: OTHER },
        Rejection::Quarantined { relocation: OTHER, reason: "entry 3 is missing".to_owned() },
        Rejection::UnknownOrder { order: ORDER },
    ];
    comes_back(&Answer::Accepted { relocation: RELOCATION, version: 9 });
    for why in refusals {
        comes_back(&Answer::Refused { relocation: RELOCATION, why });
    }
    for rejection in rejections {
        comes_back(&Answer::Rejected(rejection));
    }
    for why in [
        NotSteered::NotAllowed { has: Some(Role::Operator), needs: Role::Admin },
        NotSteered::NotAllowed { has: None, needs: Role::Admin },
        NotSteered::NeedsReason,
        NotSteered::NotPaused,
    ] {
        let scope = Scope::Domain { name: "north".to_owned() };
        comes_back(&Answer::Steering(Verdict::Refused { turn: Turn::Resume, scope, why }));
    }
    let (turn, scope) = (Turn::Pause, Scope::Everything);
    comes_back(&Answer::Steering(Verdict::Accepted { turn, scope, at: START }));
}

#[test]
fn events_alarms_and_dead_letters_come_back() {
    let mut play = history::Play::submit(history::request()).unwrap();
    play.put(history::command(CommandKind::Cancel));
    comes_back(&play.ticket.event(&[]));
    comes_back(&play.ticket.event(&[Alarm::ServiceDown, Alarm::WindowMissed]));
    comes_back(&Raised {
        relocation: RELOCATION,
        service_id: None,
        alarm: Alarm::Quarantined,
        severity: Alarm::Quarantined.severity(),
        at: START,
        detail: "entry 3 is missing".to_owned(),
    });
    comes_back(&DeadLetter {
        id: MessageId("m-1".to_owned()),
        at: START,
        origin: "commands".to_owned(),
        key: Some("order.submit".to_owned()),
        by: Some(By::Nobody { via: "amqp".to_owned() }),
        trace: Trace::read("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", Some("x=1")),
        reason: "not JSON".to_owned(),
        body: "\u{0}{".to_owned(),
    });
}

#[test]
fn every_state_comes_back() {
    for ticket in rehome_testkit::enumerate::reachable(history::request()) {
        comes_back(&ticket.state);
        comes_back(&ticket);
    }
    let sides = [Side::None, Side::Pending, Side::Done, Side::Failed].map(|side| to_value(side).unwrap());
    assert_eq!(sides, ["none", "pending", "done", "failed"].map(Value::from));
    comes_back(&State::SUBMITTED);
}

#[test]
fn a_command_with_a_field_nobody_knows_is_not_read() {
    let typo = json!({"kind": "cancel", "reson": "typo"});
    assert!(from_value::<Command>(typo).is_err());
    let mut request = to_value(history::request()).unwrap();
    request["descripton"] = json!("typo");
    assert!(from_value::<Request>(request).is_err());
}

/// Other people's configurators read and write these: a change here is a new message version.
#[test]
fn messages_look_as_documented() {
    let id = "00000000-0000-0000-0000-000000007e57";
    let order = WorkOrderId { relocation: RELOCATION, seq: 4, index: 1 };
    let reply = |report| to_value(Reply { v: 1, order, attempt: 1, layer: Layer::L3, report }).unwrap();
    let base = |rest: Value| {
        let mut all = json!({"v": 1, "order": format!("{id}:4:1"), "attempt": 1, "layer": "l3"});
        all.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        all
    };
    let no = json!({"outcome": "failed", "reason": "rejected", "text": "the device said no"});
    assert_eq!(
        reply(Report::Reserve { outcome: Outcome::Done, rollback: None }),
        base(json!({"report": "reserve", "outcome": "done"}))
    );
    assert_eq!(
        reply(Report::Reserve { outcome: history::failed(Reason::Rejected), rollback: Some(Outcome::Done) }),
        base(json!({
            "report": "reserve", "outcome": "failed", "reason": "rejected", "text": "the device said no",
            "rollback": {"outcome": "done"},
        }))
    );
    assert_eq!(
        reply(Report::CutoverL3 {
            teardown: Outcome::Done,
            install: history::failed(Reason::Rejected),
            during: None,
            held_until: None,
        }),
        base(json!({"report": "cutover_l3", "teardown": {"outcome": "done"}, "install": no}))
    );
    assert_eq!(
        reply(history::retrying(2)),
        base(json!({
            "report": "retrying", "tried": 2, "next_at": "1970-01-01T00:00:02Z",
            "failure": {"reason": "locked", "text": "the device said no"},
        }))
    );
    let cause = MessageId("m-1".to_owned());
    let cancel = Command {
        kind: CommandKind::Cancel,
        reason: "by mistake".to_owned(),
        expected_version: Some(3),
        plan: None,
    };
    let envelope =
        Envelope { relocation: RELOCATION, cause, by: history::person(), input: Input::Command(cancel) };
    assert_eq!(
        to_value(envelope).unwrap(),
        json!({
            "relocation": id, "cause": "m-1", "by": {"who": "person", "name": "operator", "via": "plan", "role": "supervisor"},
            "input": "command", "kind": "cancel", "reason": "by mistake", "expected_version": 3,
        })
    );
}

#[test]
fn ids_are_written_and_read_the_same_way_everywhere() {
    comes_back(&ORDER);
    comes_back(&RELOCATION);
    assert_eq!(ORDER.to_string().parse::<WorkOrderId>().unwrap(), ORDER);
    assert_eq!(RELOCATION.to_string().parse::<RelocationId>().unwrap(), RELOCATION);
    for bad in [
        "",
        "x:1:1",
        "00000000-0000-0000-0000-000000007e57:1",
        "00000000-0000-0000-0000-000000007e57:1:1:1",
        "00000000-0000-0000-0000-000000007e57:1:256",
    ] {
        assert_eq!(bad.parse::<WorkOrderId>().unwrap_err().0, bad);
    }
    let deadline = Timestamp::UNIX_EPOCH;
    assert_eq!(Envelope::overdue(ORDER, deadline).cause, ORDER.answer("overdue:0"));
}

#[test]
fn an_event_says_where_the_ticket_stands() {
    let play = history::Play::submit(history::request()).unwrap();
    let event: Event = play.ticket.event(&[]);
    assert_eq!((event.seq, event.in_flight, event.status), (1, true, play.ticket.state.relocation));
}
