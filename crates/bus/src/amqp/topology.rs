//! Names of exchanges and queues, and declaring them.
//!
//! | exchange | who may write | queues bound to it |
//! |---|---|---|
//! | `.commands` | people and other systems | `.intake`: `order.#`, `deploy.#`; `.supervisor`: `override.#`, `cancel`, `retry.#`; `.steering`: `steer.#` |
//! | `.unrouted` | the broker: commands by other keys | `.supervisor`: `#` |
//! | `.work` | supervisors | `.l3`: `l3.<domain>`, `.l2`: `l2.<domain>` for our own domains; vendors bind their own |
//! | `.replies` | configurators | `.supervisor`: `#` |
//! | `.internal` | supervisors | `.supervisor`: `#` |
//! | `.events` | supervisors | listeners bind their own |
//! | `.dead` | whoever consumes, and the broker | `.dead`: `#` |
//!
//! `.unrouted` is `.commands`' alternate exchange: a command by a key that nobody knows must not vanish although its sender
//! got a confirm, so a supervisor sets it aside with the reason. That the broker then gives no command back as unroutable
//! costs nothing: one whose own queue somebody deleted goes the same way, and is carried out like any other.
//!
//! Beside them `.unreadable`, where the broker puts what even the reader of `.dead` could not take off its queue.
//!
//! Only what a policy can't say on both RabbitMQ 3.10 and 4, or must not be forgotten to say, is an argument: the kind of
//! queue, where its dead letters go and after how many deliveries, where unknown commands go. Everything else is left to the operator's policies.

use lapin::{
    Channel, Connection, ExchangeKind,
    options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions},
    protocol::{AMQPErrorKind, AMQPSoftError},
    types::{AMQPValue, FieldTable},
};
use rehome_domain::order::Layer;

use super::{error::AmqpError, options::Options};

/// All names, under one prefix.
#[derive(Debug, Clone)]
pub(super) struct Names {
    prefix: String,
}

impl Names {
    pub(super) fn new(prefix: &str) -> Self {
        Self { prefix: prefix.to_owned() }
    }

    fn under(&self, name: &str) -> String {
        format!("{}.{name}", self.prefix)
    }

    /// Commands of people and other systems.
    pub(super) fn commands(&self) -> String {
        self.under("commands")
    }

    /// Where commands go that no queue is bound for.
    pub(super) fn unrouted(&self) -> String {
        self.under("unrouted")
    }

    /// Orders.
    pub(super) fn work(&self) -> String {
        self.under("work")
    }

    /// Configurators' replies.
    pub(super) fn replies(&self) -> String {
        self.under("replies")
    }

    /// What supervisors tell themselves.
    pub(super) fn internal(&self) -> String {
        self.under("internal")
    }

    /// Events and alarms.
    pub(super) fn events(&self) -> String {
        self.under("events")
    }

    /// What nobody could read or take: an exchange and its queue.
    pub(super) fn dead(&self) -> String {
        self.under("dead")
    }

    /// The last resort: what kills whoever reads it, even among the dead. Nobody consumes it.
    pub(super) fn unreadable(&self) -> String {
        self.under("unreadable")
    }

    /// The queue of commands that begin work.
    pub(super) fn intake(&self) -> String {
        self.under("intake")
    }

    /// The queue of all other inputs.
    pub(super) fn supervisor(&self) -> String {
        self.under("supervisor")
    }

    /// The queue of wishes to pause and to resume.
    pub(super) fn steering(&self) -> String {
        self.under("steering")
    }

    /// A layer's queue.
    pub(super) fn layer(&self, layer: Layer) -> String {
        self.under(layer.wire())
    }

    /// An asker's own queue.
    pub(super) fn answers(&self, name: &str) -> String {
        format!("{}{name}", self.answers_prefix())
    }

    /// A listener's own queue.
    pub(super) fn listener(&self, name: &str) -> String {
        self.under(&format!("events.{name}"))
    }

    fn answers_prefix(&self) -> String {
        self.under("answers.")
    }

    /// Whether an answer may be sent to a queue: not to one of ours that is not for answers.
    pub(super) fn may_be_answered(&self, queue: &str) -> bool {
        !queue.starts_with(&self.under("")) || queue.starts_with(&self.answers_prefix())
    }

    /// The last word of one of our exchanges' names, for dead letters' origins.
    pub(super) fn short<'a>(&self, name: &'a str) -> &'a str {
        name.strip_prefix(&self.prefix).and_then(|rest| rest.strip_prefix('.')).unwrap_or(name)
    }

    /// The queues that everybody shares.
    pub(super) fn shared(&self) -> [String; 7] {
        [
            self.intake(),
            self.supervisor(),
            self.steering(),
            self.layer(Layer::L3),
            self.layer(Layer::L2),
            self.dead(),
            self.unreadable(),
        ]
    }

    /// The exchanges.
    pub(super) fn exchanges(&self) -> [String; 7] {
        [
            self.unrouted(),
            self.commands(),
            self.work(),
            self.replies(),
            self.internal(),
            self.events(),
            self.dead(),
        ]
    }

    /// What an operator runs to give an older `.commands` its alternate exchange.
    fn unrouted_policy(&self) -> String {
        let (commands, unrouted) = (self.commands().replace('.', "\\."), self.unrouted());
        format!(
            "rabbitmqctl set_policy -p <vhost> {unrouted} '^{commands}$' '{{\"alternate-exchange\":\"{unrouted}\"}}' \
             --apply-to exchanges"
        )
    }

    /// Each queue with the exchange and key of each of its bindings.
    pub(super) fn queues(&self, domains: &[String]) -> Vec<(String, Vec<(String, String)>)> {
        let on = |exchange: String, keys: &[&str]| -> Vec<(String, String)> {
            keys.iter().map(|key| (exchange.clone(), (*key).to_owned())).collect()
        };
        let layer = |layer: Layer| {
            let keys = domains.iter().map(|domain| (self.work(), format!("{}.{domain}", layer.wire())));
            (self.layer(layer), keys.collect())
        };
        let mut supervisor = on(self.commands(), &["override.#", "cancel", "retry.#"]);
        supervisor.extend(on(self.unrouted(), &["#"]));
        supervisor.extend(on(self.replies(), &["#"]));
        supervisor.extend(on(self.internal(), &["reply", "command", "overdue", "undeliverable"]));
        // What begins work for a ticket at rest waits while enough is in flight, whoever says it.
        let mut intake = on(self.commands(), &["order.#", "deploy.#"]);
        intake.extend(on(self.internal(), &["submitted", "window_opened", "resumed", "unpaused"]));
        vec![
            (self.unreadable(), Vec::new()),
            (self.dead(), on(self.dead(), &["#"])),
            (self.intake(), intake),
            (self.supervisor(), supervisor),
            (self.steering(), on(self.commands(), &["steer.#"])),
            layer(Layer::L3),
            layer(Layer::L2),
        ]
    }
}

/// Declares everything; harmless when it is there already.
pub(super) async fn declare(
    connection: &Connection,
    names: &Names,
    options: &Options,
) -> Result<(), AmqpError> {
    let opening = |error| failed("a channel to declare on", "", &error);
    let mut channel = connection.create_channel().await.map_err(opening)?;
    for exchange in names.exchanges() {
        match declare_exchange(&channel, names, &exchange).await {
            Err(AmqpError::Differs { theirs, .. }) if is_older(names, &exchange, &theirs) => {
                tracing::warn!(
                    exchange,
                    policy = names.unrouted_policy(),
                    "an older process has declared it: \
                    commands by keys that nobody knows vanish until the policy is set"
                );
                // The refusal has closed the other.
                channel = connection.create_channel().await.map_err(opening)?;
            }
            declared => declared?,
        }
    }
    for (queue, bindings) in names.queues(&options.domains) {
        declare_queue(&channel, names, &queue, options.limits.deliveries).await?;
        for (exchange, key) in bindings {
            let none = FieldTable::default();
            channel
                .queue_bind(
                    queue.as_str().into(),
                    exchange.as_str().into(),
                    key.as_str().into(),
                    QueueBindOptions::default(),
                    none,
                )
                .await
                .map_err(|error| {
                    failed(&format!("the binding of `{queue}` to `{exchange}` by `{key}`"), "", &error)
                })?;
        }
    }
    let _ = channel.close(200, "declared".into()).await;
    Ok(())
}

/// Whether an exchange is one that processes of before have declared, which are to go on beside us: it lacks nothing but its
/// alternate exchange, and a policy can give it that.
fn is_older(names: &Names, exchange: &str, theirs: &str) -> bool {
    exchange == names.commands()
        && theirs.contains("inequivalent arg 'alternate-exchange'")
        && theirs.contains("but current is none")
}

async fn declare_exchange(channel: &Channel, names: &Names, exchange: &str) -> Result<(), AmqpError> {
    // Only the broker itself writes there.
    let internal = exchange == names.unrouted();
    let options = ExchangeDeclareOptions { durable: true, internal, ..Default::default() };
    let mut arguments = FieldTable::default();
    if exchange == names.commands() {
        let elsewhere = AMQPValue::LongString(names.unrouted().into());
        arguments.insert("alternate-exchange".into(), elsewhere);
    }
    let internal = if internal { ", internal" } else { "" };
    let ours = [format!("durable, topic{internal}")].into_iter().chain(said(&arguments));
    let ours = ours.collect::<Vec<_>>().join(", ");
    channel
        .exchange_declare(exchange.into(), ExchangeKind::Topic, options, arguments)
        .await
        .map_err(|error| failed(&format!("the exchange `{exchange}`"), &ours, &error))
}

pub(super) async fn declare_queue(
    channel: &Channel,
    names: &Names,
    queue: &str,
    deliveries: u32,
) -> Result<(), AmqpError> {
    let arguments = arguments(names, queue, deliveries);
    let ours = said(&arguments).collect::<Vec<_>>().join(", ");
    channel
        .queue_declare(queue.into(), QueueDeclareOptions::durable(), arguments)
        .await
        .map_err(|error| failed(&format!("the queue `{queue}`"), &format!("durable, {ours}"), &error))?;
    Ok(())
}

/// Quorum, dead-lettered by the broker at least once (which needs full queues to refuse), after so many deliveries.
fn arguments(names: &Names, queue: &str, deliveries: u32) -> FieldTable {
    let mut arguments = FieldTable::default();
    let mut say = |name: &str, value: AMQPValue| {
        arguments.insert(name.into(), value);
    };
    let text = |text: &str| AMQPValue::LongString(text.into());
    say("x-queue-type", text("quorum"));
    if queue == names.unreadable() {
        return arguments;
    }
    if queue == names.dead() {
        say("x-dead-letter-exchange", text(""));
        say("x-dead-letter-routing-key", text(&names.unreadable()));
    } else {
        say("x-dead-letter-exchange", text(&names.dead()));
    }
    say("x-dead-letter-strategy", text("at-least-once"));
    say("x-overflow", text("reject-publish"));
    say("x-delivery-limit", AMQPValue::LongLongInt(i64::from(deliveries)));
    arguments
}

/// Arguments as a person reads them.
fn said(arguments: &FieldTable) -> impl Iterator<Item = String> {
    arguments.inner().iter().map(|(name, value)| format!("{name} = {}", shown(value)))
}

fn shown(value: &AMQPValue) -> String {
    match value {
        AMQPValue::LongString(text) => format!("`{text}`"),
        AMQPValue::LongLongInt(number) => number.to_string(),
        other => format!("{other:?}"),
    }
}

/// Sorts the broker's refusal of a declaration.
fn failed(what: &str, ours: &str, error: &lapin::Error) -> AmqpError {
    let (what, detail) = (what.to_owned(), error.to_string());
    match soft(error) {
        Some(AMQPSoftError::PRECONDITIONFAILED) => {
            AmqpError::Differs { what, ours: ours.to_owned(), theirs: detail }
        }
        Some(AMQPSoftError::ACCESSREFUSED) => AmqpError::MayNotDeclare { what, detail },
        _ => AmqpError::Declaring { what, detail },
    }
}

/// The channel-closing error, if it is one.
pub(super) fn soft(error: &lapin::Error) -> Option<AMQPSoftError> {
    match error.kind() {
        lapin::ErrorKind::ProtocolError(error) => match error.kind() {
            AMQPErrorKind::Soft(soft) => Some(soft.clone()),
            AMQPErrorKind::Hard(_) => None,
        },
        _ => None,
    }
}
