//! What a device has shown of a spot, and what that means: pure.

use std::net::Ipv4Addr;

use regex::Regex;
use rehome_domain::{order::Layer, reply::Presence, request::Spot};

use super::profile::Show;
use crate::{
    device::{Found, Mark},
    mark,
};

/// What was read out of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shown {
    description: String,
    down: bool,
    vlan: Option<u16>,
    inner_vlan: Option<u16>,
    ip: Option<String>,
    vrf: Option<String>,
}

impl Shown {
    /// Reads an answer; none if it shows nothing.
    pub(super) fn read(show: &Show, answer: &str) -> Option<Self> {
        show.exists.find(answer)?;
        let tag = |pattern: &Option<Regex>| capture(pattern.as_ref()?, answer)?.parse().ok();
        Some(Self {
            description: capture(&show.description, answer).unwrap_or_default(),
            down: show.down.as_ref().is_some_and(|down| down.is_match(answer)),
            vlan: tag(&show.vlan),
            inner_vlan: tag(&show.inner_vlan),
            ip: show.ip.iter().find_map(|pattern| capture(pattern, answer)).map(|ip| with_length(&ip)),
            vrf: show.vrf.as_ref().and_then(|pattern| capture(pattern, answer)),
        })
    }

    /// What is at the spot.
    pub(super) fn found(
        self,
        layer: Layer,
        spot: &Spot,
        parking: Option<u16>,
        says_vlan: bool,
    ) -> Option<Found> {
        let (description, mark) = mark::read(&self.description);
        match layer {
            // What is left when a device stops after the line that made the sub-interface: as good as nothing.
            Layer::L3 if self.description.is_empty() && self.is_bare() => None,
            Layer::L3 => {
                let presence = self.of_gateway(spot, says_vlan);
                Some(Found { presence, mark, description, ip: self.ip, vrf: self.vrf })
            }
            Layer::L2 => {
                let found = |presence, mark| Found { presence, mark, description, ip: None, vrf: None };
                match self.vlan {
                    vlan if vlan == parking => mark.map(|mark| found(Presence::Reserved, Some(mark))),
                    Some(vlan) if vlan == spot.vlan && self.inner_vlan == spot.inner_vlan => {
                        Some(found(Presence::Installed, mark))
                    }
                    vlan => {
                        let vlan = vlan.map_or_else(|| "no VLAN".to_owned(), |vlan| format!("VLAN {vlan}"));
                        let by = mark.map_or_else(
                            || "without a mark of Rehome".to_owned(),
                            |mark| format!("its mark says {}", mark.service_id),
                        );
                        let stranger = Mark { service_id: format!("{vlan}; {by}"), relocation: None };
                        Some(found(Presence::Installed, Some(stranger)))
                    }
                }
            }
        }
    }

    /// A reservation is the sub-interface and its description, shut down (claim 3); in service it has all.
    fn of_gateway(&self, spot: &Spot, says_vlan: bool) -> Presence {
        let is_tagged = !says_vlan || (self.vlan == Some(spot.vlan) && self.inner_vlan == spot.inner_vlan);
        match (self.down, self.is_bare(), is_tagged && self.ip.is_some()) {
            (true, true, _) => Presence::Reserved,
            (false, _, true) => Presence::Installed,
            _ => Presence::Partial,
        }
    }

    fn is_bare(&self) -> bool {
        self.vlan.is_none() && self.ip.is_none() && self.vrf.is_none()
    }
}

fn capture(pattern: &Regex, answer: &str) -> Option<String> {
    let captures = pattern.captures(answer)?;
    captures.get(1).map(|value| value.as_str().trim().to_owned()).filter(|value| !value.is_empty())
}

/// `192.0.2.1 255.255.255.252` is `192.0.2.1/30`.
fn with_length(ip: &str) -> String {
    let masked = ip.split_once(' ').and_then(|(address, mask)| {
        let mask: u32 = mask.trim().parse::<Ipv4Addr>().ok()?.into();
        Some(format!("{address}/{}", mask.leading_ones()))
    });
    masked.unwrap_or_else(|| ip.to_owned())
}
