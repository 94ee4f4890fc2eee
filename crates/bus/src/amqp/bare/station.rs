//! A station: takes messages, lets them be written if anything writes, publishes what they lead to, acknowledges them.

use std::{pin::pin, sync::Arc};

use futures::{
    StreamExt,
    stream::{SelectAll, select_all},
    try_join,
};
use lapin::{
    Channel, Connection, Consumer,
    message::Delivery,
    options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions},
    types::FieldTable,
};
use tokio::sync::{mpsc, watch};

use super::{
    super::connection::{Shared, close},
    BareError, Durable, Script,
    post::{Confirm, Post, all},
    told,
};

/// Batches whose confirms are awaited while the next ones are taken.
const BATCHES_AHEAD: usize = 4;

/// What a station is made of.
pub(super) struct Plan {
    pub(super) shared: Arc<Shared>,
    pub(super) script: Arc<Script>,
    pub(super) queues: Vec<String>,
    pub(super) prefetch: u16,
    pub(super) batch: usize,
    pub(super) durable: Option<Arc<dyn Durable>>,
    /// Becomes true when no more messages will come.
    pub(super) over: watch::Receiver<bool>,
}

/// A queue being taken from.
struct Tap {
    connection: Connection,
    channel: Channel,
}

/// A station at work.
pub(super) struct Station {
    plan: Plan,
    taps: Vec<Tap>,
    consumers: Vec<Consumer>,
    post: Post,
}

/// A batch whose messages are on their way: what acknowledges it, tap by tap.
type Sent = (Vec<Confirm>, Vec<Option<u64>>);

impl Station {
    pub(super) async fn open(plan: Plan) -> Result<Self, BareError> {
        let post = Post::open(&plan.shared).await?;
        let (mut taps, mut consumers) = (Vec::new(), Vec::new());
        for queue in &plan.queues {
            let connection = plan.shared.open("bare consume").await?.connection;
            let channel = connection.create_channel().await?;
            channel.basic_qos(plan.prefetch, BasicQosOptions::default()).await?;
            let (options, none) = (BasicConsumeOptions::default(), FieldTable::default());
            consumers.push(channel.basic_consume(queue.as_str().into(), "".into(), options, none).await?);
            taps.push(Tap { connection, channel });
        }
        Ok(Self { plan, taps, consumers, post })
    }

    /// Goes on until all is over, and acknowledges what it has taken; or until the broker ends it.
    pub(super) async fn run(self) -> Result<(), BareError> {
        let (sent, waiting) = mpsc::channel::<Sent>(BATCHES_AHEAD);
        let Self { plan, taps, consumers, post } = self;
        let numbered = consumers.into_iter().enumerate();
        let deliveries =
            select_all(numbered.map(|(tap, consumer)| consumer.map(move |it| (tap, it)).boxed()));
        try_join!(take(&plan, &post, taps.len(), deliveries, sent), acknowledge(&taps, waiting))?;
        for tap in &taps {
            // The broker reads what was acknowledged before it reads this.
            close(&tap.connection).await;
        }
        Ok(())
    }
}

type Deliveries = SelectAll<futures::stream::BoxStream<'static, (usize, lapin::Result<Delivery>)>>;

async fn take(
    plan: &Plan,
    post: &Post,
    taps: usize,
    deliveries: Deliveries,
    sent: mpsc::Sender<Sent>,
) -> Result<(), BareError> {
    let mut batches = pin!(deliveries.ready_chunks(plan.batch));
    let mut over = plan.over.clone();
    loop {
        let batch = tokio::select! {
            batch = batches.next() => batch.ok_or_else(|| BareError::Ended("a queue has gone".to_owned()))?,
            // An error says that nobody is left to wait for.
            _ = over.wait_for(|over| *over) => return Ok(()),
        };
        let mut last = vec![None; taps];
        let mut taken = Vec::with_capacity(batch.len());
        for (tap, delivery) in batch {
            let delivery = delivery?;
            taken.push(told(&delivery)?);
            if let Some(last) = last.get_mut(tap) {
                *last = Some(delivery.delivery_tag);
            }
        }
        if let Some(durable) = &plan.durable {
            durable.write(taken.clone()).await.map_err(BareError::Write)?;
        }
        let leads = taken.iter().flat_map(|taken| plan.script.leads(*taken));
        let confirms = leads.map(|packed| post.publish(packed)).collect();
        if sent.send((confirms, last)).await.is_err() {
            return Ok(());
        }
    }
}

/// Batches come in order, so one word covers all that a tap gave up to then.
async fn acknowledge(taps: &[Tap], mut waiting: mpsc::Receiver<Sent>) -> Result<(), BareError> {
    while let Some((confirms, last)) = waiting.recv().await {
        all(confirms).await?;
        for (tap, last) in taps.iter().zip(last) {
            if let Some(last) = last {
                tap.channel.basic_ack(last, BasicAckOptions { multiple: true }).await?;
            }
        }
    }
    Ok(())
}
