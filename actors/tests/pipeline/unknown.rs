//! Devices that nobody knows: nothing is touched for them, and their tickets can be closed.

use std::{collections::BTreeSet, sync::Arc};

use rehome_devices::{
    provision::provision,
    simulated::{Devices, Simulated},
};
use rehome_domain::{
    CommandKind, CutoverStatus, Layer, RelocationStatus, Request, ReservationStatus,
    ports::{Holding, Inventory},
    reply::Presence,
    request::Place,
    status::Side,
};

use crate::world::{World, on_system, request};

/// A network without the devices named `…-typo`.
fn known(world: &World) -> Arc<dyn Inventory> {
    let names = |kind: &str| (0..3).map(|n| format!("{kind}-{n}")).collect::<BTreeSet<_>>();
    let devices = Devices::Named { l3: names("gw"), l2: names("sw") };
    Arc::new(Simulated::new(Arc::clone(&world.devices), devices))
}

fn typo(layer: Layer, n: u64) -> Request {
    let request = request(n);
    let new = match layer {
        Layer::L3 => Place { l3_device: "gw-typo".to_owned(), ..request.new.clone() },
        Layer::L2 => Place { l2_device: "sw-typo".to_owned(), ..request.new.clone() },
    };
    Request { new, ..request }
}

async fn failed(world: &World, n: u64) -> rehome_domain::Ticket {
    world.until(n, "failed", |t| t.state.relocation == RelocationStatus::Failed && !t.state.in_flight()).await
}

#[test]
fn a_reservation_on_an_unknown_device_leaves_nothing_to_take_back_and_its_ticket_can_be_cancelled() {
    on_system(async {
        let world = World::new();
        world.supervise_over(Arc::clone(&world.tickets));
        world.configure_over(&known(&world));
        world.submit(1, typo(Layer::L3, 1)).await;
        world.submit(2, typo(Layer::L2, 2)).await;
        assert_eq!(failed(&world, 1).await.state.l3_reservation_rollback, Side::Done);
        assert_eq!(failed(&world, 2).await.state.reservation, Some(ReservationStatus::L2RolledBack));
        for n in [1, 2] {
            world.ask(n, CommandKind::Cancel, "the device's name was mistyped").await;
            world.until(n, "cancelled", |ticket| ticket.state.is_closed()).await;
        }
    });
}

#[test]
fn a_cutover_to_an_unknown_gateway_is_refused_before_the_old_one_is_touched() {
    on_system(async {
        let world = World::new();
        world.supervise_over(Arc::clone(&world.tickets));
        world.configure_over(&known(&world));
        let request = typo(Layer::L3, 1);
        provision(world.devices.as_ref(), std::slice::from_ref(&request)).await.unwrap();
        world.submit(1, request.clone()).await;
        failed(&world, 1).await;
        world.ask(1, CommandKind::ForceReservation, "the customer cannot wait").await;
        world.ask(1, CommandKind::DeployCutover, "").await;
        let ticket = world.until(1, "cut over", |t| t.state.cutover.is_some() && !t.state.in_flight()).await;
        assert_eq!(ticket.state.cutover, Some(CutoverStatus::L3CutoverFailed));
        let old = world.devices.look(Layer::L3, vec![request.old.l3()]).await.unwrap().remove(0);
        assert!(matches!(old, Some(Holding { presence: Presence::Installed, .. })), "{old:?}");
    });
}
