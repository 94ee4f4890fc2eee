//! The one pure step: a ticket and an input give a journal entry and the ticket after it.
//!
//! Everything that ever happens to a ticket goes through [`step`]. It decides; nobody performs anything here:
//! the entry lists the orders to send, and whoever committed it sends them.

use std::sync::Arc;

use jiff::Timestamp;

use crate::{
    action::{self, WhyNot},
    command::{By, Command, CommandKind},
    event::Alarm,
    id::{RelocationId, WorkOrderId},
    journal::{Entry, Note},
    message::{Envelope, Input, Rejection},
    order::{Dispatch, Layer, OrderKind},
    outage,
    outcome::{in_place, is_over, read, settle_at, superseded},
    reply::{Outcome, Reply, Report},
    request::Request,
    role::Role,
    state::{State, Work},
    steering::Scope,
    table::{self, Row, Sends, Trigger},
    ticket::{Act, FIRST_VERSION, HELD_VERSION, Out, Retrying, Ticket},
};

pub use crate::outcome::settle;

/// What a step must be told because it may not look itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    /// Now.
    pub at: Timestamp,
    /// Another open relocation that holds one of this ticket's resources, if there is one.
    pub held_by: Option<RelocationId>,
    /// What is paused that this ticket has to do with.
    pub paused: Option<Scope>,
    /// The domain of the device that a reply is about; none if it is all the same who replies.
    pub domain: Option<String>,
}

impl Context {
    /// Now, with nothing in the way.
    #[must_use]
    pub const fn at(at: Timestamp) -> Self {
        Self { at, held_by: None, paused: None, domain: None }
    }
}

/// What a step gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stepped {
    /// A journal entry and the ticket after it; both are to be committed together.
    Journaled(Box<(Ticket, Entry)>),
    /// No ticket can take the input: it is to be kept as a dead letter.
    Rejected(Rejection),
    /// A reply that overtook the commit of its own order: it waits its turn.
    Early(WorkOrderId),
    /// A clock's message that time has made void.
    Void,
}

/// One step. See the module's text.
#[must_use]
pub fn step(ticket: Option<&Ticket>, envelope: &Envelope, context: &Context) -> Stepped {
    match (ticket, &envelope.input) {
        (None, Input::Submitted { request }) => submit(request, envelope, context),
        (None, _) => Stepped::Rejected(Rejection::NoSuchTicket { relocation: envelope.relocation }),
        (Some(_), Input::Reply(reply))
            if let Some(rejection) = of_another_domain(reply, &envelope.by, context) =>
        {
            Stepped::Rejected(rejection)
        }
        (Some(ticket), input) => {
            let mut draft = Draft::new(ticket, envelope, context);
            let taken = match input {
                Input::Submitted { .. } => draft.refuse(WhyNot::Exists),
                Input::Command(command) => draft.command(command),
                Input::Reply(Reply { order, .. })
                    if order.relocation == ticket.id && order.seq > ticket.version =>
                {
                    return Stepped::Early(*order);
                }
                Input::Reply(reply) => draft.reply(reply),
                Input::Overdue { order } => draft.overdue(*order),
                Input::Undeliverable { order } => draft.undeliverable(*order),
                Input::WindowOpened => draft.window_opened(),
                Input::Resumed => draft.resumed(),
                Input::Unpaused => draft.unpaused(),
            };
            match taken {
                Taken::Yes => draft.finish(),
                Taken::Void => Stepped::Void,
            }
        }
    }
}

/// A domain's configurators answer for that domain's devices and for no others.
fn of_another_domain(reply: &Reply, by: &By, context: &Context) -> Option<Rejection> {
    match (by, &context.domain) {
        (By::Configurator { domain: Some(domain), .. }, Some(is)) if domain != is => {
            Some(Rejection::WrongDomain { order: reply.order, domain: domain.clone(), is: is.clone() })
        }
        _ => None,
    }
}

/// Row 1, and row 2 with it unless the request says `hold`.
fn submit(request: &Arc<Request>, envelope: &Envelope, context: &Context) -> Stepped {
    let has = envelope.by.role();
    if has < Some(Role::TO_SUBMIT) {
        return Stepped::Rejected(Rejection::NotAllowed { has, needs: Role::TO_SUBMIT });
    }
    if let Err(errors) = request.validate() {
        return Stepped::Rejected(Rejection::Invalid { errors });
    }
    if let Some(by) = context.held_by {
        return Stepped::Rejected(Rejection::Held { by });
    }
    let ticket = Ticket {
        v: FIRST_VERSION,
        id: envelope.relocation,
        version: 0,
        request: Arc::clone(request),
        state: State::SUBMITTED,
        l3: None,
        l2: None,
        sent: Default::default(),
        answered: Default::default(),
        submitted_at: context.at,
        changed_at: context.at,
        forced_reservation: None,
        forced_completion: None,
        cancelled: None,
        last_failure: None,
        window_over: false,
        held_back: false,
        plan: None,
        outage: None,
    };
    let mut draft = Draft::new(&ticket, envelope, context);
    draft.entry.rows.push(table::SUBMITTED.to_owned());
    if request.hold {
        return draft.finish();
    }
    if context.paused.is_some() {
        draft.entry.paused.clone_from(&context.paused);
        draft.ticket.held_back = true;
    } else {
        draft.fire(Trigger::Command(CommandKind::DeployReservation));
    }
    draft.finish()
}

/// Whether an input is journaled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Taken {
    Yes,
    Void,
}

/// A ticket and its next entry in the making.
struct Draft<'a> {
    ticket: Ticket,
    entry: Entry,
    context: &'a Context,
}

impl<'a> Draft<'a> {
    fn new(ticket: &Ticket, envelope: &Envelope, context: &'a Context) -> Self {
        let mut ticket = ticket.clone();
        ticket.version += 1;
        let entry = Entry {
            v: FIRST_VERSION,
            relocation: ticket.id,
            seq: ticket.version,
            cause: envelope.cause.clone(),
            by: envelope.by.clone(),
            at: context.at,
            input: envelope.input.clone(),
            held_by: None,
            paused: None,
            rows: Vec::new(),
            note: None,
            relocation_status: ticket.state.relocation,
            reservation_status: ticket.state.reservation,
            cutover_status: ticket.state.cutover,
            disposition: ticket.state.disposition,
            sends: Vec::new(),
            alarms: Vec::new(),
        };
        Self { ticket, entry, context }
    }

    fn finish(mut self) -> Stepped {
        if !self.entry.note.as_ref().is_some_and(Note::changed_nothing) {
            self.ticket.changed_at = self.context.at;
        }
        if self.ticket.has_been_held() {
            (self.ticket.v, self.entry.v) = (HELD_VERSION, HELD_VERSION);
        }
        let state = &self.ticket.state;
        self.entry.relocation_status = state.relocation;
        self.entry.reservation_status = state.reservation;
        self.entry.cutover_status = state.cutover;
        self.entry.disposition = state.disposition;
        debug_assert_eq!(self.ticket.l3.is_some(), state.l3.is_some(), "ticket.l3 goes with state.l3");
        debug_assert_eq!(self.ticket.l2.is_some(), state.l2.is_some(), "ticket.l2 goes with state.l2");
        Stepped::Journaled(Box::new((self.ticket, self.entry)))
    }

    fn note(&mut self, note: Note) -> Taken {
        self.entry.note = Some(note);
        Taken::Yes
    }

    fn refuse(&mut self, why: WhyNot) -> Taken {
        self.note(Note::Refused(why))
    }

    fn command(&mut self, command: &Command) -> Taken {
        let kind = command.kind;
        let (has, needs) = (self.entry.by.role(), Role::to(kind));
        if has < Some(needs) {
            return self.refuse(WhyNot::NotAllowed { command: kind, has, needs });
        }
        let seen = self.ticket.version - 1;
        if let Some(expected) = command.expected_version.filter(|expected| *expected != seen) {
            return self.refuse(WhyNot::Stale { expected, is: seen });
        }
        let row = match action::allowed(&self.ticket.state, kind) {
            Ok(row) => row,
            Err(why) => return self.refuse(why),
        };
        if let Some(scope) = self.context.paused.clone().filter(|_| kind.begins_work()) {
            self.entry.paused = Some(scope.clone());
            return self.refuse(WhyNot::Paused { scope });
        }
        if (kind.is_force() || kind == CommandKind::Cancel) && command.reason.trim().is_empty() {
            return self.refuse(WhyNot::NeedsReason { command: kind });
        }
        if let Some(plan) = &command.plan {
            if !self.ticket.is_plan_of_it(plan) {
                return self.refuse(WhyNot::AnothersPlan);
            }
            let known = self.ticket.plan.as_ref();
            let replaces = known.is_some_and(|known| known.fingerprint != plan.fingerprint);
            if replaces && command.reason.trim().is_empty() {
                return self.refuse(WhyNot::DriftNeedsReason);
            }
        }
        let takes_lock = !self.ticket.state.needs_lock() && row.apply(&self.ticket.state).needs_lock();
        if let Some(by) = self.context.held_by.filter(|_| takes_lock) {
            self.entry.held_by = Some(by);
            return self.refuse(WhyNot::Held { by });
        }
        let act = Act { by: self.entry.by.clone(), at: self.context.at, reason: command.reason.clone() };
        self.ticket.plan = command.plan.clone().or(self.ticket.plan.take());
        match kind {
            CommandKind::ForceReservation => self.ticket.forced_reservation = Some(act),
            CommandKind::ForceCompletion => self.ticket.forced_completion = Some(act),
            CommandKind::Cancel => self.ticket.cancelled = Some(act),
            CommandKind::DeployCutover => self.ticket.window_over = true,
            _ => {}
        }
        self.take(row);
        Taken::Yes
    }

    fn reply(&mut self, reply: &Reply) -> Taken {
        let layer = reply.layer;
        let Some((out, work)) = self.ticket.out(layer).zip(self.ticket.state.work(layer)) else {
            return self.stray(reply);
        };
        let since = out.since;
        let about_order = reply.order == out.order.id;
        let about_inspect = out.inspect.as_ref().is_some_and(|inspect| inspect.id == reply.order);
        let triggers = match &reply.report {
            Report::Retrying { attempt, failure, next_at } if about_order || about_inspect => {
                let retrying = Retrying { attempt: *attempt, failure: failure.clone(), next_at: *next_at };
                return self.retrying(layer, retrying);
            }
            Report::Inspected { found, concluded } if about_inspect => {
                let told = concluded.as_deref().filter(|report| !superseded(report));
                let told = told.filter(|report| !is_over(report, self.context.at));
                let told = told.and_then(|report| match report {
                    // The inspect has fenced off the rollback that should have followed: it is asked for anew.
                    Report::Reserve { outcome: Outcome::Failed(_), rollback: None }
                        if (layer, work) == (Layer::L2, Work::Reserving) =>
                    {
                        Some(vec![Trigger::L2ReserveUnknown])
                    }
                    report => read(layer, work, report, self.context.at),
                });
                let stays = self.ticket.request.stays_on(layer);
                let found = found.map(|found| if stays { in_place(work, found) } else { found });
                Some(told.unwrap_or_else(|| vec![settle_at(&self.ticket.state, (layer, work), found)]))
            }
            // An order that was superseded never ran to its end; what the inspect finds settles it.
            report if about_order && !superseded(report) => read(layer, work, report, self.context.at),
            _ => None,
        };
        let Some(triggers) = triggers else { return self.stray(reply) };
        if let Some(failure) = reply.report.failure() {
            self.ticket.last_failure = Some((layer, failure.clone()));
        }
        self.ticket.answered[layer as usize] = Some(reply.order);
        for trigger in triggers {
            self.fire(trigger);
        }
        self.ticket.outage = outage::after(&self.ticket, work, &reply.report, (since, self.context.at));
        Taken::Yes
    }

    /// A configurator tries again. What it says of an earlier try than the last one known is only recorded.
    fn retrying(&mut self, layer: Layer, retrying: Retrying) -> Taken {
        if let Some(out) = self.ticket.out_mut(layer)
            && out.retrying.as_ref().is_none_or(|known| known.attempt < retrying.attempt)
        {
            out.retrying = Some(retrying);
        }
        self.note(Note::Retrying)
    }

    /// A reply that answers nothing that is out: recorded, and nothing else.
    fn stray(&mut self, reply: &Reply) -> Taken {
        let layer = reply.layer;
        let is_out = self.ticket.out(layer).is_some_and(|out| out.awaited().id == reply.order);
        let sent = self.ticket.sent.any(layer);
        self.note(if self.ticket.answered[layer as usize] == Some(reply.order) {
            Note::Duplicate
        } else if reply.order.relocation == self.ticket.id && sent && !is_out {
            Note::Late
        } else {
            Note::Unfit
        })
    }

    fn overdue(&mut self, order: WorkOrderId) -> Taken {
        let late = Layer::ALL.into_iter().find_map(|layer| {
            let out = self.ticket.out(layer)?;
            let awaited = out.awaited();
            (awaited.id == order && awaited.deadline <= self.context.at)
                .then_some((layer, out.inspect.is_some()))
        });
        match late {
            None => return Taken::Void,
            Some((layer, false)) => self.fire(Trigger::Overdue(layer)),
            Some((layer, true)) => {
                let Some(work) = self.ticket.state.work(layer) else { return Taken::Void };
                self.fire(settle_at(&self.ticket.state, (layer, work), None));
            }
        }
        Taken::Yes
    }

    /// Nobody took an order. It stays out, its deadline settles it; but a person hears of it now.
    fn undeliverable(&mut self, order: WorkOrderId) -> Taken {
        let awaited = |layer| self.ticket.out(layer).is_some_and(|out| out.awaited().id == order);
        if !Layer::ALL.into_iter().any(awaited) {
            return Taken::Void;
        }
        self.entry.alarms.push(Alarm::Undeliverable);
        self.note(Note::Undeliverable)
    }

    fn window_opened(&mut self) -> Taken {
        let Some((due, window)) = self.ticket.window_due().zip(self.ticket.request.window) else {
            return Taken::Void;
        };
        if due > self.context.at {
            return Taken::Void;
        }
        // Until its end the window waits with the pause.
        if self.context.paused.is_some() && self.context.at < window.end {
            return Taken::Void;
        }
        self.ticket.window_over = true;
        if self.context.at < window.end {
            self.fire(Trigger::Command(CommandKind::DeployCutover));
        } else {
            self.entry.alarms.push(Alarm::WindowMissed);
            self.entry.note = Some(Note::WindowMissed);
        }
        Taken::Yes
    }

    fn resumed(&mut self) -> Taken {
        if !self.ticket.state.in_flight() {
            return Taken::Void;
        }
        for layer in Layer::ALL {
            self.fire(Trigger::Resume(layer));
        }
        Taken::Yes
    }

    fn unpaused(&mut self) -> Taken {
        if !self.ticket.held_back || self.context.paused.is_some() {
            return Taken::Void;
        }
        self.fire(Trigger::Command(CommandKind::DeployReservation));
        Taken::Yes
    }

    /// Takes the row for a trigger, if there is one.
    fn fire(&mut self, trigger: Trigger) {
        if let Some(row) = table::find(&self.ticket.state, trigger) {
            self.take(row);
        }
    }

    /// Takes a row, and the one that follows by itself when nothing is out or held any more.
    fn take(&mut self, row: &'static Row) {
        let before = self.ticket.state;
        self.ticket.state = row.apply(&before);
        // Whatever moves it, nothing holds it back any more.
        self.ticket.held_back = false;
        self.entry.rows.push(row.id.to_owned());
        self.entry.alarms.extend(row.alarm);
        let orders = row.orders(&before);
        self.keep_house(row, &orders);
        for (layer, kind) in orders {
            self.send(layer, kind);
        }
        if let Sends::Again(layer) = row.sends {
            self.send_again(layer);
        }
        if row.on != Trigger::Settled {
            self.fire(Trigger::Settled);
        }
    }

    /// Drops what is no longer out, and lets L2's `reserve` stand for the rollback that is awaited after it.
    fn keep_house(&mut self, row: &Row, orders: &[(Layer, OrderKind)]) {
        for layer in Layer::ALL {
            if self.ticket.state.flight(layer).is_none() {
                *self.ticket.out_mut(layer) = None;
            }
        }
        if row.awaits_l2_rollback && !orders.iter().any(|(layer, _)| *layer == Layer::L2) {
            let deadline = self.deadline(OrderKind::Release);
            let at = self.context.at;
            if let Some(out) = &mut self.ticket.l2 {
                out.order.deadline = deadline;
                (out.since, out.inspect, out.retrying) = (at, None, None);
            }
        }
    }

    fn deadline(&self, kind: OrderKind) -> Timestamp {
        self.context.at.saturating_add(self.ticket.allowance(kind)).unwrap_or(Timestamp::MAX)
    }

    fn send(&mut self, layer: Layer, kind: OrderKind) {
        let attempt = self.ticket.sent.count(layer, kind);
        // A ticket's entry sends a handful of orders at most.
        let index = u8::try_from(self.entry.sends.len()).unwrap_or(u8::MAX);
        let id = WorkOrderId { relocation: self.ticket.id, seq: self.entry.seq, index };
        let about = self.ticket.out(layer).map(|out| out.order.id).filter(|_| kind == OrderKind::Inspect);
        let expected = if (layer, kind) == (Layer::L3, OrderKind::Cutover) {
            if self.ticket.sent.of(Layer::L3, OrderKind::TakeBack) > 0 {
                // What was taken back is over; this may become another outage.
                self.ticket.outage = self.ticket.outage.filter(|outage| outage.until.is_none());
            }
            self.ticket.expected()
        } else {
            Vec::new()
        };
        let deadline = self.deadline(kind);
        let dispatch = Dispatch { id, layer, kind, attempt, deadline, about, expected };
        self.entry.sends.push(dispatch.clone());
        let since = self.context.at;
        let out = self.ticket.out_mut(layer);
        match (kind, out) {
            (OrderKind::Inspect, Some(out)) => out.inspect = Some(dispatch),
            (_, out) => *out = Some(Out { order: dispatch, since, inspect: None, retrying: None }),
        }
    }

    /// The same message again, with a new deadline: the one awaited now.
    fn send_again(&mut self, layer: Layer) {
        let Some(kind) = self.ticket.out(layer).map(|out| out.awaited().kind) else { return };
        let deadline = self.deadline(kind);
        if let Some(out) = self.ticket.out_mut(layer) {
            let awaited = out.inspect.as_mut().unwrap_or(&mut out.order);
            awaited.deadline = deadline;
            self.entry.sends.push(awaited.clone());
        }
    }
}

/// Who deploys when a window opens: the person who set it, by the clock.
#[must_use]
pub fn window_opened(ticket: &Ticket) -> Option<Envelope> {
    let due = ticket.window_due()?;
    Some(Envelope {
        relocation: ticket.id,
        cause: crate::id::MessageId(format!("{}:window:{}", ticket.id, due.as_millisecond())),
        by: By::Timer,
        input: Input::WindowOpened,
    })
}
