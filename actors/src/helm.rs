//! The helm: knows what is paused, and lets what a pause held back begin when it is over.
//!
//! Every supervisor's process has one. What is paused stands in the store; a helm looks at it again and again, so a
//! pause takes effect everywhere within [`HelmParts::every`], and outlives every process.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use rehome_domain::{
    command::By,
    id::MessageId,
    message::Envelope,
    ports::{Bus, Loaded, Outgoing, SteeringStore, StoreError, TicketStore},
    request::Request,
    steering::{Scope, Steered, Turn, lifting, pauses},
};

use crate::Now;

/// Held-back tickets looked at at once.
const PAGE: usize = 256;
/// A resume is swept up for so long at least, counted in looks: a helm elsewhere may not have heard of it yet, and hold
/// back a ticket meanwhile.
const LOOKS: u32 = 4;

/// Tells a device's domain.
pub type DomainOf = Arc<dyn Fn(&str) -> String + Send + Sync>;

/// What a helm is made of.
#[derive(Clone)]
pub struct HelmParts {
    /// The log of what was paused.
    pub steering: Arc<dyn SteeringStore>,
    /// The tickets that may be held back.
    pub tickets: Arc<dyn TicketStore>,
    /// Where messages go.
    pub bus: Arc<dyn Bus>,
    /// A device's domain.
    pub domain_of: DomainOf,
    /// How often to look.
    pub every: Duration,
    /// The clock.
    pub now: Now,
}

/// What is paused, as last looked at.
pub struct Helm {
    parts: HelmParts,
    paused: RwLock<Vec<Scope>>,
}

impl Helm {
    /// A helm that has not looked yet: nothing is paused.
    #[must_use]
    pub fn new(parts: HelmParts) -> Arc<Self> {
        Arc::new(Self { parts, paused: RwLock::default() })
    }

    /// What is paused that a relocation has to do with.
    #[must_use]
    pub fn paused(&self, request: &Request) -> Option<Scope> {
        let paused = self.paused.read().unwrap_or_else(PoisonError::into_inner);
        paused.iter().find(|scope| scope.covers(request, |device| (self.parts.domain_of)(device))).cloned()
    }

    /// Looks at the log.
    ///
    /// # Errors
    /// The store's; what was known before stays known.
    pub async fn look(&self) -> Result<Vec<Steered>, StoreError> {
        let log = self.parts.steering.steering().await?;
        let scopes: Vec<Scope> = pauses(&log).into_iter().map(|line| line.scope.clone()).collect();
        let mut paused = self.paused.write().unwrap_or_else(PoisonError::into_inner);
        if *paused != scopes {
            tracing::warn!(paused = ?scopes.iter().map(Scope::to_string).collect::<Vec<_>>(), "steering changed");
        }
        *paused = scopes;
        Ok(log)
    }

    /// Looks, and lets begin what no pause holds back any more. Answers how many tickets were told.
    ///
    /// # Errors
    /// The store's. What was not told is told at the next turn.
    pub async fn turn(&self) -> Result<usize, StoreError> {
        let log = self.look().await?;
        let over = lifting(&log);
        if over.is_empty() {
            return Ok(0);
        }
        let told = self.sweep().await?;
        // What was just told may not have arrived: only a sweep that finds nothing held back ends it.
        if told > 0 {
            return Ok(told);
        }
        let long_known = (self.parts.now)().saturating_sub(self.looks()).unwrap_or(Timestamp::MIN);
        for line in over.into_iter().filter(|line| line.at <= long_known) {
            let lifted = Steered {
                id: MessageId(format!("{}:lifted", line.id)),
                turn: Turn::Lifted,
                scope: line.scope.clone(),
                by: By::System,
                at: (self.parts.now)(),
                reason: String::new(),
            };
            self.parts.steering.steer(lifted).await?;
        }
        Ok(told)
    }

    fn looks(&self) -> SignedDuration {
        SignedDuration::try_from(self.parts.every * LOOKS).unwrap_or(SignedDuration::MAX)
    }

    async fn sweep(&self) -> Result<usize, StoreError> {
        let (mut told, mut after) = (0, None);
        loop {
            let page = self.parts.tickets.held_back(after, PAGE).await?;
            let Some((last, _)) = page.last() else { return Ok(told) };
            after = Some(*last);
            let free = page.into_iter().filter_map(|(id, loaded)| match loaded {
                Loaded::Ticket(ticket) if self.paused(&ticket.request).is_none() => {
                    Some(Outgoing::Reply(Envelope::unpaused(id, ticket.version).into()))
                }
                _ => None,
            });
            let messages: Vec<Outgoing> = free.collect();
            told += messages.len();
            // One that can't be told now is found again by the next sweep.
            if let Err(error) = self.parts.bus.send(messages).await {
                tracing::warn!(%error, "what was held back could not be told, trying again");
            }
        }
    }

    /// Turns again and again, for ever.
    pub async fn keep(self: Arc<Self>) {
        loop {
            if let Err(error) = self.turn().await {
                tracing::warn!(%error, "what is paused could not be read, trying again");
            }
            tokio::time::sleep(self.parts.every).await;
        }
    }
}
