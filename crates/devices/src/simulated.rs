//! Simulated gateways and switches over a [`DeviceMemory`], which outlives the process like a real configuration does.
//!
//! A session looks, decides and edits by compare-and-set, and remembers nothing: two processes that share a memory
//! stay correct, and doing an operation twice is doing it once. What each operation does is in `circuit`.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use rehome_domain::{
    order::{Layer, WorkOrder},
    ports::{DeviceMemory, Driver, DriverError, Inventory, Operation, StoreError, Wait},
    reply::{Failure, Presence, Reason},
};

pub(crate) mod circuit;

use circuit::Circuit;

/// How long a memory that fails is asked again before the device counts as unreachable.
const PATIENCE: Duration = Duration::from_secs(60);
/// The pause before it is asked again.
const PAUSE: Duration = Duration::from_millis(250);

/// Which devices there are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Devices {
    /// Every name is a device.
    Any,
    /// These, by layer.
    Named {
        /// Gateways.
        l3: BTreeSet<String>,
        /// Switches.
        l2: BTreeSet<String>,
    },
}

impl Devices {
    fn has(&self, layer: Layer, device: &str) -> bool {
        match (self, layer) {
            (Self::Any, _) => true,
            (Self::Named { l3, .. }, Layer::L3) => l3.contains(device),
            (Self::Named { l2, .. }, Layer::L2) => l2.contains(device),
        }
    }
}

/// The simulated network.
#[derive(Clone)]
pub struct Simulated {
    memory: Arc<dyn DeviceMemory>,
    devices: Devices,
}

impl Simulated {
    /// A network of these devices over a memory.
    #[must_use]
    pub fn new(memory: Arc<dyn DeviceMemory>, devices: Devices) -> Self {
        Self { memory, devices }
    }

    /// A session with a device; none if the layer has no device of that name.
    #[must_use]
    pub fn session(&self, layer: Layer, device: &str) -> Option<Session> {
        self.devices.has(layer, device).then(|| Session {
            memory: Arc::clone(&self.memory),
            layer,
            device: device.to_owned(),
        })
    }
}

impl Inventory for Simulated {
    fn open(&self, layer: Layer, device: &str) -> Option<Box<dyn Driver>> {
        Some(Box::new(self.session(layer, device)?))
    }
}

/// A session with one simulated device.
pub struct Session {
    memory: Arc<dyn DeviceMemory>,
    layer: Layer,
    device: String,
}

/// How far the device gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extent {
    Whole,
    Half,
}

impl Session {
    pub(crate) const fn layer(&self) -> Layer {
        self.layer
    }

    pub(crate) fn device(&self) -> &str {
        &self.device
    }

    /// Does half of it and stops: a reservation, install, release, teardown or rollback leaves [`Presence::Partial`], a
    /// swap puts the new end into service and leaves the old. For fault plans.
    ///
    /// # Errors
    /// The same as [`Driver::perform`]; the fault itself is the caller's to report.
    pub async fn perform_half(
        &mut self,
        operation: Operation,
        order: &WorkOrder,
    ) -> Result<Presence, DriverError> {
        self.ensure(operation, order, Extent::Half).await
    }

    async fn ensure(
        &self,
        operation: Operation,
        order: &WorkOrder,
        extent: Extent,
    ) -> Result<Presence, DriverError> {
        let circuit = Circuit::of(order, self.layer);
        let spots = circuit.spots(operation);
        self.check(operation, order, spots.iter().map(|spot| spot.device.as_str()))?;
        let held = patiently(|| self.memory.look(self.layer, spots.clone())).await?;
        let at = |wanted: &_| {
            let place = spots.iter().position(|spot| spot == wanted)?;
            held.get(place).cloned().flatten()
        };
        let edits = match extent {
            Extent::Whole => circuit.whole(operation, at).map_err(permanent)?,
            Extent::Half => circuit.half(operation, at),
        };
        let answered = spots.last().and_then(|spot| {
            let edited = edits.iter().find(|edit| edit.spot == *spot);
            edited.map_or_else(|| at(spot), |edit| edit.put.clone())
        });
        if !edits.is_empty() && !patiently(|| self.memory.edit(self.layer, edits.clone())).await? {
            let text = format!("{} was changed by somebody else between look and edit", self.device);
            return Err(DriverError { transient: true, failure: Failure { reason: Reason::Conflict, text } });
        }
        Ok(circuit.presence(answered.as_ref()))
    }

    /// A device refuses what is not for it: an order of the other layer, a spot on another device, a swap on a gateway.
    fn check<'s>(
        &self,
        operation: Operation,
        order: &WorkOrder,
        mut devices: impl Iterator<Item = &'s str>,
    ) -> Result<(), DriverError> {
        let refuse = |text| Err(permanent(Failure { reason: Reason::Rejected, text }));
        if order.layer != self.layer {
            return refuse(format!(
                "{} is an {} device, the order is for {}",
                self.device, self.layer, order.layer
            ));
        }
        if operation == Operation::Swap && self.layer == Layer::L3 {
            return refuse(format!("{} is a gateway, swap is an operation of switches", self.device));
        }
        match devices.find(|device| *device != self.device) {
            Some(other) => refuse(format!("{} can't change a spot on {other}", self.device)),
            None => Ok(()),
        }
    }
}

impl Driver for Session {
    fn perform<'a>(
        &'a mut self,
        operation: Operation,
        order: &'a WorkOrder,
    ) -> Wait<'a, Result<Presence, DriverError>> {
        Box::pin(self.ensure(operation, order, Extent::Whole))
    }
}

/// The memory stands for the device itself: a database that restarts is no device that fails. Asks again until it answers,
/// and calls the device unreachable only after [`PATIENCE`].
async fn patiently<'a, T>(ask: impl Fn() -> Wait<'a, Result<T, StoreError>>) -> Result<T, DriverError> {
    let mut waited = Duration::ZERO;
    loop {
        match ask().await {
            Ok(answer) => return Ok(answer),
            Err(error) if error == StoreError::Closed || waited >= PATIENCE => {
                return Err(unreachable(&error));
            }
            Err(error) => tracing::debug!(%error, "a simulated device's memory is away, asking again"),
        }
        tokio::time::sleep(PAUSE).await;
        waited += PAUSE;
    }
}

fn permanent(failure: Failure) -> DriverError {
    DriverError { transient: false, failure }
}

fn unreachable(error: &StoreError) -> DriverError {
    DriverError { transient: true, failure: Failure { reason: Reason::Unreachable, text: error.to_string() } }
}
