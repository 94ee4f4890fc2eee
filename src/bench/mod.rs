//! `rehome bench`: relocations a second through the whole path, beside the bare limit of the store in the same run.
//!
//! The *load* takes made-up relocations through supervisor, both configurators, fences, simulated devices and SQLite,
//! every commit durable across a kill of the process. The *bare limit* is then measured in the same process: the same
//! rows by the same statements in transactions of the same sizes, on a fresh file, with nothing else going on.
//!
//! Over RabbitMQ and PostgreSQL the same load goes through [`scaled`]; real devices are measured in a [`lab`].

mod bare;
pub mod lab;
mod load;
mod measure;
mod network;
pub mod scaled;
mod script;
pub mod synthetic;

use std::{io, path::PathBuf, sync::Arc};

use rehome_bus::amqp::{AmqpError, bare::BareError};
use rehome_domain::{
    Layer,
    ports::{BusError, DeviceMemory, StoreError},
    request::Deadlines,
};
use rehome_lab::daemon::DaemonError;
use rehome_store::{OpenError, Sqlite, postgres};

use rehome_web::{ListenError, door::PasswordError};

use crate::{
    app::{App, AppError, DATABASE, Roles, Store, sqlite_options},
    driver::DriveError,
    http::NoCertificates,
    settings::Settings,
};

pub use measure::Report;

/// Circuits put into service at once, before anything is measured.
const PROVISION_BATCH: usize = 2000;

/// Deadlines that nothing misses, however busy the machine is: what is measured is not to be asked about.
const LONG: Deadlines =
    Deadlines { reserve_ms: 3_600_000, cutover_ms: 3_600_000, rollback_ms: 3_600_000, inspect_ms: 3_600_000 };

/// What to measure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// How many relocations.
    pub count: u64,
    /// How many at once.
    pub in_flight: usize,
    /// Where to keep the databases; none: a temporary directory, removed afterwards.
    pub data: Option<PathBuf>,
    /// Durable across a power cut too, not only across a kill.
    pub full_sync: bool,
}

/// How far a bench is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Putting so many circuits into service at their old places.
    Provisioning(u64),
    /// So many relocations have ended.
    Load(u64),
    /// So many transactions of the bare limit have been written.
    Bare(u64),
}

/// The bench could not be run.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The app.
    #[error(transparent)]
    App(#[from] AppError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The bare limit's database.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// PostgreSQL.
    #[error(transparent)]
    Postgres(#[from] postgres::OpenError),
    /// The bus.
    #[error(transparent)]
    Bus(#[from] BusError),
    /// RabbitMQ.
    #[error(transparent)]
    Broker(#[from] AmqpError),
    /// The bare relay.
    #[error(transparent)]
    Relay(#[from] BareError),
    /// Somebody wanted it to end.
    #[error("interrupted: nothing is left behind")]
    Interrupted,
    /// A directory or a file of the system.
    #[error("a file could not be used: {0}")]
    Io(#[from] io::Error),
    /// The workbench.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// Its door.
    #[error(transparent)]
    Password(#[from] PasswordError),
    /// Whoever asks it.
    #[error(transparent)]
    Certificates(#[from] NoCertificates),
    /// The latencies could not be kept.
    #[error("the latencies could not be counted: {0}")]
    Histogram(#[from] hdrhistogram::CreationError),
    /// The events ended before the relocations did.
    #[error("the events ended before the relocations did")]
    Ended,
    /// The lab.
    #[error(transparent)]
    Lab(#[from] DaemonError),
    /// Relocations could not be driven on.
    #[error(transparent)]
    Drive(#[from] DriveError),
    /// A device of the lab did not do what it was told by hand.
    #[error("the lab does not do what it must: {0}")]
    Direct(String),
    /// The made-up relocations did not go as made-up relocations must.
    #[error("the bare limit can't be written: {0}")]
    Bare(String),
}

/// Measures the load, then the bare limit.
///
/// # Errors
/// If the store or the bus fails.
pub async fn run(
    settings: &Settings,
    options: &Options,
    progress: impl Fn(Stage),
) -> Result<Report, BenchError> {
    let temporary = tempfile::tempdir()?;
    let data = options.data.clone().unwrap_or_else(|| temporary.path().join("load"));
    let opening = rehome_store::Options {
        full_sync: options.full_sync,
        record_shapes: true,
        ..sqlite_options(settings)
    };
    let mut settings = settings.clone();
    settings.supervisor.in_flight = settings.supervisor.in_flight.max(options.in_flight);

    std::fs::create_dir_all(&data)?;
    let store = Sqlite::open(&data.join(DATABASE), &opening)?;
    let app = App::start_over(&settings, Store::Sqlite(Arc::clone(&store)), None, None, Roles::ALL).await?;
    provision_all(app.devices.as_ref(), options.count, settings.deadlines, &progress).await?;
    let before = store.stats();
    let run = u64::try_from(jiff::Timestamp::now().as_millisecond()).unwrap_or(0);
    let load = load::Load {
        bus: Arc::clone(&app.bus),
        tickets: Arc::clone(&app.tickets),
        run,
        from: 0,
        count: options.count,
        in_flight: options.in_flight,
        deadlines: settings.deadlines,
        spread: synthetic::WIDE,
    };
    let measured = load.run(|done| progress(Stage::Load(done))).await?;
    let memory = measure::peak_memory()?;
    app.drain(settings.run.drain()).await;
    let after = store.stats();
    let done = measure::since(&before, &after);
    drop((store, before, after));

    let fresh = options.data.as_ref().map_or_else(|| temporary.path().join("bare"), |data| data.join("bare"));
    let bare =
        bare::Bare { run, count: options.count, in_flight: options.in_flight, deadlines: settings.deadlines };
    let bare = bare.write(&fresh, &opening, &done.shapes, |written| progress(Stage::Bare(written))).await?;
    Ok(Report::new(options, &measured, memory, &done, &bare))
}

/// Puts every circuit into service at its old place.
async fn provision_all(
    devices: &dyn DeviceMemory,
    count: u64,
    deadlines: Deadlines,
    progress: &impl Fn(Stage),
) -> Result<(), StoreError> {
    for layer in Layer::ALL {
        let mut edits = Vec::with_capacity(PROVISION_BATCH);
        for n in 0..count {
            edits.push(bare::in_service(layer, &synthetic::request(n, deadlines)));
            if edits.len() == PROVISION_BATCH || n + 1 == count {
                devices.edit(layer, std::mem::take(&mut edits)).await?;
                progress(Stage::Provisioning(n + 1));
            }
        }
    }
    Ok(())
}
