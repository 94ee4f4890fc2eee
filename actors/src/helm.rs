//! The helm: knows what is paused, and lets what a pause held back begin when it is over.
//!
//! Every supervisor's process has one. What is paused stands in the store; a helm looks at it again and again, so a
//! pause takes effect everywhere within [`HelmParts::every`], and outlives every process.
//!
//! ```text
//!   people ──Wish──▶ steering ──▶ [obey] ──line──▶ store ──looked at──▶ every helm ──Steered──▶ events
//!      ◀─────────── Verdict ────────┘                ▲
//!   command line ────────────────────────line────────┘
//! ```
//!
//! Whoever finds a new line tells it, so that a line is told which the command line wrote, or a process that died over it.
//! Several may; the event is the same.

mod told;

use std::{
    sync::{Arc, Mutex, PoisonError, RwLock},
    time::Duration,
};

use rehome_domain::{
    id::MessageId,
    message::{Answer, Envelope},
    ports::{
        Answered, Bus, BusError, DeadLetter, Delivery, Loaded, Outgoing, SteeringQueue, SteeringStore,
        StoreError, TicketStore, Unreadable, Wish,
    },
    request::Request,
    steering::{Decided, NotSteered, Scope, Steered, Verdict, draining, lifting, pauses},
    trace::Trace,
};

use rustc_hash::FxHashMap;
use tokio::time::{Instant, timeout};

use self::told::Told;
use crate::Now;

/// Tickets looked at at once.
const PAGE: usize = 256;
/// A resume is swept up for so long at least, and a drain not believed to be over, counted in looks: a helm elsewhere may
/// not have heard of it yet, and hold back a ticket meanwhile, or begin one.
pub const LOOKS: u32 = 4;

/// How long a turn waits for the bus to take what it tells: what is paused must be looked at, whatever ails the broker.
const TELLING: Duration = Duration::from_secs(2);
/// The pause before a wish is given to a store that failed again.
const AWAY: Duration = Duration::from_millis(500);

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

/// Every so many turns it is looked for tickets that a supervisor held back which had not heard yet that a pause was
/// over, after that pause had been lifted.
const STRAYS: u64 = 60;

/// What is paused, as last looked at.
pub struct Helm {
    parts: HelmParts,
    paused: RwLock<Vec<Scope>>,
    told: Told,
    /// Since when drains and resumes that are not over are known here.
    known: Mutex<FxHashMap<MessageId, Instant>>,
}

impl Helm {
    /// A helm that has not looked yet: nothing is paused.
    #[must_use]
    pub fn new(parts: HelmParts) -> Arc<Self> {
        Arc::new(Self { parts, paused: RwLock::default(), told: Told::default(), known: Mutex::default() })
    }

    /// What is paused that a relocation has to do with.
    #[must_use]
    pub fn paused(&self, request: &Request) -> Option<Scope> {
        let paused = self.paused.read().unwrap_or_else(PoisonError::into_inner);
        paused.iter().find(|scope| scope.covers(request, |device| (self.parts.domain_of)(device))).cloned()
    }

    /// A device's domain.
    #[must_use]
    pub fn domain_of(&self, device: &str) -> String {
        (self.parts.domain_of)(device)
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

    /// Looks, tells what is new, sees whether what drains is at rest, and lets begin what no pause holds back any more.
    /// Answers how many tickets were told.
    ///
    /// # Errors
    /// The store's. What was not told is told at the next turn.
    pub async fn turn(&self) -> Result<usize, StoreError> {
        let log = self.look().await?;
        if timeout(TELLING, self.told.tell(self.parts.bus.as_ref(), &log)).await.is_err() {
            tracing::warn!("the bus does not take what was steered, trying again");
        }
        self.know(&log);
        self.see_to_drains(&log).await?;
        self.see_to_resumes(&log).await
    }

    /// Whatever drains and has nothing under way any more is drained. The next turn tells.
    async fn see_to_drains(&self, log: &[Steered]) -> Result<(), StoreError> {
        for line in draining(log).into_iter().filter(|line| self.long_known(line)) {
            let tickets = self.parts.tickets.as_ref();
            if at_rest(tickets, &self.parts.domain_of, &line.scope).await? {
                self.parts.steering.steer(line.drained((self.parts.now)())).await?;
            }
        }
        Ok(())
    }

    async fn see_to_resumes(&self, log: &[Steered]) -> Result<usize, StoreError> {
        let over = lifting(log);
        if over.is_empty() {
            return Ok(0);
        }
        let told = self.sweep().await?;
        // What was just told may not have arrived: only a sweep that finds nothing held back ends it.
        if told > 0 {
            return Ok(told);
        }
        for line in over.into_iter().filter(|line| self.long_known(line)) {
            self.parts.steering.steer(line.lifted((self.parts.now)())).await?;
        }
        Ok(told)
    }

    /// Notes since when the lines are known that somebody waits for the end of.
    fn know(&self, log: &[Steered]) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let open = draining(log).into_iter().chain(lifting(log));
        let since = |line: &Steered| known.get(&line.id).copied().unwrap_or_else(Instant::now);
        *known = open.map(|line| (line.id.clone(), since(line))).collect();
    }

    /// Whether every helm has heard of a line: this one has, long enough ago. By no clock but its own: whoever wrote the line
    /// may have another.
    fn long_known(&self, line: &Steered) -> bool {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(&line.id).is_some_and(|since| since.elapsed() >= self.parts.every * LOOKS)
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
            match timeout(TELLING, self.parts.bus.send(messages)).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    tracing::warn!(%error, "what was held back could not be told, trying again");
                }
                Err(_) => {
                    tracing::warn!("the bus does not take what was held back, trying again");
                    return Ok(told);
                }
            }
        }
    }

    /// Looks and turns again and again, for ever. A turn may wait for the bus; a look waits for nobody, so that a pause is
    /// heeded, and may be taken for heard, in its time.
    pub async fn keep(self: Arc<Self>) {
        tokio::join!(self.keep_looking(), self.keep_turning());
    }

    async fn keep_looking(&self) {
        loop {
            if let Err(error) = self.look().await {
                tracing::warn!(%error, "what is paused could not be read, trying again");
            }
            tokio::time::sleep(self.parts.every).await;
        }
    }

    /// Now and then it also looks for what is held back by no pause at all.
    async fn keep_turning(&self) {
        for turn in 1_u64.. {
            let turned = match self.turn().await {
                Ok(_) if turn.is_multiple_of(STRAYS) => self.sweep().await,
                turned => turned,
            };
            if let Err(error) = turned {
                tracing::warn!(%error, "what is paused could not be read, trying again");
            }
            tokio::time::sleep(self.parts.every).await;
        }
    }

    /// Does what people wish, one after the other, until the bus closes. A wish is acknowledged once it stands in the
    /// log (or, refused, among the dead letters) and whoever is to know has been told; what comes again counts once.
    pub async fn obey(self: Arc<Self>, mut wishes: Box<dyn SteeringQueue>) {
        let acks = wishes.acks();
        while let Some(Delivery { message: wish, tag, trace, .. }) = wishes.next().await {
            let led = loop {
                match self.grant(&wish, trace.as_ref()).await {
                    Ok(led) => break led,
                    Err(StoreError::Closed) => return,
                    Err(error) => {
                        tracing::warn!(%error, id = %wish.steer.id, "the store failed, trying again");
                        tokio::time::sleep(AWAY).await;
                    }
                }
            };
            // One by one: an answer that nobody can be given must not keep the event from being told.
            for message in led {
                let line = if let Outgoing::Steered(line) = &message { Some(line.id.clone()) } else { None };
                match self.parts.bus.send(vec![message]).await {
                    Ok(()) => {}
                    Err(BusError::Closed) => return,
                    Err(error) => {
                        tracing::warn!(%error, id = %wish.steer.id, "steering could not be told");
                        // The next turn tries again.
                        line.iter().for_each(|id| self.told.is_new(id));
                    }
                }
            }
            if let Err(error) = acks.ack(vec![tag]).await {
                tracing::warn!(%error, "a wish could not be acknowledged and comes again");
            }
        }
    }

    /// Writes what is wished into the log, or keeps why not. Answers what is to be told.
    async fn grant(&self, wish: &Wish, trace: Option<&Trace>) -> Result<Vec<Outgoing>, StoreError> {
        let steer = &wish.steer;
        let log = self.look().await?;
        let (verdict, told) = match steer.clone().decide(&log, (self.parts.now)()) {
            Ok(Decided::New(line)) => {
                // Another helm may have taken the same message before this one: then its line stands.
                let new = self.parts.steering.steer(line.clone()).await?;
                // Told below, with the answer.
                self.told.is_told(&line.id);
                let log = self.look().await?;
                let stands = log.into_iter().find(|known| known.id == line.id).unwrap_or(line);
                tracing::warn!(by = %stands.by, scope = %stands.scope, turn = ?stands.turn, new, "steered");
                (accepted(&stands), vec![stands])
            }
            Ok(Decided::Known(line)) => {
                // Whoever asks for a drain again may have missed that it is over.
                let over = line.drained(line.at).id;
                let over = log.into_iter().find(|later| later.id == over);
                (accepted(&line), [line].into_iter().chain(over).collect())
            }
            Err(why) => {
                tracing::warn!(by = %steer.by, scope = %steer.scope, turn = ?steer.turn, %why, "not steered");
                self.parts.tickets.bury(self.refused(wish, trace, &why)).await?;
                (Verdict::Refused { turn: steer.turn, scope: steer.scope.clone(), why }, Vec::new())
            }
        };
        let answer = wish.reply_to.clone().map(|to| Answered { to, answer: Answer::Steering(verdict) });
        Ok(told.into_iter().map(Outgoing::Steered).chain(answer.map(Outgoing::Answer)).collect())
    }

    fn refused(&self, wish: &Wish, trace: Option<&Trace>, why: &NotSteered) -> DeadLetter {
        let steer = &wish.steer;
        DeadLetter {
            id: steer.id.clone(),
            at: (self.parts.now)(),
            origin: "commands".to_owned(),
            key: Some(format!("steer.{}", steer.turn.wire())),
            by: Some(steer.by.clone()),
            trace: trace.cloned(),
            reason: why.to_string(),
            body: serde_json::to_string(steer).unwrap_or_else(|_| format!("{steer:?}")),
        }
    }
}

/// How many relocations of a scope have orders out, as far as this binary can tell: one that only a newer one can read may.
///
/// # Errors
/// The store's.
pub async fn under_way(
    tickets: &dyn TicketStore,
    domain_of: &DomainOf,
    scope: &Scope,
) -> Result<usize, StoreError> {
    count(tickets, domain_of, scope, usize::MAX).await
}

/// Whether none has. Where one has, few tickets are read to know it.
async fn at_rest(tickets: &dyn TicketStore, domain_of: &DomainOf, scope: &Scope) -> Result<bool, StoreError> {
    Ok(count(tickets, domain_of, scope, 1).await? == 0)
}

/// How many have, counted up to so many at least.
async fn count(
    tickets: &dyn TicketStore,
    domain_of: &DomainOf,
    scope: &Scope,
    enough: usize,
) -> Result<usize, StoreError> {
    let (mut count, mut after) = (0, None);
    while count < enough {
        let page = tickets.open_tickets(after, PAGE).await?;
        let Some((last, _)) = page.last() else { break };
        after = Some(*last);
        let there = page.iter().filter(|(_, loaded)| match loaded {
            Loaded::Ticket(ticket) => {
                ticket.state.in_flight() && scope.covers(&ticket.request, |device| domain_of(device))
            }
            Loaded::Unreadable(Unreadable::Newer { .. }) => true,
            // Set aside: nobody sends an order of it any more.
            Loaded::Unreadable(Unreadable::Spoilt(_)) | Loaded::Missing => false,
        });
        count += there.count();
    }
    Ok(count)
}

fn accepted(line: &Steered) -> Verdict {
    Verdict::Accepted { turn: line.turn, scope: line.scope.clone(), at: line.at }
}
