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
    order::Layer,
    reply::{Failure, Reason},
    ticket::Ticket,
};

/// Whether a device answers, by the last that was told of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reachable {
    /// It could not be reached, or did not answer in time.
    No,
    /// It answered, if only to refuse.
    Yes,
    /// No open ticket tells.
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
            Reason::Locked
            | Reason::Conflict
            | Reason::Rejected
            | Reason::Superseded
            | Reason::UnknownDevice
            | Reason::Other => Self::Yes,
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
            self.at(layer, new).tickets += 1;
            if old != new {
                self.at(layer, old).tickets += 1;
            }
            // Orders, and what becomes of them, are told of the new place's device, as their queue is its.
            self.at(layer, new).hear(layer, ticket);
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
    fn hear(&mut self, layer: Layer, ticket: &Ticket) {
        let told = |failure: &Failure, next_at| Told {
            relocation: ticket.id,
            failure: failure.clone(),
            at: ticket.changed_at,
            next_at,
        };
        let mut failed = None;
        if let Some(out) = ticket.out(layer) {
            self.orders += 1;
            self.doubt += u64::from(out.inspect.is_some());
            self.since = Some(self.since.map_or(out.since, |since| since.min(out.since)));
            if let Some(retrying) = &out.retrying {
                self.retrying += 1;
                failed = Some(told(&retrying.failure, Some(retrying.next_at)));
            }
        }
        let before = || ticket.last_failure.as_ref().filter(|(at, _)| *at == layer);
        let failed = failed.or_else(|| before().map(|(_, failure)| told(failure, None)));
        let newer = |failed: &Told| self.last_failure.as_ref().is_none_or(|last| failed.at > last.at);
        if let Some(failed) = failed.filter(newer) {
            self.reachable = Reachable::by(&failed.failure);
            self.last_failure = Some(failed);
        }
    }
}
