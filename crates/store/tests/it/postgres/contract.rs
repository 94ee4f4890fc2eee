//! PostgreSQL does what every store must.

use std::{sync::Arc, time::Duration};

use rehome_domain::ports::{AccountStore, DeviceMemory, FenceStore, SteeringStore, TicketStore};
use rehome_store::postgres::{Options, Postgres, Reach};
use rehome_testkit::{
    contract::{
        self, accounts,
        board::{self, Desk},
        device_memory,
        fences::{self, FenceRivals},
        letters::{self, Post},
        rivals::{self, Rivals},
        steering, tickets,
        webhooks::{self, Telling},
    },
    postgres::Database,
};

use super::{open, options};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_does_what_every_ticket_store_must() {
    contract::check(tickets::CASES, async || {
        let database = Database::create();
        (open(&database).await as Arc<dyn TicketStore>, database)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_does_what_every_board_must() {
    contract::check(board::CASES, async || {
        let database = Database::create();
        (open(&database).await as Arc<dyn Desk>, database)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_list_is_the_same_however_little_is_looked_through_at_once() {
    let time = Duration::from_mins(1);
    for reach in [
        Reach { few: 3, many: 5, window: 4, rows: 9, time },
        Reach { few: 0, many: 0, window: 7, rows: 1000, time },
    ] {
        contract::check(board::CASES, async || {
            let database = Database::create();
            let options = Options { reach, ..options(&database) };
            (Postgres::open(&options).await.unwrap() as Arc<dyn Desk>, database)
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_does_what_every_letter_store_must() {
    contract::check(letters::CASES, async || {
        let database = Database::create();
        (open(&database).await as Arc<dyn Post>, database)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_does_what_every_fence_store_must() {
    contract::check(fences::CASES, async || {
        let database = Database::create();
        (open(&database).await as Arc<dyn FenceStore>, database)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_does_what_every_device_memory_must() {
    contract::check(device_memory::CASES, async || {
        let database = Database::create();
        (open(&database).await as Arc<dyn DeviceMemory>, database)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_does_what_every_steering_store_must() {
    contract::check(steering::CASES, async || {
        let database = Database::create();
        (open(&database).await as Arc<dyn SteeringStore>, database)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_does_what_every_account_store_must() {
    contract::check(accounts::CASES, async || {
        let database = Database::create();
        (open(&database).await as Arc<dyn AccountStore>, database)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_does_what_every_store_of_webhooks_must() {
    contract::check(webhooks::CASES, async || {
        let database = Database::create();
        (open(&database).await as Arc<dyn Telling>, database)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_over_one_postgres_do_what_every_two_must() {
    contract::check(rivals::CASES, async || {
        let database = Database::create();
        let rivals = Rivals([open(&database).await, open(&database).await]);
        (Arc::new(rivals), database)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_over_one_postgres_hold_orders_as_every_two_must() {
    contract::check(fences::RIVAL_CASES, async || {
        let database = Database::create();
        let rivals = FenceRivals([open(&database).await, open(&database).await]);
        (Arc::new(rivals), database)
    })
    .await;
}

#[tokio::test]
async fn the_narrowest_settings_do_what_the_default_does() {
    contract::check(tickets::CASES, async || {
        let database = Database::create();
        let narrow = Options {
            schema: Some("somebody's \"own\" \\ room".to_owned()),
            synchronous_commit: false,
            pool: 1,
            batch: 1,
            queue: 1,
            ..options(&database)
        };
        (Postgres::open(&narrow).await.unwrap() as Arc<dyn TicketStore>, database)
    })
    .await;
}
