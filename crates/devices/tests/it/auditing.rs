//! The audit finds whatever is changed behind the tickets' backs, and nothing else.

use std::sync::Arc;

use rehome_devices::{
    audit::{Network, audit},
    faults::{FaultPlan, Faulty},
    provision::provision,
};
use rehome_domain::{
    holding::{End, allowed},
    order::Layer,
    ports::Holding,
    reply::Presence,
    request::{Request, Spot},
    status::{Disposition, RelocationStatus},
    ticket::Ticket,
};
use rehome_testkit::memory::InMemory;

use crate::{
    play::play,
    world::{Lie, holding, lying, network, place, relocation, request, run, spots},
};

/// A memory and tickets at rest, played under a plan.
fn played(plan: &str, requests: &[Request]) -> (Arc<InMemory>, Vec<Ticket>) {
    let memory = Arc::new(InMemory::new());
    run(provision(memory.as_ref(), requests)).unwrap();
    let plan = Arc::new(FaultPlan::from_toml(plan).unwrap());
    let devices = Faulty::new(network(&memory), Arc::clone(&plan));
    let tickets = requests.iter().enumerate().map(|(n, request)| {
        let (mut ticket, _) = run(play(&plan, &devices, 3, relocation(n as u128 + 1), request));
        // Every play begins at the same instant; these came one after the other.
        ticket.submitted_at += jiff::SignedDuration::from_secs(n.try_into().unwrap());
        ticket
    });
    let tickets = tickets.collect();
    (memory, tickets)
}

fn found(memory: &InMemory, tickets: &[Ticket]) -> Vec<String> {
    let network = run(Network::load(memory)).unwrap();
    audit(tickets, &network).iter().map(ToString::to_string).collect()
}

/// Plans that bring one ticket to rest in various ways.
const RESTS: [&str; 7] = [
    "",
    "[[operator]]\nrelocation = \"cutover_pending\"\ndo = \"cancel\"\nreason = \"x\"",
    "[[fault]]\nwhat = \"refuse\"\noperation = \"reserve\"",
    "[[fault]]\nwhat = \"half\"\nlayer = \"l2\"\noperation = \"reserve\"\n[[fault]]\nwhat = \"refuse\"\noperation = \"release\"",
    "[[fault]]\nwhat = \"half\"\nlayer = \"l3\"\noperation = \"teardown\"",
    "[[fault]]\nwhat = \"refuse\"\nlayer = \"l3\"\noperation = \"install\"",
    "[[fault]]\nwhat = \"refuse\"\nlayer = \"l2\"\norder = \"cutover\"",
];

#[test]
fn every_presence_that_the_statuses_do_not_allow_is_found_and_every_other_is_not() {
    let mut wrong = 0;
    for plan in RESTS {
        for lie in [Lie::OneDevice, Lie::TwoDevices] {
            let (memory, tickets) = played(plan, &[lying("S", lie)]);
            assert_eq!(found(&memory, &tickets), Vec::<String>::new(), "{plan}");
            for layer in Layer::ALL {
                let ends = spots(layer, &tickets[0].request);
                for (end, spot) in [(End::Old, ends.0), (End::New, ends.1)] {
                    wrong += spoil(&memory, &tickets[0], layer, end, &spot);
                }
            }
        }
    }
    assert!(wrong > 60, "{wrong}");
}

/// Puts every presence at a spot; answers how many were wrong. The holding is this relocation's own.
fn spoil(memory: &InMemory, ticket: &Ticket, layer: Layer, end: End, spot: &Spot) -> usize {
    let was = memory.snapshot(layer).get(spot).cloned();
    let may = allowed(ticket, layer, end);
    let mut wrong = 0;
    for presence in [Presence::Absent, Presence::Reserved, Presence::Partial, Presence::Installed] {
        let owner = Some(ticket.id).filter(|_| end == End::New);
        let mut put = holding("S", owner, presence);
        if layer == Layer::L3 && presence == Presence::Installed {
            put.ip = Some(ticket.request.ip.clone());
            put.vrf.clone_from(&ticket.request.vrf);
        }
        memory.put(layer, spot.clone(), Some(put).filter(|_| presence != Presence::Absent));
        let found = found(memory, std::slice::from_ref(ticket));
        if may.contains(&presence) {
            assert_eq!(found, Vec::<String>::new(), "{layer} {end:?} {presence:?} is one of {may:?}");
        } else {
            wrong += 1;
            assert_eq!(found.len(), 1, "{layer} {end:?} {presence:?} is none of {may:?}: {found:#?}");
            let named = [spot.to_string(), spot.device.clone(), ticket.id.to_string()];
            assert!(named.iter().all(|name| found[0].contains(name)), "{found:#?}");
        }
    }
    memory.put(layer, spot.clone(), was);
    wrong
}

#[test]
fn a_wrong_address_vrf_or_description_is_found_by_name() {
    let (memory, tickets) = played("", &[lying("S", Lie::TwoDevices)]);
    type Change = (Layer, &'static str, fn(&mut Holding));
    let changes: [Change; 6] = [
        (Layer::L3, "address is `192.0.2.9/30`, expected `192.0.2.1/30`", |holding| {
            holding.ip = Some("192.0.2.9/30".to_owned());
        }),
        (Layer::L3, "address is none, expected `192.0.2.1/30`", |holding| holding.ip = None),
        (Layer::L3, "vrf is `other`, expected `acme`", |holding| holding.vrf = Some("other".to_owned())),
        (Layer::L3, "description is `?`, expected `S Acme`", |holding| holding.description = "?".to_owned()),
        (Layer::L2, "description is `?`, expected `S Acme`", |holding| holding.description = "?".to_owned()),
        (Layer::L2, "address is `192.0.2.1/30`, expected none", |holding| {
            holding.ip = Some("192.0.2.1/30".to_owned());
        }),
    ];
    for (layer, expected, change) in changes {
        let (_, spot) = spots(layer, &tickets[0].request);
        let was = memory.snapshot(layer)[&spot].clone();
        let mut wrong = was.clone();
        change(&mut wrong);
        memory.put(layer, spot.clone(), Some(wrong));
        let found = found(&memory, &tickets);
        assert!(found.len() == 1 && found[0].contains(expected), "{found:#?}");
        memory.put(layer, spot, Some(was));
    }
}

#[test]
fn a_reservation_that_carries_an_address_is_found() {
    let (memory, mut tickets) = played("", &[lying("S", Lie::TwoDevices)]);
    // As if its cutover had not been deployed yet.
    let state = &mut tickets[0].state;
    (state.relocation, state.cutover) = (RelocationStatus::CutoverPending, None);
    (state.l2_cutover, state.disposition) = (rehome_domain::status::Side::None, Disposition::Open);
    for layer in Layer::ALL {
        let (old, new) = spots(layer, &tickets[0].request);
        memory.put(layer, old, Some(holding("S", None, Presence::Installed)));
        memory.put(layer, new, Some(holding("S", Some(relocation(1)), Presence::Reserved)));
    }
    assert_eq!(found(&memory, &tickets), Vec::<String>::new());
    let mut addressed = holding("S", Some(relocation(1)), Presence::Reserved);
    addressed.ip = Some("192.0.2.1/30".to_owned());
    memory.put(Layer::L3, tickets[0].request.new.l3(), Some(addressed));
    let found = found(&memory, &tickets);
    assert!(found.len() == 1 && found[0].contains("a reservation of S: address is"), "{found:#?}");
}

#[test]
fn a_holding_that_nobodys_ticket_explains_is_found() {
    let (memory, tickets) = played("", &[lying("S", Lie::TwoDevices)]);
    let spot = place(9, 9).l3();
    let cases = [
        (holding("S", Some(relocation(1)), Presence::Installed), "a ticket that has nothing to do here"),
        (holding("OTHER", Some(relocation(1)), Presence::Reserved), "a ticket that has nothing to do here"),
        (holding("OTHER", Some(relocation(77)), Presence::Reserved), "a relocation that has no ticket"),
        (holding("OTHER", None, Presence::Reserved), "that no ticket explains"),
        (holding("OTHER", None, Presence::Partial), "that no ticket explains"),
    ];
    for (leaked, expected) in cases {
        memory.put(Layer::L3, spot.clone(), Some(leaked));
        let found = found(&memory, &tickets);
        assert!(found.len() == 1 && found[0].contains(expected), "{found:#?}");
    }
    let before = holding("OTHER", None, Presence::Installed);
    memory.put(Layer::L3, spot, Some(before));
    assert_eq!(
        found(&memory, &tickets),
        Vec::<String>::new(),
        "circuits that no relocation is about are none of ours"
    );
}

#[test]
fn another_circuit_under_the_tickets_own_relocation_is_found_beside_the_one_that_is_missing() {
    let (memory, tickets) = played("", &[lying("S", Lie::TwoDevices)]);
    let spot = tickets[0].request.new.l2();
    memory.put(Layer::L2, spot, Some(holding("OTHER", Some(relocation(1)), Presence::Installed)));
    let found = found(&memory, &tickets);
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(
        found[0].contains("S is absent") && found[1].contains("OTHER by a ticket that has nothing"),
        "{found:#?}"
    );
}

#[test]
fn a_service_installed_by_somebody_else_than_its_ticket_is_found() {
    let (memory, tickets) = played("", &[lying("S", Lie::TwoDevices)]);
    let spot = tickets[0].request.new.l2();
    memory.put(Layer::L2, spot, Some(holding("S", None, Presence::Installed)));
    let found = found(&memory, &tickets);
    assert!(found.len() == 1 && found[0].contains("by nobody instead"), "{found:#?}");
}

#[test]
fn places_handed_from_ticket_to_ticket_are_judged_by_whose_turn_it_was_last() {
    let (a, b, c) = (place(1, 1), place(2, 1), place(3, 1));
    let chains = [
        // On and on, and back.
        vec![
            request("S", a.clone(), b.clone()),
            request("S", b.clone(), c.clone()),
            request("S", c.clone(), a.clone()),
        ],
        // One moves out, another moves in, and a third into what that one left.
        vec![request("S", a.clone(), b), request("T", c.clone(), a), request("U", place(4, 1), c)],
    ];
    for requests in chains {
        let (memory, mut tickets) = played("", &requests);
        assert!(tickets.iter().all(|ticket| ticket.state.relocation == RelocationStatus::Succeeded));
        assert_eq!(found(&memory, &tickets), Vec::<String>::new());
        tickets.reverse();
        assert_eq!(found(&memory, &tickets), Vec::<String>::new(), "in any order");
        let last = tickets.iter().max_by_key(|ticket| ticket.submitted_at).unwrap();
        memory.put(Layer::L3, last.request.new.l3(), None);
        assert_eq!(found(&memory, &tickets).len(), 1);
    }
}

#[test]
fn a_ticket_that_failed_before_another_moved_the_circuit_does_not_speak_for_it_any_more() {
    let (a, b, c) = (place(1, 1), place(2, 1), place(3, 1));
    let plan = "[[fault]]\nwhat = \"refuse\"\ndevice = \"gw-2\"\noperation = \"reserve\"";
    let (memory, tickets) = played(plan, &[request("S", a.clone(), b), request("S", a, c)]);
    let ends: Vec<_> = tickets.iter().map(|ticket| ticket.state.relocation).collect();
    assert_eq!(ends, [RelocationStatus::Failed, RelocationStatus::Succeeded]);
    assert_eq!(found(&memory, &tickets), Vec::<String>::new());
}

#[test]
fn a_layer_that_sees_no_move_keeps_its_circuit_and_takes_the_later_tickets_word_for_it() {
    let (a, b) = (place(1, 1), place(2, 1));
    let mut only_l2 = b.clone();
    only_l2.l2_port = "eth9".to_owned();
    let (memory, tickets) = played("", &[request("S", a, b.clone()), request("S", b.clone(), only_l2)]);
    assert_eq!(found(&memory, &tickets), Vec::<String>::new());
    memory.put(Layer::L3, b.l3(), None);
    assert_eq!(found(&memory, &tickets).len(), 1);
}

#[test]
fn a_ticket_with_something_in_flight_promises_nothing_yet() {
    let (memory, mut tickets) = played("", &[lying("S", Lie::TwoDevices)]);
    let spot = tickets[0].request.new.l3();
    memory.put(Layer::L3, spot.clone(), Some(holding("S", Some(relocation(1)), Presence::Installed)));
    assert_eq!(found(&memory, &tickets).len(), 1, "no address");
    memory.put(Layer::L3, spot.clone(), None);
    assert_eq!(found(&memory, &tickets).len(), 1, "nothing there");
    let state = &mut tickets[0].state;
    state.disposition = Disposition::Open;
    state.l2 =
        Some(rehome_domain::state::Flight { work: rehome_domain::state::Work::CuttingOver, doubt: false });
    assert_eq!(found(&memory, &tickets), Vec::<String>::new());
    memory.put(Layer::L3, spot, Some(holding("S", Some(relocation(1)), Presence::Installed)));
    assert_eq!(found(&memory, &tickets), Vec::<String>::new());
}
