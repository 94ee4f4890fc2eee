//! What a person is told before they force a ticket, for every state in which they may.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::{collections::BTreeSet, sync::LazyLock};

use rehome_domain::{
    action,
    command::CommandKind,
    consequence::{self, Consequence},
    holding::{End, allowed},
    lang::Lang,
    order::Layer,
    reply::Presence,
    status::{CutoverStatus as C, Disposition, RelocationStatus, ReservationStatus as P},
    step::Stepped,
    ticket::Ticket,
};
use rehome_testkit::{enumerate, history};

static REACHABLE: LazyLock<Vec<Ticket>> = LazyLock::new(|| enumerate::reachable(history::request()));

/// Every ticket to which the table allows a command, with what follows.
fn told(kind: CommandKind) -> Vec<(&'static Ticket, Vec<Consequence>)> {
    let told: Vec<_> = REACHABLE
        .iter()
        .filter_map(|ticket| consequence::of(ticket, kind).ok().map(|all| (ticket, all)))
        .collect();
    assert!(!told.is_empty(), "no state allows {kind}");
    told
}

#[test]
fn what_follows_is_told_exactly_where_the_table_allows_the_command_and_else_why_not() {
    for ticket in REACHABLE.iter() {
        for kind in CommandKind::ALL {
            let (told, allowed) = (consequence::of(ticket, kind), action::allowed(&ticket.state, kind));
            assert_eq!(told.err(), allowed.err(), "{kind} from {:?}", ticket.state);
        }
    }
}

#[test]
fn what_is_told_is_what_the_step_then_does() {
    for kind in CommandKind::ALL {
        for (ticket, all) in told(kind) {
            let Stepped::Journaled(stepped) = enumerate::step_with(ticket, history::command(kind)) else {
                panic!("{kind} is not journaled from {:?}", ticket.state)
            };
            let (after, entry) = *stepped;
            let mut sent: Vec<_> = entry.sends.iter().map(|sent| (sent.layer, sent.kind)).collect();
            let mut announced: Vec<_> = all
                .iter()
                .filter_map(|one| match one {
                    Consequence::Sends(layer, order) => Some((*layer, *order)),
                    _ => None,
                })
                .collect();
            sent.sort_unstable();
            announced.sort_unstable();
            assert_eq!(sent, announced, "{kind} from {:?}", ticket.state);
            let becomes = (!after.state.is_closed() && after.state.relocation != ticket.state.relocation)
                .then_some(Consequence::Becomes(after.state.relocation));
            assert_eq!(
                all.iter().find(|one| matches!(one, Consequence::Becomes(_))).cloned(),
                becomes,
                "{kind} from {:?}",
                ticket.state
            );
        }
    }
}

#[test]
fn a_forced_reservation_names_each_layer_that_does_not_hold_the_new_place() {
    let mut seen = BTreeSet::new();
    for (ticket, all) in told(CommandKind::ForceReservation) {
        seen.insert(ticket.state.reservation);
        assert!(all.contains(&Consequence::Becomes(RelocationStatus::CutoverPending)));
        for layer in Layer::ALL {
            let absent = allowed(ticket, layer, End::New) == [Presence::Absent];
            let empty = [Consequence::NeverReserved(layer), Consequence::GivenBack(layer)];
            assert_eq!(absent, all.iter().any(|one| empty.contains(one)), "{layer} {:?}", ticket.state);
            let stuck = all.iter().any(|one| matches!(one, Consequence::MayHold(of, _) if *of == layer));
            assert_eq!(!absent, stuck, "{layer} {:?}", ticket.state);
        }
        let never = ticket.state.reservation == Some(P::L3ReservationFailed);
        assert_eq!(all.contains(&Consequence::NeverReserved(Layer::L2)), never);
        assert!(!all.iter().any(Consequence::is_grave), "{:?}", ticket.state);
    }
    let forceable = [P::L3ReservationFailed, P::L2RollbackFailed, P::L2RolledBack].map(Some);
    assert_eq!(seen, BTreeSet::from(forceable));
}

#[test]
fn a_forced_completion_says_what_is_left_and_whether_the_customer_has_service() {
    let mut seen = BTreeSet::new();
    for (ticket, all) in told(CommandKind::ForceCompletion) {
        seen.insert(ticket.state.cutover);
        assert_eq!(all.contains(&Consequence::ServiceStaysDown), ticket.state.service_down());
        assert!(all.contains(&Consequence::Closes(Disposition::Forced)));
        assert!(all.contains(&Consequence::FreesLock));
        let (old, new) = (ticket.request.old.l3(), ticket.request.new.l3());
        let left = all.contains(&Consequence::StaysAt(Layer::L3, old));
        let missing = all.contains(&Consequence::MissingAt(Layer::L3, new));
        let expected = match ticket.state.cutover.unwrap() {
            C::L2TeardownFailed => (false, false),
            C::L3TeardownFailedInstalled => (true, false),
            C::L3TornDownInstallFailed => (false, true),
            C::L3TeardownAndInstallFailed => (true, true),
            other => panic!("{other} can't be forced"),
        };
        assert_eq!((left, missing), expected, "{:?}", ticket.state);
        assert!(all.iter().any(Consequence::is_grave), "{:?}", ticket.state);
    }
    assert_eq!(seen.len(), 4);
}

#[test]
fn no_two_consequences_read_the_same_and_each_reads_well_in_both_languages() {
    for kind in CommandKind::ALL {
        for (ticket, all) in told(kind) {
            for lang in [Lang::En, Lang::Zh] {
                let sentences: Vec<String> = all.iter().map(|one| one.sentence(lang)).collect();
                let different: BTreeSet<&String> = sentences.iter().collect();
                assert_eq!(different.len(), sentences.len(), "{sentences:?} of {:?}", ticket.state);
                let stop = lang.pick(".", "。");
                assert!(sentences.iter().all(|sentence| sentence.ends_with(stop)), "{sentences:?}");
            }
        }
    }
}
