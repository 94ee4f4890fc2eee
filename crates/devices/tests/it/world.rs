//! Circuits, orders and devices to test with.

use std::sync::Arc;

use jiff::Timestamp;
use rehome_devices::simulated::{Devices, Simulated};
use rehome_domain::{
    id::{RelocationId, WorkOrderId},
    order::{Layer, MESSAGE_VERSION, OrderKind, WorkOrder},
    ports::{Holding, Inventory, Operation},
    reply::Presence,
    request::{Deadlines, Place, Request, Spot},
};
use rehome_testkit::memory::InMemory;
use uuid::Uuid;

pub(crate) const OPERATIONS: [Operation; 8] = [
    Operation::Reserve,
    Operation::Release,
    Operation::Install,
    Operation::Teardown,
    Operation::Swap,
    Operation::RollbackInstall,
    Operation::LookOld,
    Operation::LookNew,
];

/// How the two ends of a relocation lie on every layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lie {
    /// One spot: this layer sees no move.
    Same,
    /// Two ports of one device.
    OneDevice,
    /// Two devices.
    TwoDevices,
}

pub(crate) const LIES: [Lie; 3] = [Lie::Same, Lie::OneDevice, Lie::TwoDevices];

pub(crate) fn relocation(number: u128) -> RelocationId {
    RelocationId(Uuid::from_u128(number))
}

pub(crate) fn place(device: u8, port: u8) -> Place {
    Place {
        l3_device: format!("gw-{device}"),
        l3_port: format!("ge-0/0/{port}"),
        vlan: 100,
        inner_vlan: None,
        l2_device: format!("sw-{device}"),
        l2_port: format!("eth{port}"),
    }
}

pub(crate) fn request(service: &str, old: Place, new: Place) -> Request {
    Request {
        service_id: service.to_owned(),
        customer: "Acme".to_owned(),
        old,
        new,
        ip: "192.0.2.1/30".to_owned(),
        vrf: Some("acme".to_owned()),
        description: format!("{service} Acme"),
        window: None,
        external_id: None,
        hold: false,
        deadlines: Deadlines::default(),
    }
}

pub(crate) fn lying(service: &str, lie: Lie) -> Request {
    let new = match lie {
        Lie::Same => place(1, 1),
        Lie::OneDevice => place(1, 2),
        Lie::TwoDevices => place(2, 2),
    };
    request(service, place(1, 1), new)
}

pub(crate) fn order(relocation: RelocationId, layer: Layer, kind: OrderKind, request: &Request) -> WorkOrder {
    WorkOrder {
        v: MESSAGE_VERSION,
        id: WorkOrderId { relocation, seq: 1, index: 0 },
        relocation,
        layer,
        kind,
        attempt: 1,
        deadline: Timestamp::UNIX_EPOCH,
        about: None,
        expected: Vec::new(),
        hold: false,
        request: Arc::new(request.clone()),
    }
}

pub(crate) fn spots(layer: Layer, request: &Request) -> (Spot, Spot) {
    match layer {
        Layer::L3 => (request.old.l3(), request.new.l3()),
        Layer::L2 => (request.old.l2(), request.new.l2()),
    }
}

/// The device an operation is done on.
pub(crate) fn device(layer: Layer, operation: Operation, request: &Request) -> String {
    let (old, new) = spots(layer, request);
    match operation {
        Operation::Teardown | Operation::LookOld => old.device,
        _ => new.device,
    }
}

/// Whether a device has such an operation between such ends at all.
pub(crate) fn exists(layer: Layer, operation: Operation, lie: Lie) -> bool {
    operation != Operation::Swap || (layer == Layer::L2 && lie != Lie::TwoDevices)
}

pub(crate) fn holding(service: &str, by: Option<RelocationId>, presence: Presence) -> Holding {
    Holding {
        presence,
        service_id: service.to_owned(),
        relocation: by,
        description: format!("{service} Acme"),
        ip: None,
        vrf: None,
    }
}

pub(crate) fn network(memory: &Arc<InMemory>) -> Simulated {
    Simulated::new(Arc::<InMemory>::clone(memory), Devices::Any)
}

/// Runs a future that waits for nothing, or only for paused time.
pub(crate) fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap().block_on(future)
}

/// One operation in a session of its own.
pub(crate) async fn perform(
    devices: &dyn Inventory,
    operation: Operation,
    order: &WorkOrder,
) -> Result<Presence, rehome_domain::ports::DriverError> {
    let device = device(order.layer, operation, &order.request);
    devices.open(order.layer, &device).unwrap().perform(operation, order).await
}
