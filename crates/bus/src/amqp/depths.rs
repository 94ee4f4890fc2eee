//! How full the queues are, asked over a connection of its own that is kept: opening one costs more than asking.

use std::time::Duration;

use lapin::{Channel, Connection, options::QueueDeclareOptions, protocol::AMQPSoftError, types::FieldTable};
use rehome_domain::ports::{BusError, Depth};
use tokio::{sync::Mutex, time::timeout};

use super::{
    connection::{Link, Shared, close},
    topology::soft,
};

/// What the connection is called.
const PURPOSE: &str = "depths";
/// A broker that does not answer within this is asked again the next time.
const PATIENCE: Duration = Duration::from_secs(5);

/// Asks for depths.
#[derive(Default)]
pub(super) struct Sounding(Mutex<Option<Line>>);

struct Line {
    connection: Connection,
    channel: Channel,
}

impl Sounding {
    /// Asks for all queues that everybody shares. One that is not there is left out.
    pub(super) async fn depths(&self, shared: &Shared) -> Result<Vec<Depth>, BusError> {
        let mut line = self.0.lock().await;
        let asked = match timeout(PATIENCE, ask(&mut line, shared)).await {
            Ok(asked) => asked,
            Err(_) => Err(format!("the broker gave no answer within {PATIENCE:?}")),
        };
        if asked.is_err()
            && let Some(line) = line.take()
        {
            close(&line.connection).await;
        }
        asked.map_err(|detail| BusError::Failed { what: "asking how full the queues are", detail })
    }

    pub(super) async fn end(&self) {
        if let Some(line) = self.0.lock().await.take() {
            close(&line.connection).await;
        }
    }
}

async fn ask(line: &mut Option<Line>, shared: &Shared) -> Result<Vec<Depth>, String> {
    let line = match line {
        Some(line) => line,
        None => {
            let Link { connection, .. } = shared.open(PURPOSE).await.map_err(|error| error.to_string())?;
            let channel = connection.create_channel().await.map_err(|error| error.to_string())?;
            line.insert(Line { connection, channel })
        }
    };
    let mut depths = Vec::new();
    for queue in shared.names.shared() {
        match look(&line.channel, &queue).await {
            Ok((messages, consumers)) => {
                let queue = shared.names.short(&queue).to_owned();
                depths.push(Depth { queue, messages, consumers: Some(consumers) });
            }
            // Each such answer ends the channel.
            Err(error) if soft(&error) == Some(AMQPSoftError::NOTFOUND) => {
                line.channel = line.connection.create_channel().await.map_err(|error| error.to_string())?;
            }
            Err(error) => return Err(error.to_string()),
        }
    }
    Ok(depths)
}

async fn look(channel: &Channel, queue: &str) -> lapin::Result<(u64, u64)> {
    let passive = QueueDeclareOptions { passive: true, ..Default::default() };
    let state = channel.queue_declare(queue.into(), passive, FieldTable::default()).await?;
    Ok((state.message_count().into(), state.consumer_count().into()))
}
