//! `rehome bench … --tickets N`: how long whoever looks must wait, with so many tickets in the database, while
//! relocations run.
//!
//! The tickets are made by the pure step and committed as the system commits them ([`fill`]). Then so many readers ask
//! over HTTP, one question after the other without a pause ([`readers`]), while relocations go through the system.

mod fill;
mod questions;
mod readers;

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use rehome_domain::{
    account::{Account, Pass, PassKind},
    ports::AccountStore,
    role::Role,
};
use rehome_web::{Bound, Running, Site, door::Secret};
use serde::Serialize;
use uuid::Uuid;

use self::{questions::QUESTIONS, readers::Readers};
use super::{
    super::BenchError,
    Stage, cleared,
    crew::{Crew, Muster},
    ground::{Ground, Part},
    interrupt::Interrupt,
};
use crate::{app::Store, settings::Settings, workbench};

/// Relocations that are provisioned and begun together; when they have ended the next ones begin.
const RELOCATIONS: u64 = 2000;
/// How long the token lasts by which the readers come in.
const TOKEN: SignedDuration = SignedDuration::from_hours(24);

/// What to measure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Looking {
    /// How many tickets there are.
    pub tickets: u64,
    /// How many readers at once.
    pub readers: usize,
    /// How long they read.
    pub time: Duration,
    /// How long a reader rests between an answer and its next question.
    pub pause: Duration,
    /// How many relocations run meanwhile, at once.
    pub in_flight: usize,
    /// Tables that are kept, and filled only once; none: the bench's own, taken away at the end.
    pub schema: Option<String>,
}

/// How long a question took.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Answered {
    /// What was asked.
    pub what: &'static str,
    /// How often.
    pub reads: u64,
    /// In milliseconds, from the question to the whole answer.
    pub p50_ms: f64,
    /// Likewise.
    pub p99_ms: f64,
    /// Likewise.
    pub most_ms: f64,
}

/// What was measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Looked {
    /// How many tickets there were at the beginning.
    pub tickets: u64,
    /// How many readers.
    pub readers: usize,
    /// How long they read.
    pub seconds: f64,
    /// Question by question.
    pub answers: Vec<Answered>,
    /// All questions.
    pub reads_per_second: f64,
    /// Relocations that went through meanwhile.
    pub relocations_per_second: f64,
    /// Answers that were none, and relocations that did not succeed.
    pub unsuccessful: u64,
}

/// Measures. Leaves behind only what it was told to keep.
///
/// # Errors
/// Broker or database can't be used, or somebody interrupted.
pub async fn lists(
    settings: &Settings,
    looking: &Looking,
    progress: impl Fn(Stage),
) -> Result<Looked, BenchError> {
    let interrupt = Interrupt::listen()?;
    let ground = Ground::new(settings)?.keeping(looking.schema.clone());
    let muster = Muster {
        supervisors: 1,
        configurators: 1,
        hands: None,
        in_flight: looking.in_flight,
        device: Duration::ZERO,
        spread: fill::SPREAD,
    };
    let filled = interrupt.or(fill::fill(&ground.postgres(Part::Whole), looking.tickets, &progress)).await;
    let looked = match filled {
        Ok(()) => {
            let mut crew = Crew::new(&ground, muster);
            let looked = match crew.start(&ground).await {
                Ok(()) => interrupt.or(looked(&ground, looking, &crew, &progress)).await,
                Err(error) => Err(error),
            };
            crew.drain().await;
            looked
        }
        Err(error) => Err(error),
    };
    progress(Stage::Clearing);
    cleared(looked, &ground).await
}

async fn looked(
    ground: &Ground,
    looking: &Looking,
    crew: &Crew,
    progress: &impl Fn(Stage),
) -> Result<Looked, BenchError> {
    let (app, store) = crew.driver().ok_or(BenchError::Ended)?;
    let store = Store::Postgres(store);
    let tickets = store.tickets().counts().await?.iter().map(|count| count.tickets).sum();
    let settings = ground.settings(Part::Whole);
    let door = Bound::open("127.0.0.1:0")?;
    let at = door.address();
    let token = token(&*store.accounts()).await?;
    let workbench = Some(workbench::open(&settings, app, &store, None)?);
    let site = Site { probe: app.probe(), metrics: Arc::new(String::new), workbench };
    let running = door.serve(site, &workbench::listening(&settings, at))?;
    let Looking { readers, time, pause, .. } = *looking;
    let readers = Readers { at, token, readers, time, pause, tickets: looking.tickets };
    let read = read(looking, crew, readers, tickets, progress).await;
    Running::stop(running).await;
    read
}

/// Lets the readers read while relocations run.
async fn read(
    looking: &Looking,
    crew: &Crew,
    readers: Readers,
    tickets: u64,
    progress: &impl Fn(Stage),
) -> Result<Looked, BenchError> {
    let (mut ended, mut unsuccessful) = (0, 0);
    let seen = std::cell::Cell::new(0);
    let reading = readers.read();
    tokio::pin!(reading);
    let read = loop {
        let told = |now| {
            seen.set(now);
            progress(Stage::Reading(ended + now));
        };
        tokio::select! {
            read = &mut reading => break read?,
            // Behind the tickets that are there: none of them wants the same place.
            measured = crew.carry(tickets + ended, RELOCATIONS, looking.in_flight, told) => {
                ended += RELOCATIONS;
                seen.set(0);
                unsuccessful += measured?.unsuccessful;
            }
        }
    };
    let seconds = read.seconds;
    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
    let (per_second, relocations) = (|count: u64| count as f64 / seconds, ended + seen.get());
    let reads = read.times.iter().map(hdrhistogram::Histogram::len).sum();
    Ok(Looked {
        tickets,
        readers: looking.readers,
        seconds,
        answers: QUESTIONS
            .iter()
            .zip(&read.times)
            .map(|(question, times)| {
                #[expect(clippy::cast_precision_loss, reason = "microseconds far below 2^52")]
                let ms = |micros: u64| micros as f64 / 1000.0;
                Answered {
                    what: question.what,
                    reads: times.len(),
                    p50_ms: ms(times.value_at_quantile(0.5)),
                    p99_ms: ms(times.value_at_quantile(0.99)),
                    most_ms: ms(times.max()),
                }
            })
            .collect(),
        reads_per_second: per_second(reads),
        relocations_per_second: per_second(relocations),
        unsuccessful: unsuccessful + read.failed,
    })
}

/// A token by which a viewer comes in.
async fn token(accounts: &dyn AccountStore) -> Result<String, BenchError> {
    let name = "bench".parse().map_err(|_| BenchError::Ended)?;
    let (secret, now) = (Secret::new(PassKind::Token)?, Timestamp::now());
    // Where tables are kept, it may be there from the time before.
    let account = Account::new(name, Role::Viewer, "bench", now);
    let pass = Pass {
        id: Uuid::now_v7(),
        kind: PassKind::Token,
        account: account.name.clone(),
        label: "bench".to_owned(),
        at_most: None,
        issued_by: "bench".to_owned(),
        issued_at: now,
        seen_at: now,
        ends_at: now.checked_add(TOKEN).ok(),
        idle_ms: None,
    };
    accounts.keep_first_account(account).await?;
    accounts.issue(secret.key(), pass).await?;
    Ok(secret.expose().to_owned())
}
