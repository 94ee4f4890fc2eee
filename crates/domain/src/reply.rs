//! Replies (回单): what a configurator answers to a work order.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{id::WorkOrderId, lang::Lang, order::Layer};

/// Why something failed, for machines. New reasons may be added; unknown ones are read as `other`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The device could not be reached within the retry policy.
    Unreachable,
    /// Somebody else held the device's lock for too long.
    Locked,
    /// What was on the device is not what the order expected.
    Conflict,
    /// The device rejected the edit.
    Rejected,
    /// The order's deadline passed before the device was done.
    TimedOut,
    /// A newer order for this ticket has begun: this one may not run any more.
    Superseded,
    /// The order names a device this configurator does not know.
    UnknownDevice,
    /// Anything else; the text says what.
    #[serde(other)]
    Other,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 8] = [
        Self::Unreachable,
        Self::Locked,
        Self::Conflict,
        Self::Rejected,
        Self::TimedOut,
        Self::Superseded,
        Self::UnknownDevice,
        Self::Other,
    ];

    /// The name on the wire.
    #[must_use]
    pub const fn wire(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Locked => "locked",
            Self::Conflict => "conflict",
            Self::Rejected => "rejected",
            Self::TimedOut => "timed_out",
            Self::Superseded => "superseded",
            Self::UnknownDevice => "unknown_device",
            Self::Other => "other",
        }
    }

    /// For people.
    #[must_use]
    pub fn label(self, lang: Lang) -> &'static str {
        match self {
            Self::Unreachable => lang.pick("device unreachable", "设备不可达"),
            Self::Locked => lang.pick("locked by others", "配置被他方锁定"),
            Self::Conflict => lang.pick("not what was expected", "现状与预期不符"),
            Self::Rejected => lang.pick("rejected by the device", "设备拒绝"),
            Self::TimedOut => lang.pick("timed out", "超时"),
            Self::Superseded => lang.pick("superseded by a newer order", "已被新工单取代"),
            Self::UnknownDevice => lang.pick("unknown device", "未知设备"),
            Self::Other => lang.pick("other", "其他原因"),
        }
    }
}

/// A failure: a code for machines and a sentence for people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error, JsonSchema)]
#[error("{}: {text}", reason.wire())]
pub struct Failure {
    /// Machine-readable.
    pub reason: Reason,
    /// For people.
    pub text: String,
}

/// One outcome.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// It is done.
    Done,
    /// It is not.
    Failed(Failure),
}

impl Outcome {
    /// Whether it is done.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        matches!(self, Self::Done)
    }

    /// The failure, if it failed.
    #[must_use]
    pub const fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Done => None,
            Self::Failed(failure) => Some(failure),
        }
    }
}

impl From<Result<(), Failure>> for Outcome {
    fn from(result: Result<(), Failure>) -> Self {
        match result {
            Ok(()) => Self::Done,
            Err(failure) => Self::Failed(failure),
        }
    }
}

/// What a device holds at one spot, as far as one circuit is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    /// Nothing.
    Absent,
    /// Reserved: there, but carrying no service.
    Reserved,
    /// Half of it.
    Partial,
    /// In service.
    Installed,
}

impl Presence {
    /// The name on the wire.
    #[must_use]
    pub const fn wire(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Reserved => "reserved",
            Self::Partial => "partial",
            Self::Installed => "installed",
        }
    }
}

/// What `inspect` found at both ends on its layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Found {
    /// At the old place.
    pub old: Presence,
    /// At the new place.
    pub new: Presence,
}

/// When a device was being changed, by the clock of the configurator that changed it: from just before until it had been
/// read back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct During {
    /// From when on.
    pub from: Timestamp,
    /// Until when.
    pub until: Timestamp,
}

impl During {
    /// From the beginning of this until the end of both.
    #[must_use]
    pub fn and(self, later: Option<Self>) -> Self {
        Self { until: later.map_or(self.until, |later| later.until.max(self.until)), ..self }
    }
}

/// What a reply says. The kind of report must fit the kind of order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "report", rename_all = "snake_case")]
pub enum Report {
    /// `reserve`. From L2 a failure is followed by the outcome of L2's own rollback: in `rollback`, or as a
    /// [`Report::RolledBack`] of its own.
    Reserve {
        /// How it went.
        #[serde(flatten)]
        outcome: Outcome,
        /// L2 only: how its own rollback went, if already known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rollback: Option<Outcome>,
    },
    /// L2's own rollback after its failed `reserve`, about that same order.
    RolledBack {
        /// How it went.
        #[serde(flatten)]
        outcome: Outcome,
    },
    /// `release`.
    Release {
        /// How it went.
        #[serde(flatten)]
        outcome: Outcome,
    },
    /// `cutover` at L3: two outcomes (claim 5).
    CutoverL3 {
        /// Of the old place.
        teardown: Outcome,
        /// Of the new place.
        install: Outcome,
        /// When the old place was taken out: from just before the first change that took service until the last of the
        /// order's changes was read back. None: nothing was taken out, or nobody looked at the clock.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        during: Option<During>,
        /// Both are done, and the gateway takes them back by itself unless a `confirm` comes until then. Only in answer to an
        /// order that said `hold`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        held_until: Option<Timestamp>,
    },
    /// `cutover` refused before anything was touched (row 19).
    CutoverRefused {
        /// Why.
        failure: Failure,
    },
    /// `cutover` at L2.
    CutoverL2 {
        /// How it went.
        #[serde(flatten)]
        outcome: Outcome,
        /// When the switches were changed; none: nobody looked at the clock.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        during: Option<During>,
    },
    /// `rollback_install`.
    InstallRolledBack {
        /// How it went.
        #[serde(flatten)]
        outcome: Outcome,
    },
    /// `confirm`: the cutover stands. Failed: it does not, the gateway has taken it back, or nobody knows.
    Confirmed {
        /// How it went.
        #[serde(flatten)]
        outcome: Outcome,
    },
    /// `take_back`: the old place serves again.
    TakenBack {
        /// How it went.
        #[serde(flatten)]
        outcome: Outcome,
        /// If it failed: what is on the device; none if that could not be told.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        found: Option<Found>,
    },
    /// `notice`: read.
    Noticed,
    /// `inspect`.
    Inspected {
        /// What is on the devices; none if that could not be told.
        found: Option<Found>,
        /// The outcome the order in doubt already had, if it had one: its reply was lost, not its work.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        concluded: Option<Box<Report>>,
    },
    /// Not an answer yet: the configurator met a transient failure and will try again.
    Retrying {
        /// The try that failed, from 1. `tried` on the wire, where `attempt` is the order's.
        #[serde(rename = "tried")]
        attempt: u32,
        /// What it met.
        failure: Failure,
        /// When it tries again.
        next_at: Timestamp,
    },
}

impl Report {
    /// The first failure it tells of.
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Reserve { outcome, rollback } => {
                outcome.failure().or_else(|| rollback.as_ref().and_then(Outcome::failure))
            }
            Self::RolledBack { outcome }
            | Self::Release { outcome }
            | Self::CutoverL2 { outcome, .. }
            | Self::InstallRolledBack { outcome }
            | Self::Confirmed { outcome }
            | Self::TakenBack { outcome, .. } => outcome.failure(),
            Self::CutoverL3 { teardown, install, .. } => install.failure().or_else(|| teardown.failure()),
            Self::CutoverRefused { failure } | Self::Retrying { failure, .. } => Some(failure),
            Self::Inspected { concluded, .. } => concluded.as_deref().and_then(Self::failure),
            Self::Noticed => None,
        }
    }
}

/// A reply: which order it answers, and what it says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reply {
    /// Message version.
    pub v: u16,
    /// The order it answers.
    pub order: WorkOrderId,
    /// The order's attempt.
    pub attempt: u32,
    /// Who answers.
    pub layer: Layer,
    /// What it says.
    #[serde(flatten)]
    pub report: Report,
}
