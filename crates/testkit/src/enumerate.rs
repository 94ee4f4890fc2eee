//! Everything at once: every state a ticket can reach, by the table and by stepping it, and everything that could come in
//! for it there.

use std::collections::{HashMap, VecDeque};

use rehome_domain::{
    command::CommandKind,
    id::{MessageId, WorkOrderId},
    message::{Envelope, Input},
    order::{Layer, OrderKind},
    reply::Report,
    request::Request,
    state::State,
    step::{Context, Stepped, step},
    ticket::{Out, Ticket},
};

pub use rehome_domain::table::{Edge, explore};

use crate::history::{OTHER, Play, behind, command, every_report, reply, reports};

/// Everything that could come in for a ticket: each command, each report about each order out (fitting or not), and
/// what the clock and a restart say. Not in it: what names an order that is not out ([`strays`]).
#[must_use]
pub fn inputs(ticket: &Ticket) -> Vec<Input> {
    let mut all: Vec<Input> = CommandKind::ALL.into_iter().map(command).collect();
    all.extend([Input::WindowOpened, Input::Resumed, Input::Unpaused]);
    for layer in Layer::ALL {
        let Some(out) = ticket.out(layer) else { continue };
        all.push(Input::Overdue { order: out.awaited().id });
        all.push(Input::Undeliverable { order: out.awaited().id });
        for order in std::iter::once(&out.order).chain(&out.inspect) {
            let about = (order.kind == OrderKind::Inspect).then_some(out.order.kind);
            let mut about_it = reports(layer, order.kind, about);
            about_it.extend(every_report());
            all.extend(about_it.into_iter().map(|report| reply(layer, order.id, report)));
        }
    }
    all
}

/// Replies and deadlines that name an order that is not out: an old one, one of another layer's, one never sent,
/// one of another relocation. `reports` is what they say.
#[must_use]
pub fn strays(ticket: &Ticket, reports: &[Report]) -> Vec<Input> {
    let ids = (1..=ticket.version)
        .flat_map(|seq| (0..3).map(move |index| WorkOrderId { relocation: ticket.id, seq, index }));
    let foreign = WorkOrderId { relocation: OTHER, seq: 1, index: 0 };
    let mut all = Vec::new();
    for order in ids.chain([foreign]) {
        for layer in Layer::ALL {
            let is_out = ticket.out(layer).is_some_and(|out| {
                out.order.id == order || out.inspect.as_ref().is_some_and(|inspect| inspect.id == order)
            });
            if !is_out {
                all.extend(reports.iter().cloned().map(|report| reply(layer, order, report)));
            }
        }
        if !Layer::ALL.into_iter().any(|layer| ticket.out(layer).is_some_and(|out| out.awaited().id == order))
        {
            all.extend([Input::Overdue { order }, Input::Undeliverable { order }]);
        }
    }
    all
}

/// Steps a ticket with an input at the time at which a clock could say it: now, or the deadline it names.
#[must_use]
pub fn step_with(ticket: &Ticket, input: Input) -> Stepped {
    let deadline = |order: WorkOrderId| {
        let awaited = Layer::ALL.into_iter().filter_map(|layer| ticket.out(layer)).map(Out::awaited);
        awaited.filter(|awaited| awaited.id == order).map(|awaited| awaited.deadline).next()
    };
    let at = match &input {
        Input::Overdue { order } => deadline(*order),
        Input::WindowOpened => ticket.window_due(),
        _ => None,
    };
    let at = at.unwrap_or(ticket.changed_at);
    let envelope = Envelope {
        relocation: ticket.id,
        cause: MessageId("enumerated".to_owned()),
        by: behind(&input),
        input,
    };
    step(Some(ticket), &envelope, &Context::at(at))
}

/// One ticket for each state that a ticket can reach, found by stepping it with every input there is, breadth first:
/// each has the shortest history that leads to its state.
#[must_use]
pub fn reachable(request: Request) -> Vec<Ticket> {
    let mut found: HashMap<State, Ticket> = HashMap::new();
    let mut order = Vec::new();
    let mut queue = VecDeque::new();
    let held = Play::submit(Request { hold: true, ..request }).map(|play| play.ticket);
    queue.extend(held);
    while let Some(ticket) = queue.pop_front() {
        if found.contains_key(&ticket.state) {
            continue;
        }
        found.insert(ticket.state, ticket.clone());
        order.push(ticket.state);
        for input in inputs(&ticket) {
            if let Stepped::Journaled(stepped) = step_with(&ticket, input)
                && !found.contains_key(&stepped.0.state)
            {
                queue.push_back(stepped.0);
            }
        }
    }
    order.into_iter().filter_map(|state| found.remove(&state)).collect()
}
