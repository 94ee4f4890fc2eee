//! Devices that have nothing but a command line over SSH: older gateways, OLTs, access switches.
//!
//! ```text
//!  Session ─▶ Prompted ──▶ Terminal ──▶ a shell over SSH: one line, then everything until the prompt comes again
//!             device.rs     terminal.rs
//!               └ profile.rs: what this vendor's lines are and how its answers are read    └ shown.rs: what they mean
//! ```
//!
//! A command line has no transactions: each line takes effect or is refused by itself, so that a device can stop half-way.
//! Then the driver stops too, leaves the configuration, reads back and tells which line was refused, in which words, and what
//! is there now. Nothing is believed but what reads back. Compare-and-set is a look right before the first line: who uses a
//! device beside Rehome should take the vendor's exclusive configuration mode into `enter`.

mod device;
mod profile;
mod shown;
mod terminal;

pub use self::{
    device::{Options, Prompted},
    profile::{Profile, ProfileError},
};
