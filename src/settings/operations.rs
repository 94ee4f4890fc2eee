//! What operations set: where a process can be asked how it stands, and where it tells what it does.

use serde::{Deserialize, Serialize};

/// The HTTP listener of `rehome serve`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// Where it listens, `host:port`; empty: nowhere.
    pub listen: String,
}

/// Traces for an OpenTelemetry collector.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Telemetry {
    /// Where the collector takes OTLP over HTTP; empty: nothing is told.
    pub otlp_endpoint: String,
    /// How long it may take to answer, in milliseconds.
    pub otlp_timeout_ms: u32,
}
