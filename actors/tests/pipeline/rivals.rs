//! Several supervisors over one store, of which some start and some die.

use std::sync::Arc;

use rehome_actors::{resume::read, wall_clock};
use rehome_domain::{
    Layer, OrderKind, Report,
    message::Envelope,
    ports::{Change, Loaded, Outgoing},
    reply::{Failure, Outcome, Reason},
    step::{Context, Stepped, step},
};

use crate::world::{PATIENCE, World, id, on_system, request};

#[test]
fn a_ticket_that_others_move_on_while_its_journal_is_read_is_not_taken_for_damaged() {
    on_system(async {
        let world = World::new();
        world.supervise_beside_others(64);
        world.submit(1, request(1)).await;
        let before = world.until(1, "begun", |ticket| ticket.state.in_flight()).await;
        // As if it had been looked at before, and its journal is read now.
        let reserved = Report::Reserve { outcome: Outcome::Done, rollback: None };
        world.reply_elsewhere(1, Layer::L3, reserved).await;
        let looked_at = Loaded::Ticket(Box::new(before.clone()));
        let read = read(&*world.tickets, id(1), looked_at).await.unwrap();
        assert_eq!(read.map(|ticket| ticket.version), Ok(before.version + 1));
    });
}

#[test]
fn what_others_have_ended_is_not_in_flight_here_any_more_though_nothing_comes() {
    on_system(async {
        let world = World::new();
        let gauge = world.supervise_beside_others(64);
        world.submit(1, request(1)).await;
        world.until(1, "begun", |ticket| ticket.state.in_flight()).await;
        let failed = Outcome::Failed(Failure { reason: Reason::Rejected, text: "no room".to_owned() });
        world.reply_elsewhere(1, Layer::L3, Report::Reserve { outcome: failed, rollback: None }).await;
        world.reply_elsewhere(1, Layer::L2, Report::Noticed).await;
        world.reply_elsewhere(1, Layer::L3, Report::Release { outcome: Outcome::Done }).await;
        let none = async {
            while gauge.in_flight() > 0 {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(PATIENCE, none).await.expect("it is counted for ever");
    });
}

#[test]
fn the_inspect_of_a_supervisor_that_died_before_sending_it_is_sent_when_its_deadline_comes_again() {
    on_system(async {
        let world = World::new();
        world.supervise_beside_others(64);
        let mut work = world.bus.work(Layer::L3);
        let mut request = request(1);
        request.deadlines.reserve_ms = 1;
        world.submit(1, request).await;
        let order = work.next().await.unwrap().message;
        // Another supervisor journals that the deadline has passed, and dies there.
        let ticket = world.ticket(1).await.unwrap();
        let overdue = Envelope::overdue(order.id, order.deadline);
        let context = Context::at(order.deadline.max((wall_clock())()));
        let Stepped::Journaled(stepped) = step(Some(&ticket), &overdue, &context) else { panic!("void") };
        let (ticket, entry) = *stepped;
        let inspect = entry.sends[0].id;
        let change = Change { locked: true, ticket: Arc::new(ticket), entry: Arc::new(entry) };
        world.tickets.commit(vec![change]).await.unwrap();

        world.send(Outgoing::Reply(overdue.into())).await;
        let sent = work.next().await.unwrap().message;
        assert_eq!((sent.kind, sent.id), (OrderKind::Inspect, inspect));
    });
}
