//! What the open tickets tell of the devices: what they have in hand, what fails there, and whether they answer.
//!
//! Pure, and only what is in tickets: nobody asks a device because somebody looks at a page.

use std::collections::BTreeMap;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    id::RelocationId,
    lang::Lang,
    order::{Layer, OrderKind},
    reply::{Failure, Reason},
    ticket::{Out, Ticket},
};

/// Whether a device answers, by what its configurator tells of the orders it is at now: what failed once and is over tells
/// nothing of now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reachable {
    /// It can't be reached, or does not answer in time: an order is being tried again for that.
    No,
    /// It answers, if only to say that it is busy.
    Yes,
    /// No order tells.
    Unknown,
}

impl Reachable {
    /// The name on the wire.
    #[must_use]
    pub const fn wire(self) -> &'static str {
        match self {
            Self::No => "no",
            Self::Yes => "yes",
            Self::Unknown => "unknown",
        }
    }

    /// The word for people.
    #[must_use]
    pub fn label(self, lang: Lang) -> &'static str {
        match self {
            Self::No => lang.pick("not reached", "连不上"),
            Self::Yes => lang.pick("answers", "有应答"),
            Self::Unknown => lang.pick("no trouble known", "未见异常"),
        }
    }

    const fn by(failure: &Failure) -> Self {
        match failure.reason {
            Reason::Unreachable | Reason::TimedOut => Self::No,
            Reason::Locked | Reason::Conflict | Reason::Rejected => Self::Yes,
            // Nothing that the device said.
            Reason::Superseded | Reason::UnknownDevice | Reason::Other => Self::Unknown,
        }
    }
}

/// A failure told of a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Told {
    /// By which ticket.
    pub relocation: RelocationId,
    /// What failed.
    pub failure: Failure,
    /// When, at the latest.
    pub at: Timestamp,
    /// The other device it may have been: what goes over from one to the other does not say which.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub or: Option<String>,
    /// When it is tried again, if the configurator does so by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_at: Option<Timestamp>,
}

/// A device, as the open tickets tell of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Device {
    /// Gateway or switch.
    pub layer: Layer,
    /// Its name.
    pub name: String,
    /// Whether it answers.
    pub reachable: Reachable,
    /// Orders that are out to it.
    pub orders: u64,
    /// Of those, how many its configurator is trying again.
    pub retrying: u64,
    /// Of those, how many have not been answered by their deadlines.
    pub doubt: u64,
    /// Since when the oldest is out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// Open tickets that have to do with it.
    pub tickets: u64,
    /// The last failure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_failure: Option<Told>,
}

/// The devices there are, told ticket by ticket.
#[derive(Debug, Default)]
pub struct Fleet(BTreeMap<(Layer, String), Device>);

impl Fleet {
    /// Takes what an open ticket tells. A closed one tells nothing: what it met may be long past.
    pub fn hear(&mut self, ticket: &Ticket) {
        if ticket.state.is_closed() {
            return;
        }
        for layer in Layer::ALL {
            let (old, new) = (ticket.request.old.device(layer), ticket.request.new.device(layer));
            let moves = old != new;
            self.at(layer, new).hear(layer, ticket, moves.then_some(old));
            if moves {
                self.at(layer, old).hear(layer, ticket, Some(new));
            }
        }
    }

    /// All of them: those that do not answer first, then those that have most in hand.
    #[must_use]
    pub fn devices(self) -> Vec<Device> {
        let mut devices: Vec<Device> = self.0.into_values().collect();
        let trouble = |device: &Device| device.reachable == Reachable::No;
        devices.sort_by(|one, other| {
            (trouble(other), other.retrying + other.doubt, other.orders, other.tickets).cmp(&(
                trouble(one),
                one.retrying + one.doubt,
                one.orders,
                one.tickets,
            ))
        });
        devices
    }

    fn at(&mut self, layer: Layer, name: &str) -> &mut Device {
        self.0.entry((layer, name.to_owned())).or_insert_with(|| Device {
            layer,
            name: name.to_owned(),
            reachable: Reachable::Unknown,
            orders: 0,
            retrying: 0,
            doubt: 0,
            since: None,
            tickets: 0,
            last_failure: None,
        })
    }
}

impl Device {
    /// What a ticket tells of it; and the ticket's other device of this layer, if it has two.
    fn hear(&mut self, layer: Layer, ticket: &Ticket, other: Option<&str>) {
        self.tickets += 1;
        let is_new = ticket.request.new.device(layer) == self.name;
        // Before the cutover only the new place is touched.
        let touches = |both: bool| is_new || both;
        let told = |failure: &Failure, both: bool, next_at| Told {
            relocation: ticket.id,
            failure: failure.clone(),
            at: ticket.changed_at,
            or: other.filter(|_| both).map(str::to_owned),
            next_at,
        };
        let mut failed = None;
        let out = ticket.out(layer).filter(|out| out.order.kind != OrderKind::Notice);
        let goes_over = |out: &&Out| out.order.kind == OrderKind::Cutover;
        if let Some(out) = out.filter(|out| touches(goes_over(out))) {
            self.orders += 1;
            self.doubt += u64::from(out.inspect.is_some());
            self.since = Some(self.since.map_or(out.since, |since| since.min(out.since)));
            if let Some(retrying) = &out.retrying {
                self.retrying += 1;
                let it_is = !goes_over(&out) || other.is_none();
                let tells = if it_is { Reachable::by(&retrying.failure) } else { Reachable::Unknown };
                self.reachable = self.reachable.min(tells);
                failed = Some(told(&retrying.failure, goes_over(&out), Some(retrying.next_at)));
            }
        }
        let both = ticket.state.cutover.is_some();
        let before = ticket.last_failure.as_ref().filter(|(at, _)| *at == layer && touches(both));
        let failed = failed.or_else(|| before.map(|(_, failure)| told(failure, both, None)));
        let newer = |failed: &Told| self.last_failure.as_ref().is_none_or(|last| failed.at > last.at);
        if let Some(failed) = failed.filter(newer) {
            self.last_failure = Some(failed);
        }
    }
}
