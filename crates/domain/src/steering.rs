//! Steering a running system: pausing, draining and resuming everything, one domain of devices, or one device.
//!
//! What is paused begins nothing: no reservation and no cutover is deployed. What is under way goes on to its end, and
//! undoing (rollback, cancel) is always allowed. A relocation submitted meanwhile is accepted and held back; it begins
//! when the pause is lifted. A drain is a pause whose end of work is told: when nothing is under way there any more.
//!
//! The truth is an append-only log; what is paused now is its projection ([`pauses`]), so that it outlives every process.

use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    command::By,
    id::MessageId,
    lang::Lang,
    request::{Place, Request},
    role::Role,
};

/// What a pause is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
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
        self.touches([&request.old, &request.new], domain_of)
    }

    /// Whether any device of these places is in it.
    #[must_use]
    pub fn touches(&self, places: [&Place; 2], domain_of: impl Fn(&str) -> String) -> bool {
        let mut devices =
            places.into_iter().flat_map(|place| [place.l3_device.as_str(), place.l2_device.as_str()]);
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Turn {
    /// From now on nothing begins.
    Pause,
    /// The same, and it is to be told when nothing is under way there any more.
    Drain,
    /// A person lifts the pause: what was held back may begin.
    Resume,
    /// Rehome itself: all that was held back by it has begun.
    Lifted,
    /// Rehome itself: nothing is under way any more where a drain was wished.
    Drained,
}

impl Turn {
    /// What people may wish.
    pub const WISHES: [Self; 3] = [Self::Pause, Self::Drain, Self::Resume];

    /// The name on the wire.
    #[must_use]
    pub const fn wire(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Drain => "drain",
            Self::Resume => "resume",
            Self::Lifted => "lifted",
            Self::Drained => "drained",
        }
    }

    /// Whether nothing begins from then on.
    #[must_use]
    pub const fn pauses(self) -> bool {
        matches!(self, Self::Pause | Self::Drain)
    }
}

/// One line of the log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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

impl Steered {
    /// The line that all is begun which this resume's pause had held back.
    #[must_use]
    pub fn lifted(&self, at: Timestamp) -> Self {
        self.followed_by(Turn::Lifted, at)
    }

    /// The line that nothing is under way any more where this drain was wished.
    #[must_use]
    pub fn drained(&self, at: Timestamp) -> Self {
        self.followed_by(Turn::Drained, at)
    }

    /// Rehome's own word about it. Its id is derived, so that whichever process says it, it is said once.
    fn followed_by(&self, turn: Turn, at: Timestamp) -> Self {
        let id = MessageId(format!("{}:{}", turn.wire(), self.id));
        Self { id, turn, scope: self.scope.clone(), by: By::System, at, reason: self.reason.clone() }
    }
}

/// A person's wish to pause or to resume, as it came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Steer {
    /// The id of the message that asks for it: it counts once.
    pub id: MessageId,
    /// What is wished: one of [`Turn::WISHES`].
    pub turn: Turn,
    /// To what.
    #[serde(flatten)]
    pub scope: Scope,
    /// Who.
    pub by: By,
    /// Why.
    pub reason: String,
}

impl Steer {
    /// What became of it in a log that may have heard it already, and the line to append if it is new.
    ///
    /// # Errors
    /// Why it is refused.
    pub fn decide(self, log: &[Steered], at: Timestamp) -> Result<Decided, NotSteered> {
        if let Some(known) = log.iter().find(|line| line.id == self.id) {
            return Ok(Decided::Known(known.clone()));
        }
        let (has, needs) = (self.by.role(), Role::TO_STEER);
        if has.is_none_or(|has| has < needs) {
            return Err(NotSteered::NotAllowed { has, needs });
        }
        if self.reason.trim().is_empty() {
            return Err(NotSteered::NeedsReason);
        }
        let paused = || pauses(log).iter().any(|line| line.scope == self.scope);
        match self.turn {
            Turn::Pause | Turn::Drain => {}
            Turn::Resume if paused() => {}
            Turn::Resume | Turn::Lifted | Turn::Drained => return Err(NotSteered::NotPaused),
        }
        let Self { id, turn, scope, by, reason } = self;
        Ok(Decided::New(Steered { id, turn, scope, by, at, reason }))
    }
}

/// A wish that is granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decided {
    /// By this line, which is to be appended.
    New(Steered),
    /// It came before: by this line, which stands already.
    Known(Steered),
}

/// Why a wish to pause or to resume is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error, JsonSchema)]
#[serde(tag = "why_not", rename_all = "snake_case")]
pub enum NotSteered {
    /// Their role does not allow it (promise 5).
    #[error("pausing and resuming need the role {needs}; {}", has.map_or_else(
        || "nobody vouches for who sent it".to_owned(), |has| format!("the sender's is {has}")))]
    NotAllowed {
        /// The role they have; none if nobody vouches for who they are.
        has: Option<Role>,
        /// The role it takes.
        needs: Role,
    },
    /// Pausing and resuming need a reason (promise 5).
    #[error("pausing and resuming need a reason")]
    NeedsReason,
    /// There is nothing to resume: exactly this scope is not paused.
    #[error("it is not paused")]
    NotPaused,
}

/// What whoever asked to pause or to resume is told, correlated by their message's id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Verdict {
    /// It stands in the log, durably, and holds for every supervisor within moments.
    Accepted {
        /// What was done.
        turn: Turn,
        /// To what.
        #[serde(flatten)]
        scope: Scope,
        /// Since when.
        at: Timestamp,
    },
    /// It changed nothing, and is kept as a dead letter with the reason.
    Refused {
        /// What was wished.
        turn: Turn,
        /// To what.
        #[serde(flatten)]
        scope: Scope,
        /// Why not.
        why: NotSteered,
    },
}

/// What is paused by a log, in the order it was paused: each scope with the line that paused it.
#[must_use]
pub fn pauses(log: &[Steered]) -> Vec<&Steered> {
    standing(log).into_iter().filter(|line| line.turn.pauses()).collect()
}

/// What a person has resumed and Rehome has not lifted yet: tickets may still be held back by it.
#[must_use]
pub fn lifting(log: &[Steered]) -> Vec<&Steered> {
    standing(log).into_iter().filter(|line| line.turn == Turn::Resume).collect()
}

/// The drains of a log that are not over: neither is all at rest there, nor was the scope resumed.
#[must_use]
pub fn draining(log: &[Steered]) -> Vec<&Steered> {
    let over = |drain: &Steered, later: &Steered| {
        later.id == drain.drained(drain.at).id || (later.turn == Turn::Resume && later.scope == drain.scope)
    };
    let drains = log.iter().enumerate().filter(|(_, line)| line.turn == Turn::Drain);
    let open = drains.filter(|(at, drain)| !log.iter().skip(*at).any(|later| over(drain, later)));
    open.map(|(_, drain)| drain).collect()
}

/// What a listener must have heard to know how a log stands now: the last word about each scope, unless it is over, and
/// with a drain that it is drained.
#[must_use]
pub fn news(log: &[Steered]) -> Vec<&Steered> {
    let mut ids = Vec::new();
    for line in standing(log).into_iter().filter(|line| line.turn != Turn::Lifted) {
        ids.extend([line.id.clone(), line.drained(line.at).id]);
    }
    log.iter().filter(|line| ids.contains(&line.id)).collect()
}

/// The last line about each scope. Lifting says nothing once it was paused anew, and a drain stays when it is drained.
fn standing(log: &[Steered]) -> Vec<&Steered> {
    let mut last: Vec<&Steered> = Vec::new();
    for line in log {
        let known = last.iter().position(|other| other.scope == line.scope);
        match (known, line.turn) {
            (_, Turn::Drained) => {}
            (Some(at), Turn::Lifted) if last[at].turn.pauses() => {}
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

    fn wish(id: &str, turn: Turn, by: By, reason: &str) -> Steer {
        let scope = Scope::Device { name: "a".to_owned() };
        Steer { id: MessageId(id.to_owned()), turn, scope, by, reason: reason.to_owned() }
    }

    fn person(role: Role) -> By {
        By::Person { name: "ann".to_owned(), via: "amqp".to_owned(), role }
    }

    #[test]
    fn a_wish_needs_an_admin_a_reason_and_for_a_resume_a_pause() {
        let log = log(&[(Turn::Pause, "a"), (Turn::Pause, "b"), (Turn::Resume, "b")]);
        let decide = |turn, by, reason: &str, log: &[Steered]| {
            wish("new", turn, by, reason).decide(log, Timestamp::UNIX_EPOCH)
        };
        let nothing: &[Steered] = &[];
        for (turn, log) in [(Turn::Pause, nothing), (Turn::Drain, nothing), (Turn::Resume, &log)] {
            assert!(matches!(decide(turn, person(Role::Admin), "works", log), Ok(Decided::New(_))));
            let supervisor = Err(NotSteered::NotAllowed { has: Some(Role::Supervisor), needs: Role::Admin });
            assert_eq!(decide(turn, person(Role::Supervisor), "works", log), supervisor);
            let nobody = Err(NotSteered::NotAllowed { has: None, needs: Role::Admin });
            assert_eq!(decide(turn, By::Nobody { via: "amqp".to_owned() }, "works", log), nobody);
            assert_eq!(decide(turn, person(Role::Admin), " ", log), Err(NotSteered::NeedsReason));
        }
        let resumed = decide(Turn::Resume, person(Role::Admin), "works", &[]);
        assert_eq!(resumed, Err(NotSteered::NotPaused));
        for own in [Turn::Lifted, Turn::Drained] {
            assert!(decide(own, person(Role::Admin), "works", &log).is_err(), "{own:?} is nobody's to wish");
        }
    }

    #[test]
    fn a_drain_is_a_pause_that_goes_on_until_all_is_at_rest_or_it_is_resumed() {
        let line = |id: &str, turn| Steered { id: MessageId(id.to_owned()), ..log(&[(turn, "a")]).remove(0) };
        let (drain, pause, resume) =
            (line("d", Turn::Drain), line("p", Turn::Pause), line("r", Turn::Resume));
        let drained = drain.drained(Timestamp::UNIX_EPOCH);
        let ids =
            |lines: Vec<&Steered>| lines.iter().map(|line| line.id.0.clone()).collect::<Vec<_>>().join(",");
        for (log, paused, still, told) in [
            (vec![&drain], "d", "d", "d"),
            (vec![&drain, &drained], "d", "", "d,drained:d"),
            (vec![&drain, &resume], "", "", "r"),
            (vec![&drain, &pause], "p", "d", "p"),
            (vec![&pause, &drain], "d", "d", "d"),
            (vec![&drain, &drained, &resume, &resume.lifted(Timestamp::UNIX_EPOCH)], "", "", ""),
        ] {
            let log: Vec<Steered> = log.into_iter().cloned().collect();
            assert_eq!(
                (ids(pauses(&log)), ids(draining(&log)), ids(news(&log))),
                (paused.to_owned(), still.to_owned(), told.to_owned()),
                "{log:?}"
            );
        }
    }

    #[test]
    fn a_wish_that_came_before_is_answered_by_the_line_it_has_whatever_was_done_since() {
        let log = log(&[(Turn::Pause, "a"), (Turn::Resume, "a")]);
        for line in &log {
            let again = wish(&line.id.0, line.turn, person(Role::Admin), "again");
            assert_eq!(again.decide(&log, Timestamp::MAX), Ok(Decided::Known(line.clone())));
        }
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
