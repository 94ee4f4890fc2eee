//! Profiles: how a vendor's model says what every gateway has (a sub-interface, its description, tags, address and VRF).
//! Data and templates; a new vendor is a new file, and no code.

use std::{net::IpAddr, path::Path};

use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value};
use rehome_domain::{ports::Holding, reply::Presence, request::Spot};
use serde::Deserialize;

use super::xml::{Element, escaped};
use crate::{
    device::{Change, Found, Mark},
    mark,
};

/// What a profile's file says.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// The name of a spot's sub-interface.
    pub interface: String,
    /// The filter for all `spots` (each with what a spot has, and `interface`).
    pub filter: String,
    /// The edit for all `changes` (each with what a spot has, `interface`, `description` with the mark, whether it is to be
    /// `removed`, `reserved` or `installed`, and whether more than a reservation is there yet, `in_use`; installed ones with `address`, `prefix`, `netmask`, `v6` and `vrf`; and `old_vrf`, the VRF that it was in).
    pub edit: String,
    /// The most characters that a description may have; as many as we like if not given.
    #[serde(default)]
    pub description_limit: Option<usize>,
    /// Where in what the device answers things are.
    pub read: Read,
    /// How a port is looked at before a cutover; not given: it is not.
    #[serde(default)]
    pub port: Option<ReadPort>,
}

/// How a port is looked at, state and configuration: templates that know the `port`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadPort {
    /// What is asked.
    pub filter: String,
    /// Where it is in the answer's data.
    pub item: String,
    /// Where it says whether it is up, from there. What does not say it is taken to be up.
    #[serde(default)]
    pub up: Option<String>,
    /// What that says if it is down. Whatever else it says (that it is unknown, or sleeps until somebody calls) is no reason not
    /// to cut over.
    #[serde(default = "down")]
    pub down_is: Vec<String>,
}

fn down() -> Vec<String> {
    ["down", "lower-layer-down", "lower_layer_down", "not-present", "not_present"].map(str::to_owned).to_vec()
}

/// How a port is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PortState {
    /// Not down, as far as it says.
    Up,
    /// Down: what it says.
    Down(String),
    /// There is none of this name.
    Missing,
}

/// Where things are: paths of element names from the answer's data (`item`), or from there. `item`, `vlan`, `inner_vlan` and
/// `vrf` are templates too, which know the spot; in paths a name may have a condition: `interface[name={{ port }}]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Read {
    /// The sub-interfaces.
    pub item: String,
    /// Its name; not given where `item` leads to the spot's own.
    #[serde(default)]
    pub name: Option<String>,
    /// Its description.
    pub description: String,
    /// Whether it is enabled, or see `disabled_if_present`.
    #[serde(default)]
    pub enabled: Option<String>,
    /// What `enabled` says when it is shut down.
    #[serde(default = "disabled")]
    pub disabled: String,
    /// What is there only if it is shut down.
    #[serde(default)]
    pub disabled_if_present: Option<String>,
    /// Its tag, or the outer one. With a slash before it: from the answer's data.
    pub vlan: String,
    /// Its inner tag. With a slash before it: from the answer's data.
    #[serde(default)]
    pub inner_vlan: Option<String>,
    /// Its addresses: each with `ip`, and with `prefix` or `netmask`.
    pub addresses: Vec<ReadAddress>,
    /// Its VRF. With a slash before it: from the answer's data.
    #[serde(default)]
    pub vrf: Option<String>,
    /// What `vrf` says where it is in none.
    #[serde(default)]
    pub no_vrf: Option<String>,
}

fn disabled() -> String {
    "false".to_owned()
}

/// Where an address is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadAddress {
    /// The list of them.
    pub item: String,
    /// The address, from there; with the prefix length behind a slash if there is neither `prefix` nor `netmask`.
    pub ip: String,
    /// Its prefix length.
    #[serde(default)]
    pub prefix: Option<String>,
    /// Its netmask.
    #[serde(default)]
    pub netmask: Option<String>,
}

/// The profiles that come with Rehome.
pub const KNOWN: [(&str, &str); 4] = [
    ("ietf-interfaces", include_str!("../../../../config/profiles/ietf-interfaces.toml")),
    (
        "ietf-if-vlan-encapsulation",
        include_str!("../../../../config/profiles/ietf-if-vlan-encapsulation.toml"),
    ),
    ("openconfig", include_str!("../../../../config/profiles/openconfig.toml")),
    ("huawei-vrp", include_str!("../../../../config/profiles/huawei-vrp.toml")),
];

/// A profile can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// There is none of this name.
    #[error(
        "there is no profile `{name}`: expected one of {}, or the path of a file that ends in `.toml`",
        known()
    )]
    Unknown {
        /// The name.
        name: String,
    },
    /// The file can't be read.
    #[error("the profile {path} can't be read: {source}")]
    Unreadable {
        /// Which.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// A key or a value is wrong.
    #[error("the profile {path}: {key}: {problem}")]
    Wrong {
        /// Which.
        path: String,
        /// The key.
        key: String,
        /// What is wrong.
        problem: String,
    },
}

fn known() -> String {
    KNOWN.map(|(name, _)| format!("`{name}`")).join(", ")
}

/// A template could not be filled in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the profile's `{key}` can't be filled in: {problem}")]
pub struct FillError {
    key: &'static str,
    problem: String,
}

/// A profile, ready for use.
#[derive(Debug, Clone)]
pub struct Profile {
    spec: Spec,
    templates: Environment<'static>,
}

impl Profile {
    /// One that comes with Rehome, by its name; or a file's, whose name ends in `.toml`.
    ///
    /// # Errors
    /// There is none of this name, or the file can't be used.
    pub fn named(name: &str) -> Result<Self, ProfileError> {
        if name.ends_with(".toml") {
            return Self::load(Path::new(name));
        }
        let known = KNOWN.iter().find(|(known, _)| *known == name);
        let unknown = || ProfileError::Unknown { name: name.to_owned() };
        known.ok_or_else(unknown).and_then(|(name, text)| Self::parse(name, text))
    }

    /// Reads a profile's file.
    ///
    /// # Errors
    /// It can't be read, or a key of it is wrong.
    pub fn load(path: &Path) -> Result<Self, ProfileError> {
        let unreadable = |source| ProfileError::Unreadable { path: path.display().to_string(), source };
        let text = std::fs::read_to_string(path).map_err(unreadable)?;
        Self::parse(&path.display().to_string(), &text)
    }

    /// Reads a profile's text.
    ///
    /// # Errors
    /// A key of it is wrong.
    pub fn parse(path: &str, text: &str) -> Result<Self, ProfileError> {
        let wrong =
            |key: String, problem: String| ProfileError::Wrong { path: path.to_owned(), key, problem };
        let read =
            toml::Deserializer::parse(text).map_err(|error| wrong("-".to_owned(), error.to_string()))?;
        let spec: Spec = serde_path_to_error::deserialize(read)
            .map_err(|error| wrong(error.path().to_string(), error.into_inner().message().to_owned()))?;
        let mut templates = Environment::new();
        templates.set_undefined_behavior(UndefinedBehavior::SemiStrict);
        templates.set_auto_escape_callback(|name| {
            // What is compared, and not sent, stays as it is.
            if name == "interface" || name.starts_with("read.") {
                AutoEscape::None
            } else {
                AutoEscape::Custom("xml".into())
            }
        });
        templates.set_formatter(|out, state, value| {
            if matches!(state.auto_escape(), AutoEscape::None) || value.is_safe() {
                return minijinja::escape_formatter(out, state, value);
            }
            let text = if value.is_none() { String::new() } else { escaped(&value.to_string()) };
            out.write_str(&text).map_err(minijinja::Error::from)
        });
        let nothing = String::new();
        for (key, template) in [
            ("interface", &spec.interface),
            ("filter", &spec.filter),
            ("edit", &spec.edit),
            ("read.item", &spec.read.item),
            ("read.vlan", &spec.read.vlan),
            ("read.inner_vlan", spec.read.inner_vlan.as_ref().unwrap_or(&nothing)),
            ("read.vrf", spec.read.vrf.as_ref().unwrap_or(&nothing)),
            ("port.filter", spec.port.as_ref().map_or(&nothing, |port| &port.filter)),
            ("read.port", spec.port.as_ref().map_or(&nothing, |port| &port.item)),
        ] {
            templates
                .add_template_owned(key, template.clone())
                .map_err(|error| wrong(key.to_owned(), error.to_string()))?;
        }
        Ok(Self { spec, templates })
    }

    fn fill(&self, key: &'static str, context: Value) -> Result<String, FillError> {
        let wrong = |error: minijinja::Error| FillError { key, problem: format!("{error:#}") };
        self.templates.get_template(key).and_then(|template| template.render(context)).map_err(wrong)
    }

    /// The name of a spot's sub-interface.
    ///
    /// # Errors
    /// The template can't be filled in.
    pub fn interface(&self, spot: &Spot) -> Result<String, FillError> {
        let Spot { port, vlan, inner_vlan, .. } = spot;
        self.fill("interface", minijinja::context! { port, vlan, inner_vlan })
    }

    /// The filter for these spots.
    ///
    /// # Errors
    /// A template can't be filled in.
    pub fn filter(&self, spots: &[Spot]) -> Result<String, FillError> {
        let filled: Result<Vec<Value>, _> = spots.iter().map(|spot| self.filled(spot, None, None)).collect();
        self.fill("filter", minijinja::context! { spots => filled? })
    }

    /// The edit for these changes.
    ///
    /// # Errors
    /// A template can't be filled in.
    pub fn edit(&self, changes: &[Change]) -> Result<String, FillError> {
        // What goes is said first, so that what comes finds its address free also where a device goes by the order.
        let mut changes: Vec<&Change> = changes.iter().collect();
        changes.sort_by_key(|change| change.put.is_some());
        let filled: Result<Vec<Value>, _> =
            changes.iter().map(|c| self.filled(&c.spot, c.put.as_ref(), c.found.as_ref())).collect();
        self.fill("edit", minijinja::context! { changes => filled? })
    }

    /// What templates know of a spot, and of what is put there.
    fn filled(&self, spot: &Spot, put: Option<&Holding>, found: Option<&Found>) -> Result<Value, FillError> {
        let installed = put.filter(|holding| holding.presence == Presence::Installed);
        let address = installed.and_then(|holding| parted(holding.ip.as_deref()?));
        let Spot { port, vlan, inner_vlan, .. } = spot;
        Ok(minijinja::context! {
            interface => self.interface(spot)?,
            port,
            vlan,
            inner_vlan,
            removed => put.is_none(),
            reserved => put.is_some() && installed.is_none(),
            installed => installed.is_some(),
            description => put.map(|holding| self.described(holding)),
            address => address.map(|(ip, _)| ip.to_string()),
            prefix => address.map(|(_, prefix)| prefix),
            netmask => address.and_then(|(ip, prefix)| netmask(ip, prefix)),
            v6 => address.is_some_and(|(ip, _)| ip.is_ipv6()),
            vrf => installed.and_then(|holding| holding.vrf.clone()),
            in_use => found.is_some_and(|found| found.presence != Presence::Reserved),
            old_vrf => found.and_then(|found| found.vrf.clone()),
        })
    }

    fn described(&self, holding: &Holding) -> String {
        let mark = Mark { service_id: holding.service_id.clone(), relocation: holding.relocation };
        mark::write(&holding.description, &mark, self.spec.description_limit)
    }

    /// What a device holds at these spots, from the data that it answered.
    ///
    /// # Errors
    /// A template can't be filled in.
    pub fn read(&self, spots: &[Spot], data: &Element) -> Result<Vec<Option<Found>>, FillError> {
        let found = spots.iter().map(|spot| {
            let name = self.interface(spot)?;
            let items = data.all(&self.path("read.item", spot)?);
            let is_it = |item: &&&Element| {
                let path = self.spec.read.name.as_deref();
                path.is_none_or(|path| item.text_at(path) == Some(name.as_str()))
            };
            items.iter().find(is_it).map(|item| self.found(spot, data, item)).transpose()
        });
        found.collect()
    }

    /// A path, filled in for a spot.
    fn path(&self, key: &'static str, spot: &Spot) -> Result<String, FillError> {
        let Spot { port, vlan, inner_vlan, .. } = spot;
        let interface = self.interface(spot)?;
        self.fill(key, minijinja::context! { port, vlan, inner_vlan, interface })
    }

    /// The text at such a path, from the item, or from the data if it begins with a slash.
    fn text<'e>(
        &self,
        key: &'static str,
        spot: &Spot,
        data: &'e Element,
        item: &'e Element,
    ) -> Result<Option<&'e str>, FillError> {
        let path = self.path(key, spot)?;
        Ok(match path.strip_prefix('/') {
            _ if path.is_empty() => None,
            Some(path) => data.text_at(path),
            None => item.text_at(&path),
        })
    }

    fn found(&self, spot: &Spot, data: &Element, item: &Element) -> Result<Found, FillError> {
        let read = &self.spec.read;
        let (description, mark) = mark::read(item.text_at(&read.description).unwrap_or_default());
        let tag = |key| -> Result<Option<u16>, FillError> {
            Ok(self.text(key, spot, data, item)?.and_then(|text| text.parse().ok()))
        };
        let (vlan, inner) = (tag("read.vlan")?, tag("read.inner_vlan")?);
        let enabled = match (&read.enabled, &read.disabled_if_present) {
            (Some(path), _) => item.text_at(path) != Some(read.disabled.as_str()),
            (None, Some(path)) => item.at(path).is_none(),
            (None, None) => true,
        };
        let vrf = self.text("read.vrf", spot, data, item)?.filter(|vrf| Some(*vrf) != read.no_vrf.as_deref());
        let vrf = vrf.map(str::to_owned);
        let ip = read.addresses.iter().find_map(|address| address.first(item));
        let carries = vlan == Some(spot.vlan) && inner == spot.inner_vlan;
        let presence = if enabled && carries && ip.is_some() {
            Presence::Installed
        } else if !enabled && vlan.is_none() && ip.is_none() && vrf.is_none() {
            Presence::Reserved
        } else {
            Presence::Partial
        };
        Ok(Found { presence, mark, description, ip, vrf })
    }

    /// What is asked about a port; none: this model is not asked.
    ///
    /// # Errors
    /// The template can't be filled in.
    pub fn port_filter(&self, port: &str) -> Result<Option<String>, FillError> {
        let fill = |_| self.fill("port.filter", minijinja::context! { port });
        self.spec.port.as_ref().map(fill).transpose()
    }

    /// How a port is, from the data that the device answered.
    ///
    /// # Errors
    /// A template can't be filled in.
    pub fn port(&self, port: &str, data: &Element) -> Result<PortState, FillError> {
        let Some(read) = &self.spec.port else { return Ok(PortState::Up) };
        let item = self.fill("read.port", minijinja::context! { port })?;
        let Some(item) = data.at(&item) else { return Ok(PortState::Missing) };
        let says = read.up.as_deref().and_then(|path| item.text_at(path));
        let is_down = |says: &&str| read.down_is.iter().any(|down| down.eq_ignore_ascii_case(says));
        Ok(says.filter(is_down).map_or(PortState::Up, |says| PortState::Down(says.to_owned())))
    }

    /// What is found once a holding has been put there.
    #[must_use]
    pub fn expected(&self, holding: &Holding) -> Found {
        let (description, mark) = mark::read(&self.described(holding));
        let ip = holding.ip.as_deref().map(canonical);
        Found { presence: holding.presence, mark, description, ip, vrf: holding.vrf.clone() }
    }
}

impl ReadAddress {
    fn first(&self, item: &Element) -> Option<String> {
        let address = item.all(&self.item).into_iter().next()?;
        let ip = address.text_at(&self.ip)?;
        let prefix = match (&self.prefix, &self.netmask) {
            (Some(path), _) => address.text_at(path)?.to_owned(),
            (None, Some(path)) => prefix_of(address.text_at(path)?)?.to_string(),
            (None, None) => return Some(canonical(ip)),
        };
        Some(canonical(&format!("{ip}/{prefix}")))
    }
}

fn parted(ip: &str) -> Option<(IpAddr, u8)> {
    let (address, prefix) = ip.split_once('/')?;
    Some((address.parse().ok()?, prefix.parse().ok()?))
}

/// The same address in the one way that everybody writes it.
fn canonical(ip: &str) -> String {
    parted(ip).map_or_else(|| ip.to_owned(), |(address, prefix)| format!("{address}/{prefix}"))
}

fn netmask(ip: IpAddr, prefix: u8) -> Option<String> {
    let bits = 32_u32.checked_sub(prefix.into()).filter(|_| ip.is_ipv4())?;
    let mask = u32::MAX.checked_shl(bits).unwrap_or(0);
    Some(std::net::Ipv4Addr::from(mask).to_string())
}

fn prefix_of(mask: &str) -> Option<u32> {
    let mask = u32::from(mask.parse::<std::net::Ipv4Addr>().ok()?);
    Some(mask.leading_ones())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
