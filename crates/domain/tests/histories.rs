//! Random histories of a ticket: whatever comes in, in whatever order, the promises hold.
#![allow(clippy::unwrap_used, clippy::panic)]

use proptest::prelude::*;
use rehome_domain::{
    Entry, Ticket,
    journal::{self, Note},
    order::{Layer, OrderKind},
    reply::Report,
    step::Stepped,
};
use rehome_testkit::history::{self, Move, Play, RELOCATION, moves, requests};

/// Long enough to reserve, fail, retry, cut over and retry that; runs of it reach every row (checked below).
const MOVES: std::ops::Range<usize> = 1..80;

fn play(request: rehome_domain::Request, made: &[Move], mut after_each: impl FnMut(&Ticket, &Play)) -> Play {
    let mut play = Play::submit(request).unwrap();
    for step in made {
        let before = play.ticket.clone();
        if let Some(Stepped::Journaled(_)) = play.make(step) {
            after_each(&before, &play);
        }
    }
    play
}

fn last(play: &Play) -> &Entry {
    play.journal.last().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn replaying_the_journal_gives_the_live_ticket_at_every_entry(
        request in requests(),
        made in prop::collection::vec(moves(), MOVES),
    ) {
        let mut live = Vec::new();
        let play = play(request, &made, |_, play| live.push(play.ticket.clone()));
        let mut replayed = journal::replay_one(None, &play.journal[0]).unwrap();
        for (entry, live) in play.journal.iter().skip(1).zip(live) {
            replayed = journal::replay_one(Some(&replayed), entry).unwrap();
            prop_assert_eq!(&replayed, &live);
        }
        prop_assert_eq!(journal::replay(&play.journal).unwrap(), play.ticket);
    }

    #[test]
    fn the_version_counts_the_entries_and_each_says_how_the_ticket_stands_after_it(
        request in requests(),
        made in prop::collection::vec(moves(), MOVES),
    ) {
        let play = play(request, &made, |before, play| {
            let (entry, state) = (last(play), &play.ticket.state);
            assert_eq!(play.ticket.version, u64::try_from(play.journal.len()).unwrap());
            assert_eq!((entry.seq, before.version + 1), (play.ticket.version, play.ticket.version));
            assert_eq!(
                (entry.relocation_status, entry.reservation_status, entry.cutover_status, entry.disposition),
                (state.relocation, state.reservation, state.cutover, state.disposition)
            );
            assert_eq!(play.ticket.l3.is_some(), state.l3.is_some());
            assert_eq!(play.ticket.l2.is_some(), state.l2.is_some());
            // A missed window and an order nobody takes are told with an alarm; anything else that takes no row sends
            // and tells nothing.
            let silent = entry.sends.is_empty() && entry.alarms.is_empty();
            let alarmed = matches!(entry.note, Some(Note::WindowMissed | Note::Undeliverable));
            assert!(!entry.rows.is_empty() || alarmed || silent);
            assert_eq!(entry.rows.is_empty(), entry.note.is_some());
        });
        for (index, entry) in play.journal.iter().enumerate() {
            prop_assert_eq!(entry.seq, u64::try_from(index).unwrap() + 1);
        }
    }

    #[test]
    fn what_changes_nothing_leaves_the_ticket_as_it_was_since_its_last_change(
        request in requests(),
        made in prop::collection::vec(moves(), MOVES),
    ) {
        play(request, &made, |before, play| {
            let entry = last(play);
            if entry.note.as_ref().is_some_and(Note::changed_nothing) {
                assert_eq!(play.ticket, Ticket { version: play.ticket.version, ..before.clone() });
            } else {
                assert_eq!(play.ticket.changed_at, entry.at);
            }
        });
    }

    #[test]
    fn nothing_moves_a_closed_ticket(
        request in requests(),
        made in prop::collection::vec(moves(), MOVES),
    ) {
        let mut closed: Option<Ticket> = None;
        play(request, &made, |before, play| {
            if before.state.is_closed() {
                let first = closed.get_or_insert_with(|| before.clone());
                assert_eq!(play.ticket.state, first.state);
                assert!(last(play).sends.is_empty() && last(play).alarms.is_empty());
                assert_eq!(play.ticket.due(), None);
            }
        });
    }

    #[test]
    fn no_order_is_sent_again_under_a_new_id_while_it_is_out(
        request in requests(),
        made in prop::collection::vec(moves(), MOVES),
    ) {
        play(request, &made, |before, play| {
            for sent in &last(play).sends {
                let Some(out) = before.out(sent.layer) else { continue };
                let again = [Some(&out.order), out.inspect.as_ref()].into_iter().flatten();
                for known in again.filter(|known| known.kind == sent.kind) {
                    // A notice tells of one failure; the next failure is told of anew.
                    assert!(known.id == sent.id || sent.kind == OrderKind::Notice, "{sent:?} beside {known:?}");
                }
            }
        });
    }

    #[test]
    fn every_order_names_its_entry_its_attempt_and_a_deadline_ahead(
        request in requests(),
        made in prop::collection::vec(moves(), MOVES),
    ) {
        let play = play(request, &made, |_, play| {
            let entry = last(play);
            for (index, sent) in entry.sends.iter().enumerate() {
                assert!(sent.deadline > entry.at);
                assert_eq!(sent.kind == OrderKind::Inspect, sent.about.is_some());
                // Sent for the first time, or exactly what was sent before but for its deadline.
                let first = sent.id.seq == entry.seq && usize::from(sent.id.index) == index;
                let again = play.orders.iter().find(|order| order.id == sent.id);
                let again = again.is_some_and(|order| (order.kind, order.attempt) == (sent.kind, sent.attempt));
                assert!(first || again, "{sent:?} in {entry:?}");
            }
        });
        for layer in Layer::ALL {
            for kind in OrderKind::ALL {
                let attempts: Vec<u32> = play
                    .orders
                    .iter()
                    .filter(|order| (order.layer, order.kind) == (layer, kind))
                    .map(|order| order.attempt)
                    .collect();
                let counted: Vec<u32> = (1..).take(attempts.len()).collect();
                prop_assert_eq!(attempts, counted, "{} {}", layer, kind);
            }
        }
    }

    #[test]
    fn a_new_order_of_a_layer_has_a_higher_fencing_token_than_all_before_it(
        request in requests(),
        made in prop::collection::vec(moves(), MOVES),
    ) {
        let play = play(request, &made, |_, _| {});
        for layer in Layer::ALL {
            let tokens: Vec<u64> =
                play.orders.iter().filter(|order| order.layer == layer).map(|order| order.id.seq).collect();
            prop_assert!(tokens.windows(2).all(|pair| pair[0] < pair[1]), "{:?}", tokens);
        }
    }

    #[test]
    fn the_lock_is_held_while_anything_may_be_held_and_is_not_taken_from_another(
        request in requests(),
        made in prop::collection::vec(moves(), MOVES),
    ) {
        play(request, &made, |before, play| {
            let state = &play.ticket.state;
            let held = state.l3_holds() || state.l2_holds();
            let working = |layer| !matches!(state.work(layer), None | Some(rehome_domain::state::Work::Noticing));
            let free = !state.needs_lock();
            assert!(!free || state.is_closed() || !(held || Layer::ALL.into_iter().any(working)), "{state:?}");
            if play.held_by.is_some() && !before.state.needs_lock() {
                assert!(free, "the lock was taken although another relocation has it: {:?}", last(play));
            }
        });
    }

    #[test]
    fn a_person_is_named_for_every_force_and_cancel_with_time_and_reason(
        request in requests(),
        made in prop::collection::vec(moves(), MOVES),
    ) {
        play(request, &made, |before, play| {
            let acts = |ticket: &Ticket| {
                [&ticket.forced_reservation, &ticket.forced_completion, &ticket.cancelled].map(Clone::clone)
            };
            for (was, is) in acts(before).into_iter().zip(acts(&play.ticket)) {
                if was != is {
                    let act = is.unwrap();
                    assert_eq!((&act.by, act.at), (&last(play).by, last(play).at));
                    assert!(!act.reason.trim().is_empty());
                }
            }
        });
    }

    #[test]
    fn entries_and_tickets_come_back_from_json_as_they_were(
        request in requests(),
        made in prop::collection::vec(moves(), 1..40),
    ) {
        let play = play(request, &made, |_, _| {});
        for entry in &play.journal {
            let json = serde_json::to_string(entry).unwrap();
            prop_assert_eq!(&serde_json::from_str::<Entry>(&json).unwrap(), entry, "{}", json);
        }
        let json = serde_json::to_string(&play.ticket).unwrap();
        prop_assert_eq!(&serde_json::from_str::<Ticket>(&json).unwrap(), &play.ticket, "{}", json);
    }

    /// A message that comes twice is told apart by its id before it gets here; if it were not, it would do no harm
    /// either, nor would one that was held up on the way.
    #[test]
    fn replies_that_come_again_or_out_of_turn_change_nothing_but_the_history(
        request in requests(),
        made in prop::collection::vec(moves(), MOVES),
    ) {
        play(request, &made, |before, play| {
            let entry = last(play);
            let rehome_domain::message::Input::Reply(reply) = &entry.input else { return };
            let out = before.out(reply.layer);
            let about = |order: &rehome_domain::order::Dispatch| order.id == reply.order;
            let awaited = out.is_some_and(|out| about(&out.order) || out.inspect.as_ref().is_some_and(about));
            if !awaited {
                assert!(matches!(entry.note, Some(Note::Late | Note::Duplicate | Note::Unfit)), "{entry:?}");
                assert_eq!(play.ticket.state, before.state);
                assert_eq!((&play.ticket.l3, &play.ticket.l2), (&before.l3, &before.l2));
            }
        });
    }
}

/// The properties above are worth as much as the histories they look at.
#[test]
fn random_histories_take_every_row_and_see_every_note() {
    use proptest::{strategy::ValueTree, test_runner::TestRunner};
    let mut runner = TestRunner::deterministic();
    let strategy = (requests(), prop::collection::vec(moves(), MOVES));
    let mut rows = std::collections::BTreeSet::new();
    let mut notes = std::collections::BTreeSet::new();
    for _ in 0..12_000 {
        let (request, made) = strategy.new_tree(&mut runner).unwrap().current();
        let play = play(request, &made, |_, _| {});
        rows.extend(play.journal.iter().flat_map(|entry| entry.rows.clone()));
        let noted = play.journal.iter().filter_map(|entry| entry.note.clone());
        notes.extend(noted.map(|note| match note {
            Note::Refused(_) => "refused",
            Note::Late => "late",
            Note::Duplicate => "duplicate",
            Note::Unfit => "unfit",
            Note::Retrying => "retrying",
            Note::WindowMissed => "window missed",
            Note::Undeliverable => "undeliverable",
        }));
    }
    let missed: Vec<&str> =
        rehome_domain::table::ROWS.iter().map(|row| row.id).filter(|id| !rows.contains(*id)).collect();
    assert!(missed.is_empty(), "random histories never take {missed:?}");
    assert_eq!(notes.len(), 7, "{notes:?}");
}

#[test]
fn a_reply_that_overtakes_its_order_waits_and_one_about_another_relocation_does_not() {
    let mut play = Play::submit(history::request()).unwrap();
    let ahead = rehome_domain::WorkOrderId { relocation: RELOCATION, seq: 2, index: 0 };
    let foreign = rehome_domain::WorkOrderId { relocation: history::OTHER, seq: 9, index: 0 };
    let report = Report::Noticed;
    assert_eq!(play.put(history::reply(Layer::L2, ahead, report.clone())), Stepped::Early(ahead));
    assert!(matches!(play.put(history::reply(Layer::L2, foreign, report)), Stepped::Journaled(_)));
    assert_eq!(last(&play).note, Some(Note::Unfit));
}
