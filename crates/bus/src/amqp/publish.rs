//! Publishing: one task, one channel, many messages under way, each confirm awaited.
//!
//! ```text
//!   send() ──job──▶ [publishing task] ──basic.publish──▶ broker
//!     ▲                 │  flights: published, not confirmed      │
//!     └──── all ────────┴────────◀──── ack, nack, return ◀────────┘
//! ```
//!
//! What is not confirmed when a connection is lost is published again on the next one, in order: at least once. A
//! nacked message is published again after a pause. Several tasks on one channel would mix up verdicts, so there is
//! one (found by trial).
//!
//! The broker closes the channel over a message it can't take (too large, no right to write there, a forged user) and
//! does not say which. So after such an end the flights are published one by one, and the one that does it again alone
//! is the one that fails.

use std::{
    collections::{BTreeMap, HashMap},
    pin::Pin,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use futures::{FutureExt, Stream, StreamExt, stream::FuturesUnordered};
use lapin::{
    Channel, Confirmation, Connection, Event,
    message::BasicReturnMessage,
    options::{BasicPublishOptions, ConfirmSelectOptions},
    protocol::AMQPSoftError,
    types::AMQPValue,
};
use rehome_domain::{id::WorkOrderId, message::Envelope, ports::BusError};
use tokio::{
    sync::{mpsc, oneshot, watch},
    time::{Instant, MissedTickBehavior, interval, sleep_until, timeout_at},
};
use uuid::Uuid;

use crate::metrics;

use super::{
    connection::{Backoff, Phase, Shared, Standing, close, reached},
    topology::soft,
    wire::{
        header,
        outward::{Packed, internal, text},
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

type Verdict = lapin::Result<Confirmation>;
type Pending = Pin<Box<dyn Future<Output = (u64, Verdict)> + Send>>;
type LineEvents = Pin<Box<dyn Stream<Item = Event> + Send>>;

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
            shared,
            jobs,
            phase,
            flights: BTreeMap::new(),
            calls: HashMap::new(),
            next: 0,
            again: Vec::new(),
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
    since: Instant,
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
    /// The broker closed the channel over one of the flights.
    suspicious: bool,
    /// Names this publisher to listeners.
    me: String,
    /// Events published so far.
    events: u64,
}

/// A connection with its channel, and what is under way on it.
struct Line {
    connection: Connection,
    channel: Channel,
    events: LineEvents,
    blocked: bool,
    pending: FuturesUnordered<Pending>,
}

impl Line {
    async fn open(shared: &Shared) -> Result<Self, String> {
        let connection = shared.open(PURPOSE).await.map_err(|error| error.to_string())?;
        let events: LineEvents = Box::pin(connection.events_listener());
        let opening = async {
            let channel = connection.create_channel().await?;
            channel.confirm_select(ConfirmSelectOptions::default()).await?;
            Ok::<_, lapin::Error>(channel)
        };
        let late = Instant::now() + shared.limits().connect;
        let channel = match timeout_at(late, opening).await {
            Ok(Ok(channel)) => channel,
            Ok(Err(error)) => return Err(error.to_string()),
            Err(_) => return Err("no channel in time".to_owned()),
        };
        Ok(Self { connection, channel, events, blocked: false, pending: FuturesUnordered::new() })
    }

    /// Puts a message on its way. The first poll writes it to the connection's buffer, so that order is kept.
    fn publish(&self, number: u64, packed: Arc<Packed>) {
        let channel = self.channel.clone();
        let mut publishing: Pending = Box::pin(async move { (number, publish(&channel, &packed).await) });
        match publishing.as_mut().now_or_never() {
            None => self.pending.push(publishing),
            Some(ended) => self.pending.push(Box::pin(std::future::ready(ended))),
        }
    }

    /// Takes note of what happened to the connection. Answers why it is lost, if it is.
    fn note(&mut self, shared: &Shared, event: Option<Event>) -> Option<String> {
        match event {
            Some(Event::ConnectionBlocked(reason)) => {
                self.blocked = true;
                shared.stands(PURPOSE, Standing::Blocked { reason });
            }
            Some(Event::ConnectionUnblocked) => {
                self.blocked = false;
                shared.stands(PURPOSE, Standing::Connected);
            }
            Some(Event::Error(error)) if !self.connection.status().connected() => {
                return Some(error.to_string());
            }
            None => return Some("the connection is gone".to_owned()),
            Some(_) => {}
        }
        None
    }
}

/// Publishes and awaits the verdict.
async fn publish(channel: &Channel, packed: &Packed) -> Verdict {
    let options = BasicPublishOptions { mandatory: packed.mandatory, ..Default::default() };
    let (exchange, key, properties) =
        (packed.exchange.clone(), packed.key.clone(), packed.properties.clone());
    channel.basic_publish(exchange, key, options, &packed.body, properties).await?.await
}

impl Publisher {
    async fn run(mut self) {
        loop {
            let (mut stopped, patience) = (self.phase.clone(), self.patience());
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
            let (pause, patience) = (self.backoff.pause(), self.patience());
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = given_up(&mut stopped, patience) => break,
            }
        }
        self.shared.no_longer(PURPOSE);
        self.shared.unconfirmed.store(0, Ordering::Relaxed);
    }

    /// How long a broker that is away is waited for once the adapter stops.
    fn patience(&self) -> Duration {
        let nothing = self.flights.is_empty() && self.jobs.is_empty();
        if nothing { Duration::ZERO } else { self.shared.limits().flush }
    }

    /// Publishes over one connection until it is lost or all is done.
    async fn over(&mut self, line: &mut Line) -> Ended {
        self.again.clear();
        if self.suspicious
            && let Err(why) = self.one_by_one(line).await
        {
            return Ended::Lost(why);
        }
        self.suspicious = false;
        metrics::repeated(self.flights.len());
        for (number, flight) in &mut self.flights {
            flight.since = Instant::now();
            line.publish(*number, Arc::clone(&flight.packed));
        }
        let mut look = interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut again_at = Instant::now();
        let mut taken = Vec::new();
        let mut stopped = self.phase.clone();
        loop {
            let room = self.shared.limits().unconfirmed.saturating_sub(self.flights.len());
            let idle = self.again.is_empty();
            tokio::select! {
                Some(first) = line.pending.next() => {
                    self.backoff.reset();
                    if let Some(why) = self.settle(line, first) {
                        return Ended::Lost(why);
                    }
                    if idle {
                        again_at = Instant::now() + AGAIN;
                    }
                }
                jobs = self.jobs.recv_many(&mut taken, JOBS), if room > 0 => {
                    if jobs == 0 && self.flights.is_empty() {
                        return Ended::Done;
                    }
                    for job in taken.drain(..) {
                        self.take(line, job);
                    }
                    if jobs == 0 {
                        self.finish(line).await;
                        return Ended::Done;
                    }
                }
                () = sleep_until(again_at), if !idle => {
                    metrics::repeated(self.again.len());
                    for number in std::mem::take(&mut self.again) {
                        if let Some(flight) = self.flights.get_mut(&number) {
                            flight.since = Instant::now();
                            line.publish(number, Arc::clone(&flight.packed));
                        }
                    }
                }
                event = line.events.next() => {
                    if let Some(why) = line.note(&self.shared, event) {
                        return Ended::Lost(why);
                    }
                    self.begin_again(line);
                }
                _ = look.tick() => {
                    if let Some(why) = self.overdue(line) {
                        return Ended::Lost(why);
                    }
                }
                () = reached(&mut stopped, Phase::Stopped), if !self.jobs.is_closed() => self.jobs.close(),
            }
            self.shared.unconfirmed.store(self.flights.len(), Ordering::Relaxed);
        }
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
        self.flights.insert(number, Flight { packed, call, since: Instant::now(), unrouted: false });
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// Time spent blocked does not count against a message.
    fn begin_again(&mut self, line: &Line) {
        if !line.blocked {
            let now = Instant::now();
            self.flights.values_mut().for_each(|flight| flight.since = now);
        }
    }

    fn overdue(&self, line: &Line) -> Option<String> {
        if !line.connection.status().connected() {
            return Some("the connection is gone".to_owned());
        }
        let limit = self.shared.limits().confirm;
        let oldest = self.flights.values().map(|flight| flight.since).min()?;
        (!line.blocked && oldest.elapsed() > limit)
            .then(|| format!("no confirm within {limit:?}, the connection is built anew"))
    }

    /// Settles a verdict and all others that are there already. A message that came back may ride on any of them, so
    /// those are looked at first. Answers why the channel is lost, if it is.
    fn settle(&mut self, line: &mut Line, first: (u64, Verdict)) -> Option<String> {
        let mut verdicts = vec![first];
        while let Some(Some(next)) = line.pending.next().now_or_never() {
            verdicts.push(next);
        }
        let mut lost = None;
        let mut settled = Vec::with_capacity(verdicts.len());
        for (number, verdict) in verdicts {
            match verdict {
                Ok(Confirmation::Ack(returned)) => {
                    settled.push((number, true));
                    self.returned(line, returned);
                }
                Ok(Confirmation::Nack(returned)) => {
                    settled.push((number, false));
                    self.returned(line, returned);
                }
                Ok(Confirmation::NotRequested) => lost = Some("the channel does not confirm".to_owned()),
                Err(error) => {
                    self.suspicious |= soft(&error).is_some();
                    lost = Some(error.to_string());
                }
            }
        }
        for (number, taken) in settled {
            let Some(flight) = self.flights.get_mut(&number) else { continue };
            if taken && !std::mem::take(&mut flight.unrouted) {
                self.land(number, Ok(()));
            } else {
                self.again.push(number);
            }
        }
        lost
    }

    /// A message is confirmed, or never will be.
    fn land(&mut self, number: u64, outcome: Result<(), BusError>) {
        let Some(flight) = self.flights.remove(&number) else { return };
        let Some(call) = self.calls.get_mut(&flight.call) else { return };
        call.flights -= 1;
        if (call.flights == 0 || outcome.is_err())
            && let Some(call) = self.calls.remove(&flight.call)
        {
            // Whoever sent it may have stopped waiting.
            let _ = call.done.send(outcome);
        }
    }

    /// The broker had no queue for a message. Nobody takes that domain's orders: the supervisor is told, and the order
    /// counts as sent. Anything else must wait until its queue is there.
    fn returned(&mut self, line: &Line, returned: Option<BasicReturnMessage>) {
        let Some(returned) = returned else { return };
        metrics::returned();
        let id = returned.properties.message_id().as_ref();
        let same = |flight: &&mut Flight| {
            let packed = &flight.packed;
            packed.mandatory
                && packed.exchange == returned.exchange
                && packed.properties.message_id().as_ref() == id
        };
        let flight = self.flights.values_mut().find(same);
        if returned.exchange.as_str() == self.shared.names.work()
            && let Some(order) = id.and_then(|id| id.as_str().parse::<WorkOrderId>().ok())
        {
            let call = flight.map(|flight| flight.call);
            self.undeliverable(line, call, order);
            return;
        }
        tracing::warn!(exchange = %returned.exchange, key = %returned.routing_key,
            "no queue takes a message yet, it is published again");
        if let Some(flight) = flight {
            flight.unrouted = true;
        } else {
            // Its ack was believed before it came back. It has all that is needed to publish it again.
            let packed = Packed {
                exchange: returned.delivery.exchange,
                key: returned.delivery.routing_key,
                mandatory: true,
                counted: false,
                properties: returned.delivery.properties,
                body: returned.delivery.data,
            };
            self.launch(line, 0, packed);
        }
    }

    fn undeliverable(&mut self, line: &Line, call: Option<u64>, order: WorkOrderId) {
        tracing::warn!(%order, "no queue takes an order of its domain");
        match internal(&self.shared, &Envelope::undeliverable(order).into()) {
            Ok(packed) => {
                let call = call.unwrap_or_default();
                if let Some(waiting) = self.calls.get_mut(&call) {
                    waiting.flights += 1;
                }
                self.launch(line, call, packed);
            }
            Err(error) => tracing::error!(%error, %order, "an undeliverable order could not be told of"),
        }
    }

    /// Publishes each flight alone, so that the one over which the broker closes the channel is known, and fails it.
    async fn one_by_one(&mut self, line: &mut Line) -> Result<(), String> {
        let numbers: Vec<u64> = self.flights.keys().copied().collect();
        for number in numbers {
            self.begin_again(line);
            let Some(flight) = self.flights.get(&number) else { continue };
            let packed = Arc::clone(&flight.packed);
            line.publish(number, Arc::clone(&packed));
            let verdict = self.alone(line).await?;
            if let Err(error) = &verdict.1
                && let Some(
                    AMQPSoftError::ACCESSREFUSED
                    | AMQPSoftError::PRECONDITIONFAILED
                    | AMQPSoftError::CONTENTTOOLARGE,
                ) = soft(error)
            {
                let detail = format!("to `{}` by `{}`: {error}", packed.exchange, packed.key);
                self.land(number, Err(BusError::Failed { what: "publishing", detail }));
                self.backoff.reset();
                return Err(error.to_string());
            }
            if let Some(why) = self.settle(line, verdict) {
                return Err(why);
            }
        }
        Ok(())
    }

    /// The verdict on the only message under way.
    async fn alone(&mut self, line: &mut Line) -> Result<(u64, Verdict), String> {
        let mut look = interval(LOOK);
        loop {
            tokio::select! {
                Some(verdict) = line.pending.next() => return Ok(verdict),
                event = line.events.next() => {
                    if let Some(why) = line.note(&self.shared, event) {
                        return Err(why);
                    }
                    self.begin_again(line);
                }
                _ = look.tick() => {
                    if let Some(why) = self.overdue(line) {
                        return Err(why);
                    }
                }
            }
        }
    }
}

/// Once the adapter stops, a broker that is away is waited for so long and no longer.
async fn given_up(phase: &mut watch::Receiver<Phase>, patience: Duration) {
    reached(phase, Phase::Stopped).await;
    tokio::time::sleep(patience).await;
}
