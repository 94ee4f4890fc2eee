//! Messages that come twice, and replies that come too late.

use std::time::Duration;

use rehome_testkit::{broker::Vhost, postgres::Database};

use super::{
    system::{SIX, System},
    verdict::{LATE_MS, RELOCATIONS, Reference, certain_end, plan, reference},
};
use crate::running::the_machine;

/// Runs the sheet over six processes under a plan that says more than the reference's, to the same end.
fn run_under(reference: &Reference, plan: &str, what: &str) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("faults.toml");
    std::fs::write(&file, plan).unwrap();
    let (vhost, database) = (Vhost::new(), Database::create());
    let system = System::start(&vhost.url(), &database, &file, &SIX);
    let took = system.run(&reference.sheet, RELOCATIONS).finish(Duration::from_secs(10), || {});
    drop(system);
    reference.judge(what, took, &database);
}

#[test]
fn every_message_twice_is_every_message_once() {
    let _alone = the_machine();
    let reference = reference();
    let plan = format!("messages_twice = true\n{}", plan(""));
    run_under(reference, &plan, "every command, order and reply twice");
}

#[test]
fn replies_later_than_their_deadlines_are_settled_by_what_is_on_the_devices() {
    let _alone = the_machine();
    let reference = reference();
    let mut late = Vec::new();
    for request in &reference.requests {
        let service = &request.service_id;
        let (layer, order) = match service.chars().last() {
            Some('6') => ("l2", "reserve"),
            Some('7') => ("l3", "reserve"),
            Some('8') => ("l2", "cutover"),
            Some('9') => ("l3", "cutover"),
            _ => continue,
        };
        let rule = format!(
            "[[fault]]\nname = \"late\"\nservice = \"{service}\"\nlayer = \"{layer}\"\norder = \"{order}\"\n\
             delay_ms = {LATE_MS}\nwhat = \"late_reply\"\n"
        );
        // Where a plan's other faults meet this one, what comes first may be chance: those are left as they were.
        if certain_end(&plan(&rule), request).as_ref() == Some(&reference.states[service]) {
            late.push(rule);
        }
    }
    assert!(late.len() > 600, "only {} late replies", late.len());
    let (plan, what) = (plan(&late.concat()), format!("{} replies later than their deadlines", late.len()));
    run_under(reference, &plan, &what);
}
