//! What configurators remember, and which of them is at what.

use super::{StoreError, Wait};
use crate::{id::WorkOrderId, order::Layer, reply::Report};

/// What of an order is to be done now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// What it asks for.
    Order,
    /// L2's own rollback of a `reserve`, after its failure has been concluded (claim 1).
    OwnRollback,
}

/// Whether an order may touch a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission {
    /// It may, and this process holds the ticket's layer now. With it, the last outcome this layer has concluded for
    /// the ticket.
    Go {
        /// The order concluded last, and its report.
        last: Option<(WorkOrderId, Report)>,
    },
    /// It has been done already: this was its report.
    Concluded(Report),
    /// A newer order of this ticket has begun: this one may never run again.
    Superseded {
        /// The fencing token of the newest.
        by: u64,
    },
    /// Another process is at this order, or at an older one of the ticket, which may not begin anything further:
    /// ask again.
    Busy,
}

/// What became of a report that was to be remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Conclusion {
    /// It is, and is to be sent.
    Remembered,
    /// A newer order has begun, or another process has taken this one over: the report counts for nothing and is not to
    /// be sent.
    Superseded,
    /// The order had been concluded already, by a process that had taken it over: this was its report.
    Concluded(Report),
}

/// The configurators' durable memory: per ticket and layer the highest fencing token begun, the last report, and the
/// process that is at it.
///
/// A process that was admitted *holds* the ticket's layer until its order is concluded, superseded or let go, or until
/// the process is taken for dead. So whatever is delivered twice, one process at a time touches the devices for it
/// (promise 2). Within a process the device's session sees to that.
pub trait FenceStore: Send + Sync {
    /// Asks whether an order may touch a device, and remembers that it has begun. Asked before each operation. Durable
    /// when it resolves.
    fn admit(&self, layer: Layer, order: WorkOrderId, part: Part) -> Wait<'_, Result<Admission, StoreError>>;

    /// Remembers an order's report before it is sent, durably. An order is concluded once: only its own rollback is added
    /// afterwards, by [`Part::OwnRollback`]. Either way what the order held is free.
    fn conclude(
        &self,
        layer: Layer,
        order: WorkOrderId,
        part: Part,
        report: Report,
    ) -> Wait<'_, Result<Conclusion, StoreError>>;

    /// The order touches no device now, and has not been concluded: others may go on. Nothing if it holds nothing.
    fn let_go(&self, layer: Layer, order: WorkOrderId) -> Wait<'_, Result<(), StoreError>>;
}
