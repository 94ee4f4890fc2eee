//! Whichever way a person's act comes, the journal has the same of it but for the way.

mod many;
mod tmf641;

use std::{collections::BTreeSet, sync::Arc};

use actix_web::{
    cookie::Cookie,
    http::{Method, StatusCode},
    test::TestRequest,
};
use rehome_domain::{
    command::{By, Command, CommandKind},
    id::{MessageId, RelocationId},
    journal::Entry,
    message::{Envelope, Input},
    order::Layer,
    ports::{Bus, Incoming, Loaded, Outgoing, SteeringStore, TicketStore},
    reply::{Outcome, Reason, Report},
    request::Request,
    role::Role,
    steering::{Scope, Steer, Turn},
    ticket::Ticket,
};
use rehome_testkit::history::{failed, reply};
use serde_json::{Value, json};
use uuid::Uuid;

use super::world::{World, bearer, from_our_page, numbered};
use crate::api::BASE;

const REASON: &str = "told to by the customer";

/// A way by which people and other systems act.
enum Way {
    Workbench(Cookie<'static>),
    Api(String),
    Message,
}

impl Way {
    /// What the journal calls it.
    const fn via(&self) -> &'static str {
        match self {
            Self::Workbench(_) => "web",
            Self::Api(_) => "api",
            Self::Message => "amqp",
        }
    }

    /// As the bus says it of whoever's name the broker has checked.
    fn by(&self) -> By {
        By::Person { name: "ann".to_owned(), via: self.via().to_owned(), role: Role::Admin }
    }

    /// Sends a form or a document, and looks that it was not turned away.
    async fn post(&self, world: &World, path: &str, form: &[(&str, String)], document: &Value) -> Value {
        let answer = match self {
            Self::Workbench(cookie) => {
                let post = from_our_page(Method::POST, path, cookie).set_form(form);
                let answer = world.send(post).await;
                assert_eq!(answer.status, StatusCode::SEE_OTHER, "{path}: {}", answer.body);
                return Value::Null;
            }
            Self::Api(token) => {
                let post: TestRequest = bearer(&format!("{BASE}{path}"), token).method(Method::POST);
                world.send(post.set_json(document)).await
            }
            Self::Message => unreachable!("a message is not posted"),
        };
        answer.json()
    }

    async fn submit(&self, world: &World, request: Request) -> RelocationId {
        let id = RelocationId(Uuid::now_v7());
        match self {
            Self::Workbench(_) => {
                let form = [
                    ("id", id.to_string()),
                    ("service_id", request.service_id.clone()),
                    ("hold", "on".to_owned()),
                ];
                self.post(world, "/new", &form, &Value::Null).await;
            }
            Self::Api(_) => {
                let ticket = self.post(world, "/tickets", &[], &json!(request)).await;
                return ticket["id"].as_str().unwrap().parse().unwrap();
            }
            Self::Message => self.tell(world, id, Input::Submitted { request: Arc::new(request) }).await,
        }
        id
    }

    async fn command(&self, world: &World, ticket: &Ticket, kind: CommandKind) {
        let command =
            Command { kind, reason: REASON.to_owned(), expected_version: Some(ticket.version), plan: None };
        let id = ticket.id;
        match self {
            Self::Workbench(_) => {
                let form = [
                    ("command", kind.wire().to_owned()),
                    ("reason", REASON.to_owned()),
                    ("version", ticket.version.to_string()),
                ];
                self.post(world, &format!("/tickets/{id}/act"), &form, &Value::Null).await;
            }
            Self::Api(_) => {
                self.post(world, &format!("/tickets/{id}/commands"), &[], &json!(command)).await;
            }
            Self::Message => self.tell(world, id, Input::Command(command)).await,
        }
    }

    async fn steer(&self, world: &World, turn: Turn) {
        let word = json!(turn).as_str().unwrap().to_owned();
        match self {
            Self::Workbench(_) => {
                let form = [
                    ("turn", word),
                    ("kind", "device".to_owned()),
                    ("name", "gw-07".to_owned()),
                    ("reason", REASON.to_owned()),
                ];
                self.post(world, "/pauses", &form, &Value::Null).await;
            }
            Self::Api(_) => {
                let scope = json!({ "scope": "device", "name": "gw-07" });
                let wish = json!({ "turn": word, "scope": scope, "reason": REASON });
                self.post(world, "/steering", &[], &wish).await;
            }
            Self::Message => {
                let scope = Scope::Device { name: "gw-07".to_owned() };
                let id = MessageId(Uuid::now_v7().to_string());
                let steer = Steer { id, turn, scope, by: self.by(), reason: REASON.to_owned() };
                world.workbench.asker.steer(steer).await.unwrap();
            }
        }
    }

    async fn tell(&self, world: &World, relocation: RelocationId, input: Input) {
        let cause = MessageId(Uuid::now_v7().to_string());
        let envelope = Envelope { relocation, cause, by: self.by(), input };
        world.workbench.asker.command(envelope).await.unwrap();
    }
}

/// What happens next to a ticket.
enum Next {
    Person(CommandKind),
    Configurator(Layer, Report),
}

const fn reserved() -> Report {
    Report::Reserve { outcome: Outcome::Done, rollback: None }
}

/// The cutover is refused by L2, tried again, and its completion forced; on the way a person is refused.
fn forced_to_its_end() -> Vec<Next> {
    let no = || Report::CutoverL2 { outcome: failed(Reason::Rejected), during: None };
    let yes = || Report::CutoverL3 {
        teardown: Outcome::Done,
        install: Outcome::Done,
        during: None,
        held_until: None,
    };
    vec![
        Next::Person(CommandKind::DeployReservation),
        Next::Configurator(Layer::L3, reserved()),
        Next::Configurator(Layer::L2, reserved()),
        Next::Person(CommandKind::DeployCutover),
        Next::Configurator(Layer::L3, yes()),
        Next::Person(CommandKind::Cancel),
        Next::Configurator(Layer::L2, no()),
        Next::Person(CommandKind::RetryCutover),
        Next::Configurator(Layer::L2, no()),
        Next::Person(CommandKind::ForceCompletion),
    ]
}

/// The reservation fails, and so does its undoing; all is tried again, and the reservation forced.
fn forced_to_its_cutover() -> Vec<Next> {
    let no = || failed(Reason::Rejected);
    vec![
        Next::Person(CommandKind::DeployReservation),
        Next::Configurator(Layer::L3, reserved()),
        Next::Configurator(Layer::L2, Report::Reserve { outcome: no(), rollback: Some(Outcome::Done) }),
        Next::Configurator(Layer::L3, Report::Release { outcome: no() }),
        Next::Person(CommandKind::RetryRollback),
        Next::Configurator(Layer::L3, Report::Release { outcome: Outcome::Done }),
        Next::Person(CommandKind::RetryReservation),
        Next::Configurator(Layer::L3, Report::Reserve { outcome: no(), rollback: None }),
        Next::Configurator(Layer::L3, Report::Release { outcome: Outcome::Done }),
        Next::Person(CommandKind::ForceReservation),
    ]
}

async fn load(world: &World, id: RelocationId) -> Ticket {
    match world.store.load(vec![id]).await.unwrap().pop() {
        Some(Loaded::Ticket(ticket)) => *ticket,
        other => panic!("{id}: {other:?}"),
    }
}

/// Takes a ticket through all that happens to it, and gives its journal.
async fn play(world: &World, way: &Way, number: u16, course: Vec<Next>) -> Vec<Entry> {
    let id = way.submit(world, Request { hold: true, ..numbered(number) }).await;
    for next in course {
        let ticket = load(world, id).await;
        match next {
            Next::Person(kind) => way.command(world, &ticket, kind).await,
            Next::Configurator(layer, report) => {
                let order = ticket.out(layer).unwrap().awaited().id;
                let cause = MessageId(Uuid::now_v7().to_string());
                let by = By::Configurator { layer, domain: None };
                let input = reply(layer, order, report);
                let envelope = Envelope { relocation: id, cause: cause.clone(), by, input };
                let said = Outgoing::Reply(Incoming { envelope, reply_to: None, early: 0 });
                world.bus.send(vec![said]).await.unwrap();
                while world.store.caused(vec![(id, cause.clone())]).await.unwrap() == [None] {
                    tokio::task::yield_now().await;
                }
            }
        }
    }
    world.store.journal(id).await.unwrap().into_iter().map(Result::unwrap).collect()
}

/// Leaves out what no two acts have in common: the ticket, when, by which message, and the way.
fn common(lines: Value, id: &str) -> Value {
    fn strip(value: &mut Value) {
        match value {
            Value::Object(fields) => {
                fields.retain(|name, _| {
                    !["at", "id", "cause", "deadline", "via", "vlan", "service_id"].contains(&name.as_str())
                });
                fields.values_mut().for_each(strip);
            }
            Value::Array(values) => values.iter_mut().for_each(strip),
            _ => {}
        }
    }
    let mut lines = serde_json::from_str(&lines.to_string().replace(id, "its id")).unwrap_or(lines);
    strip(&mut lines);
    lines
}

/// A world with the three ways into it.
async fn world() -> (World, [Way; 3]) {
    let world = World::new(false);
    world.supervise().await;
    world.user("ann", Role::Admin).await;
    let token = world.token("ann", None, None).await.0.expose().to_owned();
    let ways = [Way::Workbench(world.signed_in("ann").await), Way::Api(token), Way::Message];
    (world, ways)
}

#[actix_web::test]
async fn every_act_is_journaled_alike_by_form_by_api_and_by_message_but_for_the_way() {
    let (world, ways) = world().await;
    let courses = [forced_to_its_end, forced_to_its_cutover, || vec![Next::Person(CommandKind::Cancel)]];
    let (mut number, mut taken) = (0, BTreeSet::new());
    for course in courses {
        let mut told: Option<Value> = None;
        for way in &ways {
            number += 1;
            let journal = play(&world, way, number, course()).await;
            for entry in &journal {
                if let By::Person { via, .. } = &entry.by {
                    assert_eq!(via, way.via(), "{entry:?}");
                }
                if let (Input::Command(command), None) = (&entry.input, &entry.note) {
                    taken.insert(command.kind);
                }
            }
            let id = journal[0].relocation.to_string();
            let said = common(json!(journal), &id);
            let first = told.get_or_insert_with(|| said.clone());
            assert_eq!(*first, said, "by {}", way.via());
        }
    }
    assert_eq!(
        taken,
        CommandKind::ALL.into_iter().collect(),
        "a command that was never taken proves nothing"
    );
}

#[actix_web::test]
async fn pausing_draining_and_resuming_are_logged_alike_by_form_by_api_and_by_message_but_for_the_way() {
    let (world, ways) = world().await;
    let mut told: Option<Value> = None;
    for way in &ways {
        let before = world.store.steering().await.unwrap().len();
        for turn in [Turn::Pause, Turn::Resume, Turn::Drain, Turn::Resume] {
            way.steer(&world, turn).await;
        }
        let log = world.store.steering().await.unwrap();
        // Helms add when all is begun that was held back, in their own time.
        let wishes: Vec<_> = log[before..].iter().filter(|line| Turn::WISHES.contains(&line.turn)).collect();
        assert_eq!(wishes.len(), 4, "{log:?}");
        assert!(wishes.iter().all(|line| json!(line.by)["via"] == way.via()), "{wishes:?}");
        let said = common(json!(wishes), "none");
        let first = told.get_or_insert_with(|| said.clone());
        assert_eq!(*first, said, "by {}", way.via());
    }
}
