//! The README's first commands: the shipped sheet of 200, without and with the shipped fault plan.

use std::collections::BTreeSet;

use rehome::{settings, sheet};
use rehome_devices::faults::FaultPlan;
use rehome_domain::{CutoverStatus, RelocationStatus, ReservationStatus, State};

use crate::running::{Left, repository, run};

#[test]
fn without_faults_all_200_succeed_and_the_devices_hold_exactly_that() {
    let dir = tempfile::tempdir().unwrap();
    let output = run(&repository("examples/relocations-200.csv"), dir.path(), None).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
    let left = Left::in_dir(dir.path());
    assert_eq!(left.tickets.len(), 200);
    for (service, state) in left.states() {
        assert_eq!(state.relocation, RelocationStatus::Succeeded, "{service}");
    }
    assert_eq!(left.discrepancies, Vec::<String>::new());
    assert_eq!(left.not_replayed, Vec::<String>::new());
}

#[test]
fn with_the_shipped_plan_each_of_the_200_is_exactly_where_the_table_puts_it_for_its_faults() {
    let dir = tempfile::tempdir().unwrap();
    let (sheet_path, plan_path) =
        (repository("examples/relocations-200.csv"), repository("examples/faults.toml"));
    let output = run(&sheet_path, dir.path(), Some(&plan_path)).output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stdout));

    let settings = settings::load(None).unwrap().settings;
    let plan = FaultPlan::load(&plan_path).unwrap();
    let sheet = sheet::open(&sheet_path, settings.deadlines).unwrap();
    let left = Left::in_dir(dir.path());
    let states = left.states();
    let mut passed = Vec::new();
    for row in &sheet.rows {
        let predicted = plan.predict(&row.request, settings.retry.max_tries);
        let service = row.request.service_id.as_str();
        assert!(predicted.certain, "{service}: the plan leaves its end to a race");
        assert_eq!(states[service], predicted.state, "{service}, by rows {:?}", predicted.rows);
        passed.extend(predicted.passed);
    }
    assert_eq!(left.discrepancies, Vec::<String>::new());
    assert_eq!(left.not_replayed, Vec::<String>::new());
    every_status_was_reached(&passed);
}

fn every_status_was_reached(passed: &[State]) {
    let relocation: BTreeSet<_> = passed.iter().map(|state| state.relocation).collect();
    let reservation: BTreeSet<_> = passed.iter().filter_map(|state| state.reservation).collect();
    let cutover: BTreeSet<_> = passed.iter().filter_map(|state| state.cutover).collect();
    assert_eq!(relocation.into_iter().collect::<Vec<_>>(), RelocationStatus::ALL);
    assert_eq!(reservation.into_iter().collect::<Vec<_>>(), ReservationStatus::ALL);
    assert_eq!(cutover.into_iter().collect::<Vec<_>>(), CutoverStatus::ALL);
}
