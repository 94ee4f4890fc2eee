//! The bare limit: the same rows by the same statements, with nothing locked, read or decided before.
//!
//! For measuring only: what the store reaches is told beside what its writes reach by themselves.

use std::{collections::HashSet, sync::Arc};

use futures::join;
use rehome_domain::{
    id::{RelocationId, WorkOrderId},
    order::Layer,
    ports::{Change, StoreError},
    reply::Report,
    ticket::Ticket,
};

use super::{
    OpenError, Options, Postgres, fences,
    plan::{Known, Plan, Standing, Step},
    session::{Session, Work},
    trouble::Trouble,
};
use crate::{fence::Fence, rows};

/// One relocation's steps, of which others' are made that differ in nothing but their ids and resources: so that many
/// are written without being made first.
pub struct Template(Vec<Step>);

impl Template {
    /// Of these steps, in order.
    ///
    /// # Errors
    /// If a value can't be told as JSON.
    pub fn new(steps: Vec<Change>) -> Result<Self, StoreError> {
        steps.into_iter().map(Step::new).collect::<Result<_, _>>().map(Self)
    }

    /// A batch of steps, each the how-many-th of which relocation.
    #[must_use]
    pub fn request(&self, wanted: &[(RelocationId, usize)]) -> Request {
        let made = wanted.iter().filter_map(|(id, step)| Some(Self::of(self.0.get(*step)?, *id)));
        Request(made.collect())
    }

    fn of(step: &Step, id: RelocationId) -> Step {
        let Change { ticket, entry, locked } = &step.change;
        let ticket = Arc::new(Ticket { id, ..Ticket::clone(ticket) });
        let number = id.0.as_u64_pair().1;
        Step {
            change: Change { ticket, entry: Arc::clone(entry), locked: *locked },
            ticket: step.ticket.clone(),
            entry: step.entry.clone(),
            request: step.request.clone(),
            cause: step.cause.clone(),
            resources: step.resources.each_ref().map(|resource| format!("{resource}{number:08}")),
        }
    }
}

/// Conclusions of orders, a fence's row each.
pub struct Conclusions(Vec<(WorkOrderId, Layer, bool, Fence)>);

impl Conclusions {
    /// Of these orders at a layer: whether it is the relocation's first there, and what was concluded.
    ///
    /// # Errors
    /// If a report can't be told as JSON.
    pub fn new(layer: Layer, orders: Vec<(WorkOrderId, bool, &Report)>) -> Result<Self, StoreError> {
        let row = |(order, first, report): (WorkOrderId, bool, &Report)| {
            let last = Some((order, rows::json(report)?));
            Ok((order, layer, first, Fence { begun: Some(order.seq), last, held: None }))
        };
        orders.into_iter().map(row).collect::<Result<_, _>>().map(Self)
    }
}

impl Work for Conclusions {
    type Answer = ();

    fn what(&self) -> &'static str {
        "concluding barely"
    }

    fn requests(&self) -> usize {
        self.0.len()
    }

    fn repeatable(&self) -> bool {
        false
    }

    async fn attempt(&self, session: &Session) -> Result<(), Trouble> {
        let rows =
            self.0.iter().map(|(order, layer, first, fence)| (order.relocation.0, *layer, *first, fence));
        fences::conclude_barely(rows, session).await
    }
}

/// A batch with its text made, so that only writing it is measured.
pub struct Request(Vec<Step>);

impl Request {
    /// What [`commit`](rehome_domain::ports::TicketStore::commit) writes.
    ///
    /// # Errors
    /// If a value can't be told as JSON.
    pub fn commit(changes: Vec<Change>) -> Result<Self, StoreError> {
        changes.into_iter().map(Step::new).collect::<Result<_, _>>().map(Self)
    }

    /// What the batch finds if nothing is in its way: each ticket as its first step needs it, its resources its own.
    fn standing(&self) -> Standing {
        let mut standing = Standing::default();
        let mut met = HashSet::new();
        for step in self.0.iter().filter(|step| met.insert(step.id()) && step.change.entry.seq > 1) {
            let known = Known { version: step.change.entry.seq - 1, locked: true };
            standing.tickets.insert(step.id(), known);
            let resources = step.resources.iter().cloned();
            standing.holders.extend(resources.map(|resource| (resource, step.id())));
        }
        standing
    }
}

impl Work for Request {
    type Answer = ();

    fn what(&self) -> &'static str {
        "writing barely"
    }

    fn requests(&self) -> usize {
        self.0.len()
    }

    fn repeatable(&self) -> bool {
        false
    }

    async fn attempt(&self, session: &Session) -> Result<(), Trouble> {
        let plan = Plan::of(&self.0, self.standing());
        let (begun, written) = join!(session.begin(), plan.write(session));
        begun?;
        written
    }
}

/// Writes whatever it is given.
pub struct Writer(Arc<Postgres>);

impl Writer {
    /// Opens a database as [`Postgres::open`] does.
    ///
    /// # Errors
    /// As there.
    pub async fn open(options: &Options) -> Result<Self, OpenError> {
        Postgres::open(options).await.map(Self)
    }

    /// Writes a batch in one transaction.
    ///
    /// # Errors
    /// If the database fails, or has not what the batch builds on; then nothing is written.
    pub async fn write(&self, request: Request) -> Result<(), StoreError> {
        self.0.write(&request).await
    }

    /// Writes conclusions in one transaction.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    pub async fn conclude(&self, conclusions: Conclusions) -> Result<(), StoreError> {
        self.0.write(&conclusions).await
    }

    /// Takes no more, and resolves when what was handed over is written.
    pub async fn close(&self) {
        self.0.close(true).await;
    }
}
