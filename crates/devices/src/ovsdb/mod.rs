//! Switches over OVSDB (RFC 7047): Open vSwitch, and what else keeps its `Open_vSwitch` database.
//!
//! ```text
//!  Session ─▶ Switch ──▶ Connection ──▶ a task for each connection: writes requests, hands out answers,
//!             device.rs   client.rs     answers the server's echo, asks for its own
//!               │            └ stream.rs, tls.rs: unix socket, TCP, mutual TLS    └ wire.rs: JSON without framing
//!               └ port.rs: what a Port row means, and what it is to become
//! ```
//!
//! **What a circuit is on a switch.** An access port: the `tag` of its Port row is the VLAN it is in, and a QinQ circuit's
//! port is a `dot1q-tunnel` that puts the outer tag around the inner one (`cvlans`). A port without service is in the
//! [parking VLAN](Options::parking_vlan). Whose a port is stands in its `external_ids`: `rehome-service`,
//! `rehome-relocation`, `rehome-vlan` and `rehome-description`; what else stands there is left alone.
//!
//! | | tag | mark |
//! |---|---|---|
//! | nothing | parking VLAN | none |
//! | reserved | parking VLAN | the circuit's |
//! | half there | none | the circuit's |
//! | in service | the circuit's VLAN | the circuit's; none if it was there before Rehome |
//! | somebody's | any other, or a trunk | any |
//!
//! An access port is in one VLAN: while it carries one, no circuit can be reserved on it in another.
//!
//! **How it is changed.** One transaction a step: it waits that every port still is as it was found, updates all of them
//! and asks the switch to apply it. Then the driver waits until the switch has, and reads back.

mod client;
mod device;
mod options;
mod port;
mod stream;
mod tls;
mod wire;

pub use self::{
    device::Switch,
    options::{Address, Options},
};
