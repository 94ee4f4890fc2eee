//! Switches over OVSDB: every step and every failure, on a real Open vSwitch.

mod circuits;
mod failures;
pub(crate) mod rig;
mod trust;
