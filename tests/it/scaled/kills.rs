//! Processes that are killed.

use std::{
    collections::hash_map::RandomState,
    hash::BuildHasher,
    time::{Duration, Instant},
};

use rehome_testkit::{broker::Vhost, postgres::Database};

use super::{
    system::{SIX, System},
    verdict::{RELOCATIONS, reference},
};
use crate::running::the_machine;

#[test]
fn a_random_process_killed_every_second_loses_nothing_and_repeats_nothing() {
    let _alone = the_machine();
    let reference = reference();
    let (vhost, database) = (Vhost::new(), Database::create());
    let mut system = System::start(&vhost.url(), &database, &reference.plan, &SIX);
    let mut run = system.run(&reference.sheet, RELOCATIONS);
    let mut kills = [0; SIX.len()];
    let took = run.finish(Duration::from_secs(1), || {
        // The standard library's only randomness; which process needs no more.
        let random = RandomState::new().hash_one(Instant::now());
        let which = usize::try_from(random % u64::try_from(system.len()).unwrap()).unwrap();
        system.kill(which);
        kills[which] += 1;
    });
    let killed: u32 = kills.iter().sum();
    assert!(killed > 10, "only {killed} kills");
    reference.judge(&format!("{killed} kills ({kills:?})"), took, &database);
}
