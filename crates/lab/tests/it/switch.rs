//! Switches of the lab.

use rehome_lab::switch::{Options, Switch};

#[test]
fn switches_with_the_same_ports_stand_side_by_side() {
    let switches = [(); 2].map(|()| Switch::start(Options::default()).unwrap());
    for (switch, tag) in switches.iter().zip([100, 200]) {
        switch.add_port("ge-0/0/1", Some(tag)).unwrap();
    }
    for (switch, tag) in switches.iter().zip(["100", "200"]) {
        assert_eq!(switch.vsctl(&["get", "port", "ge-0/0/1", "tag"]).unwrap().trim(), tag);
        assert_eq!(switch.vsctl(&["get", "interface", "ge-0/0/1", "error"]).unwrap().trim(), "[]");
    }
}

#[test]
fn a_switch_keeps_its_configuration_and_its_addresses_over_a_restart() {
    let mut switch = Switch::start(Options { tls: true, ..Options::default() }).unwrap();
    switch.add_port("eth1", Some(100)).unwrap();
    let before = (switch.tcp(), switch.tls());
    switch.restart_database().unwrap();
    switch.restart_forwarder().unwrap();
    assert_eq!((switch.tcp(), switch.tls()), before);
    let database = format!("--db={}", switch.tcp());
    assert_eq!(switch.vsctl(&[&database, "get", "port", "eth1", "tag"]).unwrap().trim(), "100");
}

#[test]
fn a_switch_takes_its_processes_and_its_directory_with_it() {
    let mut switch = Switch::start(Options::default()).unwrap();
    let directory = switch.directory().to_owned();
    let processes =
        [switch.database().pid(), switch.forwarder().pid()].map(|pid| format!("/proc/{}", pid.unwrap()));
    assert!(processes.iter().all(|process| std::path::Path::new(process).exists()));
    drop(switch);
    assert!(!directory.exists());
    assert!(processes.iter().all(|process| !std::path::Path::new(process).exists()));
}
