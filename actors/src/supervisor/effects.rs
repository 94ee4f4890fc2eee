//! What a committed entry sends, and what is told of it.

use rehome_domain::{
    event::{Alarm, Raised},
    id::RelocationId,
    journal::{Entry, Note},
    message::Answer,
    order::{Dispatch, WorkOrder},
    ports::{Answered, Incoming, Outgoing},
    ticket::Ticket,
};

use crate::metrics;

/// The alarm for a ticket that is set aside.
pub(crate) fn quarantined(
    relocation: RelocationId,
    service_id: Option<String>,
    reason: &str,
    at: jiff::Timestamp,
) -> Raised {
    tracing::error!(%relocation, service = service_id, reason, "ticket quarantined");
    let alarm = Alarm::Quarantined;
    metrics::alarm(alarm.severity());
    Raised { relocation, service_id, alarm, severity: alarm.severity(), at, detail: reason.to_owned() }
}

/// All that an entry sends, once it is durable.
pub(super) fn effects(ticket: &Ticket, entry: &Entry, incoming: Option<&Incoming>) -> Vec<Outgoing> {
    tell(ticket, entry);
    let mut messages: Vec<Outgoing> = entry
        .sends
        .iter()
        .map(|dispatch| Outgoing::Order(WorkOrder::new(dispatch, &ticket.request)))
        .collect();
    messages.push(Outgoing::Event(ticket.event(&entry.alarms)));
    messages.extend(alarms(ticket, entry));
    messages.extend(incoming.and_then(|incoming| answer(ticket, entry, incoming)));
    messages
}

/// The same of an entry whose input came again, because nobody knows whether it was all sent. What the ticket has gone
/// past is left out: orders answered since, and an event that a later one has overtaken.
pub(super) fn again(ticket: &Ticket, entry: &Entry, incoming: &Incoming) -> Vec<Outgoing> {
    let still_out = |sent: &&Dispatch| ticket.out(sent.layer).is_some_and(|out| out.awaited().id == sent.id);
    let orders = entry.sends.iter().filter(still_out);
    let orders = orders.map(|sent| Outgoing::Order(WorkOrder::new(sent, &ticket.request)));
    let event = (entry.seq == ticket.version).then(|| Outgoing::Event(ticket.event(&entry.alarms)));
    orders.chain(event).chain(alarms(ticket, entry)).chain(answer(ticket, entry, incoming)).collect()
}

fn alarms<'a>(ticket: &'a Ticket, entry: &'a Entry) -> impl Iterator<Item = Outgoing> + 'a {
    entry.alarms.iter().map(|alarm| {
        Outgoing::Alarm(Raised {
            relocation: ticket.id,
            service_id: Some(ticket.request.service_id.clone()),
            alarm: *alarm,
            severity: alarm.severity(),
            at: entry.at,
            detail: ticket.last_failure.as_ref().map(|(_, failure)| failure.to_string()).unwrap_or_default(),
        })
    })
}

fn answer(ticket: &Ticket, entry: &Entry, incoming: &Incoming) -> Option<Outgoing> {
    let to = incoming.reply_to.clone()?;
    let answer = match &entry.note {
        Some(Note::Refused(why)) => Answer::Refused { relocation: ticket.id, why: why.clone() },
        _ => Answer::Accepted { relocation: ticket.id, version: entry.seq },
    };
    Some(Outgoing::Answer(Answered { to, answer }))
}

/// One span a ticket: what happened to it, in the log.
fn tell(ticket: &Ticket, entry: &Entry) {
    let span = tracing::debug_span!("ticket", relocation = %ticket.id, service = %ticket.request.service_id);
    let _entered = span.enter();
    tracing::debug!(
        seq = entry.seq,
        by = %entry.by,
        rows = ?entry.rows,
        status = %entry.relocation_status,
        reservation = entry.reservation_status.map(rehome_domain::ReservationStatus::wire),
        cutover = entry.cutover_status.map(rehome_domain::CutoverStatus::wire),
        note = ?entry.note,
        "entry"
    );
    for alarm in &entry.alarms {
        tracing::warn!(
            relocation = %ticket.id,
            service = %ticket.request.service_id,
            ?alarm,
            severity = alarm.severity().wire(),
            "alarm"
        );
    }
}
