//! Steering a running system: pausing and resuming everything, one domain of devices, or one device.
//!
//! What is paused begins nothing: no reservation and no cutover is deployed. What is under way goes on to its end, and
//! undoing (rollback, cancel) is always allowed. A relocation submitted meanwhile is accepted and held back; it begins
//! when the pause is lifted.
//!
//! The truth is an append-only log; what is paused now is its projection ([`pauses`]), so that it outlives every process.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{command::By, id::MessageId, lang::Lang, request::Request};

/// What a pause is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "scope", rename_all = "snake_case", deny_unknown_fields)]
pub enum Scope {
    /// All there is.
    Everything,
    /// The devices of a domain (a region's, a vendor's).
    Domain {
        /// Its name.
        name: String,
    },
    /// One device.
    Device {
        /// Its name.
        name: String,
    },
}

impl Scope {
    /// Whether a relocation has to do with it. `domain_of` tells a device's domain.
    #[must_use]
    pub fn covers(&self, request: &Request, domain_of: impl Fn(&str) -> String) -> bool {
        let mut devices = [&request.old, &request.new]
            .into_iter()
            .flat_map(|place| [place.l3_device.as_str(), place.l2_device.as_str()]);
        match self {
            Self::Everything => true,
            Self::Domain { name } => devices.any(|device| domain_of(device) == *name),
            Self::Device { name } => devices.any(|device| device == name),
        }
    }

    /// What a person reads.
    #[must_use]
    pub fn label(&self, lang: Lang) -> String {
        match self {
            Self::Everything => lang.pick("everything", "全部").to_owned(),
            Self::Domain { name } => format!("{} {name}", lang.pick("domain", "域")),
            Self::Device { name } => format!("{} {name}", lang.pick("device", "设备")),
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label(Lang::En))
    }
}

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Turn {
    /// From now on nothing begins.
    Pause,
    /// A person lifts the pause: what was held back may begin.
    Resume,
    /// Rehome itself: all that was held back by it has begun.
    Lifted,
}

/// One line of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Steered {
    /// The id of the message that asked for it: it counts once.
    pub id: MessageId,
    /// What was done.
    pub turn: Turn,
    /// To what.
    #[serde(flatten)]
    pub scope: Scope,
    /// Who.
    pub by: By,
    /// When.
    pub at: Timestamp,
    /// Why.
    pub reason: String,
}

/// What is paused by a log, in the order it was paused: each scope with the line that paused it.
#[must_use]
pub fn pauses(log: &[Steered]) -> Vec<&Steered> {
    standing(log).into_iter().filter(|line| line.turn == Turn::Pause).collect()
}

/// What a person has resumed and Rehome has not lifted yet: tickets may still be held back by it.
#[must_use]
pub fn lifting(log: &[Steered]) -> Vec<&Steered> {
    standing(log).into_iter().filter(|line| line.turn == Turn::Resume).collect()
}

/// The last line about each scope. Lifting says nothing once it was paused anew.
fn standing(log: &[Steered]) -> Vec<&Steered> {
    let mut last: Vec<&Steered> = Vec::new();
    for line in log {
        let known = last.iter().position(|other| other.scope == line.scope);
        match (known, line.turn) {
            (Some(at), Turn::Lifted) if last[at].turn == Turn::Pause => {}
            (Some(at), _) => {
                last.remove(at);
                last.push(line);
            }
            (None, _) => last.push(line),
        }
    }
    last
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log(turns: &[(Turn, &str)]) -> Vec<Steered> {
        let line = |(number, (turn, device)): (usize, &(Turn, &str))| Steered {
            id: MessageId(number.to_string()),
            turn: *turn,
            scope: Scope::Device { name: (*device).to_owned() },
            by: By::System,
            at: Timestamp::UNIX_EPOCH,
            reason: String::new(),
        };
        turns.iter().enumerate().map(line).collect()
    }

    #[test]
    fn what_is_paused_is_the_last_word_about_each_scope() {
        use Turn::{Lifted, Pause, Resume};
        let both = |turns: &[(Turn, &str)]| {
            let log = log(turns);
            let names = |lines: Vec<&Steered>| {
                lines.iter().map(|line| line.scope.to_string()).collect::<Vec<_>>().join(",")
            };
            (names(pauses(&log)), names(lifting(&log)))
        };
        let is = |paused: &str, lifting: &str| (paused.to_owned(), lifting.to_owned());
        assert_eq!(both(&[]), is("", ""));
        assert_eq!(both(&[(Pause, "a"), (Pause, "b")]), is("device a,device b", ""));
        assert_eq!(both(&[(Pause, "a"), (Pause, "b"), (Resume, "a")]), is("device b", "device a"));
        assert_eq!(both(&[(Pause, "a"), (Resume, "a"), (Lifted, "a")]), is("", ""));
        assert_eq!(both(&[(Pause, "a"), (Resume, "a"), (Pause, "a"), (Lifted, "a")]), is("device a", ""));
    }
}
