//! In which order a gateway's teardown and install are done.

use std::sync::{Arc, Mutex};

use rehome_domain::{
    CommandKind, CutoverStatus, Layer, RelocationStatus, Ticket,
    order::{OrderKind, WorkOrder},
    ports::{Driver, DriverError, Inventory, Operation, Wait},
    reply::{Failure, Presence, Reason},
};

use crate::world::{World, on_system, request};

type Done = Arc<Mutex<Vec<Operation>>>;

/// Gateways that say what they did, and refuse some of it; switches as they are.
#[derive(Clone)]
struct Gateways {
    switches: Arc<dyn Inventory>,
    swaps: bool,
    shared: bool,
    refuses: Vec<(Operation, Reason)>,
    done: Done,
}

impl Inventory for Gateways {
    fn open(&self, layer: Layer, device: &str) -> Option<Box<dyn Driver>> {
        match layer {
            Layer::L2 => self.switches.open(layer, device),
            Layer::L3 => Some(Box::new(self.clone())),
        }
    }

    fn swaps(&self, _device: &str) -> bool {
        self.swaps
    }

    fn is_shared(&self, _device: &str) -> bool {
        self.shared
    }
}

impl Driver for Gateways {
    fn perform<'a>(
        &'a mut self,
        operation: Operation,
        _order: &'a WorkOrder,
    ) -> Wait<'a, Result<Presence, DriverError>> {
        Box::pin(async move {
            self.done.lock().unwrap().push(operation);
            match self.refuses.iter().find(|(refused, _)| *refused == operation) {
                None => Ok(Presence::Installed),
                Some((_, reason)) => {
                    let failure = Failure { reason: *reason, text: "as the test wants".to_owned() };
                    Err(DriverError { transient: false, failure })
                }
            }
        })
    }
}

/// A relocation to where its cutover leads, over gateways that can swap or not and that nobody else changes; what they did
/// after the reservation.
async fn cut_over(
    one_gateway: bool,
    swaps: bool,
    refuses: &[(Operation, Reason)],
) -> (Ticket, Vec<Operation>) {
    cut_over_on(one_gateway, swaps, false, refuses).await
}

async fn cut_over_on(
    one_gateway: bool,
    swaps: bool,
    shared: bool,
    refuses: &[(Operation, Reason)],
) -> (Ticket, Vec<Operation>) {
    let world = World::new();
    world.supervise_over(Arc::clone(&world.tickets));
    let (done, refuses) = (Done::default(), refuses.to_vec());
    let gateways = Gateways { switches: world.inventory(), swaps, shared, refuses, done: Arc::clone(&done) };
    world.configure_over(&(Arc::new(gateways) as _));
    let mut moved = request(1);
    moved.new.l3_device = if one_gateway { moved.old.l3_device.clone() } else { "gw-other".to_owned() };
    moved.new.l3_port = "ge-9/9/9".to_owned();
    world.submit(1, moved).await;
    world.until(1, "reserved", |t| t.state.relocation == RelocationStatus::CutoverPending).await;
    world.ask(1, CommandKind::DeployCutover, "").await;
    let ticket = world.until(1, "cut over", |t| t.state.cutover.is_some() && !t.state.in_flight()).await;
    let done = done.lock().unwrap().iter().skip(1).copied().collect();
    (ticket, done)
}

#[test]
fn across_two_gateways_the_new_place_is_installed_before_the_old_one_is_torn_down() {
    on_system(async {
        let (ticket, done) = cut_over(false, true, &[]).await;
        assert_eq!(done, [Operation::Install, Operation::Teardown]);
        assert_eq!(ticket.state.relocation, RelocationStatus::Succeeded);
    });
}

#[test]
fn one_gateway_that_can_takes_both_ends_in_one_commit() {
    on_system(async {
        let (ticket, done) = cut_over(true, true, &[]).await;
        assert_eq!(done, [Operation::Swap]);
        assert_eq!(ticket.state.relocation, RelocationStatus::Succeeded);
    });
}

#[test]
fn a_refused_swap_is_done_in_halves_so_that_the_four_outcomes_are_told_apart() {
    on_system(async {
        let refuses = [(Operation::Swap, Reason::Rejected), (Operation::Teardown, Reason::Rejected)];
        let (ticket, done) = cut_over(true, true, &refuses).await;
        assert_eq!(done, [Operation::Swap, Operation::Teardown, Operation::Install]);
        assert_eq!(ticket.state.cutover, Some(CutoverStatus::L3TeardownFailedInstalled));
    });
}

#[test]
fn a_swap_whose_outcome_nobody_knows_is_row_19_and_is_neither_begun_in_halves_nor_followed_by_l2() {
    on_system(async {
        let (ticket, done) = cut_over(true, true, &[(Operation::Swap, Reason::Unreachable)]).await;
        assert!(!done.contains(&Operation::Teardown) && !done.contains(&Operation::Install), "{done:?}");
        assert_eq!(ticket.state.cutover, Some(CutoverStatus::L3CutoverFailed));
        assert_eq!(ticket.sent.of(Layer::L2, OrderKind::Cutover), 0);
    });
}

#[test]
fn one_gateway_that_can_not_tears_down_first_since_the_address_can_not_be_there_twice() {
    on_system(async {
        let (_, done) = cut_over(true, false, &[]).await;
        assert_eq!(done, [Operation::Teardown, Operation::Install]);
    });
}

#[test]
fn gateways_that_others_may_change_are_looked_at_before_anything_is_touched() {
    on_system(async {
        let (ticket, done) = cut_over_on(false, true, true, &[]).await;
        assert_eq!(done, [Operation::Check, Operation::Check, Operation::Install, Operation::Teardown]);
        assert_eq!(ticket.state.relocation, RelocationStatus::Succeeded);
        let (_, done) = cut_over_on(true, true, true, &[]).await;
        assert_eq!(done, [Operation::Check, Operation::Swap]);
    });
}

#[test]
fn a_cutover_that_a_gateway_can_not_begin_ends_in_row_19_with_nothing_touched_and_l2_not_called() {
    on_system(async {
        for reason in [Reason::Conflict, Reason::Unreachable] {
            let (ticket, done) = cut_over_on(true, true, true, &[(Operation::Check, reason)]).await;
            assert_eq!(done, [Operation::Check]);
            assert_eq!(ticket.state.cutover, Some(CutoverStatus::L3CutoverFailed));
            assert_eq!(ticket.sent.of(Layer::L2, OrderKind::Cutover), 0);
            assert_eq!(ticket.outage, None);
        }
    });
}

#[test]
fn the_customers_outage_is_measured_from_the_gateways_teardown_to_the_switches_cutover() {
    on_system(async {
        let (ticket, _) = cut_over(true, true, &[]).await;
        let outage = ticket.outage.unwrap();
        let until = outage.until.unwrap();
        // Measured where it was done: it begins after the submission, lasts, and is over before its last reply is taken in.
        assert!(ticket.submitted_at < outage.from && outage.from < until, "{outage:?}");
        assert!(until <= ticket.changed_at, "{outage:?} {}", ticket.changed_at);
    });
}
