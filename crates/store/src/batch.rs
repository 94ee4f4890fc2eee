//! What either database keeps in mind while it goes through a batch of steps.

use std::collections::HashSet;

use rehome_domain::{
    id::RelocationId,
    ports::{Change, Committed},
};

/// The steps of a batch that were not committed, by what would have come next.
///
/// A later step of the batch that builds on one of them builds on a ticket that never was, even if the one that took
/// its place has the same version: committed, it would make a journal that its own replay contradicts.
#[derive(Debug, Default)]
pub(crate) struct Refused(HashSet<(RelocationId, u64)>);

impl Refused {
    /// Whether a step builds on one that was not committed: then it is stale, whatever the database has.
    pub(crate) fn under(&self, change: &Change) -> bool {
        self.0.contains(&(change.ticket.id, change.entry.seq))
    }

    /// Takes down what became of a step.
    pub(crate) fn note(&mut self, change: &Change, answer: &Committed) {
        if *answer != Committed::Done {
            self.0.insert((change.ticket.id, change.entry.seq.saturating_add(1)));
        }
    }
}
