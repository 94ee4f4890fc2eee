//! Requests to cancel an order, as the order's journal has them.

use rehome_domain::{
    action::WhyNot,
    command::CommandKind,
    id::RelocationId,
    journal::{Moment, Note},
    lang::Lang,
    message::Input,
    status::Disposition,
    ticket::Ticket,
};

use super::{
    BASE,
    order::href,
    resource::{CancelServiceOrder, OrderRef, TaskError, TaskState},
};

/// A request's id: the order's, and its place in the order's journal.
#[must_use]
pub fn id(order: RelocationId, seq: u64) -> String {
    format!("{order}-{seq}")
}

/// The order and the place that an id names.
#[must_use]
pub fn parse(id: &str) -> Option<(RelocationId, u64)> {
    let (order, seq) = id.rsplit_once('-')?;
    // One request has one id.
    let canonical = |order: &RelocationId, seq: &u64| self::id(*order, *seq) == id;
    let parsed = (order.parse().ok()?, seq.parse().ok()?);
    canonical(&parsed.0, &parsed.1).then_some(parsed)
}

/// All requests to cancel an order, in order.
#[must_use]
pub fn requests(moments: &[Moment]) -> Vec<CancelServiceOrder> {
    let Some(last) = moments.last() else { return Vec::new() };
    moments.iter().filter_map(|moment| task(moment, &last.after, moments)).collect()
}

/// The request that a moment is, as it stands now; none if it is none.
fn task(moment: &Moment, now: &Ticket, moments: &[Moment]) -> Option<CancelServiceOrder> {
    let Input::Command(command) = &moment.entry.input else { return None };
    if command.kind != CommandKind::Cancel {
        return None;
    }
    let refused = match &moment.entry.note {
        Some(Note::Refused(why)) => Some(why),
        _ => None,
    };
    let closed = moments.iter().find(|moment| moment.after.state.is_closed()).map(|moment| moment.entry.at);
    let cancelled = now.state.disposition == Disposition::Cancelled && refused.is_none();
    let order = now.id;
    Some(CancelServiceOrder {
        id: id(order, moment.entry.seq),
        href: format!("{BASE}/cancelServiceOrder/{}", id(order, moment.entry.seq)),
        cancellation_reason: command.reason.clone(),
        requested_cancellation_date: moment.entry.at,
        effective_cancellation_date: closed.filter(|_| cancelled),
        state: if refused.is_some() { TaskState::TerminatedWithError } else { state(now) },
        error_message: refused.map(error),
        service_order: OrderRef { id: order.to_string(), href: href(order), referred: "ServiceOrder" },
        kind: "CancelServiceOrder",
    })
}

/// How a request stands that was not refused.
fn state(now: &Ticket) -> TaskState {
    match now.state.disposition {
        Disposition::Cancelled => TaskState::Done,
        Disposition::Open => TaskState::InProgress,
        // A row of the table that ended it otherwise.
        Disposition::Completed | Disposition::Forced => TaskState::TerminatedWithError,
    }
}

fn error(why: &WhyNot) -> TaskError {
    TaskError { code: why.wire().to_owned(), reason: why.sentence(Lang::En) }
}
