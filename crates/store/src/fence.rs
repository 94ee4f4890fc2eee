//! What either database decides over a fence's row: may an order run, may its report be sent.

use rehome_domain::{
    id::WorkOrderId,
    ports::{Admission, StoreError},
};

use crate::rows;

/// A layer's row of a ticket.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Fence {
    /// The highest fencing token begun; none if there is no row yet.
    pub(crate) begun: Option<u64>,
    /// The order concluded last, and its report as JSON.
    pub(crate) last: Option<(WorkOrderId, String)>,
}

/// An [`Admission`] whose report is still text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Admitted {
    Go(Option<(WorkOrderId, String)>),
    Concluded(String),
    Superseded { by: u64 },
}

impl Fence {
    /// Whether an order may run; if it may, it has begun.
    pub(crate) fn admit(&mut self, order: WorkOrderId) -> Admitted {
        match (self.begun, &self.last) {
            (_, Some((concluded, report))) if *concluded == order => Admitted::Concluded(report.clone()),
            (Some(by), _) if by > order.seq => Admitted::Superseded { by },
            (_, last) => {
                self.begun = Some(order.seq);
                Admitted::Go(last.clone())
            }
        }
    }

    /// Whether an order's report is to be sent; if it is, it is remembered.
    pub(crate) fn conclude(&mut self, order: WorkOrderId, report: &str) -> bool {
        if self.begun.is_some_and(|begun| begun > order.seq) {
            return false;
        }
        *self = Self { begun: Some(order.seq), last: Some((order, report.to_owned())) };
        true
    }
}

impl Admitted {
    /// With its report read.
    pub(crate) fn read(self) -> Result<Admission, StoreError> {
        let report = |text: &str| rows::from_json("reading a concluded report", text);
        Ok(match self {
            Self::Go(last) => {
                let last = last.map(|(order, text)| report(&text).map(|report| (order, report)));
                Admission::Go { last: last.transpose()? }
            }
            Self::Concluded(text) => Admission::Concluded(report(&text)?),
            Self::Superseded { by } => Admission::Superseded { by },
        })
    }
}
