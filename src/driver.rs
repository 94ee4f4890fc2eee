//! Drives many relocations to their ends over the bus, as the person running it.
//!
//! It keeps no truth: what it knows it has from the store and from events, so it may be dropped at any instant and
//! started again with the same jobs. Ids of relocations and of commands are derived, never drawn, so that whatever is
//! sent twice counts once.

mod course;

use std::{future::Future, sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use rehome_domain::{
    command::CommandKind,
    event::Event,
    id::RelocationId,
    message::Rejection,
    ports::{Bus, BusError, StoreError, TicketStore},
    request::Request,
    status::{CutoverStatus, Disposition, RelocationStatus, ReservationStatus},
    ticket::Ticket,
};

/// One relocation to carry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its id.
    pub relocation: RelocationId,
    /// What is asked for.
    pub request: Arc<Request>,
}

/// Who deploys the cutover of what is reserved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deploy {
    /// The driver, at once. Not for tickets with a window: the clock does it then. A ticket that was forced on waits for
    /// a person, unless a scripted operator is in charge, who forced it knowing what comes next.
    Auto,
    /// Somebody else.
    Manual,
}

/// A scripted operator: what it does to a job's ticket that stands still so, leaving out the rules it has used on it.
pub type Operator = dyn Fn(&Job, &Seen, &[usize]) -> Option<Act> + Sync;

/// What a scripted operator does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Act {
    /// By which of its rules. Each is used once on a ticket, however often the run is started again.
    pub rule: usize,
    /// The command.
    pub command: CommandKind,
    /// Why.
    pub reason: String,
}

/// How to drive.
pub struct Options<'a> {
    /// Relocations under way at once.
    pub in_flight: usize,
    /// Who deploys.
    pub deploy: Deploy,
    /// The person running it: in the journal behind all that the driver sends.
    pub person: String,
    /// The scripted operator, if there is one. Goes before [`Options::deploy`].
    pub operator: Option<&'a Operator>,
    /// A cutover window that opens later than this is not waited for.
    pub window_wait: SignedDuration,
    /// After so long without news the store is looked at.
    pub recheck: Duration,
    /// The clock.
    pub now: fn() -> Timestamp,
}

/// What is known of a relocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// It has not been submitted yet.
    Waiting,
    /// It has been submitted, and nothing was heard of it yet.
    Sent,
    /// This was its last word.
    At(Seen),
    /// It was not accepted: there is no ticket.
    Rejected(Rejection),
    /// Its ticket is set aside: the reason.
    Unreadable(String),
}

/// A ticket as last seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// Its version.
    pub version: u64,
    /// 移机状态.
    pub relocation: RelocationStatus,
    /// 移机预占状态.
    pub reservation: Option<ReservationStatus>,
    /// 移机切换状态.
    pub cutover: Option<CutoverStatus>,
    /// Open, or closed how.
    pub disposition: Disposition,
    /// Whether an order is out.
    pub in_flight: bool,
}

impl Seen {
    /// Whether nothing can happen to it any more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.disposition != Disposition::Open
    }

    /// Whether it waits for its cutover to be deployed.
    #[must_use]
    pub fn awaits_cutover(&self) -> bool {
        self.relocation == RelocationStatus::CutoverPending
            && self.cutover.is_none()
            && !self.in_flight
            && !self.is_closed()
    }

    /// Whether it stands in `cutover_pending` by force: its reservation is not what it should be.
    #[must_use]
    pub fn is_forced_on(&self) -> bool {
        self.relocation == RelocationStatus::CutoverPending
            && self.reservation != Some(ReservationStatus::Reserved)
    }
}

impl From<&Event> for Seen {
    fn from(event: &Event) -> Self {
        Self {
            version: event.seq,
            relocation: event.status,
            reservation: event.reservation,
            cutover: event.cutover,
            disposition: event.disposition,
            in_flight: event.in_flight,
        }
    }
}

impl From<&Ticket> for Seen {
    fn from(ticket: &Ticket) -> Self {
        Self::from(&ticket.event(&[]))
    }
}

/// A relocation has come further.
#[derive(Debug)]
pub struct Moved<'a> {
    /// Which job's.
    pub job: usize,
    /// Where it stood.
    pub before: &'a Standing,
    /// Where it stands.
    pub after: &'a Standing,
}

/// How a drive ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Driven {
    /// Where each job's relocation stands, in the order of the jobs.
    pub standings: Vec<Standing>,
    /// It was stopped before everything was at rest.
    pub stopped: bool,
}

/// A drive could not go on. What has been accepted by then is safe in the store.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DriveError {
    /// The bus could not take a message, or ended.
    #[error("the bus could not take a command")]
    Bus(#[from] BusError),
    /// The store could not be read.
    #[error("the tickets could not be read")]
    Store(#[from] StoreError),
}

/// Drives the jobs until every ticket is closed, waits for a person, or waits for a window that is further off than
/// [`Options::window_wait`]; or until `stop` resolves.
///
/// Tickets that exist already are not submitted again: they are taken up where they stand.
///
/// # Errors
/// If the bus or the store fails.
pub async fn drive(
    bus: &dyn Bus,
    tickets: &dyn TicketStore,
    jobs: &[Job],
    options: &Options<'_>,
    stop: impl Future<Output = ()>,
    progress: impl FnMut(Moved<'_>) + Send,
) -> Result<Driven, DriveError> {
    let mut course = course::Course::new(bus, tickets, jobs, options, progress);
    let stopped = tokio::select! {
        biased;
        () = stop => true,
        ended = course.run() => {
            ended?;
            false
        }
    };
    Ok(Driven { standings: course.into_standings(), stopped })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests;
