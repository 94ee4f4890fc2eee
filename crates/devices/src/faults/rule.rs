//! One rule of a plan: whom it hits, and what happens to them.

use std::time::Duration;

use rehome_domain::{
    order::{Layer, OrderKind},
    ports::Operation,
};

use super::{FaultPlan, draw, names};
use crate::pattern::Pattern;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// The device rejects it: permanent.
    Refuse,
    /// The device does half of it and stops: permanent. Looking can't be half done.
    Half,
    /// The device takes so long before it does it.
    Slow(Duration),
    /// The device can't be reached the first so many times the operation is tried for an order.
    Unreachable { tries: u32 },
    /// The reply is lost.
    DropReply,
    /// The reply is sent so much later than it was ready.
    LateReply(Duration),
    /// The reply is sent twice.
    ReplyTwice,
}

impl What {
    /// Whether it befalls a reply rather than a device.
    pub(super) const fn is_of_replies(self) -> bool {
        matches!(self, Self::DropReply | Self::LateReply(_) | Self::ReplyTwice)
    }
}

/// A rule. Everything given must match; an absent part matches anything.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct FaultRule {
    pub(super) name: String,
    pub(super) layer: Option<Layer>,
    pub(super) device: Option<Pattern>,
    pub(super) service: Option<Pattern>,
    pub(super) operation: Option<Operation>,
    pub(super) order: Option<OrderKind>,
    pub(super) attempts: Option<Vec<u32>>,
    pub(super) probability: f64,
    pub(super) what: What,
}

/// An order, as far as a plan tells orders apart.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subject<'a> {
    pub(super) service: &'a str,
    pub(super) layer: Layer,
    pub(super) order: OrderKind,
    pub(super) attempt: u32,
}

/// An operation of an order on a device.
#[derive(Debug, Clone, Copy)]
pub(super) struct Site<'a> {
    pub(super) order: Subject<'a>,
    pub(super) device: &'a str,
    pub(super) operation: Operation,
}

/// What ends an operation before it succeeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Refuse,
    Half,
    Unreachable { tries: u32 },
}

/// What a plan does to an operation: first the delay, then the end, with the name of the rule that says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Verdict<'a> {
    pub(super) delay: Duration,
    pub(super) end: Option<(End, &'a str)>,
}

impl FaultRule {
    fn fits(&self, order: &Subject<'_>) -> bool {
        fn admits<T: PartialEq>(wanted: Option<&T>, is: &T) -> bool {
            wanted.is_none_or(|wanted| wanted == is)
        }
        admits(self.layer.as_ref(), &order.layer)
            && admits(self.order.as_ref(), &order.order)
            && self.service.as_ref().is_none_or(|pattern| pattern.matches(order.service))
            && self.attempts.as_ref().is_none_or(|attempts| attempts.contains(&order.attempt))
    }
}

impl FaultPlan {
    /// What the plan does to an operation: delays add up, the first rule that ends it counts.
    pub(super) fn verdict(&self, site: &Site<'_>) -> Verdict<'_> {
        let look = matches!(site.operation, Operation::LookOld | Operation::LookNew);
        let mut verdict = Verdict::default();
        // No order is made of it where nobody but Rehome changes the devices.
        if site.operation == Operation::Check {
            return verdict;
        }
        for (index, rule) in self.faults.iter().enumerate() {
            let fits = rule.fits(&site.order)
                && rule.operation.is_none_or(|operation| operation == site.operation)
                && rule.device.as_ref().is_none_or(|pattern| pattern.matches(site.device))
                && self.draws(index, &site.order, names::operation(site.operation));
            let end = match rule.what {
                _ if !fits => continue,
                What::Slow(delay) => {
                    verdict.delay += delay;
                    continue;
                }
                What::Refuse => End::Refuse,
                What::Half if !look => End::Half,
                What::Unreachable { tries } => End::Unreachable { tries },
                What::Half | What::DropReply | What::LateReply(_) | What::ReplyTwice => continue,
            };
            verdict.end = verdict.end.or(Some((end, &rule.name)));
        }
        verdict
    }

    /// The first rule about replies that hits this order.
    pub(super) fn reply_fault(&self, order: &Subject<'_>) -> Option<What> {
        let mut rules = self.faults.iter().enumerate();
        rules.find_map(|(index, rule)| {
            let hits = rule.what.is_of_replies() && rule.fits(order) && self.draws(index, order, "reply");
            hits.then_some(rule.what)
        })
    }

    fn draws(&self, rule: usize, order: &Subject<'_>, what: &str) -> bool {
        let attempt = order.attempt.to_string();
        let words = [order.service, order.layer.wire(), order.order.wire(), what, &attempt];
        draw::happens(self.faults[rule].probability, self.seed, rule, &words)
    }
}
