//! The configurator actor: takes its layer's orders from the bus and carries each out.
//!
//! Orders of different devices run side by side; what one device is asked goes through its session in order.

use std::{cell::RefCell, collections::HashMap, rc::Rc, sync::Arc, time::Duration};

use actix::{Actor, Context};
use rehome_domain::{
    id::WorkOrderId,
    order::{Layer, WorkOrder},
    ports::{Bus, Delivery, FenceStore, Inventory, Part, WorkQueue},
    reply::Report,
};
use tokio::sync::Semaphore;
use tracing::Instrument as _;

use crate::{
    Now,
    attempt::{Attempt, Stop, Tools},
    l2, l3,
    retry::RetryPolicy,
    trace::Traced,
};

/// The pause after bus or store did not answer; each further one is twice as long.
const AWAY_FIRST: Duration = Duration::from_millis(100);
/// No pause is longer: somebody waits.
const AWAY_LONGEST: Duration = Duration::from_secs(5);

/// What a configurator is made of.
#[derive(Clone)]
pub struct ConfiguratorParts {
    /// Which layer.
    pub layer: Layer,
    /// Where orders come from and replies go.
    pub bus: Arc<dyn Bus>,
    /// What has begun and what was said.
    pub fences: Arc<dyn FenceStore>,
    /// The devices.
    pub inventory: Arc<dyn Inventory>,
    /// How transient failures are retried.
    pub retry: RetryPolicy,
    /// A permit for each order that may be in hand at once; more wait on the bus. When all are back, nothing is.
    pub hands: Arc<Semaphore>,
    /// The clock.
    pub now: Now,
    /// How many operations that wait for one device may share a commit of it; 1: each has its own.
    pub share: usize,
}

/// A configurator.
pub struct Configurator {
    parts: ConfiguratorParts,
    /// Taken from once it has started.
    queue: Option<Box<dyn WorkQueue>>,
}

impl Configurator {
    /// A configurator of these parts. From now on the bus knows that somebody takes the layer's orders.
    #[must_use]
    pub fn new(parts: ConfiguratorParts) -> Self {
        let queue = Some(parts.bus.work(parts.layer));
        Self { parts, queue }
    }
}

impl Actor for Configurator {
    type Context = Context<Self>;

    fn started(&mut self, _ctx: &mut Self::Context) {
        if let Some(queue) = self.queue.take() {
            actix::spawn(take_orders(queue, self.parts.clone()));
        }
    }
}

/// Orders in hand, and the deliveries they came by: one that comes again while it is in hand is not begun twice.
type InHand = RefCell<HashMap<WorkOrderId, Vec<u64>>>;

/// An order in hand.
#[derive(Clone)]
struct Taken {
    order: Arc<WorkOrder>,
    /// The domain by whose key it came.
    domain: Option<String>,
    /// Its span, and the trace its replies belong to.
    traced: Rc<Traced>,
}

/// Takes orders until the bus closes. Must run on an actix arbiter: it starts device sessions there.
async fn take_orders(mut queue: Box<dyn WorkQueue>, parts: ConfiguratorParts) {
    let acks = queue.acks();
    let in_hand = Rc::<InHand>::default();
    let tools = Rc::new(Tools {
        layer: parts.layer,
        bus: parts.bus,
        fences: parts.fences,
        inventory: parts.inventory,
        retry: parts.retry,
        now: parts.now,
        share: parts.share,
        sessions: RefCell::new(HashMap::new()),
    });
    while let Some(Delivery { message, tag, trace, domain }) = queue.next().await {
        if let Some(tags) = in_hand.borrow_mut().get_mut(&message.id) {
            tags.push(tag);
            continue;
        }
        let Ok(hand) = Arc::clone(&parts.hands).acquire_owned().await else { break };
        let id = message.id;
        in_hand.borrow_mut().insert(id, vec![tag]);
        let (tools, in_hand, acks) = (Rc::clone(&tools), Rc::clone(&in_hand), Arc::clone(&acks));
        let traced = Rc::new(Traced::order(&message, trace));
        let order = Taken { order: Arc::new(message), domain, traced };
        let span = order.traced.span().clone();
        let carrying = async move {
            let ended = to_its_end(tools, order).await;
            let tags = in_hand.borrow_mut().remove(&id).unwrap_or_default();
            if ended && let Err(error) = acks.ack(tags).await {
                tracing::warn!(%error, order = %id, "an order could not be acknowledged and may come again");
            }
            drop(hand);
        };
        actix::spawn(carrying.instrument(span));
    }
}

/// Carries one order out, however long bus and store are away. False if the bus was closed before.
async fn to_its_end(tools: Rc<Tools>, taken: Taken) -> bool {
    let (id, kind) = (taken.order.id, taken.order.kind);
    let mut wait = AWAY_FIRST;
    loop {
        match carry_out(Rc::clone(&tools), taken.clone()).await {
            Ok(()) | Err(Stop::Concluded(_)) => return true,
            Err(Stop::Superseded) => {
                tracing::debug!(order = %id, %kind, "superseded by a newer order, no reply");
                return true;
            }
            Err(Stop::Closed) => return false,
            Err(Stop::Unavailable(why)) => {
                tracing::warn!(order = %id, %kind, why, "can't go on, trying again");
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(AWAY_LONGEST);
            }
        }
    }
}

/// Carries one order out, from whatever point an earlier try has reached.
async fn carry_out(tools: Rc<Tools>, taken: Taken) -> Result<(), Stop> {
    let layer = tools.layer;
    let (part, until) = (Part::Order, taken.order.deadline);
    let Taken { order, domain, traced } = taken;
    let mut attempt =
        Attempt { tools, order, domain, last: None, during: None, part, until, holds: false, traced };
    let mut ended = match layer {
        Layer::L3 => l3::carry_out(&mut attempt).await,
        Layer::L2 => l2::carry_out(&mut attempt).await,
    };
    // Said again, it may turn out that another process has got further meanwhile: then that is said.
    while let Err(Stop::Concluded(report)) = ended {
        ended = say_again(&mut attempt, report).await;
    }
    // An order that ends without a conclusion (an `inspect`, say) must not keep others waiting for this process.
    attempt.let_go().await?;
    ended
}

/// The same work order twice has one effect and the same reply.
async fn say_again(attempt: &mut Attempt, report: Report) -> Result<(), Stop> {
    let told = match &report {
        Report::Reserve { outcome, .. } => Report::Reserve { outcome: outcome.clone(), rollback: None },
        other => other.clone(),
    };
    attempt.send(told, "done").await?;
    if attempt.tools.layer == Layer::L2 { l2::roll_back(attempt, report).await } else { Ok(()) }
}
