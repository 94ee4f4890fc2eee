//! The bare relay: a relocation's messages over the same queues, by whoever takes them handed on at once.
//!
//! For measuring only: what the system reaches over a broker is told beside what the broker reaches by itself. The
//! messages have the sizes and properties of real ones; queues, persistence, prefetch, pipelined confirms and
//! acknowledgements are the system's. Nothing is read, decided or remembered, unless something [`Durable`] writes what
//! is taken before it is handed on.
//!
//! ```text
//!  driver ─▶ .intake ─▶ ┐                    ┌─▶ .l3 ─▶ station ─┐
//!    ▲                  ├─▶ station(s) ──────┤                   ├─▶ .supervisor
//!    │   .supervisor ─▶ ┘        │           └─▶ .l2 ─▶ station ─┘
//!    └────── events ◀────────────┘
//! ```

mod driver;
mod post;
mod station;

use std::{sync::Arc, time::Duration};

use lapin::types::{AMQPValue, ShortString};
use rehome_domain::{
    order::Layer,
    ports::{BusError, Outgoing, Wait},
};
use tokio::{sync::watch, task::JoinSet};
use uuid::Uuid;

use super::{
    connection::Shared,
    error::AmqpError,
    options::Options,
    wire::{
        header,
        outward::{self, Packed},
    },
};

/// The bare relay could not run.
#[derive(Debug, thiserror::Error)]
pub enum BareError {
    /// The broker can't be used.
    #[error(transparent)]
    Broker(#[from] AmqpError),
    /// A message of the script can't be made.
    #[error("a message of the bare relay can't be made: {0}")]
    Script(#[from] BusError),
    /// The broker ended it.
    #[error("the broker ended the bare relay: {0}")]
    Ended(String),
    /// What is taken could not be written.
    #[error("the bare relay's state could not be written: {0}")]
    Write(String),
}

impl From<lapin::Error> for BareError {
    fn from(error: lapin::Error) -> Self {
        Self::Ended(error.to_string())
    }
}

/// A message of the script: the how-many-th of which relocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// Which relocation.
    pub relocation: u64,
    /// The how-many-th of its messages, from 0.
    pub hop: usize,
}

/// Makes what a station has taken durable before it is handed on.
pub trait Durable: Send + Sync {
    /// Writes it in one transaction; resolves when it is durable.
    fn write(&self, taken: Vec<Taken>) -> Wait<'_, Result<(), String>>;
}

/// A message on its way, and the event that whoever takes it publishes beside the next one.
pub struct Hop {
    /// The message.
    pub message: Outgoing,
    /// The event.
    pub event: Option<Outgoing>,
}

/// What is relayed.
pub struct Relay {
    /// The broker, and a prefix of the relay's own.
    pub options: Options,
    /// One relocation's messages in order, as real ones are; each further relocation's differ in their ids alone. The
    /// driver sends those that are commands: the first by itself, the others upon the event before them.
    pub script: Vec<Hop>,
    /// Stations that take the supervisors' queues.
    pub supervisors: usize,
    /// Messages that a station takes at once, at most.
    pub batch: usize,
    /// Relocations at once.
    pub in_flight: usize,
    /// What writes, if anything does.
    pub durable: Option<Arc<dyn Durable>>,
}

impl Relay {
    /// Relays so many relocations' messages, numbered from `from`. Answers how long it took, from the first message to the
    /// last event. Dropped before its end, it lets go of the broker; the queues stay, for
    /// [`remove`](super::remove()).
    ///
    /// # Errors
    /// The broker can't be reached or ends it, or what is to be written can't be.
    pub async fn run(&self, from: u64, count: u64) -> Result<Duration, BareError> {
        let shared = Shared::new(Options { declare: true, ..self.options.clone() })?;
        let script = Arc::new(self.packed(&shared)?);
        let (names, limits) = (&shared.names, *shared.limits());
        let mut stations = JoinSet::new();
        let (end, over) = watch::channel(false);
        let of = |queues: Vec<String>, prefetch: u16| station::Plan {
            shared: Arc::clone(&shared),
            script: Arc::clone(&script),
            queues,
            prefetch,
            batch: self.batch.max(1),
            durable: self.durable.clone(),
            over: over.clone(),
        };
        let inputs = || vec![names.intake(), names.supervisor()];
        let mut plans: Vec<_> =
            (0..self.supervisors.max(1)).map(|_| of(inputs(), limits.prefetch_inputs)).collect();
        plans.extend(Layer::ALL.map(|layer| of(vec![names.layer(layer)], limits.prefetch_work)));
        for plan in plans {
            let station = station::Station::open(plan).await?;
            stations.spawn(station.run());
        }
        let driver = driver::Driver::open(Arc::clone(&shared), script, self.batch.max(1)).await?;
        let took = tokio::select! {
            took = driver.run(from, count, self.in_flight) => took?,
            ended = stations.join_next() => return Err(early(ended.and_then(Result::ok))),
        };
        // What is not acknowledged would come again in the next run.
        end.send_replace(true);
        while let Some(ended) = stations.join_next().await {
            ended.map_err(|error| BareError::Ended(error.to_string()))??;
        }
        Ok(took)
    }

    fn packed(&self, shared: &Shared) -> Result<Script, BareError> {
        let pack = |message: &Outgoing| {
            let mut packed = outward::pack(shared, |_| None, message.clone())?;
            if packed.counted {
                // As long as the publisher's.
                packed.header(header::PUBLISHER, outward::text(&Uuid::nil().to_string()));
                packed.header(header::COUNT, AMQPValue::LongLongInt(0));
            }
            Ok::<_, BusError>(packed)
        };
        let hops = self.script.iter().map(|hop| {
            let commanded = matches!(hop.message, Outgoing::Command(_));
            let event = hop.event.as_ref().map(pack).transpose()?;
            Ok(Prepared { message: pack(&hop.message)?, commanded, event })
        });
        Ok(Script(hops.collect::<Result<_, BareError>>()?))
    }
}

/// Why a station ended before its time.
fn early(ended: Option<Result<(), BareError>>) -> BareError {
    match ended {
        Some(Err(error)) => error,
        Some(Ok(())) | None => BareError::Ended("a station ended".to_owned()),
    }
}

/// A hop with its messages made.
struct Prepared {
    message: Packed,
    /// The driver sends it.
    commanded: bool,
    event: Option<Packed>,
}

/// The hops in order.
struct Script(Vec<Prepared>);

impl Script {
    /// What whoever takes a message publishes.
    fn leads(&self, taken: Taken) -> impl Iterator<Item = Packed> {
        let next = self.0.get(taken.hop + 1).filter(|next| !next.commanded);
        let next = next.map(|next| named(&next.message, Taken { hop: taken.hop + 1, ..taken }));
        let event = self.0.get(taken.hop).and_then(|hop| hop.event.as_ref());
        next.into_iter().chain(event.map(|event| named(event, taken)))
    }

    /// What the driver sends upon an event.
    fn commanded(&self, heard: Taken) -> Option<Packed> {
        let next = self.0.get(heard.hop + 1).filter(|next| next.commanded)?;
        Some(named(&next.message, Taken { hop: heard.hop + 1, ..heard }))
    }

    /// The first message of a relocation.
    fn first(&self, relocation: u64) -> Option<Packed> {
        Some(named(&self.0.first()?.message, Taken { relocation, hop: 0 }))
    }

    /// Whether an event is a relocation's last.
    fn ends(&self, heard: Taken) -> bool {
        heard.hop + 1 >= self.0.len()
    }
}

/// How long a UUID is in a message's id.
const NAME: usize = 36;

/// The message with an id that says which it is. Real ids begin with the relocation's UUID: this one stands in its place,
/// so that the id keeps its length.
fn named(packed: &Packed, taken: Taken) -> Packed {
    let hop = u64::try_from(taken.hop).unwrap_or(u64::MAX);
    let name = Uuid::from_u64_pair(hop, taken.relocation).to_string();
    let before = packed.properties.message_id().as_ref().map(ShortString::as_str).unwrap_or_default();
    let id = name + before.get(NAME..).unwrap_or_default();
    let mut named = packed.clone();
    named.properties = std::mem::take(&mut named.properties).with_message_id(id.as_str().into());
    named
}

/// Which message it is.
fn told(delivery: &lapin::message::Delivery) -> Result<Taken, BareError> {
    let id = delivery.properties.message_id().as_ref().map(ShortString::as_str).unwrap_or_default();
    let name = id.get(..NAME).and_then(|name| name.parse::<Uuid>().ok());
    let (hop, relocation) =
        name.ok_or_else(|| BareError::Ended(format!("a foreign message came: `{id}`")))?.as_u64_pair();
    Ok(Taken { relocation, hop: usize::try_from(hop).unwrap_or(usize::MAX) })
}
