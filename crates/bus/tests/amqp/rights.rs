//! Who may do what: the broker vouches for names, and configuration for roles.

use std::sync::Arc;

use lapin::{BasicProperties, types::FieldTable};
use rehome_bus::amqp::{Amqp, Options};
use rehome_domain::{
    command::{By, CommandKind},
    order::Layer,
    ports::{Bus as _, BusError, Outgoing},
    role::Role,
};
use rehome_testkit::{
    broker::Vhost,
    contract::bus::{command, order, relocation, reply, soon, take},
};
use serde_json::json;

use crate::{
    client::Client,
    contract::{open, options},
};

fn cancel() -> Vec<u8> {
    serde_json::to_vec(&json!({ "v": 1, "relocation": relocation(1), "reason": "off" })).unwrap()
}

fn named(id: &str) -> BasicProperties {
    BasicProperties::default().with_message_id(id.into())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_user_is_refused_by_the_broker_a_true_one_has_their_role_and_a_missing_one_is_nobody() {
    let vhost = Vhost::new();
    let roles = |user: &str| if user.ends_with("-chief") { Role::Supervisor } else { Role::Viewer };
    let bus = Amqp::connect(Options { role_of: Arc::new(roles), ..options(&vhost) }).await.unwrap();
    vhost.user_may("chief", "^$", "^rehome\\.commands$", "^$");
    let chief = vhost.named("chief");
    let client = Client::connect(&vhost.url_of("chief")).await;
    let mut inputs = bus.inputs();

    let sent = named("1").with_user_id(chief.as_str().into());
    assert!(client.publish("rehome.commands", "cancel", sent, &cancel()).await.unwrap());
    let by = take(&mut *inputs, 1).await.remove(0).envelope.by;
    assert_eq!(by, By::Person { name: chief, via: "amqp".to_owned(), role: Role::Supervisor });

    assert!(client.publish("rehome.commands", "cancel", named("2"), &cancel()).await.unwrap());
    let by = take(&mut *inputs, 1).await.remove(0).envelope.by;
    assert_eq!(by, By::Nobody { via: "amqp".to_owned() });

    let forged = named("3").with_user_id("guest".into());
    let refused = client.publish("rehome.commands", "cancel", forged, &cancel()).await.unwrap_err();
    assert!(refused.to_string().contains("user_id property set to 'guest'"), "{refused}");
    let elsewhere = Client::connect(&vhost.url_of("chief")).await;
    let refused = elsewhere.publish("rehome.internal", "x", named("4"), b"{}").await.unwrap_err();
    assert!(refused.to_string().contains("ACCESS_REFUSED"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whom_a_relay_has_checked_is_believed_and_whom_anybody_else_claims_is_not() {
    let vhost = Vhost::new();
    for user in ["workbench", "stranger"] {
        vhost.user_may(user, ".*", ".*", ".*");
    }
    let relays = vec![vhost.named("workbench")];
    let bus = Amqp::connect(Options { relays, ..options(&vhost) }).await.unwrap();
    let mut inputs = bus.inputs();
    let by = |name: &str| By::Person { name: name.to_owned(), via: "http".to_owned(), role: Role::Admin };
    let mut asked = command(1, CommandKind::ForceCompletion);
    asked.envelope.by = by("anna");
    for (user, expected) in [
        ("workbench", by("anna")),
        (
            "stranger",
            By::Person { name: vhost.named("stranger"), via: "amqp".to_owned(), role: Role::Viewer },
        ),
    ] {
        let url = vhost.url_of(user);
        let sender = Amqp::connect(Options { url, ..options(&vhost) }).await.unwrap();
        sender.send(vec![Outgoing::Command(asked.clone())]).await.unwrap();
        assert_eq!(take(&mut *inputs, 1).await.remove(0).envelope.by, expected);
    }
    // Headers without any name the broker checked.
    let client = Client::connect(&vhost.url()).await;
    let mut claims = FieldTable::default();
    for (name, value) in [("rehome-person", "ceo"), ("rehome-role", "admin"), ("rehome-via", "http")] {
        claims.insert(name.into(), lapin::types::AMQPValue::LongString(value.into()));
    }
    let claiming = named("x").with_headers(claims);
    assert!(client.publish("rehome.commands", "cancel", claiming, &cancel()).await.unwrap());
    let by = take(&mut *inputs, 1).await.remove(0).envelope.by;
    assert_eq!(by, By::Nobody { via: "amqp".to_owned() });
}

#[tokio::test(flavor = "multi_thread")]
async fn what_we_have_no_right_to_send_fails_and_what_goes_with_it_arrives() {
    let vhost = Vhost::new();
    let supervisor = open(&vhost).await;
    // A configurator's rights: its queue to read, its replies and the dead to write, nothing to declare.
    vhost.user_may("l3", "^$", "^rehome\\.(replies|dead)$", "^rehome\\.l3$");
    let url = vhost.url_of("l3");
    let configurator = Amqp::connect(Options { url, declare: false, ..options(&vhost) }).await.unwrap();
    let mut inputs = supervisor.inputs();
    let (before, forbidden, after) = tokio::join!(
        soon(configurator.send((0..50).map(|n| Outgoing::Reply(reply(n))).collect())),
        soon(configurator.send(vec![Outgoing::Order(order(1, Layer::L3))])),
        soon(configurator.send((50..100).map(|n| Outgoing::Reply(reply(n))).collect())),
    );
    assert_eq!((before, after), (Ok(()), Ok(())));
    let Err(BusError::Failed { detail, .. }) = forbidden else { panic!("{forbidden:?}") };
    assert!(detail.contains("`rehome.work`") && detail.contains("ACCESS_REFUSED"), "{detail}");
    // At least once: the other messages were published again.
    let mut seen = std::collections::BTreeSet::new();
    while seen.len() < 100 {
        seen.extend(take(&mut *inputs, 1).await.into_iter().map(|input| input.envelope.relocation));
    }

    supervisor.send(vec![Outgoing::Order(order(2, Layer::L3))]).await.unwrap();
    let mut work = configurator.work(Layer::L3);
    let taken = soon(work.next()).await.unwrap();
    assert_eq!(taken.message, order(2, Layer::L3));
    work.acks().ack(vec![taken.tag]).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_we_are_not_can_not_send_commands_in_its_name() {
    let vhost = Vhost::new();
    let bus = Amqp::connect(Options { user: Some("somebody".to_owned()), ..options(&vhost) }).await.unwrap();
    let failed = soon(bus.send(vec![Outgoing::Command(command(1, CommandKind::Cancel))])).await;
    let Err(BusError::Failed { detail, .. }) = failed else { panic!("{failed:?}") };
    assert!(detail.contains("user_id property set to 'somebody'"), "{detail}");
    let failed = soon(bus.send(vec![Outgoing::Reply(reply(1))])).await;
    assert!(matches!(failed, Err(BusError::Failed { detail, .. }) if detail.contains("user_id")));
    soon(bus.send(vec![Outgoing::Order(order(1, Layer::L3))])).await.unwrap();
}
