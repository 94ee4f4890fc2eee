//! What a ticket would change on its devices.

use actix_web::http::StatusCode;
use rehome_devices::provision::provision;
use rehome_domain::{
    order::Layer,
    ports::{DeviceMemory as _, TicketStore as _},
    role::Role,
};

use super::{
    api::{at, submit, token, wanted, world},
    world::World,
};

/// A world with a ticket whose circuit is in service, and whose reservation waits for a configurator.
async fn with_ticket() -> (World, String) {
    let world = world().await;
    let operator = token(&world, Role::Operator).await;
    let ticket = submit(&world, &operator, "one", &wanted(1)).await.json();
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
