//! Cutovers that a gateway holds until the switch has cut over too, on real devices: confirmed, taken back, and left alone.

use std::{thread, time::Duration};

use serde_json::Value;

use super::rig::{Lab, System, until};

/// A lab whose gateway holds cutovers for so many seconds.
fn holding(name: &str, seconds: u32, more: &[&str]) -> Lab {
    let holds = format!("driver = \"netconf\"\nhold_s = {seconds}");
    Lab::up(name, more).with_inventory(|text| text.replace("driver = \"netconf\"", &holds))
}

/// What the gateway has at the old place and at the new one.
fn at_gateway(lab: &Lab) -> [&'static str; 2] {
    [lab.at("gw1", "ge1-1.101"), lab.at("gw1", "ge1-2.201")]
}

fn moved(lab: &Lab, ticket: &Value) {
    assert_eq!(ticket["cutover"], "cut_over", "{ticket:#}");
    assert!(ticket["outage"]["until"].is_string(), "{ticket:#}");
    assert!(!lab.is_held("gw1", ticket["id"].as_str().unwrap()), "the gateway would take it back");
    assert_eq!(at_gateway(lab), ["-", "in service"]);
    assert_eq!((lab.tag("sw1", "c1a"), lab.tag("sw1", "c1b")), (4094, 201));
    assert_eq!(lab.served(), (false, true));
}

/// The rows after the reservation, without those that only say that an order was sent again.
fn rows(system: &System<'_>) -> Vec<String> {
    let mut rows = system.rows().split_off(4);
    rows.retain(|row| !row.starts_with('D'));
    rows
}

#[test]
fn a_held_cutover_stands_once_the_switch_has_cut_over() {
    let lab = holding("held", 600, &[]);
    let system = lab.serve();
    assert_eq!(system.rest()["reservation"], "reserved");
    system.act(&["deploy"]);
    moved(&lab, &system.rest());
    assert_eq!(rows(&system), ["10", "H1", "H2", "H4"]);
}

#[test]
fn what_the_switch_refuses_the_gateway_takes_back_and_the_customer_has_service_at_the_old_place_again() {
    let lab = holding("back", 600, &[]);
    let system = lab.serve();
    assert_eq!(system.rest()["reservation"], "reserved");
    // Somebody else has got the new place's port for VLAN 300.
    lab.vsctl("sw1", &["set", "port", "c1b", "tag=300"]);
    system.act(&["deploy"]);
    let ticket = system.rest();
    assert_eq!((&ticket["cutover"], &ticket["l2_cutover"]), (&"l3_cutover_failed".into(), &"failed".into()));
    assert_eq!(rows(&system), ["10", "H1", "H3", "H6"]);
    assert_eq!(at_gateway(&lab), ["in service", "reserved"]);
    assert_eq!(lab.tag("sw1", "c1a"), 101);
    assert_eq!(lab.served(), (true, false));
    lab.vsctl("sw1", &["set", "port", "c1b", "tag=4094"]);
    system.act(&["retry"]);
    moved(&lab, &system.rest());
    assert_eq!(rows(&system)[4..], ["20", "11", "15"]);
}

#[test]
fn a_held_cutover_whose_process_was_killed_is_taken_back_by_the_gateway_and_done_again_by_the_next_process() {
    let lab = holding("alone", 2, &[]);
    let system = lab.serve();
    assert_eq!(system.rest()["reservation"], "reserved");
    // The switch does not answer meanwhile.
    lab.fault("sw1", "off\n");
    system.act(&["deploy"]);
    until("the gateway's cutover", || system.rows().iter().any(|row| row == "H1"));
    drop(system);
    until("the gateway's taking it back", || {
        #[expect(
            clippy::disallowed_methods,
            reason = "netconfd minds its time only where nobody asks for a second"
        )]
        thread::sleep(Duration::from_millis(1500));
        at_gateway(&lab) == ["in service", "reserved"]
    });
    lab.fault("sw1", "");
    until("service at the old place", || lab.served() == (true, false));
    let system = lab.serve();
    moved(&lab, &system.rest());
    assert_eq!(rows(&system), ["10", "H1", "H2", "H5", "11", "15"]);
}

#[test]
fn held_cutovers_of_one_gateway_take_their_turns_and_all_come_through() {
    let lab = holding("turns", 600, &["--customers", "8"]);
    lab.verb("run", &[]).is(0, &["8 succeeded"]);
    assert_eq!(lab.all_served(), vec![(false, true); 8]);
}
