//! Devices, and where simulated ones keep what they hold.

use std::{sync::Arc, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{StoreError, Wait};
use crate::{
    id::RelocationId,
    order::{Layer, WorkOrder},
    plan::{DevicePlan, Plan},
    reply::{Failure, Presence, Reason},
    request::{Request, Spot},
};

/// What a simulated device holds at a spot.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub struct Holding {
    /// Reserved, half there, or in service; never absent.
    pub presence: Presence,
    /// The circuit.
    pub service_id: String,
    /// The relocation that put it there; none if it was there before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relocation: Option<RelocationId>,
    /// The port description.
    pub description: String,
    /// The gateway address, once installed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// The VRF, once installed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vrf: Option<String>,
}

/// A change of what a simulated device holds: compare and set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// Where.
    pub spot: Spot,
    /// What must be there now.
    pub expect: Option<Holding>,
    /// What is there afterwards.
    pub put: Option<Holding>,
}

/// Where simulated devices keep what they hold, so that it outlives the process like a real device's configuration.
pub trait DeviceMemory: Send + Sync {
    /// What is at these spots.
    fn look(&self, layer: Layer, spots: Vec<Spot>) -> Wait<'_, Result<Vec<Option<Holding>>, StoreError>>;

    /// Makes all edits or none; false if one of them expected something else. Durable when it resolves.
    fn edit(&self, layer: Layer, edits: Vec<Edit>) -> Wait<'_, Result<bool, StoreError>>;

    /// All that the layer's devices hold.
    fn all(&self, layer: Layer) -> Wait<'_, Result<Vec<(Spot, Holding)>, StoreError>>;
}

/// What a device session is asked to do: the small operations that orders are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    /// Prepare the new place.
    Reserve,
    /// Take the reservation of the new place back.
    Release,
    /// Put the new place into service.
    Install,
    /// Take the old place out of service.
    Teardown,
    /// Both in one transaction, where one device has both ends: always on a switch, on a gateway that can
    /// ([`Inventory::swaps`]).
    Swap,
    /// The same as [`Swap`](Self::Swap), on a gateway that then holds it ([`Inventory::holds`]): unless it is confirmed in time,
    /// the gateway takes it back by itself.
    Hold,
    /// Let what a gateway holds for this relocation stand. Doing it again, or where nothing is held, says whether it stands.
    Confirm,
    /// Take back what a gateway holds for this relocation: the old place serves again. Doing it again says whether it does.
    TakeBack,
    /// Take a failed install back.
    RollbackInstall,
    /// Say whether a gateway may begin a cutover: what it holds is as the order expects, and nothing is in the way. Touches
    /// nothing.
    Check,
    /// Say what is at the old place.
    LookOld,
    /// Say what is at the new place.
    LookNew,
}

impl Operation {
    /// Whether several orders' may share one commit of a device. Only what never touches service: should the commit go
    /// wrong, nobody is worse off than alone.
    #[must_use]
    pub const fn is_shareable(self) -> bool {
        matches!(self, Self::Reserve | Self::Release)
    }
}

/// Why an operation failed, and whether trying again may help.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{failure}")]
pub struct DriverError {
    /// Device unreachable, lock held, commit conflict: try again. A rejected edit is permanent.
    pub transient: bool,
    /// What happened.
    pub failure: Failure,
}

/// A session with one device. Operations mean *ensure*: doing one twice is harmless.
pub trait Driver: Send {
    /// Does it; answers what is there afterwards (for the two looks: what is there).
    fn perform<'a>(
        &'a mut self,
        operation: Operation,
        order: &'a WorkOrder,
    ) -> Wait<'a, Result<Presence, DriverError>>;

    /// What the orders of a relocation would change on this device, from what it holds now; which of them this one is does
    /// not matter. Touches nothing.
    ///
    /// # Errors
    /// If the device can't be asked, or its driver can't tell.
    fn plan<'a>(&'a mut self, order: &'a WorkOrder) -> Wait<'a, Result<DevicePlan, DriverError>> {
        let text =
            format!("the driver of these {} devices can't tell beforehand what it will do", order.layer);
        let failure = Failure { reason: Reason::Other, text };
        Box::pin(async { Err(DriverError { transient: false, failure }) })
    }

    /// The same operation for several orders that wait for this device, in as few commits as it can; each is answered for
    /// itself, in their order, and one that is refused does not take others with it.
    fn perform_all<'a>(
        &'a mut self,
        operation: Operation,
        orders: &'a [Arc<WorkOrder>],
    ) -> Wait<'a, Vec<Result<Presence, DriverError>>> {
        Box::pin(async move {
            let mut answers = Vec::with_capacity(orders.len());
            for order in orders {
                answers.push(self.perform(operation, order).await);
            }
            answers
        })
    }
}

/// Tells beforehand what relocations would change on their devices.
pub trait Planner: Send + Sync {
    /// Asks the devices of both places what they hold now, and touches nothing. A device that can't be asked is told of in
    /// the plan.
    fn plan(&self, relocation: RelocationId, request: &Arc<Request>) -> Wait<'_, Plan>;
}

/// Opens sessions: the device inventory.
pub trait Inventory: Send + Sync {
    /// A session with a device; none if the layer has no device of that name.
    fn open(&self, layer: Layer, device: &str) -> Option<Box<dyn Driver>>;

    /// Whether a gateway can take both ends in one transaction ([`Operation::Swap`]). One that can't does the teardown and
    /// the install one by one.
    fn swaps(&self, device: &str) -> bool {
        let _ = device;
        false
    }

    /// For how long a gateway holds a cutover to be confirmed, before it takes it back by itself ([`Operation::Hold`]); none: its
    /// cutovers stand at once.
    fn holds(&self, device: &str) -> Option<Duration> {
        let _ = device;
        None
    }

    /// Whether others than Rehome may change a gateway, so that it pays to look before a cutover begins
    /// ([`Operation::Check`]).
    fn is_shared(&self, device: &str) -> bool {
        let _ = device;
        false
    }
}
