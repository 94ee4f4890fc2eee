//! What operations set: where a process is reached over HTTP and how, and where it tells what it does.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The HTTP listener of `rehome serve`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// Where it listens, `host:port`; empty: nowhere.
    pub listen: String,
    /// Threads that answer.
    pub threads: usize,
    /// Whether clients reach it by TLS alone.
    pub tls: Tls,
    /// Proxies that are believed about a client's address.
    pub proxies: Vec<String>,
}

/// Whether clients reach the listener by TLS alone, through something that stands before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tls {
    /// If it does not listen on a loopback address.
    Auto,
    /// Yes.
    Always,
    /// No: in a network that is trusted.
    Never,
}

/// The workbench and the API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Workbench {
    /// How long a session lasts, in milliseconds.
    pub session_ms: u32,
    /// How long without being used, in milliseconds.
    pub idle_ms: u32,
    /// How long a command waits for its answer, in milliseconds.
    pub answer_ms: u32,
}

impl Workbench {
    /// [`Workbench::session_ms`] as a duration.
    #[must_use]
    pub fn session(&self) -> Duration {
        Duration::from_millis(self.session_ms.into())
    }

    /// [`Workbench::idle_ms`] as a duration.
    #[must_use]
    pub fn idle(&self) -> Duration {
        Duration::from_millis(self.idle_ms.into())
    }

    /// [`Workbench::answer_ms`] as a duration.
    #[must_use]
    pub fn answer(&self) -> Duration {
        Duration::from_millis(self.answer_ms.into())
    }
}

/// An identity provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Oidc {
    /// Its URL; empty: there is none.
    pub issuer: String,
    /// What it calls this site.
    pub client_id: String,
    /// What it knows this site by.
    pub client_secret: String,
    /// Where it sends people back to.
    pub callback: String,
    /// What it is asked for, beside `openid`.
    pub scopes: Vec<String>,
    /// The claim with the name.
    pub name_claim: String,
    /// The claim with the groups.
    pub roles_claim: String,
    /// Groups that may look.
    pub viewers: Vec<String>,
    /// Groups that may submit, deploy, retry, cancel.
    pub operators: Vec<String>,
    /// Groups that may force too.
    pub supervisors: Vec<String>,
    /// Groups that may pause and resume too.
    pub admins: Vec<String>,
    /// What people call it.
    pub label: String,
    /// How long it may take to answer, in milliseconds.
    pub timeout_ms: u32,
}

/// Telling others of changes over HTTP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhooks {
    /// Networks and hosts that may be told; none: all but what is this machine's own.
    pub allow: Vec<String>,
    /// How long a receiver may take to answer, in milliseconds.
    pub post_ms: u32,
    /// The first wait for a receiver that takes nothing, in milliseconds.
    pub first_ms: u32,
    /// The longest, in milliseconds.
    pub max_ms: u32,
    /// Tries after which a person is told.
    pub tries: u32,
    /// How long a webhook is held by a process of which nothing is heard, in milliseconds.
    pub lease_ms: u32,
    /// How often it is looked for what is new, in milliseconds.
    pub poll_ms: u32,
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
