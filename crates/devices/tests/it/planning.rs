//! A plan tells exactly what will happen, and touches nothing.

use std::sync::Arc;

use rehome_devices::provision::provision;
use rehome_domain::{
    order::{Layer, OrderKind, WorkOrder},
    plan::{DevicePlan, PlannedChange},
    ports::{DriverError, Inventory, Operation},
    reply::Presence,
    request::Request,
};
use rehome_testkit::memory::{InMemory, Spots};

use crate::world::{LIES, Lie, holding, lying, network, order, perform, relocation, run, spots};

const US: u128 = 1;

/// The operations that an order comes to, as the configurators do them.
fn operations(layer: Layer, lie: Lie, kind: OrderKind) -> Vec<Operation> {
    match (kind, layer, lie) {
        (OrderKind::Reserve, ..) => vec![Operation::Reserve],
        (OrderKind::Release, ..) => vec![Operation::Release],
        (OrderKind::RollbackInstall, ..) => vec![Operation::RollbackInstall],
        (_, Layer::L2, Lie::OneDevice) => vec![Operation::Swap],
        _ => vec![Operation::Teardown, Operation::Install],
    }
}

/// Does an order; why it was refused, if an operation of it was.
fn carry_out(memory: &Arc<InMemory>, lie: Lie, order: &WorkOrder, kind: OrderKind) -> Option<DriverError> {
    let done = operations(order.layer, lie, kind)
        .into_iter()
        .map(|operation| run(perform(&network(memory), operation, order)));
    // All are tried, whatever became of the first.
    let refused: Vec<_> = done.filter_map(Result::err).collect();
    refused.into_iter().next()
}

fn after(mut before: Spots, changes: &[PlannedChange]) -> Spots {
    for change in changes {
        assert_eq!(before.get(&change.spot), change.from.as_ref(), "a change begins at what is there");
        match &change.to {
            Some(holding) => before.insert(change.spot.clone(), holding.clone()),
            None => before.remove(&change.spot),
        };
    }
    before
}

/// What the plans of all devices of a layer say of an order.
fn planned(plans: &[DevicePlan], kind: OrderKind) -> (Vec<PlannedChange>, bool) {
    let orders: Vec<_> =
        plans.iter().flat_map(|plan| &plan.orders).filter(|order| order.order == kind).collect();
    let refused = orders.iter().any(|order| order.refused.is_some());
    (orders.into_iter().flat_map(|order| order.changes.clone()).collect(), refused)
}

fn holdings() -> Vec<Option<rehome_domain::ports::Holding>> {
    let mut all = vec![None];
    for presence in [Presence::Reserved, Presence::Partial, Presence::Installed] {
        for by in [None, Some(relocation(US)), Some(relocation(2))] {
            all.push(Some(holding("OURS", by, presence)));
        }
        all.push(Some(holding("OTHER", Some(relocation(3)), presence)));
    }
    all
}

#[test]
fn what_is_planned_is_what_happens_whatever_the_devices_hold_and_planning_touches_nothing() {
    let mut cases = 0;
    for layer in Layer::ALL {
        for lie in LIES {
            let moved = lying("OURS", lie);
            let (old_spot, new_spot) = spots(layer, &moved);
            let order = order(relocation(US), layer, OrderKind::Inspect, &moved);
            for old in holdings() {
                for new in holdings().into_iter().filter(|new| lie != Lie::Same || *new == old) {
                    let memory = Arc::new(InMemory::new());
                    memory.put(layer, old_spot.clone(), old.clone());
                    memory.put(layer, new_spot.clone(), new.clone());
                    let now = memory.snapshot(layer);
                    let mut devices = vec![old_spot.device.clone(), new_spot.device.clone()];
                    devices.dedup();
                    let plan = |device: &String| {
                        run(network(&memory).open(layer, device).unwrap().plan(&order)).unwrap()
                    };
                    let plans: Vec<DevicePlan> = devices.iter().map(plan).collect();
                    assert_eq!(memory.snapshot(layer), now, "planning touches nothing");

                    let check = |kind: OrderKind| {
                        let before = memory.snapshot(layer);
                        let (changes, refused) = planned(&plans, kind);
                        let error = carry_out(&memory, lie, &order, kind);
                        let case = format!("{layer} {lie:?} {kind} from {old:?} and {new:?}");
                        assert_eq!(refused, error.is_some(), "{case}: {error:?}");
                        assert_eq!(memory.snapshot(layer), after(before, &changes), "{case}");
                    };
                    check(OrderKind::Reserve);
                    let expected = |plans: &[DevicePlan]| {
                        plans.iter().flat_map(|plan| plan.expected.clone()).collect::<Vec<_>>()
                    };
                    let replanned: Vec<DevicePlan> = devices.iter().map(plan).collect();
                    assert_eq!(expected(&replanned), expected(&plans), "the reservation is no drift");
                    let reserved = memory.snapshot(layer);
                    check(OrderKind::Release);
                    for spot in [&old_spot, &new_spot] {
                        memory.put(layer, spot.clone(), reserved.get(spot).cloned());
                    }
                    check(OrderKind::Cutover);
                    if layer == Layer::L3 {
                        check(OrderKind::RollbackInstall);
                    }
                    cases += 1;
                }
            }
        }
    }
    let held = holdings().len();
    assert_eq!(cases, 2 * (held + 2 * held * held), "every case has been tried");
}

/// What a gateway answers to the operations that a planned cutover comes to, and first to whether it may begin.
fn cut_over_as_planned(memory: &Arc<InMemory>, order: &WorkOrder) -> Vec<Result<Presence, DriverError>> {
    let mut checked = vec![order.request.old.l3_device.clone(), order.request.new.l3_device.clone()];
    checked.dedup();
    let check = |device: &String| {
        run(network(memory).open(Layer::L3, device).unwrap().perform(Operation::Check, order))
    };
    let done = [Operation::Teardown, Operation::Install];
    let done = done.into_iter().map(|operation| run(perform(&network(memory), operation, order)));
    checked.iter().map(check).collect::<Vec<_>>().into_iter().chain(done).collect()
}

#[test]
fn a_planned_cutover_that_comes_again_after_it_was_done_is_answered_as_before() {
    for lie in [Lie::OneDevice, Lie::TwoDevices] {
        let moved = lying("OURS", lie);
        let memory = Arc::new(InMemory::new());
        provision_at(&memory, &moved);
        let mut order = order(relocation(US), Layer::L3, OrderKind::Cutover, &moved);
        let mut devices = vec![moved.old.l3_device.clone(), moved.new.l3_device.clone()];
        devices.dedup();
        let plan = |device: &String| run(network(&memory).open(Layer::L3, device).unwrap().plan(&order));
        order.expected = devices.iter().flat_map(|device| plan(device).unwrap().expected).collect();
        assert_eq!(order.expected.len(), 2);
        run(perform(&network(&memory), Operation::Reserve, &order)).unwrap();
        let first = cut_over_as_planned(&memory, &order);
        assert!(first.iter().all(Result::is_ok), "{lie:?}: {first:?}");
        let held = memory.snapshot(Layer::L3);
        let again = cut_over_as_planned(&memory, &order);
        assert!(again.iter().all(Result::is_ok), "{lie:?}: {again:?}");
        let outcomes = |all: &[Result<Presence, DriverError>]| all[devices.len()..].to_vec();
        assert_eq!(outcomes(&again), outcomes(&first), "{lie:?}");
        assert_eq!(memory.snapshot(Layer::L3), held, "{lie:?}");
    }
}

/// The circuit, in service at the old place.
fn provision_at(memory: &Arc<InMemory>, request: &Request) {
    run(provision(&**memory, std::slice::from_ref(request))).unwrap();
}
