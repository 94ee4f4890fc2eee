//! Who sends and receives what: an operation for each role at each channel it has to do with.

use rehome_domain::order::Layer;
use serde_json::{Map, Value, json};

use super::{
    channels::{ANSWERS, command_keys, reference, replies_of, work_of},
    messages::id,
};

/// Those who take part.
pub(super) const ROLES: [(&str, &str); 5] = [
    ("client", "Another system, or an operator's program."),
    ("supervisor", "Rehome's supervisors, which carry each relocation through."),
    ("configurator", "Whoever carries out work orders on devices: Rehome's own, or a vendor's."),
    ("listener", "Whoever watches."),
    ("keeper", "Rehome's supervisors, as those who bring dead letters to where people look for them."),
];

/// All operations.
pub(super) fn all() -> Map<String, Value> {
    let mut operations = Map::new();
    let mut put = |role: &str, action: &str, channel: &str, messages: &[&str], more: Value| {
        let mut operation = json!({
            "action": action,
            "channel": reference(&format!("channels/{channel}")),
            "title": format!("The {role} {action}s {channel}"),
            "tags": [{ "name": role }],
            "messages": of_channel(channel, messages),
            "bindings": { "amqp": binding(action) },
        });
        if let (Some(operation), Value::Object(more)) = (operation.as_object_mut(), more) {
            operation.extend(more);
        }
        operations.insert(format!("{role}.{action}.{channel}"), operation);
    };
    for key in command_keys() {
        let answer = if key.starts_with("steer.") { id::STEERING_ANSWER } else { id::ANSWER };
        let reply = json!({ "reply": {
            "address": {
                "location": "$message.header#/reply_to",
                "description": "The AMQP property `reply_to` of the command.",
            },
            "channel": reference(&format!("channels/{ANSWERS}")),
            "messages": of_channel(ANSWERS, &[answer]),
        } });
        put("client", "send", key, &[key], reply.clone());
        put("supervisor", "receive", key, &[key], reply);
    }
    for layer in Layer::ALL {
        let (work, replies) = (work_of(layer), replies_of(layer));
        put("supervisor", "send", &work, &[id::WORK_ORDER], json!({}));
        put("configurator", "receive", &work, &[id::WORK_ORDER], json!({}));
        put("configurator", "send", &replies, &[id::REPLY], json!({}));
        put("supervisor", "receive", &replies, &[id::REPLY], json!({}));
    }
    for told in [id::EVENT, id::ALARM, id::STEERING] {
        put("supervisor", "send", told, &[told], json!({}));
        put("listener", "receive", told, &[told], json!({}));
    }
    put("supervisor", "send", ANSWERS, &[id::ANSWER, id::STEERING_ANSWER], json!({}));
    put("client", "receive", ANSWERS, &[id::ANSWER, id::STEERING_ANSWER], json!({}));
    put("supervisor", "send", "internal", &[id::INPUT], json!({}));
    put("supervisor", "receive", "internal", &[id::INPUT], json!({}));
    put("supervisor", "send", "dead", &[id::DEAD_LETTER], json!({}));
    put("keeper", "receive", "dead", &[id::DEAD_LETTER], json!({}));
    operations
}

fn of_channel(channel: &str, messages: &[&str]) -> Vec<Value> {
    messages.iter().map(|message| reference(&format!("channels/{channel}/messages/{message}"))).collect()
}

fn binding(action: &str) -> Value {
    if action == "send" {
        json!({ "deliveryMode": 2, "timestamp": true, "bindingVersion": "0.3.0" })
    } else {
        json!({ "ack": true, "bindingVersion": "0.3.0" })
    }
}
