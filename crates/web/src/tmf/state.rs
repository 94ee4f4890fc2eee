//! What a relocation's state is to those who order by TMF641.

use rehome_domain::{
    order::Layer,
    state::{State, Work},
    status::{CutoverStatus, Disposition, RelocationStatus},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `ServiceOrderStateType`. An order's only item is in the same state as the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum OrderState {
    /// Taken, and not begun: it is held, or its devices are paused.
    Acknowledged,
    /// Refused. Never of an order that is there: what is refused becomes none, and the answer says why.
    Rejected,
    /// Reserved: waits for its cutover to be deployed, by a person or its window.
    Pending,
    /// Something failed, and a person decides how it goes on.
    Held,
    /// Work orders are out.
    InProgress,
    /// Given up, and all that was reserved given back.
    Cancelled,
    /// Moved.
    Completed,
    /// Closed by a person, and the circuit is not in service at the new place.
    Failed,
    /// Closed by a person although a part failed.
    Partial,
    /// Whether it may be cancelled is being found out. Never here: that is known when it is asked for.
    AssessingCancellation,
    /// To be cancelled: what is, or may be, reserved is being given back.
    PendingCancellation,
}

impl OrderState {
    /// Every state, in the order of the specification.
    pub const ALL: [Self; 11] = [
        Self::Acknowledged,
        Self::Rejected,
        Self::Pending,
        Self::Held,
        Self::InProgress,
        Self::Cancelled,
        Self::Completed,
        Self::Failed,
        Self::Partial,
        Self::AssessingCancellation,
        Self::PendingCancellation,
    ];

    /// The name on the wire.
    #[must_use]
    pub const fn wire(self) -> &'static str {
        match self {
            Self::Acknowledged => "acknowledged",
            Self::Rejected => "rejected",
            Self::Pending => "pending",
            Self::Held => "held",
            Self::InProgress => "inProgress",
            Self::Cancelled => "cancelled",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Partial => "partial",
            Self::AssessingCancellation => "assessingCancellation",
            Self::PendingCancellation => "pendingCancellation",
        }
    }

    /// Whether nothing can happen to the order any more.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Rejected | Self::Cancelled | Self::Completed | Self::Failed | Self::Partial)
    }

    /// What a relocation's state is.
    #[must_use]
    pub fn of(state: &State) -> Self {
        match state.disposition {
            Disposition::Completed => Self::Completed,
            Disposition::Cancelled => Self::Cancelled,
            Disposition::Forced if serves_new_place(state) => Self::Partial,
            Disposition::Forced => Self::Failed,
            Disposition::Open if state.cancelling => Self::PendingCancellation,
            Disposition::Open => open(state),
        }
    }
}

fn open(state: &State) -> OrderState {
    match (state.relocation, state.cutover) {
        // Also while a rollback is under way: whatever its outcome, a person decides.
        (RelocationStatus::Failed, _) => OrderState::Held,
        _ if is_working(state) => OrderState::InProgress,
        (RelocationStatus::ReservationPending, _) => OrderState::Acknowledged,
        (RelocationStatus::CutoverPending, None) => OrderState::Pending,
        (RelocationStatus::CutoverPending, Some(_)) => OrderState::Held,
        // No open ticket stands so.
        (RelocationStatus::Succeeded, _) => OrderState::Completed,
        (RelocationStatus::Abnormal, _) => OrderState::Partial,
    }
}

/// Whether orders are out that anything waits for: a notice gates nothing.
#[must_use]
pub fn is_working(state: &State) -> bool {
    Layer::ALL.into_iter().filter_map(|layer| state.work(layer)).any(|work| work != Work::Noticing)
}

/// Whether the gateway serves the new place, as far as was told last.
fn serves_new_place(state: &State) -> bool {
    !state.service_lost
        && match state.cutover {
            Some(
                CutoverStatus::L3CutOver
                | CutoverStatus::CutOver
                | CutoverStatus::L2TeardownFailed
                | CutoverStatus::L3TeardownFailedInstalled,
            ) => true,
            Some(
                CutoverStatus::L3CutoverFailed
                | CutoverStatus::L3TornDownInstallFailed
                | CutoverStatus::L3TeardownAndInstallFailed,
            )
            | None => false,
        }
}
