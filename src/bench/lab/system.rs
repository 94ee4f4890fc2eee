//! The system being measured, with the drivers of real devices.

use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};
use rehome_store::Postgres;

use super::{
    super::{
        BenchError,
        scaled::{
            cleared,
            ground::{Ground, Part},
            interrupt::Interrupt,
        },
    },
    Stage,
};
use crate::{
    app::{App, Roles, Store},
    driver::{self, Deploy, Job, Operator, Standing},
    settings::Settings,
};

/// After so long without news the store is looked at: nothing is lost here, so it hardly ever is.
const RECHECK: Duration = Duration::from_secs(5);

/// What carries messages and keeps tickets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Over {
    /// Queues in this process, and SQLite.
    Itself,
    /// RabbitMQ and PostgreSQL.
    Servers,
}

/// A system at work.
pub(super) struct System {
    /// Each as a process has it; the last one drives.
    apps: Vec<App>,
    drain: Duration,
}

/// How relocations are carried.
#[derive(Clone, Copy)]
pub(super) struct How<'a> {
    /// So many at once.
    pub(super) in_flight: usize,
    /// Who deploys.
    pub(super) deploy: Deploy,
    /// Who does something about those that wait.
    pub(super) operator: Option<&'a Operator>,
}

/// What became of relocations.
pub(super) struct Carried {
    /// Where each stands.
    pub(super) standings: Vec<Standing>,
    /// How long it took, in seconds.
    pub(super) seconds: f64,
}

/// Lets a system work on the devices that the settings name, and takes away what it has made, also if this fails or is
/// interrupted.
pub(super) async fn at_work<T>(
    settings: &Settings,
    over: Over,
    progress: &impl Fn(Stage),
    work: impl AsyncFnOnce(&System) -> Result<T, BenchError>,
) -> Result<T, BenchError> {
    let interrupt = Interrupt::listen()?;
    let mut system = System { apps: Vec::new(), drain: settings.run.drain() };
    match over {
        Over::Itself => {
            let data = tempfile::tempdir()?;
            system.apps.push(App::start(settings, data.path(), None, Roles::ALL).await?);
            let done = interrupt.or(work(&system)).await;
            progress(Stage::Clearing);
            system.drain().await;
            done
        }
        Over::Servers => {
            let ground = Ground::new(settings)?;
            let done = match system.start(&ground).await {
                Ok(()) => interrupt.or(work(&system)).await,
                Err(error) => Err(error),
            };
            progress(Stage::Clearing);
            system.drain().await;
            cleared(done, &ground).await
        }
    }
}

impl System {
    /// Starts everybody. What has started by then must be drained even if this fails.
    async fn start(&mut self, ground: &Ground) -> Result<(), BenchError> {
        let supervisor = Roles { supervisor: true, ..Roles::NONE };
        let [l3, l2] = [Roles { l3: true, ..Roles::NONE }, Roles { l2: true, ..Roles::NONE }];
        for roles in [supervisor, l3, l2, Roles::NONE] {
            let store = Store::Postgres(Postgres::open(&ground.postgres(Part::Whole)).await?);
            let settings = ground.settings(Part::Whole);
            self.apps.push(App::start_over(&settings, store, None, None, roles).await?);
        }
        Ok(())
    }

    /// Carries relocations until each is closed or waits for somebody.
    pub(super) async fn carry(
        &self,
        jobs: &[Job],
        how: How<'_>,
        progress: impl Fn(usize) + Sync,
    ) -> Result<Carried, BenchError> {
        let app = self.apps.last().ok_or(BenchError::Ended)?;
        let options = driver::Options {
            in_flight: how.in_flight,
            deploy: how.deploy,
            person: "bench".to_owned(),
            operator: how.operator,
            window_wait: SignedDuration::ZERO,
            recheck: RECHECK,
            now: Timestamp::now,
        };
        let ended = AtomicUsize::new(0);
        let moved = |moved: driver::Moved<'_>| {
            if matches!(moved.after, Standing::At(seen) if seen.is_closed() || seen.awaits_cutover()) {
                progress(ended.fetch_add(1, Ordering::Relaxed) + 1);
            }
        };
        let since = Instant::now();
        let never = std::future::pending::<()>();
        let driven = driver::drive(&*app.bus, &*app.tickets, jobs, &options, never, moved).await?;
        Ok(Carried { standings: driven.standings, seconds: since.elapsed().as_secs_f64() })
    }

    /// Lets everybody finish what is in hand and go.
    async fn drain(self) {
        for app in self.apps {
            app.drain(self.drain).await;
        }
    }
}
