//! What a carrier asks for: one circuit, from an old place to a new one.

use std::fmt;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{id::RelocationId, lang::Lang, order::Layer};

/// VLAN tags a sub-interface or an access port can carry (IEEE 802.1Q leaves out 0 and 4095).
pub const VLANS: std::ops::RangeInclusive<u16> = 1..=4094;

/// The longest name, port or description we carry, in characters: what the tightest device field takes.
pub const TEXT_LIMIT: usize = 255;

/// One end of a relocation: where the circuit meets the gateway (L3) and the access switch (L2).
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Place {
    /// The gateway.
    #[schemars(length(min = 1, max = TEXT_LIMIT))]
    pub l3_device: String,
    /// The gateway's parent port.
    #[schemars(length(min = 1, max = TEXT_LIMIT))]
    pub l3_port: String,
    /// The (outer) VLAN tag, on both layers.
    #[schemars(range(min = 1, max = 4094))]
    pub vlan: u16,
    /// The inner tag of a QinQ circuit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 4094))]
    pub inner_vlan: Option<u16>,
    /// The access or aggregation switch.
    #[schemars(length(min = 1, max = TEXT_LIMIT))]
    pub l2_device: String,
    /// The switch's port.
    #[schemars(length(min = 1, max = TEXT_LIMIT))]
    pub l2_port: String,
}

/// A device's spot that at most one open relocation may hold: port and tags.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Spot {
    /// The device.
    pub device: String,
    /// Its port.
    pub port: String,
    /// The (outer) tag.
    pub vlan: u16,
    /// The inner tag, if the circuit is QinQ.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inner_vlan: Option<u16>,
}

impl fmt::Display for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}:{}", self.device, self.port, self.vlan)?;
        self.inner_vlan.map_or(Ok(()), |inner| write!(f, ".{inner}"))
    }
}

impl Place {
    /// The sub-interface on the gateway.
    #[must_use]
    pub fn l3(&self) -> Spot {
        self.spot(&self.l3_device, &self.l3_port)
    }

    /// The port and VLAN on the switch.
    #[must_use]
    pub fn l2(&self) -> Spot {
        self.spot(&self.l2_device, &self.l2_port)
    }

    /// The device on a layer.
    #[must_use]
    pub fn device(&self, layer: Layer) -> &str {
        match layer {
            Layer::L3 => &self.l3_device,
            Layer::L2 => &self.l2_device,
        }
    }

    fn spot(&self, device: &str, port: &str) -> Spot {
        Spot {
            device: device.to_owned(),
            port: port.to_owned(),
            vlan: self.vlan,
            inner_vlan: self.inner_vlan,
        }
    }
}

/// The time a person set for the cutover to deploy by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Window {
    /// From when on.
    pub start: Timestamp,
    /// Until when it may begin; later a person must deploy.
    pub end: Timestamp,
}

/// How long each kind of order may stay unanswered, in milliseconds. Stamped on a ticket at submission, so that a
/// changed setting never changes the history of a ticket that is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Deadlines {
    /// `reserve` at either layer, in milliseconds.
    pub reserve_ms: u32,
    /// `cutover` at either layer, in milliseconds.
    pub cutover_ms: u32,
    /// `release`, `rollback_install`, and L2's report of its own rollback, in milliseconds.
    pub rollback_ms: u32,
    /// `inspect` and `notice`, in milliseconds.
    pub inspect_ms: u32,
}

impl Default for Deadlines {
    /// Five minutes for work on real devices, one to look.
    fn default() -> Self {
        Self { reserve_ms: 300_000, cutover_ms: 300_000, rollback_ms: 300_000, inspect_ms: 60_000 }
    }
}

/// The full desired parameters of a relocation. Immutable once submitted; every work order carries them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// The circuit's id in the carrier's inventory.
    #[schemars(length(min = 1, max = TEXT_LIMIT))]
    pub service_id: String,
    /// Whose circuit it is.
    #[schemars(length(min = 1, max = TEXT_LIMIT))]
    pub customer: String,
    /// Where it is.
    pub old: Place,
    /// Where it goes.
    pub new: Place,
    /// The gateway address with prefix length, IPv4 or IPv6: `192.0.2.1/30`, `2001:db8::1/64`.
    pub ip: String,
    /// The VRF, if the circuit is in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = TEXT_LIMIT))]
    pub vrf: Option<String>,
    /// The description put on the port at reservation (claim 3).
    #[schemars(length(min = 1, max = TEXT_LIMIT))]
    pub description: String,
    /// What the system that placed the order calls it, if it said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = TEXT_LIMIT))]
    pub external_id: Option<String>,
    /// When the cutover deploys by itself; without one a person deploys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<Window>,
    /// Wait for a person before reserving (row 1).
    #[serde(default)]
    pub hold: bool,
    /// How long orders may stay unanswered.
    #[serde(default)]
    pub deadlines: Deadlines,
}

/// One thing wrong with a request: which field, and what was expected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error, JsonSchema)]
#[error("{field}: {problem}")]
pub struct FieldError {
    /// The field's path as in a sheet (`new_vlan`).
    pub field: String,
    /// What is wrong and what was expected.
    pub problem: String,
}

/// What is wrong with a field of a request, and what was expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// It must not be empty.
    Empty,
    /// It has so many characters.
    TooLong(usize),
    /// It holds a control character.
    Control,
    /// It is no VLAN tag.
    NotAVlan(u16),
    /// It is no address with a prefix length.
    NotAnAddress(String),
    /// A prefix length that is none, and the longest there may be.
    NotAPrefix(String, u8),
    /// The old and the new place are the same.
    GoesNowhere,
    /// The window ends before it starts.
    EndsBeforeStart,
}

impl Fault {
    /// The sentence a person reads after the field's name.
    #[must_use]
    pub fn sentence(&self, lang: Lang) -> String {
        let (first, last) = (VLANS.start(), VLANS.end());
        let such_as = "192.0.2.1/30";
        let or = "2001:db8::1/64";
        match (self, lang) {
            (Self::Empty, _) => lang.pick("is empty", "为空").to_owned(),
            (Self::TooLong(has), Lang::En) => format!("has {has} characters, expected at most {TEXT_LIMIT}"),
            (Self::TooLong(has), Lang::Zh) => format!("有 {has} 个字符，最多 {TEXT_LIMIT} 个"),
            (Self::Control, _) => lang.pick("holds a control character", "含有控制字符").to_owned(),
            (Self::NotAVlan(tag), Lang::En) => format!("is {tag}, expected {first} to {last}"),
            (Self::NotAVlan(tag), Lang::Zh) => format!("是 {tag}，应为 {first} 到 {last}"),
            (Self::NotAnAddress(ip), Lang::En) => {
                format!("is `{ip}`, expected an address with a prefix length, such as {such_as} or {or}")
            }
            (Self::NotAnAddress(ip), Lang::Zh) => {
                format!("是 `{ip}`，应为带前缀长度的地址，例如 {such_as} 或 {or}")
            }
            (Self::NotAPrefix(prefix, longest), Lang::En) => {
                format!("has prefix length `{prefix}`, expected 0 to {longest}")
            }
            (Self::NotAPrefix(prefix, longest), Lang::Zh) => {
                format!("前缀长度是 `{prefix}`，应为 0 到 {longest}")
            }
            (Self::GoesNowhere, _) => lang
                .pick(
                    "old and new place are the same, expected a different device, port or VLAN",
                    "新址与旧址相同，设备、端口或 VLAN 应有不同",
                )
                .to_owned(),
            (Self::EndsBeforeStart, _) => {
                lang.pick("is not after window_start", "应晚于 window_start").to_owned()
            }
        }
    }
}

impl Request {
    /// Checks every field (row 1's "valid") and says all that is wrong, not just the first.
    ///
    /// # Errors
    /// One [`FieldError`] for each field that is not as it must be.
    pub fn validate(&self) -> Result<(), Vec<FieldError>> {
        let faults = self.faults();
        if faults.is_empty() {
            return Ok(());
        }
        let told = |(field, fault): (String, Fault)| FieldError { field, problem: fault.sentence(Lang::En) };
        Err(faults.into_iter().map(told).collect())
    }

    /// All that is wrong, by field.
    #[must_use]
    pub fn faults(&self) -> Vec<(String, Fault)> {
        let mut faults = Vec::new();
        text(&mut faults, "service_id", &self.service_id);
        text(&mut faults, "customer", &self.customer);
        text(&mut faults, "description", &self.description);
        if let Some(vrf) = &self.vrf {
            text(&mut faults, "vrf", vrf);
        }
        if let Some(external_id) = &self.external_id {
            text(&mut faults, "external_id", external_id);
        }
        place(&mut faults, "old", &self.old);
        place(&mut faults, "new", &self.new);
        faults.extend(address(&self.ip).err().map(|fault| ("ip".to_owned(), fault)));
        if Layer::ALL.into_iter().all(|layer| self.stays_on(layer)) {
            faults.push(("new".to_owned(), Fault::GoesNowhere));
        }
        if self.window.is_some_and(|window| window.end <= window.start) {
            faults.push(("window_end".to_owned(), Fault::EndsBeforeStart));
        }
        faults
    }

    /// The id its relocation has where it is known by what moves from where to where and by nothing else, as rows of
    /// sheets are: the same row again, whoever sends it and by whichever way, is the same relocation, also after a
    /// description was mended, and no circuit is moved twice.
    #[must_use]
    pub fn relocation(&self) -> RelocationId {
        let spots = [self.old.l3(), self.old.l2(), self.new.l3(), self.new.l2()].map(|spot| spot.to_string());
        // No field can hold the character 0.
        let name = format!("{}\0{}", self.service_id, spots.join("\0"));
        RelocationId(Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()))
    }

    /// Whether the old and the new place are on one gateway.
    #[must_use]
    pub fn stays_on_gateway(&self) -> bool {
        self.old.l3_device == self.new.l3_device
    }

    /// Whether the old and the new place are one spot on a layer: only the other layer moves.
    #[must_use]
    pub fn stays_on(&self, layer: Layer) -> bool {
        match layer {
            Layer::L3 => self.old.l3() == self.new.l3(),
            Layer::L2 => self.old.l2() == self.new.l2(),
        }
    }

    /// What this relocation locks while it is open, so that no two can want the same (promise 4): the target
    /// sub-interface, the target port+VLAN, and the service itself, which can't move two ways at once.
    #[must_use]
    pub fn resources(&self) -> [String; 3] {
        [
            format!("l3 {}", self.new.l3()),
            format!("l2 {}", self.new.l2()),
            format!("service {}", self.service_id),
        ]
    }
}

fn text(faults: &mut Vec<(String, Fault)>, field: &str, value: &str) {
    let fault = if value.trim().is_empty() {
        Fault::Empty
    } else if value.chars().count() > TEXT_LIMIT {
        Fault::TooLong(value.chars().count())
    } else if value.chars().any(char::is_control) {
        Fault::Control
    } else {
        return;
    };
    faults.push((field.to_owned(), fault));
}

fn place(faults: &mut Vec<(String, Fault)>, side: &str, place: &Place) {
    for (name, value) in [
        ("l3_device", &place.l3_device),
        ("l3_port", &place.l3_port),
        ("l2_device", &place.l2_device),
        ("l2_port", &place.l2_port),
    ] {
        text(faults, &format!("{side}_{name}"), value);
    }
    for (name, tag) in [("vlan", Some(place.vlan)), ("inner_vlan", place.inner_vlan)] {
        if let Some(tag) = tag.filter(|tag| !VLANS.contains(tag)) {
            faults.push((format!("{side}_{name}"), Fault::NotAVlan(tag)));
        }
    }
}

fn address(ip: &str) -> Result<(), Fault> {
    let no_address = || Fault::NotAnAddress(ip.to_owned());
    let (address, prefix) = ip.split_once('/').ok_or_else(no_address)?;
    let address: std::net::IpAddr = address.parse().map_err(|_| no_address())?;
    let longest = if address.is_ipv4() { 32 } else { 128 };
    match prefix.parse::<u8>() {
        Ok(length) if length <= longest => Ok(()),
        _ => Err(Fault::NotAPrefix(prefix.to_owned(), longest)),
    }
}
