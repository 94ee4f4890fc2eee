//! Many relocations at once over several gateways and switches, beside the same one by one.

use rehome_domain::RelocationStatus;
use rehome_lab::network::{Move, Network};
use serde::Serialize;

use super::{
    super::BenchError,
    Stage,
    direct::Direct,
    held::{Side, wrong},
    job, options, start,
    system::{How, Over, System, at_work},
};
use crate::{
    driver::{Deploy, Job, Standing},
    settings::Settings,
};

/// Gateways, and as many switches.
const DEVICES: usize = 4;
/// How customers move, in turn: so that gateways are shared and crossed, and VLANs kept.
const MOVES: [Move; 3] = [Move::Onward, Move::Ports, Move::SameVlan];

/// How fast so many at once were.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Speed {
    /// How many at once.
    pub in_flight: usize,
    /// How long all took, in seconds.
    pub seconds: f64,
    /// Relocations a second.
    pub per_second: f64,
    /// Those that did not succeed; anything but 0 is a fault.
    pub unsuccessful: usize,
    /// What was not as it must be afterwards, by the devices and by ping; nothing, or there is a fault.
    pub wrong: Vec<String>,
}

/// What was measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Parallel {
    /// How many relocations, each of another customer.
    pub relocations: usize,
    /// How many gateways.
    pub gateways: usize,
    /// How many switches.
    pub switches: usize,
    /// All at once.
    pub at_once: Speed,
    /// One by one.
    pub one_by_one: Speed,
    /// How many times as fast all at once are.
    pub ratio: f64,
}

/// Moves so many customers to their new places all at once, looks at everything, and moves them back one by one.
///
/// # Errors
/// The lab, the servers or the devices can't be used, or somebody interrupted.
pub async fn parallel(
    settings: &Settings,
    over: Over,
    relocations: usize,
    progress: impl Fn(Stage) + Sync,
) -> Result<Parallel, BenchError> {
    progress(Stage::Starting);
    let (network, settings) = start(options(DEVICES, DEVICES, relocations, &MOVES), settings).await?;
    at_work(&settings, over, &progress, async |system| {
        let mut direct = Direct::connect(&network).await?;
        let at_once = speed(&network, system, &mut direct, Side::New, relocations, &progress).await?;
        let one_by_one = speed(&network, system, &mut direct, Side::Old, 1, &progress).await?;
        let ratio = at_once.per_second / one_by_one.per_second;
        Ok(Parallel { relocations, gateways: DEVICES, switches: DEVICES, at_once, one_by_one, ratio })
    })
    .await
}

/// Moves everybody to this side.
async fn speed(
    network: &Network,
    system: &System,
    direct: &mut Direct,
    side: Side,
    in_flight: usize,
    progress: &(impl Fn(Stage) + Sync),
) -> Result<Speed, BenchError> {
    let moves = network.customers.iter().map(|customer| (customer, side.of(customer)));
    let jobs: Vec<Job> = moves.map(|(customer, (to, from))| job(customer, from, to)).collect();
    let how = How { in_flight, deploy: Deploy::Auto, operator: None };
    let carried = system.carry(&jobs, how, |done| progress(Stage::Carried(in_flight, done))).await?;
    progress(Stage::Checking);
    let succeeded = |standing: &&Standing| matches!(standing, Standing::At(seen) if seen.relocation == RelocationStatus::Succeeded);
    let unsuccessful = jobs.len() - carried.standings.iter().filter(succeeded).count();
    let wrong = wrong(network, direct, side).await?;
    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
    let per_second = jobs.len() as f64 / carried.seconds;
    Ok(Speed { in_flight, seconds: carried.seconds, per_second, unsuccessful, wrong })
}
