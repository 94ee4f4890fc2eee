//! Random plans over random relocations: the prediction is what really happens, and afterwards the devices hold exactly
//! what the tickets' statuses say.

use std::{cell::RefCell, collections::BTreeSet, sync::Arc};

use proptest::prelude::{Strategy, any, prop, prop_assert, prop_assert_eq, prop_oneof, proptest};
use rehome_devices::{
    audit::{Network, audit},
    faults::{FaultPlan, Faulty},
    provision::provision,
};
use rehome_domain::{
    command::CommandKind,
    order::{Layer, OrderKind},
    request::{Deadlines, Request},
    status::{CutoverStatus, RelocationStatus, ReservationStatus},
};
use rehome_testkit::memory::InMemory;

use crate::{
    play::play,
    world::{LIES, Lie, OPERATIONS, lying, network, place, relocation, run},
};

const MAX_TRIES: u32 = 3;

fn wire<T: serde::Serialize>(value: T) -> String {
    serde_json::to_value(value).unwrap().as_str().unwrap().to_owned()
}

/// Some keys of a rule that narrow whom it hits.
fn narrowing() -> impl Strategy<Value = String> {
    let maybe = |key: &'static str, words: Vec<String>| {
        prop::option::of(prop::sample::select(words))
            .prop_map(move |word| word.map(|word| format!("{key} = \"{word}\"\n")).unwrap_or_default())
    };
    let layer = maybe("layer", Layer::ALL.map(wire).to_vec());
    let order = maybe(
        "order",
        [OrderKind::ALL.as_slice(), &[OrderKind::Cutover; 4]].concat().into_iter().map(wire).collect(),
    );
    let attempts = prop_oneof!["attempts = \\[1\\]\n", "attempts = \\[1, 2\\]\n", "", ""];
    let probability = prop_oneof!["probability = 0\\.[0-9]\n", "", ""];
    (layer, order, attempts, probability).prop_map(|(a, b, c, d)| a + &b + &c + &d)
}

fn fault() -> impl Strategy<Value = String> {
    let device = prop_oneof!["", "device = \"*-1\"\n"];
    let operation = prop::option::of(prop::sample::select(OPERATIONS.map(wire).to_vec()))
        .prop_map(|word| word.map(|word| format!("operation = \"{word}\"\n")).unwrap_or_default());
    let at_device =
        prop_oneof!["what = \"refuse\"\n", "what = \"half\"\n", "what = \"unreachable\"\ntries = [1-4]\n"];
    let at_device =
        (at_device, device, operation).prop_map(|(what, device, operation)| what + &device + &operation);
    // Late by less than the deadline, by more, and by more than the inspect's too.
    let of_reply = prop_oneof![
        "what = \"drop_reply\"\n",
        "what = \"drop_reply\"\n",
        "what = \"reply_twice\"\n",
        "what = \"late_reply\"\ndelay_ms = (500|1500|2500|9000)\n"
    ];
    let slow = "what = \"slow\"\ndelay_ms = [1-9]\n";
    let what = prop_oneof![4 => at_device, 4 => of_reply, 1 => slow];
    (what, narrowing()).prop_map(|(what, narrowing)| format!("[[fault]]\n{what}{narrowing}"))
}

fn operator() -> impl Strategy<Value = String> {
    let status = prop_oneof![
        prop::sample::select(RelocationStatus::ALL).prop_map(|status| format!("relocation = \"{status}\"")),
        prop::sample::select(ReservationStatus::ALL).prop_map(|status| format!("reservation = \"{status}\"")),
        prop::sample::select(CutoverStatus::ALL).prop_map(|status| format!("cutover = \"{status}\"")),
    ];
    // Retries lead further than the rest.
    let kind = prop_oneof![
        prop::sample::select(CommandKind::ALL.to_vec()),
        prop::sample::select(vec![CommandKind::RetryRollback, CommandKind::RetryCutover]),
    ];
    (status, kind)
        .prop_map(|(status, kind)| format!("[[operator]]\n{status}\ndo = \"{kind}\"\nreason = \"so\"\n"))
}

/// A plan that reads without mistakes.
fn plan() -> impl Strategy<Value = FaultPlan> {
    let faults = prop::collection::vec(fault(), 0..6);
    let operators = prop::collection::vec(operator(), 0..12);
    (any::<u32>(), faults, operators).prop_filter_map("hits nothing", |(seed, faults, operators)| {
        let text = format!("seed = {seed}\n{}{}", faults.concat(), operators.concat());
        FaultPlan::from_toml(&text).ok()
    })
}

/// Deadlines of a second, so that the delays in the plans come before, between and after them.
fn hurried(request: Request) -> Request {
    let second = 1000;
    let deadlines =
        Deadlines { reserve_ms: second, cutover_ms: second, rollback_ms: second, inspect_ms: second };
    Request { deadlines, ..request }
}

/// Relocations whose layers move as given: a move of L3 only, of L2 only, of both, within a device and across.
fn moving(l3: Lie, l2: Lie) -> Request {
    let mut request = hurried(lying("S", l3));
    let other = lying("S", l2);
    request.new.l2_device = other.new.l2_device;
    request.new.l2_port = other.new.l2_port;
    request
}

fn requests() -> impl Strategy<Value = Request> {
    let pairs = LIES.into_iter().flat_map(|l3| LIES.map(|l2| (l3, l2)));
    let moves: Vec<_> = pairs.filter(|pair| *pair != (Lie::Same, Lie::Same)).collect();
    (prop::sample::select(moves), any::<u16>(), any::<bool>()).prop_map(|((l3, l2), number, hold)| {
        // Another service id draws other chances.
        Request { service_id: format!("S{number}"), hold, ..moving(l3, l2) }
    })
}

#[test]
fn a_run_ends_as_predicted_and_leaves_the_devices_as_its_statuses_say() {
    let ends = RefCell::new(BTreeSet::new());
    let config =
        proptest::test_runner::Config { cases: 2500, max_local_rejects: 50_000, ..Default::default() };
    proptest!(config, |(plan in plan(), request in requests())| {
        let memory = Arc::new(InMemory::new());
        run(provision(memory.as_ref(), std::slice::from_ref(&request))).unwrap();
        let plan = Arc::new(plan);
        let devices = Faulty::new(network(&memory), Arc::clone(&plan));
        let (ticket, journal) = run(play(&plan, &devices, MAX_TRIES, relocation(1), &request));
        let prediction = plan.predict(&request, MAX_TRIES);
        let rows: Vec<&String> = journal.iter().flat_map(|entry| &entry.rows).collect();
        prop_assert!(prediction.certain);
        prop_assert_eq!(ticket.state, prediction.state, "played {:?}, predicted {:?}", rows, prediction.rows);
        let network = run(Network::load(memory.as_ref())).unwrap();
        let found = audit(std::slice::from_ref(&ticket), &network);
        prop_assert!(found.is_empty(), "{:#?} after {:?}", found, rows);
        ends.borrow_mut().insert(prediction.state);
    });
    let ends = ends.into_inner().len();
    assert!(ends > 25, "plans that lead to only {ends} different ends prove little");
}

#[test]
fn a_slow_device_that_outlasts_its_deadline_makes_the_prediction_uncertain_and_a_faster_one_does_not() {
    for (delay, certain) in [(900, true), (1100, false)] {
        let text =
            format!("[[fault]]\nwhat = \"slow\"\ndelay_ms = {delay}\nlayer = \"l3\"\norder = \"reserve\"\n");
        let plan = FaultPlan::from_toml(&text).unwrap();
        assert_eq!(
            plan.predict(&moving(Lie::TwoDevices, Lie::TwoDevices), MAX_TRIES).certain,
            certain,
            "{delay}"
        );
    }
}

#[test]
fn a_device_slower_than_the_deadline_is_predicted_by_what_it_holds_when_asked() {
    let request = moving(Lie::TwoDevices, Lie::TwoDevices);
    let slow = "[[fault]]\nwhat = \"slow\"\ndelay_ms = 1100\nlayer = \"l3\"\norder = \"cutover\"\n";
    let then =
        |what: &str| format!("{slow}[[fault]]\nwhat = \"{what}\"\nlayer = \"l3\"\norder = \"cutover\"\n");
    // Both halves done, both half done, and nothing done: as if it had not begun.
    for (text, row) in [(slow.to_owned(), "11"), (then("half"), "14"), (then("refuse"), "19")] {
        let prediction = FaultPlan::from_toml(&text).unwrap().predict(&request, MAX_TRIES);
        assert_eq!(prediction.rows[4..7], ["10", "D1", row]);
    }
}

/// What a killed and restarted run meets: another relocation id, a session without memory.
#[test]
fn the_same_circuit_meets_the_same_faults_under_another_relocation_id() {
    let text = "seed = 3\n[[fault]]\nwhat = \"refuse\"\nprobability = 0.3\n[[fault]]\nwhat = \"half\"\nprobability = 0.3\n";
    let plan = Arc::new(FaultPlan::from_toml(text).unwrap());
    let mut ends = BTreeSet::new();
    for number in 0..50 {
        let request = hurried(Request {
            service_id: format!("S{number}"),
            ..crate::world::request("S", place(1, 1), place(2, 2))
        });
        let end = |id| {
            let memory = Arc::new(InMemory::new());
            run(provision(memory.as_ref(), std::slice::from_ref(&request))).unwrap();
            let devices = Faulty::new(network(&memory), Arc::clone(&plan));
            run(play(&plan, &devices, MAX_TRIES, relocation(id), &request)).0.state
        };
        assert_eq!(end(1), end(99), "{}", request.service_id);
        ends.insert(end(1));
    }
    assert!(ends.len() > 3, "the faults make a difference: {ends:?}");
}
