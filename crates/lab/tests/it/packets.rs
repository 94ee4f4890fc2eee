//! Real packets through a whole network.

use std::{
    io::{Read as _, Write as _},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use rehome_lab::{
    agent::Step,
    left,
    network::{Customer, Network, Options, PARKING_VLAN, Router},
    outage::{Pings, is_answered},
};

use crate::name;

/// A NETCONF client as short as can be, straight at the server: what is done by hand.
struct Netconf {
    child: Child,
    to: ChildStdin,
    from: ChildStdout,
}

const BASE: &str = "urn:ietf:params:xml:ns:netconf:base:1.0";
const INTERFACES: &str = "urn:ietf:params:xml:ns:yang:ietf-interfaces";

impl Netconf {
    fn to(gateway: &Router) -> Self {
        let (address, key) = (gateway.server.address(), gateway.server.key());
        let known = gateway.server.known_hosts().unwrap();
        let mut child = Command::new("ssh")
            .args(["-i".as_ref(), key.as_os_str()])
            .args(["-o", &format!("UserKnownHostsFile={}", known.display()), "-o", "IdentitiesOnly=yes"])
            .args(["-p", &address.port().to_string(), "-s", "root@127.0.0.1", "netconf"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (to, from) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let mut client = Self { child, to, from };
        // The server loses what comes in the same breath as something else: one message at a time.
        client.answer();
        let base = "<capabilities><capability>urn:ietf:params:netconf:base:1.0</capability></capabilities>";
        client.send(&format!("<hello xmlns=\"{BASE}\">{base}</hello>"));
        let log = gateway.server.directory().join("netconfd.log");
        let since = Instant::now();
        while !std::fs::read_to_string(&log).unwrap().contains("now active") {
            assert!(since.elapsed() < Duration::from_secs(30), "the session does not begin");
            std::thread::yield_now();
        }
        client
    }

    fn send(&mut self, text: &str) {
        self.to.write_all(format!("{text}]]>]]>").as_bytes()).unwrap();
        self.to.flush().unwrap();
    }

    fn answer(&mut self) -> String {
        let mut read = Vec::new();
        let mut part = [0; 4096];
        while !read.ends_with(b"]]>]]>") {
            let length = self.from.read(&mut part).unwrap();
            assert!(length > 0, "the session has ended: {}", String::from_utf8_lossy(&read));
            read.extend(&part[..length]);
        }
        String::from_utf8(read).unwrap()
    }

    fn rpc(&mut self, what: &str) -> String {
        self.send(&format!("<rpc xmlns=\"{BASE}\" message-id=\"1\">{what}</rpc>"));
        self.answer()
    }

    fn edit(&mut self, interfaces: &str) {
        let answered = self.rpc(&format!(
            "<edit-config><target><candidate/></target><config><interfaces xmlns=\"{INTERFACES}\" \
             xmlns:nc=\"{BASE}\">{interfaces}</interfaces></config></edit-config>"
        ));
        assert!(answered.contains("<ok/>"), "{answered}");
    }
}

impl Drop for Netconf {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn teardown(customer: &Customer) -> String {
    let name = format!("{}.{}", customer.old.gateway_port, customer.old.vlan);
    format!("<interface nc:operation=\"delete\"><name>{name}</name></interface>")
}

fn install(customer: &Customer) -> String {
    let (port, vlan) = (&customer.new.gateway_port, customer.new.vlan);
    let ip = customer.gateway_ip();
    format!(
        "<interface><name>{port}.{vlan}</name><type xmlns:i=\"urn:ietf:params:xml:ns:yang:iana-if-type\">i:l2vlan</type>\
         <enabled>true</enabled><ipv4 xmlns=\"urn:ietf:params:xml:ns:yang:ietf-ip\"><address><ip>{ip}</ip>\
         <prefix-length>30</prefix-length></address></ipv4><encapsulation xmlns=\"urn:rehome:yang:vlan\"><parent>{port}\
         </parent><vlan-id>{vlan}</vlan-id></encapsulation></interface>"
    )
}

/// The switch's part of a cutover.
fn cut_over_l2(network: &mut Network, customer: &Customer) {
    let (old, new) = (&customer.old.switch_port, &customer.new.switch_port);
    let tag = |vlan: u16| format!("tag={vlan}");
    let (parked, service) = (tag(PARKING_VLAN), tag(customer.new.vlan));
    let switch = &network.switch(&customer.new.switch).unwrap().server;
    switch.vsctl(&["set", "port", old, &parked, "--", "set", "port", new, &service]).unwrap();
}

#[test]
fn a_customer_has_service_at_the_old_place_until_the_cutover_and_then_at_the_new_one_only() {
    let mut network = Network::start(&Options::smallest(&name("move"))).unwrap();
    let customer = network.customers[0].clone();
    let (old, new, ip) = (&customer.old.namespace, &customer.new.namespace, customer.gateway_ip());
    assert!(is_answered(old, ip));
    assert!(!is_answered(new, ip));
    let mut client = Netconf::to(&network.gateways[0]);
    let mut pings = Pings::start(old, new, ip, network.directory()).unwrap();
    pings.until_old_answered().unwrap();
    client.edit(&(teardown(&customer) + &install(&customer)));
    let answered = client.rpc("<commit/>");
    assert!(answered.contains("<ok/>"), "{answered}");
    cut_over_l2(&mut network, &customer);
    pings.until_new_answered().unwrap();
    let heard = pings.heard();
    assert!(heard.one_after_the_other(), "{heard:?}");
    let outage = heard.outage().unwrap();
    assert!(outage < Duration::from_secs(5), "{outage:?}");
    assert!(is_answered(new, ip));
    assert!(!is_answered(old, ip));
    let took = network.gateways[0].agent.took();
    assert_eq!(took.len(), 2, "once at the start, once for the cutover: {took:?}");
    eprintln!("outage {outage:?}; the gateway applied the commit in {:?}", took[1]);
}

#[test]
fn a_refused_commit_leaves_the_customer_in_service_and_says_why() {
    let network = Network::start(&Options::smallest(&name("refuse"))).unwrap();
    let (gateway, customer) = (&network.gateways[0], &network.customers[0]);
    let mut client = Netconf::to(gateway);
    for (step, edit) in [(Step::Teardown, teardown(customer)), (Step::Install, install(customer))] {
        gateway.faults.refuse(&[step]).unwrap();
        client.edit(&edit);
        let answered = client.rpc("<commit/>");
        assert!(answered.contains("operation-failed") && answered.contains("refused"), "{answered}");
        client.rpc("<discard-changes/>");
        assert!(is_answered(&customer.old.namespace, customer.gateway_ip()));
        assert!(!is_answered(&customer.new.namespace, customer.gateway_ip()));
    }
}

#[test]
fn what_is_not_confirmed_in_time_is_taken_back_and_the_customer_has_service_again() {
    let network = Network::start(&Options::smallest(&name("revert"))).unwrap();
    let (gateway, customer) = (&network.gateways[0], &network.customers[0]);
    let (old, ip) = (&customer.old.namespace, customer.gateway_ip());
    let mut client = Netconf::to(gateway);
    client.edit(&teardown(customer));
    let answered = client.rpc("<commit><confirmed/><confirm-timeout>2</confirm-timeout></commit>");
    assert!(answered.contains("<ok/>"), "{answered}");
    assert!(!is_answered(old, ip));
    let since = Instant::now();
    while !is_answered(old, ip) {
        assert!(since.elapsed() < Duration::from_secs(30), "it was not taken back");
    }
}

#[test]
fn a_gateway_that_comes_back_forwards_as_before() {
    let mut network = Network::start(&Options::smallest(&name("back"))).unwrap();
    let customer = network.customers[0].clone();
    network.gateways[0].server.restart().unwrap();
    assert!(is_answered(&customer.old.namespace, customer.gateway_ip()));
}

#[test]
fn ending_one_lab_removes_its_namespaces_and_leaves_another_alone() {
    let (ours, other) = (name("end"), name("stay"));
    let network = Network::start(&Options::smallest(&ours)).unwrap();
    let standing = Network::start(&Options::smallest(&other)).unwrap();
    // As if who kept it had been killed: nothing ends by itself.
    let directory = network.directory().to_owned();
    left::end(&ours, &directory).unwrap();
    assert!(left::processes(&ours, &directory).is_empty());
    assert!(!directory.exists());
    assert_eq!(rehome_lab::netns::of_lab(&ours).unwrap(), Vec::<String>::new());
    let customer = &standing.customers[0];
    assert!(is_answered(&customer.old.namespace, customer.gateway_ip()));
}
