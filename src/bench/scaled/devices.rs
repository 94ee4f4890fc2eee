//! Slow devices: how the speed grows with the devices that are worked in parallel.

use std::time::Duration;

use rehome_domain::order::Layer;
use serde::Serialize;

use super::{
    super::{
        BenchError,
        measure::{Busy, busy},
        network::Slow,
        synthetic::Spread,
    },
    Stage, cleared,
    crew::{Crew, Muster},
    ground::Ground,
    interrupt::Interrupt,
};
use crate::settings::Settings;

/// Orders that one configurator has in hand at each layer at most; more devices in parallel are more configurators.
const HANDS: usize = 8;
/// Relocations under way for each device in parallel: enough that each layer has always something to do.
const OFFERED: usize = 4;

/// What to measure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scale {
    /// How long an operation on a device takes.
    pub device: Duration,
    /// Gateways, and as many switches.
    pub devices: usize,
    /// Relocations for each device worked in parallel.
    pub each: u64,
    /// How many supervisors.
    pub supervisors: usize,
}

/// So many devices of each layer worked in parallel.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Scaling {
    /// Devices of a layer worked in parallel, at most.
    pub parallel: usize,
    /// Configurators that do it.
    pub configurators: usize,
    /// Relocations taken to their end.
    pub relocations: u64,
    /// Those that did not succeed; anything but 0 is a fault.
    pub unsuccessful: u64,
    /// Operations done on devices of both layers.
    pub operations: u64,
    /// The most operations under way at once on gateways, as counted.
    pub peak_l3: usize,
    /// The same on switches.
    pub peak_l2: usize,
    /// Operations under way on average on both layers' devices: the time they took, by the time that passed.
    pub mean: f64,
    /// The time that passed, in seconds.
    pub seconds: f64,
    /// Relocations a second.
    pub per_second: f64,
    /// Of the machine's processors, the share that was busy with anything.
    pub cpu: f64,
}

/// Measures with 1, 2, 4, … devices in parallel, each over a ground of its own, which is cleared.
///
/// # Errors
/// Broker or database can't be used, or somebody interrupted.
pub async fn devices(
    settings: &Settings,
    scale: &Scale,
    progress: impl Fn(Stage),
) -> Result<Vec<Scaling>, BenchError> {
    let interrupt = Interrupt::listen()?;
    let mut rows = Vec::new();
    let mut parallel = 1;
    while parallel <= scale.devices {
        let ground = Ground::new(settings)?;
        let row = one(&ground, scale, parallel, &interrupt, &progress).await;
        rows.push(cleared(row, &ground).await?);
        parallel *= 2;
    }
    Ok(rows)
}

async fn one(
    ground: &Ground,
    scale: &Scale,
    parallel: usize,
    interrupt: &Interrupt,
    progress: &impl Fn(Stage),
) -> Result<Scaling, BenchError> {
    let configurators = parallel.div_ceil(HANDS);
    let devices = scale.devices as u64;
    let muster = Muster {
        supervisors: scale.supervisors,
        configurators,
        hands: Some(parallel / configurators),
        in_flight: parallel * OFFERED,
        device: scale.device,
        spread: Spread { gateways: devices, switches: devices },
    };
    let mut crew = Crew::new(ground, muster);
    let row = match crew.start(ground).await {
        Ok(()) => interrupt.or(row(&crew, scale, parallel, configurators, progress)).await,
        Err(error) => Err(error),
    };
    crew.drain().await;
    row
}

async fn row(
    crew: &Crew,
    scale: &Scale,
    parallel: usize,
    configurators: usize,
    progress: &impl Fn(Stage),
) -> Result<Scaling, BenchError> {
    let count = scale.each * parallel as u64;
    let before: Busy = busy()?;
    let told = |ended| progress(Stage::Devices(parallel, ended));
    let load = crew.carry(0, count, parallel * OFFERED, told).await?;
    let cpu = busy()?.since(before);
    let of = |layer| Slow::work(&crew.network, layer);
    let (l3, l2) = (of(Layer::L3), of(Layer::L2));
    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
    let per_second = count as f64 / load.seconds;
    Ok(Scaling {
        parallel,
        configurators,
        relocations: count,
        unsuccessful: load.unsuccessful,
        operations: l3.operations + l2.operations,
        peak_l3: l3.peak,
        peak_l2: l2.peak,
        mean: (l3.busy + l2.busy).as_secs_f64() / load.seconds,
        seconds: load.seconds,
        per_second,
        cpu,
    })
}
