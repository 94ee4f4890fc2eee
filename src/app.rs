//! Puts the adapters behind the ports and the actors to work.

mod adapters;
mod probe;

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
    dead::collect,
    helm::{Helm, HelmParts},
    resume::{Resumed, resume},
    retry::RetryPolicy,
    supervisor::{Gauge, SupervisorParts, supervise},
    wall_clock,
};
use rehome_bus::amqp::AmqpError;
use rehome_devices::{faults::FaultPlan, inventory::InventoryError};
use rehome_domain::{
    order::Layer,
    ports::{Bus, DeviceMemory, Inventory, StoreError, TicketStore},
};
use rehome_store::{OpenError, postgres};
use rehome_web::Probe;
use tokio::{sync::Semaphore, task::JoinHandle, time::Instant};

use self::adapters::Carrier;
pub use self::adapters::{
    DEFAULT_DOMAIN, Store, amqp_options, domains, inventory, listed, postgres_options, sqlite_options,
};
use crate::settings::{Settings, StoreKind};

/// The database's name in a data directory.
pub const DATABASE: &str = "rehome.db";
/// The file whose lock says that a process works in a data directory.
const LOCK: &str = "lock";
/// How often a draining app looks whether the work in hand is done.
const DRAIN_POLL: Duration = Duration::from_millis(10);
/// How long after its time a draining app still waits for the broker: to confirm what is on its way, if it is there.
const LEAVE: Duration = Duration::from_secs(5);
/// Due tickets a clock claims at once.
const CLOCK_BATCH: usize = 256;

/// The app could not start or stop.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The inventory of devices can't be used.
    #[error(transparent)]
    Inventory(#[from] InventoryError),
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
    /// The broker can't be used.
    #[error(transparent)]
    Broker(#[from] AmqpError),
    /// The database can't be opened.
    #[error("the store can't be opened: {0}")]
    Open(#[from] OpenError),
    /// The database server can't be used.
    #[error("the store can't be opened: {0}")]
    Postgres(#[from] postgres::OpenError),
    /// The database can't be read.
    #[error("the tickets can't be read: {0}")]
    Store(#[from] StoreError),
}

/// What a process does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Roles {
    /// Steps tickets, and rings the clock.
    pub supervisor: bool,
    /// Carries out orders on gateways.
    pub l3: bool,
    /// Carries out orders on switches.
    pub l2: bool,
    /// Serves the workbench and the API.
    pub web: bool,
}

impl Roles {
    /// All of them.
    pub const ALL: Self = Self { supervisor: true, l3: true, l2: true, web: true };
    /// None: others do the work, elsewhere.
    pub const NONE: Self = Self { supervisor: false, l3: false, l2: false, web: false };

    /// Their names, as `rehome serve --roles` has them.
    #[must_use]
    pub fn names(self) -> Vec<String> {
        let named = [("supervisor", self.supervisor), ("l3", self.l3), ("l2", self.l2), ("web", self.web)];
        named.into_iter().filter(|(_, has)| *has).map(|(name, _)| name.to_owned()).collect()
    }

    const fn configures(self, layer: Layer) -> bool {
        match layer {
            Layer::L3 => self.l3,
            Layer::L2 => self.l2,
        }
    }
}

/// What a process's configurators work on.
pub struct Network {
    /// What the simulated devices hold.
    pub devices: Arc<dyn DeviceMemory>,
    /// Opens sessions with them.
    pub inventory: Arc<dyn Inventory>,
}

/// A running Rehome: what this process does of it.
pub struct App {
    /// Where commands go and events come from.
    pub bus: Arc<dyn Bus>,
    /// The tickets.
    pub tickets: Arc<dyn TicketStore>,
    /// What the simulated devices hold.
    pub devices: Arc<dyn DeviceMemory>,
    /// The devices.
    pub inventory: Arc<dyn Inventory>,
    /// What was found at start, over a bus that keeps nothing.
    pub resumed: Resumed,
    roles: Roles,
    store: Store,
    carrier: Carrier,
    supervisor: Option<JoinHandle<()>>,
    helm: Option<Arc<Helm>>,
    keeping: Option<JoinHandle<()>>,
    reading: Option<JoinHandle<()>>,
    gauge: Arc<Gauge>,
    /// Of each configurator, one permit for each order it may have in hand.
    hands: Vec<(Arc<Semaphore>, u32)>,
    /// Held for as long as the app works in its directory; the system frees it however the process ends.
    _lock: Option<File>,
}

impl App {
    /// Opens store and bus as the settings say, starts these roles, and takes up what was under way. Must be called on
    /// an actix system.
    ///
    /// # Errors
    /// If the data directory can't be used, another process works in it, or store or bus can't be opened.
    pub async fn start(
        settings: &Settings,
        data: &Path,
        faults: Option<FaultPlan>,
        roles: Roles,
    ) -> Result<Self, AppError> {
        let (store, lock) = Self::open(settings, data).await?;
        Self::start_over(settings, store, lock, faults, roles).await
    }

    /// The store as the settings say, its data directory locked if it has one.
    ///
    /// # Errors
    /// If the data directory can't be used, another process works in it, or the store can't be opened.
    pub async fn open(settings: &Settings, data: &Path) -> Result<(Store, Option<File>), AppError> {
        let lock = match settings.store.kind {
            StoreKind::Sqlite => Some(lock(data)?),
            StoreKind::Postgres => None,
        };
        Ok((Store::open(settings, data).await?, lock))
    }

    /// The same over a store that is open already, whose directory is locked if it has one.
    ///
    /// # Errors
    /// If the bus can't be opened or the tickets can't be read.
    pub async fn start_over(
        settings: &Settings,
        store: Store,
        lock: Option<File>,
        faults: Option<FaultPlan>,
        roles: Roles,
    ) -> Result<Self, AppError> {
        let faults = faults.map(Arc::new);
        let devices = store.devices();
        let inventory = inventory(settings, &devices, faults.clone())?;
        Self::start_on(settings, store, lock, faults, roles, Network { devices, inventory }).await
    }

    /// The same on a network of the caller's, to which a fault plan is of no concern but for the replies' fate.
    ///
    /// # Errors
    /// As there.
    pub async fn start_on(
        settings: &Settings,
        store: Store,
        lock: Option<File>,
        faults: Option<Arc<FaultPlan>>,
        roles: Roles,
        network: Network,
    ) -> Result<Self, AppError> {
        let carrier = Carrier::open(settings, roles, faults.as_ref()).await?;
        let Network { devices, inventory } = network;
        let mut app = Self {
            bus: carrier.bus(),
            tickets: store.tickets(),
            devices,
            inventory: Arc::clone(&inventory),
            resumed: Resumed::default(),
            roles,
            store,
            carrier,
            supervisor: None,
            helm: None,
            keeping: None,
            reading: None,
            gauge: Arc::default(),
            hands: Vec::new(),
            _lock: lock,
        };
        if roles.supervisor {
            // What is paused must be known before the first input is stepped.
            let helm = app.helm(settings);
            helm.look().await?;
            app.supervise(settings, &helm);
            app.helm = Some(helm);
        }
        for layer in Layer::ALL.into_iter().filter(|layer| roles.configures(*layer)) {
            app.configure(settings, layer, &inventory);
        }
        if roles.supervisor {
            tokio::spawn(collect(app.bus.dead(), Arc::clone(&app.tickets)));
            if app.bus.keeps_messages() {
                // Nothing has to be sent again, and others may be at work: whoever starts does not wait for this.
                app.reading = Some(tokio::spawn(read_again(Arc::clone(&app.tickets), Arc::clone(&app.bus))));
            } else {
                // Before the clock starts, so that what was out is sent again before its old deadline is asked about.
                app.resumed = resume(&app.tickets, &app.bus, &wall_clock()).await?;
            }
            app.ring(settings);
            if let Some(helm) = &app.helm {
                tokio::spawn(Arc::clone(helm).obey(app.bus.steering()));
                app.keeping = Some(tokio::spawn(Arc::clone(helm).keep()));
            }
        }
        Ok(app)
    }

    /// What looks how this process stands; it outlives the app, and says then that it ends.
    #[must_use]
    pub fn probe(&self) -> Arc<dyn Probe> {
        Arc::new(probe::Standing {
            roles: self.roles,
            wire: self.carrier.wire(),
            store: self.store.kind(),
            tickets: Arc::clone(&self.tickets),
            gauge: Arc::clone(&self.gauge),
        })
    }

    fn helm(&self, settings: &Settings) -> Arc<Helm> {
        Helm::new(HelmParts {
            steering: self.store.steering(),
            tickets: Arc::clone(&self.tickets),
            bus: Arc::clone(&self.bus),
            domain_of: domains(settings),
            every: Duration::from_millis(settings.timers.poll_ms.into()),
            now: wall_clock(),
        })
    }

    fn supervise(&mut self, settings: &Settings, helm: &Arc<Helm>) {
        self.supervisor = Some(tokio::spawn(supervise(SupervisorParts {
            tickets: Arc::clone(&self.tickets),
            bus: Arc::clone(&self.bus),
            batch: settings.supervisor.batch,
            in_flight: settings.supervisor.in_flight,
            shared: self.bus.keeps_messages(),
            helm: Arc::clone(helm),
            now: wall_clock(),
            gauge: Arc::clone(&self.gauge),
        })));
    }

    fn configure(&mut self, settings: &Settings, layer: Layer, inventory: &Arc<dyn Inventory>) {
        let most = settings.supervisor.in_flight;
        let hands = Arc::new(Semaphore::new(most));
        self.hands.push((Arc::clone(&hands), u32::try_from(most).unwrap_or(u32::MAX)));
        Configurator::new(ConfiguratorParts {
            layer,
            bus: Arc::clone(&self.bus),
            fences: self.store.fences(),
            inventory: Arc::clone(inventory),
            retry: retry(settings),
            hands,
            now: wall_clock(),
            share: settings.devices.batch,
        })
        .start();
    }

    fn ring(&self, settings: &Settings) {
        Clock::new(ClockParts {
            tickets: Arc::clone(&self.tickets),
            bus: Arc::clone(&self.bus),
            every: Duration::from_millis(settings.timers.poll_ms.into()),
            lease: SignedDuration::from_millis(settings.timers.lease_ms.into()),
            batch: CLOCK_BATCH,
            now: wall_clock(),
        })
        .start();
    }

    /// Begins nothing new, finishes what is in hand, and stops; after `within` it stops with work in hand, which the
    /// next start takes up, or another process. Answers how many relocations or orders were left in hand.
    pub async fn drain(self, within: Duration) -> usize {
        self.gauge.drain();
        let until = Instant::now() + within;
        // On a bus that keeps messages what is in flight is any process's.
        let alone = !self.bus.keeps_messages();
        let quiet = async {
            while alone && self.gauge.in_flight() > 0 {
                tokio::time::sleep(DRAIN_POLL).await;
            }
        };
        // Running out of time is a way to end, not a failure.
        let _ = tokio::time::timeout_at(until, quiet).await;
        let mut left = if alone { self.gauge.in_flight() } else { 0 };
        self.bus.close();
        for task in self.keeping.into_iter().chain(self.reading) {
            task.abort();
        }
        if let Some(mut supervisor) = self.supervisor
            && tokio::time::timeout_at(until, &mut supervisor).await.is_err()
        {
            // The broker or the database is away. What is in hand has not been acknowledged, and comes again elsewhere.
            supervisor.abort();
            left = left.max(1);
        }
        if !alone {
            for (hands, most) in &self.hands {
                if tokio::time::timeout_at(until, hands.acquire_many(*most)).await.is_err() {
                    left += (*most as usize).saturating_sub(hands.available_permits());
                }
            }
        }
        // What waits for a broker that is away goes with the process: its inputs come again.
        let _ = tokio::time::timeout_at(until.max(Instant::now()) + LEAVE, self.carrier.close()).await;
        self.store.close(left == 0).await;
        left
    }
}

/// Reads every open ticket's journal again while the work goes on.
async fn read_again(tickets: Arc<dyn TicketStore>, bus: Arc<dyn Bus>) {
    match resume(&tickets, &bus, &wall_clock()).await {
        Ok(found) => tracing::info!(?found, "read the open tickets' journals again"),
        Err(error) => tracing::warn!(%error, "the open tickets' journals could not be read again"),
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

fn retry(settings: &Settings) -> RetryPolicy {
    RetryPolicy {
        max_tries: settings.retry.max_tries,
        first: Duration::from_millis(settings.retry.first_ms.into()),
        factor: settings.retry.factor.into(),
        longest: Duration::from_millis(settings.retry.max_ms.into()),
    }
}
