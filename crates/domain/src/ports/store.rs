//! Where tickets, their journals and the log of pauses are kept.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::Wait;
use crate::{
    attention::Standing,
    command::By,
    id::{MessageId, RelocationId},
    journal::Entry,
    steering::Steered,
    ticket::Ticket,
    trace::Trace,
};

/// The store could not do it. Nothing of the call was done.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The store's own trouble: it is away, slow, locked, full, may only be read. The same call may succeed later.
    #[error("the store failed at {what}: {detail}")]
    Failed {
        /// At what.
        what: &'static str,
        /// What the database said, if it said anything.
        detail: String,
    },
    /// The database is well and will not have it for what it says: asked again it says the same.
    #[error("the store refused {what}: {detail}")]
    Refused {
        /// What.
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
    /// It can't be read: the reason.
    Unreadable(Unreadable),
}

/// Why a ticket, or an entry of its journal, can't be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// A newer binary wrote it. It is well: this process leaves it to a newer one.
    #[error("its {what} has version {found}, this binary reads up to {known}: start the newer one")]
    Newer {
        /// What: `ticket`, or `entry` and its sequence.
        what: String,
        /// The version it has.
        found: u16,
        /// The latest that this binary knows.
        known: u16,
    },
    /// It is set aside or damaged: the reason.
    #[error("{0}")]
    Spoilt(String),
}

/// A journal's entry, as it could be read.
pub type ReadEntry = Result<Entry, Unreadable>;

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
    /// Where it belongs in a trace, if its sender said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<Trace>,
    /// Why, for people.
    pub reason: String,
    /// What it said, as it came.
    pub body: String,
}

/// How many tickets stand so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    /// How.
    pub standing: Standing,
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

    /// The journal entries that messages caused, as far as they have been journaled, in the order asked, each as it could
    /// be read.
    fn caused(
        &self,
        messages: Vec<(RelocationId, MessageId)>,
    ) -> Wait<'_, Result<Vec<Option<ReadEntry>>, StoreError>>;

    /// A ticket's journal in order, each entry as it could be read.
    fn journal(&self, relocation: RelocationId) -> Wait<'_, Result<Vec<ReadEntry>, StoreError>>;

    /// Claims up to `limit` tickets whose [`Ticket::due`] has come, so that nobody else gets them before the lease
    /// ends. A claim ends by itself, and with the ticket's next change. One that a newer binary wrote is claimed too,
    /// and left to that one when the lease ends.
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

    /// How many tickets stand where. Where counting takes long, the answer may be a few seconds old.
    fn counts(&self) -> Wait<'_, Result<Vec<Count>, StoreError>>;

    /// Sets a ticket aside: from now on it loads as [`Loaded::Unreadable`] with this reason. True if it was not
    /// already.
    fn quarantine(&self, relocation: RelocationId, reason: String) -> Wait<'_, Result<bool, StoreError>>;

    /// A ticket as it is stored, set aside or not: to find out whether it can be taken back.
    fn stored(&self, relocation: RelocationId) -> Wait<'_, Result<Loaded, StoreError>>;

    /// Takes a ticket back from quarantine.
    fn readmit(&self, relocation: RelocationId) -> Wait<'_, Result<(), StoreError>>;

    /// The tickets set aside, with their reasons.
    fn quarantined(&self) -> Wait<'_, Result<Vec<(RelocationId, String)>, StoreError>>;

    /// Keeps a message that no ticket could take.
    fn bury(&self, letter: DeadLetter) -> Wait<'_, Result<(), StoreError>>;

    /// The latest messages kept that nobody has dealt with, newest first. All: [`LetterStore`](super::LetterStore).
    fn dead_letters(&self, limit: usize) -> Wait<'_, Result<Vec<DeadLetter>, StoreError>>;
}

/// The log of what was paused and resumed. It grows by a line an act of a person, so it is read as a whole.
pub trait SteeringStore: Send + Sync {
    /// Appends a line; false if there is one with its id already, which then stays as it is. Durable when it resolves.
    fn steer(&self, line: Steered) -> Wait<'_, Result<bool, StoreError>>;

    /// All lines, in the order they were appended.
    fn steering(&self) -> Wait<'_, Result<Vec<Steered>, StoreError>>;
}
