//! Customers of a network: each has an old and a new place, with the same addresses at both.

use std::collections::BTreeMap;

use crate::{
    agent,
    daemon::DaemonError,
    netns,
    network::{Options, gateway_port},
};

/// The VLAN before the first customer's, at the old places.
const OLD_VLANS: usize = 100;
/// VLANs of the new places begin at least so far above those of the old ones, and never among them.
const APART: usize = 100;
/// Customers whose addresses differ in the last octet alone: each has four of its 256.
const NETWORKS: usize = 64;

/// How a customer moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// To the next gateway and the next switch, where there are several, into another VLAN.
    Onward,
    /// To another port of its gateway, at its switch, into another VLAN.
    Ports,
    /// The same in the VLAN that it has.
    SameVlan,
}

/// Where a customer is, or will be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The namespace of the customer's equipment.
    pub namespace: String,
    /// The gateway.
    pub gateway: String,
    /// The gateway's port.
    pub gateway_port: String,
    /// The switch.
    pub switch: String,
    /// The switch's port.
    pub switch_port: String,
    /// The service VLAN.
    pub vlan: u16,
}

/// A customer with two places.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Customer {
    /// The circuit.
    pub service_id: String,
    /// The gateway's address towards the customer, with its prefix length.
    pub gateway_address: String,
    /// The customer's address, with its prefix length.
    pub address: String,
    /// The customer's MAC, at both places.
    pub mac: String,
    /// The port description at the gateway.
    pub description: String,
    /// Where the circuit is in service at first.
    pub old: Place,
    /// Where it is to be.
    pub new: Place,
}

impl Customer {
    /// Number so and so of a network, counted from 0.
    pub(crate) fn of(options: &Options, number: usize) -> Self {
        let shown = number + 1;
        let how = number.checked_rem(options.moves.len()).and_then(|turn| options.moves.get(turn));
        let how = how.copied().unwrap_or(Move::Onward);
        let vlan = |before: usize| u16::try_from(before + shown).unwrap_or_default();
        let place = |role: &str, letter: char, further: usize, link: usize, vlan: u16| {
            let gateway = (number + further) % options.gateways + 1;
            let switch = (number + further) % options.switches + 1;
            Place {
                namespace: netns::full_name(&options.name, &format!("{role}{shown}")),
                gateway: format!("gw{gateway}"),
                gateway_port: gateway_port(switch, link),
                switch: format!("sw{switch}"),
                switch_port: format!("c{shown}{letter}"),
                vlan,
            }
        };
        let old = place("old", 'a', 0, 1, vlan(OLD_VLANS));
        let new_vlan = match how {
            Move::SameVlan => old.vlan,
            // No customer is moved into the VLAN of another one.
            Move::Onward | Move::Ports => vlan(OLD_VLANS + options.customers.max(APART)),
        };
        let new = place("new", 'b', usize::from(how == Move::Onward), 2, new_vlan);
        let (third, network) = (number / NETWORKS, number % NETWORKS);
        let [first, second] = [1, 2].map(|host| network * 4 + host);
        Self {
            service_id: format!("LAB-{shown}"),
            gateway_address: format!("10.99.{third}.{first}/30"),
            address: format!("10.99.{third}.{second}/30"),
            mac: format!("02:01:0a:63:{third:02x}:{second:02x}"),
            description: format!("lab customer {shown}"),
            old,
            new,
        }
    }

    /// The gateway's address without the prefix length: what to ping.
    #[must_use]
    pub fn gateway_ip(&self) -> &str {
        self.gateway_address.split_once('/').map_or(&self.gateway_address, |(ip, _)| ip)
    }

    /// The circuit as the gateway at the old place has it from the start.
    pub(crate) fn at_the_start(&self) -> String {
        let Place { gateway_port, vlan, .. } = &self.old;
        let (description, ip) = (&self.description, self.gateway_ip());
        let length = self.gateway_address.rsplit_once('/').map_or("32", |(_, length)| length);
        format!(
            "<interface><name>{gateway_port}.{vlan}</name><description>{description}</description>\
             <type xmlns:i=\"urn:ietf:params:xml:ns:yang:iana-if-type\">i:l2vlan</type><enabled>true</enabled>\
             <ipv4 xmlns=\"urn:ietf:params:xml:ns:yang:ietf-ip\"><address><ip>{ip}</ip>\
             <prefix-length>{length}</prefix-length></address></ipv4>\
             <encapsulation xmlns=\"urn:rehome:yang:vlan\"><parent>{gateway_port}</parent><vlan-id>{vlan}</vlan-id>\
             </encapsulation></interface>"
        )
    }
}

/// Lays the cables to all places, and gives them the customers' addresses. Those of one switch together: each call of `ip`
/// takes longer than what it does.
pub(crate) fn connect(lab: &str, customers: &[Customer]) -> Result<(), DaemonError> {
    let mut cables = BTreeMap::<&str, String>::new();
    for place in customers.iter().flat_map(|customer| [&customer.old, &customer.new]) {
        let (port, namespace) = (&place.switch_port, &place.namespace);
        cables.entry(&place.switch).or_default().push_str(&format!(
            "link add {port} type veth peer name eth0 netns {namespace}\nlink set {port} up\n"
        ));
    }
    for (switch, lines) in cables {
        netns::batch(&netns::full_name(lab, switch), &lines)?;
    }
    for customer in customers {
        let (mac, address, gateway) = (&customer.mac, &customer.address, customer.gateway_ip());
        let gateway_mac = agent::mac_of(gateway);
        // The gateway's MAC is known as to one who has had service: nobody has to wait for an ARP timer, whose second
        // would be measured instead of the outage.
        let lines = format!(
            "link set eth0 address {mac}\nlink set eth0 up\naddr add {address} dev eth0\n\
             neigh add {gateway} lladdr {gateway_mac} dev eth0 nud permanent"
        );
        for place in [&customer.old, &customer.new] {
            netns::batch(&place.namespace, &lines)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn customers(count: usize, moves: &[Move]) -> Vec<Customer> {
        let (customers, moves) = (count, moves.to_vec());
        let options = Options { gateways: 4, switches: 4, customers, moves, ..Options::smallest("x") };
        (0..count).map(|number| Customer::of(&options, number)).collect()
    }

    #[test]
    fn no_two_customers_share_an_address_a_mac_or_a_vlan() {
        for count in [1, 64, 200, crate::network::MOST_CUSTOMERS] {
            let customers = customers(count, &[Move::Onward, Move::Ports, Move::SameVlan]);
            let (mut seen, mut vlans) = (BTreeSet::new(), BTreeSet::new());
            for Customer { address, gateway_address, mac, old, new, .. } in &customers {
                for one in [address, gateway_address, mac] {
                    assert!(seen.insert(one.clone()), "{one} is there twice among {count}");
                }
                assert!(vlans.insert(old.vlan), "{}", old.vlan);
                assert!(new.vlan == old.vlan || vlans.insert(new.vlan), "{}", new.vlan);
                assert!(new.vlan < crate::network::PARKING_VLAN);
            }
        }
    }

    #[test]
    fn customers_move_as_they_are_to() {
        let moved = customers(3, &[Move::Onward, Move::Ports, Move::SameVlan]);
        let of = |place: &Place| (place.gateway.clone(), place.gateway_port.clone(), place.vlan);
        let at = |gateway: &str, port: &str, vlan| (gateway.to_owned(), port.to_owned(), vlan);
        assert_eq!(
            (of(&moved[0].old), of(&moved[0].new)),
            (at("gw1", "ge1-1", 101), at("gw2", "ge2-2", 201))
        );
        assert_eq!(
            (of(&moved[1].old), of(&moved[1].new)),
            (at("gw2", "ge2-1", 102), at("gw2", "ge2-2", 202))
        );
        assert_eq!(
            (of(&moved[2].old), of(&moved[2].new)),
            (at("gw3", "ge3-1", 103), at("gw3", "ge3-2", 103))
        );
        assert_eq!(customers(3, &[])[1].new.gateway, "gw3");
    }
}
