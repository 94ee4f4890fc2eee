//! What becomes of a batch of steps, decided in memory over what the database has locked for it.
//!
//! Pure: what the database has goes in, what to answer and what to write comes out.

use std::collections::{BTreeMap, HashMap, HashSet};

use rehome_domain::{
    id::RelocationId,
    ports::{Change, Committed, StoreError},
};

use crate::{
    batch::Refused,
    rows::{self, RequestRow},
};

/// A step with its text made.
pub(super) struct Step {
    pub(super) change: Change,
    /// The ticket's changing part.
    pub(super) ticket: String,
    pub(super) entry: String,
    /// The request's, with the first step only.
    pub(super) request: Option<RequestRow>,
    /// As it stands in its column.
    pub(super) cause: String,
    pub(super) resources: [String; 3],
}

impl Step {
    pub(super) fn new(change: Change) -> Result<Self, StoreError> {
        let first = change.entry.seq == 1;
        Ok(Self {
            ticket: rows::ticket_body(&change.ticket)?,
            entry: rows::entry_body(&change.entry)?,
            request: first.then(|| RequestRow::of(&change.ticket)).transpose()?,
            cause: rows::escape(&change.entry.cause.0),
            resources: change.ticket.request.resources(),
            change,
        })
    }

    pub(super) fn id(&self) -> RelocationId {
        self.change.ticket.id
    }
}

/// A ticket as the database has it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    pub(super) version: u64,
    pub(super) locked: bool,
}

/// All that a batch is decided over.
#[derive(Debug, Default)]
pub(super) struct Standing {
    pub(super) tickets: HashMap<RelocationId, Known>,
    /// Causes of the batch that are in their tickets' journals.
    pub(super) seen: HashSet<(RelocationId, String)>,
    pub(super) set_aside: HashSet<RelocationId>,
    /// Who holds the resources that the batch may take or free.
    pub(super) holders: HashMap<String, RelocationId>,
}

/// What to answer, and what to write: each in the one order in which all processes write it.
pub(super) struct Plan<'a> {
    pub(super) answers: Vec<Committed>,
    /// The last step of each ticket that has a row already, by id.
    pub(super) updates: BTreeMap<RelocationId, &'a Step>,
    /// The last step of each new ticket, by id.
    pub(super) inserts: BTreeMap<RelocationId, &'a Step>,
    /// Every step done, in order.
    pub(super) entries: Vec<&'a Step>,
    /// Resources given back by those who had them before.
    pub(super) frees: BTreeMap<String, RelocationId>,
    /// Resources taken.
    pub(super) takes: BTreeMap<&'a str, RelocationId>,
}

impl<'a> Plan<'a> {
    /// Goes through the batch step by step, each building on what the earlier ones have done.
    pub(super) fn of(steps: &'a [Step], standing: Standing) -> Self {
        let before = standing.holders.clone();
        let mut batch = Batch { standing, seen: HashSet::new(), holders: HashMap::new() };
        let mut refused = Refused::default();
        let decide = |step: &'a Step| {
            let answer = if refused.under(&step.change) { Committed::Stale } else { batch.step(step) };
            refused.note(&step.change, &answer);
            answer
        };
        let answers: Vec<_> = steps.iter().map(decide).collect();
        let done = || steps.iter().zip(&answers).filter(|(_, answer)| **answer == Committed::Done);

        let entries: Vec<_> = done().map(|(step, _)| step).collect();
        let new: HashSet<_> =
            entries.iter().filter(|step| step.change.entry.seq == 1).map(|step| step.id()).collect();
        let last: BTreeMap<_, _> = entries.iter().map(|step| (step.id(), *step)).collect();
        let (inserts, updates) = last.into_iter().partition(|(id, _)| new.contains(id));

        let (mut frees, mut takes) = (BTreeMap::new(), BTreeMap::new());
        for (resource, holder) in batch.holders {
            let had = before.get(resource).copied();
            if had == holder {
                continue;
            }
            if let Some(had) = had {
                frees.insert(resource.to_owned(), had);
            }
            if let Some(holder) = holder {
                takes.insert(resource, holder);
            }
        }
        Self { answers, updates, inserts, entries, frees, takes }
    }
}

/// A batch under way.
struct Batch<'a> {
    standing: Standing,
    /// Causes journaled by earlier steps of the batch.
    seen: HashSet<(RelocationId, &'a str)>,
    /// Resources that earlier steps of the batch took or freed, and who has them now.
    holders: HashMap<&'a str, Option<RelocationId>>,
}

impl<'a> Batch<'a> {
    fn step(&mut self, step: &'a Step) -> Committed {
        let id = step.id();
        let journaled = self.seen.contains(&(id, step.cause.as_str()))
            || self.standing.seen.contains(&(id, step.cause.clone()));
        if journaled {
            return Committed::Seen;
        }
        let known = self.standing.tickets.get(&id).copied();
        // A ticket set aside is stale to whoever still has it in memory: looking again, it finds the reason.
        let set_aside = known.is_some() && self.standing.set_aside.contains(&id);
        if set_aside || known.map_or(0, |known| known.version) + 1 != step.change.entry.seq {
            return Committed::Stale;
        }
        let was_locked = known.is_some_and(|known| known.locked);
        if step.change.locked && !was_locked {
            let mut holders = step.resources.iter().filter_map(|resource| self.holder(resource));
            if let Some(holder) = holders.find(|holder| *holder != id) {
                return Committed::Held(holder);
            }
            self.holders.extend(step.resources.iter().map(|resource| (resource.as_str(), Some(id))));
        } else if was_locked && !step.change.locked {
            for resource in &step.resources {
                if self.holder(resource) == Some(id) {
                    self.holders.insert(resource, None);
                }
            }
        }
        self.seen.insert((id, &step.cause));
        let now = Known { version: step.change.entry.seq, locked: step.change.locked };
        self.standing.tickets.insert(id, now);
        Committed::Done
    }

    fn holder(&self, resource: &str) -> Option<RelocationId> {
        match self.holders.get(resource) {
            Some(now) => *now,
            None => self.standing.holders.get(resource).copied(),
        }
    }
}
