//! SQLite does what every store must.

use std::sync::Arc;

use rehome_domain::ports::{AccountStore, DeviceMemory, FenceStore, SteeringStore, TicketStore};
use rehome_store::{Options, Sqlite};
use rehome_testkit::contract::{
    self, accounts,
    board::{self, Desk},
    device_memory, fences,
    letters::{self, Post},
    rivals::{self, Rivals},
    steering, tickets,
    webhooks::{self, Telling},
};
use tempfile::TempDir;

/// An empty database, and the directory that goes with it.
fn open(options: &Options) -> (Arc<Sqlite>, TempDir) {
    let dir = TempDir::new().unwrap();
    (Sqlite::open(&dir.path().join("rehome.db"), options).unwrap(), dir)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_does_what_every_ticket_store_must() {
    contract::check(tickets::CASES, async || {
        let (store, dir) = open(&Options::default());
        (store as Arc<dyn TicketStore>, dir)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_does_what_every_board_must() {
    contract::check(board::CASES, async || {
        let (store, dir) = open(&Options::default());
        (store as Arc<dyn Desk>, dir)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_does_what_every_letter_store_must() {
    contract::check(letters::CASES, async || {
        let (store, dir) = open(&Options::default());
        (store as Arc<dyn Post>, dir)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_does_what_every_fence_store_must() {
    contract::check(fences::CASES, async || {
        let (store, dir) = open(&Options::default());
        (store as Arc<dyn FenceStore>, dir)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_does_what_every_device_memory_must() {
    contract::check(device_memory::CASES, async || {
        let (store, dir) = open(&Options::default());
        (store as Arc<dyn DeviceMemory>, dir)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_does_what_every_steering_store_must() {
    contract::check(steering::CASES, async || {
        let (store, dir) = open(&Options::default());
        (store as Arc<dyn SteeringStore>, dir)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_does_what_every_account_store_must() {
    contract::check(accounts::CASES, async || {
        let (store, dir) = open(&Options::default());
        (store as Arc<dyn AccountStore>, dir)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlite_does_what_every_store_of_webhooks_must() {
    contract::check(webhooks::CASES, async || {
        let (store, dir) = open(&Options::default());
        (store as Arc<dyn Telling>, dir)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_over_one_file_do_what_every_two_must() {
    contract::check(rivals::CASES, async || {
        let (store, dir) = open(&Options::default());
        let other = Sqlite::open(&dir.path().join("rehome.db"), &Options::default()).unwrap();
        (Arc::new(Rivals([store, other])), dir)
    })
    .await;
}

#[tokio::test]
async fn the_narrowest_settings_do_what_the_default_does() {
    let narrow = Options { full_sync: true, batch: 1, queue: 1, readers: 1, ..Options::default() };
    contract::check(tickets::CASES, async || {
        let (store, dir) = open(&narrow);
        (store as Arc<dyn TicketStore>, dir)
    })
    .await;
}
