//! Which operations an order is made of, and their names in plans.

use rehome_domain::{
    order::{Layer, OrderKind},
    ports::Operation,
};

/// The name of an operation on the wire and in plans.
pub(super) const fn operation(operation: Operation) -> &'static str {
    match operation {
        Operation::Reserve => "reserve",
        Operation::Release => "release",
        Operation::Install => "install",
        Operation::Teardown => "teardown",
        Operation::Swap => "swap",
        Operation::Hold => "hold",
        Operation::Confirm => "confirm",
        Operation::TakeBack => "take_back",
        Operation::RollbackInstall => "rollback_install",
        Operation::Check => "check",
        Operation::LookOld => "look_old",
        Operation::LookNew => "look_new",
    }
}

/// The operations a configurator may need for an order: what a plan's rule can meet.
pub(super) const fn operations(layer: Layer, order: OrderKind) -> &'static [Operation] {
    match (layer, order) {
        (Layer::L3, OrderKind::Reserve) => &[Operation::Reserve],
        // A failed reservation is taken back by L2 itself.
        (Layer::L2, OrderKind::Reserve) => &[Operation::Reserve, Operation::Release],
        (_, OrderKind::Release) => &[Operation::Release],
        (Layer::L3, OrderKind::Cutover) => &[Operation::Teardown, Operation::Install],
        // One switch or two.
        (Layer::L2, OrderKind::Cutover) => &[Operation::Swap, Operation::Install, Operation::Teardown],
        (Layer::L3, OrderKind::RollbackInstall) => &[Operation::RollbackInstall],
        (_, OrderKind::Inspect) => &[Operation::LookOld, Operation::LookNew],
        // No simulated gateway holds anything.
        (Layer::L2, OrderKind::RollbackInstall)
        | (_, OrderKind::Notice | OrderKind::Confirm | OrderKind::TakeBack) => &[],
    }
}
