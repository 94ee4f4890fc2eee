//! A broker that restarts, and one whose administrator closes connections.

use std::time::Duration;

use rehome_testkit::{
    broker::{Node, Vhost},
    postgres::Database,
};

use super::{
    system::{SIX, System},
    verdict::{RELOCATIONS, reference},
};
use crate::running::the_machine;

/// So long the work goes on between two disturbances.
const BETWEEN: Duration = Duration::from_secs(8);

#[test]
fn a_broker_stopped_in_order_and_then_hard_loses_nothing_and_repeats_nothing() {
    let _alone = the_machine();
    let reference = reference();
    let (node, database) = (Node::start(), Database::create());
    let vhost = node.vhost();
    let system = System::start(&vhost.url(), &database, &reference.plan, &SIX);
    let mut stops: Vec<fn(&Node)> = vec![Node::kill, Node::stop];
    let took = system.run(&reference.sheet, RELOCATIONS).finish(BETWEEN, || {
        if let Some(stop) = stops.pop() {
            stop(&node);
            node.start_again();
        }
    });
    assert!(stops.is_empty(), "it ended before the broker had been stopped twice");
    drop(system);
    reference.judge("RabbitMQ stopped in order, then killed", took, &database);
}

#[test]
fn connections_closed_again_and_again_lose_nothing_and_repeat_nothing() {
    let _alone = the_machine();
    let reference = reference();
    let (vhost, database) = (Vhost::new(), Database::create());
    let system = System::start(&vhost.url(), &database, &reference.plan, &SIX);
    let mut closed = 0;
    let took = system.run(&reference.sheet, RELOCATIONS).finish(Duration::from_secs(2), || {
        vhost.close_all_connections();
        closed += 1;
    });
    assert!(closed > 5, "all connections closed only {closed} times");
    drop(system);
    reference.judge(&format!("all connections closed {closed} times"), took, &database);
}
