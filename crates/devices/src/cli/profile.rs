//! What a vendor's command line takes and answers. Data: a new vendor is a new file.

use std::{
    fmt,
    net::IpAddr,
    path::{Path, PathBuf},
};

use regex::{Regex, RegexSet};
use rehome_domain::{
    order::Layer,
    ports::{DriverError, Holding},
    reply::{Presence, Reason},
    request::Spot,
};
use serde::{Deserialize, Deserializer, de::Error as _};

use crate::{
    device::{Mark, permanent},
    mark,
};

/// What a line of a profile may stand for in braces. A line that holds one which has no value here (no VRF, no inner tag, an
/// IPv6 address where IPv4 is wanted) is left out.
const PLACEHOLDERS: [&str; 11] = [
    "port",
    "vlan",
    "inner_vlan",
    "parking_vlan",
    "service_id",
    "description",
    "ip",
    "address4",
    "netmask4",
    "ip6",
    "vrf",
];

/// A vendor's command line.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// What the last line looks like when the device waits for a command. If it has a group, what that matched at first (the
    /// device's name) must be the same each time.
    #[serde(deserialize_with = "regex")]
    pub(super) prompt: Regex,
    /// What the last line looks like when the device waits with more output; it is answered with a space.
    #[serde(default, deserialize_with = "some_regex")]
    pub(super) more: Option<Regex>,
    /// Lines right after the login: no paging, no wrapping.
    #[serde(default)]
    pub(super) login: Vec<Line>,
    /// What a line of an answer looks like that refuses.
    #[serde(deserialize_with = "regexes")]
    pub(super) refused: RegexSet,
    /// What it looks like if somebody else holds the configuration: to be tried again.
    #[serde(default, deserialize_with = "regexes")]
    pub(super) locked: RegexSet,
    /// What no field may contain, because the command line takes it for something else (`?`, `|`, quotes).
    #[serde(default, deserialize_with = "some_regex")]
    forbidden: Option<Regex>,
    /// The longest description, in characters.
    description_limit: usize,
    /// Lines before a change.
    #[serde(default)]
    pub(super) enter: Vec<Line>,
    /// Lines after it, also after a refused one.
    #[serde(default)]
    pub(super) leave: Vec<Line>,
    /// Lines that keep it over a restart.
    #[serde(default)]
    pub(super) save: Vec<Line>,
    /// From nothing to a reservation.
    reserve: Vec<Line>,
    /// From nothing or a reservation into service.
    install: Vec<Line>,
    /// From anything to nothing.
    remove: Vec<Line>,
    /// How a spot is looked at.
    pub(super) show: Show,
}

/// How a spot is looked at: lines, and patterns on what they answer. The first group of a pattern is the value.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Show {
    /// The lines.
    pub(super) lines: Vec<Line>,
    /// Something is there at all.
    #[serde(deserialize_with = "regex")]
    pub(super) exists: Regex,
    /// The description, with the mark.
    #[serde(deserialize_with = "regex")]
    pub(super) description: Regex,
    /// It is shut down. None: the device can't, or it does not matter.
    #[serde(default, deserialize_with = "some_regex")]
    pub(super) down: Option<Regex>,
    /// The VLAN tag. None: the name of the sub-interface says it.
    #[serde(default, deserialize_with = "some_regex")]
    pub(super) vlan: Option<Regex>,
    /// The inner tag.
    #[serde(default, deserialize_with = "some_regex")]
    pub(super) inner_vlan: Option<Regex>,
    /// The address, as `address/length` or `address mask`; the first pattern that matches counts.
    #[serde(default, deserialize_with = "list")]
    pub(super) ip: Vec<Regex>,
    /// The VRF.
    #[serde(default, deserialize_with = "some_regex")]
    pub(super) vrf: Option<Regex>,
}

/// A line with placeholders.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Line(String);

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Line {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text.chars().any(char::is_control) {
            return Err(format!(
                "`{}` holds a control character: one entry is one line",
                text.escape_debug()
            ));
        }
        for after in text.split('{').skip(1) {
            let name = after.split_once('}').map(|(name, _)| name);
            if !name.is_some_and(|name| PLACEHOLDERS.contains(&name)) {
                let known = PLACEHOLDERS.join("}, {");
                return Err(format!("`{text}`: what stands in braces must be one of {{{known}}}"));
            }
        }
        Ok(Self(text))
    }
}

/// Why a profile can't be used.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// The file can't be read.
    #[error("profile {}: can't be read", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A key is wrong.
    #[error("profile {}: at `{key}`: {problem}", path.display())]
    Key {
        /// Which file.
        path: PathBuf,
        /// The key's path.
        key: String,
        /// What is wrong.
        problem: String,
    },
}

impl Profile {
    /// Reads a profile.
    ///
    /// # Errors
    /// It can't be read, or a key is wrong: which.
    pub fn read(path: &Path) -> Result<Self, ProfileError> {
        let text = std::fs::read_to_string(path)
            .map_err(|source| ProfileError::Read { path: path.to_owned(), source })?;
        let wrong = |key: String, problem: String| ProfileError::Key { path: path.to_owned(), key, problem };
        let toml =
            toml::Deserializer::parse(&text).map_err(|error| wrong(String::new(), error.to_string()))?;
        serde_path_to_error::deserialize(toml)
            .map_err(|error| wrong(error.path().to_string(), error.inner().message().to_owned()))
    }

    /// The lines that put a spot into this state.
    pub(super) fn lines(
        &self,
        layer: Layer,
        parking: Option<u16>,
        spot: &Spot,
        put: Option<&Holding>,
    ) -> Result<Vec<String>, DriverError> {
        let templates = match put.map_or(Presence::Absent, |put| put.presence) {
            Presence::Absent => &self.remove,
            Presence::Reserved => &self.reserve,
            Presence::Installed => &self.install,
            Presence::Partial => {
                let text = format!("{spot}: a command line is not told to stop half-way ({layer})");
                return Err(permanent(Reason::Rejected, text));
            }
        };
        self.fill(templates, &Fields { spot, put, parking })
    }

    /// The lines that look at a spot.
    pub(super) fn show(&self, parking: Option<u16>, spot: &Spot) -> Result<Vec<String>, DriverError> {
        self.fill(&self.show.lines, &Fields { spot, put: None, parking })
    }

    /// The description as the device keeps it.
    pub(super) fn description(&self, put: &Holding) -> String {
        let mark = Mark { service_id: put.service_id.clone(), relocation: put.relocation };
        mark::write(&put.description, &mark, Some(self.description_limit))
    }

    fn fill(&self, templates: &[Line], fields: &Fields<'_>) -> Result<Vec<String>, DriverError> {
        let mut lines = Vec::new();
        for Line(template) in templates {
            if let Some(line) = self.filled(template, fields)? {
                lines.push(line);
            }
        }
        Ok(lines)
    }

    /// A line with its values; none if one has no value.
    fn filled(&self, template: &str, fields: &Fields<'_>) -> Result<Option<String>, DriverError> {
        let mut parts = template.split('{');
        let mut line = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (name, rest) = part.split_once('}').unwrap_or((part, ""));
            let Some(value) = self.value(name, fields) else { return Ok(None) };
            self.check(name, &value, fields.spot)?;
            line.push_str(&value);
            line.push_str(rest);
        }
        Ok(Some(line))
    }

    /// No field may become a second line, or anything else than a value.
    fn check(&self, name: &str, value: &str, spot: &Spot) -> Result<(), DriverError> {
        let hit = value.chars().find(|c| c.is_control() || ['\u{2028}', '\u{2029}'].contains(c));
        let hit = hit.map(String::from).or_else(|| {
            self.forbidden
                .as_ref()
                .and_then(|forbidden| forbidden.find(value))
                .map(|hit| hit.as_str().to_owned())
        });
        let Some(hit) = hit else { return Ok(()) };
        let hit = hit.escape_debug();
        let text = format!("{spot}: {name} holds `{hit}`, which this command line would not take for text");
        Err(permanent(Reason::Rejected, text))
    }

    fn value(&self, name: &str, Fields { spot, put, parking }: &Fields<'_>) -> Option<String> {
        let ip = || put.and_then(|put| put.ip.clone());
        let split = || {
            let ip = ip()?;
            let (address, length) = ip.split_once('/')?;
            Some((address.parse::<IpAddr>().ok()?, length.parse::<u32>().ok()?))
        };
        match name {
            "port" => Some(spot.port.clone()),
            "vlan" => Some(spot.vlan.to_string()),
            "inner_vlan" => spot.inner_vlan.map(|tag| tag.to_string()),
            "parking_vlan" => parking.map(|tag| tag.to_string()),
            "service_id" => put.map(|put| put.service_id.clone()),
            "description" => put.map(|put| self.description(put)),
            "ip" => ip(),
            "ip6" => split().filter(|(address, _)| address.is_ipv6()).and_then(|_| ip()),
            "address4" => {
                split().filter(|(address, _)| address.is_ipv4()).map(|(address, _)| address.to_string())
            }
            "netmask4" => {
                let (_, length) = split().filter(|(address, _)| address.is_ipv4())?;
                let mask = u32::MAX.checked_shl(32 - length.min(32)).unwrap_or_default();
                Some(std::net::Ipv4Addr::from(mask).to_string())
            }
            "vrf" => put.and_then(|put| put.vrf.clone()),
            _ => None,
        }
    }
}

/// What the placeholders stand for.
struct Fields<'a> {
    spot: &'a Spot,
    put: Option<&'a Holding>,
    parking: Option<u16>,
}

/// Patterns are on lines: `^` and `$` are a line's.
fn compile<E: serde::de::Error>(pattern: &str) -> Result<Regex, E> {
    regex::RegexBuilder::new(pattern).multi_line(true).build().map_err(E::custom)
}

fn regex<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Regex, D::Error> {
    compile(&String::deserialize(deserializer)?)
}

fn some_regex<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Regex>, D::Error> {
    regex(deserializer).map(Some)
}

fn list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Regex>, D::Error> {
    Vec::<String>::deserialize(deserializer)?.iter().map(|pattern| compile(pattern)).collect()
}

fn regexes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<RegexSet, D::Error> {
    let patterns = Vec::<String>::deserialize(deserializer)?;
    regex::RegexSetBuilder::new(patterns).multi_line(true).build().map_err(D::Error::custom)
}
