//! What the workbench asks in people's names: what it is answered, and whom the journal names.

use std::{sync::Arc, time::Duration};

use rehome_bus::{
    Amqp, Capacity, Embedded,
    amqp::{Limits, Options},
};
use rehome_domain::{
    Command, CommandKind, State,
    action::WhyNot,
    command::By,
    id::{MessageId, RelocationId},
    journal::Note,
    message::{Answer, Envelope, Input},
    ports::{Bus, LetterFilter, LetterStore, SteeringStore},
    role::Role,
    steering::{Scope, Steer, Turn, Verdict},
};
use rehome_testkit::stranger::Said;
use rehome_web::{AskError, Asked, Asker};
use serde_json::json;
use uuid::Uuid;

use super::{
    places::{put, ways},
    world::World,
};

/// Long enough for any machine; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(60);
/// The broker's user whose process may speak for people.
const RELAY: &str = "web";

/// Its rights.
const MAY_CONFIGURE: &str = "^rehome.answers[.]";
const MAY_WRITE: &str = "^rehome.commands$";
const MAY_READ: &str = "^rehome.answers[.]";

fn ann(via: &str, role: Role) -> By {
    By::Person { name: "ann".to_owned(), via: via.to_owned(), role }
}

fn deploy(relocation: RelocationId, by: By) -> Envelope {
    let input = Input::Command(Command::plain(CommandKind::DeployReservation));
    Envelope { relocation, cause: MessageId(Uuid::now_v7().to_string()), by, input }
}

/// So many tickets that wait for somebody to deploy them.
async fn held(world: &World, count: usize) -> Vec<RelocationId> {
    let waits = |state: &State| rehome_domain::action::allowed(state, CommandKind::DeployReservation).is_ok();
    let way = ways().into_iter().find(|(state, _)| waits(state)).unwrap().1;
    put(world.tickets.as_ref(), &vec![way.as_slice(); count]).await.iter().map(|ticket| ticket.id).collect()
}

/// What asks over a connection of its own, as another process does.
async fn process(world: &World, user: &str, patience: Duration) -> (Arc<Amqp>, Arc<Asker>) {
    world.vhost.user_may(user, MAY_CONFIGURE, MAY_WRITE, MAY_READ);
    let limits = Limits { reconnect_max: Duration::from_millis(500), ..Limits::default() };
    let options = Options { declare: false, limits, ..Options::new(&world.vhost.url_of(user)) };
    let amqp = Amqp::connect(options).await.unwrap();
    let asker = Asker::start(Arc::clone(&amqp) as Arc<dyn Bus>, patience);
    (amqp, asker)
}

/// Asks by two ways for two people, one of whom may not: the answers, and what the journal says of each.
async fn answered_and_refused(world: &World, asker: &Asker) {
    let tickets = held(world, 2).await;
    for (ticket, via, role) in [(tickets[0], "web", Role::Operator), (tickets[1], "api", Role::Viewer)] {
        let before = world.ticket(ticket).await.version;
        let by = ann(via, role);
        let asked = asker.command(deploy(ticket, by.clone())).await.unwrap();
        let entry = world.last_entry(ticket).await;
        assert_eq!((entry.by, entry.seq), (by, before + 1));
        if role == Role::Operator {
            let accepted = Answer::Accepted { relocation: ticket, version: before + 1 };
            assert_eq!((asked, entry.note), (Asked::Answered(accepted), None));
        } else {
            let (command, needs) = (CommandKind::DeployReservation, Role::Operator);
            let why = WhyNot::NotAllowed { command, has: Some(role), needs };
            let refused = Answer::Refused { relocation: ticket, why: why.clone() };
            assert_eq!((asked, entry.note), (Asked::Answered(refused), Some(Note::Refused(why))));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn within_one_process_a_person_is_answered_or_refused_and_named_with_their_role_and_way() {
    let bus: Arc<dyn Bus> = Embedded::new(Capacity::default());
    let world = World::new().await;
    world.at_work_on(&bus);
    answered_and_refused(&world, &Asker::start(bus, PATIENCE)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn over_the_broker_a_relays_person_is_answered_or_refused_and_named_with_their_role_and_way() {
    let world = World::with_relays(&[RELAY]).await;
    world.at_work();
    let (_amqp, asker) = process(&world, RELAY, PATIENCE).await;
    answered_and_refused(&world, &asker).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relays_admin_pauses_and_the_log_names_them() {
    let world = World::with_relays(&[RELAY]).await;
    world.at_work();
    let (_amqp, asker) = process(&world, RELAY, PATIENCE).await;
    let steer = |by: By| Steer {
        id: MessageId(Uuid::now_v7().to_string()),
        turn: Turn::Pause,
        scope: Scope::Everything,
        by,
        reason: "maintenance".to_owned(),
    };
    let refused = asker.steer(steer(ann("web", Role::Supervisor))).await.unwrap();
    assert!(matches!(refused, Asked::Answered(Answer::Steering(Verdict::Refused { .. }))), "{refused:?}");
    let asked = asker.steer(steer(ann("web", Role::Admin))).await.unwrap();
    assert!(matches!(asked, Asked::Answered(Answer::Steering(Verdict::Accepted { .. }))), "{asked:?}");
    let log = world.store.steering().await.unwrap();
    assert_eq!(log.iter().map(|line| &line.by).collect::<Vec<_>>(), [&ann("web", Role::Admin)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_is_no_relay_speaks_for_itself_alone_whomever_it_names() {
    let world = World::new().await;
    world.at_work();
    let (_amqp, asker) = process(&world, RELAY, PATIENCE).await;
    let ticket = held(&world, 1).await[0];
    let before = world.ticket(ticket).await.state;
    let asked = asker.command(deploy(ticket, ann("web", Role::Admin))).await.unwrap();
    let (command, has, needs) = (CommandKind::DeployReservation, Some(Role::Viewer), Role::Operator);
    let why = WhyNot::NotAllowed { command, has, needs };
    assert_eq!(asked, Asked::Answered(Answer::Refused { relocation: ticket, why: why.clone() }));
    let entry = world.last_entry(ticket).await;
    let itself = By::Person { name: world.vhost.named(RELAY), via: "amqp".to_owned(), role: Role::Viewer };
    assert_eq!((entry.by, entry.note), (itself, Some(Note::Refused(why))));
    assert_eq!(world.ticket(ticket).await.state, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_broker_or_a_supervisor_set_aside_takes_effect_when_somebody_who_may_sends_it_again() {
    let world = World::with_relays(&[RELAY]).await;
    world.at_work();
    let (_amqp, asker) = process(&world, RELAY, PATIENCE).await;
    let ticket = held(&world, 1).await[0];
    let viewer = world.user(Role::Viewer).await;
    // One that can't be read for want of an id, and one that may not.
    let nameless = Said { message_id: None, ..viewer.said("") };
    let body = json!({ "v": 1, "relocation": ticket });
    viewer.publish("deploy.reservation", nameless, &body).await.unwrap();
    world.dead_letter(|letter| letter.reason.contains("`message_id` is missing")).await;
    let body = json!({ "v": 1, "request": rehome_testkit::history::request() });
    viewer.send("order.submit", "s1", &body).await;
    world.dead_letter(|letter| letter.reason.contains("submitting needs the role")).await;
    let letters = world.store.letters(LetterFilter::All, None, 9).await.unwrap();
    assert_eq!(letters.len(), 2);
    for kept in letters {
        let again = kept.again(asker.said(&kept.letter).unwrap(), ann("web", Role::Supervisor));
        let relocation = again.relocation;
        let asked = asker.command(again).await.unwrap();
        assert!(matches!(asked, Asked::Answered(Answer::Accepted { .. })), "{asked:?}");
        assert_eq!(world.last_entry(relocation).await.by, ann("web", Role::Supervisor));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_answer_in_time_a_command_was_accepted_and_takes_effect_when_a_supervisor_is_there() {
    let world = World::with_relays(&[RELAY]).await;
    let ticket = held(&world, 1).await[0];
    let (_amqp, asker) = process(&world, RELAY, Duration::from_secs(2)).await;
    let by = ann("web", Role::Operator);
    assert_eq!(asker.command(deploy(ticket, by.clone())).await, Ok(Asked::Accepted));
    let before = world.ticket(ticket).await.version;
    world.at_work();
    let done = async {
        while world.ticket(ticket).await.version == before {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, done).await.unwrap();
    assert_eq!(world.last_entry(ticket).await.by, by);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_the_bus_does_not_take_in_time_is_told_as_not_taken() {
    let bus: Arc<dyn Bus> = Embedded::new(Capacity { commands: 1, ..Capacity::default() });
    let asker = Asker::start(bus, Duration::from_millis(200));
    let nobody = || deploy(RelocationId(Uuid::now_v7()), ann("web", Role::Operator));
    assert_eq!(asker.command(nobody()).await, Ok(Asked::Accepted));
    assert_eq!(asker.command(nobody()).await, Err(AskError::NotTaken));
}
