//! The suite over a real `netconfd` behind a real `sshd`.

use rehome_devices::{
    netconf::{self, Line, Options, client::Client, profile::Profile},
    session::Session,
};
use rehome_domain::{
    order::{Layer, WorkOrder},
    ports::Driver,
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
    async fn edit(&self, description: &str) {
        let edit = format!(
            "<edit-config><target><candidate/></target><config>\
             <interfaces xmlns=\"urn:ietf:params:xml:ns:yang:ietf-interfaces\"><interface><name>ge-0/0/2.100</name>\
             <description>{description}</description>\
             <type xmlns:i=\"urn:ietf:params:xml:ns:yang:iana-if-type\">i:l2vlan</type></interface></interfaces>\
             </config></edit-config>"
        );
        let mut other = Client::connect("gw-1", &self.options).await.unwrap();
        other.call("take the edit", &edit).await.unwrap();
        other.call("commit", "<commit/>").await.unwrap();
    }
}

impl Rig for Netconf {
    fn open(&self) -> Box<dyn Driver> {
        let line = Line::new("gw-1", self.options.clone(), Profile::named("ietf-interfaces").unwrap());
        Box::new(Session::new(Layer::L3, "gw-1", netconf::Gateway(line)))
    }

    async fn occupy(&self) {
        self.edit("somebody's").await;
    }

    /// Up, by the model's default, and without tags or address.
    async fn halve(&self, order: &WorkOrder) {
        self.edit(&format!("half [rehome {} {}]", order.request.service_id, order.relocation)).await;
    }
}

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
