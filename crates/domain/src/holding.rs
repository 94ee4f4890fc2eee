//! What the devices must hold for a ticket that stands still: the statuses, read as a promise about the network.

use crate::{
    order::{Layer, OrderKind},
    reply::Presence,
    state::State,
    status::{CutoverStatus as C, ReservationStatus as P, Side},
    ticket::Ticket,
};

/// One of a ticket's two ends on a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum End {
    /// The old place.
    Old,
    /// The new place.
    New,
}

/// What may be found at one end, all of it allowed by the ticket's statuses.
pub type Allowed = &'static [Presence];

const ABSENT: Allowed = &[Presence::Absent];
const RESERVED: Allowed = &[Presence::Reserved];
const INSTALLED: Allowed = &[Presence::Installed];
/// A teardown that failed: all or half of it is still there.
const LEFT: Allowed = &[Presence::Partial, Presence::Installed];
/// A teardown that failed in a cutover done again: an earlier attempt may have taken it away already.
const LEFT_OR_GONE: Allowed = &[Presence::Absent, Presence::Partial, Presence::Installed];
/// A rollback that failed: anything short of service may be there.
const STUCK: Allowed = &[Presence::Absent, Presence::Reserved, Presence::Partial];
/// Nobody could say, and the status says so; or the gateway may take it back at any moment; or a cutover failed that may have failed before, between or after its
/// two halves.
const UNKNOWN: Allowed = &[Presence::Absent, Presence::Reserved, Presence::Partial, Presence::Installed];

/// What a layer's device may hold at one end of a ticket with nothing in flight (a notice aside).
///
/// A single value unless the status itself says that something is left or unknown.
#[must_use]
pub fn allowed(ticket: &Ticket, layer: Layer, end: End) -> Allowed {
    let state = &ticket.state;
    match (ticket.request.stays_on(layer), layer) {
        (true, _) => in_place(state, layer),
        (false, Layer::L3) => l3(ticket, end),
        (false, Layer::L2) => l2(state, end),
    }
}

/// Both ends are one spot, because only the other layer moves: it is in service all along, reserving and releasing leave
/// it so, and only a cutover that failed may not have.
fn in_place(state: &State, layer: Layer) -> Allowed {
    let broken = match layer {
        Layer::L3 => !matches!(state.cutover, None | Some(C::L3CutOver | C::CutOver | C::L2TeardownFailed)),
        Layer::L2 => matches!(state.l2_cutover, Side::Failed | Side::Pending),
    };
    if broken { UNKNOWN } else { INSTALLED }
}

fn l3(ticket: &Ticket, end: End) -> Allowed {
    let state = &ticket.state;
    if state.held {
        return UNKNOWN;
    }
    match (state.cutover, end) {
        (None, End::Old)
        | (Some(C::L3CutOver | C::CutOver | C::L2TeardownFailed | C::L3TeardownFailedInstalled), End::New) => {
            INSTALLED
        }
        (None, End::New) => match state.l3_reservation_rollback {
            Side::Failed => STUCK,
            Side::None if state.l3_holds() => RESERVED,
            Side::None | Side::Pending | Side::Done => ABSENT,
        },
        (Some(C::L3CutoverFailed), _) => UNKNOWN,
        (Some(C::L3CutOver | C::CutOver | C::L2TeardownFailed | C::L3TornDownInstallFailed), End::Old) => {
            ABSENT
        }
        (Some(C::L3TeardownFailedInstalled | C::L3TeardownAndInstallFailed), End::Old) => {
            let again = ticket.sent.of(Layer::L3, OrderKind::Cutover) > 1;
            if again { LEFT_OR_GONE } else { LEFT }
        }
        (Some(C::L3TornDownInstallFailed | C::L3TeardownAndInstallFailed), End::New) => {
            match state.install_rollback {
                Side::Done => ABSENT,
                Side::None | Side::Pending | Side::Failed => STUCK,
            }
        }
    }
}

fn l2(state: &State, end: End) -> Allowed {
    match (state.l2_cutover, end) {
        (Side::Done, End::Old) => ABSENT,
        (Side::Done, End::New) | (Side::None, End::Old) => INSTALLED,
        (Side::Failed | Side::Pending, _) => UNKNOWN,
        (Side::None, End::New) => match state.reservation {
            Some(P::Reserved) => RESERVED,
            Some(P::L2RollbackFailed) => STUCK,
            None
            | Some(P::L3Reserved | P::L3ReservationFailed | P::L2ReservationFailed | P::L2RolledBack) => {
                ABSENT
            }
        },
    }
}
