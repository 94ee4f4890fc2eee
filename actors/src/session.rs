//! One actor a device: what waits in it is the device's queue, and it does one thing at a time.
//!
//! Before each operation, within the device's turn, it asks the fence whether the order may still run: so an order that
//! was superseded can't come back to life after its successor. The fence also sees to it that only one process at a time
//! is at a ticket's orders.
//!
//! A commit on a device costs about the same however much is in it. So what may share one ([`Operation::is_shareable`])
//! and waits anyway, does; nothing ever waits for others to come.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use actix::{
    Actor, AsyncContext, Context, Handler, Message, ResponseFuture, WrapFuture, fut::ActorFutureExt,
};
use futures::future::join_all;
use rehome_domain::{
    id::{RelocationId, WorkOrderId},
    order::{Layer, WorkOrder},
    ports::{Admission, Driver, DriverError, FenceStore, Operation, Part},
    reply::{During, Failure, Presence, Reason, Report},
};
use tokio::sync::oneshot;

use crate::Now;

/// How long a gateway that holds cutovers waits at most for the second half of one that it could not take as a whole.
const BETWEEN_HALVES: Duration = Duration::from_secs(1);

/// A request to do one operation of an order.
#[derive(Debug, Clone)]
pub struct Operate {
    /// What.
    pub operation: Operation,
    /// For which order.
    pub order: Arc<WorkOrder>,
    /// For what of it.
    pub part: Part,
    /// Whether it must not share a commit: a session has died over it, or over one that it shared with.
    pub alone: bool,
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
    /// When the device was at it.
    pub during: During,
}

/// An operation not done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// The device, or the way to it, failed.
    Failed(DriverError),
    /// The order has been done already: this was its report.
    Concluded(Box<Report>),
    /// A newer order of the ticket has begun.
    Superseded,
    /// Another process is at the ticket: nothing was done.
    Busy,
    /// The fence could not be asked: nothing was done.
    Unavailable(String),
    /// The session died meanwhile.
    Died,
}

/// What one operation comes to.
type Answer = Result<Operated, Refused>;

/// An operation that waits for the device's turn, and who wants to know.
struct Waiting {
    message: Operate,
    answer: oneshot::Sender<Answer>,
}

/// A session with one device.
pub struct DeviceSession {
    layer: Layer,
    fences: Arc<dyn FenceStore>,
    now: Now,
    /// Absent while the device is at something.
    driver: Option<Box<dyn Driver>>,
    /// What waits for it, the first to come first. Bounded by the orders that its configurator has in hand.
    waiting: VecDeque<Waiting>,
    /// How many operations may share a commit; 1: each has its own.
    share: usize,
    /// For how long the device holds a cutover to be confirmed, if it does.
    holds: Option<Duration>,
    /// The relocation whose cutover it holds, or has done half of, until when at the most: meanwhile only what is about it has its
    /// turn.
    held: Option<(RelocationId, Instant)>,
}

impl DeviceSession {
    /// A session over a driver, in which so many operations may share a commit, with a device that holds cutovers for so long.
    #[must_use]
    pub fn new(
        layer: Layer,
        fences: Arc<dyn FenceStore>,
        now: Now,
        driver: Box<dyn Driver>,
        share: usize,
        holds: Option<Duration>,
    ) -> Self {
        let waiting = VecDeque::new();
        Self { layer, fences, now, driver: Some(driver), waiting, share, holds, held: None }
    }

    /// The device's next turn, if it is free and something waits.
    fn turn(&mut self, ctx: &mut Context<Self>) {
        let Some(mut driver) = self.driver.take() else { return };
        let held = self.held.filter(|(_, until)| *until > Instant::now()).map(|(relocation, _)| relocation);
        let (messages, askers): (Vec<_>, Vec<_>) = next(&mut self.waiting, self.share, held)
            .into_iter()
            .map(|one| (one.message, one.answer))
            .unzip();
        if messages.is_empty() {
            self.driver = Some(driver);
            return;
        }
        let (layer, fences, now) = (self.layer, Arc::clone(&self.fences), Arc::clone(&self.now));
        let work = async move {
            let answers = operate(layer, fences.as_ref(), &now, driver.as_mut(), &messages).await;
            (driver, messages, answers)
        };
        ctx.spawn(work.into_actor(self).map(|(driver, messages, answers), session, ctx| {
            session.driver = Some(driver);
            session.mind_hold(&messages, &answers, ctx);
            for (asker, answer) in askers.into_iter().zip(answers) {
                // Whoever has asked may be gone: the device was asked all the same, and the fence knows.
                let _ = asker.send(answer);
            }
            session.turn(ctx);
        }));
    }

    /// Nothing but this relocation's has its turn for so long.
    fn keep(&mut self, relocation: RelocationId, time: Duration, ctx: &mut Context<Self>) {
        self.held = Some((relocation, Instant::now() + time));
        ctx.run_later(time, Self::turn);
    }

    /// What was done may have begun or ended a hold.
    fn mind_hold(&mut self, messages: &[Operate], answers: &[Answer], ctx: &mut Context<Self>) {
        let (Some(holds), [message], [answer]) = (self.holds, messages, answers) else { return };
        let relocation = message.order.relocation;
        match (message.operation, answer) {
            // Nobody has confirmed it by then, and the device has taken it back.
            (Operation::Hold, Ok(_)) => self.keep(relocation, holds, ctx),
            // The other half follows at once, and no hold of others comes between.
            (Operation::Teardown, Ok(_)) if message.order.request.stays_on_gateway() => {
                self.keep(relocation, BETWEEN_HALVES, ctx);
            }
            // Done or refused for good: whatever it was, nothing is held for it any more.
            (_, Ok(_) | Err(Refused::Failed(DriverError { transient: false, .. }))) => {
                self.held = self.held.filter(|(held, _)| *held != relocation);
            }
            _ => {}
        }
    }
}

/// What the device does next, which is nothing of others as long as it holds a cutover: the operation that has waited longest, and what may share its commit. Others of the same
/// ticket never overtake each other: what may share waits for nothing that came before it.
fn next(waiting: &mut VecDeque<Waiting>, share: usize, held: Option<RelocationId>) -> Vec<Waiting> {
    let may = |one: &Waiting| held.is_none_or(|relocation| one.message.order.relocation == relocation);
    let Some(first) = waiting.iter().position(may).and_then(|place| waiting.remove(place)) else {
        return Vec::new();
    };
    let Operate { operation, alone, ref order, .. } = first.message;
    let mut met = vec![order.relocation];
    let mut turn = vec![first];
    if alone || held.is_some() || !operation.is_shareable() {
        return turn;
    }
    for one in std::mem::take(waiting) {
        let Operate { operation: its, alone, ref order, .. } = one.message;
        let shares = its == operation && !alone && !met.contains(&order.relocation);
        met.push(order.relocation);
        if shares && turn.len() < share {
            turn.push(one);
        } else {
            waiting.push_back(one);
        }
    }
    turn
}

impl Actor for DeviceSession {
    type Context = Context<Self>;
}

impl Handler<Operate> for DeviceSession {
    type Result = ResponseFuture<Answer>;

    fn handle(&mut self, message: Operate, ctx: &mut Self::Context) -> Self::Result {
        let (answer, answered) = oneshot::channel();
        self.waiting.push_back(Waiting { message, answer });
        self.turn(ctx);
        Box::pin(async move { answered.await.unwrap_or(Err(Refused::Died)) })
    }
}

/// Operations of one kind, those whose orders the fence admits. Answers in their order.
pub async fn operate(
    layer: Layer,
    fences: &dyn FenceStore,
    now: &Now,
    driver: &mut dyn Driver,
    messages: &[Operate],
) -> Vec<Answer> {
    let admitted = join_all(messages.iter().map(|message| admit(layer, fences, message))).await;
    let granted = messages.iter().zip(&admitted).filter(|(_, admission)| admission.is_ok());
    let orders: Vec<_> = granted.map(|(message, _)| Arc::clone(&message.order)).collect();
    let from = now();
    let mut done = match (messages.first(), orders.as_slice()) {
        (Some(message), [order]) => vec![driver.perform(message.operation, order).await],
        (Some(message), [_, ..]) => driver.perform_all(message.operation, &orders).await,
        _ => Vec::new(),
    }
    .into_iter();
    let during = During { from, until: now() };
    let answer = |admission: Result<_, Refused>| {
        let last = admission?;
        let presence = done.next().unwrap_or_else(|| Err(lost_session())).map_err(Refused::Failed)?;
        Ok(Operated { presence, last, during })
    };
    admitted.into_iter().map(answer).collect()
}

/// Whether an order may run: the last one concluded for its ticket, if so.
async fn admit(
    layer: Layer,
    fences: &dyn FenceStore,
    message: &Operate,
) -> Result<Option<(WorkOrderId, Report)>, Refused> {
    let order = message.order.id;
    match fences.admit(layer, order, message.part).await {
        Ok(Admission::Go { last: Some((id, report)) }) if id == order && is_rolled_back(&report) => {
            Err(Refused::Concluded(Box::new(report)))
        }
        Ok(Admission::Go { last }) => Ok(last),
        Ok(Admission::Concluded(report)) => Err(Refused::Concluded(Box::new(report))),
        Ok(Admission::Superseded { .. }) => Err(Refused::Superseded),
        Ok(Admission::Busy) => Err(Refused::Busy),
        Err(error) => Err(Refused::Unavailable(error.to_string())),
    }
}

/// Whether L2's own rollback has been done, perhaps by another process that was given the order too.
const fn is_rolled_back(report: &Report) -> bool {
    matches!(report, Report::Reserve { rollback: Some(_), .. })
}

fn lost_session() -> DriverError {
    let text = "the driver did not answer for this order".to_owned();
    DriverError { transient: true, failure: Failure { reason: Reason::Unreachable, text } }
}
