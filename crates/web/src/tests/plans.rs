//! What a ticket would change on its devices.

use actix_web::http::{Method, StatusCode};
use rehome_devices::provision::provision;
use rehome_domain::{
    order::Layer,
    ports::{DeviceMemory as _, Edit, Holding, TicketStore as _},
    role::Role,
};
use serde_json::json;

use super::{
    api::{at, submit, token, wanted, world},
    world::{Answer, World},
};

/// A world with a ticket whose circuit is in service, and whose reservation waits for a person.
async fn with_ticket() -> (World, String) {
    let world = world().await;
    let operator = token(&world, Role::Operator).await;
    let mut held = wanted(1);
    held["hold"] = true.into();
    let ticket = submit(&world, &operator, "one", &held).await.json();
    let id = ticket["id"].as_str().unwrap().to_owned();
    let loaded = world.store.load(vec![id.parse().unwrap()]).await.unwrap().remove(0);
    let rehome_domain::ports::Loaded::Ticket(loaded) = loaded else { panic!("no ticket") };
    provision(&*world.store, &[(*loaded.request).clone()]).await.unwrap();
    (world, id)
}

#[actix_web::test]
async fn a_plan_tells_what_the_devices_hold_and_what_each_order_would_change_and_touches_nothing() {
    let (world, id) = with_ticket().await;
    let operator = token(&world, Role::Operator).await;
    let before = world.store.all(Layer::L3).await.unwrap();
    let answer = world.send(at(&format!("/tickets/{id}/plan"), &operator)).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let plan = answer.json();
    let gateways: Vec<_> =
        plan["devices"].as_array().unwrap().iter().filter(|device| device["layer"] == "l3").collect();
    let orders: Vec<_> = gateways.iter().flat_map(|gateway| gateway["orders"].as_array().unwrap()).collect();
    let reserve = orders.iter().find(|order| order["order"] == "reserve").unwrap();
    assert_eq!(reserve["changes"][0]["to"]["presence"], "reserved", "{plan:#}");
    assert_eq!(gateways[0]["now"][0]["held"]["presence"], "installed", "{plan:#}");
    assert_eq!(world.store.all(Layer::L3).await.unwrap(), before);
    let again = world.send(at(&format!("/tickets/{id}/plan"), &operator)).await.json();
    assert_eq!(again["fingerprint"], plan["fingerprint"]);
}

#[actix_web::test]
async fn a_plan_is_not_made_for_those_who_may_only_look_nor_of_tickets_that_there_are_not() {
    let (world, id) = with_ticket().await;
    let viewer = token(&world, Role::Viewer).await;
    let answer = world.send(at(&format!("/tickets/{id}/plan"), &viewer)).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    let operator = token(&world, Role::Operator).await;
    let none = world.send(at("/tickets/00000000-0000-0000-0000-000000000001/plan", &operator)).await;
    assert_eq!(none.status, StatusCode::NOT_FOUND);
}

#[actix_web::test]
async fn the_page_of_a_plan_tells_it_in_both_languages() {
    let (world, id) = with_ticket().await;
    world.user("op", Role::Operator).await;
    let cookie = world.signed_in("op").await;
    for (lang, wanted) in [("en", "reserved for"), ("zh-CN", "已预占，")] {
        let page = actix_web::test::TestRequest::get()
            .uri(&format!("/tickets/{id}/plan"))
            .insert_header(("Accept-Language", lang))
            .cookie(cookie.clone());
        let page = world.send(page).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.body);
        assert!(page.body.contains(wanted), "{}", page.body);
    }
}

/// A command with the fingerprint of a plan.
async fn by_plan(world: &World, id: &str, key: &str, kind: &str, plan: &str, reason: &str) -> Answer {
    let operator = token(world, Role::Operator).await;
    let command = json!({ "kind": kind, "plan": plan, "reason": reason });
    let request = at(&format!("/tickets/{id}/commands"), &operator).method(Method::POST);
    world.send(request.insert_header(("Idempotency-Key", key)).set_json(command)).await
}

async fn fingerprint(world: &World, id: &str) -> String {
    let operator = token(world, Role::Operator).await;
    let plan = world.send(at(&format!("/tickets/{id}/plan"), &operator)).await.json();
    plan["fingerprint"].as_str().unwrap().to_owned()
}

/// Somebody else changes the circuit at the old place.
async fn drift(world: &World, id: &str) {
    let loaded = world.store.load(vec![id.parse().unwrap()]).await.unwrap().remove(0);
    let rehome_domain::ports::Loaded::Ticket(ticket) = loaded else { panic!("no ticket") };
    let spot = ticket.request.old.l3();
    let held = world.store.look(Layer::L3, vec![spot.clone()]).await.unwrap().remove(0);
    let put = held.clone().map(|held| Holding { description: "changed by hand".to_owned(), ..held });
    assert!(world.store.edit(Layer::L3, vec![Edit { spot, expect: held, put }]).await.unwrap());
}

#[actix_web::test]
async fn a_command_by_a_plan_is_taken_as_long_as_the_devices_hold_what_it_says_and_the_ticket_tells_it() {
    let (world, id) = with_ticket().await;
    let seen = fingerprint(&world, &id).await;
    let answer = by_plan(&world, &id, "one", "deploy_reservation", &seen, "").await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
    let operator = token(&world, Role::Operator).await;
    let ticket = world.send(at(&format!("/tickets/{id}"), &operator)).await.json();
    assert_eq!((&ticket["plan"], &ticket["version"]), (&json!(seen), &json!(2)));
    // Sent again it is what it was, whatever the devices hold by now.
    drift(&world, &id).await;
    let again = by_plan(&world, &id, "one", "deploy_reservation", &seen, "").await;
    assert_eq!(again.status, StatusCode::OK, "{}", again.body);
}

#[actix_web::test]
async fn a_command_by_a_plan_that_the_devices_have_drifted_from_is_refused_and_changes_nothing() {
    let (world, id) = with_ticket().await;
    let seen = fingerprint(&world, &id).await;
    drift(&world, &id).await;
    let answer = by_plan(&world, &id, "one", "deploy_reservation", &seen, "").await;
    assert_eq!(
        (answer.status, answer.json()["type"].as_str().unwrap().ends_with("drifted")),
        (StatusCode::CONFLICT, true),
        "{}",
        answer.body
    );
    let operator = token(&world, Role::Operator).await;
    let ticket = world.send(at(&format!("/tickets/{id}"), &operator)).await.json();
    assert_eq!((&ticket["plan"], &ticket["version"]), (&json!(null), &json!(1)));
    let now = fingerprint(&world, &id).await;
    assert_ne!(now, seen);
    let answer = by_plan(&world, &id, "two", "deploy_reservation", &now, "").await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
}

#[actix_web::test]
async fn the_page_of_a_plan_offers_to_go_by_it_and_asks_for_a_reason_where_it_replaces_another() {
    let (world, id) = with_ticket().await;
    world.user("op", Role::Operator).await;
    let cookie = world.signed_in("op").await;
    let page = async || {
        let request = actix_web::test::TestRequest::get().uri(&format!("/tickets/{id}/plan"));
        world.send(request.cookie(cookie.clone())).await.body
    };
    let seen = fingerprint(&world, &id).await;
    let shown = page().await;
    assert!(shown.contains(&format!("name=\"plan\" value=\"{seen}\"")), "{shown}");
    assert!(!shown.contains("id=\"reason-plan\""), "{shown}");
    by_plan(&world, &id, "one", "deploy_reservation", &seen, "").await;
    drift(&world, &id).await;
    let shown = page().await;
    assert!(shown.contains("The ticket goes by another plan"), "{shown}");
}
