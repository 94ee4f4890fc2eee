//! What each kind of message carries beside its body: AMQP's properties, and headers.

use serde_json::{Map, Value, json};

use crate::amqp::wire::header;

/// What a message of ours always has, and these texts beside it.
pub(super) fn of_ours(kind: &str, texts: &[(&str, &str)]) -> Value {
    let mut properties = common(kind);
    let mut required = vec!["content_type", "type", "delivery_mode", "timestamp", "app_id"];
    for (name, description) in texts {
        properties.insert((*name).to_owned(), text(description));
        required.push(name);
    }
    json!({
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

/// An answer's: the correlation is the asker's.
pub(super) fn of_answer(kind: &str) -> Value {
    of_ours(
        kind,
        &[("correlation_id", "The command's `correlation_id`, or its `message_id` if it has none.")],
    )
}

/// A command's. Others may set what else they like.
pub(super) fn of_command(kind: &str) -> Value {
    let mut properties = common(kind);
    properties.insert(
        "message_id".to_owned(),
        text(
            "Chosen by the sender, the same each time it is sent: it counts once. Ids of different users never meet.",
        ),
    );
    properties.insert(
        "user_id".to_owned(),
        text("The connection's own user, which the broker checks. Without it a command is refused."),
    );
    properties.insert(
        "reply_to".to_owned(),
        text("A queue of the sender's own for the answer. Without it there is none."),
    );
    properties
        .insert("correlation_id".to_owned(), text("What the answer is to carry; `message_id` if not given."));
    json!({ "type": "object", "properties": properties, "required": ["message_id", "user_id"] })
}

/// A reply's, ours or a vendor's.
pub(super) fn of_reply(kind: &str) -> Value {
    let mut properties = common(kind);
    properties.insert(
        "message_id".to_owned(),
        text(
            "`<order id>:done`, `<order id>:rolled_back`, or `<order id>:<what>` for each try that is told. Without one \
             it is made from what the reply says.",
        ),
    );
    properties.insert("correlation_id".to_owned(), text("The relocation's id."));
    properties.insert(
        "user_id".to_owned(),
        text(
            "The connection's own user, which the broker checks. Needed where configuration names who answers for the \
             domain.",
        ),
    );
    json!({ "type": "object", "properties": properties })
}

/// A dead letter's: what the message had.
pub(super) fn of_dead_letter() -> Value {
    json!({ "type": "object", "properties": { "message_id": text("The message's own, if it had one.") } })
}

fn common(kind: &str) -> Map<String, Value> {
    let properties = json!({
        "content_type": { "const": "application/json" },
        "type": { "description": "The message's name and version.", "const": kind },
        "delivery_mode": { "description": "Persistent: it outlives the broker's restart.", "const": 2 },
        "timestamp": {
            "description": "When it was sent, in seconds since 1970-01-01T00:00:00Z.",
            "type": "integer",
            "minimum": 0,
        },
        "app_id": { "description": "The program that sent it.", "type": "string" },
    });
    match properties {
        Value::Object(properties) => properties,
        _ => Map::new(),
    }
}

/// An AMQP short string.
fn text(description: &str) -> Value {
    json!({ "description": description, "type": "string", "minLength": 1, "maxLength": 255 })
}

fn headers(own: &[(&str, &str, &str)], required: &[&str]) -> Value {
    let mut properties = Map::new();
    let trace = json!({
        "description": "W3C trace context, if the sender has one. It changes nothing.",
        "type": "string",
        "pattern": "^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}",
    });
    properties.insert("traceparent".to_owned(), trace);
    for (name, kind, description) in own {
        properties.insert((*name).to_owned(), json!({ "type": kind, "description": description }));
    }
    json!({ "type": "object", "properties": properties, "required": required })
}

/// None of our own.
pub(super) fn plain_headers() -> Value {
    headers(&[], &[])
}

/// Those of a command: only relays' count.
pub(super) fn command_headers() -> Value {
    headers(
        &[
            (header::PERSON, "string", "From a relay: the person it acts for, whom it has checked."),
            (header::ROLE, "string", "From a relay, with the person: what they may do."),
            (header::VIA, "string", "From a relay: the way the person came (`cli`, `http`)."),
        ],
        &[],
    )
}

/// Those of events, by which a listener sees what it missed.
pub(super) fn counted_headers() -> Value {
    headers(
        &[
            (header::PUBLISHER, "string", "Which of Rehome's processes published it."),
            (
                header::COUNT,
                "integer",
                "The how-many-th of that publisher: a gap tells that some were missed.",
            ),
        ],
        &[header::PUBLISHER, header::COUNT],
    )
}

/// Those of dead letters.
pub(super) fn dead_headers() -> Value {
    headers(
        &[
            (header::REASON, "string", "Why it is dead, for people."),
            (header::ORIGIN, "string", "The exchange it came by, without the prefix."),
            (header::KEY, "string", "The routing key it came by."),
            (header::USER, "string", "Who sent it, if the broker vouches for that."),
            (header::BY, "string", "Who is behind it, as JSON."),
        ],
        &[],
    )
}

/// Those of Rehome's own inputs.
pub(super) fn internal_headers() -> Value {
    headers(
        &[
            (header::EARLY, "integer", "How often it was put back because it came too early."),
            (header::REPLY_QUEUE, "string", "Who wants an answer."),
            (header::REPLY_CORRELATION, "string", "And by which correlation."),
        ],
        &[],
    )
}
