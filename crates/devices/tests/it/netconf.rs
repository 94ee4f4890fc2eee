//! The NETCONF driver against Debian's netconfd behind an sshd.

mod held;

use std::sync::Arc;

use rehome_devices::{
    device::{Change, Device as _},
    netconf::{self, Line, Options, client::Client, profile::Profile},
    session::Session,
    ssh,
};
use rehome_domain::{
    order::{Layer, OrderKind, WorkOrder},
    ports::{Driver as _, DriverError, Holding, Operation},
    reply::{Presence, Reason},
    request::{Place, Request},
};
use rehome_lab::gateway::{self, Gateway};

use crate::world::{order, place, relocation, request};

/// How a gateway of the lab is reached.
pub(crate) fn reached(gateway: &Gateway) -> Options {
    let ssh = ssh::Options {
        address: gateway.address().to_string(),
        user: gateway.user().to_owned(),
        key_file: Some(gateway.key()),
        password_env: None,
        password_file: None,
        host_keys: vec![gateway.fingerprint().unwrap()],
        known_hosts: None,
        connect_ms: 30_000,
        keepalive_ms: 15_000,
    };
    Options {
        ssh,
        profile: "ietf-interfaces".to_owned(),
        validate: false,
        confirm_s: 120,
        hold_s: 0,
        answer_ms: 30_000,
        largest_message: 1 << 20,
    }
}

/// A gateway with four ports, and how it is reached.
struct World {
    gateway: Gateway,
    options: Options,
    runtime: tokio::runtime::Runtime,
}

impl World {
    fn new() -> Self {
        let ports = (0..4).map(|port| format!("ge-0/0/{port}")).collect();
        let gateway = Gateway::start(gateway::Options { ports, ..gateway::Options::default() }).unwrap();
        let options = reached(&gateway);
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        Self { gateway, options, runtime }
    }

    fn line(&self) -> Arc<Line> {
        self.line_with(self.options.clone())
    }

    fn line_with(&self, options: Options) -> Arc<Line> {
        Line::new("gw-1", options, Profile::named("ietf-interfaces").unwrap())
    }

    fn session(&self) -> Session<netconf::Gateway> {
        Session::new(Layer::L3, "gw-1", netconf::Gateway(self.line()))
    }

    fn perform(
        &self,
        session: &mut Session<netconf::Gateway>,
        operation: Operation,
        order: &WorkOrder,
    ) -> Result<Presence, DriverError> {
        self.runtime.block_on(session.perform(operation, order))
    }

    /// An operation on another client's behalf, without a profile.
    fn edit_by_hand(&self, config: &str) {
        self.runtime.block_on(async {
            let mut client = Client::connect("gw-1", &self.options).await.unwrap();
            let edit = format!(
                "<edit-config><target><candidate/></target><config><interfaces \
                 xmlns=\"urn:ietf:params:xml:ns:yang:ietf-interfaces\">{config}</interfaces></config></edit-config>"
            );
            client.call("edit", &edit).await.unwrap();
            client.call("commit", "<commit/>").await.unwrap();
        });
    }

    /// The whole running configuration.
    fn running(&self) -> String {
        self.runtime.block_on(async {
            let mut client = Client::connect("gw-1", &self.options).await.unwrap();
            let reply =
                client.call("get", "<get-config><source><running/></source></get-config>").await.unwrap();
            format!("{:?}", reply.at("data"))
        })
    }
}

fn circuit(name: &str, ip: &str, description: &str) -> String {
    format!(
        "<interface><name>{name}</name><description>{description}</description>\
         <type xmlns:i=\"urn:ietf:params:xml:ns:yang:iana-if-type\">i:l2vlan</type>\
         <encapsulation xmlns=\"urn:rehome:yang:vlan\"><parent>ge-0/0/1</parent><vlan-id>100</vlan-id></encapsulation>\
         <vrf xmlns=\"urn:rehome:yang:vlan\">acme</vrf>\
         <ipv4 xmlns=\"urn:ietf:params:xml:ns:yang:ietf-ip\"><address><ip>{ip}</ip>\
         <prefix-length>30</prefix-length></address></ipv4></interface>"
    )
}

/// From port 1 to port 2 of one gateway.
fn moved(number: u128) -> (Request, WorkOrder) {
    let request = request("S 1", place(1, 1), place(1, 2));
    let order = order(relocation(number), Layer::L3, OrderKind::Cutover, &request);
    (request, order)
}

#[test]
fn a_circuit_that_nobody_marked_is_reserved_cut_over_and_found_and_each_step_may_come_twice() {
    let world = World::new();
    world.edit_by_hand(&circuit("ge-0/0/1.100", "192.0.2.1", "by hand"));
    let (_, order) = moved(1);
    let mut session = world.session();
    let mut step = |operation, expected| {
        for _ in 0..2 {
            assert_eq!(world.perform(&mut session, operation, &order), Ok(expected), "{operation:?}");
        }
    };
    step(Operation::LookOld, Presence::Installed);
    step(Operation::LookNew, Presence::Absent);
    step(Operation::Reserve, Presence::Reserved);
    step(Operation::LookNew, Presence::Reserved);
    // Claim 3: the sub-interface and its description, and nothing that could carry anything.
    let reserved = world.running();
    assert_eq!(reserved.matches("S 1 Acme [rehome S%201 ").count(), 1, "{reserved}");
    assert_eq!(reserved.matches("encapsulation").count(), 1, "{reserved}");
    step(Operation::Release, Presence::Absent);
    step(Operation::Reserve, Presence::Reserved);
    step(Operation::Swap, Presence::Installed);
    step(Operation::LookOld, Presence::Absent);
    step(Operation::LookNew, Presence::Installed);
    step(Operation::RollbackInstall, Presence::Absent);
    step(Operation::Install, Presence::Installed);
}

#[test]
fn an_old_place_that_is_not_as_believed_is_not_torn_down_and_the_difference_is_told() {
    let world = World::new();
    world.edit_by_hand(&circuit("ge-0/0/1.100", "198.51.100.1", "somebody's"));
    let (_, order) = moved(1);
    let refused = world.perform(&mut world.session(), Operation::Teardown, &order).unwrap_err();
    assert_eq!((refused.transient, refused.failure.reason), (false, Reason::Conflict));
    for told in ["192.0.2.1/30", "198.51.100.1/30", "somebody's"] {
        assert!(refused.failure.text.contains(told), "{refused}");
    }
    assert!(world.running().contains("198.51.100.1"));
}

#[test]
fn a_spot_that_was_edited_between_look_and_change_is_not_overwritten() {
    let world = World::new();
    let (request, _) = moved(1);
    let mut gateway = netconf::Gateway(world.line());
    let spot = request.new.l3();
    let found = world.runtime.block_on(gateway.look(std::slice::from_ref(&spot))).unwrap().remove(0);
    world.edit_by_hand(&circuit("ge-0/0/2.100", "192.0.2.1", "quicker"));
    let put = Holding {
        presence: Presence::Reserved,
        service_id: "S 1".to_owned(),
        relocation: None,
        description: "d".to_owned(),
        ip: None,
        vrf: None,
    };
    let change = Change { spot, found, put: Some(put) };
    let error = world.runtime.block_on(gateway.change(&[change])).unwrap_err();
    assert_eq!((error.transient, error.failure.reason), (true, Reason::Conflict), "{error}");
    assert!(world.running().contains("quicker"));
    // The lock is let go, and nothing is left in the candidate.
    world.edit_by_hand("<interface><name>ge-0/0/3</name><description>free</description></interface>");
    assert!(!world.running().contains("[rehome"));
}

#[test]
fn a_refusal_comes_back_in_the_devices_own_words_and_leaves_nothing_behind() {
    let world = World::new();
    // The tags are in use under another name.
    world.edit_by_hand(&circuit("other", "198.51.100.1", "somebody's"));
    let back = request("S 1", place(1, 2), place(1, 1));
    let order = order(relocation(1), Layer::L3, OrderKind::Cutover, &back);
    let mut session = world.session();
    let refused = world.perform(&mut session, Operation::Install, &order).unwrap_err();
    assert_eq!((refused.transient, refused.failure.reason), (false, Reason::Rejected));
    assert!(refused.failure.text.contains("tags-taken"), "{refused}");
    assert_eq!(world.perform(&mut session, Operation::LookNew, &order), Ok(Presence::Absent));
    world.edit_by_hand("<interface><name>ge-0/0/3</name><description>free</description></interface>");
}

#[test]
fn a_lock_that_somebody_holds_is_waited_for_by_trying_again() {
    let world = World::new();
    let (_, order) = moved(1);
    let mut session = world.session();
    let mut other = world.runtime.block_on(Client::connect("gw-1", &world.options)).unwrap();
    let lock = "<lock><target><candidate/></target></lock>";
    world.runtime.block_on(other.call("lock", lock)).unwrap();
    let locked = world.perform(&mut session, Operation::Reserve, &order).unwrap_err();
    assert_eq!((locked.transient, locked.failure.reason), (true, Reason::Locked), "{locked}");
    let unlock = "<unlock><target><candidate/></target></unlock>";
    world.runtime.block_on(other.call("unlock", unlock)).unwrap();
    assert_eq!(world.perform(&mut session, Operation::Reserve, &order), Ok(Presence::Reserved));
}

#[test]
fn a_device_that_hangs_is_given_up_in_time_and_used_again_when_it_goes_on() {
    let mut world = World::new();
    let (_, order) = moved(1);
    world.options.answer_ms = 500;
    let mut session = world.session();
    assert_eq!(world.perform(&mut session, Operation::LookNew, &order), Ok(Presence::Absent));
    world.gateway.server().hold();
    let hung = world.perform(&mut session, Operation::Reserve, &order).unwrap_err();
    assert_eq!((hung.transient, hung.failure.reason), (true, Reason::Unreachable), "{hung}");
    world.gateway.server().resume();
    world.options.answer_ms = 10_000;
    let mut session = world.session();
    // What the session that was given up had asked for may still be done meanwhile, or hold the lock until it is gone.
    let until = std::time::Instant::now() + std::time::Duration::from_secs(30);
    loop {
        match world.perform(&mut session, Operation::Reserve, &order) {
            Ok(presence) => break assert_eq!(presence, Presence::Reserved),
            Err(error) => assert!(error.transient && std::time::Instant::now() < until, "{error}"),
        }
    }
}

#[test]
fn a_device_that_was_restarted_is_connected_to_anew() {
    let mut world = World::new();
    let (_, order) = moved(1);
    let mut session = world.session();
    assert_eq!(world.perform(&mut session, Operation::LookNew, &order), Ok(Presence::Absent));
    world.gateway.restart().unwrap();
    let lost = world.perform(&mut session, Operation::Reserve, &order).unwrap_err();
    assert_eq!((lost.transient, lost.failure.reason), (true, Reason::Unreachable), "{lost}");
    assert_eq!(world.perform(&mut session, Operation::Reserve, &order), Ok(Presence::Reserved));
}

#[test]
fn a_commit_that_was_never_confirmed_is_taken_back_by_whoever_comes_next() {
    let world = World::new();
    let (_, order) = moved(1);
    // As a process that dies between commit and confirmation leaves it.
    world.runtime.block_on(async {
        let mut client = Client::connect("gw-1", &world.options).await.unwrap();
        let edit = format!(
            "<edit-config><target><candidate/></target><config><interfaces \
             xmlns=\"urn:ietf:params:xml:ns:yang:ietf-interfaces\">{}</interfaces></config></edit-config>",
            circuit("ge-0/0/3.100", "198.51.100.1", "pending")
        );
        client.call("edit", &edit).await.unwrap();
        let commit = "<commit><confirmed/><confirm-timeout>600</confirm-timeout><persist>rehome-gw-1</persist></commit>";
        client.call("commit", commit).await.unwrap();
    });
    assert!(world.running().contains("pending"));
    assert_eq!(until_free(&world, &mut world.session(), Operation::Reserve, &order), Presence::Reserved);
    let running = world.running();
    assert!(!running.contains("pending") && running.contains("[rehome S%201"), "{running}");
}

/// Puts at the new place what the order wants there, as a process does that has not confirmed it yet: it holds the lock.
fn commits_and_waits(world: &World, order: &WorkOrder) -> Client {
    let request = &order.request;
    let put = Holding {
        presence: Presence::Installed,
        service_id: request.service_id.clone(),
        relocation: Some(order.relocation),
        description: request.description.clone(),
        ip: Some(request.ip.clone()),
        vrf: request.vrf.clone(),
    };
    let change = Change { spot: request.new.l3(), found: None, put: Some(put) };
    let edit = netconf::Gateway(world.line()).preview(&[change]).join("\n");
    world.runtime.block_on(async {
        let mut client = Client::connect("gw-1", &world.options).await.unwrap();
        for request in [
            "<lock><target><candidate/></target></lock>",
            &format!("<edit-config><target><candidate/></target><config>{edit}</config></edit-config>"),
            "<commit><confirmed/><confirm-timeout>600</confirm-timeout><persist>rehome-gw-1</persist></commit>",
        ] {
            client.call("do so", request).await.unwrap();
        }
        client
    })
}

const CONFIRM: &str = "<commit><persist-id>rehome-gw-1</persist-id></commit>";

#[test]
fn a_commit_that_somebody_left_to_be_confirmed_is_not_taken_for_done() {
    let world = World::new();
    let (_, order) = moved(1);
    let mut session = world.session();
    assert_eq!(world.perform(&mut session, Operation::Release, &order), Ok(Presence::Absent));
    drop(commits_and_waits(&world, &order));
    assert_eq!(until_free(&world, &mut session, Operation::LookNew, &order), Presence::Absent);
    assert_eq!(world.perform(&mut session, Operation::Install, &order), Ok(Presence::Installed));
    let mut other = world.runtime.block_on(Client::connect("gw-1", &world.options)).unwrap();
    assert!(
        world.runtime.block_on(other.call("confirm", CONFIRM)).is_err(),
        "the gateway would have taken it back"
    );
}

/// Tries again, as a configurator does: the gateway may not have seen yet that a session has ended. Not by far as long as the
/// commit would wait.
fn until_free(
    world: &World,
    session: &mut Session<netconf::Gateway>,
    operation: Operation,
    order: &WorkOrder,
) -> Presence {
    let until = std::time::Instant::now() + std::time::Duration::from_secs(20);
    loop {
        match world.perform(session, operation, order) {
            Ok(presence) => return presence,
            Err(error) => {
                assert!(error.transient, "{error}");
                assert!(std::time::Instant::now() < until, "{error}");
            }
        }
    }
}

#[test]
fn an_order_of_a_process_that_died_before_it_confirmed_is_ended_by_another_that_was_there_all_along() {
    let world = World::new();
    world.edit_by_hand(&circuit("ge-0/0/1.100", "192.0.2.1", "by hand"));
    let (_, order) = moved(1);
    // Both have done something before.
    let (mut one, mut other) = (world.session(), world.session());
    assert_eq!(world.perform(&mut one, Operation::Reserve, &order), Ok(Presence::Reserved));
    assert_eq!(world.perform(&mut other, Operation::Release, &order), Ok(Presence::Absent));
    drop((one, commits_and_waits(&world, &order)));
    // What waits is the new place's half: not to be relied on, or the old one would be torn down for nothing.
    assert_eq!(until_free(&world, &mut other, Operation::Swap, &order), Presence::Installed);
    let running = world.running();
    assert!(!running.contains("by hand") && running.matches("192.0.2.1").count() == 1, "{running}");
}

#[test]
fn a_commit_of_somebody_who_is_still_there_is_waited_for_and_not_taken_back() {
    let world = World::new();
    let (_, order) = moved(1);
    let mut session = world.session();
    assert_eq!(world.perform(&mut session, Operation::Release, &order), Ok(Presence::Absent));
    let mut other = commits_and_waits(&world, &order);
    // Neither by who was there before nor by who comes anew.
    for waits in [&mut session, &mut world.session()] {
        let waits = world.perform(waits, Operation::Install, &order).unwrap_err();
        assert_eq!((waits.transient, waits.failure.reason), (true, Reason::Locked), "{waits}");
    }
    world.runtime.block_on(other.call("confirm", CONFIRM)).unwrap();
    world.runtime.block_on(other.call("unlock", "<unlock><target><candidate/></target></unlock>")).unwrap();
    assert_eq!(world.perform(&mut session, Operation::Install, &order), Ok(Presence::Installed));
}

#[test]
fn a_changed_host_key_and_wrong_credentials_are_refused_with_what_to_do() {
    let mut world = World::new();
    let (_, order) = moved(1);
    let mut options = world.options.clone();
    options.ssh.key_file = Some(world.gateway.wrong_key());
    let line = world.line_with(options);
    let refused = world.runtime.block_on(line.check()).unwrap_err();
    assert!(!refused.transient && refused.failure.text.contains("does not let `root` in"), "{refused}");
    world.gateway.change_host_key().unwrap();
    let refused = world.perform(&mut world.session(), Operation::Reserve, &order).unwrap_err();
    assert!(!refused.transient && refused.failure.text.contains("host key"), "{refused}");
}

/// Between sshd and netconfd: what its first client sends comes late, our hello and the first request in one piece, as when
/// the server was busy meanwhile.
const LATE: &str = r#"
import os, subprocess, sys
HERE = os.path.dirname(os.path.abspath(__file__))
server = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE)
try:
    os.mkdir(os.path.join(HERE, "late"))
    first, sent = True, b""
except FileExistsError:
    first = False
while first and b"<rpc" not in sent:
    piece = os.read(0, 65536)
    if not piece:
        break
    sent += piece
if first:
    os.write(server.stdin.fileno(), sent)
while piece := os.read(0, 65536):
    os.write(server.stdin.fileno(), piece)
server.stdin.close()
server.wait()
"#;

#[test]
fn a_server_that_finds_our_hello_and_the_first_request_together_and_loses_one_is_asked_in_another_session() {
    let mut world = World::new();
    let room = world.gateway.directory().to_owned();
    std::fs::write(room.join("late.py"), LATE).unwrap();
    let config = std::fs::read_to_string(room.join("sshd_config")).unwrap();
    let (before, after) = config.split_once("netconf \"").unwrap();
    let late = format!("{before}netconf \"/usr/bin/env python3 {}/late.py {after}", room.display());
    std::fs::write(room.join("sshd_config"), late).unwrap();
    // Which starts sshd again.
    world.gateway.change_host_key().unwrap();
    world.options = reached(&world.gateway);
    let begun = std::time::Instant::now();
    let (_, order) = moved(1);
    assert_eq!(world.perform(&mut world.session(), Operation::Reserve, &order), Ok(Presence::Reserved));
    assert!(room.join("late").exists(), "nothing came late");
    // Not as long as an answer may take, which is half a minute here.
    assert!(begun.elapsed() < std::time::Duration::from_secs(20), "{:?}", begun.elapsed());
}

#[test]
fn addresses_of_version_six_and_inner_tags_are_put_and_found() {
    let world = World::new();
    let new = Place { inner_vlan: Some(7), ..place(1, 2) };
    let request = Request { ip: "2001:DB8::1/64".to_owned(), ..request("S6", place(1, 1), new) };
    let order = order(relocation(1), Layer::L3, OrderKind::Cutover, &request);
    let mut session = world.session();
    for _ in 0..2 {
        assert_eq!(world.perform(&mut session, Operation::Install, &order), Ok(Presence::Installed));
    }
    let running = world.running();
    assert!(running.contains("ge-0/0/2.100.7") && running.contains("2001:db8::1"), "{running}");
}
