//! Rehome's actors: thin actix shells around plain async functions that tests call without an actor system.
//!
//! ```text
//!              commands ─┐                     ┌─▶ work l3 ─▶ Configurator(L3) ─▶ DeviceSession (gateway) ─▶ Driver
//!   people ──▶           ├─▶ supervise() ──────┤
//!              replies ──┘   one batch,        └─▶ work l2 ─▶ Configurator(L2) ─▶ DeviceSession (switch) ──▶ Driver
//!                 ▲          one transaction                         │
//!                 ├──────────────────────── replies ─────────────────┘
//!                 └── Clock: deadlines and windows claimed from the store
//! ```
//!
//! - [`supervisor`]: the batch loop; the only writer of tickets.
//! - [`configurator`]: takes orders, carries each out by its layer's plan ([`l3`], [`l2`]).
//! - [`session`]: one actor a device; its mailbox is the device's queue, one operation at a time.
//! - [`clock`]: turns deadlines into messages.
//! - [`dead`]: brings what the bus could give to nobody to where people look for it.
//! - [`helm`]: knows what is paused, and lets what a pause held back begin when it is over.
//! - [`metrics`]: what the others count.
//! - [`plan`]: what a relocation would change on its devices, before it does.
//! - [`resume`]: at start, reads every open ticket's journal again, sets aside what can't be read, and sends again
//!   what a bus that keeps nothing has lost.

pub mod clock;
pub mod configurator;
pub mod dead;
pub mod helm;
pub mod l2;
pub mod l3;
pub mod metrics;
pub mod plan;
pub mod resume;
pub mod retry;
pub mod session;
pub mod supervisor;

mod attempt;
mod trace;

use std::sync::Arc;

use jiff::Timestamp;

/// Where actors get the time from; tests give their own.
pub type Now = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// The machine's clock.
#[must_use]
pub fn wall_clock() -> Now {
    Arc::new(Timestamp::now)
}
