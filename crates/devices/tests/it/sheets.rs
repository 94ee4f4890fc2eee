//! The sheets and the fault plan in `examples/`.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
};

use rehome_devices::{
    audit::{Network, audit},
    faults::{FaultPlan, Faulty},
    provision::provision,
};
use rehome_domain::{
    order::Layer,
    request::{Deadlines, Place, Request},
    status::{CutoverStatus, Disposition, RelocationStatus, ReservationStatus},
};
use rehome_testkit::memory::InMemory;
use serde::Deserialize;

use crate::{
    play::play,
    world::{network, relocation, run, spots},
};

/// What a configurator's retry policy gives at least, so that the plan's lost sessions heal.
const MAX_TRIES: u32 = 2;

const HEADER: &str = "service_id,customer,old_l3_device,old_l3_port,old_vlan,old_inner_vlan,old_l2_device,old_l2_port,\
    new_l3_device,new_l3_port,new_vlan,new_inner_vlan,new_l2_device,new_l2_port,ip,vrf,description,window_start,window_end";

/// A sheet's row, as the columns are named.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    service_id: String,
    customer: String,
    old_l3_device: String,
    old_l3_port: String,
    old_vlan: u16,
    old_inner_vlan: Option<u16>,
    old_l2_device: String,
    old_l2_port: String,
    new_l3_device: String,
    new_l3_port: String,
    new_vlan: u16,
    new_inner_vlan: Option<u16>,
    new_l2_device: String,
    new_l2_port: String,
    ip: String,
    vrf: Option<String>,
    description: String,
    window_start: Option<String>,
    window_end: Option<String>,
}

impl From<Row> for Request {
    fn from(row: Row) -> Self {
        assert!(
            row.window_start.is_none() && row.window_end.is_none(),
            "{}: no windows here",
            row.service_id
        );
        Self {
            service_id: row.service_id,
            customer: row.customer,
            old: Place {
                l3_device: row.old_l3_device,
                l3_port: row.old_l3_port,
                vlan: row.old_vlan,
                inner_vlan: row.old_inner_vlan,
                l2_device: row.old_l2_device,
                l2_port: row.old_l2_port,
            },
            new: Place {
                l3_device: row.new_l3_device,
                l3_port: row.new_l3_port,
                vlan: row.new_vlan,
                inner_vlan: row.new_inner_vlan,
                l2_device: row.new_l2_device,
                l2_port: row.new_l2_port,
            },
            ip: row.ip,
            vrf: row.vrf,
            description: row.description,
            window: None,
            external_id: None,
            hold: false,
            deadlines: Deadlines::default(),
        }
    }
}

fn example(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "..", "..", "examples", name].iter().collect()
}

fn large_sheet() -> Vec<Request> {
    let mut reader = csv::Reader::from_path(example("relocations-200.csv")).unwrap();
    assert_eq!(reader.headers().unwrap().iter().collect::<Vec<_>>().join(","), HEADER);
    reader.deserialize::<Row>().map(|row| row.unwrap().into()).collect()
}

fn small_sheet() -> Vec<Request> {
    let text = std::fs::read_to_string(example("relocations-3.json")).unwrap();
    serde_json::from_str::<Vec<Row>>(&text).unwrap().into_iter().map(Request::from).collect()
}

/// The large sheet under the plan: the deadlines are the plan's, as the run driver stamps them.
fn under_the_plan() -> (FaultPlan, Vec<Request>) {
    let plan = FaultPlan::load(&example("faults.toml")).unwrap();
    let deadlines = plan.deadlines().unwrap();
    let requests = large_sheet().into_iter().map(|request| Request { deadlines, ..request }).collect();
    (plan, requests)
}

#[test]
fn every_row_of_both_sheets_is_valid_and_no_two_can_be_in_each_others_way() {
    let (large, small) = (large_sheet(), small_sheet());
    assert_eq!((large.len(), small.len()), (200, 3));
    let all: Vec<Request> = large.into_iter().chain(small).collect();
    let services: BTreeSet<&str> = all.iter().map(|request| request.service_id.as_str()).collect();
    assert_eq!(services.len(), all.len());
    for request in &all {
        request.validate().unwrap();
    }
    for layer in Layer::ALL {
        let ends: Vec<_> = all.iter().map(|request| spots(layer, request)).collect();
        let taken: BTreeSet<_> = ends.iter().map(|(_, new)| new).collect();
        assert_eq!(taken.len(), all.len(), "{layer}: a target is used twice");
        for (index, (old, _)) in ends.iter().enumerate() {
            let elsewhere = ends.iter().enumerate().find(|(other, (_, new))| *other != index && new == old);
            assert!(elsewhere.is_none(), "{layer}: {old} is both vacated and taken");
        }
    }
}

#[test]
fn the_large_sheet_has_every_shape_of_move() {
    let requests = large_sheet();
    let count = |holds: &dyn Fn(&Request) -> bool| requests.iter().filter(|request| holds(request)).count();
    let devices = |device: fn(&Place) -> &str| {
        let places = requests.iter().flat_map(|request| [&request.old, &request.new]);
        places.map(device).collect::<BTreeSet<_>>().len()
    };
    assert!(devices(|place| &place.l3_device) >= 4 && devices(|place| &place.l2_device) >= 12);
    type Shape<'a> = (&'a str, &'a dyn Fn(&Request) -> bool);
    let shapes: [Shape<'_>; 8] = [
        ("L2 only", &|request| request.stays_on(Layer::L3)),
        ("L3 only", &|request| request.stays_on(Layer::L2)),
        ("port to port", &|request| {
            request.old.l2_device == request.new.l2_device && !request.stays_on(Layer::L2)
        }),
        ("switch to switch", &|request| request.old.l2_device != request.new.l2_device),
        ("gateway to gateway", &|request| request.old.l3_device != request.new.l3_device),
        ("QinQ", &|request| request.new.inner_vlan.is_some()),
        ("VPN", &|request| request.vrf.is_some()),
        ("IPv6", &|request| request.ip.contains(':')),
    ];
    for (shape, holds) in shapes {
        assert!(count(holds) >= 10, "{shape}: {}", count(holds));
    }
}

#[test]
fn without_faults_every_row_succeeds() {
    let plan = FaultPlan::default();
    for request in large_sheet().iter().chain(&small_sheet()) {
        assert_eq!(
            plan.predict(request, 1).state.relocation,
            RelocationStatus::Succeeded,
            "{}",
            request.service_id
        );
    }
}

#[test]
fn the_example_plan_leads_through_every_status_and_most_relocations_still_succeed() {
    let (plan, requests) = under_the_plan();
    let mut passed = BTreeSet::new();
    let mut ends: BTreeMap<_, usize> = BTreeMap::new();
    for request in &requests {
        let prediction = plan.predict(request, MAX_TRIES);
        assert!(prediction.certain, "{}", request.service_id);
        for state in &prediction.passed {
            passed.insert(state.relocation.wire());
            passed.extend(state.reservation.map(ReservationStatus::wire));
            passed.extend(state.cutover.map(CutoverStatus::wire));
        }
        *ends.entry((prediction.state.relocation, prediction.state.disposition)).or_default() += 1;
    }
    let relocation = RelocationStatus::ALL.iter().map(|status| status.wire());
    let reservation = ReservationStatus::ALL.iter().map(|status| status.wire());
    let cutover = CutoverStatus::ALL.iter().map(|status| status.wire());
    let all: BTreeSet<&str> = relocation.chain(reservation).chain(cutover).collect();
    assert_eq!(passed, all);
    let expected = BTreeMap::from([
        ((RelocationStatus::CutoverPending, Disposition::Open), 1),
        ((RelocationStatus::Failed, Disposition::Cancelled), 2),
        ((RelocationStatus::Abnormal, Disposition::Forced), 3),
        ((RelocationStatus::Succeeded, Disposition::Completed), 194),
    ]);
    assert_eq!(ends, expected);
}

#[test]
fn the_whole_sheet_played_under_the_plan_ends_as_predicted_and_audits_clean() {
    run(async {
        let (plan, requests) = under_the_plan();
        let plan = Arc::new(plan);
        let memory = Arc::new(InMemory::new());
        provision(memory.as_ref(), &requests).await.unwrap();
        let devices = Faulty::new(network(&memory), Arc::clone(&plan));
        let mut tickets = Vec::new();
        for (number, request) in requests.iter().enumerate() {
            let (ticket, _) = play(&plan, &devices, MAX_TRIES, relocation(number as u128), request).await;
            assert_eq!(ticket.state, plan.predict(request, MAX_TRIES).state, "{}", request.service_id);
            tickets.push(ticket);
        }
        let network = Network::load(memory.as_ref()).await.unwrap();
        let found: Vec<String> = audit(&tickets, &network).iter().map(ToString::to_string).collect();
        assert!(found.is_empty(), "{found:#?}");
    });
}
