//! The finite part of a ticket: all that a transition looks at and changes.
//!
//! It is small enough to enumerate, and the tests do.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    order::{Layer, OrderKind},
    status::{CutoverStatus, Disposition, RelocationStatus, ReservationStatus, Side},
};

/// What a layer has in hand for a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// A `reserve` is out.
    Reserving,
    /// L2's report of its own rollback is awaited (row 6).
    RollingBack,
    /// A `release` is out.
    Releasing,
    /// A `cutover` is out.
    CuttingOver,
    /// A `rollback_install` is out.
    RollingBackInstall,
    /// A `notice` is out. It gates nothing.
    Noticing,
    /// A `confirm` is out.
    Confirming,
    /// A `take_back` is out.
    TakingBack,
}

impl Work {
    /// The work that an order of this kind starts; `inspect` starts none, it only asks about one.
    #[must_use]
    pub const fn of(kind: OrderKind) -> Option<Self> {
        match kind {
            OrderKind::Reserve => Some(Self::Reserving),
            OrderKind::Release => Some(Self::Releasing),
            OrderKind::Cutover => Some(Self::CuttingOver),
            OrderKind::RollbackInstall => Some(Self::RollingBackInstall),
            OrderKind::Notice => Some(Self::Noticing),
            OrderKind::Confirm => Some(Self::Confirming),
            OrderKind::TakeBack => Some(Self::TakingBack),
            OrderKind::Inspect => None,
        }
    }
}

/// Work that is out, and whether its deadline has passed so that an `inspect` asks about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Flight {
    /// What.
    pub work: Work,
    /// In doubt: the deadline passed, an `inspect` is out.
    pub doubt: bool,
}

/// The finite part of a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct State {
    /// 移机状态 R.
    pub relocation: RelocationStatus,
    /// 移机预占状态 P.
    pub reservation: Option<ReservationStatus>,
    /// 移机切换状态 C.
    pub cutover: Option<CutoverStatus>,
    /// What L3 has in hand.
    pub l3: Option<Flight>,
    /// What L2 has in hand.
    pub l2: Option<Flight>,
    /// How taking L3's reservation back went.
    pub l3_reservation_rollback: Side,
    /// How taking a failed install back went.
    pub install_rollback: Side,
    /// How L2's cutover went.
    pub l2_cutover: Side,
    /// The old place is torn down and nothing is installed at the new one, as far as was told last (row 13): what comes
    /// after it and does not install it does not give the service back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub service_lost: bool,
    /// The gateway holds L3's cutover to be confirmed, and takes it back by itself if nobody does: from L3's reply until its
    /// answer to `confirm` or `take_back`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub held: bool,
    /// A person asked to cancel; the ticket closes as soon as nothing is held.
    pub cancelling: bool,
    /// Open, or closed how.
    pub disposition: Disposition,
}

impl State {
    /// State #1: submitted, nothing asked of anyone yet.
    pub const SUBMITTED: Self = Self {
        relocation: RelocationStatus::ReservationPending,
        reservation: None,
        cutover: None,
        l3: None,
        l2: None,
        l3_reservation_rollback: Side::None,
        install_rollback: Side::None,
        l2_cutover: Side::None,
        service_lost: false,
        held: false,
        cancelling: false,
        disposition: Disposition::Open,
    };

    /// What a layer has in hand.
    #[must_use]
    pub const fn flight(&self, layer: Layer) -> Option<Flight> {
        match layer {
            Layer::L3 => self.l3,
            Layer::L2 => self.l2,
        }
    }

    /// Sets what a layer has in hand.
    pub const fn set_flight(&mut self, layer: Layer, flight: Option<Flight>) {
        match layer {
            Layer::L3 => self.l3 = flight,
            Layer::L2 => self.l2 = flight,
        }
    }

    /// The work a layer has in hand.
    #[must_use]
    pub fn work(&self, layer: Layer) -> Option<Work> {
        self.flight(layer).map(|flight| flight.work)
    }

    /// Whether any order is out or L2's report awaited: the ticket moves on without a person.
    #[must_use]
    pub const fn in_flight(&self) -> bool {
        self.l3.is_some() || self.l2.is_some()
    }

    /// Whether it is closed: nothing can happen to it any more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.disposition != Disposition::Open
    }

    /// Whether L3 holds, or may hold, a reservation at the new place that no order out is taking back.
    #[must_use]
    pub fn l3_holds(&self) -> bool {
        let reserved =
            matches!(self.reservation, Some(ReservationStatus::L3Reserved | ReservationStatus::Reserved))
                && self.l3_reservation_rollback == Side::None;
        let releasing = self.work(Layer::L3) == Some(Work::Releasing);
        !releasing
            && (reserved
                || self.work(Layer::L3) == Some(Work::Reserving)
                || self.l3_reservation_rollback == Side::Failed)
    }

    /// Whether L2 holds, or may hold, a reservation at the new place that nothing out is taking back.
    #[must_use]
    pub fn l2_holds(&self) -> bool {
        let undoing = matches!(self.work(Layer::L2), Some(Work::Releasing | Work::RollingBack));
        !undoing
            && (self.work(Layer::L2) == Some(Work::Reserving)
                || matches!(
                    self.reservation,
                    Some(ReservationStatus::Reserved | ReservationStatus::L2RollbackFailed)
                ))
    }

    /// Whether the ticket needs its target's resource lock (promise 4): while it is open, unless its reservation
    /// failed and has been taken back entirely.
    #[must_use]
    pub fn needs_lock(&self) -> bool {
        let given_back = self.relocation == RelocationStatus::Failed
            && !self.l3_holds()
            && !self.l2_holds()
            && matches!(self.work(Layer::L3), None | Some(Work::Noticing))
            && matches!(self.work(Layer::L2), None | Some(Work::Noticing));
        !self.is_closed() && !given_back
    }

    /// Whether an outage that began may be over without anybody having measured it: the ticket is closed, or its cutover is not
    /// in effect, or not known to be (rows 19, H6).
    #[must_use]
    pub fn may_serve_again(&self) -> bool {
        self.is_closed() || (self.cutover == Some(CutoverStatus::L3CutoverFailed) && !self.service_lost)
    }

    /// Whether the customer was left without service and has not got it back: such tickets stand at the top of every list.
    #[must_use]
    pub fn service_down(&self) -> bool {
        !self.is_closed() && self.service_lost
    }
}
