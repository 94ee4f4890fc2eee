//! The rows themselves.

use super::{From, Hand, Row, Sends, Set, Source, Trigger};
use crate::{
    command::CommandKind,
    event::Alarm,
    order::{Layer, OrderKind},
    state::Work,
    status::{CutoverStatus as C, Disposition, RelocationStatus as R, ReservationStatus as P, Side},
};

const ANY: From = From {
    relocation: &[],
    reservation: &[],
    cutover: &[],
    l3: Hand::Any,
    l2: Hand::Any,
    l3_reservation_rollback: &[],
    install_rollback: &[],
    l2_cutover: &[],
    cancelling: None,
    held: None,
};

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
const L2_CUTTING_OVER_HELD: From =
    From { cutover: &[Some(C::L3CutOver)], held: Some(true), ..L2_CUTTING_OVER };
const L3_TAKING_BACK: From =
    From { relocation: &[R::CutoverPending], l3: Hand::Has(&[Work::TakingBack]), ..ANY };
const L3_CONFIRMING: From =
    From { relocation: &[R::CutoverPending], l3: Hand::Has(&[Work::Confirming]), ..ANY };
const L2_UNDOING: Hand = Hand::Has(&[Work::RollingBack, Work::Releasing]);
/// All that can be out at L3.
const L3_ORDERED: &[Work] = &[
    Work::Reserving,
    Work::Releasing,
    Work::CuttingOver,
    Work::RollingBackInstall,
    Work::Confirming,
    Work::TakingBack,
];
/// Rows 12–14: the three ways an L3 cutover half fails.
const L3_HALF: &[Option<C>] = &[
    Some(C::L3TeardownFailedInstalled),
    Some(C::L3TornDownInstallFailed),
    Some(C::L3TeardownAndInstallFailed),
];
const ALL_BUT_L2_ROLLBACK_FAILED: &[Option<P>] = &[
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
const L3_CONFIRM: (Layer, OrderKind) = (Layer::L3, OrderKind::Confirm);
const L3_TAKE_BACK: (Layer, OrderKind) = (Layer::L3, OrderKind::TakeBack);
const L2_RESERVE: (Layer, OrderKind) = (Layer::L2, OrderKind::Reserve);
const L2_RELEASE: (Layer, OrderKind) = (Layer::L2, OrderKind::Release);
const L2_CUTOVER: (Layer, OrderKind) = (Layer::L2, OrderKind::Cutover);
const L2_NOTICE: (Layer, OrderKind) = (Layer::L2, OrderKind::Notice);

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
        from: From { cutover: &[Some(C::L3CutOver)], held: Some(false), ..L2_CUTTING_OVER },
        on: Trigger::L2CutOver,
        relocation: Some(R::Succeeded),
        cutover: Set::To(C::CutOver),
        disposition: Some(Disposition::Completed),
        ..ROW
    },
    Row {
        id: "16",
        source: Source::Claim(&[4]),
        from: From { cutover: &[Some(C::L3CutOver)], held: Some(false), ..L2_CUTTING_OVER },
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
            reservation: &[None, Some(P::L3ReservationFailed), Some(P::L2RolledBack)],
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
            reservation: &[Some(P::L3Reserved), Some(P::Reserved), Some(P::L2RollbackFailed)],
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
            reservation: &[Some(P::L3Reserved), Some(P::Reserved), Some(P::L2RollbackFailed)],
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
            l3_reservation_rollback: &[Side::Done],
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
            l3_reservation_rollback: &[Side::Pending, Side::Done],
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
            reservation: ALL_BUT_L2_ROLLBACK_FAILED,
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
    // Beyond the claims: a cutover that the gateway holds until L2's is done, and takes back by itself if nobody confirms it.
    Row {
        id: "H1",
        from: L3_CUTTING_OVER,
        on: Trigger::L3CutOverHeld,
        cutover: Set::To(C::L3CutOver),
        sends: Sends::These(&[L2_CUTOVER]),
        ..ROW
    },
    Row {
        id: "H2",
        from: L2_CUTTING_OVER_HELD,
        on: Trigger::L2CutOver,
        sends: Sends::These(&[L3_CONFIRM]),
        ..ROW
    },
    Row {
        id: "H3",
        from: L2_CUTTING_OVER_HELD,
        on: Trigger::L2CutoverFailed,
        sends: Sends::These(&[L3_TAKE_BACK]),
        ..ROW
    },
    Row {
        id: "H4",
        from: From { l2_cutover: &[Side::Done], ..L3_CONFIRMING },
        on: Trigger::L3Confirmed,
        relocation: Some(R::Succeeded),
        cutover: Set::To(C::CutOver),
        disposition: Some(Disposition::Completed),
        ..ROW
    },
    // L2 has moved and L3 has not: it is cut over again at once, and not held any more, so that this comes once.
    Row {
        id: "H5",
        from: L3_CONFIRMING,
        on: Trigger::L3ConfirmFailed,
        cutover: Set::To(C::L3CutoverFailed),
        sends: Sends::These(&[L3_CUTOVER]),
        alarm: Some(Alarm::HeldCutoverLost),
        ..ROW
    },
    Row {
        id: "H6",
        from: L3_TAKING_BACK,
        on: Trigger::L3TakenBack,
        cutover: Set::To(C::L3CutoverFailed),
        alarm: Some(Alarm::CutoverTakenBack),
        ..ROW
    },
    // It stands: as after row 16.
    Row {
        id: "H7",
        from: L3_TAKING_BACK,
        on: Trigger::L3TakeBackFailed,
        cutover: Set::To(C::L2TeardownFailed),
        alarm: Some(Alarm::L2CutoverFailed),
        ..ROW
    },
    Row {
        id: "H8",
        from: L3_TAKING_BACK,
        on: Trigger::L3CutoverUnknown,
        cutover: Set::To(C::L3CutoverFailed),
        alarm: Some(Alarm::CutoverUnknown),
        ..ROW
    },
    // L2 may have moved: L3 stays where it would be without a hold.
    Row {
        id: "H9",
        from: L2_CUTTING_OVER_HELD,
        on: Trigger::L2CutoverUnknown,
        sends: Sends::These(&[L3_CONFIRM]),
        ..ROW
    },
    Row {
        id: "H10",
        from: From { l2_cutover: &[Side::Failed], ..L3_CONFIRMING },
        on: Trigger::L3Confirmed,
        cutover: Set::To(C::L2TeardownFailed),
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
        from: From { l3: Hand::Sure(L3_ORDERED), ..ANY },
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
        from: From { l3: Hand::Has(L3_ORDERED), ..ANY },
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
