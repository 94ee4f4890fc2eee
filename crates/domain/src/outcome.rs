//! What configurators' reports mean for the work that a layer has in hand.

use jiff::Timestamp;

use crate::{
    order::Layer,
    reply::{Found, Outcome, Presence, Reason, Report},
    state::{State, Work},
    table::Trigger,
};

/// What a report says about the work in hand; none if it does not fit.
pub(crate) fn read(layer: Layer, work: Work, report: &Report, at: Timestamp) -> Option<Vec<Trigger>> {
    let pick = |outcome: &Outcome, done, failed| Some(vec![if outcome.is_done() { done } else { failed }]);
    let rollback = |outcome: &Outcome| {
        if outcome.is_done() { Trigger::L2RolledBack } else { Trigger::L2RollbackFailed }
    };
    match (layer, work, report) {
        (Layer::L3, Work::Reserving, Report::Reserve { outcome, .. }) => {
            pick(outcome, Trigger::L3Reserved, Trigger::L3ReserveFailed)
        }
        (Layer::L2, Work::Reserving, Report::Reserve { outcome: Outcome::Done, .. }) => {
            Some(vec![Trigger::L2Reserved])
        }
        (Layer::L2, Work::Reserving, Report::Reserve { rollback: undone, .. }) => {
            Some(std::iter::once(Trigger::L2ReserveFailed).chain(undone.as_ref().map(rollback)).collect())
        }
        // It overtook the failure it belongs to, and implies it.
        (Layer::L2, Work::Reserving, Report::RolledBack { outcome }) => {
            Some(vec![Trigger::L2ReserveFailed, rollback(outcome)])
        }
        (Layer::L2, Work::RollingBack, Report::RolledBack { outcome })
        | (Layer::L2, Work::RollingBack, Report::Reserve { rollback: Some(outcome), .. })
        | (Layer::L2, Work::Releasing, Report::Release { outcome }) => Some(vec![rollback(outcome)]),
        (Layer::L3, Work::Releasing, Report::Release { outcome }) => {
            pick(outcome, Trigger::L3Released, Trigger::L3ReleaseFailed)
        }
        (Layer::L3, Work::CuttingOver, Report::CutoverL3 { teardown, install, held_until, .. }) => {
            Some(vec![match (teardown.is_done(), install.is_done()) {
                // The gateway has taken it back since, and L2 must not move away from a place that serves.
                (true, true) if is_over(report, at) => Trigger::L3CutoverUnknown,
                (true, true) if held_until.is_some() => Trigger::L3CutOverHeld,
                (true, true) => Trigger::L3CutOver,
                (false, true) => Trigger::L3TeardownFailed,
                (true, false) => Trigger::L3InstallFailed,
                (false, false) => Trigger::L3BothFailed,
            }])
        }
        (Layer::L3, Work::CuttingOver, Report::CutoverRefused { .. }) => {
            Some(vec![Trigger::L3CutoverUnknown])
        }
        (Layer::L2, Work::CuttingOver, Report::CutoverRefused { .. }) => Some(vec![Trigger::L2CutoverFailed]),
        (Layer::L2, Work::CuttingOver, Report::CutoverL2 { outcome, .. }) => {
            pick(outcome, Trigger::L2CutOver, Trigger::L2CutoverFailed)
        }
        (Layer::L3, Work::RollingBackInstall, Report::InstallRolledBack { outcome }) => {
            pick(outcome, Trigger::L3InstallRolledBack, Trigger::L3InstallRollbackFailed)
        }
        (Layer::L3, Work::Confirming, Report::Confirmed { outcome }) => {
            pick(outcome, Trigger::L3Confirmed, Trigger::L3ConfirmFailed)
        }
        (Layer::L3, Work::TakingBack, Report::TakenBack { outcome: Outcome::Done, .. }) => {
            Some(vec![Trigger::L3TakenBack])
        }
        (Layer::L3, Work::TakingBack, Report::TakenBack { found, .. }) => {
            Some(vec![settle(layer, work, *found)])
        }
        (Layer::L2, Work::Noticing, Report::Noticed) => Some(vec![Trigger::L2Noticed]),
        _ => None,
    }
}

/// Settles work in doubt by what is on the device, or by nothing known ("In doubt" in `relocation.md`).
///
/// The `inspect` carries a higher fencing token than the order in doubt, so that order can't begin any more: an
/// untouched device means that it never will be touched (row 19, "refused before it began").
#[must_use]
pub fn settle(layer: Layer, work: Work, found: Option<Found>) -> Trigger {
    use Presence::{Absent, Installed, Partial, Reserved};
    let pick = |good: bool, done, failed| if good { done } else { failed };
    let new = found.map(|found| found.new);
    let reserved = matches!(new, Some(Reserved | Installed));
    let gone = new == Some(Absent);
    match (layer, work) {
        (Layer::L3, Work::Reserving) => pick(reserved, Trigger::L3Reserved, Trigger::L3ReserveFailed),
        (Layer::L2, Work::Reserving) => pick(reserved, Trigger::L2Reserved, Trigger::L2ReserveUnknown),
        (Layer::L3, Work::Releasing | Work::RollingBack) => {
            pick(gone, Trigger::L3Released, Trigger::L3ReleaseFailed)
        }
        (Layer::L2, Work::Releasing | Work::RollingBack) => {
            pick(gone, Trigger::L2RolledBack, Trigger::L2RollbackFailed)
        }
        (Layer::L3, Work::CuttingOver) => match found.map(|found| (found.old, found.new)) {
            None | Some((Installed, Absent | Reserved)) => Trigger::L3CutoverUnknown,
            Some((Absent, Installed)) => Trigger::L3CutOver,
            Some((_, Installed)) => Trigger::L3TeardownFailed,
            Some((Absent, _)) => Trigger::L3InstallFailed,
            Some((Reserved | Partial | Installed, _)) => Trigger::L3BothFailed,
        },
        (Layer::L2, Work::CuttingOver) => {
            let over = found == Some(Found { old: Absent, new: Installed });
            pick(over, Trigger::L2CutOver, Trigger::L2CutoverFailed)
        }
        (Layer::L3 | Layer::L2, Work::RollingBackInstall) => {
            pick(gone, Trigger::L3InstallRolledBack, Trigger::L3InstallRollbackFailed)
        }
        // Whatever waited to be confirmed has been taken back before an `inspect` looked.
        (Layer::L3 | Layer::L2, Work::Confirming) => {
            let stands = found == Some(Found { old: Absent, new: Installed });
            pick(stands, Trigger::L3Confirmed, Trigger::L3ConfirmFailed)
        }
        (Layer::L3 | Layer::L2, Work::TakingBack) => match found {
            Some(Found { old: Installed, new: Absent | Reserved }) => Trigger::L3TakenBack,
            Some(Found { old: Absent, new: Installed }) => Trigger::L3TakeBackFailed,
            _ => Trigger::L3CutoverUnknown,
        },
        (Layer::L3 | Layer::L2, Work::Noticing) => Trigger::L2Noticed,
    }
}

/// The same where the gateway may hold L3's cutover: that is taken back only for an L2 of which it is known that it has not moved.
pub(crate) fn settle_at(state: &State, (layer, work): (Layer, Work), found: Option<Found>) -> Trigger {
    let untouched =
        matches!(found, Some(Found { old: Presence::Installed, new: Presence::Absent | Presence::Reserved }));
    match settle(layer, work, found) {
        Trigger::L2CutoverFailed if state.held && !untouched => Trigger::L2CutoverUnknown,
        settled => settled,
    }
}

/// Whether a report tells of a cutover that was held, and whose time is over.
pub(crate) fn is_over(report: &Report, at: Timestamp) -> bool {
    matches!(report, Report::CutoverL3 { held_until: Some(until), .. } if *until <= at)
}

/// Whether a report only says that a newer order has begun.
pub(crate) fn superseded(report: &Report) -> bool {
    report.failure().is_some_and(|failure| failure.reason == Reason::Superseded)
}

/// What was found where both places are one spot, as [`settle`] reads it: service standing there is at the end that the
/// work is about.
pub(crate) const fn in_place(work: Work, found: Found) -> Found {
    match (work, found.new) {
        (Work::CuttingOver | Work::Confirming, Presence::Installed) => {
            Found { old: Presence::Absent, ..found }
        }
        (
            Work::RollingBack | Work::Releasing | Work::RollingBackInstall | Work::TakingBack,
            Presence::Installed,
        ) => Found { new: Presence::Absent, ..found },
        _ => found,
    }
}
