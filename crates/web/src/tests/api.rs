use actix_web::{
    http::{Method, StatusCode, header},
    test::TestRequest,
};
use rehome_domain::{
    ports::{AccountStore, DeadLetter, Revoke, TicketStore},
    request::Request,
    role::Role,
};
use serde_json::{Value, json};

use super::world::{Answer, World, bearer, numbered};
use crate::api;

/// Shows a token at a path of the API.
pub(super) fn at(path: &str, token: &str) -> TestRequest {
    bearer(&format!("{}{path}", api::BASE), token)
}

pub(super) async fn token(world: &World, role: Role) -> String {
    world.token(role.wire(), None, None).await.0.expose().to_owned()
}

/// A world where a supervisor works, with a user of each role.
pub(super) async fn world() -> World {
    let world = World::new(false);
    world.supervise().await;
    for role in Role::ALL {
        world.user(role.wire(), role).await;
    }
    world
}

/// A relocation that waits for a person, and meets no other one.
pub(super) fn wanted(number: u16) -> Value {
    json!(Request { hold: true, ..numbered(number) })
}

pub(super) async fn submit(world: &World, by: &str, key: &str, wanted: &Value) -> Answer {
    let request = at("/tickets", by).method(Method::POST).insert_header(("idempotency-key", key));
    world.send(request.set_json(wanted)).await
}

#[test]
fn the_document_in_docs_is_that_of_the_routes_and_types() {
    let kept = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json"));
    let said = format!("{:#}\n", api::document());
    assert!(
        kept.unwrap_or_default() == said,
        "docs/openapi.json differs, make it anew (`just docs`):\n{said}"
    );
}

/// All that somebody could have changed.
async fn standing(world: &World) -> [Value; 4] {
    let admin = token(world, Role::Admin).await;
    let tickets = world.send(at("/tickets?sort=submitted", &admin)).await.json();
    let letters = world.send(at("/dead-letters", &admin)).await.json();
    let steering = world.send(at("/steering", &admin)).await.json();
    [tickets, letters, steering, json!(world.store.accounts().await.unwrap())]
}

#[actix_web::test]
async fn whoever_may_not_is_told_so_at_each_route_of_the_document_and_changes_nothing() {
    let world = world().await;
    let operator = token(&world, Role::Operator).await;
    let id = submit(&world, &operator, "one", &wanted(1)).await.json()["id"].as_str().unwrap().to_owned();
    let letter = DeadLetter {
        id: rehome_domain::id::MessageId("lost".to_owned()),
        at: world.now(),
        origin: "commands".to_owned(),
        key: None,
        by: None,
        trace: None,
        reason: "nobody knows it".to_owned(),
        body: "{}".to_owned(),
    };
    world.store.bury(letter).await.unwrap();
    let admin = token(&world, Role::Admin).await;
    let letters = world.send(at("/dead-letters", &admin)).await.json();
    let key = letters["letters"][0]["key"].as_str().unwrap().replace('#', "%23");
    let before = standing(&world).await;
    let document = api::document();
    let mut asked = 0;
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let Some(needs) = operation["x-role"].as_str() else { continue };
            let needs: Role = needs.parse().unwrap();
            let path = path.replace("{id}", &id).replace("{key}", &key);
            let method: Method = method.to_uppercase().parse().unwrap();
            // What would be right if they might: nothing but the role stands in the way.
            let body = json!({
                "/tickets": wanted(2), "/sheets": [wanted(3)], "/bulk": {
                    "command": "cancel", "reason": "x", "tickets": [{ "id": id, "version": 1 }],
                },
                "/steering": { "turn": "pause", "scope": { "scope": "everything" }, "reason": "x" },
            });
            let body = match (path.as_str(), path.rsplit('/').next()) {
                (_, Some("commands")) => json!({ "kind": "cancel", "reason": "x" }),
                (_, Some("drop" | "resend")) => json!({ "reason": "x" }),
                (path, _) => body[path].clone(),
            };
            for has in Role::ALL.into_iter().filter(|has| *has < needs) {
                let sent = at(&path, &token(&world, has).await).method(method.clone()).set_json(&body);
                let answer = world.send(sent).await;
                let told = (answer.status, answer.problem());
                assert_eq!(told, (StatusCode::FORBIDDEN, "not-allowed".to_owned()), "{has}: {method} {path}");
                asked += 1;
            }
            let nobody = TestRequest::with_uri(&format!("{}{path}", api::BASE)).method(method.clone());
            let answer = world.send(nobody.set_json(&body)).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "nobody: {method} {path}");
            // Whoever may is asked for what is missing, if anything is.
            let sent = at(&path, &token(&world, needs).await).method(method.clone());
            let answer = world.send(sent).await;
            let by_session = operation["security"] == json!([{ "session": [] }]);
            assert!(by_session || answer.status != StatusCode::FORBIDDEN, "{needs}: {method} {path}");
            assert!(!answer.status.is_server_error(), "{needs}: {method} {path}: {}", answer.body);
        }
    }
    assert!(asked > 5, "the document has routes that not everybody may take");
    for kind in ["force_reservation", "force_completion"] {
        let forced = at(&format!("/tickets/{id}/commands"), &operator).method(Method::POST);
        let answer = world.send(forced.set_json(json!({ "kind": kind, "reason": "x" }))).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{kind}");
    }
    assert_eq!(standing(&world).await, before);
}

#[actix_web::test]
async fn the_same_under_the_same_key_finds_the_ticket_and_something_else_is_told_what_differs() {
    let world = world().await;
    let operator = token(&world, Role::Operator).await;
    let first = submit(&world, &operator, "order 7", &wanted(1)).await;
    assert_eq!(first.status, StatusCode::CREATED, "{}", first.body);
    let again = submit(&world, &operator, "order 7", &wanted(1)).await;
    assert_eq!((again.status, again.json()), (StatusCode::OK, first.json()));
    let other = submit(&world, &operator, "order 7", &wanted(2)).await;
    assert_eq!((other.status, other.problem().as_str()), (StatusCode::CONFLICT, "conflict"));
    assert!(
        other.json()["detail"].as_str().unwrap().contains("service_id, old, new differ"),
        "{}",
        other.body
    );
    // The keys of two callers never meet.
    let admin = token(&world, Role::Admin).await;
    let theirs = submit(&world, &admin, "order 7", &wanted(2)).await;
    assert_eq!(theirs.status, StatusCode::CREATED, "{}", theirs.body);
    assert_ne!(theirs.json()["id"], first.json()["id"]);
    // Another open relocation holds the target.
    let held = submit(&world, &admin, "order 8", &wanted(1)).await;
    assert_eq!((held.status, held.problem().as_str()), (StatusCode::CONFLICT, "held"));
}

#[actix_web::test]
async fn a_field_that_is_wrong_or_unknown_is_named() {
    let world = world().await;
    let operator = token(&world, Role::Operator).await;
    for (path, value, field) in [
        ("/new/vlan", json!(5000), "new.vlan"),
        ("/new/vlan", json!("x"), "new.vlan"),
        ("/nonsense", json!(1), "nonsense"),
        ("/service_id", json!(""), "service_id"),
    ] {
        let mut wanted = wanted(1);
        match wanted.pointer_mut(path) {
            Some(place) => *place = value,
            None => wanted[path.trim_start_matches('/')] = value,
        }
        let answer = submit(&world, &operator, "k", &wanted).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{path} {}", answer.body);
        assert_eq!(answer.json()["errors"][0]["field"], field, "{}", answer.body);
    }
    for (query, field) in [
        ("relocation=nonsense", "relocation"),
        ("limit=0", "limit"),
        ("limit=1&limit=2", "limit"),
        ("after=x", "after"),
        ("nonsense=1", "nonsense"),
        ("sort=size", "sort"),
    ] {
        let answer = world.send(at(&format!("/tickets?{query}"), &operator)).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{query}");
        assert_eq!(answer.json()["errors"][0]["field"], field);
    }
}

#[actix_web::test]
async fn pages_go_on_where_the_one_before_ended() {
    let world = world().await;
    let operator = token(&world, Role::Operator).await;
    for number in 1..=5 {
        let answer = submit(&world, &operator, &format!("{number}"), &wanted(number)).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    }
    let (mut seen, mut after) = (Vec::new(), String::new());
    loop {
        let path = format!("/tickets?sort=-service&disposition=open&count=true&limit=2{after}");
        let page = world.send(at(&path, &operator)).await.json();
        assert_eq!(page["count"], json!({ "tickets": 5, "exact": true }));
        let services = page["tickets"].as_array().unwrap().iter();
        seen.extend(services.map(|ticket| ticket["service_id"].as_str().unwrap().to_owned()));
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    assert_eq!(seen, ["LL-0005", "LL-0004", "LL-0003", "LL-0002", "LL-0001"]);
    let counts = world.send(at("/counts", &operator)).await.json();
    assert_eq!(counts[0]["tickets"], 5);
}

#[actix_web::test]
async fn a_command_is_refused_if_the_ticket_has_moved_on_and_counts_once_under_a_key() {
    let world = world().await;
    let operator = token(&world, Role::Operator).await;
    let ticket = submit(&world, &operator, "one", &wanted(1)).await;
    let (id, tag) =
        (ticket.json()["id"].as_str().unwrap().to_owned(), ticket.header("etag").unwrap().to_owned());
    let path = format!("/tickets/{id}/commands");
    let send = async |seen: &str, key: &str, body: Value| {
        let sent = at(&path, &operator).method(Method::POST).insert_header((header::IF_MATCH, seen));
        world.send(sent.insert_header(("idempotency-key", key)).set_json(body)).await
    };
    let cancel = json!({ "kind": "cancel", "reason": "the customer stays" });
    let stale = send("\"7\"", "a", cancel.clone()).await;
    assert_eq!((stale.status, stale.problem().as_str()), (StatusCode::PRECONDITION_FAILED, "stale"));
    let silent = send(&tag, "b", json!({ "kind": "cancel" })).await;
    assert_eq!(silent.json()["errors"][0]["field"], "reason");
    // A refusal is an entry too.
    let now = world.send(at(&format!("/tickets/{id}"), &operator)).await;
    let done = send(now.header("etag").unwrap(), "c", cancel.clone()).await;
    assert_eq!((done.status, done.json()["version"].clone()), (StatusCode::OK, json!(3)), "{}", done.body);
    let again = send(now.header("etag").unwrap(), "c", cancel.clone()).await;
    assert_eq!(again.status, StatusCode::OK, "{}", again.body);
    let other = send(now.header("etag").unwrap(), "c", json!({ "kind": "deploy_reservation" })).await;
    assert_eq!((other.status, other.problem().as_str()), (StatusCode::CONFLICT, "conflict"));
    let closed = send("*", "d", json!({ "kind": "deploy_reservation" })).await;
    assert_eq!((closed.status, closed.problem().as_str()), (StatusCode::CONFLICT, "closed"));
    let journal = world.send(at(&format!("/tickets/{id}/journal"), &operator)).await.json();
    let by = json!({ "who": "person", "name": "operator", "via": "api", "role": "operator" });
    assert_eq!(journal["entries"][2]["by"], by);
    assert_eq!(journal["entries"].as_array().unwrap().len(), 4, "{journal}");
}

#[actix_web::test]
async fn what_an_admin_pauses_is_shown_until_it_is_resumed() {
    let world = world().await;
    let admin = token(&world, Role::Admin).await;
    let scope = json!({ "scope": "device", "name": "gw-east" });
    let steer = async |turn: &str| {
        let wish = json!({ "turn": turn, "scope": scope, "reason": "works" });
        world.send(at("/steering", &admin).method(Method::POST).set_json(wish)).await
    };
    let paused =
        async || world.send(at("/steering", &admin)).await.json()["paused"].as_array().unwrap().len();
    let nothing = steer("resume").await;
    assert_eq!((nothing.status, nothing.problem().as_str()), (StatusCode::CONFLICT, "conflict"));
    assert_eq!((steer("pause").await.status, paused().await), (StatusCode::OK, 1));
    assert_eq!((steer("resume").await.status, paused().await), (StatusCode::OK, 0));
}

#[actix_web::test]
async fn a_webhook_is_its_owners_alone_tells_its_secret_once_and_must_be_within_reach() {
    let world = world().await;
    let (ann, bob) = (token(&world, Role::Operator).await, token(&world, Role::Supervisor).await);
    let admin = token(&world, Role::Admin).await;
    let add = async |body: Value| world.send(at("/webhooks", &ann).method(Method::POST).set_json(body)).await;
    let wished = json!({ "url": "https://bss.example/", "query": "eventType=alarm.raised" });
    let added = add(wished.clone()).await;
    assert_eq!(added.status, StatusCode::CREATED, "{}", added.body);
    let added = added.json();
    assert!(added["secret"].as_str().unwrap().starts_with("whsec_"), "{added}");
    let path = format!("/webhooks/{}", added["id"].as_str().unwrap());
    for (who, count) in [(&ann, 1), (&bob, 0), (&admin, 1)] {
        let all = world.send(at("/webhooks", who)).await;
        assert!(!all.body.contains("whsec_"), "{}", all.body);
        assert_eq!(all.json().as_array().unwrap().len(), count);
    }
    assert_eq!(world.send(at(&path, &ann)).await.json()["query"], wished["query"]);
    let retried = world.send(at(&format!("{path}/retry"), &ann).method(Method::POST)).await;
    assert_eq!((retried.status, retried.json()["failed"].clone()), (StatusCode::OK, json!(0)));
    for (field, wrong) in [
        ("url", json!({ "url": "http://127.0.0.1:9/" })),
        ("query", json!({ "url": "https://bss.example/", "query": "eventType=ServiceOrderCreateEvent" })),
        ("colour", json!({ "url": "https://bss.example/", "colour": "red" })),
    ] {
        let refused = add(wrong).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.body);
        assert!(refused.body.contains(field), "{}", refused.body);
    }
    let remove = async |who: &str| world.send(at(&path, who).method(Method::DELETE)).await.status;
    assert_eq!((remove(&bob).await, remove(&ann).await), (StatusCode::NOT_FOUND, StatusCode::NO_CONTENT));
    assert_eq!(remove(&ann).await, StatusCode::NOT_FOUND);
}

#[actix_web::test]
async fn a_webhook_that_a_token_asked_for_says_when_it_has_ended_with_that() {
    let world = world().await;
    let other = token(&world, Role::Operator).await;
    let owner = world.send(at("/me", &other)).await.json()["name"].as_str().unwrap().to_owned();
    let (secret, id) = world.token(&owner, None, None).await;
    let wish = json!({ "url": "https://bss.example/" });
    let added = at("/webhooks", secret.expose()).method(Method::POST).set_json(wish);
    assert_eq!(world.send(added).await.status, StatusCode::CREATED);
    let listed = async |lang: &str| {
        let all = at("/webhooks", &other).insert_header(("Accept-Language", lang));
        world.send(all).await.json()[0].clone()
    };
    let before = listed("en").await;
    assert_eq!((&before["token"], &before["silent"]), (&json!(id), &Value::Null), "{before}");
    world.store.revoke(Revoke::One(id)).await.unwrap();
    for (lang, why) in [("en", "was revoked"), ("zh", "已吊销")] {
        let after = listed(lang).await;
        assert!(after["silent"].as_str().unwrap().contains(why), "{after}");
    }
}
