//! The traits behind which everything with I/O sits: bus, store, devices.
//!
//! Adapters implement them; actors use them and know no adapter. Futures are boxed by hand because the domain has no
//! runtime and the traits must be usable as objects.

use std::{future::Future, pin::Pin, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    command::By,
    event::{Event, Raised},
    id::{MessageId, RelocationId, WorkOrderId},
    journal::Entry,
    message::{Answer, Envelope, Rejection},
    order::{Layer, WorkOrder},
    reply::{Failure, Presence, Report},
    request::Spot,
    status::{CutoverStatus, Disposition, RelocationStatus, ReservationStatus},
    steering::{Steer, Steered},
    ticket::Ticket,
    trace::Trace,
};

/// A future of a port.
pub type Wait<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

// ---------------------------------------------------------------------------------------------------------------
// Store

/// The store could not do it. Nothing of the call was done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The database answered with an error, or not at all.
    #[error("the store failed at {what}: {detail}")]
    Failed {
        /// At what.
        what: &'static str,
        /// What the database said.
        detail: String,
    },
    /// The store has been closed.
    #[error("the store is closed")]
    Closed,
}

/// A ticket as the store has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Loaded {
    /// There is none.
    Missing,
    /// Here it is.
    Ticket(Box<Ticket>),
    /// It is set aside, or what is stored of it can't be read: the reason.
    Unreadable(String),
}

/// A step to commit: the entry, and the ticket after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The ticket after the entry; its version is the entry's sequence.
    pub ticket: Arc<Ticket>,
    /// The entry. Invariant: `entry.seq == ticket.version`, and the store has the ticket at `seq - 1`.
    pub entry: Arc<Entry>,
    /// Whether the ticket needs its resource locks after it; taken or freed accordingly, in the same transaction.
    pub locked: bool,
}

/// What became of one change of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Committed {
    /// It is durable.
    Done,
    /// The ticket has moved on (or does not exist as expected): load it again and step again.
    Stale,
    /// A message with this cause is in the ticket's journal already: send again what it sent.
    Seen,
    /// Another open relocation holds one of its resources (promise 4).
    Held(RelocationId),
}

/// A message that no ticket could take, kept with its reason.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DeadLetter {
    /// Its own id: the message's, so that keeping it twice keeps one.
    pub id: MessageId,
    /// When it was set aside.
    pub at: Timestamp,
    /// Where it came from: `commands`, `replies`, `work`, `internal`.
    pub origin: String,
    /// The routing key it came by, where the bus has keys: with the origin it says where to send it again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Who sent it, if anybody vouched for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<By>,
    /// Why, for people.
    pub reason: String,
    /// What it said, as it came.
    pub body: String,
}

/// How many tickets stand so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// 移机状态.
    pub relocation: RelocationStatus,
    /// 移机预占状态.
    pub reservation: Option<ReservationStatus>,
    /// 移机切换状态.
    pub cutover: Option<CutoverStatus>,
    /// Open, or closed how.
    pub disposition: Disposition,
    /// How many.
    pub tickets: u64,
}

/// Tickets, their journals and the locks on their targets.
pub trait TicketStore: Send + Sync {
    /// The tickets with these ids, in the order asked.
    fn load(&self, ids: Vec<RelocationId>) -> Wait<'_, Result<Vec<Loaded>, StoreError>>;

    /// Commits a batch in one transaction, each change by itself: one that can't be committed changes nothing and
    /// does not keep the others from being committed, except what builds on it: a change with the next sequence of
    /// the same ticket is stale then, even if somebody else's change has that sequence's place. Answers in the order
    /// given.
    fn commit(&self, changes: Vec<Change>) -> Wait<'_, Result<Vec<Committed>, StoreError>>;

    /// The journal entry a message caused, if it has been journaled.
    fn caused(
        &self,
        relocation: RelocationId,
        cause: MessageId,
    ) -> Wait<'_, Result<Option<Entry>, StoreError>>;

    /// A ticket's journal in order, each entry as it could be read.
    fn journal(&self, relocation: RelocationId) -> Wait<'_, Result<Vec<Result<Entry, String>>, StoreError>>;

    /// Claims up to `limit` tickets whose [`Ticket::due`] has come, so that nobody else gets them before the lease
    /// ends. A claim ends by itself, and with the ticket's next change.
    fn claim_due(
        &self,
        now: Timestamp,
        lease: SignedDuration,
        limit: usize,
    ) -> Wait<'_, Result<Vec<(RelocationId, Loaded)>, StoreError>>;

    /// A page of open tickets in order of id, after the given one.
    fn open_tickets(
        &self,
        after: Option<RelocationId>,
        limit: usize,
    ) -> Wait<'_, Result<Vec<(RelocationId, Loaded)>, StoreError>>;

    /// A page of all tickets in order of id, after the given one.
    fn all_tickets(
        &self,
        after: Option<RelocationId>,
        limit: usize,
    ) -> Wait<'_, Result<Vec<(RelocationId, Loaded)>, StoreError>>;

    /// A page of open tickets that a pause holds back ([`Ticket::held_back`]) in order of id, after the given one.
    fn held_back(
        &self,
        after: Option<RelocationId>,
        limit: usize,
    ) -> Wait<'_, Result<Vec<(RelocationId, Loaded)>, StoreError>>;

    /// How many tickets stand where.
    fn counts(&self) -> Wait<'_, Result<Vec<Count>, StoreError>>;

    /// Sets a ticket aside: from now on it loads as [`Loaded::Unreadable`] with this reason. True if it was not
    /// already.
    fn quarantine(&self, relocation: RelocationId, reason: String) -> Wait<'_, Result<bool, StoreError>>;

    /// Takes a ticket back from quarantine.
    fn readmit(&self, relocation: RelocationId) -> Wait<'_, Result<(), StoreError>>;

    /// The tickets set aside, with their reasons.
    fn quarantined(&self) -> Wait<'_, Result<Vec<(RelocationId, String)>, StoreError>>;

    /// Keeps a message that no ticket could take.
    fn bury(&self, letter: DeadLetter) -> Wait<'_, Result<(), StoreError>>;

    /// The latest messages kept, newest first.
    fn dead_letters(&self, limit: usize) -> Wait<'_, Result<Vec<DeadLetter>, StoreError>>;
}

/// The log of what was paused and resumed. It grows by a line an act of a person, so it is read as a whole.
pub trait SteeringStore: Send + Sync {
    /// Appends a line; false if there is one with its id already, which then stays as it is. Durable when it resolves.
    fn steer(&self, line: Steered) -> Wait<'_, Result<bool, StoreError>>;

    /// All lines, in the order they were appended.
    fn steering(&self) -> Wait<'_, Result<Vec<Steered>, StoreError>>;
}

/// What of an order is to be done now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// What it asks for.
    Order,
    /// L2's own rollback of a `reserve`, after its failure has been concluded (claim 1).
    OwnRollback,
}

/// Whether an order may touch a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission {
    /// It may, and this process holds the ticket's layer now. With it, the last outcome this layer has concluded for
    /// the ticket.
    Go {
        /// The order concluded last, and its report.
        last: Option<(WorkOrderId, Report)>,
    },
    /// It has been done already: this was its report.
    Concluded(Report),
    /// A newer order of this ticket has begun: this one may never run again.
    Superseded {
        /// The fencing token of the newest.
        by: u64,
    },
    /// Another process is at this order, or at an older one of the ticket, which may not begin anything further:
    /// ask again.
    Busy,
}

/// The configurators' durable memory: per ticket and layer the highest fencing token begun, the last report, and the
/// process that is at it.
///
/// A process that was admitted *holds* the ticket's layer until its order is concluded, superseded or let go, or until
/// the process is taken for dead. So whatever is delivered twice, one process at a time touches the devices for it
/// (promise 2). Within a process the device's session sees to that.
pub trait FenceStore: Send + Sync {
    /// Asks whether an order may touch a device, and remembers that it has begun. Asked before each operation. Durable
    /// when it resolves.
    fn admit(&self, layer: Layer, order: WorkOrderId, part: Part) -> Wait<'_, Result<Admission, StoreError>>;

    /// Remembers an order's report before it is sent. False if a newer order has begun: the report is not to be sent.
    /// Either way what the order held is free.
    fn conclude(
        &self,
        layer: Layer,
        order: WorkOrderId,
        report: Report,
    ) -> Wait<'_, Result<bool, StoreError>>;

    /// The order touches no device now, and has not been concluded: others may go on. Nothing if it holds nothing.
    fn let_go(&self, layer: Layer, order: WorkOrderId) -> Wait<'_, Result<(), StoreError>>;
}

/// What a simulated device holds at a spot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holding {
    /// Reserved, half there, or in service; never absent.
    pub presence: Presence,
    /// The circuit.
    pub service_id: String,
    /// The relocation that put it there; none if it was there before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relocation: Option<RelocationId>,
    /// The port description.
    pub description: String,
    /// The gateway address, once installed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// The VRF, once installed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vrf: Option<String>,
}

/// A change of what a simulated device holds: compare and set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// Where.
    pub spot: Spot,
    /// What must be there now.
    pub expect: Option<Holding>,
    /// What is there afterwards.
    pub put: Option<Holding>,
}

/// Where simulated devices keep what they hold, so that it outlives the process like a real device's configuration.
pub trait DeviceMemory: Send + Sync {
    /// What is at these spots.
    fn look(&self, layer: Layer, spots: Vec<Spot>) -> Wait<'_, Result<Vec<Option<Holding>>, StoreError>>;

    /// Makes all edits or none; false if one of them expected something else. Durable when it resolves.
    fn edit(&self, layer: Layer, edits: Vec<Edit>) -> Wait<'_, Result<bool, StoreError>>;

    /// All that the layer's devices hold.
    fn all(&self, layer: Layer) -> Wait<'_, Result<Vec<(Spot, Holding)>, StoreError>>;
}

// ---------------------------------------------------------------------------------------------------------------
// Devices

/// What a device session is asked to do: the small operations that orders are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Prepare the new place.
    Reserve,
    /// Take the reservation of the new place back.
    Release,
    /// Put the new place into service.
    Install,
    /// Take the old place out of service.
    Teardown,
    /// Both in one transaction, where one device has both ends (L2).
    Swap,
    /// Take a failed install back.
    RollbackInstall,
    /// Say what is at the old place.
    LookOld,
    /// Say what is at the new place.
    LookNew,
}

/// Why an operation failed, and whether trying again may help.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{failure}")]
pub struct DriverError {
    /// Device unreachable, lock held, commit conflict: try again. A rejected edit is permanent.
    pub transient: bool,
    /// What happened.
    pub failure: Failure,
}

/// A session with one device. Operations mean *ensure*: doing one twice is harmless.
pub trait Driver: Send {
    /// Does it; answers what is there afterwards (for the two looks: what is there).
    fn perform<'a>(
        &'a mut self,
        operation: Operation,
        order: &'a WorkOrder,
    ) -> Wait<'a, Result<Presence, DriverError>>;
}

/// Opens sessions: the device inventory.
pub trait Inventory: Send + Sync {
    /// A session with a device; none if the layer has no device of that name.
    fn open(&self, layer: Layer, device: &str) -> Option<Box<dyn Driver>>;
}

// ---------------------------------------------------------------------------------------------------------------
// Bus

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

    /// How full the queues are that everybody shares. For watching: asked every few seconds, so it must be cheap.
    fn depths(&self) -> Wait<'_, Result<Vec<Depth>, BusError>>;

    /// Whether messages outlive the process. If not, outstanding orders are sent again at start.
    fn keeps_messages(&self) -> bool;

    /// Consumers end: over a bus that keeps nothing they get what is queued first, and no more is taken; over one that
    /// keeps messages what was not handed out goes back, and what is in hand can still be sent and acknowledged.
    fn close(&self);
}

/// Says why an input was set aside.
#[must_use]
pub fn dead_letter(incoming: &Incoming, rejection: &Rejection, at: Timestamp, body: String) -> DeadLetter {
    let origin = match incoming.envelope.input {
        crate::message::Input::Submitted { .. } | crate::message::Input::Command(_) => "commands",
        _ => "replies",
    };
    DeadLetter {
        id: incoming.envelope.cause.clone(),
        at,
        origin: origin.to_owned(),
        key: None,
        by: Some(incoming.envelope.by.clone()),
        reason: rejection.to_string(),
        body,
    }
}
