//! The domain's messages, packed for the wire.

use jiff::Timestamp;
use lapin::{
    BasicProperties,
    types::{AMQPValue, FieldTable, ShortString},
};
use rehome_domain::{
    command::{By, Command},
    event::{Event, Raised},
    id::{MessageId, RelocationId},
    message::{Envelope, Input},
    order::{Layer, WorkOrder},
    ports::{Answered, BusError, Incoming, Outgoing, ReplyTo, Wish},
    steering::{Steer, Steered, Turn},
    trace::Trace,
};
use serde::Serialize;
use uuid::Uuid;

use super::{
    COMMAND_VERSION, CommandBody, SUBMIT_KEY, SteerBody, SubmitBody, header, inward::trace_of, key_of, kind,
    steer_key_of,
};
use crate::amqp::connection::Shared;

/// Persistent: it outlives the broker's restart.
const PERSISTENT: u8 = 2;

/// A message ready to be published.
#[derive(Debug, Clone)]
pub(in crate::amqp) struct Packed {
    pub(in crate::amqp) exchange: ShortString,
    pub(in crate::amqp) key: ShortString,
    /// Whether the broker gives it back if no queue takes it.
    pub(in crate::amqp) mandatory: bool,
    /// Whether it is counted, so that listeners see what they missed.
    pub(in crate::amqp) counted: bool,
    pub(in crate::amqp) properties: BasicProperties,
    pub(in crate::amqp) body: Vec<u8>,
}

impl Packed {
    /// Adds a header.
    pub(in crate::amqp) fn header(&mut self, name: &str, value: AMQPValue) {
        let mut headers = self.properties.headers().clone().unwrap_or_default();
        headers.insert(name.into(), value);
        self.properties = std::mem::take(&mut self.properties).with_headers(headers);
    }

    /// With where it belongs in a trace.
    pub(in crate::amqp) fn traced(mut self, trace: Option<&Trace>) -> Self {
        if let Some(trace) = trace {
            self.header(header::TRACE_PARENT, text(trace.parent()));
            if let Some(state) = trace.state() {
                self.header(header::TRACE_STATE, text(state));
            }
        }
        self
    }
}

/// Packs a message. `answers` is the real name of one of our own answer queues.
pub(in crate::amqp) fn pack(
    shared: &Shared,
    answers: impl Fn(&str) -> Option<String>,
    outgoing: Outgoing,
) -> Result<Packed, BusError> {
    let (outgoing, trace) = outgoing.untraced();
    Ok(untraced(shared, answers, outgoing)?.traced(trace.as_ref()))
}

fn untraced(
    shared: &Shared,
    answers: impl Fn(&str) -> Option<String>,
    outgoing: Outgoing,
) -> Result<Packed, BusError> {
    match outgoing {
        Outgoing::Command(incoming) if sent_by_people(&incoming) => command(shared, answers, incoming),
        Outgoing::Reply(incoming) if is_first_reply(&incoming) => reply(shared, &incoming.envelope),
        Outgoing::Command(incoming) | Outgoing::Reply(incoming) => internal(shared, &incoming),
        Outgoing::Order(order) => work_order(shared, &order),
        Outgoing::Event(event) => self::event(shared, &event),
        Outgoing::Alarm(raised) => alarm(shared, &raised),
        Outgoing::Answer(answered) => answer(shared, answers, answered),
        Outgoing::Steer(wish) => steer(shared, answers, wish),
        Outgoing::Steered(line) => steered(shared, &line),
        // `traced` makes none that holds another.
        Outgoing::Traced(..) => Err(refused("packing a message", "a trace in a trace")),
    }
}

fn sent_by_people(incoming: &Incoming) -> bool {
    matches!(incoming.envelope.by, By::Person { .. } | By::Nobody { .. })
        && matches!(incoming.envelope.input, Input::Submitted { .. } | Input::Command(_))
}

/// A configurator's reply on its first way to the supervisor; one that was put back goes by the supervisor's own
/// exchange, where its count can be believed.
fn is_first_reply(incoming: &Incoming) -> bool {
    incoming.early == 0
        && incoming.reply_to.is_none()
        && matches!(incoming.envelope.by, By::Configurator { .. })
        && matches!(incoming.envelope.input, Input::Reply(_))
}

fn command(
    shared: &Shared,
    answers: impl Fn(&str) -> Option<String>,
    incoming: Incoming,
) -> Result<Packed, BusError> {
    let Incoming { envelope, reply_to, early: _ } = incoming;
    let relocation = envelope.relocation;
    let (key, body) = match envelope.input {
        Input::Submitted { request } => {
            let body = SubmitBody { v: COMMAND_VERSION, relocation: Some(relocation), request };
            (SUBMIT_KEY, json(&body)?)
        }
        Input::Command(Command { kind, reason, expected_version, plan }) => {
            let reason = (!reason.is_empty()).then_some(reason);
            let body = CommandBody { v: COMMAND_VERSION, relocation, reason, expected_version, plan };
            (key_of(kind), json(&body)?)
        }
        _ => return Err(refused("packing a command", "it is none")),
    };
    asked(shared, answers, key, body, &envelope.cause, reply_to, envelope.by)
}

fn steer(shared: &Shared, answers: impl Fn(&str) -> Option<String>, wish: Wish) -> Result<Packed, BusError> {
    let Wish { steer: Steer { id, turn, scope, by, reason }, reply_to } = wish;
    let key = steer_key_of(turn).ok_or_else(|| refused("packing a wish", "it is nobody's to wish"))?;
    asked(shared, answers, key, json(&SteerBody::new(scope, reason))?, &id, reply_to, by)
}

/// A command, from whom it is and whom to tell.
fn asked(
    shared: &Shared,
    answers: impl Fn(&str) -> Option<String>,
    key: &str,
    body: Vec<u8>,
    id: &MessageId,
    reply_to: Option<ReplyTo>,
    by: By,
) -> Result<Packed, BusError> {
    let mut packed = packed(shared, &shared.names.commands(), key, &kind::command(key), body)?;
    packed.mandatory = true;
    let mut properties = std::mem::take(&mut packed.properties)
        .with_message_id(short("message id", &id.0)?)
        .with_user_id(short("user", &shared.user)?);
    if let Some(ReplyTo { queue, correlation }) = reply_to {
        let queue = answers(&queue).unwrap_or(queue);
        properties = properties
            .with_reply_to(short("reply queue", &queue)?)
            .with_correlation_id(short("correlation", &correlation.0)?);
    }
    packed.properties = properties;
    match by {
        By::Person { name, via, role } => {
            packed.header(header::PERSON, text(&name));
            packed.header(header::ROLE, text(role.wire()));
            packed.header(header::VIA, text(&via));
        }
        By::Nobody { via } => packed.header(header::VIA, text(&via)),
        By::Configurator { .. } | By::Timer | By::System => {}
    }
    Ok(packed)
}

fn reply(shared: &Shared, envelope: &Envelope) -> Result<Packed, BusError> {
    let Input::Reply(reply) = &envelope.input else {
        return Err(refused("packing a reply", "it is none"));
    };
    let By::Configurator { domain: Some(domain), .. } = &envelope.by else {
        return Err(refused("packing a reply", "it is in no domain"));
    };
    let key = domain_key(reply.layer, domain);
    let mut packed = packed(shared, &shared.names.replies(), &key, kind::REPLY, json(reply)?)?;
    packed.mandatory = true;
    packed.properties = std::mem::take(&mut packed.properties)
        .with_message_id(short("message id", &envelope.cause.0)?)
        .with_user_id(short("user", &shared.user)?)
        .with_correlation_id(correlation(envelope.relocation));
    Ok(packed)
}

/// The key of a domain's orders and of their replies.
fn domain_key(layer: Layer, domain: &str) -> String {
    format!("{}.{domain}", layer.wire())
}

/// An input that the supervisor's own processes give it.
pub(in crate::amqp) fn internal(shared: &Shared, incoming: &Incoming) -> Result<Packed, BusError> {
    let envelope = &incoming.envelope;
    let key = envelope.input.word();
    let mut packed = packed(shared, &shared.names.internal(), key, kind::INPUT, json(envelope)?)?;
    packed.mandatory = true;
    packed.properties = std::mem::take(&mut packed.properties)
        .with_message_id(short_or_hashed(&envelope.cause.0))
        .with_correlation_id(correlation(envelope.relocation));
    if incoming.early > 0 {
        packed.header(header::EARLY, AMQPValue::LongLongInt(i64::from(incoming.early)));
    }
    if let Some(to) = &incoming.reply_to {
        packed.header(header::REPLY_QUEUE, text(&to.queue));
        packed.header(header::REPLY_CORRELATION, text(&to.correlation.0));
    }
    Ok(packed)
}

fn work_order(shared: &Shared, order: &WorkOrder) -> Result<Packed, BusError> {
    let key = domain_key(order.layer, &(shared.options.domain_of)(order));
    let mut packed = packed(shared, &shared.names.work(), &key, kind::ORDER, json(order)?)?;
    packed.mandatory = true;
    packed.properties = std::mem::take(&mut packed.properties)
        .with_message_id(short("message id", &order.id.to_string())?)
        .with_correlation_id(correlation(order.relocation));
    Ok(packed)
}

fn event(shared: &Shared, event: &Event) -> Result<Packed, BusError> {
    let key = format!("relocation.{}", event.status.wire());
    let mut packed = packed(shared, &shared.names.events(), &key, kind::EVENT, json(event)?)?;
    packed.counted = true;
    packed.properties = std::mem::take(&mut packed.properties)
        .with_message_id(short("message id", &format!("{}:{}", event.relocation, event.seq))?)
        .with_correlation_id(correlation(event.relocation));
    Ok(packed)
}

fn alarm(shared: &Shared, raised: &Raised) -> Result<Packed, BusError> {
    let key = format!("alarm.{}", raised.severity.wire());
    let body = json(raised)?;
    let id = Uuid::new_v5(&Uuid::NAMESPACE_OID, &body);
    let mut packed = packed(shared, &shared.names.events(), &key, kind::ALARM, body)?;
    packed.counted = true;
    packed.properties = std::mem::take(&mut packed.properties)
        .with_message_id(short("message id", &format!("{}:alarm:{id}", raised.relocation))?)
        .with_correlation_id(correlation(raised.relocation));
    Ok(packed)
}

fn steered(shared: &Shared, line: &Steered) -> Result<Packed, BusError> {
    let what = match line.turn {
        Turn::Pause => "paused",
        Turn::Drain => "draining",
        Turn::Drained => "drained",
        Turn::Resume => "resumed",
        Turn::Lifted => "lifted",
    };
    let key = format!("steering.{what}");
    let mut packed = packed(shared, &shared.names.events(), &key, kind::STEERED, json(line)?)?;
    packed.counted = true;
    packed.properties = std::mem::take(&mut packed.properties)
        .with_message_id(short_or_hashed(&format!("{}:{what}", line.id)));
    Ok(packed)
}

fn answer(
    shared: &Shared,
    answers: impl Fn(&str) -> Option<String>,
    answered: Answered,
) -> Result<Packed, BusError> {
    let ReplyTo { queue, correlation } = answered.to;
    let queue = answers(&queue).unwrap_or(queue);
    let mut packed = packed(shared, "", &queue, kind::ANSWER, json(&answered.answer)?)?;
    packed.properties =
        std::mem::take(&mut packed.properties).with_correlation_id(short_or_hashed(&correlation.0));
    Ok(packed)
}

/// What nobody could read, with the reason and where it came from.
pub(in crate::amqp) fn dead(
    shared: &Shared,
    delivery: &lapin::message::Delivery,
    by: Option<&By>,
    reason: &str,
) -> Result<Packed, BusError> {
    let limit = shared.limits().dead_body;
    let whole = delivery.data.len();
    let mut reason = reason.to_owned();
    if whole > limit {
        reason = format!("{reason} (of {whole} bytes the first {limit} are kept)");
    }
    let body = delivery.data.iter().take(limit).copied().collect();
    let key = delivery.routing_key.as_str();
    let mut packed = packed(shared, &shared.names.dead(), key, kind::DEAD, body)?;
    packed.mandatory = true;
    let properties = &delivery.properties;
    let own = || Uuid::now_v7().to_string().as_str().into();
    let id = properties.message_id().clone().filter(|id| !id.as_str().is_empty()).unwrap_or_else(own);
    packed.properties = std::mem::take(&mut packed.properties).with_message_id(id);
    packed.header(header::REASON, text(&reason));
    packed.header(header::ORIGIN, text(shared.names.short(delivery.exchange.as_str())));
    packed.header(header::KEY, text(key));
    if let Some(user) = properties.user_id() {
        packed.header(header::USER, text(user.as_str()));
    }
    if let Some(by) = by {
        packed.header(header::BY, text(&String::from_utf8_lossy(&json(by)?)));
    }
    Ok(packed.traced(trace_of(properties).as_ref()))
}

fn packed(shared: &Shared, exchange: &str, key: &str, kind: &str, body: Vec<u8>) -> Result<Packed, BusError> {
    let now = u64::try_from(Timestamp::now().as_second()).unwrap_or_default();
    let properties = BasicProperties::default()
        .with_content_type("application/json".into())
        .with_delivery_mode(PERSISTENT)
        .with_type(short("type", kind)?)
        .with_timestamp(now)
        .with_app_id(short("name", &shared.options.name)?);
    Ok(Packed {
        exchange: short("exchange", exchange)?,
        key: short("routing key", key)?,
        mandatory: false,
        counted: false,
        properties,
        body,
    })
}

fn json(value: &impl Serialize) -> Result<Vec<u8>, BusError> {
    serde_json::to_vec(value).map_err(|error| refused("writing a message as JSON", &error.to_string()))
}

pub(in crate::amqp) fn text(text: &str) -> AMQPValue {
    AMQPValue::LongString(text.into())
}

fn correlation(relocation: RelocationId) -> ShortString {
    short_or_hashed(&relocation.to_string())
}

/// AMQP's short strings end at 255 bytes.
fn short(what: &'static str, given: &str) -> Result<ShortString, BusError> {
    ShortString::try_new(given).map_err(|error| refused(what, &error.to_string()))
}

/// For ids that only tell messages apart, and are in the body too.
fn short_or_hashed(given: &str) -> ShortString {
    ShortString::try_new(given).unwrap_or_else(|_| hashed(given.as_bytes()).to_string().as_str().into())
}

/// A name for what has none, the same each time.
pub(in crate::amqp) fn hashed(bytes: &[u8]) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, bytes)
}

fn refused(what: &'static str, detail: &str) -> BusError {
    BusError::Failed { what, detail: detail.to_owned() }
}

/// The id of a message that a user of the broker sent: their own, made theirs, so that no user's ids meet another's.
pub(in crate::amqp) fn foreign_id(user: Option<&str>, id: &str) -> MessageId {
    let user = user.unwrap_or_default().replace('%', "%25").replace(':', "%3A");
    MessageId(format!("amqp:{user}:{id}"))
}

/// A header's text.
pub(in crate::amqp) fn header_text(headers: Option<&FieldTable>, name: &str) -> Option<String> {
    match headers?.inner().get(name)? {
        AMQPValue::LongString(text) => Some(String::from_utf8_lossy(text.as_bytes()).into_owned()),
        AMQPValue::ShortString(text) => Some(text.as_str().to_owned()),
        _ => None,
    }
}

/// A header's number.
pub(in crate::amqp) fn header_number(headers: Option<&FieldTable>, name: &str) -> Option<u64> {
    match headers?.inner().get(name)? {
        AMQPValue::LongLongInt(number) => u64::try_from(*number).ok(),
        AMQPValue::LongInt(number) => u64::try_from(*number).ok(),
        _ => None,
    }
}
