//! Upgrades with tickets in flight: what an older binary wrote is continued, what a newer one wrote is refused by name.
#![allow(clippy::unwrap_used, missing_docs)]

use rehome_domain::{
    Entry, Role,
    command::By,
    journal::{Divergence, ENTRY_VERSION, replay},
};

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

#[test]
fn an_entry_of_a_newer_binary_is_named_with_what_to_do() {
    let mut entries = entries();
    entries[1].v = ENTRY_VERSION + 1;
    let error = replay(&entries).unwrap_err();
    assert!(matches!(error, Divergence::Newer { seq: 2, .. }));
    assert!(error.to_string().contains("entry 2") && error.to_string().contains("upgrade"), "{error}");
}
