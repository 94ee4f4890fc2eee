//! What the devices must hold for a ticket that stands still: the statuses, read as a promise about the network.

use crate::{
    order::Layer,
    reply::Presence,
    status::{CutoverStatus as C, RelocationStatus as R, ReservationStatus as P, Side},
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
/// A rollback that failed: anything short of service may be there.
const STUCK: Allowed = &[Presence::Absent, Presence::Reserved, Presence::Partial];
/// Nobody could say, and the status says so.
const UNKNOWN: Allowed = &[Presence::Absent, Presence::Reserved, Presence::Partial, Presence::Installed];

/// What a layer's device may hold at one end of a ticket with nothing in flight.
///
/// A single value unless the status itself says that something is left or unknown.
#[must_use]
pub fn allowed(ticket: &Ticket, layer: Layer, end: End) -> Allowed {
    match layer {
        Layer::L3 => l3(ticket, end),
        Layer::L2 => l2(ticket, end),
    }
}

fn l3(ticket: &Ticket, end: End) -> Allowed {
    let state = &ticket.state;
    match (state.cutover, end) {
        (None, End::Old) => INSTALLED,
        (None, End::New) => match state.l3_reservation_rollback {
            Side::Failed => STUCK,
            Side::None if state.reservation == Some(P::Reserved) && state.relocation == R::CutoverPending => {
                RESERVED
            }
            Side::None | Side::Pending | Side::Done => ABSENT,
        },
        (Some(C::L3CutoverFailed), _) => UNKNOWN,
        (Some(C::L3CutOver | C::CutOver | C::L2TeardownFailed | C::L3TornDownInstallFailed), End::Old) => {
            ABSENT
        }
        (Some(C::L3TeardownFailedInstalled | C::L3TeardownAndInstallFailed), End::Old) => LEFT,
        (Some(C::L3CutOver | C::CutOver | C::L2TeardownFailed | C::L3TeardownFailedInstalled), End::New) => {
            INSTALLED
        }
        (Some(C::L3TornDownInstallFailed | C::L3TeardownAndInstallFailed), End::New) => {
            match state.install_rollback {
                Side::Done => ABSENT,
                Side::None | Side::Pending | Side::Failed => STUCK,
            }
        }
    }
}

fn l2(ticket: &Ticket, end: End) -> Allowed {
    let state = &ticket.state;
    match (state.l2_cutover, end) {
        (Side::Done, End::Old) => ABSENT,
        (Side::Done, End::New) => INSTALLED,
        (Side::Failed | Side::Pending, End::Old) => LEFT_OR_GONE,
        (Side::Failed | Side::Pending, End::New) => UNKNOWN,
        (Side::None, End::Old) => INSTALLED,
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

/// An L2 cutover that failed: it may have failed before or after it took the old port down.
const LEFT_OR_GONE: Allowed = UNKNOWN;
