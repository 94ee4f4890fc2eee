//! What becomes of replies.

use std::time::Duration;

use rehome_domain::order::WorkOrder;

use super::{
    FaultPlan,
    rule::{Subject, What},
};

/// What becomes of the replies to an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// They arrive.
    Deliver,
    /// They are lost.
    Drop,
    /// Each arrives so much later than it was sent.
    Late(Duration),
    /// Each arrives twice.
    Twice,
}

impl FaultPlan {
    /// The fate of every reply to this order. An `inspect` is an order of its own: to lose all word of a cutover, lose
    /// the replies to its `inspect` too.
    #[must_use]
    pub fn reply_fate(&self, order: &WorkOrder) -> Fate {
        self.fate(&Subject {
            service: &order.request.service_id,
            layer: order.layer,
            order: order.kind,
            attempt: order.attempt,
        })
    }

    pub(super) fn fate(&self, order: &Subject<'_>) -> Fate {
        match self.reply_fault(order) {
            Some(What::DropReply) => Fate::Drop,
            Some(What::LateReply(by)) => Fate::Late(by),
            Some(What::ReplyTwice) => Fate::Twice,
            _ => Fate::Deliver,
        }
    }
}
