//! A drain, as whoever waits for it sees it.

use std::time::Duration;

use actix_web::http::{Method, StatusCode, header};
use rehome_domain::{
    command::By,
    id::{MessageId, RelocationId},
    message::Envelope,
    order::Layer,
    ports::{Bus, Incoming, Loaded, Outgoing, TicketStore},
    reply::{Outcome, Report},
    role::Role,
};
use rehome_testkit::history::reply;
use serde_json::json;
use uuid::Uuid;

use super::{
    api::{at, token},
    world::{World, from_our_page, numbered},
};

/// Lets a layer's configurator say that the ticket's order is done, once there is one.
async fn done(world: &World, id: RelocationId, layer: Layer) {
    let order = loop {
        if let Some(Loaded::Ticket(ticket)) = world.store.load(vec![id]).await.unwrap().pop()
            && let Some(out) = ticket.out(layer)
        {
            break out.awaited().id;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    };
    let report = Report::Reserve { outcome: Outcome::Done, rollback: None };
    let (cause, by) = (MessageId(Uuid::now_v7().to_string()), By::Configurator { layer, domain: None });
    let envelope = Envelope { relocation: id, cause, by, input: reply(layer, order, report) };
    let said = Outgoing::Reply(Incoming { envelope, reply_to: None, early: 0 });
    world.bus.send(vec![said]).await.unwrap();
}

#[actix_web::test]
async fn a_drain_begun_on_the_page_says_what_is_still_under_way_there_until_nothing_is() {
    let world = World::new(false);
    let helm = world.supervise().await;
    world.user(Role::Admin.wire(), Role::Admin).await;
    let (cookie, token) = (world.signed_in(Role::Admin.wire()).await, token(&world, Role::Admin).await);
    let request = numbered(7);
    let device = request.new.l2_device.clone();
    let submitted =
        world.send(at("/tickets", &token).method(Method::POST).set_json(json!(request))).await.json();
    let id: RelocationId = submitted["id"].as_str().unwrap().parse().unwrap();

    let form = [("turn", "drain"), ("kind", "device"), ("name", &device), ("reason", "new line card")];
    let begun = world.send(from_our_page(Method::POST, "/pauses", &cookie).set_form(form)).await;
    assert_eq!(begun.status, StatusCode::SEE_OTHER, "{}", begun.body);

    let page = async |language: &str| {
        let request = from_our_page(Method::GET, "/pauses", &cookie);
        world.send(request.insert_header((header::ACCEPT_LANGUAGE, language))).await.body
    };
    for (language, said) in [("en", "Still under way there: 1"), ("zh", "仍在进行：1 个")] {
        let page = page(language).await;
        assert!(page.contains(said), "{page}");
        assert!(page.contains(&format!("<a href=\"/tickets/{id}\">LL-0007</a>")), "{page}");
    }
    let steering = world.send(at("/steering", &token)).await.json();
    let draining = &steering["draining"][0];
    assert_eq!((&draining["under_way"], &draining["more"]), (&json!(1), &json!(false)), "{steering}");
    assert_eq!((&draining["relocations"], &draining["name"]), (&json!([id]), &json!(device)));

    done(&world, id, Layer::L3).await;
    done(&world, id, Layer::L2).await;
    let over = async {
        while world.send(at("/steering", &token)).await.json()["draining"] != json!([]) {
            helm.turn().await.unwrap();
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), over).await.unwrap();
    let page = page("en").await;
    assert!(!page.contains("Still under way") && page.contains("Drained"), "{page}");
}
