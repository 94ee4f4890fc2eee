//! Who may do what (promise 5): roles, each with all that the ones before it may.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{command::CommandKind, lang::Lang};

/// What a person or another system may do. Given by configuration to a name that was checked on the way in, never by
/// what a message says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Look.
    Viewer,
    /// Submit, deploy, retry, cancel.
    Operator,
    /// Force too: go on against what the machines said.
    Supervisor,
    /// Pause and resume too, and give others their rights.
    Admin,
}

impl Role {
    /// Every role, from the least to the most.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Operator, Self::Supervisor, Self::Admin];
    /// What it takes to submit a relocation.
    pub const TO_SUBMIT: Self = Self::Operator;
    /// What it takes to have a webhook, and to be told anything by it.
    pub const TO_LISTEN: Self = Self::Operator;
    /// What it takes to pause and resume.
    pub const TO_STEER: Self = Self::Admin;
    /// What it takes to settle a dead letter: what was sent is given up, or will be done after all.
    pub const TO_SETTLE: Self = Self::Supervisor;

    /// What it takes to give a command.
    #[must_use]
    pub const fn to(command: CommandKind) -> Self {
        if command.is_force() { Self::Supervisor } else { Self::Operator }
    }

    /// The name on the wire and in configuration.
    #[must_use]
    pub const fn wire(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Supervisor => "supervisor",
            Self::Admin => "admin",
        }
    }

    /// What a person reads.
    #[must_use]
    pub fn label(self, lang: Lang) -> &'static str {
        match self {
            Self::Viewer => lang.pick("viewer", "查看者"),
            Self::Operator => lang.pick("operator", "操作员"),
            Self::Supervisor => lang.pick("supervisor", "主管"),
            Self::Admin => lang.pick("admin", "管理员"),
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.wire())
    }
}

/// A word that names no role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a role, expected viewer, operator, supervisor or admin")]
pub struct BadRole(pub String);

impl FromStr for Role {
    type Err = BadRole;

    fn from_str(given: &str) -> Result<Self, BadRole> {
        Self::ALL.into_iter().find(|role| role.wire() == given).ok_or_else(|| BadRole(given.to_owned()))
    }
}
