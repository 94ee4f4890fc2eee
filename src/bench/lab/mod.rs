//! `rehome bench --lab`: real gateways, real switches and real packets, in a lab of the bench's own.
//!
//! - [`outage`]: how long a customer is without service, beside the same steps by hand-written calls;
//! - [`parallel`]: many relocations at once beside one by one, and that none interferes with another;
//! - [`commits`]: reservations of one gateway that share commits, beside a commit for each.
//!
//! The whole system takes part, as `rehome serve` has it: over RabbitMQ and PostgreSQL the supervisor and both configurators
//! have connections of their own ([`system`]).

mod commits;
mod direct;
mod held;
mod outage;
mod parallel;
mod system;

use std::sync::Arc;

use rehome_domain::{
    RelocationId, Request,
    request::{Deadlines, Place},
};
use rehome_lab::{
    daemon::DaemonError,
    inventory::inventory,
    network::{self, Customer, Network},
};
use serde::Serialize;
use uuid::Uuid;

use super::{BenchError, LONG};
use crate::{driver::Job, settings::Settings};

pub use self::{
    commits::{Commits, Shared, commits},
    outage::{By, Kind, MOVERS, Outages, outages},
    parallel::{Parallel, Speed, parallel},
    system::Over,
};

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The lab is started.
    Starting,
    /// So many of a customer's moves have been measured.
    Moved(usize),
    /// With so many at once, or with so many to a commit, so many have ended.
    Carried(usize, usize),
    /// Devices are read and customers are asked.
    Checking,
    /// What was made is taken away.
    Clearing,
}

/// What was measured several times, in milliseconds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Times {
    /// Half of them took no longer.
    pub median_ms: f64,
    /// The shortest.
    pub least_ms: f64,
    /// The longest.
    pub most_ms: f64,
    /// All, in the order they were measured.
    pub all_ms: Vec<f64>,
}

impl Times {
    fn of(all_ms: Vec<f64>) -> Self {
        let mut sorted = all_ms.clone();
        sorted.sort_by(f64::total_cmp);
        let (middle, upper) = (sorted.get(sorted.len().saturating_sub(1) / 2), sorted.get(sorted.len() / 2));
        let least_ms = sorted.first().copied().unwrap_or_default();
        let most_ms = sorted.last().copied().unwrap_or_default();
        let median_ms = middle.zip(upper).map_or(0.0, |(middle, upper)| f64::midpoint(*middle, *upper));
        Self { median_ms, least_ms, most_ms, all_ms }
    }
}

/// What blocks its thread, such as waiting for a server's log.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, DaemonError> + Send + 'static,
) -> Result<T, BenchError> {
    let done = tokio::task::spawn_blocking(work).await;
    Ok(done.map_err(|error| BenchError::Bare(error.to_string()))??)
}

/// Starts a lab, and answers settings that name its devices.
async fn start(options: network::Options, settings: &Settings) -> Result<(Network, Settings), BenchError> {
    let network = blocking(move || Network::start(&options)).await?;
    let file = network.directory().join("inventory.toml");
    std::fs::write(&file, inventory(&network)?)?;
    let mut settings = settings.clone();
    settings.devices.inventory = file;
    settings.deadlines = LONG;
    Ok((network, settings))
}

/// A lab's name that no other bench has.
fn name() -> String {
    format!("bench{}", std::process::id())
}

/// A lab with so many of each.
fn options(gateways: usize, switches: usize, customers: usize, moves: &[network::Move]) -> network::Options {
    let moves = moves.to_vec();
    network::Options { gateways, switches, customers, moves, ..network::Options::smallest(&name()) }
}

/// Whether there can be a lab here.
///
/// # Errors
/// This is not root.
pub fn check() -> Result<(), DaemonError> {
    options(1, 1, 1, &[]).check()
}

/// A relocation of a customer from one of its places to the other.
fn job(customer: &Customer, from: &network::Place, to: &network::Place) -> Job {
    let place = |place: &network::Place| Place {
        l3_device: place.gateway.clone(),
        l3_port: place.gateway_port.clone(),
        vlan: place.vlan,
        inner_vlan: None,
        l2_device: place.switch.clone(),
        l2_port: place.switch_port.clone(),
    };
    let request = Request {
        service_id: customer.service_id.clone(),
        customer: customer.description.clone(),
        old: place(from),
        new: place(to),
        ip: customer.gateway_address.clone(),
        vrf: None,
        description: customer.description.clone(),
        external_id: None,
        window: None,
        hold: false,
        deadlines: Deadlines { ..LONG },
    };
    Job { relocation: RelocationId(Uuid::now_v7()), request: Arc::new(request) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_one_or_between_the_two_in_the_middle() {
        assert!((Times::of(vec![3.0, 1.0, 2.0]).median_ms - 2.0).abs() < f64::EPSILON);
        let four = Times::of(vec![4.0, 1.0, 3.0, 2.0]);
        assert!((four.median_ms - 2.5).abs() < f64::EPSILON);
        assert_eq!((four.least_ms, four.most_ms), (1.0, 4.0));
        assert!(Times::of(Vec::new()).median_ms.abs() < f64::EPSILON);
    }
}
