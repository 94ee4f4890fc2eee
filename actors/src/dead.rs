//! Brings dead letters from the bus, where they only pass, to the store, where people look for them.

use std::{sync::Arc, time::Duration};

use rehome_domain::ports::{DeadQueue, Delivery, TicketStore};

use crate::metrics;

/// The pause before a letter is given to a store that failed again.
const AWAY: Duration = Duration::from_millis(500);

/// Collects dead letters until the bus closes. One is acknowledged once it is kept.
pub async fn collect(mut letters: Box<dyn DeadQueue>, tickets: Arc<dyn TicketStore>) {
    let acks = letters.acks();
    while let Some(Delivery { message, tag, .. }) = letters.next().await {
        tracing::warn!(id = %message.id, origin = message.origin, reason = message.reason, "dead letter");
        while let Err(error) = tickets.bury(message.clone()).await {
            tracing::warn!(%error, "a dead letter could not be kept, trying again");
            tokio::time::sleep(AWAY).await;
        }
        metrics::buried(&message.origin);
        if let Err(error) = acks.ack(vec![tag]).await {
            tracing::warn!(%error, "a dead letter could not be acknowledged and comes again");
        }
    }
}
