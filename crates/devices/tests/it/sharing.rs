//! Orders that share a change of a device: the same answers and the same device as one by one.

use std::sync::{Arc, Mutex};

use proptest::prelude::{Strategy, prop, proptest};
use rehome_devices::{
    device::{Change, Device, Found, permanent, transient},
    session::Session,
};
use rehome_domain::{
    id::RelocationId,
    order::{Layer, OrderKind, WorkOrder},
    ports::{Driver, DriverError, Holding, Inventory, Operation, Wait},
    reply::{Presence, Reason},
    request::Place,
};
use rehome_testkit::memory::InMemory;

use crate::world::{holding, network, order, place, relocation, request, run, spots};

/// What has been asked of a device: each change, by the ports it would change.
type Asked = Arc<Mutex<Vec<Vec<String>>>>;

/// An empty gateway that does not take some ports, or is not there at all.
struct Picky {
    refused: Option<&'static str>,
    away: bool,
    asked: Asked,
}

impl Device for Picky {
    fn look<'a>(
        &'a mut self,
        spots: &'a [rehome_domain::request::Spot],
    ) -> Wait<'a, Result<Vec<Option<Found>>, DriverError>> {
        Box::pin(async { Ok(vec![None; spots.len()]) })
    }

    fn change<'a>(&'a mut self, changes: &'a [Change]) -> Wait<'a, Result<(), DriverError>> {
        let ports: Vec<String> = changes.iter().map(|change| change.spot.port.clone()).collect();
        let bad = ports.iter().any(|port| Some(port.as_str()) == self.refused);
        self.asked.lock().unwrap().push(ports);
        Box::pin(async move {
            match (self.away, bad) {
                (true, _) => Err(transient(Reason::Unreachable, "gone")),
                (_, true) => Err(permanent(Reason::Rejected, "not this port")),
                _ => Ok(()),
            }
        })
    }

    fn preview(&self, _changes: &[Change]) -> Vec<String> {
        Vec::new()
    }
}

fn reservations(ports: &[u8]) -> Vec<Arc<WorkOrder>> {
    let reserve = |port: &u8| {
        let moved = request(&format!("S{port}"), place(9, *port), place(1, *port));
        Arc::new(order(relocation(u128::from(*port)), Layer::L3, OrderKind::Reserve, &moved))
    };
    ports.iter().map(reserve).collect()
}

fn reserve_all(device: Picky, ports: &[u8]) -> Vec<Result<Presence, DriverError>> {
    let mut session = Session::new(Layer::L3, "gw-1", device);
    run(session.perform_all(Operation::Reserve, &reservations(ports)))
}

#[test]
fn reservations_that_wait_for_one_device_are_one_change() {
    let asked = Asked::default();
    let answers = reserve_all(Picky { refused: None, away: false, asked: Arc::clone(&asked) }, &[1, 2, 3]);
    assert!(answers.iter().all(|answer| *answer == Ok(Presence::Reserved)), "{answers:?}");
    assert_eq!(*asked.lock().unwrap(), [["ge-0/0/1", "ge-0/0/2", "ge-0/0/3"].map(str::to_owned).to_vec()]);
}

#[test]
fn a_refused_change_is_tried_one_by_one_and_the_bad_one_fails_alone() {
    let asked = Asked::default();
    let device = Picky { refused: Some("ge-0/0/2"), away: false, asked: Arc::clone(&asked) };
    let answers = reserve_all(device, &[1, 2, 3]);
    assert_eq!(answers[0], Ok(Presence::Reserved));
    assert_eq!(answers[1].as_ref().unwrap_err().failure.reason, Reason::Rejected);
    assert_eq!(answers[2], Ok(Presence::Reserved));
    assert_eq!(asked.lock().unwrap().iter().map(Vec::len).collect::<Vec<_>>(), [3, 1, 1, 1]);
}

#[test]
fn a_device_that_is_away_is_not_asked_again_for_each_order() {
    let asked = Asked::default();
    let device = Picky { refused: None, away: true, asked: Arc::clone(&asked) };
    let answers = reserve_all(device, &[1, 2, 3]);
    let away = |answer: &Result<_, DriverError>| answer.as_ref().is_err_and(|error| error.transient);
    assert!(answers.iter().all(away), "{answers:?}");
    assert_eq!(asked.lock().unwrap().len(), 1);
}

/// A gateway that has something of somebody's at each spot until it has taken back what nobody confirmed.
struct Waiting {
    settled: bool,
    asked: Asked,
}

impl Device for Waiting {
    fn look<'a>(
        &'a mut self,
        spots: &'a [rehome_domain::request::Spot],
    ) -> Wait<'a, Result<Vec<Option<Found>>, DriverError>> {
        let found =
            (!self.settled).then(|| Found::from(holding("S9", Some(relocation(9)), Presence::Reserved)));
        Box::pin(async move { Ok(vec![found; spots.len()]) })
    }

    fn change<'a>(&'a mut self, changes: &'a [Change]) -> Wait<'a, Result<(), DriverError>> {
        self.asked.lock().unwrap().push(changes.iter().map(|change| change.spot.port.clone()).collect());
        Box::pin(async { Ok(()) })
    }

    fn settle(&mut self, _by: RelocationId) -> Wait<'_, Result<bool, DriverError>> {
        let settled = !std::mem::replace(&mut self.settled, true);
        Box::pin(async move { Ok(settled) })
    }

    fn preview(&self, _changes: &[Change]) -> Vec<String> {
        Vec::new()
    }
}

#[test]
fn orders_that_share_a_change_are_not_refused_for_what_the_device_is_going_to_take_back() {
    let asked = Asked::default();
    let device = Waiting { settled: false, asked: Arc::clone(&asked) };
    let mut session = Session::new(Layer::L3, "gw-1", device);
    let answers = run(session.perform_all(Operation::Reserve, &reservations(&[1, 2])));
    assert_eq!(answers, [Ok(Presence::Reserved), Ok(Presence::Reserved)]);
    assert_eq!(asked.lock().unwrap().len(), 1);
}

/// Orders from which port to which, and who holds what at which port.
type Case = (Layer, Operation, Vec<(u8, u8)>, Vec<(u8, u8, u8)>);

/// A few orders over few ports, so that some want the same spot, and what the spots hold before.
fn cases() -> impl Strategy<Value = Case> {
    (
        prop::sample::select(Layer::ALL.to_vec()),
        prop::sample::select(vec![Operation::Reserve, Operation::Release]),
        prop::collection::vec((1..5u8, 0..3u8), 1..6),
        prop::collection::vec((1..5u8, 0..3u8, 0..3u8), 0..4),
    )
}

proptest! {
    #[test]
    fn sharing_a_change_answers_and_leaves_what_one_by_one_does((layer, operation, wanted, before) in cases()) {
        let kind = if operation == Operation::Reserve { OrderKind::Reserve } else { OrderKind::Release };
        let wanted: Vec<Arc<WorkOrder>> = wanted
            .iter()
            .map(|(port, service)| {
                let there = Place { l3_device: "gw-1".to_owned(), l2_device: "sw-1".to_owned(), ..place(1, *port) };
                let moved = request(&format!("S{service}"), place(9, *service), there);
                Arc::new(order(relocation(u128::from(*service)), layer, kind, &moved))
            })
            .collect();
        let world = || {
            let memory = Arc::new(InMemory::new());
            for (port, service, presence) in &before {
                let presence = [Presence::Reserved, Presence::Partial, Presence::Installed][usize::from(*presence)];
                let held: Holding =
                    holding(&format!("S{service}"), Some(relocation(u128::from(*service))), presence);
                let (_, spot) = spots(layer, &request("S", place(9, 1), place(1, *port)));
                memory.put(layer, spot, Some(held));
            }
            memory
        };
        let device = if layer == Layer::L3 { "gw-1" } else { "sw-1" };
        let (shared, alone) = (world(), world());
        let together = run(network(&shared).open(layer, device).unwrap().perform_all(operation, &wanted));
        let mut driver = network(&alone).open(layer, device).unwrap();
        let each: Vec<_> = wanted.iter().map(|order| run(driver.perform(operation, order))).collect();
        assert_eq!(together, each);
        assert_eq!(shared.snapshot(layer), alone.snapshot(layer));
    }
}
