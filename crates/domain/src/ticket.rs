//! One relocation's ticket: the finite [`State`] and what goes with it.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    command::By,
    event::{Alarm, Event},
    id::{RelocationId, WorkOrderId},
    order::{Dispatch, Layer, OrderKind},
    plan::{SeenPlan, SpotHeld},
    reply::Failure,
    request::Request,
    state::State,
    status::RelocationStatus,
};

/// The version of a stored ticket; a newer binary reads all older ones.
pub const TICKET_VERSION: u16 = HELD_VERSION;
/// What every binary reads.
pub(crate) const FIRST_VERSION: u16 = 1;
/// A cutover is or was held: a binary that knows nothing of that would close the ticket, and the gateway take the cutover back.
pub(crate) const HELD_VERSION: u16 = 2;

/// An order that is out, and what is known of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Out {
    /// The order. While L2's report of its own rollback is awaited, this is the `reserve` it belongs to.
    pub order: Dispatch,
    /// Since when.
    pub since: Timestamp,
    /// The `inspect` that asks about it, once in doubt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inspect: Option<Dispatch>,
    /// The configurator met a transient failure and tries again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retrying: Option<Retrying>,
}

impl Out {
    /// The order whose answer is awaited now: the `inspect` if in doubt.
    #[must_use]
    pub fn awaited(&self) -> &Dispatch {
        self.inspect.as_ref().unwrap_or(&self.order)
    }
}

/// A configurator's own retry of a transient failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retrying {
    /// The try that failed, from 1.
    pub attempt: u32,
    /// What it met.
    pub failure: Failure,
    /// When it tries again.
    pub next_at: Timestamp,
}

/// When the customer was without service, by the clocks of the configurators (promise 6): from just before the old place was
/// taken out until the new one had been read back as in service. So it is never told too short, but for clocks that differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Outage {
    /// From when on.
    pub from: Timestamp,
    /// Until when; none: it lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

impl Outage {
    /// How long, if it is over; none too if it would have ended before it began, since then the clocks of the configurators
    /// differ by more than it lasted.
    #[must_use]
    pub fn lasted(&self) -> Option<Duration> {
        Duration::try_from(self.until?.duration_since(self.from)).ok()
    }

    /// The same in milliseconds.
    #[must_use]
    pub fn ms(&self) -> Option<u64> {
        u64::try_from(self.lasted()?.as_millis()).ok()
    }
}

/// How many orders of each kind were sent to each layer.
///
/// In JSON two lists in [`OrderKind::ALL`]'s order, which end where nothing but noughts follows, but not before the six kinds that
/// there were at first: binaries that know no other read them too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(from = "[Vec<u32>; 2]", into = "[Vec<u32>; 2]")]
pub struct Sent([[u32; OrderKind::ALL.len()]; 2]);

/// How many kinds of orders there were at first.
const FIRST_KINDS: usize = 6;

impl Sent {
    /// Of this kind, to this layer.
    #[must_use]
    pub const fn of(&self, layer: Layer, kind: OrderKind) -> u32 {
        self.0[layer as usize][kind as usize]
    }

    /// Whether this layer was sent any.
    #[must_use]
    pub fn any(&self, layer: Layer) -> bool {
        self.0[layer as usize].iter().any(|sent| *sent > 0)
    }

    /// One more; answers the how-many-th it is.
    pub(crate) const fn count(&mut self, layer: Layer, kind: OrderKind) -> u32 {
        let sent = &mut self.0[layer as usize][kind as usize];
        *sent += 1;
        *sent
    }
}

impl From<[Vec<u32>; 2]> for Sent {
    fn from(lists: [Vec<u32>; 2]) -> Self {
        Self(lists.map(|list| std::array::from_fn(|kind| list.get(kind).copied().unwrap_or_default())))
    }
}

impl From<Sent> for [Vec<u32>; 2] {
    fn from(Sent(lists): Sent) -> Self {
        lists.map(|list| {
            let said = list.iter().rposition(|sent| *sent > 0).map_or(0, |last| last + 1);
            list.into_iter().take(said.max(FIRST_KINDS)).collect()
        })
    }
}

/// A manual act (promise 5): who, when, why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Act {
    /// Who.
    pub by: By,
    /// When.
    pub at: Timestamp,
    /// Why.
    pub reason: String,
}

/// One relocation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    /// Version of this form.
    pub v: u16,
    /// Its id.
    pub id: RelocationId,
    /// How many journal entries it has; the last one's sequence. Entries count from 1.
    pub version: u64,
    /// What was asked for.
    pub request: Arc<Request>,
    /// Where it stands.
    pub state: State,
    /// L3's order that is out. Invariant: present exactly when `state.l3` is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub l3: Option<Out>,
    /// L2's order that is out. Invariant: present exactly when `state.l2` is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub l2: Option<Out>,
    /// How many orders of each kind were sent, by layer and [`OrderKind`], to number the attempts.
    pub sent: Sent,
    /// The last order each layer has answered: what comes again about it is a duplicate.
    pub answered: [Option<WorkOrderId>; 2],
    /// When it was submitted.
    pub submitted_at: Timestamp,
    /// When it last changed: with its last entry, unless that was a refusal or a reply that counted for nothing.
    pub changed_at: Timestamp,
    /// Who forced the reservation, if someone did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forced_reservation: Option<Act>,
    /// Who forced the completion, if someone did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forced_completion: Option<Act>,
    /// Who cancelled, if someone did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancelled: Option<Act>,
    /// The last failure a configurator told, for whoever looks at the ticket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_failure: Option<(Layer, Failure)>,
    /// The cutover window has been used or missed.
    #[serde(default)]
    pub window_over: bool,
    /// It was submitted while its devices were paused, and begins by itself when they are no longer.
    #[serde(default)]
    pub held_back: bool,
    /// The plan that its cutovers go by, if somebody has seen one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Box<SeenPlan>>,
    /// How long the customer was without service, as far as the configurators measured it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outage: Option<Outage>,
}

impl Ticket {
    /// The order a layer has out.
    #[must_use]
    pub fn out(&self, layer: Layer) -> Option<&Out> {
        match layer {
            Layer::L3 => self.l3.as_ref(),
            Layer::L2 => self.l2.as_ref(),
        }
    }

    pub(crate) fn out_mut(&mut self, layer: Layer) -> &mut Option<Out> {
        match layer {
            Layer::L3 => &mut self.l3,
            Layer::L2 => &mut self.l2,
        }
    }

    /// When the clock has something to say to this ticket: the earliest deadline, or the start of its window.
    #[must_use]
    pub fn due(&self) -> Option<Timestamp> {
        let deadlines =
            Layer::ALL.into_iter().filter_map(|layer| self.out(layer)).map(|out| out.awaited().deadline);
        deadlines.chain(self.window_due()).min()
    }

    /// When its window lets the cutover deploy by itself. A forced ticket waits for a person all the same.
    #[must_use]
    pub fn window_due(&self) -> Option<Timestamp> {
        let waits = self.state.relocation == RelocationStatus::CutoverPending
            && self.state.cutover.is_none()
            && !self.state.is_closed()
            && self.l3.is_none()
            && self.forced_reservation.is_none()
            && !self.window_over;
        self.request.window.filter(|_| waits).map(|window| window.start)
    }

    /// How long an order of this kind may stay unanswered.
    #[must_use]
    pub fn allowance(&self, kind: OrderKind) -> SignedDuration {
        SignedDuration::from_millis(i64::from(kind.allowance_ms(&self.request.deadlines)))
    }

    /// Whether a plan says what the gateways of this relocation hold, and of nothing else.
    #[must_use]
    pub fn is_plan_of_it(&self, plan: &SeenPlan) -> bool {
        let mut spots = vec![self.request.old.l3(), self.request.new.l3()];
        spots.dedup();
        plan.expected.len() == spots.len()
            && spots.iter().all(|spot| plan.expected.iter().any(|expected| expected.spot == *spot))
    }

    /// Whether its cutover is held, or was.
    pub(crate) fn has_been_held(&self) -> bool {
        let ended = |kind| self.sent.of(Layer::L3, kind) > 0;
        self.state.held || ended(OrderKind::Confirm) || ended(OrderKind::TakeBack)
    }

    /// What its gateways are expected to hold when its cutover begins, by the plan that it goes by. Where a reservation was
    /// forced, nobody knows what is left of it at the new place.
    #[must_use]
    pub fn expected(&self) -> Vec<SpotHeld> {
        let plan = self.plan.iter().flat_map(|plan| &plan.expected);
        let forced = self.forced_reservation.is_some();
        plan.filter(|expected| !(forced && expected.spot == self.request.new.l3())).cloned().collect()
    }

    /// Whether this is the ticket that a replay of its journal has given.
    ///
    /// But for when it last changed: binaries of before counted entries that changed nothing too, and what they wrote down
    /// stays until the next change.
    #[must_use]
    pub fn is_the_replayed(&self, replayed: &Self) -> bool {
        *replayed == Self { changed_at: replayed.changed_at, ..self.clone() }
    }

    /// What the world is told after an entry that raised these alarms.
    #[must_use]
    pub fn event(&self, alarms: &[Alarm]) -> Event {
        Event {
            relocation: self.id,
            seq: self.version,
            at: self.changed_at,
            service_id: self.request.service_id.clone(),
            status: self.state.relocation,
            reservation: self.state.reservation,
            cutover: self.state.cutover,
            disposition: self.state.disposition,
            in_flight: self.state.in_flight(),
            outage: self.outage,
            alarms: alarms.to_vec(),
        }
    }
}
