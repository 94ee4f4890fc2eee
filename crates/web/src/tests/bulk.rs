//! Acts on several tickets over the API: what is previewed is what is done, and each ticket is answered for.

use actix_web::http::{Method, StatusCode};
use rehome_domain::{
    board::MAX_LIMIT,
    ports::{Bus as _, TicketStore as _},
    role::Role,
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    api::{at, submit, token, wanted, world},
    world::{Answer, World, numbered},
};

/// Submits relocations with these numbers, in the name of this token; their ids.
async fn tickets(world: &World, by: &str, numbers: std::ops::RangeInclusive<u16>) -> Vec<String> {
    let mut ids = Vec::new();
    for number in numbers {
        let ticket = submit(world, by, &number.to_string(), &wanted(number)).await.json();
        ids.push(ticket["id"].as_str().unwrap().to_owned());
    }
    ids
}

async fn preview(world: &World, by: &str, query: &str) -> Answer {
    world.send(at(&format!("/bulk?{query}"), by)).await
}

async fn act(world: &World, by: &str, key: &str, body: &Value) -> Answer {
    let post = at("/bulk", by).method(Method::POST).insert_header(("idempotency-key", key));
    world.send(post.set_json(body)).await
}

async fn sheet(world: &World, by: &str, rows: &[Value]) -> Answer {
    world.send(at("/sheets", by).method(Method::POST).set_json(rows)).await
}

/// What is said of each, by this name.
fn each(tickets: &Value, name: &str) -> Vec<Value> {
    tickets.as_array().unwrap().iter().map(|ticket| ticket[name].clone()).collect()
}

/// How long each ticket's journal is.
async fn entries(world: &World, ids: &[String]) -> Vec<usize> {
    let mut entries = Vec::new();
    for id in ids {
        entries.push(world.store.journal(id.parse().unwrap()).await.unwrap().len());
    }
    entries
}

#[actix_web::test]
async fn what_is_previewed_is_what_is_done_and_a_ticket_that_moved_on_since_is_refused() {
    let world = world().await;
    let operator = token(&world, Role::Operator).await;
    let ids = tickets(&world, &operator, 1..=4).await;
    let cancel = json!({ "kind": "cancel", "reason": "stays" });
    let command = async |id: &str| {
        let path = format!("/tickets/{id}/commands");
        world.send(at(&path, &operator).method(Method::POST).set_json(&cancel)).await.status
    };
    assert_eq!(command(&ids[3]).await, StatusCode::OK);

    let seen = preview(&world, &operator, "command=cancel&sort=submitted").await.json();
    assert_eq!(each(&seen["will"], "id"), ids[..3], "{seen}");
    assert_eq!((&seen["needs_reason"], &seen["asked"]), (&json!(true), &json!(null)));
    assert_eq!(
        (each(&seen["not"], "id"), each(&seen["not"], "reason")),
        (vec![json!(ids[3])], vec![json!("closed")])
    );
    assert_eq!(entries(&world, &ids).await, [1, 1, 1, 2], "a preview changes nothing");
    assert_eq!(command(&ids[0]).await, StatusCode::OK);

    let named = |one: &Value| json!({ "id": one["id"], "version": one["version"] });
    let named: Vec<Value> = seen["will"].as_array().unwrap().iter().map(named).collect();
    let wish = json!({ "command": "cancel", "reason": "all stay", "tickets": named });
    let done = act(&world, &operator, "stay", &wish).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.body);
    let run = done.json();
    assert_eq!(each(&run["tickets"], "id"), ids[..3]);
    assert_eq!(each(&run["tickets"], "result"), ["refused", "accepted", "accepted"]);
    assert_eq!(run["tickets"][0]["reason"], "stale");
    assert_eq!((&run["command"], &run["ended"]), (&json!("cancel"), &json!(true)));
    assert_eq!(run["tickets"][1]["service_id"], numbered(2).service_id);
    let place = done.header("location").unwrap().trim_start_matches("/api/v1").to_owned();
    assert_eq!(world.send(at(&place, &operator)).await.json(), run);
    let stood = entries(&world, &ids).await;

    let again = act(&world, &operator, "stay", &wish).await.json();
    assert_eq!(each(&again["tickets"], "result"), each(&run["tickets"], "result"));
    assert_eq!(entries(&world, &ids).await, stood, "the same under the same key counts once");
}

#[actix_web::test]
async fn a_bulk_act_needs_the_role_and_the_reason_of_its_command_and_names_each_ticket() {
    let world = world().await;
    let operator = token(&world, Role::Operator).await;
    let supervisor = token(&world, Role::Supervisor).await;
    let ids = tickets(&world, &operator, 1..=1).await;
    let wish = |command: &str, reason: &str, tickets: Value| json!({ "command": command, "reason": reason, "tickets": tickets });
    let one = || json!([{ "id": ids[0], "version": 1 }]);
    let forced = wish("force_completion", "x", one());
    assert_eq!(act(&world, &operator, "a", &forced).await.problem(), "not-allowed");
    let previewed = preview(&world, &operator, "command=force_completion").await.json();
    assert_eq!(each(&previewed["not"], "reason"), ["not_allowed"]);
    for (wrong, field) in [
        (wish("force_completion", " ", one()), "reason"),
        (wish("cancel", "", one()), "reason"),
        (wish("cancel", "x", json!([])), "tickets"),
        (wish("cancel", "x", json!(vec![json!({ "id": ids[0], "version": 1 }); MAX_LIMIT + 1])), "tickets"),
        (wish("cancel", "x", json!([{ "id": ids[0] }])), "tickets[0]"),
        (wish("nonsense", "x", one()), "command"),
    ] {
        let refused = act(&world, &supervisor, "b", &wrong).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.body);
        assert_eq!(refused.json()["errors"][0]["field"], field);
    }
    for wrong in ["", "command=nonsense", "command=cancel&id=nonsense", "command=cancel&relocation=x"] {
        let refused = preview(&world, &operator, wrong).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}: {}", refused.body);
    }
    assert_eq!(entries(&world, &ids).await, [1]);

    let nobody = Uuid::now_v7();
    let seen = preview(&world, &operator, &format!("command=cancel&id={nobody}&id={}", ids[0])).await.json();
    assert_eq!(
        (each(&seen["will"], "id"), each(&seen["set_aside"], "id")),
        (vec![json!(ids[0])], vec![json!(nobody)])
    );
    let lost =
        act(&world, &operator, "c", &wish("cancel", "x", json!([{ "id": nobody, "version": 1 }]))).await;
    assert_eq!(each(&lost.json()["tickets"], "reason"), ["not-found"], "{}", lost.body);
}

#[actix_web::test]
async fn a_sheet_is_submitted_row_by_row_once_whoever_sends_it_and_known_after() {
    let world = world().await;
    let operator = token(&world, Role::Operator).await;
    let row = |number: u16| json!({ "service_id": numbered(number).service_id, "hold": true });
    let first = sheet(&world, &operator, &[row(1), row(2)]).await;
    assert_eq!(first.status, StatusCode::OK, "{}", first.body);
    let run = first.json();
    assert_eq!(each(&run["tickets"], "result"), ["accepted"; 2]);
    assert_eq!(each(&run["tickets"], "id"), [1, 2].map(|number| json!(numbered(number).relocation())));
    assert_eq!(run["command"], json!(null));
    let other = token(&world, Role::Supervisor).await;
    let again = sheet(&world, &other, &[row(1), row(2), row(3)]).await.json();
    assert_eq!(each(&again["tickets"], "result"), ["known", "known", "accepted"]);
    // It is another wish for the same move.
    let otherwise = json!({ "service_id": numbered(3).service_id });
    let refused = sheet(&world, &other, &[otherwise]).await.json();
    assert_eq!(each(&refused["tickets"], "result"), ["refused"], "{refused}");
    assert_eq!(each(&refused["tickets"], "reason"), ["conflict"]);
    assert_eq!(world.store.all_tickets(None, 10).await.unwrap().len(), 3);
}

#[actix_web::test]
async fn a_sheet_with_a_bad_row_says_which_line_is_wrong_and_submits_nothing() {
    let world = world().await;
    let operator = token(&world, Role::Operator).await;
    let good = json!({ "service_id": numbered(1).service_id });
    let refused = sheet(&world, &operator, &[good, json!({ "service_id": "nonsense" })]).await;
    assert_eq!((refused.status, refused.problem().as_str()), (StatusCode::UNPROCESSABLE_ENTITY, "invalid"));
    let errors = refused.json()["errors"].clone();
    assert_eq!((each(&errors, "line"), each(&errors, "field")), (vec![json!(2)], vec![json!("service_id")]));
    let many = vec![json!({ "service_id": "nonsense" }); 1200];
    let refused = sheet(&world, &operator, &many).await.json();
    assert_eq!(refused["errors"].as_array().unwrap().len(), 1000);
    assert!(refused["detail"].as_str().unwrap().contains("1200 errors"), "{}", refused["detail"]);
    let large = at("/sheets", &operator).method(Method::POST).set_payload(" ".repeat(4 * 1024 * 1024 + 1));
    assert_eq!(world.send(large).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(world.store.all_tickets(None, 10).await.unwrap(), []);
}

#[actix_web::test]
async fn a_run_that_nobody_answers_for_says_what_is_on_its_way_and_a_closed_bus_what_failed() {
    let world = World::new(false);
    world.user("operator", Role::Operator).await;
    let operator = token(&world, Role::Operator).await;
    let row = |number: u16| json!({ "service_id": numbered(number).service_id });
    let nobody = sheet(&world, &operator, &[row(1)]).await.json();
    assert_eq!(each(&nobody["tickets"], "result"), ["on_its_way"]);
    world.bus.close();
    let away = sheet(&world, &operator, &[row(2)]).await.json();
    assert_eq!(
        (each(&away["tickets"], "result"), each(&away["tickets"], "reason")),
        (vec![json!("failed")], vec![json!("unavailable")])
    );
}
