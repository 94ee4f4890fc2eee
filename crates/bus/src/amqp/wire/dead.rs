//! Dead letters: what was set aside, by us or by the broker, and what it was meant to tell a ticket.

use jiff::Timestamp;
use lapin::{
    message::Delivery,
    types::{AMQPValue, FieldTable},
};
use rehome_domain::{
    command::By,
    message::Envelope,
    ports::{DeadLetter, NotResent},
};

use super::{
    SUBMIT_KEY, command_of, header,
    inward::{command_body, headers, message_id, sender, trace_of},
    outward::{foreign_id, hashed, header_number, header_text},
};
use crate::amqp::connection::Shared;

/// A dead letter: one of ours with its reason in headers, or one the broker set aside.
pub(in crate::amqp) fn dead_letter(shared: &Shared, delivery: &Delivery) -> DeadLetter {
    let headers = headers(delivery);
    let death = headers.and_then(Death::read);
    // What the broker set aside has the headers of whoever sent it: of those none is ours.
    let text = |name| header_text(headers.filter(|_| death.is_none()), name);
    let user = text(header::USER)
        .or_else(|| delivery.properties.user_id().as_ref().map(|user| user.as_str().to_owned()));
    let key = text(header::KEY)
        .or_else(|| death.as_ref().map(|death| death.key.clone()))
        .unwrap_or_else(|| delivery.routing_key.as_str().to_owned());
    let origin = text(header::ORIGIN)
        .or_else(|| death.as_ref().map(|death| death.exchange.clone()))
        .unwrap_or_default();
    let by = text(header::BY).and_then(|by| serde_json::from_str(&by).ok());
    let body = String::from_utf8_lossy(&delivery.data).into_owned();
    let id = message_id(delivery)
        .unwrap_or_else(|| hashed(format!("{origin} {key} {body}").as_bytes()).to_string());
    let stamped = *delivery.properties.timestamp();
    let at = death.as_ref().and_then(|death| death.at).or(stamped).and_then(seconds);
    let reason = text(header::REASON).or_else(|| death.as_ref().map(Death::reason));
    DeadLetter {
        id: foreign_id(user.as_deref(), &id),
        at: at.unwrap_or_else(Timestamp::now),
        origin: shared.names.short(&origin).to_owned(),
        key: Some(key),
        by: by.or_else(|| sender(shared, delivery).ok()),
        trace: trace_of(&delivery.properties),
        reason: reason.unwrap_or_else(|| "it came to the dead letters without a reason".to_owned()),
        body,
    }
}

/// What the broker notes on a message it sets aside (`x-death`).
struct Death {
    queue: String,
    exchange: String,
    key: String,
    why: String,
    count: u64,
    at: Option<u64>,
}

impl Death {
    fn read(headers: &FieldTable) -> Option<Self> {
        let AMQPValue::FieldArray(deaths) = headers.inner().get("x-death")? else { return None };
        let AMQPValue::FieldTable(death) = deaths.as_slice().first()? else { return None };
        let text = |name| header_text(Some(death), name).unwrap_or_default();
        let key = match death.inner().get("routing-keys") {
            Some(AMQPValue::FieldArray(keys)) => match keys.as_slice().first() {
                Some(AMQPValue::LongString(key)) => String::from_utf8_lossy(key.as_bytes()).into_owned(),
                _ => String::new(),
            },
            _ => String::new(),
        };
        let at = match death.inner().get("time") {
            Some(AMQPValue::Timestamp(at)) => Some(*at),
            _ => None,
        };
        let count = header_number(Some(death), "count").unwrap_or_default();
        Some(Self { queue: text("queue"), exchange: text("exchange"), key, why: text("reason"), count, at })
    }

    fn reason(&self) -> String {
        let Self { queue, why, count, .. } = self;
        match why.as_str() {
            "delivery_limit" => {
                format!(
                    "each time it was taken from `{queue}` its reader died, until the broker set it aside"
                )
            }
            "rejected" => format!("its reader rejected it off `{queue}`"),
            "expired" => format!("it grew too old in `{queue}`"),
            "maxlen" => format!("`{queue}` was full"),
            other => format!("the broker set it aside off `{queue}`: {other}, {count} times"),
        }
    }
}

fn seconds(at: u64) -> Option<Timestamp> {
    Timestamp::from_second(i64::try_from(at).ok()?).ok()
}

/// The request or command that a dead letter is.
pub(in crate::amqp) fn meant(letter: &DeadLetter) -> Result<Envelope, NotResent> {
    let key = letter.key.as_deref().unwrap_or_default();
    if letter.origin != "commands" || (key != SUBMIT_KEY && command_of(key).is_none()) {
        return crate::letters::envelope(letter);
    }
    let read = command_body(key, letter.body.as_bytes(), &letter.id);
    let (relocation, input) = read.map_err(|why| NotResent::Unreadable(why.to_string()))?;
    let by = letter.by.clone().unwrap_or(By::Nobody { via: "amqp".to_owned() });
    Ok(Envelope { relocation, cause: letter.id.clone(), by, input })
}
