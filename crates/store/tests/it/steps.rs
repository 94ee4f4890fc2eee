//! Relocations for the adapter's own tests: `n` different ones, step by step, nothing failing.

use std::sync::Arc;

use jiff::SignedDuration;
use rehome_domain::{
    command::CommandKind,
    id::{MessageId, RelocationId},
    message::{Envelope, Input},
    order::Layer,
    ports::Change,
    reply::{Outcome, Report},
    request::{Place, Request},
    step::{Context, Stepped, step},
};
use rehome_testkit::history::{START, behind, command, reply, request};
use uuid::Uuid;

/// The `n`th relocation.
pub(crate) fn id(n: u64) -> RelocationId {
    RelocationId(Uuid::from_u64_pair(n, 11))
}

/// All six steps of the `n`th relocation; no two relocations meet.
pub(crate) fn steps(n: u64) -> Vec<Change> {
    let new = Place { l3_port: format!("ge-{n}"), l2_port: format!("eth{n}"), ..request().new };
    let request = Request { service_id: format!("LL-{n}"), new, ..request() };
    let done = |layer, report: fn(Outcome) -> Report| Next::Answer(layer, report(Outcome::Done));
    let reserve: fn(Outcome) -> Report = |outcome| Report::Reserve { outcome, rollback: None };
    let inputs = [
        Next::Input(Input::Submitted { request: Arc::new(request) }),
        done(Layer::L3, reserve),
        done(Layer::L2, reserve),
        Next::Input(command(CommandKind::DeployCutover)),
        done(Layer::L3, |install| Report::CutoverL3 {
            teardown: Outcome::Done,
            install,
            during: None,
            held_until: None,
        }),
        done(Layer::L2, |outcome| Report::CutoverL2 { outcome, during: None }),
    ];
    let mut changes: Vec<Change> = Vec::new();
    for (seq, next) in (1..).zip(inputs) {
        let ticket = changes.last().map(|change| Arc::clone(&change.ticket));
        let input = match next {
            Next::Input(input) => input,
            Next::Answer(layer, report) => {
                reply(layer, ticket.as_ref().unwrap().out(layer).unwrap().order.id, report)
            }
        };
        let cause = MessageId(format!("{}:{seq}", id(n)));
        let envelope = Envelope { relocation: id(n), cause, by: behind(&input), input };
        let context = Context::at(START + SignedDuration::from_secs(seq));
        let Stepped::Journaled(stepped) = step(ticket.as_deref(), &envelope, &context) else {
            unreachable!("step {seq} of a smooth relocation is journaled");
        };
        let (ticket, entry) = *stepped;
        let locked = ticket.state.needs_lock();
        changes.push(Change { ticket: Arc::new(ticket), entry: Arc::new(entry), locked });
    }
    changes
}

enum Next {
    Input(Input),
    Answer(Layer, Report),
}
