//! Looking after a consumer that hears nothing.

use std::sync::Arc;

use lapin::{options::QueueDeclareOptions, types::FieldTable};
use tokio::time::timeout;

use super::{Line, Pump, Source};
use crate::amqp::acks::Session;

impl<T: Send + 'static> Pump<T> {
    /// Sees to a consumer that has heard nothing for a while.
    pub(super) async fn watch(&self, line: &mut Line) -> Result<(), String> {
        let known = self.look(line).await?;
        if matches!(self.order.source, Source::Shared(_)) && line.session.is_idle() {
            return self.renew(line).await;
        }
        // Once it may be that a leader which is busy, or not yet elected, did not answer the broker in time.
        if !known && std::mem::replace(&mut line.unknown, true) {
            return Err("the broker knows of no consumer".to_owned());
        }
        line.unknown = !known;
        Ok(())
    }

    /// Consumes anew, over the same connection. What a quorum queue's leader gave out while it died counts as given to
    /// us although it never came, and nobody else gets it: only the end of its channel gives it back. Nothing that we
    /// can ask tells, so a consumer does this whenever it is idle.
    async fn renew(&self, line: &mut Line) -> Result<(), String> {
        let (channel, consumer) = self.subscribe(&line.connection, line.prefetch).await?;
        let session = Session::new(self.shared.next_session(), channel.clone());
        // From here on what still comes by the old one is not handed out: it comes again.
        self.current.set(Some(Arc::clone(&session)));
        line.session.end();
        let old = std::mem::replace(&mut line.channel, channel);
        (line.consumer, line.session, line.renewed) = (consumer, session, true);
        let closing = old.close(200, "renewed".into());
        let closed = timeout(self.shared.limits().connect, closing).await;
        closed.map_err(|_| "the broker does not answer".to_owned())?.map_err(|error| error.to_string())
    }

    /// A consumer that hears nothing although its queue has messages is dead. Answers whether the broker knows of any.
    async fn look(&self, line: &Line) -> Result<bool, String> {
        let passive = QueueDeclareOptions { passive: true, ..Default::default() };
        let queue = self.order.source.queue();
        let looking = async {
            let channel = line.connection.create_channel().await?;
            let state = channel.queue_declare(queue.into(), passive, FieldTable::default()).await?;
            channel.close(200, "looked".into()).await?;
            Ok::<_, lapin::Error>(state)
        };
        let state = timeout(self.shared.limits().connect, looking)
            .await
            .map_err(|_| "the broker does not answer".to_owned())?
            .map_err(|error| error.to_string())?;
        let room = line.session.in_hand() < usize::from(line.prefetch);
        if room && state.message_count() > 0 && self.wanted.out.capacity() > 0 {
            return Err(format!("silent, although {} messages wait", state.message_count()));
        }
        Ok(state.consumer_count() > 0)
    }
}
