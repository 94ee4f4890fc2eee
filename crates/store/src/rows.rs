//! How the domain's values stand in the rows of either database: what has a column of its own, and the JSON of the
//! rest.
//!
//! Writing takes the values apart field by field, so that a field added to the domain is a compile error here and not
//! a field lost. Reading puts the columns back into the JSON and leaves the rest to the domain's own reading, with all
//! it knows of older forms.

use std::hash::{DefaultHasher, Hash, Hasher};

use jiff::Timestamp;
use rehome_domain::{
    account::{Account, Pass},
    attention::Standing,
    board,
    command::By,
    event::Alarm,
    id::{MessageId, RelocationId, WorkOrderId},
    journal::{ENTRY_VERSION, Entry, Note},
    message::Input,
    order::{Dispatch, Layer},
    plan::SeenPlan,
    ports::{Count, DeadLetter, Edit, Holding, Kept, Loaded, StoreError, Unreadable},
    reply::Failure,
    request::Spot,
    state::State,
    status::{CutoverStatus, Disposition, RelocationStatus, ReservationStatus},
    steering::Scope,
    ticket::{Act, Out, Outage, Sent, TICKET_VERSION, Ticket},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use uuid::Uuid;

use crate::search::Columns;

/// A ticket less its id, version and request.
#[derive(Serialize)]
struct TicketBody<'a> {
    v: u16,
    state: &'a State,
    #[serde(skip_serializing_if = "Option::is_none")]
    l3: &'a Option<Out>,
    #[serde(skip_serializing_if = "Option::is_none")]
    l2: &'a Option<Out>,
    sent: &'a Sent,
    answered: &'a [Option<WorkOrderId>; 2],
    submitted_at: Timestamp,
    changed_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    forced_reservation: &'a Option<Act>,
    #[serde(skip_serializing_if = "Option::is_none")]
    forced_completion: &'a Option<Act>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cancelled: &'a Option<Act>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_failure: &'a Option<(Layer, Failure)>,
    window_over: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    held_back: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    plan: &'a Option<Box<SeenPlan>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outage: &'a Option<Outage>,
}

/// A ticket's changing part as JSON.
pub(crate) fn ticket_body(ticket: &Ticket) -> Result<String, StoreError> {
    let Ticket {
        v,
        id: _,
        version: _,
        request: _,
        state,
        l3,
        l2,
        sent,
        answered,
        submitted_at,
        changed_at,
        forced_reservation,
        forced_completion,
        cancelled,
        last_failure,
        window_over,
        held_back,
        plan,
        outage,
    } = ticket;
    json(&TicketBody {
        v: *v,
        state,
        l3,
        l2,
        sent,
        answered,
        submitted_at: *submitted_at,
        changed_at: *changed_at,
        forced_reservation,
        forced_completion,
        cancelled,
        last_failure,
        window_over: *window_over,
        held_back: *held_back,
        plan,
        outage,
    })
}

/// The ticket whose row says this.
pub(crate) fn ticket(id: RelocationId, version: u64, request: &str, body: &str) -> Loaded {
    let columns = format!(r#""id":"{id}","version":{version},"request":{request}"#);
    let read = whole::<Ticket>(&columns, body).map_err(|error| format!("its ticket can't be read: {error}"));
    match of_our_version(read, |ticket| ticket.v, "ticket", body, TICKET_VERSION) {
        Ok(ticket) => Loaded::Ticket(Box::new(ticket)),
        Err(why) => Loaded::Unreadable(why),
    }
}

/// Under what a dead letter is kept: a message that comes again is kept once, and two that a sender gave one id are two.
pub(crate) fn letter_key(letter: &DeadLetter) -> String {
    // The same in every process of one binary; after an upgrade a letter may be kept once more.
    let mut said = DefaultHasher::new();
    (&letter.origin, &letter.key, &letter.body).hash(&mut said);
    format!("{}#{:016x}", letter.id.0, said.finish())
}

/// A ticket's row as text. Parsing it is for whoever asked.
pub(crate) struct Raw {
    pub(crate) id: RelocationId,
    /// None if the column is damaged.
    pub(crate) version: Option<u64>,
    pub(crate) request: String,
    pub(crate) body: String,
    /// Why it is in quarantine, if it is.
    pub(crate) set_aside: Option<String>,
}

impl Raw {
    pub(crate) fn loaded(self) -> (RelocationId, Loaded) {
        let loaded = match self.set_aside {
            Some(reason) => Loaded::Unreadable(Unreadable::Spoilt(reason)),
            None => match self.version {
                Some(version) => ticket(self.id, version, &self.request, &self.body),
                None => Loaded::Unreadable(Unreadable::Spoilt(
                    "its ticket can't be read: its version is no number".to_owned(),
                )),
            },
        };
        (self.id, loaded)
    }
}

/// What was read, if it is of a version that this binary knows. What a newer one's words mean is not ours to judge,
/// whether they can be read or not.
fn of_our_version<T>(
    read: Result<T, String>,
    version: impl Fn(&T) -> u16,
    what: &str,
    body: &str,
    known: u16,
) -> Result<T, Unreadable> {
    let found = read.as_ref().map_or_else(|_| written_by(body), |read| Some(version(read)));
    match found {
        Some(found) if found > known => Err(Unreadable::Newer { what: what.to_owned(), found, known }),
        _ => read.map_err(Unreadable::Spoilt),
    }
}

fn written_by(body: &str) -> Option<u16> {
    #[derive(Deserialize)]
    struct Versioned {
        v: u16,
    }
    serde_json::from_str::<Versioned>(body).ok().map(|versioned| versioned.v)
}

/// An entry less its relocation, sequence and cause.
#[derive(Serialize)]
struct EntryBody<'a> {
    v: u16,
    by: &'a By,
    at: Timestamp,
    input: &'a Input,
    #[serde(skip_serializing_if = "Option::is_none")]
    held_by: &'a Option<RelocationId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    paused: &'a Option<Scope>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    rows: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    note: &'a Option<Note>,
    relocation_status: RelocationStatus,
    reservation_status: Option<ReservationStatus>,
    cutover_status: Option<CutoverStatus>,
    disposition: Disposition,
    #[serde(skip_serializing_if = "<[Dispatch]>::is_empty")]
    sends: &'a [Dispatch],
    #[serde(skip_serializing_if = "<[Alarm]>::is_empty")]
    alarms: &'a [Alarm],
}

/// What of an entry has no column of its own, as JSON.
pub(crate) fn entry_body(entry: &Entry) -> Result<String, StoreError> {
    let Entry {
        v,
        relocation: _,
        seq: _,
        cause: _,
        by,
        at,
        input,
        held_by,
        paused,
        rows,
        note,
        relocation_status,
        reservation_status,
        cutover_status,
        disposition,
        sends,
        alarms,
    } = entry;
    json(&EntryBody {
        v: *v,
        by,
        at: *at,
        input,
        held_by,
        paused,
        rows,
        note,
        relocation_status: *relocation_status,
        reservation_status: *reservation_status,
        cutover_status: *cutover_status,
        disposition: *disposition,
        sends,
        alarms,
    })
}

/// The entry whose row says this, or why it can't be read.
pub(crate) fn entry(
    relocation: RelocationId,
    seq: u64,
    cause: MessageId,
    body: &str,
) -> Result<Entry, Unreadable> {
    let columns = format!(r#""relocation":"{relocation}","seq":{seq},"cause":"""#);
    let read = whole::<Entry>(&columns, body).map_err(|error| format!("entry {seq} can't be read: {error}"));
    let entry = of_our_version(read, |entry| entry.v, &format!("entry {seq}"), body, ENTRY_VERSION)?;
    Ok(Entry { cause, ..entry })
}

/// A journal's row as text.
pub(crate) struct RawEntry {
    /// None if the column is damaged.
    pub(crate) seq: Option<u64>,
    pub(crate) cause: String,
    pub(crate) body: String,
}

impl RawEntry {
    pub(crate) fn entry(self, relocation: RelocationId) -> Result<Entry, Unreadable> {
        let seq = self.seq.ok_or_else(|| {
            let why =
                format!("the entry caused by `{}` can't be read: its sequence is no number", self.cause);
            Unreadable::Spoilt(why)
        })?;
        entry(relocation, seq, MessageId(self.cause), &self.body)
    }
}

/// A row of counts. None, with a warning, if it is of a standing that this binary does not know: that must not keep
/// anybody from seeing all the others.
pub(crate) fn count(code: i16, tickets: i64) -> Option<Count> {
    let count = Standing::of(code).map(|standing| Count { standing, tickets: tickets.cast_unsigned() });
    if count.is_none() {
        tracing::warn!(code, tickets, "tickets whose standing is not known are not counted");
    }
    count
}

/// A request's row, less its ticket.
#[derive(Clone)]
pub(crate) struct RequestRow {
    pub(crate) body: String,
    pub(crate) submitted_at: i64,
    pub(crate) columns: Columns,
}

impl RequestRow {
    pub(crate) fn of(ticket: &Ticket) -> Result<Self, StoreError> {
        let request = ticket.request.as_ref();
        let submitted_at = not_after(ticket.submitted_at);
        Ok(Self { body: json(request)?, submitted_at, columns: Columns::of(request) })
    }
}

/// A dead letter's row.
pub(crate) struct LetterRow {
    pub(crate) key: String,
    pub(crate) body: String,
    pub(crate) settled: Option<String>,
}

impl LetterRow {
    pub(crate) fn kept(self, what: &'static str) -> Result<Kept, StoreError> {
        let letter = from_json(what, &self.body)?;
        let settled = self.settled.map(|settled| from_json(what, &settled)).transpose()?;
        Ok(Kept { key: self.key, letter, settled })
    }
}

/// An edit of device memory, its holdings as JSON.
pub(crate) struct EditRow {
    edit: Edit,
    expect: Option<String>,
    put: Option<String>,
}

impl EditRow {
    pub(crate) fn new(edit: Edit) -> Result<Self, StoreError> {
        let expect = edit.expect.as_ref().map(json).transpose()?;
        let put = edit.put.as_ref().map(json).transpose()?;
        Ok(Self { edit, expect, put })
    }

    pub(crate) fn spot(&self) -> &Spot {
        &self.edit.spot
    }

    /// What is there afterwards.
    pub(crate) fn put(&self) -> Option<&str> {
        self.put.as_deref()
    }

    /// Whether what is stored is what is expected. Mostly its text is the same; a text of another binary may say the
    /// same in other words.
    pub(crate) fn expects(&self, stored: Option<&str>) -> bool {
        let read = |stored| serde_json::from_str::<Holding>(stored).ok();
        stored == self.expect.as_deref() || (stored.is_some() && stored.and_then(read) == self.edit.expect)
    }
}

/// Reads a JSON object after putting the columns' members into it.
fn whole<T: DeserializeOwned>(columns: &str, body: &str) -> Result<T, serde_json::Error> {
    match body.strip_prefix('{') {
        Some(rest) => serde_json::from_str(&format!("{{{columns},{rest}")),
        None => serde_json::from_str(body),
    }
}

/// What is being done, where accounts are read.
pub(crate) const ACCOUNTS: &str = "reading accounts";

/// An account as it stands in its row: its password apart, so that it can be forgotten.
pub(crate) struct RawAccount {
    pub(crate) body: String,
    pub(crate) password: Option<String>,
}

impl RawAccount {
    pub(crate) fn new(account: &Account) -> Result<Self, StoreError> {
        let password = account.password.as_ref().map(json).transpose()?;
        Ok(Self { body: json(account)?, password })
    }

    pub(crate) fn account(self) -> Result<Account, StoreError> {
        let password = self.password.as_deref().map(|password| from_json(ACCOUNTS, password)).transpose()?;
        Ok(Account { password, ..from_json(ACCOUNTS, &self.body)? })
    }
}

/// When a pass ends by itself, in microseconds.
pub(crate) fn until(pass: &Pass) -> Option<i64> {
    pass.until().map(not_before)
}

/// Passes out of their rows, in the order they were issued.
pub(crate) fn passes(bodies: &[String]) -> Result<Vec<Pass>, StoreError> {
    let passes: Result<Vec<Pass>, _> = bodies.iter().map(|body| from_json(ACCOUNTS, body)).collect();
    let mut passes = passes?;
    passes.sort_by_key(|pass| (pass.issued_at, pass.id));
    Ok(passes)
}

/// A value as JSON.
pub(crate) fn json(value: &impl Serialize) -> Result<String, StoreError> {
    serde_json::to_string(value)
        .map_err(|error| StoreError::Refused { what: "writing a value as JSON", detail: error.to_string() })
}

/// A value from the JSON that the store made of it; `what` is what was being done.
pub(crate) fn from_json<T: DeserializeOwned>(what: &'static str, text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Refused { what, detail: error.to_string() })
}

/// An instant to act at, in microseconds: never before it has come.
pub(crate) fn not_before(instant: Timestamp) -> i64 {
    let micros = -(-instant.as_nanosecond()).div_euclid(1000);
    // Every timestamp there is, in microseconds, fits many times over.
    i64::try_from(micros).unwrap_or(i64::MAX)
}

/// The current instant, in microseconds: never later than it is.
pub(crate) fn not_after(now: Timestamp) -> i64 {
    board::micros(now)
}

/// Marks what an escaped text has for what can't stand in it.
const ESCAPE: char = '\u{2400}';

/// A text as it stands in a column that takes every character but 0 (PostgreSQL's).
pub(crate) fn escape(text: &str) -> String {
    if !text.contains(['\0', ESCAPE]) {
        return text.to_owned();
    }
    text.replace(ESCAPE, "\u{2400}\u{2400}").replace('\0', "\u{2400}0")
}

/// A text out of such a column.
pub(crate) fn unescape(text: &str) -> String {
    let mut whole = String::with_capacity(text.len());
    let mut left = text.chars();
    while let Some(next) = left.next() {
        // Never the last: it marks what follows.
        let marked = if next == ESCAPE { left.next() } else { None };
        whole.push(if marked == Some('0') { '\0' } else { next });
    }
    whole
}

/// Numbers as the text of an array.
pub(crate) fn array(numbers: impl IntoIterator<Item = i16>) -> String {
    let numbers: Vec<String> = numbers.into_iter().map(|number| number.to_string()).collect();
    format!("{{{}}}", numbers.join(","))
}

/// A limit as databases take it.
pub(crate) fn limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

/// An id as it stands in a column of bytes.
pub(crate) fn key(id: RelocationId) -> [u8; 16] {
    id.0.into_bytes()
}

/// An id out of its column of bytes.
pub(crate) fn id(key: [u8; 16]) -> RelocationId {
    RelocationId(Uuid::from_bytes(key))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::proptest;
    use rehome_testkit::history::{Play, moves, requests};

    use super::*;

    #[test]
    fn an_instant_is_never_acted_on_before_it_has_come() {
        for nanos in -2001..=2001 {
            let due = Timestamp::from_nanosecond(nanos).unwrap();
            let before = Timestamp::from_nanosecond(nanos - 1).unwrap();
            assert!(not_before(due) > not_after(before), "{due} was due at {before}");
            assert!(not_before(due) <= not_after(due) + 1, "{due} was late by more than a microsecond");
        }
        assert!(not_before(Timestamp::MAX) < i64::MAX, "the latest instant there is fits");
    }

    proptest! {
        #[test]
        fn any_text_is_read_back_from_a_column_that_does_not_take_the_character_0(text in "[\0\u{2400}0a上]{0,8}") {
            let escaped = escape(&text);
            assert!(!escaped.contains('\0'));
            assert_eq!(unescape(&escaped), text);
        }

        #[test]
        fn tickets_and_entries_are_read_back_as_they_were_written(
            request in requests(),
            steps in proptest::collection::vec(moves(), 0..30),
        ) {
            let mut play = Play::submit(request).unwrap();
            for step in steps {
                play.make(&step);
                let Ticket { id, version, ref request, .. } = play.ticket;
                let read = ticket(id, version, &json(request.as_ref()).unwrap(), &ticket_body(&play.ticket).unwrap());
                assert_eq!(read, Loaded::Ticket(Box::new(play.ticket.clone())));
            }
            for written in &play.journal {
                let body = entry_body(written).unwrap();
                let read = entry(written.relocation, written.seq, written.cause.clone(), &body);
                assert_eq!(read.as_ref(), Ok(written));
            }
        }
    }
}
