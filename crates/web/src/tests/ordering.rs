//! TMF641 over the whole site, with a supervisor that steps one input after the other.

use std::collections::BTreeSet;

use std::sync::Arc;

use actix_web::{
    http::{Method, StatusCode},
    test::TestRequest,
};
use rehome_domain::{
    action::WhyNot,
    journal::Note,
    message::Answer as Said,
    ports::{Answered, Bus, Change, Incoming, Loaded, Outgoing, TicketStore},
    role::Role,
    step::{Context, Stepped, step},
};
use serde_json::{Value, json};

use super::world::{Answer, World};

const BASE: &str = "/tmf-api/serviceOrdering/v4";

/// Steps what comes in.
async fn supervise(bus: Arc<dyn Bus>, store: Arc<dyn TicketStore>, now: jiff::Timestamp) {
    let mut inputs = bus.inputs();
    while let Some(batch) = inputs.next(1, true).await {
        for delivery in batch {
            let Incoming { envelope, reply_to, .. } = delivery.message;
            let known = match store.load(vec![envelope.relocation]).await.unwrap().remove(0) {
                Loaded::Ticket(ticket) => Some(*ticket),
                _ => None,
            };
            let said = match step(known.as_ref(), &envelope, &Context::at(now)) {
                Stepped::Journaled(stepped) => {
                    let (ticket, entry) = *stepped;
                    let said = match &entry.note {
                        Some(Note::Refused(why)) => {
                            Said::Refused { relocation: ticket.id, why: WhyNot::clone(why) }
                        }
                        _ => Said::Accepted { relocation: ticket.id, version: ticket.version },
                    };
                    let locked = ticket.state.needs_lock();
                    let change = Change { ticket: Arc::new(ticket), entry: Arc::new(entry), locked };
                    store.commit(vec![change]).await.unwrap();
                    said
                }
                Stepped::Rejected(rejection) => Said::Rejected(rejection),
                other => panic!("{other:?}"),
            };
            let answer = reply_to.map(|to| Outgoing::Answer(Answered { to, answer: said }));
            bus.send(answer.into_iter().collect()).await.unwrap();
            inputs.acks().ack(vec![delivery.tag]).await.unwrap();
        }
    }
}

/// A site with a supervisor, and a token for each role, under the role's name.
async fn site() -> (World, Vec<(Role, String)>) {
    let world = World::new(false);
    tokio::spawn(supervise(Arc::clone(&world.bus) as _, Arc::clone(&world.store) as _, world.now()));
    let mut tokens = Vec::new();
    for role in Role::ALL {
        world.user(role.wire(), role).await;
        let (secret, _) = world.token(role.wire(), None, None).await;
        tokens.push((role, secret.expose().to_owned()));
    }
    (world, tokens)
}

fn order(n: u16, external_id: Option<&str>) -> Value {
    let given = [
        ("old.l3Device", json!("gw-1")),
        ("old.l3Port", json!("ge1")),
        ("old.vlan", json!(100)),
        ("old.l2Device", json!("sw-1")),
        ("old.l2Port", json!("eth1")),
        ("new.l3Device", json!("gw-2")),
        ("new.l3Port", json!(format!("ge{n}"))),
        ("new.vlan", json!(200)),
        ("new.l2Device", json!("sw-2")),
        ("new.l2Port", json!(format!("eth{n}"))),
        ("ip", json!("192.0.2.1/30")),
        ("hold", json!(true)),
    ];
    let given: Vec<Value> =
        given.into_iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
    let mut body = json!({
        "description": "LL", "relatedParty": [{ "name": "Acme", "role": "customer" }],
        "serviceOrderItem": [{ "id": "1", "action": "modify",
            "service": { "id": format!("LL-{n}"), "serviceCharacteristic": given } }],
    });
    if let Some(external_id) = external_id {
        body["externalId"] = json!(external_id);
    }
    body
}

async fn ask(world: &World, token: &str, method: Method, path: &str, body: Option<Value>) -> Answer {
    let request = TestRequest::with_uri(&format!("{BASE}{path}")).method(method);
    let request = request.insert_header(("authorization", format!("Bearer {token}")));
    world
        .send(match body {
            Some(body) => request.set_json(body),
            None => request,
        })
        .await
}

#[actix_web::test]
async fn what_a_role_may_not_do_is_answered_403_and_changes_nothing() {
    let (world, tokens) = site().await;
    for (role, token) in &tokens {
        let may = *role >= Role::Operator;
        let placed = ask(&world, token, Method::POST, "/serviceOrder", Some(order(*role as u16, None))).await;
        assert_eq!(
            placed.status,
            if may { StatusCode::CREATED } else { StatusCode::FORBIDDEN },
            "{}",
            placed.body
        );
        let heard =
            ask(&world, token, Method::POST, "/hub", Some(json!({ "callback": "https://bss.example/" })))
                .await;
        assert_eq!(
            heard.status,
            if may { StatusCode::CREATED } else { StatusCode::FORBIDDEN },
            "{}",
            heard.body
        );
        if !may {
            assert_eq!(placed.json()["code"], "not-allowed");
            assert!(world.store.all_tickets(None, 10).await.unwrap().is_empty());
        }
    }
    let nobody =
        world.send(TestRequest::post().uri(&format!("{BASE}/serviceOrder")).set_json(order(9, None))).await;
    assert_eq!(
        (nobody.status, nobody.json()["code"].clone()),
        (StatusCode::UNAUTHORIZED, json!("not-signed-in"))
    );
    assert_eq!(world.store.all_tickets(None, 10).await.unwrap().len(), 3);
}

#[actix_web::test]
async fn an_order_is_placed_once_under_its_external_id_goes_on_and_is_cancelled() {
    let (world, tokens) = site().await;
    let (viewer, operator) = (&tokens[0].1, &tokens[1].1);
    let first = ask(&world, operator, Method::POST, "/serviceOrder", Some(order(1, Some("WO-1")))).await;
    let id = first.json()["id"].as_str().unwrap().to_owned();
    assert_eq!((first.status, first.json()["state"].clone()), (StatusCode::CREATED, json!("acknowledged")));
    assert_eq!(first.header("location").unwrap(), format!("{BASE}/serviceOrder/{id}"));
    let again = ask(&world, operator, Method::POST, "/serviceOrder", Some(order(1, Some("WO-1")))).await;
    assert_eq!((again.status, again.json()["id"].clone()), (StatusCode::OK, json!(id)));
    let other = ask(&world, operator, Method::POST, "/serviceOrder", Some(order(2, Some("WO-1")))).await;
    assert_eq!(other.status, StatusCode::CONFLICT);
    assert!(other.json()["message"].as_str().unwrap().contains("service_id, new differ"), "{}", other.body);

    let path = format!("/serviceOrder/{id}");
    let seen = ask(&world, viewer, Method::GET, &format!("{path}?fields=state,externalId"), None).await;
    let fields: BTreeSet<String> = seen.json().as_object().unwrap().keys().cloned().collect();
    assert_eq!(Vec::from_iter(fields), ["@type", "externalId", "href", "id", "state"]);
    assert_eq!(
        ask(&world, viewer, Method::PATCH, &path, Some(json!({ "state": "inProgress" }))).await.status,
        403
    );
    let gone = ask(&world, operator, Method::PATCH, &path, Some(json!({ "state": "inProgress" }))).await;
    assert_eq!((gone.status, gone.json()["state"].clone()), (StatusCode::OK, json!("inProgress")));
    let twice = ask(&world, operator, Method::PATCH, &path, Some(json!({ "state": "inProgress" }))).await;
    assert_eq!(twice.status, StatusCode::CONFLICT, "{}", twice.body);
    let other = ask(&world, operator, Method::PATCH, &path, Some(json!({ "priority": "1" }))).await;
    assert_eq!((other.status, other.json()["code"].clone()), (StatusCode::CONFLICT, json!("conflict")));

    let wish = json!({ "serviceOrder": { "id": id }, "cancellationReason": "the customer stays" });
    let task = ask(&world, operator, Method::POST, "/cancelServiceOrder", Some(wish.clone())).await;
    assert_eq!((task.status, task.json()["state"].clone()), (StatusCode::CREATED, json!("inProgress")));
    let refused = ask(&world, operator, Method::POST, "/cancelServiceOrder", Some(wish)).await.json();
    assert_eq!(
        (&refused["state"], &refused["errorMessage"]["code"]),
        (&json!("terminatedWithError"), &json!("cancelling"))
    );
    let path = format!("/cancelServiceOrder/{}", task.json()["id"].as_str().unwrap());
    assert_eq!(ask(&world, viewer, Method::GET, &path, None).await.json(), task.json());
    let no_reason = json!({ "serviceOrder": { "id": id } });
    let no_reason = ask(&world, operator, Method::POST, "/cancelServiceOrder", Some(no_reason)).await;
    assert_eq!(
        (no_reason.status, no_reason.json()["code"].clone()),
        (StatusCode::BAD_REQUEST, json!("invalid"))
    );
}

#[actix_web::test]
async fn a_listener_is_kept_for_who_asked_told_its_secret_once_and_forgotten() {
    let (world, tokens) = site().await;
    let (operator, supervisor, admin) = (&tokens[1].1, &tokens[2].1, &tokens[3].1);
    let wish =
        json!({ "callback": "https://bss.example/hook", "query": "eventType=ServiceOrderCreateEvent" });
    let kept = ask(&world, operator, Method::POST, "/hub", Some(wish)).await;
    assert_eq!(kept.status, StatusCode::CREATED, "{}", kept.body);
    assert!(kept.header("webhook-secret").unwrap().starts_with("whsec_"));
    let path = format!("/hub/{}", kept.json()["id"].as_str().unwrap());
    for (token, sees) in [(operator, true), (supervisor, false), (admin, true)] {
        let one = ask(&world, token, Method::GET, &path, None).await;
        assert_eq!(one.status.as_u16(), if sees { 200 } else { 404 });
        assert!(one.header("webhook-secret").is_none());
        assert_eq!(
            ask(&world, token, Method::GET, "/hub", None).await.json().as_array().unwrap().len(),
            usize::from(sees)
        );
    }
    assert_eq!(ask(&world, supervisor, Method::DELETE, &path, None).await.status, 404);
    assert_eq!(ask(&world, operator, Method::DELETE, &path, None).await.status, 204);
    assert_eq!(ask(&world, operator, Method::DELETE, &path, None).await.status, 404);
    for (wish, field) in [
        (json!({ "callback": "http://169.254.169.254/" }), "callback"),
        (json!({ "callback": "https://bss.example/", "query": "colour=blue" }), "query"),
        (json!({ "callback": "https://bss.example/", "colour": "blue" }), "colour"),
    ] {
        let refused = ask(&world, operator, Method::POST, "/hub", Some(wish)).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST);
        assert!(refused.json()["message"].as_str().unwrap().contains(field), "{}", refused.body);
    }
}

#[actix_web::test]
async fn a_list_is_told_part_by_part_the_newest_first_with_how_many_there_are() {
    let (world, tokens) = site().await;
    let token = &tokens[1].1;
    let mut placed = Vec::new();
    for n in 1..=5 {
        let answer = ask(&world, token, Method::POST, "/serviceOrder", Some(order(n, None))).await;
        placed.insert(0, answer.json()["id"].clone());
        world.pass_time(1);
    }
    let list = async |query: &str| {
        let answer = ask(&world, token, Method::GET, &format!("/serviceOrder{query}"), None).await;
        let ids: Vec<Value> =
            answer.json().as_array().unwrap().iter().map(|order| order["id"].clone()).collect();
        let header = |name| answer.header(name).unwrap().parse::<usize>().unwrap();
        (answer.status.as_u16(), ids, header("x-total-count"), header("x-result-count"))
    };
    assert_eq!(list("").await, (200, placed.clone(), 5, 5));
    assert_eq!(list("?offset=1&limit=2").await, (206, placed[1..3].to_vec(), 5, 2));
    assert_eq!(list("?offset=4&limit=2").await, (206, placed[4..].to_vec(), 5, 1));
    assert_eq!(list("?offset=7").await, (206, Vec::new(), 5, 0));
    assert_eq!(list("?limit=0").await, (206, Vec::new(), 5, 0));
    assert_eq!(list("?relatedParty.name=Acme&state=completed").await, (200, Vec::new(), 0, 0));
    assert_eq!(list("?relatedParty.name=Acme").await.2, 5);
    let fields = ask(&world, token, Method::GET, "/serviceOrder?limit=1&fields=state", None).await.json();
    let names: BTreeSet<&str> = fields[0].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, BTreeSet::from(["@type", "href", "id", "state"]));
    for (query, field) in [
        ("offset=-1", "offset"),
        ("limit=many", "limit"),
        ("state=lost", "state"),
        ("offset=99999999", "offset"),
        ("orderDate.gte=today", "orderDate.gte"),
        ("colour=red", "colour"),
        ("limit=1&limit=2", "limit"),
    ] {
        let answer = ask(&world, token, Method::GET, &format!("/serviceOrder?{query}"), None).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}: {}", answer.body);
        assert!(answer.body.contains(field), "{query}: {}", answer.body);
    }
}

#[actix_web::test]
async fn orders_are_listed_by_whatever_state_they_are_in_with_how_many_there_are() {
    let (world, tokens) = site().await;
    let token = &tokens[1].1;
    let mut ids = Vec::new();
    for n in 1..=5 {
        let placed = ask(&world, token, Method::POST, "/serviceOrder", Some(order(n, None))).await;
        ids.insert(0, placed.json()["id"].as_str().unwrap().to_owned());
        world.pass_time(1);
    }
    let go_on = async |id: &str| {
        let wish = json!({ "state": "inProgress" });
        ask(&world, token, Method::PATCH, &format!("/serviceOrder/{id}"), Some(wish)).await
    };
    for id in &ids[..3] {
        assert_eq!(go_on(id).await.status, StatusCode::OK);
    }
    for id in [&ids[0], &ids[3]] {
        let wish = json!({ "serviceOrder": { "id": id }, "cancellationReason": "the customer stays" });
        let task = ask(&world, token, Method::POST, "/cancelServiceOrder", Some(wish)).await;
        assert_eq!(task.status, StatusCode::CREATED, "{}", task.body);
    }
    for (query, part, total) in [
        ("acknowledged", &ids[4..], 1),
        ("inProgress", &ids[1..3], 2),
        ("inProgress&limit=1", &ids[1..2], 2),
        ("inProgress&limit=1&offset=1", &ids[2..3], 2),
        ("inProgress&offset=2", &[], 2),
        ("pendingCancellation", &ids[..1], 1),
        ("cancelled", &ids[3..4], 1),
        ("held", &[], 0),
        ("failed", &[], 0),
        ("pending", &[], 0),
        ("rejected", &[], 0),
    ] {
        let answer = ask(&world, token, Method::GET, &format!("/serviceOrder?state={query}"), None).await;
        let orders = answer.json();
        let told: Vec<&str> =
            orders.as_array().unwrap().iter().map(|order| order["id"].as_str().unwrap()).collect();
        assert_eq!(told, part, "{query}: {orders}");
        assert_eq!(answer.header("x-total-count").unwrap(), total.to_string(), "{query}");
    }
}

#[actix_web::test]
async fn a_request_to_cancel_that_nobody_has_answered_yet_is_taken_and_counts_once_under_its_key() {
    let world = World::new(false);
    world.user("oss", Role::Operator).await;
    let (secret, _) = world.token("oss", None, None).await;
    let token = secret.expose();
    let supervise = || supervise(Arc::clone(&world.bus) as _, Arc::clone(&world.store) as _, world.now());
    let supervisor = tokio::spawn(supervise());
    let placed = ask(&world, token, Method::POST, "/serviceOrder", Some(order(1, None))).await.json();
    // The supervisors are away, and come again only when two requests wait for them.
    supervisor.abort();
    let _ = supervisor.await;
    let cancel = async |reason: &str| {
        let wish = json!({ "cancellationReason": reason, "serviceOrder": { "id": placed["id"] } });
        let request = TestRequest::post().uri(&format!("{BASE}/cancelServiceOrder")).set_json(wish);
        let request = request.insert_header(("authorization", format!("Bearer {token}")));
        world.send(request.insert_header(("idempotency-key", "C-1"))).await
    };
    for _ in 0..2 {
        let answer = cancel("stays").await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.body);
        assert_eq!(answer.header("location"), placed["href"].as_str());
    }
    tokio::spawn(supervise());
    let told = cancel("stays").await;
    assert_eq!((told.status, &told.json()["state"]), (StatusCode::CREATED, &json!("done")), "{}", told.body);
    let path = format!("/cancelServiceOrder?serviceOrder.id={}", placed["id"].as_str().unwrap());
    assert_eq!(ask(&world, token, Method::GET, &path, None).await.json(), json!([told.json()]));
    assert_eq!(cancel("goes").await.status, StatusCode::CONFLICT, "another wish under that key");
}

#[actix_web::test]
async fn requests_to_cancel_are_listed_by_their_order() {
    let (world, tokens) = site().await;
    let token = &tokens[1].1;
    let placed = ask(&world, token, Method::POST, "/serviceOrder", Some(order(1, None))).await.json();
    let id = placed["id"].as_str().unwrap();
    let path = format!("/cancelServiceOrder?serviceOrder.id={id}");
    assert_eq!(ask(&world, token, Method::GET, &path, None).await.json(), json!([]));
    let wish = json!({ "cancellationReason": "stays", "serviceOrder": { "id": id } });
    let asked = ask(&world, token, Method::POST, "/cancelServiceOrder", Some(wish)).await.json();
    let listed = ask(&world, token, Method::GET, &path, None).await;
    assert_eq!((listed.json(), listed.header("x-total-count")), (json!([asked]), Some("1")));
    let other = ask(&world, token, Method::GET, "/cancelServiceOrder?serviceOrder.id=none", None).await;
    assert_eq!(other.json(), json!([]));
    let all = ask(&world, token, Method::GET, "/cancelServiceOrder", None).await;
    assert_eq!(all.status, StatusCode::BAD_REQUEST, "{}", all.body);
}
