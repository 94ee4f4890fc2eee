//! Interrupted in the middle: a gateway that dies while it commits, and a process that dies before it confirms. The devices
//! are read and pinged at each stage.

use std::process::Command;

use rehome_lab::{left, netns};

use super::rig::{Lab, SERVICE, System, until};
use crate::{
    credentials::process_list,
    running::{Said, rehome},
};

/// A cutover whose commit the gateway has taken, and holds up.
fn under_way<'a>(lab: &'a Lab) -> System<'a> {
    let system = lab.serve();
    assert_eq!(system.rest()["reservation"], "reserved");
    lab.fault("gw1", "hold\n");
    system.act(&["deploy"]);
    lab.until_held("gw1");
    system
}

fn ends_well(lab: &Lab, system: &System<'_>) {
    let ticket = system.rest();
    assert_eq!(
        (&ticket["relocation"], &ticket["cutover"]),
        (&"succeeded".into(), &"cut_over".into()),
        "{ticket:#}"
    );
    assert!(!lab.is_pending("gw1"), "the gateway would take it back");
    assert_eq!(lab.at("gw1", "ge1-1.101"), "-");
    assert_eq!(lab.at("gw1", "ge1-2.201"), "in service");
    assert_eq!((lab.tag("sw1", "c1a"), lab.tag("sw1", "c1b")), (4094, 201));
    assert_eq!(lab.served(), (false, true));
    // Whatever came twice had one effect; that the order was sent again after a kill is no row of the claims.
    let mut once = system.rows();
    once.retain(|row| row != "D4");
    assert_eq!(once, ["1", "2", "3", "5", "10", "11", "15"]);
}

/// The inventory with as many seconds before a commit is taken back that nobody has confirmed.
fn confirmed_within(seconds: u32) -> impl FnOnce(String) -> String {
    move |text| text.replace("driver = \"netconf\"", &format!("driver = \"netconf\"\nconfirm_s = {seconds}"))
}

#[test]
fn a_gateway_that_dies_in_the_middle_of_the_commit_comes_back_and_the_cutover_is_done() {
    let lab = Lab::up("mid", &[]);
    let system = under_way(&lab);
    lab.fault("gw1", "hold\noff\n");
    lab.until_listening("gw1", false);
    lab.fault("gw1", "");
    ends_well(&lab, &system);
}

#[test]
fn a_gateway_that_dies_in_the_middle_of_the_commit_and_stays_away_leaves_the_switch_where_service_still_is() {
    let lab = Lab::up("away", &[]);
    let system = under_way(&lab);
    lab.fault("gw1", "hold\noff\n");
    let ticket = system.rest();
    let stands = ["cutover", "install_rollback", "l2_cutover"].map(|status| ticket[status].as_str().unwrap());
    assert_eq!(stands, ["l3_cutover_failed", "none", "none"], "{ticket:#}");
    lab.fault("gw1", "");
    lab.until_listening("gw1", true);
    // What nobody confirmed it has not kept.
    assert_eq!((lab.at("gw1", "ge1-1.101"), lab.at("gw1", "ge1-2.201")), ("in service", "reserved"));
    assert_eq!(lab.served(), (true, false));
    system.act(&["retry"]);
    assert_eq!(system.rest()["cutover"], "cut_over");
    assert_eq!(system.rows()[5..], ["19", "20", "11", "15"]);
    assert_eq!(lab.served(), (false, true));
}

#[test]
fn a_commit_that_a_killed_process_never_confirmed_is_taken_back_by_the_gateway_and_done_again() {
    let lab = Lab::up("confirm", &[]).with_inventory(confirmed_within(3));
    // Killed between commit and confirmation.
    drop(under_way(&lab));
    lab.fault("gw1", "");
    // Nobody asks the gateway meanwhile: while it is asked its time does not pass.
    until("service at the old place", || lab.served() == (true, false));
    until("the gateway's taking it back", || {
        lab.at("gw1", "ge1-1.101") == "in service" && lab.at("gw1", "ge1-2.201") == "reserved"
    });
    assert_eq!((lab.tag("sw1", "c1a"), lab.tag("sw1", "c1b")), (101, 4094));
    ends_well(&lab, &lab.serve());
}

#[test]
fn a_commit_that_a_killed_process_never_confirmed_is_taken_back_by_the_process_that_comes_after_it() {
    let lab = Lab::up("again", &[]).with_inventory(confirmed_within(600));
    drop(under_way(&lab));
    lab.fault("gw1", "");
    until("the commit", || lab.at("gw1", "ge1-2.201") == "in service");
    // The new place has no service yet, for the switch's turn has not come.
    assert_eq!(lab.served(), (false, false));
    ends_well(&lab, &lab.serve());
}

#[test]
fn a_lab_whose_keeper_was_killed_goes_on_forwarding_and_is_taken_down_to_the_last_process() {
    let lab = Lab::up("kept", &["--gateways", "2", "--switches", "2", "--customers", "2"]);
    let directory = left::directory(&lab.name);
    let keeper = keeper(&lab.name);
    assert!(Command::new("kill").args(["-9", &keeper.to_string()]).status().unwrap().success());
    until("its end", || !left::processes(&lab.name, &directory).contains(&keeper));
    Said::of(&mut rehome(&["lab", "status", "--name", &lab.name]))
        .is(1, &["1 of its processes have ended", SERVICE]);
    assert_eq!(lab.served(), (true, false));
    Said::of(&mut rehome(&["lab", "down", "--name", &lab.name])).is(0, &["nothing of it is left"]);
    // By their command lines too, which all name the directory.
    let named = process_list().lines().filter(|line| line.contains(directory.to_str().unwrap())).count();
    assert!(named == 0 && !directory.exists() && left::processes(&lab.name, &directory).is_empty());
    assert_eq!(netns::of_lab(&lab.name).unwrap(), Vec::<String>::new());
}

/// The process that keeps a lab.
fn keeper(name: &str) -> u32 {
    let processes = left::processes(name, &left::directory(name));
    let is_keeper = |pid: &u32| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let words: Vec<_> = line.split(|byte| *byte == 0).map(String::from_utf8_lossy).collect();
        words.iter().any(|word| word == "keep")
    };
    processes.into_iter().find(is_keeper).unwrap()
}
