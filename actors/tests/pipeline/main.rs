//! The supervisor's pipeline and the configurators, over a real store: nothing lost, nothing twice, nobody in the way.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod bounds;
mod bus;
mod cutovers;
mod deliveries;
mod domains;
mod held;
mod newer;
mod pauses;
mod rivals;
mod sharing;
mod steering;
mod trouble;
mod unknown;
mod world;

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, AtomicUsize, Ordering},
    },
    time::Duration,
};

use rehome_actors::{resume::resume, wall_clock};
use rehome_domain::{
    CommandKind, CutoverStatus, Disposition, Layer, OrderKind, RelocationStatus, Reply, Report, Request,
    WorkOrder, WorkOrderId,
    journal::{Note, replay},
    message::{Answer, Envelope, Input, Rejection},
    order::Dispatch,
    ports::{
        Conclusion, Driver, DriverError, FenceStore, Heard, Inventory, Loaded, Operation, Outgoing, Part,
        StoreError, Wait,
    },
    reply::{Failure, Outcome, Presence, Reason},
    state::Work,
    step::{Context, Stepped, step},
};
use world::{Failing, World, envelope, id, on_system, request};

#[test]
fn a_relocation_without_faults_is_reserved_deployed_and_succeeds() {
    on_system(async {
        let world = World::at_work();
        world.submit(1, request(1)).await;
        world
            .until(1, "reserved", |ticket| ticket.state.relocation == RelocationStatus::CutoverPending)
            .await;
        let answer = world.ask(1, CommandKind::DeployCutover, "").await;
        assert!(matches!(answer, Answer::Accepted { .. }), "{answer:?}");
        let ticket = world.until(1, "closed", |ticket| ticket.state.is_closed()).await;
        assert_eq!(ticket.state.relocation, RelocationStatus::Succeeded);
        assert_eq!(ticket.state.disposition, Disposition::Completed);
        assert_eq!(replay(&world.journal(1).await).unwrap(), ticket);
        for layer in Layer::ALL {
            let held = world.devices.all(layer).await.unwrap();
            assert_eq!(held.len(), 1, "{layer}: {held:?}");
            assert_eq!(held[0].1.presence, Presence::Installed);
        }
    });
}

#[test]
fn two_relocations_to_one_target_the_second_is_refused_while_the_first_is_open_and_accepted_afterwards() {
    on_system(async {
        let world = World::at_work();
        let mut second = request(2);
        second.new = request(1).new;
        world.submit(1, request(1)).await;
        world.submit(2, second.clone()).await;
        world.until(1, "reserved", |ticket| !ticket.state.in_flight()).await;
        let letter = loop {
            if let Some(letter) = world.tickets.dead_letters(10).await.unwrap().pop() {
                break letter;
            }
            tokio::task::yield_now().await;
        };
        assert!(letter.reason.contains(&id(1).to_string()), "{}", letter.reason);
        assert!(world.ticket(2).await.is_none());

        let answer = world.ask(1, CommandKind::Cancel, "customer stays").await;
        assert!(matches!(answer, Answer::Accepted { .. }), "{answer:?}");
        world.until(1, "cancelled", |ticket| ticket.state.disposition == Disposition::Cancelled).await;
        let again = envelope(2, "submit again", Input::Submitted { request: Arc::new(second) });
        world.send(Outgoing::Command(again.into())).await;
        world.until(2, "reserved", |t| t.state.relocation == RelocationStatus::CutoverPending).await;
    });
}

#[test]
fn an_input_the_store_refuses_for_what_it_says_is_buried_and_the_others_go_on() {
    on_system(async {
        let world = World::new();
        world.supervise_over(Failing::commits(&world.tickets, |changes| {
            let bad = changes.iter().any(|change| change.ticket.request.service_id == "S-3");
            bad.then(|| StoreError::Refused { what: "commit", detail: "as the test wants it".to_owned() })
        }));
        world.configure_over(&world.inventory());
        for n in 1..=6 {
            world.submit(n, request(n)).await;
        }
        for n in [1, 2, 4, 5, 6] {
            world.until(n, "reserved", |t| t.state.relocation == RelocationStatus::CutoverPending).await;
        }
        loop {
            let letters = world.tickets.dead_letters(10).await.unwrap();
            if let [letter] = letters.as_slice() {
                assert!(letter.reason.contains("as the test wants it"), "{}", letter.reason);
                break;
            }
            tokio::task::yield_now().await;
        }
    });
}

#[test]
fn a_store_that_fails_for_a_while_loses_nothing() {
    on_system(async {
        let world = World::new();
        let left = AtomicUsize::new(3);
        world.supervise_over(Failing::commits(&world.tickets, move |_| {
            left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).ok()?;
            Some(StoreError::Failed { what: "commit", detail: "as the test wants it".to_owned() })
        }));
        world.configure_over(&world.inventory());
        for n in 1..=5 {
            world.submit(n, request(n)).await;
        }
        for n in 1..=5 {
            world.until(n, "reserved", |t| t.state.relocation == RelocationStatus::CutoverPending).await;
        }
        assert!(world.tickets.dead_letters(10).await.unwrap().is_empty());
    });
}

#[test]
fn competing_supervisors_over_one_store_keep_each_ticket_in_order() {
    on_system(async {
        let world = World::new();
        for _ in 0..3 {
            world.supervise_over(Arc::clone(&world.tickets));
        }
        world.configure_over(&world.inventory());
        for n in 0..60 {
            world.submit(n, request(n)).await;
        }
        for n in 0..60 {
            world.until(n, "reserved", |t| t.state.relocation == RelocationStatus::CutoverPending).await;
            world.ask(n, CommandKind::DeployCutover, "").await;
        }
        for n in 0..60 {
            let ticket = world.until(n, "closed", |ticket| ticket.state.is_closed()).await;
            assert_eq!(ticket.state.relocation, RelocationStatus::Succeeded);
            assert_eq!(replay(&world.journal(n).await).unwrap(), ticket);
        }
        assert!(world.tickets.dead_letters(10).await.unwrap().is_empty());
    });
}

#[test]
fn a_supervisor_reads_a_ticket_again_only_for_a_while_after_another_has_moved_one_on() {
    on_system(async {
        let world = World::new();
        let read = Arc::<AtomicU32>::default();
        let count = Arc::clone(&read);
        let tickets = Failing::reading(&world.tickets, move |_, loaded| {
            if matches!(loaded, Loaded::Ticket(_)) {
                count.fetch_add(1, Ordering::SeqCst);
            }
            loaded
        });
        world.supervise_beside_others_over(&tickets);
        world.configure_over(&world.inventory());
        world.submit(1, Request { hold: true, ..request(1) }).await;
        world.submit(2, request(2)).await;
        world.until(1, "held", |_| true).await;
        world.until(2, "reserved", |t| t.state.relocation == RelocationStatus::CutoverPending).await;
        let read = || read.load(Ordering::SeqCst);
        assert_eq!(read(), 0, "whoever has met nobody knows what it has written");
        world.commanded_elsewhere(1, CommandKind::DeployReservation).await;
        world.ask(1, CommandKind::Cancel, "not needed").await;
        let met = read();
        world.ask(2, CommandKind::DeployCutover, "").await;
        world.until(2, "closed", |ticket| ticket.state.is_closed()).await;
        assert!(met > 0 && read() > met + 2, "{met}, {}: the command, and each reply after it", read());
    });
}

#[test]
fn a_full_supervisor_goes_on_when_others_have_ended_what_it_began() {
    on_system(async {
        let world = World::new();
        world.supervise_beside_others(1);
        world.submit(1, request(1)).await;
        world.until(1, "reserving", |ticket| ticket.state.in_flight()).await;
        world.submit(2, request(2)).await;
        let failed = Outcome::Failed(Failure { reason: Reason::Rejected, text: "no room".to_owned() });
        world.reply_elsewhere(1, Layer::L3, Report::Reserve { outcome: failed, rollback: None }).await;
        world.reply_elsewhere(1, Layer::L2, Report::Noticed).await;
        world.reply_elsewhere(1, Layer::L3, Report::Release { outcome: Outcome::Done }).await;
        world.until(2, "begun", |ticket| ticket.state.in_flight()).await;
    });
}

#[test]
fn a_message_that_comes_twice_is_journaled_once_and_what_it_sent_is_sent_again() {
    on_system(async {
        let world = World::new();
        world.supervise_over(Arc::clone(&world.tickets));
        let mut work = world.bus.work(Layer::L3);
        let mut events = world.bus.events();
        let mut event = async || match events.next().await {
            Some(Heard::Event(event)) => event,
            other => panic!("{other:?}"),
        };
        world.submit(1, request(1)).await;
        let (first, told) = (work.next().await.unwrap().message, event().await);
        world.submit(1, request(1)).await;
        let (again, told_again) = (work.next().await.unwrap().message, event().await);
        assert_eq!(first, again, "the very same order");
        assert_eq!(told, told_again, "the very same event");
        assert_eq!(world.journal(1).await.len(), 1);
    });
}

#[test]
fn a_reply_that_overtakes_its_order_waits_its_turn_and_one_to_no_order_is_buried() {
    on_system(async {
        let world = World::new();
        world.supervise_over(Arc::clone(&world.tickets));
        world.submit(1, request(1)).await;
        world.until(1, "reserving", |ticket| ticket.state.work(Layer::L3) == Some(Work::Reserving)).await;
        let reply = |seq, layer| {
            let order = WorkOrderId { relocation: id(1), seq, index: 0 };
            let report = Report::Reserve { outcome: Outcome::Done, rollback: None };
            Outgoing::Reply(Envelope::reply(Reply { v: 1, order, attempt: 1, layer, report }, "done").into())
        };
        // The L2 reserve will be sent by entry 2, which the L3 reply makes.
        world.send(reply(2, Layer::L2)).await;
        world.send(reply(1, Layer::L3)).await;
        world.until(1, "reserved", |t| t.state.relocation == RelocationStatus::CutoverPending).await;

        world.send(reply(99, Layer::L3)).await;
        loop {
            if let Some(letter) = world.tickets.dead_letters(10).await.unwrap().pop() {
                assert!(letter.reason.contains("never sent"), "{}", letter.reason);
                break;
            }
            tokio::task::yield_now().await;
        }
        assert_eq!(world.journal(1).await.len(), 3, "it changed nothing");
    });
}

#[test]
fn a_command_to_a_quarantined_ticket_is_rejected_with_the_reason_and_the_others_go_on() {
    on_system(async {
        let world = World::at_work();
        for n in 1..=2 {
            world.submit(n, request(n)).await;
            world.until(n, "reserved", |t| t.state.relocation == RelocationStatus::CutoverPending).await;
        }
        world.tickets.quarantine(id(1), "its journal is damaged".to_owned()).await.unwrap();
        // The supervisor may still know the ticket; a store that refuses the commit makes it look again.
        let answer = world.ask(1, CommandKind::DeployCutover, "").await;
        let Answer::Rejected(Rejection::Quarantined { reason, .. }) = answer else { panic!("{answer:?}") };
        assert!(reason.contains("damaged"), "{reason}");
        world.ask(2, CommandKind::DeployCutover, "").await;
        world.until(2, "closed", |ticket| ticket.state.is_closed()).await;
    });
}

/// Devices that do as a test says before they do as they are told.
struct Odd {
    inner: Arc<dyn Inventory>,
    does: Arc<dyn Fn(Operation) -> Result<(), DriverError> + Send + Sync>,
}

struct OddSession {
    inner: Box<dyn Driver>,
    does: Arc<dyn Fn(Operation) -> Result<(), DriverError> + Send + Sync>,
}

impl Inventory for Odd {
    fn open(&self, layer: Layer, device: &str) -> Option<Box<dyn Driver>> {
        let inner = self.inner.open(layer, device)?;
        Some(Box::new(OddSession { inner, does: Arc::clone(&self.does) }))
    }
}

impl Driver for OddSession {
    fn perform<'a>(
        &'a mut self,
        operation: Operation,
        order: &'a WorkOrder,
    ) -> Wait<'a, Result<Presence, DriverError>> {
        if let Err(error) = (self.does)(operation) {
            return Box::pin(std::future::ready(Err(error)));
        }
        self.inner.perform(operation, order)
    }
}

fn odd(world: &World, does: impl Fn(Operation) -> Result<(), DriverError> + Send + Sync + 'static) {
    let odd: Arc<dyn Inventory> = Arc::new(Odd { inner: world.inventory(), does: Arc::new(does) });
    world.configure_over(&odd);
}

#[test]
fn a_device_session_that_panics_is_opened_anew_and_the_order_is_done() {
    on_system(async {
        let world = World::new();
        world.supervise_over(Arc::clone(&world.tickets));
        let panics = AtomicUsize::new(1);
        odd(&world, move |operation| {
            let first = operation == Operation::Reserve
                && panics
                    .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
                    .is_ok();
            assert!(!first, "a driver's defect");
            Ok(())
        });
        world.submit(1, request(1)).await;
        world.until(1, "reserved", |t| t.state.relocation == RelocationStatus::CutoverPending).await;
    });
}

#[test]
fn transient_failures_are_retried_and_shown_as_retrying_and_permanent_ones_are_not() {
    on_system(async {
        let world = World::new();
        world.supervise_over(Arc::clone(&world.tickets));
        let tries = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&tries);
        odd(&world, move |operation| {
            seen.lock().unwrap().push(operation);
            let so_far = seen.lock().unwrap().iter().filter(|seen| **seen == operation).count();
            let fail = |transient, reason| {
                Err(DriverError { transient, failure: Failure { reason, text: "test".to_owned() } })
            };
            match operation {
                Operation::Reserve if so_far < 3 => fail(true, Reason::Unreachable),
                Operation::Install => fail(false, Reason::Rejected),
                _ => Ok(()),
            }
        });
        world.submit(1, request(1)).await;
        world.until(1, "reserved", |t| t.state.relocation == RelocationStatus::CutoverPending).await;
        let retrying =
            world.journal(1).await.iter().filter(|entry| entry.note == Some(Note::Retrying)).count();
        assert_eq!(retrying, 2, "two tries failed before the third");

        world.ask(1, CommandKind::DeployCutover, "").await;
        let ticket =
            world.until(1, "install failed", |t| t.state.cutover.is_some() && !t.state.in_flight()).await;
        assert_eq!(ticket.state.cutover, Some(CutoverStatus::L3TornDownInstallFailed));
        let installs = tries.lock().unwrap().iter().filter(|seen| **seen == Operation::Install).count();
        assert_eq!(installs, 1, "a rejected edit is not tried again");
    });
}

#[test]
fn a_reserve_that_comes_again_after_its_release_does_not_come_back_to_life() {
    on_system(async {
        let world = World::new();
        world.configure_over(&world.inventory());
        let order = |seq, kind| {
            let id = WorkOrderId { relocation: id(1), seq, index: 0 };
            let deadline = jiff::Timestamp::MAX;
            let dispatch = Dispatch {
                id,
                layer: Layer::L3,
                kind,
                attempt: 1,
                deadline,
                about: None,
                expected: Vec::new(),
            };
            Outgoing::Order(WorkOrder::new(&dispatch, &Arc::new(request(1))))
        };
        let mut inputs = world.bus.inputs();
        let mut replies = async |count: usize| {
            let mut reports = Vec::new();
            while reports.len() < count {
                for delivery in inputs.next(16, true).await.unwrap() {
                    let Input::Reply(reply) = delivery.message.envelope.input else { panic!("a reply") };
                    reports.push((reply.order.seq, reply.report));
                }
            }
            reports
        };
        world.send(order(2, OrderKind::Reserve)).await;
        let done = replies(1).await;
        world.send(order(2, OrderKind::Reserve)).await;
        assert_eq!(replies(1).await, done, "the same order twice: the same reply");
        world.send(order(4, OrderKind::Release)).await;
        replies(1).await;
        world.send(order(2, OrderKind::Reserve)).await;
        world.send(order(5, OrderKind::Release)).await;
        let after = replies(1).await;
        assert_eq!(after[0].0, 5, "no reply to the superseded reserve");
        assert!(world.devices.all(Layer::L3).await.unwrap().is_empty(), "and nothing reserved");
    });
}

#[test]
fn an_l2_reserve_that_comes_again_after_its_failure_goes_on_with_its_rollback() {
    on_system(async {
        let world = World::new();
        world.configure_over(&world.inventory());
        let id = WorkOrderId { relocation: id(1), seq: 2, index: 0 };
        let failure = Failure { reason: Reason::Rejected, text: "full".to_owned() };
        let failed = Report::Reserve { outcome: Outcome::Failed(failure), rollback: None };
        let fences: Arc<dyn FenceStore> = Arc::clone(&world.store) as _;
        // As if the configurator had been killed between telling the failure and rolling back.
        fences.admit(Layer::L2, id, Part::Order).await.unwrap();
        let concluded = fences.conclude(Layer::L2, id, Part::Order, failed.clone()).await;
        assert_eq!(concluded, Ok(Conclusion::Remembered));
        let deadline = jiff::Timestamp::MAX;
        let dispatch = Dispatch {
            id,
            layer: Layer::L2,
            kind: OrderKind::Reserve,
            attempt: 1,
            deadline,
            about: None,
            expected: Vec::new(),
        };
        world.send(Outgoing::Order(WorkOrder::new(&dispatch, &Arc::new(request(1))))).await;

        let mut inputs = world.bus.inputs();
        let mut reports = Vec::new();
        while reports.len() < 2 {
            for delivery in inputs.next(16, true).await.unwrap() {
                let Input::Reply(reply) = delivery.message.envelope.input else { panic!("a reply") };
                reports.push(reply.report);
            }
        }
        assert_eq!(reports, [failed, Report::RolledBack { outcome: Outcome::Done }]);
    });
}

#[test]
fn the_rollback_of_a_failed_reserve_has_time_of_its_own_to_try_again() {
    on_system(async {
        let world = World::new();
        let unreachable = AtomicUsize::new(1);
        odd(&world, move |operation| {
            let fail = |transient, reason| {
                Err(DriverError { transient, failure: Failure { reason, text: "test".to_owned() } })
            };
            match operation {
                Operation::Reserve => fail(false, Reason::Rejected),
                Operation::Release if unreachable.swap(0, Ordering::SeqCst) == 1 => {
                    fail(true, Reason::Unreachable)
                }
                _ => Ok(()),
            }
        });
        let id = WorkOrderId { relocation: id(1), seq: 2, index: 0 };
        // The time of the reserve is up when it fails.
        let deadline = jiff::Timestamp::now();
        let dispatch = Dispatch {
            id,
            layer: Layer::L2,
            kind: OrderKind::Reserve,
            attempt: 1,
            deadline,
            about: None,
            expected: Vec::new(),
        };
        world.send(Outgoing::Order(WorkOrder::new(&dispatch, &Arc::new(request(1))))).await;
        let mut inputs = world.bus.inputs();
        let mut reports = Vec::new();
        while !matches!(reports.last(), Some(Report::RolledBack { .. })) {
            for delivery in inputs.next(16, true).await.unwrap() {
                let Input::Reply(reply) = delivery.message.envelope.input else { panic!("a reply") };
                reports.push(reply.report);
            }
        }
        assert_eq!(reports.last(), Some(&Report::RolledBack { outcome: Outcome::Done }), "{reports:?}");
        assert!(reports.iter().any(|report| matches!(report, Report::Retrying { .. })), "{reports:?}");
    });
}

#[test]
fn at_start_what_is_out_is_sent_again_with_a_new_deadline_and_what_is_at_rest_is_not() {
    on_system(async {
        let world = World::new();
        // As an earlier process left them: 1 reserving, 2 on hold.
        let context = Context::at("2026-01-01T00:00:00Z".parse().unwrap());
        for n in 1..=2 {
            let mut request = request(n);
            request.hold = n == 2;
            let submitted = envelope(n, "submit", Input::Submitted { request: Arc::new(request) });
            let Stepped::Journaled(stepped) = step(None, &submitted, &context) else { panic!("accepted") };
            let (ticket, entry) = *stepped;
            let change = rehome_domain::ports::Change {
                locked: true,
                ticket: Arc::new(ticket),
                entry: Arc::new(entry),
            };
            world.tickets.commit(vec![change]).await.unwrap();
        }
        let resumed = resume(&world.tickets, &world.bus, &wall_clock()).await.unwrap();
        assert_eq!((resumed.open, resumed.sent_again, resumed.quarantined), (2, 1, 0));
        world.supervise_over(Arc::clone(&world.tickets));
        let again = world.bus.work(Layer::L3).next().await.unwrap().message;
        assert_eq!(again.id, WorkOrderId { relocation: id(1), seq: 1, index: 0 }, "the same order");
        assert!(again.deadline > jiff::Timestamp::now(), "with time to be done");
        assert_eq!(world.journal(2).await.len(), 1);
    });
}

#[test]
fn a_lost_reply_is_settled_by_what_is_on_the_device() {
    on_system(async {
        let world = World::new();
        let fate = Box::new(|order: &WorkOrder| match order.kind {
            OrderKind::Inspect => rehome_bus::Fate::Deliver,
            _ => rehome_bus::Fate::Drop,
        });
        let losing = rehome_bus::Tampered::new(
            Arc::clone(&world.bus),
            rehome_bus::Tampering { fate, all_twice: false },
        );
        let world = World { bus: losing, ..world };
        world.supervise_over(Arc::clone(&world.tickets));
        world.configure_over(&world.inventory());
        world.start_clock();
        let mut request = request(1);
        request.deadlines.reserve_ms = 50;
        request.deadlines.cutover_ms = 50;
        world.submit(1, request).await;
        world.until(1, "reserved", |t| t.state.relocation == RelocationStatus::CutoverPending).await;
        world.ask(1, CommandKind::DeployCutover, "").await;
        let ticket = world.until(1, "closed", |ticket| ticket.state.is_closed()).await;
        assert_eq!(ticket.state.relocation, RelocationStatus::Succeeded);
        let rows: Vec<String> = world.journal(1).await.into_iter().flat_map(|entry| entry.rows).collect();
        assert_eq!(rows, ["1", "2", "D1", "3", "D2", "5", "10", "D1", "11", "D2", "15"]);
    });
}

#[test]
fn a_cutover_window_deploys_by_itself() {
    on_system(async {
        let world = World::at_work();
        let now = jiff::Timestamp::now();
        let mut request = request(1);
        let end = now + jiff::SignedDuration::from_hours(1);
        request.window = Some(rehome_domain::request::Window { start: now + Duration::from_millis(50), end });
        world.submit(1, request).await;
        let ticket = world.until(1, "closed", |ticket| ticket.state.is_closed()).await;
        assert_eq!(ticket.state.relocation, RelocationStatus::Succeeded);
    });
}
