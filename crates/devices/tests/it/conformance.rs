//! What every driver must do, whichever device it drives: one suite, over the simulated gateway and over a real `netconfd`.
//! What only one kind of device can do is tested beside its driver.

mod netconf;
mod simulated;

use rehome_domain::{
    order::{Layer, OrderKind, WorkOrder},
    ports::{Driver, DriverError, Operation},
    reply::{Presence, Reason},
};

use crate::world::{order, place, relocation, request};

/// How often what is transient is tried again, as a configurator does.
const TRIES: usize = 20;

/// A gateway under test: nothing is on it.
trait Rig {
    /// A new session with it, as another process would open one.
    fn open(&self) -> Box<dyn Driver>;

    /// Puts the circuit of another system at the new place, which bears no mark.
    async fn occupy(&self);

    /// Leaves half of this order's circuit at the new place, as what was interrupted does.
    async fn halve(&self, order: &WorkOrder);
}

/// A relocation within one gateway.
fn moved(number: u128) -> WorkOrder {
    let request = request("L-1", place(1, 1), place(1, 2));
    order(relocation(number), Layer::L3, OrderKind::Reserve, &request)
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
    let order = moved(1);
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
    let order = moved(2);
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
        let order = moved(3);
        rig.halve(&order).await;
        assert_eq!(perform(rig, Operation::LookNew, &order).await, Ok(Presence::Partial));
        assert_eq!(perform(rig, operation, &order).await, Ok(presence), "{operation:?}");
        assert_eq!(perform(rig, Operation::RollbackInstall, &order).await, Ok(Presence::Absent));
    }
}
