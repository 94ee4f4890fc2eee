//! Publishing: one task, one channel, many messages under way, each confirm awaited.
//!
//! ```text
//!   send() ──job──▶ [publishing task] ──basic.publish──▶ broker
//!     ▲                 │  flights: published, not confirmed      │
//!     └──── all ────────┴────────◀──── ack, nack, return ◀────────┘
//! ```
//!
//! What is not confirmed when a connection is lost is published again on the next one, in order: at least once. A
//! nacked message is published again after a pause; one that is nacked again and again, over another connection: a
//! channel that has lost sight of its queue's leader may nack for ever. Several tasks on one channel would mix up
//! verdicts, so there is one (found by trial).
//!
//! The broker closes the channel over a message it can't take (too large, no right to write there, a forged user) and
//! does not say which. So after such an end the flights are published one by one, and the one that does it again alone
//! is the one that fails.

mod line;
mod verdict;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use futures::StreamExt;
use lapin::types::AMQPValue;
use rehome_domain::ports::BusError;
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{Instant, Interval, MissedTickBehavior, interval, sleep_until, timeout_at},
};
use uuid::Uuid;

use self::line::Line;
use crate::metrics;

use super::{
    connection::{Backoff, Phase, Shared, Standing, close, reached},
    wire::{
        header,
        outward::{Packed, text},
    },
};

/// What the connection is called.
const PURPOSE: &str = "publish";
/// Calls waiting before the next one waits to be taken: enough that the task never idles.
const JOBS: usize = 64;
/// The pause before a message the broker did not take, or had no queue for, is published again.
const AGAIN: Duration = Duration::from_millis(250);
/// How often the age of the oldest flight is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// The messages of one call, and whom to tell.
struct Job {
    messages: Vec<Packed>,
    done: oneshot::Sender<Result<(), BusError>>,
}

/// Hands messages to the publishing task.
#[derive(Clone)]
pub(super) struct Publishing(mpsc::Sender<Job>);

impl Publishing {
    /// Starts the task.
    pub(super) fn start(
        shared: Arc<Shared>,
        phase: watch::Receiver<Phase>,
    ) -> (Self, impl Future<Output = ()> + Send) {
        let (sender, jobs) = mpsc::channel(JOBS);
        let publisher = Publisher {
            backoff: Backoff::new(shared.limits()),
            patience: shared.limits().refused,
            shared,
            jobs,
            phase,
            flights: BTreeMap::new(),
            calls: HashMap::new(),
            next: 0,
            again: Vec::new(),
            again_at: Instant::now(),
            undeclared: false,
            suspicious: false,
            me: Uuid::now_v7().to_string(),
            events: 0,
        };
        (Self(sender), publisher.run())
    }

    /// Resolves when the broker has confirmed them all.
    pub(super) async fn send(&self, messages: Vec<Packed>) -> Result<(), BusError> {
        if messages.is_empty() {
            return Ok(());
        }
        let (done, told) = oneshot::channel();
        self.0.send(Job { messages, done }).await.map_err(|_| BusError::Closed)?;
        told.await.unwrap_or(Err(BusError::Closed))
    }
}

/// A message that is published, or waits to be published again.
struct Flight {
    packed: Arc<Packed>,
    /// The call it belongs to.
    call: u64,
    /// When it was last handed to the broker.
    since: Instant,
    /// When the broker first refused it, or had no queue for it, over this connection.
    refused: Option<Instant>,
    /// The broker had no queue for it: its ack says nothing.
    unrouted: bool,
}

/// A call some of whose messages are in flight.
struct Call {
    flights: usize,
    done: oneshot::Sender<Result<(), BusError>>,
}

/// Why publishing over one connection ended.
enum Ended {
    /// All is sent, and no more will come.
    Done,
    /// The connection or channel is gone.
    Lost(String),
}

struct Publisher {
    shared: Arc<Shared>,
    jobs: mpsc::Receiver<Job>,
    phase: watch::Receiver<Phase>,
    backoff: Backoff,
    /// By the order they were handed over.
    flights: BTreeMap<u64, Flight>,
    calls: HashMap<u64, Call>,
    /// The number of the next flight or call.
    next: u64,
    /// Flights to be published again after a pause.
    again: Vec<u64>,
    /// When it ends.
    again_at: Instant,
    /// A queue was not there.
    undeclared: bool,
    /// How long a message may be refused over one connection.
    patience: Duration,
    /// The broker closed the channel over one of the flights.
    suspicious: bool,
    /// Names this publisher to listeners.
    me: String,
    /// Events published so far.
    events: u64,
}

impl Publisher {
    async fn run(mut self) {
        loop {
            let (mut stopped, patience) = (self.phase.clone(), self.flush());
            let opened = tokio::select! {
                opened = Line::open(&self.shared) => opened,
                () = given_up(&mut stopped, patience) => break,
            };
            let trouble = match opened {
                Ok(mut line) => {
                    self.shared.stands(PURPOSE, Standing::Connected);
                    let ended = self.over(&mut line).await;
                    line.pending.clear();
                    close(&line.connection).await;
                    match ended {
                        Ended::Done => break,
                        Ended::Lost(why) => why,
                    }
                }
                Err(trouble) => trouble,
            };
            self.shared.stands(PURPOSE, Standing::Connecting { trouble: Some(trouble) });
            let (pause, patience) = (self.backoff.pause(), self.flush());
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = given_up(&mut stopped, patience) => break,
            }
        }
        self.shared.no_longer(PURPOSE);
        self.shared.unconfirmed.store(0, Ordering::Relaxed);
    }

    /// How long a broker that is away is waited for once the adapter stops.
    fn flush(&self) -> Duration {
        let nothing = self.flights.is_empty() && self.jobs.is_empty();
        if nothing { Duration::ZERO } else { self.shared.limits().flush }
    }

    /// Publishes over one connection until it is lost or all is done.
    async fn over(&mut self, line: &mut Line) -> Ended {
        if let Err(why) = self.begin(line).await {
            return Ended::Lost(why);
        }
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            if let Some(ended) = self.step(line, &mut look).await {
                return ended;
            }
            self.shared.unconfirmed.store(self.flights.len(), Ordering::Relaxed);
        }
    }

    /// Publishes again what an earlier connection left unconfirmed.
    async fn begin(&mut self, line: &mut Line) -> Result<(), String> {
        self.again.clear();
        if self.suspicious {
            self.one_by_one(line).await?;
        }
        self.suspicious = false;
        metrics::repeated(self.flights.len());
        for (number, flight) in &mut self.flights {
            (flight.since, flight.refused, flight.unrouted) = (Instant::now(), None, false);
            line.publish(*number, Arc::clone(&flight.packed));
        }
        Ok(())
    }

    /// Deals with the next thing that happens. Answers why publishing over this connection is over, if it is.
    async fn step(&mut self, line: &mut Line, look: &mut Interval) -> Option<Ended> {
        let room = self.flights.len() < self.shared.limits().unconfirmed;
        let (idle, mut taken, mut stopped) = (self.again.is_empty(), Vec::new(), self.phase.clone());
        let lost = tokio::select! {
            Some(first) = line.pending.next() => {
                self.backoff.reset();
                let lost = self.settle(line, first);
                if idle {
                    self.again_at = Instant::now() + AGAIN;
                }
                lost
            }
            jobs = self.jobs.recv_many(&mut taken, JOBS), if room => {
                for job in taken {
                    self.take(line, job);
                }
                if jobs == 0 {
                    self.finish(line).await;
                    return Some(Ended::Done);
                }
                None
            }
            () = sleep_until(self.again_at), if !idle => self.publish_again(line).await.err(),
            event = line.events.next() => self.happened(line, event),
            _ = look.tick() => self.overdue(line),
            () = reached(&mut stopped, Phase::Stopped), if !self.jobs.is_closed() => {
                self.jobs.close();
                None
            }
        };
        lost.map(Ended::Lost)
    }

    /// No more calls come: waits for what is in flight, but not for ever.
    async fn finish(&mut self, line: &mut Line) {
        let end = Instant::now() + self.shared.limits().flush;
        while !self.flights.is_empty() {
            let Ok(Some(first)) = timeout_at(end, line.pending.next()).await else { return };
            if self.settle(line, first).is_some() {
                return;
            }
        }
    }

    /// Takes a call's messages and publishes them.
    fn take(&mut self, line: &Line, job: Job) {
        let call = self.number();
        self.calls.insert(call, Call { flights: job.messages.len(), done: job.done });
        for mut packed in job.messages {
            if packed.counted {
                self.events += 1;
                packed.header(header::PUBLISHER, text(&self.me));
                let count = i64::try_from(self.events).unwrap_or(i64::MAX);
                packed.header(header::COUNT, AMQPValue::LongLongInt(count));
            }
            metrics::published();
            self.launch(line, call, packed);
        }
    }

    fn launch(&mut self, line: &Line, call: u64, packed: Packed) {
        let (number, packed) = (self.number(), Arc::new(packed));
        line.publish(number, Arc::clone(&packed));
        self.flights
            .insert(number, Flight { packed, call, since: Instant::now(), refused: None, unrouted: false });
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }
}

/// Once the adapter stops, a broker that is away is waited for so long and no longer.
async fn given_up(phase: &mut watch::Receiver<Phase>, patience: Duration) {
    reached(phase, Phase::Stopped).await;
    tokio::time::sleep(patience).await;
}
