//! What every operation promises, over everything the two spots may hold; and over random sequences of operations.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use proptest::prelude::{Strategy, any, prop, proptest};
use rehome_devices::{
    faults::{FaultPlan, Faulty},
    simulated::{Devices, Simulated},
};
use rehome_domain::{
    order::{Layer, OrderKind, WorkOrder},
    ports::{DeviceMemory, DriverError, Edit, Holding, Inventory, Operation, StoreError, Wait},
    reply::{Presence, Reason},
    request::Spot,
};
use rehome_testkit::memory::{InMemory, Spots};

use crate::world::{
    LIES, Lie, OPERATIONS, device, exists, holding, lying, network, order, perform, place, relocation,
    request, run, spots,
};

const US: u128 = 1;
const EARLIER: u128 = 2;
const THEIRS: u128 = 3;

/// Everything a spot may hold: nothing, ours or another circuit's, put by whom, how far.
fn holdings() -> Vec<Option<Holding>> {
    let mut all = vec![None];
    for presence in [Presence::Reserved, Presence::Partial, Presence::Installed] {
        for by in [None, Some(US), Some(EARLIER)] {
            all.push(Some(holding("OURS", by.map(relocation), presence)));
        }
        for by in [None, Some(THEIRS)] {
            all.push(Some(holding("OTHER", by.map(relocation), presence)));
        }
    }
    all
}

/// One case: what is held, and what one operation makes of it.
#[derive(Debug)]
struct Case {
    layer: Layer,
    lie: Lie,
    operation: Operation,
    old: Option<Holding>,
    new: Option<Holding>,
    before: Spots,
    after: Spots,
    answer: Result<Presence, DriverError>,
}

impl Case {
    fn held(&self, spots: &Spots, spot: &Spot) -> Option<Holding> {
        spots.get(spot).cloned()
    }

    fn ours(&self, spots: &Spots, spot: &Spot) -> Presence {
        let held = self.held(spots, spot).filter(|holding| holding.service_id == "OURS");
        held.map_or(Presence::Absent, |holding| holding.presence)
    }
}

/// Every case there is, each checked.
fn every_case(check: impl Fn(&Case, &Arc<InMemory>, &WorkOrder)) {
    let mut cases = 0;
    for layer in Layer::ALL {
        for lie in LIES {
            for operation in OPERATIONS.into_iter().filter(|operation| exists(layer, *operation, lie)) {
                for old in holdings() {
                    for new in holdings() {
                        if lie == Lie::Same && old != new {
                            continue;
                        }
                        one_case(layer, lie, operation, (old.clone(), new), &check);
                        cases += 1;
                    }
                }
            }
        }
    }
    assert!(cases > 5000, "{cases} cases");
}

fn one_case(
    layer: Layer,
    lie: Lie,
    operation: Operation,
    (old, new): (Option<Holding>, Option<Holding>),
    check: impl Fn(&Case, &Arc<InMemory>, &WorkOrder),
) {
    let memory = Arc::new(InMemory::new());
    let request = lying("OURS", lie);
    let ends = spots(layer, &request);
    memory.put(layer, ends.0, old.clone());
    memory.put(layer, ends.1, new.clone());
    let order = order(relocation(US), layer, OrderKind::Cutover, &request);
    let before = memory.snapshot(layer);
    let answer = run(perform(&network(&memory), operation, &order));
    let after = memory.snapshot(layer);
    check(&Case { layer, lie, operation, old, new, before, after, answer }, &memory, &order);
}

#[test]
fn every_operation_done_twice_is_done_once_and_answers_the_same() {
    every_case(|case, memory, order| {
        let again = run(perform(&network(memory), case.operation, order));
        assert_eq!(again, case.answer, "{case:#?}");
        assert_eq!(memory.snapshot(case.layer), case.after, "{case:#?}");
    });
}

#[test]
fn no_operation_ever_touches_another_circuits_holding() {
    every_case(|case, _, _| {
        for (spot, holding) in &case.before {
            if holding.service_id == "OTHER" {
                assert_eq!(case.after.get(spot), Some(holding), "{case:#?}");
            }
        }
    });
}

#[test]
fn an_operation_answers_what_the_circuit_has_there_afterwards() {
    every_case(|case, _, order| {
        let (old, new) = spots(case.layer, &order.request);
        let about =
            if matches!(case.operation, Operation::Teardown | Operation::LookOld) { old } else { new };
        if let Ok(answer) = &case.answer {
            assert_eq!(*answer, case.ours(&case.after, &about), "{case:#?}");
        }
    });
}

#[test]
fn reserving_and_releasing_never_touch_what_is_in_service() {
    every_case(|case, _, _| {
        if matches!(case.operation, Operation::Reserve | Operation::Release) {
            for (spot, holding) in &case.before {
                if holding.presence == Presence::Installed {
                    assert_eq!(case.after.get(spot), Some(holding), "{case:#?}");
                }
            }
        }
    });
}

#[test]
fn the_new_place_is_refused_exactly_if_another_circuit_holds_it_and_by_its_name() {
    every_case(|case, _, _| {
        let takes = matches!(case.operation, Operation::Reserve | Operation::Install | Operation::Swap);
        let theirs = case.new.as_ref().filter(|holding| holding.service_id == "OTHER");
        match (&case.answer, theirs.filter(|_| takes)) {
            (Ok(_), None) => {}
            (Err(error), Some(holding)) => {
                assert!(!error.transient && error.failure.reason == Reason::Conflict, "{case:#?}");
                assert!(error.failure.text.contains("OTHER"), "{case:#?}");
                let by = holding.relocation.map(|id| id.to_string()).unwrap_or_default();
                assert!(error.failure.text.contains(&by), "{case:#?}");
                assert_eq!(case.before, case.after, "refused whole: {case:#?}");
            }
            _ => panic!("{case:#?}"),
        }
    });
}

#[test]
fn a_reservation_is_the_spot_and_its_description_and_no_more() {
    every_case(|case, _, order| {
        if case.operation == Operation::Reserve && case.new.is_none() {
            let (_, new) = spots(case.layer, &order.request);
            let expected = holding("OURS", Some(relocation(US)), Presence::Reserved);
            assert_eq!(case.held(&case.after, &new), Some(expected), "{case:#?}");
        }
    });
}

#[test]
fn an_install_puts_address_and_vrf_on_the_gateway_and_neither_on_the_switch() {
    every_case(|case, _, order| {
        if case.operation == Operation::Install && case.answer.is_ok() {
            let (_, new) = spots(case.layer, &order.request);
            let mut expected = holding("OURS", Some(relocation(US)), Presence::Installed);
            if case.layer == Layer::L3 {
                expected.ip = Some(order.request.ip.clone());
                expected.vrf.clone_from(&order.request.vrf);
            }
            assert_eq!(case.held(&case.after, &new), Some(expected), "{case:#?}");
        }
    });
}

#[test]
fn a_release_removes_exactly_what_this_relocation_has_put_there_short_of_service() {
    every_case(|case, _, _| {
        if case.operation == Operation::Release {
            let ours = case.new.as_ref().filter(|holding| holding.relocation == Some(relocation(US)));
            let goes = ours.is_some_and(|holding| holding.presence != Presence::Installed);
            assert_eq!(case.before != case.after, goes, "{case:#?}");
            assert!(!goes || case.answer == Ok(Presence::Absent), "{case:#?}");
        }
    });
}

#[test]
fn a_teardown_removes_all_that_the_circuit_has_at_the_old_place_if_it_moves() {
    every_case(|case, _, order| {
        if case.operation == Operation::Teardown {
            let (old, _) = spots(case.layer, &order.request);
            let ours = case.old.as_ref().is_some_and(|holding| holding.service_id == "OURS");
            let goes = ours && case.lie != Lie::Same;
            assert_eq!(!case.after.contains_key(&old), goes || case.old.is_none(), "{case:#?}");
        }
    });
}

#[test]
fn an_install_is_rolled_back_exactly_if_this_relocation_put_it_at_a_new_spot() {
    every_case(|case, _, _| {
        if case.operation == Operation::RollbackInstall {
            let ours = case.new.as_ref().is_some_and(|holding| holding.relocation == Some(relocation(US)));
            assert_eq!(case.before != case.after, ours && case.lie != Lie::Same, "{case:#?}");
        }
    });
}

#[test]
fn a_swap_is_an_install_and_a_teardown_or_nothing() {
    every_case(|case, _, order| {
        if case.operation != Operation::Swap {
            return;
        }
        let apart = Arc::new(InMemory::new());
        for (spot, holding) in &case.before {
            apart.put(case.layer, spot.clone(), Some(holding.clone()));
        }
        let devices = network(&apart);
        if run(perform(&devices, Operation::Install, order)).is_ok() {
            run(perform(&devices, Operation::Teardown, order)).unwrap();
        }
        assert_eq!(apart.snapshot(case.layer), case.after, "{case:#?}");
    });
}

#[test]
fn looking_changes_nothing() {
    every_case(|case, _, _| {
        if matches!(case.operation, Operation::LookOld | Operation::LookNew) {
            assert_eq!(case.before, case.after, "{case:#?}");
        }
    });
}

#[test]
fn where_a_layer_sees_no_move_reserving_and_releasing_leave_what_others_have_put_there() {
    every_case(|case, memory, order| {
        let by_us = case.new.as_ref().is_none_or(|holding| holding.relocation == Some(relocation(US)));
        if case.operation == Operation::Reserve && case.lie == Lie::Same && !by_us {
            run(perform(&network(memory), Operation::Release, order)).unwrap();
            assert_eq!(memory.snapshot(case.layer), case.before, "{case:#?}");
        }
    });
}

/// What the same case comes to if the device stops half-way.
fn halved(case: &Case, order: &WorkOrder) -> Spots {
    let memory = Arc::new(InMemory::new());
    for (spot, holding) in &case.before {
        memory.put(case.layer, spot.clone(), Some(holding.clone()));
    }
    let plan = FaultPlan::from_toml("[[fault]]\nwhat = \"half\"").unwrap();
    let _ = run(perform(&Faulty::new(network(&memory), Arc::new(plan)), case.operation, order));
    memory.snapshot(case.layer)
}

#[test]
fn half_of_nothing_to_do_is_nothing() {
    every_case(|case, _, order| {
        if case.before == case.after {
            assert_eq!(halved(case, order), case.before, "{case:#?}");
        }
    });
}

#[test]
fn half_an_operation_takes_no_circuit_out_of_service_that_the_whole_would_leave_in_service() {
    every_case(|case, _, order| {
        let halved = halved(case, order);
        let stays =
            |spots: &Spots, spot| spots.get(spot).is_some_and(|held| held.presence == Presence::Installed);
        for (spot, _) in case.before.iter().filter(|(spot, _)| stays(&case.before, spot)) {
            assert!(stays(&halved, spot) || !stays(&case.after, spot), "{halved:#?} of {case:#?}");
        }
    });
}

#[test]
fn a_device_refuses_what_is_not_for_it() {
    run(async {
        let memory = Arc::new(InMemory::new());
        let devices = network(&memory);
        let cases = [
            (Layer::L2, Layer::L3, "gw-2", Operation::Install, Lie::TwoDevices),
            (Layer::L3, Layer::L3, "gw-2", Operation::Teardown, Lie::TwoDevices),
            (Layer::L3, Layer::L3, "gw-1", Operation::Swap, Lie::OneDevice),
            (Layer::L2, Layer::L2, "sw-2", Operation::Swap, Lie::TwoDevices),
        ];
        for (of, session, name, operation, lie) in cases {
            let order = order(relocation(US), of, OrderKind::Cutover, &lying("OURS", lie));
            let error = devices.open(session, name).unwrap().perform(operation, &order).await.unwrap_err();
            assert!(!error.transient && error.failure.reason == Reason::Rejected, "{operation:?}: {error}");
        }
        assert!(Layer::ALL.iter().all(|layer| memory.snapshot(*layer).is_empty()));
    });
}

#[test]
fn only_devices_of_the_layer_can_be_opened() {
    let names = |names: &[&str]| names.iter().map(ToString::to_string).collect::<BTreeSet<_>>();
    let devices = Devices::Named { l3: names(&["gw-1"]), l2: names(&["sw-1"]) };
    let simulated = Simulated::new(Arc::new(InMemory::new()), devices);
    let opens = |layer, name| simulated.open(layer, name).is_some();
    assert!(opens(Layer::L3, "gw-1") && opens(Layer::L2, "sw-1"));
    assert!(!opens(Layer::L2, "gw-1") && !opens(Layer::L3, "sw-1") && !opens(Layer::L3, "gw-2"));
}

#[test]
fn a_memory_that_fails_is_a_device_that_can_be_tried_again() {
    run(async {
        let memory = Arc::new(InMemory::new());
        let devices = network(&memory);
        let order = order(relocation(US), Layer::L3, OrderKind::Reserve, &lying("OURS", Lie::TwoDevices));
        memory.set_down(true);
        let error = perform(&devices, Operation::Reserve, &order).await.unwrap_err();
        assert!(error.transient && error.failure.reason == Reason::Unreachable, "{error}");
        memory.set_down(false);
        assert_eq!(perform(&devices, Operation::Reserve, &order).await, Ok(Presence::Reserved));
    });
}

#[test]
fn a_memory_that_is_away_for_a_while_is_waited_for_and_is_no_fault_of_the_device() {
    run(async {
        let memory = Arc::new(InMemory::new());
        let devices = network(&memory);
        let order = order(relocation(US), Layer::L3, OrderKind::Reserve, &lying("OURS", Lie::TwoDevices));
        memory.set_down(true);
        let back = async {
            // Of the paused clock: no test waits for it.
            tokio::time::sleep(Duration::from_secs(20)).await;
            memory.set_down(false);
        };
        let (done, ()) = tokio::join!(perform(&devices, Operation::Reserve, &order), back);
        assert_eq!(done, Ok(Presence::Reserved));
    });
}

/// A memory in which somebody else takes a spot between the look and the edit.
struct Raced {
    memory: Arc<InMemory>,
    taken: Spot,
}

impl DeviceMemory for Raced {
    fn look(&self, layer: Layer, spots: Vec<Spot>) -> Wait<'_, Result<Vec<Option<Holding>>, StoreError>> {
        self.memory.look(layer, spots)
    }

    fn edit(&self, layer: Layer, edits: Vec<Edit>) -> Wait<'_, Result<bool, StoreError>> {
        let theirs = holding("OTHER", Some(relocation(THEIRS)), Presence::Installed);
        self.memory.put(layer, self.taken.clone(), Some(theirs));
        self.memory.edit(layer, edits)
    }

    fn all(&self, layer: Layer) -> Wait<'_, Result<Vec<(Spot, Holding)>, StoreError>> {
        self.memory.all(layer)
    }
}

#[test]
fn who_loses_a_race_for_a_spot_changes_nothing_and_learns_at_the_next_try_who_won() {
    run(async {
        for operation in [Operation::Reserve, Operation::Install, Operation::Swap] {
            let memory = Arc::new(InMemory::new());
            let request = lying("OURS", Lie::OneDevice);
            let order = order(relocation(US), Layer::L2, OrderKind::Cutover, &request);
            let old = holding("OURS", None, Presence::Installed);
            memory.put(Layer::L2, request.old.l2(), Some(old.clone()));
            let raced = Raced { memory: Arc::clone(&memory), taken: request.new.l2() };
            let lost = perform(&Simulated::new(Arc::new(raced), Devices::Any), operation, &order).await;
            let lost = lost.unwrap_err();
            assert!(lost.transient && lost.failure.reason == Reason::Conflict, "{operation:?}: {lost}");
            let known = perform(&network(&memory), operation, &order).await.unwrap_err();
            assert!(!known.transient && known.failure.text.contains("OTHER"), "{operation:?}: {known}");
            assert_eq!(memory.snapshot(Layer::L2).get(&request.old.l2()), Some(&old), "{operation:?}");
        }
    });
}

/// A step of a random sequence: which circuit, which operation, whole or half.
fn steps() -> impl Strategy<Value = Vec<(usize, Layer, Operation, bool)>> {
    let layer = prop::sample::select(Layer::ALL.to_vec());
    let operation = prop::sample::select(OPERATIONS.to_vec());
    prop::collection::vec((0..4_usize, layer, operation, any::<bool>()), 1..40)
}

proptest! {
    /// Four circuits that want each other's places; some operations stop half-way.
    #[test]
    fn no_sequence_of_operations_touches_another_circuit_and_no_release_touches_service(steps in steps()) {
        let spots = [place(1, 1), place(1, 2), place(2, 1), place(2, 2)];
        let plan = "[[fault]]\nwhat = \"half\"\nattempts = [2]\n";
        let plan = Arc::new(FaultPlan::from_toml(plan).unwrap());
        let memory = Arc::new(InMemory::new());
        let devices = Faulty::new(network(&memory), plan);
        for (circuit, layer, operation, half) in steps {
            let service = format!("S{circuit}");
            let request = request(&service, spots[circuit].clone(), spots[(circuit + 1) % 4].clone());
            let mut order = order(relocation(circuit as u128), layer, OrderKind::Cutover, &request);
            order.attempt = if half { 2 } else { 1 };
            let before = memory.snapshot(layer);
            let opened = devices.open(layer, &device(layer, operation, &request)).unwrap();
            let answer = run(async { let mut opened = opened; opened.perform(operation, &order).await });
            let after = memory.snapshot(layer);
            for (spot, held) in &before {
                let in_service = held.presence == Presence::Installed;
                let spared = matches!(operation, Operation::Reserve | Operation::Release) && in_service;
                if held.service_id != service || spared {
                    assert_eq!(after.get(spot), Some(held), "{operation:?} of {service}: {answer:?}");
                }
            }
            for (spot, held) in &after {
                assert!(before.contains_key(spot) || held.service_id == service, "{spot} for {held:?}");
            }
        }
    }
}
