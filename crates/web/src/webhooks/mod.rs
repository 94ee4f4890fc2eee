//! Telling others of changes over HTTP.
//!
//! ```text
//!  the journals, in the order committed ─▶ postman: on from where a webhook was told ─▶ telling ─▶ signature ─▶ client
//!                          later again ◀── not taken ── the receiver's answer ── taken ─▶ its position moves on
//! ```
//!
//! At least once, in order, nothing left out: a webhook's position moves when its receiver has taken what stands there, and
//! what is told has an id that is the same each time. A receiver that takes nothing is tried ever more seldom, for ever;
//! it keeps no other waiting, because each webhook is told by itself, by one process at a time.

pub mod client;
mod postman;
mod query;
mod reach;
mod signature;
mod silence;
pub(crate) mod subscriptions;
mod telling;

pub use postman::{Postman, PostmanParts};
pub use query::{BadQuery, Query};
pub use reach::{NotReached, Reach};
pub use signature::{SECRET_PREFIX, secret_of, sign};
pub use silence::{Silence, silence};
pub use telling::{Telling, changed_and_raised, tellings};
