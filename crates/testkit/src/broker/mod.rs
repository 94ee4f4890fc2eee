//! RabbitMQ for tests: a vhost of one's own on the broker that is there, a broker of one's own, or a cluster of three.
//!
//! All need RabbitMQ's tools and the right to use them (root, or the user `rabbitmq`). `REHOME_TEST_AMQP` names the
//! broker that is there, by default `amqp://guest:guest@127.0.0.1:5672`.

#![allow(clippy::unwrap_used)]

mod certificates;
mod cluster;
mod node;
mod vhost;

use std::{
    process::{Command, Stdio},
    sync::atomic::{AtomicU32, Ordering},
};

pub use self::{
    cluster::Cluster,
    node::Node,
    vhost::{BROKER, Vhost},
};

/// Gives each vhost and each node of this process a name of its own.
fn number() -> u32 {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    NUMBER.fetch_add(1, Ordering::Relaxed)
}

fn run(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output().unwrap();
    assert!(
        output.status.success(),
        "{program} {arguments:?} failed: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}
