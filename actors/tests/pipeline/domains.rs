//! No domain's configurators answer for another's devices.

use rehome_domain::{
    CutoverStatus, Layer, RelocationStatus,
    command::By,
    id::WorkOrderId,
    message::Envelope,
    ports::Outgoing,
    reply::{Outcome, Reply, Report},
    state::Work,
};

use crate::world::{PATIENCE, World, id, on_system, request};

/// The word of a domain's configurators that L3 has reserved.
fn reserved(domain: &str) -> Envelope {
    let order = WorkOrderId { relocation: id(1), seq: 1, index: 0 };
    let report = Report::Reserve { outcome: Outcome::Done, rollback: None };
    let reply = Reply { v: 1, order, attempt: 1, layer: Layer::L3, report };
    Envelope::reply(reply, "done").in_domain(Some(domain.to_owned()))
}

#[test]
fn a_reply_by_another_domain_than_the_devices_is_buried_with_the_reason_and_changes_nothing() {
    on_system(async {
        let world = World::new();
        world.supervise_over(std::sync::Arc::clone(&world.tickets));
        world.submit(1, request(1)).await;
        world.until(1, "reserving", |ticket| ticket.state.work(Layer::L3) == Some(Work::Reserving)).await;
        let journal = world.journal(1).await;
        world.send(Outgoing::Reply(reserved("sw").into())).await;
        let buried = async {
            loop {
                if let Some(letter) = world.tickets.dead_letters(1).await.unwrap().pop() {
                    return letter;
                }
                tokio::task::yield_now().await;
            }
        };
        let letter = tokio::time::timeout(PATIENCE, buried).await.expect("it is not buried");
        assert!(letter.reason.contains("for the domain `sw`, but the order's device is of the domain `gw`"));
        assert_eq!(letter.by, Some(By::Configurator { layer: Layer::L3, domain: Some("sw".to_owned()) }));
        assert_eq!(world.journal(1).await, journal, "it is not even in the history");

        world.send(Outgoing::Reply(reserved("gw").into())).await;
        let ticket = world.until(1, "reserving at L2", |t| t.state.work(Layer::L2).is_some()).await;
        assert_eq!(ticket.state.relocation, RelocationStatus::ReservationPending);
        assert_eq!(ticket.state.cutover, None::<CutoverStatus>);
    });
}

#[test]
fn a_reply_that_was_taken_before_the_domains_changed_is_none_of_another_domain_when_it_comes_again() {
    on_system(async {
        let world = World::new();
        world.supervise_over(std::sync::Arc::clone(&world.tickets));
        let mut switches = world.bus.work(Layer::L2);
        world.submit(1, request(1)).await;
        world.until(1, "reserving", |ticket| ticket.state.work(Layer::L3) == Some(Work::Reserving)).await;
        world.send(Outgoing::Reply(reserved("gw").into())).await;
        let sent = tokio::time::timeout(PATIENCE, switches.next()).await.unwrap().unwrap().message;
        // As if the gateway were of another domain by now: the same message, of a domain that is not its device's.
        world.send(Outgoing::Reply(reserved("gw-of-before").into())).await;
        let again = tokio::time::timeout(PATIENCE, switches.next()).await.unwrap().unwrap().message;
        assert_eq!(again, sent, "what it led to is sent again");
        assert_eq!(world.tickets.dead_letters(1).await.unwrap(), []);
    });
}
