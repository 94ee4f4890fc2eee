//! Messages as they are on the wire, and the domain's: [`outward`] packs, [`inward`] reads.
//!
//! What other systems write is read strictly, and what is wrong is said by field. What can't be read is
//! [`Unreadable`], with a reason a person understands, and becomes a dead letter.

pub(super) mod dead;
pub(super) mod inward;
pub(super) mod outward;
#[cfg(test)]
mod tests;

use rehome_domain::{
    command::CommandKind,
    id::RelocationId,
    plan::SeenPlan,
    request::Request,
    steering::{Scope, Turn},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The version of the commands' bodies.
pub const COMMAND_VERSION: u16 = 1;

/// The key of a submission.
pub const SUBMIT_KEY: &str = "order.submit";

/// The routing key of a command.
#[must_use]
pub const fn key_of(command: CommandKind) -> &'static str {
    match command {
        CommandKind::DeployReservation => "deploy.reservation",
        CommandKind::DeployCutover => "deploy.cutover",
        CommandKind::ForceReservation => "override.force_reservation",
        CommandKind::ForceCompletion => "override.force_completion",
        CommandKind::Cancel => "cancel",
        CommandKind::RetryReservation => "retry.reservation",
        CommandKind::RetryRollback => "retry.rollback",
        CommandKind::RetryCutover => "retry.cutover",
    }
}

/// The command a routing key names.
#[must_use]
pub fn command_of(key: &str) -> Option<CommandKind> {
    CommandKind::ALL.into_iter().find(|command| key_of(*command) == key)
}

/// The body of a submission, key [`SUBMIT_KEY`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SubmitBody {
    /// The version of the body: 1.
    pub v: u16,
    /// The id the relocation is to have. Without it the id is derived from the sender and their message id, so that
    /// the same message sent again is the same relocation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relocation: Option<RelocationId>,
    /// What is asked for.
    pub request: std::sync::Arc<Request>,
}

/// The body of every other command; the routing key says which.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CommandBody {
    /// The version of the body: 1.
    pub v: u16,
    /// The ticket.
    pub relocation: RelocationId,
    /// Why; must be given to force or cancel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The ticket's version its sender saw; a stale one is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_version: Option<u64>,
    /// The plan its sender has seen and goes by, as the API tells it: the ticket's cutovers are refused if the gateways have
    /// been changed since. One that replaces another needs a reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Box<SeenPlan>>,
}

/// The routing key of a wish to pause, to drain or to resume; none for what is no person's to wish.
#[must_use]
pub const fn steer_key_of(turn: Turn) -> Option<&'static str> {
    match turn {
        Turn::Pause => Some("steer.pause"),
        Turn::Drain => Some("steer.drain"),
        Turn::Resume => Some("steer.resume"),
        Turn::Lifted | Turn::Drained => None,
    }
}

/// What a steering key wishes.
#[must_use]
pub fn turn_of(key: &str) -> Option<Turn> {
    Turn::WISHES.into_iter().find(|turn| steer_key_of(*turn) == Some(key))
}

/// What a pause is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ScopeWord {
    /// All there is; without a name.
    Everything,
    /// The devices of the domain with that name.
    Domain,
    /// The device with that name.
    Device,
}

/// The body of `steer.pause`, `steer.drain` and `steer.resume`; the routing key says which.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SteerBody {
    /// The version of the body: 1.
    pub v: u16,
    /// To what.
    pub scope: ScopeWord,
    /// The domain's or the device's name; not for everything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Why; must be given.
    #[serde(default)]
    pub reason: String,
}

impl SteerBody {
    /// The body that asks for this.
    #[must_use]
    pub fn new(scope: Scope, reason: String) -> Self {
        let (scope, name) = match scope {
            Scope::Everything => (ScopeWord::Everything, None),
            Scope::Domain { name } => (ScopeWord::Domain, Some(name)),
            Scope::Device { name } => (ScopeWord::Device, Some(name)),
        };
        Self { v: COMMAND_VERSION, scope, name, reason }
    }

    fn scope(&self) -> Result<Scope, Unreadable> {
        match (self.scope, self.name.clone().filter(|name| !name.trim().is_empty())) {
            (ScopeWord::Everything, None) => Ok(Scope::Everything),
            (ScopeWord::Domain, Some(name)) => Ok(Scope::Domain { name }),
            (ScopeWord::Device, Some(name)) => Ok(Scope::Device { name }),
            (ScopeWord::Everything, Some(_)) => {
                Err(Unreadable::Bad("at `name`: everything has no name".to_owned()))
            }
            (ScopeWord::Domain, None) => {
                Err(Unreadable::Bad("at `name`: which domain is missing".to_owned()))
            }
            (ScopeWord::Device, None) => {
                Err(Unreadable::Bad("at `name`: which device is missing".to_owned()))
            }
        }
    }
}

/// Headers of our own.
pub(super) mod header {
    /// Whom a relay has checked.
    pub(crate) const PERSON: &str = "rehome-person";
    /// What they may do, as the relay knows.
    pub(crate) const ROLE: &str = "rehome-role";
    /// The way they came to the relay.
    pub(crate) const VIA: &str = "rehome-via";
    /// Where a message belongs in a trace, by W3C trace context.
    pub(crate) const TRACE_PARENT: &str = "traceparent";
    /// And what tracing systems say to each other.
    pub(crate) const TRACE_STATE: &str = "tracestate";
    /// How often an input was put back because it came too early.
    pub(crate) const EARLY: &str = "rehome-early";
    /// Who wants an answer to an input that was put back: the queue.
    pub(crate) const REPLY_QUEUE: &str = "rehome-reply-queue";
    /// And their correlation.
    pub(crate) const REPLY_CORRELATION: &str = "rehome-reply-correlation";
    /// Which publisher published an event.
    pub(crate) const PUBLISHER: &str = "rehome-publisher";
    /// The how-many-th event of its publisher it is, so that listeners see what they missed.
    pub(crate) const COUNT: &str = "rehome-count";
    /// Why a message is dead.
    pub(crate) const REASON: &str = "rehome-reason";
    /// The exchange it came by, without the prefix.
    pub(crate) const ORIGIN: &str = "rehome-origin";
    /// The key it came by.
    pub(crate) const KEY: &str = "rehome-key";
    /// The user who sent it, as the broker checked.
    pub(crate) const USER: &str = "rehome-user";
    /// The broker's: how often a message was handed out before.
    pub(crate) const ACQUIRED: &str = "x-acquired-count";
    /// Who is behind it (JSON), as far as is known.
    pub(crate) const BY: &str = "rehome-by";
}

/// Message types, with their versions.
pub(super) mod kind {
    /// A work order.
    pub(crate) const ORDER: &str = "work_order.v1";
    /// A reply.
    pub(crate) const REPLY: &str = "reply.v1";
    /// An input of the supervisor's own.
    pub(crate) const INPUT: &str = "input.v1";
    /// An event.
    pub(crate) const EVENT: &str = "event.v1";
    /// An alarm.
    pub(crate) const ALARM: &str = "alarm.v1";
    /// What was paused or resumed.
    pub(crate) const STEERED: &str = "steering.v1";
    /// An answer.
    pub(crate) const ANSWER: &str = "answer.v1";
    /// A dead letter.
    pub(crate) const DEAD: &str = "dead_letter.v1";

    /// A command by its key.
    pub(crate) fn command(key: &str) -> String {
        format!("{key}.v1")
    }
}

/// Why a message can't be read, for people.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unreadable {
    /// Nobody could.
    #[error("{0}")]
    Bad(String),
    /// A newer binary of ours wrote it, and one as new can.
    #[error("{0}")]
    Newer(String),
}
