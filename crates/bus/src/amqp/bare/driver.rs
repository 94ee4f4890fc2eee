//! The driver: begins relocations, sends their commands, and sees by the events when they have ended.

use std::{
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};

use futures::StreamExt;
use lapin::{
    Channel, Connection, Consumer,
    options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions, QueueBindOptions, QueueDeclareOptions},
    types::{AMQPValue, FieldTable},
};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::{
    super::connection::Shared,
    BareError, Script,
    post::{Confirm, Post, all},
    told,
};

/// Publications whose confirms are awaited while more are made.
const AHEAD: usize = 64;

pub(super) struct Driver {
    _connection: Connection,
    channel: Channel,
    events: Consumer,
    post: Post,
    script: Arc<Script>,
    batch: usize,
}

impl Driver {
    pub(super) async fn open(
        shared: Arc<Shared>,
        script: Arc<Script>,
        batch: usize,
    ) -> Result<Self, BareError> {
        let post = Post::open(&shared).await?;
        let connection = shared.open("bare events").await?.connection;
        let channel = connection.create_channel().await?;
        channel.basic_qos(shared.limits().prefetch_others, BasicQosOptions::default()).await?;
        let queue = shared.names.listener(&Uuid::now_v7().to_string());
        let own = QueueDeclareOptions { exclusive: true, auto_delete: true, ..Default::default() };
        let mut bounded = FieldTable::default();
        bounded.insert("x-max-length".into(), AMQPValue::LongLongInt(i64::from(shared.limits().events)));
        channel.queue_declare(queue.as_str().into(), own, bounded).await?;
        let (from, none) = (shared.names.events(), FieldTable::default());
        let binding = QueueBindOptions::default();
        channel
            .queue_bind(queue.as_str().into(), from.as_str().into(), "#".into(), binding, none.clone())
            .await?;
        let options = BasicConsumeOptions::default();
        let events = channel.basic_consume(queue.as_str().into(), "".into(), options, none).await?;
        Ok(Self { _connection: connection, channel, events, post, script, batch })
    }

    /// Answers how long it took until all had ended.
    pub(super) async fn run(self, from: u64, count: u64, in_flight: usize) -> Result<Duration, BareError> {
        let (sent, mut waiting) = mpsc::channel::<Vec<Confirm>>(AHEAD);
        let confirmed = async {
            while let Some(confirms) = waiting.recv().await {
                all(confirms).await?;
            }
            Ok(())
        };
        let began = Instant::now();
        futures::try_join!(self.drive(from, count, in_flight, sent), confirmed)?;
        Ok(began.elapsed())
    }

    async fn drive(
        self,
        from: u64,
        count: u64,
        in_flight: usize,
        sent: mpsc::Sender<Vec<Confirm>>,
    ) -> Result<(), BareError> {
        let gone = || BareError::Ended("its confirms are no longer awaited".to_owned());
        let all_of_them = from..from + count;
        let mut coming = all_of_them.clone();
        let first = coming.by_ref().take(in_flight).filter_map(|n| self.script.first(n));
        let first = first.map(|packed| self.post.publish(packed)).collect();
        sent.send(first).await.map_err(|_| gone())?;
        let mut ended = 0;
        let mut events = pin!(self.events.ready_chunks(self.batch));
        while ended < count {
            let batch = events.next().await.ok_or_else(|| BareError::Ended("the events ended".to_owned()))?;
            let (mut confirms, mut last) = (Vec::new(), None);
            for delivery in batch {
                let delivery = delivery?;
                let heard = told(&delivery)?;
                last = Some(delivery.delivery_tag);
                let next = if self.script.ends(heard) {
                    ended += 1;
                    coming.next().and_then(|n| self.script.first(n))
                } else {
                    self.script.commanded(heard)
                };
                confirms.extend(next.map(|packed| self.post.publish(packed)));
            }
            sent.send(confirms).await.map_err(|_| gone())?;
            if let Some(last) = last {
                self.channel.basic_ack(last, BasicAckOptions { multiple: true }).await?;
            }
        }
        Ok(())
    }
}
