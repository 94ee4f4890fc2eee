//! One made-up relocation's messages and steps, for the bare relay: made by the pure step, as the system makes them.

use std::sync::Arc;

use rehome_bus::amqp::bare::Hop;
use rehome_domain::{
    Command, CommandKind, Layer, MessageId, Report, Ticket,
    message::{Envelope, Input},
    order::{MESSAGE_VERSION, WorkOrder},
    ports::{Change, Outgoing},
    reply::Reply,
};

use crate::app::DEFAULT_DOMAIN;

use super::{
    BenchError,
    bare::{person, report, stepped},
    synthetic,
};

/// What becomes of a message at whoever takes it.
pub(super) enum Act {
    /// A step: the how-many-th, from 0.
    Step(usize),
    /// An order is carried out, and its report remembered.
    Conclude {
        /// Where.
        layer: Layer,
        /// Whether it is the relocation's first there.
        first: bool,
        /// The order's sequence.
        seq: u64,
        /// What is remembered.
        report: Report,
    },
}

/// A relocation from its submission to its end.
pub(super) struct Script {
    /// Its messages.
    pub(super) hops: Vec<Hop>,
    /// What becomes of each.
    pub(super) acts: Vec<Act>,
    /// Its steps.
    pub(super) steps: Vec<Change>,
}

impl Script {
    /// Of a relocation over devices that do what they are told.
    ///
    /// # Errors
    /// The step does not go as it must.
    pub(super) fn new(run: u64) -> Result<Self, BenchError> {
        let request = Arc::new(synthetic::request(0, super::LONG));
        let relocation = synthetic::id(run, 0);
        let mut script = Self { hops: Vec::new(), acts: Vec::new(), steps: Vec::new() };
        let cause = |what: &str| MessageId(format!("{relocation}:{what}"));
        let mut ticket: Option<Arc<Ticket>> = None;
        let mut next = Envelope {
            relocation,
            cause: cause("submit"),
            by: person(),
            input: Input::Submitted { request },
        };
        loop {
            let now = script.take(ticket.as_deref(), &next)?;
            next = match Layer::ALL.into_iter().find_map(|layer| now.out(layer)) {
                Some(out) => script.carry_out(&WorkOrder::new(&out.order, &now.request)),
                None if now.state.is_closed() => return Ok(script),
                None => Envelope {
                    relocation,
                    cause: cause("deploy"),
                    by: person(),
                    input: Input::Command(Command::plain(CommandKind::DeployCutover)),
                },
            };
            ticket = Some(now);
        }
    }

    /// The supervisor takes a message, which is told as an event. Answers the ticket after it.
    fn take(&mut self, ticket: Option<&Ticket>, envelope: &Envelope) -> Result<Arc<Ticket>, BenchError> {
        let change = stepped(ticket, envelope)?;
        let message = match envelope.input {
            Input::Reply(_) => Outgoing::Reply(envelope.clone().into()),
            _ => Outgoing::Command(envelope.clone().into()),
        };
        let event = Some(Outgoing::Event(change.ticket.event(&change.entry.alarms)));
        self.hops.push(Hop { message, event });
        self.acts.push(Act::Step(self.steps.len()));
        let now = Arc::clone(&change.ticket);
        self.steps.push(change);
        Ok(now)
    }

    /// A configurator takes an order. Answers its reply.
    fn carry_out(&mut self, order: &WorkOrder) -> Envelope {
        let WorkOrder { id, attempt, layer, kind, .. } = *order;
        let report = report(layer, kind);
        self.hops.push(Hop { message: Outgoing::Order(order.clone()), event: None });
        let first =
            !self.acts.iter().any(|act| matches!(act, Act::Conclude { layer: at, .. } if *at == layer));
        self.acts.push(Act::Conclude { layer, first, seq: id.seq, report: report.clone() });
        Envelope::reply(Reply { v: MESSAGE_VERSION, order: id, attempt, layer, report }, "done")
            .in_domain(Some(DEFAULT_DOMAIN.to_owned()))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_relocation_is_ten_messages_of_which_six_are_steps_and_four_are_orders() {
        let script = Script::new(1).unwrap();
        let kinds: Vec<&str> = script
            .hops
            .iter()
            .map(|hop| match hop.message {
                Outgoing::Command(_) => "command",
                Outgoing::Order(_) => "order",
                Outgoing::Reply(_) => "reply",
                _ => "other",
            })
            .collect();
        let stage = ["command", "order", "reply", "order", "reply"];
        assert_eq!(kinds, [stage, stage].concat());
        assert_eq!((script.acts.len(), script.steps.len()), (10, 6));
        assert_eq!(script.hops.iter().filter(|hop| hop.event.is_some()).count(), 6);
    }
}
