//! What replies, deadlines and findings mean, one by one, where the enumerations would accept either reading.
#![allow(clippy::unwrap_used, clippy::panic)]

use jiff::SignedDuration;
use rehome_domain::{
    CommandKind, Entry, Layer, OrderKind, Report, WorkOrderId,
    journal::Note,
    message::Input,
    reply::{Found, Outcome, Presence, Reason},
    state::{Flight, State, Work},
    status::{CutoverStatus, Side},
    step::{Stepped, settle},
    table::{Edge, Trigger, explore},
};
use rehome_testkit::history::{self, PRESENCES, Play, failed, retrying};

const DONE: Outcome = Outcome::Done;

fn reserve(outcome: Outcome) -> Report {
    Report::Reserve { outcome, rollback: None }
}

/// Puts it and gives the entry.
fn put(play: &mut Play, input: Input) -> Entry {
    match play.put(input) {
        Stepped::Journaled(stepped) => stepped.1,
        other => panic!("not journaled: {other:?}"),
    }
}

fn order(play: &Play, layer: Layer) -> WorkOrderId {
    play.ticket.out(layer).unwrap().order.id
}

fn inspect(play: &Play, layer: Layer) -> WorkOrderId {
    play.ticket.out(layer).unwrap().inspect.as_ref().unwrap().id
}

/// The layer's order is answered.
fn answer(play: &mut Play, layer: Layer, report: Report) -> Entry {
    let order = order(play, layer);
    put(play, history::reply(layer, order, report))
}

/// The deadline of what the layer has out passes.
fn overdue(play: &mut Play, layer: Layer) -> Entry {
    let awaited = play.ticket.out(layer).unwrap().awaited().clone();
    play.now = awaited.deadline;
    put(play, Input::Overdue { order: awaited.id })
}

fn submitted() -> Play {
    Play::submit(history::request()).unwrap()
}

fn l3_reserved() -> Play {
    let mut play = submitted();
    answer(&mut play, Layer::L3, reserve(DONE));
    play
}

fn cutting_over() -> Play {
    let mut play = l3_reserved();
    answer(&mut play, Layer::L2, reserve(DONE));
    put(&mut play, history::command(CommandKind::DeployCutover));
    play
}

fn l2_cutting_over() -> Play {
    let mut play = cutting_over();
    answer(
        &mut play,
        Layer::L3,
        Report::CutoverL3 { teardown: DONE, install: DONE, during: None, held_until: None },
    );
    play
}

#[test]
fn a_refused_cutover_is_row_19_at_l3_and_a_failed_one_at_l2() {
    let refused = || Report::CutoverRefused { failure: history::failure(Reason::UnknownDevice) };
    assert_eq!(answer(&mut cutting_over(), Layer::L3, refused()).rows, ["19"]);
    assert_eq!(answer(&mut l2_cutting_over(), Layer::L2, refused()).rows, ["16"]);
}

#[test]
fn a_deadline_that_has_not_come_is_void() {
    let mut play = submitted();
    let awaited = play.ticket.out(Layer::L3).unwrap().awaited().clone();
    play.now = awaited.deadline - SignedDuration::from_millis(1);
    assert_eq!(play.put(Input::Overdue { order: awaited.id }), Stepped::Void);
    play.now = awaited.deadline;
    assert_eq!(put(&mut play, Input::Overdue { order: awaited.id }).rows, ["D1"]);
    let settled_by_then = Input::Overdue { order: awaited.id };
    assert_eq!(play.put(settled_by_then), Stepped::Void, "it is the inspect that is awaited now");
}

#[test]
fn l2_gets_a_deadline_of_its_own_for_its_rollback_even_if_its_reservation_was_in_doubt() {
    let mut play = l3_reserved();
    overdue(&mut play, Layer::L2);
    answer(&mut play, Layer::L2, retrying(1));
    play.now += SignedDuration::from_secs(1);
    assert_eq!(answer(&mut play, Layer::L2, reserve(failed(Reason::Rejected))).rows, ["6"]);
    let out = play.ticket.l2.as_ref().unwrap();
    assert_eq!(play.ticket.state.l2, Some(Flight { work: Work::RollingBack, doubt: false }));
    assert_eq!(
        (out.order.kind, out.since, &out.inspect, &out.retrying),
        (OrderKind::Reserve, play.now, &None, &None)
    );
    assert_eq!(out.order.deadline, play.now + play.ticket.allowance(OrderKind::Release));
}

#[test]
fn the_latest_try_is_shown_whatever_order_the_tries_arrive_in() {
    let mut play = submitted();
    for (told, shown) in [(2, 2), (1, 2), (2, 2), (3, 3)] {
        assert_eq!(answer(&mut play, Layer::L3, retrying(told)).note, Some(Note::Retrying));
        let out = play.ticket.l3.as_ref().unwrap();
        assert_eq!(out.retrying.as_ref().unwrap().attempt, shown);
    }
}

#[test]
fn an_order_that_was_superseded_says_nothing_about_its_work() {
    let superseded = || reserve(failed(Reason::Superseded));
    let mut play = submitted();
    let before = play.ticket.state;
    assert!(answer(&mut play, Layer::L3, superseded()).rows.is_empty());
    assert_eq!(play.ticket.state, before);
    overdue(&mut play, Layer::L3);
    assert_eq!(answer(&mut play, Layer::L3, superseded()).note, Some(Note::Late));
    let found = Some(Found { old: Presence::Installed, new: Presence::Reserved });
    let report = Report::Inspected { found, concluded: Some(Box::new(superseded())) };
    let inspect = inspect(&play, Layer::L3);
    assert_eq!(
        put(&mut play, history::reply(Layer::L3, inspect, report)).rows,
        ["3"],
        "what is there counts"
    );
}

#[test]
fn what_was_concluded_counts_before_what_was_found() {
    let mut play = submitted();
    overdue(&mut play, Layer::L3);
    let found = Some(Found { old: Presence::Installed, new: Presence::Reserved });
    let concluded = Some(Box::new(reserve(failed(Reason::Rejected))));
    let inspect = inspect(&play, Layer::L3);
    let report = Report::Inspected { found, concluded };
    assert_eq!(put(&mut play, history::reply(Layer::L3, inspect, report)).rows, ["4"]);
}

#[test]
fn after_an_inspect_settled_it_the_order_s_own_reply_is_late_and_the_inspect_s_is_a_duplicate() {
    let mut play = submitted();
    overdue(&mut play, Layer::L3);
    let (order, inspect) = (order(&play, Layer::L3), inspect(&play, Layer::L3));
    let found = Some(Found { old: Presence::Installed, new: Presence::Reserved });
    let inspected = || history::reply(Layer::L3, inspect, Report::Inspected { found, concluded: None });
    assert_eq!(put(&mut play, inspected()).rows, ["3"]);
    assert_eq!(put(&mut play, inspected()).note, Some(Note::Duplicate));
    assert_eq!(put(&mut play, history::reply(Layer::L3, order, reserve(DONE))).note, Some(Note::Late));
}

#[test]
fn an_inspect_speaks_only_for_itself() {
    let mut play = submitted();
    let found = Some(Found { old: Presence::Installed, new: Presence::Reserved });
    let inspected = || Report::Inspected { found, concluded: None };
    assert_eq!(answer(&mut play, Layer::L3, inspected()).note, Some(Note::Unfit), "nobody asked");
    overdue(&mut play, Layer::L3);
    let inspect = inspect(&play, Layer::L3);
    assert_eq!(put(&mut play, history::reply(Layer::L3, inspect, reserve(DONE))).note, Some(Note::Unfit));
    assert_eq!(answer(&mut play, Layer::L3, inspected()).note, Some(Note::Late));
    assert!(play.ticket.state.l3.unwrap().doubt);
}

#[test]
fn the_side_states_are_pending_exactly_while_their_work_is_out() {
    for state in explore(|_| true).0 {
        let out = |layer, work| state.work(layer) == Some(work);
        for (side, out) in [
            (state.l3_reservation_rollback, out(Layer::L3, Work::Releasing)),
            (state.install_rollback, out(Layer::L3, Work::RollingBackInstall)),
            (state.l2_cutover, out(Layer::L2, Work::CuttingOver)),
        ] {
            assert_eq!(side == Side::Pending, out, "{state:?}");
        }
    }
}

/// "In doubt" in the law, said as a table: what is at the new place settles everything but a cutover.
#[test]
fn what_is_at_the_new_place_settles_a_reservation_and_its_rollback() {
    use Presence::{Absent, Installed, Partial, Reserved};
    use Trigger as T;
    let cases = [
        (Layer::L3, Work::Reserving, [Reserved, Installed].as_slice(), T::L3Reserved, T::L3ReserveFailed),
        (Layer::L2, Work::Reserving, &[Reserved, Installed], T::L2Reserved, T::L2ReserveUnknown),
        (Layer::L3, Work::Releasing, &[Absent], T::L3Released, T::L3ReleaseFailed),
        (Layer::L2, Work::Releasing, &[Absent], T::L2RolledBack, T::L2RollbackFailed),
        (Layer::L2, Work::RollingBack, &[Absent], T::L2RolledBack, T::L2RollbackFailed),
        (Layer::L3, Work::RollingBackInstall, &[Absent], T::L3InstallRolledBack, T::L3InstallRollbackFailed),
    ];
    for (layer, work, good, done, failed) in cases {
        assert_eq!(settle(layer, work, None), failed, "{layer} {work:?}, nothing known");
        for old in PRESENCES {
            for new in [Absent, Reserved, Partial, Installed] {
                let expected = if good.contains(&new) { done } else { failed };
                assert_eq!(
                    settle(layer, work, Some(Found { old, new })),
                    expected,
                    "{layer} {work:?} {new:?}"
                );
            }
        }
    }
}

#[test]
fn what_is_at_both_ends_settles_a_cutover() {
    use Presence::{Absent, Installed, Partial, Reserved};
    use Trigger as T;
    let (unknown, over) = (T::L3CutoverUnknown, T::L3CutOver);
    let (no_teardown, no_install, neither) = (T::L3TeardownFailed, T::L3InstallFailed, T::L3BothFailed);
    let table = [
        // at the new place:   absent      reserved    partial     installed
        (Absent, [no_install, no_install, no_install, over]),
        (Reserved, [neither, neither, neither, no_teardown]),
        (Partial, [neither, neither, neither, no_teardown]),
        // Untouched: the inspect's fencing token keeps the order from beginning any more.
        (Installed, [unknown, unknown, neither, no_teardown]),
    ];
    for (old, row) in table {
        for (new, expected) in [Absent, Reserved, Partial, Installed].into_iter().zip(row) {
            let found = Some(Found { old, new });
            assert_eq!(settle(Layer::L3, Work::CuttingOver, found), expected, "{old:?}, {new:?}");
            let l2 = if (old, new) == (Absent, Installed) { T::L2CutOver } else { T::L2CutoverFailed };
            assert_eq!(settle(Layer::L2, Work::CuttingOver, found), l2, "{old:?}, {new:?}");
        }
    }
    assert_eq!(settle(Layer::L3, Work::CuttingOver, None), unknown);
    assert_eq!(settle(Layer::L2, Work::CuttingOver, None), T::L2CutoverFailed);
}

#[test]
fn what_is_at_both_ends_settles_what_becomes_of_a_held_cutover() {
    use Presence::{Absent, Installed, Partial, Reserved};
    use Trigger as T;
    let (taken_back, stands, unknown) = (T::L3TakenBack, T::L3TakeBackFailed, T::L3CutoverUnknown);
    let table = [
        // at the new place:   absent      reserved    partial  installed
        (Absent, [unknown, unknown, unknown, stands]),
        (Reserved, [unknown, unknown, unknown, unknown]),
        (Partial, [unknown, unknown, unknown, unknown]),
        (Installed, [taken_back, taken_back, unknown, unknown]),
    ];
    for (old, row) in table {
        for (new, expected) in [Absent, Reserved, Partial, Installed].into_iter().zip(row) {
            let found = Some(Found { old, new });
            assert_eq!(settle(Layer::L3, Work::TakingBack, found), expected, "{old:?}, {new:?}");
            let over = expected == stands;
            let confirmed = if over { T::L3Confirmed } else { T::L3ConfirmFailed };
            assert_eq!(settle(Layer::L3, Work::Confirming, found), confirmed, "{old:?}, {new:?}");
        }
    }
    assert_eq!(settle(Layer::L3, Work::TakingBack, None), unknown);
    assert_eq!(settle(Layer::L3, Work::Confirming, None), T::L3ConfirmFailed);
}

#[test]
fn a_customer_left_without_service_stays_so_until_a_cutover_installs_it() {
    let lost = |state: &State| state.service_down();
    let mut kept = 0;
    for Edge { from, on, to, .. } in explore(|_| true).1 {
        match on {
            Trigger::L3InstallFailed | Trigger::L3ConfirmFailed => assert!(lost(&to), "{from:?}"),
            Trigger::L3CutOver | Trigger::L3CutOverHeld | Trigger::L3TeardownFailed => {
                assert!(!lost(&to), "{from:?}");
            }
            _ if !to.is_closed() => {
                assert_eq!(lost(&from), lost(&to), "{on:?} in {from:?}");
                kept += usize::from(lost(&to) && to.cutover != Some(CutoverStatus::L3TornDownInstallFailed));
            }
            _ => {}
        }
    }
    assert!(kept > 0, "a retry that nobody knows the outcome of, after row 13");
}
