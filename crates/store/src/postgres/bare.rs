//! The bare limit: the same rows by the same statements, with nothing locked, read or decided before.
//!
//! For measuring only: what the store reaches is told beside what its writes reach by themselves.

use std::collections::HashSet;

use futures::join;
use rehome_domain::ports::{Change, StoreError};

use super::{
    OpenError, Options, Postgres,
    plan::{Known, Plan, Standing, Step},
    session::{Session, Work},
    trouble::Trouble,
};

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
pub struct Writer(std::sync::Arc<Postgres>);

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
}
