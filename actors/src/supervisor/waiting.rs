//! Inputs over which the store is in trouble wait here, and are tried again in the order they came.
//!
//! The trouble may be one ticket's (somebody keeps its row locked) or the whole store's; nobody can tell beforehand. So one
//! try is all that a ticket costs the others, and while one of its inputs waits, those behind it wait too: a cancel never
//! overtakes its submission. They stay unacknowledged: if this process ends, they come again, in their order.

use std::{collections::VecDeque, time::Duration};

use rehome_domain::{
    id::RelocationId,
    ports::{Delivery, Incoming},
};
use rustc_hash::FxHashSet;
use tokio::time::Instant;

use super::Supervisor;
use crate::metrics;

/// How long all of them rest after a try that failed. A try may last as long as the store waits for a lock, so what
/// waits costs what does not a fifth of the time, however many tickets wait.
const REST: Duration = Duration::from_secs(5);
/// Inputs of one ticket that wait here. More go back to the bus, and lose their place: those of one ticket must not take
/// all that the bus hands out ahead.
const OF_A_TICKET: usize = 8;
/// While so many wait, no new work is begun. Replies are still taken; there are only as many as orders out.
const AT_ALL: usize = 256;

/// The waiting inputs.
///
/// Nothing ends their waiting but the store. A broker that loses patience (RabbitMQ's consumer timeout, half an hour)
/// hands them out again, in their order: a copy takes the place of the one before it.
#[derive(Default)]
pub(super) struct Waiting {
    /// In the order of their next tries.
    lines: VecDeque<Line>,
    tickets: FxHashSet<RelocationId>,
    inputs: usize,
    /// Until then they rest.
    again: Option<Instant>,
}

/// Those of a ticket, the first one first.
struct Line {
    ticket: RelocationId,
    inputs: VecDeque<Delivery<Incoming>>,
}

/// What became of an input that is to wait.
#[derive(Debug, PartialEq, Eq)]
enum Joined {
    Behind,
    /// A copy of it waits already, and is now this one: the broker's number of the one before.
    InPlaceOf(u64),
    NoRoom,
}

impl Waiting {
    /// Whether inputs of this ticket wait: those that come now belong behind them.
    pub(super) fn has(&self, ticket: RelocationId) -> bool {
        self.tickets.contains(&ticket)
    }

    /// Whether so many wait that no new work should begin.
    pub(super) fn is_full(&self) -> bool {
        self.inputs >= AT_ALL
    }

    /// Lets an input wait behind the others of its ticket.
    fn join(&mut self, delivery: &Delivery<Incoming>) -> Joined {
        let ticket = delivery.message.envelope.relocation;
        if self.tickets.insert(ticket) {
            self.lines.push_back(Line { ticket, inputs: VecDeque::new() });
        }
        let Some(line) = self.lines.iter_mut().rfind(|line| line.ticket == ticket) else {
            return Joined::NoRoom;
        };
        let cause =
            |waits: &&mut Delivery<Incoming>| waits.message.envelope.cause == delivery.message.envelope.cause;
        if let Some(copy) = line.inputs.iter_mut().find(cause) {
            return Joined::InPlaceOf(std::mem::replace(copy, delivery.clone()).tag);
        }
        if line.inputs.len() >= OF_A_TICKET {
            return Joined::NoRoom;
        }
        line.inputs.push_back(delivery.clone());
        self.inputs += 1;
        self.again.get_or_insert_with(|| Instant::now() + REST);
        Joined::Behind
    }

    /// How long until the next try, at most this.
    pub(super) fn rest(&self, longest: Duration) -> Duration {
        self.again.map_or(longest, |again| again.saturating_duration_since(Instant::now()).min(longest))
    }

    /// The line whose turn it is, if all have rested.
    fn take_rested(&mut self) -> Option<Line> {
        self.again.filter(|again| *again <= Instant::now())?;
        let line = self.lines.pop_front()?;
        self.tickets.remove(&line.ticket);
        self.inputs -= line.inputs.len();
        Some(line)
    }

    /// After a try: the next may follow at once, or all rest again.
    fn tried(&mut self, failed: bool) {
        let next = if failed { Instant::now() + REST } else { Instant::now() };
        self.again = (!self.lines.is_empty()).then_some(next);
    }
}

impl Supervisor {
    /// Lets an input wait for the store; it is acknowledged when it has taken effect.
    pub(super) fn let_wait(&mut self, delivery: &Delivery<Incoming>) {
        self.keep_unacknowledged(delivery);
        match self.waiting.join(delivery) {
            Joined::Behind => {}
            // Of a channel that is closed, and then this says nothing; or it was sent twice, and one is enough.
            Joined::InPlaceOf(before) => self.led.tags.push(before),
            Joined::NoRoom => self.give_back(delivery, delivery.message.clone(), REST),
        }
        metrics::waiting(self.waiting.inputs);
    }

    /// Tries the inputs of one ticket, if those that wait have rested, until the store is in trouble over one of them.
    /// False if nothing was tried.
    pub(super) async fn try_again(&mut self) -> bool {
        let Some(line) = self.waiting.take_rested() else { return false };
        for delivery in line.inputs {
            self.led.tags.push(delivery.tag);
            self.alone(&delivery).await;
        }
        self.waiting.tried(self.waiting.has(line.ticket));
        metrics::waiting(self.waiting.inputs);
        true
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use rehome_domain::{
        command::By,
        id::MessageId,
        message::{Envelope, Input},
    };

    use super::*;

    fn ticket(n: u64) -> RelocationId {
        RelocationId(uuid::Uuid::from_u64_pair(7, n))
    }

    fn input(n: u64, tag: u64) -> Delivery<Incoming> {
        let envelope = Envelope {
            relocation: ticket(n),
            cause: MessageId(format!("c{tag}")),
            by: By::Nobody { via: "test".to_owned() },
            input: Input::Unpaused,
        };
        let message = Incoming { envelope, reply_to: None, early: 0 };
        Delivery { message, tag, trace: None, domain: None }
    }

    #[tokio::test(start_paused = true)]
    async fn tickets_take_turns_rest_together_after_a_failed_try_and_their_inputs_keep_their_order() {
        let tags = |line: Line| line.inputs.iter().map(|delivery| delivery.tag).collect::<Vec<_>>();
        let mut waiting = Waiting::default();
        assert_eq!(waiting.join(&input(1, 1)), Joined::Behind);
        tokio::time::advance(REST / 2).await;
        for (n, tag) in [(1, 2), (2, 3), (1, 4)] {
            assert_eq!(waiting.join(&input(n, tag)), Joined::Behind);
        }
        assert!(waiting.has(ticket(1)) && waiting.has(ticket(2)) && !waiting.has(ticket(3)));
        assert!(waiting.take_rested().is_none());
        assert_eq!(waiting.rest(Duration::from_secs(60)), REST / 2);
        tokio::time::advance(REST / 2).await;
        let line = waiting.take_rested().unwrap();
        assert!(!waiting.has(ticket(1)));
        for delivery in &line.inputs {
            waiting.join(delivery);
        }
        assert_eq!(tags(line), [1, 2, 4]);
        waiting.tried(true);
        assert!(waiting.take_rested().is_none());
        tokio::time::advance(REST).await;
        assert_eq!(tags(waiting.take_rested().unwrap()), [3], "the other one's turn");
        waiting.tried(false);
        assert_eq!(tags(waiting.take_rested().unwrap()), [1, 2, 4], "at once: the trouble is over");
        waiting.tried(false);
        assert_eq!((waiting.inputs, waiting.rest(Duration::from_secs(60))), (0, Duration::from_secs(60)));
    }

    #[test]
    fn what_comes_again_takes_the_place_of_its_copy() {
        let mut waiting = Waiting::default();
        for tag in 1..=3 {
            waiting.join(&input(1, tag));
        }
        let again = Delivery { tag: 12, ..input(1, 2) };
        assert_eq!(waiting.join(&again), Joined::InPlaceOf(2));
        let tags: Vec<u64> = waiting.lines[0].inputs.iter().map(|delivery| delivery.tag).collect();
        assert_eq!((tags, waiting.inputs), (vec![1, 12, 3], 3));
    }

    #[test]
    fn one_ticket_takes_so_many_places_only_and_many_keep_new_work_away() {
        let mut waiting = Waiting::default();
        for n in 0..AT_ALL as u64 {
            assert_eq!(waiting.is_full(), n >= (AT_ALL / OF_A_TICKET) as u64);
            for tag in 0..=OF_A_TICKET as u64 {
                let room = tag < OF_A_TICKET as u64;
                let expected = if room { Joined::Behind } else { Joined::NoRoom };
                assert_eq!(waiting.join(&input(n, tag)), expected);
            }
        }
    }
}
