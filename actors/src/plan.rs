//! What a relocation would change on all its devices, told before anything is sent. Touches nothing.

use std::sync::Arc;

use futures::future::join_all;
use jiff::Timestamp;
use rehome_domain::{
    id::{RelocationId, WorkOrderId},
    order::{Layer, MESSAGE_VERSION, OrderKind, WorkOrder},
    plan::{DevicePlan, Plan},
    ports::{Inventory, Planner, Wait},
    reply::{Failure, Reason},
    request::Request,
};
use tokio::sync::Semaphore;

/// Plans made at once, at most: devices have other things to do.
const AT_ONCE: usize = 4;

/// Tells what relocations would change on the devices of an inventory.
pub struct Foresight {
    inventory: Arc<dyn Inventory>,
    turns: Semaphore,
}

impl Foresight {
    /// Over these devices.
    #[must_use]
    pub fn new(inventory: Arc<dyn Inventory>) -> Self {
        Self { inventory, turns: Semaphore::new(AT_ONCE) }
    }
}

impl Planner for Foresight {
    fn plan(&self, relocation: RelocationId, request: &Arc<Request>) -> Wait<'_, Plan> {
        let request = Arc::clone(request);
        Box::pin(async move {
            // The semaphore is never closed.
            let _turn = self.turns.acquire().await.ok();
            plan(self.inventory.as_ref(), relocation, &request).await
        })
    }
}

/// Asks the devices of both places, side by side.
async fn plan(inventory: &dyn Inventory, relocation: RelocationId, request: &Arc<Request>) -> Plan {
    let mut devices: Vec<(Layer, &str)> = Vec::new();
    for layer in Layer::ALL {
        let (old, new) = (request.old.device(layer), request.new.device(layer));
        devices.push((layer, old));
        devices.extend((old != new).then_some((layer, new)));
    }
    let asked = devices.into_iter().map(|(layer, device)| async move {
        let order = looking(layer, relocation, request);
        let unknown = |failure| DevicePlan {
            layer,
            device: device.to_owned(),
            now: Vec::new(),
            orders: Vec::new(),
            expected: Vec::new(),
            unknown: Some(failure),
        };
        let Some(mut driver) = inventory.open(layer, device) else {
            let text = format!("no {layer} device of the name `{device}` is known here");
            return unknown(Failure { reason: Reason::UnknownDevice, text });
        };
        driver.plan(&order).await.unwrap_or_else(|error| unknown(error.failure))
    });
    Plan::new(join_all(asked).await)
}

/// An order that only carries what drivers need to know: it is never sent.
fn looking(layer: Layer, relocation: RelocationId, request: &Arc<Request>) -> WorkOrder {
    WorkOrder {
        v: MESSAGE_VERSION,
        id: WorkOrderId { relocation, seq: 0, index: 0 },
        relocation,
        layer,
        kind: OrderKind::Inspect,
        attempt: 1,
        deadline: Timestamp::MAX,
        about: None,
        expected: Vec::new(),
        hold: false,
        request: Arc::clone(request),
    }
}
