//! Messages that no ticket could take, for the person who deals with them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{DeadLetter, StoreError, Wait};
use crate::command::By;

/// What a person did about a dead letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Settlement {
    /// Sent again, as a new message with an id of its own.
    Resent,
    /// Found to need nothing.
    Dropped,
}

/// A dead letter that somebody has dealt with: what, who, when and why (promise 5).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settled {
    /// What.
    pub what: Settlement,
    /// Who.
    pub by: By,
    /// When.
    pub at: Timestamp,
    /// Why.
    pub reason: String,
}

/// A dead letter as the store keeps it. It stays when it has been dealt with.
#[derive(Debug, Clone, PartialEq)]
pub struct Kept {
    /// What it is called here: no two have the same, even if their senders gave them one id.
    pub key: String,
    /// The letter.
    pub letter: DeadLetter,
    /// What was done about it, if anything was.
    pub settled: Option<Settled>,
}

/// The dead letters that [`TicketStore::bury`](super::TicketStore::bury) keeps.
pub trait LetterStore: Send + Sync {
    /// A page of all of them, newest first, after the one with this key.
    fn letters(&self, after: Option<String>, limit: usize) -> Wait<'_, Result<Vec<Kept>, StoreError>>;

    /// One by its key.
    fn letter(&self, key: String) -> Wait<'_, Result<Option<Kept>, StoreError>>;

    /// Takes down what was done about one. False, and nothing is taken down, if there is no such letter or somebody has
    /// dealt with it before. To resend one, take it down first: of two who want to, one then sends.
    fn settle_letter(&self, key: String, settled: Settled) -> Wait<'_, Result<bool, StoreError>>;
}
