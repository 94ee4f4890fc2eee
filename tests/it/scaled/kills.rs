//! Processes that are killed.

use std::{
    collections::hash_map::RandomState,
    hash::BuildHasher,
    path::Path,
    time::{Duration, Instant},
};

use rehome_domain::request::Deadlines;
use rehome_testkit::{broker::Vhost, postgres::Database};

use super::{
    system::{SIX, System},
    verdict::{RELOCATIONS, Reference, patient_plan, reference},
};
use crate::running::the_machine;

/// With twice the messages and half the processes just starting, an order waits longer for its turn than elsewhere: with
/// 40 s, 14 of 2,000 missed it in a run of 136 s, and waited for a person. None may miss these but those whose reply the
/// plan loses or delays.
const DEADLINES: Deadlines =
    Deadlines { reserve_ms: 100_000, cutover_ms: 100_000, rollback_ms: 100_000, inspect_ms: 100_000 };
/// Late by this, a reply has missed its deadline.
const LATE_MS: u32 = 105_000;

#[test]
fn a_random_process_killed_every_second_loses_nothing_and_repeats_nothing() {
    let _alone = the_machine();
    let reference = reference();
    kill_under(reference, &reference.plan, "");
}

/// The worst of all together: each message comes twice, some replies come late, and whoever has one of the two may just
/// have died, its ticket closed by the other.
#[test]
fn a_random_process_killed_every_second_while_every_message_comes_twice_loses_nothing_and_repeats_nothing() {
    let _alone = the_machine();
    let reference = reference();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("faults.toml");
    std::fs::write(&file, format!("messages_twice = true\n{}", patient_plan("", DEADLINES, LATE_MS)))
        .unwrap();
    kill_under(reference, &file, ", every message twice");
}

fn kill_under(reference: &Reference, plan: &Path, beside: &str) {
    let (vhost, database) = (Vhost::new(), Database::create());
    let mut system = System::start(&vhost.url(), &database, plan, &SIX);
    let mut run = system.run(&reference.sheet, RELOCATIONS);
    let mut kills = [0; SIX.len()];
    let took = run.finish(Duration::from_secs(1), || {
        // The standard library's only randomness; which process needs no more.
        let random = RandomState::new().hash_one(Instant::now());
        let which = usize::try_from(random % u64::try_from(system.len()).unwrap()).unwrap();
        system.kill(which);
        kills[which] += 1;
    });
    drop(system);
    let killed: u32 = kills.iter().sum();
    assert!(killed > 10, "only {killed} kills");
    reference.judge(&format!("{killed} kills ({kills:?}){beside}"), took, &database);
}
