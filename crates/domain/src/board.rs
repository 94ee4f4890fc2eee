//! What lists of tickets are: their lines, what filters them, in what order they stand, and where a page goes on.
//!
//! Pure: a store gives pages quicker than by asking each ticket, but gives what these functions say.

mod fault;

use std::cmp::Ordering;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::{
    attention::Standing,
    id::RelocationId,
    order::Layer,
    reply::Failure,
    request::{Place, Request, TEXT_LIMIT, Window},
    state::{State, Work},
    status::{Attention, CutoverStatus, Disposition, RelocationStatus, ReservationStatus},
    ticket::{Out, Retrying, Ticket},
};

pub use fault::Fault;

/// The most rows of a page: what a screen or a machine takes at once.
pub const MAX_LIMIT: usize = 1000;
/// The most rows a page may pass over before it begins; further down, go on from a cursor.
pub const MAX_SKIP: usize = 10_000;
/// The most tickets that are counted; beyond, a list says that there are more.
pub const MAX_COUNT: u64 = 10_000;
/// How long after a change's own instant it may come to be seen: longer than a commit is waited for, and than clocks of
/// one system differ.
pub const LAG: SignedDuration = SignedDuration::from_secs(30);

// ---------------------------------------------------------------------------------------------------------------
// Lines

/// An order that is out, as a list tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doing {
    /// By whom.
    pub layer: Layer,
    /// What.
    pub work: Work,
    /// The how-many-th order of its kind.
    pub attempt: u32,
    /// Since when.
    pub since: Timestamp,
    /// Until when it should be answered.
    pub deadline: Timestamp,
    /// Its deadline has passed, and it is being asked about.
    pub doubt: bool,
    /// The configurator's own retry, if it is at one: the how-many-th, why, and when next.
    pub retrying: Option<Retrying>,
}

/// A ticket as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its id.
    pub id: RelocationId,
    /// Its version.
    pub version: u64,
    /// The circuit.
    pub service_id: String,
    /// Whose.
    pub customer: String,
    /// From where.
    pub old: Place,
    /// To where.
    pub new: Place,
    /// The statuses, and what it waits for.
    pub standing: Standing,
    /// All of its finite part.
    pub state: State,
    /// The orders that are out.
    pub doing: Vec<Doing>,
    /// Its window, while it waits for that.
    pub window: Option<Window>,
    /// The last failure a configurator told.
    pub last_failure: Option<(Layer, Failure)>,
    /// The customer has no service.
    pub service_down: bool,
    /// When it was submitted.
    pub submitted_at: Timestamp,
    /// When it changed last: since then it waits.
    pub changed_at: Timestamp,
}

impl Line {
    /// A ticket's.
    #[must_use]
    pub fn of(ticket: &Ticket) -> Self {
        let standing = ticket.standing();
        let Request { service_id, customer, old, new, window, .. } = ticket.request.as_ref();
        Self {
            id: ticket.id,
            version: ticket.version,
            service_id: service_id.clone(),
            customer: customer.clone(),
            old: old.clone(),
            new: new.clone(),
            standing,
            state: ticket.state,
            doing: Layer::ALL.into_iter().filter_map(|layer| doing(ticket, layer)).collect(),
            window: window.filter(|_| standing.attention == Attention::WaitingForWindow),
            last_failure: ticket.last_failure.clone(),
            service_down: ticket.state.service_down(),
            submitted_at: ticket.submitted_at,
            changed_at: ticket.changed_at,
        }
    }
}

fn doing(ticket: &Ticket, layer: Layer) -> Option<Doing> {
    let flight = ticket.state.flight(layer)?;
    let out: &Out = ticket.out(layer)?;
    Some(Doing {
        layer,
        work: flight.work,
        attempt: out.order.attempt,
        since: out.since,
        deadline: out.awaited().deadline,
        doubt: flight.doubt,
        retrying: out.retrying.clone(),
    })
}

/// A row of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Listed {
    /// A ticket.
    Line(Box<Line>),
    /// One that is set aside or can't be read, where it last stood.
    SetAside {
        /// Which.
        id: RelocationId,
        /// Why.
        reason: String,
    },
}

impl Listed {
    /// Whose row it is.
    #[must_use]
    pub const fn id(&self) -> RelocationId {
        match self {
            Self::Line(line) => line.id,
            Self::SetAside { id, .. } => *id,
        }
    }
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    /// Its rows, in order.
    pub rows: Vec<Listed>,
    /// Where it goes on; none at the list's end.
    pub next: Option<Cursor>,
}

/// How many there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// So many, or at least so many.
    pub tickets: u64,
    /// Not more than that.
    pub exact: bool,
}

// ---------------------------------------------------------------------------------------------------------------
// Filters

/// A device by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// This one.
    Exactly(String),
    /// All whose names begin so.
    StartsWith(String),
}

impl Named {
    /// What is written.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Exactly(text) | Self::StartsWith(text) => text,
        }
    }

    fn names(&self, device: &str) -> bool {
        match self {
            Self::Exactly(name) => device == name,
            Self::StartsWith(start) => device.starts_with(start),
        }
    }
}

/// From when until when, to the microsecond; open where nothing is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span {
    /// From then on.
    pub since: Option<Timestamp>,
    /// Before then.
    pub until: Option<Timestamp>,
}

impl Span {
    /// All the time there is.
    pub const EVER: Self = Self { since: None, until: None };

    fn holds(&self, at: Timestamp) -> bool {
        let at = micros(at);
        self.since.is_none_or(|since| micros(since) <= at)
            && self.until.is_none_or(|until| at < micros(until))
    }
}

/// Which tickets: those that every given part lets in. An empty list lets everything in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// One of these relocation statuses.
    pub relocation: Vec<RelocationStatus>,
    /// One of these reservation statuses, or unset.
    pub reservation: Vec<Option<ReservationStatus>>,
    /// One of these cutover statuses, or unset.
    pub cutover: Vec<Option<CutoverStatus>>,
    /// Open, or closed in one of these ways.
    pub disposition: Vec<Disposition>,
    /// Waiting for one of these.
    pub attention: Vec<Attention>,
    /// With this device among the four.
    pub device: Option<Named>,
    /// This customer's.
    pub customer: Option<String>,
    /// With this text in what was asked for ([`told`]), whatever the case of its letters.
    pub text: Option<String>,
    /// Last changed then.
    pub changed: Span,
    /// Submitted then.
    pub submitted: Span,
}

impl Filter {
    /// Whether tickets that stand so may be let in.
    #[must_use]
    pub fn admits_standing(&self, standing: &Standing) -> bool {
        fn one<T: PartialEq>(of: &[T], is: &T) -> bool {
            of.is_empty() || of.contains(is)
        }
        one(&self.relocation, &standing.relocation)
            && one(&self.reservation, &standing.reservation)
            && one(&self.cutover, &standing.cutover)
            && one(&self.disposition, &standing.disposition)
            && one(&self.attention, &standing.attention)
    }

    /// Whether it lets in tickets however they stand.
    #[must_use]
    pub const fn any_standing(&self) -> bool {
        self.relocation.is_empty()
            && self.reservation.is_empty()
            && self.cutover.is_empty()
            && self.disposition.is_empty()
            && self.attention.is_empty()
    }

    /// Whether it lets a ticket in.
    #[must_use]
    pub fn admits(&self, ticket: &Ticket) -> bool {
        let request = ticket.request.as_ref();
        self.admits_standing(&ticket.standing())
            && self.changed.holds(ticket.changed_at)
            && self.submitted.holds(ticket.submitted_at)
            && self.customer.as_ref().is_none_or(|customer| *customer == request.customer)
            && self
                .device
                .as_ref()
                .is_none_or(|named| devices(request).into_iter().any(|device| named.names(device)))
            && self.text.as_ref().is_none_or(|text| {
                let text = folded(text);
                told(request).any(|field| folded(field).contains(&text))
            })
    }

    /// What is wrong with it, by field.
    #[must_use]
    pub fn faults(&self) -> Vec<(&'static str, Fault)> {
        let device = self.device.as_ref().map(Named::text);
        [("device", device), ("customer", self.customer.as_deref()), ("text", self.text.as_deref())]
            .into_iter()
            .filter_map(|(field, text)| {
                let (text, length) = (text?, text?.chars().count());
                let fault = if length == 0 {
                    Fault::Empty
                } else if length > TEXT_LIMIT {
                    Fault::TooLong(length)
                } else if text.chars().any(char::is_control) {
                    Fault::Control
                } else {
                    return None;
                };
                Some((field, fault))
            })
            .collect()
    }
}

/// The four devices of a request.
#[must_use]
pub fn devices(request: &Request) -> [&str; 4] {
    let Request { old, new, .. } = request;
    [&old.l3_device, &old.l2_device, &new.l3_device, &new.l2_device].map(String::as_str)
}

/// The fields of a request that free text is looked for in.
pub fn told(request: &Request) -> impl Iterator<Item = &str> {
    let Request { service_id, customer, old, new, ip, vrf, description, .. } = request;
    let ports = [&old.l3_port, &old.l2_port, &new.l3_port, &new.l2_port];
    [service_id, customer, description, ip]
        .into_iter()
        .chain(ports)
        .chain(vrf)
        .map(String::as_str)
        .chain(devices(request))
}

/// A text without the case of its letters. Letter by letter, so that what is part of a text stays part of it.
#[must_use]
pub fn folded(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

// ---------------------------------------------------------------------------------------------------------------
// Order

/// By what a list is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SortBy {
    /// What it waits for, the most urgent first; among those, who has waited longest, but of the closed the latest. What
    /// stands as this binary does not know comes before all: somebody has to look.
    #[default]
    Urgency,
    /// When it changed last.
    Changed,
    /// When it was submitted.
    Submitted,
    /// The service id, by its bytes.
    Service,
    /// The customer, by the name's bytes.
    Customer,
}

/// How a list is sorted. What is alike stands by id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct Order {
    /// By what.
    pub by: SortBy,
    /// The other way round.
    pub descending: bool,
}

/// What a row is sorted by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Key {
    /// How urgent ([`rank`]), and when it changed last.
    Urgency(i16, i64),
    /// When it changed last, in microseconds since 1970.
    Changed(i64),
    /// When it was submitted, in microseconds since 1970.
    Submitted(i64),
    /// Its service id.
    Service(String),
    /// Its customer.
    Customer(String),
}

/// A row's place in a list, from which the list can be gone on with, whichever way: to page backwards, ask for the
/// other order after the first row's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// What it is sorted by.
    pub key: Key,
    /// Whose row.
    pub id: RelocationId,
}

impl Cursor {
    /// A ticket's place in a list.
    #[must_use]
    pub fn of(by: SortBy, ticket: &Ticket) -> Self {
        let changed = micros(ticket.changed_at);
        let key = match by {
            SortBy::Urgency => Key::Urgency(ticket.attention() as i16, changed),
            SortBy::Changed => Key::Changed(changed),
            SortBy::Submitted => Key::Submitted(micros(ticket.submitted_at)),
            SortBy::Service => Key::Service(ticket.request.service_id.clone()),
            SortBy::Customer => Key::Customer(ticket.request.customer.clone()),
        };
        Self { key, id: ticket.id }
    }

    /// Before all that changed at an instant or later.
    #[must_use]
    pub fn changed(at: Timestamp) -> Self {
        Self { key: Key::Changed(micros(at) - 1), id: RelocationId(uuid::Uuid::max()) }
    }

    /// What its list is sorted by.
    #[must_use]
    pub const fn by(&self) -> SortBy {
        match self.key {
            Key::Urgency(..) => SortBy::Urgency,
            Key::Changed(_) => SortBy::Changed,
            Key::Submitted(_) => SortBy::Submitted,
            Key::Service(_) => SortBy::Service,
            Key::Customer(_) => SortBy::Customer,
        }
    }
}

impl Order {
    /// Which of two places of one list comes first.
    #[must_use]
    pub fn compare(self, one: &Cursor, other: &Cursor) -> Ordering {
        let by_id = one.id.cmp(&other.id);
        let ascending = match (&one.key, &other.key) {
            (Key::Urgency(rank, at), Key::Urgency(other, than)) => rank.cmp(other).then_with(|| {
                let by_age = at.cmp(than).then(by_id);
                if latest_first(*rank) { by_age.reverse() } else { by_age }
            }),
            (Key::Changed(one), Key::Changed(other)) | (Key::Submitted(one), Key::Submitted(other)) => {
                one.cmp(other).then(by_id)
            }
            (Key::Service(one), Key::Service(other)) | (Key::Customer(one), Key::Customer(other)) => {
                one.cmp(other).then(by_id)
            }
            // Of different lists: nothing to compare.
            _ => by_id,
        };
        if self.descending { ascending.reverse() } else { ascending }
    }
}

/// How urgent a stored standing is, the most urgent first: its [`Attention`], and before all what this binary does not
/// know.
#[must_use]
pub fn rank(code: i16) -> i16 {
    Standing::of(code).map_or(-1, |standing| standing.attention as i16)
}

/// Whether of those of a rank the latest change comes first.
#[must_use]
pub const fn latest_first(rank: i16) -> bool {
    rank == Attention::Closed as i16
}

/// An instant as lists go by it: in microseconds since 1970, never later than it is.
#[must_use]
pub fn micros(at: Timestamp) -> i64 {
    // Every timestamp there is, in microseconds, fits many times over.
    i64::try_from(at.as_nanosecond().div_euclid(1000)).unwrap_or(i64::MAX)
}

/// What page of what list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// Which tickets.
    pub filter: Filter,
    /// In what order.
    pub order: Order,
    /// After this place; none from the beginning.
    pub after: Option<Cursor>,
    /// Passing over so many first, up to [`MAX_SKIP`].
    pub skip: usize,
    /// So many rows, from 1 to [`MAX_LIMIT`].
    pub limit: usize,
}

impl Default for Look {
    /// The first fifty, the most urgent first.
    fn default() -> Self {
        Self { filter: Filter::default(), order: Order::default(), after: None, skip: 0, limit: 50 }
    }
}

impl Look {
    /// What is wrong with it, by field.
    #[must_use]
    pub fn faults(&self) -> Vec<(&'static str, Fault)> {
        let mut faults = self.filter.faults();
        if !(1..=MAX_LIMIT).contains(&self.limit) {
            faults.push(("limit", Fault::Limit(self.limit)));
        }
        if self.skip > MAX_SKIP {
            faults.push(("offset", Fault::Skip(self.skip)));
        }
        if self.after.as_ref().is_some_and(|after| after.by() != self.order.by) {
            faults.push(("after", Fault::OtherOrder));
        }
        faults
    }
}
