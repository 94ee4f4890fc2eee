//! Rehome over HTTP.
//!
//! ```text
//!  a request ─▶ frame: bounds, language, headers ─▶ site: which scope ─▶ door: who it is, what they may ─▶ a handler
//!                                                                                  asker ─▶ the supervisor's queue
//! ```
//!
//! | path | is |
//! |---|---|
//! | `/healthz`, `/readyz`, `/metrics` | what operations ask of a process, whatever its roles; nobody is asked who they are |
//! | `/` | pages, for people ([`pages`]) |
//! | `/api/v1` | the API, for programs and for the pages' scripts ([`api`]) |
//! | `/tmf-api/serviceOrdering/v4` | TMF641, for ordering systems ([`tmf`]) |
//! | `/assets` | what pages are made of ([`assets`]) |
//!
//! All but the first is there only in a process with the role `web`. A process that waits for its broker or its database
//! is healthy and not ready: it goes on by itself when they are back. `docs/operations.md` says how to use each.

pub mod api;
pub mod asker;
pub mod assets;
mod bulk;
mod changes;
mod devices;
pub mod door;
mod export;
mod figures;
mod foreseen;
pub mod frame;
mod fresh;
mod operations;
pub mod pages;
mod passes;
pub mod readiness;
mod runs;
mod server;
mod settling;
mod sheets;
mod site;
mod submission;
mod texts;
pub mod tmf;
mod under_way;
pub mod webhooks;

pub use asker::{AskError, Asked, Asker};
pub use changes::Changes;
pub use devices::Devices;
pub use door::{Caller, Door, SignedIn};
pub use figures::Figures;
pub use frame::{Language, Problem};
pub use fresh::Fresh;
pub use pages::Pulse;
pub use readiness::{Part, Probe, Readiness};
pub use runs::Runs;
pub use server::{Bound, ListenError, Listening, Running};
pub use sheets::{SheetFault, SheetReader, SheetRow};
pub use site::{Site, Workbench};
pub use under_way::{DomainOf, UnderWay};

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests;
