//! The network before the relocations.

use rehome_devices::provision::provision;
use rehome_domain::{order::Layer, ports::Holding, reply::Presence, request::Request};
use rehome_testkit::memory::InMemory;

use crate::world::{holding, place, relocation, request, run};

fn provisioned(memory: &InMemory, requests: &[Request]) -> [usize; 2] {
    run(provision(memory, requests)).unwrap()
}

#[test]
fn every_circuit_is_in_service_at_its_old_place_and_nowhere_else() {
    let memory = InMemory::new();
    let requests: Vec<Request> =
        (0..5).map(|n| request(&format!("S{n}"), place(1, n), place(2, n))).collect();
    assert_eq!(provisioned(&memory, &requests), [5, 5]);
    for request in &requests {
        let before = holding(&request.service_id, None, Presence::Installed);
        let addressed = Holding { ip: Some(request.ip.clone()), vrf: request.vrf.clone(), ..before.clone() };
        assert_eq!(memory.snapshot(Layer::L3).get(&request.old.l3()), Some(&addressed));
        assert_eq!(memory.snapshot(Layer::L2).get(&request.old.l2()), Some(&before));
    }
    assert!(Layer::ALL.iter().all(|layer| memory.snapshot(*layer).len() == 5));
}

#[test]
fn provisioning_again_after_relocations_brings_nothing_back() {
    let memory = InMemory::new();
    let requests = [request("A", place(1, 1), place(2, 1)), request("B", place(1, 2), place(2, 2))];
    provisioned(&memory, &requests);
    // A has been moved meanwhile.
    for layer in Layer::ALL {
        let (old, new) = crate::world::spots(layer, &requests[0]);
        memory.put(layer, old, None);
        memory.put(layer, new, Some(holding("A", Some(relocation(1)), Presence::Installed)));
    }
    let before = Layer::ALL.map(|layer| memory.snapshot(layer));
    assert_eq!(provisioned(&memory, &requests), [0, 0]);
    assert_eq!(Layer::ALL.map(|layer| memory.snapshot(layer)), before);
}

#[test]
fn of_several_relocations_of_one_circuit_the_first_ones_old_place_counts() {
    let memory = InMemory::new();
    let requests = [request("A", place(1, 1), place(2, 1)), request("A", place(2, 1), place(1, 2))];
    assert_eq!(provisioned(&memory, &requests), [1, 1]);
    assert!(memory.snapshot(Layer::L3).contains_key(&requests[0].old.l3()));
}

#[test]
fn what_another_circuit_holds_is_left_alone() {
    let memory = InMemory::new();
    let request = request("A", place(1, 1), place(2, 1));
    let other = holding("OTHER", None, Presence::Installed);
    memory.put(Layer::L3, request.old.l3(), Some(other.clone()));
    assert_eq!(provisioned(&memory, std::slice::from_ref(&request)), [0, 1]);
    assert_eq!(memory.snapshot(Layer::L3).get(&request.old.l3()), Some(&other));
}

#[test]
fn more_circuits_than_fit_one_transaction_are_all_put_in_place() {
    let memory = InMemory::new();
    let requests: Vec<Request> = (0..2345_u16)
        .map(|n| {
            let (mut old, new) = (place(1, 1), place(2, 1));
            (old.vlan, old.inner_vlan) = (1 + n % 1000, Some(1 + n / 1000));
            request(&format!("S{n}"), old, new)
        })
        .collect();
    assert_eq!(provisioned(&memory, &requests), [2345, 2345]);
}

#[test]
fn a_memory_that_fails_is_told() {
    let memory = InMemory::new();
    memory.set_down(true);
    assert!(run(provision(&memory, &[request("A", place(1, 1), place(2, 1))])).is_err());
}
