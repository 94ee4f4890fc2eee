//! A process told to stop while its broker, or its database, is away: it ends in time, and nothing is lost.

use std::time::{Duration, Instant};

use rehome_domain::{State, request::Deadlines};
use rehome_testkit::{
    broker::{Node, Vhost},
    postgres::{Cluster, Database},
};

use super::system::{ONE, System};
use crate::running::{the_machine, write_sheet};

/// Relocations, all in flight.
const RELOCATIONS: u64 = 200;
/// `run.drain_ms` of these processes.
const DRAIN: Duration = Duration::from_secs(4);
/// Beyond it: to leave the broker and the database, each of which is waited for in bounded time.
const LEAVE: Duration = Duration::from_secs(20);
/// Longer than a process is away and all else together.
const DEADLINES: Deadlines =
    Deadlines { reserve_ms: 80_000, cutover_ms: 80_000, rollback_ms: 80_000, inspect_ms: 80_000 };

/// Devices so slow that the work is under way for many seconds.
fn plan() -> String {
    let Deadlines { reserve_ms, cutover_ms, rollback_ms, inspect_ms } = DEADLINES;
    format!(
        "[[fault]]\nname = \"all take their time\"\nprobability = 1.0\ndelay_ms = 1000\nwhat = \"slow\"\n\
         [deadlines]\nreserve_ms = {reserve_ms}\ncutover_ms = {cutover_ms}\nrollback_ms = {rollback_ms}\n\
         inspect_ms = {inspect_ms}\n"
    )
}

/// Takes something away in mid-run, tells the only process to stop, brings it back, and starts a process again.
fn stopped_while(broker: &str, database: &Database, away: impl FnOnce(), back: impl FnOnce()) {
    let dir = tempfile::tempdir().unwrap();
    let (sheet, file) = (dir.path().join("sheet.csv"), dir.path().join("faults.toml"));
    write_sheet(&sheet, RELOCATIONS);
    std::fs::write(&file, plan()).unwrap();
    let mut system = System::start(broker, database, &file, &ONE);
    let mut run = system.run(&sheet, RELOCATIONS.try_into().unwrap());
    let tickets = |which: &str| {
        database.sql(&format!("SELECT count(*) FROM ticket WHERE {which}")).parse::<u64>().unwrap()
    };
    while tickets("TRUE") < RELOCATIONS || tickets("reservation_status IS NOT NULL") < RELOCATIONS / 4 {
        assert!(!run.ends_within(Duration::from_millis(100)), "it ended before it was disturbed");
    }
    // It only watches, and says so when it can't; the same command goes on below.
    drop(run);
    away();
    let told = Instant::now();
    let (code, said) = system.stop(0, DRAIN + LEAVE);
    println!("it ended after {:?} with {code:?}: {said}", told.elapsed());
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains(" in hand; they go on when a process takes them up"), "{said}");
    back();
    system.again(0);
    let took = system.run(&sheet, RELOCATIONS.try_into().unwrap()).finish_well(Duration::from_secs(2));
    let left = system.left();
    println!("all ended {took:?} after the run was begun again");
    assert_eq!(left.tickets.len(), usize::try_from(RELOCATIONS).unwrap());
    assert!(left.states().values().all(State::is_closed));
    assert_eq!(left.not_replayed, Vec::<String>::new());
    assert_eq!(left.discrepancies, Vec::<String>::new());
    let letters = database.sql("SELECT count(*) FROM dead_letter");
    assert_eq!(letters.trim(), "0", "dead letters");
}

#[test]
fn a_process_stopped_while_its_broker_is_away_ends_in_time_and_nothing_is_lost() {
    let _alone = the_machine();
    let (node, database) = (Node::start(), Database::create());
    let vhost = node.vhost();
    stopped_while(&vhost.url(), &database, || node.kill(), || node.start_again());
}

#[test]
fn a_process_stopped_while_its_database_is_away_ends_in_time_and_nothing_is_lost() {
    let _alone = the_machine();
    let (vhost, cluster) = (Vhost::new(), Cluster::start());
    let database = Database::on(&cluster.url());
    stopped_while(&vhost.url(), &database, || cluster.crash(), || cluster.begin());
}
