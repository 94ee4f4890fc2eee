//! Inputs that can't be taken now are given back to the bus: to wait their turn, or for somebody else.

use std::{sync::Arc, time::Duration};

use rehome_domain::{
    id::RelocationId,
    message::Rejection,
    ports::{BusError, Delivery, Incoming, Outgoing, StoreError, Unreadable},
};
use rustc_hash::FxHashMap;

use super::Supervisor;

/// How long an input of a newer binary's ticket waits at first; each further time of the same ticket twice as long.
const NEWER_FIRST: Duration = Duration::from_millis(100);
/// No wait is longer: a process as new may just have started.
const NEWER_LONGEST: Duration = Duration::from_secs(30);
/// So many newer tickets are remembered; when there are more, what was said of them is said again.
const NEWER_KNOWN: usize = 4096;

/// Tickets that only newer supervisors can continue, and how long their next input waits for one.
#[derive(Default)]
pub(super) struct Newer(FxHashMap<RelocationId, Duration>);

impl Newer {
    /// How long an input waits, and whether it is the ticket's first.
    fn wait(&mut self, ticket: RelocationId) -> (Duration, bool) {
        if self.0.len() >= NEWER_KNOWN && !self.0.contains_key(&ticket) {
            self.0.clear();
        }
        let last = self.0.get(&ticket).copied();
        let wait = last.map_or(NEWER_FIRST, |last| (last * 2).min(NEWER_LONGEST));
        self.0.insert(ticket, wait);
        (wait, last.is_none())
    }

    /// It can be read again: what it was is over.
    pub(super) fn forget(&mut self, ticket: RelocationId) {
        if !self.0.is_empty() {
            self.0.remove(&ticket);
        }
    }
}

impl Supervisor {
    /// An input whose ticket a newer binary has written. Over a bus that others share it goes back, for a newer process,
    /// however long that takes; where there are no others it is rejected. The ticket is well, and stays as it is.
    pub(super) async fn leave_to_newer(
        &mut self,
        delivery: &Delivery<Incoming>,
        why: &Unreadable,
    ) -> Result<(), StoreError> {
        let incoming = &delivery.message;
        let relocation = incoming.envelope.relocation;
        if !self.parts.bus.keeps_messages() {
            let rejection = Rejection::Newer { relocation, reason: why.to_string() };
            return self.reject(delivery, rejection).await;
        }
        let (wait, first) = self.newer.wait(relocation);
        if first {
            tracing::warn!(%relocation, %why, "a ticket is left to a newer process");
        }
        self.give_back(delivery, incoming.clone(), wait);
        Ok(())
    }

    /// Puts an input back on the bus after a while. It is acknowledged once it is there.
    pub(super) fn give_back(&mut self, delivery: &Delivery<Incoming>, again: Incoming, after: Duration) {
        self.keep_unacknowledged(delivery);
        let again = Outgoing::Reply(again).traced(delivery.trace.clone());
        let (bus, acks, tag) = (Arc::clone(&self.parts.bus), Arc::clone(&self.acks), delivery.tag);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(after).await;
                match bus.send(vec![again.clone()]).await {
                    Ok(()) => break,
                    // Not acknowledged, it comes again to whoever works on.
                    Err(BusError::Closed) => return,
                    Err(error) => tracing::warn!(%error, "an input could not be put back, trying again"),
                }
            }
            if let Err(error) = acks.ack(vec![tag]).await {
                tracing::warn!(%error, "an input that was put back could not be acknowledged and comes again");
            }
        });
    }

    /// An input that is not done with when its batch is.
    pub(super) fn keep_unacknowledged(&mut self, delivery: &Delivery<Incoming>) {
        self.led.tags.retain(|tag| *tag != delivery.tag);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_ticket_is_told_once_waits_longer_each_time_and_at_most_so_many_are_remembered() {
        let ticket = |n| RelocationId(uuid::Uuid::from_u64_pair(7, n));
        let mut newer = Newer::default();
        let waits: Vec<(Duration, bool)> = (0..12).map(|_| newer.wait(ticket(0))).collect();
        assert_eq!(waits[0], (NEWER_FIRST, true));
        assert!(waits.is_sorted_by_key(|(wait, _)| *wait) && waits[1..].iter().all(|(_, first)| !first));
        assert_eq!(waits[11].0, NEWER_LONGEST);
        for n in 0..2 * NEWER_KNOWN as u64 {
            newer.wait(ticket(n));
        }
        assert!(newer.0.len() <= NEWER_KNOWN);
    }
}
