//! Cutovers that a gateway holds until they are confirmed.

use std::time::{Duration, Instant};

use rehome_domain::{
    ports::Operation::{Confirm, Hold, LookNew, LookOld, Release, Reserve, TakeBack},
    reply::{
        Presence::{Absent, Installed, Reserved},
        Reason,
    },
};

use super::*;

/// A circuit in service at port 1 that is reserved at port 2 of a gateway, which holds cutovers for so long.
fn reserved(hold_s: u32) -> (World, WorkOrder, Session<netconf::Gateway>) {
    let mut world = World::new();
    world.options.hold_s = hold_s;
    world.edit_by_hand(&circuit("ge-0/0/1.100", "192.0.2.1", "by hand"));
    let (_, order) = moved(1);
    let mut session = world.session();
    assert_eq!(world.perform(&mut session, Reserve, &order), Ok(Reserved));
    (world, order, session)
}

/// Of another circuit, to another port of the gateway.
fn of_another() -> WorkOrder {
    let request = request("S 2", place(1, 0), place(1, 3));
    order(relocation(2), Layer::L3, OrderKind::Reserve, &request)
}

fn is_locked(answer: Result<Presence, DriverError>) {
    let waits = answer.unwrap_err();
    assert_eq!((waits.transient, waits.failure.reason), (true, Reason::Locked), "{waits}");
}

fn has_no_such_cutover(answer: Result<Presence, DriverError>) {
    let refused = answer.unwrap_err();
    assert_eq!((refused.transient, refused.failure.reason), (false, Reason::Conflict), "{refused}");
}

#[test]
fn a_held_cutover_stands_once_it_is_confirmed_and_keeps_others_out_until_then() {
    let (world, order, mut session) = reserved(600);
    for _ in 0..2 {
        assert_eq!(world.perform(&mut session, Hold, &order), Ok(Installed));
    }
    // Other processes wait, those too that come anew and would take back what a dead one has left.
    let mut other = world.session();
    for _ in 0..2 {
        is_locked(world.perform(&mut other, Reserve, &of_another()));
    }
    for _ in 0..2 {
        assert_eq!(world.perform(&mut session, Confirm, &order), Ok(Installed));
    }
    assert_eq!(world.perform(&mut other, Reserve, &of_another()), Ok(Reserved));
    assert_eq!(world.perform(&mut session, LookOld, &order), Ok(Absent));
    // It can't be taken back any more, and says so.
    has_no_such_cutover(world.perform(&mut session, TakeBack, &order));
    assert_eq!(world.perform(&mut session, LookNew, &order), Ok(Installed));
}

#[test]
fn a_held_cutover_that_is_taken_back_leaves_all_as_it_was() {
    let (world, order, mut session) = reserved(600);
    let before = world.running();
    assert_eq!(world.perform(&mut session, Hold, &order), Ok(Installed));
    assert_ne!(world.running(), before);
    for _ in 0..2 {
        assert_eq!(world.perform(&mut session, TakeBack, &order), Ok(Reserved));
    }
    assert_eq!(world.running(), before);
    has_no_such_cutover(world.perform(&mut session, Confirm, &order));
    // The same again, and now it stands.
    assert_eq!(world.perform(&mut session, Hold, &order), Ok(Installed));
    assert_eq!(world.perform(&mut session, Confirm, &order), Ok(Installed));
}

#[test]
fn whoever_comes_after_the_process_that_made_it_confirms_a_held_cutover_or_takes_it_back() {
    let (world, order, mut session) = reserved(600);
    assert_eq!(world.perform(&mut session, Hold, &order), Ok(Installed));
    drop(session);
    let mut next = world.session();
    // Given again to somebody who does not know that it was done.
    assert_eq!(world.perform(&mut next, Hold, &order), Ok(Installed));
    assert_eq!(world.perform(&mut next, TakeBack, &order), Ok(Reserved));
    assert_eq!(world.perform(&mut next, Hold, &order), Ok(Installed));
    drop(next);
    assert_eq!(world.perform(&mut world.session(), Confirm, &order), Ok(Installed));
    assert_eq!(world.perform(&mut world.session(), LookNew, &order), Ok(Installed));
}

#[test]
fn what_an_inspect_finds_of_a_held_cutover_is_there_to_stay() {
    let (world, order, mut session) = reserved(600);
    assert_eq!(world.perform(&mut session, Hold, &order), Ok(Installed));
    assert_eq!(world.perform(&mut session, LookOld, &order), Ok(Installed), "it was not taken back");
    assert_eq!(world.perform(&mut session, LookNew, &order), Ok(Reserved));
    has_no_such_cutover(world.perform(&mut session, Confirm, &order));
}

#[test]
fn a_cutover_that_nobody_confirms_is_taken_back_by_the_gateway_and_keeps_nobody_out_any_more() {
    let (world, order, mut session) = reserved(1);
    assert_eq!(world.perform(&mut session, Hold, &order), Ok(Installed));
    let until = Instant::now() + Duration::from_secs(60);
    while world.running().contains("[rehome S%201 ") && !world.running().contains("ge-0/0/1.100") {
        assert!(Instant::now() < until, "it is never taken back");
        #[expect(
            clippy::disallowed_methods,
            reason = "netconfd minds its time only where nobody asks for a second"
        )]
        std::thread::sleep(Duration::from_millis(1500));
    }
    has_no_such_cutover(world.perform(&mut session, Confirm, &order));
    assert_eq!(world.perform(&mut session, Release, &order), Ok(Absent));
    assert_eq!(world.perform(&mut world.session(), Reserve, &of_another()), Ok(Reserved));
}

#[test]
fn a_gateway_that_does_not_hold_cutovers_lets_them_stand_at_once() {
    let (world, order, mut session) = reserved(0);
    assert_eq!(world.perform(&mut session, Hold, &order), Ok(Installed));
    assert_eq!(world.perform(&mut world.session(), Reserve, &of_another()), Ok(Reserved));
    assert_eq!(world.perform(&mut session, Confirm, &order), Ok(Installed));
    has_no_such_cutover(world.perform(&mut session, TakeBack, &order));
}

#[test]
fn a_cutover_is_confirmed_also_by_a_process_that_was_told_meanwhile_to_hold_none() {
    let (mut world, order, mut session) = reserved(600);
    assert_eq!(world.perform(&mut session, Hold, &order), Ok(Installed));
    drop(session);
    world.options.hold_s = 0;
    assert_eq!(world.perform(&mut world.session(), Confirm, &order), Ok(Installed));
    // Else nobody else could lock the gateway, and it would take the cutover back.
    assert_eq!(world.perform(&mut world.session(), Reserve, &of_another()), Ok(Reserved));
}
