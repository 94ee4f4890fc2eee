//! Every message there is, with what it is for.

use rehome_domain::{
    command::CommandKind,
    event::{Event, Raised},
    message::{Answer, Envelope},
    order::{Layer, WorkOrder},
    reply::Reply,
    role::Role,
    steering::{Steered, Turn, Verdict},
};
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Value, json};

use super::{examples, properties};
use crate::amqp::wire::{CommandBody, SUBMIT_KEY, SteerBody, SubmitBody, key_of, kind, steer_key_of};

/// A message of the document.
pub(super) struct Message {
    /// Its name among the components.
    pub(super) id: String,
    /// Its `type`.
    pub(super) kind: String,
    pub(super) title: String,
    pub(super) description: String,
    pub(super) payload: Value,
    pub(super) properties: Value,
    pub(super) headers: Value,
    /// Each with a name.
    pub(super) examples: Vec<(String, Value)>,
}

impl Message {
    /// As the document has it.
    pub(super) fn json(&self) -> Value {
        let example = |(name, payload): &(String, Value)| json!({ "name": name, "payload": payload });
        let mut message = json!({
            "name": self.kind,
            "title": self.title,
            "description": self.description,
            "contentType": "application/json",
            "payload": self.payload,
            "headers": self.headers,
            "examples": self.examples.iter().map(example).collect::<Vec<_>>(),
            "bindings": { "amqp": {
                "contentEncoding": "utf-8",
                "messageType": self.kind,
                "bindingVersion": "0.3.0",
            } },
            "x-amqp-properties": self.properties,
        });
        if self.examples.is_empty()
            && let Some(message) = message.as_object_mut()
        {
            message.remove("examples");
        }
        message
    }
}

/// The name among the components of each kind of message that others name too.
pub(super) mod id {
    pub(crate) const WORK_ORDER: &str = "work_order";
    pub(crate) const REPLY: &str = "reply";
    pub(crate) const INPUT: &str = "input";
    pub(crate) const EVENT: &str = "event";
    pub(crate) const ALARM: &str = "alarm";
    pub(crate) const STEERING: &str = "steering";
    pub(crate) const ANSWER: &str = "answer";
    pub(crate) const STEERING_ANSWER: &str = "steering_answer";
    pub(crate) const DEAD_LETTER: &str = "dead_letter";
}

/// All of them.
pub(super) fn all(types: &mut SchemaGenerator) -> Vec<Message> {
    let mut messages = vec![submit(types)];
    messages.extend(CommandKind::ALL.map(|command| self::command(types, command)));
    messages.extend(Turn::WISHES.into_iter().filter_map(|turn| steer(types, turn)));
    messages.extend([
        work_order(types),
        reply(types),
        event(types),
        alarm(types),
        steered(types),
        answer(types),
        steering_answer(types),
        dead_letter(),
        input(types),
    ]);
    messages
}

fn schema<T: JsonSchema>(types: &mut SchemaGenerator) -> Value {
    types.subschema_for::<T>().to_value()
}

fn needs(role: Role) -> String {
    format!("Needs the role `{role}`.")
}

fn submit(types: &mut SchemaGenerator) -> Message {
    Message {
        id: SUBMIT_KEY.to_owned(),
        kind: kind::command(SUBMIT_KEY),
        title: "Submit a relocation".to_owned(),
        description: format!(
            "A new relocation. It reserves at once unless `request.hold` is true, and waits for its cutover to be \
             deployed by a person, or by `request.window`. {}",
            needs(Role::TO_SUBMIT)
        ),
        payload: schema::<SubmitBody>(types),
        properties: properties::of_command(&kind::command(SUBMIT_KEY)),
        headers: properties::command_headers(),
        examples: vec![("a leased line".to_owned(), examples::submission())],
    }
}

fn command(types: &mut SchemaGenerator, command: CommandKind) -> Message {
    let key = key_of(command);
    let what = match command {
        CommandKind::DeployReservation => "Begin reserving a relocation that was submitted with `hold`.",
        CommandKind::DeployCutover => "Begin cutting over a relocation that is reserved, or forced on.",
        CommandKind::ForceReservation => {
            "Go on to the cutover although the reservation failed. The target is locked again; if somebody else has \
             it, this is refused."
        }
        CommandKind::ForceCompletion => "Close a relocation although its cutover failed; it ends `abnormal`.",
        CommandKind::Cancel => "Give up before the cutover begins; what is reserved is released.",
        CommandKind::RetryReservation => "Reserve anew after a failure that holds nothing any more.",
        CommandKind::RetryRollback => "Send a failed rollback again.",
        CommandKind::RetryCutover => {
            "Cut over again after a cutover that failed or whose outcome is unknown."
        }
    };
    let reason = command.is_force() || command == CommandKind::Cancel;
    let body = schema::<CommandBody>(types);
    let with_reason = json!({ "required": ["reason"], "properties": { "reason": { "pattern": "\\S" } } });
    let demand = if reason { " A reason must be given." } else { "" };
    Message {
        id: key.to_owned(),
        kind: kind::command(key),
        title: command.label(rehome_domain::lang::Lang::En).to_owned(),
        description: format!("{what}{demand} {}", needs(Role::to(command))),
        payload: if reason { json!({ "allOf": [body, with_reason] }) } else { body },
        properties: properties::of_command(&kind::command(key)),
        headers: properties::command_headers(),
        examples: vec![("as seen at version 7".to_owned(), examples::command(reason))],
    }
}

fn steer(types: &mut SchemaGenerator, turn: Turn) -> Option<Message> {
    let key = steer_key_of(turn)?;
    let (title, what) = match turn {
        Turn::Pause => (
            "Pause",
            "Let nothing begin there: what is under way goes on, undoing is allowed, what is submitted is held back.",
        ),
        Turn::Drain => (
            "Drain",
            "Pause, and tell when nothing is under way there any more: the answer says that it is paused, the event \
             `steering.drained` with the id `drained:<the drain's id>` that all is at rest, however many restarts later. \
             It stays paused until it is resumed.",
        ),
        _ => ("Resume", "Lift a pause or drain of exactly this scope: what it held back begins."),
    };
    let rules = json!({
        "required": ["reason"],
        "properties": { "reason": { "pattern": "\\S" } },
        "if": { "properties": { "scope": { "const": "everything" } } },
        "then": { "properties": { "name": { "type": "null" } } },
        "else": { "required": ["name"], "properties": { "name": { "type": "string", "pattern": "\\S" } } },
    });
    Some(Message {
        id: key.to_owned(),
        kind: kind::command(key),
        title: title.to_owned(),
        description: format!("{what} A reason must be given. {}", needs(Role::TO_STEER)),
        payload: json!({ "allOf": [schema::<SteerBody>(types), rules] }),
        properties: properties::of_command(&kind::command(key)),
        headers: properties::command_headers(),
        examples: examples::steering(),
    })
}

fn work_order(types: &mut SchemaGenerator) -> Message {
    Message {
        id: id::WORK_ORDER.to_owned(),
        kind: kind::ORDER.to_owned(),
        title: "Work order (工单)".to_owned(),
        description:
            "What a configurator is to ensure on its devices, with all parameters. The channels say how it \
            is carried out and answered."
                .to_owned(),
        payload: schema::<WorkOrder>(types),
        properties: properties::of_ours(
            kind::ORDER,
            &[("message_id", "The order's id, as in the body."), ("correlation_id", "The relocation's id.")],
        ),
        headers: properties::plain_headers(),
        examples: examples::orders(),
    }
}

fn reply(types: &mut SchemaGenerator) -> Message {
    Message {
        id: id::REPLY.to_owned(),
        kind: kind::REPLY.to_owned(),
        title: "Reply (回单)".to_owned(),
        description:
            "What came of a work order. Which `report` answers which order is said at the channels of work \
            orders. Whatever does not answer what is out is kept in the ticket's history and changes nothing."
                .to_owned(),
        payload: schema::<Reply>(types),
        properties: properties::of_reply(kind::REPLY),
        headers: properties::plain_headers(),
        examples: examples::replies(),
    }
}

fn event(types: &mut SchemaGenerator) -> Message {
    Message {
        id: id::EVENT.to_owned(),
        kind: kind::EVENT.to_owned(),
        title: "Where a relocation stands".to_owned(),
        description: "Published after each change of a ticket, and each refusal. `seq` grows with the ticket: an event with \
            a lower one is old news."
            .to_owned(),
        payload: schema::<Event>(types),
        properties: properties::of_ours(kind::EVENT, &[
            ("message_id", "`relocation:seq`, the same each time it is sent."),
            ("correlation_id", "The relocation's id."),
        ]),
        headers: properties::counted_headers(),
        examples: vec![("reserved".to_owned(), examples::event())],
    }
}

fn alarm(types: &mut SchemaGenerator) -> Message {
    Message {
        id: id::ALARM.to_owned(),
        kind: kind::ALARM.to_owned(),
        title: "Somebody is called".to_owned(),
        description: "Published beside the event of the change that raised it.".to_owned(),
        payload: schema::<Raised>(types),
        properties: properties::of_ours(
            kind::ALARM,
            &[("message_id", "The same each time it is sent."), ("correlation_id", "The relocation's id.")],
        ),
        headers: properties::counted_headers(),
        examples: vec![("a customer without service".to_owned(), examples::alarm())],
    }
}

fn steered(types: &mut SchemaGenerator) -> Message {
    Message {
        id: id::STEERING.to_owned(),
        kind: kind::STEERED.to_owned(),
        title: "Something was paused, drained or resumed".to_owned(),
        description:
            "By a message or from the command line; who, when and why are in it. Each supervisor that finds it tells it, and \
             one that starts tells again what still stands: `message_id` is the same each time."
                .to_owned(),
        payload: schema::<Steered>(types),
        properties: properties::of_ours(kind::STEERED, &[("message_id", "The same each time it is sent.")]),
        headers: properties::counted_headers(),
        examples: vec![("a device is paused".to_owned(), examples::steered())],
    }
}

fn answer(types: &mut SchemaGenerator) -> Message {
    Message {
        id: id::ANSWER.to_owned(),
        kind: kind::ANSWER.to_owned(),
        title: "Answer to a command".to_owned(),
        description: "Accepted, refused or rejected, with the reason as a word (`why_not`, `rejected`) and its particulars."
            .to_owned(),
        payload: schema::<Answer>(types),
        properties: properties::of_answer(kind::ANSWER),
        headers: properties::plain_headers(),
        examples: examples::answers(),
    }
}

fn steering_answer(types: &mut SchemaGenerator) -> Message {
    Message {
        id: id::STEERING_ANSWER.to_owned(),
        kind: kind::ANSWER.to_owned(),
        title: "Answer to a pause, drain or resume".to_owned(),
        description: "Accepted, or refused with the reason as a word (`why_not`). A refusal is kept among the dead letters."
            .to_owned(),
        payload: schema::<Verdict>(types),
        properties: properties::of_answer(kind::ANSWER),
        headers: properties::plain_headers(),
        examples: examples::steering_answers(),
    }
}

fn dead_letter() -> Message {
    Message {
        id: id::DEAD_LETTER.to_owned(),
        kind: kind::DEAD.to_owned(),
        title: "What nobody could read or take".to_owned(),
        description: "The message as it came, at most its first 64 KiB, with the reason in the headers. Messages that the \
            broker itself set aside keep their own properties and have its header `x-death` instead."
            .to_owned(),
        payload: json!({ "description": "Whatever it was: not necessarily JSON." }),
        properties: properties::of_dead_letter(),
        headers: properties::dead_headers(),
        examples: Vec::new(),
    }
}

fn input(types: &mut SchemaGenerator) -> Message {
    Message {
        id: id::INPUT.to_owned(),
        kind: kind::INPUT.to_owned(),
        title: "Rehome's own input to itself".to_owned(),
        description: "Deadlines, windows, and what was put back. Not for others to send: only Rehome's own processes may \
            write to the exchange."
            .to_owned(),
        payload: schema::<Envelope>(types),
        properties: properties::of_ours(kind::INPUT, &[
            ("message_id", "The input's `cause`."),
            ("correlation_id", "The relocation's id."),
        ]),
        headers: properties::internal_headers(),
        examples: vec![("a deadline has passed".to_owned(), examples::overdue())],
    }
}

/// The word for a layer's channel of orders.
pub(super) fn layer_name(layer: Layer) -> &'static str {
    match layer {
        Layer::L3 => "L3 (gateways)",
        Layer::L2 => "L2 (switches)",
    }
}
