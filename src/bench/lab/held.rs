//! What a lab's devices hold and which places have service, beside what must be there.

use std::collections::{BTreeMap, BTreeSet};

use rehome_devices::{mark, netconf::xml::Element};
use rehome_lab::{
    network::{Customer, Network, PARKING_VLAN, Place},
    outage::are_answered,
};

use super::{super::BenchError, blocking, direct::Direct};

/// At which of its two places every customer must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Old,
    New,
}

impl Side {
    /// Where a customer must be, and where it must not.
    pub(super) const fn of(self, customer: &Customer) -> (&Place, &Place) {
        match self {
            Self::Old => (&customer.old, &customer.new),
            Self::New => (&customer.new, &customer.old),
        }
    }
}

/// All that is not as it must be, in sentences.
pub(super) async fn wrong(
    network: &Network,
    direct: &mut Direct,
    side: Side,
) -> Result<Vec<String>, BenchError> {
    let mut wrong = answered_wrongly(network, side).await?;
    for gateway in &network.gateways {
        let ports = network.switches.len() * rehome_lab::network::LINKS;
        let all = direct.interfaces(&gateway.name).await?;
        let (circuits, bare): (Vec<_>, Vec<_>) =
            all.iter().partition(|one| one.at("encapsulation").is_some());
        // Ports, and nothing that was only reserved.
        if bare.len() != ports {
            wrong.push(format!(
                "{} has {} interfaces without a circuit, expected {ports}",
                gateway.name,
                bare.len()
            ));
        }
        let here = network.customers.iter().map(|customer| (customer, side.of(customer).0));
        let expected = here.filter(|(_, place)| place.gateway == gateway.name);
        let expected = expected.map(|(customer, place)| circuit(customer, place)).collect();
        compare(&gateway.name, &expected, &circuits.into_iter().map(found).collect(), &mut wrong);
    }
    for switch in &network.switches {
        let held = direct.ports(&switch.name).await?;
        let held =
            held.into_iter().filter_map(|(port, tag)| Some(format!("{port} in VLAN {}", tag?))).collect();
        let expected = vlans(network, &switch.name, side);
        let expected = expected.into_iter().map(|(port, vlan)| format!("{port} in VLAN {vlan}")).collect();
        compare(&switch.name, &expected, &held, &mut wrong);
    }
    Ok(wrong)
}

/// A place, the address that it asks, and whether it must have an answer.
type Asked = (String, String, bool);

/// Customers that have no service where they must have it, or have it where they must not.
async fn answered_wrongly(network: &Network, side: Side) -> Result<Vec<String>, BenchError> {
    let asked = network.customers.iter().flat_map(|customer| {
        let (here, there) = side.of(customer);
        [(here, true), (there, false)]
            .map(|(place, is)| (place.namespace.clone(), customer.gateway_ip().to_owned(), is))
    });
    let others = answered_otherwise(asked.collect()).await?;
    // Where a hundred ask at once packets are lost. Who has no service then has none now.
    let others = answered_otherwise(others).await?;
    let sentence = |(namespace, ip, expected): Asked| {
        let is = if expected { "is not" } else { "is" };
        format!("{namespace} {is} answered by {ip}")
    };
    Ok(others.into_iter().map(sentence).collect())
}

/// Those of them for whom it is otherwise.
async fn answered_otherwise(asked: Vec<Asked>) -> Result<Vec<Asked>, BenchError> {
    blocking(move || {
        let ask: Vec<_> = asked.iter().map(|(namespace, ip, _)| (namespace.as_str(), ip.as_str())).collect();
        let answered = are_answered(&ask)?;
        let both = asked.into_iter().zip(answered);
        Ok(both.filter(|((_, _, expected), answered)| expected != answered).map(|(asked, _)| asked).collect())
    })
    .await
}

fn circuit(customer: &Customer, place: &Place) -> String {
    let Place { gateway_port, vlan, .. } = place;
    let Customer { gateway_address, description, .. } = customer;
    format!("{gateway_port}.{vlan} (true, {gateway_port}, {vlan}, {gateway_address}) `{description}`")
}

fn found(interface: &Element) -> String {
    let text = |path| interface.text_at(path).unwrap_or("nothing");
    let [name, enabled, parent, vlan, ip, length] = [
        "name",
        "enabled",
        "encapsulation/parent",
        "encapsulation/vlan-id",
        "ipv4/address/ip",
        "ipv4/address/prefix-length",
    ]
    .map(text);
    let (description, _) = mark::read(text("description"));
    format!("{name} ({enabled}, {parent}, {vlan}, {ip}/{length}) `{description}`")
}

/// The VLAN of each customers' port of a switch.
fn vlans<'a>(network: &'a Network, switch: &str, side: Side) -> BTreeMap<&'a str, u16> {
    let places = network.customers.iter().flat_map(|customer| {
        let (here, there) = side.of(customer);
        [(here, here.vlan), (there, PARKING_VLAN)]
    });
    places
        .filter(|(place, _)| place.switch == switch)
        .map(|(place, vlan)| (place.switch_port.as_str(), vlan))
        .collect()
}

fn compare(device: &str, expected: &BTreeSet<String>, held: &BTreeSet<String>, wrong: &mut Vec<String>) {
    wrong.extend(expected.difference(held).map(|lacks| format!("{device} lacks {lacks}")));
    wrong.extend(held.difference(expected).map(|has| format!("{device} has {has}, which it must not")));
}
