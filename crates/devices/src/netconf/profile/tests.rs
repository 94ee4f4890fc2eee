//! Each profile that comes with Rehome: what it asks, what it writes, and what it reads in answers of that shape.

use rehome_domain::id::RelocationId;
use uuid::Uuid;

use super::*;
use crate::netconf::xml;

fn spot(inner_vlan: Option<u16>) -> Spot {
    Spot { device: "gw1".to_owned(), port: "ge-0/0/1".to_owned(), vlan: 100, inner_vlan }
}

fn held(presence: Presence) -> Holding {
    let installed = presence == Presence::Installed;
    Holding {
        presence,
        service_id: "L&1".to_owned(),
        relocation: Some(RelocationId(Uuid::from_u128(7))),
        description: "总部 <HQ>".to_owned(),
        ip: installed.then(|| "192.0.2.1/30".to_owned()),
        vrf: installed.then(|| "blue".to_owned()),
    }
}

/// A device that holds exactly what the edit says answers with it.
fn answer(edit: &str) -> Element {
    xml::read(&format!("<data>{edit}</data>")).unwrap()
}

#[test]
fn what_each_profile_writes_it_reads_again_with_one_tag_and_with_two() {
    for (name, text) in KNOWN {
        let profile = Profile::parse(name, text).unwrap();
        for (inner, presence) in [None, Some(9)]
            .into_iter()
            .flat_map(|inner| [Presence::Reserved, Presence::Installed].map(|presence| (inner, presence)))
        {
            let put = held(presence);
            let change = Change { spot: spot(inner), found: None, put: Some(put.clone()) };
            let edit = profile.edit(&[change]).unwrap();
            let found = profile.read(&[spot(inner)], &answer(&edit)).unwrap();
            assert_eq!(found, [Some(Found::from(put))], "{name}, {inner:?}: {edit}");
        }
    }
}

#[test]
fn a_reservation_is_the_sub_interface_and_its_description_shut_down_in_every_profile() {
    for (name, text) in KNOWN {
        let profile = Profile::parse(name, text).unwrap();
        let put = held(Presence::Reserved);
        let edit = profile.edit(&[Change { spot: spot(None), found: None, put: Some(put) }]).unwrap();
        assert!(!edit.contains("remove"), "{name} removes what is not there: {edit}");
        for never in ["ipv4", "ipv6", "vlan-id", "encapsulation", "vrf", "192.0.2", "VlanType", "vlanTypeVid"]
        {
            assert!(!edit.contains(never), "{name} has {never} in a reservation: {edit}");
        }
        assert!(edit.contains("总部 &lt;HQ&gt; [rehome L&amp;1 "), "{name}: {edit}");
    }
}

/// What a profile's model keeps apart from the sub-interface, and must be removed with it: tags.
fn apart(profile: &str) -> usize {
    usize::from(profile == "huawei-vrp")
}

#[test]
fn a_removal_deletes_the_sub_interface_and_names_nothing_else_of_it() {
    for (name, text) in KNOWN {
        let profile = Profile::parse(name, text).unwrap();
        let found = Some(Found { vrf: None, ..Found::from(held(Presence::Installed)) });
        let edit = profile.edit(&[Change { spot: spot(None), found, put: None }]).unwrap();
        assert_eq!(edit.matches("nc:operation=\"remove\"").count(), 1 + apart(name), "{name}: {edit}");
        assert!(!edit.contains("192.0.2") && !edit.contains("rehome"), "{name}: {edit}");
    }
}

#[test]
fn what_is_neither_a_reservation_nor_whole_is_half_a_circuit() {
    let profile = Profile::named("ietf-interfaces").unwrap();
    let read = |entry: &str| {
        let data = format!(
            "<data><interfaces><interface><name>ge-0/0/1.100</name>{entry}</interface></interfaces></data>"
        );
        let found = profile.read(&[spot(None)], &xml::read(&data).unwrap()).unwrap();
        found[0].clone().unwrap().presence
    };
    let (off, on) = ("<enabled>false</enabled>", "<enabled>true</enabled>");
    let tags = "<encapsulation><parent>ge-0/0/1</parent><vlan-id>100</vlan-id></encapsulation>";
    let other = "<encapsulation><parent>ge-0/0/1</parent><vlan-id>101</vlan-id></encapsulation>";
    let two = "<encapsulation><parent>ge-0/0/1</parent><vlan-id>100</vlan-id><inner-vlan-id>5</inner-vlan-id></encapsulation>";
    let ip = "<ipv4><address><ip>192.0.2.1</ip><prefix-length>30</prefix-length></address></ipv4>";
    assert_eq!(read(off), Presence::Reserved);
    assert_eq!(read(&format!("{on}{tags}{ip}")), Presence::Installed);
    // Not said is up: the model's default.
    assert_eq!(read(&format!("{tags}{ip}")), Presence::Installed);
    for half in [
        on.to_owned(),
        format!("{off}{tags}"),
        format!("{off}{ip}"),
        format!("{off}<vrf>v</vrf>"),
        format!("{off}{tags}{ip}"),
        format!("{on}{tags}"),
        format!("{on}{other}{ip}"),
        format!("{on}{two}{ip}"),
    ] {
        assert_eq!(read(&half), Presence::Partial, "{half}");
    }
}

#[test]
fn a_sub_interface_in_a_vrf_leaves_it_when_it_is_removed_where_the_vrf_lists_its_interfaces() {
    for name in ["openconfig", "huawei-vrp"] {
        let profile = Profile::named(name).unwrap();
        let found = Some(Found::from(held(Presence::Installed)));
        let edit = profile.edit(&[Change { spot: spot(None), found, put: None }]).unwrap();
        assert_eq!(edit.matches("nc:operation=\"remove\"").count(), 2 + apart(name), "{name}: {edit}");
        assert!(edit.contains("blue"), "{name}: {edit}");
    }
}

#[test]
fn the_same_tag_on_two_ports_is_two_spots_in_every_profile() {
    for (name, text) in KNOWN {
        let profile = Profile::parse(name, text).unwrap();
        let other = Spot { port: "ge-0/0/2".to_owned(), ..spot(None) };
        let put = held(Presence::Installed);
        let edit = profile.edit(&[Change { spot: spot(None), found: None, put: Some(put.clone()) }]).unwrap();
        let found = profile.read(&[other, spot(None)], &answer(&edit)).unwrap();
        assert_eq!(found, [None, Some(Found::from(put))], "{name}: {edit}");
    }
}

#[test]
fn a_port_that_is_not_there_or_says_that_it_is_down_is_told_by_every_profile() {
    let says = [
        (
            "ietf-interfaces",
            "<interfaces><interface><name>ge-0/0/1</name><enabled>{}</enabled></interface></interfaces>",
            ["true", "false"],
        ),
        (
            "ietf-if-vlan-encapsulation",
            "<interfaces><interface><name>ge-0/0/1</name><oper-status>{}</oper-status></interface></interfaces>",
            ["up", "lower-layer-down"],
        ),
        (
            "openconfig",
            "<interfaces><interface><name>ge-0/0/1</name><state><oper-status>{}</oper-status></state></interface></interfaces>",
            ["UP", "DOWN"],
        ),
        (
            "huawei-vrp",
            "<ifm><interfaces><interface><ifName>ge-0/0/1</ifName><ifDynamicInfo><ifOperStatus>{}</ifOperStatus></ifDynamicInfo></interface></interfaces></ifm>",
            ["up", "down"],
        ),
    ];
    for (name, shape, [up, down]) in says {
        let profile = Profile::named(name).unwrap();
        let state = |says: &str, port: &str| profile.port(port, &answer(&shape.replace("{}", says))).unwrap();
        assert_eq!(state(up, "ge-0/0/1"), PortState::Up, "{name}");
        assert_eq!(state(down, "ge-0/0/1"), PortState::Down(down.to_owned()), "{name}");
        assert_eq!(state("dormant", "ge-0/0/1"), PortState::Up, "{name}");
        assert_eq!(state("dormant", "ge-0/0/1"), PortState::Up, "{name}");
        assert_eq!(state(up, "ge-0/0/2"), PortState::Missing, "{name}");
        assert!(profile.port_filter("ge<1>").unwrap().unwrap().contains("ge&lt;1&gt;"), "{name}");
    }
}
