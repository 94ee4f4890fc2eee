//! The supervisor: the one writer of tickets.
//!
//! Its loop: take what has queued up (a batch, never waiting when idle) → step each input (pure) → commit all entries
//! in one transaction → send the entries' messages → acknowledge the inputs. A crash anywhere only makes an input come
//! again; its id is found in the journal, and the recorded messages are sent again, not recomputed.
//!
//! Any number of supervisors may run: the ticket's version guards each commit, and what has moved on meanwhile is loaded
//! and stepped anew. One that has not met another lately keeps tickets in memory between batches. One bad input never stops
//! the rest: what can't be committed together is done alone.

mod alone;
mod delivery;
mod effects;
mod gauge;
mod give_back;
mod waiting;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use rehome_domain::{
    command::By,
    id::RelocationId,
    journal::Entry,
    message::Input,
    ports::{Acks, Bus, Change, Committed, Delivery, Incoming, Inputs, Loaded, StoreError, TicketStore},
    step::{Context, Stepped, step},
    ticket::Ticket,
};
use rustc_hash::{FxHashMap, FxHashSet};
use tokio::time::Instant;

use self::{delivery::Led, effects::effects, give_back::Newer, waiting::Waiting};
use crate::{Now, helm::Helm, metrics, trace::Traced};

pub(crate) use self::effects::quarantined;
pub use self::gauge::Gauge;

/// How often a supervisor that is full, or has nothing to do, looks whether others have ended what it has begun. Short,
/// because meanwhile new work waits or figures are wrong; long enough not to be noticed in the store.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// For how long one that has met another's work begins each batch with a fresh look at its tickets. What is found to have moved on
/// is done one by one, which is slow: for one batch in so long that is nothing.
const OTHERS: Duration = Duration::from_secs(60);

/// What a supervisor is made of.
#[derive(Clone)]
pub struct SupervisorParts {
    /// The tickets.
    pub tickets: Arc<dyn TicketStore>,
    /// The bus.
    pub bus: Arc<dyn Bus>,
    /// Inputs committed together at most.
    pub batch: usize,
    /// Relocations with orders out at once; while there are as many, new work waits on the bus.
    pub in_flight: usize,
    /// Other supervisors may work on the same tickets.
    pub shared: bool,
    /// What is paused.
    pub helm: Arc<Helm>,
    /// The clock.
    pub now: Now,
    /// What others see of it, and its brake.
    pub gauge: Arc<Gauge>,
}

/// Supervises until the bus closes and what was in hand is delivered.
///
/// From the call on, before it is first polled, the bus knows that somebody takes the inputs.
pub fn supervise(parts: SupervisorParts) -> impl Future<Output = ()> + Send {
    let inputs = parts.bus.inputs();
    take_inputs(inputs, parts)
}

async fn take_inputs(mut inputs: Box<dyn Inputs>, parts: SupervisorParts) {
    let (queue, delivering) = delivery::start(Arc::clone(&parts.bus), inputs.acks());
    let mut supervisor = Supervisor::new(parts, inputs.acks());
    loop {
        if supervisor.try_again().await {
            supervisor.parts.gauge.count(supervisor.flying.len());
            if queue.send(std::mem::take(&mut supervisor.led)).await.is_err() {
                break;
            }
        }
        let room = supervisor.has_room();
        if !room && supervisor.parts.shared {
            supervisor.look_again().await;
        }
        let next = inputs.next(supervisor.parts.batch, room);
        let Ok(next) = tokio::time::timeout(supervisor.waiting.rest(LOOK_AGAIN), next).await else {
            if supervisor.parts.shared && !supervisor.flying.is_empty() {
                supervisor.look_again().await;
            }
            continue;
        };
        let Some(batch) = next else { break };
        let led = supervisor.take(batch).await;
        supervisor.parts.gauge.count(supervisor.flying.len());
        if queue.send(led).await.is_err() {
            break;
        }
    }
    drop(queue);
    if let Err(error) = delivering.await {
        tracing::error!(%error, "delivering ended before its time");
    }
}

/// The supervisor's state between batches.
struct Supervisor {
    parts: SupervisorParts,
    acks: Arc<dyn Acks>,
    /// What the batch in hand leads to.
    led: Led,
    /// Tickets in flight or lately touched, as last committed. A copy: the store's version decides.
    known: FxHashMap<RelocationId, Arc<Ticket>>,
    /// Which of them have orders out.
    flying: FxHashSet<RelocationId>,
    /// When others' work was last looked at.
    looked: Option<Instant>,
    /// When a ticket was last found to have been moved on by another supervisor.
    met: Option<Instant>,
    /// Tickets left to newer supervisors.
    newer: Newer,
    /// Tickets over which the store is in trouble.
    waiting: Waiting,
}

/// A step ready to be committed.
struct Prepared {
    /// Which input of the batch.
    index: usize,
    change: Change,
    /// The order it settles.
    answered: Option<metrics::Answered>,
    traced: Traced,
}

impl Supervisor {
    fn new(parts: SupervisorParts, acks: Arc<dyn Acks>) -> Self {
        let (known, flying, newer, waiting) = Default::default();
        Self { parts, acks, led: Led::default(), known, flying, looked: None, met: None, newer, waiting }
    }

    /// Whether new work may begin.
    fn has_room(&self) -> bool {
        let full = self.flying.len() >= self.parts.in_flight || self.waiting.is_full();
        !full && !self.parts.gauge.is_draining()
    }

    /// Takes a batch of inputs to their effect. Answers what is to be sent, and what to acknowledge then.
    async fn take(&mut self, batch: Vec<Delivery<Incoming>>) -> Led {
        self.led.tags = batch.iter().map(|delivery| delivery.tag).collect();
        let (behind, batch): (Vec<_>, Vec<_>) =
            batch.into_iter().partition(|delivery| self.waiting.has(delivery.message.envelope.relocation));
        for delivery in &behind {
            self.let_wait(delivery);
        }
        let alone = match self.together(&batch).await {
            Ok(alone) => alone,
            Err(error) => {
                tracing::warn!(%error, inputs = batch.len(), "a batch failed and is done one by one");
                for delivery in &batch {
                    self.doubt(delivery.message.envelope.relocation);
                }
                (0..batch.len()).collect()
            }
        };
        for index in alone {
            if let Some(delivery) = batch.get(index) {
                self.alone(delivery).await;
            }
        }
        self.trim();
        std::mem::take(&mut self.led)
    }

    /// Steps and commits a batch in one transaction. Answers which inputs must be done alone.
    async fn together(&mut self, batch: &[Delivery<Incoming>]) -> Result<Vec<usize>, StoreError> {
        let mut alone = self.load_missing(batch).await?;
        if batch.iter().any(|delivery| delivery.message.envelope.input == Input::Unpaused) {
            // The helm that sent it may have heard of the resume before this one.
            self.parts.helm.look().await?;
        }
        let mut prepared = Vec::with_capacity(batch.len());
        for (index, Delivery { message: incoming, trace, .. }) in batch.iter().enumerate() {
            if alone.contains(&index) {
                continue;
            }
            let ticket = self.known.get(&incoming.envelope.relocation).map(Arc::as_ref);
            match self.step(ticket, incoming, None) {
                Some(Stepped::Journaled(stepped)) => {
                    let change = change(*stepped);
                    let answered = metrics::answered(ticket, &change.ticket, &change.entry);
                    self.remember(&change.ticket);
                    let traced = Traced::step(incoming, trace.clone());
                    prepared.push(Prepared { index, change, answered, traced });
                }
                // These need the store's latest word before they are believed.
                Some(Stepped::Void | Stepped::Rejected(_) | Stepped::Early(_)) | None => alone.push(index),
            }
        }
        alone.extend(self.commit(batch, prepared).await?);
        alone.sort_unstable();
        Ok(alone)
    }

    /// Reads the tickets this batch needs and memory does not have. Answers the inputs whose ticket can't be read.
    async fn load_missing(&mut self, batch: &[Delivery<Incoming>]) -> Result<Vec<usize>, StoreError> {
        let mut ids: Vec<RelocationId> = batch
            .iter()
            .filter(|delivery| !is_submission(&delivery.message))
            .map(|delivery| delivery.message.envelope.relocation)
            .filter(|id| !self.known.contains_key(id))
            .collect();
        ids.sort_unstable();
        ids.dedup();
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let loaded = self.parts.tickets.load(ids.clone()).await?;
        let mut unreadable = FxHashSet::default();
        for (id, loaded) in ids.into_iter().zip(loaded) {
            match loaded {
                Loaded::Ticket(ticket) => self.remember(&Arc::from(ticket)),
                Loaded::Unreadable(_) => {
                    unreadable.insert(id);
                }
                Loaded::Missing => {}
            }
        }
        let touched = batch
            .iter()
            .enumerate()
            .filter(|(_, delivery)| unreadable.contains(&delivery.message.envelope.relocation));
        Ok(touched.map(|(index, _)| index).collect())
    }

    async fn commit(
        &mut self,
        batch: &[Delivery<Incoming>],
        prepared: Vec<Prepared>,
    ) -> Result<Vec<usize>, StoreError> {
        if prepared.is_empty() {
            return Ok(Vec::new());
        }
        let changes = prepared.iter().map(|prepared| prepared.change.clone()).collect();
        let results = self.timed_commit(changes).await?;
        let (mut alone, mut seen) = (Vec::new(), Vec::new());
        for (Prepared { index, change, answered, traced }, result) in prepared.into_iter().zip(results) {
            if result == Committed::Done {
                let incoming = batch.get(index).map(|delivery| &delivery.message);
                self.take_effect(&change, incoming, answered, &traced);
            } else {
                self.doubt(change.ticket.id);
                if result == Committed::Stale {
                    self.met = Some(Instant::now());
                }
                if result == Committed::Seen { seen.push(index) } else { alone.push(index) }
            }
        }
        let came_again: Vec<_> = seen.iter().filter_map(|index| batch.get(*index)).collect();
        if let Err(error) = self.say_again(&came_again).await {
            tracing::warn!(%error, inputs = seen.len(), "what came again is looked at one by one");
            alone.extend(seen);
        }
        Ok(alone)
    }

    /// A committed change: what it sends goes out, and is counted.
    fn take_effect(
        &mut self,
        change: &Change,
        incoming: Option<&Incoming>,
        answered: Option<metrics::Answered>,
        traced: &Traced,
    ) {
        metrics::took_effect(&change.ticket, &change.entry, answered);
        traced.became(&change.ticket, &change.entry);
        let trace = traced.leads();
        let sent = effects(&change.ticket, &change.entry, incoming).into_iter();
        self.led.messages.extend(sent.map(|message| message.traced(trace.clone())));
    }

    async fn timed_commit(&self, changes: Vec<Change>) -> Result<Vec<Committed>, StoreError> {
        let (inputs, begun) = (changes.len(), Instant::now());
        let results = self.parts.tickets.commit(changes).await?;
        metrics::committed(inputs, begun.elapsed());
        Ok(results)
    }

    /// Steps, and keeps a defect in the step from taking everyone else's tickets along. None: it panicked.
    fn step(
        &self,
        ticket: Option<&Ticket>,
        incoming: &Incoming,
        held_by: Option<RelocationId>,
    ) -> Option<Stepped> {
        let request = match (&incoming.envelope.input, ticket) {
            (Input::Submitted { request }, _) => Some(request),
            (_, Some(ticket)) => Some(&ticket.request),
            (_, None) => None,
        };
        let paused = request.and_then(|request| self.parts.helm.paused(request));
        let domain = match (&incoming.envelope.input, &incoming.envelope.by) {
            (Input::Reply(reply), By::Configurator { domain: Some(_), .. }) => {
                request.map(|request| self.parts.helm.domain_of(request.new.device(reply.layer)))
            }
            _ => None,
        };
        let context = Context { at: (self.parts.now)(), held_by, paused, domain };
        catch_unwind(AssertUnwindSafe(|| step(ticket, &incoming.envelope, &context))).ok()
    }

    fn remember(&mut self, ticket: &Arc<Ticket>) {
        self.newer.forget(ticket.id);
        if ticket.state.in_flight() {
            self.flying.insert(ticket.id);
        } else {
            self.flying.remove(&ticket.id);
        }
        if ticket.state.is_closed() {
            self.known.remove(&ticket.id);
        } else {
            self.known.insert(ticket.id, Arc::clone(ticket));
        }
    }

    /// The store is to be asked for it. Until it answers, which may take long, it counts as in flight if it did.
    fn doubt(&mut self, id: RelocationId) {
        self.known.remove(&id);
    }

    /// Others may have ended what this one has begun: asks the store, at most once in [`LOOK_AGAIN`].
    async fn look_again(&mut self) {
        if self.looked.is_some_and(|looked| looked.elapsed() < LOOK_AGAIN) {
            return;
        }
        self.looked = Some(Instant::now());
        let ids: Vec<RelocationId> = self.flying.iter().copied().collect();
        match self.parts.tickets.load(ids.clone()).await {
            Ok(loaded) => {
                for (id, loaded) in ids.into_iter().zip(loaded) {
                    if !matches!(loaded, Loaded::Ticket(ticket) if ticket.state.in_flight()) {
                        self.flying.remove(&id);
                        self.doubt(id);
                    }
                }
                self.parts.gauge.count(self.flying.len());
            }
            Err(error) => tracing::warn!(%error, "what is in flight could not be read"),
        }
    }

    /// Keeps memory bounded: tickets at rest are dropped once there are too many; the store has them. Where others are at them too
    /// it has newer ones soon.
    fn trim(&mut self) {
        if self.met.is_some_and(|met| met.elapsed() < OTHERS) {
            self.known.clear();
        }
        if self.known.len() > self.parts.in_flight.saturating_mul(2).max(1024) {
            let flying = &self.flying;
            self.known.retain(|id, _| flying.contains(id));
        }
    }
}

fn is_submission(incoming: &Incoming) -> bool {
    matches!(incoming.envelope.input, Input::Submitted { .. })
}

fn change((ticket, entry): (Ticket, Entry)) -> Change {
    Change { locked: ticket.state.needs_lock(), ticket: Arc::new(ticket), entry: Arc::new(entry) }
}
