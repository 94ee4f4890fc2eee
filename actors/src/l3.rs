//! How the L3 configurator (三层配置装置) carries an order out on the gateways.

use std::time::Duration;

use rehome_domain::{
    order::{Layer, OrderKind},
    ports::Operation,
    reply::{During, Failure, Found, Outcome, Reason, Report},
};

use crate::attempt::{Attempt, Stop};

/// Carries the order out, concludes it and replies.
pub(crate) async fn carry_out(attempt: &mut Attempt) -> Result<(), Stop> {
    let request = std::sync::Arc::clone(&attempt.order.request);
    let (old, new) = (request.old.l3_device.as_str(), request.new.l3_device.as_str());
    let report = match attempt.order.kind {
        OrderKind::Reserve => {
            Report::Reserve { outcome: attempt.outcome(new, Operation::Reserve).await?, rollback: None }
        }
        OrderKind::Release => Report::Release { outcome: attempt.release(new).await? },
        OrderKind::Cutover => cutover(attempt, old, new).await?,
        OrderKind::RollbackInstall => {
            Report::InstallRolledBack { outcome: attempt.outcome(new, Operation::RollbackInstall).await? }
        }
        OrderKind::Confirm => Report::Confirmed { outcome: attempt.outcome(new, Operation::Confirm).await? },
        OrderKind::TakeBack => {
            let outcome = attempt.outcome(new, Operation::TakeBack).await?;
            let found = if outcome.is_done() { None } else { look(attempt, old, new).await? };
            Report::TakenBack { outcome, found }
        }
        OrderKind::Inspect => return inspect(attempt, old, new).await,
        // A notice is for L2; a gateway has nothing to do for it.
        OrderKind::Notice => Report::Noticed,
    };
    attempt.conclude(report.clone(), report, "done").await
}

/// Tears down the old place and installs the new, with the shortest outage that the devices allow:
///
/// - on one gateway that can, in one commit. Refused as a whole it has changed nothing, and the halves are tried one by one,
///   since claim 5 tells four outcomes apart. A gateway that can holds it until L2's is done;
/// - on one gateway, the teardown first: the address can't be there twice;
/// - on two, the install first: meanwhile the old place still serves.
///
/// Each half is tried even if the other has failed (claim 5). But what can't be begun, or would meet something else than was
/// planned, is refused before anything is touched (row 19): a device that nobody knows or reaches, an old place that is not as
/// believed, a new one that somebody else has taken. So is one commit whose outcome nobody knows.
async fn cutover(attempt: &mut Attempt, old: &str, new: &str) -> Result<Report, Stop> {
    if let Some(failure) = refusal(attempt, old, new).await? {
        return Ok(Report::CutoverRefused { failure });
    }
    if old != new {
        let (install, _) = attempt.timed(new, Operation::Install).await?;
        let (teardown, during) = attempt.timed(old, Operation::Teardown).await?;
        return Ok(Report::CutoverL3 { teardown, install, during, held_until: None });
    }
    let moves = !attempt.order.request.stays_on(Layer::L3);
    if attempt.tools.inventory.swaps(new) {
        let holds = attempt.tools.inventory.holds(new).filter(|_| moves && attempt.order.hold);
        let operation = if holds.is_some() { Operation::Hold } else { Operation::Swap };
        let (both, during) = attempt.timed(new, operation).await?;
        match both {
            Outcome::Done => {
                // Rather too early than too late: the gateway counts from its commit.
                let until = |(holds, during): (Duration, During)| during.from.saturating_add(holds).ok();
                let held_until = holds.zip(during).and_then(until);
                let during = during.filter(|_| moves);
                let (teardown, install) = (Outcome::Done, Outcome::Done);
                return Ok(Report::CutoverL3 { teardown, install, during, held_until });
            }
            Outcome::Failed(Failure { reason: Reason::Rejected | Reason::Conflict, .. }) => {}
            // Lost on the way: nobody knows whether it was taken, and L2 must not move what may still be at the old place.
            Outcome::Failed(Failure { reason, text }) => {
                let text = format!("nobody knows whether the commit took effect: {text}");
                return Ok(Report::CutoverRefused { failure: Failure { reason, text } });
            }
        }
    }
    let (teardown, out) = attempt.timed(old, Operation::Teardown).await?;
    let (install, back) = attempt.timed(new, Operation::Install).await?;
    let during = out.map(|out| out.and(back)).filter(|_| moves);
    Ok(Report::CutoverL3 { teardown, install, during, held_until: None })
}

/// Why a cutover is not begun.
async fn refusal(attempt: &mut Attempt, old: &str, new: &str) -> Result<Option<Failure>, Stop> {
    let mut gateways = vec![old, new];
    gateways.dedup();
    if let Some(failure) = gateways.iter().find_map(|gateway| attempt.unknown(gateway)) {
        return Ok(Some(failure));
    }
    // What has failed in halves before keeps its outcome, and its way to be forced: a person's retry of it is tried.
    let first = attempt.order.attempt == 1;
    for gateway in gateways {
        let pays =
            !attempt.order.expected.is_empty() || (first && attempt.tools.inventory.is_shared(gateway));
        if pays && let Err(failure) = attempt.perform(gateway, Operation::Check).await? {
            let is_away = matches!(failure.reason, Reason::Unreachable | Reason::TimedOut);
            // A circuit can be moved off a gateway that is dead (row 12).
            if !(is_away && gateway == old && old != new) {
                return Ok(Some(failure));
            }
        }
    }
    Ok(None)
}

/// What is on both ends' devices, and what was concluded about the order in doubt. Shared by both layers.
pub(crate) async fn inspect(attempt: &mut Attempt, old: &str, new: &str) -> Result<(), Stop> {
    attempt.begin().await?;
    let concluded = attempt.concluded();
    // To look at what is held to be confirmed would take it back.
    let now = (attempt.tools.now)();
    let held =
        |report: &Report| matches!(report, Report::CutoverL3 { held_until: Some(until), .. } if *until > now);
    if concluded.as_deref().is_some_and(held) {
        return attempt.send(Report::Inspected { found: None, concluded }, "done").await;
    }
    let found = look(attempt, old, new).await?;
    let report = Report::Inspected { found, concluded: attempt.concluded() };
    attempt.send(report, "done").await
}

/// What is at both ends; none if a device can't tell.
async fn look(attempt: &mut Attempt, old: &str, new: &str) -> Result<Option<Found>, Stop> {
    let at_old = attempt.perform(old, Operation::LookOld).await?;
    let at_new = attempt.perform(new, Operation::LookNew).await?;
    Ok(at_old.ok().zip(at_new.ok()).map(|(old, new)| Found { old, new }))
}
