//! Publishing with pipelined confirms.

use std::{pin::Pin, sync::Arc};

use futures::FutureExt;
use lapin::{
    Channel, Confirmation, Connection,
    options::{BasicPublishOptions, ConfirmSelectOptions},
};

use super::{super::connection::Shared, BareError, Packed};

/// A publication's confirm, on its way.
pub(super) type Confirm = Pin<Box<dyn Future<Output = lapin::Result<Confirmation>> + Send>>;

/// A connection that publishes, by one task.
pub(super) struct Post {
    _connection: Connection,
    channel: Channel,
}

impl Post {
    pub(super) async fn open(shared: &Arc<Shared>) -> Result<Self, BareError> {
        let connection = shared.open("bare publish").await?.connection;
        let channel = connection.create_channel().await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        Ok(Self { _connection: connection, channel })
    }

    /// Puts a message on its way; order is kept, because the first poll writes it.
    pub(super) fn publish(&self, packed: Packed) -> Confirm {
        let channel = self.channel.clone();
        let mut publishing: Confirm = Box::pin(async move {
            let options = BasicPublishOptions { mandatory: packed.mandatory, ..Default::default() };
            let Packed { exchange, key, properties, body, .. } = packed;
            channel.basic_publish(exchange, key, options, &body, properties).await?.await
        });
        match publishing.as_mut().now_or_never() {
            None => publishing,
            Some(ended) => Box::pin(std::future::ready(ended)),
        }
    }
}

/// Waits until all are confirmed and none came back.
pub(super) async fn all(confirms: Vec<Confirm>) -> Result<(), BareError> {
    for confirm in confirms {
        match confirm.await? {
            Confirmation::Ack(None) => {}
            other => return Err(BareError::Ended(format!("a message was not taken: {other:?}"))),
        }
    }
    Ok(())
}
