//! What a relocation's orders would do on one device: the same decisions as when they are done, over what would be there
//! by then.

use std::collections::BTreeMap;

use rehome_domain::{
    order::{Layer, OrderKind},
    plan::{DevicePlan, PlannedChange, PlannedOrder, SpotHeld},
    ports::{Edit, Holding, Operation},
    request::Spot,
};

use crate::{
    circuit::Circuit,
    device::{Change, Found},
    session::{held, refuse_strangers},
};

/// What is at the spots, as the plan goes on.
type Held = BTreeMap<Spot, Option<Holding>>;

/// The plan, from what was found at the spots of this device.
pub(crate) fn foresee(
    circuit: &Circuit<'_>,
    device: &str,
    swaps: bool,
    found: &[(Spot, Option<Found>)],
    preview: impl Fn(&[Change]) -> Vec<String>,
) -> DevicePlan {
    let old = found.iter().find(|(spot, _)| *spot == circuit.old).and_then(|(_, found)| found.as_ref());
    let held_at = |(spot, found): &(Spot, Option<Found>)| (spot.clone(), held(circuit, spot, found.clone()));
    let now: Held = found.iter().map(held_at).collect();
    let at_old = now.contains_key(&circuit.old);
    let at_new = now.contains_key(&circuit.new);

    let foreseen = |order: OrderKind, operations: &[Operation], before: &Held| {
        let mut walk = Walk { circuit, held: before.clone(), changes: Vec::new(), refused: None };
        for operation in operations {
            let tears_down = matches!(operation, Operation::Teardown | Operation::Swap) && circuit.moves();
            match if tears_down { refuse_strangers(circuit, old) } else { Ok(()) } {
                Ok(()) => walk.take(*operation),
                Err(error) => walk.refused = walk.refused.or(Some(error.failure)),
            }
        }
        let changes: Vec<Change> = walk.changes.iter().map(change).collect();
        let lines = if changes.is_empty() { Vec::new() } else { preview(&changes) };
        let planned = PlannedOrder { order, changes: walk.changes, lines, refused: walk.refused };
        (planned, walk.held)
    };

    let mut orders = Vec::new();
    let mut before_cutover = now.clone();
    if at_new {
        let (reserve, after) = foreseen(OrderKind::Reserve, &[Operation::Reserve], &now);
        let (release, _) = foreseen(OrderKind::Release, &[Operation::Release], &after);
        orders.extend([reserve, release]);
        before_cutover = after;
    }
    let cutover: &[Operation] = match (at_old, at_new) {
        (true, true) if swaps => &[Operation::Swap],
        (true, true) => &[Operation::Teardown, Operation::Install],
        (true, false) => &[Operation::Teardown],
        (false, _) => &[Operation::Install],
    };
    let (cutover, after) = foreseen(OrderKind::Cutover, cutover, &before_cutover);
    orders.push(cutover);
    if at_new && circuit.layer == Layer::L3 {
        orders.push(foreseen(OrderKind::RollbackInstall, &[Operation::RollbackInstall], &after).0);
    }
    let told = |held: Held| held.into_iter().map(|(spot, held)| SpotHeld { spot, held }).collect();
    let (layer, device, unknown) = (circuit.layer, device.to_owned(), None);
    DevicePlan { layer, device, now: told(now), orders, expected: told(before_cutover), unknown }
}

/// One order's operations, one after the other.
struct Walk<'c, 'a> {
    circuit: &'c Circuit<'a>,
    held: Held,
    changes: Vec<PlannedChange>,
    refused: Option<rehome_domain::reply::Failure>,
}

impl Walk<'_, '_> {
    fn take(&mut self, operation: Operation) {
        match self.circuit.whole(operation, |spot| self.held.get(spot).cloned().flatten()) {
            Err(failure) => self.refused = self.refused.take().or(Some(failure)),
            Ok(edits) => {
                for Edit { spot, expect, put } in edits {
                    self.held.insert(spot.clone(), put.clone());
                    self.changes.push(PlannedChange { spot, from: expect, to: put });
                }
            }
        }
    }
}

fn change(planned: &PlannedChange) -> Change {
    let found = planned.from.clone().map(Found::from);
    Change { spot: planned.spot.clone(), found, put: planned.to.clone() }
}
