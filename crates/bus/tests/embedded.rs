//! The embedded bus: bounded, replies first, nothing lost or doubled unless a plan says so.
#![allow(clippy::unwrap_used)]

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use rehome_bus::{Capacity, Embedded, Fate, Tampered, Tampering};
use rehome_domain::{
    Command, CommandKind, MessageId, RelocationId, WorkOrder, WorkOrderId,
    command::By,
    message::{Answer, Envelope, Input},
    order::{Dispatch, Layer, OrderKind},
    ports::{Answered, Bus, BusError, Incoming, Outgoing, ReplyTo},
    reply::{Outcome, Reply, Report},
    request::{Place, Request},
    role::Role,
};
use uuid::Uuid;

const SMALL: Capacity = Capacity { commands: 2, in_flight: 1, events: 4, answers: 1 };

fn relocation(n: u64) -> RelocationId {
    RelocationId(Uuid::from_u64_pair(1, n))
}

fn order_id(n: u64) -> WorkOrderId {
    WorkOrderId { relocation: relocation(n), seq: 1, index: 0 }
}

fn envelope(n: u64, input: Input) -> Envelope {
    let by = By::Person { name: "test".to_owned(), via: "cli".to_owned(), role: Role::Admin };
    Envelope { relocation: relocation(n), cause: MessageId(format!("m{n}")), by, input }
}

fn command(n: u64, kind: CommandKind) -> Outgoing {
    Outgoing::Command(envelope(n, Input::Command(Command::plain(kind))).into())
}

fn reply(n: u64) -> Outgoing {
    let report = Report::Release { outcome: Outcome::Done };
    let reply = Reply { v: 1, order: order_id(n), attempt: 1, layer: Layer::L3, report };
    Outgoing::Reply(Envelope::reply(reply, "done").into())
}

fn order(n: u64) -> WorkOrder {
    let place = |device: &str| Place {
        l3_device: device.to_owned(),
        l3_port: "1".to_owned(),
        vlan: 10,
        inner_vlan: None,
        l2_device: device.to_owned(),
        l2_port: "1".to_owned(),
    };
    let request = Request {
        service_id: format!("S-{n}"),
        customer: "C".to_owned(),
        old: place("a"),
        new: place("b"),
        ip: "10.0.0.1/30".to_owned(),
        vrf: None,
        description: "d".to_owned(),
        window: None,
        external_id: None,
        hold: false,
        deadlines: rehome_domain::request::Deadlines::default(),
    };
    let dispatch = Dispatch {
        id: order_id(n),
        layer: Layer::L3,
        kind: OrderKind::Release,
        attempt: 1,
        deadline: Timestamp::MAX,
        about: None,
        expected: Vec::new(),
    };
    WorkOrder::new(&dispatch, &Arc::new(request))
}

fn causes(batch: &[rehome_domain::ports::Delivery<Incoming>]) -> Vec<String> {
    batch.iter().map(|delivery| delivery.message.envelope.cause.0.clone()).collect()
}

#[tokio::test]
async fn it_does_what_every_bus_must() {
    rehome_testkit::contract::check(rehome_testkit::contract::bus::CASES, async || {
        let bus: Arc<dyn Bus> = Embedded::new(Capacity::default());
        (bus, ())
    })
    .await;
}

#[tokio::test]
async fn replies_and_overrides_come_before_commands_that_begin_work() {
    let bus = Embedded::new(Capacity::default());
    bus.send(vec![
        command(1, CommandKind::DeployCutover),
        command(2, CommandKind::ForceCompletion),
        reply(3),
        command(4, CommandKind::Cancel),
    ])
    .await
    .unwrap();
    let batch = bus.inputs().next(10, true).await.unwrap();
    assert_eq!(causes(&batch), ["m2", &order_id(3).answer("done").0, "m4", "m1"]);
}

#[tokio::test]
async fn commands_wait_while_the_supervisor_has_no_room_and_replies_do_not() {
    let bus = Embedded::new(Capacity::default());
    bus.send(vec![command(1, CommandKind::DeployCutover), reply(2)]).await.unwrap();
    let mut inputs = bus.inputs();
    assert_eq!(inputs.next(10, false).await.unwrap().len(), 1, "only the reply");
    assert_eq!(causes(&inputs.next(10, true).await.unwrap()), ["m1"]);
}

#[tokio::test(start_paused = true)]
async fn a_full_command_queue_holds_its_sender_back_and_nothing_is_lost() {
    let bus = Embedded::new(SMALL);
    bus.send(vec![command(1, CommandKind::DeployCutover), command(2, CommandKind::DeployCutover)])
        .await
        .unwrap();
    let third = bus.send(vec![command(3, CommandKind::DeployCutover)]);
    let held = tokio::time::timeout(Duration::from_secs(3600), third).await;
    assert!(held.is_err(), "the third waits for as long as nobody takes one");

    let mut inputs = bus.inputs();
    let (sent, first) =
        tokio::join!(bus.send(vec![command(3, CommandKind::DeployCutover)]), inputs.next(1, true));
    sent.unwrap();
    let rest = inputs.next(10, true).await.unwrap();
    assert_eq!([causes(&first.unwrap()), causes(&rest)].concat(), ["m1", "m2", "m3"]);
}

#[tokio::test]
async fn the_work_queues_have_room_for_all_orders_of_all_relocations_in_flight() {
    let bus = Embedded::new(Capacity { in_flight: 100, ..SMALL });
    // A reserve, its inspect, the release that supersedes both, and its inspect, for each of them, unread.
    for n in 0..400 {
        tokio::time::timeout(Duration::from_secs(5), bus.send(vec![Outgoing::Order(order(n))]))
            .await
            .unwrap()
            .unwrap();
    }
}

#[tokio::test]
async fn competing_consumers_share_the_work_and_each_order_goes_to_one() {
    let bus = Embedded::new(Capacity::default());
    bus.send((0..100).map(|n| Outgoing::Order(order(n))).collect()).await.unwrap();
    let (mut one, mut other) = (bus.work(Layer::L3), bus.work(Layer::L3));
    bus.close();
    let mut taken = Vec::new();
    loop {
        let (a, b) = (one.next().await, other.next().await);
        taken.extend([a, b].into_iter().flatten().map(|delivery| delivery.message.id));
        if taken.len() >= 100 {
            break;
        }
    }
    taken.sort_unstable();
    taken.dedup();
    assert_eq!(taken.len(), 100);
    assert!(one.next().await.is_none(), "closed and empty");
}

#[tokio::test]
async fn a_closed_bus_gives_what_is_queued_and_takes_no_more() {
    let bus = Embedded::new(Capacity::default());
    bus.send(vec![reply(1), command(2, CommandKind::DeployCutover)]).await.unwrap();
    bus.close();
    assert_eq!(bus.send(vec![reply(3)]).await, Err(BusError::Closed));
    let mut inputs = bus.inputs();
    assert_eq!(inputs.next(10, true).await.unwrap().len(), 2);
    assert!(inputs.next(10, true).await.is_none());
}

#[tokio::test]
async fn an_asker_that_does_not_read_its_answers_holds_nobody_up() {
    let bus = Embedded::new(SMALL);
    let mut answers = bus.answers("mine");
    for n in 0..10 {
        let to = ReplyTo { queue: "mine".to_owned(), correlation: MessageId(format!("m{n}")) };
        let answer = Answer::Accepted { relocation: relocation(n), version: 1 };
        bus.send(vec![Outgoing::Answer(Answered { to, answer })]).await.unwrap();
    }
    assert_eq!(answers.next().await.unwrap().to.correlation.0, "m0");
}

#[tokio::test(start_paused = true)]
async fn a_tampered_bus_drops_delays_and_doubles_the_replies_its_plan_names_and_no_others() {
    let fates = [Fate::Deliver, Fate::Drop, Fate::Late(Duration::from_secs(60)), Fate::Twice];
    let decide =
        move |order: &WorkOrder| fates[usize::try_from(order.id.relocation.0.as_u64_pair().1).unwrap()];
    let bus = Tampered::new(
        Embedded::new(Capacity::default()),
        Tampering { fate: Box::new(decide), all_twice: false },
    );
    bus.send((0..4).map(|n| Outgoing::Order(order(n))).collect()).await.unwrap();
    // Their fate is noted as they are handed out.
    let mut work = bus.work(Layer::L3);
    for _ in 0..4 {
        work.next().await.unwrap();
    }
    let started = tokio::time::Instant::now();
    bus.send((0..4).map(reply).collect()).await.unwrap();

    let mut inputs = bus.inputs();
    let now: Vec<_> = inputs.next(10, true).await.unwrap();
    let numbers: Vec<u64> = now.iter().map(|d| d.message.envelope.relocation.0.as_u64_pair().1).collect();
    assert_eq!(numbers, [0, 3, 3]);
    let later = inputs.next(10, true).await.unwrap();
    assert_eq!(later[0].message.envelope.relocation, relocation(2));
    assert!(started.elapsed() >= Duration::from_secs(60));
}

#[tokio::test]
async fn a_bus_told_to_sends_every_command_order_and_reply_twice() {
    let tampering = Tampering { fate: Box::new(|_| Fate::Deliver), all_twice: true };
    let bus = Tampered::new(Embedded::new(Capacity::default()), tampering);
    let deploy = command(1, CommandKind::DeployCutover);
    bus.send(vec![Outgoing::Order(order(1)), reply(1), deploy]).await.unwrap();
    let mut inputs = bus.inputs();
    let mut taken = 0;
    while taken < 4 {
        taken += inputs.next(10, true).await.unwrap().len();
    }
    let mut work = bus.work(Layer::L3);
    assert_eq!(work.next().await.unwrap().message, work.next().await.unwrap().message);
    bus.close();
    assert!(inputs.next(10, true).await.is_none() && work.next().await.is_none(), "no more than twice");
}
