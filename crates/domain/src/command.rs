//! What people and other systems ask of a ticket.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{lang::Lang, order::Layer, plan::SeenPlan, role::Role};

/// A person's command, without its reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CommandKind {
    /// Begin reserving (row 2).
    DeployReservation,
    /// Begin cutting over (row 10).
    DeployCutover,
    /// Go on to the cutover although the reservation failed (row 9).
    ForceReservation,
    /// Close although the cutover failed (row 18).
    ForceCompletion,
    /// Give up before the cutover begins.
    Cancel,
    /// Reserve anew after a failure that holds nothing.
    RetryReservation,
    /// Send a failed rollback again.
    RetryRollback,
    /// Cut over again.
    RetryCutover,
}

impl CommandKind {
    /// Every command, in the order an operator meets them.
    pub const ALL: [Self; 8] = [
        Self::DeployReservation,
        Self::DeployCutover,
        Self::ForceReservation,
        Self::ForceCompletion,
        Self::RetryReservation,
        Self::RetryRollback,
        Self::RetryCutover,
        Self::Cancel,
    ];

    /// The name on the wire.
    #[must_use]
    pub const fn wire(self) -> &'static str {
        match self {
            Self::DeployReservation => "deploy_reservation",
            Self::DeployCutover => "deploy_cutover",
            Self::ForceReservation => "force_reservation",
            Self::ForceCompletion => "force_completion",
            Self::Cancel => "cancel",
            Self::RetryReservation => "retry_reservation",
            Self::RetryRollback => "retry_rollback",
            Self::RetryCutover => "retry_cutover",
        }
    }

    /// What a person reads on the button.
    #[must_use]
    pub fn label(self, lang: Lang) -> &'static str {
        match self {
            Self::DeployReservation => lang.pick("Deploy reservation", "部署移机预占"),
            Self::DeployCutover => lang.pick("Deploy cutover", "部署移机切换"),
            Self::ForceReservation => lang.pick("Force reservation", "强制移机预占竣工"),
            Self::ForceCompletion => lang.pick("Force completion", "强制移机竣工"),
            Self::Cancel => lang.pick("Cancel", "取消移机"),
            Self::RetryReservation => lang.pick("Retry reservation", "重试预占"),
            Self::RetryRollback => lang.pick("Retry rollback", "重试回滚"),
            Self::RetryCutover => lang.pick("Retry cutover", "重试切换"),
        }
    }

    /// Whether it begins work on devices, which a pause forbids. Undoing is always allowed.
    #[must_use]
    pub const fn begins_work(self) -> bool {
        matches!(
            self,
            Self::DeployReservation | Self::DeployCutover | Self::RetryReservation | Self::RetryCutover
        )
    }

    /// Whether it overrides what the machines said: such commands need a reason and the supervisor's role.
    #[must_use]
    pub const fn is_force(self) -> bool {
        matches!(self, Self::ForceReservation | Self::ForceCompletion)
    }
}

impl fmt::Display for CommandKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.wire())
    }
}

/// A command with what its sender says of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Command {
    /// What to do.
    pub kind: CommandKind,
    /// Why; must be given to force or cancel (promise 5).
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    /// The ticket's version its sender saw; a stale one is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expected_version: Option<u64>,
    /// The plan its sender has seen and goes by: from now on the ticket's cutovers hold it against what is there. One that
    /// replaces another needs a reason: something has drifted, and that is accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Box<SeenPlan>>,
}

impl Command {
    /// A command without a reason, a version or a plan.
    #[must_use]
    pub const fn plain(kind: CommandKind) -> Self {
        Self { kind, reason: String::new(), expected_version: None, plan: None }
    }
}

/// Who is behind an input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "who", rename_all = "snake_case")]
pub enum By {
    /// A person or another system, by the name that was checked, and the way it came.
    Person {
        /// The checked name.
        name: String,
        /// `cli`, `amqp`, `http`, `plan` (a scripted operator).
        via: String,
        /// What they might do at that time.
        #[serde(default = "before_roles")]
        role: Role,
    },
    /// Somebody whose name nobody checked: may do nothing, and is told so.
    Nobody {
        /// The way it came.
        via: String,
    },
    /// A configurator.
    Configurator {
        /// Which.
        layer: Layer,
        /// The domain by whose right it answers, where the bus has domains.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        domain: Option<String>,
    },
    /// A deadline or window.
    Timer,
    /// Rehome itself, at start.
    System,
}

/// Entries from before there were roles: whoever got in might do all.
const fn before_roles() -> Role {
    Role::Admin
}

impl By {
    /// The role of whoever gives commands; the system's own may do all. None: nobody's, or a configurator's, who only
    /// replies.
    #[must_use]
    pub const fn role(&self) -> Option<Role> {
        match self {
            Self::Person { role, .. } => Some(*role),
            Self::Timer | Self::System => Some(Role::Admin),
            Self::Nobody { .. } | Self::Configurator { .. } => None,
        }
    }
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Person { name, via, role: _ } => write!(f, "{name} ({via})"),
            Self::Nobody { via } => write!(f, "nobody ({via})"),
            Self::Configurator { layer, domain: None } => write!(f, "{layer} configurator"),
            Self::Configurator { layer, domain: Some(domain) } => {
                write!(f, "{layer} configurator ({domain})")
            }
            Self::Timer => f.write_str("timer"),
            Self::System => f.write_str("rehome"),
        }
    }
}
