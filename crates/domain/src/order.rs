//! Work orders (工单): what the supervisor asks a configurator to do.

use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    id::{RelocationId, WorkOrderId},
    lang::Lang,
    plan::SpotHeld,
    request::{Deadlines, Request},
};

/// The version of the work order and reply messages.
pub const MESSAGE_VERSION: u16 = 1;

/// Which configurator: the gateway's or the switches'.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Layer {
    /// 三层配置装置: gateway sub-interfaces.
    L3,
    /// 二层配置装置: VLANs on access and aggregation ports.
    L2,
}

impl Layer {
    /// Both, in the order they act.
    pub const ALL: [Self; 2] = [Self::L3, Self::L2];

    /// The name on the wire.
    #[must_use]
    pub const fn wire(self) -> &'static str {
        match self {
            Self::L3 => "l3",
            Self::L2 => "l2",
        }
    }

    /// What a person reads.
    #[must_use]
    pub fn label(self, lang: Lang) -> &'static str {
        match self {
            Self::L3 => lang.pick("L3", "三层"),
            Self::L2 => lang.pick("L2", "二层"),
        }
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::L3 => "L3",
            Self::L2 => "L2",
        })
    }
}

/// What is asked. All mean *ensure*: doing one twice is harmless.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OrderKind {
    /// Prepare the new place without touching service (at L3: only the sub-interface and its description, claim 3).
    Reserve,
    /// Take the reservation back.
    Release,
    /// Tear down the old place, install the new.
    Cutover,
    /// L3: take back a new place whose install failed (claim 5).
    RollbackInstall,
    /// L2: be told that L3's reservation failed (claim 1).
    Notice,
    /// Say what is really on the device, to settle an order in doubt.
    Inspect,
    /// L3: let a cutover stand that the gateway holds to be confirmed. Only after a reply that said `held_until`.
    Confirm,
    /// L3: take a held cutover back, because L2's has failed: the old place serves again. Only after a reply that said `held_until`.
    TakeBack,
}

impl OrderKind {
    /// Every kind.
    pub const ALL: [Self; 8] = [
        Self::Reserve,
        Self::Release,
        Self::Cutover,
        Self::RollbackInstall,
        Self::Notice,
        Self::Inspect,
        Self::Confirm,
        Self::TakeBack,
    ];

    /// The name on the wire.
    #[must_use]
    pub const fn wire(self) -> &'static str {
        match self {
            Self::Reserve => "reserve",
            Self::Release => "release",
            Self::Cutover => "cutover",
            Self::RollbackInstall => "rollback_install",
            Self::Notice => "notice",
            Self::Inspect => "inspect",
            Self::Confirm => "confirm",
            Self::TakeBack => "take_back",
        }
    }

    /// What a person reads.
    #[must_use]
    pub fn label(self, lang: Lang) -> &'static str {
        match self {
            Self::Reserve => lang.pick("reserve", "预占"),
            Self::Release => lang.pick("release", "预占回滚"),
            Self::Cutover => lang.pick("cutover", "切换"),
            Self::RollbackInstall => lang.pick("roll back install", "新装回滚"),
            Self::Notice => lang.pick("notice of failure", "失败通知"),
            Self::Inspect => lang.pick("inspect", "核查"),
            Self::Confirm => lang.pick("confirm cutover", "确认切换"),
            Self::TakeBack => lang.pick("take cutover back", "撤回切换"),
        }
    }

    /// How long this kind may stay unanswered, in milliseconds.
    #[must_use]
    pub const fn allowance_ms(self, deadlines: &Deadlines) -> u32 {
        match self {
            Self::Reserve => deadlines.reserve_ms,
            Self::Cutover | Self::Confirm => deadlines.cutover_ms,
            Self::Release | Self::RollbackInstall | Self::TakeBack => deadlines.rollback_ms,
            Self::Notice | Self::Inspect => deadlines.inspect_ms,
        }
    }
}

impl fmt::Display for OrderKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.wire())
    }
}

/// An order as the journal keeps it: all but the parameters, which the ticket has once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dispatch {
    /// The order's id; its `seq` is the fencing token.
    pub id: WorkOrderId,
    /// To whom.
    pub layer: Layer,
    /// What.
    pub kind: OrderKind,
    /// The how-many-th of its kind for this ticket and layer, from 1.
    pub attempt: u32,
    /// When the supervisor stops waiting.
    pub deadline: Timestamp,
    /// For `inspect`: the order whose outcome is in doubt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<WorkOrderId>,
    /// For L3's `cutover`: what is to be found before it begins, if somebody goes by a plan.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expected: Vec<SpotHeld>,
}

/// A work order as a configurator gets it: complete, so that it needs to remember nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WorkOrder {
    /// Message version.
    pub v: u16,
    /// Its own id; `seq` in it is the fencing token.
    pub id: WorkOrderId,
    /// The ticket.
    pub relocation: RelocationId,
    /// To whom.
    pub layer: Layer,
    /// What.
    pub kind: OrderKind,
    /// The how-many-th of its kind, from 1.
    pub attempt: u32,
    /// When the supervisor stops waiting.
    pub deadline: Timestamp,
    /// For `inspect`: the order whose outcome is in doubt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<WorkOrderId>,
    /// For L3's `cutover`: what was to be found at the old and the new spot before it begins, by the plan that the person
    /// who deployed it had seen. A configurator that finds something else refuses the cutover before it touches anything; one
    /// that can't tell may leave it. Empty: nobody goes by a plan.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub expected: Vec<SpotHeld>,
    /// For a relocation's first `cutover` at L3: L2's is still to come. A configurator whose gateway can may leave the commit to be confirmed, and
    /// says so in its reply (`held_until`); then a `confirm` or a `take_back` follows. One that does not say so is asked for neither.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hold: bool,
    /// The full desired parameters.
    pub request: std::sync::Arc<Request>,
}

impl WorkOrder {
    /// Puts the ticket's parameters to a journaled order: the same message each time.
    #[must_use]
    pub fn new(dispatch: &Dispatch, request: &std::sync::Arc<Request>) -> Self {
        Self {
            v: MESSAGE_VERSION,
            id: dispatch.id,
            relocation: dispatch.id.relocation,
            layer: dispatch.layer,
            kind: dispatch.kind,
            attempt: dispatch.attempt,
            deadline: dispatch.deadline,
            about: dispatch.about,
            expected: dispatch.expected.clone(),
            // Only the first: what comes after it may find the old place without service already.
            hold: (dispatch.layer, dispatch.kind, dispatch.attempt) == (Layer::L3, OrderKind::Cutover, 1),
            request: std::sync::Arc::clone(request),
        }
    }
}
