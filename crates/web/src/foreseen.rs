//! Plans that somebody has seen and goes by.

use rehome_domain::{
    id::{MessageId, RelocationId},
    message::Input,
    plan::SeenPlan,
    ports::Loaded,
};

use crate::{frame::Problem, site::Workbench};

/// The plan of this fingerprint, if the devices still hold what it says. What was commanded before under the same cause goes
/// by what it went by.
///
/// # Errors
/// [`Problem::Drifted`] if they hold something else, or can't all be asked; there is no such ticket; the store failed.
pub(crate) async fn seen(
    workbench: &Workbench,
    id: RelocationId,
    cause: &MessageId,
    fingerprint: &str,
) -> Result<Box<SeenPlan>, Problem> {
    let before = workbench.tickets.caused(vec![(id, cause.clone())]).await?.pop().flatten();
    if let Some(Ok(entry)) = before
        && let Input::Command(command) = entry.input
        && let Some(plan) = command.plan
        && plan.fingerprint == fingerprint
    {
        return Ok(plan);
    }
    let ticket = match workbench.tickets.load(vec![id]).await?.into_iter().next() {
        Some(Loaded::Ticket(ticket)) => ticket,
        Some(Loaded::Unreadable(why)) => return Err(Problem::Unavailable(why.to_string())),
        Some(Loaded::Missing) | None => return Err(Problem::NotFound),
    };
    let plan = workbench.planner.plan(id, &ticket.request).await;
    let known = plan.devices.iter().all(|device| device.unknown.is_none());
    if known && plan.fingerprint == fingerprint {
        return Ok(Box::new(plan.seen()));
    }
    Err(Problem::Drifted(id))
}
