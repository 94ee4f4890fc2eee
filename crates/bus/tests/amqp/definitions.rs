//! The rights that `docker/rabbitmq/definitions.json` gives, tried on a real broker.

use lapin::{
    BasicProperties,
    options::{BasicConsumeOptions, QueueBindOptions, QueueDeclareOptions},
    types::FieldTable,
};
use rehome_testkit::broker::Vhost;
use serde_json::Value;

use crate::{client::Client, contract::open};

/// Gives this vhost's users the rights of those in the definitions.
fn define(vhost: &Vhost) {
    let definitions: Value =
        serde_json::from_str(include_str!("../../../../docker/rabbitmq/definitions.json")).unwrap();
    let field = |entry: &Value, name: &str| entry[name].as_str().unwrap().to_owned();
    for entry in definitions["permissions"].as_array().unwrap() {
        let [user, configure, write, read] =
            ["user", "configure", "write", "read"].map(|name| field(entry, name));
        vhost.user_may(&user, &configure, &write, &read);
    }
    for entry in definitions["topic_permissions"].as_array().unwrap() {
        let [user, exchange, write, read] =
            ["user", "exchange", "write", "read"].map(|name| field(entry, name));
        let user = vhost.named(&user);
        vhost.ctl(&["-p", vhost.name(), "set_topic_permissions", &user, &exchange, &write, &read]);
    }
}

async fn may(vhost: &Vhost, user: &str, exchange: &str, key: &str) -> bool {
    let client = Client::connect(&vhost.url_of(user)).await;
    let properties = BasicProperties::default().with_message_id("1".into());
    match client.publish(exchange, key, properties, b"{}").await {
        Ok(_) => true,
        Err(error) => {
            assert!(error.to_string().contains("ACCESS_REFUSED"), "{error}");
            false
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_user_may_write_what_its_role_says_and_nothing_else() {
    let vhost = Vhost::new();
    let _supervisor = open(&vhost).await;
    define(&vhost);
    for (user, exchange, key, allowed) in [
        ("oss", "rehome.commands", "order.submit", true),
        ("oss", "rehome.commands", "cancel", true),
        ("oss", "rehome.commands", "override.force_completion", false),
        ("oss", "rehome.internal", "submitted", false),
        ("oss", "rehome.replies", "l3.default", false),
        ("rehome-l3", "rehome.replies", "l3.default", true),
        ("rehome-l3", "rehome.replies", "l2.default", false),
        ("rehome-l3", "rehome.work", "l3.default", false),
        ("rehome-l2", "rehome.replies", "l2.default", true),
        ("rehome-l2", "rehome.commands", "order.submit", false),
        ("rehome-web", "rehome.commands", "override.force_completion", true),
        ("rehome-web", "rehome.commands", "steer.pause", true),
        ("rehome-web", "rehome.work", "l3.default", false),
        ("rehome-web", "rehome.replies", "l3.default", false),
        ("rehome-web", "rehome.events", "relocation.succeeded", false),
        ("rehome-web", "rehome.internal", "submitted", false),
        ("rehome-web", "", "rehome.supervisor", false),
        ("vendor-a", "rehome.replies", "l3.vendor-a", true),
        ("vendor-a", "rehome.replies", "l2.vendor-a", true),
        ("vendor-a", "rehome.replies", "l3.default", false),
        ("vendor-a", "rehome.replies", "l3.vendor-b", false),
        ("vendor-a", "rehome.events", "alarm.critical", false),
        ("vendor-a", "", "rehome.supervisor", false),
        ("rehome-supervisor", "rehome.work", "l3.default", true),
        ("rehome-supervisor", "rehome.internal", "resumed", true),
    ] {
        assert_eq!(may(&vhost, user, exchange, key).await, allowed, "{user} to {exchange} by {key}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_vendor_may_take_the_orders_of_its_own_devices_and_of_nobody_else() {
    let vhost = Vhost::new();
    let _supervisor = open(&vhost).await;
    define(&vhost);
    for (key, allowed) in [("l3.vendor-a", true), ("l2.vendor-a", true), ("l3.default", false), ("#", false)]
    {
        let client = Client::connect(&vhost.url_of("vendor-a")).await;
        let queue = "vendor-a.orders";
        let durable = QueueDeclareOptions::durable();
        client.channel.queue_declare(queue.into(), durable, FieldTable::default()).await.unwrap();
        let options = QueueBindOptions::default();
        let bound = client.channel.queue_bind(
            queue.into(),
            "rehome.work".into(),
            key.into(),
            options,
            FieldTable::default(),
        );
        assert_eq!(bound.await.is_ok(), allowed, "{key}");
    }
    let client = Client::connect(&vhost.url_of("vendor-a")).await;
    let taken = client.channel.basic_consume(
        "rehome.l3".into(),
        "".into(),
        BasicConsumeOptions::default(),
        FieldTable::default(),
    );
    assert!(taken.await.is_err(), "it reads our own configurators' orders");
}
