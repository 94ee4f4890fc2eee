//! The shipped sheet of 200 with the shipped fault plan: the same statuses, however many processes share the work.

use std::time::Duration;

use rehome_testkit::{broker::Vhost, postgres::Database};

use super::system::{ONE, SIX, System};
use crate::running::{Left, repository, run, the_machine};

const SHEET: &str = "examples/relocations-200.csv";
const PLAN: &str = "examples/faults.toml";

#[test]
fn the_sheet_of_200_ends_the_same_embedded_by_one_process_and_by_six() {
    let _alone = the_machine();
    let (sheet, plan) = (repository(SHEET), repository(PLAN));
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(run(&sheet, dir.path(), Some(&plan)).output().unwrap().status.code(), Some(1));
    let embedded = Left::in_dir(dir.path());
    assert_eq!(embedded.tickets.len(), 200);
    for roles in [&ONE[..], &SIX] {
        let (vhost, database) = (Vhost::new(), Database::create());
        let system = System::start(&vhost.url(), &database, &plan, roles);
        let took = system.run(&sheet, 256).finish(Duration::from_secs(10), || {});
        let left = system.left();
        println!("{} processes: {} tickets in {took:?}", system.len(), left.tickets.len());
        assert_eq!(left.states(), embedded.states(), "by {} processes", system.len());
        assert_eq!(left.not_replayed, Vec::<String>::new());
        assert_eq!(left.discrepancies, Vec::<String>::new());
    }
}
