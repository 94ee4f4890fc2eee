//! Whether a gateway may begin a cutover: pure, from what is found at its spots. What is refused here has touched nothing
//! (row 19).

use rehome_domain::{
    order::WorkOrder,
    plan::SpotHeld,
    ports::{DriverError, Holding, Operation},
    reply::{Presence, Reason},
    request::{Request, Spot},
    wording,
};

use crate::{
    circuit::Circuit,
    device::{Found, permanent},
    session::{held, refuse_strangers},
};

/// Refuses a cutover that would meet something else than was planned, or take what may be somebody else's.
///
/// # Errors
/// [`Reason::Conflict`], with a difference for each spot.
pub(crate) fn check(
    circuit: &Circuit<'_>,
    order: &WorkOrder,
    found: &[(Spot, Option<Found>)],
) -> Result<(), DriverError> {
    let now: Vec<(Spot, Option<Holding>)> =
        found.iter().map(|(spot, found)| (spot.clone(), held(circuit, spot, found.clone()))).collect();
    let at = |wanted: &Spot| now.iter().find(|(spot, _)| spot == wanted).and_then(|(_, now)| now.clone());
    let drifts: Vec<String> =
        now.iter().filter_map(|(spot, now)| drift(circuit, order, spot, now.as_ref())).collect();
    if !drifts.is_empty() {
        let text = format!(
            "changed by somebody else since the plan: {}; look at the plan again, and accept it with a reason",
            drifts.join("; ")
        );
        return Err(permanent(Reason::Conflict, text));
    }
    if circuit.moves() {
        let old = found.iter().find(|(spot, _)| *spot == circuit.old);
        refuse_strangers(circuit, old.and_then(|(_, found)| found.as_ref()))?;
        let is_over = at(&circuit.new).is_some_and(|held| held.presence == Presence::Installed);
        let Request { service_id, .. } = circuit.request;
        if let Some(other) = at(&circuit.old).filter(|held| held.service_id != *service_id && !is_over) {
            let text = format!(
                "{} is not as believed: expected {service_id}, found {}",
                circuit.old, other.service_id
            );
            return Err(permanent(Reason::Conflict, text));
        }
    }
    let refused = |failure| DriverError { transient: false, failure };
    circuit.whole(Operation::Install, at).map(drop).map_err(refused)
}

/// How a spot differs from what the plan expected there. What this relocation itself leaves on its way is no drift: an order
/// may come a second time, after a part of it was done.
fn drift(circuit: &Circuit<'_>, order: &WorkOrder, spot: &Spot, now: Option<&Holding>) -> Option<String> {
    let expected =
        order.expected.iter().find(|SpotHeld { spot: planned, .. }| planned == spot)?.held.as_ref();
    let ours = now.is_some_and(|now| now.relocation == Some(circuit.relocation));
    let on_its_way = match now {
        None => *spot == circuit.old || order.attempt > 1,
        Some(now) if *spot == circuit.old && circuit.moves() => now.presence == Presence::Partial,
        Some(now) => {
            let marked = |held: &Holding| (held.presence, held.relocation);
            ours && expected.is_none_or(|expected| marked(expected) != marked(now))
        }
    };
    if now == expected || on_its_way || now.zip(expected).is_some_and(|(now, expected)| is_cut(now, expected))
    {
        return None;
    }
    let said = |held| wording::held(rehome_domain::lang::Lang::En, held);
    Some(format!("{spot}: expected {}, found {}", said(expected), said(now)))
}

/// Whether a device holds what was expected, but for a description that it has cut or trimmed.
fn is_cut(now: &Holding, expected: &Holding) -> bool {
    let whole = Holding { description: expected.description.clone(), ..now.clone() };
    let kept = now.description.trim();
    whole == *expected && !kept.is_empty() && expected.description.trim().starts_with(kept)
}

#[cfg(test)]
mod tests;
