//! What comes off the wire, as the domain's messages, or why it can't be read.

use lapin::{
    BasicProperties,
    message::Delivery,
    types::{FieldTable, ShortString},
};
use rehome_domain::{
    command::{By, Command},
    id::{MessageId, RelocationId, WorkOrderId},
    message::{Answer, Envelope, Input},
    order::{Layer, MESSAGE_VERSION, WorkOrder},
    ports::{Answered, Heard, Incoming, ReplyTo, Wish},
    reply::{Reply, Report},
    role::Role,
    steering::Steer,
    trace::Trace,
};
use serde::{Deserialize, de::DeserializeOwned};

use super::{
    COMMAND_VERSION, CommandBody, SUBMIT_KEY, SteerBody, SubmitBody, Unreadable, command_of, header, kind,
    outward::{foreign_id, hashed, header_number, header_text},
    turn_of,
};
use crate::amqp::connection::Shared;

/// The causes of the supervisor's own messages about an order: nobody else's message may take their place.
const OUR_CAUSES: [&str; 2] = ["overdue", "undeliverable"];

pub(super) type Read<T> = Result<T, Unreadable>;

fn bad<T>(reason: impl Into<String>) -> Read<T> {
    Err(Unreadable::Bad(reason.into()))
}

/// An input for the supervisor.
pub(in crate::amqp) fn input(shared: &Shared, delivery: &Delivery) -> Read<Incoming> {
    small_enough(shared, delivery)?;
    let names = &shared.names;
    match delivery.exchange.as_str() {
        exchange if exchange == names.commands() => command(shared, delivery),
        exchange if exchange == names.replies() => reply(shared, delivery).map(Incoming::from),
        exchange if exchange == names.internal() => internal(delivery),
        other => bad(format!("it came by the exchange `{other}`, which gives the supervisor nothing")),
    }
}

/// A work order for a layer.
pub(in crate::amqp) fn work_order(shared: &Shared, layer: Layer, delivery: &Delivery) -> Read<WorkOrder> {
    small_enough(shared, delivery)?;
    if delivery.exchange.as_str() != shared.names.work() {
        return bad(format!("it came by the exchange `{}`, which gives nobody orders", delivery.exchange));
    }
    of_kind(delivery, kind::ORDER, Unreadable::Newer)?;
    let order: WorkOrder = versioned(&delivery.data, MESSAGE_VERSION, Unreadable::Newer)?;
    if order.layer != layer {
        return bad(format!("it is an order for {}, in the queue of {layer}", order.layer));
    }
    if order.id.relocation != order.relocation {
        return bad(format!("`relocation` is {}, but `id` is {}", order.relocation, order.id));
    }
    Ok(order)
}

/// Newer brokers (RabbitMQ 4.3) count against a queue's delivery limit only what was rejected, and tell how often a
/// message was handed out at all: one that kills its reader each time is set aside here.
pub(in crate::amqp) fn worn_out(shared: &Shared, delivery: &Delivery) -> Read<()> {
    let times = header_number(headers(delivery), header::ACQUIRED).unwrap_or_default();
    if times > u64::from(shared.limits().deliveries) {
        return bad(format!("it was handed out {times} times before and each time its reader died"));
    }
    Ok(())
}

/// An event or alarm.
pub(in crate::amqp) fn heard(shared: &Shared, delivery: &Delivery) -> Read<Heard> {
    small_enough(shared, delivery)?;
    match delivery.routing_key.as_str().split('.').next() {
        Some("relocation") => Ok(Heard::Event(parse(&delivery.data)?)),
        Some("alarm") => Ok(Heard::Alarm(parse(&delivery.data)?)),
        Some("steering") => Ok(Heard::Steered(parse(&delivery.data)?)),
        _ => bad(format!("`{}` is no event's key", delivery.routing_key)),
    }
}

/// Where a message belongs in a trace. What is not as it must be is none.
pub(in crate::amqp) fn trace_of(properties: &BasicProperties) -> Option<Trace> {
    let headers = properties.headers().as_ref();
    let parent = header_text(headers, header::TRACE_PARENT)?;
    Trace::read(&parent, header_text(headers, header::TRACE_STATE).as_deref())
}

/// Which publisher counted an event, and as how many.
pub(in crate::amqp) fn counted(delivery: &Delivery) -> Option<(String, u64)> {
    let headers = headers(delivery);
    Some((header_text(headers, header::PUBLISHER)?, header_number(headers, header::COUNT)?))
}

/// An answer to one of our own questions; `queue` is the asker's name for itself.
pub(in crate::amqp) fn answer(shared: &Shared, queue: &str, delivery: &Delivery) -> Read<Answered> {
    small_enough(shared, delivery)?;
    let answer: Answer = parse(&delivery.data)?;
    let Some(correlation) = delivery.properties.correlation_id() else {
        return bad("`correlation_id` is missing");
    };
    let to = ReplyTo { queue: queue.to_owned(), correlation: MessageId(correlation.as_str().to_owned()) };
    Ok(Answered { to, answer })
}

/// Who is behind a message from outside, as far as the broker vouches for it.
pub(in crate::amqp) fn sender(shared: &Shared, delivery: &Delivery) -> Read<By> {
    let via = "amqp".to_owned();
    let Some(user) = delivery.properties.user_id().as_ref().map(ShortString::as_str) else {
        return Ok(By::Nobody { via });
    };
    if !shared.options.relays.iter().any(|relay| relay == user) {
        let role = (shared.options.role_of)(user);
        return Ok(By::Person { name: user.to_owned(), via, role });
    }
    let headers = headers(delivery);
    let via = header_text(headers, header::VIA);
    let Some(name) = header_text(headers, header::PERSON) else {
        // A relay that says only the way says that it vouches for nobody; one that says nothing speaks for itself.
        return Ok(via.map_or_else(
            || By::Person {
                name: user.to_owned(),
                via: "amqp".to_owned(),
                role: (shared.options.role_of)(user),
            },
            |via| By::Nobody { via },
        ));
    };
    let role = header_text(headers, header::ROLE)
        .ok_or_else(|| Unreadable::Bad(format!("the relay `{user}` gives no header `{}`", header::ROLE)))?;
    let role: Role = role
        .parse()
        .map_err(|error| Unreadable::Bad(format!("in the header `{}`: {error}", header::ROLE)))?;
    Ok(By::Person { name, via: via.unwrap_or_else(|| "amqp".to_owned()), role })
}

fn command(shared: &Shared, delivery: &Delivery) -> Read<Incoming> {
    let key = delivery.routing_key.as_str();
    if command_of(key).is_none() && key != SUBMIT_KEY {
        return bad(format!("the routing key `{key}` names no command"));
    }
    // Whoever writes commands is told at once, and can say it in the older words.
    of_kind(delivery, &kind::command(key), Unreadable::Bad)?;
    let Asked { by, cause, reply_to } = asked_by(shared, delivery)?;
    let (relocation, input) = command_body(key, &delivery.data, &cause)?;
    Ok(Incoming { envelope: Envelope { relocation, cause, by, input }, reply_to, early: 0 })
}

/// What the body of a command with this key asks, and of which relocation.
pub(super) fn command_body(key: &str, body: &[u8], cause: &MessageId) -> Read<(RelocationId, Input)> {
    let Some(kind) = command_of(key) else {
        let body: SubmitBody = versioned(body, COMMAND_VERSION, Unreadable::Bad)?;
        let derived = || RelocationId(hashed(cause.0.as_bytes()));
        return Ok((body.relocation.unwrap_or_else(derived), Input::Submitted { request: body.request }));
    };
    let body: CommandBody = versioned(body, COMMAND_VERSION, Unreadable::Bad)?;
    let reason = body.reason.unwrap_or_default();
    let CommandBody { expected_version, plan, .. } = body;
    Ok((body.relocation, Input::Command(Command { kind, reason, expected_version, plan })))
}

/// A wish to pause or to resume.
pub(in crate::amqp) fn wish(shared: &Shared, delivery: &Delivery) -> Read<Wish> {
    small_enough(shared, delivery)?;
    let key = delivery.routing_key.as_str();
    if delivery.exchange.as_str() != shared.names.commands() {
        return bad(format!("it came by the exchange `{}`, which gives nobody commands", delivery.exchange));
    }
    let Some(turn) = turn_of(key) else {
        return bad(format!("the routing key `{key}` names no command"));
    };
    of_kind(delivery, &kind::command(key), Unreadable::Bad)?;
    let Asked { by, cause: id, reply_to } = asked_by(shared, delivery)?;
    let body: SteerBody = versioned(&delivery.data, COMMAND_VERSION, Unreadable::Bad)?;
    let scope = body.scope()?;
    Ok(Wish { steer: Steer { id, turn, scope, by, reason: body.reason }, reply_to })
}

/// Who asks, what their message is called so that it counts once, and where the answer goes.
struct Asked {
    by: By,
    cause: MessageId,
    reply_to: Option<ReplyTo>,
}

fn asked_by(shared: &Shared, delivery: &Delivery) -> Read<Asked> {
    let by = sender(shared, delivery)?;
    let id = message_id(delivery).ok_or_else(|| {
        Unreadable::Bad(
            "`message_id` is missing: without it a command sent twice would count twice".to_owned(),
        )
    })?;
    let user = delivery.properties.user_id().as_ref().map(ShortString::as_str);
    let relayed = user.is_some_and(|user| shared.options.relays.iter().any(|relay| relay == user));
    let cause = if relayed { MessageId(id.clone()) } else { foreign_id(user, &id) };
    let reply_to = reply_to(shared, delivery, &id)?;
    Ok(Asked { by, cause, reply_to })
}

fn reply_to(shared: &Shared, delivery: &Delivery, id: &str) -> Read<Option<ReplyTo>> {
    let Some(queue) = delivery.properties.reply_to().as_ref().filter(|queue| !queue.as_str().is_empty())
    else {
        return Ok(None);
    };
    if !shared.names.may_be_answered(queue.as_str()) {
        return bad(format!("`reply_to` names `{queue}`, which is not for answers"));
    }
    let correlation = delivery.properties.correlation_id().as_ref().map_or(id, |given| given.as_str());
    Ok(Some(ReplyTo { queue: queue.as_str().to_owned(), correlation: MessageId(correlation.to_owned()) }))
}

/// The domain by whose key an order came; none if it is no order.
pub(in crate::amqp) fn domain_of_order(shared: &Shared, delivery: &Delivery) -> Option<String> {
    (delivery.exchange.as_str() == shared.names.work()).then(|| domain(delivery)).flatten()
}

/// The domain of an order's or a reply's key.
fn domain(delivery: &Delivery) -> Option<String> {
    let (_, domain) = delivery.routing_key.as_str().split_once('.')?;
    (!domain.is_empty()).then(|| domain.to_owned())
}

/// A reply, by whoever may write for its layer and domain: ours, or a vendor's. Whether the order is that domain's the
/// supervisor sees, who knows its device.
fn reply(shared: &Shared, delivery: &Delivery) -> Read<Envelope> {
    of_kind(delivery, kind::REPLY, Unreadable::Newer)?;
    let reply: Reply = versioned(&delivery.data, MESSAGE_VERSION, Unreadable::Newer)?;
    let key = delivery.routing_key.as_str();
    if key.split('.').next() != Some(reply.layer.wire()) {
        return bad(format!(
            "`layer` is {}, but the routing key is `{key}`: one layer can't answer for another",
            reply.layer.wire()
        ));
    }
    let Some(domain) = domain(delivery) else {
        return bad(format!("the routing key `{key}` names no domain, expected the order's own key"));
    };
    let domain = if says_no_domain(shared, &domain) {
        None
    } else {
        may_answer(shared, delivery, &domain)?;
        Some(domain)
    };
    let what = answer_of(reply.order, message_id(delivery).as_deref()).unwrap_or_else(|| said(&reply.report));
    Ok(Envelope::reply(reply, &what).in_domain(domain))
}

/// What replies came by before they said their domain: what an older process sends, or left in the queue, still counts,
/// except where configuration says who may answer.
const BEFORE_DOMAINS: &str = "reply";

fn says_no_domain(shared: &Shared, domain: &str) -> bool {
    domain == BEFORE_DOMAINS && shared.options.configurators.is_empty()
}

/// Where configuration names who answers for a domain, nobody else does.
fn may_answer(shared: &Shared, delivery: &Delivery, domain: &str) -> Read<()> {
    let user = delivery.properties.user_id().as_ref().map(ShortString::as_str);
    let named = || shared.options.configurators.iter().filter(|(of, _)| of == domain);
    if named().next().is_none() || named().any(|(_, name)| Some(name.as_str()) == user) {
        return Ok(());
    }
    match user {
        Some(user) => bad(format!("the user `{user}` may not answer for the domain `{domain}`")),
        None => bad(format!("`user_id` is missing: only known users answer for the domain `{domain}`")),
    }
}

/// What a message's id says of the answer it is, if it is made as ours are: `order:what`.
fn answer_of(order: WorkOrderId, id: Option<&str>) -> Option<String> {
    let what = id?.strip_prefix(&order.to_string())?.strip_prefix(':')?;
    let ours = OUR_CAUSES.iter().any(|cause| what.starts_with(cause));
    (!what.is_empty() && !ours).then(|| what.to_owned())
}

/// Tells apart the several messages that answer an order, by what they say, so that the same one counts once.
fn said(report: &Report) -> String {
    match report {
        Report::Retrying { attempt, .. } => format!("retrying:{attempt}"),
        Report::RolledBack { .. } => "rolled_back".to_owned(),
        Report::Reserve { .. }
        | Report::Release { .. }
        | Report::CutoverL3 { .. }
        | Report::CutoverRefused { .. }
        | Report::CutoverL2 { .. }
        | Report::InstallRolledBack { .. }
        | Report::Confirmed { .. }
        | Report::TakenBack { .. }
        | Report::Noticed
        | Report::Inspected { .. } => "done".to_owned(),
    }
}

fn internal(delivery: &Delivery) -> Read<Incoming> {
    of_kind(delivery, kind::INPUT, Unreadable::Newer)?;
    let envelope: Envelope = parse(&delivery.data)?;
    let headers = headers(delivery);
    let early = header_number(headers, header::EARLY).and_then(|early| u8::try_from(early).ok()).unwrap_or(0);
    let to = header_text(headers, header::REPLY_QUEUE).zip(header_text(headers, header::REPLY_CORRELATION));
    let reply_to = to.map(|(queue, correlation)| ReplyTo { queue, correlation: MessageId(correlation) });
    Ok(Incoming { envelope, reply_to, early })
}

/// How often a delivery has been given out and handed back before.
pub(in crate::amqp) fn handed_back(delivery: &Delivery) -> u64 {
    header_number(headers(delivery), "x-delivery-count").unwrap_or(0)
}

pub(super) fn headers(delivery: &Delivery) -> Option<&FieldTable> {
    delivery.properties.headers().as_ref()
}

pub(super) fn message_id(delivery: &Delivery) -> Option<String> {
    let id = delivery.properties.message_id().as_ref()?.as_str();
    (!id.is_empty()).then(|| id.to_owned())
}

fn small_enough(shared: &Shared, delivery: &Delivery) -> Read<()> {
    let (is, limit) = (delivery.data.len(), shared.limits().body);
    if is > limit { bad(format!("its body has {is} bytes, and {limit} is the most we read")) } else { Ok(()) }
}

/// What becomes of a message of a newer version: [`Unreadable::Newer`] among our own processes.
type IfNewer = fn(String) -> Unreadable;

/// Whoever names a type must name the right one; not to name it is allowed.
fn of_kind(delivery: &Delivery, expected: &str, newer: IfNewer) -> Read<()> {
    match delivery.properties.kind() {
        Some(kind) if kind.as_str() != expected => {
            let why =
                format!("`type` is `{kind}`, expected `{expected}`: if it is newer, upgrade the receiver");
            Err(if is_newer(kind.as_str(), expected) { newer(why) } else { Unreadable::Bad(why) })
        }
        _ => Ok(()),
    }
}

/// Whether a type is a later version of another.
fn is_newer(kind: &str, expected: &str) -> bool {
    let split = |kind: &str| {
        let (name, version) = kind.rsplit_once(".v")?;
        Some((name.to_owned(), version.parse::<u16>().ok()?))
    };
    split(kind).zip(split(expected)).is_some_and(|(one, other)| one.0 == other.0 && one.1 > other.1)
}

/// Reads a body whose version is looked at first: what a newer version says is not ours to judge.
fn versioned<T: DeserializeOwned>(body: &[u8], ours: u16, newer: IfNewer) -> Read<T> {
    #[derive(Deserialize)]
    struct Version {
        v: u16,
    }
    let Version { v } = parse(body)?;
    if v > ours {
        let why = format!("`v` is {v}, and this binary knows versions up to {ours}: upgrade it");
        return Err(newer(why));
    }
    if v == 0 {
        return bad("`v` is 0, and versions begin with 1");
    }
    parse(body)
}

/// Reads JSON; what is wrong is said with its place.
fn parse<T: DeserializeOwned>(body: &[u8]) -> Read<T> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let parsed = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let (path, inner) = (error.path().to_string(), error.into_inner());
        let at = if path == "." { String::new() } else { format!("at `{path}`: ") };
        Unreadable::Bad(if inner.is_data() {
            format!("{at}{inner}")
        } else {
            format!("{at}not JSON: {inner}")
        })
    })?;
    json.end().map_err(|error| Unreadable::Bad(format!("not JSON: {error}")))?;
    Ok(parsed)
}
