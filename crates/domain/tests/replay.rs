//! Submitting, and what replaying finds in a journal that is not what the table gives.
#![allow(clippy::type_complexity, clippy::unwrap_used, clippy::panic)]

use std::sync::Arc;

use rehome_domain::{
    CommandKind, Entry, Layer, MessageId, Report, Request, WorkOrderId,
    event::Alarm,
    journal::{Divergence, ENTRY_VERSION, Note, replay},
    message::{Envelope, Input, Rejection},
    reply::Outcome,
    status::{CutoverStatus, Disposition, RelocationStatus, ReservationStatus},
    step::{Context, Stepped, step},
};
use rehome_testkit::history::{self, OTHER, Play, RELOCATION, START};

fn submit(request: Request, held_by: Option<rehome_domain::RelocationId>) -> Stepped {
    let envelope = Envelope {
        relocation: RELOCATION,
        cause: MessageId("m-1".to_owned()),
        by: history::person(),
        input: Input::Submitted { request: Arc::new(request) },
    };
    step(None, &envelope, &Context { held_by, ..Context::at(START) })
}

#[test]
fn a_second_relocation_to_the_same_target_is_refused_while_the_first_is_open() {
    assert_eq!(submit(history::request(), Some(OTHER)), Stepped::Rejected(Rejection::Held { by: OTHER }));
}

#[test]
fn a_request_that_is_not_valid_is_rejected_with_every_field_that_is_wrong() {
    let mut request = history::windowed_request();
    request.service_id = " ".to_owned();
    request.ip = "192.0.2.1/33".to_owned();
    request.new = request.old.clone();
    request.new.inner_vlan = Some(4095);
    request.old.inner_vlan = Some(4095);
    request.window =
        request.window.map(|window| rehome_domain::request::Window { end: window.start, ..window });
    let Stepped::Rejected(Rejection::Invalid { errors }) = submit(request, None) else { panic!("accepted") };
    let fields: Vec<&str> = errors.iter().map(|error| error.field.as_str()).collect();
    assert_eq!(fields, ["service_id", "old_inner_vlan", "new_inner_vlan", "ip", "new", "window_end"]);
}

#[test]
fn an_input_for_a_ticket_that_does_not_exist_is_rejected() {
    let order = WorkOrderId { relocation: RELOCATION, seq: 1, index: 0 };
    for input in [
        history::command(CommandKind::Cancel),
        history::reply(Layer::L3, order, Report::Noticed),
        Input::Overdue { order },
        Input::Undeliverable { order },
        Input::WindowOpened,
        Input::Resumed,
    ] {
        let (cause, by) = (MessageId("m-1".to_owned()), history::behind(&input));
        let envelope = Envelope { relocation: RELOCATION, cause, by, input };
        let stepped = step(None, &envelope, &Context::at(START));
        assert_eq!(stepped, Stepped::Rejected(Rejection::NoSuchTicket { relocation: RELOCATION }));
    }
}

/// A journal with rows, sends, an alarm, a note and a refusal for the lock in it.
fn journal() -> Vec<Entry> {
    let mut play = Play::submit(history::request()).unwrap();
    let failed = history::failed(rehome_domain::reply::Reason::Rejected);
    let mut answer = |report: Report| {
        let order = play.ticket.l3.as_ref().unwrap().order.id;
        play.put(history::reply(Layer::L3, order, report));
    };
    answer(Report::Reserve { outcome: failed.clone(), rollback: None });
    answer(Report::Release { outcome: failed });
    play.put(history::command(CommandKind::RetryReservation));
    play.put(history::command(CommandKind::RetryRollback));
    let order = play.ticket.l3.as_ref().unwrap().order.id;
    play.put(history::reply(Layer::L3, order, Report::Release { outcome: Outcome::Done }));
    play.held_by = Some(OTHER);
    play.put(history::command(CommandKind::ForceReservation));
    assert_eq!(replay(&play.journal).unwrap(), play.ticket);
    play.journal
}

#[test]
fn replay_names_the_field_in_which_an_entry_was_tampered_with() {
    type Tamper = (&'static str, fn(&mut Entry));
    let tampers: [Tamper; 8] = [
        ("rows", |entry| entry.rows.push("1".to_owned())),
        ("relocation_status", |entry| entry.relocation_status = RelocationStatus::Succeeded),
        ("reservation_status", |entry| entry.reservation_status = Some(ReservationStatus::Reserved)),
        ("cutover_status", |entry| entry.cutover_status = Some(CutoverStatus::CutOver)),
        ("disposition", |entry| entry.disposition = Disposition::Completed),
        ("note", |entry| entry.note = Some(Note::Late)),
        ("sends", |entry| entry.sends.clear()),
        ("alarms", |entry| entry.alarms.push(Alarm::ServiceDown)),
    ];
    let honest = journal();
    for (field, tamper) in tampers {
        for index in 0..honest.len() {
            let mut journal = honest.clone();
            tamper(&mut journal[index]);
            if journal == honest {
                continue;
            }
            match replay(&journal) {
                Err(Divergence::Differs { seq, field: found, .. }) => {
                    assert_eq!((seq, found), (honest[index].seq, field));
                }
                other => panic!("{field} of entry {}: {other:?}", index + 1),
            }
        }
    }
}

#[test]
fn replay_finds_entries_that_are_missing_doubled_swapped_foreign_or_too_new() {
    let honest = journal();
    let gap = |journal: &[Entry]| matches!(replay(journal), Err(Divergence::Gap { .. }));
    assert_eq!(replay(&[]), Err(Divergence::Empty));
    for index in 0..honest.len() - 1 {
        let (mut missing, mut doubled, mut swapped, mut foreign) =
            (honest.clone(), honest.clone(), honest.clone(), honest.clone());
        missing.remove(index);
        doubled.insert(index, honest[index].clone());
        swapped.swap(index, index + 1);
        foreign[index + 1].relocation = OTHER;
        assert!(gap(&missing) && gap(&doubled) && gap(&swapped) && gap(&foreign), "at {index}");
    }
    let mut newer = honest.clone();
    newer[2].v = ENTRY_VERSION + 1;
    assert_eq!(replay(&newer), Err(Divergence::Newer { seq: 3, found: ENTRY_VERSION + 1 }));
}

#[test]
fn a_refusal_for_the_lock_replays_because_the_entry_keeps_who_held_it() {
    let mut journal = journal();
    let last = journal.last_mut().unwrap();
    assert_eq!(last.held_by, Some(OTHER));
    last.held_by = None;
    assert!(matches!(replay(&journal), Err(Divergence::Differs { field: "rows", .. })));
}
