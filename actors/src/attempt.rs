//! Carrying one order out: operations with retries, conclusions before replies.

use std::{cell::RefCell, collections::HashMap, rc::Rc, sync::Arc, time::Duration};

use actix::{Actor, Addr, MailboxError};
use jiff::{SignedDuration, Timestamp};
use rehome_domain::{
    id::WorkOrderId,
    message::Envelope,
    order::{Layer, MESSAGE_VERSION, OrderKind, WorkOrder},
    ports::{
        Admission, Bus, BusError, Conclusion, DriverError, FenceStore, Inventory, Operation, Outgoing, Part,
    },
    reply::{During, Failure, Outcome, Presence, Reason, Reply, Report},
};

use crate::{
    Now, metrics,
    retry::RetryPolicy,
    session::{DeviceSession, Operate, Operated, Refused},
    trace::Traced,
};
use tracing::Instrument as _;

/// The pause before a fence is asked again that another process holds; each further one is twice as long.
const BUSY_FIRST: Duration = Duration::from_millis(20);
/// No pause is longer: whoever holds it may be dead.
const BUSY_LONGEST: Duration = Duration::from_secs(1);

/// What a configurator works with.
pub(crate) struct Tools {
    pub(crate) layer: Layer,
    pub(crate) bus: Arc<dyn Bus>,
    pub(crate) fences: Arc<dyn FenceStore>,
    pub(crate) inventory: Arc<dyn Inventory>,
    pub(crate) retry: RetryPolicy,
    pub(crate) now: Now,
    /// How many operations may share a commit of a device.
    pub(crate) share: usize,
    /// One session a device, opened when first needed. Bounded by the inventory.
    pub(crate) sessions: RefCell<HashMap<String, Addr<DeviceSession>>>,
}

/// Why an order stops without a reply of its own.
pub(crate) enum Stop {
    /// It was done before: its report is sent again.
    Concluded(Report),
    /// A newer order has begun, whose reply counts.
    Superseded,
    /// The bus or the store did not answer: to be tried again.
    Unavailable(String),
    /// The bus has been closed: the order is left for whoever takes it next.
    Closed,
}

impl From<BusError> for Stop {
    fn from(error: BusError) -> Self {
        match error {
            BusError::Closed => Self::Closed,
            BusError::Failed { .. } => Self::Unavailable(error.to_string()),
        }
    }
}

/// One order being carried out.
pub(crate) struct Attempt {
    pub(crate) tools: Rc<Tools>,
    pub(crate) order: Arc<WorkOrder>,
    /// The domain by whose key it came, and its replies go.
    pub(crate) domain: Option<String>,
    /// The order concluded last before this one, as the fence told it.
    pub(crate) last: Option<(WorkOrderId, Report)>,
    /// When a device was at its last operation that succeeded.
    pub(crate) during: Option<During>,
    /// What of it is being done.
    pub(crate) part: Part,
    /// Nothing is tried again after this.
    pub(crate) until: Timestamp,
    /// Whether the fence may take this process to be at it.
    pub(crate) holds: bool,
    /// Its span, and the trace its replies belong to.
    pub(crate) traced: Rc<Traced>,
}

impl Attempt {
    /// One operation on a device, retried by policy while it fails transiently and there is time left.
    pub(crate) async fn perform(
        &mut self,
        device: &str,
        operation: Operation,
    ) -> Result<Result<Presence, Failure>, Stop> {
        let (mut tried, mut busy) = (0, Busy::default());
        // Since when it may have been in effect, by a try whose answer was lost.
        let mut perhaps = None;
        loop {
            self.holds = true;
            let begun = (self.tools.now)();
            let error = match self.once(device, operation).await {
                Ok(Operated { presence, last, during }) => {
                    self.last = last.or(self.last.take());
                    self.during = Some(During { from: perhaps.unwrap_or(during.from), ..during });
                    return Ok(Ok(presence));
                }
                Err(Refused::Busy) => {
                    busy.wait().await;
                    continue;
                }
                Err(Refused::Concluded(report)) => return Err(Stop::Concluded(*report)),
                Err(Refused::Superseded) => return Err(Stop::Superseded),
                Err(Refused::Unavailable(why)) => return Err(Stop::Unavailable(why)),
                Err(Refused::Failed(error)) => error,
                Err(Refused::Died) => died(device, operation),
            };
            if matches!(error.failure.reason, Reason::Unreachable | Reason::TimedOut) {
                perhaps.get_or_insert(begun);
            }
            tried += 1;
            let Some(wait) = self.tools.retry.wait_after(tried, &error) else {
                return Ok(Err(error.failure));
            };
            let next_at = (self.tools.now)() + wait;
            if next_at >= self.until {
                let text = format!("no time left to try again after: {}", error.failure.text);
                return Ok(Err(Failure { reason: Reason::TimedOut, text }));
            }
            metrics::retried(self.tools.layer);
            let report = Report::Retrying { attempt: tried, failure: error.failure, next_at };
            self.send(report, &format!("{operation:?}:try{tried}:{}", next_at.as_millisecond())).await?;
            // Meanwhile a newer order may have its turn, whichever process has it.
            self.let_go().await?;
            tokio::time::sleep(wait).await;
        }
    }

    /// What was ordered is over, and has failed: its rollback begins, with the time of a rollback.
    pub(crate) fn begin_own_rollback(&mut self) {
        let allowance = OrderKind::Release.allowance_ms(&self.order.request.deadlines);
        let now = (self.tools.now)();
        self.part = Part::OwnRollback;
        self.until =
            now.saturating_add(SignedDuration::from_millis(allowance.into())).unwrap_or(Timestamp::MAX);
    }

    /// The same, as an outcome.
    pub(crate) async fn outcome(&mut self, device: &str, operation: Operation) -> Result<Outcome, Stop> {
        Ok(self.perform(device, operation).await?.map(|_| ()).into())
    }

    /// The same, and when the device was at it, if it succeeded.
    pub(crate) async fn timed(
        &mut self,
        device: &str,
        operation: Operation,
    ) -> Result<(Outcome, Option<During>), Stop> {
        let outcome = self.outcome(device, operation).await?;
        let during = self.during.take().filter(|_| outcome.is_done());
        Ok((outcome, during))
    }

    /// Takes the reservation back. On a device that nobody knows there is nothing to take back, if the reservation was
    /// refused for that reason: nothing was begun.
    pub(crate) async fn release(&mut self, device: &str) -> Result<Outcome, Stop> {
        let Some(failure) = self.unknown(device) else {
            return self.outcome(device, Operation::Release).await;
        };
        self.begin().await?;
        let refused = matches!(&self.last, Some((_, Report::Reserve { outcome: Outcome::Failed(why), .. }))
            if why.reason == Reason::UnknownDevice);
        Ok(if refused { Outcome::Done } else { Outcome::Failed(failure) })
    }

    /// Begins it by the fence before any device is asked, and hears of the order that was concluded last before it.
    pub(crate) async fn begin(&mut self) -> Result<(), Stop> {
        let mut busy = Busy::default();
        self.holds = true;
        loop {
            let admitted = self.tools.fences.admit(self.tools.layer, self.order.id, self.part).await;
            match admitted.map_err(|error| Stop::Unavailable(error.to_string()))? {
                Admission::Go { last } => {
                    self.last = last;
                    return Ok(());
                }
                Admission::Concluded(report) => return Err(Stop::Concluded(report)),
                Admission::Superseded { .. } => return Err(Stop::Superseded),
                Admission::Busy => busy.wait().await,
            }
        }
    }

    /// Why nothing can be done on a device: it is in nobody's inventory.
    pub(crate) fn unknown(&self, device: &str) -> Option<Failure> {
        match self.session(device) {
            Err(Refused::Failed(error)) if error.failure.reason == Reason::UnknownDevice => {
                Some(error.failure)
            }
            _ => None,
        }
    }

    /// One try. A session that died of a panic is opened anew and given the message again.
    async fn once(&self, device: &str, operation: Operation) -> Result<Operated, Refused> {
        for alone in [false, true] {
            let order = Arc::clone(&self.order);
            let message = Operate { operation, order, part: self.part, alone };
            let session = self.session(device)?;
            let span = tracing::info_span!("operation", device, ?operation);
            match session.send(message).instrument(span).await {
                Ok(Err(Refused::Died)) | Err(MailboxError::Closed | MailboxError::Timeout) => {
                    tracing::error!(device, ?operation, "a device session died and is opened anew");
                    // Another order that met the same may have opened it anew already.
                    self.tools.sessions.borrow_mut().retain(|_, known| *known != session);
                }
                Ok(done) => return done,
            }
        }
        Err(Refused::Died)
    }

    fn session(&self, device: &str) -> Result<Addr<DeviceSession>, Refused> {
        if let Some(session) = self.tools.sessions.borrow().get(device) {
            return Ok(session.clone());
        }
        let Some(driver) = self.tools.inventory.open(self.tools.layer, device) else {
            let text = format!("the {} configurator knows no device `{device}`", self.tools.layer);
            let failure = Failure { reason: Reason::UnknownDevice, text };
            return Err(Refused::Failed(DriverError { transient: false, failure }));
        };
        let session = {
            let Tools { layer, fences, share, now, inventory, .. } = self.tools.as_ref();
            let holds = inventory.holds(device).filter(|_| *layer == Layer::L3);
            DeviceSession::new(*layer, Arc::clone(fences), Arc::clone(now), driver, *share, holds).start()
        };
        self.tools.sessions.borrow_mut().insert(device.to_owned(), session.clone());
        Ok(session)
    }

    /// Remembers the report, then sends it: what was said once is said again, whatever happens in between.
    pub(crate) async fn conclude(&mut self, report: Report, to_send: Report, what: &str) -> Result<(), Stop> {
        let concluded = self.tools.fences.conclude(self.tools.layer, self.order.id, self.part, report).await;
        let conclusion = concluded.map_err(|error| Stop::Unavailable(error.to_string()))?;
        self.holds = false;
        match conclusion {
            Conclusion::Remembered => self.send(to_send, what).await,
            Conclusion::Superseded => Err(Stop::Superseded),
            Conclusion::Concluded(report) => Err(Stop::Concluded(report)),
        }
    }

    /// Nothing is under way on a device: others may have their turn.
    pub(crate) async fn let_go(&mut self) -> Result<(), Stop> {
        if self.holds {
            let freed = self.tools.fences.let_go(self.tools.layer, self.order.id).await;
            freed.map_err(|error| Stop::Unavailable(error.to_string()))?;
            self.holds = false;
        }
        Ok(())
    }

    pub(crate) async fn send(&self, report: Report, what: &str) -> Result<(), Stop> {
        let order = self.order.as_ref();
        let reply =
            Reply { v: MESSAGE_VERSION, order: order.id, attempt: order.attempt, layer: order.layer, report };
        let envelope = Envelope::reply(reply, what).in_domain(self.domain.clone());
        let reply = Outgoing::Reply(envelope.into()).traced(self.traced.leads());
        Ok(self.tools.bus.send(vec![reply]).await?)
    }

    /// The report this layer had already concluded for the order an `inspect` asks about.
    pub(crate) fn concluded(&self) -> Option<Box<Report>> {
        let (order, report) = self.last.as_ref()?;
        (Some(*order) == self.order.about).then(|| Box::new(report.clone()))
    }
}

/// A session that died twice over an operation, perhaps over another order's: the retry policy decides how often this one
/// is tried.
fn died(device: &str, operation: Operation) -> DriverError {
    let text = format!("the session with {device} died twice over {operation:?}");
    DriverError { transient: true, failure: Failure { reason: Reason::Other, text } }
}

/// Waits for another process that is at the ticket.
struct Busy(Duration);

impl Default for Busy {
    fn default() -> Self {
        Self(BUSY_FIRST)
    }
}

impl Busy {
    async fn wait(&mut self) {
        tokio::time::sleep(self.0).await;
        self.0 = (self.0 * 2).min(BUSY_LONGEST);
    }
}
