//! Queues, as the broker keeps, loses and bounds them.

use std::{collections::BTreeSet, sync::Arc};

use lapin::{
    BasicProperties, ExchangeKind,
    options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions, QueueDeleteOptions},
    types::{AMQPValue, FieldTable},
};
use rehome_bus::amqp::{Amqp, AmqpError, Limits, Options};
use rehome_domain::{
    command::CommandKind,
    id::MessageId,
    message::{Answer, Envelope, Input},
    order::Layer,
    ports::{Answered, Bus as _, Delivery, Heard, Outgoing, ReplyTo},
    trace::Trace,
};
use rehome_testkit::{
    broker::Vhost,
    contract::bus::{command, number, order, order_id, relocation, reply, soon, take},
};
use serde_json::json;

use crate::{
    client::Client,
    contract::{open, options},
};

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_acknowledged_comes_again_and_what_was_does_not() {
    let vhost = Vhost::new();
    let bus = open(&vhost).await;
    bus.send((0..10).map(|n| Outgoing::Reply(reply(n))).collect()).await.unwrap();
    let mut inputs = bus.inputs();
    let acks = inputs.acks();
    let mut taken = Vec::new();
    while taken.len() < 10 {
        taken.extend(soon(inputs.next(10, true)).await.unwrap());
    }
    // In no order: some are covered by others, some are not.
    for n in [7, 0, 1, 4, 3] {
        acks.ack(vec![taken[n].tag]).await.unwrap();
    }
    acks.ack(vec![taken[7].tag]).await.unwrap();
    bus.close();
    assert!(inputs.next(10, true).await.is_none());
    // What is in hand can still be acknowledged, and what it led to sent.
    bus.send(vec![Outgoing::Reply(reply(10))]).await.unwrap();
    acks.ack(vec![taken[9].tag]).await.unwrap();
    bus.shutdown().await;
    assert_eq!(bus.send(vec![Outgoing::Reply(reply(11))]).await, Err(rehome_domain::ports::BusError::Closed));

    let next = open(&vhost).await;
    let again = take(&mut *next.inputs(), 5).await;
    let numbers: BTreeSet<u64> = again.iter().map(|input| number(input.envelope.relocation)).collect();
    assert_eq!(numbers, BTreeSet::from([2, 5, 6, 8, 10]));
    vhost.until_messages("rehome.supervisor", 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tag_of_a_session_that_is_gone_acknowledges_nothing_of_the_next() {
    let vhost = Vhost::new();
    let bus = open(&vhost).await;
    bus.send(vec![Outgoing::Reply(reply(0))]).await.unwrap();
    let mut inputs = bus.inputs();
    let first = soon(inputs.next(1, true)).await.unwrap();
    vhost.close_all_connections();
    let again = soon(inputs.next(1, true)).await.unwrap();
    assert_eq!(again[0].message, first[0].message);
    assert_ne!(again[0].tag, first[0].tag);
    inputs.acks().ack(vec![first[0].tag]).await.unwrap();
    vhost.close_all_connections();
    let third = soon(inputs.next(1, true)).await.unwrap();
    assert_eq!(third[0].message, first[0].message, "the stale tag acknowledged nothing");
    inputs.acks().ack(vec![third[0].tag]).await.unwrap();
    vhost.until_messages("rehome.supervisor", 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_nobody_takes_comes_back_to_the_supervisor_as_undeliverable() {
    let vhost = Vhost::new();
    let domain_of = |order: &rehome_domain::WorkOrder| match number(order.relocation) % 3 {
        0 => "default".to_owned(),
        1 => "acme".to_owned(),
        _ => "nowhere".to_owned(),
    };
    let bus = Amqp::connect(Options { domain_of: Arc::new(domain_of), ..options(&vhost) }).await.unwrap();
    // A vendor binds a queue of its own.
    let vendor = Client::connect(&vhost.url()).await;
    let (queue, exchange) = ("acme.orders", "rehome.work");
    let none = FieldTable::default();
    vendor.channel.queue_declare(queue.into(), QueueDeclareOptions::durable(), none.clone()).await.unwrap();
    let bind = QueueBindOptions::default();
    vendor.channel.queue_bind(queue.into(), exchange.into(), "l3.acme".into(), bind, none).await.unwrap();

    let trace = |n: u64| Trace::read(&format!("00-{:032x}-{:016x}-01", n + 1, n + 1), Some("vendor=x"));
    bus.send((0..300).map(|n| Outgoing::Order(order(n, Layer::L3)).traced(trace(n))).collect())
        .await
        .unwrap();
    let mut inputs = bus.inputs();
    let mut numbers = BTreeSet::new();
    while numbers.len() < 100 {
        for Delivery { message: input, trace: said, tag, .. } in soon(inputs.next(100, true)).await.unwrap() {
            let n = number(input.envelope.relocation);
            assert_eq!(input, Envelope::undeliverable(order_id(n)).into());
            assert_eq!(said, trace(n), "it stays in its order's trace");
            numbers.insert(n);
            inputs.acks().ack(vec![tag]).await.unwrap();
        }
    }
    assert_eq!(numbers, (0..300).filter(|n| n % 3 == 2).collect());
    vhost.until_messages(queue, 100);
    vhost.until_messages("rehome.l3", 100);
    vhost.until_messages("rehome.supervisor", 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_is_there_with_other_arguments_is_an_error_that_names_both() {
    let vhost = Vhost::new();
    let other = Client::connect(&vhost.url()).await;
    let mut classic = FieldTable::default();
    classic.insert("x-queue-type".into(), AMQPValue::LongString("classic".into()));
    let durable = QueueDeclareOptions::durable();
    other.channel.queue_declare("rehome.l3".into(), durable, classic).await.unwrap();
    let Err(AmqpError::Differs { what, ours, theirs }) = Amqp::connect(options(&vhost)).await else {
        panic!("it must be seen")
    };
    assert_eq!(what, "the queue `rehome.l3`");
    assert!(ours.contains("x-queue-type = `quorum`") && ours.contains("x-delivery-limit = 20"), "{ours}");
    assert!(theirs.contains("inequivalent arg 'x-dead-letter-exchange'"), "{theirs}");
    assert!(theirs.contains("but current is none"), "{theirs}");

    vhost.user_may("poor", "^$", ".*", ".*");
    let poor = Amqp::connect(Options { url: vhost.url_of("poor"), ..options(&vhost) }).await;
    assert!(matches!(poor, Err(AmqpError::MayNotDeclare { .. })));
    let wrong =
        Amqp::connect(Options { url: vhost.url().replace("guest:guest", "guest:wrong"), ..options(&vhost) });
    assert!(
        matches!(wrong.await, Err(AmqpError::Unreachable { detail, .. }) if detail.contains("ACCESS_REFUSED"))
    );
    assert!(matches!(Amqp::start(Options::new("http://x")), Err(AmqpError::BadUrl { .. })));
}

/// Declares the exchange of commands as its own kind.
async fn declared(client: &Client, kind: ExchangeKind) {
    let durable = ExchangeDeclareOptions { durable: true, ..Default::default() };
    let none = FieldTable::default();
    client.channel.exchange_declare("rehome.commands".into(), kind, durable, none).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_works_beside_those_of_before_that_gave_commands_no_alternate_exchange() {
    let vhost = Vhost::new();
    let older = Client::connect(&vhost.url()).await;
    declared(&older, ExchangeKind::Topic).await;
    let bus = open(&vhost).await;
    let mut inputs = bus.inputs();
    bus.send(vec![Outgoing::Command(command(1, CommandKind::Cancel))]).await.unwrap();
    assert_eq!(soon(inputs.next(10, true)).await.unwrap().len(), 1);
    // The older one starts anew.
    declared(&older, ExchangeKind::Topic).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exchange_of_another_kind_is_an_error_that_names_both_and_says_what_to_do() {
    let vhost = Vhost::new();
    declared(&Client::connect(&vhost.url()).await, ExchangeKind::Direct).await;
    let Err(error @ AmqpError::Differs { .. }) = Amqp::connect(options(&vhost)).await else {
        panic!("it must be seen")
    };
    let said = error.to_string();
    for part in [
        "the exchange `rehome.commands`",
        "ours are durable, topic, alternate-exchange = `rehome.unrouted`",
        "inequivalent arg 'type'",
        "delete exchange",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_by_a_key_that_nobody_knows_is_a_dead_letter_with_the_reason_and_never_vanishes() {
    let vhost = Vhost::new();
    let bus = open(&vhost).await;
    let _inputs = bus.inputs();
    let client = Client::connect(&vhost.url()).await;
    let mut dead = bus.dead();
    for key in ["order", "oder.submit", "forc.completion", "nothing", ""] {
        let properties = BasicProperties::default().with_user_id("guest".into()).with_message_id(key.into());
        assert!(client.publish("rehome.commands", key, properties, b"{}").await.unwrap());
        let Delivery { message: letter, tag, .. } = soon(dead.next()).await.unwrap();
        assert!(letter.reason.contains(&format!("the routing key `{key}` names no command")), "{letter:?}");
        assert_eq!((letter.origin.as_str(), letter.key.as_deref()), ("commands", Some(key)));
        dead.acks().ack(vec![tag]).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_whose_queue_somebody_deleted_is_carried_out_all_the_same() {
    let vhost = Vhost::new();
    let bus = open(&vhost).await;
    let mut inputs = bus.inputs();
    let client = Client::connect(&vhost.url()).await;
    client.channel.queue_delete("rehome.intake".into(), QueueDeleteOptions::default()).await.unwrap();
    let properties = BasicProperties::default().with_user_id("guest".into()).with_message_id("m".into());
    let body = serde_json::to_vec(&json!({ "v": 1, "relocation": relocation(1) })).unwrap();
    assert!(client.publish("rehome.commands", "deploy.cutover", properties, &body).await.unwrap());
    let taken = take(&mut *inputs, 1).await.remove(0);
    assert_eq!(taken.envelope.relocation, relocation(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_installations_share_a_vhost_under_their_own_prefixes() {
    let vhost = Vhost::new();
    let one = open(&vhost).await;
    let two = Amqp::connect(Options { prefix: "other".to_owned(), ..options(&vhost) }).await.unwrap();
    let mut theirs = two.inputs();
    one.send(vec![Outgoing::Reply(reply(1))]).await.unwrap();
    two.send(vec![Outgoing::Reply(reply(2))]).await.unwrap();
    assert_eq!(take(&mut *theirs, 1).await, [reply(2)]);
    assert_eq!(take(&mut *one.inputs(), 1).await, [reply(1)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn consumers_go_on_after_their_queues_are_deleted_under_them() {
    let vhost = Vhost::new();
    let bus = open(&vhost).await;
    let (mut inputs, mut work) = (bus.inputs(), bus.work(Layer::L2));
    let admin = Client::connect(&vhost.url()).await;
    for n in 0..3 {
        soon(bus.send(vec![Outgoing::Reply(reply(n)), Outgoing::Order(order(n, Layer::L2))])).await.unwrap();
        assert_eq!(take(&mut *inputs, 1).await, [reply(n)]);
        let taken = soon(work.next()).await.unwrap();
        assert_eq!(number(taken.message.relocation), n);
        work.acks().ack(vec![taken.tag]).await.unwrap();
        for queue in ["rehome.supervisor", "rehome.l2"] {
            admin.channel.queue_delete(queue.into(), QueueDeleteOptions::default()).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn queues_of_our_own_are_made_anew_and_a_listener_is_told_that_it_missed_some() {
    let vhost = Vhost::new();
    let bus = open(&vhost).await;
    let (mut events, mut answers) = (bus.events(), bus.answers("me"));
    let to = ReplyTo { queue: "me".to_owned(), correlation: MessageId("q".to_owned()) };
    let answer = Answer::Accepted { relocation: relocation(1), version: 1 };
    let say = vec![Outgoing::Answer(Answered { to, answer })];
    bus.send(say.clone()).await.unwrap();
    soon(answers.next()).await.unwrap();
    vhost.close_all_connections();
    assert!(matches!(soon(events.next()).await, Some(Heard::Missed(_))));
    // What is said while the queue is not there is lost with it, so it is said until it is heard.
    let said_again = async {
        loop {
            bus.send(say.clone()).await.unwrap();
        }
    };
    tokio::select! {
        told = soon(answers.next()) => assert!(told.is_some()),
        () = said_again => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_kills_its_reader_each_time_is_set_aside_by_the_broker_with_a_reason() {
    let vhost = Vhost::new();
    let limits = Limits { deliveries: 2, ..Limits::default() };
    let bus = Amqp::connect(Options { limits, ..options(&vhost) }).await.unwrap();
    bus.send(vec![Outgoing::Order(order(1, Layer::L3))]).await.unwrap();
    for _ in 0..=limits.deliveries {
        let mut work = bus.work(Layer::L3);
        assert_eq!(soon(work.next()).await.unwrap().message, order(1, Layer::L3));
        // It dies with the order in hand.
    }
    let mut dead = bus.dead();
    let letter = soon(dead.next()).await.unwrap();
    dead.acks().ack(vec![letter.tag]).await.unwrap();
    let letter = letter.message;
    assert!(letter.reason.contains("each time it was taken from `rehome.l3` its reader died"), "{letter:?}");
    assert_eq!((letter.origin.as_str(), letter.key.as_deref()), ("work", Some("l3.default")));
    assert_eq!(serde_json::from_str::<rehome_domain::WorkOrder>(&letter.body).unwrap(), order(1, Layer::L3));
}

#[tokio::test(flavor = "multi_thread")]
async fn other_systems_submit_and_command_as_the_documents_say_and_are_answered() {
    let vhost = Vhost::new();
    let roles = |_: &str| rehome_domain::Role::Operator;
    let relays = Vec::new();
    let bus = Amqp::connect(Options { role_of: Arc::new(roles), relays, ..options(&vhost) }).await.unwrap();
    let client = Client::connect(&vhost.url()).await;
    let own = QueueDeclareOptions { exclusive: true, ..Default::default() };
    let queue = client.channel.queue_declare("".into(), own, FieldTable::default()).await.unwrap();
    let properties = |id: &str| {
        BasicProperties::default()
            .with_user_id("guest".into())
            .with_message_id(id.into())
            .with_reply_to(queue.name().clone())
    };
    let Input::Submitted { request } = rehome_testkit::contract::bus::submission(1).envelope.input else {
        panic!()
    };
    let submit = serde_json::to_vec(&json!({ "v": 1, "request": *request })).unwrap();
    let mut inputs = bus.inputs();
    for _ in 0..2 {
        assert!(client.publish("rehome.commands", "order.submit", properties("a"), &submit).await.unwrap());
    }
    let taken = take(&mut *inputs, 2).await;
    assert_eq!(taken[0], taken[1], "sent twice it is the same");
    assert_eq!(taken[0].envelope.input, Input::Submitted { request });
    let to = taken[0].reply_to.clone().unwrap();
    let answer = Answer::Accepted { relocation: taken[0].envelope.relocation, version: 1 };
    bus.send(vec![Outgoing::Answer(Answered { to, answer: answer.clone() })]).await.unwrap();
    let told = soon(async {
        loop {
            let got = client.channel.basic_get(queue.name().clone(), Default::default()).await.unwrap();
            if let Some(got) = got {
                return got.delivery;
            }
        }
    })
    .await;
    assert_eq!(told.properties.correlation_id().as_ref().unwrap().as_str(), "a");
    assert_eq!(serde_json::from_slice::<Answer>(&told.data).unwrap(), answer);
}
