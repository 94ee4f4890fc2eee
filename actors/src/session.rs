//! One actor a device: its mailbox is the device's queue, and it does one operation at a time.
//!
//! Before each operation, within the device's turn, it asks the fence whether the order may still run: so an order that
//! was superseded can't come back to life after its successor. The fence also sees to it that only one process at a time
//! is at a ticket's orders.

use std::sync::Arc;

use actix::{Actor, AtomicResponse, Context, Handler, Message, WrapFuture, fut::ActorFutureExt};
use rehome_domain::{
    id::WorkOrderId,
    order::{Layer, WorkOrder},
    ports::{Admission, Driver, DriverError, FenceStore, Operation, Part},
    reply::{Failure, Presence, Reason, Report},
};

/// How many operations may wait for one device before its configurator waits too.
const MAILBOX: usize = 256;

/// A request to do one operation of an order.
#[derive(Debug, Clone)]
pub struct Operate {
    /// What.
    pub operation: Operation,
    /// For which order.
    pub order: Arc<WorkOrder>,
    /// For what of it.
    pub part: Part,
}

impl Message for Operate {
    type Result = Result<Operated, Refused>;
}

/// An operation done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operated {
    /// What is there afterwards.
    pub presence: Presence,
    /// The last order this layer has concluded for the ticket, and its report.
    pub last: Option<(WorkOrderId, Report)>,
}

/// An operation not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// The device, or the way to it, failed.
    Failed(DriverError),
    /// The order has been done already: this was its report.
    Concluded(Report),
    /// A newer order of the ticket has begun.
    Superseded,
    /// Another process is at the ticket: nothing was done.
    Busy,
    /// The fence could not be asked: nothing was done.
    Unavailable(String),
}

/// A session with one device.
pub struct DeviceSession {
    layer: Layer,
    fences: Arc<dyn FenceStore>,
    /// Absent while an operation runs: handlers can't hold `&mut self` over an await. Invariant: present whenever a
    /// message is taken from the mailbox, because messages are handled one at a time.
    driver: Option<Box<dyn Driver>>,
}

impl DeviceSession {
    /// A session over a driver.
    #[must_use]
    pub fn new(layer: Layer, fences: Arc<dyn FenceStore>, driver: Box<dyn Driver>) -> Self {
        Self { layer, fences, driver: Some(driver) }
    }
}

impl Actor for DeviceSession {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        ctx.set_mailbox_capacity(MAILBOX);
    }
}

impl Handler<Operate> for DeviceSession {
    type Result = AtomicResponse<Self, Result<Operated, Refused>>;

    fn handle(&mut self, message: Operate, _ctx: &mut Self::Context) -> Self::Result {
        let (layer, fences, driver) = (self.layer, Arc::clone(&self.fences), self.driver.take());
        let work = async move {
            let Some(mut driver) = driver else {
                return (None, Err(Refused::Failed(lost_session())));
            };
            let done = operate(layer, fences.as_ref(), driver.as_mut(), &message).await;
            (Some(driver), done)
        };
        AtomicResponse::new(Box::pin(work.into_actor(self).map(|(driver, done), session, _ctx| {
            session.driver = driver;
            done
        })))
    }
}

/// One operation, if the fence admits its order.
///
/// # Errors
/// Why it was not done.
pub async fn operate(
    layer: Layer,
    fences: &dyn FenceStore,
    driver: &mut dyn Driver,
    message: &Operate,
) -> Result<Operated, Refused> {
    let order = message.order.as_ref();
    let last = match fences.admit(layer, order.id, message.part).await {
        Ok(Admission::Go { last: Some((id, report)) }) if id == order.id && is_rolled_back(&report) => {
            return Err(Refused::Concluded(report));
        }
        Ok(Admission::Go { last }) => last,
        Ok(Admission::Concluded(report)) => return Err(Refused::Concluded(report)),
        Ok(Admission::Superseded { .. }) => return Err(Refused::Superseded),
        Ok(Admission::Busy) => return Err(Refused::Busy),
        Err(error) => return Err(Refused::Unavailable(error.to_string())),
    };
    let presence = driver.perform(message.operation, order).await.map_err(Refused::Failed)?;
    Ok(Operated { presence, last })
}

/// Whether L2's own rollback has been done, perhaps by another process that was given the order too.
const fn is_rolled_back(report: &Report) -> bool {
    matches!(report, Report::Reserve { rollback: Some(_), .. })
}

fn lost_session() -> DriverError {
    let text = "the device session was lost".to_owned();
    DriverError { transient: true, failure: Failure { reason: Reason::Unreachable, text } }
}
