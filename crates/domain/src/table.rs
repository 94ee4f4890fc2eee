//! The transition table, as data: one row a transition, each with its source.
//!
//! The step function, the docs' table, the diagram, the commands an operator may give now and the reasons why
//! not are all derived from [`ROWS`]. Numbers 1–20 are those of `relocation.md`; `X…` are its extensions, `D…`
//! the settlement of orders in doubt, `S…` the side states.
//!
//! What every row does by itself, so that no row has to say it:
//! - a reply ends the work its layer had in hand; an order sent starts it ([`Row::apply`]);
//! - `l3_reservation_rollback`, `install_rollback` and `l2_cutover` follow the orders sent and their outcomes;
//! - nothing matches a closed ticket: no row can move one.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{
    command::CommandKind,
    event::Alarm,
    lang::Lang,
    order::{Layer, OrderKind},
    state::{Flight, State, Work},
    status::{CutoverStatus as C, Disposition, RelocationStatus as R, ReservationStatus as P, Side},
};

/// What can happen to a ticket, as far as the table cares. Finite, so that tests enumerate it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    /// A person's command.
    Command(CommandKind),
    /// L3 reserved.
    L3Reserved,
    /// L3 did not reserve.
    L3ReserveFailed,
    /// L3 took its reservation back.
    L3Released,
    /// L3 did not take it back.
    L3ReleaseFailed,
    /// L3: teardown ok, install ok.
    L3CutOver,
    /// L3: teardown failed, install ok.
    L3TeardownFailed,
    /// L3: teardown ok, install failed.
    L3InstallFailed,
    /// L3: both failed.
    L3BothFailed,
    /// L3: no outcome known, or refused before it began.
    L3CutoverUnknown,
    /// L3 took the failed install back.
    L3InstallRolledBack,
    /// L3 did not take it back.
    L3InstallRollbackFailed,
    /// L2 reserved.
    L2Reserved,
    /// L2 did not reserve, and takes back what it did by itself.
    L2ReserveFailed,
    /// L2's reservation counts as failed because nobody could say: it must be told to take it back.
    L2ReserveUnknown,
    /// L2 took its reservation back.
    L2RolledBack,
    /// L2 did not take it back.
    L2RollbackFailed,
    /// L2 cut over.
    L2CutOver,
    /// L2 did not cut over.
    L2CutoverFailed,
    /// L2 read the notice.
    L2Noticed,
    /// The deadline of the layer's work passed.
    Overdue(Layer),
    /// The system starts again over a bus that kept nothing: the layer's order must be sent again.
    Resume(Layer),
    /// Nothing is out and nothing held any more. Tried by the step itself after each row.
    Settled,
}

impl Trigger {
    /// Every trigger.
    #[must_use]
    pub fn all() -> Vec<Self> {
        let mut all: Vec<Self> = CommandKind::ALL.into_iter().map(Self::Command).collect();
        all.extend([
            Self::L3Reserved,
            Self::L3ReserveFailed,
            Self::L3Released,
            Self::L3ReleaseFailed,
            Self::L3CutOver,
            Self::L3TeardownFailed,
            Self::L3InstallFailed,
            Self::L3BothFailed,
            Self::L3CutoverUnknown,
            Self::L3InstallRolledBack,
            Self::L3InstallRollbackFailed,
            Self::L2Reserved,
            Self::L2ReserveFailed,
            Self::L2ReserveUnknown,
            Self::L2RolledBack,
            Self::L2RollbackFailed,
            Self::L2CutOver,
            Self::L2CutoverFailed,
            Self::L2Noticed,
        ]);
        all.extend(Layer::ALL.map(Self::Overdue));
        all.extend(Layer::ALL.map(Self::Resume));
        all.push(Self::Settled);
        all
    }

    /// The layer whose work in hand this outcome ends.
    #[must_use]
    pub const fn ends_work_of(self) -> Option<Layer> {
        match self {
            Self::L3Reserved
            | Self::L3ReserveFailed
            | Self::L3Released
            | Self::L3ReleaseFailed
            | Self::L3CutOver
            | Self::L3TeardownFailed
            | Self::L3InstallFailed
            | Self::L3BothFailed
            | Self::L3CutoverUnknown
            | Self::L3InstallRolledBack
            | Self::L3InstallRollbackFailed => Some(Layer::L3),
            Self::L2Reserved
            | Self::L2ReserveFailed
            | Self::L2ReserveUnknown
            | Self::L2RolledBack
            | Self::L2RollbackFailed
            | Self::L2CutOver
            | Self::L2CutoverFailed
            | Self::L2Noticed => Some(Layer::L2),
            Self::Command(_) | Self::Overdue(_) | Self::Resume(_) | Self::Settled => None,
        }
    }

    /// What a person reads.
    #[must_use]
    pub fn label(self, lang: Lang) -> String {
        let text = match self {
            Self::Command(kind) => return kind.label(lang).to_lowercase(),
            Self::L3Reserved => lang.pick("L3 done", "三层预占成功"),
            Self::L3ReserveFailed => lang.pick("L3 failed", "三层预占失败"),
            Self::L3Released => lang.pick("L3 release done", "三层预占回滚成功"),
            Self::L3ReleaseFailed => lang.pick("L3 release failed", "三层预占回滚失败"),
            Self::L3CutOver => lang.pick("teardown ok, install ok", "拆成功，装成功"),
            Self::L3TeardownFailed => lang.pick("teardown failed, install ok", "拆失败，装成功"),
            Self::L3InstallFailed => lang.pick("teardown ok, install failed", "拆成功，装失败"),
            Self::L3BothFailed => lang.pick("both failed", "拆失败，装失败"),
            Self::L3CutoverUnknown => {
                lang.pick("no outcome known, or refused before it began", "结果未知或未开始即被拒")
            }
            Self::L3InstallRolledBack => lang.pick("install rollback done", "新装回滚成功"),
            Self::L3InstallRollbackFailed => lang.pick("install rollback failed", "新装回滚失败"),
            Self::L2Reserved => lang.pick("L2 done", "二层预占成功"),
            Self::L2ReserveFailed => lang.pick("L2 failed", "二层预占失败"),
            Self::L2ReserveUnknown => lang.pick("L2 outcome unknown or undone half-way", "二层预占结果未知"),
            Self::L2RolledBack => lang.pick("L2 rollback done", "二层预占回滚成功"),
            Self::L2RollbackFailed => lang.pick("L2 rollback failed", "二层预占回滚失败"),
            Self::L2CutOver => lang.pick("L2 done", "二层切换成功"),
            Self::L2CutoverFailed => lang.pick("L2 failed", "二层切换失败"),
            Self::L2Noticed => lang.pick("L2 read the notice", "二层已收通知"),
            Self::Overdue(Layer::L3) => lang.pick("L3 deadline passed", "三层超时"),
            Self::Overdue(Layer::L2) => lang.pick("L2 deadline passed", "二层超时"),
            Self::Resume(Layer::L3) => lang.pick("started again, L3 order out", "重启，三层工单未回"),
            Self::Resume(Layer::L2) => lang.pick("started again, L2 order out", "重启，二层工单未回"),
            Self::Settled => lang.pick("nothing out, nothing held", "无在途、无占用"),
        };
        text.to_owned()
    }
}

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

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Claim(numbers) => {
                let numbers: Vec<String> = numbers.iter().map(u8::to_string).collect();
                write!(f, "claim {}", numbers.join(", "))
            }
            Self::Resolution => f.write_str("resolution"),
            Self::Extension => f.write_str("extension"),
        }
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
    /// Whether a cancel is under way; none = either.
    pub cancelling: Option<bool>,
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
}

const ANY: From = From {
    relocation: &[],
    reservation: &[],
    cutover: &[],
    l3: Hand::Any,
    l2: Hand::Any,
    l3_reservation_rollback: &[],
    install_rollback: &[],
    cancelling: None,
};

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
            (self.cancelling.is_some_and(|wanted| wanted != state.cancelling), Unmet::Cancelling),
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

const NOTHING: Sends = Sends::These(&[]);

const ROW: Row = Row {
    id: "",
    source: Source::Extension,
    from: ANY,
    on: Trigger::Settled,
    relocation: None,
    reservation: Set::Keep,
    cutover: Set::Keep,
    disposition: None,
    cancels: false,
    awaits_l2_rollback: false,
    sends: NOTHING,
    alarm: None,
};

const L3_RESERVING: From =
    From { relocation: &[R::ReservationPending], l3: Hand::Has(&[Work::Reserving]), ..ANY };
const L2_RESERVING: From = From {
    relocation: &[R::ReservationPending],
    reservation: &[Some(P::L3Reserved)],
    l2: Hand::Has(&[Work::Reserving]),
    ..ANY
};
const L3_CUTTING_OVER: From =
    From { relocation: &[R::CutoverPending], l3: Hand::Has(&[Work::CuttingOver]), ..ANY };
const L2_CUTTING_OVER: From =
    From { relocation: &[R::CutoverPending], l2: Hand::Has(&[Work::CuttingOver]), ..ANY };
const L2_UNDOING: Hand = Hand::Has(&[Work::RollingBack, Work::Releasing]);
/// Rows 12–14: the three ways an L3 cutover half fails.
const L3_HALF: &[Option<C>] = &[
    Some(C::L3TeardownFailedInstalled),
    Some(C::L3TornDownInstallFailed),
    Some(C::L3TeardownAndInstallFailed),
];
const L2_NOT_ROLLED_BACK_FAILED: &[Option<P>] = &[
    None,
    Some(P::L3Reserved),
    Some(P::L3ReservationFailed),
    Some(P::Reserved),
    Some(P::L2ReservationFailed),
    Some(P::L2RolledBack),
];

const L3_RESERVE: (Layer, OrderKind) = (Layer::L3, OrderKind::Reserve);
const L3_RELEASE: (Layer, OrderKind) = (Layer::L3, OrderKind::Release);
const L3_CUTOVER: (Layer, OrderKind) = (Layer::L3, OrderKind::Cutover);
const L3_ROLLBACK_INSTALL: (Layer, OrderKind) = (Layer::L3, OrderKind::RollbackInstall);
const L2_RESERVE: (Layer, OrderKind) = (Layer::L2, OrderKind::Reserve);
const L2_RELEASE: (Layer, OrderKind) = (Layer::L2, OrderKind::Release);
const L2_CUTOVER: (Layer, OrderKind) = (Layer::L2, OrderKind::Cutover);
const L2_NOTICE: (Layer, OrderKind) = (Layer::L2, OrderKind::Notice);

/// The row that makes a ticket: it has no state to start from, so it stands beside [`ROWS`].
pub const SUBMITTED: &str = "1";

/// Every transition of a ticket that exists.
pub const ROWS: &[Row] = &[
    // Reservation (claims 1, 3).
    Row {
        id: "2",
        source: Source::Claim(&[1]),
        from: From {
            relocation: &[R::ReservationPending],
            reservation: &[None],
            l3: Hand::Empty,
            l2: Hand::Quiet,
            ..ANY
        },
        on: Trigger::Command(CommandKind::DeployReservation),
        sends: Sends::These(&[L3_RESERVE]),
        ..ROW
    },
    Row {
        id: "3",
        source: Source::Claim(&[1, 3]),
        from: L3_RESERVING,
        on: Trigger::L3Reserved,
        reservation: Set::To(P::L3Reserved),
        sends: Sends::These(&[L2_RESERVE]),
        ..ROW
    },
    Row {
        id: "4",
        source: Source::Claim(&[1]),
        from: L3_RESERVING,
        on: Trigger::L3ReserveFailed,
        relocation: Some(R::Failed),
        reservation: Set::To(P::L3ReservationFailed),
        sends: Sends::These(&[L3_RELEASE, L2_NOTICE]),
        ..ROW
    },
    Row {
        id: "5",
        source: Source::Claim(&[1]),
        from: L2_RESERVING,
        on: Trigger::L2Reserved,
        relocation: Some(R::CutoverPending),
        reservation: Set::To(P::Reserved),
        ..ROW
    },
    Row {
        id: "6",
        source: Source::Claim(&[1]),
        from: L2_RESERVING,
        on: Trigger::L2ReserveFailed,
        relocation: Some(R::Failed),
        reservation: Set::To(P::L2ReservationFailed),
        awaits_l2_rollback: true,
        sends: Sends::These(&[L3_RELEASE]),
        ..ROW
    },
    Row {
        id: "6d",
        source: Source::Resolution,
        from: L2_RESERVING,
        on: Trigger::L2ReserveUnknown,
        relocation: Some(R::Failed),
        reservation: Set::To(P::L2ReservationFailed),
        sends: Sends::These(&[L3_RELEASE, L2_RELEASE]),
        ..ROW
    },
    Row {
        id: "7",
        source: Source::Claim(&[1]),
        from: From { reservation: &[Some(P::L2ReservationFailed)], l2: L2_UNDOING, ..ANY },
        on: Trigger::L2RolledBack,
        reservation: Set::To(P::L2RolledBack),
        ..ROW
    },
    Row {
        id: "8",
        source: Source::Claim(&[1]),
        from: From { reservation: &[Some(P::L2ReservationFailed)], l2: L2_UNDOING, ..ANY },
        on: Trigger::L2RollbackFailed,
        reservation: Set::To(P::L2RollbackFailed),
        alarm: Some(Alarm::L2RollbackFailed),
        ..ROW
    },
    Row {
        id: "9",
        source: Source::Claim(&[1]),
        from: From {
            relocation: &[R::Failed],
            reservation: &[Some(P::L3ReservationFailed), Some(P::L2RollbackFailed), Some(P::L2RolledBack)],
            l3: Hand::Empty,
            l2: Hand::Quiet,
            cancelling: Some(false),
            ..ANY
        },
        on: Trigger::Command(CommandKind::ForceReservation),
        relocation: Some(R::CutoverPending),
        ..ROW
    },
    // Cutover (claims 4, 5).
    Row {
        id: "10",
        source: Source::Claim(&[1, 4]),
        from: From {
            relocation: &[R::CutoverPending],
            cutover: &[None],
            l3: Hand::Empty,
            l2: Hand::Quiet,
            ..ANY
        },
        on: Trigger::Command(CommandKind::DeployCutover),
        sends: Sends::These(&[L3_CUTOVER]),
        ..ROW
    },
    Row {
        id: "11",
        source: Source::Claim(&[4]),
        from: L3_CUTTING_OVER,
        on: Trigger::L3CutOver,
        cutover: Set::To(C::L3CutOver),
        sends: Sends::These(&[L2_CUTOVER]),
        ..ROW
    },
    Row {
        id: "12",
        source: Source::Claim(&[5]),
        from: L3_CUTTING_OVER,
        on: Trigger::L3TeardownFailed,
        cutover: Set::To(C::L3TeardownFailedInstalled),
        sends: Sends::These(&[L2_CUTOVER]),
        alarm: Some(Alarm::OldPlaceLeft),
        ..ROW
    },
    Row {
        id: "13",
        source: Source::Claim(&[4, 5]),
        from: L3_CUTTING_OVER,
        on: Trigger::L3InstallFailed,
        cutover: Set::To(C::L3TornDownInstallFailed),
        sends: Sends::These(&[L3_ROLLBACK_INSTALL, L2_CUTOVER]),
        alarm: Some(Alarm::ServiceDown),
        ..ROW
    },
    Row {
        id: "14",
        source: Source::Claim(&[4, 5]),
        from: L3_CUTTING_OVER,
        on: Trigger::L3BothFailed,
        cutover: Set::To(C::L3TeardownAndInstallFailed),
        sends: Sends::These(&[L3_ROLLBACK_INSTALL, L2_CUTOVER]),
        alarm: Some(Alarm::CutoverBroken),
        ..ROW
    },
    Row {
        id: "15",
        source: Source::Claim(&[4]),
        from: From { cutover: &[Some(C::L3CutOver)], ..L2_CUTTING_OVER },
        on: Trigger::L2CutOver,
        relocation: Some(R::Succeeded),
        cutover: Set::To(C::CutOver),
        disposition: Some(Disposition::Completed),
        ..ROW
    },
    Row {
        id: "16",
        source: Source::Claim(&[4]),
        from: From { cutover: &[Some(C::L3CutOver)], ..L2_CUTTING_OVER },
        on: Trigger::L2CutoverFailed,
        cutover: Set::To(C::L2TeardownFailed),
        alarm: Some(Alarm::L2CutoverFailed),
        ..ROW
    },
    Row {
        id: "17a",
        source: Source::Resolution,
        from: From { cutover: L3_HALF, ..L2_CUTTING_OVER },
        on: Trigger::L2CutOver,
        ..ROW
    },
    Row {
        id: "17b",
        source: Source::Resolution,
        from: From { cutover: L3_HALF, ..L2_CUTTING_OVER },
        on: Trigger::L2CutoverFailed,
        alarm: Some(Alarm::L2CutoverFailed),
        ..ROW
    },
    Row {
        id: "18",
        source: Source::Claim(&[4, 5]),
        from: From {
            relocation: &[R::CutoverPending],
            cutover: &[
                Some(C::L2TeardownFailed),
                Some(C::L3TeardownFailedInstalled),
                Some(C::L3TornDownInstallFailed),
                Some(C::L3TeardownAndInstallFailed),
            ],
            l3: Hand::Empty,
            l2: Hand::Empty,
            ..ANY
        },
        on: Trigger::Command(CommandKind::ForceCompletion),
        relocation: Some(R::Abnormal),
        disposition: Some(Disposition::Forced),
        ..ROW
    },
    Row {
        id: "19",
        source: Source::Resolution,
        from: L3_CUTTING_OVER,
        on: Trigger::L3CutoverUnknown,
        cutover: Set::To(C::L3CutoverFailed),
        alarm: Some(Alarm::CutoverUnknown),
        ..ROW
    },
    Row {
        id: "20",
        source: Source::Resolution,
        from: From {
            relocation: &[R::CutoverPending],
            cutover: &[Some(C::L3CutoverFailed)],
            l3: Hand::Empty,
            l2: Hand::Empty,
            ..ANY
        },
        on: Trigger::Command(CommandKind::RetryCutover),
        sends: Sends::These(&[L3_CUTOVER]),
        ..ROW
    },
    // Beyond the claims: cancel.
    Row {
        id: "X1",
        from: From { relocation: &[R::ReservationPending, R::Failed], cancelling: Some(false), ..ANY },
        on: Trigger::Command(CommandKind::Cancel),
        relocation: Some(R::Failed),
        cancels: true,
        sends: Sends::ReleaseHeld,
        ..ROW
    },
    Row {
        id: "X2",
        from: From {
            relocation: &[R::CutoverPending],
            cutover: &[None],
            l3: Hand::Empty,
            l2: Hand::Quiet,
            ..ANY
        },
        on: Trigger::Command(CommandKind::Cancel),
        relocation: Some(R::Failed),
        cancels: true,
        sends: Sends::ReleaseHeld,
        ..ROW
    },
    Row {
        id: "X3",
        from: From {
            relocation: &[R::Failed],
            reservation: &[
                None,
                Some(P::L3Reserved),
                Some(P::Reserved),
                Some(P::L3ReservationFailed),
                Some(P::L2RolledBack),
            ],
            l3: Hand::Empty,
            l2: Hand::Quiet,
            l3_reservation_rollback: &[Side::None, Side::Done],
            cancelling: Some(true),
            ..ANY
        },
        on: Trigger::Settled,
        disposition: Some(Disposition::Cancelled),
        ..ROW
    },
    Row {
        id: "X4",
        from: From {
            relocation: &[R::Failed],
            reservation: &[None, Some(P::L3Reserved), Some(P::Reserved), Some(P::L2RollbackFailed)],
            l2: Hand::Has(&[Work::Releasing]),
            ..ANY
        },
        on: Trigger::L2RolledBack,
        reservation: Set::To(P::L2RolledBack),
        ..ROW
    },
    Row {
        id: "X5",
        from: From {
            relocation: &[R::Failed],
            reservation: &[None, Some(P::L3Reserved), Some(P::Reserved), Some(P::L2RollbackFailed)],
            l2: Hand::Has(&[Work::Releasing]),
            ..ANY
        },
        on: Trigger::L2RollbackFailed,
        reservation: Set::To(P::L2RollbackFailed),
        alarm: Some(Alarm::L2RollbackFailed),
        ..ROW
    },
    // Beyond the claims: retries.
    Row {
        id: "X6",
        from: From {
            relocation: &[R::Failed],
            reservation: &[Some(P::L3ReservationFailed), Some(P::L2RolledBack)],
            l3: Hand::Empty,
            l2: Hand::Quiet,
            l3_reservation_rollback: &[Side::None, Side::Done],
            cancelling: Some(false),
            ..ANY
        },
        on: Trigger::Command(CommandKind::RetryReservation),
        relocation: Some(R::ReservationPending),
        reservation: Set::Clear,
        sends: Sends::These(&[L3_RESERVE]),
        ..ROW
    },
    Row {
        id: "X7a",
        from: From {
            relocation: &[R::Failed],
            reservation: &[Some(P::L2RollbackFailed)],
            l2: Hand::Quiet,
            l3_reservation_rollback: &[Side::None, Side::Pending, Side::Done],
            ..ANY
        },
        on: Trigger::Command(CommandKind::RetryRollback),
        sends: Sends::These(&[L2_RELEASE]),
        ..ROW
    },
    Row {
        id: "X7b",
        from: From {
            relocation: &[R::Failed],
            reservation: L2_NOT_ROLLED_BACK_FAILED,
            l3: Hand::Empty,
            l3_reservation_rollback: &[Side::Failed],
            ..ANY
        },
        on: Trigger::Command(CommandKind::RetryRollback),
        sends: Sends::These(&[L3_RELEASE]),
        ..ROW
    },
    Row {
        id: "X7c",
        from: From {
            relocation: &[R::Failed],
            reservation: &[Some(P::L2RollbackFailed)],
            l3: Hand::Empty,
            l2: Hand::Quiet,
            l3_reservation_rollback: &[Side::Failed],
            ..ANY
        },
        on: Trigger::Command(CommandKind::RetryRollback),
        sends: Sends::These(&[L3_RELEASE, L2_RELEASE]),
        ..ROW
    },
    Row {
        id: "X7d",
        from: From {
            relocation: &[R::CutoverPending],
            cutover: &[Some(C::L3TornDownInstallFailed), Some(C::L3TeardownAndInstallFailed)],
            l3: Hand::Empty,
            install_rollback: &[Side::Failed],
            ..ANY
        },
        on: Trigger::Command(CommandKind::RetryRollback),
        sends: Sends::These(&[L3_ROLLBACK_INSTALL]),
        ..ROW
    },
    Row {
        id: "X8",
        from: From {
            cutover: L3_HALF,
            l3: Hand::Empty,
            l2: Hand::Empty,
            relocation: &[R::CutoverPending],
            ..ANY
        },
        on: Trigger::Command(CommandKind::RetryCutover),
        sends: Sends::These(&[L3_CUTOVER]),
        ..ROW
    },
    Row {
        id: "X9",
        from: From {
            relocation: &[R::CutoverPending],
            cutover: &[Some(C::L2TeardownFailed)],
            l3: Hand::Empty,
            l2: Hand::Empty,
            ..ANY
        },
        on: Trigger::Command(CommandKind::RetryCutover),
        sends: Sends::These(&[L2_CUTOVER]),
        ..ROW
    },
    Row {
        id: "X9a",
        from: From { cutover: &[Some(C::L2TeardownFailed)], ..L2_CUTTING_OVER },
        on: Trigger::L2CutOver,
        relocation: Some(R::Succeeded),
        cutover: Set::To(C::CutOver),
        disposition: Some(Disposition::Completed),
        ..ROW
    },
    Row {
        id: "X9b",
        from: From { cutover: &[Some(C::L2TeardownFailed)], ..L2_CUTTING_OVER },
        on: Trigger::L2CutoverFailed,
        alarm: Some(Alarm::L2CutoverFailed),
        ..ROW
    },
    // Side states.
    Row {
        id: "S1",
        source: Source::Resolution,
        from: From { l3: Hand::Has(&[Work::Releasing]), ..ANY },
        on: Trigger::L3Released,
        ..ROW
    },
    Row {
        id: "S2",
        source: Source::Resolution,
        from: From { l3: Hand::Has(&[Work::Releasing]), ..ANY },
        on: Trigger::L3ReleaseFailed,
        alarm: Some(Alarm::L3RollbackFailed),
        ..ROW
    },
    Row {
        id: "S3",
        source: Source::Claim(&[5]),
        from: From { l3: Hand::Has(&[Work::RollingBackInstall]), ..ANY },
        on: Trigger::L3InstallRolledBack,
        ..ROW
    },
    Row {
        id: "S4",
        source: Source::Resolution,
        from: From { l3: Hand::Has(&[Work::RollingBackInstall]), ..ANY },
        on: Trigger::L3InstallRollbackFailed,
        alarm: Some(Alarm::InstallRollbackFailed),
        ..ROW
    },
    Row {
        id: "S5",
        source: Source::Resolution,
        from: From { l2: Hand::Has(&[Work::Noticing]), ..ANY },
        on: Trigger::L2Noticed,
        ..ROW
    },
    // In doubt: a deadline passed, or the system starts again over a bus that kept nothing.
    Row {
        id: "D1",
        source: Source::Resolution,
        from: From {
            l3: Hand::Sure(&[Work::Reserving, Work::Releasing, Work::CuttingOver, Work::RollingBackInstall]),
            ..ANY
        },
        on: Trigger::Overdue(Layer::L3),
        sends: Sends::These(&[(Layer::L3, OrderKind::Inspect)]),
        ..ROW
    },
    Row {
        id: "D2",
        source: Source::Resolution,
        from: From {
            l2: Hand::Sure(&[Work::Reserving, Work::RollingBack, Work::Releasing, Work::CuttingOver]),
            ..ANY
        },
        on: Trigger::Overdue(Layer::L2),
        sends: Sends::These(&[(Layer::L2, OrderKind::Inspect)]),
        ..ROW
    },
    Row {
        id: "D3",
        source: Source::Resolution,
        from: From { l2: Hand::Has(&[Work::Noticing]), ..ANY },
        on: Trigger::Overdue(Layer::L2),
        alarm: Some(Alarm::NoticeUnread),
        ..ROW
    },
    Row {
        id: "D4",
        source: Source::Resolution,
        from: From {
            l3: Hand::Has(&[Work::Reserving, Work::Releasing, Work::CuttingOver, Work::RollingBackInstall]),
            ..ANY
        },
        on: Trigger::Resume(Layer::L3),
        sends: Sends::Again(Layer::L3),
        ..ROW
    },
    Row {
        id: "D5",
        source: Source::Resolution,
        from: From {
            l2: Hand::Has(&[
                Work::Reserving,
                Work::RollingBack,
                Work::Releasing,
                Work::CuttingOver,
                Work::Noticing,
            ]),
            ..ANY
        },
        on: Trigger::Resume(Layer::L2),
        sends: Sends::Again(Layer::L2),
        ..ROW
    },
];

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
            Sends::ReleaseHeld => [(state.l3_holds(), L3_RELEASE), (state.l2_holds(), L2_RELEASE)]
                .into_iter()
                .filter_map(|(holds, release)| holds.then_some(release))
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
            Trigger::L3Released => state.l3_reservation_rollback = Side::Done,
            Trigger::L3ReleaseFailed => state.l3_reservation_rollback = Side::Failed,
            Trigger::L3InstallRolledBack => state.install_rollback = Side::Done,
            Trigger::L3InstallRollbackFailed => state.install_rollback = Side::Failed,
            Trigger::L2CutOver => state.l2_cutover = Side::Done,
            Trigger::L2CutoverFailed => state.l2_cutover = Side::Failed,
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
