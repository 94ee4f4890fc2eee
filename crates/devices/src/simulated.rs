//! Simulated gateways and switches over a [`DeviceMemory`], which outlives the process like a real configuration does.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use rehome_domain::{
    order::Layer,
    ports::{DeviceMemory, Driver, DriverError, Edit, Holding, Inventory, StoreError, Wait},
    reply::Reason,
    request::Spot,
};

use crate::{
    device::{Change, Device, Found, transient},
    session,
};

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
        let remembered = || Remembered { memory: Arc::clone(&self.memory), layer };
        self.devices.has(layer, device).then(|| Session::new(layer, device, remembered()))
    }
}

impl Inventory for Simulated {
    fn open(&self, layer: Layer, device: &str) -> Option<Box<dyn Driver>> {
        Some(Box::new(self.session(layer, device)?))
    }
}

/// A session with one simulated device.
pub type Session = session::Session<Remembered>;

/// One simulated device: the spots of a memory that bear its name.
pub struct Remembered {
    memory: Arc<dyn DeviceMemory>,
    layer: Layer,
}

impl Device for Remembered {
    fn look<'a>(&'a mut self, spots: &'a [Spot]) -> Wait<'a, Result<Vec<Option<Found>>, DriverError>> {
        Box::pin(async move {
            let held = patiently(|| self.memory.look(self.layer, spots.to_vec())).await?;
            Ok(held.into_iter().map(|holding| holding.map(Found::from)).collect())
        })
    }

    fn change<'a>(&'a mut self, changes: &'a [Change]) -> Wait<'a, Result<(), DriverError>> {
        Box::pin(async move {
            let edits: Vec<Edit> = changes.iter().map(edit).collect();
            if patiently(|| self.memory.edit(self.layer, edits.clone())).await? {
                return Ok(());
            }
            let device = changes.first().map_or("", |change| change.spot.device.as_str());
            let text = format!("{device} was changed by somebody else between look and edit");
            Err(transient(Reason::Conflict, text))
        })
    }

    /// Gateways don't, so that claim 5's four outcomes can be told apart without a device that refuses something.
    fn swaps(&self) -> bool {
        self.layer == Layer::L2
    }

    fn preview(&self, changes: &[Change]) -> Vec<String> {
        let line = |change: &Change| match &change.put {
            Some(holding) => format!("put {} at {}", holding.service_id, change.spot),
            None => format!("clear {}", change.spot),
        };
        changes.iter().map(line).collect()
    }
}

/// A memory compares whole holdings. Everything in one bears a mark, so nothing is lost on the way back.
fn edit(change: &Change) -> Edit {
    let expect = change.found.clone().and_then(|found| {
        let mark = found.mark?;
        Some(Holding {
            presence: found.presence,
            service_id: mark.service_id,
            relocation: mark.relocation,
            description: found.description,
            ip: found.ip,
            vrf: found.vrf,
        })
    });
    Edit { spot: change.spot.clone(), expect, put: change.put.clone() }
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

fn unreachable(error: &StoreError) -> DriverError {
    transient(Reason::Unreachable, error.to_string())
}
