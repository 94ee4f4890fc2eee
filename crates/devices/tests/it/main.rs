//! The simulated devices, the audit of what they hold, and the fault plans, each tested through its public face.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod auditing;
mod cli;
mod conformance;
mod contract;
mod faulty;
mod inventory;
mod netconf;
mod ovsdb;
mod password;
mod planning;
mod plans;
mod play;
mod provisioning;
mod runs;
mod sharing;
mod sheets;
mod world;
