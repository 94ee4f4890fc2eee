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
    const LAYER: Layer = Layer::L3;

    fn open(&self) -> Box<dyn Driver> {
        network(&self.0).open(Layer::L3, "gw-1").unwrap()
    }

    async fn occupy(&self) {
        self.put(holding("theirs", None, Presence::Installed)).await;
    }

    async fn halve(&self, order: &WorkOrder) {
        self.put(holding(&order.request.service_id, Some(order.relocation), Presence::Partial)).await;
    }

    async fn serve(&self, order: &WorkOrder) {
        let addressed = Holding {
            ip: Some(order.request.ip.clone()),
            vrf: order.request.vrf.clone(),
            ..holding(&order.request.service_id, None, Presence::Installed)
        };
        let edit = Edit { spot: order.request.old.l3(), expect: None, put: Some(addressed) };
        assert!(self.0.edit(Layer::L3, vec![edit]).await.unwrap());
    }

    async fn meddle(&self, order: &WorkOrder) {
        let spot = order.request.new.l3();
        let expect = self.0.look(Layer::L3, vec![spot.clone()]).await.unwrap().remove(0);
        let put = expect.clone().map(|held| Holding { description: "meddled with".to_owned(), ..held });
        assert!(self.0.edit(Layer::L3, vec![Edit { spot, expect, put }]).await.unwrap());
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

#[test]
fn what_somebody_changes_after_the_plan_is_told_and_nothing_is_touched() {
    run(super::what_somebody_changes_after_the_plan_is_told_and_nothing_is_touched(&Simulated::default()));
}
