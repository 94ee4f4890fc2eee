//! What nobody can read never goes round and round, and holds up nobody.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use futures::future::join_all;
use lapin::{BasicProperties, Confirmation, options::BasicPublishOptions};
use rehome_bus::Amqp;
use rehome_domain::{
    order::Layer,
    ports::{Bus as _, DeadLetter, Delivery, Outgoing},
};
use rehome_testkit::{
    broker::Vhost,
    contract::bus::{number, order, reply, soon, submission, take},
};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::{client::Client, contract::open, raw::Raw};

/// Hostile messages in all.
const HOSTILE: u64 = 10_000;
/// After so many hostile ones comes a good one of each sort.
const GOOD_EVERY: u64 = 20;
/// For the whole storm.
const PATIENCE: Duration = Duration::from_secs(240);

/// One hostile message, and a part of the reason it must be given.
struct Hostile {
    exchange: &'static str,
    key: &'static str,
    body: Vec<u8>,
    properties: BasicProperties,
    reason: &'static str,
}

fn submit() -> Value {
    let message = submission(1).envelope;
    let rehome_domain::message::Input::Submitted { request } = message.input else { unreachable!() };
    json!({ "v": 1, "request": *request })
}

/// The n-th of them; each sort comes again and again, never twice the same.
fn hostile(n: u64) -> Hostile {
    let commands = |key, body: Vec<u8>, reason| Hostile {
        exchange: "rehome.commands",
        key,
        body,
        properties: BasicProperties::default().with_user_id("guest".into()),
        reason,
    };
    let json = |value: Value| serde_json::to_vec(&value).unwrap();
    let noise: Vec<u8> =
        (0..n % 300 + 1).map(|i| (n.wrapping_mul(31).wrapping_add(i * 17) % 251) as u8).collect();
    let with = |field: &str, value: Value| {
        let mut body = submit();
        body[field] = value;
        json(body)
    };
    let order = serde_json::to_value(order(n, Layer::L3)).unwrap();
    match n % 14 {
        0 => commands("order.submit", [b"\xff", &noise[..]].concat(), "not JSON"),
        1 => {
            let whole = json(submit());
            let cut = 1 + usize::try_from(n).unwrap() % (whole.len() - 1);
            commands("order.submit", whole[..cut].to_vec(), "not JSON")
        }
        2 => commands("order.submit", with("v", json!(2 + n % 60_000)), "upgrade"),
        3 => commands("order.submit", with("request", json!(n)), "at `request`: invalid type"),
        4 => commands("deploy.cutover", with("nesting", Value::Null), "unknown field"),
        5 => {
            let deep = 200 + noise.len();
            let deep = [&b"{\"v\":1,\"x\":"[..], &vec![b'['; deep], &vec![b']'; deep], b"}"].concat();
            Hostile { exchange: "rehome.replies", key: "l3.x", ..commands("", deep, "recursion limit") }
        }
        6 => commands("override.burn", json(json!({ "v": 1 })), "names no command"),
        7 => {
            let mut bare = commands("order.submit", json(submit()), "`message_id` is missing");
            bare.properties = bare.properties.with_app_id(n.to_string().as_str().into());
            bare
        }
        8 => {
            let body =
                json!({ "v": 1, "order": format!("x{n}"), "attempt": 1, "layer": "l3", "report": "noticed" });
            Hostile { exchange: "rehome.replies", key: "l3.x", ..commands("", json(body), "work order id") }
        }
        9 => {
            let reply =
                json!({ "v": 1, "order": order["id"], "attempt": 1, "layer": "l2", "report": "noticed" });
            Hostile { exchange: "rehome.replies", key: "l3.x", ..commands("", json(reply), "one layer") }
        }
        10 => Hostile { exchange: "rehome.internal", key: "reply", ..commands("", noise, "") },
        11 => {
            let mut order = order;
            order["layer"] = json!("l2");
            let body = json(order);
            Hostile { exchange: "rehome.work", key: "l3.default", ..commands("", body, "in the queue of L3") }
        }
        12 => {
            Hostile { exchange: "", key: "rehome.supervisor", ..commands("", noise, "came by the exchange") }
        }
        _ => {
            let mut newer = commands("cancel", json(submit()), "`type` is");
            newer.properties = newer.properties.with_type(format!("cancel.v{}", n + 2).as_str().into());
            newer
        }
    }
}

/// A few that are far too large.
fn huge(n: u64) -> Hostile {
    let body = vec![b' '; 10 * 1024 * 1024 + usize::try_from(n).unwrap()];
    let key = if n.is_multiple_of(2) { "order.submit" } else { "cancel" };
    Hostile {
        exchange: "rehome.commands",
        key,
        body,
        properties: BasicProperties::default(),
        reason: "is the most we read (of",
    }
}

/// Publishes all, good ones between them. Answers what reason each must be given.
async fn storm(client: &Client, bus: &Amqp) -> BTreeMap<String, &'static str> {
    let mut reasons = BTreeMap::new();
    let mut nameless = 0;
    for first in (0..HOSTILE).step_by(usize::try_from(GOOD_EVERY).unwrap()) {
        let mut sending = Vec::new();
        for n in first..first + GOOD_EVERY {
            let hostile = if n % 2500 == 1234 { huge(n) } else { hostile(n) };
            let mut properties = hostile.properties.clone();
            if hostile.reason.contains("`message_id`") {
                nameless += 1;
                reasons.insert(format!("nameless {nameless}"), hostile.reason);
            } else {
                let id = format!("h{n}");
                reasons.insert(id.clone(), hostile.reason);
                properties = properties.with_message_id(id.as_str().into());
            }
            sending.push(async move {
                let Hostile { exchange, key, body, .. } = hostile;
                let options = BasicPublishOptions::default();
                let publishing =
                    client.channel.basic_publish(exchange.into(), key.into(), options, &body, properties);
                assert_eq!(publishing.await.unwrap().await.unwrap(), Confirmation::Ack(None));
            });
        }
        join_all(sending).await;
        bus.send(good(first)).await.unwrap();
    }
    reasons
}

fn good(n: u64) -> Vec<Outgoing> {
    let mut submission = submission(n);
    submission.envelope.by = rehome_domain::command::By::Nobody { via: "test".to_owned() };
    vec![Outgoing::Command(submission), Outgoing::Reply(reply(n)), Outgoing::Order(order(n, Layer::L3))]
}

async fn take_dead(bus: &Amqp, count: usize) -> Vec<DeadLetter> {
    let mut dead = bus.dead();
    let acks = dead.acks();
    let mut letters = Vec::with_capacity(count);
    while letters.len() < count {
        let Delivery { message, tag, .. } = dead.next().await.unwrap();
        letters.push(message);
        acks.ack(vec![tag]).await.unwrap();
    }
    letters
}

async fn take_orders(bus: &Amqp, count: usize) -> BTreeSet<u64> {
    let mut work = bus.work(Layer::L3);
    let acks = work.acks();
    let mut taken = BTreeSet::new();
    while taken.len() < count {
        let Delivery { message, tag, .. } = work.next().await.unwrap();
        assert!(taken.insert(number(message.relocation)), "none comes twice");
        acks.ack(vec![tag]).await.unwrap();
    }
    taken
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_hostile_messages_become_dead_letters_with_reasons_and_all_good_ones_arrive() {
    let vhost = Vhost::new();
    let bus = open(&vhost).await;
    let client = Client::connect(&vhost.url()).await;
    let each = usize::try_from(HOSTILE / GOOD_EVERY).unwrap();
    let good_numbers: BTreeSet<u64> = (0..HOSTILE).step_by(usize::try_from(GOOD_EVERY).unwrap()).collect();
    let all = usize::try_from(HOSTILE).unwrap();

    let mut inputs = bus.inputs();
    let (reasons, letters, inputs, orders) = timeout(PATIENCE, async {
        tokio::join!(
            storm(&client, &bus),
            take_dead(&bus, all),
            take(&mut *inputs, 2 * each),
            take_orders(&bus, each)
        )
    })
    .await
    .expect("it takes too long");

    let taken: Vec<u64> = inputs.iter().map(|input| number(input.envelope.relocation)).collect();
    assert_eq!(taken.iter().copied().collect::<BTreeSet<_>>(), good_numbers);
    assert_eq!(orders, good_numbers);
    let nameless = "`message_id` is missing";
    assert_eq!(
        letters.iter().filter(|letter| letter.reason.contains(nameless)).count(),
        reasons.values().filter(|reason| **reason == nameless).count()
    );
    for letter in &letters {
        assert!(!letter.reason.is_empty());
        if let Some(expected) = letter.id.0.rsplit(':').next().and_then(|id| reasons.get(id)) {
            assert!(letter.reason.contains(expected), "{letter:?} should say {expected}");
        } else {
            assert!(letter.reason.contains(nameless), "{letter:?}");
        }
    }
    let kept: BTreeSet<_> = letters.iter().map(|letter| &letter.id).collect();
    assert_eq!(kept.len(), all, "the store tells them apart");
    for queue in ["intake", "supervisor", "l3", "l2", "dead", "unreadable"] {
        vhost.until_messages(&format!("rehome.{queue}"), 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_whose_properties_are_no_text_is_set_aside_alone_and_the_rest_goes_on() {
    let vhost = Vhost::new();
    let bus = open(&vhost).await;
    let mut raw = Raw::connect(&vhost.url());
    let send = |numbers: std::ops::Range<u64>| {
        let bus = Arc::clone(&bus);
        async move { bus.send(numbers.map(|n| Outgoing::Reply(reply(n))).collect()).await.unwrap() }
    };
    send(0..200).await;
    raw.publish("rehome.replies", b"l3.x", b"\xff\xfe", b"reply.v1", b"{}");
    send(200..400).await;
    let mut inputs = bus.inputs();
    let acks = inputs.acks();
    let mut taken = BTreeSet::new();
    while taken.len() < 400 {
        let batch = soon(inputs.next(64, true)).await.unwrap();
        acks.ack(batch.iter().map(|delivery| delivery.tag).collect()).await.unwrap();
        taken.extend(batch.iter().map(|delivery| number(delivery.message.envelope.relocation)));
    }
    assert_eq!(taken, (0..400).collect());

    // The dead letters' reader can't read it either, and goes on too.
    let mut dead = bus.dead();
    raw.publish("rehome.commands", b"cancel", b"readable", b"\xff", b"{}");
    bus.send(vec![Outgoing::Reply(reply(400))]).await.unwrap();
    // What was in hand when a connection broke comes again before it.
    while soon(take(&mut *inputs, 1)).await != [reply(400)] {}
    let client = Client::connect(&vhost.url()).await;
    let named = BasicProperties::default().with_message_id("after".into());
    assert!(client.publish("rehome.commands", "cancel", named, b"{").await.unwrap());
    let letter = soon(dead.next()).await.unwrap();
    assert_eq!(letter.message.id.0, "amqp::after", "those before it went where nobody reads");
    dead.acks().ack(vec![letter.tag]).await.unwrap();
    vhost.until_messages("rehome.unreadable", 2);
    vhost.until_messages("rehome.supervisor", 0);
    vhost.until_messages("rehome.dead", 0);
}
