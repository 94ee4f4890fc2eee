//! Ordering systems' way: an order is a submission, `inProgress` a deployment, a `cancelServiceOrder` a cancellation.

use std::sync::Arc;

use actix_web::http::Method;
use rehome_domain::{
    command::{Command, CommandKind},
    id::RelocationId,
    message::Input,
    ports::TicketStore as _,
    request::{Place, Request},
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{REASON, Way, common, load, world};
use crate::{
    tests::world::{World, bearer, numbered},
    tmf::BASE,
};

/// A request as an ordering system has it.
fn order(request: &Request) -> Value {
    let named = |name: &str, value: Value| json!({ "name": name, "value": value });
    let place = |side: &str, place: &Place| {
        [
            ("l3Device", json!(place.l3_device)),
            ("l3Port", json!(place.l3_port)),
            ("vlan", json!(place.vlan)),
            ("l2Device", json!(place.l2_device)),
            ("l2Port", json!(place.l2_port)),
        ]
        .map(|(name, value)| named(&format!("{side}.{name}"), value))
    };
    let mut given = [place("old", &request.old), place("new", &request.new)].concat();
    given.extend([named("ip", json!(request.ip)), named("hold", json!(request.hold))]);
    json!({
        "description": request.description,
        "relatedParty": [{ "name": request.customer, "role": "customer" }],
        "serviceOrderItem": [{
            "id": "1", "action": "modify",
            "service": { "id": request.service_id, "serviceCharacteristic": given },
        }],
    })
}

async fn ask(world: &World, token: &str, method: Method, path: &str, body: Value) -> Value {
    let answer = world.send(bearer(&format!("{BASE}{path}"), token).method(method).set_json(body)).await;
    assert!(answer.status.is_success(), "{path}: {}", answer.body);
    answer.json()
}

/// Orders, lets it go on and asks to cancel it.
async fn ordered(world: &World, token: &str, request: Request) -> RelocationId {
    let placed = ask(world, token, Method::POST, "/serviceOrder", order(&request)).await;
    let id = placed["id"].as_str().unwrap();
    let go_on = json!({ "state": "inProgress" });
    ask(world, token, Method::PATCH, &format!("/serviceOrder/{id}"), go_on).await;
    let cancel = json!({ "cancellationReason": REASON, "serviceOrder": { "id": id } });
    ask(world, token, Method::POST, "/cancelServiceOrder", cancel).await;
    id.parse().unwrap()
}

/// The same by messages.
async fn told(world: &World, request: Request) -> RelocationId {
    let (way, id) = (Way::Message, RelocationId(Uuid::now_v7()));
    way.tell(world, id, Input::Submitted { request: Arc::new(request) }).await;
    let seen = Some(load(world, id).await.version);
    let deploy = Command { expected_version: seen, ..Command::plain(CommandKind::DeployReservation) };
    way.tell(world, id, Input::Command(deploy)).await;
    let cancel = Command { reason: REASON.to_owned(), ..Command::plain(CommandKind::Cancel) };
    way.tell(world, id, Input::Command(cancel)).await;
    id
}

#[actix_web::test]
async fn an_order_of_tmf641_is_journaled_as_the_same_messages_are_but_for_the_way() {
    let (world, ways) = world().await;
    let Some(Way::Api(token)) = ways.into_iter().find(|way| matches!(way, Way::Api(_))) else {
        panic!("no token");
    };
    let request = |number| Request { hold: true, ..numbered(number) };
    let ids = [ordered(&world, &token, request(1)).await, told(&world, request(2)).await];
    let mut said = Vec::new();
    for (id, via) in ids.into_iter().zip(["api", "amqp"]) {
        let journal = world.store.journal(id).await.unwrap();
        let journal = json!(journal.into_iter().map(Result::unwrap).collect::<Vec<_>>());
        let by: Vec<&Value> = journal.as_array().unwrap().iter().map(|entry| &entry["by"]["via"]).collect();
        assert_eq!(by, [via; 3]);
        said.push(common(journal, &id.to_string()));
    }
    assert_eq!(said[0], said[1]);
}
