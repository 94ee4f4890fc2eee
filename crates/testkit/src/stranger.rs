//! Another system: a plain client of the broker, as strangers write them, and a tap on what passes.

#![allow(clippy::unwrap_used)]

use std::time::Duration;

use futures::StreamExt;
use lapin::{
    BasicProperties, Channel, Connection, ConnectionProperties, Consumer,
    message::Delivery,
    options::{
        BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions, QueueBindOptions,
        QueueDeclareOptions,
    },
    types::{AMQPValue, FieldTable},
};
use serde_json::{Map, Value, json};

/// Long enough for any broker; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a stranger says of a message, beside its body.
#[derive(Debug, Clone, Default)]
pub struct Said {
    /// `message_id`.
    pub message_id: Option<String>,
    /// `correlation_id`.
    pub correlation_id: Option<String>,
    /// `type`.
    pub kind: Option<String>,
    /// `user_id`: the broker refuses one that is not the connection's.
    pub user_id: Option<String>,
    /// `reply_to`.
    pub reply_to: Option<String>,
}

/// The broker closed the channel over a message; what it said.
#[derive(Debug, thiserror::Error)]
#[error("the broker refuses it: {0}")]
pub struct RefusedByBroker(pub String);

/// A plain client.
pub struct Stranger {
    channel: Channel,
    connection: Connection,
}

impl Stranger {
    /// Connects.
    ///
    /// # Panics
    /// If the broker refuses.
    pub async fn connect(url: &str) -> Self {
        let connection = Connection::connect(url, ConnectionProperties::default()).await.unwrap();
        let channel = connection.create_channel().await.unwrap();
        channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
        Self { channel, connection }
    }

    /// Publishes, and waits until the broker has it.
    ///
    /// # Errors
    /// If the broker closes the channel over it. This client is of no more use then.
    pub async fn publish(
        &self,
        exchange: &str,
        key: &str,
        said: Said,
        body: &Value,
    ) -> Result<(), RefusedByBroker> {
        let mut properties = BasicProperties::default().with_content_type("application/json".into());
        if let Some(id) = said.message_id {
            properties = properties.with_message_id(id.as_str().into());
        }
        if let Some(id) = said.correlation_id {
            properties = properties.with_correlation_id(id.as_str().into());
        }
        if let Some(kind) = said.kind {
            properties = properties.with_type(kind.as_str().into());
        }
        if let Some(user) = said.user_id {
            properties = properties.with_user_id(user.as_str().into());
        }
        if let Some(queue) = said.reply_to {
            properties = properties.with_reply_to(queue.as_str().into());
        }
        let refused = |error: lapin::Error| RefusedByBroker(error.to_string());
        let (exchange, key) = (exchange.into(), key.into());
        let body = serde_json::to_vec(body).unwrap();
        let options = BasicPublishOptions { mandatory: true, ..Default::default() };
        let sent =
            self.channel.basic_publish(exchange, key, options, &body, properties).await.map_err(refused)?;
        let confirmed = tokio::time::timeout(PATIENCE, sent).await.expect("no confirm").map_err(refused)?;
        assert!(confirmed.is_ack());
        Ok(())
    }

    /// A queue of its own by this name, gone with it, bound to these exchanges by these keys.
    ///
    /// # Panics
    /// If the broker refuses.
    pub async fn listen(&self, queue: &str, bindings: &[(&str, &str)]) -> Tap {
        let channel = self.connection.create_channel().await.unwrap();
        let own = QueueDeclareOptions { exclusive: true, auto_delete: true, ..Default::default() };
        channel.queue_declare(queue.into(), own, FieldTable::default()).await.unwrap();
        for (exchange, key) in bindings {
            let (queue, exchange, key) = (queue.into(), (*exchange).into(), (*key).into());
            let options = QueueBindOptions::default();
            channel.queue_bind(queue, exchange, key, options, FieldTable::default()).await.unwrap();
        }
        let options = BasicConsumeOptions::default();
        let consumer =
            channel.basic_consume(queue.into(), "".into(), options, FieldTable::default()).await.unwrap();
        Tap { consumer, _channel: channel }
    }
}

/// What comes into a queue of one's own.
pub struct Tap {
    consumer: Consumer,
    _channel: Channel,
}

impl Tap {
    /// The next message.
    ///
    /// # Panics
    /// If none comes for a minute.
    pub async fn next(&mut self) -> Seen {
        tokio::time::timeout(PATIENCE, self.soon()).await.expect("no message came")
    }

    /// The next message, however long it takes.
    ///
    /// # Panics
    /// If the queue ends.
    pub async fn soon(&mut self) -> Seen {
        let delivery = self.consumer.next().await.unwrap().unwrap();
        delivery.acker.ack(BasicAckOptions::default()).await.unwrap();
        Seen::from(&delivery)
    }
}

/// A message as it passed, all of it as JSON.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The exchange it came by; empty: straight to the queue.
    pub exchange: String,
    /// Its routing key.
    pub key: String,
    /// The properties it has, by their names in the AMQP specification (`message_id`, `type`, …) but headers.
    pub properties: Value,
    /// Its headers.
    pub headers: Value,
    /// Its body.
    pub body: Vec<u8>,
}

impl Seen {
    /// Its body as JSON.
    ///
    /// # Panics
    /// If it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

impl From<&Delivery> for Seen {
    fn from(delivery: &Delivery) -> Self {
        let given = &delivery.properties;
        let mut properties = Map::new();
        let texts = [
            ("content_type", given.content_type()),
            ("content_encoding", given.content_encoding()),
            ("correlation_id", given.correlation_id()),
            ("reply_to", given.reply_to()),
            ("expiration", given.expiration()),
            ("message_id", given.message_id()),
            ("type", given.kind()),
            ("user_id", given.user_id()),
            ("app_id", given.app_id()),
        ];
        for (name, text) in texts {
            if let Some(text) = text {
                properties.insert(name.to_owned(), json!(text.as_str()));
            }
        }
        if let Some(mode) = given.delivery_mode() {
            properties.insert("delivery_mode".to_owned(), json!(mode));
        }
        if let Some(timestamp) = given.timestamp() {
            properties.insert("timestamp".to_owned(), json!(timestamp));
        }
        let headers = given.headers().as_ref().map_or_else(|| json!({}), table);
        Self {
            exchange: delivery.exchange.as_str().to_owned(),
            key: delivery.routing_key.as_str().to_owned(),
            properties: Value::Object(properties),
            headers,
            body: delivery.data.clone(),
        }
    }
}

fn table(table: &FieldTable) -> Value {
    let entries = table.inner().iter().map(|(name, value)| (name.as_str().to_owned(), json_of(value)));
    Value::Object(entries.collect())
}

fn json_of(value: &AMQPValue) -> Value {
    match value {
        AMQPValue::LongString(text) => json!(String::from_utf8_lossy(text.as_bytes())),
        AMQPValue::ShortString(text) => json!(text.as_str()),
        AMQPValue::LongLongInt(number) => json!(number),
        AMQPValue::LongInt(number) => json!(number),
        AMQPValue::Timestamp(seconds) => json!(seconds),
        AMQPValue::Boolean(truth) => json!(truth),
        AMQPValue::FieldArray(array) => Value::Array(array.as_slice().iter().map(json_of).collect()),
        AMQPValue::FieldTable(inner) => table(inner),
        other => json!(format!("{other:?}")),
    }
}
