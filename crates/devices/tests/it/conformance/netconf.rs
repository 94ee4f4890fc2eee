//! The suite over a real `netconfd` behind a real `sshd`.

use rehome_devices::{
    netconf::{self, Line, Options, client::Client, profile::Profile},
    session::Session,
};
use rehome_domain::{
    order::{Layer, OrderKind, WorkOrder},
    ports::{Driver, Operation},
    reply::Presence,
};
use rehome_lab::gateway::{self, Gateway};

use super::Rig;
use crate::netconf::reached;

struct Netconf {
    options: Options,
    _gateway: Gateway,
}

impl Netconf {
    fn start() -> Self {
        let ports = vec!["ge-0/0/1".to_owned(), "ge-0/0/2".to_owned()];
        let gateway = Gateway::start(gateway::Options { ports, ..gateway::Options::default() }).unwrap();
        let options = reached(&gateway);
        Self { options, _gateway: gateway }
    }

    /// What another system does at the new place.
    async fn describe(&self, description: &str) {
        self.edit(&format!(
            "<interface><name>ge-0/0/2.100</name><description>{description}</description>\
             <type xmlns:i=\"urn:ietf:params:xml:ns:yang:iana-if-type\">i:l2vlan</type></interface>"
        ))
        .await;
    }

    async fn edit(&self, interface: &str) {
        let edit = format!(
            "<edit-config><target><candidate/></target><config><interfaces \
             xmlns=\"urn:ietf:params:xml:ns:yang:ietf-interfaces\">{interface}</interfaces></config></edit-config>"
        );
        let mut other = Client::connect("gw-1", &self.options).await.unwrap();
        other.call("take the edit", &edit).await.unwrap();
        other.call("commit", "<commit/>").await.unwrap();
    }
}

impl Rig for Netconf {
    const LAYER: Layer = Layer::L3;

    fn open(&self) -> Box<dyn Driver> {
        let line = Line::new("gw-1", self.options.clone(), Profile::named("ietf-interfaces").unwrap());
        Box::new(Session::new(Layer::L3, "gw-1", netconf::Gateway(line)))
    }

    async fn occupy(&self) {
        self.describe("somebody's").await;
    }

    /// Up, by the model's default, and without tags or address.
    async fn halve(&self, order: &WorkOrder) {
        self.describe(&format!("half [rehome {} {}]", order.request.service_id, order.relocation)).await;
    }

    async fn serve(&self, _: &WorkOrder) {
        self.edit(IN_SERVICE).await;
    }

    async fn meddle(&self, order: &WorkOrder) {
        self.describe(&format!("meddled with [rehome {} {}]", order.request.service_id, order.relocation))
            .await;
    }
}

/// The old place's sub-interface, as its operator has put it there.
const IN_SERVICE: &str = "<interface><name>ge-0/0/1.100</name><description>L-1 Acme</description>\
     <type xmlns:i=\"urn:ietf:params:xml:ns:yang:iana-if-type\">i:l2vlan</type><enabled>true</enabled>\
     <encapsulation xmlns=\"urn:rehome:yang:vlan\"><parent>ge-0/0/1</parent><vlan-id>100</vlan-id></encapsulation>\
     <vrf xmlns=\"urn:rehome:yang:vlan\">acme</vrf><ipv4 xmlns=\"urn:ietf:params:xml:ns:yang:ietf-ip\"><address>\
     <ip>192.0.2.1</ip><prefix-length>30</prefix-length></address></ipv4></interface>";

#[tokio::test]
async fn each_step_twice_is_once() {
    super::each_step_twice_is_once(&Netconf::start()).await;
}

#[tokio::test]
async fn what_is_somebodys_is_refused_and_stays() {
    super::what_is_somebodys_is_refused_and_stays(&Netconf::start()).await;
}

#[tokio::test]
async fn half_a_circuit_is_told_and_made_whole_or_taken_away() {
    super::half_a_circuit_is_told_and_made_whole_or_taken_away(&Netconf::start()).await;
}

#[tokio::test]
async fn what_somebody_changes_after_the_plan_is_told_and_nothing_is_touched() {
    super::what_somebody_changes_after_the_plan_is_told_and_nothing_is_touched(&Netconf::start()).await;
}

#[tokio::test]
async fn a_port_that_is_shut_down_or_not_there_is_not_cut_over_to() {
    let rig = Netconf::start();
    let mut order = super::moved(&rig, 5);
    order.kind = OrderKind::Cutover;
    rig.serve(&order).await;
    assert_eq!(super::perform(&rig, Operation::Check, &order).await, Ok(Presence::Absent));
    rig.edit("<interface><name>ge-0/0/2</name><enabled>false</enabled></interface>").await;
    let refused = super::perform(&rig, Operation::Check, &order).await.unwrap_err();
    assert!(!refused.transient && refused.failure.text.contains("`ge-0/0/2` of gw-1 is not up"), "{refused}");
    let mut request = rehome_domain::request::Request::clone(&order.request);
    request.new.l3_port = "ge-0/0/9".to_owned();
    order.request = request.into();
    let refused = super::perform(&rig, Operation::Check, &order).await.unwrap_err();
    assert!(!refused.transient && refused.failure.text.contains("gw-1 has no port `ge-0/0/9`"), "{refused}");
}
