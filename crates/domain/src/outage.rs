//! How long a customer is without service (promise 6): what the configurators say of when they changed their devices, put
//! together to one span of time.

use jiff::Timestamp;

use crate::{
    reply::{During, Outcome, Presence, Report},
    state::Work,
    status::{CutoverStatus as C, Side},
    ticket::{Outage, Ticket},
};

/// What is known of a ticket's outage after a report about this work was taken in.
///
/// It begins with the first change that takes service from the old place, at either layer, and ends when the layer that
/// came last has the new place in service. Where an `inspect` alone knows, it begins with the order and ends with the `inspect`:
/// too long rather than too short.
pub(crate) fn after(
    ticket: &Ticket,
    work: Work,
    report: &Report,
    (since, at): (Timestamp, Timestamp),
) -> Option<Outage> {
    let known = ticket.outage;
    if work != Work::CuttingOver {
        return match report {
            // The old place serves again: L2 has left it so.
            Report::TakenBack { outcome: Outcome::Done, .. } => {
                known.map(|known| Outage { until: known.until.or(Some(at)), ..known })
            }
            // A held cutover that does not stand: the new place has lost its service again.
            _ if ticket.state.service_lost => known.map(|known| Outage { until: None, ..known }),
            _ => known,
        };
    }
    let during = measured(report);
    // Where only an `inspect` knows that the old place is gone, it may have been since the order went out.
    let found_gone =
        matches!(report, Report::Inspected { found: Some(found), .. } if found.old == Presence::Absent);
    let begun = during.map(|during| during.from).or((found_gone && known.is_none()).then_some(since));
    let from = known.map(|known| known.from).into_iter().chain(begun).min()?;
    let served = match ticket.state.cutover {
        Some(C::CutOver) => true,
        Some(C::L3CutOver) => ticket.state.held && ticket.state.l2_cutover == Side::Done,
        Some(C::L3TeardownFailedInstalled) => ticket.state.l2_cutover == Side::Done,
        _ => false,
    };
    let ended = || during.map_or(at, |during| during.until);
    let until = known.and_then(|known| known.until).or_else(|| served.then(ended));
    Some(Outage { from, until })
}

/// When service was taken, by what a report says, also one that an `inspect` tells of.
fn measured(report: &Report) -> Option<During> {
    match report {
        Report::CutoverL3 { during, .. } | Report::CutoverL2 { during, .. } => *during,
        Report::Inspected { concluded: Some(concluded), .. } => measured(concluded),
        _ => None,
    }
}
