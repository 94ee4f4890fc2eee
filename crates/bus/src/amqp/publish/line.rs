//! The connection that publishes.

use std::{pin::Pin, sync::Arc};

use futures::{FutureExt, Stream, stream::FuturesUnordered};
use lapin::{
    Channel, Confirmation, Connection, Event,
    options::{BasicPublishOptions, ConfirmSelectOptions},
};
use tokio::time::{Instant, timeout_at};

use super::{
    super::{
        connection::{Link, Shared, Standing},
        wire::outward::Packed,
    },
    PURPOSE,
};

pub(super) type Verdict = lapin::Result<Confirmation>;
type Pending = Pin<Box<dyn Future<Output = (u64, Verdict)> + Send>>;
type LineEvents = Pin<Box<dyn Stream<Item = Event> + Send>>;

/// A connection with its channel, and what is under way on it.
pub(super) struct Line {
    pub(super) connection: Connection,
    /// Which of the broker's nodes it leads to.
    pub(super) node: usize,
    channel: Channel,
    pub(super) events: LineEvents,
    pub(super) blocked: bool,
    pub(super) pending: FuturesUnordered<Pending>,
}

impl Line {
    pub(super) async fn open(shared: &Shared) -> Result<Self, String> {
        let Link { connection, node } = shared.open(PURPOSE).await.map_err(|error| error.to_string())?;
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
        Ok(Self { connection, node, channel, events, blocked: false, pending: FuturesUnordered::new() })
    }

    /// Puts a message on its way. The first poll writes it to the connection's buffer, so that order is kept.
    pub(super) fn publish(&self, number: u64, packed: Arc<Packed>) {
        let channel = self.channel.clone();
        let mut publishing: Pending = Box::pin(async move { (number, publish(&channel, &packed).await) });
        match publishing.as_mut().now_or_never() {
            None => self.pending.push(publishing),
            Some(ended) => self.pending.push(Box::pin(std::future::ready(ended))),
        }
    }

    /// Takes note of what happened to the connection. Answers why it is lost, if it is.
    pub(super) fn note(&mut self, shared: &Shared, event: Option<Event>) -> Option<String> {
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
