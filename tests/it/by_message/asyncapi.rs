//! What really passes is as the AsyncAPI document says: bodies, headers and properties, whatever goes wrong.

use std::process::Stdio;

use jiff::{SignedDuration, Timestamp};
use rehome_bus::{
    Amqp,
    amqp::{Options, key_of},
};
use rehome_domain::{
    CommandKind, Layer, MessageId, RelocationId, Reply, Report, Request, ReservationStatus, Role, State,
    WorkOrderId,
    action::allowed,
    event::{Alarm, Raised},
    message::{Envelope, Input},
    order::MESSAGE_VERSION,
    ports::{Bus, Outgoing},
    request::Window,
};
use rehome_testkit::{
    broker::Vhost,
    history::{behind, every_report},
    stranger::{Said, Stranger, Tap},
};
use serde_json::json;

use super::{
    document::Document,
    places::{id, moved_to, own, put, put_requests, ways},
    world::{User, World},
};
use crate::running::{repository, run};

const EXCHANGES: [&str; 6] =
    ["rehome.commands", "rehome.work", "rehome.replies", "rehome.internal", "rehome.events", "rehome.dead"];

/// A queue that gets all there is.
async fn tap(vhost: &Vhost) -> (Stranger, Tap) {
    let stranger = Stranger::connect(&vhost.url()).await;
    let tap = stranger.listen("tap-of-all", &EXCHANGES.map(|exchange| (exchange, "#"))).await;
    (stranger, tap)
}

/// Judges all that passes until a message with this id does. What begins with `bad` must not be as the document says.
async fn judge_until(document: &mut Document, tap: &mut Tap, last: &str) -> usize {
    let mut judged = 0;
    loop {
        let seen = tap.next().await;
        let id = seen.properties["message_id"].as_str().unwrap_or_default();
        let from_a_stranger = seen.exchange == "rehome.commands" && seen.key != "unknown";
        if id == last {
            return judged;
        } else if id.starts_with("bad") && from_a_stranger {
            assert!(document.objections(&seen).is_err(), "{seen:?} is as the document says, but is refused");
        } else {
            document.judge(&seen);
            judged += 1;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_with_the_shipped_fault_plan_says_nothing_that_the_document_does_not() {
    let vhost = Vhost::new();
    // Whoever taps needs the exchanges.
    Amqp::connect(Options::new(&vhost.url())).await.unwrap().shutdown().await;
    let (stranger, mut tap) = tap(&vhost).await;
    let dir = tempfile::tempdir().unwrap();
    let (sheet, plan) = (repository("examples/relocations-200.csv"), repository("examples/faults.toml"));
    let mut command = run(&sheet, dir.path(), Some(&plan));
    command.env("REHOME__BUS__KIND", "amqp").env("REHOME__AMQP__URL", vhost.url()).stderr(Stdio::piped());
    let running = tokio::task::spawn_blocking(move || command.output().unwrap());
    let mut document = Document::committed();
    let ended = async {
        let output = running.await.unwrap();
        assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
        let said = Said { message_id: Some("end".to_owned()), ..Said::default() };
        stranger.publish("rehome.dead", "end", said, &json!({})).await.unwrap();
    };
    let (judged, ()) = tokio::join!(judge_until(&mut document, &mut tap, "end"), ended);
    assert!(judged > 2000, "{judged}");
    document.has_seen("report", &["reserve", "rolled_back", "release", "cutover_l3", "cutover_l2"]);
    document.has_seen("report", &["install_rolled_back", "noticed", "inspected", "retrying"]);
}

/// A number that no ticket of a way has.
const OWN: usize = 1_000_000;

/// Puts a ticket before each state there is, and lets what leads there come in by message; then each command.
async fn everything_that_can_happen(world: &World, document: &mut Document, users: &mut Users) {
    let ways = ways();
    let befores: Vec<&[Input]> =
        ways.iter().map(|(_, way)| way.split_last().map_or(&[][..], |(_, before)| before)).collect();
    let tickets = put(world.tickets.as_ref(), &befores).await;
    world.at_work();
    let mut asked = [0, 0];
    for (n, ((_, way), ticket)) in ways.iter().zip(&tickets).enumerate() {
        let mut commands = CommandKind::ALL.to_vec();
        match way.last().map(|last| moved_to(ticket.id, last)) {
            Some(Input::Command(command)) => commands.insert(0, command.kind),
            Some(input) => send(world, vec![envelope(ticket.id, input)]).await,
            None => {}
        }
        for (nth, kind) in commands.into_iter().enumerate() {
            let body = json!({ "v": 1, "relocation": ticket.id, "reason": "to see what it says" });
            let which = if kind.is_force() { SUPERVISOR } else { OPERATOR };
            users[which].send(key_of(kind), &format!("{n}-{nth}"), &body).await;
            asked[usize::from(kind.is_force())] += 1;
        }
    }
    for (which, count) in [OPERATOR, SUPERVISOR].into_iter().zip(asked) {
        for _ in 0..count {
            document.judge(&users[which].answers.next().await);
        }
    }
}

fn envelope(relocation: RelocationId, input: Input) -> Envelope {
    match input {
        Input::Reply(reply) => Envelope::reply(reply, "done"),
        Input::Undeliverable { order } => Envelope::undeliverable(order),
        input => {
            let (cause, by) = (MessageId("the clock".to_owned()), behind(&input));
            Envelope { relocation, cause, by, input }
        }
    }
}

async fn send(world: &World, envelopes: Vec<Envelope>) {
    let domain = || Some("default".to_owned());
    let reply = |envelope: Envelope| Outgoing::Reply(envelope.in_domain(domain()).into());
    let messages = envelopes.into_iter().map(reply).collect();
    world.amqp.send(messages).await.unwrap();
}

/// What configurators may say at all, here to a ticket that no longer listens; and one reply that came too early.
async fn every_word_of_configurators(world: &World) {
    let order = |n, seq| WorkOrderId { relocation: id(n), seq, index: 0 };
    let reply = |order, report| Reply { v: MESSAGE_VERSION, order, attempt: 1, layer: Layer::L2, report };
    let words = every_report().into_iter().enumerate();
    let all = words.map(|(n, report)| Envelope::reply(reply(order(0, 1), report), &format!("word {n}")));
    send(world, all.collect()).await;
    send(world, vec![Envelope::reply(reply(order(0, 999), Report::Noticed), "too early")]).await;
    let elsewhere = Envelope::reply(reply(order(0, 1), Report::Noticed), "of another domain");
    let elsewhere = elsewhere.in_domain(Some("vendor-x".to_owned()));
    world.amqp.send(vec![Outgoing::Reply(elsewhere.into())]).await.unwrap();
}

/// The alarms that no row raises.
async fn rare_alarms(world: &World) {
    let until = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(1);
    let window = Some(Window { start: Timestamp::UNIX_EPOCH, end: until });
    let reserved =
        |state: &State| state.reservation == Some(ReservationStatus::Reserved) && !state.in_flight();
    let way = ways().into_iter().find(|(state, _)| reserved(state)).unwrap().1;
    let request = Request { window, ..own(OWN + 10) };
    let ticket = put_requests(world.tickets.as_ref(), vec![(OWN + 10, request, &way)]).await.remove(0);
    send(world, vec![envelope(ticket.id, Input::WindowOpened)]).await;
    let way = ways().into_iter().find(|(state, _)| state.in_flight()).unwrap().1;
    let out = vec![(OWN + 11, own(OWN + 11), way.as_slice())];
    let out = put_requests(world.tickets.as_ref(), out).await.remove(0);
    let order = Layer::ALL.into_iter().find_map(|layer| out.out(layer)).unwrap().awaited().id;
    send(world, vec![Envelope::undeliverable(order)]).await;
    world
        .amqp
        .send(vec![Outgoing::Alarm(Raised {
            relocation: ticket.id,
            service_id: None,
            alarm: Alarm::Quarantined,
            severity: Alarm::Quarantined.severity(),
            at: until,
            detail: "entry 3 can't be read".to_owned(),
        })])
        .await
        .unwrap();
}

/// What only words of their own bring about.
async fn every_refusal(world: &World, document: &mut Document, users: &mut Users) {
    let n = OWN;
    let submission = |n: usize| json!({ "v": 1, "relocation": id(n), "request": own(n) });
    let cancel = |n: usize| json!({ "v": 1, "relocation": id(n), "reason": "no need" });
    let deploy = |n: usize| json!({ "v": 1, "relocation": id(n) });
    let held = json!({ "v": 1, "relocation": id(n + 1), "request": own(n) });
    let mut crooked = submission(n + 2);
    crooked["request"]["new"]["vlan"] = json!(4095);
    let mut stale = cancel(n);
    stale["expected_version"] = json!(99);
    let pause = json!({ "v": 1, "scope": "everything", "reason": "works" });
    // It failed and holds nothing any more; meanwhile another one takes its place.
    let free = |state: &State| {
        allowed(state, CommandKind::RetryReservation).is_ok()
            && !state.needs_lock()
            && state.reservation.is_some()
    };
    let way = ways().into_iter().find(|(state, _)| free(state)).unwrap().1;
    put_requests(world.tickets.as_ref(), vec![(n + 20, own(n + 20), &way)]).await;
    let taken = json!({ "v": 1, "relocation": id(n + 21), "request": own(n + 20) });
    world.tickets.quarantine(id(n + 10), "a test sets it aside".to_owned()).await.unwrap();
    let said = [
        (OPERATOR, "order.submit", "s1", submission(n)),
        (OPERATOR, "order.submit", "s2", submission(n)),
        (OPERATOR, "order.submit", "s3", held),
        (OPERATOR, "order.submit", "bad-s4", crooked),
        (VIEWER, "order.submit", "s5", submission(n + 3)),
        (VIEWER, "cancel", "c1", cancel(n)),
        (OPERATOR, "cancel", "c2", cancel(n + 4)),
        (OPERATOR, "cancel", "c3", stale),
        (OPERATOR, "cancel", "bad-c4", deploy(n)),
        (OPERATOR, "cancel", "c5", cancel(n + 10)),
        (OPERATOR, "order.submit", "s6", taken),
        (OPERATOR, "retry.reservation", "r1", deploy(n + 20)),
        (OPERATOR, "steer.pause", "p1", pause.clone()),
        (ADMIN, "steer.pause", "p2", pause.clone()),
        (OPERATOR, "deploy.reservation", "d1", deploy(n)),
        (ADMIN, "steer.resume", "p3", pause.clone()),
        (ADMIN, "steer.resume", "p4", pause.clone()),
        (ADMIN, "steer.drain", "p5", pause.clone()),
        (ADMIN, "steer.resume", "p6", pause),
    ];
    for (which, key, message, body) in said {
        users[which].send(key, message, &body).await;
        document.judge(&users[which].answers.next().await);
    }
    let admin = &users[ADMIN];
    let nameless = Said { user_id: None, reply_to: None, ..admin.said("bad-nameless") };
    admin.publish("cancel", nameless, &cancel(n)).await.unwrap();
    let unread = json!({ "v": 1, "relocation": 7 });
    admin.publish("cancel", admin.said("bad-unread"), &unread).await.unwrap();
    world.dead_letter(|letter| letter.reason.contains("`relocation`")).await;
    world.dead_letter(|letter| letter.reason.contains("has never sent")).await;
    world.dead_letter(|letter| letter.reason.contains("no domain can answer for another")).await;
}

/// One of each role.
type Users = [User; 4];
const VIEWER: usize = 0;
const OPERATOR: usize = 1;
const SUPERVISOR: usize = 2;
const ADMIN: usize = 3;

#[tokio::test(flavor = "multi_thread")]
async fn every_report_alarm_refusal_and_answer_there_can_be_passes_as_the_document_says() {
    let world = World::new().await;
    let (stranger, mut tap) = tap(&world.vhost).await;
    let mut document = Document::committed();
    let mut users = [
        world.user(Role::Viewer).await,
        world.user(Role::Operator).await,
        world.user(Role::Supervisor).await,
        world.user(Role::Admin).await,
    ];
    everything_that_can_happen(&world, &mut document, &mut users).await;
    every_word_of_configurators(&world).await;
    rare_alarms(&world).await;
    every_refusal(&world, &mut document, &mut users).await;
    let said = Said { message_id: Some("end".to_owned()), ..Said::default() };
    stranger.publish("rehome.dead", "end", said, &json!({})).await.unwrap();
    judge_until(&mut document, &mut tap, "end").await;

    document.seen.insert("dead_letter".to_owned());
    assert_eq!(document.seen, document.all());
    document.has_seen(
        "report",
        &[
            "reserve",
            "rolled_back",
            "release",
            "cutover_l3",
            "cutover_refused",
            "cutover_l2",
            "install_rolled_back",
            "noticed",
            "inspected",
            "retrying",
        ],
    );
    document.has_seen(
        "alarm",
        &[
            "l3_rollback_failed",
            "l2_rollback_failed",
            "install_rollback_failed",
            "old_place_left",
            "service_down",
            "cutover_broken",
            "l2_cutover_failed",
            "cutover_unknown",
            "undeliverable",
            "notice_unread",
            "window_missed",
            "quarantined",
        ],
    );
    document.has_seen(
        "why_not",
        &[
            "closed",
            "in_flight",
            "wrong_status",
            "rollback",
            "cancelling",
            "needs_reason",
            "not_allowed",
            "stale",
            "exists",
            "paused",
            "held",
            "not_paused",
        ],
    );
    document.has_seen("rejected", &["invalid", "not_allowed", "held", "no_such_ticket", "quarantined"]);
    document.has_seen("kind", &["reserve", "release", "cutover", "rollback_install", "notice", "inspect"]);
}
