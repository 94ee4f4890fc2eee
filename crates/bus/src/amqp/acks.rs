//! Acknowledging.
//!
//! A tag names the session (one channel of one connection) a message was delivered on and its delivery tag there. A
//! session that is gone takes no more acknowledgements: the broker gives its messages out again.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use futures::future::join_all;
use lapin::{
    Channel,
    options::{BasicAckOptions, BasicRejectOptions},
};
use rehome_domain::ports::{Acks, BusError, Wait};
use tokio::sync::{mpsc, watch};

/// How many bits of a tag are the broker's: at 20,000 messages a second enough for 27 years on one channel.
const BITS: u32 = 44;

/// A message's tag on one session.
pub(super) const fn tag(session: u64, delivery: u64) -> u64 {
    (session << BITS) | (delivery & ((1 << BITS) - 1))
}

/// The session a tag belongs to.
pub(super) const fn session_of(tag: u64) -> u64 {
    tag >> BITS
}

const fn delivery_of(tag: u64) -> u64 {
    tag & ((1 << BITS) - 1)
}

/// One channel's deliveries.
pub(super) struct Session {
    pub(super) number: u64,
    channel: Channel,
    /// Delivered and not acknowledged. Invariant: whatever is not in it has taken effect or was never delivered.
    outstanding: Mutex<BTreeSet<u64>>,
    /// To be acknowledged by whoever has the turn next.
    waiting: Mutex<Vec<u64>>,
    /// Held from taking tags out of `outstanding` until they are written: an acknowledgement that covers several must
    /// not be overtaken by one that covers more.
    turn: tokio::sync::Mutex<()>,
    /// Becomes true when the session is lost.
    over: watch::Sender<bool>,
}

impl Session {
    pub(super) fn new(number: u64, channel: Channel) -> Arc<Self> {
        let (outstanding, waiting, turn, over) = Default::default();
        Arc::new(Self { number, channel, outstanding, waiting, turn, over })
    }

    /// The session is lost: nobody waits any more for a word that it can't take.
    pub(super) fn end(&self) {
        self.over.send_replace(true);
    }

    /// Writes to the channel; nothing comes of it once the session is lost. A write that the connection's end overtakes
    /// may never be answered, so it is not waited for beyond that.
    async fn word(&self, writing: impl Future<Output = lapin::Result<()>>) -> bool {
        let mut over = self.over.subscribe();
        let written = tokio::select! {
            written = writing => written.map_err(|error| error.to_string()),
            _ = over.wait_for(|over| *over) => Err("its session is lost".to_owned()),
        };
        if let Err(why) = &written {
            tracing::debug!(why, "a channel is gone, what came by it comes again");
        }
        written.is_ok()
    }

    /// A message has come. Its tag.
    pub(super) fn delivered(&self, delivery: u64) -> u64 {
        self.outstanding.lock().unwrap_or_else(PoisonError::into_inner).insert(delivery);
        tag(self.number, delivery)
    }

    /// How many are delivered and not acknowledged.
    pub(super) fn in_hand(&self) -> usize {
        self.outstanding.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Whether nothing is delivered that is not acknowledged, and no acknowledgement on its way to the broker.
    pub(super) fn is_idle(&self) -> bool {
        self.turn.try_lock().is_ok() && self.in_hand() == 0
    }

    /// Acknowledges, with as few words as can be: one covers all up to the first that is still outstanding. What others
    /// bring while a word is on its way goes with the next: each word costs the broker about as much as a message.
    pub(super) async fn ack(&self, tags: &[u64]) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).extend(tags);
        let _turn = self.turn.lock().await;
        let waiting = std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        let (together, alone) = self.settle(&waiting);
        let together = together.map(|upto| (upto, true)).into_iter();
        let words = together.chain(alone.into_iter().map(|one| (one, false)));
        // In order: the first poll of each puts it on its way.
        join_all(words.map(|(delivery, multiple)| {
            self.word(self.channel.basic_ack(delivery, BasicAckOptions { multiple }))
        }))
        .await;
    }

    /// Gives a message to the broker to set aside: it can't be dealt with here.
    pub(super) async fn reject(&self, tag: u64) {
        self.refuse(tag, false).await;
    }

    /// Gives a message back to the queue, for somebody else.
    pub(super) async fn hand_back(&self, tag: u64) {
        self.refuse(tag, true).await;
    }

    async fn refuse(&self, tag: u64, requeue: bool) {
        let _turn = self.turn.lock().await;
        let (together, alone) = self.settle(&[tag]);
        for delivery in together.into_iter().chain(alone) {
            let options = BasicRejectOptions { requeue };
            self.word(self.channel.basic_reject(delivery, options)).await;
        }
    }

    fn settle(&self, tags: &[u64]) -> (Option<u64>, Vec<u64>) {
        let mut outstanding = self.outstanding.lock().unwrap_or_else(PoisonError::into_inner);
        let mut settled: Vec<u64> = tags
            .iter()
            .map(|tag| delivery_of(*tag))
            .filter(|delivery| outstanding.remove(delivery))
            .collect();
        settled.sort_unstable();
        let first = outstanding.first().copied().unwrap_or(u64::MAX);
        let alone = settled.split_off(settled.partition_point(|delivery| *delivery < first));
        (settled.last().copied(), alone)
    }
}

/// What a consumer's session is now.
#[derive(Default)]
pub(super) struct Current(Mutex<Option<Arc<Session>>>);

impl Current {
    pub(super) fn set(&self, session: Option<Arc<Session>>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = session;
    }

    pub(super) fn get(&self) -> Option<Arc<Session>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn is(&self, number: u64) -> bool {
        self.get().is_some_and(|session| session.number == number)
    }
}

/// Acknowledges what a port's queues have handed out.
pub(super) struct Acknowledger {
    /// The sessions of the queues behind the port.
    pub(super) queues: Vec<Arc<Current>>,
    /// While it lives the sessions are kept.
    pub(super) _alive: Vec<mpsc::Sender<()>>,
}

impl Acks for Acknowledger {
    fn ack(&self, tags: Vec<u64>) -> Wait<'_, Result<(), BusError>> {
        Box::pin(async move {
            for session in self.queues.iter().filter_map(|queue| queue.get()) {
                let own: Vec<u64> =
                    tags.iter().copied().filter(|tag| session_of(*tag) == session.number).collect();
                if !own.is_empty() {
                    session.ack(&own).await;
                }
            }
            Ok(())
        })
    }
}
