//! Gateways over NETCONF (RFC 6241, over SSH: RFC 6242).
//!
//! What a device can is taken from its hello, what its model looks like from a [profile](profile); never anything from its
//! maker's name. Every change is one commit, compared before and read back after.

pub mod client;
mod device;
pub mod framing;
pub mod profile;
pub mod rpc;
pub mod xml;

use serde::Deserialize;

pub use device::{Gateway, Line};

use crate::ssh;

/// What the inventory says of a gateway.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// How it is reached.
    pub ssh: ssh::Options,
    /// Its profile: the name of one that comes with Rehome (`ietf-interfaces`), or a file, `….toml`.
    pub profile: String,
    /// Whether the device is asked to validate the candidate before it is committed. Debian's netconfd loses changes then.
    #[serde(default)]
    pub validate: bool,
    /// For how many seconds the device holds a commit that is not confirmed, before it takes it back by itself; 0: commits
    /// are final at once. Only devices that can.
    #[serde(default = "confirm_s")]
    pub confirm_s: u32,
    /// For how many seconds the device holds a cutover within it until L2's is done, and takes it back by itself if nobody confirms
    /// it; 0: a cutover stands at once, whatever becomes of L2's. Meanwhile nothing else is done on the device. Only devices that
    /// can (confirmed commit with `persist`).
    #[serde(default)]
    pub hold_s: u32,
    /// How long one answer may take, in milliseconds. A commit on a large router takes tens of seconds.
    #[serde(default = "answer_ms")]
    pub answer_ms: u32,
    /// The largest message that is taken from the device, in bytes.
    #[serde(default = "largest_message")]
    pub largest_message: usize,
}

const fn confirm_s() -> u32 {
    60
}

const fn answer_ms() -> u32 {
    60_000
}

const fn largest_message() -> usize {
    16 * 1024 * 1024
}
