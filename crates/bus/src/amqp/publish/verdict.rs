//! What the broker says of what was published.

use std::{sync::Arc, time::Duration};

use futures::{FutureExt, StreamExt};
use lapin::{Confirmation, Event, message::BasicReturnMessage, protocol::AMQPSoftError};
use rehome_domain::{id::WorkOrderId, message::Envelope, ports::BusError, trace::Trace};
use tokio::time::{Instant, interval};

use crate::metrics;

use super::{
    super::{
        topology::soft,
        wire::{
            inward::trace_of,
            outward::{Packed, internal},
        },
    },
    Flight, LOOK, Publisher,
    line::{Line, Verdict},
};

/// No message is refused longer before the connection is built anew: each time what is under way is published twice,
/// and somebody may have made the queue or emptied it.
const MOST_PATIENCE: Duration = Duration::from_secs(300);

impl Publisher {
    /// Something happened to the connection. Answers why it is lost, if it is.
    pub(super) fn happened(&mut self, line: &mut Line, event: Option<Event>) -> Option<String> {
        let blocked = line.blocked;
        let lost = line.note(&self.shared, event);
        if blocked {
            self.begin_again(line);
        }
        lost
    }

    /// After the pause: what was not taken is published again, to queues that are declared again if they were not there.
    pub(super) async fn publish_again(&mut self, line: &mut Line) -> Result<(), String> {
        if std::mem::take(&mut self.undeclared) {
            self.shared.declare(&line.connection).await.map_err(|error| error.to_string())?;
        }
        metrics::repeated(self.again.len());
        for number in std::mem::take(&mut self.again) {
            if let Some(flight) = self.flights.get_mut(&number) {
                flight.since = Instant::now();
                line.publish(number, Arc::clone(&flight.packed));
            }
        }
        Ok(())
    }

    /// Time spent blocked does not count against a message.
    fn begin_again(&mut self, line: &Line) {
        if !line.blocked {
            let now = Instant::now();
            self.flights.values_mut().for_each(|flight| (flight.since, flight.refused) = (now, None));
        }
    }

    /// Looks for messages that this connection will not bring to their queue, in silence or with a no each time. Answers
    /// why it is to be built anew, if it is: to the next node if there are several.
    pub(super) fn overdue(&mut self, line: &Line) -> Option<String> {
        if !line.connection.status().connected() {
            return Some("the connection is gone".to_owned());
        }
        if line.blocked {
            return None;
        }
        let flights = || self.flights.values();
        let limit = self.shared.limits().confirm;
        let silent = flights().map(|flight| flight.since).min().is_some_and(|since| since.elapsed() > limit);
        let patience = self.patience;
        let refused = flights().filter_map(|flight| flight.refused).min();
        let refused = refused.is_some_and(|since| since.elapsed() > patience);
        if !silent && !refused {
            return None;
        }
        self.shared.nodes.leave(line.node);
        if silent {
            return Some(format!("no confirm within {limit:?}, the connection is built anew"));
        }
        // It may be the queue that is full, and not the connection that is at fault.
        self.patience = (patience * 2).min(MOST_PATIENCE);
        Some(format!("a message was refused for {patience:?}, the connection is built anew"))
    }

    /// Settles a verdict and all others that are there already. A message that came back may ride on any of them, so
    /// those are looked at first. Answers why the channel is lost, if it is.
    pub(super) fn settle(&mut self, line: &mut Line, first: (u64, Verdict)) -> Option<String> {
        let mut verdicts = vec![first];
        while let Some(Some(next)) = line.pending.next().now_or_never() {
            verdicts.push(next);
        }
        let mut lost = None;
        let mut settled = Vec::with_capacity(verdicts.len());
        for (number, verdict) in verdicts {
            match verdict {
                Ok(Confirmation::Ack(returned)) => {
                    settled.push((number, true));
                    self.returned(line, returned);
                }
                Ok(Confirmation::Nack(returned)) => {
                    settled.push((number, false));
                    self.returned(line, returned);
                }
                Ok(Confirmation::NotRequested) => lost = Some("the channel does not confirm".to_owned()),
                Err(error) => {
                    self.suspicious |= soft(&error).is_some();
                    lost = Some(error.to_string());
                }
            }
        }
        for (number, taken) in settled {
            let Some(flight) = self.flights.get_mut(&number) else { continue };
            if taken && !std::mem::take(&mut flight.unrouted) {
                if flight.refused.is_some() {
                    self.patience = self.shared.limits().refused;
                }
                self.land(number, Ok(()));
            } else {
                flight.refused.get_or_insert_with(Instant::now);
                self.again.push(number);
            }
        }
        lost
    }

    /// A message is confirmed, or never will be.
    fn land(&mut self, number: u64, outcome: Result<(), BusError>) {
        let Some(flight) = self.flights.remove(&number) else { return };
        let Some(call) = self.calls.get_mut(&flight.call) else { return };
        call.flights -= 1;
        if (call.flights == 0 || outcome.is_err())
            && let Some(call) = self.calls.remove(&flight.call)
        {
            // Whoever sent it may have stopped waiting.
            let _ = call.done.send(outcome);
        }
    }

    /// The broker had no queue for a message. If nobody takes that domain's orders the supervisor is told, and the order
    /// counts as sent. Anything else must wait until its queue is there.
    fn returned(&mut self, line: &Line, returned: Option<BasicReturnMessage>) {
        let Some(returned) = returned else { return };
        metrics::returned();
        let id = returned.properties.message_id().as_ref();
        let same = |flight: &&mut Flight| {
            let packed = &flight.packed;
            // The same message may be under way twice; each comes back on its own.
            !flight.unrouted
                && packed.mandatory
                && packed.exchange == returned.exchange
                && packed.properties.message_id().as_ref() == id
        };
        let foreign = returned.exchange.as_str() == self.shared.names.work()
            && !self.is_ours(returned.routing_key.as_str());
        let flight = self.flights.values_mut().find(same);
        if foreign && let Some(order) = id.and_then(|id| id.as_str().parse::<WorkOrderId>().ok()) {
            let call = flight.map(|flight| flight.call);
            let trace = trace_of(&returned.properties);
            self.undeliverable(line, call, order, trace.as_ref());
            return;
        }
        tracing::warn!(exchange = %returned.exchange, key = %returned.routing_key,
            "no queue takes a message yet, it is published again");
        self.undeclared = true;
        if let Some(flight) = flight {
            flight.unrouted = true;
        } else {
            // Its ack was believed before it came back. It has all that is needed to publish it again.
            let packed = Packed {
                exchange: returned.delivery.exchange,
                key: returned.delivery.routing_key,
                mandatory: true,
                counted: false,
                properties: returned.delivery.properties,
                body: returned.delivery.data,
            };
            self.launch(line, 0, packed);
        }
    }

    /// Whether a key of `.work` leads to a queue of our own configurators. If it did not, that queue was deleted, and is
    /// declared anew.
    fn is_ours(&self, key: &str) -> bool {
        key.split_once('.').is_some_and(|(_, domain)| self.shared.options.domains.iter().any(|d| d == domain))
    }

    fn undeliverable(&mut self, line: &Line, call: Option<u64>, order: WorkOrderId, trace: Option<&Trace>) {
        tracing::warn!(%order, "no queue takes an order of its domain");
        match internal(&self.shared, &Envelope::undeliverable(order).into()) {
            Ok(packed) => {
                let call = call.unwrap_or_default();
                if let Some(waiting) = self.calls.get_mut(&call) {
                    waiting.flights += 1;
                }
                self.launch(line, call, packed.traced(trace));
            }
            Err(error) => tracing::error!(%error, %order, "an undeliverable order could not be told of"),
        }
    }

    /// Publishes each flight alone, so that the one over which the broker closes the channel is known, and fails it.
    pub(super) async fn one_by_one(&mut self, line: &mut Line) -> Result<(), String> {
        let numbers: Vec<u64> = self.flights.keys().copied().collect();
        for number in numbers {
            self.begin_again(line);
            let Some(flight) = self.flights.get(&number) else { continue };
            let packed = Arc::clone(&flight.packed);
            line.publish(number, Arc::clone(&packed));
            let verdict = self.alone(line).await?;
            if let Err(error) = &verdict.1
                && let Some(
                    AMQPSoftError::ACCESSREFUSED
                    | AMQPSoftError::PRECONDITIONFAILED
                    | AMQPSoftError::CONTENTTOOLARGE,
                ) = soft(error)
            {
                let detail = format!("to `{}` by `{}`: {error}", packed.exchange, packed.key);
                self.land(number, Err(BusError::Failed { what: "publishing", detail }));
                self.backoff.reset();
                return Err(error.to_string());
            }
            if let Some(why) = self.settle(line, verdict) {
                return Err(why);
            }
        }
        Ok(())
    }

    /// The verdict on the only message under way.
    async fn alone(&mut self, line: &mut Line) -> Result<(u64, Verdict), String> {
        let mut look = interval(LOOK);
        loop {
            tokio::select! {
                Some(verdict) = line.pending.next() => return Ok(verdict),
                event = line.events.next() => {
                    if let Some(why) = self.happened(line, event) {
                        return Err(why);
                    }
                }
                _ = look.tick() => {
                    if let Some(why) = self.overdue(line) {
                        return Err(why);
                    }
                }
            }
        }
    }
}
