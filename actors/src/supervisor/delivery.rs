//! Sends what batches lead to, then acknowledges their inputs, while the next batch is being committed.

use std::sync::Arc;

use rehome_domain::ports::{Acks, Bus, BusError, Outgoing};
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
            match deliver(&*bus, messages).await {
                Ok(()) => {}
                // They are in the journal, and their inputs come again to whoever works on.
                Err(BusError::Closed) => continue,
                Err(error @ BusError::Failed { .. }) => {
                    tracing::error!(%error, "a message can't be sent, whatever was led to by its batch is");
                }
            }
            if let Err(error) = acks.ack(tags).await {
                tracing::warn!(%error, "inputs could not be acknowledged and will come again");
            }
        }
    };
    (queue, tokio::spawn(delivering))
}

/// Sends a batch's messages together; one by one if one of them can never be sent, which then keeps none of the others
/// from it. An order that can't be sent is found by its deadline.
///
/// # Errors
/// The last one that could not be sent, or that the bus is closed.
async fn deliver(bus: &dyn Bus, messages: Vec<Outgoing>) -> Result<(), BusError> {
    let failed = match bus.send(messages.clone()).await {
        Err(failed @ BusError::Failed { .. }) if messages.len() > 1 => failed,
        settled => return settled,
    };
    tracing::warn!(%failed, messages = messages.len(), "a batch's messages are sent one by one");
    let mut outcome = Ok(());
    for message in messages {
        match bus.send(vec![message]).await {
            Ok(()) => {}
            Err(BusError::Closed) => return Err(BusError::Closed),
            Err(error) => {
                tracing::error!(%error, "a message can't be sent");
                outcome = Err(error);
            }
        }
    }
    outcome
}
