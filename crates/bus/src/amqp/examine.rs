//! Looks at a broker without changing anything: whether it lets us in, and how each queue that everybody shares is.

use std::time::{Duration, Instant};

use lapin::{Connection, options::QueueDeclareOptions, protocol::AMQPSoftError, types::FieldTable};
use tokio::time::timeout;

use super::{
    Amqp,
    connection::{Shared, close},
    error::AmqpError,
    nodes::which,
    options::Options,
    topology::{declare_queue, soft},
};

/// What was seen of a broker that let us in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Examined {
    /// Whom it knows us as.
    pub user: String,
    /// How long it took to let us in.
    pub took: Duration,
    /// The nodes that can't be used, if there are several and another one can: why not, each.
    pub absent: Vec<String>,
    /// The queues, by name.
    pub queues: Vec<(String, Seen)>,
}

/// What was seen of a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// There is none.
    Missing,
    /// It is there.
    There {
        /// Messages nobody has in hand.
        messages: u64,
        /// Who takes from it.
        consumers: u64,
        /// How it is made otherwise than ours, as far as we may know.
        differs: Option<String>,
    },
}

impl Amqp {
    /// Looks at the broker that the options name, each of its nodes.
    ///
    /// # Errors
    /// If none can be reached, none lets us in, or the broker stops answering.
    pub async fn examine(options: Options) -> Result<Examined, AmqpError> {
        let shared = Shared::new(Options { declare: false, ..options })?;
        let (mut first, mut absent, mut tried) = (None, Vec::new(), Vec::new());
        for (node, uri) in shared.nodes.in_turn() {
            let begun = Instant::now();
            match shared.connect(uri, "examine").await {
                Ok(connection) if first.is_none() => first = Some((connection, begun.elapsed())),
                Ok(connection) => close(&connection).await,
                Err(error) => {
                    absent.push(format!("{}: {error}", which(node, shared.nodes.len())));
                    tried.push(error);
                }
            }
        }
        let Some((connection, took)) = first else { return Err(AmqpError::none_of(tried)) };
        let limit = shared.limits().connect;
        let looked = timeout(limit, queues(&shared, &connection)).await;
        close(&connection).await;
        let unanswered =
            |detail: String| AmqpError::Declaring { what: "the look at the queues".to_owned(), detail };
        let queues = looked
            .map_err(|_| unanswered(format!("no answer within {limit:?}")))?
            .map_err(|error| unanswered(error.to_string()))?;
        Ok(Examined { user: shared.user.clone(), took, absent, queues })
    }
}

async fn queues(shared: &Shared, connection: &Connection) -> lapin::Result<Vec<(String, Seen)>> {
    let mut seen = Vec::new();
    for queue in shared.names.shared() {
        let state = look(shared, connection, &queue).await?;
        seen.push((queue, state));
    }
    Ok(seen)
}

/// Over channels of its own: the broker ends one with each no.
async fn look(shared: &Shared, connection: &Connection, queue: &str) -> lapin::Result<Seen> {
    let channel = connection.create_channel().await?;
    let passive = QueueDeclareOptions { passive: true, ..Default::default() };
    let state = match channel.queue_declare(queue.into(), passive, FieldTable::default()).await {
        Ok(state) => state,
        Err(error) if soft(&error) == Some(AMQPSoftError::NOTFOUND) => return Ok(Seen::Missing),
        Err(error) => return Err(error),
    };
    // It is there, so declaring it makes nothing; it only says whether ours is the same.
    let differs = match declare_queue(&channel, &shared.names, queue, shared.limits().deliveries).await {
        Err(error @ AmqpError::Differs { .. }) => Some(error.to_string()),
        // Who may not declare need not know.
        Ok(()) | Err(_) => None,
    };
    let (messages, consumers) = (state.message_count().into(), state.consumer_count().into());
    Ok(Seen::There { messages, consumers, differs })
}
