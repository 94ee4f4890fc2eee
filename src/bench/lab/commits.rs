//! Reservations that wait for one gateway and share its commits, beside a commit for each.

use rehome_domain::CommandKind;
use rehome_lab::network::{self, Move, Network};
use serde::Serialize;

use super::{
    super::BenchError,
    Stage,
    direct::Direct,
    job, options, start,
    system::{How, Over, System, at_work},
};
use crate::{
    driver::{Act, Deploy, Job, Seen, Standing},
    settings::Settings,
};

/// How fast reservations were with so many to a commit.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Shared {
    /// Orders that may share a commit, at most: `devices.batch`.
    pub batch: usize,
    /// How long all took, in seconds.
    pub seconds: f64,
    /// Reservations a second.
    pub per_second: f64,
    /// Those that are not reserved, by the ticket or by the gateway; anything but 0 is a fault.
    pub unsuccessful: usize,
}

/// What was measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Commits {
    /// How many reservations, all at once.
    pub reservations: usize,
    /// A commit for each.
    pub alone: Shared,
    /// Commits shared, as the settings allow it.
    pub shared: Shared,
    /// How many times as fast those are.
    pub ratio: f64,
}

/// Reserves so many customers' new places on one gateway, with a commit for each, and again with commits shared.
///
/// # Errors
/// The lab, the servers or the devices can't be used, or somebody interrupted.
pub async fn commits(
    settings: &Settings,
    over: Over,
    reservations: usize,
    progress: impl Fn(Stage) + Sync,
) -> Result<Commits, BenchError> {
    progress(Stage::Starting);
    // A commit takes netconfd seconds where hundreds of circuits are in service, and sharing would seem to do wonders.
    let options = network::Options { served: false, ..options(1, 1, reservations, &[Move::Ports]) };
    let (network, settings) = start(options, settings).await?;
    let batched = async |batch: usize| {
        let mut settings = settings.clone();
        settings.devices.batch = batch;
        let work = async |system: &System| measured(&network, system, batch, &progress).await;
        at_work(&settings, over, &progress, work).await
    };
    let alone = batched(1).await?;
    let shared = batched(settings.devices.batch).await?;
    let ratio = shared.per_second / alone.per_second;
    Ok(Commits { reservations, alone, shared, ratio })
}

/// Reserves all and looks at them, then takes them back.
async fn measured(
    network: &Network,
    system: &System,
    batch: usize,
    progress: &(impl Fn(Stage) + Sync),
) -> Result<Shared, BenchError> {
    let jobs: Vec<Job> =
        network.customers.iter().map(|customer| job(customer, &customer.old, &customer.new)).collect();
    let how = How { in_flight: jobs.len(), deploy: Deploy::Manual, operator: None };
    let reserved = system.carry(&jobs, how, |done| progress(Stage::Carried(batch, done))).await?;
    progress(Stage::Checking);
    let is_reserved = |standing: &&Standing| matches!(standing, Standing::At(seen) if seen.awaits_cutover() && !seen.is_forced_on());
    let by_tickets = reserved.standings.iter().filter(is_reserved).count();
    let by_gateway = reservations(network).await?;
    let cancel = |_: &Job, seen: &Seen, used: &[usize]| {
        let act = Act { rule: 0, command: CommandKind::Cancel, reason: "measured".to_owned() };
        (seen.awaits_cutover() && used.is_empty()).then_some(act)
    };
    system.carry(&jobs, How { operator: Some(&cancel), ..how }, |_| {}).await?;
    let left = reservations(network).await?;
    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
    let per_second = jobs.len() as f64 / reserved.seconds;
    let unsuccessful = jobs.len() - by_tickets.min(by_gateway) + left;
    Ok(Shared { batch, seconds: reserved.seconds, per_second, unsuccessful })
}

/// How many sub-interfaces a lab's gateways hold that are shut down.
async fn reservations(network: &Network) -> Result<usize, BenchError> {
    let (mut direct, mut reserved) = (Direct::connect(network).await?, 0);
    for gateway in &network.gateways {
        let all = direct.interfaces(&gateway.name).await?;
        reserved += all.iter().filter(|interface| interface.text_at("enabled") == Some("false")).count();
    }
    Ok(reserved)
}
