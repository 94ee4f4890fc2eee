//! kill -9 at random moments loses nothing and does nothing twice (promises 1 and 2).

use std::{
    collections::hash_map::RandomState,
    hash::BuildHasher,
    io::Read,
    path::Path,
    time::{Duration, Instant},
};

use rehome::app::DATABASE;
use rehome_domain::State;

use crate::running::{Left, run, the_machine, write_sheet};

const RELOCATIONS: u64 = 2000;
const KILLS: u32 = 20;

/// Every kind of fault, a few in a hundred each.
const PLAN: &str = include_str!("kill.faults.toml");

#[test]
fn killed_at_twenty_random_moments_a_run_of_2000_with_faults_ends_as_an_uninterrupted_one() {
    let _alone = the_machine();
    let dir = tempfile::tempdir().unwrap();
    let (sheet, plan) = (dir.path().join("sheet.csv"), dir.path().join("faults.toml"));
    write_sheet(&sheet, RELOCATIONS);
    std::fs::write(&plan, PLAN).unwrap();

    let whole = dir.path().join("uninterrupted");
    let begun = Instant::now();
    to_its_end(&sheet, &whole, &plan);
    let takes = begun.elapsed();

    let killed = dir.path().join("killed");
    let relocations = usize::try_from(RELOCATIONS).unwrap();
    let (mut kills, mut under_way, mut submitting) = (0, 0, 0);
    let mut tries = 0;
    while kills < KILLS && tries < 10 * KILLS {
        tries += 1;
        // Every other one soon after the start, when much is being submitted; most of a run is waiting for deadlines.
        let longest = if tries % 2 == 0 { takes * 2 / KILLS } else { takes / KILLS / 2 };
        let mid_run = killed_in_mid_run(&sheet, &killed, &plan, random_below(longest));
        // Killed before it had a database it had not begun.
        if mid_run && killed.join(DATABASE).exists() {
            kills += 1;
            let left = Left::in_dir(&killed);
            under_way += u32::from(left.states().values().any(State::in_flight));
            submitting += u32::from(left.tickets.len() < relocations);
        }
    }
    assert_eq!(kills, KILLS, "the run ended too soon to be killed so often");
    println!("{kills} kills, {under_way} with orders out, {submitting} before all were submitted");
    assert!(under_way > KILLS / 2 && submitting > 0, "the kills met a run that had nothing to lose");
    to_its_end(&sheet, &killed, &plan);

    let (whole, killed) = (Left::in_dir(&whole), Left::in_dir(&killed));
    assert_eq!(whole.tickets.len(), relocations);
    assert_eq!(killed.states().len(), whole.states().len(), "a ticket was lost");
    for (service, state) in whole.states() {
        assert_eq!(killed.states()[service], state, "{service} ended otherwise");
    }
    assert_eq!(killed.not_replayed, Vec::<String>::new(), "tickets that are not their journals");
    assert_eq!(killed.discrepancies, Vec::<String>::new(), "devices hold what no ticket says");
    assert_eq!(whole.discrepancies, Vec::<String>::new());
    let faulted =
        whole.states().values().filter(|state| state.cutover.is_none() || state.in_flight()).count();
    assert!(faulted > 0, "the plan hit nobody");
}

/// Runs to the end, whose exit code says that not all succeeded.
fn to_its_end(sheet: &Path, data: &Path, plan: &Path) {
    let output = run(sheet, data, Some(plan)).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stdout));
}

/// Starts a run and kills it after a while. False if it had ended by itself before.
fn killed_in_mid_run(sheet: &Path, data: &Path, plan: &Path, after: Duration) -> bool {
    let mut child = run(sheet, data, Some(plan)).spawn().unwrap();
    let (sender, ended) = std::sync::mpsc::channel::<()>();
    let mut stdout = child.stdout.take().unwrap();
    std::thread::spawn(move || {
        let _ = stdout.read_to_end(&mut Vec::new());
        drop(sender);
    });
    // Its output closes when it ends; the random moment is the point of the test, not a wait for anything.
    let mid_run = matches!(ended.recv_timeout(after), Err(std::sync::mpsc::RecvTimeoutError::Timeout));
    child.kill().unwrap();
    let status = child.wait().unwrap();
    mid_run && status.code().is_none()
}

fn random_below(longest: Duration) -> Duration {
    // The standard library's only randomness; the moments need no more.
    let random = RandomState::new().hash_one(Instant::now());
    Duration::from_micros(random % u64::try_from(longest.as_micros()).unwrap().max(1))
}
