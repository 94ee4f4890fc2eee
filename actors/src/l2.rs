//! How the L2 configurator (二层配置装置) carries an order out on the switches.

use rehome_domain::{
    order::OrderKind,
    ports::Operation,
    reply::{Outcome, Report},
};

use crate::{
    attempt::{Attempt, Stop},
    l3::inspect,
};

/// Carries the order out, concludes it and replies.
pub(crate) async fn carry_out(attempt: &mut Attempt) -> Result<(), Stop> {
    let request = std::sync::Arc::clone(&attempt.order.request);
    let (old, new) = (request.old.l2_device.as_str(), request.new.l2_device.as_str());
    let report = match attempt.order.kind {
        OrderKind::Reserve => return reserve(attempt, new).await,
        OrderKind::Release => Report::Release { outcome: attempt.release(new).await? },
        OrderKind::Cutover => cutover(attempt, old, new).await?,
        OrderKind::Inspect => return inspect(attempt, old, new).await,
        OrderKind::Notice => return attempt.send(Report::Noticed, "done").await,
        // These are for L3; a switch has nothing to do for them.
        OrderKind::RollbackInstall => Report::InstallRolledBack { outcome: Outcome::Done },
        OrderKind::Confirm => Report::Confirmed { outcome: Outcome::Done },
        OrderKind::TakeBack => Report::TakenBack { outcome: Outcome::Done, found: None },
    };
    attempt.conclude(report.clone(), report, "done").await
}

/// Reserves; a failure is told at once, then rolled back here, and the rollback's outcome told too (claim 1).
async fn reserve(attempt: &mut Attempt, new: &str) -> Result<(), Stop> {
    let outcome = attempt.outcome(new, Operation::Reserve).await?;
    let report = Report::Reserve { outcome, rollback: None };
    attempt.conclude(report.clone(), report.clone(), "done").await?;
    roll_back(attempt, report).await
}

/// What is left to do once a `reserve` is concluded: its rollback, if it failed and has not been rolled back yet.
/// An order that comes again after a crash in between goes on from here.
pub(crate) async fn roll_back(attempt: &mut Attempt, concluded: Report) -> Result<(), Stop> {
    let Report::Reserve { outcome: outcome @ Outcome::Failed(_), rollback } = concluded else {
        return Ok(());
    };
    if let Some(rollback) = rollback {
        return attempt.send(Report::RolledBack { outcome: rollback }, "rolled_back").await;
    }
    attempt.begin_own_rollback();
    let device = attempt.order.request.new.l2_device.clone();
    // Nothing has been begun on a device that nobody knows.
    let undone = if attempt.unknown(&device).is_some() {
        Outcome::Done
    } else {
        attempt.outcome(&device, Operation::Release).await?
    };
    let whole = Report::Reserve { outcome, rollback: Some(undone.clone()) };
    attempt.conclude(whole, Report::RolledBack { outcome: undone }, "rolled_back").await
}

/// On one switch both ends change in one transaction; on two, the new end is put into service before the old is taken
/// out, and the old stays if the new did not come up.
async fn cutover(attempt: &mut Attempt, old: &str, new: &str) -> Result<Report, Stop> {
    let moves = attempt.order.request.old.l2() != attempt.order.request.new.l2();
    if old == new && moves {
        let (outcome, during) = attempt.timed(new, Operation::Swap).await?;
        return Ok(Report::CutoverL2 { outcome, during });
    }
    let (outcome, during) = attempt.timed(new, Operation::Install).await?;
    if !outcome.is_done() || !moves {
        return Ok(Report::CutoverL2 { outcome, during: during.filter(|_| moves) });
    }
    // The new place has service by now.
    let outcome = attempt.outcome(old, Operation::Teardown).await?;
    Ok(Report::CutoverL2 { outcome, during })
}
