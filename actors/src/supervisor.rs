//! The supervisor: the one writer of tickets.
//!
//! Its loop: take what has queued up (a batch, never waiting when idle) → step each input (pure) → commit all entries
//! in one transaction → send the entries' messages → acknowledge the inputs. A crash anywhere only makes an input come
//! again; its id is found in the journal, and the recorded messages are sent again, not recomputed.
//!
//! Any number of supervisors may run: the ticket's version guards each commit, and a ticket kept in memory that has
//! moved on is loaded anew. One bad input never stops the rest: what can't be committed together is done alone.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use rehome_domain::{
    event::{Alarm, Raised},
    id::RelocationId,
    journal::{Entry, Note},
    message::{Answer, Rejection},
    order::WorkOrder,
    ports::{
        Answered, Bus, Change, Committed, Delivery, Incoming, Loaded, Outgoing, StoreError, TicketStore,
        dead_letter,
    },
    step::{Context, Stepped, step},
    ticket::Ticket,
};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::Now;

/// A reply that overtook its own order's commit is put back this often, [`EARLY_WAIT`] apart, before it counts as
/// one that names an order nobody sent.
const EARLY_TRIES: u8 = 40;
/// Long enough for another supervisor's commit, short enough not to be noticed.
const EARLY_WAIT: Duration = Duration::from_millis(25);
/// After so many failures of the store over one input while it takes others, the input is the one at fault.
const POISON_TRIES: u32 = 5;
/// How often an input is stepped again because its ticket moved on meanwhile.
const STALE_TRIES: u32 = 100;
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
    /// The clock.
    pub now: Now,
    /// What others see of it, and its brake.
    pub gauge: Arc<Gauge>,
}

/// What others see of a supervisor at work, and its brake.
#[derive(Debug, Default)]
pub struct Gauge {
    in_flight: AtomicUsize,
    draining: AtomicBool,
}

impl Gauge {
    /// Relocations with orders out, as this supervisor knows.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Acquire)
    }

    /// From now on no new work is begun; what is in hand goes on.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Release);
    }
}

/// A supervisor.
pub struct Supervisor {
    parts: SupervisorParts,
    /// Tickets in flight or lately touched, as last committed. A copy: the store's version decides.
    known: FxHashMap<RelocationId, Arc<Ticket>>,
    /// Which of them have orders out.
    flying: FxHashSet<RelocationId>,
}

/// A step ready to be committed.
struct Prepared {
    /// Which input of the batch.
    index: usize,
    change: Change,
}

impl Supervisor {
    /// A supervisor of these parts.
    #[must_use]
    pub fn new(parts: SupervisorParts) -> Self {
        Self { parts, known: FxHashMap::default(), flying: FxHashSet::default() }
    }

    /// Works until the bus closes.
    pub async fn supervise(mut self) {
        let mut inputs = self.parts.bus.inputs();
        loop {
            let draining = self.parts.gauge.draining.load(Ordering::Acquire);
            let room = !draining && self.flying.len() < self.parts.in_flight;
            let Some(batch) = inputs.next(self.parts.batch, room).await else { break };
            let tags = batch.iter().map(|delivery| delivery.tag).collect();
            self.take(batch).await;
            self.parts.gauge.in_flight.store(self.flying.len(), Ordering::Release);
            if let Err(error) = inputs.ack(tags).await {
                tracing::warn!(%error, "inputs could not be acknowledged and will come again");
            }
        }
    }

    /// Takes a batch of inputs to their effect.
    pub async fn take(&mut self, batch: Vec<Delivery<Incoming>>) {
        let batch: Vec<Incoming> = batch.into_iter().map(|delivery| delivery.message).collect();
        let alone = match self.together(&batch).await {
            Ok(alone) => alone,
            Err(error) => {
                tracing::warn!(%error, inputs = batch.len(), "a batch failed and is done one by one");
                for incoming in &batch {
                    self.forget(incoming.envelope.relocation);
                }
                (0..batch.len()).collect()
            }
        };
        for index in alone {
            if let Some(incoming) = batch.get(index) {
                self.alone(incoming).await;
            }
        }
        self.trim();
    }

    /// Steps and commits a batch in one transaction. Answers which inputs must be done alone.
    async fn together(&mut self, batch: &[Incoming]) -> Result<Vec<usize>, StoreError> {
        let mut alone = self.load_missing(batch).await?;
        let mut prepared = Vec::with_capacity(batch.len());
        for (index, incoming) in batch.iter().enumerate() {
            if alone.contains(&index) {
                continue;
            }
            let ticket = self.known.get(&incoming.envelope.relocation).map(Arc::as_ref);
            match self.step(ticket, incoming, None) {
                Some(Stepped::Journaled(stepped)) => {
                    let change = change(*stepped);
                    self.remember(&change.ticket);
                    prepared.push(Prepared { index, change });
                }
                Some(Stepped::Void) => {}
                // These need the store's latest word before they are believed.
                Some(Stepped::Rejected(_) | Stepped::Early(_)) | None => alone.push(index),
            }
        }
        alone.extend(self.commit(batch, prepared).await?);
        alone.sort_unstable();
        Ok(alone)
    }

    /// Reads the tickets this batch needs and memory does not have. Answers the inputs whose ticket can't be read.
    async fn load_missing(&mut self, batch: &[Incoming]) -> Result<Vec<usize>, StoreError> {
        let mut ids: Vec<RelocationId> = batch
            .iter()
            .filter(|incoming| !is_submission(incoming))
            .map(|incoming| incoming.envelope.relocation)
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
            .filter(|(_, incoming)| unreadable.contains(&incoming.envelope.relocation));
        Ok(touched.map(|(index, _)| index).collect())
    }

    async fn commit(
        &mut self,
        batch: &[Incoming],
        prepared: Vec<Prepared>,
    ) -> Result<Vec<usize>, StoreError> {
        if prepared.is_empty() {
            return Ok(Vec::new());
        }
        let changes = prepared.iter().map(|prepared| prepared.change.clone()).collect();
        let results = self.parts.tickets.commit(changes).await?;
        let mut alone = Vec::new();
        let mut messages = Vec::with_capacity(prepared.len() * 2);
        for (Prepared { index, change }, result) in prepared.into_iter().zip(results) {
            if result == Committed::Done {
                messages.extend(effects(&change.ticket, &change.entry, batch.get(index)));
            } else {
                self.forget(change.ticket.id);
                alone.push(index);
            }
        }
        self.send(messages).await;
        Ok(alone)
    }

    /// Does one input by itself, from a fresh look at its ticket, until it has taken effect.
    async fn alone(&mut self, incoming: &Incoming) {
        let mut failures = 0;
        let mut held_by = None;
        for _ in 0..STALE_TRIES {
            match self.alone_once(incoming, held_by).await {
                Ok(None) => return,
                Ok(Some(Committed::Held(by))) => held_by = Some(by),
                Ok(Some(_)) => {}
                Err(error) => {
                    failures += 1;
                    tracing::warn!(%error, failures, cause = %incoming.envelope.cause, "the store failed, trying again");
                    if failures >= POISON_TRIES && self.bury_poison(incoming, &error).await {
                        return;
                    }
                    tokio::time::sleep(STORE_WAIT * failures.min(25)).await;
                }
            }
        }
        tracing::error!(cause = %incoming.envelope.cause, "an input lost every race for its ticket and is put back");
        self.send(vec![Outgoing::Reply(incoming.clone())]).await;
    }

    /// One try. None once nothing more is to be done.
    async fn alone_once(
        &mut self,
        incoming: &Incoming,
        held_by: Option<RelocationId>,
    ) -> Result<Option<Committed>, StoreError> {
        let id = incoming.envelope.relocation;
        self.forget(id);
        let loaded = self.parts.tickets.load(vec![id]).await?.into_iter().next();
        let ticket = match loaded {
            Some(Loaded::Ticket(ticket)) => Some(ticket),
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
                self.put_back(incoming).await?;
                return Ok(None);
            }
            Some(Stepped::Void) => return Ok(None),
            None => {
                self.quarantine(id, "stepping it panicked: a defect of this binary").await?;
                return Ok(Some(Committed::Stale));
            }
        };
        match self.parts.tickets.commit(vec![change.clone()]).await?.into_iter().next() {
            Some(Committed::Done) => {
                self.remember(&change.ticket);
                self.send(effects(&change.ticket, &change.entry, Some(incoming))).await;
                Ok(None)
            }
            Some(Committed::Seen) => {
                self.say_again(incoming).await?;
                Ok(None)
            }
            other => Ok(other),
        }
    }

    /// A message that came before: what its entry sent is sent again, as it is in the journal.
    async fn say_again(&self, incoming: &Incoming) -> Result<(), StoreError> {
        let id = incoming.envelope.relocation;
        let entry = self.parts.tickets.caused(id, incoming.envelope.cause.clone()).await?;
        let loaded = self.parts.tickets.load(vec![id]).await?.into_iter().next();
        if let (Some(entry), Some(Loaded::Ticket(ticket))) = (entry, loaded) {
            let still_out: Vec<_> = entry
                .sends
                .iter()
                .filter(|sent| ticket.out(sent.layer).is_some_and(|out| out.awaited().id == sent.id))
                .map(|sent| Outgoing::Order(WorkOrder::new(sent, &ticket.request)))
                .collect();
            let answer = answer(&ticket, &entry, incoming);
            self.send(still_out.into_iter().chain(answer).collect()).await;
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
        let context = Context { at: (self.parts.now)(), held_by };
        catch_unwind(AssertUnwindSafe(|| step(ticket, &incoming.envelope, &context))).ok()
    }

    /// Keeps an input no ticket can take as a dead letter, and tells whoever asked.
    async fn reject(&self, incoming: &Incoming, rejection: Rejection) -> Result<(), StoreError> {
        tracing::warn!(cause = %incoming.envelope.cause, by = %incoming.envelope.by, reason = %rejection, "input rejected");
        let body = format!("{:?}", incoming.envelope.input);
        self.parts.tickets.bury(dead_letter(incoming, &rejection, (self.parts.now)(), body)).await?;
        if let Some(to) = incoming.reply_to.clone() {
            self.send(vec![Outgoing::Answer(Answered { to, answer: Answer::Rejected(rejection) })]).await;
        }
        Ok(())
    }

    /// An input over which the store fails while it takes a dead letter about it. True if it is buried.
    async fn bury_poison(&self, incoming: &Incoming, error: &StoreError) -> bool {
        let relocation = incoming.envelope.relocation;
        let rejection = Rejection::Quarantined { relocation, reason: error.to_string() };
        self.reject(incoming, rejection).await.is_ok()
    }

    async fn put_back(&self, incoming: &Incoming) -> Result<(), StoreError> {
        if incoming.early >= EARLY_TRIES {
            if let rehome_domain::message::Input::Reply(reply) = &incoming.envelope.input {
                return self.reject(incoming, Rejection::UnknownOrder { order: reply.order }).await;
            }
            return Ok(());
        }
        let again = Incoming { early: incoming.early + 1, ..incoming.clone() };
        let bus = Arc::clone(&self.parts.bus);
        tokio::spawn(async move {
            tokio::time::sleep(EARLY_WAIT).await;
            if let Err(error) = bus.send(vec![Outgoing::Reply(again)]).await {
                tracing::warn!(%error, "an early reply could not be put back");
            }
        });
        Ok(())
    }

    async fn quarantine(&self, relocation: RelocationId, reason: &str) -> Result<(), StoreError> {
        if self.parts.tickets.quarantine(relocation, reason.to_owned()).await? {
            let raised = quarantined(relocation, None, reason, (self.parts.now)());
            self.send(vec![Outgoing::Alarm(raised)]).await;
        }
        Ok(())
    }

    async fn send(&self, messages: Vec<Outgoing>) {
        if let Err(error) = self.parts.bus.send(messages).await {
            // They are in the journal: they will be sent again when the system starts, or a deadline passes.
            tracing::warn!(%error, "messages could not be sent now");
        }
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

    /// Keeps memory bounded: tickets at rest are dropped once there are too many; the store has them.
    fn trim(&mut self) {
        if self.known.len() > self.parts.in_flight.saturating_mul(2).max(1024) {
            let flying = &self.flying;
            self.known.retain(|id, _| flying.contains(id));
        }
    }
}

fn is_submission(incoming: &Incoming) -> bool {
    matches!(incoming.envelope.input, rehome_domain::message::Input::Submitted { .. })
}

fn change((ticket, entry): (Ticket, Entry)) -> Change {
    Change { locked: ticket.state.needs_lock(), ticket: Arc::new(ticket), entry: Arc::new(entry) }
}

/// The alarm for a ticket that is set aside.
pub(crate) fn quarantined(
    relocation: RelocationId,
    service_id: Option<String>,
    reason: &str,
    at: jiff::Timestamp,
) -> Raised {
    tracing::error!(%relocation, service = service_id, reason, "ticket quarantined");
    let alarm = Alarm::Quarantined;
    Raised { relocation, service_id, alarm, severity: alarm.severity(), at, detail: reason.to_owned() }
}

/// All that an entry sends, once it is durable.
fn effects(ticket: &Ticket, entry: &Entry, incoming: Option<&Incoming>) -> Vec<Outgoing> {
    tell(ticket, entry);
    let mut messages: Vec<Outgoing> = entry
        .sends
        .iter()
        .map(|dispatch| Outgoing::Order(WorkOrder::new(dispatch, &ticket.request)))
        .collect();
    messages.push(Outgoing::Event(ticket.event(&entry.alarms)));
    messages.extend(entry.alarms.iter().map(|alarm| {
        Outgoing::Alarm(Raised {
            relocation: ticket.id,
            service_id: Some(ticket.request.service_id.clone()),
            alarm: *alarm,
            severity: alarm.severity(),
            at: entry.at,
            detail: ticket.last_failure.as_ref().map(|(_, failure)| failure.to_string()).unwrap_or_default(),
        })
    }));
    messages.extend(incoming.and_then(|incoming| answer(ticket, entry, incoming)));
    messages
}

fn answer(ticket: &Ticket, entry: &Entry, incoming: &Incoming) -> Option<Outgoing> {
    let to = incoming.reply_to.clone()?;
    let answer = match &entry.note {
        Some(Note::Refused(why)) => Answer::Refused { relocation: ticket.id, why: why.clone() },
        _ => Answer::Accepted { relocation: ticket.id, version: entry.seq },
    };
    Some(Outgoing::Answer(Answered { to, answer }))
}

/// One span a ticket: what happened to it, in the log.
fn tell(ticket: &Ticket, entry: &Entry) {
    let span = tracing::debug_span!("ticket", relocation = %ticket.id, service = %ticket.request.service_id);
    let _entered = span.enter();
    tracing::debug!(
        seq = entry.seq,
        by = %entry.by,
        rows = ?entry.rows,
        status = %entry.relocation_status,
        reservation = entry.reservation_status.map(rehome_domain::ReservationStatus::wire),
        cutover = entry.cutover_status.map(rehome_domain::CutoverStatus::wire),
        note = ?entry.note,
        "entry"
    );
    for alarm in &entry.alarms {
        tracing::warn!(
            relocation = %ticket.id,
            service = %ticket.request.service_id,
            ?alarm,
            severity = alarm.severity().wire(),
            "alarm"
        );
    }
}
