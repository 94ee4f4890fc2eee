//! What operations set: where a process can be asked how it stands.

use serde::{Deserialize, Serialize};

/// The HTTP listener of `rehome serve`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// Where it listens, `host:port`; empty: nowhere.
    pub listen: String,
}
