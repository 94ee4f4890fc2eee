//! What each fault does to a device's answer and to what it holds.

use std::{sync::Arc, time::Duration};

use rehome_devices::{
    faults::{FaultPlan, Faulty},
    inventory::Inventory as Listed,
};
use rehome_domain::{
    order::{Layer, OrderKind, WorkOrder},
    ports::{Inventory, Operation},
    reply::{Presence, Reason},
    request::Request,
};
use rehome_testkit::memory::InMemory;
use tokio::time::Instant;

use crate::world::{
    LIES, Lie, OPERATIONS, exists, holding, lying, network, order, perform, relocation, run, spots,
};

fn faulty(memory: &Arc<InMemory>, rule: &str) -> Faulty {
    let plan = FaultPlan::from_toml(&format!("[[fault]]\nname = \"the rule\"\n{rule}")).unwrap();
    Faulty::new(network(memory), Arc::new(plan))
}

/// A memory with a circuit in service at the old place, and reserved or in service at the new.
fn under_way(layer: Layer, request: &Request, new: Option<Presence>) -> Arc<InMemory> {
    let memory = Arc::new(InMemory::new());
    let (old_spot, new_spot) = spots(layer, request);
    if let Some(presence) = new {
        memory.put(layer, new_spot, Some(holding("S", Some(relocation(1)), presence)));
    }
    memory.put(layer, old_spot, Some(holding("S", None, Presence::Installed)));
    memory
}

fn cutover(layer: Layer, request: &Request) -> WorkOrder {
    order(relocation(1), layer, OrderKind::Cutover, request)
}

#[test]
fn a_refusal_is_permanent_names_the_rule_and_changes_nothing() {
    for layer in Layer::ALL {
        for operation in OPERATIONS.into_iter().filter(|operation| exists(layer, *operation, Lie::OneDevice))
        {
            let request = lying("S", Lie::OneDevice);
            let memory = under_way(layer, &request, Some(Presence::Reserved));
            let before = memory.snapshot(layer);
            let error =
                run(perform(&faulty(&memory, "what = \"refuse\""), operation, &cutover(layer, &request)));
            let error = error.unwrap_err();
            assert!(!error.transient && error.failure.reason == Reason::Rejected, "{operation:?}: {error}");
            assert!(error.failure.text.contains("the rule"), "{error}");
            assert_eq!(memory.snapshot(layer), before, "{operation:?}");
        }
    }
}

#[test]
fn a_simulated_device_of_an_inventory_does_what_the_plan_says_too() {
    let request = lying("S", Lie::OneDevice);
    let memory = under_way(Layer::L2, &request, None);
    let devices: Arc<dyn Inventory> = Arc::new(faulty(&memory, "what = \"refuse\""));
    let entry =
        format!("[[device]]\nname = \"{}\"\nlayer = \"l2\"\ndriver = \"simulated\"", request.new.l2_device);
    let listed = Listed::parse(&entry, Some(devices)).unwrap();
    let error = run(perform(&listed, Operation::Reserve, &cutover(Layer::L2, &request))).unwrap_err();
    assert!(error.failure.text.contains("the rule"), "{error}");
}

#[test]
fn half_an_operation_leaves_the_half_it_says_and_fails_for_good() {
    use Presence::{Absent, Installed, Partial, Reserved};
    // Operation, at the new place before; old and new place after.
    let cases = [
        (Operation::Reserve, None, Installed, Partial),
        (Operation::Install, Some(Reserved), Installed, Partial),
        (Operation::Install, Some(Installed), Installed, Installed),
        (Operation::Release, Some(Reserved), Installed, Partial),
        (Operation::Release, None, Installed, Absent),
        (Operation::RollbackInstall, Some(Installed), Installed, Partial),
        (Operation::Teardown, Some(Reserved), Partial, Reserved),
        (Operation::Swap, Some(Reserved), Installed, Installed),
    ];
    for (operation, new, old_after, new_after) in cases {
        let request = lying("S", Lie::OneDevice);
        let memory = under_way(Layer::L2, &request, new);
        let devices = faulty(&memory, "what = \"half\"");
        for time in ["once", "twice"] {
            let error = run(perform(&devices, operation, &cutover(Layer::L2, &request))).unwrap_err();
            assert!(!error.transient && error.failure.reason == Reason::Rejected, "{operation:?}: {error}");
            let after = memory.snapshot(Layer::L2);
            let at = |spot| after.get(&spot).map_or(Absent, |holding| holding.presence);
            assert_eq!(at(request.old.l2()), old_after, "{operation:?} {time}, old");
            assert_eq!(at(request.new.l2()), new_after, "{operation:?} {time}, new");
        }
    }
}

#[test]
fn what_is_half_done_is_made_whole_by_doing_it_again() {
    for layer in Layer::ALL {
        for lie in LIES {
            for operation in OPERATIONS.into_iter().filter(|operation| exists(layer, *operation, lie)) {
                for new in [None, Some(Presence::Reserved), Some(Presence::Installed)] {
                    let request = lying("S", lie);
                    let whole = under_way(layer, &request, new);
                    let halved = under_way(layer, &request, new);
                    let order = cutover(layer, &request);
                    let _ = run(perform(&faulty(&halved, "what = \"half\""), operation, &order));
                    let answers =
                        [&whole, &halved].map(|memory| run(perform(&network(memory), operation, &order)));
                    assert_eq!(answers[0], answers[1], "{layer} {lie:?} {operation:?} {new:?}");
                    assert_eq!(
                        whole.snapshot(layer),
                        halved.snapshot(layer),
                        "{layer} {lie:?} {operation:?} {new:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn looking_is_never_half_done() {
    let request = lying("S", Lie::TwoDevices);
    let memory = under_way(Layer::L3, &request, Some(Presence::Reserved));
    let devices = faulty(&memory, "what = \"half\"");
    let order = cutover(Layer::L3, &request);
    assert_eq!(run(perform(&devices, Operation::LookOld, &order)), Ok(Presence::Installed));
    assert_eq!(run(perform(&devices, Operation::LookNew, &order)), Ok(Presence::Reserved));
}

#[test]
fn an_unreachable_device_fails_so_many_tries_of_each_order_whatever_session_tries() {
    let request = lying("S", Lie::TwoDevices);
    let memory = under_way(Layer::L3, &request, None);
    let devices = faulty(&memory, "what = \"unreachable\"\ntries = 2");
    let mut order = cutover(Layer::L3, &request);
    for seq in 1..4 {
        order.id.seq = seq;
        for _ in 0..2 {
            let error = run(perform(&devices, Operation::Install, &order)).unwrap_err();
            assert!(error.transient && error.failure.reason == Reason::Unreachable, "{error}");
        }
        assert_eq!(
            run(perform(&devices, Operation::Install, &order)),
            Ok(Presence::Installed),
            "order {seq}"
        );
        assert_eq!(
            run(perform(&devices, Operation::Install, &order)),
            Ok(Presence::Installed),
            "order {seq}"
        );
    }
}

#[test]
fn a_slow_device_takes_its_time_and_then_does_it() {
    run(async {
        let request = lying("S", Lie::TwoDevices);
        let memory = under_way(Layer::L3, &request, None);
        let rules = "what = \"slow\"\ndelay_ms = 700\n[[fault]]\nwhat = \"slow\"\ndelay_ms = 50\n[[fault]]\nwhat = \"refuse\"\noperation = \"install\"";
        let devices = faulty(&memory, rules);
        let order = cutover(Layer::L3, &request);
        for (operation, works) in [(Operation::Teardown, true), (Operation::Install, false)] {
            let began = Instant::now();
            assert_eq!(perform(&devices, operation, &order).await.is_ok(), works);
            assert_eq!(began.elapsed(), Duration::from_millis(750), "delays add up, before a refusal too");
        }
    });
}

#[test]
fn of_several_rules_that_end_an_operation_the_first_counts() {
    let request = lying("S", Lie::TwoDevices);
    let memory = under_way(Layer::L3, &request, None);
    let devices = faulty(&memory, "what = \"refuse\"\n[[fault]]\nname = \"second\"\nwhat = \"half\"");
    let error = run(perform(&devices, Operation::Install, &cutover(Layer::L3, &request))).unwrap_err();
    assert!(error.failure.text.contains("the rule"), "{error}");
    assert!(
        !memory.snapshot(Layer::L3).contains_key(&request.new.l3()),
        "the second rule would leave a half"
    );
}

#[test]
fn a_rule_hits_only_what_all_its_keys_match() {
    let keys = [
        ("layer = \"l3\"", true),
        ("layer = \"l2\"", false),
        ("device = \"gw-2\"", true),
        ("device = \"gw-*\"", true),
        ("device = \"gw-1\"", false),
        ("service = \"S\"", true),
        ("service = \"T*\"", false),
        ("operation = \"install\"", true),
        ("operation = \"teardown\"", false),
        ("order = \"cutover\"", true),
        ("order = \"reserve\"", false),
        ("attempts = [1, 3]", true),
        ("attempts = [2]", false),
        ("probability = 0", false),
        ("layer = \"l3\"\ndevice = \"gw-1\"", false),
    ];
    for (key, hits) in keys {
        let request = lying("S", Lie::TwoDevices);
        let memory = under_way(Layer::L3, &request, None);
        let devices = faulty(&memory, &format!("what = \"refuse\"\n{key}"));
        let done = run(perform(&devices, Operation::Install, &cutover(Layer::L3, &request)));
        assert_eq!(done.is_err(), hits, "{key}");
    }
}

#[test]
fn a_faulty_network_has_the_same_devices_as_the_one_it_is_put_around() {
    let memory = Arc::new(InMemory::new());
    let names = rehome_devices::simulated::Devices::Named { l3: ["gw-1".to_owned()].into(), l2: [].into() };
    let devices = rehome_devices::simulated::Simulated::new(memory, names);
    let faulty = Faulty::new(devices, Arc::default());
    assert!(faulty.open(Layer::L3, "gw-1").is_some() && faulty.open(Layer::L3, "gw-2").is_none());
}
