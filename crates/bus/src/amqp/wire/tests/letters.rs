//! Dead letters.

use lapin::{
    BasicProperties,
    message::Delivery,
    types::{AMQPValue, FieldTable},
};
use rehome_domain::{
    command::{By, Command, CommandKind},
    id::MessageId,
    message::Input,
    order::Layer,
    ports::Outgoing,
    role::Role,
};
use rehome_testkit::contract::bus::{order, relocation, reply};
use serde_json::{Value, json};

use super::{cancel, delivered, foreign, from_user, shared};
use crate::amqp::wire::{dead, header, inward, outward};

/// As it comes to the dead letters.
pub(super) fn set_aside(delivery: &Delivery, reason: &str) -> Delivery {
    let shared = shared();
    let by = inward::sender(&shared, delivery).ok();
    let packed = outward::dead(&shared, delivery, by.as_ref(), reason).unwrap();
    let mut dead = Delivery::mock(1, packed.exchange, packed.key, false, packed.body);
    dead.properties = packed.properties;
    dead
}

#[test]
fn a_dead_letter_says_why_and_from_whom_by_which_way() {
    let delivery = foreign("rehome.commands", "cancel", from_user("boss", "1"), &cancel());
    let letter = dead::dead_letter(&shared(), &set_aside(&delivery, "because"));
    assert_eq!(letter.reason, "because");
    assert_eq!((letter.origin.as_str(), letter.key.as_deref()), ("commands", Some("cancel")));
    assert_eq!(letter.id, MessageId("amqp:boss:1".to_owned()));
    assert!(matches!(letter.by, Some(By::Person { name, role: Role::Supervisor, .. }) if name == "boss"));
    assert_eq!(serde_json::from_str::<Value>(&letter.body).unwrap(), cancel());

    let mut huge = foreign("rehome.commands", "cancel", from_user("boss", "2"), &cancel());
    huge.data = vec![b'x'; 100_000];
    let letter = dead::dead_letter(&shared(), &set_aside(&huge, "because"));
    assert_eq!(letter.body.len(), 64 * 1024);
    assert_eq!(letter.reason, "because (of 100000 bytes the first 65536 are kept)");

    let nameless =
        || set_aside(&foreign("rehome.replies", "l3.x", BasicProperties::default(), &cancel()), "a");
    let one = nameless();
    let first = dead::dead_letter(&shared(), &one);
    assert_eq!(first, dead::dead_letter(&shared(), &one), "kept twice it is kept once");
    assert_ne!(first.id, dead::dead_letter(&shared(), &nameless()).id);
}

#[test]
fn of_dead_letters_requests_and_commands_can_be_read_again_and_nothing_else() {
    let read = |exchange: &str, key: &str, body: &Value| {
        let delivery = foreign(exchange, key, BasicProperties::default().with_user_id("boss".into()), body);
        let letter = dead::dead_letter(&shared(), &set_aside(&delivery, "`message_id` is missing"));
        (dead::meant(&letter).map_err(|why| why.to_string()), letter.id)
    };
    let (said, _) = read("rehome.commands", "cancel", &cancel());
    let input = Input::Command(Command { reason: "off".to_owned(), ..Command::plain(CommandKind::Cancel) });
    assert_eq!(said.map(|said| (said.relocation, said.input)), Ok((relocation(1), input)));
    let request = json!({ "v": 1, "request": rehome_testkit::history::request() });
    let (said, id) = read("rehome.commands", "order.submit", &request);
    // Without an id of its own it has the one that it would have had.
    assert_eq!(said.unwrap().relocation.0, outward::hashed(id.0.as_bytes()));
    // Not even what looks like an input of ours.
    let replied = reply(1).envelope;
    for (exchange, key, body, why) in [
        ("rehome.commands", "cancel", json!({ "v": 1 }), "`relocation`"),
        ("rehome.commands", "cancel", json!({ "v": 2 }), "`v` is 2"),
        ("rehome.commands", "steer.pause", json!(replied), "came by commands"),
        ("rehome.replies", "l3.default", json!(replied), "came by replies"),
        ("rehome.internal", "reply", json!(replied), "came by internal"),
        ("rehome.work", "l3.default", json!(replied), "came by work"),
    ] {
        let refused = read(exchange, key, &body).0.unwrap_err();
        assert!(refused.contains(why), "{refused}");
    }
}

#[test]
fn what_the_broker_set_aside_is_not_what_its_sender_says_it_is() {
    let mut death = FieldTable::default();
    for (name, value) in
        [("reason", "delivery_limit"), ("queue", "rehome.intake"), ("exchange", "rehome.commands")]
    {
        death.insert(name.into(), outward::text(value));
    }
    death.insert("routing-keys".into(), AMQPValue::FieldArray(vec![outward::text("cancel")].into()));
    let mut headers = FieldTable::default();
    headers.insert("x-death".into(), AMQPValue::FieldArray(vec![AMQPValue::FieldTable(death)].into()));
    let by = r#"{"who":"system"}"#;
    for (name, value) in [
        (header::ORIGIN, "internal"),
        (header::KEY, "reply"),
        (header::USER, "boss"),
        (header::BY, by),
        (header::REASON, "nothing to see here"),
    ] {
        headers.insert(name.into(), outward::text(value));
    }
    let properties = from_user("clerk", "1").with_headers(headers);
    let letter = dead::dead_letter(&shared(), &foreign("rehome.dead", "cancel", properties, &cancel()));
    assert_eq!((letter.origin.as_str(), letter.key.as_deref()), ("commands", Some("cancel")));
    assert_eq!(letter.id, MessageId("amqp:clerk:1".to_owned()));
    assert!(matches!(&letter.by, Some(By::Person { name, .. }) if name == "clerk"), "{letter:?}");
    assert!(letter.reason.contains("its reader died"), "{}", letter.reason);
}

#[test]
fn what_the_broker_set_aside_says_why_too() {
    let mut death = FieldTable::default();
    for (name, value) in [("reason", "delivery_limit"), ("queue", "rehome.l3"), ("exchange", "rehome.work")] {
        death.insert(name.into(), outward::text(value));
    }
    death.insert("count".into(), AMQPValue::LongLongInt(1));
    death.insert("time".into(), AMQPValue::Timestamp(1_767_225_600));
    death.insert("routing-keys".into(), AMQPValue::FieldArray(vec![outward::text("l3.default")].into()));
    let mut delivery = delivered(Outgoing::Order(order(1, Layer::L3)));
    delivery.exchange = "rehome.dead".into();
    let mut headers = FieldTable::default();
    headers.insert("x-death".into(), AMQPValue::FieldArray(vec![AMQPValue::FieldTable(death)].into()));
    delivery.properties = delivery.properties.with_headers(headers);
    let letter = dead::dead_letter(&shared(), &delivery);
    assert!(letter.reason.contains("each time it was taken from `rehome.l3` its reader died"));
    assert_eq!((letter.origin.as_str(), letter.key.as_deref()), ("work", Some("l3.default")));
    assert_eq!(letter.at.as_second(), 1_767_225_600);
}
