//! Messages that no ticket could take, for the person who deals with them.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{DeadLetter, StoreError, Wait};
use crate::{command::By, id::MessageId, lang::Lang, message::Envelope};

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

/// Why a dead letter can't be sent again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotResent {
    /// It is nothing that a person asked for. A reply or a deadline that is lost is made up for: its ticket asks what
    /// became of its order when that has not been answered in time.
    #[error("it came by {origin}, and is no request and no command")]
    NoCommand {
        /// The exchange.
        origin: String,
    },
    /// It can't be read.
    #[error("it can't be read as a request or a command: {0}")]
    Unreadable(String),
}

impl NotResent {
    /// What a person reads.
    #[must_use]
    pub fn sentence(&self, lang: Lang) -> String {
        match (self, lang) {
            (Self::NoCommand { origin }, Lang::En) => format!(
                "it came by `{origin}`, and only requests and commands can be sent again; what became of an order its \
                 ticket asks by itself"
            ),
            (Self::NoCommand { origin }, Lang::Zh) => {
                format!("该消息来自 `{origin}`，只有移机请求和命令才能重新发送；工作单的结果由其工单自行查询")
            }
            (Self::Unreadable(why), Lang::En) => format!("it can't be read as a request or a command: {why}"),
            (Self::Unreadable(why), Lang::Zh) => format!("无法作为移机请求或命令读取：{why}"),
        }
    }
}

/// Named by its bytes: what the ids of messages that are sent again are made in.
const RESENT: Uuid = Uuid::from_u128(0x7265_686f_6d65_4000_8000_7265_7365_6e74);

impl Kept {
    /// What it said, as a new message: one id however often it is sent, so that it counts once, and another than the
    /// letter's, so that if it is set aside again that is a letter of its own. It is in the name of whoever sends it
    /// again: they answer for it, and their role counts.
    #[must_use]
    pub fn again(&self, said: Envelope, by: By) -> Envelope {
        let cause = MessageId(format!("resent:{}", Uuid::new_v5(&RESENT, self.key.as_bytes())));
        Envelope { cause, by, ..said }
    }
}

/// Which dead letters are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LetterFilter {
    /// Those that nobody has dealt with.
    #[default]
    Open,
    /// All.
    All,
}

/// The dead letters that [`TicketStore::bury`](super::TicketStore::bury) keeps.
pub trait LetterStore: Send + Sync {
    /// A page of those, newest first, after the one with this key, whether or not that one is still among them.
    fn letters(
        &self,
        which: LetterFilter,
        after: Option<String>,
        limit: usize,
    ) -> Wait<'_, Result<Vec<Kept>, StoreError>>;

    /// One by its key.
    fn letter(&self, key: String) -> Wait<'_, Result<Option<Kept>, StoreError>>;

    /// Takes down what was done about one. False, and nothing is taken down, if there is no such letter or somebody has
    /// dealt with it before. To resend one, send it first: a crash between the two leaves it to be sent once more, which
    /// counts once ([`Kept::again`]).
    fn settle_letter(&self, key: String, settled: Settled) -> Wait<'_, Result<bool, StoreError>>;
}
