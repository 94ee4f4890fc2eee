//! The lab by the command line, and relocations through it: real gateways, real switches, real packets.

mod drift;
mod failures;
mod held;
mod interrupted;
mod rig;

pub(crate) use rig::{Lab, until};

#[test]
fn a_customer_of_the_lab_is_moved_and_is_answered_at_the_new_place_only() {
    let lab = Lab::up("move", &[]);
    assert!(
        lab.status().contains("at the old place in service, at the new place no service"),
        "{}",
        lab.status()
    );
    lab.verb("plan", &[]).is(0, &["reserve\n  + gw1/", "cutover\n"]);
    lab.verb("run", &[]).is(0, &["succeeded", "the devices are real ones"]);
    assert!(
        lab.status().contains("at the old place no service, at the new place in service"),
        "{}",
        lab.status()
    );
    // What was moved is told as moved: by the devices, not by a memory.
    lab.verb("plan", &["--lines"]).is(0, &["now: in service for LAB-1", "cutover\n    nothing to change"]);
}
