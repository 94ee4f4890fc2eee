//! RabbitMQ behind [`rehome_domain::ports::Bus`].
//!
//! ```text
//!  people, systems ──▶ .commands ──order.#, deploy.#──▶ .intake ───────┐ left waiting while enough is in flight
//!                        ├─steer.#───────────▶ .steering ─▶ helms     │
//!                        └─override.#, cancel, retry.#─┐               ▼
//!  configurators ────▶ .replies ──────────────────────▶ .supervisor ─▶ supervisors ──▶ .work ──▶ .l3, .l2, a vendor's
//!  clock, start, ────▶ .internal ─────────────────────┘                 ├──▶ .events ──▶ listeners' own queues
//!  orders nobody takes                                                  └──▶ the asker's own queue
//!  what can't be read ─▶ .dead ─▶ .dead ─▶ the supervisors' store
//! ```
//!
//! Every message is persistent, every queue that must not lose any is a quorum queue, and nothing counts as sent before
//! the broker has confirmed it. So messages come at least once; the journal makes them count once. [`Amqp`] survives
//! whatever the broker does: it connects again, for ever, and publishes again what was not confirmed.

mod acks;
pub mod asyncapi;
pub mod bare;
mod connection;
mod consume;
mod depths;
mod error;
mod examine;
mod nodes;
mod options;
mod publish;
mod queues;
mod remove;
mod topology;
mod wire;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use rehome_domain::{
    message::Envelope,
    order::Layer,
    ports::{
        Answers, Bus, BusError, DeadLetter, DeadQueue, Depth, Events, Heard, Inputs, NotResent, Outgoing,
        SteeringQueue, Wait, WorkQueue,
    },
};
use tokio::{
    runtime::Handle,
    sync::watch,
    task::JoinHandle,
    time::{Instant, timeout_at},
};
use uuid::Uuid;

pub use self::{
    connection::{Health, Standing},
    error::AmqpError,
    examine::{Examined, Seen},
    options::{DomainOf, Identity, Limits, Options, RoleOf, Tls},
    remove::remove,
    wire::{
        COMMAND_VERSION, CommandBody, SUBMIT_KEY, ScopeWord, SteerBody, SubmitBody, command_of, key_of,
        steer_key_of, turn_of,
    },
};
use self::{
    connection::{Phase, Shared},
    consume::{Order, Source, Tap, pump},
    depths::Sounding,
    publish::Publishing,
    queues::{AmqpAnswers, AmqpDead, AmqpEvents, AmqpInputs, AmqpSteering, AmqpWork},
    wire::{Unreadable, dead, inward, outward},
};

/// RabbitMQ as the bus.
///
/// Make it on the runtime that lives as long as it does: its tasks and connections run there, whoever calls it.
pub struct Amqp {
    shared: Arc<Shared>,
    runtime: Handle,
    phase: watch::Sender<Phase>,
    publishing: Publishing,
    publisher: Mutex<Option<JoinHandle<()>>>,
    pumps: Mutex<Vec<JoinHandle<()>>>,
    /// Queues of our own that must be there before anything is sent, lest an answer or an event finds none.
    awaited: Mutex<Vec<watch::Receiver<bool>>>,
    /// Our askers' names for themselves, and their queues' real ones.
    askers: Mutex<HashMap<String, String>>,
    sounding: Arc<Sounding>,
}

impl Amqp {
    /// Connects once to see that all is as it must be, and starts.
    ///
    /// # Errors
    /// The broker can't be reached, refuses us, or has a queue of ours with other arguments.
    pub async fn connect(options: Options) -> Result<Arc<Self>, AmqpError> {
        let amqp = Self::start(options)?;
        let link = amqp.shared.open("check").await?;
        connection::close(&link.connection).await;
        Ok(amqp)
    }

    /// Starts, whether or not the broker is there: it is waited for. [`Amqp::health`] says how it goes.
    ///
    /// # Errors
    /// The options name files that can't be read, or no URL.
    pub fn start(options: Options) -> Result<Arc<Self>, AmqpError> {
        let shared = Shared::new(options)?;
        let runtime = Handle::current();
        let (phase, watched) = watch::channel(Phase::Open);
        let (publishing, publisher) = Publishing::start(Arc::clone(&shared), watched);
        let publisher = Mutex::new(Some(runtime.spawn(publisher)));
        let (pumps, awaited, askers, sounding) = Default::default();
        Ok(Arc::new(Self { shared, runtime, phase, publishing, publisher, pumps, awaited, askers, sounding }))
    }

    /// How it stands towards the broker.
    #[must_use]
    pub fn health(&self) -> Health {
        self.shared.health()
    }

    /// Closes, waits until what was handed over is confirmed (up to [`Limits::flush`]), and ends all connections.
    pub async fn shutdown(&self) {
        self.phase.send_replace(Phase::Stopped);
        self.sounding.end().await;
        let publisher = self.publisher.lock().unwrap_or_else(PoisonError::into_inner).take();
        let pumps = std::mem::take(&mut *self.pumps.lock().unwrap_or_else(PoisonError::into_inner));
        let until = Instant::now() + self.shared.limits().flush * 2;
        for task in publisher.into_iter().chain(pumps) {
            let stopping = task.abort_handle();
            if timeout_at(until, task).await.is_err() {
                stopping.abort();
            }
        }
    }

    fn consume<T: Send + 'static>(
        &self,
        source: Source,
        prefetch: u16,
        decode: impl Fn(&Shared, &lapin::message::Delivery) -> Result<T, Unreadable> + Send + Sync + 'static,
        renewed: Option<fn() -> T>,
    ) -> Tap<T> {
        let own = !matches!(source, Source::Shared(_));
        let shared = Arc::clone(&self.shared);
        let decode = Arc::new(move |delivery: &lapin::message::Delivery| decode(&shared, delivery));
        let order = Order { source, prefetch, decode, renewed };
        let (tap, pumping) =
            pump(Arc::clone(&self.shared), self.publishing.clone(), self.phase.subscribe(), order);
        if own {
            self.awaited.lock().unwrap_or_else(PoisonError::into_inner).push(tap.tried());
        }
        let mut pumps = self.pumps.lock().unwrap_or_else(PoisonError::into_inner);
        pumps.retain(|pump| !pump.is_finished());
        pumps.push(self.runtime.spawn(pumping));
        tap
    }

    /// Waits until each queue of our own was tried to be made.
    async fn own_queues(&self) {
        let awaited = {
            let mut awaited = self.awaited.lock().unwrap_or_else(PoisonError::into_inner);
            awaited.retain(|tried| !*tried.borrow() && tried.has_changed().is_ok());
            awaited.clone()
        };
        for mut tried in awaited {
            // An error says that its consumer is gone.
            let _ = tried.wait_for(|tried| *tried).await;
        }
    }

    fn asker(&self, name: &str) -> Option<String> {
        self.askers.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }
}

impl Bus for Amqp {
    /// Resolves when the broker has confirmed them all. While it is away, or takes nothing, this waits. It fails only
    /// for what can never succeed, and once the bus is shut down.
    fn send(&self, messages: Vec<Outgoing>) -> Wait<'_, Result<(), BusError>> {
        Box::pin(async move {
            self.own_queues().await;
            let packed = messages
                .into_iter()
                .map(|message| outward::pack(&self.shared, |name| self.asker(name), message))
                .collect::<Result<_, _>>()?;
            self.publishing.send(packed).await
        })
    }

    fn inputs(&self) -> Box<dyn Inputs> {
        let names = &self.shared.names;
        let prefetch = self.shared.limits().prefetch_inputs;
        let tap = |queue| self.consume(Source::Shared(queue), prefetch, inward::input, None);
        Box::new(AmqpInputs { intake: tap(names.intake()), supervisor: tap(names.supervisor()) })
    }

    fn work(&self, layer: Layer) -> Box<dyn WorkQueue> {
        let source = Source::Shared(self.shared.names.layer(layer));
        let decode = move |shared: &Shared, delivery: &_| inward::work_order(shared, layer, delivery);
        Box::new(AmqpWork(self.consume(source, self.shared.limits().prefetch_work, decode, None)))
    }

    fn events(&self) -> Box<dyn Events> {
        let source = Source::Listener(self.shared.names.listener(&Uuid::now_v7().to_string()));
        let decode =
            |shared: &Shared, delivery: &_| Ok((inward::heard(shared, delivery)?, inward::counted(delivery)));
        // How many is not known: at least that the connection was away.
        let renewed = || (Heard::Missed(1), None);
        Box::new(AmqpEvents::new(self.consume(
            source,
            self.shared.limits().prefetch_others,
            decode,
            Some(renewed),
        )))
    }

    /// The name must be this process's own: the queue is exclusive.
    fn answers(&self, queue: &str) -> Box<dyn Answers> {
        let (name, real) = (queue.to_owned(), self.shared.names.answers(queue));
        self.askers.lock().unwrap_or_else(PoisonError::into_inner).insert(name.clone(), real.clone());
        let decode = move |shared: &Shared, delivery: &_| inward::answer(shared, &name, delivery);
        let prefetch = self.shared.limits().prefetch_others;
        Box::new(AmqpAnswers::new(self.consume(Source::Asker(real), prefetch, decode, None)))
    }

    fn steering(&self) -> Box<dyn SteeringQueue> {
        let source = Source::Shared(self.shared.names.steering());
        let prefetch = self.shared.limits().prefetch_others;
        Box::new(AmqpSteering(self.consume(source, prefetch, inward::wish, None)))
    }

    fn dead(&self) -> Box<dyn DeadQueue> {
        let source = Source::Shared(self.shared.names.dead());
        let decode = |shared: &Shared, delivery: &_| Ok(dead::dead_letter(shared, delivery));
        Box::new(AmqpDead(self.consume(source, self.shared.limits().prefetch_others, decode, None)))
    }

    fn said(&self, letter: &DeadLetter) -> Result<Envelope, NotResent> {
        dead::meant(letter)
    }

    fn depths(&self) -> Wait<'_, Result<Vec<Depth>, BusError>> {
        let (sounding, shared) = (Arc::clone(&self.sounding), Arc::clone(&self.shared));
        // On the adapter's own runtime: the connection lives on the one it was opened from.
        let asking = self.runtime.spawn(async move { sounding.depths(&shared).await });
        Box::pin(async move { asking.await.unwrap_or(Err(BusError::Closed)) })
    }

    fn keeps_messages(&self) -> bool {
        true
    }

    fn close(&self) {
        self.phase.send_if_modified(|phase| {
            let open = *phase == Phase::Open;
            if open {
                *phase = Phase::Closed;
            }
            open
        });
    }
}
