//! Upgrades with tickets in flight: what an older binary wrote is continued, what a newer one wrote is refused by name.
#![allow(clippy::unwrap_used, missing_docs)]

use jiff::Timestamp;
use rehome_domain::{
    CommandKind, Entry, Layer, Report, Role,
    command::By,
    journal::{Divergence, ENTRY_VERSION, replay},
    reply::Outcome,
};
use rehome_testkit::history::{self, Play};

/// A ticket's journal as binaries wrote it before entries said who had which role, or what was paused.
const BEFORE_ROLES: &str = include_str!("../../../tests/fixtures/journal-before-roles.jsonl");

fn entries() -> Vec<Entry> {
    BEFORE_ROLES.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_journal_from_before_there_were_roles_is_read_and_replays_to_the_same_ticket() {
    assert!(!BEFORE_ROLES.contains("\"role\""));
    let entries = entries();
    let ticket = replay(&entries).unwrap();
    assert!(ticket.state.is_closed() && ticket.cancelled.is_some());
    let person = entries.iter().find_map(|entry| match &entry.by {
        By::Person { role, .. } => Some(*role),
        _ => None,
    });
    assert_eq!(person, Some(Role::Admin), "whoever got in then might do all");
}

/// A relocation whose L3 cutover is answered so, up to L2's.
fn cut_over(held_until: Option<Timestamp>) -> Play {
    let mut play = Play::submit(history::request()).unwrap();
    let mut answer = |layer: Layer, report| {
        let order = play.ticket.out(layer).unwrap().order.id;
        play.put(history::reply(layer, order, report));
    };
    let reserved = || Report::Reserve { outcome: Outcome::Done, rollback: None };
    answer(Layer::L3, reserved());
    answer(Layer::L2, reserved());
    play.put(history::command(CommandKind::DeployCutover));
    let (teardown, install) = (Outcome::Done, Outcome::Done);
    let order = play.ticket.out(Layer::L3).unwrap().order.id;
    let report = Report::CutoverL3 { teardown, install, during: None, held_until };
    play.put(history::reply(Layer::L3, order, report));
    play
}

#[test]
fn what_an_older_binary_would_get_wrong_says_so_by_its_version_and_nothing_else_does() {
    let versions = |play: &Play| play.journal.iter().map(|entry| entry.v).collect::<Vec<_>>();
    let plain = cut_over(None);
    assert_eq!((versions(&plain), plain.ticket.v), (vec![1; 5], 1));
    // It knows nothing of holds: it would close the ticket, and nobody confirm the cutover.
    let held = cut_over(Some(Timestamp::MAX));
    assert_eq!((versions(&held), held.ticket.v), (vec![1, 1, 1, 1, 2], 2));
    // Whatever it reads is written as it wrote it itself.
    let says_of_a_hold =
        |written: &str| ["\"held\":", "\"held_until\":"].iter().any(|name| written.contains(name));
    for (play, says) in [(&plain, false), (&held, true)] {
        assert_eq!(says_of_a_hold(&serde_json::to_string(&play.journal).unwrap()), says);
        assert_eq!(says_of_a_hold(&serde_json::to_string(&play.ticket).unwrap()), says);
    }
}

#[test]
fn an_entry_of_a_newer_binary_is_named_with_what_to_do() {
    let mut entries = entries();
    entries[1].v = ENTRY_VERSION + 1;
    let error = replay(&entries).unwrap_err();
    assert!(matches!(error, Divergence::Newer { seq: 2, .. }));
    assert!(error.to_string().contains("entry 2") && error.to_string().contains("upgrade"), "{error}");
}
