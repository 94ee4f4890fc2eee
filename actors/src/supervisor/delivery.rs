//! Sends what batches lead to, then acknowledges their inputs, while the next batch is being committed.

use std::sync::Arc;

use rehome_domain::ports::{Acks, Bus, Outgoing};
use tokio::sync::mpsc;

/// Committed batches whose messages may wait to be sent; the supervisor waits when there are more. A few, so that the
/// bus's confirms of one batch overlap the next batches' transactions.
const BATCHES_AHEAD: usize = 4;

/// What a batch leads to.
#[derive(Default)]
pub(super) struct Led {
    /// To be sent, in order.
    pub(super) messages: Vec<Outgoing>,
    /// To be acknowledged once they are sent.
    pub(super) tags: Vec<u64>,
}

/// A queue to the task that delivers. The task ends, all delivered, when the queue is dropped.
pub(super) fn start(
    bus: Arc<dyn Bus>,
    acks: Arc<dyn Acks>,
) -> (mpsc::Sender<Led>, tokio::task::JoinHandle<()>) {
    let (queue, mut batches) = mpsc::channel::<Led>(BATCHES_AHEAD);
    let delivering = async move {
        while let Some(Led { messages, tags }) = batches.recv().await {
            if let Err(error) = bus.send(messages).await {
                // They are in the journal: their inputs come again, or a start or a deadline sends them again.
                tracing::warn!(%error, inputs = tags.len(), "messages could not be sent now");
                continue;
            }
            if let Err(error) = acks.ack(tags).await {
                tracing::warn!(%error, "inputs could not be acknowledged and will come again");
            }
        }
    };
    (queue, tokio::spawn(delivering))
}
