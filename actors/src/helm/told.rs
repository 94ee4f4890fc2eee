//! Telling the log's lines to whoever listens.

use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

use rehome_domain::{
    id::MessageId,
    ports::{Bus, BusError, Outgoing},
    steering::{Steered, Turn, news},
};

/// The lines that need not be told any more. None before the first look: then what still stands is told again, since nobody
/// may have been there to tell it.
#[derive(Default)]
pub(super) struct Told(Mutex<Option<HashSet<MessageId>>>);

impl Told {
    /// Somebody else sees to this line.
    pub(super) fn is_told(&self, id: &MessageId) {
        if let Some(told) = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            told.insert(id.clone());
        }
    }

    /// Whoever was to see to this line could not: it is new again.
    pub(super) fn is_new(&self, id: &MessageId) {
        if let Some(told) = &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            told.remove(id);
        }
    }

    /// Tells what of a log is new. What can't be told now is new again, also when this is given up half-way.
    pub(super) async fn tell(&self, bus: &dyn Bus, log: &[Steered]) {
        for line in self.fresh(log) {
            match bus.send(vec![Outgoing::Steered(line.clone())]).await {
                Ok(()) => self.is_told(&line.id),
                Err(BusError::Closed) => return,
                Err(error) => {
                    tracing::warn!(%error, id = %line.id, "steering could not be told, trying again");
                }
            }
        }
    }

    fn fresh(&self, log: &[Steered]) -> Vec<Steered> {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let lines: Vec<&Steered> = match &*told {
            None => news(log),
            Some(told) => log.iter().filter(|line| !told.contains(&line.id)).collect(),
        };
        // That all which was held back has begun is the log's own affair.
        let fresh: Vec<Steered> =
            lines.into_iter().filter(|line| line.turn != Turn::Lifted).cloned().collect();
        if told.is_none() {
            let new = |line: &&Steered| !fresh.iter().any(|fresh| fresh.id == line.id);
            *told = Some(log.iter().filter(new).map(|line| line.id.clone()).collect());
        }
        fresh
    }
}
