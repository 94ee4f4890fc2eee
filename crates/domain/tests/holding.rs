//! What the statuses promise about the devices, for every state a ticket can come to rest in.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::{Arc, LazyLock};

use rehome_domain::{
    holding::{End, allowed},
    order::Layer,
    reply::{Found, Presence, Report},
    request::{Place, Request},
    state::Work,
    status::{CutoverStatus, RelocationStatus, Side},
    step::Stepped,
    table::{self, Trigger},
    ticket::Ticket,
};
use rehome_testkit::{enumerate, history};

/// A ticket that moves on both layers, in every state in which nothing is out.
static BOTH_MOVE: LazyLock<Vec<Ticket>> = LazyLock::new(|| at_rest(history::request()));
/// The same of one that stays on the gateway.
static L2_MOVES: LazyLock<Vec<Ticket>> = LazyLock::new(|| at_rest(l2_only()));

fn at_rest(request: Request) -> Vec<Ticket> {
    let quiet = |ticket: &Ticket| {
        ticket.state.l3.is_none() && matches!(ticket.state.work(Layer::L2), None | Some(Work::Noticing))
    };
    let tickets: Vec<Ticket> = enumerate::reachable(request).into_iter().filter(quiet).collect();
    assert!(tickets.len() > 100, "only {} states at rest", tickets.len());
    tickets
}

/// Only the L2 end moves: a new switch, the same sub-interface on the same gateway.
fn l2_only() -> Request {
    let request = history::request();
    let new = Place { l2_device: request.new.l2_device.clone(), ..request.old.clone() };
    Request { new, ..request }
}

fn ends(ticket: &Ticket, layer: Layer) -> [&'static [Presence]; 2] {
    [End::Old, End::New].map(|end| allowed(ticket, layer, end))
}

#[test]
fn every_end_of_every_ticket_at_rest_may_hold_something_and_nothing_twice() {
    for tickets in [&BOTH_MOVE, &L2_MOVES] {
        for ticket in tickets.iter() {
            for held in Layer::ALL.into_iter().flat_map(|layer| ends(ticket, layer)) {
                assert!(!held.is_empty());
                assert!(
                    held.iter().enumerate().all(|(i, presence)| !held[..i].contains(presence)),
                    "{held:?}"
                );
            }
        }
    }
}

#[test]
fn the_promise_is_exact_unless_a_cutover_or_a_rollback_failed() {
    for ticket in BOTH_MOVE.iter() {
        let state = &ticket.state;
        let reservation_stuck = state.cutover.is_none() && state.l3_holds();
        let rollback_failed = reservation_stuck && state.l3_reservation_rollback == Side::Failed;
        let [old, new] = ends(ticket, Layer::L3);
        let exact_old = !matches!(
            state.cutover,
            Some(
                CutoverStatus::L3CutoverFailed
                    | CutoverStatus::L3TeardownFailedInstalled
                    | CutoverStatus::L3TeardownAndInstallFailed
            )
        );
        let exact_new = state.cutover != Some(CutoverStatus::L3CutoverFailed)
            && state.install_rollback != Side::Failed
            && !rollback_failed;
        assert_eq!((old.len() == 1, new.len() == 1), (exact_old, exact_new), "{state:?}");
        let [old, new] = ends(ticket, Layer::L2);
        let exact_old = state.l2_cutover != Side::Failed;
        let exact_new = exact_old && !(state.l2_cutover == Side::None && state.l2_holds() && new.len() > 1);
        assert_eq!((old.len() == 1, new.len() == 1), (exact_old, exact_new), "{state:?}");
    }
}

#[test]
fn service_is_promised_untouched_until_the_cutover_begins() {
    for ticket in BOTH_MOVE.iter().filter(|ticket| ticket.state.cutover.is_none()) {
        for layer in Layer::ALL {
            let [old, new] = ends(ticket, layer);
            assert_eq!(old, [Presence::Installed], "{:?}", ticket.state);
            assert!(!new.contains(&Presence::Installed), "{:?}", ticket.state);
        }
    }
}

#[test]
fn a_lock_is_given_up_only_where_the_new_place_is_promised_empty_or_the_ticket_is_closed() {
    for ticket in BOTH_MOVE.iter().filter(|ticket| !ticket.state.needs_lock()) {
        let empty = Layer::ALL.into_iter().all(|layer| ends(ticket, layer)[1] == [Presence::Absent]);
        let over = ticket.state.is_closed() && ticket.state.relocation != RelocationStatus::Failed;
        assert!(empty || over, "{:?}", ticket.state);
    }
}

#[test]
fn a_succeeded_ticket_promises_the_service_at_the_new_place_and_nothing_at_the_old() {
    let succeeded = |ticket: &Ticket| ticket.state.relocation == RelocationStatus::Succeeded;
    for ticket in BOTH_MOVE.iter().filter(|ticket| succeeded(ticket)) {
        for layer in Layer::ALL {
            assert_eq!(
                ends(ticket, layer),
                [&[Presence::Absent], &[Presence::Installed]].map(|held| held as &[_])
            );
        }
    }
}

#[test]
fn a_layer_that_stays_where_it_is_keeps_its_service_unless_its_cutover_failed() {
    for ticket in L2_MOVES.iter() {
        let [old, new] = ends(ticket, Layer::L3);
        assert_eq!(old, new, "both ends are one spot");
        let broken = matches!(
            ticket.state.cutover,
            Some(
                CutoverStatus::L3CutoverFailed
                    | CutoverStatus::L3TeardownFailedInstalled
                    | CutoverStatus::L3TornDownInstallFailed
                    | CutoverStatus::L3TeardownAndInstallFailed
            )
        );
        if broken {
            assert_eq!(old.len(), 4, "{:?}", ticket.state);
        } else {
            assert_eq!(old, [Presence::Installed], "{:?}", ticket.state);
        }
        // The layer that moves is promised the same as ever.
        let moving = Ticket { request: Arc::new(history::request()), ..ticket.clone() };
        assert_eq!(ends(ticket, Layer::L2), ends(&moving, Layer::L2));
    }
}

#[test]
fn in_doubt_over_a_layer_that_stays_service_found_there_means_that_all_went_well() {
    let here = Found { old: Presence::Installed, new: Presence::Installed };
    let mut settled = 0;
    for ticket in enumerate::reachable(l2_only()) {
        let Some((out, flight)) = ticket.l3.as_ref().zip(ticket.state.l3) else { continue };
        let Some(inspect) = &out.inspect else { continue };
        let report = Report::Inspected { found: Some(here), concluded: None };
        let Stepped::Journaled(stepped) =
            enumerate::step_with(&ticket, history::reply(Layer::L3, inspect.id, report))
        else {
            panic!("not journaled");
        };
        let row = table::row(stepped.1.rows.first().unwrap()).unwrap();
        let expected = match flight.work {
            Work::Reserving => Trigger::L3Reserved,
            Work::Releasing => Trigger::L3Released,
            Work::CuttingOver => Trigger::L3CutOver,
            Work::RollingBackInstall => Trigger::L3InstallRolledBack,
            Work::Confirming => Trigger::L3Confirmed,
            Work::TakingBack => Trigger::L3TakenBack,
            Work::RollingBack | Work::Noticing => panic!("not L3's work"),
        };
        assert_eq!(row.on, expected);
        settled += 1;
    }
    assert!(settled > 20);
}
