//! `rehome bench --bus amqp --store postgres`: the whole path over RabbitMQ and PostgreSQL, beside what both reach bare.
//!
//! In rounds that take turns, each over queues and tables of its own: the *whole path* (supervisors, configurators,
//! every message through the broker, every step and every fence in the database), the *bare relay* (the same messages
//! through the same kinds of queues, and nothing else) and the *durable relay* (the same with one durable write for each
//! message: the rows of the steps, and a fence's row for each order). All in this process, as several processes have it:
//! each supervisor and configurator has connections of its own and shares nothing but broker and database.

mod crew;
mod devices;
mod durable;
pub(super) mod ground;
pub(super) mod interrupt;
mod lists;
mod report;

use std::{sync::Arc, time::Duration};

use hdrhistogram::Histogram;
use rehome_bus::amqp::bare::Relay;

use self::{
    crew::{Crew, Muster},
    durable::State,
    ground::{Ground, Part},
    interrupt::Interrupt,
};
use super::{BenchError, measure, script::Script, synthetic::WIDE};
use crate::settings::Settings;

pub use self::{
    devices::{Scale, Scaling, devices},
    lists::{Answered, Looked, Looking, lists},
    report::{Latency, Report},
};

/// Rounds in which the three take turns: many, so that all meet the same machine.
const ROUNDS: u64 = 9;
/// Relocations before anything is counted: connections, plans and caches come about.
const WARM_UP: u64 = 200;
/// How many relocations at once a latency is told for: alone, and with the queues full.
const LATENCIES: [(usize, u64); 2] = [(1, 200), (512, 4096)];

/// What to measure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// How many relocations.
    pub count: u64,
    /// How many at once.
    pub in_flight: usize,
    /// How many supervisors.
    pub supervisors: usize,
    /// How many configurators, each for both layers.
    pub configurators: usize,
    /// Whether latencies are told for few and for many at once.
    pub latencies: bool,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// So many relocations have ended.
    Whole(u64),
    /// So many relocations have ended, and the bare relay takes as many as this round's.
    Relay(u64),
    /// The same with a state.
    Durable(u64),
    /// With this many at once, so many have ended.
    Latency(usize, u64),
    /// With this many devices worked in parallel, so many have ended.
    Devices(usize, u64),
    /// So many tickets have been made.
    Filling(u64),
    /// Readers read, and so many relocations have ended meanwhile.
    Reading(u64),
    /// What was made is taken away.
    Clearing,
}

/// Measures, and leaves nothing behind on broker and database, also when it is interrupted or fails.
///
/// # Errors
/// Broker or database can't be used, or somebody interrupted.
pub async fn run(
    settings: &Settings,
    options: &Options,
    progress: impl Fn(Stage),
) -> Result<Report, BenchError> {
    let interrupt = Interrupt::listen()?;
    let ground = Ground::new(settings)?;
    let report = measured(&ground, options, &interrupt, &progress).await;
    progress(Stage::Clearing);
    cleared(report, &ground).await
}

/// What was measured, once the ground is cleared. If both went wrong, what went wrong first is told.
pub(super) async fn cleared<T>(measured: Result<T, BenchError>, ground: &Ground) -> Result<T, BenchError> {
    match (measured, ground.clear().await) {
        (Ok(measured), Ok(())) => Ok(measured),
        (Err(error), _) | (Ok(_), Err(error)) => Err(error),
    }
}

/// Distinguishes the relocations of this run from those of any other.
fn run_number() -> u64 {
    u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap_or(0)
}

async fn measured(
    ground: &Ground,
    options: &Options,
    interrupt: &Interrupt,
    progress: &impl Fn(Stage),
) -> Result<Report, BenchError> {
    let muster = Muster {
        supervisors: options.supervisors,
        configurators: options.configurators,
        hands: None,
        in_flight: LATENCIES.map(|(in_flight, _)| in_flight).into_iter().fold(options.in_flight, usize::max),
        device: Duration::ZERO,
        spread: WIDE,
    };
    let mut crew = Crew::new(ground, muster);
    let report = match crew.start(ground).await {
        Ok(()) => interrupt.or(rounds(ground, options, &crew, progress)).await,
        Err(error) => Err(error),
    };
    crew.drain().await;
    report
}

/// The bare relays of a bench.
struct Relays {
    bare: Relay,
    durable: Relay,
    state: Arc<State>,
}

impl Relays {
    async fn open(ground: &Ground, options: &Options, batch: usize) -> Result<Self, BenchError> {
        let script = || Script::new(run_number());
        let state = Arc::new(State::open(&ground.postgres(Part::Durable), script()?).await?);
        let relay = |part, script: Script, durable| Relay {
            options: ground.amqp(part),
            script: script.hops,
            supervisors: options.supervisors,
            batch,
            in_flight: options.in_flight,
            durable,
        };
        let bare = relay(Part::Relay, script()?, None);
        let durable = relay(Part::Durable, script()?, Some(Arc::clone(&state) as _));
        Ok(Self { bare, durable, state })
    }
}

async fn rounds(
    ground: &Ground,
    options: &Options,
    crew: &Crew,
    progress: &impl Fn(Stage),
) -> Result<Report, BenchError> {
    let relays = Relays::open(ground, options, ground.settings(Part::Whole).supervisor.batch).await?;
    let mut report = Report::new(options);
    let mut latency = Histogram::new(3)?;
    let warm_up = WARM_UP.min(options.count);
    measure::forget_peak_memory();
    crew.carry(0, warm_up, options.in_flight, |_| {}).await?;
    relays.bare.run(0, warm_up).await?;
    relays.durable.run(0, warm_up).await?;
    let mut from = warm_up;
    for round in 0..ROUNDS {
        let count = (round + 1) * options.count / ROUNDS - round * options.count / ROUNDS;
        if count == 0 {
            continue;
        }
        let (done, before) = (report.relocations, crew.transactions());
        let told = |ended| progress(Stage::Whole(done + ended));
        let whole = crew.carry(from, count, options.in_flight, told).await?;
        report.transactions += crew.transactions() - before;
        report.peak_mib = report.peak_mib.max(measure::peak_memory()?);
        progress(Stage::Relay(done + count));
        let bare = relays.bare.run(from, count).await?;
        progress(Stage::Durable(done + count));
        let durable = relays.durable.run(from, count).await?;
        report.round(count, &whole, bare, durable);
        latency.add(&whole.latency).map_err(|error| BenchError::Bare(error.to_string()))?;
        from += count;
    }
    report.sum_up(&latency);
    if options.latencies {
        for (in_flight, count) in LATENCIES {
            let told = |ended| progress(Stage::Latency(in_flight, ended));
            let whole = crew.carry(from, count, in_flight, told).await?;
            report.latencies.push(Latency::of(in_flight, &whole));
            report.unsuccessful += whole.unsuccessful;
            from += count;
        }
    }
    relays.state.close().await;
    Ok(report)
}
