//! Where messages go: a channel for each exchange's keys, and one for each queue.

use rehome_domain::{
    command::CommandKind, event::Severity, order::Layer, status::RelocationStatus, steering::Turn,
};
use serde_json::{Map, Value, json};

use super::messages::{id, layer_name};
use crate::amqp::{
    topology::Names,
    wire::{SUBMIT_KEY, key_of, steer_key_of},
};

/// How a configurator behaves.
const CONFIGURATORS: &str = include_str!("configurators.md");

/// A reference within the document.
pub(super) fn reference(to: &str) -> Value {
    json!({ "$ref": format!("#/{to}") })
}

/// The name of a layer's channel of orders.
pub(super) fn work_of(layer: Layer) -> String {
    format!("work.{}", layer.wire())
}

/// The name of a layer's channel of replies.
pub(super) fn replies_of(layer: Layer) -> String {
    format!("replies.{}", layer.wire())
}

/// The channel of answers.
pub(super) const ANSWERS: &str = "answers";

/// A command's keys are its channels' names too.
pub(super) fn command_keys() -> Vec<&'static str> {
    let commands = CommandKind::ALL.map(key_of);
    let steering = Turn::WISHES.into_iter().filter_map(steer_key_of);
    std::iter::once(SUBMIT_KEY).chain(commands).chain(steering).collect()
}

/// All channels.
pub(super) fn all(names: &Names, domains: &[String]) -> Map<String, Value> {
    let mut channels = Map::new();
    let mut put = |name: String, channel: Value| channels.insert(name, channel);
    for key in command_keys() {
        put(
            key.to_owned(),
            by_key(&names.commands(), key, "Commands of people and other systems.", &[key], &[]),
        );
    }
    for layer in Layer::ALL {
        let about = format!("Work orders for {}.\n\n{CONFIGURATORS}", layer_name(layer));
        let key = format!("{}.{{domain}}", layer.wire());
        let domain = (
            "domain",
            json!({
                "description": "The domain of the device at the order's new place; `default` if none is configured.",
                "default": "default",
                "examples": ["default", "vendor-x"],
            }),
        );
        let domain = std::slice::from_ref(&domain);
        put(work_of(layer), by_key(&names.work(), &key, &about, &[id::WORK_ORDER], domain));
        let about = format!(
            "Replies of configurators of {}, by the very key that the order came by: no domain can answer for another.",
            layer_name(layer)
        );
        put(replies_of(layer), by_key(&names.replies(), &key, &about, &[id::REPLY], domain));
    }
    for (name, channel) in told(names) {
        put(name, channel);
    }
    let input = (
        "input",
        json!({ "description": "What came in.", "enum": [
        "submitted", "command", "reply", "overdue", "undeliverable", "window_opened", "resumed", "unpaused",
    ] }),
    );
    let about = "What supervisors tell themselves. Nobody else may write here.";
    put("internal".to_owned(), by_key(&names.internal(), "{input}", about, &[id::INPUT], &[input]));
    let key = ("key", json!({ "description": "The routing key the message came by, dots and all." }));
    let about =
        "What nobody could read or take, on its way to the supervisors' store, where people look for it.";
    put("dead".to_owned(), by_key(&names.dead(), "{key}", about, &[id::DEAD_LETTER], &[key]));
    for (name, channel) in queues(names, domains) {
        put(name, channel);
    }
    channels
}

/// What supervisors tell the world.
fn told(names: &Names) -> Vec<(String, Value)> {
    let events = names.events();
    let statuses: Vec<&str> = RelocationStatus::ALL.iter().map(|status| status.wire()).collect();
    let status = ("status", json!({ "description": "Where it stands: 移机状态.", "enum": statuses }));
    let severities = [Severity::Warning, Severity::Major, Severity::Critical].map(Severity::wire);
    let severity = ("severity", json!({ "description": "How loud.", "enum": severities }));
    let what = (
        "what",
        json!({ "description": "What was done.", "enum": ["paused", "draining", "drained", "resumed"] }),
    );
    let bind = "Bind a queue of your own, by this key or `#`.";
    let event = format!("Where each relocation stands, after each change. {bind}");
    let alarm = format!("Alarms: somebody must look, or act. {bind}");
    let steering = format!("What was paused, drained and resumed. {bind}");
    vec![
        (id::EVENT.to_owned(), by_key(&events, "relocation.{status}", &event, &[id::EVENT], &[status])),
        (id::ALARM.to_owned(), by_key(&events, "alarm.{severity}", &alarm, &[id::ALARM], &[severity])),
        (id::STEERING.to_owned(), by_key(&events, "steering.{what}", &steering, &[id::STEERING], &[what])),
        (
            ANSWERS.to_owned(),
            json!({
                "address": null,
                "title": "Answers",
                "description": "The asker's own queue, which their command names in `reply_to`; reached by the default exchange.",
                "messages": messages(&[id::ANSWER, id::STEERING_ANSWER]),
                "bindings": { "amqp": {
                    "is": "routingKey",
                    "exchange": { "name": "", "type": "default" },
                    "bindingVersion": "0.3.0",
                } },
            }),
        ),
    ]
}

fn messages(ids: &[&str]) -> Value {
    let all = ids.iter().map(|id| ((*id).to_owned(), reference(&format!("components/messages/{id}"))));
    Value::Object(all.collect())
}

fn by_key(exchange: &str, key: &str, about: &str, ids: &[&str], parameters: &[(&str, Value)]) -> Value {
    let mut channel = json!({
        "address": key,
        "title": format!("{exchange}: {key}"),
        "description": about,
        "messages": messages(ids),
        "bindings": { "amqp": {
            "is": "routingKey",
            "exchange": { "name": exchange, "type": "topic", "durable": true, "autoDelete": false },
            "bindingVersion": "0.3.0",
        } },
    });
    if !parameters.is_empty() {
        let given = parameters.iter().map(|(name, parameter)| ((*name).to_owned(), parameter.clone()));
        channel["parameters"] = Value::Object(given.collect());
    }
    channel
}

/// The queues that Rehome declares, as they are declared.
fn queues(names: &Names, domains: &[String]) -> Vec<(String, Value)> {
    let queues = names.queues(domains).into_iter().map(|(queue, bindings)| {
        let short = names.short(&queue).to_owned();
        let (about, ids) = of_queue(&short);
        let bound: Vec<Value> =
            bindings.iter().map(|(exchange, key)| json!({ "exchange": exchange, "key": key })).collect();
        let channel = json!({
            "address": queue,
            "title": format!("The queue {queue}"),
            "description": about,
            "messages": messages(&ids),
            "bindings": { "amqp": {
                "is": "queue",
                "queue": { "name": queue, "durable": true, "exclusive": false, "autoDelete": false },
                "bindingVersion": "0.3.0",
            } },
            "x-queue-type": "quorum",
            "x-bindings": bound,
        });
        (format!("queue.{short}"), channel)
    });
    queues.collect()
}

fn of_queue(short: &str) -> (&'static str, Vec<&'static str>) {
    let keys = |begins: &[&str]| {
        let named = |key: &&str| begins.iter().any(|begin| key.starts_with(begin));
        command_keys().into_iter().filter(named).collect::<Vec<_>>()
    };
    match short {
        "intake" => (
            "What begins work; it waits while enough is under way.",
            [keys(&["order", "deploy"]), vec![id::INPUT]].concat(),
        ),
        "supervisor" => (
            "All that supervisors take at once: replies, overrides, and their own.",
            [keys(&["override", "cancel", "retry"]), vec![id::REPLY, id::INPUT]].concat(),
        ),
        "steering" => ("Pausing, draining and resuming.", keys(&["steer"])),
        "l3" => ("Orders for Rehome's own L3 configurators: those of its own domains.", vec![id::WORK_ORDER]),
        "l2" => ("Orders for Rehome's own L2 configurators: those of its own domains.", vec![id::WORK_ORDER]),
        "unreadable" => {
            ("What killed even the reader of dead letters. Nobody consumes it.", vec![id::DEAD_LETTER])
        }
        _ => ("What nobody could read or take, on its way to the supervisors' store.", vec![id::DEAD_LETTER]),
    }
}
