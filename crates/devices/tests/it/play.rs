//! A relocation played through the real step and the faulty devices, alone and in virtual time: what `predict` must
//! foresee and `audit` must find in order.

use std::{collections::HashMap, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use rehome_devices::faults::{Fate, FaultPlan, Standing};
use rehome_domain::{
    command::{By, Command, CommandKind},
    id::{MessageId, RelocationId, WorkOrderId},
    journal::Entry,
    message::{Envelope, Input},
    order::{Layer, MESSAGE_VERSION, OrderKind, WorkOrder},
    ports::{Inventory, Operation},
    reply::{Failure, Found, Outcome, Presence, Reply, Report},
    request::Request,
    role::Role,
    status::RelocationStatus,
    step::{Context, Stepped, step},
    ticket::{Out, Ticket},
};
use tokio::time::Instant;

use crate::world::device;

/// One relocation under way.
struct Play<'a> {
    plan: &'a FaultPlan,
    devices: &'a dyn Inventory,
    max_tries: u32,
    began: Instant,
    ticket: Ticket,
    journal: Vec<Entry>,
    /// Replies on their way, by arrival.
    coming: Vec<(Timestamp, Envelope)>,
    concluded: HashMap<WorkOrderId, Report>,
}

/// Plays a relocation to its rest; answers the ticket and its journal. Must run under paused time.
pub(crate) async fn play(
    plan: &FaultPlan,
    devices: &dyn Inventory,
    max_tries: u32,
    id: RelocationId,
    request: &Request,
) -> (Ticket, Vec<Entry>) {
    let submitted = Envelope {
        relocation: id,
        cause: MessageId("submit".to_owned()),
        by: By::System,
        input: Input::Submitted { request: Arc::new(request.clone()) },
    };
    let context = Context::at(Timestamp::UNIX_EPOCH);
    let Stepped::Journaled(first) = step(None, &submitted, &context) else {
        panic!("not taken: {request:?}")
    };
    let (ticket, entry) = *first;
    let began = Instant::now();
    let (coming, concluded) = Default::default();
    let mut play = Play { plan, devices, max_tries, began, ticket, journal: Vec::new(), coming, concluded };
    play.take(entry).await;
    play.go_on().await;
    (play.ticket, play.journal)
}

impl Play<'_> {
    /// The clock of the play: what the devices have taken and what was waited for.
    fn now(&self) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::try_from(self.began.elapsed()).unwrap()
    }

    async fn wait_until(&self, at: Timestamp) {
        tokio::time::sleep(self.now().duration_until(at).try_into().unwrap_or_default()).await;
    }

    /// Replies come, deadlines pass, the operator acts, until nothing is left to happen.
    async fn go_on(&mut self) {
        let mut used = Vec::new();
        loop {
            self.coming.sort_by_key(|(at, _)| *at);
            let next = self.coming.first().map(|(at, _)| *at);
            let late = Layer::ALL.into_iter().filter_map(|layer| self.ticket.out(layer)).map(Out::awaited);
            let late = late.min_by_key(|awaited| awaited.deadline).cloned();
            match (next, late) {
                (Some(next), late) if late.as_ref().is_none_or(|late| next < late.deadline) => {
                    self.wait_until(next).await;
                    let (_, reply) = self.coming.remove(0);
                    self.input(reply).await;
                }
                (_, Some(late)) => {
                    self.wait_until(late.deadline).await;
                    self.input(Envelope::overdue(late.id, late.deadline)).await;
                }
                (_, None) => match self.person(&mut used) {
                    Some(command) => self.input(command).await,
                    None => return,
                },
            }
        }
    }

    fn person(&self, used: &mut Vec<usize>) -> Option<Envelope> {
        let standing = Standing::new(&self.ticket.request.service_id, &self.ticket.state);
        let state = &self.ticket.state;
        let (kind, reason) = if let Some(act) = self.plan.operator(&standing, used) {
            used.push(act.rule);
            (act.command, act.reason.to_owned())
        } else if state.relocation == RelocationStatus::CutoverPending && state.cutover.is_none() {
            (CommandKind::DeployCutover, String::new())
        } else if state.relocation == RelocationStatus::ReservationPending {
            (CommandKind::DeployReservation, String::new())
        } else {
            return None;
        };
        Some(Envelope {
            relocation: self.ticket.id,
            cause: MessageId(format!("person:{}", self.ticket.version)),
            by: By::Person { name: "script".to_owned(), via: "plan".to_owned(), role: Role::Supervisor },
            input: Input::Command(Command { kind, reason, expected_version: None, plan: None }),
        })
    }

    async fn input(&mut self, envelope: Envelope) {
        let context = Context::at(self.now());
        if let Stepped::Journaled(stepped) = step(Some(&self.ticket), &envelope, &context) {
            let (ticket, entry) = *stepped;
            self.ticket = ticket;
            self.take(entry).await;
        }
    }

    /// Does the entry's orders, one after the other, and puts their replies on the way.
    async fn take(&mut self, entry: Entry) {
        let sends = entry.sends.clone();
        self.journal.push(entry);
        for dispatch in sends {
            let order = WorkOrder::new(&dispatch, &self.ticket.request);
            let reports = self.carry_out(&order).await;
            let sent = self.now();
            let (copies, at) = match self.plan.reply_fate(&order) {
                Fate::Deliver => (1, sent),
                Fate::Drop => (0, sent),
                Fate::Late(by) => (1, sent + SignedDuration::try_from(by).unwrap()),
                Fate::Twice => (2, sent),
            };
            for (index, report) in reports.into_iter().enumerate() {
                let (layer, attempt) = (order.layer, order.attempt);
                let reply = Reply { v: MESSAGE_VERSION, order: order.id, attempt, layer, report };
                let envelope = Envelope::reply(reply, &index.to_string());
                self.coming.extend((0..copies).map(|_| (at, envelope.clone())));
            }
        }
    }

    /// What the layer's configurator does for an order, as `relocation.md` says; the reports in the order sent.
    async fn carry_out(&mut self, order: &WorkOrder) -> Vec<Report> {
        let reports = match (order.layer, order.kind) {
            (Layer::L3, OrderKind::Reserve) => {
                vec![Report::Reserve {
                    outcome: self.outcome(order, Operation::Reserve).await,
                    rollback: None,
                }]
            }
            (Layer::L2, OrderKind::Reserve) => {
                let outcome = self.outcome(order, Operation::Reserve).await;
                let mut reports = vec![Report::Reserve { outcome: outcome.clone(), rollback: None }];
                if !outcome.is_done() {
                    let undone = self.outcome(order, Operation::Release).await;
                    let whole = Report::Reserve { outcome, rollback: Some(undone.clone()) };
                    self.concluded.insert(order.id, whole);
                    reports.push(Report::RolledBack { outcome: undone });
                    return reports;
                }
                reports
            }
            (_, OrderKind::Release) => {
                vec![Report::Release { outcome: self.outcome(order, Operation::Release).await }]
            }
            (Layer::L3, OrderKind::Cutover) => {
                let teardown = self.outcome(order, Operation::Teardown).await;
                vec![Report::CutoverL3 {
                    teardown,
                    install: self.outcome(order, Operation::Install).await,
                    during: None,
                    held_until: None,
                }]
            }
            (Layer::L2, OrderKind::Cutover) => {
                vec![Report::CutoverL2 { outcome: self.switch(order).await, during: None }]
            }
            (_, OrderKind::RollbackInstall) => {
                vec![Report::InstallRolledBack {
                    outcome: self.outcome(order, Operation::RollbackInstall).await,
                }]
            }
            (_, OrderKind::Confirm | OrderKind::TakeBack) => {
                unreachable!("no simulated gateway holds a cutover")
            }
            (_, OrderKind::Notice) => vec![Report::Noticed],
            (_, OrderKind::Inspect) => {
                let old = self.perform(order, Operation::LookOld).await;
                let new = self.perform(order, Operation::LookNew).await;
                let found = old.ok().zip(new.ok()).map(|(old, new)| Found { old, new });
                let concluded = order.about.and_then(|about| self.concluded.get(&about).cloned());
                return vec![Report::Inspected { found, concluded: concluded.map(Box::new) }];
            }
        };
        self.concluded.extend(reports.iter().map(|report| (order.id, report.clone())));
        reports
    }

    async fn switch(&self, order: &WorkOrder) -> Outcome {
        let (old, new) = (order.request.old.l2(), order.request.new.l2());
        if old.device == new.device && old != new {
            return self.outcome(order, Operation::Swap).await;
        }
        let installed = self.outcome(order, Operation::Install).await;
        if installed.is_done() && old != new {
            return self.outcome(order, Operation::Teardown).await;
        }
        installed
    }

    async fn outcome(&self, order: &WorkOrder, operation: Operation) -> Outcome {
        self.perform(order, operation).await.map(|_| ()).into()
    }

    async fn perform(&self, order: &WorkOrder, operation: Operation) -> Result<Presence, Failure> {
        let device = device(order.layer, operation, &order.request);
        let mut session = self.devices.open(order.layer, &device).unwrap();
        let mut tried = 0;
        loop {
            tried += 1;
            match session.perform(operation, order).await {
                Err(error) if error.transient && tried < self.max_tries => {}
                answer => return answer.map_err(|error| error.failure),
            }
        }
    }
}
