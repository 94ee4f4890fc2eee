//! Consuming: each consumer is a task with a connection of its own, and a tap that its port takes messages from.
//!
//! ```text
//!   broker ──deliveries──▶ [pump: read, number] ──▶ tap ──▶ Inputs, WorkQueue, Events, Answers, DeadQueue
//!                              │ unreadable: published to the dead letters, confirmed, then acknowledged
//! ```
//!
//! A pump that loses its connection, its channel or its consumer (a deleted queue ends the stream without an error)
//! builds all of it anew, and what was delivered and not acknowledged comes again. What still waits in the tap from a
//! session that is gone is not handed out: it comes again too. A consumer that hears nothing is looked after by a
//! watchdog: it compares with the queue, and consumes anew.
//!
//! A message whose properties are no text breaks the connection in lapin's parser. The next connection is then
//! *careful*, with one message at a time, so that only the culprit is counted against the queue's delivery limit,
//! until the broker sets it aside.

mod newer;
mod watchdog;

use std::sync::Arc;

use futures::StreamExt;
use lapin::{
    Channel, Connection, Consumer, ErrorKind,
    message::Delivery,
    options::{
        BasicCancelOptions, BasicConsumeOptions, BasicQosOptions, QueueBindOptions, QueueDeclareOptions,
    },
    types::{AMQPValue, FieldTable},
};
use rehome_domain::trace::Trace;
use tokio::{
    sync::{Semaphore, mpsc, watch},
    time::{Instant, sleep, timeout},
};

use super::{
    acks::{Current, Session, session_of},
    connection::{Backoff, Link, Phase, Shared, Standing, close, reached},
    publish::Publishing,
    wire::{Unreadable, inward, outward},
};

/// So many messages one at a time after one that could not be parsed; the culprit is redelivered first.
const CAREFUL: u32 = 64;

/// Reads a delivery.
type Decode<T> = dyn Fn(&Delivery) -> Result<T, Unreadable> + Send + Sync;

/// What is consumed.
#[derive(Debug, Clone)]
pub(super) enum Source {
    /// One of the queues that everybody shares.
    Shared(String),
    /// A queue of our own for events: bound to all, bounded, gone with us.
    Listener(String),
    /// A queue of our own for answers.
    Asker(String),
}

impl Source {
    pub(super) fn queue(&self) -> &str {
        match self {
            Self::Shared(queue) | Self::Listener(queue) | Self::Asker(queue) => queue,
        }
    }
}

/// A message with its tag.
pub(super) struct Handed<T> {
    pub(super) message: T,
    pub(super) tag: u64,
    pub(super) trace: Option<Trace>,
    /// The domain of an order's key.
    pub(super) domain: Option<String>,
}

/// Where a port takes its messages from.
pub(super) struct Tap<T> {
    messages: mpsc::Receiver<Handed<T>>,
    phase: watch::Receiver<Phase>,
    current: Arc<Current>,
    alive: mpsc::Sender<()>,
    fresh: watch::Receiver<bool>,
}

impl<T> Tap<T> {
    /// The next message. None: closed. Cancel-safe.
    pub(super) async fn next(&mut self) -> Option<Handed<T>> {
        loop {
            let handed = tokio::select! {
                biased;
                () = reached(&mut self.phase, Phase::Closed) => return None,
                handed = self.messages.recv() => handed?,
            };
            if self.is_to_be_handed_out(&handed) {
                return Some(handed);
            }
        }
    }

    /// A message that is there already.
    pub(super) fn ready(&mut self) -> Option<Handed<T>> {
        loop {
            let handed = self.messages.try_recv().ok()?;
            if self.is_to_be_handed_out(&handed) {
                return Some(handed);
            }
        }
    }

    fn is_to_be_handed_out(&self, handed: &Handed<T>) -> bool {
        *self.phase.borrow() == Phase::Open && self.current.is(session_of(handed.tag))
    }

    /// The session that acknowledgements go to, and what keeps it.
    pub(super) fn session(&self) -> (Arc<Current>, mpsc::Sender<()>) {
        (Arc::clone(&self.current), self.alive.clone())
    }

    /// Becomes true once the first try to consume is over, however it went.
    pub(super) fn tried(&self) -> watch::Receiver<bool> {
        self.fresh.clone()
    }
}

/// What a pump is told.
pub(super) struct Order<T> {
    pub(super) source: Source,
    pub(super) prefetch: u16,
    pub(super) decode: Arc<Decode<T>>,
    /// What to hand out when a queue that was ours alone had to be made anew, and what was in it is gone.
    pub(super) renewed: Option<fn() -> T>,
}

/// Makes a pump: the tap, and the task that fills it.
pub(super) fn pump<T: Send + 'static>(
    shared: Arc<Shared>,
    publishing: Publishing,
    phase: watch::Receiver<Phase>,
    order: Order<T>,
) -> (Tap<T>, impl Future<Output = ()> + Send + 'static) {
    let (out, messages) = mpsc::channel(usize::from(order.prefetch.max(1)));
    let (alive, left) = mpsc::channel(1);
    let (tried, fresh) = watch::channel(false);
    let current = Arc::<Current>::default();
    let purpose = format!("consume {}", order.source.queue());
    // So that nobody is told that all is well before it was tried.
    shared.stands(&purpose, Standing::Connecting { trouble: None });
    let tap = Tap { messages, phase: phase.clone(), current: Arc::clone(&current), alive, fresh };
    let (wanted, alive) = (Wanted { phase, out }, tap.alive.downgrade());
    let newer = newer::room(order.prefetch);
    let pump =
        Pump { shared, publishing, wanted, order, alive, left, tried, current, purpose, careful: 0, newer };
    (tap, pump.run())
}

/// The way to the port, and whether it is still wanted.
struct Wanted<T> {
    phase: watch::Receiver<Phase>,
    out: mpsc::Sender<Handed<T>>,
}

impl<T> Wanted<T> {
    /// Resolves once nobody wants more messages.
    fn no_more(&self) -> impl Future<Output = ()> + use<T> {
        let (mut phase, out) = (self.phase.clone(), self.out.clone());
        async move {
            tokio::select! {
                () = reached(&mut phase, Phase::Closed) => {}
                () = out.closed() => {}
            }
        }
    }
}

struct Pump<T> {
    shared: Arc<Shared>,
    publishing: Publishing,
    wanted: Wanted<T>,
    order: Order<T>,
    /// Held by whoever has still to acknowledge.
    alive: mpsc::WeakSender<()>,
    /// Ends when nobody is left who could acknowledge.
    left: mpsc::Receiver<()>,
    tried: watch::Sender<bool>,
    current: Arc<Current>,
    purpose: String,
    /// Messages still to be taken one at a time.
    careful: u32,
    /// A permit for each message of a newer version that may be held before it is handed back.
    newer: Arc<Semaphore>,
}

/// A consumer at work.
struct Line {
    connection: Connection,
    /// Which of the broker's nodes it leads to.
    node: usize,
    channel: Channel,
    consumer: Consumer,
    session: Arc<Session>,
    prefetch: u16,
    /// It consumes anew, and has heard nothing since.
    renewed: bool,
    /// When last asked, the broker knew of no consumer.
    unknown: bool,
}

/// Why a session ended.
enum Ended {
    /// Nobody wants more.
    NotWanted,
    /// It is to be opened again with another prefetch.
    Again,
    /// It is lost.
    Lost {
        why: String,
        /// A message could not even be parsed.
        unparsable: bool,
    },
}

impl Ended {
    fn lost(why: impl Into<String>) -> Self {
        Self::Lost { why: why.into(), unparsable: false }
    }
}

impl<T: Send + 'static> Pump<T> {
    async fn run(mut self) {
        let mut backoff = Backoff::new(self.shared.limits());
        let mut sessions = 0_u64;
        loop {
            let opened = tokio::select! {
                opened = self.open() => opened,
                () = self.wanted.no_more() => break,
            };
            let ended = match opened {
                Ok(mut line) => {
                    self.shared.stands(&self.purpose, Standing::Connected);
                    backoff.reset();
                    self.current.set(Some(Arc::clone(&line.session)));
                    self.tried.send_replace(true);
                    sessions += 1;
                    let ended = self.over(&mut line, sessions > 1).await;
                    self.linger(&line, &ended).await;
                    self.current.set(None);
                    line.session.end();
                    close(&line.connection).await;
                    ended
                }
                Err(trouble) => Ended::lost(trouble),
            };
            self.tried.send_replace(true);
            match ended {
                Ended::NotWanted => break,
                Ended::Again => continue,
                Ended::Lost { why, unparsable } => {
                    if unparsable {
                        tracing::error!(
                            queue = self.order.source.queue(),
                            "a message's properties are no text: messages are taken one at a time for a while"
                        );
                        self.careful = CAREFUL;
                    }
                    self.shared.stands(&self.purpose, Standing::Connecting { trouble: Some(why) });
                }
            }
            tokio::select! {
                () = sleep(backoff.pause()) => {}
                () = self.wanted.no_more() => break,
            }
        }
        self.tried.send_replace(true);
        self.shared.no_longer(&self.purpose);
    }

    async fn open(&self) -> Result<Line, String> {
        let opened = self.shared.open(&self.purpose).await;
        let Link { connection, node } = opened.map_err(|error| error.to_string())?;
        let prefetch = if self.careful > 0 { 1 } else { self.order.prefetch };
        match self.subscribe(&connection, prefetch).await {
            Ok((channel, consumer)) => {
                let session = Session::new(self.shared.next_session(), channel.clone());
                Ok(Line {
                    connection,
                    node,
                    channel,
                    consumer,
                    session,
                    prefetch,
                    renewed: false,
                    unknown: false,
                })
            }
            Err(why) => {
                self.shared.nodes.leave(node);
                close(&connection).await;
                Err(why)
            }
        }
    }

    /// A channel with a consumer.
    async fn subscribe(&self, connection: &Connection, prefetch: u16) -> Result<(Channel, Consumer), String> {
        let opening = async {
            let channel = connection.create_channel().await?;
            channel.basic_qos(prefetch, BasicQosOptions::default()).await?;
            self.prepare(&channel).await?;
            let none = FieldTable::default();
            let options = BasicConsumeOptions::default();
            let queue = self.order.source.queue();
            let consumer = channel.basic_consume(queue.into(), "".into(), options, none).await?;
            Ok::<_, lapin::Error>((channel, consumer))
        };
        let late = self.shared.limits().connect;
        let opened = timeout(late, opening).await.map_err(|_| format!("no consumer within {late:?}"))?;
        opened.map_err(|error| error.to_string())
    }

    /// Declares a queue of our own; the shared ones are there.
    async fn prepare(&self, channel: &Channel) -> lapin::Result<()> {
        let own = QueueDeclareOptions { exclusive: true, auto_delete: true, ..Default::default() };
        // Said so that no virtual host's own default says otherwise: a quorum queue can't be exclusive.
        let mut arguments = FieldTable::default();
        arguments.insert("x-queue-type".into(), AMQPValue::LongString("classic".into()));
        match &self.order.source {
            Source::Shared(_) => {}
            Source::Asker(queue) => {
                channel.queue_declare(queue.as_str().into(), own, arguments).await?;
            }
            Source::Listener(queue) => {
                let most = i64::from(self.shared.limits().events);
                arguments.insert("x-max-length".into(), AMQPValue::LongLongInt(most));
                channel.queue_declare(queue.as_str().into(), own, arguments).await?;
                let events = self.shared.names.events();
                channel
                    .queue_bind(
                        queue.as_str().into(),
                        events.as_str().into(),
                        "#".into(),
                        QueueBindOptions::default(),
                        FieldTable::default(),
                    )
                    .await?;
            }
        }
        Ok(())
    }

    /// Takes deliveries until the session is lost or nobody wants more.
    async fn over(&mut self, line: &mut Line, renewed: bool) -> Ended {
        if let Some(message) = self.order.renewed.filter(|_| renewed) {
            let tag = super::acks::tag(line.session.number, 0);
            self.hand_out(Handed { message: message(), tag, trace: None, domain: None }).await;
        }
        let quiet = self.shared.limits().watchdog;
        let watchdog = sleep(quiet);
        tokio::pin!(watchdog);
        let mut heard = Instant::now();
        let no_more = self.wanted.no_more();
        tokio::pin!(no_more);
        loop {
            tokio::select! {
                () = &mut no_more => return Ended::NotWanted,
                delivery = line.consumer.next() => match delivery {
                    Some(Ok(delivery)) => {
                        heard = Instant::now();
                        self.delivered(line, delivery).await;
                        if line.prefetch < self.order.prefetch {
                            self.careful = self.careful.saturating_sub(1);
                            if self.careful == 0 {
                                return Ended::Again;
                            }
                        }
                    }
                    Some(Err(error)) => {
                        let unparsable = matches!(error.kind(), ErrorKind::ParsingError(_));
                        return Ended::Lost { why: error.to_string(), unparsable };
                    }
                    None => return Ended::lost("the broker ended the consumer, the queue may have been deleted"),
                },
                () = &mut watchdog => {
                    if heard.elapsed() >= quiet {
                        if let Err(why) = self.watch(line).await {
                            self.shared.nodes.leave(line.node);
                            return Ended::lost(why);
                        }
                        heard = Instant::now();
                    }
                    watchdog.as_mut().reset(heard + quiet);
                }
            }
        }
    }

    /// After the port is closed, or nobody listens any more: keeps the session until all is acknowledged that will be.
    async fn linger(&mut self, line: &Line, ended: &Ended) {
        if !matches!(ended, Ended::NotWanted) {
            return;
        }
        let tag = line.consumer.tag();
        // If this fails, or is not answered, the connection is gone, and with it the consumer.
        let cancelling = line.channel.basic_cancel(tag, BasicCancelOptions::default());
        let _ = timeout(self.shared.limits().connect, cancelling).await;
        let mut phase = self.wanted.phase.clone();
        tokio::select! {
            () = reached(&mut phase, Phase::Stopped) => {}
            _ = self.left.recv() => {}
        }
    }

    async fn delivered(&self, line: &mut Line, delivery: Delivery) {
        if std::mem::take(&mut line.renewed) && delivery.redelivered {
            let queue = self.order.source.queue();
            tracing::warn!(
                queue,
                "what was given out to somebody who never got it, or never said so, comes again"
            );
        }
        let tag = line.session.delivered(delivery.delivery_tag);
        match inward::worn_out(&self.shared, &delivery).and_then(|()| (self.order.decode)(&delivery)) {
            Ok(message) => {
                let (trace, domain) = (
                    inward::trace_of(&delivery.properties),
                    inward::domain_of_order(&self.shared, &delivery),
                );
                self.hand_out(Handed { message, tag, trace, domain }).await;
            }
            Err(Unreadable::Newer(why)) => self.leave_to_newer(line, tag, delivery, &why),
            Err(Unreadable::Bad(why)) => self.bury(line, tag, delivery, why),
        }
    }

    async fn hand_out(&self, handed: Handed<T>) {
        tokio::select! {
            // An error says that nobody listens any more, which ends the session.
            _ = self.wanted.out.send(handed) => {}
            () = self.wanted.no_more() => {}
        }
    }

    /// Publishes what can't be read to the dead letters, and acknowledges it once that is confirmed; the good messages
    /// behind it don't wait. Bounded by the prefetch.
    fn bury(&self, line: &Line, tag: u64, delivery: Delivery, reason: String) {
        let queue = self.order.source.queue().to_owned();
        tracing::warn!(queue, key = %delivery.routing_key, reason, "a message can't be read");
        let (shared, publishing) = (Arc::clone(&self.shared), self.publishing.clone());
        let (session, alive) = (Arc::clone(&line.session), self.alive.upgrade());
        tokio::spawn(async move {
            let _alive = alive;
            let by = inward::sender(&shared, &delivery).ok();
            let buried = match outward::dead(&shared, &delivery, by.as_ref(), &reason) {
                Ok(packed) => publishing.send(vec![packed]).await,
                Err(error) => Err(error),
            };
            match buried {
                Ok(()) => session.ack(&[tag]).await,
                Err(rehome_domain::ports::BusError::Closed) => {}
                Err(error) => {
                    tracing::error!(%error, queue, "a dead letter can't be published, the broker sets it aside");
                    session.reject(tag).await;
                }
            }
        });
    }
}
