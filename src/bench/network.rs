//! The devices of a bench over RabbitMQ: as quick as memory, or as slow as they are told to be, and counted.
//!
//! Devices are no part of what is measured there. The simulated ones that `rehome serve` has keep in the store what they
//! hold, so that it outlives the process; these keep it in this process's memory.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use rehome_devices::simulated::{Devices, Simulated};
use rehome_domain::{
    order::{Layer, WorkOrder},
    ports::{DeviceMemory, Driver, DriverError, Edit, Holding, Inventory, Operation, StoreError, Wait},
    reply::Presence,
    request::Spot,
};

/// What the devices of a layer hold.
type Spots = HashMap<Spot, Holding>;

/// Device memory in this process.
#[derive(Default)]
pub(super) struct Memory([Mutex<Spots>; 2]);

impl Memory {
    fn layer(&self, layer: Layer) -> MutexGuard<'_, Spots> {
        self.0[layer as usize].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl DeviceMemory for Memory {
    fn look(&self, layer: Layer, spots: Vec<Spot>) -> Wait<'_, Result<Vec<Option<Holding>>, StoreError>> {
        Box::pin(async move {
            let held = self.layer(layer);
            Ok(spots.iter().map(|spot| held.get(spot).cloned()).collect())
        })
    }

    fn edit(&self, layer: Layer, edits: Vec<Edit>) -> Wait<'_, Result<bool, StoreError>> {
        Box::pin(async move {
            let mut held = self.layer(layer);
            if edits.iter().any(|edit| held.get(&edit.spot) != edit.expect.as_ref()) {
                return Ok(false);
            }
            for Edit { spot, put, .. } in edits {
                match put {
                    Some(holding) => held.insert(spot, holding),
                    None => held.remove(&spot),
                };
            }
            Ok(true)
        })
    }

    fn all(&self, layer: Layer) -> Wait<'_, Result<Vec<(Spot, Holding)>, StoreError>> {
        Box::pin(async move {
            Ok(self.layer(layer).iter().map(|(spot, holding)| (spot.clone(), holding.clone())).collect())
        })
    }
}

/// What was done on a layer's devices.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Work {
    /// Operations under way.
    now: usize,
    /// The most at once.
    pub(super) peak: usize,
    /// Operations done.
    pub(super) operations: u64,
    /// Their time, one after the other.
    pub(super) busy: Duration,
}

/// Devices that take their time and are counted.
pub(super) struct Slow {
    devices: Simulated,
    takes: Duration,
    work: Arc<[Mutex<Work>; 2]>,
}

impl Slow {
    /// Devices over a memory, each operation of which takes so long.
    pub(super) fn new(memory: Arc<Memory>, takes: Duration) -> Self {
        Self { devices: Simulated::new(memory, Devices::Any), takes, work: Arc::default() }
    }

    /// What was done on a layer's devices so far.
    pub(super) fn work(&self, layer: Layer) -> Work {
        *of(&self.work, layer)
    }
}

fn of(work: &[Mutex<Work>; 2], layer: Layer) -> MutexGuard<'_, Work> {
    work[layer as usize].lock().unwrap_or_else(PoisonError::into_inner)
}

impl Inventory for Slow {
    fn open(&self, layer: Layer, device: &str) -> Option<Box<dyn Driver>> {
        let driver = self.devices.open(layer, device)?;
        Some(Box::new(Session { driver, layer, takes: self.takes, work: Arc::clone(&self.work) }))
    }
}

struct Session {
    driver: Box<dyn Driver>,
    layer: Layer,
    takes: Duration,
    work: Arc<[Mutex<Work>; 2]>,
}

/// An operation under way: counted until it is dropped.
struct UnderWay<'a> {
    work: &'a [Mutex<Work>; 2],
    layer: Layer,
    since: Instant,
}

impl<'a> UnderWay<'a> {
    fn begin(work: &'a [Mutex<Work>; 2], layer: Layer) -> Self {
        let mut count = of(work, layer);
        count.now += 1;
        count.peak = count.peak.max(count.now);
        Self { work, layer, since: Instant::now() }
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        let mut count = of(self.work, self.layer);
        count.now -= 1;
        count.operations += 1;
        count.busy += self.since.elapsed();
    }
}

impl Driver for Session {
    fn perform<'a>(
        &'a mut self,
        operation: Operation,
        order: &'a WorkOrder,
    ) -> Wait<'a, Result<Presence, DriverError>> {
        Box::pin(async move {
            let _under_way = UnderWay::begin(&self.work, self.layer);
            if !self.takes.is_zero() {
                tokio::time::sleep(self.takes).await;
            }
            self.driver.perform(operation, order).await
        })
    }
}
