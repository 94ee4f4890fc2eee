//! A whole Rehome in miniature: the real step and the real bus, a store in memory, configurators that answer by a
//! script. It can be killed at any message and started again, like the process; only the store outlives it.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use jiff::{SignedDuration, Timestamp};
use rehome_bus::{Capacity, Embedded};
use rehome_domain::{
    command::By,
    id::{MessageId, RelocationId},
    journal::{Entry, Note},
    message::{Answer, Envelope, Input, Rejection},
    order::{Layer, MESSAGE_VERSION, OrderKind, WorkOrder},
    ports::{
        Answered, Bus, Change, Committed, Count, DeadLetter, Incoming, Loaded, Outgoing, ReadEntry,
        StoreError, TicketStore, Unreadable, Wait,
    },
    reply::{Failure, Outcome, Reason, Reply, Report},
    step::{Context, Stepped, step},
    ticket::Ticket,
};

/// Whether the configurators carry an order out well. Must depend on nothing else, like a fault plan.
pub(super) type Script = fn(seed: u64, order: &WorkOrder) -> bool;

#[derive(Default)]
struct Kept {
    tickets: BTreeMap<RelocationId, (Ticket, Vec<Entry>)>,
    /// Tickets set aside.
    quarantined: HashMap<RelocationId, String>,
    /// Commands each relocation was sent, resends included.
    commands: usize,
}

/// What outlives a kill.
#[derive(Clone)]
pub(super) struct World {
    kept: Arc<Mutex<Kept>>,
    script: Script,
    seed: u64,
    now: fn() -> Timestamp,
}

/// How much of the traffic gets lost or is held back.
#[derive(Debug, Clone, Copy)]
pub(super) struct Weather {
    /// The process dies after so many messages.
    pub(super) dies_after: Option<usize>,
    /// Room for events and answers; a small one loses many.
    pub(super) room: usize,
    /// Every reply comes a second time under another name: the ticket moves on without a change of status, so that a
    /// command may come too late for the version it saw.
    pub(super) echoes: bool,
}

impl World {
    pub(super) fn new(seed: u64, script: Script) -> Self {
        Self { kept: Arc::default(), script, seed, now: || Timestamp::UNIX_EPOCH }
    }

    pub(super) fn with_clock(mut self, now: fn() -> Timestamp) -> Self {
        self.now = now;
        self
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn tickets(&self) -> Vec<Ticket> {
        self.kept().tickets.values().map(|(ticket, _)| ticket.clone()).collect()
    }

    pub(super) fn entries(&self, relocation: RelocationId) -> Vec<Entry> {
        self.kept().tickets.get(&relocation).map(|(_, entries)| entries.clone()).unwrap_or_default()
    }

    pub(super) fn commands(&self) -> usize {
        self.kept().commands
    }

    pub(super) fn set_aside(&self, relocation: RelocationId, reason: &str) {
        self.kept().quarantined.insert(relocation, reason.to_owned());
    }

    /// Starts the process: a bus, and a supervisor with its configurators. The future ends when it dies.
    pub(super) fn start(&self, weather: Weather) -> (Arc<Embedded>, impl Future<Output = ()> + use<>) {
        let bus = Embedded::new(Capacity {
            commands: 4,
            in_flight: 64,
            events: weather.room,
            answers: weather.room,
        });
        let world = self.clone();
        let running = {
            let bus = Arc::clone(&bus);
            async move {
                // As in the app: what is resumed waits its turn among commands, which the supervisor takes meanwhile.
                tokio::select! {
                    () = world.serve(&bus, weather) => {}
                    () = async { world.resume(&bus).await; std::future::pending().await } => {}
                }
            }
        };
        (bus, running)
    }

    async fn resume(&self, bus: &Embedded) {
        for ticket in self.tickets().into_iter().filter(|ticket| ticket.state.in_flight()) {
            let cause = MessageId(format!("{}:resume:{}", ticket.id, ticket.version));
            let envelope = Envelope { relocation: ticket.id, cause, by: By::System, input: Input::Resumed };
            bus.send(vec![Outgoing::Reply(envelope.into())]).await.unwrap();
        }
    }

    async fn serve(&self, bus: &Embedded, weather: Weather) {
        let mut inputs = bus.inputs();
        let mut taken = 0;
        while let Some(batch) = inputs.next(3, true).await {
            for delivery in batch {
                if weather.dies_after == Some(taken) {
                    return;
                }
                taken += 1;
                let sends = self.take(&delivery.message, weather.echoes);
                bus.send(sends).await.unwrap();
            }
            tokio::task::yield_now().await;
        }
    }

    /// One input: stepped and kept, and what follows from it. The configurators answer at once.
    fn take(&self, incoming: &Incoming, echoes: bool) -> Vec<Outgoing> {
        let mut kept = self.kept();
        kept.commands += usize::from(matches!(incoming.envelope.input, Input::Command(_)));
        let id = incoming.envelope.relocation;
        let answer = |answer| incoming.reply_to.clone().map(|to| Outgoing::Answer(Answered { to, answer }));
        if let Some(reason) = kept.quarantined.get(&id) {
            let rejection = Rejection::Quarantined { relocation: id, reason: reason.clone() };
            return answer(Answer::Rejected(rejection)).into_iter().collect();
        }
        let known = kept.tickets.get(&id);
        if let Some((ticket, entries)) = known
            && let Some(seen) = entries.iter().find(|entry| entry.cause == incoming.envelope.cause)
        {
            return answer(said(ticket, seen)).into_iter().collect();
        }
        let held_by = match &incoming.envelope.input {
            Input::Submitted { request } => holder(&kept, id, &request.resources()),
            _ => None,
        };
        match step(
            known.map(|(ticket, _)| ticket),
            &incoming.envelope,
            &Context { held_by, ..Context::at((self.now)()) },
        ) {
            Stepped::Journaled(stepped) => {
                let (ticket, entry) = *stepped;
                let mut sends = vec![Outgoing::Event(ticket.event(&entry.alarms))];
                sends.extend(answer(said(&ticket, &entry)));
                for dispatch in &entry.sends {
                    let order = WorkOrder::new(dispatch, &ticket.request);
                    let good = (self.script)(self.seed, &order);
                    let reply = reply(&order, good);
                    sends.push(Outgoing::Reply(Envelope::reply(reply.clone(), "done").into()));
                    if echoes {
                        sends.push(Outgoing::Reply(Envelope::reply(reply, "echo").into()));
                    }
                }
                let kept = kept.tickets.entry(id).or_insert_with(|| (ticket.clone(), Vec::new()));
                kept.0 = ticket;
                kept.1.push(entry);
                sends
            }
            Stepped::Rejected(rejection) => answer(Answer::Rejected(rejection)).into_iter().collect(),
            Stepped::Early(_) | Stepped::Void => Vec::new(),
        }
    }
}

fn holder(kept: &Kept, id: RelocationId, resources: &[String; 3]) -> Option<RelocationId> {
    let wants =
        |ticket: &Ticket| ticket.request.resources().iter().any(|resource| resources.contains(resource));
    let others = kept.tickets.values().map(|(ticket, _)| ticket).filter(|ticket| ticket.id != id);
    others.filter(|ticket| ticket.state.needs_lock()).find(|ticket| wants(ticket)).map(|ticket| ticket.id)
}

fn said(ticket: &Ticket, entry: &Entry) -> Answer {
    match &entry.note {
        Some(Note::Refused(why)) => Answer::Refused { relocation: ticket.id, why: why.clone() },
        _ => Answer::Accepted { relocation: ticket.id, version: entry.seq },
    }
}

fn reply(order: &WorkOrder, good: bool) -> Reply {
    let outcome = if good {
        Outcome::Done
    } else {
        Outcome::Failed(Failure { reason: Reason::Rejected, text: "as scripted".to_owned() })
    };
    let report = match (order.kind, order.layer) {
        (OrderKind::Reserve, Layer::L3) => Report::Reserve { outcome, rollback: None },
        (OrderKind::Reserve, Layer::L2) => {
            Report::Reserve { rollback: (!good).then_some(Outcome::Done), outcome }
        }
        (OrderKind::Release, _) => Report::Release { outcome },
        (OrderKind::Cutover, Layer::L3) => {
            Report::CutoverL3 { teardown: Outcome::Done, install: outcome, during: None, held_until: None }
        }
        (OrderKind::Cutover, Layer::L2) => Report::CutoverL2 { outcome, during: None },
        (OrderKind::RollbackInstall, _) => Report::InstallRolledBack { outcome },
        (OrderKind::Confirm, _) => Report::Confirmed { outcome },
        (OrderKind::TakeBack, _) => Report::TakenBack { outcome, found: None },
        (OrderKind::Notice, _) => Report::Noticed,
        (OrderKind::Inspect, _) => Report::Inspected { found: None, concluded: None },
    };
    Reply { v: MESSAGE_VERSION, order: order.id, attempt: order.attempt, layer: order.layer, report }
}

fn unused<T: Send + 'static>() -> Wait<'static, Result<T, StoreError>> {
    Box::pin(std::future::ready(Err(StoreError::Closed)))
}

/// The driver only ever reads.
impl TicketStore for World {
    fn load(&self, ids: Vec<RelocationId>) -> Wait<'_, Result<Vec<Loaded>, StoreError>> {
        let kept = self.kept();
        let load = |id| match (kept.quarantined.get(id), kept.tickets.get(id)) {
            (Some(reason), _) => Loaded::Unreadable(Unreadable::Spoilt(reason.clone())),
            (None, Some((ticket, _))) => Loaded::Ticket(Box::new(ticket.clone())),
            (None, None) => Loaded::Missing,
        };
        Box::pin(std::future::ready(Ok(ids.iter().map(load).collect())))
    }

    fn commit(&self, _: Vec<Change>) -> Wait<'_, Result<Vec<Committed>, StoreError>> {
        unused()
    }

    fn caused(
        &self,
        _: Vec<(RelocationId, MessageId)>,
    ) -> Wait<'_, Result<Vec<Option<ReadEntry>>, StoreError>> {
        unused()
    }

    fn journal(&self, relocation: RelocationId) -> Wait<'_, Result<Vec<ReadEntry>, StoreError>> {
        Box::pin(std::future::ready(Ok(self.entries(relocation).into_iter().map(Ok).collect())))
    }

    fn claim_due(
        &self,
        _: Timestamp,
        _: SignedDuration,
        _: usize,
    ) -> Wait<'_, Result<Vec<(RelocationId, Loaded)>, StoreError>> {
        unused()
    }

    fn held_back(
        &self,
        _: Option<RelocationId>,
        _: usize,
    ) -> Wait<'_, Result<Vec<(RelocationId, Loaded)>, StoreError>> {
        unused()
    }

    fn open_tickets(
        &self,
        _: Option<RelocationId>,
        _: usize,
    ) -> Wait<'_, Result<Vec<(RelocationId, Loaded)>, StoreError>> {
        unused()
    }

    fn all_tickets(
        &self,
        _: Option<RelocationId>,
        _: usize,
    ) -> Wait<'_, Result<Vec<(RelocationId, Loaded)>, StoreError>> {
        unused()
    }

    fn counts(&self) -> Wait<'_, Result<Vec<Count>, StoreError>> {
        unused()
    }

    fn quarantine(&self, _: RelocationId, _: String) -> Wait<'_, Result<bool, StoreError>> {
        unused()
    }

    fn stored(&self, _: RelocationId) -> Wait<'_, Result<Loaded, StoreError>> {
        unused()
    }

    fn readmit(&self, _: RelocationId) -> Wait<'_, Result<(), StoreError>> {
        unused()
    }

    fn quarantined(&self) -> Wait<'_, Result<Vec<(RelocationId, String)>, StoreError>> {
        unused()
    }

    fn bury(&self, _: DeadLetter) -> Wait<'_, Result<(), StoreError>> {
        unused()
    }

    fn dead_letters(&self, _: usize) -> Wait<'_, Result<Vec<DeadLetter>, StoreError>> {
        unused()
    }
}
