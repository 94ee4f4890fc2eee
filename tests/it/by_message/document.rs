//! The AsyncAPI document as a judge of what passes.

use std::collections::{BTreeMap, BTreeSet};

use jsonschema::Validator;
use rehome_testkit::stranger::Seen;
use serde_json::{Value, json};

use crate::running::repository;

/// Validators of one message.
struct Message {
    payload: Validator,
    headers: Validator,
    properties: Validator,
}

/// A channel of the document: an exchange with a pattern of keys.
struct Channel {
    exchange: String,
    key: Vec<String>,
    messages: Vec<String>,
}

/// The committed document, and what it has been shown.
pub(super) struct Document {
    messages: BTreeMap<String, Message>,
    channels: Vec<Channel>,
    /// Which messages have passed and were as the document says.
    pub(super) seen: BTreeSet<String>,
    /// Each value that some words had in what passed: `report`, `alarm`, `why_not`, …
    pub(super) words: BTreeMap<String, BTreeSet<String>>,
}

impl Document {
    pub(super) fn committed() -> Self {
        let text = std::fs::read_to_string(repository("docs/asyncapi.json")).unwrap();
        let document: Value = serde_json::from_str(&text).unwrap();
        let validator = |at: String| {
            let schema = json!({ "allOf": [{ "$ref": at }], "components": document["components"] });
            jsonschema::draft7::options().should_validate_formats(true).build(&schema).unwrap()
        };
        let messages = document["components"]["messages"].as_object().unwrap();
        let messages = messages.keys().map(|id| {
            let of = |part: &str| validator(format!("#/components/messages/{id}/{part}"));
            let message = Message {
                payload: of("payload"),
                headers: of("headers"),
                properties: of("x-amqp-properties"),
            };
            (id.clone(), message)
        });
        let channels = document["channels"].as_object().unwrap().values();
        let channels = channels.filter(|channel| channel["bindings"]["amqp"]["is"] == "routingKey");
        let channels = channels.map(|channel| Channel {
            exchange: channel["bindings"]["amqp"]["exchange"]["name"].as_str().unwrap().to_owned(),
            key: channel["address"].as_str().unwrap_or("{}").split('.').map(str::to_owned).collect(),
            messages: channel["messages"].as_object().unwrap().keys().cloned().collect(),
        });
        let (messages, channels) = (messages.collect(), channels.collect());
        Self { messages, channels, seen: BTreeSet::new(), words: BTreeMap::new() }
    }

    /// Every message the document has.
    pub(super) fn all(&self) -> BTreeSet<String> {
        self.messages.keys().cloned().collect()
    }

    /// What the document has against a message: nothing, if some message of its channel is as it is.
    pub(super) fn objections(&self, seen: &Seen) -> Result<String, Vec<String>> {
        let channel = self.channels.iter().find(|channel| channel.carries(seen));
        let Some(channel) = channel else {
            return Err(vec![format!("no channel has the key `{}` at `{}`", seen.key, seen.exchange)]);
        };
        let mut against = Vec::new();
        for id in &channel.messages {
            let message = &self.messages[id];
            let body = serde_json::from_slice(&seen.body).unwrap_or(Value::Null);
            let parts = [
                ("payload", &message.payload, &body),
                ("headers", &message.headers, &seen.headers),
                ("properties", &message.properties, &seen.properties),
            ];
            let objections: Vec<String> = parts
                .into_iter()
                .flat_map(|(part, validator, value)| {
                    validator
                        .iter_errors(value)
                        .map(move |error| format!("{id} {part} at `{}`: {error}", error.instance_path()))
                })
                .collect();
            if objections.is_empty() {
                return Ok(id.clone());
            }
            against.extend(objections);
        }
        Err(against)
    }

    /// A message passes: it must be as the document says.
    pub(super) fn judge(&mut self, seen: &Seen) {
        match self.objections(seen) {
            Ok(id) => {
                if id != "dead_letter" {
                    self.read(&seen.json());
                }
                self.seen.insert(id);
            }
            Err(objections) => panic!("{seen:?} {}: {objections:#?}", String::from_utf8_lossy(&seen.body)),
        }
    }

    fn read(&mut self, body: &Value) {
        match body {
            Value::Object(fields) => {
                for (name, value) in fields {
                    match value.as_str() {
                        Some(word) => {
                            self.words.entry(name.clone()).or_default().insert(word.to_owned());
                        }
                        None => self.read(value),
                    }
                }
            }
            Value::Array(values) => values.iter().for_each(|value| self.read(value)),
            _ => {}
        }
    }

    /// That a field has had each of these values in what passed.
    pub(super) fn has_seen(&self, field: &str, values: &[&str]) {
        let seen = self.words.get(field).cloned().unwrap_or_default();
        let missing: Vec<&&str> = values.iter().filter(|value| !seen.contains(**value)).collect();
        assert!(missing.is_empty(), "no `{field}` was any of {missing:?}");
    }
}

impl Channel {
    fn carries(&self, seen: &Seen) -> bool {
        let given: Vec<&str> = seen.key.split('.').collect();
        let whole = self.key.len() == 1 && self.key[0].starts_with('{');
        let fits = self.key.len() == given.len()
            && self.key.iter().zip(&given).all(|(said, is)| said.starts_with('{') || said == is);
        self.exchange == seen.exchange && (whole || fits)
    }
}
