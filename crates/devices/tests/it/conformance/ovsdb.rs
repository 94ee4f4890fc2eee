//! The suite over a real Open vSwitch.

use rehome_domain::{
    order::{Layer, WorkOrder},
    ports::Driver,
};

use super::Rig;
use crate::ovsdb::rig;

impl Rig for rig::Rig {
    const LAYER: Layer = Layer::L2;

    fn open(&self) -> Box<dyn Driver> {
        Box::new(self.session())
    }

    async fn occupy(&self) {
        self.set("eth2", &["tag=300"]);
    }

    /// Marked, and carrying nothing.
    async fn halve(&self, order: &WorkOrder) {
        let mut session = self.session();
        let half = rehome_domain::ports::Operation::Reserve;
        session.perform_half(half, order).await.unwrap();
    }

    /// It is, from the start.
    async fn serve(&self, _: &WorkOrder) {}

    async fn meddle(&self, _: &WorkOrder) {
        self.set("eth2", &["tag=300"]);
    }
}

#[tokio::test]
async fn each_step_twice_is_once() {
    super::each_step_twice_is_once(&rig::Rig::new()).await;
}

#[tokio::test]
async fn what_is_somebodys_is_refused_and_stays() {
    super::what_is_somebodys_is_refused_and_stays(&rig::Rig::new()).await;
}

#[tokio::test]
async fn half_a_circuit_is_told_and_made_whole_or_taken_away() {
    super::half_a_circuit_is_told_and_made_whole_or_taken_away(&rig::Rig::new()).await;
}

#[tokio::test]
async fn what_somebody_changes_after_the_plan_is_told_and_nothing_is_touched() {
    super::what_somebody_changes_after_the_plan_is_told_and_nothing_is_touched(&rig::Rig::new()).await;
}
