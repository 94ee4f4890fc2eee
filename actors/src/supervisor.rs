//! The supervisor: the one writer of tickets.
//!
//! Its loop: take what has queued up (a batch, never waiting when idle) → step each input (pure) → commit all entries
//! in one transaction → send the entries' messages → acknowledge the inputs. A crash anywhere only makes an input come
//! again; its id is found in the journal, and the recorded messages are sent again, not recomputed.
//!
//! Any number of supervisors may run: the ticket's version guards each commit, and what has moved on meanwhile is loaded
//! and stepped anew. One that knows itself alone keeps tickets in memory between batches. One bad input never stops the rest: what can't be committed together is done alone.

mod delivery;
mod effects;
mod gauge;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use rehome_domain::{
    id::RelocationId,
    journal::Entry,
    message::{Answer, Input, Rejection},
    ports::{
        Acks, Answered, Bus, Change, Committed, Delivery, Incoming, Inputs, Loaded, Outgoing, StoreError,
        TicketStore, dead_letter,
    },
    step::{Context, Stepped, step},
    ticket::Ticket,
};
use rustc_hash::{FxHashMap, FxHashSet};
use tokio::time::Instant;

use self::{
    delivery::Led,
    effects::{again, effects},
};
use crate::{Now, helm::Helm, metrics, trace::Traced};

pub(crate) use self::effects::quarantined;
pub use self::gauge::Gauge;

/// A reply that overtook its own order's commit is put back this often, [`EARLY_WAIT`] apart, before it counts as
/// one that names an order nobody sent.
const EARLY_TRIES: u8 = 40;
/// Long enough for another supervisor's commit, short enough not to be noticed.
const EARLY_WAIT: Duration = Duration::from_millis(25);
/// After so many failures of the store over one input while it takes others, the input is the one at fault.
const POISON_TRIES: u32 = 5;
/// How often an input is stepped again because its ticket moved on meanwhile.
const STALE_TRIES: u32 = 100;
/// How often a supervisor that is full looks whether others have ended what it has begun. Short, because meanwhile new
/// work waits; long enough not to be noticed in the store.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// Waits between tries of a store that fails.
const STORE_WAIT: Duration = Duration::from_millis(200);

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
    /// Other supervisors may work on the same tickets: each batch begins with a fresh look at its own.
    pub shared: bool,
    /// What is paused.
    pub helm: Arc<Helm>,
    /// The clock.
    pub now: Now,
    /// What others see of it, and its brake.
    pub gauge: Arc<Gauge>,
}

/// Supervises until the bus closes and what was in hand is delivered.
/// From the call on, before it is first polled, the bus knows that somebody takes the inputs.
pub fn supervise(parts: SupervisorParts) -> impl Future<Output = ()> + Send {
    let inputs = parts.bus.inputs();
    take_inputs(inputs, parts)
}

async fn take_inputs(mut inputs: Box<dyn Inputs>, parts: SupervisorParts) {
    let (queue, delivering) = delivery::start(Arc::clone(&parts.bus), inputs.acks());
    let mut supervisor = Supervisor::new(parts, inputs.acks());
    loop {
        let room = supervisor.has_room();
        if !room && supervisor.parts.shared {
            supervisor.look_again().await;
        }
        let next = inputs.next(supervisor.parts.batch, room);
        let Ok(next) = tokio::time::timeout(LOOK_AGAIN, next).await else { continue };
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
        let (known, flying) = Default::default();
        Self { parts, acks, led: Led::default(), known, flying, looked: None }
    }

    /// Whether new work may begin.
    fn has_room(&self) -> bool {
        !self.parts.gauge.is_draining() && self.flying.len() < self.parts.in_flight
    }

    /// Takes a batch of inputs to their effect. Answers what is to be sent, and what to acknowledge then.
    async fn take(&mut self, batch: Vec<Delivery<Incoming>>) -> Led {
        self.led.tags = batch.iter().map(|delivery| delivery.tag).collect();
        let alone = match self.together(&batch).await {
            Ok(alone) => alone,
            Err(error) => {
                tracing::warn!(%error, inputs = batch.len(), "a batch failed and is done one by one");
                for delivery in &batch {
                    self.forget(delivery.message.envelope.relocation);
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
            .filter(|id| self.parts.shared || !self.known.contains_key(id))
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
        let mut alone = Vec::new();
        for (Prepared { index, change, answered, traced }, result) in prepared.into_iter().zip(results) {
            if result == Committed::Done {
                let incoming = batch.get(index).map(|delivery| &delivery.message);
                self.take_effect(&change, incoming, answered, &traced);
            } else {
                self.forget(change.ticket.id);
                alone.push(index);
            }
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

    /// Does one input by itself, from a fresh look at its ticket, until it has taken effect.
    async fn alone(&mut self, delivery: &Delivery<Incoming>) {
        let incoming = &delivery.message;
        let (mut failures, mut blamed) = (0, 0);
        let mut held_by = None;
        for _ in 0..STALE_TRIES {
            match self.alone_once(delivery, held_by).await {
                Ok(None) => return,
                Ok(Some(Committed::Held(by))) => held_by = Some(by),
                Ok(Some(_)) => {}
                Err(error) => {
                    failures += 1;
                    tracing::warn!(%error, failures, cause = %incoming.envelope.cause, "the store failed, trying again");
                    // While the store takes nobody's word, no input is to blame.
                    blamed = if self.parts.tickets.dead_letters(1).await.is_ok() { blamed + 1 } else { 0 };
                    if blamed >= POISON_TRIES && self.bury_poison(incoming, &error).await {
                        return;
                    }
                    tokio::time::sleep(STORE_WAIT * failures.min(25)).await;
                }
            }
        }
        tracing::error!(cause = %incoming.envelope.cause, "an input lost every race for its ticket and is put back");
        self.led.messages.push(Outgoing::Reply(incoming.clone()).traced(delivery.trace.clone()));
    }

    /// One try. None once nothing more is to be done.
    async fn alone_once(
        &mut self,
        delivery: &Delivery<Incoming>,
        held_by: Option<RelocationId>,
    ) -> Result<Option<Committed>, StoreError> {
        let incoming = &delivery.message;
        let id = incoming.envelope.relocation;
        self.forget(id);
        let loaded = self.parts.tickets.load(vec![id]).await?.into_iter().next();
        let ticket = match loaded {
            Some(Loaded::Ticket(ticket)) => {
                let ticket = Arc::<Ticket>::from(ticket);
                self.remember(&ticket);
                Some(ticket)
            }
            Some(Loaded::Unreadable(reason)) => {
                self.quarantine(id, &reason).await?;
                let rejection = Rejection::Quarantined { relocation: id, reason };
                self.reject(incoming, rejection).await?;
                return Ok(None);
            }
            Some(Loaded::Missing) | None => None,
        };
        let change = match self.step(ticket.as_deref(), incoming, held_by) {
            Some(Stepped::Journaled(stepped)) => change(*stepped),
            Some(Stepped::Rejected(rejection)) => {
                self.reject(incoming, rejection).await?;
                return Ok(None);
            }
            Some(Stepped::Early(_)) => {
                self.put_back(delivery).await?;
                return Ok(None);
            }
            // Time has made it void, or it has come before and whoever took it died before sending what it led to.
            Some(Stepped::Void) => {
                self.say_again(delivery).await?;
                return Ok(None);
            }
            None => {
                self.quarantine(id, "stepping it panicked: a defect of this binary").await?;
                return Ok(Some(Committed::Stale));
            }
        };
        let answered = metrics::answered(ticket.as_deref(), &change.ticket, &change.entry);
        let traced = Traced::step(incoming, delivery.trace.clone());
        match self.timed_commit(vec![change.clone()]).await?.into_iter().next() {
            Some(Committed::Done) => {
                self.remember(&change.ticket);
                self.take_effect(&change, Some(incoming), answered, &traced);
                Ok(None)
            }
            Some(Committed::Seen) => {
                self.say_again(delivery).await?;
                Ok(None)
            }
            other => Ok(other),
        }
    }

    /// A message that came before: what its entry sent is sent again, as it is in the journal.
    async fn say_again(&mut self, delivery: &Delivery<Incoming>) -> Result<(), StoreError> {
        let incoming = &delivery.message;
        let id = incoming.envelope.relocation;
        let entry = self.parts.tickets.caused(id, incoming.envelope.cause.clone()).await?;
        let loaded = self.parts.tickets.load(vec![id]).await?.into_iter().next();
        if let (Some(entry), Some(Loaded::Ticket(ticket))) = (entry, loaded) {
            let sent = again(&ticket, &entry, incoming).into_iter();
            self.led.messages.extend(sent.map(|message| message.traced(delivery.trace.clone())));
        }
        Ok(())
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
        let context = Context { at: (self.parts.now)(), held_by, paused };
        catch_unwind(AssertUnwindSafe(|| step(ticket, &incoming.envelope, &context))).ok()
    }

    /// Keeps an input no ticket can take as a dead letter, and tells whoever asked.
    async fn reject(&mut self, incoming: &Incoming, rejection: Rejection) -> Result<(), StoreError> {
        tracing::warn!(cause = %incoming.envelope.cause, by = %incoming.envelope.by, reason = %rejection, "input rejected");
        let body = format!("{:?}", incoming.envelope.input);
        let letter = dead_letter(incoming, &rejection, (self.parts.now)(), body);
        metrics::buried(&letter.origin);
        self.parts.tickets.bury(letter).await?;
        if let Some(to) = incoming.reply_to.clone() {
            let answer = Answer::Rejected(rejection);
            self.led.messages.push(Outgoing::Answer(Answered { to, answer }));
        }
        Ok(())
    }

    /// An input over which the store fails while it takes a dead letter about it. True if it is buried.
    async fn bury_poison(&mut self, incoming: &Incoming, error: &StoreError) -> bool {
        let relocation = incoming.envelope.relocation;
        let rejection = Rejection::NotKept { relocation, reason: error.to_string() };
        self.reject(incoming, rejection).await.is_ok()
    }

    /// Lets a reply that came too early wait its turn. It is acknowledged once it is back on the bus.
    async fn put_back(&mut self, delivery: &Delivery<Incoming>) -> Result<(), StoreError> {
        let Delivery { message: incoming, tag, trace } = delivery;
        if incoming.early >= EARLY_TRIES {
            if let Input::Reply(reply) = &incoming.envelope.input {
                return self.reject(incoming, Rejection::UnknownOrder { order: reply.order }).await;
            }
            return Ok(());
        }
        let again = Incoming { early: incoming.early + 1, ..incoming.clone() };
        let again = Outgoing::Reply(again).traced(trace.clone());
        let (bus, acks, tag) = (Arc::clone(&self.parts.bus), Arc::clone(&self.acks), *tag);
        self.led.tags.retain(|other| *other != tag);
        tokio::spawn(async move {
            tokio::time::sleep(EARLY_WAIT).await;
            let back = bus.send(vec![again]).await;
            if let Err(error) = if back.is_ok() { acks.ack(vec![tag]).await } else { back } {
                tracing::warn!(%error, "an early reply could not be put back");
            }
        });
        Ok(())
    }

    async fn quarantine(&mut self, relocation: RelocationId, reason: &str) -> Result<(), StoreError> {
        if self.parts.tickets.quarantine(relocation, reason.to_owned()).await? {
            let raised = quarantined(relocation, None, reason, (self.parts.now)());
            self.led.messages.push(Outgoing::Alarm(raised));
        }
        Ok(())
    }

    fn remember(&mut self, ticket: &Arc<Ticket>) {
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

    fn forget(&mut self, id: RelocationId) {
        self.known.remove(&id);
        self.flying.remove(&id);
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
                    }
                }
                self.parts.gauge.count(self.flying.len());
            }
            Err(error) => tracing::warn!(%error, "what is in flight could not be read"),
        }
    }

    /// Keeps memory bounded: tickets at rest are dropped once there are too many; the store has them.
    fn trim(&mut self) {
        if self.parts.shared {
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
