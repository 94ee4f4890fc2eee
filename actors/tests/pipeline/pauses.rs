//! What is paused begins nothing, and begins by itself when the pause is over.

use std::sync::Arc;

use jiff::Timestamp;
use rehome_domain::{
    CommandKind, Layer, MessageId, RelocationStatus,
    action::WhyNot,
    command::By,
    message::Answer,
    ports::SteeringStore,
    steering::{Scope, Steered, Turn},
};

use crate::world::{World, on_system, request};

async fn steer(world: &World, id: &str, turn: Turn, scope: Scope) {
    let (id, by) = (MessageId(id.to_owned()), By::System);
    let line = Steered { id, turn, scope, by, at: Timestamp::now(), reason: "works on site".to_owned() };
    assert!(world.store.steer(line).await.unwrap());
}

fn device(name: &str) -> Scope {
    Scope::Device { name: name.to_owned() }
}

#[test]
fn what_is_submitted_to_a_paused_device_is_held_back_until_it_is_resumed_and_all_else_goes_on() {
    on_system(async {
        let world = World::new();
        let helm = world.helm();
        steer(&world, "m-1", Turn::Pause, device("gw-1")).await;
        helm.look().await.unwrap();
        world.supervise_under(&helm);
        world.configure_over(&world.inventory());
        for n in [1, 2] {
            world.submit(n, request(n)).await;
        }
        world.until(2, "reserved", |t| t.state.relocation == RelocationStatus::CutoverPending).await;
        let held = world.until(1, "held back", |ticket| ticket.held_back).await;
        assert!(!held.state.in_flight());
        let Answer::Refused { why: WhyNot::Paused { scope }, .. } =
            world.ask(1, CommandKind::DeployReservation, "").await
        else {
            panic!("not refused");
        };
        assert_eq!(scope, device("gw-1"));

        steer(&world, "m-2", Turn::Resume, device("gw-1")).await;
        actix::spawn(Arc::clone(&helm).keep());
        world.until(1, "reserved", |t| t.state.relocation == RelocationStatus::CutoverPending).await;
        until_lifted(&world).await;
    });
}

/// Waits until a pause is lifted for good.
async fn until_lifted(world: &World) {
    let lifted = async {
        while !world.store.steering().await.unwrap().iter().any(|line| line.turn == Turn::Lifted) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(crate::world::PATIENCE, lifted).await.unwrap();
}

#[test]
fn a_ticket_held_back_after_its_pause_was_lifted_is_found_and_begins() {
    on_system(async {
        let world = World::new();
        let (stale, awake) = (world.helm(), world.helm());
        steer(&world, "m-1", Turn::Pause, device("gw-1")).await;
        stale.look().await.unwrap();
        steer(&world, "m-2", Turn::Resume, device("gw-1")).await;
        actix::spawn(awake.keep());
        until_lifted(&world).await;
        // Its helm has not heard of that.
        world.supervise_under(&stale);
        world.configure_over(&world.inventory());
        world.submit(1, request(1)).await;
        world.until(1, "reserved", |t| t.state.relocation == RelocationStatus::CutoverPending).await;
        assert!(world.journal(1).await.len() > 3, "it was held back first");
    });
}

#[test]
fn a_pause_outlives_the_process_and_covers_a_domain_and_what_is_under_way_goes_on_under_it() {
    on_system(async {
        let world = World::new();
        world.supervise_over(Arc::clone(&world.tickets));
        world.submit(1, request(1)).await;
        world.until(1, "reserving", |ticket| ticket.state.work(Layer::L3).is_some()).await;
        // The domain of `sw-1` is `sw`: the world says so.
        steer(&world, "m-1", Turn::Pause, Scope::Domain { name: "sw".to_owned() }).await;

        // Another process over the same store: it looks before its first input.
        let after = World { bus: rehome_bus::Embedded::new(rehome_bus::Capacity::default()), ..world };
        let helm = after.helm();
        helm.look().await.unwrap();
        after.supervise_under(&helm);
        after.configure_over(&after.inventory());
        rehome_actors::resume::resume(&after.tickets, &after.bus, &rehome_actors::wall_clock())
            .await
            .unwrap();
        after.until(1, "reserved", |t| t.state.relocation == RelocationStatus::CutoverPending).await;
        let answer = after.ask(1, CommandKind::DeployCutover, "").await;
        assert!(matches!(answer, Answer::Refused { why: WhyNot::Paused { .. }, .. }), "{answer:?}");
        after.ask(1, CommandKind::Cancel, "the customer stays").await;
        after.until(1, "cancelled", |ticket| ticket.state.is_closed()).await;
    });
}
