//! Steps as a supervisor would make them, to be committed.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use rehome_domain::{
    command::CommandKind,
    id::{MessageId, RelocationId},
    message::{Envelope, Input},
    order::{Layer, OrderKind},
    ports::Change,
    reply::{Outcome, Reason, Report},
    request::{Place, Request},
    step::{Context, Stepped, step},
    ticket::Ticket,
};
use uuid::Uuid;

use crate::history::{START, behind, command, failed, reply, request};

/// The `n`th relocation's id. They sort as they are numbered.
pub(super) fn id(n: u16) -> RelocationId {
    RelocationId(Uuid::from_u64_pair(u64::from(n), 7))
}

/// A request for something of its own: no two of different `n` meet.
pub(super) fn own(n: u16) -> Request {
    let to = Place { l3_port: format!("ge-{n}"), l2_port: format!("eth{n}"), ..request().new };
    Request { service_id: format!("LL-{n}"), new: to, ..request() }
}

/// A relocation and its last step.
#[derive(Debug, Clone)]
pub(super) struct Relocation {
    pub(super) id: RelocationId,
    pub(super) ticket: Option<Arc<Ticket>>,
    pub(super) now: Timestamp,
    /// Put into the ids of its messages, so that two branches of one history differ.
    pub(super) branch: &'static str,
}

impl Relocation {
    pub(super) fn new(n: u16) -> Self {
        Self { id: id(n), ticket: None, now: START, branch: "main" }
    }

    /// A relocation and its submission.
    pub(super) fn submitted(n: u16, request: Request) -> (Self, Change) {
        let mut relocation = Self::new(n);
        let change = relocation.submit(request);
        (relocation, change)
    }

    pub(super) fn ticket(&self) -> &Ticket {
        self.ticket.as_ref().unwrap()
    }

    pub(super) fn submit(&mut self, request: Request) -> Change {
        self.take(Input::Submitted { request: Arc::new(request) })
    }

    pub(super) fn command(&mut self, kind: CommandKind) -> Change {
        self.take(command(kind))
    }

    /// The order that a layer has out is answered.
    pub(super) fn answer(&mut self, layer: Layer, report: Report) -> Change {
        let order = self.ticket().out(layer).unwrap().awaited().id;
        self.take(reply(layer, order, report))
    }

    /// The order that a layer has out is answered with success or failure.
    pub(super) fn outcome(&mut self, layer: Layer, done: bool) -> Change {
        let kind = self.ticket().out(layer).unwrap().awaited().kind;
        let outcome = if done { Outcome::Done } else { failed(Reason::Rejected) };
        self.answer(
            layer,
            match (layer, kind) {
                (_, OrderKind::Reserve) => Report::Reserve { outcome, rollback: None },
                (_, OrderKind::Release) => Report::Release { outcome },
                (Layer::L3, OrderKind::Cutover) => Report::CutoverL3 {
                    teardown: Outcome::Done,
                    install: outcome,
                    during: None,
                    held_until: None,
                },
                (Layer::L2, OrderKind::Cutover) => Report::CutoverL2 { outcome, during: None },
                (_, OrderKind::RollbackInstall) => Report::InstallRolledBack { outcome },
                (_, OrderKind::Confirm) => Report::Confirmed { outcome },
                (_, OrderKind::TakeBack) => Report::TakenBack { outcome, found: None },
                (_, OrderKind::Notice) => Report::Noticed,
                (_, OrderKind::Inspect) => Report::Inspected { found: None, concluded: None },
            },
        )
    }

    /// What comes in, as a step: its message is named after the version it makes.
    pub(super) fn take(&mut self, input: Input) -> Change {
        let version = self.ticket.as_ref().map_or(0, |ticket| ticket.version) + 1;
        let cause = MessageId(format!("{}-{version}", self.branch));
        self.caused(cause, input).unwrap()
    }

    /// The same under a message id of one's choice. None if the step makes nothing of it.
    pub(super) fn caused(&mut self, cause: MessageId, input: Input) -> Option<Change> {
        self.now += SignedDuration::from_secs(1);
        let envelope = Envelope { relocation: self.id, cause, by: behind(&input), input };
        let context = Context::at(self.now);
        let Stepped::Journaled(stepped) = step(self.ticket.as_deref(), &envelope, &context) else {
            return None;
        };
        let (ticket, entry) = *stepped;
        let ticket = Arc::new(ticket);
        self.ticket = Some(Arc::clone(&ticket));
        Some(Change { locked: ticket.state.needs_lock(), ticket, entry: Arc::new(entry) })
    }

    /// Every step of a relocation on which nothing fails.
    pub(super) fn smooth(n: u16, request: Request) -> (Self, Vec<Change>) {
        let (mut it, submission) = Self::submitted(n, request);
        let changes = vec![
            submission,
            it.outcome(Layer::L3, true),
            it.outcome(Layer::L2, true),
            it.command(CommandKind::DeployCutover),
            it.outcome(Layer::L3, true),
            it.outcome(Layer::L2, true),
        ];
        (it, changes)
    }
}
