//! What either database decides over a fence's row: may an order run, may its report be sent.

use rehome_domain::{
    id::WorkOrderId,
    ports::{Admission, Conclusion, Part, StoreError},
    reply::Report,
};
use uuid::Uuid;

use crate::rows;

/// A layer's row of a ticket.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Fence {
    /// The highest fencing token begun; none if there is no row yet.
    pub(crate) begun: Option<u64>,
    /// The order concluded last, and its report as JSON.
    pub(crate) last: Option<(WorkOrderId, String)>,
    /// Who is at it; none if whoever was is taken for dead.
    pub(crate) held: Option<Hold>,
}

/// A process at work for a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hold {
    /// The process.
    pub(crate) by: Uuid,
    /// The fencing token of the order it is at.
    pub(crate) seq: u64,
}

/// An [`Admission`] whose report is still text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Admitted {
    Go(Option<(WorkOrderId, String)>),
    Concluded(String),
    Superseded { by: u64 },
    Busy,
}

/// A [`Conclusion`] whose report is still text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Concluded {
    Remembered,
    Superseded,
    Before(String),
}

impl Fence {
    /// Whether a process's order may run; if it may, it has begun, and the process holds it.
    pub(crate) fn admit(&mut self, order: WorkOrderId, part: Part, me: Uuid) -> Admitted {
        let mine = Hold { by: me, seq: order.seq };
        match (self.begun, &self.last) {
            (_, Some((concluded, report))) if *concluded == order && part == Part::Order => {
                Admitted::Concluded(report.clone())
            }
            (Some(by), _) if by > order.seq => {
                self.held.take_if(|held| *held == mine);
                Admitted::Superseded { by }
            }
            (_, last) => {
                self.begun = Some(order.seq);
                if self.held.is_some_and(|held| held.by != me) {
                    return Admitted::Busy;
                }
                self.held = Some(mine);
                Admitted::Go(last.clone())
            }
        }
    }

    /// Whether an order's report is to be sent; if it is, it is remembered.
    pub(crate) fn conclude(&mut self, order: WorkOrderId, part: Part, report: &str, me: Uuid) -> Concluded {
        let taken_over = self.held.is_some_and(|held| held.by != me);
        self.let_go(order, me);
        if self.begun.is_some_and(|begun| begun > order.seq) || taken_over {
            return Concluded::Superseded;
        }
        match &self.last {
            // Asked again because the answer got lost.
            Some((concluded, standing)) if *concluded == order && standing == report => {
                return Concluded::Remembered;
            }
            Some((concluded, standing)) if *concluded == order && part == Part::Order => {
                return Concluded::Before(standing.clone());
            }
            _ => {}
        }
        self.begun = Some(order.seq);
        self.last = Some((order, report.to_owned()));
        Concluded::Remembered
    }

    /// An order of a process is not at work any more.
    pub(crate) fn let_go(&mut self, order: WorkOrderId, me: Uuid) {
        self.held.take_if(|held| *held == Hold { by: me, seq: order.seq });
    }
}

/// A report as it was remembered.
fn report(text: &str) -> Result<Report, StoreError> {
    rows::from_json("reading a concluded report", text)
}

impl Concluded {
    /// With its report read.
    pub(crate) fn read(self) -> Result<Conclusion, StoreError> {
        Ok(match self {
            Self::Remembered => Conclusion::Remembered,
            Self::Superseded => Conclusion::Superseded,
            Self::Before(text) => Conclusion::Concluded(report(&text)?),
        })
    }
}

impl Admitted {
    /// With its report read.
    pub(crate) fn read(self) -> Result<Admission, StoreError> {
        Ok(match self {
            Self::Go(last) => {
                let last = last.map(|(order, text)| report(&text).map(|report| (order, report)));
                Admission::Go { last: last.transpose()? }
            }
            Self::Concluded(text) => Admission::Concluded(report(&text)?),
            Self::Superseded { by } => Admission::Superseded { by },
            Self::Busy => Admission::Busy,
        })
    }
}
