//! The whole table, enumerated: every state a ticket can reach and every trigger there is.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::{
    collections::{BTreeSet, VecDeque},
    fmt::Debug,
    sync::LazyLock,
};

use rehome_domain::{
    Lang, action,
    command::CommandKind,
    event::Alarm,
    journal::{Entry, Note},
    message::Input,
    order::{Layer, OrderKind},
    reply::Report,
    state::{Flight, State, Work},
    status::{CutoverStatus, RelocationStatus, ReservationStatus, Side},
    step::{Stepped, settle},
    table::{self, Hand, ROWS, Row, Trigger},
    ticket::Ticket,
};
use rehome_testkit::{
    enumerate::{self, Edge, explore},
    history::{self, findings},
};

/// A ticket for each state there is.
static TICKETS: LazyLock<Vec<Ticket>> = LazyLock::new(|| enumerate::reachable(history::request()));

#[test]
fn the_three_statuses_are_exactly_those_of_the_law() {
    fn of<T: Copy>(
        all: &[T],
        wire: fn(T) -> &'static str,
        label: fn(T, Lang) -> &'static str,
    ) -> Vec<(&str, &str)> {
        all.iter().map(|status| (wire(*status), label(*status, Lang::Zh))).collect()
    }
    assert_eq!(
        of(RelocationStatus::ALL, RelocationStatus::wire, RelocationStatus::label),
        [
            ("reservation_pending", "移机预占待部署"),
            ("cutover_pending", "移机切换待部署"),
            ("failed", "移机失败"),
            ("abnormal", "移机异常"),
            ("succeeded", "移机成功"),
        ]
    );
    assert_eq!(
        of(ReservationStatus::ALL, ReservationStatus::wire, ReservationStatus::label),
        [
            ("l3_reserved", "三层预占成功"),
            ("l3_reservation_failed", "三层预占失败"),
            ("reserved", "移机预占成功"),
            ("l2_reservation_failed", "二层预占失败"),
            ("l2_rollback_failed", "二层预占回滚失败"),
            ("l2_rolled_back", "二层预占已回滚"),
        ]
    );
    assert_eq!(
        of(CutoverStatus::ALL, CutoverStatus::wire, CutoverStatus::label),
        [
            ("l3_cut_over", "三层切换成功"),
            ("l3_cutover_failed", "三层切换失败"),
            ("l2_teardown_failed", "二层移机拆失败"),
            ("cut_over", "移机切换成功"),
            ("l3_teardown_failed_installed", "三层切换拆失败，装成功"),
            ("l3_torn_down_install_failed", "三层切换拆成功，装失败"),
            ("l3_teardown_and_install_failed", "三层切换拆失败，装失败"),
        ]
    );
}

type Triple = (RelocationStatus, Option<ReservationStatus>, Option<CutoverStatus>);

fn triples(states: &BTreeSet<State>) -> BTreeSet<Triple> {
    states.iter().map(|state| (state.relocation, state.reservation, state.cutover)).collect()
}

/// The numbered rows, and with them the rows that only let work in hand end or fall in doubt. Those change no status,
/// but without them no rollback would ever end, and rows 9 and 18 wait for that.
fn by_the_law(row: &Row) -> bool {
    row.is_numbered() || row.id.starts_with(['S', 'D'])
}

#[test]
fn rows_1_to_20_reach_exactly_54_triples_and_50_without_rows_19_and_20() {
    let (with, _) = explore(by_the_law);
    let (without, _) = explore(|row| by_the_law(row) && row.id != "19" && row.id != "20");
    assert_eq!(triples(&with).len(), 54);
    assert_eq!(triples(&without).len(), 50);
    let lost: BTreeSet<_> = triples(&with).difference(&triples(&without)).copied().collect();
    let unknown = Some(CutoverStatus::L3CutoverFailed);
    assert!(lost.iter().all(|(relocation, _, cutover)| {
        (*relocation, *cutover) == (RelocationStatus::CutoverPending, unknown)
    }));
}

#[test]
fn side_and_doubt_rows_change_no_status() {
    let (_, edges) = explore(|_| true);
    for Edge { from: before, on, row, .. } in edges.iter().filter(|edge| edge.row.id.starts_with(['S', 'D']))
    {
        let after = row.apply(before);
        assert_eq!(
            (before.relocation, before.reservation, before.cutover),
            (after.relocation, after.reservation, after.cutover),
            "row {} on {on:?}",
            row.id
        );
    }
}

#[test]
fn the_54_triples_are_the_ones_counted_by_hand() {
    use CutoverStatus as C;
    use RelocationStatus as R;
    use ReservationStatus as P;
    let mut expected: BTreeSet<Triple> = BTreeSet::new();
    expected
        .extend([(R::ReservationPending, None, None), (R::ReservationPending, Some(P::L3Reserved), None)]);
    let failed = [P::L3ReservationFailed, P::L2ReservationFailed, P::L2RolledBack, P::L2RollbackFailed];
    expected.extend(failed.map(|reservation| (R::Failed, Some(reservation), None)));
    let forceable = [
        C::L2TeardownFailed,
        C::L3TeardownFailedInstalled,
        C::L3TornDownInstallFailed,
        C::L3TeardownAndInstallFailed,
    ];
    for reservation in [P::Reserved, P::L3ReservationFailed, P::L2RollbackFailed, P::L2RolledBack].map(Some) {
        let pending = [None, Some(C::L3CutOver), Some(C::L3CutoverFailed)];
        expected.extend(pending.map(|cutover| (R::CutoverPending, reservation, cutover)));
        expected.extend(forceable.map(|cutover| (R::CutoverPending, reservation, Some(cutover))));
        expected.extend(forceable.map(|cutover| (R::Abnormal, reservation, Some(cutover))));
        expected.insert((R::Succeeded, reservation, Some(C::CutOver)));
    }
    assert_eq!(triples(&explore(by_the_law).0), expected);
}

/// A row's start is a product of conditions, one for each part of the state: two rows can match the same state exactly
/// if they agree in every part. So this covers all states there are, reachable or not.
#[test]
fn no_two_rows_match_the_same_state_and_trigger() {
    fn meet<T: PartialEq>(one: &[T], two: &[T]) -> bool {
        one.is_empty() || two.is_empty() || one.iter().any(|value| two.contains(value))
    }
    fn hands_meet(one: Hand, two: Hand) -> bool {
        flights().into_iter().any(|flight| holds(one, flight) && holds(two, flight))
    }
    for (index, one) in ROWS.iter().enumerate() {
        for two in ROWS.iter().skip(index + 1).filter(|two| two.on == one.on) {
            let (a, b) = (&one.from, &two.from);
            let both = meet(a.relocation, b.relocation)
                && meet(a.reservation, b.reservation)
                && meet(a.cutover, b.cutover)
                && hands_meet(a.l3, b.l3)
                && hands_meet(a.l2, b.l2)
                && meet(a.l3_reservation_rollback, b.l3_reservation_rollback)
                && meet(a.install_rollback, b.install_rollback)
                && meet(a.l2_cutover, b.l2_cutover)
                && (a.cancelling.is_none() || b.cancelling.is_none() || a.cancelling == b.cancelling)
                && (a.held.is_none() || b.held.is_none() || a.held == b.held);
            assert!(!both, "rows {} and {} can match the same state", one.id, two.id);
        }
    }
}

fn flights() -> Vec<Option<Flight>> {
    let works = [
        Work::Reserving,
        Work::RollingBack,
        Work::Releasing,
        Work::CuttingOver,
        Work::RollingBackInstall,
        Work::Noticing,
        Work::Confirming,
        Work::TakingBack,
    ];
    let out = works.into_iter().flat_map(|work| [false, true].map(|doubt| Some(Flight { work, doubt })));
    std::iter::once(None).chain(out).collect()
}

/// What [`Hand`] means, said once more and independently of the table.
fn holds(hand: Hand, flight: Option<Flight>) -> bool {
    match (hand, flight) {
        (Hand::Any, _) | (Hand::Empty | Hand::Quiet, None) => true,
        (Hand::Quiet, Some(flight)) => flight.work == Work::Noticing,
        (Hand::Has(works), Some(flight)) => works.contains(&flight.work),
        (Hand::Sure(works), Some(flight)) => works.contains(&flight.work) && !flight.doubt,
        (Hand::Doubtful(works), Some(flight)) => works.contains(&flight.work) && flight.doubt,
        (Hand::Empty, Some(_)) | (Hand::Has(_) | Hand::Sure(_) | Hand::Doubtful(_), None) => false,
    }
}

#[test]
fn stepping_a_ticket_reaches_exactly_the_states_of_the_table() {
    let (by_table, _) = explore(|_| true);
    let by_step: BTreeSet<State> = TICKETS.iter().map(|ticket| ticket.state).collect();
    assert_eq!(by_step, by_table);
}

#[test]
fn every_row_is_reached() {
    let (_, edges) = explore(|_| true);
    let taken: BTreeSet<&str> = edges.iter().map(|edge| edge.row.id).collect();
    let dead: Vec<&str> = ROWS.iter().map(|row| row.id).filter(|id| !taken.contains(id)).collect();
    assert!(dead.is_empty(), "dead rows: {dead:?}");
}

#[test]
fn every_status_a_row_names_as_its_start_is_one_it_starts_from() {
    fn unmet<T: Debug>(named: &[T], met: impl Fn(&T) -> bool) -> Vec<String> {
        named.iter().filter(|value| !met(value)).map(|value| format!("{value:?}")).collect()
    }
    let (_, edges) = explore(|_| true);
    let mut dead = Vec::new();
    for row in ROWS {
        let starts: Vec<State> =
            edges.iter().filter(|edge| edge.row.id == row.id).map(|edge| edge.from).collect();
        let any = |is: &dyn Fn(&State) -> bool| starts.iter().any(is);
        let mut never = unmet(row.from.relocation, |named| any(&|state| state.relocation == *named));
        never.extend(unmet(row.from.reservation, |named| any(&|state| state.reservation == *named)));
        never.extend(unmet(row.from.cutover, |named| any(&|state| state.cutover == *named)));
        never.extend(unmet(row.from.l3_reservation_rollback, |named| {
            any(&|state| state.l3_reservation_rollback == *named)
        }));
        never
            .extend(unmet(row.from.install_rollback, |named| any(&|state| state.install_rollback == *named)));
        never.extend(unmet(row.from.l2_cutover, |named| any(&|state| state.l2_cutover == *named)));
        for (hand, layer) in [(row.from.l3, Layer::L3), (row.from.l2, Layer::L2)] {
            let (Hand::Has(works) | Hand::Sure(works) | Hand::Doubtful(works)) = hand else { continue };
            never.extend(unmet(works, |named| any(&|state| state.work(layer) == Some(*named))));
        }
        dead.extend(never.into_iter().map(|named| format!("{}: {named}", row.id)));
    }
    assert!(dead.is_empty(), "rows name what they never start from: {dead:#?}");
}

#[test]
fn a_closed_state_matches_no_row_and_no_input_moves_it() {
    let closed: Vec<&Ticket> = TICKETS.iter().filter(|ticket| ticket.state.is_closed()).collect();
    assert!(!closed.is_empty());
    for ticket in closed {
        assert!(!ticket.state.in_flight(), "{:?}", ticket.state);
        assert!(Trigger::all().into_iter().all(|on| table::find(&ticket.state, on).is_none()));
        assert_eq!(ticket.due(), None);
        for input in
            enumerate::inputs(ticket).into_iter().chain(enumerate::strays(ticket, &history::every_report()))
        {
            if let Stepped::Journaled(stepped) = enumerate::step_with(ticket, input) {
                changes_nothing(ticket, &stepped.0, &stepped.1);
            }
        }
    }
}

/// The entry records an input that changed nothing, and says why.
fn changes_nothing(before: &Ticket, after: &Ticket, entry: &Entry) {
    assert!(entry.rows.is_empty() && entry.sends.is_empty(), "{entry:?}");
    let told: &[Alarm] = if entry.note == Some(Note::Undeliverable) { &[Alarm::Undeliverable] } else { &[] };
    assert_eq!(entry.alarms, told, "{entry:?}");
    assert!(entry.note.is_some(), "{entry:?} does not say why nothing changed");
    let mut but = after.clone();
    (but.version, but.changed_at) = (before.version, before.changed_at);
    if entry.note == Some(Note::Retrying) {
        (but.l3, but.l2) = (before.l3.clone(), before.l2.clone());
    }
    assert_eq!(but, *before, "{entry:?}");
}

#[test]
fn every_input_in_every_state_takes_its_rows_or_changes_nothing() {
    let samples: Vec<Report> = history::every_report().into_iter().step_by(7).collect();
    for ticket in TICKETS.iter() {
        let stray = enumerate::strays(ticket, &samples);
        let stray_count = stray.len();
        for (index, input) in stray.into_iter().chain(enumerate::inputs(ticket)).enumerate() {
            let stepped = match enumerate::step_with(ticket, input.clone()) {
                Stepped::Journaled(stepped) => stepped,
                Stepped::Void => continue,
                other => panic!("{input:?} in {:?} gave {other:?}", ticket.state),
            };
            let (after, entry) = *stepped;
            assert_eq!(after.version, ticket.version + 1);
            if entry.rows.is_empty() {
                changes_nothing(ticket, &after, &entry);
            } else {
                assert!(
                    index >= stray_count,
                    "{input:?} is about nothing that is out, yet took {:?}",
                    entry.rows
                );
                assert_eq!(entry.note, None, "{entry:?}");
                assert_eq!(after.state, retake(&ticket.state, &entry), "{entry:?}");
            }
        }
    }
}

/// The state after an entry's rows, taken one by one.
fn retake(before: &State, entry: &Entry) -> State {
    let mut state = *before;
    for id in &entry.rows {
        let row = table::row(id).unwrap();
        assert_eq!(table::find(&state, row.on).map(|row| row.id), Some(row.id));
        state = row.apply(&state);
    }
    state
}

#[test]
fn from_every_open_state_a_closed_one_can_be_reached() {
    let (states, edges) = explore(|_| true);
    let mut ends: BTreeSet<State> = states.iter().copied().filter(State::is_closed).collect();
    loop {
        let before = ends.len();
        let into: Vec<State> =
            edges.iter().filter(|edge| ends.contains(&edge.to)).map(|edge| edge.from).collect();
        ends.extend(into);
        if ends.len() == before {
            break;
        }
    }
    let stuck: Vec<&State> = states.iter().filter(|state| !ends.contains(state)).collect();
    assert!(stuck.is_empty(), "no way out of {stuck:?}");
}

#[test]
fn an_open_ticket_has_a_deadline_that_moves_it_on_or_waits_for_a_command_it_takes() {
    for ticket in TICKETS.iter().filter(|ticket| !ticket.state.is_closed()) {
        let mut moved = false;
        for layer in Layer::ALL {
            let Some(out) = ticket.out(layer) else { continue };
            assert!(ticket.due().is_some_and(|due| due <= out.awaited().deadline), "{:?}", ticket.state);
            let overdue = Input::Overdue { order: out.awaited().id };
            let Stepped::Journaled(stepped) = enumerate::step_with(ticket, overdue) else {
                panic!("the deadline of {layer} is void in {:?}", ticket.state);
            };
            assert!(!stepped.1.rows.is_empty(), "the deadline of {layer} does nothing in {:?}", ticket.state);
            moved = true;
        }
        let commands =
            action::actions(&ticket.state).into_iter().filter(|(_, allowed)| allowed.is_ok()).count();
        assert!(moved || commands > 0, "nothing can happen in {:?}", ticket.state);
    }
}

#[test]
fn deadlines_alone_bring_every_ticket_to_rest() {
    for ticket in TICKETS.iter() {
        let (mut at_rest, mut entries) = (ticket.clone(), 0);
        while let Some(out) = Layer::ALL.into_iter().find_map(|layer| at_rest.out(layer)) {
            let overdue = Input::Overdue { order: out.awaited().id };
            let Stepped::Journaled(stepped) = enumerate::step_with(&at_rest, overdue) else { panic!("void") };
            at_rest = stepped.0;
            entries += 1;
            // Each layer: fall in doubt, fail; then its rollback the same, and L2 after an L3 reservation.
            assert!(entries <= 12, "{:?} goes round in circles", at_rest.state);
        }
    }
}

#[test]
fn whatever_an_inspect_finds_settles_the_work_in_doubt() {
    let (states, _) = explore(|_| true);
    for state in &states {
        for layer in Layer::ALL {
            let Some(flight) = state.flight(layer).filter(|flight| flight.doubt) else { continue };
            for found in findings() {
                let trigger = settle(layer, flight.work, found);
                let row = table::find(state, trigger);
                let row = row.unwrap_or_else(|| panic!("{trigger:?} has no row in {state:?}"));
                assert_ne!(row.apply(state).flight(layer), Some(flight), "row {}", row.id);
            }
        }
    }
}

/// A state, and which layers have been asked to reserve since the last time all was given back.
type Asked = (State, BTreeSet<Layer>);

#[test]
fn only_what_was_asked_to_reserve_is_ever_released() {
    let start: Asked = (State::SUBMITTED, BTreeSet::new());
    let (mut seen, mut queue) = (BTreeSet::from([start.clone()]), VecDeque::from([start]));
    while let Some((state, asked)) = queue.pop_front() {
        for on in Trigger::all() {
            let Some(row) = table::find(&state, on) else { continue };
            let mut asked = asked.clone();
            if on == Trigger::Command(CommandKind::RetryReservation) {
                asked.clear();
            }
            for (layer, kind) in row.orders(&state) {
                match kind {
                    OrderKind::Reserve => drop(asked.insert(layer)),
                    OrderKind::Release => assert!(asked.contains(&layer), "row {} in {state:?}", row.id),
                    _ => {}
                }
            }
            let next = (row.apply(&state), asked);
            if seen.insert(next.clone()) {
                queue.push_back(next);
            }
        }
    }
}

#[test]
fn a_reservation_that_fails_is_released_in_the_same_entry() {
    let (_, edges) = explore(|_| true);
    for Edge { from: before, row, .. } in edges {
        let after = row.apply(&before);
        if before.relocation != RelocationStatus::Failed && after.relocation == RelocationStatus::Failed {
            let orders = row.orders(&before);
            for (layer, held) in [(Layer::L3, before.l3_holds()), (Layer::L2, before.l2_holds())] {
                // Row 6: L2 rolls itself back.
                let by_itself = after.work(layer) == Some(Work::RollingBack);
                assert!(
                    !held || by_itself || orders.contains(&(layer, OrderKind::Release)),
                    "row {} leaves {layer} reserved, from {before:?}",
                    row.id
                );
            }
        }
    }
}

#[test]
fn a_failed_relocation_at_rest_holds_something_only_with_a_failed_rollback_on_record() {
    let (states, _) = explore(|_| true);
    for state in states.iter().filter(|state| state.relocation == RelocationStatus::Failed) {
        let l3_on_record = state.l3_reservation_rollback == Side::Failed;
        let l2_on_record = state.reservation == Some(ReservationStatus::L2RollbackFailed);
        assert!(!state.l3_holds() || l3_on_record, "{state:?}");
        assert!(!state.l2_holds() || l2_on_record, "{state:?}");
    }
}

#[test]
fn the_lock_is_given_up_only_when_closed_or_nothing_is_held_and_only_a_command_takes_it_again() {
    let (_, edges) = explore(|_| true);
    for Edge { from: before, on, row, to: after } in edges {
        let holds = after.l3_holds() || after.l2_holds();
        assert!(after.needs_lock() || after.is_closed() || !holds, "{after:?}");
        if !before.needs_lock() && after.needs_lock() {
            assert!(matches!(on, Trigger::Command(_)), "row {} takes the lock unasked", row.id);
        }
    }
}

#[test]
fn cancel_is_allowed_until_the_cutover_begins_and_then_never() {
    let (states, _) = explore(|_| true);
    for state in states.iter().filter(|state| !state.is_closed()) {
        let begun = state.cutover.is_some() || state.work(Layer::L3) == Some(Work::CuttingOver);
        let expected = !begun && !state.cancelling;
        let allowed = action::allowed(state, CommandKind::Cancel).is_ok();
        assert_eq!(allowed, expected, "{state:?}");
    }
}

#[test]
fn a_cancelled_ticket_closes_as_soon_as_nothing_is_held_or_out() {
    let (states, _) = explore(|_| true);
    for state in states.iter().filter(|state| state.cancelling && !state.is_closed()) {
        let noticing = |work| work == Some(Work::Noticing);
        let out = state.l3.is_some() || state.l2.is_some() && !noticing(state.work(Layer::L2));
        assert!(out || state.l3_holds() || state.l2_holds(), "{state:?}");
    }
}

#[test]
fn a_failed_rollback_at_rest_can_be_retried() {
    let (states, _) = explore(|_| true);
    for state in states.iter().filter(|state| !state.is_closed() && !state.in_flight()) {
        let reservation =
            state.relocation == RelocationStatus::Failed && (state.l3_holds() || state.l2_holds());
        let failed = reservation || state.install_rollback == Side::Failed;
        let retry = action::allowed(state, CommandKind::RetryRollback);
        assert_eq!(retry.is_ok(), failed, "{state:?}");
        let Ok(row) = retry else { continue };
        let orders = row.orders(state);
        assert_eq!(
            orders.contains(&(Layer::L3, OrderKind::Release)),
            reservation && state.l3_holds(),
            "{state:?}"
        );
        assert_eq!(
            orders.contains(&(Layer::L2, OrderKind::Release)),
            reservation && state.l2_holds(),
            "{state:?}"
        );
    }
}
