//! Rehome over HTTP. For now what operations ask of a process, whatever its roles:
//!
//! | path | answers |
//! |---|---|
//! | `/healthz` | 200 as long as the process answers at all: restart it if it does not |
//! | `/readyz` | what it stands on (JSON); 503 with the reasons while it can't work: send it nothing, but let it be |
//! | `/metrics` | figures, as Prometheus reads them |
//!
//! A process that waits for its broker or its database is healthy and not ready: it goes on by itself when they are back.
//! `docs/operations.md` says how to use each.

pub mod readiness;
mod server;
pub mod tmf;

pub use readiness::{Part, Probe, Readiness};
pub use server::{Bound, ListenError, Running, Site};
