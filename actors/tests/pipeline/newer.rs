//! Tickets of a newer binary, met by an older one: during an upgrade, and after a downgrade.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};
use rehome_actors::{resume::resume, wall_clock};
use rehome_domain::{
    CommandKind, MessageId, RelocationId, RelocationStatus,
    command::{By, Command},
    message::{Answer, Input, Rejection},
    ports::{Loaded, Outgoing, SteeringStore as _, TicketStore, Unreadable},
    steering::{Scope, Steered, Turn},
};

use crate::{
    bus::OddBus,
    world::{Failing, PATIENCE, World, envelope, id, on_system, request},
};

fn newer() -> Unreadable {
    Unreadable::Newer { what: "ticket".to_owned(), found: 3, known: 2 }
}

/// What an older binary reads where the first ticket is of a newer one, for as long as this is so.
fn as_an_older(tickets: &Arc<dyn TicketStore>) -> (Arc<dyn TicketStore>, Arc<AtomicBool>) {
    let older = Arc::new(AtomicBool::new(false));
    let is = Arc::clone(&older);
    let reads = move |ticket: RelocationId, loaded| {
        if ticket == id(1) && is.load(Ordering::SeqCst) { Loaded::Unreadable(newer()) } else { loaded }
    };
    (Failing::reading(tickets, reads), older)
}

fn reserved(ticket: &rehome_domain::Ticket) -> bool {
    ticket.state.relocation == RelocationStatus::CutoverPending
}

#[test]
fn beside_newer_processes_an_input_waits_for_one_and_its_ticket_is_not_set_aside() {
    on_system(async {
        let mut world = World::new();
        world.bus = OddBus::shared(&world.bus);
        let (tickets, older) = as_an_older(&world.tickets);
        world.supervise_beside_others_over(&tickets);
        world.configure_over(&world.inventory());
        for n in 1..=2 {
            world.submit(n, request(n)).await;
            world.until(n, "reserved", reserved).await;
        }
        older.store(true, Ordering::SeqCst);
        let deploy = |n| {
            let command = Command {
                kind: CommandKind::DeployCutover,
                reason: String::new(),
                expected_version: None,
                plan: None,
            };
            Outgoing::Command(envelope(n, "deploy", Input::Command(command)).into())
        };
        for n in 1..=2 {
            world.send(deploy(n)).await;
        }
        world.until(2, "closed", |ticket| ticket.state.is_closed()).await;
        assert!(reserved(&world.ticket(1).await.unwrap()));
        assert_eq!(world.tickets.quarantined().await.unwrap(), []);
        assert_eq!(world.tickets.dead_letters(9).await.unwrap(), []);
        // Whoever takes it now is as new as its writer.
        older.store(false, Ordering::SeqCst);
        world.until(1, "closed", |ticket| ticket.state.is_closed()).await;
    });
}

#[test]
fn where_nobody_newer_can_come_a_command_is_rejected_with_the_version_and_the_start_says_it_by_ticket() {
    on_system(async {
        let world = World::new();
        let (tickets, older) = as_an_older(&world.tickets);
        world.supervise_beside_others_over(&tickets);
        world.configure_over(&world.inventory());
        for n in 1..=2 {
            world.submit(n, request(n)).await;
            world.until(n, "reserved", reserved).await;
        }
        older.store(true, Ordering::SeqCst);
        let found = resume(&tickets, &world.bus, &wall_clock()).await.unwrap();
        assert_eq!((found.open, found.newer, found.quarantined), (2, 1, 0));
        let answer = world.ask(1, CommandKind::DeployCutover, "").await;
        let Answer::Rejected(Rejection::Newer { relocation, reason }) = answer else { panic!("{answer:?}") };
        assert_eq!((relocation, reason), (id(1), newer().to_string()));
        assert_eq!(world.tickets.quarantined().await.unwrap(), []);
        older.store(false, Ordering::SeqCst);
        world.ask(1, CommandKind::DeployCutover, "").await;
        world.until(1, "closed", |ticket| ticket.state.is_closed()).await;
    });
}

#[test]
fn a_drain_is_not_said_to_be_over_by_an_older_process_while_a_newer_ones_ticket_may_be_under_way() {
    on_system(async {
        let mut world = World::new();
        world.configure_over(&world.inventory());
        world.supervise_over(Arc::clone(&world.tickets));
        world.submit(1, request(1)).await;
        world.until(1, "reserved", reserved).await;
        let (tickets, older) = as_an_older(&world.tickets);
        older.store(true, Ordering::SeqCst);
        // Written by a host whose clock is an hour ahead.
        let drain = Steered {
            id: MessageId("ahead".to_owned()),
            turn: Turn::Drain,
            scope: Scope::Everything,
            by: By::System,
            at: Timestamp::now() + SignedDuration::from_hours(1),
            reason: "new release".to_owned(),
        };
        world.store.steer(drain).await.unwrap();
        world.tickets = tickets;
        let helm = world.helm();
        let drained = async || world.store.steering().await.unwrap().len() == 2;
        let looked = Instant::now();
        while looked.elapsed() < Duration::from_millis(100) {
            helm.turn().await.unwrap();
            assert!(!drained().await);
        }
        older.store(false, Ordering::SeqCst);
        let over = async {
            while !drained().await {
                helm.turn().await.unwrap();
            }
        };
        tokio::time::timeout(PATIENCE, over).await.unwrap();
    });
}
