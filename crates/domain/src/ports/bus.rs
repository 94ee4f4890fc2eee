//! What goes over the bus, and who takes it.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{DeadLetter, NotResent, Wait};
use crate::{
    event::{Event, Raised},
    id::MessageId,
    message::{Answer, Envelope, Input, Rejection},
    order::{Layer, WorkOrder},
    steering::{Steer, Steered},
    trace::Trace,
};

/// The bus could not take it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BusError {
    /// The bus has been closed.
    #[error("the bus is closed")]
    Closed,
    /// The broker answered with an error, or not at all.
    #[error("the bus failed at {what}: {detail}")]
    Failed {
        /// At what.
        what: &'static str,
        /// What it said.
        detail: String,
    },
}

/// Where an answer goes: the asker's own queue, and what it calls its question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplyTo {
    /// The queue.
    pub queue: String,
    /// The correlation.
    pub correlation: MessageId,
}

/// An input on its way to the supervisor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incoming {
    /// The message.
    pub envelope: Envelope,
    /// Who wants an answer.
    pub reply_to: Option<ReplyTo>,
    /// How often it has been put back because it came too early.
    pub early: u8,
}

impl From<Envelope> for Incoming {
    fn from(envelope: Envelope) -> Self {
        Self { envelope, reply_to: None, early: 0 }
    }
}

/// A wish to pause or to resume on its way to a helm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// The wish.
    pub steer: Steer,
    /// Who wants an answer.
    pub reply_to: Option<ReplyTo>,
}

/// An answer on its way to whoever asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answered {
    /// To whom.
    pub to: ReplyTo,
    /// What.
    pub answer: Answer,
}

/// What goes over the bus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outgoing {
    /// From people and other systems, to the supervisor.
    Command(Incoming),
    /// From configurators and clocks, to the supervisor; never waits behind commands.
    Reply(Incoming),
    /// From the supervisor to a configurator.
    Order(WorkOrder),
    /// From the supervisor to whoever listens.
    Event(Event),
    /// From the supervisor to whoever is on call.
    Alarm(Raised),
    /// From the supervisor to whoever asked.
    Answer(Answered),
    /// From people, to whichever supervisor's helm takes it.
    Steer(Wish),
    /// From a helm to whoever listens: something was paused or resumed.
    Steered(Steered),
    /// Any of these with where it belongs in a trace. Invariant: not one of itself.
    Traced(Trace, Box<Self>),
}

impl Outgoing {
    /// With where it belongs in a trace, instead of where it was said to belong before.
    #[must_use]
    pub fn traced(self, trace: Option<Trace>) -> Self {
        let (message, _) = self.untraced();
        match trace {
            Some(trace) => Self::Traced(trace, Box::new(message)),
            None => message,
        }
    }

    /// The message itself, and where it belongs in a trace.
    #[must_use]
    pub fn untraced(self) -> (Self, Option<Trace>) {
        match self {
            Self::Traced(trace, message) => (*message, Some(trace)),
            message => (message, None),
        }
    }
}

/// A message in hand, and its tag to acknowledge it by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery<T> {
    /// What.
    pub message: T,
    /// Its tag.
    pub tag: u64,
    /// Where it belongs in a trace, if its sender said.
    pub trace: Option<Trace>,
    /// An order's: the domain by whose key it came, where the bus has domains. Its reply goes back by the same.
    pub domain: Option<String>,
}

/// The supervisor's two queues. Replies come first: a reply ends work in hand, a command begins more.
pub trait Inputs: Send {
    /// What has queued up, up to `max`, waiting for at least one message. Commands only if `commands`. None: closed.
    ///
    /// Cancel-safe: a future dropped before it resolved has taken nothing, so it may stand in a `select`.
    fn next(&mut self, max: usize, commands: bool) -> Wait<'_, Option<Vec<Delivery<Incoming>>>>;

    /// What acknowledges them.
    fn acks(&self) -> Arc<dyn Acks>;
}

/// Acknowledges messages that a queue has handed out; apart from the queue, so that the next ones are taken meanwhile.
pub trait Acks: Send + Sync {
    /// These have taken effect, durably, and what they led to is on the bus. What is never acknowledged comes again.
    fn ack(&self, tags: Vec<u64>) -> Wait<'_, Result<(), BusError>>;
}

/// A configurator's queue.
pub trait WorkQueue: Send {
    /// The next order. None: closed. Cancel-safe.
    fn next(&mut self) -> Wait<'_, Option<Delivery<WorkOrder>>>;

    /// What acknowledges them.
    fn acks(&self) -> Arc<dyn Acks>;
}

/// A listener to events.
pub trait Events: Send {
    /// The next event. [`Heard::Missed`] if the listener was too slow: look at the store instead.
    fn next(&mut self) -> Wait<'_, Option<Heard>>;
}

/// What a listener hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// An event.
    Event(Event),
    /// An alarm.
    Alarm(Raised),
    /// Something was paused or resumed by message.
    Steered(Steered),
    /// So many events passed while the listener was busy.
    Missed(u64),
}

/// Answers to one asker.
pub trait Answers: Send {
    /// The next answer. None: closed.
    fn next(&mut self) -> Wait<'_, Option<Answered>>;
}

/// Messages that the bus could not give to anybody, on their way to where people look for them.
pub trait DeadQueue: Send {
    /// The next one. None: closed. Cancel-safe. A bus that keeps nothing has none, and only ever ends.
    fn next(&mut self) -> Wait<'_, Option<Delivery<DeadLetter>>>;

    /// What acknowledges them, once they are kept elsewhere.
    fn acks(&self) -> Arc<dyn Acks>;
}

/// People's wishes to pause and to resume, on their way to a helm.
pub trait SteeringQueue: Send {
    /// The next one. None: closed. Cancel-safe.
    fn next(&mut self) -> Wait<'_, Option<Delivery<Wish>>>;

    /// What acknowledges them, once they stand in the log.
    fn acks(&self) -> Arc<dyn Acks>;
}

/// How full a queue is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Depth {
    /// Which: `intake`, `supervisor`, `steering`, `l3`, `l2`, `dead`, `unreadable`.
    pub queue: String,
    /// Messages nobody has in hand.
    pub messages: u64,
    /// Who takes from it, if the bus knows.
    pub consumers: Option<u64>,
}

/// The bus.
pub trait Bus: Send + Sync {
    /// Hands messages over, in order. Resolves when the bus answers for them; waits where a queue is full.
    fn send(&self, messages: Vec<Outgoing>) -> Wait<'_, Result<(), BusError>>;

    /// The supervisor's queues. Several consumers compete.
    fn inputs(&self) -> Box<dyn Inputs>;

    /// A layer's queue. Several consumers compete.
    fn work(&self, layer: Layer) -> Box<dyn WorkQueue>;

    /// Everything published from now on.
    fn events(&self) -> Box<dyn Events>;

    /// A queue of one's own for answers.
    fn answers(&self, queue: &str) -> Box<dyn Answers>;

    /// The wishes to pause and to resume. Several consumers compete.
    fn steering(&self) -> Box<dyn SteeringQueue>;

    /// The messages nobody could read or take. Several consumers compete.
    fn dead(&self) -> Box<dyn DeadQueue>;

    /// The request or command that a dead letter is, so that it can be sent again.
    ///
    /// # Errors
    /// If it is none, or can't be read.
    fn said(&self, letter: &DeadLetter) -> Result<Envelope, NotResent>;

    /// How full the queues are that everybody shares. For watching: asked every few seconds, so it must be cheap.
    fn depths(&self) -> Wait<'_, Result<Vec<Depth>, BusError>>;

    /// Whether messages outlive the process. If not, outstanding orders are sent again at start.
    fn keeps_messages(&self) -> bool;

    /// Consumers end: over a bus that keeps nothing they get what is queued first, and no more is taken; over one that
    /// keeps messages what was not handed out goes back, and what is in hand can still be sent and acknowledged.
    fn close(&self);
}

/// Says why an input was set aside. Its body is the whole envelope, so that it can be sent again.
#[must_use]
pub fn dead_letter(
    delivery: &Delivery<Incoming>,
    rejection: &Rejection,
    at: Timestamp,
    body: String,
) -> DeadLetter {
    let Delivery { message: incoming, trace, .. } = delivery;
    let origin = match incoming.envelope.input {
        Input::Submitted { .. } | Input::Command(_) => "commands",
        _ => "replies",
    };
    DeadLetter {
        id: incoming.envelope.cause.clone(),
        at,
        origin: origin.to_owned(),
        key: None,
        by: Some(incoming.envelope.by.clone()),
        trace: trace.clone(),
        reason: rejection.to_string(),
        body,
    }
}
