//! Orders that wait for one device and share its commits.

use std::sync::{Arc, Mutex};

use rehome_domain::{
    Layer, RelocationStatus,
    order::WorkOrder,
    ports::{Driver, DriverError, Inventory, Operation, Wait},
    reply::Presence,
};
use tokio::sync::Semaphore;

use crate::world::{World, on_system, request};

/// How many orders each turn of a device was about, turn by turn.
type Turns = Arc<Mutex<Vec<usize>>>;

/// Gateways that begin only when they may, and all of which are one; switches as they are.
struct Slow {
    switches: Arc<dyn Inventory>,
    turns: Turns,
    may_go: Arc<Semaphore>,
    /// The service over which the driver dies.
    deadly: Option<&'static str>,
}

struct SlowDriver {
    turns: Turns,
    may_go: Arc<Semaphore>,
    deadly: Option<&'static str>,
}

impl Inventory for Slow {
    fn open(&self, layer: Layer, device: &str) -> Option<Box<dyn Driver>> {
        match layer {
            Layer::L2 => self.switches.open(layer, device),
            Layer::L3 => Some(Box::new(SlowDriver {
                turns: Arc::clone(&self.turns),
                may_go: Arc::clone(&self.may_go),
                deadly: self.deadly,
            })),
        }
    }
}

impl SlowDriver {
    async fn take_turn(&self, orders: &[Arc<WorkOrder>]) {
        let _permit = self.may_go.acquire().await.unwrap();
        self.turns.lock().unwrap().push(orders.len());
        let dies = orders.iter().any(|order| Some(order.request.service_id.as_str()) == self.deadly);
        assert!(!dies, "the driver dies over this order, as the test wants");
    }
}

impl Driver for SlowDriver {
    fn perform<'a>(
        &'a mut self,
        _operation: Operation,
        order: &'a WorkOrder,
    ) -> Wait<'a, Result<Presence, DriverError>> {
        Box::pin(async move {
            self.take_turn(&[Arc::new(order.clone())]).await;
            Ok(Presence::Reserved)
        })
    }

    fn perform_all<'a>(
        &'a mut self,
        _operation: Operation,
        orders: &'a [Arc<WorkOrder>],
    ) -> Wait<'a, Vec<Result<Presence, DriverError>>> {
        Box::pin(async move {
            self.take_turn(orders).await;
            orders.iter().map(|_| Ok(Presence::Reserved)).collect()
        })
    }
}

const TICKETS: u64 = 17;

/// Reservations of all tickets at one gateway, which begins when all are there.
async fn reserve_at_once(deadly: Option<&'static str>) -> (World, Turns) {
    let world = World::new();
    let turns = Turns::default();
    let may_go = Arc::new(Semaphore::new(0));
    world.supervise_over(Arc::clone(&world.tickets));
    let (switches, gate) = (world.inventory(), Arc::clone(&may_go));
    let slow = Slow { switches, turns: Arc::clone(&turns), may_go: gate, deadly };
    world.configure_over(&(Arc::new(slow) as _));
    for n in 1..=TICKETS {
        let mut moved = request(n);
        moved.new.l3_device = "gw-one".to_owned();
        world.submit(n, moved).await;
    }
    for n in 1..=TICKETS {
        world.until(n, "asked", |ticket| ticket.state.in_flight()).await;
    }
    may_go.add_permits(1);
    (world, turns)
}

#[test]
fn reservations_that_wait_for_one_device_share_its_commits_up_to_the_limit() {
    on_system(async {
        let (world, turns) = reserve_at_once(None).await;
        for n in 1..=TICKETS {
            let reserved = |t: &rehome_domain::Ticket| t.state.relocation == RelocationStatus::CutoverPending;
            world.until(n, "reserved", reserved).await;
        }
        let turns = turns.lock().unwrap();
        assert_eq!(turns.iter().sum::<usize>(), 17, "each ticket once: {turns:?}");
        assert!(turns.iter().all(|orders| *orders <= 8), "no more than may share: {turns:?}");
        assert!(turns.iter().any(|orders| *orders > 1), "some share: {turns:?}");
    });
}

#[test]
fn an_order_over_which_the_driver_dies_takes_no_others_with_it() {
    on_system(async {
        let deadly: &'static str = Box::leak(request(9).service_id.into_boxed_str());
        let (world, _) = reserve_at_once(Some(deadly)).await;
        for n in 1..=TICKETS {
            let wanted = if n == 9 { RelocationStatus::Failed } else { RelocationStatus::CutoverPending };
            world.until(n, "at its end", |ticket| ticket.state.relocation == wanted).await;
        }
    });
}
