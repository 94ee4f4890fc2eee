//! Devices with a command line, over SSH: every step and every failure, on a script behind a real `sshd`.

use std::{path::Path, sync::Arc};

use rehome_devices::{
    cli::{Options, Profile, Prompted},
    device::{Change, Device as _},
    session::Session,
};
use rehome_domain::{
    order::{Layer, OrderKind, WorkOrder},
    ports::{Driver as _, DriverError, Operation},
    reply::{Presence, Reason},
    request::Request,
};
use rehome_lab::shell::{Fault, Shell};

use crate::world::{Lie, holding, lying, order, relocation};

pub(crate) const OLD: &str = "ge-0/0/1.100";
pub(crate) const NEW: &str = "ge-0/0/2.100";

fn profile(layer: Layer) -> Arc<Profile> {
    let name = match layer {
        Layer::L3 => "cli-ios.toml",
        Layer::L2 => "cli-ios-switch.toml",
    };
    let profiles = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/profiles");
    Arc::new(Profile::read(&profiles.join(name)).unwrap())
}

pub(crate) fn options(shell: &Shell) -> Options {
    let (port, user, key, print) = (shell.port(), shell.user(), shell.key(), shell.fingerprint().unwrap());
    let ssh = format!("address=\"127.0.0.1:{port}\", user={user:?}, key_file={key:?}, host_keys=[{print:?}]");
    toml::from_str(&format!("profile = \"\"\nssh = {{ {ssh} }}")).unwrap()
}

pub(crate) fn session(layer: Layer, options: Options) -> Session<Prompted> {
    let name = match layer {
        Layer::L3 => "gw-1",
        Layer::L2 => "sw-1",
    };
    Session::new(layer, name, Prompted::new(name, layer, options, profile(layer)))
}

/// A gateway whose circuit was put in service by hand.
fn gateway() -> Shell {
    let shell = Shell::start("gw-1", &[]).unwrap();
    let in_service =
        ["configure terminal", &format!("interface {OLD}"), "description ACME", "encapsulation dot1q 100"];
    let addressed = ["vrf forwarding acme", "ip address 192.0.2.1 255.255.255.252"];
    shell.types(&[&in_service[..], &addressed[..]].concat()).unwrap();
    shell
}

fn shown(shell: &Shell, name: &str) -> String {
    shell.types(&[&format!("show running-config interface {name}")]).unwrap()
}

fn asking(layer: Layer, request: &Request) -> WorkOrder {
    order(relocation(1), layer, OrderKind::Cutover, request)
}

async fn perform(
    session: &mut Session<Prompted>,
    layer: Layer,
    operation: Operation,
) -> Result<Presence, DriverError> {
    session.perform(operation, &asking(layer, &lying("OURS", Lie::OneDevice))).await
}

#[tokio::test]
async fn a_gateways_circuit_is_reserved_and_cut_over_and_every_step_twice_is_once() {
    let shell = gateway();
    let mut session = session(Layer::L3, options(&shell));
    for _ in 0..2 {
        assert_eq!(perform(&mut session, Layer::L3, Operation::LookOld).await, Ok(Presence::Installed));
        assert_eq!(perform(&mut session, Layer::L3, Operation::Reserve).await, Ok(Presence::Reserved));
        assert_eq!(perform(&mut session, Layer::L3, Operation::LookNew).await, Ok(Presence::Reserved));
    }
    let reserved = shown(&shell, NEW);
    assert!(reserved.contains(" shutdown") && reserved.contains("OURS Acme [rehome OURS "), "{reserved}");
    assert!(!reserved.contains("ip address") && !reserved.contains("encapsulation"), "claim 3: {reserved}");
    for _ in 0..2 {
        assert_eq!(perform(&mut session, Layer::L3, Operation::Teardown).await, Ok(Presence::Absent));
        assert_eq!(perform(&mut session, Layer::L3, Operation::Install).await, Ok(Presence::Installed));
        assert_eq!(perform(&mut session, Layer::L3, Operation::LookNew).await, Ok(Presence::Installed));
        assert_eq!(perform(&mut session, Layer::L3, Operation::LookOld).await, Ok(Presence::Absent));
    }
    let installed = shown(&shell, NEW);
    for line in ["encapsulation dot1q 100", "vrf forwarding acme", "ip address 192.0.2.1 255.255.255.252"] {
        assert!(installed.contains(line), "{installed}");
    }
    for _ in 0..2 {
        assert_eq!(perform(&mut session, Layer::L3, Operation::RollbackInstall).await, Ok(Presence::Absent));
    }
    assert!(shown(&shell, NEW).contains("Invalid interface"));
}

#[tokio::test]
async fn a_switchs_circuit_is_reserved_and_cut_over_and_every_step_twice_is_once() {
    let ports = [("eth1", "switchport access vlan 100"), ("eth2", "switchport access vlan 4094")];
    let shell = Shell::start("sw-1", &ports).unwrap();
    let mut session = session(Layer::L2, options(&shell));
    for _ in 0..2 {
        assert_eq!(perform(&mut session, Layer::L2, Operation::Reserve).await, Ok(Presence::Reserved));
        assert_eq!(perform(&mut session, Layer::L2, Operation::LookOld).await, Ok(Presence::Installed));
    }
    assert!(shown(&shell, "eth2").contains("vlan 4094") && shown(&shell, "eth1").contains("vlan 100"));
    for _ in 0..2 {
        assert_eq!(perform(&mut session, Layer::L2, Operation::Swap).await, Ok(Presence::Installed));
        assert_eq!(perform(&mut session, Layer::L2, Operation::LookOld).await, Ok(Presence::Absent));
    }
    assert!(shown(&shell, "eth2").contains("vlan 100") && shown(&shell, "eth1").contains("vlan 4094"));
    shell.types(&["configure terminal", "interface eth2", "switchport access vlan 300"]).unwrap();
    assert_eq!(perform(&mut session, Layer::L2, Operation::RollbackInstall).await, Ok(Presence::Absent));
    assert!(shown(&shell, "eth2").contains("vlan 300"), "it serves somebody else by now");
}

#[tokio::test]
async fn a_refused_line_is_told_with_what_is_there_now_and_the_rest_is_done_when_it_is_taken() {
    let shell = gateway();
    let mut session = session(Layer::L3, options(&shell));
    perform(&mut session, Layer::L3, Operation::Reserve).await.unwrap();
    shell.fault(Some(Fault::Refuse("^ip address"))).unwrap();
    let error = perform(&mut session, Layer::L3, Operation::Install).await.unwrap_err();
    assert!(!error.transient && error.failure.reason == Reason::Rejected, "{error}");
    for told in ["`ip address 192.0.2.1 255.255.255.252`", "not today", "now holds partial"] {
        assert!(error.failure.text.contains(told), "{error}");
    }
    assert_eq!(perform(&mut session, Layer::L3, Operation::LookNew).await, Ok(Presence::Partial));
    shell.fault(None).unwrap();
    assert_eq!(perform(&mut session, Layer::L3, Operation::Install).await, Ok(Presence::Installed));
}

#[tokio::test]
async fn a_connection_that_breaks_half_way_leaves_a_half_that_the_next_try_completes() {
    let shell = gateway();
    let mut session = session(Layer::L3, options(&shell));
    shell.fault(Some(Fault::Drop("^encapsulation"))).unwrap();
    let error = perform(&mut session, Layer::L3, Operation::Install).await.unwrap_err();
    assert!(error.transient && error.failure.reason == Reason::Unreachable, "{error}");
    shell.fault(None).unwrap();
    assert_eq!(perform(&mut session, Layer::L3, Operation::LookNew).await, Ok(Presence::Partial));
    assert_eq!(perform(&mut session, Layer::L3, Operation::Install).await, Ok(Presence::Installed));
}

#[tokio::test]
async fn a_switch_that_stops_half_way_still_says_whose_the_port_is() {
    let shell = Shell::start("sw-1", &[("eth2", "switchport access vlan 4094")]).unwrap();
    let mut session = session(Layer::L2, options(&shell));
    shell.fault(Some(Fault::Refuse("^switchport access vlan 100"))).unwrap();
    let error = perform(&mut session, Layer::L2, Operation::Install).await.unwrap_err();
    assert!(!error.transient && error.failure.text.contains("now holds reserved"), "{error}");
    assert_eq!(perform(&mut session, Layer::L2, Operation::LookNew).await, Ok(Presence::Reserved));
    shell.fault(None).unwrap();
    assert_eq!(perform(&mut session, Layer::L2, Operation::Release).await, Ok(Presence::Absent));
    assert!(!shown(&shell, "eth2").contains("description"));
}

#[tokio::test]
async fn a_device_that_hangs_is_given_up_in_time_and_told_by_the_last_it_said() {
    let shell = gateway();
    let mut options = options(&shell);
    options.answer_ms = 5000;
    let mut session = session(Layer::L3, options);
    perform(&mut session, Layer::L3, Operation::LookNew).await.unwrap();
    shell.fault(Some(Fault::Hang("^description"))).unwrap();
    let error = perform(&mut session, Layer::L3, Operation::Reserve).await.unwrap_err();
    assert!(error.transient && error.failure.reason == Reason::Unreachable, "{error}");
    assert!(error.failure.text.contains("within 5000 ms"), "{error}");
    shell.fault(None).unwrap();
    assert_eq!(perform(&mut session, Layer::L3, Operation::Reserve).await, Ok(Presence::Reserved));
}

#[tokio::test]
async fn while_somebody_else_configures_nothing_is_changed() {
    let shell = gateway();
    let mut session = session(Layer::L3, options(&shell));
    shell.fault(Some(Fault::Locked)).unwrap();
    let error = perform(&mut session, Layer::L3, Operation::Reserve).await.unwrap_err();
    assert!(error.transient && error.failure.reason == Reason::Locked, "{error}");
    assert!(shown(&shell, NEW).contains("Invalid interface"));
    shell.fault(None).unwrap();
    assert_eq!(perform(&mut session, Layer::L3, Operation::Reserve).await, Ok(Presence::Reserved));
}

#[tokio::test]
async fn what_somebody_else_has_put_at_the_new_place_is_refused_and_stays() {
    let shell = gateway();
    let mut session = session(Layer::L3, options(&shell));
    perform(&mut session, Layer::L3, Operation::Reserve).await.unwrap();
    shell.types(&["configure terminal", &format!("interface {NEW}"), "description THEIRS"]).unwrap();
    let before = shown(&shell, NEW);
    let error = perform(&mut session, Layer::L3, Operation::Install).await.unwrap_err();
    assert!(!error.transient && error.failure.reason == Reason::Conflict, "{error}");
    assert!(error.failure.text.contains("THEIRS"), "{error}");
    assert_eq!(shown(&shell, NEW), before);
}

#[tokio::test]
async fn a_change_of_what_is_no_longer_there_types_nothing() {
    let shell = gateway();
    let request = lying("OURS", Lie::OneDevice);
    let mut device = Prompted::new("gw-1", Layer::L3, options(&shell), profile(Layer::L3));
    let spot = request.new.l3();
    shell.types(&["configure terminal", &format!("interface {NEW}"), "description THEIRS"]).unwrap();
    let before = shown(&shell, NEW);
    let put = Some(holding("OURS", Some(relocation(1)), Presence::Reserved));
    let error = device.change(&[Change { spot, found: None, put }]).await.unwrap_err();
    assert!(error.transient && error.failure.reason == Reason::Conflict, "{error}");
    assert_eq!(shown(&shell, NEW), before);
}

#[tokio::test]
async fn no_field_ever_becomes_a_line_of_its_own() {
    let shell = gateway();
    let mut session = session(Layer::L3, options(&shell));
    let changes: [fn(&mut Request); 5] = [
        |request| request.vrf = Some("acme\nno interface ge-0/0/1.100".to_owned()),
        |request| request.description = "a\rno interface ge-0/0/1.100".to_owned(),
        |request| request.service_id = "S\u{2028}1".to_owned(),
        |request| request.new.l3_port = "ge-0/0/2\u{1b}[A".to_owned(),
        |request| request.description = "what?".to_owned(),
    ];
    for change in changes {
        let mut request = lying("OURS", Lie::OneDevice);
        change(&mut request);
        let error = session.perform(Operation::Install, &asking(Layer::L3, &request)).await.unwrap_err();
        assert!(!error.transient && error.failure.reason == Reason::Rejected, "{error}");
        assert!(
            shown(&shell, NEW).contains("Invalid interface") && shown(&shell, OLD).contains("ACME"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn who_is_not_trusted_is_refused_for_good_and_told_what_to_do() {
    let mut shell = gateway();
    let right = options(&shell);
    let mut wrong_key = right.clone();
    wrong_key.ssh.key_file = Some(shell.wrong_key());
    let mut unseen = right.clone();
    unseen.ssh.host_keys.clear();
    let mut no_credentials = right.clone();
    no_credentials.ssh.key_file = None;
    let mut unset = no_credentials.clone();
    unset.ssh.password_env = Some("REHOME_TEST_NO_SUCH_VARIABLE".to_owned());
    let cases = [
        (wrong_key, "let `root` in"),
        (unseen, "host_keys"),
        (no_credentials, "key_file"),
        (unset, "not set"),
    ];
    let mut device = Prompted::new("gw-1", Layer::L3, right.clone(), profile(Layer::L3));
    device.check().await.unwrap();
    for (options, told) in cases {
        let error =
            perform(&mut session(Layer::L3, options), Layer::L3, Operation::LookNew).await.unwrap_err();
        assert!(!error.transient && error.failure.reason == Reason::Unreachable, "{error}");
        assert!(error.failure.text.contains(told), "{error}");
    }
    shell.change_host_key().unwrap();
    let error = perform(&mut session(Layer::L3, right), Layer::L3, Operation::LookNew).await.unwrap_err();
    assert!(!error.transient && error.failure.text.contains("host key"), "{error}");
}

#[test]
fn a_preview_is_what_an_operator_would_type() {
    let request = lying("OURS", Lie::OneDevice);
    let options: Options =
        toml::from_str("profile = \"\"\nssh = { address = \"gw-1:22\", user = \"rehome\" }").unwrap();
    let device = Prompted::new("gw-1", Layer::L3, options, profile(Layer::L3));
    let mut put = holding("OURS", Some(relocation(1)), Presence::Installed);
    put.ip = Some("2001:db8::1/64".to_owned());
    let changes = [
        Change { spot: request.old.l3(), found: None, put: None },
        Change { spot: request.new.l3(), found: None, put: Some(put) },
    ];
    let lines = device.preview(&changes).join("\n");
    let expected = "configure terminal\nno interface ge-0/0/1.100\ninterface ge-0/0/2.100\n\
                    description OURS Acme [rehome OURS 00000000-0000-0000-0000-000000000001]\n\
                    encapsulation dot1q 100\nipv6 address 2001:db8::1/64\nno shutdown\nend";
    assert_eq!(lines, expected);
}

#[test]
fn a_profile_that_is_wrong_is_told_by_its_key() {
    let text = std::fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../config/profiles/cli-ios.toml"),
    );
    let text = text.unwrap();
    let directory = tempfile::tempdir().unwrap();
    for (right, wrong, key) in [
        ("no interface {port}", "no interface {prot}", "`remove[0]`"),
        ("save = [\"write memory\"]", "save = [\"write\\nmemory\"]", "`save[0]`"),
        ("vrf = '^ vrf", "vrf = '(^ vrf", "`show.vrf`"),
        ("description_limit = 240", "description_limit = -1", "`description_limit`"),
        ("leave = [\"end\"]", "leaf = [\"end\"]", "leaf"),
    ] {
        assert!(text.contains(right), "{right}");
        let path = directory.path().join("wrong.toml");
        std::fs::write(&path, text.replace(right, wrong)).unwrap();
        let error = Profile::read(&path).unwrap_err().to_string();
        assert!(error.contains(key) && error.contains("wrong.toml"), "{wrong}: {error}");
    }
}
