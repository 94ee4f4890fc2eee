//! The configuration: built-in defaults, under a file, under the environment.
//!
//! Every mistake is named by its key, with where it was written and what was expected; all of them at once.

mod operations;
mod problem;
mod reading;
mod servers;

use std::{
    fmt, io,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    time::Duration,
};

use config::{Config, Environment, File, FileFormat};
use rehome_domain::{lang::Lang, request::Deadlines, role::Role};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

pub use operations::{Http, Oidc, Telemetry, Tls, Webhooks, Workbench};
pub use problem::{Given, Problem};
use reading::Reading;
pub use servers::{Amqp, Postgres};

use crate::texts;

/// Every key there is, with its value and its reason.
pub const DEFAULT: &str = include_str!("../config/default.toml");

/// What the environment's keys begin with: `REHOME__SECTION__KEY`.
const PREFIX: &str = "REHOME";

/// All that can be set. What each key is for and why it has its value stands in [`DEFAULT`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// `[data]`
    pub data: Data,
    /// `[supervisor]`
    pub supervisor: Supervisor,
    /// `[retry]`
    pub retry: Retry,
    /// `[devices]`
    pub devices: Devices,
    /// `[deadlines]`
    pub deadlines: Deadlines,
    /// `[store]`
    pub store: Store,
    /// `[postgres]`
    pub postgres: Postgres,
    /// `[bus]`
    pub bus: Bus,
    /// `[amqp]`
    pub amqp: Amqp,
    /// `[access]`
    pub access: Access,
    /// `[timers]`
    pub timers: Timers,
    /// `[run]`
    pub run: Run,
    /// `[http]`
    pub http: Http,
    /// `[workbench]`
    pub workbench: Workbench,
    /// `[oidc]`
    pub oidc: Oidc,
    /// `[webhooks]`
    pub webhooks: Webhooks,
    /// `[telemetry]`
    pub telemetry: Telemetry,
    /// `[log]`
    pub log: Log,
}

/// Where everything is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Data {
    /// The directory.
    pub dir: PathBuf,
}

/// The supervisor's bounds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Supervisor {
    /// Messages a transaction, at most.
    pub batch: usize,
    /// Relocations in flight at once, at most.
    pub in_flight: usize,
}

/// How configurators retry transient failures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Retry {
    /// Tries in all.
    pub max_tries: u32,
    /// The first pause, in milliseconds.
    pub first_ms: u32,
    /// How many times longer each further pause is.
    pub factor: u32,
    /// The longest pause, in milliseconds.
    pub max_ms: u32,
}

/// The devices.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Devices {
    /// The file of the devices; empty: all are simulated.
    pub inventory: PathBuf,
    /// Orders that may share a commit of a device, at most.
    pub batch: usize,
}

impl Devices {
    /// Whether there is no inventory, so that all are simulated.
    #[must_use]
    pub fn are_simulated(&self) -> bool {
        self.inventory.as_os_str().is_empty()
    }
}

/// The store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Store {
    /// Which.
    pub kind: StoreKind,
    /// What a commit survives.
    pub sync: Sync,
    /// Changes a transaction, at most.
    pub batch: usize,
    /// Connections for reading.
    pub readers: usize,
}

/// Which database keeps tickets, fences and what simulated devices hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StoreKind {
    /// A file in the data directory, for one process.
    Sqlite,
    /// A server, for any number of processes.
    Postgres,
}

/// What a commit survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sync {
    /// A kill of the process.
    Normal,
    /// A power cut too.
    Full,
}

/// The bus, and the embedded one's queues.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bus {
    /// Which.
    pub kind: BusKind,
    /// Submissions and deploys waiting to begin.
    pub commands: usize,
    /// Events a listener may lag behind.
    pub events: usize,
    /// Answers an asker may leave unread.
    pub answers: usize,
}

/// Which bus carries messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BusKind {
    /// Queues in this process.
    Embedded,
    /// RabbitMQ.
    Amqp,
}

/// Who may do what, by names that the broker has checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Access {
    /// May submit, deploy, retry, cancel.
    pub operators: Vec<String>,
    /// May force too.
    pub supervisors: Vec<String>,
    /// May pause and resume too.
    pub admins: Vec<String>,
    /// Rehome's own processes, believed when they name the person they act for.
    pub relays: Vec<String>,
    /// Who alone answers for a domain, as `domain=user`.
    pub configurators: Vec<String>,
}

impl Access {
    /// What a name may do; one that is not listed may look.
    #[must_use]
    pub fn role(&self, name: &str) -> Role {
        let listed = |names: &[String]| names.iter().any(|listed| listed == name);
        if listed(&self.admins) {
            Role::Admin
        } else if listed(&self.supervisors) {
            Role::Supervisor
        } else if listed(&self.operators) {
            Role::Operator
        } else {
            Role::Viewer
        }
    }
}

/// The clocks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timers {
    /// How often deadlines are looked for, in milliseconds.
    pub poll_ms: u32,
    /// How long a due ticket is one clock's alone, in milliseconds.
    pub lease_ms: u32,
}

/// `rehome run`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    /// Relocations under way at once.
    pub in_flight: usize,
    /// How long stopping may take, in milliseconds.
    pub drain_ms: u32,
    /// How far off a cutover window may be to be waited for, in milliseconds.
    pub window_wait_ms: u32,
    /// After how long without news the store is looked at, in milliseconds.
    pub recheck_ms: u32,
}

impl Run {
    /// [`Run::drain_ms`] as a duration.
    #[must_use]
    pub fn drain(&self) -> Duration {
        Duration::from_millis(self.drain_ms.into())
    }
}

/// The log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    /// For people or for machines.
    pub format: LogFormat,
    /// A level or a filter.
    pub level: String,
}

/// For whom the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// People.
    Human,
    /// Machines: an object a line.
    Json,
}

const DAY_MS: i64 = 86_400_000;

/// What each number may be. A test holds this complete.
const RANGES: &[(&str, RangeInclusive<i64>)] = &[
    ("supervisor.batch", 1..=10_000),
    ("supervisor.in_flight", 1..=1_000_000),
    ("retry.max_tries", 1..=100),
    ("devices.batch", 1..=10_000),
    ("retry.first_ms", 1..=DAY_MS),
    ("retry.factor", 1..=100),
    ("retry.max_ms", 1..=DAY_MS),
    ("deadlines.reserve_ms", 1..=DAY_MS),
    ("deadlines.cutover_ms", 1..=DAY_MS),
    ("deadlines.rollback_ms", 1..=DAY_MS),
    ("deadlines.inspect_ms", 1..=DAY_MS),
    ("store.batch", 1..=100_000),
    ("store.readers", 1..=64),
    ("postgres.connections", 1..=1000),
    ("postgres.connect_ms", 100..=DAY_MS),
    ("postgres.timeout_ms", 100..=DAY_MS),
    ("postgres.statement_ms", 100..=DAY_MS),
    ("postgres.lock_ms", 10..=DAY_MS),
    ("postgres.batch", 1..=100_000),
    ("postgres.queue", 1..=1_000_000),
    ("postgres.lease_ms", 1000..=DAY_MS),
    ("bus.commands", 1..=1_000_000),
    ("bus.events", 1..=10_000_000),
    ("bus.answers", 1..=10_000_000),
    ("amqp.prefetch_inputs", 16..=65_535),
    ("amqp.prefetch_work", 1..=65_535),
    ("amqp.prefetch_others", 1..=65_535),
    ("amqp.unconfirmed", 1..=1_000_000),
    ("amqp.listener_events", 1..=100_000_000),
    ("amqp.deliveries", 2..=10_000),
    ("amqp.heartbeat_s", 1..=3600),
    ("amqp.connect_ms", 100..=DAY_MS),
    ("amqp.reconnect_max_ms", 100..=DAY_MS),
    ("amqp.confirm_ms", 100..=DAY_MS),
    ("amqp.refused_ms", 100..=DAY_MS),
    ("amqp.watchdog_ms", 100..=DAY_MS),
    ("amqp.flush_ms", 0..=DAY_MS),
    ("amqp.largest_message", 1024..=134_217_728),
    ("amqp.dead_body", 0..=134_217_728),
    ("timers.poll_ms", 1..=60_000),
    ("timers.lease_ms", 1..=DAY_MS),
    ("run.in_flight", 1..=1_000_000),
    ("run.drain_ms", 0..=DAY_MS),
    ("run.window_wait_ms", 0..=DAY_MS),
    ("run.recheck_ms", 10..=DAY_MS),
    ("http.threads", 1..=256),
    ("workbench.session_ms", 60_000..=30 * DAY_MS),
    ("workbench.idle_ms", 60_000..=30 * DAY_MS),
    ("workbench.answer_ms", 100..=25_000),
    ("oidc.timeout_ms", 100..=60_000),
    ("webhooks.post_ms", 100..=60_000),
    ("webhooks.first_ms", 10..=DAY_MS),
    ("webhooks.max_ms", 10..=DAY_MS),
    ("webhooks.tries", 1..=1000),
    ("webhooks.lease_ms", 1000..=DAY_MS),
    ("webhooks.poll_ms", 10..=60_000),
    ("telemetry.otlp_timeout_ms", 100..=60_000),
];

/// The settings, and where each value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// The settings.
    pub settings: Settings,
    /// Every value in effect, in the order of the keys' names.
    pub values: Vec<Effective>,
}

/// A value in effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Effective {
    /// Its key.
    pub key: String,
    /// The value.
    pub value: Json,
    /// Where it comes from.
    pub from: Origin,
}

/// Where a value was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// In [`DEFAULT`].
    BuiltIn,
    /// In this file.
    File(String),
    /// In this variable of the environment.
    Environment(String),
}

impl Origin {
    /// What a person reads.
    #[must_use]
    pub fn label(&self, lang: Lang) -> String {
        match self {
            Self::BuiltIn => texts::built_in(lang),
            Self::File(path) => path.clone(),
            Self::Environment(variable) => texts::environment_variable(lang, variable),
        }
    }
}

/// One wrong key or value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// The key, as `section.key`.
    pub key: String,
    /// What is wrong and what was expected.
    pub problem: Problem,
    /// Where it was written.
    pub from: Origin,
}

impl Mistake {
    /// What a person reads.
    #[must_use]
    pub fn sentence(&self, lang: Lang) -> String {
        texts::wrong_setting(lang, &self.key, self.problem.sentence(lang), self.from.label(lang))
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence(Lang::En))
    }
}

/// The configuration can't be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The file can't be read.
    #[error("the configuration file {} can't be read", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is not TOML, or the environment is not text.
    #[error("the configuration is not valid: {0}")]
    Malformed(config::ConfigError),
    /// Keys or values are wrong.
    #[error("the configuration is not valid: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Wrong(Vec<Mistake>),
}

/// Reads the configuration: built in, under the file if one is given, under the environment.
///
/// # Errors
/// If the file can't be read or is not TOML; else all keys and values that are wrong.
pub fn load(file: Option<&Path>) -> Result<Loaded, SettingsError> {
    layered(file, Environment::with_prefix(PREFIX))
}

fn layered(file: Option<&Path>, environment: Environment) -> Result<Loaded, SettingsError> {
    let defaults = Config::builder().add_source(File::from_str(DEFAULT, FileFormat::Toml));
    let known = defaults.build_cloned().map_err(SettingsError::Malformed)?;
    let mut layers = defaults;
    if let Some(path) = file {
        // Read here and not by the library, whose error would not tell a missing file from a mistyped extension.
        std::fs::metadata(path)
            .map_err(|source| SettingsError::Unreadable { path: path.to_owned(), source })?;
        layers = layers.add_source(File::from(path).format(FileFormat::Toml));
    }
    let environment = environment.prefix_separator("__").separator("__").try_parsing(true);
    let merged = layers.add_source(environment).build().map_err(SettingsError::Malformed)?;

    let mut reading = Reading { file, values: Vec::new(), mistakes: Vec::new() };
    let tree = reading.section("", &merged.cache, &known.cache);
    reading.check();
    if !reading.mistakes.is_empty() {
        return Err(SettingsError::Wrong(reading.mistakes));
    }
    let settings: Settings = serde_path_to_error::deserialize(tree).map_err(|error| {
        let key = error.path().to_string();
        let from = reading.origin_of(&key);
        SettingsError::Wrong(vec![Mistake {
            key,
            problem: Problem::Other(error.into_inner().to_string()),
            from,
        }])
    })?;
    reading.values.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(Loaded { settings, values: reading.values })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests;
