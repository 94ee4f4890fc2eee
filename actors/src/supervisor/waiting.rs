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
use rustc_hash::FxHashMap;
use tokio::time::Instant;

use super::Supervisor;

/// How long a ticket rests between tries.
const REST: Duration = Duration::from_secs(5);
/// Inputs that wait here at most, of one ticket and in all. More go back to the bus, and lose their place.
const OF_A_TICKET: usize = 32;
const AT_ALL: usize = 256;

/// The waiting inputs.
#[derive(Default)]
pub(super) struct Waiting {
    tickets: FxHashMap<RelocationId, Line>,
    inputs: usize,
}

/// Those of a ticket, the first one first.
struct Line {
    again: Instant,
    inputs: VecDeque<Delivery<Incoming>>,
}

impl Waiting {
    /// Whether inputs of this ticket wait: those that come now belong behind them.
    pub(super) fn has(&self, ticket: RelocationId) -> bool {
        self.tickets.contains_key(&ticket)
    }

    /// Lets an input wait behind the others of its ticket. False: there is no room.
    fn join(&mut self, delivery: &Delivery<Incoming>) -> bool {
        let ticket = delivery.message.envelope.relocation;
        let line = self.tickets.get(&ticket).map_or(0, |line| line.inputs.len());
        if self.inputs >= AT_ALL || line >= OF_A_TICKET {
            return false;
        }
        let new = || Line { again: Instant::now() + REST, inputs: VecDeque::new() };
        self.tickets.entry(ticket).or_insert_with(new).inputs.push_back(delivery.clone());
        self.inputs += 1;
        true
    }

    /// When the next ticket has rested.
    fn next(&self) -> Option<(Instant, RelocationId)> {
        self.tickets.iter().map(|(ticket, line)| (line.again, *ticket)).min()
    }

    /// How long until then, at most this.
    pub(super) fn rest(&self, longest: Duration) -> Duration {
        let rest = self.next().map(|(again, _)| again.saturating_duration_since(Instant::now()));
        rest.map_or(longest, |rest| rest.min(longest))
    }

    /// The inputs of a ticket that has rested.
    fn take_rested(&mut self) -> Option<VecDeque<Delivery<Incoming>>> {
        let (_, ticket) = self.next().filter(|(again, _)| *again <= Instant::now())?;
        let line = self.tickets.remove(&ticket)?;
        self.inputs -= line.inputs.len();
        Some(line.inputs)
    }
}

impl Supervisor {
    /// Lets an input wait for the store; it is acknowledged when it has taken effect.
    pub(super) fn let_wait(&mut self, delivery: &Delivery<Incoming>) {
        self.keep_unacknowledged(delivery);
        if !self.waiting.join(delivery) {
            self.give_back(delivery, delivery.message.clone(), REST);
        }
    }

    /// Tries the inputs of one ticket that has rested, until the store is in trouble over one of them. False if none has.
    pub(super) async fn try_again(&mut self) -> bool {
        let Some(inputs) = self.waiting.take_rested() else { return false };
        for delivery in inputs {
            self.led.tags.push(delivery.tag);
            self.alone(&delivery).await;
        }
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
    async fn a_ticket_rests_from_its_first_input_on_and_its_inputs_keep_their_order() {
        let mut waiting = Waiting::default();
        assert!(waiting.join(&input(1, 1)));
        tokio::time::advance(REST / 2).await;
        for (n, tag) in [(1, 2), (2, 3), (1, 4)] {
            assert!(waiting.join(&input(n, tag)));
        }
        assert!(waiting.has(ticket(1)) && waiting.has(ticket(2)) && !waiting.has(ticket(3)));
        assert!(waiting.take_rested().is_none());
        assert_eq!(waiting.rest(Duration::from_secs(60)), REST / 2);
        tokio::time::advance(REST / 2).await;
        let tags: Vec<u64> = waiting.take_rested().unwrap().iter().map(|delivery| delivery.tag).collect();
        assert_eq!(tags, [1, 2, 4]);
        assert!(waiting.take_rested().is_none() && !waiting.has(ticket(1)));
        tokio::time::advance(REST / 2).await;
        assert_eq!(waiting.take_rested().unwrap()[0].tag, 3);
        assert_eq!((waiting.inputs, waiting.rest(Duration::from_secs(60))), (0, Duration::from_secs(60)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_ticket_and_all_together_wait_here_with_so_many_inputs_only() {
        let mut waiting = Waiting::default();
        let mut taken = 0;
        for n in 0..100_u32 {
            for tag in 0..=OF_A_TICKET as u64 {
                taken += usize::from(waiting.join(&input(n.into(), tag)));
            }
            assert_eq!(taken, (usize::try_from(n + 1).unwrap() * OF_A_TICKET).min(AT_ALL));
        }
    }
}
