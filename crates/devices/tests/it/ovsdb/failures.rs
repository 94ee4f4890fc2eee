//! What goes wrong on the way and on the switch.

use std::{
    io::{BufRead as _, BufReader},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use rehome_devices::{
    device::{Change, Device as _},
    ovsdb,
};
use rehome_domain::{
    ports::Operation,
    reply::{Presence, Reason},
};

use super::rig::{Fate, PARKED, Rig, Way, done, fails, options, session};
use crate::world::{Lie, holding, lying, relocation};

#[tokio::test]
async fn who_is_overtaken_between_look_and_change_changes_nothing_and_learns_why_at_the_next_try() {
    let rig = Rig::new();
    let way = Way::to(&rig, Fate::Overtaken);
    let mut session = session(options(way.address.clone()));
    let error = fails(&mut session, Operation::Swap).await;
    assert!(error.transient && error.failure.reason == Reason::Conflict, "{error}");
    assert_eq!((rig.get("eth1", "tag").as_str(), rig.get("eth2", "tag").as_str()), ("100", "300"));
    let error = fails(&mut session, Operation::Swap).await;
    assert!(!error.transient && error.failure.text.contains("VLAN 300"), "{error}");
}

#[tokio::test]
async fn a_change_of_what_is_no_longer_there_is_refused_whole() {
    let rig = Rig::new();
    let mut switch = ovsdb::Switch::new("sw-1", rig.options());
    let request = lying("OURS", Lie::OneDevice);
    let found = switch.look(&[request.old.l2()]).await.unwrap().remove(0);
    rig.set("eth1", &["external_ids:rehome-service=OTHER", "external_ids:rehome-vlan=100"]);
    let put = holding("OURS", Some(relocation(1)), Presence::Installed);
    let changes = [
        Change { spot: request.new.l2(), found: None, put: Some(put) },
        Change { spot: request.old.l2(), found, put: None },
    ];
    let error = switch.change(&changes).await.unwrap_err();
    assert!(error.transient && error.failure.reason == Reason::Conflict, "{error}");
    assert_eq!((rig.get("eth1", "tag").as_str(), rig.get("eth2", "tag").as_str()), ("100", PARKED));
}

#[tokio::test]
async fn a_connection_that_breaks_before_the_answer_leaves_a_doubt_that_the_next_try_settles() {
    let rig = Rig::new();
    let way = Way::to(&rig, Fate::AnswerLost);
    let mut session = session(options(way.address.clone()));
    let error = fails(&mut session, Operation::Swap).await;
    assert!(error.transient && error.failure.reason == Reason::Unreachable, "{error}");
    assert_eq!(done(&mut session, Operation::LookNew).await, Presence::Installed, "it had arrived");
    assert_eq!(done(&mut session, Operation::Swap).await, Presence::Installed);
}

#[tokio::test]
async fn what_the_switch_has_not_applied_is_not_called_done_until_it_has() {
    let mut rig = Rig::new();
    let mut options = rig.options();
    options.applied_ms = 200;
    let mut session = session(options);
    rig.switch.forwarder().kill();
    for operation in [Operation::Swap, Operation::Swap, Operation::LookNew] {
        let error = fails(&mut session, operation).await;
        assert!(error.transient && error.failure.reason == Reason::Unreachable, "{error}");
        assert!(error.failure.text.contains("ovs-vswitchd"), "{error}");
    }
    rig.switch.restart_forwarder().unwrap();
    assert_eq!(done(&mut session, Operation::Swap).await, Presence::Installed);
    assert_eq!((rig.get("eth1", "tag").as_str(), rig.get("eth2", "tag").as_str()), (PARKED, "100"));
}

#[tokio::test]
async fn a_server_that_restarts_in_the_middle_of_an_order_is_found_again() {
    let mut rig = Rig::new();
    let mut session = session(options(rig.switch.tcp()));
    assert_eq!(done(&mut session, Operation::Reserve).await, Presence::Reserved);
    rig.switch.database().kill();
    let error = fails(&mut session, Operation::Swap).await;
    assert!(error.transient && error.failure.reason == Reason::Unreachable, "{error}");
    rig.switch.restart_database().unwrap();
    rig.switch.restart_forwarder().unwrap();
    assert_eq!(done(&mut session, Operation::LookNew).await, Presence::Reserved);
    assert_eq!(done(&mut session, Operation::Swap).await, Presence::Installed);
}

#[tokio::test]
async fn a_restart_between_two_steps_goes_unnoticed() {
    let mut rig = Rig::new();
    let mut session = rig.session();
    assert_eq!(done(&mut session, Operation::Reserve).await, Presence::Reserved);
    rig.switch.restart_database().unwrap();
    rig.switch.restart_forwarder().unwrap();
    assert_eq!(done(&mut session, Operation::Swap).await, Presence::Installed);
}

#[tokio::test]
async fn a_switch_that_hangs_is_given_up_in_time_and_goes_on_when_it_does() {
    let mut rig = Rig::new();
    let mut options = rig.options();
    (options.answer_ms, options.connect_ms) = (200, 200);
    let mut session = session(options);
    done(&mut session, Operation::Reserve).await;
    rig.switch.database().hold();
    let since = Instant::now();
    let error = fails(&mut session, Operation::Swap).await;
    assert!(error.transient && error.failure.reason == Reason::Unreachable, "{error}");
    assert!(since.elapsed() < Duration::from_secs(5), "{:?}", since.elapsed());
    rig.switch.database().resume();
    // What it was asked while it hung changed nothing: only looking was under way.
    rig.switch.vsctl(&["show"]).unwrap();
    assert_eq!(done(&mut session, Operation::Swap).await, Presence::Installed);
}

#[tokio::test]
async fn nothing_is_changed_while_somebody_else_holds_the_lock() {
    let rig = Rig::new();
    let mut options = rig.options();
    options.lock = Some("maintenance".to_owned());
    let mut session = session(options);
    assert_eq!(done(&mut session, Operation::Reserve).await, Presence::Reserved, "a free lock is taken");
    let command = ["--no-headings", "lock", &rig.switch.unix(), "maintenance"];
    let mut other = Command::new("ovsdb-client").args(command).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(other.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let before = rig.state();
    for _ in 0..2 {
        let error = fails(&mut session, Operation::Swap).await;
        assert!(error.transient && error.failure.reason == Reason::Locked, "{error}");
        assert!(error.failure.text.contains("maintenance"), "{error}");
    }
    assert_eq!(rig.state(), before);
    assert_eq!(done(&mut session, Operation::LookOld).await, Presence::Installed, "looking needs no lock");
    other.kill().unwrap();
    other.wait().unwrap();
    while let Err(error) =
        rehome_domain::ports::Driver::perform(&mut session, Operation::Swap, &super::rig::moving()).await
    {
        assert_eq!(
            error.failure.reason,
            Reason::Locked,
            "until the server has seen that it is gone: {error}"
        );
    }
}

#[tokio::test]
async fn a_port_that_the_switch_cannot_use_is_refused_in_its_words() {
    let rig = Rig::new();
    let broken = ["add-port", "br0", "eth9", "tag=4094", "--", "set", "interface", "eth9", "type=nothing"];
    // It says itself that the port does not work, and keeps it.
    let _ = rig.switch.vsctl(&broken);
    let mut request = lying("OURS", Lie::OneDevice);
    request.new.l2_port = "eth9".to_owned();
    let order = super::rig::asking(&request);
    let error = rehome_domain::ports::Driver::perform(&mut rig.session(), Operation::Reserve, &order).await;
    let error = error.unwrap_err();
    assert!(!error.transient && error.failure.reason == Reason::Rejected, "{error}");
    assert!(error.failure.text.contains("can't use the port"), "{error}");
}
