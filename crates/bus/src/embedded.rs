//! The bus within one process: bounded queues in memory, nothing kept.
//!
//! ```text
//!   commands   submissions, deploys, windows, what was paused or is resumed: they begin work
//!   overrides  people's retries and cancels: they may send orders too, but never wait behind commands
//!   replies    replies, deadlines, forces: they end work or send nothing, and never wait behind either
//!   l3, l2     work orders
//!   steering   wishes to pause and to resume, for the helm
//! ```
//!
//! Why nothing can lock up although every queue is bounded: what may send orders for a ticket that has none out
//! ([`Weight`]) is left waiting while as many relocations are in flight as [`Capacity::in_flight`] allows, a relocation has
//! at most one order and one `inspect` out at each layer, and the work queues have room for all of those. So the
//! supervisor never waits on a full work queue, always comes back to its replies, and the configurators always get rid of
//! theirs.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use async_channel::{Receiver, Sender, TrySendError};
use rehome_domain::{
    message::{Envelope, Weight},
    order::{Layer, WorkOrder},
    ports::{
        Acks, Answered, Answers, Bus, BusError, DeadLetter, DeadQueue, Delivery, Depth, Events, Heard,
        Incoming, Inputs, NotResent, Outgoing, SteeringQueue, Wait, Wish, WorkQueue,
    },
    trace::Trace,
};
use tokio::sync::broadcast;

use crate::letters;

/// How many messages the queues hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capacity {
    /// Submissions and deploys waiting to begin; whoever sends more, waits.
    pub commands: usize,
    /// Relocations that may be in flight at once, by the supervisor's own limit. The inner queues are sized by it.
    pub in_flight: usize,
    /// Events a slow listener may lag behind before it misses some.
    pub events: usize,
    /// Answers an asker may leave unread before it misses some.
    pub answers: usize,
}

impl Default for Capacity {
    fn default() -> Self {
        Self { commands: 1024, in_flight: 1024, events: 16_384, answers: 16_384 }
    }
}

/// Orders and inspects a relocation can have queued at a layer at once, superseded ones included.
const ORDERS_A_RELOCATION: usize = 4;
/// Replies those can cause: an answer and L2's own rollback, a retry notice or two, each perhaps doubled by a fault.
const REPLIES_A_RELOCATION: usize = 16;

/// Wishes to pause and to resume: people's, so few.
const WISHES: usize = 64;

/// A message in a queue, and where it belongs in a trace.
struct Carried<T> {
    message: T,
    trace: Option<Trace>,
}

impl<T> Carried<T> {
    fn delivered(self) -> Delivery<T> {
        Delivery { message: self.message, tag: 0, trace: self.trace, domain: None }
    }
}

struct Queue<T> {
    sender: Sender<T>,
    receiver: Receiver<T>,
}

impl<T> Queue<T> {
    fn new(capacity: usize) -> Self {
        let (sender, receiver) = async_channel::bounded(capacity.max(1));
        Self { sender, receiver }
    }

    async fn put(&self, message: T) -> Result<(), BusError> {
        self.sender.send(message).await.map_err(|_| BusError::Closed)
    }
}

/// The bus within one process.
pub struct Embedded {
    commands: Queue<Carried<Incoming>>,
    overrides: Queue<Carried<Incoming>>,
    replies: Queue<Carried<Incoming>>,
    l3: Queue<Carried<WorkOrder>>,
    l2: Queue<Carried<WorkOrder>>,
    steering: Queue<Wish>,
    /// Always empty: what never was text can't be unreadable. It tells its consumers when the bus closes.
    dead: Queue<DeadLetter>,
    events: broadcast::Sender<Heard>,
    answers: Mutex<HashMap<String, Sender<Answered>>>,
    capacity: Capacity,
}

impl Embedded {
    /// A bus with these bounds.
    #[must_use]
    pub fn new(capacity: Capacity) -> Arc<Self> {
        Arc::new(Self {
            commands: Queue::new(capacity.commands),
            overrides: Queue::new(capacity.commands),
            replies: Queue::new(capacity.in_flight.saturating_mul(REPLIES_A_RELOCATION)),
            l3: Queue::new(capacity.in_flight.saturating_mul(ORDERS_A_RELOCATION)),
            l2: Queue::new(capacity.in_flight.saturating_mul(ORDERS_A_RELOCATION)),
            steering: Queue::new(WISHES),
            dead: Queue::new(1),
            events: broadcast::Sender::new(capacity.events.max(1)),
            answers: Mutex::default(),
            capacity,
        })
    }

    async fn put(&self, message: Outgoing) -> Result<(), BusError> {
        let (message, trace) = message.untraced();
        match message {
            Outgoing::Command(message) | Outgoing::Reply(message) => {
                let queue = match message.envelope.input.weight() {
                    Weight::Begins => &self.commands,
                    Weight::Overrides => &self.overrides,
                    Weight::Ends => &self.replies,
                };
                queue.put(Carried { message, trace }).await
            }
            Outgoing::Order(message) => {
                let queue = match message.layer {
                    Layer::L3 => &self.l3,
                    Layer::L2 => &self.l2,
                };
                queue.put(Carried { message, trace }).await
            }
            // `traced` makes none that holds another.
            Outgoing::Traced(..) => {
                Err(BusError::Failed { what: "sending", detail: "a trace in a trace".to_owned() })
            }
            // Nobody listening is no error.
            Outgoing::Event(event) => {
                let _ = self.events.send(Heard::Event(event));
                Ok(())
            }
            Outgoing::Alarm(raised) => {
                let _ = self.events.send(Heard::Alarm(raised));
                Ok(())
            }
            Outgoing::Answer(answered) => {
                self.answer(answered);
                Ok(())
            }
            Outgoing::Steer(wish) => self.steering.put(wish).await,
            Outgoing::Steered(line) => {
                let _ = self.events.send(Heard::Steered(line));
                Ok(())
            }
        }
    }

    /// An asker that does not read its answers must not hold up the supervisor: what does not fit is dropped, and
    /// the asker finds the outcome in the ticket's journal.
    fn answer(&self, answered: Answered) {
        let mut askers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let queue = answered.to.queue.clone();
        if let Some(asker) = askers.get(&queue)
            && let Err(TrySendError::Closed(_)) = asker.try_send(answered)
        {
            askers.remove(&queue);
        }
    }
}

impl Bus for Embedded {
    fn send(&self, messages: Vec<Outgoing>) -> Wait<'_, Result<(), BusError>> {
        Box::pin(async move {
            for message in messages {
                self.put(message).await?;
            }
            Ok(())
        })
    }

    fn inputs(&self) -> Box<dyn Inputs> {
        Box::new(EmbeddedInputs {
            commands: self.commands.receiver.clone(),
            overrides: self.overrides.receiver.clone(),
            replies: self.replies.receiver.clone(),
        })
    }

    fn work(&self, layer: Layer) -> Box<dyn WorkQueue> {
        let queue = match layer {
            Layer::L3 => &self.l3,
            Layer::L2 => &self.l2,
        };
        Box::new(EmbeddedWork(queue.receiver.clone()))
    }

    fn events(&self) -> Box<dyn Events> {
        Box::new(EmbeddedEvents(self.events.subscribe()))
    }

    fn answers(&self, queue: &str) -> Box<dyn Answers> {
        let (sender, receiver) = async_channel::bounded(self.capacity.answers.max(1));
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).insert(queue.to_owned(), sender);
        Box::new(EmbeddedAnswers(receiver))
    }

    fn steering(&self) -> Box<dyn SteeringQueue> {
        Box::new(EmbeddedSteering(self.steering.receiver.clone()))
    }

    fn dead(&self) -> Box<dyn DeadQueue> {
        Box::new(EmbeddedDead(self.dead.receiver.clone()))
    }

    fn said(&self, letter: &DeadLetter) -> Result<Envelope, NotResent> {
        letters::envelope(letter)
    }

    fn depths(&self) -> Wait<'_, Result<Vec<Depth>, BusError>> {
        let depth = |queue: &str, messages: usize| Depth {
            queue: queue.to_owned(),
            messages: messages as u64,
            consumers: None,
        };
        let depths = vec![
            depth("intake", self.commands.receiver.len()),
            depth("supervisor", self.replies.receiver.len() + self.overrides.receiver.len()),
            depth("steering", self.steering.receiver.len()),
            depth("l3", self.l3.receiver.len()),
            depth("l2", self.l2.receiver.len()),
        ];
        Box::pin(std::future::ready(Ok(depths)))
    }

    fn keeps_messages(&self) -> bool {
        false
    }

    fn close(&self) {
        self.commands.sender.close();
        self.overrides.sender.close();
        self.replies.sender.close();
        self.l3.sender.close();
        self.l2.sender.close();
        self.steering.sender.close();
        self.dead.sender.close();
    }
}

struct EmbeddedInputs {
    commands: Receiver<Carried<Incoming>>,
    overrides: Receiver<Carried<Incoming>>,
    replies: Receiver<Carried<Incoming>>,
}

impl EmbeddedInputs {
    /// Waits for one message of either queue; none once both are closed and empty.
    async fn first(&self, commands: bool) -> Option<Carried<Incoming>> {
        tokio::select! {
            biased;
            Ok(reply) = self.replies.recv() => Some(reply),
            Ok(taken) = self.overrides.recv(), if commands => Some(taken),
            Ok(command) = self.commands.recv(), if commands => Some(command),
            else => None,
        }
    }
}

impl Inputs for EmbeddedInputs {
    fn next(&mut self, max: usize, commands: bool) -> Wait<'_, Option<Vec<Delivery<Incoming>>>> {
        Box::pin(async move {
            let first = self.first(commands).await?;
            let replies = std::iter::from_fn(|| self.replies.try_recv().ok());
            let taken = std::iter::from_fn(|| commands.then(|| self.overrides.try_recv().ok()).flatten());
            let begun = std::iter::from_fn(|| commands.then(|| self.commands.try_recv().ok()).flatten());
            let batch = std::iter::once(first).chain(replies).chain(taken).chain(begun).take(max.max(1));
            Some(batch.map(Carried::delivered).collect())
        })
    }

    fn acks(&self) -> Arc<dyn Acks> {
        Arc::new(NoAcks)
    }
}

/// Nothing to do: what is lost with the process is sent again from the journal at start.
struct NoAcks;

impl Acks for NoAcks {
    fn ack(&self, _tags: Vec<u64>) -> Wait<'_, Result<(), BusError>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

struct EmbeddedWork(Receiver<Carried<WorkOrder>>);

impl WorkQueue for EmbeddedWork {
    fn next(&mut self) -> Wait<'_, Option<Delivery<WorkOrder>>> {
        Box::pin(async move { self.0.recv().await.ok().map(Carried::delivered) })
    }

    fn acks(&self) -> Arc<dyn Acks> {
        Arc::new(NoAcks)
    }
}

struct EmbeddedEvents(broadcast::Receiver<Heard>);

impl Events for EmbeddedEvents {
    fn next(&mut self) -> Wait<'_, Option<Heard>> {
        Box::pin(async move {
            match self.0.recv().await {
                Ok(heard) => Some(heard),
                Err(broadcast::error::RecvError::Lagged(missed)) => Some(Heard::Missed(missed)),
                Err(broadcast::error::RecvError::Closed) => None,
            }
        })
    }
}

struct EmbeddedAnswers(Receiver<Answered>);

impl Answers for EmbeddedAnswers {
    fn next(&mut self) -> Wait<'_, Option<Answered>> {
        Box::pin(async move { self.0.recv().await.ok() })
    }
}

struct EmbeddedDead(Receiver<DeadLetter>);

impl DeadQueue for EmbeddedDead {
    fn next(&mut self) -> Wait<'_, Option<Delivery<DeadLetter>>> {
        Box::pin(async move {
            self.0.recv().await.ok().map(|message| Carried { message, trace: None }.delivered())
        })
    }

    fn acks(&self) -> Arc<dyn Acks> {
        Arc::new(NoAcks)
    }
}

struct EmbeddedSteering(Receiver<Wish>);

impl SteeringQueue for EmbeddedSteering {
    fn next(&mut self) -> Wait<'_, Option<Delivery<Wish>>> {
        Box::pin(async move {
            self.0.recv().await.ok().map(|message| Delivery { message, tag: 0, trace: None, domain: None })
        })
    }

    fn acks(&self) -> Arc<dyn Acks> {
        Arc::new(NoAcks)
    }
}
