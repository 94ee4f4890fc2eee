//! The clock: deadlines and windows become messages like everything else.
//!
//! Tickets whose time has come are claimed from the store with a lease, so that of several clocks one rings, and when
//! that one dies before it could, another does: always, not only at start.

use std::{sync::Arc, time::Duration};

use actix::{Actor, AsyncContext, Context, WrapFuture};
use jiff::{SignedDuration, Timestamp};
use rehome_domain::{
    message::Envelope,
    order::Layer,
    ports::{Bus, Loaded, Outgoing, StoreError, TicketStore, Unreadable},
    step::window_opened,
    ticket::Ticket,
};

use crate::Now;

/// What a clock is made of.
#[derive(Clone)]
pub struct ClockParts {
    /// Where deadlines are.
    pub tickets: Arc<dyn TicketStore>,
    /// Where messages go.
    pub bus: Arc<dyn Bus>,
    /// How often to look.
    pub every: Duration,
    /// How long a claimed ticket is left to whoever claimed it.
    pub lease: SignedDuration,
    /// Tickets claimed at once.
    pub batch: usize,
    /// The time.
    pub now: Now,
}

/// The clock.
pub struct Clock {
    parts: ClockParts,
}

impl Clock {
    /// A clock of these parts.
    #[must_use]
    pub const fn new(parts: ClockParts) -> Self {
        Self { parts }
    }
}

impl Actor for Clock {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let parts = self.parts.clone();
        let ticking = async move {
            loop {
                tokio::time::sleep(parts.every).await;
                // A full batch says that there may be more, which need not wait for the next look.
                loop {
                    match ring(&parts).await {
                        Ok(rung) if rung >= parts.batch => {}
                        Ok(_) => break,
                        // What the clock was for has ended.
                        Err(StoreError::Closed) => return,
                        Err(error) => {
                            tracing::warn!(%error, "deadlines could not be read, trying again");
                            break;
                        }
                    }
                }
            }
        };
        ctx.spawn(ticking.into_actor(self));
    }
}

/// Looks once: claims what is due and sends its messages. Answers how many tickets were due.
///
/// # Errors
/// The store's. A message the bus does not take is claimed again when its lease ends.
pub async fn ring(parts: &ClockParts) -> Result<usize, StoreError> {
    let now = (parts.now)();
    let due = parts.tickets.claim_due(now, parts.lease, parts.batch).await?;
    let mut messages = Vec::new();
    for (relocation, loaded) in &due {
        match loaded {
            Loaded::Ticket(ticket) => {
                messages.extend(overdue(ticket, now).map(|envelope| Outgoing::Reply(envelope.into())));
            }
            // A newer clock will claim it when the lease ends.
            Loaded::Unreadable(why @ Unreadable::Newer { .. }) => {
                tracing::debug!(%relocation, %why, "a newer ticket is due");
            }
            Loaded::Unreadable(Unreadable::Spoilt(reason)) => {
                tracing::warn!(%relocation, reason, "a ticket that can't be read is due");
            }
            Loaded::Missing => {}
        }
    }
    if let Err(error) = parts.bus.send(messages).await {
        tracing::warn!(%error, "deadlines could not be sent, trying again when their leases end");
    }
    Ok(due.len())
}

/// Everything the time says to a ticket.
fn overdue(ticket: &Ticket, now: Timestamp) -> impl Iterator<Item = Envelope> + '_ {
    let orders =
        Layer::ALL.into_iter().filter_map(|layer| ticket.out(layer)).map(rehome_domain::ticket::Out::awaited);
    let late = orders.filter(move |order| order.deadline <= now);
    let window = window_opened(ticket).filter(|_| ticket.window_due().is_some_and(|due| due <= now));
    late.map(|order| Envelope::overdue(order.id, order.deadline)).chain(window)
}
