//! What every driver must do, whichever device it drives: one suite, over the simulated gateway, a real `netconfd`, a real Open
//! vSwitch, and a scripted command line behind a real `sshd`.
//!
//! What befalls a device is made differently with each, and is tested beside its driver:
//!
//! | what | `netconf.rs` | `ovsdb/failures.rs`, `ovsdb/trust.rs` | `cli.rs` |
//! |---|---|---|---|
//! | it refuses | by its model | by its schema | a line |
//! | it hangs in a commit | stopped, and gone on | an answer lost, a switch that applies nothing | a line without a prompt |
//! | the session drops in a commit | the gateway dies | the connection breaks | it hangs up after a line |
//! | it is restarted in the middle | between two steps | between two steps | each step has a session of its own |
//! | wrong credentials, changed identity | wrong key, changed host key | wrong certificate | wrong key, changed host key |
//! | somebody holds its lock | of the candidate | of the database | is configuring |

mod cli;
mod netconf;
mod ovsdb;
mod simulated;

use rehome_domain::{
    order::{Layer, OrderKind, WorkOrder},
    ports::{Driver, DriverError, Operation},
    reply::{Presence, Reason},
};

use crate::world::{order, place, relocation, request};

/// How often what is transient is tried again, as a configurator does.
const TRIES: usize = 20;

/// A device under test: nothing is at the new place.
trait Rig {
    /// Whose it is.
    const LAYER: Layer;

    /// A new session with it, as another process would open one.
    fn open(&self) -> Box<dyn Driver>;

    /// Puts the circuit of another system at the new place, which bears no mark.
    async fn occupy(&self);

    /// Leaves half of this order's circuit at the new place, as what was interrupted does.
    async fn halve(&self, order: &WorkOrder);

    /// Puts the circuit that is to be moved into service at the old place, by hand.
    async fn serve(&self, order: &WorkOrder);

    /// Changes what was reserved at the new place, as another system would.
    async fn meddle(&self, order: &WorkOrder);
}

/// A relocation within one device.
fn moved<R: Rig>(_: &R, number: u128) -> WorkOrder {
    let request = request("L-1", place(1, 1), place(1, 2));
    order(relocation(number), R::LAYER, OrderKind::Reserve, &request)
}

async fn perform(rig: &impl Rig, operation: Operation, order: &WorkOrder) -> Result<Presence, DriverError> {
    let mut driver = rig.open();
    let mut answer = driver.perform(operation, order).await;
    for _ in 1..TRIES {
        match &answer {
            Err(error) if error.transient => answer = driver.perform(operation, order).await,
            _ => break,
        }
    }
    answer
}

/// A circuit's whole life: each step twice, each seen by a session that knows nothing of the others.
async fn each_step_twice_is_once(rig: &impl Rig) {
    use Operation::{Install, LookNew, Release, Reserve, RollbackInstall};
    let order = moved(rig, 1);
    for (operation, presence) in [
        (LookNew, Presence::Absent),
        (Reserve, Presence::Reserved),
        (Release, Presence::Absent),
        (Reserve, Presence::Reserved),
        (Install, Presence::Installed),
        (RollbackInstall, Presence::Absent),
        (Install, Presence::Installed),
    ] {
        for _ in 0..2 {
            assert_eq!(perform(rig, operation, &order).await, Ok(presence), "{operation:?}");
        }
        assert_eq!(perform(rig, LookNew, &order).await, Ok(presence), "after {operation:?}");
    }
}

/// Nobody's circuit is touched, and the refusal is for good.
async fn what_is_somebodys_is_refused_and_stays(rig: &impl Rig) {
    rig.occupy().await;
    let order = moved(rig, 2);
    for _ in 0..2 {
        for operation in [Operation::Reserve, Operation::Install] {
            let refused = perform(rig, operation, &order).await.unwrap_err();
            assert_eq!((refused.transient, refused.failure.reason), (false, Reason::Conflict), "{refused}");
        }
        for operation in [Operation::Release, Operation::RollbackInstall, Operation::LookNew] {
            assert_eq!(perform(rig, operation, &order).await, Ok(Presence::Absent), "{operation:?}");
        }
    }
}

/// What was interrupted is seen for what it is; the same order again makes it whole, and its rollback takes it away.
async fn half_a_circuit_is_told_and_made_whole_or_taken_away(rig: &impl Rig) {
    for (operation, presence) in [
        (Operation::Reserve, Presence::Reserved),
        (Operation::Install, Presence::Installed),
        (Operation::Release, Presence::Absent),
        (Operation::RollbackInstall, Presence::Absent),
    ] {
        let order = moved(rig, 3);
        rig.halve(&order).await;
        assert_eq!(perform(rig, Operation::LookNew, &order).await, Ok(Presence::Partial));
        assert_eq!(perform(rig, operation, &order).await, Ok(presence), "{operation:?}");
        assert_eq!(perform(rig, Operation::RollbackInstall, &order).await, Ok(Presence::Absent));
    }
}

/// An edit by another between the plan and the cutover refuses it, with the difference, before anything is touched.
async fn what_somebody_changes_after_the_plan_is_told_and_nothing_is_touched(rig: &impl Rig) {
    let mut order = moved(rig, 4);
    rig.serve(&order).await;
    let planned = rig.open().plan(&order).await.unwrap().expected;
    assert_eq!(planned.len(), 2, "both ends are on this device");
    assert_eq!(perform(rig, Operation::Reserve, &order).await, Ok(Presence::Reserved));
    (order.kind, order.expected) = (OrderKind::Cutover, planned);
    assert_eq!(perform(rig, Operation::Check, &order).await, Ok(Presence::Reserved));
    rig.meddle(&order).await;
    let before = rig.open().plan(&order).await.unwrap().now;
    let refused = perform(rig, Operation::Check, &order).await.unwrap_err();
    assert_eq!((refused.transient, refused.failure.reason), (false, Reason::Conflict), "{refused}");
    let spot = order.expected[1].spot.to_string();
    for told in [spot.as_str(), "expected reserved for L-1", "found"] {
        assert!(refused.failure.text.contains(told), "{refused}");
    }
    assert_eq!(rig.open().plan(&order).await.unwrap().now, before);
    assert_eq!(perform(rig, Operation::LookOld, &order).await, Ok(Presence::Installed));
}
