//! What a ticket remembers of its cutovers: the plan they go by, and how long the customer was without service.
#![allow(clippy::unwrap_used, clippy::panic)]

use jiff::{SignedDuration, Timestamp};
use rehome_domain::{
    Command, CommandKind, Entry, Layer, OrderKind, Report,
    action::WhyNot,
    journal::{Note, replay},
    message::Input,
    plan::{SeenPlan, SpotHeld},
    reply::{During, Found, Outcome, Presence, Reason},
    step::Stepped,
    ticket::Outage,
};
use rehome_testkit::history::{self, Play, START, failed};

const DONE: Outcome = Outcome::Done;

fn put(play: &mut Play, input: Input) -> Entry {
    match play.put(input) {
        Stepped::Journaled(stepped) => stepped.1,
        other => panic!("not journaled: {other:?}"),
    }
}

fn answer(play: &mut Play, layer: Layer, report: Report) -> Entry {
    let order = play.ticket.out(layer).unwrap().order.id;
    put(play, history::reply(layer, order, report))
}

fn reserved() -> Play {
    let mut play = Play::submit(history::request()).unwrap();
    for layer in Layer::ALL {
        answer(&mut play, layer, Report::Reserve { outcome: DONE, rollback: None });
    }
    play
}

fn cutting_over() -> Play {
    let mut play = reserved();
    put(&mut play, history::command(CommandKind::DeployCutover));
    play
}

/// So many seconds after the start.
fn at(seconds: i64) -> Timestamp {
    START + SignedDuration::from_secs(seconds)
}

fn during(from: i64, until: i64) -> Option<During> {
    Some(During { from: at(from), until: at(until) })
}

fn at_l3(teardown: Outcome, install: Outcome, during: Option<During>) -> Report {
    Report::CutoverL3 { teardown, install, during, held_until: None }
}

fn at_l2(outcome: Outcome, during: Option<During>) -> Report {
    Report::CutoverL2 { outcome, during }
}

fn lasted(from: i64, until: i64) -> Option<Outage> {
    Some(Outage { from: at(from), until: Some(at(until)) })
}

fn lasts(from: i64) -> Option<Outage> {
    Some(Outage { from: at(from), until: None })
}

#[test]
fn an_outage_is_from_the_teardown_until_the_last_layer_has_the_new_place_in_service() {
    let mut play = cutting_over();
    answer(&mut play, Layer::L3, at_l3(DONE, DONE, during(10, 12)));
    assert_eq!(play.ticket.outage, lasts(10));
    answer(&mut play, Layer::L2, at_l2(DONE, during(13, 15)));
    assert_eq!(play.ticket.outage, lasted(10, 15));
    assert_eq!(play.ticket.outage.unwrap().ms(), Some(5_000));
    assert_eq!(replay(&play.journal).unwrap(), play.ticket);
}

#[test]
fn an_old_place_that_was_not_torn_down_serves_until_the_switches_are_changed() {
    let mut play = cutting_over();
    answer(&mut play, Layer::L3, at_l3(failed(Reason::Rejected), DONE, None));
    assert_eq!(play.ticket.outage, None);
    answer(&mut play, Layer::L2, at_l2(DONE, during(13, 15)));
    assert_eq!(play.ticket.outage, lasted(13, 15));
}

#[test]
fn an_outage_lasts_until_a_retry_has_given_the_service_back() {
    let mut play = cutting_over();
    answer(&mut play, Layer::L3, at_l3(DONE, failed(Reason::Rejected), during(10, 12)));
    answer(&mut play, Layer::L3, Report::InstallRolledBack { outcome: DONE });
    answer(&mut play, Layer::L2, at_l2(DONE, during(13, 15)));
    assert_eq!(play.ticket.outage, lasts(10), "the new place was never installed");
    put(&mut play, history::command(CommandKind::RetryCutover));
    answer(&mut play, Layer::L3, at_l3(DONE, DONE, during(70, 71)));
    answer(&mut play, Layer::L2, at_l2(DONE, during(72, 73)));
    assert_eq!(play.ticket.outage, lasted(10, 73));
}

#[test]
fn an_end_that_only_an_inspect_knows_of_is_told_too_late_rather_than_too_early() {
    let mut play = cutting_over();
    answer(&mut play, Layer::L3, at_l3(DONE, DONE, during(10, 12)));
    let awaited = play.ticket.out(Layer::L2).unwrap().awaited().clone();
    play.now = awaited.deadline;
    put(&mut play, Input::Overdue { order: awaited.id });
    play.now += SignedDuration::from_secs(1);
    let inspect = play.ticket.out(Layer::L2).unwrap().inspect.as_ref().unwrap().id;
    let found = Some(Found { old: Presence::Absent, new: Presence::Installed });
    put(&mut play, history::reply(Layer::L2, inspect, Report::Inspected { found, concluded: None }));
    assert_eq!(play.ticket.outage, Some(Outage { from: at(10), until: Some(play.now) }));
}

#[test]
fn who_looks_at_no_clock_measures_nothing() {
    let mut play = cutting_over();
    answer(&mut play, Layer::L3, at_l3(DONE, DONE, None));
    answer(&mut play, Layer::L2, at_l2(DONE, None));
    assert_eq!(play.ticket.outage, None);
}

fn plan(fingerprint: &str) -> Option<Box<SeenPlan>> {
    let expected = [history::request().old.l3(), history::request().new.l3()]
        .map(|spot| SpotHeld { spot, held: None })
        .to_vec();
    Some(Box::new(SeenPlan { fingerprint: fingerprint.to_owned(), expected }))
}

fn by_plan(play: &mut Play, kind: CommandKind, fingerprint: &str, reason: &str) -> Entry {
    let plan = plan(fingerprint);
    put(play, Input::Command(Command { reason: reason.to_owned(), plan, ..Command::plain(kind) }))
}

#[test]
fn the_gateways_cutover_carries_what_the_plan_expects_and_no_other_order_does() {
    let mut play = reserved();
    let entry = by_plan(&mut play, CommandKind::DeployCutover, "one", "");
    assert_eq!(entry.sends[0].expected, plan("one").unwrap().expected);
    assert_eq!(play.ticket.plan, plan("one"));
    let entry = answer(&mut play, Layer::L3, at_l3(DONE, DONE, None));
    assert_eq!((entry.sends[0].kind, &entry.sends[0].expected), (OrderKind::Cutover, &Vec::new()));
    assert_eq!(replay(&play.journal).unwrap(), play.ticket);
}

#[test]
fn a_plan_is_remembered_until_another_one_is_accepted_with_a_reason() {
    let mut play = reserved();
    by_plan(&mut play, CommandKind::DeployCutover, "one", "");
    let refused = Report::CutoverRefused { failure: history::failure(Reason::Conflict) };
    assert_eq!(answer(&mut play, Layer::L3, refused).rows, ["19"]);
    let entry = by_plan(&mut play, CommandKind::RetryCutover, "two", " ");
    assert_eq!(entry.note, Some(Note::Refused(WhyNot::DriftNeedsReason)));
    assert_eq!(play.ticket.plan, plan("one"));
    let entry = by_plan(&mut play, CommandKind::RetryCutover, "two", "the VRF was renamed");
    assert_eq!(
        (entry.rows.as_slice(), &entry.sends[0].expected),
        (&["20".to_owned()][..], &plan("two").unwrap().expected)
    );
    assert_eq!(play.ticket.plan, plan("two"));
}

#[test]
fn a_window_that_opens_goes_by_the_plan_that_was_seen_before() {
    let mut request = history::request();
    let (start, end) = (START + SignedDuration::from_hours(1), START + SignedDuration::from_hours(2));
    request.window = Some(rehome_domain::request::Window { start, end });
    request.hold = true;
    let mut play = Play::submit(request).unwrap();
    by_plan(&mut play, CommandKind::DeployReservation, "one", "");
    for layer in Layer::ALL {
        answer(&mut play, layer, Report::Reserve { outcome: DONE, rollback: None });
    }
    play.now = start;
    let entry = put(&mut play, Input::WindowOpened);
    assert_eq!(entry.sends[0].expected, plan("one").unwrap().expected);
}

#[test]
fn what_a_forced_reservation_has_left_at_the_new_place_is_not_held_against_the_plan() {
    let mut request = history::request();
    request.hold = true;
    let mut play = Play::submit(request).unwrap();
    by_plan(&mut play, CommandKind::DeployReservation, "one", "");
    answer(&mut play, Layer::L3, Report::Reserve { outcome: failed(Reason::Rejected), rollback: None });
    answer(&mut play, Layer::L3, Report::Release { outcome: DONE });
    answer(&mut play, Layer::L2, Report::Noticed);
    put(&mut play, history::command(CommandKind::ForceReservation));
    let entry = put(&mut play, history::command(CommandKind::DeployCutover));
    assert_eq!((entry.rows.as_slice(), entry.sends[0].expected.len()), (&["10".to_owned()][..], 1));
}

#[test]
fn a_plan_of_other_spots_is_refused_and_not_remembered() {
    let mut play = reserved();
    let plan = Some(Box::new(SeenPlan { fingerprint: "one".to_owned(), expected: Vec::new() }));
    let entry =
        put(&mut play, Input::Command(Command { plan, ..Command::plain(CommandKind::DeployCutover) }));
    assert_eq!(entry.note, Some(Note::Refused(WhyNot::AnothersPlan)));
    assert_eq!(play.ticket.plan, None);
}

#[test]
fn an_old_place_that_only_an_inspect_found_gone_may_be_gone_since_the_order_went_out() {
    let mut play = cutting_over();
    let since = play.ticket.l3.as_ref().unwrap().since;
    let awaited = play.ticket.out(Layer::L3).unwrap().awaited().clone();
    play.now = awaited.deadline;
    put(&mut play, Input::Overdue { order: awaited.id });
    let inspect = play.ticket.out(Layer::L3).unwrap().inspect.as_ref().unwrap().id;
    let found = Some(Found { old: Presence::Absent, new: Presence::Installed });
    let entry =
        put(&mut play, history::reply(Layer::L3, inspect, Report::Inspected { found, concluded: None }));
    assert_eq!(entry.rows, ["11"]);
    assert_eq!(play.ticket.outage, Some(Outage { from: since, until: None }));
}
