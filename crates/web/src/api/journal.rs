//! A ticket's history.

use jiff::Timestamp;
use rehome_domain::{
    action::WhyNot,
    command::By,
    event::Alarm,
    id::{MessageId, WorkOrderId},
    journal::{Entry, Note},
    lang::Lang,
    message::Input,
    order::{Dispatch, Layer, OrderKind},
    plan::SpotHeld,
    ports::ReadEntry,
    status::{CutoverStatus, Disposition, RelocationStatus, ReservationStatus},
    wording,
};
use schemars::JsonSchema;
use serde::Serialize;

/// A ticket's history, in order.
#[derive(Serialize, JsonSchema)]
pub(super) struct Journal {
    /// Its entries, as far as they can be read.
    entries: Vec<Told>,
    /// Of each that can't be read, why.
    unreadable: Vec<String>,
}

/// An entry: what came in, who sent it, what changed, what is sent.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Entry")]
struct Told {
    /// Its place in the history, from 1.
    seq: u64,
    /// The id of the message that caused it.
    cause: MessageId,
    /// Who.
    by: By,
    /// When.
    at: Timestamp,
    /// What came in.
    input: Input,
    /// The same in words, with what became of it.
    text: String,
    /// The table's rows taken; none if nothing changed.
    rows: Vec<String>,
    /// Why nothing changed, if nothing did.
    note: Option<Noted>,
    /// 移机状态 after it.
    relocation: RelocationStatus,
    /// 移机预占状态 after it.
    reservation: Option<ReservationStatus>,
    /// 移机切换状态 after it.
    cutover: Option<CutoverStatus>,
    /// Disposition after it.
    disposition: Disposition,
    /// The orders it sends.
    sends: Vec<Sent>,
    /// The alarms it raises.
    alarms: Vec<Alarm>,
}

/// Why an input changed nothing.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Note")]
#[serde(rename_all = "snake_case")]
enum Noted {
    Refused(WhyNot),
    Late,
    Duplicate,
    Unfit,
    Retrying,
    WindowMissed,
    Undeliverable,
}

impl From<Note> for Noted {
    fn from(note: Note) -> Self {
        match note {
            Note::Refused(why) => Self::Refused(why),
            Note::Late => Self::Late,
            Note::Duplicate => Self::Duplicate,
            Note::Unfit => Self::Unfit,
            Note::Retrying => Self::Retrying,
            Note::WindowMissed => Self::WindowMissed,
            Note::Undeliverable => Self::Undeliverable,
        }
    }
}

/// An order that was sent.
#[derive(Serialize, JsonSchema)]
struct Sent {
    /// Its id.
    id: WorkOrderId,
    /// To whom.
    layer: Layer,
    /// What.
    kind: OrderKind,
    /// The how-many-th of its kind.
    attempt: u32,
    /// Until when it should be answered.
    deadline: Timestamp,
    /// Of an `inspect`: the order it asks about.
    about: Option<WorkOrderId>,
    /// Of L3's `cutover`: what the gateways were to hold before it began, by the plan that it went by.
    expected: Vec<SpotHeld>,
}

impl From<Dispatch> for Sent {
    fn from(order: Dispatch) -> Self {
        let Dispatch { id, layer, kind, attempt, deadline, about, expected } = order;
        Self { id, layer, kind, attempt, deadline, about, expected }
    }
}

impl Journal {
    /// A journal, to whoever reads this language.
    pub(super) fn of(journal: Vec<ReadEntry>, lang: Lang) -> Self {
        let mut told = Self { entries: Vec::new(), unreadable: Vec::new() };
        for entry in journal {
            match entry {
                Ok(entry) => told.entries.push(Told::of(entry, lang)),
                Err(why) => told.unreadable.push(why.to_string()),
            }
        }
        told
    }
}

impl Told {
    fn of(entry: Entry, lang: Lang) -> Self {
        Self {
            text: wording::entry(lang, &entry),
            seq: entry.seq,
            cause: entry.cause,
            by: entry.by,
            at: entry.at,
            input: entry.input,
            rows: entry.rows,
            note: entry.note.map(Noted::from),
            relocation: entry.relocation_status,
            reservation: entry.reservation_status,
            cutover: entry.cutover_status,
            disposition: entry.disposition,
            sends: entry.sends.into_iter().map(Sent::from).collect(),
            alarms: entry.alarms,
        }
    }
}
