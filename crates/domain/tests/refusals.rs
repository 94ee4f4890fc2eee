//! Which commands are allowed where, and what a refused one is told.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use rehome_domain::{
    Lang,
    action::{self, WhyNot},
    command::{By, CommandKind},
    id::MessageId,
    journal::Note,
    message::Envelope,
    order::Layer,
    role::Role,
    state::State,
    status::{CutoverStatus, RelocationStatus, ReservationStatus, Side},
    step::{Context, Stepped, step},
    table::{self, ROWS, Row, Trigger, Unmet},
};
use rehome_testkit::{
    enumerate::{self, Edge, explore},
    history,
};

#[test]
fn a_command_is_taken_exactly_where_a_row_allows_it_and_refused_with_a_sentence_elsewhere() {
    for ticket in enumerate::reachable(history::request()) {
        for kind in CommandKind::ALL {
            let Stepped::Journaled(stepped) = enumerate::step_with(&ticket, history::command(kind)) else {
                panic!("{kind} in {:?} was not journaled", ticket.state);
            };
            match (table::find(&ticket.state, Trigger::Command(kind)), &stepped.1.note) {
                (Some(row), None) => assert_eq!(stepped.1.rows.first().map(String::as_str), Some(row.id)),
                (None, Some(Note::Refused(why))) => {
                    assert_eq!(Err(why.clone()), action::allowed(&ticket.state, kind).map(|row| row.id));
                    assert!([Lang::En, Lang::Zh].iter().all(|lang| !why.sentence(*lang).is_empty()));
                }
                (row, note) => {
                    panic!("{kind} in {:?}: row {:?}, note {note:?}", ticket.state, row.map(|r| r.id))
                }
            }
        }
    }
}

/// Promise 5: rights come before everything else, so a refusal for want of them says nothing about the ticket.
#[test]
fn who_may_not_is_refused_in_every_state_and_moves_nothing_and_who_may_is_not_refused_for_their_role() {
    let who = || {
        let person = |role| By::Person { name: "somebody".to_owned(), via: "amqp".to_owned(), role };
        let nobody =
            [By::Nobody { via: "amqp".to_owned() }, By::Configurator { layer: Layer::L2, domain: None }];
        Role::ALL.into_iter().map(person).chain(nobody)
    };
    for ticket in enumerate::reachable(history::request()) {
        for (kind, by) in CommandKind::ALL.into_iter().flat_map(|kind| who().map(move |by| (kind, by))) {
            let (has, needs) = (by.role(), Role::to(kind));
            let envelope = Envelope {
                relocation: ticket.id,
                cause: MessageId("m-1".to_owned()),
                by,
                input: history::command(kind),
            };
            let context = Context::at(ticket.changed_at);
            let Stepped::Journaled(stepped) = step(Some(&ticket), &envelope, &context) else {
                panic!("{kind} was not journaled");
            };
            let (after, entry) = *stepped;
            let refusal = Note::Refused(WhyNot::NotAllowed { command: kind, has, needs });
            assert_eq!(entry.note == Some(refusal), has < Some(needs), "{kind} by {:?}", entry.by);
            if has < Some(needs) {
                assert_eq!(
                    (after.state, after.l3, after.l2),
                    (ticket.state, ticket.l3.clone(), ticket.l2.clone())
                );
                assert!(entry.sends.is_empty() && entry.alarms.is_empty());
            }
        }
    }
}

/// What a refusal says must be true, and must help.
#[test]
fn a_refusal_names_work_only_where_it_alone_is_in_the_way_or_waiting_can_help_and_names_only_statuses_that_would_do()
 {
    let (states, edges) = explore(|_| true);
    let mut outcomes: BTreeMap<State, Vec<State>> = BTreeMap::new();
    for Edge { from, to, .. } in edges.iter().filter(|edge| edge.on.ends_work_of().is_some()) {
        outcomes.entry(*from).or_default().push(*to);
    }
    for state in states.iter().filter(|state| !state.is_closed()) {
        for (kind, refused) in action::actions(state) {
            let Err(why) = refused else { continue };
            let opens = |state: &State| table::find(state, Trigger::Command(kind)).is_some();
            match why {
                WhyNot::InFlight { layer, work } => {
                    assert_eq!(state.work(layer), Some(work));
                    let only = |row: &&Row| row.from.unmet(state) == [Unmet::Hand(layer)];
                    let rows = ROWS.iter().filter(|row| row.on == Trigger::Command(kind));
                    if rows.clone().any(|row| only(&row)) {
                        continue;
                    }
                    let (mut after, mut queue) = (BTreeSet::from([*state]), VecDeque::from([*state]));
                    let opened = loop {
                        let Some(next) = queue.pop_front() else { break false };
                        if opens(&next) {
                            break true;
                        }
                        let new =
                            outcomes.get(&next).into_iter().flatten().filter(|state| after.insert(**state));
                        queue.extend(new);
                    };
                    assert!(opened, "waiting never opens {kind} in {state:?}");
                }
                WhyNot::WrongStatus { field, is, needs, .. } => {
                    let status = |state: &State| status(state, &field);
                    assert_eq!(status(state), is);
                    assert!(!needs.contains(&is), "{kind} in {state:?} needs {needs:?}, is {is}");
                    for needed in needs {
                        let open = states.iter().any(|state| status(state) == needed && opens(state));
                        assert!(open, "{kind} is never allowed with {field} status {needed}");
                    }
                }
                WhyNot::Rollback { command } => {
                    let held = state.l3_reservation_rollback == Side::Failed
                        || state.reservation == Some(ReservationStatus::L2RollbackFailed);
                    let failed = state.relocation == RelocationStatus::Failed && held
                        || state.install_rollback == Side::Failed;
                    assert_eq!(failed, command == CommandKind::RetryReservation, "{state:?}");
                }
                WhyNot::Cancelling => assert!(state.cancelling),
                other => panic!("{kind} in {state:?}: {other:?}"),
            }
        }
    }
}

fn status(state: &State, field: &str) -> String {
    let set = match field {
        "relocation" => Some(state.relocation.wire()),
        "reservation" => state.reservation.map(ReservationStatus::wire),
        "cutover" => state.cutover.map(CutoverStatus::wire),
        other => panic!("no status field {other}"),
    };
    set.unwrap_or("unset").to_owned()
}

#[test]
fn refusals_read_well_in_both_languages() {
    let of = |rows: &[(&str, Trigger)]| {
        rows.iter().fold(State::SUBMITTED, |state, (id, on)| {
            let row = table::find(&state, *on).unwrap();
            assert_eq!(row.id, *id);
            row.apply(&state)
        })
    };
    let deploy = Trigger::Command(CommandKind::DeployReservation);
    let cut_over = Trigger::Command(CommandKind::DeployCutover);
    let reserved = [("2", deploy), ("3", Trigger::L3Reserved), ("5", Trigger::L2Reserved)];
    let l2_failed = [("2", deploy), ("3", Trigger::L3Reserved), ("6", Trigger::L2ReserveFailed)];
    let half = [reserved.as_slice(), &[("10", cut_over), ("11", Trigger::L3CutOver)]].concat();
    let unknown = [reserved.as_slice(), &[("10", cut_over), ("19", Trigger::L3CutoverUnknown)]].concat();
    for (state, kind, en, zh) in [
        (
            of(&[]),
            CommandKind::DeployCutover,
            "the relocation status is `reservation_pending`, deploy_cutover needs cutover_pending",
            "移机状态为“移机预占待部署”，部署移机切换需要“移机切换待部署”",
        ),
        (
            of(&l2_failed),
            CommandKind::ForceReservation,
            "L3 is still releasing its reservation; wait for its outcome",
            "三层正在释放预占，请等待结果",
        ),
        (
            of(&half),
            CommandKind::Cancel,
            "the cutover status is `l3_cut_over`, cancel needs unset",
            "移机切换状态为“三层切换成功”，取消移机需要“未开始”",
        ),
        (
            of(&half),
            CommandKind::ForceCompletion,
            "L2 is still cutting over; wait for its outcome",
            "二层正在切换，请等待结果",
        ),
        (
            of(&unknown),
            CommandKind::ForceCompletion,
            "the cutover status is `l3_cutover_failed`, force_completion needs l2_teardown_failed or \
          l3_teardown_failed_installed or l3_torn_down_install_failed or l3_teardown_and_install_failed",
            "移机切换状态为“三层切换失败”，强制移机竣工需要“二层移机拆失败”或“三层切换拆失败，装成功”或\
          “三层切换拆成功，装失败”或“三层切换拆失败，装失败”",
        ),
        (
            of(&reserved),
            CommandKind::RetryCutover,
            "the cutover status is `unset`, retry_cutover needs l3_cutover_failed or l3_teardown_failed_installed or \
          l3_torn_down_install_failed or l3_teardown_and_install_failed or l2_teardown_failed",
            "移机切换状态为“未开始”，重试切换需要“三层切换失败”或“三层切换拆失败，装成功”或“三层切换拆成功，装失败”或\
          “三层切换拆失败，装失败”或“二层移机拆失败”",
        ),
        (
            of(&reserved),
            CommandKind::RetryRollback,
            "there is no failed rollback to retry",
            "没有可重试的失败回滚",
        ),
    ] {
        let why = action::allowed(&state, kind).unwrap_err();
        assert_eq!(why.sentence(Lang::En), en);
        assert_eq!(why.sentence(Lang::Zh), zh);
    }
}
