//! What only a broker of one's own can be put through.

use std::sync::Arc;

use rehome_bus::amqp::{Amqp, AmqpError, Identity, Options, Standing, Tls};
use rehome_domain::ports::{Bus as _, Outgoing};
use rehome_testkit::{
    broker::Node,
    contract::bus::{reply, soon, take},
};

use crate::{
    contract::{open, options},
    flow::flow,
};

#[tokio::test(flavor = "multi_thread")]
async fn nothing_confirmed_is_lost_when_the_broker_is_killed_or_stopped_and_started_again_in_mid_flow() {
    let node = Arc::new(Node::start());
    let vhost = node.vhost();
    let bus = open(&vhost).await;
    let disturber = Arc::clone(&node);
    let outcome = flow(Arc::clone(&bus), move || {
        disturber.kill();
        disturber.start_again();
        disturber.stop();
        disturber.start_again();
    })
    .await;
    println!("{outcome:?}");
    bus.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_short_of_memory_holds_senders_back_is_seen_and_goes_on() {
    let node = Node::start();
    let vhost = node.vhost();
    let bus = open(&vhost).await;
    let mut inputs = bus.inputs();
    bus.send(vec![Outgoing::Reply(reply(0))]).await.unwrap();
    // Taken but not yet acknowledged: that must work while publishing is blocked.
    let taken = soon(inputs.next(1, true)).await.unwrap();

    node.starve(true);
    let sender = Arc::clone(&bus);
    let sending = tokio::spawn(async move {
        for n in 1..=100 {
            sender.send(vec![Outgoing::Reply(reply(n))]).await.unwrap();
        }
    });
    let blocked = async {
        while !matches!(bus.health().connections.get("publish"), Some(Standing::Blocked { .. })) {
            tokio::task::yield_now().await;
        }
    };
    soon(blocked).await;
    assert!(!bus.health().is_well());
    soon(inputs.acks().ack(taken.iter().map(|delivery| delivery.tag).collect())).await.unwrap();
    assert!(!sending.is_finished());

    node.starve(false);
    soon(sending).await.unwrap();
    assert_eq!(take(&mut *inputs, 100).await.len(), 100);
    assert!(bus.health().is_well(), "{:?}", bus.health());
}

#[tokio::test(flavor = "multi_thread")]
async fn it_speaks_tls_with_a_certificate_of_its_own_and_not_without() {
    let node = Node::start();
    let vhost = node.vhost();
    let identity = Identity { certificate: node.file("client.pem"), key: node.file("client.key") };
    let tls = Tls { ca: Some(node.file("ca.pem")), identity: Some(identity) };
    let with = |tls: Tls| Options { url: node.tls_url(&vhost), tls, ..options(&vhost) };
    let bus = Amqp::connect(with(tls.clone())).await.unwrap();
    bus.send(vec![Outgoing::Reply(reply(1))]).await.unwrap();
    assert_eq!(take(&mut *bus.inputs(), 1).await, [reply(1)]);

    let nobody = Amqp::connect(with(Tls { identity: None, ..tls.clone() })).await;
    assert!(matches!(nobody, Err(AmqpError::Unreachable { .. })), "without a certificate");
    let stranger = Amqp::connect(with(Tls { ca: None, ..tls.clone() })).await;
    assert!(matches!(stranger, Err(AmqpError::Unreachable { .. })), "without trusting its authority");
    let unreadable = Amqp::start(with(Tls { ca: Some(node.file("not there")), ..tls }));
    assert!(matches!(unreadable, Err(AmqpError::BadTls { .. })));
}
