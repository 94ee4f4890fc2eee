//! The recorded scenarios (`tests/scenarios`): each does what it says, and together they show every row.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::{collections::BTreeSet, path::Path};

use rehome_domain::{
    journal::{self, Note},
    table::{ROWS, SUBMITTED},
};
use rehome_testkit::{
    history::Play,
    scenario::{self, Scenario},
};

fn all() -> Vec<(String, Scenario)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/scenarios");
    let all = scenario::load_all(&folder).unwrap_or_else(|error| panic!("{error}"));
    assert!(!all.is_empty());
    all
}

fn run(name: &str, scenario: &Scenario) -> Play {
    scenario.run().unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn every_scenario_does_what_it_says() {
    let wrong: Vec<String> = all()
        .iter()
        .filter_map(|(name, scenario)| scenario.run().err().map(|error| format!("{name}: {error}")))
        .collect();
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn every_scenario_ends_with_nothing_in_flight_and_its_journal_replays() {
    for (name, scenario) in all() {
        let play = run(&name, &scenario);
        assert!(!play.ticket.state.in_flight(), "{name} ends with work out: {:?}", play.ticket.state);
        assert_eq!(journal::replay(&play.journal).unwrap(), play.ticket, "{name}");
    }
}

#[test]
fn the_scenarios_show_every_row_and_every_note() {
    let entries: Vec<_> = all().iter().flat_map(|(name, scenario)| run(name, scenario).journal).collect();
    let shown: BTreeSet<&str> = entries.iter().flat_map(|entry| &entry.rows).map(String::as_str).collect();
    let missing: Vec<&str> = std::iter::once(SUBMITTED)
        .chain(ROWS.iter().map(|row| row.id))
        .filter(|id| !shown.contains(id))
        .collect();
    assert!(missing.is_empty(), "no scenario shows {missing:?}");
    let notes: BTreeSet<String> = entries
        .iter()
        .filter_map(|entry| entry.note.as_ref())
        .map(|note| match note {
            Note::Refused(why) => format!("{:?}", std::mem::discriminant(why)),
            other => format!("{other:?}"),
        })
        .collect();
    // Eleven ways to be refused, and six other notes.
    assert_eq!(notes.len(), 17, "{notes:?}");
}

#[test]
fn titles_tell_the_scenarios_apart() {
    let all = all();
    let titles: BTreeSet<&str> = all.iter().map(|(_, scenario)| scenario.title.as_str()).collect();
    assert_eq!(titles.len(), all.len());
}

#[test]
fn a_key_that_means_nothing_is_an_error_and_a_wrong_expectation_is_found() {
    let typo = "title = 'x'\n[[step]]\nsubmit = true\nrosw = ['1']\n";
    assert!(toml::from_str::<Scenario>(typo).is_err());
    let step = "title = 'x'\n[[step]]\nsubmit = true\nrows = ['1', '2']\nsends = ['l3 reserve']\n";
    let without_status: Scenario = toml::from_str(step).unwrap();
    let error = without_status.run().unwrap_err().to_string();
    assert!(error.contains(r#"status = "reservation_pending / - / -""#), "{error}");
}
