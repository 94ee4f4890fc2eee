//! The bare limit: the same writes by the same statements, with no thread, no queue and nobody waiting.
//!
//! For measuring only: what a system over this store reaches is told beside what the store reaches by itself.

use std::path::Path;

use rehome_domain::{
    id::WorkOrderId,
    order::Layer,
    ports::{Change, Edit, Part, StoreError},
    reply::Report,
};
use rusqlite::Connection;
use tokio::sync::oneshot;

use super::{
    OpenError, Options,
    commit::Commit,
    failed,
    fences::{Admit, Conclude},
    holdings::EditAll,
    writer::{Job, Pending, Write, together},
};

/// A write with its text made, so that only writing it is measured.
pub struct Request(Box<dyn Job>);

impl Request {
    /// What [`commit`](rehome_domain::ports::TicketStore::commit) writes.
    ///
    /// # Errors
    /// If a value can't be told as JSON.
    pub fn commit(changes: Vec<Change>) -> Result<Self, StoreError> {
        Commit::new(changes).map(Self::of)
    }

    /// What [`admit`](rehome_domain::ports::FenceStore::admit) writes.
    #[must_use]
    pub fn admit(layer: Layer, order: WorkOrderId) -> Self {
        Self::of(Admit { layer, order, part: Part::Order })
    }

    /// What [`conclude`](rehome_domain::ports::FenceStore::conclude) writes.
    ///
    /// # Errors
    /// If the report can't be told as JSON.
    pub fn conclude(layer: Layer, order: WorkOrderId, report: &Report) -> Result<Self, StoreError> {
        Conclude::new(layer, order, Part::Order, report).map(Self::of)
    }

    /// What [`edit`](rehome_domain::ports::DeviceMemory::edit) writes.
    ///
    /// # Errors
    /// If a holding can't be told as JSON.
    pub fn edit(layer: Layer, edits: Vec<Edit>) -> Result<Self, StoreError> {
        EditAll::new(layer, edits).map(Self::of)
    }

    fn of(write: impl Write) -> Self {
        let (to, _) = oneshot::channel();
        Self(Pending::job(write, to))
    }
}

/// Writes on the thread that calls it.
pub struct Writer(Connection);

impl Writer {
    /// Opens a database as [`Sqlite::open`](super::Sqlite::open) does.
    ///
    /// # Errors
    /// As there.
    pub fn open(path: &Path, options: &Options) -> Result<Self, OpenError> {
        super::writing(path, options).map(Self)
    }

    /// Writes all in one transaction. Answers how many rows were written: compare it, for a request may be refused.
    ///
    /// # Errors
    /// If SQLite fails; then nothing is written.
    pub fn write(&mut self, requests: Vec<Request>) -> Result<u64, StoreError> {
        let mut jobs: Vec<Box<dyn Job>> = requests.into_iter().map(|request| request.0).collect();
        together(&mut self.0, &mut jobs).map_err(|error| failed("writing barely", &error))
    }
}
