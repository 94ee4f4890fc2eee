//! What can't be done together with a batch is done by itself: from a fresh look at its ticket, until it has taken effect,
//! is set aside, or is put back.

use std::{sync::Arc, time::Duration};

use rehome_domain::{
    id::RelocationId,
    message::{Answer, Envelope, Input, Rejection},
    ports::{Answered, Committed, Delivery, Incoming, Loaded, Outgoing, StoreError, Unreadable, dead_letter},
    step::Stepped,
    ticket::Ticket,
};
use tokio::time::Instant;

use super::{
    Supervisor, change,
    effects::{again, quarantined},
};
use crate::{metrics, trace::Traced};

/// A reply that overtook its own order's commit is put back this often, [`EARLY_WAIT`] apart, before it counts as
/// one that names an order nobody sent.
const EARLY_TRIES: u8 = 40;
/// Long enough for another supervisor's commit, short enough not to be noticed.
const EARLY_WAIT: Duration = Duration::from_millis(25);
/// So often the store refuses an input for what it says, each time from a fresh look at its ticket, before it is buried.
const POISON_TRIES: u32 = 2;
/// How often an input is stepped again because its ticket moved on meanwhile.
const STALE_TRIES: u32 = 100;
/// How long an input that got nowhere waits, back on the bus.
const STALE_REST: Duration = Duration::from_secs(5);

impl Supervisor {
    /// Does one input by itself, from a fresh look at its ticket, until it has taken effect or must wait.
    pub(super) async fn alone(&mut self, delivery: &Delivery<Incoming>) {
        let incoming = &delivery.message;
        let cause = &incoming.envelope.cause;
        // One before it has just begun to wait.
        if self.waiting.has(incoming.envelope.relocation) {
            return self.let_wait(delivery);
        }
        let mut refused = 0;
        let mut held_by = None;
        for _ in 0..STALE_TRIES {
            match self.alone_once(delivery, held_by).await {
                Ok(None) => return,
                Ok(Some(Committed::Held(by))) => held_by = Some(by),
                Ok(Some(_)) => {}
                // The bus is about to close too; not acknowledged, it comes again to whoever works on.
                Err(StoreError::Closed) => return self.keep_unacknowledged(delivery),
                Err(error @ StoreError::Refused { .. }) => {
                    refused += 1;
                    if refused >= POISON_TRIES && self.bury_poison(delivery, &error).await {
                        return;
                    }
                }
                // Nobody's word is taken just now, or this ticket is locked: no input is to blame.
                Err(error @ StoreError::Failed { .. }) => {
                    tracing::warn!(%error, %cause, "the store is in trouble, an input waits");
                    return self.let_wait(delivery);
                }
            }
        }
        tracing::error!(%cause, "an input got nowhere and is put back");
        self.give_back(delivery, incoming.clone(), STALE_REST);
    }

    /// One try. None once nothing more is to be done.
    async fn alone_once(
        &mut self,
        delivery: &Delivery<Incoming>,
        held_by: Option<RelocationId>,
    ) -> Result<Option<Committed>, StoreError> {
        let incoming = &delivery.message;
        let id = incoming.envelope.relocation;
        let known = self.known.remove(&id).map(|ticket| ticket.version);
        let loaded = self.parts.tickets.load(vec![id]).await?.into_iter().next();
        if !matches!(loaded, Some(Loaded::Ticket(_))) {
            self.flying.remove(&id);
        }
        let ticket = match loaded {
            Some(Loaded::Ticket(ticket)) => {
                let ticket = Arc::<Ticket>::from(ticket);
                if known.is_some_and(|known| known < ticket.version) {
                    self.met = Some(Instant::now());
                }
                self.remember(&ticket);
                Some(ticket)
            }
            Some(Loaded::Unreadable(why @ Unreadable::Newer { .. })) => {
                self.leave_to_newer(delivery, &why).await?;
                return Ok(None);
            }
            Some(Loaded::Unreadable(Unreadable::Spoilt(reason))) => {
                self.quarantine(id, &reason).await?;
                let rejection = Rejection::Quarantined { relocation: id, reason };
                self.reject(delivery, rejection).await?;
                return Ok(None);
            }
            Some(Loaded::Missing) | None => None,
        };
        let change = match self.step(ticket.as_deref(), incoming, held_by) {
            Some(Stepped::Journaled(stepped)) => change(*stepped),
            Some(Stepped::Rejected(rejection)) => {
                // Taken before the devices' domains changed, perhaps, and what it led to not sent yet.
                if ticket.is_some() && self.was_taken(&incoming.envelope).await? {
                    self.say_again(&[delivery]).await?;
                } else {
                    self.reject(delivery, rejection).await?;
                }
                return Ok(None);
            }
            Some(Stepped::Early(_)) => {
                self.put_back(delivery).await?;
                return Ok(None);
            }
            // Time has made it void, or it has come before and whoever took it died before sending what it led to.
            Some(Stepped::Void) => {
                self.say_again(&[delivery]).await?;
                return Ok(None);
            }
            None => {
                self.quarantine(id, "stepping it panicked: a defect of this binary").await?;
                return Ok(Some(Committed::Stale));
            }
        };
        let answered = metrics::answered(ticket.as_deref(), &change.ticket, &change.entry);
        let traced = Traced::step(incoming, delivery.trace.clone());
        match self.timed_commit(vec![change.clone()]).await?.into_iter().next() {
            Some(Committed::Done) => {
                self.remember(&change.ticket);
                self.take_effect(&change, Some(incoming), answered, &traced);
                Ok(None)
            }
            Some(Committed::Seen) => {
                self.say_again(&[delivery]).await?;
                Ok(None)
            }
            other => Ok(other),
        }
    }

    /// Whether a message stands in its ticket's journal.
    async fn was_taken(&self, envelope: &Envelope) -> Result<bool, StoreError> {
        let asked = vec![(envelope.relocation, envelope.cause.clone())];
        Ok(self.parts.tickets.caused(asked).await?.into_iter().any(|entry| entry.is_some()))
    }

    /// Messages that came before: what their entries sent is sent again, as it is in the journal.
    pub(super) async fn say_again(&mut self, deliveries: &[&Delivery<Incoming>]) -> Result<(), StoreError> {
        if deliveries.is_empty() {
            return Ok(());
        }
        let envelopes = || deliveries.iter().map(|delivery| &delivery.message.envelope);
        let causes = envelopes().map(|envelope| (envelope.relocation, envelope.cause.clone())).collect();
        let entries = self.parts.tickets.caused(causes).await?;
        // After the entries: what is out now decides what of theirs is.
        let ids = envelopes().map(|envelope| envelope.relocation).collect();
        let tickets = self.parts.tickets.load(ids).await?;
        for ((entry, loaded), delivery) in entries.into_iter().zip(tickets).zip(deliveries) {
            let Delivery { message, trace, .. } = delivery;
            match &loaded {
                Loaded::Ticket(ticket) => self.remember(&Arc::new(ticket.as_ref().clone())),
                Loaded::Unreadable(_) | Loaded::Missing => {
                    self.flying.remove(&message.envelope.relocation);
                }
            }
            match (entry, loaded) {
                (Some(Ok(entry)), Loaded::Ticket(ticket)) => {
                    let sent = again(&ticket, &entry, message).into_iter();
                    self.led.messages.extend(sent.map(|message| message.traced(trace.clone())));
                }
                // What it sent only a newer one can say.
                (Some(Err(why @ Unreadable::Newer { .. })), _)
                | (Some(_), Loaded::Unreadable(why @ Unreadable::Newer { .. })) => {
                    self.leave_to_newer(delivery, &why).await?;
                }
                (Some(Err(Unreadable::Spoilt(why))), _) => {
                    self.quarantine(message.envelope.relocation, &why).await?;
                }
                (Some(Ok(_)), Loaded::Unreadable(_) | Loaded::Missing) | (None, _) => {}
            }
        }
        Ok(())
    }

    /// Keeps an input no ticket can take as a dead letter, and tells whoever asked.
    pub(super) async fn reject(
        &mut self,
        delivery: &Delivery<Incoming>,
        rejection: Rejection,
    ) -> Result<(), StoreError> {
        let incoming = &delivery.message;
        tracing::warn!(cause = %incoming.envelope.cause, by = %incoming.envelope.by, reason = %rejection, "input rejected");
        let body = serde_json::to_string(&incoming.envelope).unwrap_or_else(|error| error.to_string());
        let letter = dead_letter(delivery, &rejection, (self.parts.now)(), body);
        metrics::buried(&letter.origin);
        self.parts.tickets.bury(letter).await?;
        if let Some(to) = incoming.reply_to.clone() {
            let answer = Answer::Rejected(rejection);
            self.led.messages.push(Outgoing::Answer(Answered { to, answer }));
        }
        Ok(())
    }

    /// An input that the store refuses. True if it is buried.
    async fn bury_poison(&mut self, delivery: &Delivery<Incoming>, error: &StoreError) -> bool {
        let relocation = delivery.message.envelope.relocation;
        let rejection = Rejection::NotKept { relocation, reason: error.to_string() };
        self.reject(delivery, rejection).await.is_ok()
    }

    /// Lets a reply that came too early wait its turn. It is acknowledged once it is back on the bus.
    async fn put_back(&mut self, delivery: &Delivery<Incoming>) -> Result<(), StoreError> {
        let incoming = &delivery.message;
        if incoming.early >= EARLY_TRIES {
            if let Input::Reply(reply) = &incoming.envelope.input {
                return self.reject(delivery, Rejection::UnknownOrder { order: reply.order }).await;
            }
            return Ok(());
        }
        let again = Incoming { early: incoming.early + 1, ..incoming.clone() };
        self.give_back(delivery, again, EARLY_WAIT);
        Ok(())
    }

    async fn quarantine(&mut self, relocation: RelocationId, reason: &str) -> Result<(), StoreError> {
        if self.parts.tickets.quarantine(relocation, reason.to_owned()).await? {
            let raised = quarantined(relocation, None, reason, (self.parts.now)());
            self.led.messages.push(Outgoing::Alarm(raised));
        }
        Ok(())
    }
}
