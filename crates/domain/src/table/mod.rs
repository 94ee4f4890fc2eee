//! The transition table, as data: one row a transition, each with its source.
//!
//! The step function, the docs' table, the diagram, the commands an operator may give now and the reasons why
//! not are all derived from [`ROWS`]. Numbers 1–20 are those of `relocation.md`; `X…` are its extensions, `H…` a
//! cutover that the gateway holds to be confirmed, `D…` the settlement of orders in doubt, `S…` the side states.
//!
//! What every row does by itself, so that no row has to say it:
//! - a reply ends the work its layer had in hand; an order sent starts it ([`Row::apply`]);
//! - `l3_reservation_rollback`, `install_rollback` and `l2_cutover` follow the orders sent and their outcomes;
//! - nothing matches a closed ticket: no row can move one.

mod explore;
mod rows;
mod trigger;

use std::fmt;

pub use self::{
    explore::{Edge, explore},
    rows::ROWS,
    trigger::Trigger,
};

use crate::{
    event::Alarm,
    lang::Lang,
    order::{Layer, OrderKind},
    state::{Flight, State, Work},
    status::{CutoverStatus as C, Disposition, RelocationStatus as R, ReservationStatus as P, Side},
};

/// Where a row comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Source {
    /// Claim text, by claim numbers.
    Claim(&'static [u8]),
    /// Our resolution of what the claims leave open (`relocation.md`, mark I).
    Resolution,
    /// Beyond the claims (`relocation.md`, "Beyond the claims").
    Extension,
}

impl Source {
    /// What a person reads.
    #[must_use]
    pub fn label(self, lang: Lang) -> String {
        let numbers = |numbers: &[u8]| {
            numbers.iter().map(u8::to_string).collect::<Vec<_>>().join(lang.pick(", ", "、"))
        };
        match (self, lang) {
            (Self::Claim(claims), Lang::En) => format!("claim {}", numbers(claims)),
            (Self::Claim(claims), Lang::Zh) => format!("权利要求{}", numbers(claims)),
            (Self::Resolution, _) => lang.pick("resolution", "补充规定").to_owned(),
            (Self::Extension, _) => lang.pick("extension", "扩展").to_owned(),
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label(Lang::En))
    }
}

/// What a row asks of a layer's work in hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hand {
    /// Anything.
    Any,
    /// Nothing.
    Empty,
    /// Nothing, or a notice, which gates nothing.
    Quiet,
    /// One of these, in doubt or not.
    Has(&'static [Work]),
    /// One of these, not in doubt.
    Sure(&'static [Work]),
    /// One of these, in doubt.
    Doubtful(&'static [Work]),
}

impl Hand {
    fn admits(self, flight: Option<Flight>) -> bool {
        let is = |works: &[Work]| flight.is_some_and(|flight| works.contains(&flight.work));
        let doubt = flight.is_some_and(|flight| flight.doubt);
        match self {
            Self::Any => true,
            Self::Empty => flight.is_none(),
            Self::Quiet => flight.is_none() || is(&[Work::Noticing]),
            Self::Has(works) => is(works),
            Self::Sure(works) => is(works) && !doubt,
            Self::Doubtful(works) => is(works) && doubt,
        }
    }
}

/// The states a row starts from. An empty list means any.
#[derive(Debug, Clone, Copy)]
pub struct From {
    /// 移机状态.
    pub relocation: &'static [R],
    /// 移机预占状态.
    pub reservation: &'static [Option<P>],
    /// 移机切换状态.
    pub cutover: &'static [Option<C>],
    /// L3's hand.
    pub l3: Hand,
    /// L2's hand.
    pub l2: Hand,
    /// `l3_reservation_rollback`.
    pub l3_reservation_rollback: &'static [Side],
    /// `install_rollback`.
    pub install_rollback: &'static [Side],
    /// `l2_cutover`.
    pub l2_cutover: &'static [Side],
    /// Whether a cancel is under way; none = either.
    pub cancelling: Option<bool>,
    /// Whether the gateway holds L3's cutover to be confirmed; none = either.
    pub held: Option<bool>,
}

/// A part of a row's [`From`] that a state does not meet: why a command is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unmet {
    /// The relocation status is not one of the row's.
    Relocation,
    /// The reservation status is not one of the row's.
    Reservation,
    /// The cutover status is not one of the row's.
    Cutover,
    /// This layer's work in hand stands in the way.
    Hand(Layer),
    /// There is no failed rollback of that kind, or there is one that must be retried first.
    Rollback,
    /// A cancel is under way.
    Cancelling,
    /// L2's cutover did not go as the row's.
    L2Cutover,
    /// A cutover is held to be confirmed, or none is.
    Held,
}
impl From {
    /// What of this a state does not meet; empty if the row matches. (That the ticket must be open is a matter of the
    /// whole table, not of a row.)
    #[must_use]
    pub fn unmet(&self, state: &State) -> Vec<Unmet> {
        fn outside<T: PartialEq>(allowed: &[T], value: &T) -> bool {
            !allowed.is_empty() && !allowed.contains(value)
        }
        let checks = [
            (outside(self.relocation, &state.relocation), Unmet::Relocation),
            (outside(self.reservation, &state.reservation), Unmet::Reservation),
            (outside(self.cutover, &state.cutover), Unmet::Cutover),
            (!self.l3.admits(state.l3), Unmet::Hand(Layer::L3)),
            (!self.l2.admits(state.l2), Unmet::Hand(Layer::L2)),
            (outside(self.l3_reservation_rollback, &state.l3_reservation_rollback), Unmet::Rollback),
            (outside(self.install_rollback, &state.install_rollback), Unmet::Rollback),
            (outside(self.l2_cutover, &state.l2_cutover), Unmet::L2Cutover),
            (self.cancelling.is_some_and(|wanted| wanted != state.cancelling), Unmet::Cancelling),
            (self.held.is_some_and(|wanted| wanted != state.held), Unmet::Held),
        ];
        checks.into_iter().filter_map(|(unmet, which)| unmet.then_some(which)).collect()
    }

    fn admits(&self, state: &State) -> bool {
        self.unmet(state).is_empty()
    }
}

/// How a status changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Set<T: 'static> {
    /// Not.
    Keep,
    /// To this.
    To(T),
    /// To unset.
    Clear,
}

impl<T: Copy> Set<T> {
    fn on(self, old: Option<T>) -> Option<T> {
        match self {
            Self::Keep => old,
            Self::To(new) => Some(new),
            Self::Clear => None,
        }
    }
}

/// What a row sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sends {
    /// These orders.
    These(&'static [(Layer, OrderKind)]),
    /// A `release` to each layer that holds, or may hold, a reservation nothing is taking back yet.
    ReleaseHeld,
    /// The layer's order that is out, once more: the same message with a new deadline.
    Again(Layer),
}

/// One transition.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// Its number in `relocation.md`, with a letter where one number needs two rows.
    pub id: &'static str,
    /// Where it comes from.
    pub source: Source,
    /// From which states.
    pub from: From,
    /// On what.
    pub on: Trigger,
    /// The new relocation status, if it changes.
    pub relocation: Option<R>,
    /// The new reservation status.
    pub reservation: Set<P>,
    /// The new cutover status.
    pub cutover: Set<C>,
    /// The new disposition, if it changes.
    pub disposition: Option<Disposition>,
    /// It begins a cancel.
    pub cancels: bool,
    /// L2's report of its own rollback is awaited from here on.
    pub awaits_l2_rollback: bool,
    /// What it sends.
    pub sends: Sends,
    /// Whom it calls.
    pub alarm: Option<Alarm>,
}
/// The row that makes a ticket: it has no state to start from, so it stands beside [`ROWS`].
pub const SUBMITTED: &str = "1";
/// The row that a state takes on a trigger, if there is one. At most one can match: a test enumerates all.
#[must_use]
pub fn find(state: &State, on: Trigger) -> Option<&'static Row> {
    if state.is_closed() {
        return None;
    }
    ROWS.iter().find(|row| row.on == on && row.from.admits(state))
}

/// The row with this id, for reading a journal.
#[must_use]
pub fn row(id: &str) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.id == id)
}

impl Row {
    /// Whether it is one of the numbered rows 1–20 of `relocation.md`.
    #[must_use]
    pub fn is_numbered(&self) -> bool {
        self.id.starts_with(|first: char| first.is_ascii_digit())
    }

    /// The orders it sends from this state, in order: a rollback at L3 comes before what L2 is told.
    #[must_use]
    pub fn orders(&self, state: &State) -> Vec<(Layer, OrderKind)> {
        match self.sends {
            Sends::These(orders) => orders.to_vec(),
            Sends::ReleaseHeld => [(Layer::L3, state.l3_holds()), (Layer::L2, state.l2_holds())]
                .into_iter()
                .filter_map(|(layer, holds)| holds.then_some((layer, OrderKind::Release)))
                .collect(),
            Sends::Again(_) => Vec::new(),
        }
    }

    /// The state after it. Pure; what it sends is [`Row::orders`].
    #[must_use]
    pub fn apply(&self, before: &State) -> State {
        let mut state = *before;
        if let Some(layer) = self.on.ends_work_of() {
            state.set_flight(layer, None);
        }
        if self.on == Trigger::Overdue(Layer::L2) && before.work(Layer::L2) == Some(Work::Noticing) {
            state.l2 = None;
        }
        match self.on {
            Trigger::L3InstallFailed => state.service_lost = true,
            Trigger::L3CutOver | Trigger::L3TeardownFailed => state.service_lost = false,
            Trigger::L3CutOverHeld => (state.service_lost, state.held) = (false, true),
            Trigger::L3Confirmed => state.held = false,
            // L2 has moved by now.
            Trigger::L3ConfirmFailed => (state.service_lost, state.held) = (true, false),
            Trigger::L3TakenBack | Trigger::L3TakeBackFailed | Trigger::L3CutoverUnknown => {
                state.held = false;
            }
            Trigger::L3Released => state.l3_reservation_rollback = Side::Done,
            Trigger::L3ReleaseFailed => state.l3_reservation_rollback = Side::Failed,
            Trigger::L3InstallRolledBack => state.install_rollback = Side::Done,
            Trigger::L3InstallRollbackFailed => state.install_rollback = Side::Failed,
            Trigger::L2CutOver => state.l2_cutover = Side::Done,
            Trigger::L2CutoverFailed | Trigger::L2CutoverUnknown => state.l2_cutover = Side::Failed,
            _ => {}
        }
        state.relocation = self.relocation.unwrap_or(state.relocation);
        state.reservation = self.reservation.on(state.reservation);
        state.cutover = self.cutover.on(state.cutover);
        state.disposition = self.disposition.unwrap_or(state.disposition);
        state.cancelling |= self.cancels;
        if self.awaits_l2_rollback {
            state.l2 = Some(Flight { work: Work::RollingBack, doubt: false });
        }
        for (layer, kind) in self.orders(before) {
            start(&mut state, layer, kind);
        }
        if state.is_closed() {
            // Only a notice can be out here, and a closed ticket waits for nobody.
            (state.l3, state.l2) = (None, None);
        }
        state
    }
}

/// What sending an order does to a state: the layer has work in hand, and the side states follow.
fn start(state: &mut State, layer: Layer, kind: OrderKind) {
    match Work::of(kind) {
        Some(work) => state.set_flight(layer, Some(Flight { work, doubt: false })),
        None => {
            let doubted = state.flight(layer).map(|flight| Flight { doubt: true, ..flight });
            state.set_flight(layer, doubted);
        }
    }
    match (layer, kind) {
        (Layer::L3, OrderKind::Reserve) => state.l3_reservation_rollback = Side::None,
        (Layer::L3, OrderKind::Release) => state.l3_reservation_rollback = Side::Pending,
        (Layer::L3, OrderKind::RollbackInstall) => state.install_rollback = Side::Pending,
        (Layer::L3, OrderKind::Cutover) => state.install_rollback = Side::None,
        (Layer::L2, OrderKind::Cutover) => state.l2_cutover = Side::Pending,
        _ => {}
    }
}
