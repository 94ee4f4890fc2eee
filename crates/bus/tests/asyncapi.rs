//! The AsyncAPI document keeps the rules of AsyncAPI, and says what is on the wire.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use jsonschema::Validator;
use rehome_bus::amqp::asyncapi;
use rehome_domain::{
    Layer,
    order::{MESSAGE_VERSION, OrderKind},
    reply::Reply,
};
use rehome_testkit::{
    contract::bus,
    history::{every_report, reports},
};
use serde::Serialize;
use serde_json::{Value, json};

fn document() -> Value {
    asyncapi::document("rehome", &["default".to_owned()])
}

/// What a schema of the document allows. In draft 7 nothing stands beside `$ref`, so the references are resolved
/// from a schema around it.
fn validator(document: &Value, at: &str) -> Validator {
    let schema = json!({ "allOf": [{ "$ref": format!("#{at}") }], "components": document["components"] });
    jsonschema::draft7::options().should_validate_formats(true).build(&schema).unwrap()
}

fn payload_of(document: &Value, message: &str) -> Validator {
    validator(document, &format!("/components/messages/{message}/payload"))
}

#[track_caller]
fn is_valid(validator: &Validator, body: &Value) {
    let errors: Vec<String> =
        validator.iter_errors(body).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{body:#}: {errors:#?}");
}

/// Every reference with where it stands.
fn references(value: &Value, at: &str, found: &mut Vec<(String, String)>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value.as_str() {
                    Some(to) if name == "$ref" => found.push((at.to_owned(), to.to_owned())),
                    _ => references(value, &format!("{at}/{name}"), found),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| references(value, at, found)),
        _ => {}
    }
}

#[test]
fn it_keeps_the_rules_of_asyncapi_3() {
    let rules: Value = serde_json::from_str(include_str!("asyncapi-3.0.schema.json")).unwrap();
    is_valid(&jsonschema::draft7::options().build(&rules).unwrap(), &document());
}

#[test]
fn a_misplaced_field_breaks_the_rules() {
    let rules: Value = serde_json::from_str(include_str!("asyncapi-3.0.schema.json")).unwrap();
    let rules = jsonschema::draft7::options().build(&rules).unwrap();
    for (at, value) in [
        ("/asyncapi", json!("2.6.0")),
        ("/channels/cancel/publish", json!({})),
        ("/channels/cancel/bindings/amqp/is", json!("exchange")),
        ("/channels/cancel/bindings/amqp/queue", json!({ "name": "q" })),
        ("/operations/client.send.cancel/action", json!("publish")),
        ("/components/messages/cancel/payload", json!("CommandBody")),
        ("/components/schemas/Request/type", json!("thing")),
    ] {
        let mut broken = document();
        let (parent, name) = at.rsplit_once('/').unwrap();
        broken.pointer_mut(parent).unwrap()[name] = value;
        assert!(!rules.is_valid(&broken), "{at} may be anything");
    }
}

#[test]
fn every_reference_leads_somewhere_and_nothing_stands_unused() {
    let document = document();
    let mut found = Vec::new();
    references(&document, "", &mut found);
    for (at, to) in &found {
        assert!(document.pointer(&to[1..]).is_some(), "{at} leads to {to}, which is not there");
    }
    let used: BTreeSet<&str> = found.iter().map(|(_, to)| to.as_str()).collect();
    for kind in ["messages", "schemas"] {
        for name in document["components"][kind].as_object().unwrap().keys() {
            assert!(used.contains(format!("#/components/{kind}/{name}").as_str()), "{kind} {name} is unused");
        }
    }
    let operations = document["operations"].as_object().unwrap();
    for (name, channel) in document["channels"].as_object().unwrap() {
        let here = json!({ "$ref": format!("#/channels/{name}") });
        let by_key = channel["bindings"]["amqp"]["is"] == "routingKey";
        let actions: BTreeSet<&str> = operations
            .values()
            .filter(|operation| operation["channel"] == here)
            .map(|operation| operation["action"].as_str().unwrap())
            .collect();
        assert!(!by_key || actions == BTreeSet::from(["send", "receive"]), "{name}: only {actions:?}");
    }
}

#[test]
fn an_operations_messages_are_its_channels_and_a_keys_words_are_its_parameters() {
    let document = document();
    for (name, operation) in document["operations"].as_object().unwrap() {
        for part in [operation, &operation["reply"]] {
            let Some(channel) = part["channel"]["$ref"].as_str() else { continue };
            for message in part["messages"].as_array().unwrap() {
                let message = message["$ref"].as_str().unwrap();
                assert!(message.starts_with(&format!("{channel}/messages/")), "{name}: {message}");
            }
        }
    }
    for (name, channel) in document["channels"].as_object().unwrap() {
        let address = channel["address"].as_str().unwrap_or_default();
        let in_key: BTreeSet<&str> =
            address.split('{').skip(1).map(|rest| rest.split('}').next().unwrap()).collect();
        let told = channel["parameters"].as_object();
        let told: BTreeSet<&str> = told.into_iter().flatten().map(|(name, _)| name.as_str()).collect();
        assert_eq!(in_key, told, "{name}");
    }
}

#[test]
fn every_field_and_message_is_described() {
    let document = document();
    let mut mute = Vec::new();
    fn look(schema: &Value, at: &str, mute: &mut Vec<String>) {
        match schema {
            Value::Object(fields) => {
                for (name, field) in fields.get("properties").and_then(Value::as_object).into_iter().flatten()
                {
                    let says = ["description", "const"].iter().any(|word| field.get(word).is_some());
                    if !says {
                        mute.push(format!("{at}.{name}"));
                    }
                }
                fields.iter().for_each(|(name, value)| look(value, &format!("{at}/{name}"), mute));
            }
            Value::Array(values) => values.iter().for_each(|value| look(value, at, mute)),
            _ => {}
        }
    }
    look(&document["components"]["schemas"], "", &mut mute);
    assert_eq!(mute, [] as [String; 0]);
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        assert!(schema.get("description").is_some(), "{name}");
    }
}

#[test]
fn every_example_is_as_its_schema_says_and_without_any_of_its_required_fields_it_is_not() {
    let document = document();
    for (name, message) in document["components"]["messages"].as_object().unwrap() {
        let validator = payload_of(&document, name);
        let examples = message["examples"].as_array().cloned().unwrap_or_default();
        assert!(!examples.is_empty() || name == "dead_letter", "{name} has no example");
        for example in examples {
            is_valid(&validator, &example["payload"]);
            let required =
                ["v", "relocation", "scope", "order", "id", "report", "answer", "seq", "alarm", "by"];
            for field in required {
                let mut without = example["payload"].clone();
                let optional = name == "order.submit" && field == "relocation";
                if without.as_object_mut().unwrap().remove(field).is_some() && !optional {
                    assert!(!validator.is_valid(&without), "{name} is valid without {field}");
                }
            }
        }
    }
}

#[test]
fn commands_with_an_unknown_field_or_without_the_reason_they_need_are_not_as_the_document_says() {
    let document = document();
    for (name, message) in document["components"]["messages"].as_object().unwrap() {
        let first = &message["examples"][0]["payload"];
        let command = document["channels"]
            .get(name)
            .is_some_and(|channel| channel["bindings"]["amqp"]["exchange"]["name"] == "rehome.commands");
        if !command {
            continue;
        }
        let validator = payload_of(&document, name);
        let mut odd = first.clone();
        odd["rason"] = json!("a slip of the pen");
        assert!(!validator.is_valid(&odd), "{name}");
        let needs_reason = ["override", "cancel", "steer"].iter().any(|begin| name.starts_with(begin));
        if needs_reason {
            let mut without = first.clone();
            without.as_object_mut().unwrap().remove("reason");
            assert!(!validator.is_valid(&without), "{name}");
            without["reason"] = json!(" ");
            assert!(!validator.is_valid(&without), "{name}");
        }
    }
    let pause = payload_of(&document, "steer.pause");
    for (scope, name, fits) in [
        ("everything", None, true),
        ("everything", Some("x"), false),
        ("domain", None, false),
        ("device", Some(""), false),
        ("device", Some("gw-1"), true),
        ("rack", Some("r-1"), false),
    ] {
        let mut body = json!({ "v": 1, "scope": scope, "reason": "works" });
        if let Some(name) = name {
            body["name"] = json!(name);
        }
        assert_eq!(pause.is_valid(&body), fits, "{body}");
    }
}

#[test]
fn every_report_and_order_there_can_be_is_as_the_document_says() {
    fn json_of(value: &impl Serialize) -> Value {
        serde_json::to_value(value).unwrap()
    }
    let document = document();
    let (reply, order) = (payload_of(&document, "reply"), payload_of(&document, "work_order"));
    let answer =
        |layer, report| Reply { v: MESSAGE_VERSION, order: bus::order_id(1), attempt: 1, layer, report };
    for report in every_report() {
        is_valid(&reply, &json_of(&answer(Layer::L2, report)));
    }
    for layer in Layer::ALL {
        for kind in OrderKind::ALL {
            let wanted = bus::order(1, layer);
            is_valid(&order, &json_of(&rehome_domain::WorkOrder { kind, ..wanted }));
            for report in reports(layer, kind, Some(OrderKind::Reserve)) {
                is_valid(&reply, &json_of(&answer(layer, report)));
            }
        }
    }
}

#[test]
fn another_prefix_names_other_exchanges_and_queues() {
    let text = asyncapi::document("carrier", &["north".to_owned()]).to_string();
    assert!(text.contains("carrier.commands") && text.contains("l2.north"));
    assert!(!text.contains("`rehome.") && !text.contains("\"rehome."));
}
