//! Devices: what the configurators work on.
//!
//! - [`device`]: what a driver makes of a device; [`session`]: what an operation means, whichever driver it is;
//! - [`inventory`]: which devices there are and how each is reached, from a file;
//! - [`simulated`]: gateways and switches over a memory that outlives the process, for everything that needs no wire;
//! - [`netconf`]: gateways over NETCONF, whatever their model ([`netconf::profile`]); [`ssh`]: the way there;
//!   [`mark`]: how a description remembers whose a sub-interface is; [`ovsdb`]: switches over OVSDB;
//!   [`cli`]: devices that have nothing but a command line;
//! - [`provision`] and [`audit`]: the simulated network before the relocations, and a check of it after them;
//! - [`pattern`]: names of devices and services with `*`;
//! - [`faults`]: what goes wrong on purpose, and a prediction of where that leads.

pub mod audit;
mod circuit;
pub mod cli;
pub mod device;
pub mod faults;
pub mod inventory;
pub mod mark;
pub mod netconf;
pub mod ovsdb;
pub mod pattern;
mod plan;
mod precheck;
pub mod provision;
pub mod session;
pub mod simulated;
pub mod ssh;
