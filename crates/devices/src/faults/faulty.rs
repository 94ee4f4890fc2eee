//! The fault plan around simulated devices.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use rehome_domain::{
    id::{RelocationId, WorkOrderId},
    order::{Layer, WorkOrder},
    plan::DevicePlan,
    ports::{Driver, DriverError, Inventory, Operation, Wait},
    reply::{Failure, Presence, Reason},
};

use super::{
    FaultPlan,
    rule::{End, Site, Subject},
};
use crate::simulated::{Session, Simulated};

/// How often an operation was tried for a ticket's newest order that met an unreachable device. Bounded by the tickets
/// that such a rule hits.
type Tried = HashMap<(RelocationId, Layer, Operation), (WorkOrderId, u32)>;

/// Simulated devices that do what a fault plan says.
pub struct Faulty {
    devices: Simulated,
    plan: Arc<FaultPlan>,
    /// Shared by all sessions: a session opened anew after a failed try goes on counting.
    tried: Arc<Mutex<Tried>>,
}

impl Faulty {
    /// Puts a plan around devices.
    #[must_use]
    pub fn new(devices: Simulated, plan: Arc<FaultPlan>) -> Self {
        Self { devices, plan, tried: Arc::default() }
    }
}

impl Inventory for Faulty {
    fn open(&self, layer: Layer, device: &str) -> Option<Box<dyn Driver>> {
        let session = self.devices.session(layer, device)?;
        let (plan, tried) = (Arc::clone(&self.plan), Arc::clone(&self.tried));
        Some(Box::new(FaultySession { session, plan, tried }))
    }
}

/// A session that does what the plan says.
struct FaultySession {
    session: Session,
    plan: Arc<FaultPlan>,
    tried: Arc<Mutex<Tried>>,
}

impl FaultySession {
    /// Counts a try of an order's operation; answers how many there were before it.
    fn count(&self, operation: Operation, order: &WorkOrder) -> u32 {
        let mut tried = self.tried.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (order.relocation, self.session.layer(), operation);
        let (newest, tries) = tried.entry(key).or_insert((order.id, 0));
        if *newest != order.id {
            (*newest, *tries) = (order.id, 0);
        }
        *tries += 1;
        *tries - 1
    }

    async fn suffer(&mut self, operation: Operation, order: &WorkOrder) -> Result<Presence, DriverError> {
        let device = self.session.device().to_owned();
        let subject = Subject {
            service: &order.request.service_id,
            layer: self.session.layer(),
            order: order.kind,
            attempt: order.attempt,
        };
        let verdict = self.plan.verdict(&Site { order: subject, device: &device, operation });
        if !verdict.delay.is_zero() {
            tokio::time::sleep(verdict.delay).await;
        }
        let Some((end, rule)) = verdict.end else { return self.session.perform(operation, order).await };
        let text = |what: &str| format!("{device} {what} ({rule})");
        let (transient, reason, text) = match end {
            End::Refuse => (false, Reason::Rejected, text("rejected the edit")),
            End::Half => (false, Reason::Rejected, text("stopped half-way")),
            End::Unreachable { tries } if self.count(operation, order) < tries => {
                (true, Reason::Unreachable, text("does not answer"))
            }
            End::Unreachable { .. } => return self.session.perform(operation, order).await,
        };
        if end == End::Half {
            self.session.perform_half(operation, order).await?;
        }
        Err(DriverError { transient, failure: Failure { reason, text } })
    }
}

impl Driver for FaultySession {
    fn perform<'a>(
        &'a mut self,
        operation: Operation,
        order: &'a WorkOrder,
    ) -> Wait<'a, Result<Presence, DriverError>> {
        Box::pin(self.suffer(operation, order))
    }

    /// What it would do if nothing went wrong.
    fn plan<'a>(&'a mut self, order: &'a WorkOrder) -> Wait<'a, Result<DevicePlan, DriverError>> {
        self.session.plan(order)
    }
}
