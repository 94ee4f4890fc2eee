//! Whether a process can do its work now, and why not.

use rehome_domain::ports::Wait;
use serde::{Deserialize, Serialize};

/// Looks how the process stands.
pub trait Probe: Send + Sync {
    /// Looks now. It must answer soon, however things stand.
    fn look(&self) -> Wait<'_, Readiness>;
}

/// How a process stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Readiness {
    /// Whether it can do its work now.
    pub ready: bool,
    /// Why not, for people. Empty if it can.
    pub reasons: Vec<String>,
    /// What it does: `supervisor`, `l3`, `l2`.
    pub roles: Vec<String>,
    /// It finishes what is in hand and begins nothing new.
    pub draining: bool,
    /// The bus.
    pub bus: Part,
    /// The store.
    pub store: Part,
}

/// Something a process stands on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Which: `embedded`, `amqp`; `sqlite`, `postgres`.
    pub kind: String,
    /// Whether it works.
    pub ok: bool,
    /// What is wrong with it.
    pub troubles: Vec<String>,
}

impl Part {
    /// A part with these troubles, if any.
    #[must_use]
    pub fn new(kind: &str, troubles: Vec<String>) -> Self {
        Self { kind: kind.to_owned(), ok: troubles.is_empty(), troubles }
    }
}

impl Readiness {
    /// How a process stands on its parts.
    #[must_use]
    pub fn of(roles: Vec<String>, draining: bool, bus: Part, store: Part) -> Self {
        let draining_reason = draining.then(|| "draining: it finishes what is in hand".to_owned());
        let said = |what: &str, part: &Part| -> Vec<String> {
            part.troubles.iter().map(|trouble| format!("{what}: {trouble}")).collect()
        };
        let reasons: Vec<String> =
            draining_reason.into_iter().chain(said("bus", &bus)).chain(said("store", &store)).collect();
        Self { ready: reasons.is_empty(), reasons, roles, draining, bus, store }
    }
}
