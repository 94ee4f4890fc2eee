//! Taking away what was declared, when a prefix is no longer needed.

use lapin::options::{ExchangeDeleteOptions, QueueDeleteOptions};
use tokio::time::timeout;

use super::{
    connection::{Shared, close},
    error::AmqpError,
    options::Options,
};

/// Deletes every shared queue and exchange under the options' prefix, with all that is in them. Harmless where there are
/// none. Nobody may be at work under the prefix any more: whoever is declares them again.
///
/// # Errors
/// The broker can't be reached, or does not let us delete.
pub async fn remove(options: &Options) -> Result<(), AmqpError> {
    let shared = Shared::new(Options { declare: false, ..options.clone() })?;
    let connection = shared.open("remove").await?.connection;
    let removed = timeout(shared.limits().connect, from(&connection, &shared)).await;
    close(&connection).await;
    removed.map_err(|_| AmqpError::Removing {
        what: format!("everything under `{}`", options.prefix),
        detail: format!("no answer within {:?}", shared.limits().connect),
    })?
}

async fn from(connection: &lapin::Connection, shared: &Shared) -> Result<(), AmqpError> {
    let failed = |what: String| {
        move |error: lapin::Error| AmqpError::Removing { what: what.clone(), detail: error.to_string() }
    };
    let channel = connection.create_channel().await.map_err(failed("anything".to_owned()))?;
    for queue in shared.names.shared() {
        let whatever_it_has = QueueDeleteOptions::default();
        let deleted = channel.queue_delete(queue.as_str().into(), whatever_it_has).await;
        deleted.map_err(failed(format!("the queue `{queue}`")))?;
    }
    for exchange in shared.names.exchanges() {
        let deleted = channel.exchange_delete(exchange.as_str().into(), ExchangeDeleteOptions::default());
        deleted.await.map_err(failed(format!("the exchange `{exchange}`")))?;
    }
    let _ = channel.close(200, "removed".into()).await;
    Ok(())
}
