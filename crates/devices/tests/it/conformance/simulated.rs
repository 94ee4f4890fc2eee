//! The suite over the simulated gateway.

use std::sync::Arc;

use rehome_domain::{
    order::{Layer, WorkOrder},
    ports::{DeviceMemory, Driver, Edit, Holding, Inventory},
    reply::Presence,
};
use rehome_testkit::memory::InMemory;

use super::Rig;
use crate::world::{holding, network, place, run};

#[derive(Default)]
struct Simulated(Arc<InMemory>);

impl Simulated {
    async fn put(&self, holding: Holding) {
        let edit = Edit { spot: place(1, 2).l3(), expect: None, put: Some(holding) };
        assert!(self.0.edit(Layer::L3, vec![edit]).await.unwrap());
    }
}

impl Rig for Simulated {
    fn open(&self) -> Box<dyn Driver> {
        network(&self.0).open(Layer::L3, "gw-1").unwrap()
    }

    async fn occupy(&self) {
        self.put(holding("theirs", None, Presence::Installed)).await;
    }

    async fn halve(&self, order: &WorkOrder) {
        self.put(holding(&order.request.service_id, Some(order.relocation), Presence::Partial)).await;
    }
}

#[test]
fn each_step_twice_is_once() {
    run(super::each_step_twice_is_once(&Simulated::default()));
}

#[test]
fn what_is_somebodys_is_refused_and_stays() {
    run(super::what_is_somebodys_is_refused_and_stays(&Simulated::default()));
}

#[test]
fn half_a_circuit_is_told_and_made_whole_or_taken_away() {
    run(super::half_a_circuit_is_told_and_made_whole_or_taken_away(&Simulated::default()));
}
