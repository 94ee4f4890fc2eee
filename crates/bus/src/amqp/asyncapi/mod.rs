//! The AsyncAPI 3.0 document: what another system must know, made from the types that are on the wire.
//!
//! Schemas and their descriptions come from the types and their doc comments, keys and names from the topology,
//! examples from values of the types. What none of those can say (how a configurator behaves) is in the texts beside
//! this file.

mod channels;
mod examples;
mod messages;
mod operations;
mod properties;

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::topology::Names;

const INFO: &str = include_str!("info.md");

/// The document for exchanges and queues with this prefix, and our own configurators taking these domains' orders.
#[must_use]
pub fn document(prefix: &str, domains: &[String]) -> Value {
    let names = Names::new(prefix);
    let mut settings = SchemaSettings::draft07();
    settings.definitions_path = "/components/schemas".into();
    let mut types = settings.into_generator();
    let messages = messages::all(&mut types);
    let messages: Map<String, Value> =
        messages.into_iter().map(|message| (message.id.clone(), message.json())).collect();
    let schemas: Map<String, Value> = types.take_definitions(true);
    let tags: Vec<Value> = operations::ROLES
        .iter()
        .map(|(name, description)| json!({ "name": name, "description": description }))
        .collect();
    let mut document = json!({
        "asyncapi": "3.0.0",
        "id": "urn:rehome",
        "info": {
            "title": "Rehome's messages",
            "version": env!("CARGO_PKG_VERSION"),
            "description": INFO,
            "license": { "name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0" },
            "tags": tags,
        },
        "defaultContentType": "application/json",
        "servers": { "broker": server() },
        "channels": channels::all(&names, domains),
        "operations": operations::all(),
        "components": { "messages": messages, "schemas": schemas },
    });
    plain(&mut document);
    if prefix != "rehome" {
        renamed(&mut document["info"]["description"], prefix);
        if let Some(channels) = document["channels"].as_object_mut() {
            channels.values_mut().for_each(|channel| renamed(&mut channel["description"], prefix));
        }
    }
    // The same text whatever keeps objects in the order of their making elsewhere in a build.
    document.sort_all_objects();
    document
}

fn server() -> Value {
    json!({
        "host": "{host}:{port}",
        "protocol": "amqp",
        "protocolVersion": "0.9.1",
        "pathname": "/{vhost}",
        "description": "RabbitMQ, 3.10 or newer. `amqps` with TLS.",
        "variables": {
            "host": { "default": "127.0.0.1", "description": "Where the broker is." },
            "port": { "default": "5672", "description": "5671 with TLS." },
            "vhost": { "default": "%2f", "description": "The virtual host, percent-encoded." },
        },
    })
}

/// Doc comments link to other items; strangers have only the words.
fn plain(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value.as_str().filter(|_| name == "description") {
                    Some(text) => *value = json!(text.replace("[`", "`").replace("`]", "`")),
                    None => plain(value),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(plain),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// Texts name exchanges by the prefix that is usual.
fn renamed(text: &mut Value, prefix: &str) {
    if let Some(said) = text.as_str() {
        *text = json!(
            said.replace("`rehome.", &format!("`{prefix}."))
                .replace("here `rehome`", &format!("here `{prefix}`"))
        );
    }
}
