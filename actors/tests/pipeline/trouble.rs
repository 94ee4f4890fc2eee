//! A store in trouble: whoever's fault it is, it is not the inputs'.

use std::{sync::Arc, time::Duration};

use rehome_domain::{
    CommandKind, RelocationStatus, Ticket,
    message::Input,
    ports::{StoreError, TicketStore},
};
use rehome_store::{Postgres, postgres};
use rehome_testkit::postgres::Database;

use crate::world::{Failing, PATIENCE, World, id, on_system, request};

#[test]
fn while_the_ticket_table_is_locked_nothing_is_buried_and_all_end_well_after_it() {
    on_system(async {
        let database = Database::create();
        let options = postgres::Options {
            statement_timeout: Duration::from_millis(100),
            ..postgres::Options::new(database.url())
        };
        let store = Postgres::open(&options).await.unwrap();
        let mut world = World::new();
        world.tickets = Arc::clone(&store) as _;
        world.configure_over(&world.inventory());
        world.supervise_over(Arc::clone(&world.tickets));
        world.submit(0, request(0)).await;
        world.until(0, "reserved", |t| t.state.relocation == RelocationStatus::CutoverPending).await;

        let locked = database.lock("ticket");
        for n in 1..=6 {
            world.submit(n, request(n)).await;
        }
        // Each of them twice and more: as often as an input is tried whose own fault it is.
        let late = std::time::Instant::now() + PATIENCE;
        while tries(&database) < 14 {
            assert!(std::time::Instant::now() < late, "they are not tried again");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(store.dead_letters(10).await.unwrap(), []);
        drop(locked);
        for n in 1..=6 {
            world.until(n, "reserved", |t| t.state.relocation == RelocationStatus::CutoverPending).await;
        }
        assert_eq!(store.dead_letters(10).await.unwrap(), []);
        assert_eq!(store.quarantined().await.unwrap(), []);
    });
}

/// Statements that were given up over a lock, as the database counts them: what it took back.
fn tries(database: &Database) -> u64 {
    let sql = "SELECT xact_rollback FROM pg_stat_database WHERE datname = current_database()";
    database.sql(sql).parse().unwrap()
}

#[test]
fn a_ticket_whose_row_is_locked_keeps_no_other_waiting_and_its_own_inputs_keep_their_order() {
    on_system(async {
        let database = Database::create();
        let (lock_timeout, statement_timeout) = (Duration::from_millis(100), Duration::from_secs(600));
        let options =
            postgres::Options { lock_timeout, statement_timeout, ..postgres::Options::new(database.url()) };
        let store = Postgres::open(&options).await.unwrap();
        let mut world = World::new();
        world.tickets = Arc::clone(&store) as _;
        world.configure_over(&world.inventory());
        world.supervise_over(Arc::clone(&world.tickets));
        let pending = |t: &Ticket| t.state.relocation == RelocationStatus::CutoverPending;
        for n in 1..=3 {
            world.submit(n, request(n)).await;
            world.until(n, "reserved", pending).await;
        }
        let locked = database.keep_open(&format!("SELECT FROM ticket WHERE id = '{}' FOR UPDATE", id(1)));
        for reason in ["first", "second", "third"] {
            world.command(1, CommandKind::Cancel, reason).await;
        }
        for n in 2..=3 {
            world.command(n, CommandKind::DeployCutover, "").await;
            world.until(n, "moved", |t| t.state.relocation == RelocationStatus::Succeeded).await;
        }
        for n in 4..=20 {
            world.submit(n, request(n)).await;
        }
        for n in 4..=20 {
            world.until(n, "reserved", pending).await;
        }
        let (before, earlier) = (world.ticket(1).await.unwrap(), world.journal(1).await.len());
        assert!(pending(&before), "it was locked: {before:?}");
        drop(locked);
        // Nothing is in its way any more but those before it.
        world.command(1, CommandKind::Cancel, "fourth").await;
        world.until(1, "all four taken", |t| t.version == before.version + 4).await;
        let taken: Vec<String> = world.journal(1).await[earlier..]
            .iter()
            .filter_map(|entry| match &entry.input {
                Input::Command(command) => Some(command.reason.clone()),
                _ => None,
            })
            .collect();
        assert_eq!(taken, ["first", "second", "third", "fourth"]);
        assert_eq!(store.dead_letters(10).await.unwrap(), []);
    });
}

#[test]
fn one_ticket_over_which_the_store_has_trouble_keeps_the_others_waiting_for_a_while_only() {
    on_system(async {
        let world = World::new();
        world.supervise_over(Failing::commits(&world.tickets, |changes| {
            let locked = changes.iter().any(|change| change.ticket.request.service_id == "S-1");
            locked.then(|| StoreError::Failed { what: "commit", detail: "it is locked".to_owned() })
        }));
        world.configure_over(&world.inventory());
        for n in 1..=3 {
            world.submit(n, request(n)).await;
        }
        for n in 2..=3 {
            world.until(n, "reserved", |t| t.state.relocation == RelocationStatus::CutoverPending).await;
        }
        assert!(world.ticket(1).await.is_none());
        assert_eq!(world.tickets.dead_letters(10).await.unwrap(), []);
    });
}
