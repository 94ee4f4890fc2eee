//! What is bounded stays bounded, and nothing locks up: in flight, one operation a device, one session a device.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    time::Duration,
};

use jiff::Timestamp;
use rehome_actors::helm::Helm;
use rehome_bus::{Capacity, Embedded};
use rehome_domain::{
    Command, CommandKind, Layer, MessageId, RelocationStatus, WorkOrder,
    command::By,
    journal::Note,
    message::Input,
    ports::{Driver, DriverError, Inventory, Operation, Outgoing, SteeringStore, Wait},
    reply::Presence,
    steering::{Scope, Steered, Turn},
};

use crate::world::{PATIENCE, World, envelope, on_system, request};

async fn steer(world: &World, id: &str, turn: Turn) {
    let (id, by, at) = (MessageId(id.to_owned()), By::System, Timestamp::now());
    let line = Steered { id, turn, scope: Scope::Everything, by, at, reason: "works on site".to_owned() };
    world.store.steer(line).await.unwrap();
}

/// A world whose bus has room for no more than it must.
fn narrow(in_flight: usize) -> World {
    World { bus: Embedded::new(Capacity { in_flight, ..Capacity::default() }), ..World::new() }
}

async fn paused(world: &World) -> Arc<Helm> {
    steer(world, "pause", Turn::Pause).await;
    let helm = world.helm();
    helm.look().await.unwrap();
    helm
}

#[test]
fn a_great_many_tickets_that_may_begin_at_once_keep_to_the_bound_and_lock_nothing_up() {
    const HELD_BACK: u64 = 600;
    const IN_FLIGHT: usize = 4;
    on_system(async {
        let world = narrow(IN_FLIGHT + 16);
        let helm = paused(&world).await;
        let gauge = world.supervise_within(IN_FLIGHT, &helm);
        world.configure_over(&world.inventory());
        for n in 0..HELD_BACK {
            world.submit(n, request(n)).await;
        }
        world.until(HELD_BACK - 1, "held back", |ticket| ticket.held_back).await;
        steer(&world, "resume", Turn::Resume).await;
        actix::spawn(Arc::clone(&helm).keep());
        let mut most = 0;
        let reserved = async {
            loop {
                most = most.max(gauge.in_flight());
                let counts = world.tickets.counts().await.unwrap();
                let pending = counts
                    .iter()
                    .filter(|count| count.standing.relocation == RelocationStatus::CutoverPending);
                if pending.map(|count| count.tickets).sum::<u64>() == HELD_BACK {
                    return;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(2 * PATIENCE, reserved).await.expect("locked up");
        // One batch may begin when there was room for one more.
        assert!(most <= IN_FLIGHT + 16, "{most} were in flight");
    });
}

#[test]
fn a_duplicate_does_not_make_the_supervisor_forget_what_is_in_flight() {
    on_system(async {
        let world = World::new();
        let gauge = world.supervise_within(1, &world.helm());
        world.submit(1, request(1)).await;
        world.until(1, "reserving", |ticket| ticket.state.in_flight()).await;
        let force = Command { reason: "twice".to_owned(), ..Command::plain(CommandKind::ForceCompletion) };
        for _ in 0..2 {
            let force = envelope(1, "force", Input::Command(force.clone()));
            world.send(Outgoing::Command(force.into())).await;
        }
        // Something behind both, on the same queue.
        let last = envelope(1, "last", Input::Command(force));
        world.send(Outgoing::Command(last.into())).await;
        world.until(1, "all refused", |ticket| ticket.version == 3).await;
        let journal = world.journal(1).await;
        assert!(matches!(journal[2].note, Some(Note::Refused(_))));
        assert_eq!(gauge.in_flight(), 1);
    });
}

#[test]
fn a_submission_that_comes_again_when_its_ticket_is_closed_is_not_in_flight_for_ever() {
    on_system(async {
        let world = World::new();
        let gauge = world.supervise_within(1, &world.helm());
        world.configure_over(&world.inventory());
        world.submit(1, request(1)).await;
        world.until(1, "reserved", |ticket| !ticket.state.in_flight()).await;
        world.command(1, CommandKind::Cancel, "not needed").await;
        world.until(1, "closed", |ticket| ticket.state.is_closed() && !ticket.state.in_flight()).await;
        world.submit(1, request(1)).await;
        // Behind it, on the same queue.
        world.submit(2, request(2)).await;
        world
            .until(2, "reserved", |ticket| ticket.state.reservation.is_some() && !ticket.state.in_flight())
            .await;
        // It is counted just after that.
        let none = async {
            while gauge.in_flight() > 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, none).await.expect("one stays in flight");
    });
}

#[test]
fn a_pause_is_lifted_only_when_nothing_is_held_back_any_more() {
    on_system(async {
        let world = World::new();
        let helm = paused(&world).await;
        world.supervise_under(&helm);
        world.submit(1, request(1)).await;
        world.until(1, "held back", |ticket| ticket.held_back).await;
        steer(&world, "resume", Turn::Resume).await;
        // What the helm says goes to a bus that nobody reads, as when the process is killed just then.
        let world = World { bus: Embedded::new(Capacity::default()), ..world };
        let helm = world.helm();
        let long = tokio::time::Instant::now() + Duration::from_millis(60);
        while tokio::time::Instant::now() < long {
            assert_eq!(helm.turn().await.unwrap(), 1, "it is told again and again");
        }
        let world = World { bus: Embedded::new(Capacity::default()), ..world };
        let helm = world.helm();
        world.supervise_under(&helm);
        world.configure_over(&world.inventory());
        actix::spawn(helm.keep());
        world.until(1, "begun", |ticket| !ticket.held_back).await;
    });
}

/// A network whose first operation panics, and that counts how many go on at once on one device.
struct Panicking {
    inner: Arc<dyn Inventory>,
    at_once: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
    panics: Arc<AtomicBool>,
}

struct Session {
    inner: Box<dyn Driver>,
    at_once: Arc<AtomicUsize>,
    most: Arc<AtomicUsize>,
    panics: Arc<AtomicBool>,
}

impl Inventory for Panicking {
    fn open(&self, layer: Layer, device: &str) -> Option<Box<dyn Driver>> {
        let inner = self.inner.open(layer, device)?;
        if layer == Layer::L2 {
            return Some(inner);
        }
        let (at_once, most, panics) = (self.at_once.clone(), self.most.clone(), self.panics.clone());
        Some(Box::new(Session { inner, at_once, most, panics }))
    }
}

impl Driver for Session {
    fn perform<'a>(
        &'a mut self,
        operation: Operation,
        order: &'a WorkOrder,
    ) -> Wait<'a, Result<Presence, DriverError>> {
        Box::pin(async move {
            self.most.fetch_max(self.at_once.fetch_add(1, SeqCst) + 1, SeqCst);
            // Long enough for the others to queue up behind it.
            for _ in 0..200 {
                tokio::task::yield_now().await;
            }
            self.at_once.fetch_sub(1, SeqCst);
            assert!(!self.panics.swap(false, SeqCst), "a driver's defect, once");
            self.inner.perform(operation, order).await
        })
    }
}

#[test]
fn after_a_drivers_panic_its_device_still_does_one_operation_at_a_time_and_every_order_is_done() {
    on_system(async {
        let world = World::new();
        world.supervise_over(Arc::clone(&world.tickets));
        let (at_once, most) = (Arc::default(), Arc::<AtomicUsize>::default());
        let panics = Arc::new(AtomicBool::new(true));
        let inner = world.inventory();
        world.configure_over(&(Arc::new(Panicking { inner, at_once, most: most.clone(), panics }) as _));
        // All on one gateway.
        let numbers = (0..6).map(|n| n * 3);
        for n in numbers.clone() {
            world.submit(n, request(n)).await;
        }
        for n in numbers {
            world.until(n, "reserved", |t| t.state.relocation == RelocationStatus::CutoverPending).await;
        }
        assert_eq!(most.load(SeqCst), 1, "operations at once on one device");
    });
}
