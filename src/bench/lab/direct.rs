//! The same moves by hand-written calls: straight at the devices over sessions that stand, one call after the other, with no
//! bus, no store and no supervisor between them. [`Care::Full`] takes the steps that Rehome's drivers take: lock, confirmed
//! commit, read back, confirm, unlock, and the switch is looked at before it is changed. [`Care::None`] only
//! edits and commits: nobody who moves a circuit through these devices in this order can be faster, or would dare to.

use std::{collections::BTreeMap, path::Path};

use rehome_devices::netconf::{self, client::Client, xml::Element};
use rehome_domain::ports::DriverError;
use rehome_lab::{
    inventory::inventory,
    network::{Customer, Network, PARKING_VLAN, Place},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::UnixStream,
};

use super::super::BenchError;

const INTERFACES: &str = "urn:ietf:params:xml:ns:yang:ietf-interfaces";
const BASE: &str = "urn:ietf:params:xml:ns:netconf:base:1.0";
/// Bytes read at once.
const PIECE: usize = 64 << 10;

/// How carefully a change is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Care {
    /// As Rehome's drivers do.
    Full,
    /// What is answered is believed.
    None,
}

/// Sessions with all devices of a lab.
pub(super) struct Direct {
    gateways: BTreeMap<String, Client>,
    switches: BTreeMap<String, Switch>,
}

impl Direct {
    /// Connects to all.
    pub(super) async fn connect(network: &Network) -> Result<Self, BenchError> {
        let mut gateways = BTreeMap::new();
        for (name, options) in gateways_of(network)? {
            let client = Client::connect(&name, &options).await.map_err(refused)?;
            gateways.insert(name, client);
        }
        let mut switches = BTreeMap::new();
        for switch in &network.switches {
            let address = switch.server.unix();
            let socket = Path::new(address.strip_prefix("unix:").unwrap_or(&address));
            switches.insert(switch.name.clone(), Switch { stream: UnixStream::connect(socket).await? });
        }
        Ok(Self { gateways, switches })
    }

    /// The sub-interface at the new place, shut down.
    pub(super) async fn reserve(&mut self, customer: &Customer, to: &Place) -> Result<(), BenchError> {
        self.commit(&to.gateway, &put(customer, to, false), Care::None).await
    }

    /// The gateways' part, then the switch's: in the order in which Rehome does it.
    pub(super) async fn cut_over(
        &mut self,
        customer: &Customer,
        from: &Place,
        to: &Place,
        care: Care,
    ) -> Result<(), BenchError> {
        let (install, teardown) = (put(customer, to, true), remove(from));
        if from.gateway == to.gateway {
            self.commit(&to.gateway, &(teardown + &install), care).await?;
        } else {
            self.commit(&to.gateway, &install, care).await?;
            self.commit(&from.gateway, &teardown, care).await?;
        }
        if from.switch == to.switch {
            return self
                .change(&to.switch, &[(from, PARKING_VLAN, from.vlan), (to, to.vlan, PARKING_VLAN)], care)
                .await;
        }
        self.change(&to.switch, &[(to, to.vlan, PARKING_VLAN)], care).await?;
        self.change(&from.switch, &[(from, PARKING_VLAN, from.vlan)], care).await
    }

    /// All that a gateway has.
    pub(super) async fn interfaces(&mut self, gateway: &str) -> Result<Vec<Element>, BenchError> {
        let running = "<get-config><source><running/></source></get-config>";
        let reply = self.ask(gateway, "tell its configuration", running).await?;
        Ok(reply.all("data/interfaces/interface").into_iter().cloned().collect())
    }

    /// The VLANs of a switch's ports.
    pub(super) async fn ports(&mut self, switch: &str) -> Result<BTreeMap<String, Option<u64>>, BenchError> {
        let select = json!({ "op": "select", "table": "Port", "where": [], "columns": ["name", "tag"] });
        let answer = self.switch(switch)?.transact(&[select]).await?;
        let rows = answer.pointer("/0/rows").and_then(Value::as_array).cloned().unwrap_or_default();
        let port = |row: &Value| Some((row.get("name")?.as_str()?.to_owned(), row.get("tag")?.as_u64()));
        Ok(rows.iter().filter_map(port).collect())
    }

    async fn commit(&mut self, gateway: &str, interfaces: &str, care: Care) -> Result<(), BenchError> {
        let edit = format!(
            "<edit-config><target><candidate/></target><config><interfaces xmlns=\"{INTERFACES}\" \
             xmlns:nc=\"{BASE}\">{interfaces}</interfaces></config></edit-config>"
        );
        if care == Care::None {
            self.ask(gateway, "take the edit", &edit).await?;
            return self.ask(gateway, "commit", "<commit/>").await.map(drop);
        }
        let persist = "by-hand";
        let steps = [
            "<lock><target><candidate/></target></lock>".to_owned(),
            edit,
            format!(
                "<commit><confirmed/><confirm-timeout>60</confirm-timeout><persist>{persist}</persist></commit>"
            ),
            format!(
                "<get-config><source><running/></source><filter type=\"subtree\"><interfaces xmlns=\"{INTERFACES}\"/>\
                 </filter></get-config>"
            ),
            format!("<commit><persist-id>{persist}</persist-id></commit>"),
            "<unlock><target><candidate/></target></unlock>".to_owned(),
        ];
        for step in steps {
            self.ask(gateway, "take a step", &step).await?;
        }
        Ok(())
    }

    async fn ask(&mut self, gateway: &str, what: &str, operation: &str) -> Result<Element, BenchError> {
        let client = self.gateways.get_mut(gateway).ok_or_else(|| unknown(gateway))?;
        client.call(what, operation).await.map_err(refused)
    }

    /// Puts ports from one VLAN, in which each must be, into another.
    async fn change(
        &mut self,
        switch: &str,
        ports: &[(&Place, u16, u16)],
        care: Care,
    ) -> Result<(), BenchError> {
        if care == Care::Full {
            self.ports(switch).await?;
        }
        // What is done once it is in effect ends no outage.
        self.transact(switch, ports).await
    }

    async fn transact(&mut self, switch: &str, ports: &[(&Place, u16, u16)]) -> Result<(), BenchError> {
        let row = |place: &Place| json!([["name", "==", place.switch_port]]);
        let guard = |(place, _, was): &(&Place, u16, u16)| {
            json!({ "op": "wait", "timeout": 0, "table": "Port", "where": row(place), "columns": ["tag"],
                "until": "==", "rows": [{ "tag": was }] })
        };
        let update = |(place, becomes, _): &(&Place, u16, u16)| {
            json!({ "op": "update", "table": "Port", "where": row(place),
                "row": { "tag": becomes, "vlan_mode": "access", "external_ids": ["map", []] } })
        };
        let mut operations: Vec<Value> = ports.iter().map(guard).collect();
        operations.extend(ports.iter().map(update));
        operations.push(json!({ "op": "mutate", "table": "Open_vSwitch", "where": [],
            "mutations": [["next_cfg", "+=", 1]] }));
        let answer = self.switch(switch)?.transact(&operations).await?;
        let answers = answer.as_array().cloned().unwrap_or_default();
        match answers.iter().find(|answer| answer.get("error").is_some_and(|error| !error.is_null())) {
            Some(error) => Err(BenchError::Direct(format!("{switch}: {error}"))),
            None => Ok(()),
        }
    }

    fn switch(&mut self, name: &str) -> Result<&mut Switch, BenchError> {
        self.switches.get_mut(name).ok_or_else(|| unknown(name))
    }
}

/// A connection to a switch's database.
struct Switch {
    stream: UnixStream,
}

impl Switch {
    async fn transact(&mut self, operations: &[Value]) -> Result<Value, BenchError> {
        let database = json!("Open_vSwitch");
        let params: Vec<&Value> = std::iter::once(&database).chain(operations).collect();
        let asked = json!({ "method": "transact", "params": params, "id": 1 });
        self.stream.write_all(asked.to_string().as_bytes()).await?;
        let (mut read, mut piece) = (Vec::new(), vec![0; PIECE]);
        loop {
            let length = self.stream.read(&mut piece).await?;
            if length == 0 {
                return Err(BenchError::Direct("a switch has ended the connection".to_owned()));
            }
            read.extend_from_slice(piece.get(..length).unwrap_or_default());
            // Over a socket of this machine nothing comes but what was asked for; half of it is no JSON yet.
            if let Ok(answer) = serde_json::from_slice::<Value>(&read) {
                return Ok(answer.get("result").cloned().unwrap_or_default());
            }
        }
    }
}

fn put(customer: &Customer, place: &Place, in_service: bool) -> String {
    let Place { gateway_port: port, vlan, .. } = place;
    let (description, ip) = (&customer.description, customer.gateway_ip());
    let served = format!(
        "<encapsulation xmlns=\"urn:rehome:yang:vlan\"><parent>{port}</parent><vlan-id>{vlan}</vlan-id></encapsulation>\
         <ipv4 xmlns=\"urn:ietf:params:xml:ns:yang:ietf-ip\"><address><ip>{ip}</ip><prefix-length>30</prefix-length>\
         </address></ipv4>"
    );
    let served = if in_service { served } else { String::new() };
    format!(
        "<interface nc:operation=\"replace\"><name>{port}.{vlan}</name><description>{description}</description>\
         <type xmlns:i=\"urn:ietf:params:xml:ns:yang:iana-if-type\">i:l2vlan</type><enabled>{in_service}</enabled>{served}\
         </interface>"
    )
}

fn remove(place: &Place) -> String {
    format!(
        "<interface nc:operation=\"remove\"><name>{}.{}</name></interface>",
        place.gateway_port, place.vlan
    )
}

/// How the gateways are reached, as the inventory says.
fn gateways_of(network: &Network) -> Result<Vec<(String, netconf::Options)>, BenchError> {
    let wrong = |error: toml::de::Error| BenchError::Direct(error.to_string());
    let file: toml::Table = toml::from_str(&inventory(network)?).map_err(wrong)?;
    let listed = file.get("device").and_then(toml::Value::as_array).cloned().unwrap_or_default();
    let mut gateways = Vec::new();
    for entry in listed {
        let toml::Value::Table(mut entry) = entry else { continue };
        let [name, _layer, driver] = ["name", "layer", "driver"].map(|key| {
            entry.remove(key).and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
        });
        if driver == "netconf" {
            gateways.push((name, entry.try_into().map_err(wrong)?));
        }
    }
    Ok(gateways)
}

fn refused(error: DriverError) -> BenchError {
    BenchError::Direct(error.failure.text)
}

fn unknown(device: &str) -> BenchError {
    BenchError::Direct(format!("the lab has no device {device}"))
}
