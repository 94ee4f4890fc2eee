//! Messages of a newer version, while old and new processes work side by side.

use std::collections::BTreeSet;

use futures::StreamExt as _;
use lapin::{
    BasicProperties,
    options::{BasicAckOptions, BasicCancelOptions, BasicConsumeOptions},
    types::FieldTable,
};
use rehome_bus::amqp::{Amqp, Limits, Options};
use rehome_domain::{
    order::Layer,
    ports::{Bus as _, Outgoing},
};
use rehome_testkit::{
    broker::Vhost,
    contract::bus::{order, soon},
};

use crate::{client::Client, contract::options};

/// As many as an old process holds at once.
const NEWER: usize = 12;

async fn publish(other: &Client, bodies: impl Iterator<Item = usize>) {
    for n in bodies {
        let newer = BasicProperties::default().with_type("work_order.v99".into());
        assert!(other.publish("rehome.work", "l3.default", newer, n.to_string().as_bytes()).await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn newer_messages_wait_for_a_newer_process_while_others_go_on_and_more_than_fit_are_kept_with_the_reason()
 {
    let vhost = Vhost::new();
    let limits = Limits { prefetch_work: 16, ..Limits::default() };
    let old = Amqp::connect(Options { limits, ..options(&vhost) }).await.unwrap();
    let mut work = old.work(Layer::L3);
    let other = Client::connect(&vhost.url()).await;
    publish(&other, 0..NEWER).await;
    old.send(vec![Outgoing::Order(order(99, Layer::L3))]).await.unwrap();
    assert_eq!(soon(work.next()).await.unwrap().message, order(99, Layer::L3), "it goes on beside them");

    assert_eq!(vhost.messages("rehome.dead"), Some(0));

    // A newer process is started.
    let (options, none) = (BasicConsumeOptions::default(), FieldTable::default());
    let mut newer = other.channel.basic_consume("rehome.l3".into(), "".into(), options, none).await.unwrap();
    let mut taken = BTreeSet::new();
    while taken.len() < NEWER {
        let delivery = soon(newer.next()).await.unwrap().unwrap();
        taken.insert(String::from_utf8(delivery.data.clone()).unwrap());
        delivery.acker.ack(BasicAckOptions::default()).await.unwrap();
    }
    assert_eq!(vhost.messages("rehome.dead"), Some(0));

    // It is gone again, and more come than the old one has room for.
    other.channel.basic_cancel(newer.tag(), BasicCancelOptions::default()).await.unwrap();
    publish(&other, 0..NEWER + 1).await;
    let mut dead = old.dead();
    let letter = soon(dead.next()).await.unwrap().message;
    assert!(letter.reason.contains("if it is newer, upgrade the receiver"), "{letter:?}");
    old.send(vec![Outgoing::Order(order(98, Layer::L3))]).await.unwrap();
    assert_eq!(soon(work.next()).await.unwrap().message, order(98, Layer::L3));
}
