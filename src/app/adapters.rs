//! The concrete adapters behind the ports: the only file that names them.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use rehome_actors::helm::DomainOf;
use rehome_bus::{Amqp, Capacity, Embedded, Fate, Tampered, Tampering, amqp};
use rehome_devices::{
    faults::{self, FaultPlan, Faulty},
    inventory::{Inventory as Listed, InventoryError},
    pattern::Pattern,
    simulated::{Devices, Simulated},
};
use rehome_domain::ports::{
    AccountStore, Board, Bus, DeviceMemory, Feed, FenceStore, Inventory, LetterStore, SteeringStore,
    TicketStore, WebhookStore,
};
use rehome_store::{Postgres, Sqlite, postgres};

use super::{AppError, DATABASE, Roles};
use crate::settings::{self, BusKind, Settings, StoreKind, Sync};

/// The domain of devices that no pattern names.
pub const DEFAULT_DOMAIN: &str = "default";

/// The store, whichever it is.
#[derive(Clone)]
pub enum Store {
    /// A file.
    Sqlite(Arc<Sqlite>),
    /// A server.
    Postgres(Arc<Postgres>),
}

impl Store {
    /// Opens the store that the settings name.
    ///
    /// # Errors
    /// If it can't be opened.
    pub async fn open(settings: &Settings, data: &Path) -> Result<Self, AppError> {
        match settings.store.kind {
            StoreKind::Sqlite => {
                Ok(Self::Sqlite(Sqlite::open(&data.join(DATABASE), &sqlite_options(settings))?))
            }
            StoreKind::Postgres => Ok(Self::Postgres(Postgres::open(&postgres_options(settings)).await?)),
        }
    }

    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Sqlite(_) => "sqlite",
            Self::Postgres(_) => "postgres",
        }
    }

    /// The tickets.
    #[must_use]
    pub fn tickets(&self) -> Arc<dyn TicketStore> {
        match self {
            Self::Sqlite(store) => Arc::clone(store) as _,
            Self::Postgres(store) => Arc::clone(store) as _,
        }
    }

    /// What happened, in the order committed.
    #[must_use]
    pub fn feed(&self) -> Arc<dyn Feed> {
        match self {
            Self::Sqlite(store) => Arc::clone(store) as _,
            Self::Postgres(store) => Arc::clone(store) as _,
        }
    }

    /// Who is told of it over HTTP.
    #[must_use]
    pub fn webhooks(&self) -> Arc<dyn WebhookStore> {
        match self {
            Self::Sqlite(store) => Arc::clone(store) as _,
            Self::Postgres(store) => Arc::clone(store) as _,
        }
    }

    /// Who may come in.
    #[must_use]
    pub fn accounts(&self) -> Arc<dyn AccountStore> {
        match self {
            Self::Sqlite(store) => Arc::clone(store) as _,
            Self::Postgres(store) => Arc::clone(store) as _,
        }
    }

    /// Lists of tickets.
    #[must_use]
    pub fn board(&self) -> Arc<dyn Board> {
        match self {
            Self::Sqlite(store) => Arc::clone(store) as _,
            Self::Postgres(store) => Arc::clone(store) as _,
        }
    }

    /// Dead letters.
    #[must_use]
    pub fn letters(&self) -> Arc<dyn LetterStore> {
        match self {
            Self::Sqlite(store) => Arc::clone(store) as _,
            Self::Postgres(store) => Arc::clone(store) as _,
        }
    }

    /// The log of what was paused.
    #[must_use]
    pub fn steering(&self) -> Arc<dyn SteeringStore> {
        match self {
            Self::Sqlite(store) => Arc::clone(store) as _,
            Self::Postgres(store) => Arc::clone(store) as _,
        }
    }

    pub(super) fn fences(&self) -> Arc<dyn FenceStore> {
        match self {
            Self::Sqlite(store) => Arc::clone(store) as _,
            Self::Postgres(store) => Arc::clone(store) as _,
        }
    }

    pub(super) fn devices(&self) -> Arc<dyn DeviceMemory> {
        match self {
            Self::Sqlite(store) => Arc::clone(store) as _,
            Self::Postgres(store) => Arc::clone(store) as _,
        }
    }

    /// Takes no more writes, and resolves when what was handed over is written. `at_rest`: no order of this process is
    /// under way on a device any more.
    pub async fn close(&self, at_rest: bool) {
        match self {
            Self::Sqlite(store) => store.close().await,
            Self::Postgres(store) => store.close(at_rest).await,
        }
    }
}

/// How the settings want an SQLite store opened.
#[must_use]
pub fn sqlite_options(settings: &Settings) -> rehome_store::Options {
    rehome_store::Options {
        full_sync: settings.store.sync == Sync::Full,
        batch: settings.store.batch,
        readers: settings.store.readers,
        ..rehome_store::Options::default()
    }
}

/// How the settings want PostgreSQL opened.
#[must_use]
pub fn postgres_options(settings: &Settings) -> postgres::Options {
    let given = &settings.postgres;
    postgres::Options {
        authorities: file(&given.ca_file),
        schema: (!given.schema.is_empty()).then(|| given.schema.clone()),
        pool: given.connections,
        batch: given.batch,
        queue: given.queue,
        connect_timeout: millis(given.connect_ms),
        patience: millis(given.timeout_ms),
        statement_timeout: millis(given.statement_ms),
        lock_timeout: millis(given.lock_ms),
        lease: millis(given.lease_ms),
        ..postgres::Options::new(given.url.clone())
    }
}

/// A device's domain, as the settings say: the first pattern that fits counts.
#[must_use]
pub fn domains(settings: &Settings) -> DomainOf {
    let named = pairs(&settings.amqp.domains).map(|(pattern, domain)| (Pattern::new(&pattern), domain));
    let domains: Vec<(Pattern, String)> = named.collect();
    Arc::new(move |device| {
        let domain = domains.iter().find(|(pattern, _)| pattern.matches(device));
        domain.map_or_else(|| DEFAULT_DOMAIN.to_owned(), |(_, domain)| domain.clone())
    })
}

/// Lines of the form `left=right`, which the settings' reading has seen to.
fn pairs(lines: &[String]) -> impl Iterator<Item = (String, String)> {
    let pair = |line: &String| line.split_once('=').map(|(left, right)| (left.to_owned(), right.to_owned()));
    lines.iter().filter_map(pair)
}

/// The bus, whichever it is.
pub(super) enum Carrier {
    /// Queues in this process.
    Embedded(Arc<dyn Bus>),
    /// A broker; before it perhaps something that tampers with replies.
    Amqp { amqp: Arc<Amqp>, bus: Arc<dyn Bus> },
}

impl Carrier {
    /// Opens the bus that the settings name.
    pub(super) async fn open(
        settings: &Settings,
        roles: Roles,
        faults: Option<&Arc<FaultPlan>>,
    ) -> Result<Self, AppError> {
        match settings.bus.kind {
            BusKind::Embedded => Ok(Self::Embedded(tampered(embedded(settings), faults))),
            BusKind::Amqp => {
                let amqp = Amqp::connect(amqp_options(settings, roles)).await?;
                Ok(Self::Amqp { bus: tampered(Arc::clone(&amqp) as _, faults), amqp })
            }
        }
    }

    pub(super) fn bus(&self) -> Arc<dyn Bus> {
        match self {
            Self::Embedded(bus) | Self::Amqp { bus, .. } => Arc::clone(bus),
        }
    }

    pub(super) fn wire(&self) -> Wire {
        match self {
            Self::Embedded(_) => Wire::Embedded,
            Self::Amqp { amqp, .. } => Wire::Amqp(Arc::clone(amqp)),
        }
    }

    /// Sends what is still to be sent, and lets go of the broker.
    pub(super) async fn close(&self) {
        match self {
            Self::Embedded(_) => {}
            Self::Amqp { amqp, .. } => amqp.shutdown().await,
        }
    }
}

/// What can be asked about the bus while it works.
#[derive(Clone)]
pub(super) enum Wire {
    Embedded,
    Amqp(Arc<Amqp>),
}

impl Wire {
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Embedded => "embedded",
            Self::Amqp(_) => "amqp",
        }
    }

    /// What is wrong with it now.
    pub(super) fn troubles(&self) -> Vec<String> {
        match self {
            Self::Embedded => Vec::new(),
            Self::Amqp(amqp) => amqp.health().troubles(),
        }
    }
}

/// How the settings want a process with these roles connected to RabbitMQ.
#[must_use]
pub fn amqp_options(settings: &Settings, roles: Roles) -> amqp::Options {
    let given = &settings.amqp;
    let identity = file(&given.certificate_file).zip(file(&given.key_file));
    let (domain_of, access) = (domains(settings), settings.access.clone());
    amqp::Options {
        tls: amqp::Tls {
            ca: file(&given.ca_file),
            identity: identity.map(|(certificate, key)| amqp::Identity { certificate, key }),
        },
        prefix: given.prefix.clone(),
        // So that the broker need let nobody else do so; the others wait until a supervisor has.
        declare: roles.supervisor,
        user: (!given.user.is_empty()).then(|| given.user.clone()),
        domains: given.own_domains.clone(),
        domain_of: Arc::new(move |order| domain_of(order.request.new.device(order.layer))),
        configurators: pairs(&settings.access.configurators).collect(),
        role_of: Arc::new(move |name| access.role(name)),
        relays: settings.access.relays.clone(),
        limits: limits(given),
        ..amqp::Options::new(&given.url)
    }
}

fn limits(given: &settings::Amqp) -> amqp::Limits {
    let small = |number: u32| u16::try_from(number).unwrap_or(u16::MAX);
    let bytes = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    amqp::Limits {
        prefetch_inputs: small(given.prefetch_inputs),
        prefetch_work: small(given.prefetch_work),
        prefetch_others: small(given.prefetch_others),
        unconfirmed: given.unconfirmed,
        events: given.listener_events,
        deliveries: given.deliveries,
        heartbeat: Duration::from_secs(given.heartbeat_s.into()),
        connect: millis(given.connect_ms),
        reconnect_max: millis(given.reconnect_max_ms),
        confirm: millis(given.confirm_ms),
        refused: millis(given.refused_ms),
        watchdog: millis(given.watchdog_ms),
        flush: millis(given.flush_ms),
        body: bytes(given.largest_message),
        dead_body: bytes(given.dead_body),
        ..amqp::Limits::default()
    }
}

fn millis(ms: u32) -> Duration {
    Duration::from_millis(ms.into())
}

/// A file that need not be named.
fn file(path: &str) -> Option<PathBuf> {
    (!path.is_empty()).then(|| PathBuf::from(path))
}

fn embedded(settings: &Settings) -> Arc<dyn Bus> {
    Embedded::new(Capacity {
        commands: settings.bus.commands,
        in_flight: settings.supervisor.in_flight + settings.supervisor.batch,
        events: settings.bus.events,
        answers: settings.bus.answers,
    })
}

fn tampered(bus: Arc<dyn Bus>, faults: Option<&Arc<FaultPlan>>) -> Arc<dyn Bus> {
    match faults {
        None => bus,
        Some(plan) => {
            let plan = Arc::clone(plan);
            let all_twice = plan.messages_twice();
            Tampered::new(
                bus,
                Tampering { fate: Box::new(move |order| fate(plan.reply_fate(order))), all_twice },
            )
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

/// The devices: those of the inventory's file; without one, simulated ones over a memory. Where they are simulated, with what a
/// fault plan makes go wrong.
///
/// # Errors
/// The inventory's file can't be used.
pub fn inventory(
    settings: &Settings,
    devices: &Arc<dyn DeviceMemory>,
    faults: Option<Arc<FaultPlan>>,
) -> Result<Arc<dyn Inventory>, InventoryError> {
    let simulated = Simulated::new(Arc::clone(devices), Devices::Any);
    let simulated: Arc<dyn Inventory> = match faults {
        Some(plan) => Arc::new(Faulty::new(simulated, plan)),
        None => Arc::new(simulated),
    };
    let listed = listed(settings, Some(Arc::clone(&simulated)))?;
    Ok(listed.map_or(simulated, |listed| Arc::new(listed)))
}

/// The devices of the inventory's file, if there is one.
///
/// # Errors
/// It can't be used.
pub fn listed(
    settings: &Settings,
    simulated: Option<Arc<dyn Inventory>>,
) -> Result<Option<Listed>, InventoryError> {
    let devices = &settings.devices;
    if devices.are_simulated() { Ok(None) } else { Listed::read(&devices.inventory, simulated).map(Some) }
}
