//! What happens once at start: every open ticket's journal is read again, what can't be read is set aside, and what a
//! bus that keeps nothing has lost is sent again.

use std::sync::Arc;

use rehome_domain::{
    command::By,
    id::{MessageId, RelocationId},
    journal::{Entry, replay},
    message::{Envelope, Input},
    ports::{Bus, Loaded, Outgoing, StoreError, TicketStore, Unreadable},
    ticket::Ticket,
};

use crate::{Now, supervisor::quarantined};

/// Tickets looked at at once.
const PAGE: usize = 256;

/// What was found at start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Resumed {
    /// Open tickets whose journals were read.
    pub open: usize,
    /// Of them, those with orders out that are sent again.
    pub sent_again: usize,
    /// Tickets newly set aside.
    pub quarantined: usize,
    /// Tickets that a newer binary has written, and that only one as new can continue.
    pub newer: usize,
    /// Tickets taken back because their journal reads well again.
    pub readmitted: usize,
}

/// Reads every open ticket's journal; sets aside, takes back, and sends again. One ticket that can't be read never
/// keeps the others from going on.
///
/// # Errors
/// The store's, if it can't be read at all.
pub async fn resume(
    tickets: &Arc<dyn TicketStore>,
    bus: &Arc<dyn Bus>,
    now: &Now,
) -> Result<Resumed, StoreError> {
    let mut found = Resumed { readmitted: readmit(tickets).await?, ..Resumed::default() };
    let start = now().as_microsecond();
    let mut after = None;
    loop {
        let page = tickets.open_tickets(after, PAGE).await?;
        let Some((last, _)) = page.last() else { break };
        after = Some(*last);
        for (id, loaded) in page {
            found.open += 1;
            let service = match &loaded {
                Loaded::Ticket(ticket) => Some(ticket.request.service_id.clone()),
                _ => None,
            };
            match read(&**tickets, id, loaded).await? {
                Ok(ticket) if ticket.state.in_flight() && !bus.keeps_messages() => {
                    found.sent_again += 1;
                    send_again(bus, &ticket, start).await;
                }
                Ok(_) => {}
                Err(why @ Unreadable::Newer { .. }) => {
                    found.newer += 1;
                    tracing::warn!(relocation = %id, service, %why, "a ticket can't be continued by this process");
                }
                Err(Unreadable::Spoilt(reason)) => {
                    if tickets.quarantine(id, reason.clone()).await? {
                        found.quarantined += 1;
                        let _ =
                            bus.send(vec![Outgoing::Alarm(quarantined(id, service, &reason, now()))]).await;
                    }
                }
            }
        }
    }
    Ok(found)
}

/// Takes back the tickets whose journal and ticket agree again, because a person has mended them.
async fn readmit(tickets: &Arc<dyn TicketStore>) -> Result<usize, StoreError> {
    let mut readmitted = 0;
    for (id, reason) in tickets.quarantined().await? {
        // Looked at where it is: until it has been found sound, no supervisor may step it.
        let stored = tickets.stored(id).await?;
        if read(&**tickets, id, stored).await?.is_ok() {
            tickets.readmit(id).await?;
            readmitted += 1;
            tracing::info!(relocation = %id, was = reason, "ticket taken back from quarantine");
        }
    }
    Ok(readmitted)
}

/// Looks at a ticket and its journal before what differs between them counts. They are read at different instants, and
/// another process may commit in between: only a difference that stands while the version stands still is one.
const LOOKS: usize = 5;

/// A ticket that is what its journal says, or why it is not (or can't be known to be, because a newer binary wrote it).
///
/// # Errors
/// The store's, if it can't be read at all.
pub async fn read(
    tickets: &dyn TicketStore,
    id: RelocationId,
    loaded: Loaded,
) -> Result<Result<Box<Ticket>, Unreadable>, StoreError> {
    let missing = || Unreadable::Spoilt("its row is missing".to_owned());
    let mut loaded = loaded;
    for _ in 0..LOOKS {
        let ticket = match loaded {
            Loaded::Ticket(ticket) => ticket,
            Loaded::Unreadable(why) => return Ok(Err(why)),
            Loaded::Missing => return Ok(Err(missing())),
        };
        let entries: Result<Vec<Entry>, Unreadable> = tickets.journal(id).await?.into_iter().collect();
        let wrong = match entries.as_deref().map(replay) {
            Ok(Ok(replayed)) if ticket.is_the_replayed(&replayed) => return Ok(Ok(ticket)),
            Ok(Ok(replayed)) => Unreadable::Spoilt(format!(
                "the ticket's row (version {}) is not what its journal gives (version {})",
                ticket.version, replayed.version
            )),
            Ok(Err(divergence)) => Unreadable::Spoilt(divergence.to_string()),
            Err(unreadable) => unreadable.clone(),
        };
        loaded = tickets.load(vec![id]).await?.into_iter().next().unwrap_or(Loaded::Missing);
        if matches!(&loaded, Loaded::Ticket(again) if again.version == ticket.version) {
            return Ok(Err(wrong));
        }
    }
    // It moves faster than it can be looked at, so it is well: the supervisors step it.
    match loaded {
        Loaded::Ticket(ticket) => Ok(Ok(ticket)),
        Loaded::Unreadable(why) => Ok(Err(why)),
        Loaded::Missing => Ok(Err(missing())),
    }
}

async fn send_again(bus: &Arc<dyn Bus>, ticket: &Ticket, start: i64) {
    let envelope = Envelope {
        relocation: ticket.id,
        cause: MessageId(format!("{}:resume:{start}", ticket.id)),
        by: By::System,
        input: Input::Resumed,
    };
    if let Err(error) = bus.send(vec![Outgoing::Reply(envelope.into())]).await {
        tracing::warn!(%error, relocation = %ticket.id, "could not be resumed");
    }
}
