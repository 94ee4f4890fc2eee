//! How the L3 configurator (三层配置装置) carries an order out on the gateways.

use rehome_domain::{
    order::OrderKind,
    ports::Operation,
    reply::{Failure, Found, Reason, Report},
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
        OrderKind::Inspect => return inspect(attempt, old, new).await,
        // A notice is for L2; a gateway has nothing to do for it.
        OrderKind::Notice => Report::Noticed,
    };
    attempt.conclude(report.clone(), report, "done").await
}

/// Tears down the old place and installs the new, with the shortest outage that the devices allow:
///
/// - on one gateway that can, in one commit. Refused as a whole it has changed nothing, and the halves are tried one by one,
///   since claim 5 tells four outcomes apart;
/// - on one gateway, the teardown first: the address can't be there twice;
/// - on two, the install first: meanwhile the old place still serves.
///
/// Each half is tried even if the other has failed (claim 5).
async fn cutover(attempt: &mut Attempt, old: &str, new: &str) -> Result<Report, Stop> {
    // A device that nobody knows refuses the order before anything is touched (row 19).
    if let Some(failure) = [old, new].into_iter().find_map(|device| attempt.unknown(device)) {
        return Ok(Report::CutoverRefused { failure });
    }
    if old != new {
        let install = attempt.outcome(new, Operation::Install).await?;
        let teardown = attempt.outcome(old, Operation::Teardown).await?;
        return Ok(Report::CutoverL3 { teardown, install });
    }
    if attempt.tools.inventory.swaps(new) {
        let both = attempt.outcome(new, Operation::Swap).await?;
        // What could not be asked as a whole is not begun in halves: the second might not get through.
        let refused = |failure: &Failure| matches!(failure.reason, Reason::Rejected | Reason::Conflict);
        if !both.failure().is_some_and(refused) {
            return Ok(Report::CutoverL3 { teardown: both.clone(), install: both });
        }
    }
    let teardown = attempt.outcome(old, Operation::Teardown).await?;
    let install = attempt.outcome(new, Operation::Install).await?;
    Ok(Report::CutoverL3 { teardown, install })
}

/// What is on both ends' devices, and what was concluded about the order in doubt. Shared by both layers.
pub(crate) async fn inspect(attempt: &mut Attempt, old: &str, new: &str) -> Result<(), Stop> {
    let at_old = attempt.perform(old, Operation::LookOld).await?;
    let at_new = attempt.perform(new, Operation::LookNew).await?;
    let found = at_old.ok().zip(at_new.ok()).map(|(old, new)| Found { old, new });
    let report = Report::Inspected { found, concluded: attempt.concluded() };
    attempt.send(report, "done").await
}
