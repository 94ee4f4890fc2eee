//! Many tickets, each with the journal that led it where it stands: made by the pure step, committed as any other.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use jiff::{SignedDuration, Timestamp};
use rehome_domain::{
    Command, CommandKind, Layer, MessageId, RelocationId, Report, Request, Ticket,
    message::{Envelope, Input},
    order::{MESSAGE_VERSION, OrderKind},
    ports::{Change, TicketStore},
    reply::{Failure, Outcome, Reason, Reply},
};
use rehome_store::{Postgres, postgres};
use tokio::task::JoinSet;

use super::super::{
    super::{
        BenchError, LONG,
        bare::{person, report, stepped_at},
        synthetic::{self, Spread},
    },
    Stage,
};

/// The run that the ids of such tickets belong to.
const RUN: u64 = 1;
/// The devices of a large carrier.
pub(super) const SPREAD: Spread = Spread { gateways: 2000, switches: 8000 };
/// Tickets committed together.
const TOGETHER: u64 = 50;
/// Commits under way at once: as many as are prepared while others are written.
const AT_ONCE: u64 = 4;
/// From one ticket to the next: a million are some months of a large carrier's.
const APART: SignedDuration = SignedDuration::from_secs(12);
/// Steps of a ticket at most; none needs half as many.
const LONGEST: usize = 32;
/// Customers' names: in both languages, some of them common.
const CUSTOMERS: [&str; 8] = [
    "华东银行",
    "华北电力",
    "东方物流",
    "江南医院",
    "Harbour Foods",
    "Delta Insurance",
    "城市轨道",
    "North Star Retail",
];

/// The id of the `n`th.
pub(super) fn id(n: u64) -> RelocationId {
    synthetic::id(RUN, n)
}

/// Whose the `n`th is.
pub(super) fn customer(n: u64) -> String {
    // Not in step with what becomes of the tickets.
    let index = usize::try_from(n + n / 1000).unwrap_or(0) % CUSTOMERS.len();
    format!("{} {:04}", CUSTOMERS[index], n / 8 % 2000)
}

/// What becomes of a ticket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// It goes well, as nine in ten do.
    Succeeds,
    /// It was cancelled before it began.
    Cancelled,
    /// It has not begun.
    Held,
    /// It is reserved, and waits for its cutover to be deployed.
    Reserved,
    /// This layer refuses the reservation.
    ReservationRefused(Layer),
    /// The old place stays (claim 5).
    NotTornDown,
    /// The new place does not come about: the customer is without service.
    NotInstalled,
    /// L2 refuses the cutover.
    NotSwitched,
}

impl Fate {
    const fn of(n: u64) -> Self {
        match n % 1000 {
            0..20 => Self::Cancelled,
            20..30 => Self::Held,
            30..50 => Self::Reserved,
            50..53 => Self::ReservationRefused(Layer::L3),
            53..56 => Self::ReservationRefused(Layer::L2),
            56 => Self::NotTornDown,
            57 => Self::NotInstalled,
            58 => Self::NotSwitched,
            _ => Self::Succeeds,
        }
    }

    /// What the configurator says.
    fn report(self, layer: Layer, kind: OrderKind) -> Report {
        let refused = || {
            let text = format!("the port is reserved for maintenance by {layer:?}");
            Outcome::Failed(Failure { reason: Reason::Rejected, text })
        };
        let done = Outcome::Done;
        match (self, layer, kind) {
            (Self::ReservationRefused(by), _, OrderKind::Reserve) if by == layer => {
                Report::Reserve { outcome: refused(), rollback: (by == Layer::L2).then_some(done) }
            }
            (Self::NotTornDown, Layer::L3, OrderKind::Cutover) => {
                Report::CutoverL3 { teardown: refused(), install: done, during: None, held_until: None }
            }
            (Self::NotInstalled, Layer::L3, OrderKind::Cutover) => {
                Report::CutoverL3 { teardown: done, install: refused(), during: None, held_until: None }
            }
            (Self::NotSwitched, Layer::L2, OrderKind::Cutover) => {
                Report::CutoverL2 { outcome: refused(), during: None }
            }
            (_, _, OrderKind::Release) => Report::Release { outcome: done },
            (_, _, OrderKind::RollbackInstall) => Report::InstallRolledBack { outcome: done },
            (_, _, OrderKind::Notice) => Report::Noticed,
            _ => report(layer, kind),
        }
    }

    /// What a person does next where nothing is under way; none: this is how it stays.
    fn command(self, ticket: &Ticket) -> Option<CommandKind> {
        match self {
            Self::Cancelled => Some(CommandKind::Cancel),
            Self::Held | Self::Reserved | Self::ReservationRefused(_) => None,
            _ => ticket.state.cutover.is_none().then_some(CommandKind::DeployCutover),
        }
    }
}

/// The `n`th ticket's steps.
fn history(n: u64, at: Timestamp) -> Result<Vec<Change>, BenchError> {
    let (fate, relocation) = (Fate::of(n), id(n));
    let hold = matches!(fate, Fate::Cancelled | Fate::Held);
    let request = Request { customer: customer(n), hold, ..synthetic::spread(n, LONG, SPREAD) };
    let cause = |what: &str| MessageId(format!("{relocation}:{what}"));
    let mut next = Envelope {
        relocation,
        cause: cause("submit"),
        by: person(),
        input: Input::Submitted { request: Arc::new(request) },
    };
    let mut steps: Vec<Change> = Vec::new();
    while steps.len() < LONGEST {
        let at = at + SignedDuration::from_secs(i64::try_from(steps.len()).unwrap_or(0));
        let ticket = steps.last().map(|step| Arc::clone(&step.ticket));
        let change = stepped_at(ticket.as_deref(), &next, at)?;
        let now = Arc::clone(&change.ticket);
        steps.push(change);
        let out = Layer::ALL.into_iter().find_map(|layer| now.out(layer));
        next = match out.map(|out| &out.order) {
            Some(order) => {
                let report = fate.report(order.layer, order.kind);
                let (order, attempt, layer) = (order.id, order.attempt, order.layer);
                Envelope::reply(Reply { v: MESSAGE_VERSION, order, attempt, layer, report }, "done")
            }
            None if now.state.is_closed() => return Ok(steps),
            None => {
                let Some(kind) = fate.command(&now) else { return Ok(steps) };
                let reason = "the customer stays where they are".to_owned();
                let input = Input::Command(Command { reason, ..Command::plain(kind) });
                Envelope { relocation, cause: cause(kind.wire()), by: person(), input }
            }
        };
    }
    Err(BenchError::Bare(format!("ticket {n}, which {fate:?}, has no end")))
}

/// Fills the tables until there are so many tickets; nothing if there are.
///
/// # Errors
/// The database can't be used.
pub(super) async fn fill(
    options: &postgres::Options,
    tickets: u64,
    progress: &impl Fn(Stage),
) -> Result<(), BenchError> {
    let store = Postgres::open(options).await?;
    let there: u64 = store.counts().await?.iter().map(|count| count.tickets).sum();
    let filled = if there < tickets { commit(&store, tickets, progress).await } else { Ok(()) };
    store.close(true).await;
    filled?;
    // As the database does by itself where tickets come over months.
    Ok(postgres::tidy(options).await?)
}

async fn commit(store: &Arc<Postgres>, tickets: u64, progress: &impl Fn(Stage)) -> Result<(), BenchError> {
    let begun = Timestamp::now();
    let next = Arc::new(AtomicU64::new(0));
    let mut hands = JoinSet::new();
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    for _ in 0..AT_ONCE {
        let (store, next, tell) = (Arc::clone(store), Arc::clone(&next), tell.clone());
        hands.spawn(async move {
            loop {
                let from = next.fetch_add(TOGETHER, Ordering::Relaxed);
                let some = from..(from + TOGETHER).min(tickets);
                if some.is_empty() {
                    return Ok::<(), BenchError>(());
                }
                let count = some.end - some.start;
                let mut changes = Vec::new();
                for n in some {
                    let ago = APART * i32::try_from(tickets - n).unwrap_or(i32::MAX);
                    changes.extend(history(n, begun - ago)?);
                }
                // One that was committed the time before is seen, or has moved on.
                store.commit(changes).await?;
                // Nobody listens any more: it has been interrupted, and this task ends with the set.
                let _told = tell.send(count);
            }
        });
    }
    drop(tell);
    let mut done = 0;
    while let Some(count) = told.recv().await {
        done += count;
        progress(Stage::Filling(done));
    }
    while let Some(ended) = hands.join_next().await {
        ended.map_err(|error| BenchError::Bare(error.to_string()))??;
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeSet;

    use rehome_domain::status::Attention;

    use super::*;

    #[test]
    fn made_up_tickets_stand_in_many_ways_and_none_has_an_order_out() {
        let mut waits = BTreeSet::new();
        let mut cutovers = BTreeSet::new();
        for n in 0..1000 {
            let steps = history(n, Timestamp::UNIX_EPOCH).unwrap();
            let ticket = &steps.last().unwrap().ticket;
            assert!(!ticket.state.in_flight(), "{ticket:?}");
            waits.insert(ticket.attention());
            cutovers.insert(ticket.state.cutover);
        }
        let expected = [
            Attention::WithoutService,
            Attention::CutoverFailed,
            Attention::ReservationFailed,
            Attention::AwaitingDeploy,
            Attention::Closed,
        ];
        assert!(expected.iter().all(|attention| waits.contains(attention)), "{waits:?}");
        assert!(cutovers.len() >= 5, "{cutovers:?}");
    }
}
