//! Overrides and the other commands over a real broker: in each state what is allowed works, what is not is refused with
//! the reason and changes nothing.

use std::collections::HashMap;

use rehome_bus::amqp::key_of;
use rehome_domain::{
    Command, CommandKind, Layer, State,
    action::{WhyNot, allowed},
    command::By,
    journal::Note,
    message::{Answer, Input},
    role::Role,
    state::Work,
    status::{CutoverStatus as C, RelocationStatus as R, ReservationStatus as P},
};
use rehome_testkit::stranger::Said;
use serde_json::json;

use super::{
    places::{put, stepped, ways},
    world::{User, World},
};

const REASON: &str = "seen on site";

/// What the law says of the two overrides (rows 9 and 18), apart from the table the machine runs by.
fn may_force(state: &State, kind: CommandKind) -> bool {
    if state.is_closed() || state.cancelling {
        return false;
    }
    match kind {
        CommandKind::ForceReservation => {
            let stuck = [P::L3ReservationFailed, P::L2RollbackFailed, P::L2RolledBack];
            let undoes = |layer| matches!(state.work(layer), Some(Work::Releasing | Work::RollingBack));
            state.relocation == R::Failed
                && state.reservation.is_some_and(|status| stuck.contains(&status))
                && !Layer::ALL.into_iter().any(undoes)
        }
        _ => {
            let broken = [
                C::L2TeardownFailed,
                C::L3TeardownFailedInstalled,
                C::L3TornDownInstallFailed,
                C::L3TeardownAndInstallFailed,
            ];
            state.relocation == R::CutoverPending
                && state.cutover.is_some_and(|status| broken.contains(&status))
                && !state.in_flight()
        }
    }
}

/// Sends one command to a ticket in each state, and compares each answer, ticket and journal with what it must be.
async fn in_every_state(kinds: &[CommandKind], role: Role) {
    let world = World::new().await;
    let ways = ways();
    let triples: std::collections::BTreeSet<_> =
        ways.iter().map(|(state, _)| (state.relocation, state.reservation, state.cutover)).collect();
    // The claims' and our resolutions' 54, and what the extensions add.
    assert_eq!(triples.len(), 57, "every reachable status is among them");
    let cases: Vec<(CommandKind, &[_])> =
        kinds.iter().flat_map(|kind| ways.iter().map(move |(_, way)| (*kind, way.as_slice()))).collect();
    let all: Vec<&[_]> = cases.iter().map(|(_, way)| *way).collect();
    let before = put(world.tickets.as_ref(), &all).await;
    world.at_work();
    let mut user = world.user(role).await;
    for (n, ((kind, _), ticket)) in cases.iter().zip(&before).enumerate() {
        let body =
            json!({ "v": 1, "relocation": ticket.id, "reason": REASON, "expected_version": ticket.version });
        user.send(key_of(*kind), &n.to_string(), &body).await;
    }
    let mut answers = HashMap::new();
    while answers.len() < cases.len() {
        let (correlation, answer) = user.answer().await;
        let answer: Answer = serde_json::from_value(answer).unwrap();
        answers.insert(correlation.parse::<usize>().unwrap(), answer);
    }
    let mut accepted = 0;
    for (n, ((kind, _), before)) in cases.iter().zip(before).enumerate() {
        let (after, entry) = (world.ticket(before.id).await, world.last_entry(before.id).await);
        let by = By::Person { name: user.name.clone(), via: "amqp".to_owned(), role };
        assert_eq!((entry.by, entry.seq), (by, before.version + 1), "{kind} in {:?}", before.state);
        if kind.is_force() {
            let lawful = may_force(&before.state, *kind);
            assert_eq!(allowed(&before.state, *kind).is_ok(), lawful, "{kind} in {:?}", before.state);
        }
        match allowed(&before.state, *kind) {
            Ok(row) => {
                accepted += 1;
                let version = before.version + 1;
                assert_eq!(answers[&n], Answer::Accepted { relocation: before.id, version });
                // A row may lead on to another at once: what is cancelled and holds nothing is closed.
                let command = Command { reason: REASON.to_owned(), ..Command::plain(*kind) };
                let (pure, _) = stepped(&before, Input::Command(command)).unwrap();
                assert_eq!((entry.note, after.state), (None, pure.state));
                assert!(entry.rows.iter().any(|id| id == row.id), "{:?}", entry.rows);
                let acts = [&after.forced_reservation, &after.forced_completion].into_iter().flatten();
                assert_eq!(acts.last().is_some_and(|act| act.reason == REASON), kind.is_force());
            }
            Err(why) => {
                assert!(!why.sentence(rehome_domain::Lang::En).is_empty());
                assert_eq!(answers[&n], Answer::Refused { relocation: before.id, why: why.clone() });
                assert_eq!((entry.note, after.state), (Some(Note::Refused(why)), before.state));
                assert!(entry.sends.is_empty() && entry.rows.is_empty());
            }
        }
    }
    assert!(accepted > 0 && accepted < cases.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn overrides_work_in_each_state_the_law_allows_and_are_refused_in_every_other_and_change_nothing() {
    in_every_state(&[CommandKind::ForceReservation, CommandKind::ForceCompletion], Role::Supervisor).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_other_commands_work_in_each_state_they_are_allowed_in_and_are_refused_in_every_other() {
    let kinds: Vec<CommandKind> = CommandKind::ALL.into_iter().filter(|kind| !kind.is_force()).collect();
    in_every_state(&kinds, Role::Operator).await;
}

/// A ticket for each of so many, in a state in which it may be forced on.
async fn forceable(world: &World, count: usize) -> Vec<rehome_domain::Ticket> {
    let way =
        ways().into_iter().find(|(state, _)| may_force(state, CommandKind::ForceReservation)).unwrap().1;
    put(world.tickets.as_ref(), &vec![way.as_slice(); count]).await
}

async fn refused(user: &mut User) -> WhyNot {
    match serde_json::from_value(user.answer().await.1).unwrap() {
        Answer::Refused { why, .. } => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_override_by_nobody_by_too_low_a_role_or_of_an_older_ticket_is_refused_and_journaled_as_such() {
    let world = World::new().await;
    let tickets = forceable(&world, 5).await;
    world.at_work();
    let key = key_of(CommandKind::ForceReservation);
    let (command, needs) = (CommandKind::ForceReservation, Role::Supervisor);
    let person =
        |role: Role| By::Person { name: world.vhost.named(role.wire()), via: "amqp".to_owned(), role };
    let body = |n: usize| json!({ "v": 1, "relocation": tickets[n].id, "reason": REASON });
    let mut expected = Vec::new();

    let mut supervisor = world.user(Role::Supervisor).await;
    let nameless = Said { user_id: None, ..supervisor.said("nameless") };
    supervisor.publish(key, nameless, &body(0)).await.unwrap();
    let why = WhyNot::NotAllowed { command, has: None, needs };
    assert_eq!(refused(&mut supervisor).await, why);
    expected.push((By::Nobody { via: "amqp".to_owned() }, why));

    for role in [Role::Viewer, Role::Operator] {
        let mut user = world.user(role).await;
        user.send(key, "low", &body(expected.len())).await;
        let why = WhyNot::NotAllowed { command, has: Some(role), needs };
        assert_eq!(refused(&mut user).await, why);
        expected.push((person(role), why));
    }

    let version = tickets[3].version;
    let mut stale = body(3);
    stale["expected_version"] = json!(version - 1);
    supervisor.send(key, "stale", &stale).await;
    let why = WhyNot::Stale { expected: version - 1, is: version };
    assert_eq!(refused(&mut supervisor).await, why);
    expected.push((person(Role::Supervisor), why));

    let silent = json!({ "v": 1, "relocation": tickets[4].id });
    supervisor.send(key, "silent", &silent).await;
    let why = WhyNot::NeedsReason { command };
    assert_eq!(refused(&mut supervisor).await, why);
    expected.push((person(Role::Supervisor), why));

    for (before, (by, why)) in tickets.iter().zip(expected) {
        let entry = world.last_entry(before.id).await;
        assert_eq!((entry.by, entry.note), (by, Some(Note::Refused(why))));
        assert_eq!(world.ticket(before.id).await.state, before.state);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_user_id_is_refused_by_the_broker_and_never_reaches_the_ticket() {
    let world = World::new().await;
    let tickets = forceable(&world, 1).await;
    world.at_work();
    let key = key_of(CommandKind::ForceReservation);
    let body = json!({ "v": 1, "relocation": tickets[0].id, "reason": REASON });
    let operator = world.user(Role::Operator).await;
    let forged = Said { user_id: Some(world.vhost.named("supervisor")), ..operator.said("forged") };
    let refusal = operator.publish(key, forged, &body).await.unwrap_err();
    assert!(refusal.to_string().contains("user_id"), "{refusal}");

    // What came after it is all that came: the forged one never reached the ticket.
    let mut operator = world.user(Role::Operator).await;
    operator.send(key, "honest", &body).await;
    assert!(matches!(refused(&mut operator).await, WhyNot::NotAllowed { has: Some(Role::Operator), .. }));
    assert_eq!(world.ticket(tickets[0].id).await.version, tickets[0].version + 1);
}
