//! What a process holds, when it lives and when it dies.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use rehome_domain::{
    order::Layer,
    ports::{Admission, FenceStore, Part},
};
use rehome_store::postgres::{Options, Postgres};
use rehome_testkit::postgres::{Cluster, Database};

use super::{database::order, options};

const LEASE: Duration = Duration::from_secs(2);
const GO: Admission = Admission::Go { last: None };

async fn process(database: &Database) -> Arc<Postgres> {
    Postgres::open(&Options { lease: LEASE, ..options(database) }).await.unwrap()
}

async fn admit(store: &Postgres) -> Admission {
    store.admit(Layer::L3, order(1), Part::Order).await.unwrap()
}

/// Asks until the order is this process's; answers how long that took.
async fn wait(store: &Postgres) -> Duration {
    let begun = Instant::now();
    while admit(store).await != GO {
        assert!(begun.elapsed() < LEASE * 20, "nobody lives so long");
        tokio::task::yield_now().await;
    }
    begun.elapsed()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_dead_process_held_is_free_when_its_lease_ends_and_not_before() {
    let database = Database::create();
    let (dead, living) = (process(&database).await, process(&database).await);
    assert_eq!(admit(&dead).await, GO);
    // Nothing says any more that it is alive, as after `kill -9`.
    drop(dead);
    let waited = wait(&living).await;
    assert!(waited > LEASE / 2, "its lease was cut short: {waited:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_process_held_that_left_in_order_is_free_at_once() {
    let database = Database::create();
    let (leaving, other) = (process(&database).await, process(&database).await);
    assert_eq!((admit(&leaving).await, admit(&other).await), (GO, Admission::Busy));
    leaving.close(true).await;
    assert_eq!(admit(&other).await, GO);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_living_process_holds_an_order_for_many_leases() {
    let database = Database::create();
    let (one, other) = (process(&database).await, process(&database).await);
    assert_eq!(admit(&one).await, GO);
    let begun = Instant::now();
    while begun.elapsed() < LEASE * 3 {
        assert_eq!(admit(&other).await, Admission::Busy);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_process_holds_that_ends_in_the_middle_of_an_order_is_free_only_when_its_lease_ends() {
    let database = Database::create();
    let (ending, other) = (process(&database).await, process(&database).await);
    assert_eq!(admit(&ending).await, GO);
    ending.close(false).await;
    assert_eq!(admit(&other).await, Admission::Busy);
    wait(&other).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_was_away_for_longer_than_a_lease_takes_nobody_for_dead() {
    const LONG: Duration = Duration::from_secs(6);
    let cluster = Cluster::start();
    let database = Database::on(&cluster.url());
    let options = Options { lease: LONG, ..options(&database) };
    let one = Postgres::open(&options).await.unwrap();
    let other = Postgres::open(&options).await.unwrap();
    assert_eq!((admit(&one).await, admit(&other).await), (GO, Admission::Busy));
    cluster.crash();
    // Nobody can say that they are alive until their leases are over.
    tokio::time::sleep(LONG).await;
    cluster.begin();
    // However long the server has been up when it can be asked: it is this process that could not speak.
    database.sql("UPDATE process SET alive_until = now() - interval '1 hour'");
    assert_eq!(admit(&other).await, Admission::Busy);
    assert_eq!(admit(&one).await, GO);
}
