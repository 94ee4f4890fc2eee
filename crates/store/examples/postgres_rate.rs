//! How many steps a second the PostgreSQL store commits, beside what the same rows take barely written.
//!
//! `cargo run -p rehome-store --example postgres_rate -- postgres://postgres@127.0.0.1:5432/scratch [lanes]`
//!
//! Rounds of both take turns on one database, so that both meet the same machine; the ratio is what counts.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "for measuring by hand")]

#[path = "../tests/it/steps.rs"]
mod steps;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use rehome_domain::{
    id::WorkOrderId,
    order::Layer,
    ports::{Change, Committed, FenceStore, Part, TicketStore},
};
use rehome_store::postgres::{Options, Postgres, bare};

const BATCH: u64 = 128;
const ROUNDS: u64 = 6;
/// Batches of each lane in a round, six for each set of relocations: one a step.
const SETS: u64 = 4;
/// Orders admitted at once.
const ORDERS: u64 = 512;

/// The batches that take relocations from `from` on to their end: the first steps of all, then the second, …
fn batches(from: u64) -> Vec<Vec<Change>> {
    let all: Vec<_> = (from..from + BATCH).map(steps::steps).collect();
    (0..6).map(|step| all.iter().map(|steps| steps[step].clone()).collect()).collect()
}

#[tokio::main]
async fn main() {
    let mut args = std::env::args().skip(1);
    let url = args.next().unwrap_or_else(|| "postgres://postgres@127.0.0.1:5432/scratch".into());
    let lanes: u64 = args.next().map_or(1, |lanes| lanes.parse().unwrap());
    let store = Postgres::open(&Options::new(url.as_str())).await.unwrap();
    let bare = Arc::new(bare::Writer::open(&Options::new(url)).await.unwrap());
    let (mut through, mut barely) = (Duration::ZERO, Duration::ZERO);
    // Each run has relocations of its own.
    let mut next = u64::from(std::process::id()) << 24;
    for _ in 0..ROUNDS {
        let mut lane = || {
            next += SETS * BATCH;
            (0..SETS).flat_map(|set| batches(next + set * BATCH)).collect::<Vec<_>>()
        };
        let ours: Vec<_> = (0..lanes).map(|_| lane()).collect();
        let requests =
            |lane: Vec<Vec<Change>>| lane.into_iter().map(|batch| bare::Request::commit(batch).unwrap());
        let theirs: Vec<Vec<_>> = (0..lanes).map(|_| requests(lane()).collect()).collect();
        through += took(
            ours,
            async |store: &Arc<Postgres>, batch| {
                let answers = store.commit(batch).await.unwrap();
                assert!(answers.iter().all(|answer| *answer == Committed::Done));
            },
            &store,
        )
        .await;
        barely +=
            took(theirs, async |bare: &Arc<bare::Writer>, batch| bare.write(batch).await.unwrap(), &bare)
                .await;
    }
    let changes = ROUNDS * lanes * SETS * 6 * BATCH;
    let rate = |took: Duration| changes as f64 / took.as_secs_f64();
    println!(
        "{changes} steps each, {BATCH} a batch, {lanes} at once: store {:.0}/s, barely {:.0}/s, ratio {:.2}",
        rate(through),
        rate(barely),
        barely.as_secs_f64() / through.as_secs_f64()
    );
    admits(&store, next + SETS * BATCH).await;
}

/// How long it takes to do the batches of every lane, one after the other, all lanes at once.
async fn took<B, S>(lanes: Vec<Vec<B>>, write: impl AsyncFn(&Arc<S>, B), into: &Arc<S>) -> Duration {
    let begun = Instant::now();
    let lane = async |batches: Vec<B>| {
        for batch in batches {
            write(into, batch).await;
        }
    };
    futures::future::join_all(lanes.into_iter().map(lane)).await;
    begun.elapsed()
}

async fn admits(store: &Arc<Postgres>, from: u64) {
    let before = store.stats();
    let begun = Instant::now();
    for round in 0..ROUNDS {
        let asking: Vec<_> = (0..ORDERS)
            .map(|n| {
                let (store, relocation) = (Arc::clone(store), steps::id(from + round * ORDERS + n));
                let order = WorkOrderId { relocation, seq: 1, index: 0 };
                tokio::spawn(async move { store.admit(Layer::L3, order, Part::Order).await.unwrap() })
            })
            .collect();
        for asked in asking {
            asked.await.unwrap();
        }
    }
    let (took, after) = (begun.elapsed(), store.stats());
    println!(
        "{} orders admitted, {ORDERS} at once: {:.0}/s in {} transactions",
        ROUNDS * ORDERS,
        (ROUNDS * ORDERS) as f64 / took.as_secs_f64(),
        after.transactions - before.transactions
    );
}
