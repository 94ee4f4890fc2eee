//! The contract of [`Bus`].

use std::{collections::HashSet, sync::Arc, time::Duration};

use rehome_domain::{
    command::{By, Command, CommandKind},
    event::{Alarm, Raised},
    id::{MessageId, RelocationId, WorkOrderId},
    message::{Answer, Envelope, Input},
    order::{Dispatch, Layer, OrderKind, WorkOrder},
    ports::{Answered, Bus, Delivery, Events, Heard, Incoming, Inputs, Outgoing, ReplyTo, Wish},
    reply::{Outcome, Reply, Report},
    role::Role,
    steering::{Scope, Steer, Steered, Turn},
    trace::Trace,
};
use uuid::Uuid;

use super::{Case, cases};
use crate::history::{START, request};

type OneBus = Arc<dyn Bus>;

/// What every [`Bus`] must do.
pub const CASES: &[Case<dyn Bus>] = cases![
    inputs_come_out_as_they_went_in,
    each_queue_keeps_its_order,
    nothing_is_lost_or_doubled,
    commands_that_begin_work_wait_while_they_are_not_wanted_and_what_sends_nothing_does_not,
    a_batch_is_no_larger_than_asked,
    a_wait_that_is_dropped_loses_nothing,
    competing_consumers_share_the_work_and_each_order_goes_to_one,
    each_layer_gets_its_own_orders,
    events_and_alarms_reach_every_listener_in_order,
    wishes_to_steer_come_out_as_they_went_in_and_what_was_steered_is_heard,
    an_answer_reaches_its_asker_and_nobody_else,
    an_answer_to_somebody_who_has_left_holds_nobody_up,
    a_trace_goes_along_with_its_message,
    depths_count_the_messages_that_nobody_has_taken,
    a_closed_bus_ends_its_consumers,
];

/// Long enough for any broker; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(30);

/// Waits, but not for ever.
///
/// # Panics
/// If it takes too long.
pub async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what).await.expect("it takes too long")
}

/// The n-th relocation.
#[must_use]
pub fn relocation(n: u64) -> RelocationId {
    RelocationId(Uuid::from_u64_pair(0x7265_686f_6d65_7000, n))
}

/// Which one it is.
#[must_use]
pub fn number(relocation: RelocationId) -> u64 {
    relocation.0.as_u64_pair().1
}

/// Its first order.
#[must_use]
pub fn order_id(n: u64) -> WorkOrderId {
    WorkOrderId { relocation: relocation(n), seq: 1, index: 0 }
}

/// A command for the n-th relocation.
#[must_use]
pub fn command(n: u64, kind: CommandKind) -> Incoming {
    let by = By::Person { name: "test".to_owned(), via: "cli".to_owned(), role: Role::Admin };
    let cause = MessageId(format!("m{n}"));
    Envelope { relocation: relocation(n), cause, by, input: Input::Command(Command::plain(kind)) }.into()
}

/// The submission of the n-th relocation.
#[must_use]
pub fn submission(n: u64) -> Incoming {
    let by = By::Person { name: "test".to_owned(), via: "cli".to_owned(), role: Role::Operator };
    let input = Input::Submitted { request: Arc::new(request()) };
    Envelope { relocation: relocation(n), cause: MessageId(format!("m{n}")), by, input }.into()
}

/// The domain that answers for it.
pub const DOMAIN: &str = "default";

/// A reply for the n-th relocation.
#[must_use]
pub fn reply(n: u64) -> Incoming {
    let report = Report::Release { outcome: Outcome::Done };
    let reply = Reply { v: 1, order: order_id(n), attempt: 1, layer: Layer::L3, report };
    Envelope::reply(reply, "done").in_domain(Some(DOMAIN.to_owned())).into()
}

/// An order for the n-th relocation.
#[must_use]
pub fn order(n: u64, layer: Layer) -> WorkOrder {
    let dispatch = Dispatch {
        id: order_id(n),
        layer,
        kind: OrderKind::Release,
        attempt: 1,
        deadline: START,
        about: None,
        expected: Vec::new(),
    };
    WorkOrder::new(&dispatch, &Arc::new(request()))
}

fn alarm(n: u64) -> Raised {
    Raised {
        relocation: relocation(n),
        service_id: Some(format!("S-{n}")),
        alarm: Alarm::ServiceDown,
        severity: Alarm::ServiceDown.severity(),
        at: START,
        detail: String::new(),
    }
}

fn asked_by(queue: &str, correlation: &str) -> ReplyTo {
    ReplyTo { queue: queue.to_owned(), correlation: MessageId(correlation.to_owned()) }
}

async fn send(bus: &OneBus, messages: Vec<Outgoing>) {
    soon(bus.send(messages)).await.unwrap();
}

/// Takes and acknowledges so many inputs.
///
/// # Panics
/// If the bus ends before.
pub async fn take(inputs: &mut dyn Inputs, count: usize) -> Vec<Incoming> {
    let acks = inputs.acks();
    let mut taken = Vec::new();
    while taken.len() < count {
        let batch = soon(inputs.next(count - taken.len(), true)).await.expect("it is open");
        acks.ack(batch.iter().map(|delivery| delivery.tag).collect()).await.unwrap();
        taken.extend(batch.into_iter().map(|delivery| delivery.message));
    }
    taken
}

fn numbers(taken: &[Incoming]) -> Vec<u64> {
    taken.iter().map(|incoming| number(incoming.envelope.relocation)).collect()
}

async fn inputs_come_out_as_they_went_in(bus: OneBus) {
    let cancel = Input::Command(Command {
        kind: CommandKind::Cancel,
        reason: "客户撤单".to_owned(),
        expected_version: Some(7),
        plan: None,
    });
    let mut nobody = command(3, CommandKind::RetryRollback);
    nobody.envelope.by = By::Nobody { via: "http".to_owned() };
    let mut cancelled = command(2, CommandKind::Cancel);
    cancelled.envelope.input = cancel;
    let put_back = Incoming { early: 3, ..reply(4) };
    let by_the_clock = Incoming::from(Envelope::overdue(order_id(5), START));
    let undeliverable = Incoming::from(Envelope::undeliverable(order_id(6)));
    let sent = [submission(1), cancelled, nobody, put_back, by_the_clock, undeliverable, reply(7)];
    let mut inputs = bus.inputs();
    for incoming in &sent {
        let people = matches!(incoming.envelope.input, Input::Submitted { .. } | Input::Command(_));
        let message = incoming.clone();
        send(&bus, vec![if people { Outgoing::Command(message) } else { Outgoing::Reply(message) }]).await;
        assert_eq!(take(&mut *inputs, 1).await.first(), Some(incoming));
    }
}

async fn each_queue_keeps_its_order(bus: OneBus) {
    let commands = (0..200).map(|n| Outgoing::Command(command(n, CommandKind::DeployCutover)));
    let replies = (200..400).map(|n| Outgoing::Reply(reply(n)));
    send(&bus, commands.zip(replies).flat_map(|(command, reply)| [command, reply]).collect()).await;
    let taken = take(&mut *bus.inputs(), 400).await;
    let (commands, replies): (Vec<u64>, Vec<u64>) = numbers(&taken).into_iter().partition(|n| *n < 200);
    assert_eq!(commands, (0..200).collect::<Vec<_>>());
    assert_eq!(replies, (200..400).collect::<Vec<_>>());

    let mut work = bus.work(Layer::L3);
    let acks = work.acks();
    send(&bus, (0..200).map(|n| Outgoing::Order(order(n, Layer::L3))).collect()).await;
    for n in 0..200 {
        let Delivery { message, tag, .. } = soon(work.next()).await.unwrap();
        assert_eq!(message, order(n, Layer::L3));
        acks.ack(vec![tag]).await.unwrap();
    }
}

async fn nothing_is_lost_or_doubled(bus: OneBus) {
    const SENDERS: u64 = 8;
    const EACH: u64 = 250;
    let sending = (0..SENDERS).map(|sender| {
        let bus = Arc::clone(&bus);
        tokio::spawn(async move {
            for batch in 0..EACH / 50 {
                let first = sender * EACH + batch * 50;
                let messages = (first..first + 50).map(|n| Outgoing::Reply(reply(n))).collect();
                send(&bus, messages).await;
            }
        })
    });
    let sending: Vec<_> = sending.collect();
    let mut inputs = bus.inputs();
    let taken = take(&mut *inputs, usize::try_from(SENDERS * EACH).unwrap()).await;
    for sender in sending {
        sender.await.unwrap();
    }
    let distinct: HashSet<u64> = numbers(&taken).into_iter().collect();
    assert_eq!(distinct.len(), taken.len(), "none came twice");
    // Something sent after them all is next: nothing more was left.
    send(&bus, vec![Outgoing::Reply(reply(9999))]).await;
    assert_eq!(numbers(&take(&mut *inputs, 1).await), [9999]);
}

async fn commands_that_begin_work_wait_while_they_are_not_wanted_and_what_sends_nothing_does_not(
    bus: OneBus,
) {
    let mut inputs = bus.inputs();
    send(
        &bus,
        vec![
            Outgoing::Command(submission(1)),
            Outgoing::Command(command(2, CommandKind::DeployReservation)),
            Outgoing::Command(command(3, CommandKind::DeployCutover)),
        ],
    )
    .await;
    let others = [CommandKind::ForceReservation, CommandKind::ForceCompletion];
    let acks = inputs.acks();
    for (n, kind) in (10..).zip(others) {
        send(&bus, vec![Outgoing::Command(command(n, kind)), Outgoing::Reply(reply(n))]).await;
        for _ in 0..2 {
            let taken = soon(inputs.next(1, false)).await.unwrap();
            assert_eq!(number(taken[0].message.envelope.relocation), n);
            acks.ack(vec![taken[0].tag]).await.unwrap();
        }
    }
    assert_eq!(numbers(&take(&mut *inputs, 3).await), [1, 2, 3]);
}

async fn a_batch_is_no_larger_than_asked(bus: OneBus) {
    let mut inputs = bus.inputs();
    send(&bus, (0..100).map(|n| Outgoing::Reply(reply(n))).collect()).await;
    let acks = inputs.acks();
    let mut taken = 0;
    while taken < 100 {
        let batch = soon(inputs.next(7, true)).await.unwrap();
        assert!((1..=7).contains(&batch.len()));
        taken += batch.len();
        acks.ack(batch.iter().map(|delivery| delivery.tag).collect()).await.unwrap();
    }
}

async fn a_wait_that_is_dropped_loses_nothing(bus: OneBus) {
    let mut inputs = bus.inputs();
    let sending = {
        let bus = Arc::clone(&bus);
        tokio::spawn(async move {
            for n in 0..200 {
                send(&bus, vec![Outgoing::Reply(reply(n))]).await;
            }
        })
    };
    let acks = inputs.acks();
    let mut taken = Vec::new();
    while taken.len() < 200 {
        // Each wait is dropped as soon as something else is ready, which is at once.
        let batch = tokio::select! {
            biased;
            batch = inputs.next(3, true) => batch.unwrap(),
            () = tokio::task::yield_now() => continue,
        };
        acks.ack(batch.iter().map(|delivery| delivery.tag).collect()).await.unwrap();
        taken.extend(batch.into_iter().map(|delivery| delivery.message));
    }
    sending.await.unwrap();
    assert_eq!(numbers(&taken), (0..200).collect::<Vec<_>>());
}

async fn competing_consumers_share_the_work_and_each_order_goes_to_one(bus: OneBus) {
    let takers = (0..2).map(|_| {
        let mut work = bus.work(Layer::L2);
        tokio::spawn(async move {
            let acks = work.acks();
            let mut taken = Vec::new();
            while let Some(Delivery { message, tag, .. }) = work.next().await {
                if message.id.seq == u64::MAX {
                    break;
                }
                taken.push(number(message.relocation));
                acks.ack(vec![tag]).await.unwrap();
                tokio::task::yield_now().await;
            }
            taken
        })
    });
    let takers: Vec<_> = takers.collect();
    send(&bus, (0..500).map(|n| Outgoing::Order(order(n, Layer::L2))).collect()).await;
    // One for each to stop at, and as many again for whoever was quicker: they are left unacknowledged.
    let mut last = order(9999, Layer::L2);
    last.id.seq = u64::MAX;
    let mut taken = Vec::new();
    send(&bus, vec![Outgoing::Order(last.clone()), Outgoing::Order(last)]).await;
    for taker in takers {
        taken.extend(soon(taker).await.unwrap());
    }
    taken.sort_unstable();
    assert_eq!(taken, (0..500).collect::<Vec<_>>());
}

async fn each_layer_gets_its_own_orders(bus: OneBus) {
    let messages = (0..20).flat_map(|n| Layer::ALL.map(|layer| Outgoing::Order(order(n, layer))));
    send(&bus, messages.collect()).await;
    for layer in Layer::ALL {
        let mut work = bus.work(layer);
        let acks = work.acks();
        for n in 0..20 {
            let Delivery { message, tag, .. } = soon(work.next()).await.unwrap();
            assert_eq!((message.layer, number(message.relocation)), (layer, n));
            acks.ack(vec![tag]).await.unwrap();
        }
    }
}

async fn events_and_alarms_reach_every_listener_in_order(bus: OneBus) {
    async fn hear(events: &mut dyn Events, count: u64) {
        for n in 0..count {
            assert_eq!(soon(events.next()).await, Some(Heard::Alarm(alarm(n))));
        }
    }
    let (mut one, mut other) = (bus.events(), bus.events());
    send(&bus, (0..100).map(|n| Outgoing::Alarm(alarm(n))).collect()).await;
    hear(&mut *one, 100).await;
    hear(&mut *other, 100).await;
}

async fn wishes_to_steer_come_out_as_they_went_in_and_what_was_steered_is_heard(bus: OneBus) {
    let (mut wishes, mut events) = (bus.steering(), bus.events());
    let acks = wishes.acks();
    let scopes = [
        Scope::Everything,
        Scope::Domain { name: "north".to_owned() },
        Scope::Device { name: "gw-1".to_owned() },
    ];
    let turns = Turn::WISHES;
    for n in 0..turns.len() * scopes.len() {
        let by = By::Person { name: "test".to_owned(), via: "cli".to_owned(), role: Role::Admin };
        let (turn, scope) = (turns[n % turns.len()], scopes[n % scopes.len()].clone());
        let (id, reason) = (MessageId(format!("w{n}")), "works".to_owned());
        let steer = Steer { id, turn, scope, by, reason };
        let wish = Wish { steer: steer.clone(), reply_to: Some(asked_by("asker", "question")) };
        send(&bus, vec![Outgoing::Steer(wish)]).await;
        let Delivery { message, tag, .. } = soon(wishes.next()).await.unwrap();
        assert_eq!(message.steer, steer);
        assert_eq!(message.reply_to.unwrap().correlation, MessageId("question".to_owned()));
        acks.ack(vec![tag]).await.unwrap();
        let Steer { id, turn, scope, by, reason } = steer;
        let line = Steered { id, turn, scope, by, at: START, reason };
        send(&bus, vec![Outgoing::Steered(line.clone())]).await;
        assert_eq!(soon(events.next()).await, Some(Heard::Steered(line)));
    }
}

async fn an_answer_reaches_its_asker_and_nobody_else(bus: OneBus) {
    let (mut mine, mut theirs) = (bus.answers("mine"), bus.answers("theirs"));
    let mut inputs = bus.inputs();
    let mut question = command(1, CommandKind::DeployCutover);
    question.reply_to = Some(asked_by("mine", "question 1"));
    send(&bus, vec![Outgoing::Command(question)]).await;
    let asked = take(&mut *inputs, 1).await.remove(0);
    let to = asked.reply_to.expect("who asked comes with the question");
    let answer = Answer::Accepted { relocation: relocation(1), version: 1 };
    send(&bus, vec![Outgoing::Answer(Answered { to, answer: answer.clone() })]).await;
    let told = soon(mine.next()).await.unwrap();
    assert_eq!(told, Answered { to: asked_by("mine", "question 1"), answer: answer.clone() });

    let to = asked_by("theirs", "question 2");
    send(&bus, vec![Outgoing::Answer(Answered { to: to.clone(), answer: answer.clone() })]).await;
    assert_eq!(soon(theirs.next()).await, Some(Answered { to, answer }), "the first answer was not for them");
}

async fn an_answer_to_somebody_who_has_left_holds_nobody_up(bus: OneBus) {
    drop(bus.answers("gone"));
    let answer = Answer::Accepted { relocation: relocation(1), version: 1 };
    for to in [asked_by("gone", "1"), asked_by("never there", "2")] {
        send(&bus, vec![Outgoing::Answer(Answered { to, answer: answer.clone() })]).await;
    }
}

async fn a_closed_bus_ends_its_consumers(bus: OneBus) {
    let (mut inputs, mut work, mut dead) = (bus.inputs(), bus.work(Layer::L3), bus.dead());
    // Both are at work when it happens.
    send(&bus, vec![Outgoing::Reply(reply(1)), Outgoing::Order(order(1, Layer::L3))]).await;
    take(&mut *inputs, 1).await;
    work.acks().ack(vec![soon(work.next()).await.unwrap().tag]).await.unwrap();
    let mut wishes = bus.steering();
    let waiting = tokio::spawn(async move {
        assert!(inputs.next(1, true).await.is_none());
        assert!(inputs.next(1, false).await.is_none(), "and stay so");
        assert!(work.next().await.is_none());
        assert!(dead.next().await.is_none());
        assert!(wishes.next().await.is_none());
    });
    tokio::task::yield_now().await;
    bus.close();
    soon(waiting).await.unwrap();
}

async fn depths_count_the_messages_that_nobody_has_taken(bus: OneBus) {
    let orders = (1..=3).map(|n| Outgoing::Order(order(n, Layer::L2)));
    bus.send(orders.collect()).await.unwrap();
    bus.send(vec![Outgoing::Command(submission(1)), Outgoing::Reply(reply(1))]).await.unwrap();
    // A broker may count a moment later than it confirms.
    soon(async {
        loop {
            let depths = bus.depths().await.unwrap();
            let of = |queue| depths.iter().find(|depth| depth.queue == queue).map(|depth| depth.messages);
            if [of("l3"), of("l2"), of("intake"), of("supervisor")] == [Some(0), Some(3), Some(1), Some(1)] {
                break;
            }
            tokio::task::yield_now().await;
        }
    })
    .await;
}

async fn a_trace_goes_along_with_its_message(bus: OneBus) {
    let parent = |n: u64| format!("00-4bf92f3577b34da6a3ce929d0e0e4736-{n:016x}-01");
    let trace = |n: u64| Trace::read(&parent(n), Some("vendor=x"));
    let messages = [
        Outgoing::Command(submission(1)),
        Outgoing::Command(command(2, CommandKind::Cancel)),
        Outgoing::Reply(reply(3)),
        Outgoing::Order(order(4, Layer::L3)),
    ];
    let numbered = messages.into_iter().zip(1..);
    bus.send(numbered.map(|(message, n)| message.traced(trace(n))).collect()).await.unwrap();
    bus.send(vec![Outgoing::Order(order(5, Layer::L2))]).await.unwrap();

    let mut inputs = bus.inputs();
    let mut found = Vec::new();
    while found.len() < 3 {
        let batch = soon(inputs.next(10, true)).await.unwrap();
        found.extend(batch.into_iter().map(|input| (number(input.message.envelope.relocation), input.trace)));
    }
    found.sort_by_key(|(n, _)| *n);
    let (mut l3, mut l2) = (bus.work(Layer::L3), bus.work(Layer::L2));
    let order = soon(l3.next()).await.unwrap();
    found.push((number(order.message.relocation), order.trace));
    assert_eq!(found, [1, 2, 3, 4].map(|n| (n, trace(n))));
    assert_eq!(soon(l2.next()).await.unwrap().trace, None);
}
