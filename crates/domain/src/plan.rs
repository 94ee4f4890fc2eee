//! Plans: what a relocation's orders would change on its devices, told before anything is sent.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    order::{Layer, OrderKind},
    ports::Holding,
    reply::{Failure, Presence},
    request::Spot,
    status::CutoverStatus,
    ticket::Ticket,
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

/// What has changed devices since a plan was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// Nothing: they hold what it says. Or nobody goes by a plan.
    Same,
    /// Nothing but the relocation's own cutover, of which a part was done.
    OwnCutover,
    /// Somebody else, or nobody can tell.
    Others,
}

/// What a fingerprint is made of, in this version: two binaries of one version tell the same fingerprint for the same holdings.
const PRINT_VERSION: &str = "plan 1";

/// A holding as it is fingerprinted: the fields by fixed names, those that are not there left out, each text with its length
/// before it, so that no two different holdings look alike.
fn printed(SpotHeld { spot, held }: &SpotHeld) -> String {
    let held = held.as_ref();
    let fields = [
        ("device", Some(spot.device.clone())),
        ("port", Some(spot.port.clone())),
        ("vlan", Some(spot.vlan.to_string())),
        ("inner_vlan", spot.inner_vlan.map(|vlan| vlan.to_string())),
        ("presence", held.map(|held| held.presence.wire().to_owned())),
        ("service_id", held.map(|held| held.service_id.clone())),
        ("relocation", held.and_then(|held| held.relocation).map(|id| id.to_string())),
        ("description", held.map(|held| held.description.clone())),
        ("ip", held.and_then(|held| held.ip.clone())),
        ("vrf", held.and_then(|held| held.vrf.clone())),
    ];
    let given = fields.into_iter().filter_map(|(name, value)| Some((name, value?)));
    given.map(|(name, value)| format!("{name} {} {value}\n", value.len())).collect()
}

/// Whether a relocation's own cutover has left a spot so: by its mark, or by the old place that it has torn down, or half of it.
fn is_left_by(ticket: &Ticket, layer: Layer, SpotHeld { spot, held }: &SpotHeld) -> bool {
    let old = match layer {
        Layer::L3 => ticket.request.old.l3(),
        Layer::L2 => ticket.request.old.l2(),
    };
    // A cutover that was not begun (row 19) has torn nothing down.
    let has_begun = ticket.state.cutover.is_some_and(|cutover| cutover != CutoverStatus::L3CutoverFailed);
    match held {
        None => has_begun && *spot == old,
        Some(held) if held.relocation == Some(ticket.id) => true,
        Some(held) => has_begun && *spot == old && held.presence == Presence::Partial,
    }
}

impl Plan {
    /// A plan of these devices.
    #[must_use]
    pub fn new(devices: Vec<DevicePlan>) -> Self {
        let held: String = devices.iter().flat_map(|device| &device.expected).map(printed).collect();
        let held = format!("{PRINT_VERSION}\n{held}");
        let fingerprint = Uuid::new_v5(&Uuid::NAMESPACE_OID, held.as_bytes()).simple().to_string();
        Self { devices, fingerprint }
    }

    /// What has changed the devices of a ticket since the plan that it goes by; this is how they are now.
    #[must_use]
    pub fn since(&self, ticket: &Ticket) -> Since {
        let Some(seen) = ticket.plan.as_ref().filter(|seen| seen.fingerprint != self.fingerprint) else {
            return Since::Same;
        };
        let is_own = |layer: Layer, now: &SpotHeld| {
            // Of switches the seen plan keeps no more than its fingerprint.
            let is_as_seen = match layer {
                Layer::L3 => seen.expected.contains(now),
                Layer::L2 => {
                    now.held.as_ref().is_some_and(|held| held.service_id == ticket.request.service_id)
                }
            };
            is_as_seen || is_left_by(ticket, layer, now)
        };
        let all = self.devices.iter().all(|device| {
            device.unknown.is_none() && device.expected.iter().all(|now| is_own(device.layer, now))
        });
        if all { Since::OwnCutover } else { Since::Others }
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
