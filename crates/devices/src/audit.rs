//! Compares what the devices hold with what the tickets' statuses promise ([`holding::allowed`]).

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt,
};

use rehome_domain::{
    holding::{self, End},
    id::RelocationId,
    order::Layer,
    ports::{DeviceMemory, Holding, StoreError},
    reply::Presence,
    request::Spot,
    ticket::Ticket,
};

/// All that the simulated devices hold, loaded once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Network {
    layers: [BTreeMap<Spot, Holding>; 2],
}

impl Network {
    /// Loads it.
    ///
    /// # Errors
    /// The memory failed.
    pub async fn load(memory: &dyn DeviceMemory) -> Result<Self, StoreError> {
        let mut network = Self::default();
        for layer in Layer::ALL {
            network.layers[layer as usize] = memory.all(layer).await?.into_iter().collect();
        }
        Ok(network)
    }
}

/// One thing on the network that no ticket's statuses allow. Its text names device, spot and ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Discrepancy {
    /// On which layer.
    pub layer: Layer,
    /// Where.
    pub spot: Spot,
    /// The ticket that promises something else, or whose holding this is; none if nobody's ticket explains it.
    pub relocation: Option<RelocationId>,
    /// What is wrong.
    pub problem: String,
}

impl fmt::Display for Discrepancy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { layer, spot, relocation, problem } = self;
        write!(f, "{layer} device {}, spot {spot}: {problem}", spot.device)?;
        relocation.map_or(Ok(()), |id| write!(f, " (ticket {id})"))
    }
}

/// Lists every discrepancy between the tickets and the network, in order of layer and spot.
///
/// A ticket with something in flight promises nothing yet; what its circuit holds is left out. All other tickets of the
/// network must be among those given: a holding is judged by whose it is.
#[must_use]
pub fn audit(tickets: &[Ticket], network: &Network) -> Vec<Discrepancy> {
    let known = tickets.iter().map(|ticket| (ticket.id, ticket)).collect();
    let moving = tickets.iter().filter(|ticket| ticket.state.in_flight());
    let moving = moving.map(|ticket| ticket.request.service_id.as_str()).collect();
    let audit = Audit { known, moving };
    Layer::ALL
        .into_iter()
        .flat_map(|layer| audit.layer(layer, tickets, &network.layers[layer as usize]))
        .collect()
}

/// What one ticket at rest promises about its circuit at one spot.
#[derive(Clone, Copy)]
struct Promise<'a> {
    ticket: &'a Ticket,
    end: End,
    allowed: holding::Allowed,
}

impl Promise<'_> {
    /// Whether the ticket changed something here. If not, it promises only that the network is as it found it, and the
    /// word of a ticket that did change something counts more.
    fn changes(&self) -> bool {
        match self.end {
            End::Old => self.allowed != [Presence::Installed],
            End::New => self.allowed != [Presence::Absent],
        }
    }
}

struct Audit<'a> {
    known: HashMap<RelocationId, &'a Ticket>,
    moving: BTreeSet<&'a str>,
}

impl<'a> Audit<'a> {
    fn layer(
        &self,
        layer: Layer,
        tickets: &'a [Ticket],
        held: &'a BTreeMap<Spot, Holding>,
    ) -> Vec<Discrepancy> {
        let mut promises: BTreeMap<(Spot, &str), Vec<Promise<'a>>> = BTreeMap::new();
        for ticket in tickets {
            for (spot, promise) in self.promises(layer, ticket) {
                promises.entry((spot, &ticket.request.service_id)).or_default().push(promise);
            }
        }
        let mut found = Vec::new();
        for ((spot, service), promises) in &promises {
            let ours = held.get(spot).filter(|holding| holding.service_id == *service);
            found.extend(kept(layer, promises, ours).map(|(ticket, problem)| Discrepancy {
                layer,
                spot: spot.clone(),
                relocation: Some(ticket),
                problem,
            }));
        }
        for (spot, holding) in held {
            let promised = promises.contains_key(&(spot.clone(), holding.service_id.as_str()));
            found.extend(self.explained(layer, spot, holding, promised).map(|problem| Discrepancy {
                layer,
                spot: spot.clone(),
                relocation: holding.relocation,
                problem,
            }));
        }
        found.sort_by(|one, other| one.spot.cmp(&other.spot));
        found
    }

    /// What a ticket promises on a layer, by spot. Where the layer sees no move, both ends are one promise.
    fn promises(&self, layer: Layer, ticket: &'a Ticket) -> Vec<(Spot, Promise<'a>)> {
        if self.moving.contains(ticket.request.service_id.as_str()) {
            return Vec::new();
        }
        let (old, new) = ends(layer, ticket);
        let promise = |end| Promise { ticket, end, allowed: holding::allowed(ticket, layer, end) };
        if old == new {
            return vec![(old, promise(End::Old))];
        }
        vec![(old, promise(End::Old)), (new, promise(End::New))]
    }

    /// Whether a holding is somebody's and says what its owner's ticket says; the problem if not.
    fn explained(&self, layer: Layer, spot: &Spot, holding: &Holding, promised: bool) -> Option<String> {
        let service = holding.service_id.as_str();
        if self.moving.contains(service) {
            return None;
        }
        let Some(owner) = holding.relocation else {
            let before = promised || holding.presence == Presence::Installed;
            return (!before).then(|| format!("{} of {service} that no ticket explains", state(holding)));
        };
        let Some(ticket) = self.known.get(&owner) else {
            return Some(format!("{} of {service} by a relocation that has no ticket", state(holding)));
        };
        let (_, new) = ends(layer, ticket);
        if ticket.request.service_id != service || new != *spot {
            return Some(format!("{} of {service} by a ticket that has nothing to do here", state(holding)));
        }
        misconfigured(layer, holding, ticket)
    }
}

fn ends(layer: Layer, ticket: &Ticket) -> (Spot, Spot) {
    let (old, new) = (&ticket.request.old, &ticket.request.new);
    match layer {
        Layer::L3 => (old.l3(), new.l3()),
        Layer::L2 => (old.l2(), new.l2()),
    }
}

/// Whether the promises of one circuit's tickets about one spot are kept; the ticket and the problem if not.
///
/// Of several tickets that changed something there the last one submitted counts: a place is put into service by one
/// and vacated by the next.
fn kept(layer: Layer, promises: &[Promise<'_>], ours: Option<&Holding>) -> Option<(RelocationId, String)> {
    let last = |changes: bool| {
        let some = promises.iter().filter(move |promise| promise.changes() == changes);
        some.max_by_key(|promise| (promise.ticket.submitted_at, promise.ticket.id))
    };
    let promise = last(true).or_else(|| last(false))?;
    let ticket = promise.ticket;
    let is = ours.map_or(Presence::Absent, |holding| holding.presence);
    let wrong = |what: String| Some((ticket.id, what));
    if !promise.allowed.contains(&is) {
        let may: Vec<&str> = promise.allowed.iter().copied().map(word).collect();
        let service = &ticket.request.service_id;
        return wrong(format!("{service} is {}, its ticket's statuses say {}", word(is), may.join(" or ")));
    }
    let owner = ours.and_then(|holding| holding.relocation);
    let put_here = promise.changes() && promise.end == End::New;
    // A later ticket that only moves the other layer says its own word about the same holding.
    let stays = |other: &Promise<'_>| Some(other.ticket.id) == owner && other.ticket.request.stays_on(layer);
    let owned = owner == Some(ticket.id) || promises.iter().any(stays);
    match is {
        Presence::Reserved | Presence::Installed if put_here && !owned => {
            let by = owner.map_or_else(|| "nobody".to_owned(), |id| id.to_string());
            wrong(format!("{} is {} by {by} instead", ticket.request.service_id, word(is)))
        }
        _ => None,
    }
}

/// What of a holding is not as its owner's ticket says. Half-made holdings promise nothing about their parameters.
fn misconfigured(layer: Layer, holding: &Holding, ticket: &Ticket) -> Option<String> {
    let request = &ticket.request;
    let addressed = match holding.presence {
        Presence::Installed => layer == Layer::L3,
        Presence::Reserved => false,
        Presence::Partial | Presence::Absent => return None,
    };
    let differences: Vec<String> = [
        ("description", Some(&holding.description), Some(&request.description)),
        ("address", holding.ip.as_ref(), Some(&request.ip).filter(|_| addressed)),
        ("vrf", holding.vrf.as_ref(), request.vrf.as_ref().filter(|_| addressed)),
    ]
    .into_iter()
    .filter(|(_, is, wanted)| is != wanted)
    .map(|(what, is, wanted)| format!("{what} is {}, expected {}", quoted(is), quoted(wanted)))
    .collect();
    if differences.is_empty() {
        return None;
    }
    Some(format!("{} of {}: {}", state(holding), holding.service_id, differences.join(", ")))
}

fn quoted(text: Option<&String>) -> String {
    text.map_or_else(|| "none".to_owned(), |text| format!("`{text}`"))
}

const fn word(presence: Presence) -> &'static str {
    match presence {
        Presence::Absent => "absent",
        Presence::Reserved => "reserved",
        Presence::Partial => "half there",
        Presence::Installed => "in service",
    }
}

const fn state(holding: &Holding) -> &'static str {
    match holding.presence {
        Presence::Absent => "an empty holding",
        Presence::Reserved => "a reservation",
        Presence::Partial => "a half-made holding",
        Presence::Installed => "a circuit in service",
    }
}
