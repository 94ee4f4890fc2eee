//! Puts the adapters behind the ports and the actors to work: the only file that names concrete adapters.

use std::{
    fs::{File, TryLockError},
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use actix::Actor;
use jiff::SignedDuration;
use rehome_actors::{
    clock::{Clock, ClockParts},
    configurator::{Configurator, ConfiguratorParts},
    resume::{Resumed, resume},
    retry::RetryPolicy,
    supervisor::{Gauge, SupervisorParts, supervise},
    wall_clock,
};
use rehome_bus::{Capacity, Embedded, Fate, Tampered};
use rehome_devices::{
    faults::{self, FaultPlan, Faulty},
    simulated::{Devices, Simulated},
};
use rehome_domain::{
    order::Layer,
    ports::{Bus, DeviceMemory, FenceStore, Inventory, StoreError, TicketStore},
};
use rehome_store::{OpenError, Sqlite};
use tokio::{sync::Semaphore, task::JoinHandle};

use crate::settings::{Settings, Sync};

/// The database's name in a data directory.
pub const DATABASE: &str = "rehome.db";
/// The file whose lock says that a process works in a data directory.
const LOCK: &str = "lock";
/// How often a draining app looks whether the work in hand is done.
const DRAIN_POLL: Duration = Duration::from_millis(10);
/// Due tickets a clock claims at once.
const CLOCK_BATCH: usize = 256;

/// The app could not start or stop.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The data directory can't be used.
    #[error("the data directory {} can't be used: {source}", path.display())]
    Data {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another process works there.
    #[error("another rehome is working in {}: stop it, or name another directory with --data", path.display())]
    InUse {
        /// Which.
        path: PathBuf,
    },
    /// The database can't be opened.
    #[error("the store can't be opened: {0}")]
    Open(#[from] OpenError),
    /// The database can't be read.
    #[error("the tickets can't be read: {0}")]
    Store(#[from] StoreError),
}

/// A running Rehome, all in this process.
pub struct App {
    /// Where commands go and events come from.
    pub bus: Arc<dyn Bus>,
    /// The tickets.
    pub tickets: Arc<dyn TicketStore>,
    /// What the simulated devices hold.
    pub devices: Arc<dyn DeviceMemory>,
    /// The store itself, for its statistics.
    pub store: Arc<Sqlite>,
    /// What was found at start.
    pub resumed: Resumed,
    supervisor: JoinHandle<()>,
    gauge: Arc<Gauge>,
    /// Held for as long as the app works in its directory; the system frees it however the process ends.
    _lock: File,
}

impl App {
    /// Opens the store in a data directory, starts everything, and takes up what was under way. Must be called on an
    /// actix system.
    ///
    /// # Errors
    /// If the directory can't be used, another process works in it, or the store can't be opened.
    pub async fn start(
        settings: &Settings,
        data: &Path,
        faults: Option<FaultPlan>,
    ) -> Result<Self, AppError> {
        Self::start_over(settings, data, faults, &store_options(settings)).await
    }

    /// The same over a store opened so, for measuring.
    ///
    /// # Errors
    /// As [`App::start`].
    pub async fn start_over(
        settings: &Settings,
        data: &Path,
        faults: Option<FaultPlan>,
        options: &rehome_store::Options,
    ) -> Result<Self, AppError> {
        let lock = lock(data)?;
        let store = Sqlite::open(&data.join(DATABASE), options)?;
        let tickets: Arc<dyn TicketStore> = Arc::clone(&store) as _;
        let fences: Arc<dyn FenceStore> = Arc::clone(&store) as _;
        let devices: Arc<dyn DeviceMemory> = Arc::clone(&store) as _;
        let faults = faults.map(Arc::new);
        let bus = bus(settings, faults.as_ref());
        let inventory = inventory(&devices, faults);
        let gauge = Arc::<Gauge>::default();

        let supervisor = supervise(SupervisorParts {
            tickets: Arc::clone(&tickets),
            bus: Arc::clone(&bus),
            batch: settings.supervisor.batch,
            in_flight: settings.supervisor.in_flight,
            shared: false,
            now: wall_clock(),
            gauge: Arc::clone(&gauge),
        });
        let supervisor = tokio::spawn(supervisor);
        for layer in Layer::ALL {
            Configurator::new(ConfiguratorParts {
                layer,
                bus: Arc::clone(&bus),
                fences: Arc::clone(&fences),
                inventory: Arc::clone(&inventory),
                retry: retry(settings),
                hands: Arc::new(Semaphore::new(settings.supervisor.in_flight)),
                now: wall_clock(),
            })
            .start();
        }
        // Before the clock starts, so that what was out is sent again before anyone asks about its old deadline.
        let resumed = resume(&tickets, &bus, &wall_clock()).await?;
        Clock::new(ClockParts {
            tickets: Arc::clone(&tickets),
            bus: Arc::clone(&bus),
            every: Duration::from_millis(settings.timers.poll_ms.into()),
            lease: SignedDuration::from_millis(settings.timers.lease_ms.into()),
            batch: CLOCK_BATCH,
            now: wall_clock(),
        })
        .start();
        Ok(Self { bus, tickets, devices, store, resumed, supervisor, gauge, _lock: lock })
    }

    /// Begins nothing new, finishes what is in hand, and stops; after `within` it stops with work in hand, which the
    /// next start takes up. Answers how many relocations were left in flight.
    pub async fn drain(self, within: Duration) -> usize {
        self.gauge.drain();
        let quiet = async {
            while self.gauge.in_flight() > 0 {
                tokio::time::sleep(DRAIN_POLL).await;
            }
        };
        // Running out of time is a way to end, not a failure.
        let _ = tokio::time::timeout(within, quiet).await;
        let left = self.gauge.in_flight();
        self.bus.close();
        let _ = self.supervisor.await;
        self.store.close().await;
        left
    }
}

/// Takes the directory for this process alone.
fn lock(data: &Path) -> Result<File, AppError> {
    let failed = |source| AppError::Data { path: data.to_owned(), source };
    std::fs::create_dir_all(data).map_err(failed)?;
    let file =
        File::options().create(true).truncate(false).write(true).open(data.join(LOCK)).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(AppError::InUse { path: data.to_owned() }),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

/// How the settings want the store opened.
#[must_use]
pub fn store_options(settings: &Settings) -> rehome_store::Options {
    rehome_store::Options {
        full_sync: settings.store.sync == Sync::Full,
        batch: settings.store.batch,
        readers: settings.store.readers,
        ..rehome_store::Options::default()
    }
}

fn bus(settings: &Settings, faults: Option<&Arc<FaultPlan>>) -> Arc<dyn Bus> {
    let embedded = Embedded::new(Capacity {
        commands: settings.bus.commands,
        in_flight: settings.supervisor.in_flight + settings.supervisor.batch,
        events: settings.bus.events,
        answers: settings.bus.answers,
    });
    match faults {
        None => embedded,
        Some(plan) => {
            let plan = Arc::clone(plan);
            Tampered::new(embedded, Box::new(move |order| fate(plan.reply_fate(order))))
        }
    }
}

/// The bus and the devices do not know each other's words for the same thing.
fn fate(fate: faults::Fate) -> Fate {
    match fate {
        faults::Fate::Deliver => Fate::Deliver,
        faults::Fate::Drop => Fate::Drop,
        faults::Fate::Late(by) => Fate::Late(by),
        faults::Fate::Twice => Fate::Twice,
    }
}

fn inventory(devices: &Arc<dyn DeviceMemory>, faults: Option<Arc<FaultPlan>>) -> Arc<dyn Inventory> {
    let simulated = Simulated::new(Arc::clone(devices), Devices::Any);
    match faults {
        None => Arc::new(simulated),
        Some(plan) => Arc::new(Faulty::new(simulated, plan)),
    }
}

fn retry(settings: &Settings) -> RetryPolicy {
    RetryPolicy {
        max_tries: settings.retry.max_tries,
        first: Duration::from_millis(settings.retry.first_ms.into()),
        factor: settings.retry.factor.into(),
        longest: Duration::from_millis(settings.retry.max_ms.into()),
    }
}
