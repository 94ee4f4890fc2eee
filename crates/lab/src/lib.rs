//! A lab on this machine: real NETCONF gateways, real switches and real packets, in network namespaces of its own. For
//! trying the drivers out, for the tests, and for measuring how long a cutover keeps a customer without service.
//!
//! Every part starts by hand from a directory of its own, needs no systemd, and ends what it started and nothing else.
//!
//! - [`daemon`]: a server process of the lab; [`certificates`]: who may speak to whom over TLS;
//! - [`switch`]: Open vSwitch; [`gateway`]: a NETCONF server behind SSH; [`shell`]: a device with nothing but a command line;
//! - [`netns`]: network namespaces and cables; [`agent`]: what makes a gateway forward;
//! - [`network`]: all of it together, with customers; [`inventory`]: how Rehome reaches its devices; [`outage`]: how long one of them was without service;
//! - [`left`]: ending one that outlived who started it.

pub mod agent;
pub mod certificates;
mod customer;
pub mod daemon;
pub mod gateway;
pub mod inventory;
pub mod left;
pub mod netns;
pub mod network;
pub mod outage;
pub mod shell;
mod sshd;
pub mod switch;
