//! How the L3 configurator (三层配置装置) carries an order out on the gateways.

use rehome_domain::{
    order::OrderKind,
    ports::Operation,
    reply::{Found, Report},
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

/// Tear down the old place, then install the new, even if the teardown failed: claim 5 tells four outcomes apart.
async fn cutover(attempt: &mut Attempt, old: &str, new: &str) -> Result<Report, Stop> {
    // A device that nobody knows refuses the order before anything is touched (row 19).
    if let Some(failure) = [old, new].into_iter().find_map(|device| attempt.unknown(device)) {
        return Ok(Report::CutoverRefused { failure });
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
