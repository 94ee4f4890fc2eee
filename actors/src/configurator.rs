//! The configurator actor: takes its layer's orders from the bus and carries each out.
//!
//! Orders of different devices run side by side; what one device is asked goes through its session in order.

use std::{cell::RefCell, collections::HashMap, rc::Rc, sync::Arc};

use actix::{Actor, Context};
use rehome_domain::{
    order::{Layer, WorkOrder},
    ports::{Bus, Delivery, FenceStore, Inventory, WorkQueue},
    reply::Report,
};
use tokio::sync::Semaphore;

use crate::{
    Now,
    attempt::{Attempt, Stop, Tools},
    l2, l3,
    retry::RetryPolicy,
};

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
    /// Orders in hand at once; more wait on the bus.
    pub max_orders: usize,
    /// The clock.
    pub now: Now,
}

/// A configurator.
pub struct Configurator {
    parts: ConfiguratorParts,
}

impl Configurator {
    /// A configurator of these parts.
    #[must_use]
    pub const fn new(parts: ConfiguratorParts) -> Self {
        Self { parts }
    }
}

impl Actor for Configurator {
    type Context = Context<Self>;

    fn started(&mut self, _ctx: &mut Self::Context) {
        let queue = self.parts.bus.work(self.parts.layer);
        actix::spawn(take_orders(queue, self.parts.clone()));
    }
}

/// Takes orders until the bus closes. Must run on an actix arbiter: it starts device sessions there.
async fn take_orders(mut queue: Box<dyn WorkQueue>, parts: ConfiguratorParts) {
    let hands = Arc::new(Semaphore::new(parts.max_orders.max(1)));
    let tools = Rc::new(Tools {
        layer: parts.layer,
        bus: parts.bus,
        fences: parts.fences,
        inventory: parts.inventory,
        retry: parts.retry,
        now: parts.now,
        sessions: RefCell::new(HashMap::new()),
    });
    while let Some(Delivery { message, tag }) = queue.next().await {
        let Ok(hand) = Arc::clone(&hands).acquire_owned().await else { break };
        let tools = Rc::clone(&tools);
        actix::spawn(async move {
            carry_out(tools, message).await;
            drop(hand);
        });
        if let Err(error) = queue.ack(tag).await {
            tracing::warn!(%error, "an order could not be acknowledged and may come again");
        }
    }
}

/// Carries one order out, from whatever point an earlier try has reached.
async fn carry_out(tools: Rc<Tools>, order: WorkOrder) {
    let (id, kind, layer) = (order.id, order.kind, tools.layer);
    let mut attempt = Attempt { tools, order: Arc::new(order), last: None, after_conclusion: false };
    let first = match layer {
        Layer::L3 => l3::carry_out(&mut attempt).await,
        Layer::L2 => l2::carry_out(&mut attempt).await,
    };
    let ended = match first {
        Err(Stop::Concluded(report)) => say_again(&mut attempt, report).await,
        other => other,
    };
    match ended {
        Ok(()) | Err(Stop::Concluded(_)) => {}
        Err(Stop::Superseded) => tracing::debug!(order = %id, %kind, "superseded by a newer order, no reply"),
        Err(Stop::Unavailable(why)) => {
            tracing::warn!(order = %id, %kind, why, "stopped, the order will come again");
        }
    }
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
