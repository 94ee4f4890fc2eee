//! What a relocation's state is to those who order by TMF641.

use rehome_domain::{
    board::Filter,
    order::Layer,
    state::{State, Work},
    status::{Attention, CutoverStatus, Disposition, RelocationStatus},
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

/// Tickets among which those whose orders are in a state are found.
pub(super) enum Among {
    /// They are all that this lets in.
    Just(Filter),
    /// They are some of those that this lets in: lists do not go by all that an order's state does.
    These(Filter),
    /// No order is ever in that state.
    None,
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

    /// Among which tickets those in this state are found.
    pub(super) fn among(self, filter: &Filter) -> Among {
        use Attention::{
            AwaitingDeploy, HeldBack, InDoubt, Retrying, Running, WaitingForWindow, WithoutService,
        };
        use RelocationStatus::{CutoverPending, Failed, ReservationPending};
        let closed = |how| Filter { disposition: vec![how], ..filter.clone() };
        let open = |relocation: &[RelocationStatus], attention: Vec<Attention>| Filter {
            disposition: vec![Disposition::Open],
            relocation: relocation.to_vec(),
            attention,
            ..filter.clone()
        };
        let idle = || vec![AwaitingDeploy, HeldBack, WaitingForWindow];
        match self {
            Self::Completed => Among::Just(closed(Disposition::Completed)),
            Self::Cancelled => Among::Just(closed(Disposition::Cancelled)),
            Self::Acknowledged => Among::Just(open(&[ReservationPending], idle())),
            Self::Pending => Among::Just(Filter { cutover: vec![None], ..open(&[CutoverPending], idle()) }),
            Self::InProgress => Among::These(open(
                &[ReservationPending, CutoverPending],
                vec![Running, Retrying, InDoubt, WithoutService],
            )),
            // What waits for a deploy has not failed.
            Self::Held => {
                let others = Attention::ALL.iter().copied();
                let waits = others.filter(|waits| !matches!(waits, AwaitingDeploy | WaitingForWindow));
                Among::These(open(&[Failed, CutoverPending], waits.collect()))
            }
            Self::PendingCancellation => Among::These(open(&[Failed], Vec::new())),
            Self::Failed | Self::Partial => Among::These(closed(Disposition::Forced)),
            Self::Rejected | Self::AssessingCancellation => Among::None,
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use rehome_domain::{table, ticket::Ticket};
    use rehome_testkit::history::{Play, request};

    use super::*;

    #[test]
    fn every_state_that_an_order_can_be_in_is_found_where_it_is_looked_for() {
        let (states, _) = table::explore(|_| true);
        let submitted = Play::submit(request()).unwrap().ticket;
        for state in &states {
            for held_back in [false, true] {
                let ticket = Ticket { state: *state, held_back, ..submitted.clone() };
                let (standing, is) = (ticket.standing(), OrderState::of(state));
                for wanted in OrderState::ALL {
                    let found = |filter: Filter| filter.admits_standing(&standing);
                    match wanted.among(&Filter::default()) {
                        Among::Just(filter) => {
                            assert_eq!(found(filter), is == wanted, "{wanted:?}: {ticket:?}");
                        }
                        Among::These(filter) => {
                            assert!(found(filter) || is != wanted, "{wanted:?}: {ticket:?}");
                        }
                        Among::None => assert_ne!(is, wanted),
                    }
                }
            }
        }
    }
}
