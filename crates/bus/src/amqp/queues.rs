//! The ports' queues over taps.

use std::{collections::HashMap, sync::Arc};

use rehome_domain::{
    order::WorkOrder,
    ports::{
        Acks, Answered, Answers, DeadLetter, DeadQueue, Delivery, Events, Heard, Incoming, Inputs,
        SteeringQueue, Wait, Wish, WorkQueue,
    },
};

use super::{
    acks::Acknowledger,
    consume::{Handed, Tap},
};

/// Publishers whose events are counted; more than there are supervisors, and bounded.
const PUBLISHERS: usize = 256;

impl<T> From<Handed<T>> for Delivery<T> {
    fn from(handed: Handed<T>) -> Self {
        Self { message: handed.message, tag: handed.tag, trace: handed.trace, domain: handed.domain }
    }
}

fn acknowledger<T>(taps: &[&Tap<T>]) -> Arc<dyn Acks> {
    let (queues, alive) = taps.iter().map(|tap| tap.session()).unzip();
    Arc::new(Acknowledger { queues, _alive: alive })
}

/// The supervisor's two queues.
pub(super) struct AmqpInputs {
    pub(super) intake: Tap<Incoming>,
    pub(super) supervisor: Tap<Incoming>,
}

impl Inputs for AmqpInputs {
    fn next(&mut self, max: usize, commands: bool) -> Wait<'_, Option<Vec<Delivery<Incoming>>>> {
        Box::pin(async move {
            let first = tokio::select! {
                biased;
                input = self.supervisor.next() => input,
                input = self.intake.next(), if commands => input,
            }?;
            let supervisor = std::iter::from_fn(|| self.supervisor.ready());
            let intake = std::iter::from_fn(|| commands.then(|| self.intake.ready()).flatten());
            let batch = std::iter::once(first).chain(supervisor).chain(intake).take(max.max(1));
            Some(batch.map(Delivery::from).collect())
        })
    }

    fn acks(&self) -> Arc<dyn Acks> {
        acknowledger(&[&self.intake, &self.supervisor])
    }
}

/// A layer's queue.
pub(super) struct AmqpWork(pub(super) Tap<WorkOrder>);

impl WorkQueue for AmqpWork {
    fn next(&mut self) -> Wait<'_, Option<Delivery<WorkOrder>>> {
        Box::pin(async move { self.0.next().await.map(Delivery::from) })
    }

    fn acks(&self) -> Arc<dyn Acks> {
        acknowledger(&[&self.0])
    }
}

/// Wishes to pause and to resume.
pub(super) struct AmqpSteering(pub(super) Tap<Wish>);

impl SteeringQueue for AmqpSteering {
    fn next(&mut self) -> Wait<'_, Option<Delivery<Wish>>> {
        Box::pin(async move { self.0.next().await.map(Delivery::from) })
    }

    fn acks(&self) -> Arc<dyn Acks> {
        acknowledger(&[&self.0])
    }
}

/// The dead letters.
pub(super) struct AmqpDead(pub(super) Tap<DeadLetter>);

impl DeadQueue for AmqpDead {
    fn next(&mut self) -> Wait<'_, Option<Delivery<DeadLetter>>> {
        Box::pin(async move { self.0.next().await.map(Delivery::from) })
    }

    fn acks(&self) -> Arc<dyn Acks> {
        acknowledger(&[&self.0])
    }
}

/// An event with its count, if its publisher counts.
pub(super) type Counted = (Heard, Option<(String, u64)>);

/// Events acknowledged together while more are there already. Fewer than are delivered ahead, or none would come.
const ACKED_TOGETHER: usize = 64;

/// Events and alarms. They are acknowledged once they are handed out, before the next one is waited for: nobody's truth
/// depends on them.
pub(super) struct AmqpEvents {
    tap: Tap<Counted>,
    acks: Arc<dyn Acks>,
    /// Handed out and not acknowledged.
    unacked: Vec<u64>,
    last: HashMap<String, u64>,
    /// What was heard after a gap that had to be told first.
    kept: Option<Heard>,
}

impl AmqpEvents {
    pub(super) fn new(tap: Tap<Counted>) -> Self {
        let acks = acknowledger(&[&tap]);
        Self { tap, acks, unacked: Vec::new(), last: HashMap::new(), kept: None }
    }

    /// The next delivery. What was handed out before is acknowledged when enough of it has come together, and before this
    /// waits.
    async fn delivered(&mut self) -> Option<Handed<Counted>> {
        let ready = self.tap.ready();
        if !self.unacked.is_empty() && (ready.is_none() || self.unacked.len() >= ACKED_TOGETHER) {
            // It can't fail: a session that is gone takes no acknowledgements.
            let _ = self.acks.ack(self.unacked.clone()).await;
            self.unacked.clear();
        }
        let handed = match ready {
            Some(handed) => handed,
            None => self.tap.next().await?,
        };
        self.unacked.push(handed.tag);
        Some(handed)
    }

    /// How many of its publisher's events passed before this one; none if it came before.
    fn gap(&mut self, publisher: String, count: u64) -> Option<u64> {
        if self.last.len() >= PUBLISHERS && !self.last.contains_key(&publisher) {
            self.last.clear();
        }
        let last = self.last.entry(publisher).or_insert(count.saturating_sub(1));
        let gap = count.checked_sub(*last)?.checked_sub(1)?;
        *last = count;
        Some(gap)
    }
}

impl Events for AmqpEvents {
    fn next(&mut self) -> Wait<'_, Option<Heard>> {
        Box::pin(async move {
            if let Some(kept) = self.kept.take() {
                return Some(kept);
            }
            loop {
                let Handed { message: (heard, counted), .. } = self.delivered().await?;
                let gap = match counted {
                    Some((publisher, count)) => self.gap(publisher, count),
                    None => Some(0),
                };
                let told = match gap {
                    // It came twice.
                    None => None,
                    Some(0) => Some(heard),
                    Some(missed) => {
                        self.kept = Some(heard);
                        Some(Heard::Missed(missed))
                    }
                };
                if told.is_some() {
                    return told;
                }
            }
        })
    }
}

/// Answers to one asker, acknowledged when they are handed out: the outcome is in the ticket's journal too.
pub(super) struct AmqpAnswers {
    tap: Tap<Answered>,
    acks: Arc<dyn Acks>,
}

impl AmqpAnswers {
    pub(super) fn new(tap: Tap<Answered>) -> Self {
        let acks = acknowledger(&[&tap]);
        Self { tap, acks }
    }
}

impl Answers for AmqpAnswers {
    fn next(&mut self) -> Wait<'_, Option<Answered>> {
        Box::pin(async move {
            let Handed { message, tag, .. } = self.tap.next().await?;
            let _ = self.acks.ack(vec![tag]).await;
            Some(message)
        })
    }
}
