//! What a ticket waits for, for every state a ticket can reach.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use proptest::prelude::*;
use rehome_domain::{
    Lang, action,
    attention::Standing,
    board::rank,
    command::CommandKind,
    order::Layer,
    state::Work,
    status::{Attention, Disposition, Side},
    ticket::Ticket,
};
use rehome_testkit::{
    enumerate::{reachable, step_with},
    history::{Play, moves, reply, request, requests, retrying, windowed_request},
};

/// A ticket for each state there is, without a window and with one, and each again whose configurators try again.
static TICKETS: LazyLock<Vec<Ticket>> = LazyLock::new(|| {
    let mut all = reachable(request());
    all.extend(reachable(windowed_request()));
    let mut again = Vec::new();
    for ticket in &all {
        for layer in Layer::ALL {
            let Some(out) = ticket.out(layer) else { continue };
            let told = reply(layer, out.order.id, retrying(1));
            if let rehome_domain::step::Stepped::Journaled(stepped) = step_with(ticket, told) {
                again.push(stepped.0);
            }
        }
    }
    all.extend(again);
    all
});

/// Whether a layer has something in hand that anything waits for.
fn gated(ticket: &Ticket) -> bool {
    let works = Layer::ALL.into_iter().filter_map(|layer| ticket.state.work(layer));
    works.into_iter().any(|work| work != Work::Noticing || ticket.state.cutover.is_some())
}

fn holds(ticket: &Ticket) {
    let (attention, state) = (ticket.attention(), &ticket.state);
    assert_eq!(attention == Attention::Closed, state.is_closed(), "{ticket:?}");
    assert_eq!(attention == Attention::WithoutService, state.service_down(), "{ticket:?}");
    if state.is_closed() || state.service_down() {
        return;
    }
    let moves_by_itself = matches!(attention, Attention::Running | Attention::Retrying | Attention::InDoubt);
    assert_eq!(moves_by_itself, gated(ticket), "{ticket:?}");
    assert_eq!(attention == Attention::WaitingForWindow, !gated(ticket) && ticket.window_due().is_some());
    assert_eq!(attention == Attention::HeldBack, ticket.held_back, "{ticket:?}");
    if attention == Attention::UndoFailed {
        let sides = [state.l3_reservation_rollback, state.install_rollback];
        let l2 = state.reservation.is_some_and(|status| status.wire() == "l2_rollback_failed");
        assert!(sides.contains(&Side::Failed) || l2, "{ticket:?}");
    }
    if attention == Attention::AwaitingDeploy {
        let deploys = [CommandKind::DeployReservation, CommandKind::DeployCutover];
        assert!(deploys.into_iter().any(|kind| action::allowed(state, kind).is_ok()), "{ticket:?}");
    }
}

#[test]
fn every_state_there_is_waits_for_exactly_what_it_can_go_on_by() {
    TICKETS.iter().for_each(holds);
}

#[test]
fn whoever_is_waited_for_can_do_something() {
    for ticket in TICKETS.iter().filter(|ticket| ticket.attention().needs_person() && !gated(ticket)) {
        let can = action::actions(&ticket.state).into_iter().any(|(_, allowed)| allowed.is_ok());
        assert!(can, "{:?} has no way out: {ticket:?}", ticket.attention());
    }
}

#[test]
fn each_thing_to_wait_for_is_waited_for_in_some_state() {
    let mut met: BTreeSet<Attention> = TICKETS.iter().map(Ticket::attention).collect();
    let paused = Some(rehome_domain::steering::Scope::Everything);
    met.insert(Play::submit_while(request(), paused).unwrap().ticket.attention());
    assert_eq!(met.into_iter().collect::<Vec<_>>(), Attention::ALL);
}

#[test]
fn a_standing_is_told_by_a_number_of_its_own_that_never_changes() {
    let mut codes = BTreeMap::new();
    for ticket in TICKETS.iter() {
        let standing = ticket.standing();
        assert_eq!(Standing::of(standing.code()), Some(standing));
        assert!(codes.insert(standing.code(), standing).is_none_or(|before| before == standing));
        assert_eq!(rank(standing.code()), standing.attention as i16);
    }
    // Whoever may look at a filter's standings one by one: there are few, however many tickets there are.
    assert!((100..400).contains(&codes.len()), "{}", codes.len());
    let submitted = reachable(request()).remove(0).standing();
    assert_eq!(submitted.code(), 4 * 1120, "awaiting_deploy, all else at its first value");
    let last = Standing { disposition: Disposition::Cancelled, attention: Attention::Closed, ..submitted };
    assert_eq!(last.code(), 10 * 1120 + 3 * 280);
    for unknown in [-1, 11 * 1120, i16::MAX, i16::MIN] {
        assert_eq!((Standing::of(unknown), rank(unknown)), (None, -1));
    }
}

#[test]
fn labels_are_different_words_in_both_languages() {
    for lang in [Lang::En, Lang::Zh] {
        let labels: BTreeSet<_> = Attention::ALL.iter().map(|attention| attention.label(lang)).collect();
        assert_eq!(labels.len(), Attention::ALL.len());
    }
}

proptest! {
    #[test]
    fn whatever_happens_to_a_ticket_it_waits_for_what_it_can_go_on_by(
        request in requests(),
        steps in prop::collection::vec(moves(), 0..40),
    ) {
        let mut play = Play::submit(request).unwrap();
        for step in steps {
            play.make(&step);
            holds(&play.ticket);
        }
    }
}
