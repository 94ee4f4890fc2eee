//! The configuration: built-in defaults, under a file, under the environment.
//!
//! Every mistake is named by its key, with where it was written and what was expected; all of them at once.

mod problem;

use std::{
    fmt, io,
    ops::RangeInclusive,
    path::{Path, PathBuf},
    time::Duration,
};

use config::{Config, Environment, File, FileFormat, Map, Value, ValueKind};
use rehome_domain::{lang::Lang, request::Deadlines};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

pub use problem::{Given, Problem};

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
    /// `[deadlines]`
    pub deadlines: Deadlines,
    /// `[store]`
    pub store: Store,
    /// `[bus]`
    pub bus: Bus,
    /// `[timers]`
    pub timers: Timers,
    /// `[run]`
    pub run: Run,
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

/// The embedded store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Store {
    /// What a commit survives.
    pub sync: Sync,
    /// Changes a transaction, at most.
    pub batch: usize,
    /// Connections for reading.
    pub readers: usize,
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

/// The embedded bus's queues.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bus {
    /// Submissions and deploys waiting to begin.
    pub commands: usize,
    /// Events a listener may lag behind.
    pub events: usize,
    /// Answers an asker may leave unread.
    pub answers: usize,
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
    ("retry.first_ms", 1..=DAY_MS),
    ("retry.factor", 1..=100),
    ("retry.max_ms", 1..=DAY_MS),
    ("deadlines.reserve_ms", 1..=DAY_MS),
    ("deadlines.cutover_ms", 1..=DAY_MS),
    ("deadlines.rollback_ms", 1..=DAY_MS),
    ("deadlines.inspect_ms", 1..=DAY_MS),
    ("store.batch", 1..=100_000),
    ("store.readers", 1..=64),
    ("bus.commands", 1..=1_000_000),
    ("bus.events", 1..=10_000_000),
    ("bus.answers", 1..=10_000_000),
    ("timers.poll_ms", 1..=60_000),
    ("timers.lease_ms", 1..=DAY_MS),
    ("run.in_flight", 1..=1_000_000),
    ("run.drain_ms", 0..=DAY_MS),
    ("run.window_wait_ms", 0..=DAY_MS),
    ("run.recheck_ms", 10..=DAY_MS),
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

/// The walk over the merged layers, beside the built-in one that says which keys there are and of what type.
struct Reading<'a> {
    file: Option<&'a Path>,
    values: Vec<Effective>,
    mistakes: Vec<Mistake>,
}

impl Reading<'_> {
    fn section(&mut self, path: &str, given: &Value, known: &Value) -> Json {
        let (ValueKind::Table(given_keys), ValueKind::Table(known_keys)) = (&given.kind, &known.kind) else {
            self.mistake(path, given, Problem::NoSection(given.into(), path.to_owned()));
            return Json::Null;
        };
        let mut section = serde_json::Map::new();
        let mut names: Vec<_> = given_keys.iter().collect();
        names.sort_by_key(|(name, _)| *name);
        for (name, value) in names {
            let key = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            let read = match known_keys.get(name) {
                None => {
                    self.mistake(&key, value, Problem::Unknown(list(known_keys)));
                    continue;
                }
                Some(known) if matches!(known.kind, ValueKind::Table(_)) => self.section(&key, value, known),
                Some(known) => self.leaf(&key, value, known),
            };
            section.insert(name.clone(), read);
        }
        Json::Object(section)
    }

    /// A value must be of the type that the built-in one has.
    fn leaf(&mut self, key: &str, given: &Value, known: &Value) -> Json {
        let from = self.origin(key, given);
        let read = match (&given.kind, &known.kind) {
            (ValueKind::I64(number), ValueKind::I64(_)) => Json::from(*number),
            (ValueKind::String(text), ValueKind::String(_)) => Json::from(text.clone()),
            // In the environment everything is text, also what looks like a number.
            (ValueKind::I64(_) | ValueKind::Float(_) | ValueKind::Boolean(_), ValueKind::String(_))
                if matches!(from, Origin::Environment(_)) =>
            {
                Json::from(given.to_string())
            }
            (_, ValueKind::I64(_)) => {
                self.mistake(key, given, Problem::NoNumber(given.into()));
                return Json::Null;
            }
            _ => {
                self.mistake(key, given, Problem::NoText(given.into()));
                return Json::Null;
            }
        };
        self.values.push(Effective { key: key.to_owned(), value: read.clone(), from });
        read
    }

    /// Ranges, and what must hold between two keys.
    fn check(&mut self) {
        for (key, range) in RANGES {
            let out_of_range = self.number(key).filter(|number| !range.contains(number));
            if let Some(given) = out_of_range {
                self.reject(key, Problem::OutOfRange { given, from: *range.start(), to: *range.end() });
            }
        }
        if let (Some(first), Some(max)) = (self.number("retry.first_ms"), self.number("retry.max_ms"))
            && max < first
        {
            let problem = Problem::LessThan { given: max, key: "retry.first_ms", least: first };
            self.reject("retry.max_ms", problem);
        }
        if let Some(level) = self.find("log.level").and_then(|found| found.value.as_str())
            && let Err(problem) = crate::telemetry::filter(level)
        {
            self.reject("log.level", Problem::Other(problem.to_string()));
        }
        let dir_is_empty = self.find("data.dir").is_some_and(|found| found.value == "");
        if dir_is_empty {
            self.reject("data.dir", Problem::NoDirectory);
        }
    }

    fn find(&self, key: &str) -> Option<&Effective> {
        self.values.iter().find(|value| value.key == key)
    }

    fn number(&self, key: &str) -> Option<i64> {
        self.find(key)?.value.as_i64()
    }

    fn origin_of(&self, key: &str) -> Origin {
        self.find(key).map_or(Origin::BuiltIn, |found| found.from.clone())
    }

    fn origin(&self, key: &str, value: &Value) -> Origin {
        match (value.origin(), self.file) {
            (None, _) => Origin::BuiltIn,
            (Some("the environment"), _) => {
                Origin::Environment(format!("{PREFIX}__{}", key.to_uppercase().replace('.', "__")))
            }
            (Some(uri), file) => {
                Origin::File(file.map_or_else(|| uri.to_owned(), |path| path.display().to_string()))
            }
        }
    }

    fn mistake(&mut self, key: &str, value: &Value, problem: Problem) {
        let from = match &value.kind {
            // A section has no origin of its own; its keys have.
            ValueKind::Table(keys) => {
                keys.values().next().map_or(Origin::BuiltIn, |inner| self.origin(key, inner))
            }
            _ => self.origin(key, value),
        };
        self.mistakes.push(Mistake { key: key.to_owned(), problem, from });
    }

    fn reject(&mut self, key: &str, problem: Problem) {
        let from = self.origin_of(key);
        self.mistakes.push(Mistake { key: key.to_owned(), problem, from });
    }
}

fn list(keys: &Map<String, Value>) -> String {
    let mut names: Vec<&str> = keys.keys().map(String::as_str).collect();
    names.sort_unstable();
    names.join(", ")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests;
