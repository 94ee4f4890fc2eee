//! Carrying one order out: operations with retries, conclusions before replies.

use std::{cell::RefCell, collections::HashMap, rc::Rc, sync::Arc};

use actix::{Actor, Addr, MailboxError};
use rehome_domain::{
    id::WorkOrderId,
    message::Envelope,
    order::{Layer, MESSAGE_VERSION, WorkOrder},
    ports::{Admission, Bus, BusError, DriverError, FenceStore, Inventory, Operation, Outgoing},
    reply::{Failure, Outcome, Presence, Reason, Reply, Report},
};

use crate::{
    Now, metrics,
    retry::RetryPolicy,
    session::{DeviceSession, Operate, Operated, Refused},
    trace::Traced,
};
use tracing::Instrument as _;

/// What a configurator works with.
pub(crate) struct Tools {
    pub(crate) layer: Layer,
    pub(crate) bus: Arc<dyn Bus>,
    pub(crate) fences: Arc<dyn FenceStore>,
    pub(crate) inventory: Arc<dyn Inventory>,
    pub(crate) retry: RetryPolicy,
    pub(crate) now: Now,
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
    /// The order concluded last before this one, as the fence told it.
    pub(crate) last: Option<(WorkOrderId, Report)>,
    /// Set once this order's failure has been concluded and its own rollback runs.
    pub(crate) after_conclusion: bool,
    /// Its span, and the trace its replies belong to.
    pub(crate) traced: Rc<Traced>,
}

impl Attempt {
    /// One operation on a device, retried by policy while it fails transiently and the order's deadline is ahead.
    pub(crate) async fn perform(
        &mut self,
        device: &str,
        operation: Operation,
    ) -> Result<Result<Presence, Failure>, Stop> {
        let mut tried = 0;
        loop {
            tried += 1;
            let error = match self.once(device, operation).await {
                Ok(Operated { presence, last }) => {
                    self.last = last.or(self.last.take());
                    return Ok(Ok(presence));
                }
                Err(Refused::Concluded(report)) => return Err(Stop::Concluded(report)),
                Err(Refused::Superseded) => return Err(Stop::Superseded),
                Err(Refused::Unavailable(why)) => return Err(Stop::Unavailable(why)),
                Err(Refused::Failed(error)) => error,
            };
            let Some(wait) = self.tools.retry.wait_after(tried, &error) else {
                return Ok(Err(error.failure));
            };
            let next_at = (self.tools.now)() + wait;
            if next_at >= self.order.deadline {
                let text = format!("no time left to try again after: {}", error.failure.text);
                return Ok(Err(Failure { reason: Reason::TimedOut, text }));
            }
            metrics::retried(self.tools.layer);
            let report = Report::Retrying { attempt: tried, failure: error.failure, next_at };
            self.send(report, &format!("{operation:?}:try{tried}:{}", next_at.as_millisecond())).await?;
            tokio::time::sleep(wait).await;
        }
    }

    /// The same, as an outcome.
    pub(crate) async fn outcome(&mut self, device: &str, operation: Operation) -> Result<Outcome, Stop> {
        Ok(self.perform(device, operation).await?.map(|_| ()).into())
    }

    /// Takes the reservation back. On a device that nobody knows there is nothing to take back, if the reservation was
    /// refused for that reason: nothing was begun.
    pub(crate) async fn release(&mut self, device: &str) -> Result<Outcome, Stop> {
        let Some(failure) = self.unknown(device) else {
            return self.outcome(device, Operation::Release).await;
        };
        let last = match self.tools.fences.admit(self.tools.layer, self.order.id).await {
            Ok(Admission::Go { last }) => last,
            Ok(Admission::Concluded(report)) => return Err(Stop::Concluded(report)),
            Ok(Admission::Superseded { .. }) => return Err(Stop::Superseded),
            Err(error) => return Err(Stop::Unavailable(error.to_string())),
        };
        let refused = matches!(&last, Some((_, Report::Reserve { outcome: Outcome::Failed(why), .. }))
            if why.reason == Reason::UnknownDevice);
        Ok(if refused { Outcome::Done } else { Outcome::Failed(failure) })
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
        let message =
            Operate { operation, order: Arc::clone(&self.order), after_conclusion: self.after_conclusion };
        for _ in 0..2 {
            let session = self.session(device)?;
            let span = tracing::info_span!("operation", device, ?operation);
            match session.send(message.clone()).instrument(span).await {
                Ok(done) => return done,
                Err(MailboxError::Closed | MailboxError::Timeout) => {
                    tracing::error!(device, ?operation, "a device session died and is opened anew");
                    // Another order that met the same may have opened it anew already.
                    self.tools.sessions.borrow_mut().retain(|_, known| *known != session);
                }
            }
        }
        let text = format!("the session with {device} died twice over {operation:?}");
        let failure = Failure { reason: Reason::Other, text };
        // Perhaps over another order's operation: the retry policy decides how often this one is tried.
        Err(Refused::Failed(DriverError { transient: true, failure }))
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
        let session = DeviceSession::new(self.tools.layer, Arc::clone(&self.tools.fences), driver).start();
        self.tools.sessions.borrow_mut().insert(device.to_owned(), session.clone());
        Ok(session)
    }

    /// Remembers the report, then sends it: what was said once is said again, whatever happens in between.
    pub(crate) async fn conclude(&self, report: Report, to_send: Report, what: &str) -> Result<(), Stop> {
        match self.tools.fences.conclude(self.tools.layer, self.order.id, report).await {
            Ok(true) => self.send(to_send, what).await,
            Ok(false) => Err(Stop::Superseded),
            Err(error) => Err(Stop::Unavailable(error.to_string())),
        }
    }

    pub(crate) async fn send(&self, report: Report, what: &str) -> Result<(), Stop> {
        let order = self.order.as_ref();
        let reply =
            Reply { v: MESSAGE_VERSION, order: order.id, attempt: order.attempt, layer: order.layer, report };
        let envelope = Envelope::reply(reply, what);
        let reply = Outgoing::Reply(envelope.into()).traced(self.traced.leads());
        Ok(self.tools.bus.send(vec![reply]).await?)
    }

    /// The report this layer had already concluded for the order an `inspect` asks about.
    pub(crate) fn concluded(&self) -> Option<Box<Report>> {
        let (order, report) = self.last.as_ref()?;
        (Some(*order) == self.order.about).then(|| Box::new(report.clone()))
    }
}
