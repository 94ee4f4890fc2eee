//! Webhooks: who is told of changes over HTTP, and how far each has been told.

use std::{fmt, str::FromStr};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::id::RelocationId;

/// Webhooks there may be: each is read for and posted to by itself, with a connection of its own.
pub const MOST: u32 = 100;
/// The longest address, in characters: longer ones are refused by servers too.
pub const URL_LIMIT: usize = 2048;
/// The longest error kept of a receiver, in characters.
const ERROR_LIMIT: usize = 500;

/// Names a webhook.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WebhookId(pub Uuid);

impl fmt::Display for WebhookId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for WebhookId {
    type Err = uuid::Error;

    fn from_str(given: &str) -> Result<Self, uuid::Error> {
        given.parse().map(Self)
    }
}

/// A place in the order in which the journals' entries were committed: the entry that stands there.
///
/// The order is the store's: what is committed later comes after all that could be read before, whatever the clocks of the
/// processes said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Mark {
    /// Which commit, as the store counts them.
    pub commit: u64,
    /// The ticket.
    pub relocation: RelocationId,
    /// The entry's place in the ticket's journal; nought: in front of them all.
    pub seq: u64,
}

impl Mark {
    /// In front of everything in a commit.
    #[must_use]
    pub const fn before(commit: u64) -> Self {
        Self { commit, relocation: RelocationId(Uuid::nil()), seq: 0 }
    }
}

/// How a change is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// As on the bus: the domain's events and alarms.
    Rehome,
    /// As TMF641's notifications.
    Tmf,
}

/// What a receiver checks signatures with.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// A webhook as it was asked for. It never changes: another wish is another webhook.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Webhook {
    /// Its id.
    pub id: WebhookId,
    /// Where changes are posted.
    pub url: String,
    /// What they are signed with.
    pub secret: Secret,
    /// How they are written.
    pub format: Format,
    /// Which of them: `name=value` pairs joined by `&`, as in an address. Empty: all.
    pub query: String,
    /// Who asked for it.
    pub by: String,
    /// By which token; none: in a session, or before that was kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<Uuid>,
    /// When.
    pub at: Timestamp,
}

/// How far a webhook has been told, and how that goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// All up to here has been told.
    pub position: Mark,
    /// Nothing is posted before that.
    pub next_at: Timestamp,
    /// Tries that have failed since the last that did not.
    pub tried: u32,
    /// Since when the tries fail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing_since: Option<Timestamp>,
    /// How the last try failed, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// When something was last taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub told_at: Option<Timestamp>,
    /// How many have been taken.
    pub told: u64,
}

/// How a receiver that does not take what it is told is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// The wait after the first failed try; after each further one it is twice as long.
    pub first: SignedDuration,
    /// The longest wait.
    pub longest: SignedDuration,
    /// Failed tries after which a person is told that it fails. It is tried on all the same.
    pub tries: u32,
}

impl Standing {
    /// Told nothing of what comes after a place.
    #[must_use]
    pub const fn new(position: Mark, now: Timestamp) -> Self {
        Self {
            position,
            next_at: now,
            tried: 0,
            failing_since: None,
            last_error: None,
            told_at: None,
            told: 0,
        }
    }

    /// The receiver took one.
    pub fn took(&mut self, now: Timestamp) {
        (self.tried, self.failing_since, self.last_error) = (0, None, None);
        self.told_at = Some(now);
        self.told += 1;
    }

    /// The receiver did not take one. `jitter` is anything from 0 to 1: the wait is between half and the whole of what it
    /// could be, so that receivers that failed together are not tried together.
    pub fn failed(&mut self, error: &str, now: Timestamp, patience: &Patience, jitter: f64) {
        self.failing_since.get_or_insert(now);
        self.last_error = Some(error.chars().take(ERROR_LIMIT).collect());
        let doubled = 2_f64.powi(i32::try_from(self.tried).unwrap_or(i32::MAX));
        let whole = (patience.first.as_secs_f64() * doubled).min(patience.longest.as_secs_f64());
        let wait = whole * (0.5 + jitter.clamp(0.0, 1.0) / 2.0);
        let wait = SignedDuration::try_from_secs_f64(wait).unwrap_or(patience.longest);
        self.next_at = now.saturating_add(wait).unwrap_or(Timestamp::MAX);
        self.tried = self.tried.saturating_add(1);
    }

    /// Whether a person should see to it: it has failed too often to be a passing trouble.
    #[must_use]
    pub const fn is_failing(&self, patience: &Patience) -> bool {
        self.tried >= patience.tries
    }

    /// Tried again now, as if nothing had failed.
    pub fn resume(&mut self, now: Timestamp) {
        (self.tried, self.failing_since, self.last_error, self.next_at) = (0, None, None, now);
    }
}
