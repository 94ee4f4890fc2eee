//! Operations, and what is found.

use std::sync::Arc;

use rehome_devices::{
    device::{Change, Device as _},
    ovsdb,
};
use rehome_domain::{
    order::WorkOrder,
    ports::{Driver as _, Operation},
    reply::{Presence, Reason},
};

use super::rig::{PARKED, Rig, asking, done, fails, moving};
use crate::world::{Lie, holding, lying, place, relocation, request};

#[tokio::test]
async fn a_circuit_is_reserved_and_cut_over_and_every_step_twice_is_once() {
    let rig = Rig::new();
    let mut session = rig.session();
    for _ in 0..2 {
        assert_eq!(done(&mut session, Operation::Reserve).await, Presence::Reserved);
        assert_eq!(done(&mut session, Operation::LookNew).await, Presence::Reserved);
        assert_eq!((rig.get("eth1", "tag").as_str(), rig.get("eth2", "tag").as_str()), ("100", PARKED));
        assert_eq!(rig.get("eth2", "external_ids:rehome-service"), "OURS");
        assert_eq!(rig.get("eth2", "external_ids:rehome-description"), "\"OURS Acme\"");
    }
    for _ in 0..2 {
        assert_eq!(done(&mut session, Operation::Swap).await, Presence::Installed);
        assert_eq!(done(&mut session, Operation::LookNew).await, Presence::Installed);
        assert_eq!(done(&mut session, Operation::LookOld).await, Presence::Absent);
        assert_eq!((rig.get("eth1", "tag").as_str(), rig.get("eth2", "tag").as_str()), (PARKED, "100"));
        assert_eq!(rig.get("eth1", "external_ids"), "{}");
    }
    assert_eq!(done(&mut session, Operation::Release).await, Presence::Installed, "never touches service");
    for _ in 0..2 {
        assert_eq!(done(&mut session, Operation::RollbackInstall).await, Presence::Absent);
        assert_eq!(
            (rig.get("eth2", "tag").as_str(), rig.get("eth2", "external_ids").as_str()),
            (PARKED, "{}")
        );
    }
}

#[tokio::test]
async fn a_reservation_is_released_and_leaves_nothing() {
    let rig = Rig::new();
    let (before, mut session) = (rig.get("eth2", "external_ids"), rig.session());
    done(&mut session, Operation::Reserve).await;
    for _ in 0..2 {
        assert_eq!(done(&mut session, Operation::Release).await, Presence::Absent);
        assert_eq!(
            (rig.get("eth2", "tag"), rig.get("eth2", "external_ids")),
            (PARKED.to_owned(), before.clone())
        );
    }
}

#[tokio::test]
async fn an_install_and_a_teardown_work_one_by_one_too() {
    let rig = Rig::new();
    let mut session = rig.session();
    assert_eq!(done(&mut session, Operation::Install).await, Presence::Installed);
    assert_eq!(done(&mut session, Operation::Teardown).await, Presence::Absent);
    assert_eq!((rig.get("eth1", "tag").as_str(), rig.get("eth2", "tag").as_str()), (PARKED, "100"));
}

#[tokio::test]
async fn every_presence_is_found_as_it_is_on_the_switch() {
    let rig = Rig::new();
    let mut session = rig.session();
    assert_eq!(done(&mut session, Operation::LookOld).await, Presence::Installed, "by nobody's mark");
    assert_eq!(done(&mut session, Operation::LookNew).await, Presence::Absent);
    done(&mut session, Operation::Reserve).await;
    assert_eq!(done(&mut session, Operation::LookNew).await, Presence::Reserved);
    rig.switch.vsctl(&["clear", "port", "eth2", "tag"]).unwrap();
    assert_eq!(done(&mut session, Operation::LookNew).await, Presence::Partial);
    assert_eq!(done(&mut session, Operation::Install).await, Presence::Installed, "a half is completed");
    assert_eq!(done(&mut session, Operation::LookNew).await, Presence::Installed);
    rig.switch.vsctl(&["del-port", "eth2"]).unwrap();
    assert_eq!(done(&mut session, Operation::LookNew).await, Presence::Absent, "the port itself is gone");
}

#[tokio::test]
async fn half_a_step_leaves_a_marked_port_that_carries_nothing() {
    let rig = Rig::new();
    let mut session = rig.session();
    session.perform_half(Operation::Reserve, &moving()).await.unwrap();
    assert_eq!(done(&mut session, Operation::LookNew).await, Presence::Partial);
    assert_eq!((rig.get("eth2", "tag").as_str(), rig.get("eth2", "vlan_mode").as_str()), ("[]", "access"));
    assert_eq!(done(&mut session, Operation::Release).await, Presence::Absent);
}

#[tokio::test]
async fn a_port_that_serves_something_else_is_never_touched() {
    let taken: [&[&str]; 4] = [
        &["tag=300"],
        &["tag=[]"],
        &["tag=100", "vlan_mode=trunk"],
        &["tag=100", "vlan_mode=dot1q-tunnel", "cvlans=7"],
    ];
    let rig = Rig::new();
    let mut session = rig.session();
    for what in taken {
        rig.set("eth2", what);
        let before = rig.state();
        for operation in [Operation::Reserve, Operation::Install, Operation::Swap] {
            let error = fails(&mut session, operation).await;
            assert!(!error.transient && error.failure.reason == Reason::Conflict, "{what:?}: {error}");
        }
        assert_eq!(done(&mut session, Operation::Release).await, Presence::Absent, "{what:?}");
        assert_eq!(done(&mut session, Operation::LookNew).await, Presence::Absent, "{what:?}");
        assert_eq!(rig.state(), before, "{what:?}");
    }
    rig.set("eth1", &["tag=300"]);
    rig.set("eth2", &["tag=4094", "vlan_mode=[]", "cvlans=[]"]);
    assert_eq!(done(&mut session, Operation::Teardown).await, Presence::Absent);
    assert_eq!(rig.get("eth1", "tag"), "300", "the old port serves somebody else by now");
}

#[tokio::test]
async fn what_somebody_did_to_a_reserved_port_is_refused_at_the_cutover_and_told() {
    let rig = Rig::new();
    let mut session = rig.session();
    done(&mut session, Operation::Reserve).await;
    rig.set("eth2", &["tag=300"]);
    let before = rig.state();
    let error = fails(&mut session, Operation::Swap).await;
    assert!(!error.transient && error.failure.reason == Reason::Conflict, "{error}");
    assert!(error.failure.text.contains("VLAN 300; its mark says OURS in VLAN 100"), "{error}");
    assert_eq!(rig.state(), before);
}

#[tokio::test]
async fn what_other_systems_keep_at_a_port_stays() {
    let rig = Rig::new();
    rig.set("eth2", &["external_ids:crm=4711"]);
    let mut session = rig.session();
    done(&mut session, Operation::Reserve).await;
    done(&mut session, Operation::Swap).await;
    assert_eq!(rig.get("eth2", "external_ids:crm"), "\"4711\"");
    done(&mut session, Operation::RollbackInstall).await;
    assert_eq!(rig.get("eth2", "external_ids"), "{crm=\"4711\"}");
}

#[tokio::test]
async fn a_qinq_circuits_port_puts_the_outer_tag_around_the_inner_one() {
    let rig = Rig::new();
    let mut request = lying("OURS", Lie::OneDevice);
    request.old.inner_vlan = Some(7);
    request.new.inner_vlan = Some(8);
    rig.set("eth1", &["vlan_mode=dot1q-tunnel", "cvlans=7"]);
    let (order, mut session) = (asking(&request), rig.session());
    assert_eq!(session.perform(Operation::Reserve, &order).await, Ok(Presence::Reserved));
    assert_eq!((rig.get("eth2", "tag").as_str(), rig.get("eth2", "vlan_mode").as_str()), (PARKED, "access"));
    assert_eq!(session.perform(Operation::LookOld, &order).await, Ok(Presence::Installed));
    assert_eq!(session.perform(Operation::Swap, &order).await, Ok(Presence::Installed));
    assert_eq!((rig.get("eth2", "tag").as_str(), rig.get("eth2", "cvlans").as_str()), ("100", "[8]"));
    assert_eq!(rig.get("eth2", "vlan_mode"), "dot1q-tunnel");
    assert_eq!((rig.get("eth1", "tag").as_str(), rig.get("eth1", "cvlans").as_str()), (PARKED, "[]"));
}

#[tokio::test]
async fn what_a_switch_does_not_have_is_refused_by_its_name() {
    let rig = Rig::new();
    let mut elsewhere = lying("OURS", Lie::OneDevice);
    elsewhere.new.l2_port = "eth9".to_owned();
    let error = rig.session().perform(Operation::Reserve, &asking(&elsewhere)).await.unwrap_err();
    assert!(!error.transient && error.failure.text.contains("no port `eth9`"), "{error}");
    let mut parked = lying("OURS", Lie::OneDevice);
    parked.new.vlan = 4094;
    let error = rig.session().perform(Operation::Reserve, &asking(&parked)).await.unwrap_err();
    assert!(!error.transient && error.failure.text.contains("parking_vlan"), "{error}");
    let mut options = rig.options();
    options.bridge = "br9".to_owned();
    let error = fails(&mut super::rig::session(options), Operation::Reserve).await;
    assert!(!error.transient && error.failure.text.contains("no bridge `br9`"), "{error}");
    rig.switch.vsctl(&["add-br", "br1", "--", "add-port", "br1", "eth9", "tag=4094"]).unwrap();
    let error = rig.session().perform(Operation::Reserve, &asking(&elsewhere)).await.unwrap_err();
    assert!(!error.transient && error.failure.text.contains("no port `eth9`"), "of another bridge: {error}");
}

#[tokio::test]
async fn reservations_that_share_a_transaction_are_answered_each_for_itself() {
    let rig = Rig::new();
    for port in 10..30 {
        rig.switch.add_port(&format!("eth{port}"), Some(4094)).unwrap();
    }
    rig.set("eth20", &["tag=300"]);
    let order = |port: u8| {
        let mut order = asking(&request(&format!("S{port}"), place(1, 1), place(1, port)));
        order.relocation = relocation(port.into());
        Arc::new(order)
    };
    let mut orders: Vec<Arc<WorkOrder>> = (10..30).map(order).collect();
    // Two circuits want one port: the first gets it.
    let mut late = WorkOrder::clone(&order(29));
    Arc::make_mut(&mut late.request).service_id = "LATE".to_owned();
    Arc::make_mut(&mut late.request).new.vlan = 101;
    orders.push(Arc::new(late));
    let answers = rig.session().perform_all(Operation::Reserve, &orders).await;
    for (order, answer) in orders.iter().zip(answers) {
        let refused = order.request.new.l2_port == "eth20" || order.request.service_id == "LATE";
        assert_eq!(answer.is_err(), refused, "{}: {answer:?}", order.request.service_id);
    }
    assert_eq!(rig.get("eth29", "external_ids:rehome-service"), "S29");
    assert_eq!(rig.get("eth20", "tag"), "300");
}

#[test]
fn a_preview_is_what_an_operator_would_type() {
    let request = lying("OURS", Lie::OneDevice);
    let put = holding("OURS", Some(relocation(1)), Presence::Installed);
    let changes = [
        Change { spot: request.new.l2(), found: None, put: Some(put) },
        Change { spot: request.old.l2(), found: None, put: None },
    ];
    let lines = ovsdb::Switch::new("sw-1", super::rig::options("unix:/nowhere".to_owned())).preview(&changes);
    assert!(lines[0].starts_with("ovs-vsctl set port eth2 tag=100 vlan_mode=access cvlans=[]"), "{lines:?}");
    assert!(lines[0].contains(" external_ids:rehome-service=\"OURS\""), "{lines:?}");
    assert!(lines[1].starts_with("ovs-vsctl set port eth1 tag=4094"), "{lines:?}");
    let rig = Rig::new();
    for line in lines {
        let command = line.replace("ovs-vsctl", &format!("ovs-vsctl --db={}", rig.switch.unix()));
        assert!(
            std::process::Command::new("sh").args(["-c", &command]).status().unwrap().success(),
            "{line}"
        );
    }
    assert_eq!((rig.get("eth1", "tag").as_str(), rig.get("eth2", "tag").as_str()), (PARKED, "100"));
}
