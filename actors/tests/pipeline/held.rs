//! Cutovers that a gateway holds until L2's is done.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use rehome_domain::{
    CommandKind, CutoverStatus, Layer, OrderKind, RelocationStatus, Ticket,
    event::Alarm,
    order::WorkOrder,
    ports::{
        Driver, DriverError, Inventory,
        Operation::{self, Confirm, Hold, Install, LookNew, LookOld, Reserve, Swap, TakeBack, Teardown},
        Wait,
    },
    reply::{Failure, Presence, Reason},
};
use tokio::sync::Semaphore;

use crate::world::{World, on_system, request};

/// No test waits for a gateway to take something back, unless it says so.
const LONG: Duration = Duration::from_secs(3600);

/// One gateway that holds cutovers, and switches whose cutovers wait until they may go, or are refused.
#[derive(Clone)]
struct Network {
    switches: Arc<dyn Inventory>,
    holds: Duration,
    /// What the gateway refuses, the first time.
    refuses: Arc<Mutex<Vec<Operation>>>,
    /// How many cutovers the switches refuse.
    l2_refuses: Arc<Mutex<usize>>,
    l2_may_go: Arc<Semaphore>,
    /// Teardowns wait for this too, which no other test minds.
    teardown_may_go: Arc<Semaphore>,
    /// What the gateway did, and for which service.
    done: Arc<Mutex<Vec<(String, Operation)>>>,
}

struct Switch {
    network: Network,
    driver: Box<dyn Driver>,
}

impl Inventory for Network {
    fn open(&self, layer: Layer, device: &str) -> Option<Box<dyn Driver>> {
        match layer {
            Layer::L3 => Some(Box::new(self.clone())),
            Layer::L2 => {
                let driver = self.switches.open(layer, device)?;
                Some(Box::new(Switch { network: self.clone(), driver }))
            }
        }
    }

    fn swaps(&self, _device: &str) -> bool {
        true
    }

    fn holds(&self, _device: &str) -> Option<Duration> {
        Some(self.holds)
    }
}

fn refused(reason: Reason) -> DriverError {
    let text = "as the test wants".to_owned();
    DriverError { transient: false, failure: Failure { reason, text } }
}

impl Driver for Network {
    fn perform<'a>(
        &'a mut self,
        operation: Operation,
        order: &'a WorkOrder,
    ) -> Wait<'a, Result<Presence, DriverError>> {
        Box::pin(async move {
            self.done.lock().unwrap().push((order.request.service_id.clone(), operation));
            if operation == Teardown {
                drop(self.teardown_may_go.acquire().await.unwrap());
            }
            let mut refuses = self.refuses.lock().unwrap();
            if let Some(place) = refuses.iter().position(|one| *one == operation) {
                refuses.remove(place);
                return Err(refused(Reason::Conflict));
            }
            Ok(if operation == LookOld { Presence::Absent } else { Presence::Installed })
        })
    }
}

impl Driver for Switch {
    fn perform<'a>(
        &'a mut self,
        operation: Operation,
        order: &'a WorkOrder,
    ) -> Wait<'a, Result<Presence, DriverError>> {
        Box::pin(async move {
            if order.kind == OrderKind::Cutover {
                let _permit = self.network.l2_may_go.acquire().await.unwrap();
                let mut left = self.network.l2_refuses.lock().unwrap();
                if *left > 0 {
                    *left -= 1;
                    return Err(refused(Reason::Rejected));
                }
            }
            self.driver.perform(operation, order).await
        })
    }
}

struct Held {
    world: World,
    network: Network,
}

impl Held {
    fn new(holds: Duration, refuses: &[Operation], l2_refuses: usize) -> Self {
        let world = World::new();
        world.supervise_over(Arc::clone(&world.tickets));
        let network = Network {
            switches: world.inventory(),
            holds,
            refuses: Arc::new(Mutex::new(refuses.to_vec())),
            l2_refuses: Arc::new(Mutex::new(l2_refuses)),
            l2_may_go: Arc::new(Semaphore::new(0)),
            teardown_may_go: Arc::new(Semaphore::new(1)),
            done: Arc::default(),
        };
        world.configure_over(&(Arc::new(network.clone()) as _));
        Self { world, network }
    }

    /// Reserves a relocation within the gateway.
    async fn reserve(&self, n: u64) {
        let mut moved = request(n);
        moved.old.l3_device = "gw-one".to_owned();
        moved.new.l3_device = "gw-one".to_owned();
        self.world.submit(n, moved).await;
    }

    /// Deploys the first relocation's cutover once it is reserved.
    async fn deploy(&self) {
        self.reserve(1).await;
        let reserved = |t: &Ticket| t.state.relocation == RelocationStatus::CutoverPending;
        self.world.until(1, "reserved", reserved).await;
        self.world.ask(1, CommandKind::DeployCutover, "").await;
    }

    async fn at_rest(&self) -> Ticket {
        let rests = |t: &Ticket| t.state.cutover.is_some() && !t.state.in_flight();
        self.world.until(1, "at rest", rests).await
    }

    /// What the gateway has done since the first reservation.
    fn done(&self) -> Vec<Operation> {
        self.network.done.lock().unwrap().iter().skip(1).map(|(_, operation)| *operation).collect()
    }
}

#[test]
fn a_held_cutover_is_confirmed_after_l2s_is_done_and_only_then_the_ticket_closes() {
    on_system(async {
        let held = Held::new(LONG, &[], 0);
        held.deploy().await;
        let waits = |t: &Ticket| t.state.held && t.state.work(Layer::L2).is_some();
        held.world.until(1, "held, L2 at work", waits).await;
        assert_eq!(held.done(), [Hold]);
        held.network.l2_may_go.add_permits(1);
        let ticket = held.at_rest().await;
        assert_eq!(held.done(), [Hold, Confirm]);
        assert_eq!(ticket.state.relocation, RelocationStatus::Succeeded);
        let outage = ticket.outage.unwrap();
        assert!(outage.until.is_some_and(|until| outage.from < until), "{outage:?}");
    });
}

#[test]
fn when_l2_fails_the_held_cutover_is_taken_back_and_a_retry_does_both_without_a_hold() {
    on_system(async {
        let held = Held::new(LONG, &[], 1);
        held.network.l2_may_go.add_permits(2);
        held.deploy().await;
        let ticket = held.at_rest().await;
        assert_eq!(held.done(), [Hold, TakeBack]);
        assert_eq!(ticket.state.cutover, Some(CutoverStatus::L3CutoverFailed));
        // The old place serves again, and what comes later is another outage.
        let first = ticket.outage.unwrap();
        assert!(first.until.is_some());
        held.world.ask(1, CommandKind::RetryCutover, "").await;
        let succeeded = |t: &Ticket| t.state.relocation == RelocationStatus::Succeeded;
        let ticket = held.world.until(1, "succeeded", succeeded).await;
        assert_eq!(held.done(), [Hold, TakeBack, Swap]);
        assert!(ticket.outage.unwrap().from > first.until.unwrap());
    });
}

#[test]
fn a_held_cutover_that_does_not_stand_any_more_is_done_again_at_once_and_not_held() {
    on_system(async {
        let held = Held::new(LONG, &[Confirm], 0);
        held.network.l2_may_go.add_permits(2);
        held.deploy().await;
        let ticket = held.at_rest().await;
        assert_eq!(held.done(), [Hold, Confirm, Swap]);
        assert_eq!(ticket.state.relocation, RelocationStatus::Succeeded);
        let journal = held.world.journal(1).await;
        let called: Vec<Alarm> = journal.iter().flat_map(|entry| entry.alarms.clone()).collect();
        assert_eq!(called, [Alarm::HeldCutoverLost]);
        // The customer was without service until the end of the second one.
        let again = journal.iter().find(|entry| entry.rows == ["H5"]).unwrap().at;
        assert!(ticket.outage.unwrap().until.unwrap() > again);
    });
}

#[test]
fn a_held_cutover_that_stands_though_it_was_to_be_taken_back_leaves_l2_to_be_retried() {
    on_system(async {
        let held = Held::new(LONG, &[TakeBack], 1);
        held.network.l2_may_go.add_permits(1);
        held.deploy().await;
        let ticket = held.at_rest().await;
        assert_eq!(held.done(), [Hold, TakeBack, LookOld, LookNew]);
        assert_eq!(ticket.state.cutover, Some(CutoverStatus::L2TeardownFailed));
    });
}

#[test]
fn a_refused_hold_is_done_in_halves_that_are_not_held() {
    on_system(async {
        let held = Held::new(LONG, &[Hold, Teardown], 0);
        held.network.l2_may_go.add_permits(1);
        held.deploy().await;
        let ticket = held.at_rest().await;
        assert_eq!(held.done(), [Hold, Teardown, Install]);
        assert_eq!(ticket.state.cutover, Some(CutoverStatus::L3TeardownFailedInstalled));
        assert!(!ticket.state.held);
    });
}

#[test]
fn while_a_gateway_holds_a_cutover_others_wait_for_their_turn() {
    on_system(async {
        let held = Held::new(LONG, &[], 0);
        held.deploy().await;
        held.world.until(1, "held", |t| t.state.held).await;
        held.reserve(2).await;
        held.world.until(2, "asked", |t| t.state.in_flight()).await;
        held.network.l2_may_go.add_permits(1);
        held.world.until(2, "reserved", |t| t.state.relocation == RelocationStatus::CutoverPending).await;
        assert_eq!(held.done(), [Hold, Confirm, Reserve]);
    });
}

#[test]
fn nobody_waits_longer_than_a_gateway_holds_a_cutover() {
    on_system(async {
        let held = Held::new(Duration::from_millis(300), &[], 0);
        held.deploy().await;
        held.world.until(1, "held", |t| t.state.held).await;
        held.reserve(2).await;
        let reserved = |t: &Ticket| t.state.reservation.is_some();
        held.world.until(2, "reserved by L3", reserved).await;
        assert_eq!(held.done(), [Hold, Reserve]);
    });
}

#[test]
fn between_the_halves_of_a_cutover_that_could_not_be_held_no_other_has_its_turn() {
    on_system(async {
        let held = Held::new(LONG, &[Hold], 0);
        let gate = held.network.teardown_may_go.acquire().await.unwrap();
        held.deploy().await;
        held.reserve(2).await;
        let torn_down = || held.done().contains(&Teardown);
        held.world.until(1, "at its teardown", |_| torn_down()).await;
        held.world.until(2, "asked", |t| t.state.in_flight()).await;
        // The other one's reservation waits behind the teardown, before the second half is asked for.
        drop(gate);
        let reserved = |t: &Ticket| t.state.relocation == RelocationStatus::CutoverPending;
        held.world.until(2, "reserved", reserved).await;
        let halves: Vec<Operation> = held.done().into_iter().take(3).collect();
        assert_eq!(halves, [Hold, Teardown, Install]);
    });
}
