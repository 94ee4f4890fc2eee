//! What was led to is delivered, and what was concluded is said, whatever else can't be.

use std::{sync::Arc, time::Duration};

use rehome_domain::{
    Layer, OrderKind, RelocationStatus, Report, WorkOrder, WorkOrderId,
    message::Input,
    order::Dispatch,
    ports::{Admission, Conclusion, FenceStore, Outgoing, Part, StoreError, Wait},
    reply::{Failure, Outcome, Reason},
};
use tokio::time::timeout;

use crate::{
    bus::OddBus,
    world::{PATIENCE, World, id, on_system, request},
};

#[test]
fn a_message_that_can_never_be_sent_keeps_none_of_its_batch_from_being_sent() {
    on_system(async {
        let mut world = World::new();
        let to_the_third =
            |message: &Outgoing| matches!(message, Outgoing::Order(order) if order.relocation == id(3));
        world.bus = OddBus::refusing(&world.bus, to_the_third);
        world.configure_over(&world.inventory());
        // All in one batch: they wait for the supervisor.
        for n in 1..=6 {
            world.submit(n, request(n)).await;
        }
        world.supervise_over(Arc::clone(&world.tickets));
        for n in [1, 2, 4, 5, 6] {
            world.until(n, "reserved", |t| t.state.relocation == RelocationStatus::CutoverPending).await;
        }
        assert!(world.ticket(3).await.unwrap().state.in_flight(), "its order waits for its deadline");
    });
}

/// A memory as a process finds it whose order another has concluded, and rolled back by the time this one begins to.
struct Overtaken;

fn refused() -> Outcome {
    Outcome::Failed(Failure { reason: Reason::Rejected, text: "no room".to_owned() })
}

impl FenceStore for Overtaken {
    fn admit(&self, _: Layer, _: WorkOrderId, part: Part) -> Wait<'_, Result<Admission, StoreError>> {
        let rollback = (part == Part::OwnRollback).then_some(Outcome::Done);
        let report = Report::Reserve { outcome: refused(), rollback };
        Box::pin(std::future::ready(Ok(Admission::Concluded(report))))
    }

    fn conclude(
        &self,
        _: Layer,
        _: WorkOrderId,
        _: Part,
        report: Report,
    ) -> Wait<'_, Result<Conclusion, StoreError>> {
        Box::pin(std::future::ready(Ok(Conclusion::Concluded(report))))
    }

    fn let_go(&self, _: Layer, _: WorkOrderId) -> Wait<'_, Result<(), StoreError>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

#[test]
fn what_another_process_concluded_while_this_one_said_it_again_is_said_too() {
    on_system(async {
        let world = World::new();
        world.configure_remembering(&(Arc::new(Overtaken) as _), &world.inventory());
        let mut inputs = world.bus.inputs();
        let order = WorkOrderId { relocation: id(1), seq: 2, index: 0 };
        let dispatch = Dispatch {
            id: order,
            layer: Layer::L2,
            kind: OrderKind::Reserve,
            attempt: 1,
            deadline: jiff::Timestamp::MAX,
            about: None,
            expected: Vec::new(),
        };
        world.send(Outgoing::Order(WorkOrder::new(&dispatch, &Arc::new(request(1))))).await;
        let rolled_back = async {
            loop {
                for delivery in inputs.next(16, true).await.unwrap() {
                    let Input::Reply(reply) = delivery.message.envelope.input else { panic!("a reply") };
                    match reply.report {
                        Report::RolledBack { outcome } => return outcome,
                        Report::Reserve { outcome, rollback: None } => assert_eq!(outcome, refused()),
                        other => panic!("{other:?}"),
                    }
                }
            }
        };
        let said = timeout(PATIENCE.min(Duration::from_secs(10)), rolled_back).await;
        assert_eq!(said.expect("the rollback is never said"), Outcome::Done);
    });
}
