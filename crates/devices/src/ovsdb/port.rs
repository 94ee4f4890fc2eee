//! What a Port row means to a circuit, and what it is to become: pure.

use std::collections::BTreeMap;

use rehome_domain::{ports::Holding, reply::Presence, request::Spot};
use serde_json::{Value, json};

use super::wire::{self, Row};
use crate::device::{Found, Mark};

/// The columns that say what a port is, in a row of the `Port` table: what is read, and what must not have changed when it
/// is updated.
pub(super) const COLUMNS: [&str; 5] = ["name", "tag", "vlan_mode", "cvlans", "external_ids"];

const SERVICE: &str = "rehome-service";
const RELOCATION: &str = "rehome-relocation";
const VLAN: &str = "rehome-vlan";
const DESCRIPTION: &str = "rehome-description";

/// What a port carries.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Carried {
    /// It is an access port of this VLAN.
    Access(u16),
    /// It puts this tag around these.
    Tunnel(u16, Vec<u16>),
    /// It is an access port of no VLAN.
    Untagged,
    /// Several VLANs, or all.
    Trunk,
}

/// A port, as its row says.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Port {
    /// The row's id.
    pub(super) id: String,
    row: Row,
    carried: Carried,
    ids: BTreeMap<String, String>,
}

impl Port {
    /// Reads a row with its `_uuid`.
    pub(super) fn read(row: &Row) -> Option<Self> {
        let id = wire::uuid(row.get("_uuid"))?.to_owned();
        let row: Row = COLUMNS
            .into_iter()
            .filter_map(|column| Some((column.to_owned(), row.get(column)?.clone())))
            .collect();
        let (carried, ids) = (carried(&row), wire::map(row.get("external_ids")));
        Some(Self { id, row, carried, ids })
    }

    /// What is at a spot of this port.
    pub(super) fn found(&self, spot: &Spot, parking: u16) -> Option<Found> {
        let marked = self.marked();
        let is_of_spot = marked.as_ref().is_some_and(|(tags, ..)| *tags == tags_of(spot));
        let (presence, marked) = match (self.presence(spot, parking), marked) {
            // Also if it is reserved in another VLAN: the port is taken all the same.
            (Some(Presence::Absent), Some(marked)) => (Presence::Reserved, Some(marked)),
            (Some(Presence::Absent), None) => return None,
            (Some(presence), Some(marked)) if is_of_spot => (presence, Some(marked)),
            (Some(Presence::Installed), _) => (Presence::Installed, None),
            (Some(_) | None, _) => {
                let stranger = Mark { service_id: self.stranger(), relocation: None };
                (Presence::Installed, Some((String::new(), stranger, String::new())))
            }
        };
        let (mark, description) = marked.map(|(_, mark, description)| (mark, description)).unzip();
        Some(Found { presence, mark, description: description.unwrap_or_default(), ip: None, vrf: None })
    }

    /// How far this port is in the VLAN of a spot, whoever's it is: absent if it is parked; none if it serves something
    /// else.
    fn presence(&self, spot: &Spot, parking: u16) -> Option<Presence> {
        match (&self.carried, spot.inner_vlan) {
            (Carried::Access(tag), _) if *tag == parking => Some(Presence::Absent),
            (Carried::Access(tag), None) if *tag == spot.vlan => Some(Presence::Installed),
            (Carried::Tunnel(tag, inner), Some(wanted)) if *tag == spot.vlan && *inner == [wanted] => {
                Some(Presence::Installed)
            }
            (Carried::Untagged, _) => Some(Presence::Partial),
            _ => None,
        }
    }

    /// What an operator is told who wants this port for something else.
    fn stranger(&self) -> String {
        let carries = match &self.carried {
            Carried::Access(tag) => format!("VLAN {tag}"),
            Carried::Tunnel(tag, inner) => format!("VLAN {tag} around {inner:?}"),
            Carried::Untagged => "untagged frames".to_owned(),
            Carried::Trunk => "several VLANs (it is a trunk)".to_owned(),
        };
        match self.marked() {
            Some((tags, mark, _)) => format!("{carries}; its mark says {} in VLAN {tags}", mark.service_id),
            None => format!("{carries}, without a mark of Rehome"),
        }
    }

    /// Whose it is in which VLAN, and the description.
    fn marked(&self) -> Option<(String, Mark, String)> {
        let get = |key: &str| self.ids.get(key).cloned();
        let relocation = get(RELOCATION).and_then(|id| id.parse().ok());
        let mark = Mark { service_id: get(SERVICE)?, relocation };
        Some((get(VLAN)?, mark, get(DESCRIPTION).unwrap_or_default()))
    }

    /// The operation that lets a transaction go on only if the port still is as it was read.
    pub(super) fn guard(&self) -> Value {
        json!({
            "op": "wait", "timeout": 0, "table": "Port", "where": [["_uuid", "==", ["uuid", self.id]]],
            "columns": COLUMNS, "until": "==", "rows": [self.row],
        })
    }

    /// The operation that makes the port what it is to be.
    pub(super) fn update(&self, spot: &Spot, put: Option<&Holding>, parking: u16) -> Value {
        let wanted = Wanted::of(spot, put, parking);
        let mut ids = self.ids.clone();
        ids.retain(|key, _| ![SERVICE, RELOCATION, VLAN, DESCRIPTION].contains(&key.as_str()));
        ids.extend(wanted.ids);
        json!({
            "op": "update", "table": "Port", "where": [["_uuid", "==", ["uuid", self.id]]],
            "row": {
                "tag": wire::to_set(wanted.tag), "vlan_mode": wanted.mode, "cvlans": wire::to_set(wanted.inner),
                "external_ids": wire::to_map(&ids),
            },
        })
    }
}

/// What a port is to be.
struct Wanted {
    tag: Option<u16>,
    mode: &'static str,
    inner: Option<u16>,
    ids: BTreeMap<String, String>,
}

impl Wanted {
    fn of(spot: &Spot, put: Option<&Holding>, parking: u16) -> Self {
        let ids = put.map(|holding| ids(spot, holding)).unwrap_or_default();
        let access = |tag| (tag, "access", None);
        let (tag, mode, inner) = match (put.map_or(Presence::Absent, |put| put.presence), spot.inner_vlan) {
            (Presence::Absent | Presence::Reserved, _) => access(Some(parking)),
            (Presence::Partial, _) => access(None),
            (Presence::Installed, None) => access(Some(spot.vlan)),
            (Presence::Installed, inner @ Some(_)) => (Some(spot.vlan), "dot1q-tunnel", inner),
        };
        Self { tag, mode, inner, ids }
    }
}

/// The line that `ovs-vsctl` would take for the same change.
pub(super) fn line(spot: &Spot, put: Option<&Holding>, parking: u16) -> String {
    let Wanted { tag, mode, inner, ids } = Wanted::of(spot, put, parking);
    let set = |tag: Option<u16>| tag.map_or_else(|| "[]".to_owned(), |tag| tag.to_string());
    let removed = [SERVICE, RELOCATION, VLAN, DESCRIPTION]
        .map(|key| format!(" -- remove port {} external_ids {key}", spot.port));
    let marks: Vec<String> =
        ids.iter().map(|(key, value)| format!(" external_ids:{key}={value:?}")).collect();
    format!(
        "ovs-vsctl set port {} tag={} vlan_mode={mode} cvlans={}{}",
        spot.port,
        set(tag),
        set(inner),
        if marks.is_empty() { removed.concat() } else { marks.concat() }
    )
}

fn ids(spot: &Spot, holding: &Holding) -> BTreeMap<String, String> {
    let relocation = holding.relocation.map(|id| (RELOCATION, id.to_string()));
    let rest = [
        (SERVICE, holding.service_id.clone()),
        (VLAN, tags_of(spot)),
        (DESCRIPTION, holding.description.clone()),
    ];
    rest.into_iter().chain(relocation).map(|(key, value)| (key.to_owned(), value)).collect()
}

/// A spot's tags as the mark says them: `100`, or `100.7` for QinQ.
fn tags_of(spot: &Spot) -> String {
    spot.inner_vlan.map_or_else(|| spot.vlan.to_string(), |inner| format!("{}.{inner}", spot.vlan))
}

/// By the rules of ovs-vswitchd.conf.db(5): a port without a mode is an access port if it has a tag, else a trunk.
fn carried(row: &Row) -> Carried {
    let tags = |column| wire::set(row.get(column)).into_iter().filter_map(wire::vlan).collect::<Vec<_>>();
    let mode = wire::set(row.get("vlan_mode")).first().and_then(|mode| mode.as_str());
    match (mode, tags("tag").first().copied()) {
        (None | Some("access"), Some(tag)) => Carried::Access(tag),
        (Some("access"), None) => Carried::Untagged,
        (Some("dot1q-tunnel"), Some(tag)) => Carried::Tunnel(tag, tags("cvlans")),
        (Some(_) | None, _) => Carried::Trunk,
    }
}
