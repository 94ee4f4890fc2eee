//! Plans: what a relocation's orders would change on its devices, told before anything is sent.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    order::{Layer, OrderKind},
    ports::Holding,
    reply::Failure,
    request::Spot,
};

/// What a device holds at a spot.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct SpotHeld {
    /// Where.
    pub spot: Spot,
    /// What; none: nothing.
    pub held: Option<Holding>,
}

/// What an order would change at a spot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlannedChange {
    /// Where.
    pub spot: Spot,
    /// What is there by then; none: nothing.
    pub from: Option<Holding>,
    /// What is there afterwards; none: nothing.
    pub to: Option<Holding>,
}

/// What one order would do on one device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlannedOrder {
    /// The order. A `release` is told as it would follow the `reserve`, a `rollback_install` as it would the `cutover`.
    pub order: OrderKind,
    /// What it would change; nothing, if all is so already.
    pub changes: Vec<PlannedChange>,
    /// What would be sent to the device, line by line in its own words.
    pub lines: Vec<String>,
    /// Why it would be refused, if it would.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Failure>,
}

/// What one device holds now, and what each order would do on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DevicePlan {
    /// The layer.
    pub layer: Layer,
    /// The device.
    pub device: String,
    /// What it holds now at the relocation's spots.
    pub now: Vec<SpotHeld>,
    /// The orders that concern it, in the order of their sending.
    pub orders: Vec<PlannedOrder>,
    /// What it holds by the time that the cutover begins, if nobody else changes it: the same before the reservation as
    /// after it.
    #[serde(default)]
    pub expected: Vec<SpotHeld>,
    /// Why the device could not be asked, if it could not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unknown: Option<Failure>,
}

/// What a relocation would change, device by device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    /// The devices: gateways first, the old place's before the new one's.
    pub devices: Vec<DevicePlan>,
    /// Tells two plans apart: the same as long as the cutover would find the same at the relocation's spots.
    pub fingerprint: String,
}

/// A plan that somebody has seen and goes by. The gateways hold it against what is there when the cutover begins, and refuse
/// it if something has been changed meanwhile, before anything is touched (row 19).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SeenPlan {
    /// The plan's fingerprint.
    #[schemars(length(min = 1, max = 64))]
    pub fingerprint: String,
    /// What the gateways will hold when the cutover begins, spot by spot.
    #[schemars(length(max = 2))]
    pub expected: Vec<SpotHeld>,
}

impl Plan {
    /// A plan of these devices.
    #[must_use]
    pub fn new(devices: Vec<DevicePlan>) -> Self {
        let mut held = String::new();
        for SpotHeld { spot, held: holding } in devices.iter().flat_map(|device| &device.expected) {
            // Debug's form names every field and quotes every text, so no two different holdings look alike.
            held.push_str(&format!("{spot:?} {holding:?}\n"));
        }
        let fingerprint = Uuid::new_v5(&Uuid::NAMESPACE_OID, held.as_bytes()).simple().to_string();
        Self { devices, fingerprint }
    }

    /// What whoever has seen it goes by.
    #[must_use]
    pub fn seen(&self) -> SeenPlan {
        let gateways = self.devices.iter().filter(|device| device.layer == Layer::L3);
        let expected = gateways.flat_map(|device| device.expected.iter().cloned()).collect();
        SeenPlan { fingerprint: self.fingerprint.clone(), expected }
    }

    /// Whether every device could be asked and no order would be refused.
    #[must_use]
    pub fn is_good(&self) -> bool {
        let good = |device: &DevicePlan| {
            device.unknown.is_none() && device.orders.iter().all(|order| order.refused.is_none())
        };
        self.devices.iter().all(good)
    }
}
