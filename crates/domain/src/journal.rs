//! The journal: inbox, outbox and audit in one, and its replay.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    action::WhyNot,
    command::By,
    event::Alarm,
    id::{MessageId, RelocationId},
    message::{Envelope, Input},
    order::Dispatch,
    status::{CutoverStatus, Disposition, RelocationStatus, ReservationStatus},
    steering::Scope,
    step::{Context, Stepped, step},
    ticket::Ticket,
};

/// The version of a journal entry; a newer binary reads all older ones.
pub const ENTRY_VERSION: u16 = crate::ticket::HELD_VERSION;

/// Why an input changed nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Note {
    /// A command was refused.
    Refused(WhyNot),
    /// A reply came after its order was settled without it.
    Late,
    /// A reply came again.
    Duplicate,
    /// A reply that answers nothing this ticket ever sent, or says what does not fit the order that is out.
    Unfit,
    /// A configurator says that it will try again.
    Retrying,
    /// The window closed before the cutover could begin.
    WindowMissed,
    /// Nobody took the order that is out.
    Undeliverable,
}

impl Note {
    /// Whether the ticket is as it was before, but for its version.
    #[must_use]
    pub const fn changed_nothing(&self) -> bool {
        match self {
            Self::Refused(_) | Self::Late | Self::Duplicate | Self::Unfit => true,
            Self::Retrying | Self::WindowMissed | Self::Undeliverable => false,
        }
    }
}

/// One entry: what came in, who sent it, what changed, what is to be sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Version of this form.
    pub v: u16,
    /// The ticket.
    pub relocation: RelocationId,
    /// Its place in the ticket's history, from 1 without gaps.
    pub seq: u64,
    /// The id of the message that caused it; unique per ticket.
    pub cause: MessageId,
    /// Who.
    pub by: By,
    /// When.
    pub at: Timestamp,
    /// What came in.
    pub input: Input,
    /// The relocation that held the target when this was refused for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_by: Option<RelocationId>,
    /// What was paused when this was refused or held back for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<Scope>,
    /// The table's rows taken, in order; none if nothing changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<String>,
    /// Why nothing changed, if nothing did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Note>,
    /// 移机状态 after it.
    pub relocation_status: RelocationStatus,
    /// 移机预占状态 after it.
    pub reservation_status: Option<ReservationStatus>,
    /// 移机切换状态 after it.
    pub cutover_status: Option<CutoverStatus>,
    /// Disposition after it.
    pub disposition: Disposition,
    /// The orders it sends.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sends: Vec<Dispatch>,
    /// The alarms it raises.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alarms: Vec<Alarm>,
}

/// Where a journal and the table part ways.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Divergence {
    /// It has no entries.
    #[error("the journal is empty")]
    Empty,
    /// A sequence is missing, doubled or of another ticket.
    #[error("entry {expected} of {relocation} was expected, but the journal goes on with entry {found}")]
    Gap {
        /// The ticket.
        relocation: RelocationId,
        /// The sequence that should come.
        expected: u64,
        /// What comes.
        found: String,
    },
    /// It was written by a newer binary.
    #[error("entry {seq} has version {found}, this binary reads up to {ENTRY_VERSION}: upgrade it")]
    Newer {
        /// Which entry.
        seq: u64,
        /// Its version.
        found: u16,
    },
    /// Stepping the input again gives something else.
    #[error("entry {seq} differs in `{field}`: the journal says {journal}, the table gives {table}")]
    Differs {
        /// Which entry.
        seq: u64,
        /// In what.
        field: &'static str,
        /// What is written.
        journal: String,
        /// What should be.
        table: String,
    },
}

/// Steps a ticket's journal again, entry by entry (promise 3). Gives the ticket as it stands after the last.
///
/// # Errors
/// Where the journal is not what the table gives for its inputs.
pub fn replay<'a>(entries: impl IntoIterator<Item = &'a Entry>) -> Result<Ticket, Divergence> {
    let mut ticket = None;
    for entry in entries {
        ticket = Some(replay_one(ticket.as_ref(), entry)?);
    }
    ticket.ok_or(Divergence::Empty)
}

/// An entry with the ticket before and after it: what it changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moment {
    /// None: the entry is the first.
    pub before: Option<Ticket>,
    /// After it.
    pub after: Ticket,
    /// The entry.
    pub entry: Entry,
}

/// A ticket's journal as moments, in order.
///
/// # Errors
/// Where the journal is not what the table gives for its inputs.
pub fn moments(entries: impl IntoIterator<Item = Entry>) -> Result<Vec<Moment>, Divergence> {
    let mut before = None;
    let mut moments = Vec::new();
    for entry in entries {
        let after = replay_one(before.as_ref(), &entry)?;
        moments.push(Moment { before: before.replace(after.clone()), after, entry });
    }
    Ok(moments)
}

/// Steps one journaled input again.
///
/// # Errors
/// Where the entry is not what the table gives for its input.
pub fn replay_one(ticket: Option<&Ticket>, entry: &Entry) -> Result<Ticket, Divergence> {
    if entry.v > ENTRY_VERSION {
        return Err(Divergence::Newer { seq: entry.seq, found: entry.v });
    }
    let expected = ticket.map_or(1, |ticket| ticket.version + 1);
    if entry.seq != expected || ticket.is_some_and(|ticket| ticket.id != entry.relocation) {
        let found = format!("{} of {}", entry.seq, entry.relocation);
        return Err(Divergence::Gap { relocation: entry.relocation, expected, found });
    }
    let envelope = Envelope {
        relocation: entry.relocation,
        cause: entry.cause.clone(),
        by: entry.by.clone(),
        input: entry.input.clone(),
    };
    let paused = entry.paused.clone();
    let context = Context { held_by: entry.held_by, paused, ..Context::at(entry.at) };
    match step(ticket, &envelope, &context) {
        Stepped::Journaled(stepped) => {
            let (ticket, again) = *stepped;
            difference(entry, &again).map_or(Ok(ticket), Err)
        }
        other => Err(Divergence::Differs {
            seq: entry.seq,
            field: "input",
            journal: "an entry".to_owned(),
            table: format!("{other:?}"),
        }),
    }
}

/// The first field in which two entries differ.
fn difference(journal: &Entry, table: &Entry) -> Option<Divergence> {
    fn differs<T: PartialEq + std::fmt::Debug>(
        seq: u64,
        field: &'static str,
        journal: &T,
        table: &T,
    ) -> Option<Divergence> {
        (journal != table).then(|| Divergence::Differs {
            seq,
            field,
            journal: format!("{journal:?}"),
            table: format!("{table:?}"),
        })
    }
    let seq = journal.seq;
    differs(seq, "rows", &journal.rows, &table.rows)
        .or_else(|| differs(seq, "relocation_status", &journal.relocation_status, &table.relocation_status))
        .or_else(|| {
            differs(seq, "reservation_status", &journal.reservation_status, &table.reservation_status)
        })
        .or_else(|| differs(seq, "cutover_status", &journal.cutover_status, &table.cutover_status))
        .or_else(|| differs(seq, "disposition", &journal.disposition, &table.disposition))
        .or_else(|| differs(seq, "note", &journal.note, &table.note))
        .or_else(|| differs(seq, "sends", &journal.sends, &table.sends))
        .or_else(|| differs(seq, "alarms", &journal.alarms, &table.alarms))
}
