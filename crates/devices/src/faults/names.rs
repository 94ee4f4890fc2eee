//! Which operations an order is made of, and their names in plans.

use rehome_domain::{
    order::{Layer, OrderKind},
    ports::Operation,
};

/// The operations that a plan's rule may name. Simulated devices are asked for no others, or nothing is made to go wrong there:
/// a rule about such a one would be taken and never hit.
pub(super) const NAMED: [Operation; 8] = [
    Operation::Reserve,
    Operation::Release,
    Operation::Install,
    Operation::Teardown,
    Operation::Swap,
    Operation::RollbackInstall,
    Operation::LookOld,
    Operation::LookNew,
];

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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_plan_may_name_the_operations_that_orders_are_made_of_and_no_others() {
        let met = Layer::ALL.into_iter().flat_map(|layer| {
            OrderKind::ALL.into_iter().flat_map(move |order| operations(layer, order).iter().copied())
        });
        assert_eq!(BTreeSet::from(NAMED), met.collect::<BTreeSet<_>>());
    }
}
