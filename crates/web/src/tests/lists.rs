//! Lists that are longer than a page: as files, and as charts.

use std::sync::Arc;

use actix_web::{
    http::{Method, StatusCode},
    test::TestRequest,
};
use jiff::{SignedDuration, Timestamp};
use rehome_domain::{
    MessageId, RelocationId, Request,
    board::MAX_LIMIT,
    message::{Envelope, Input},
    ports::{Change, Committed, TicketStore},
    role::Role,
    step::{Context, Stepped, step},
};
use rehome_testkit::history;
use serde_json::json;
use uuid::Uuid;

use super::world::{World, bearer, from_our_page, numbered};

fn id(number: u16) -> RelocationId {
    RelocationId(Uuid::from_u128(u128::from(number)))
}

/// Submits relocations with these numbers at an instant; each waits for a person.
async fn submit(world: &World, numbers: std::ops::Range<u16>, at: Timestamp) {
    let changes = numbers.map(|number| {
        let request = Request { hold: true, ..numbered(number) };
        let (cause, by) = (MessageId(number.to_string()), history::person());
        let input = Input::Submitted { request: Arc::new(request) };
        let envelope = Envelope { relocation: id(number), cause, by, input };
        let Stepped::Journaled(stepped) = step(None, &envelope, &Context::at(at)) else {
            panic!("{number} is not taken");
        };
        let (ticket, entry) = *stepped;
        Change { locked: ticket.state.needs_lock(), ticket: Arc::new(ticket), entry: Arc::new(entry) }
    });
    let done = world.store.commit(changes.collect()).await.unwrap();
    assert!(done.iter().all(|done| *done == Committed::Done), "{done:?}");
}

#[actix_web::test]
async fn files_have_all_of_a_long_list_and_what_is_set_aside_with_the_reason() {
    let world = World::new(false);
    let many = u16::try_from(MAX_LIMIT).unwrap() + 50;
    submit(&world, 0..many, world.now()).await;
    world.store.quarantine(id(7), "a hole".to_owned()).await.unwrap();
    world.user("ann", Role::Viewer).await;
    let cookie = world.signed_in("ann").await;
    let (token, _) = world.token("ann", None, None).await;
    let answers = [
        world.send(from_our_page(Method::GET, "/export/csv?sort=service", &cookie)).await,
        world.send(bearer("/api/v1/tickets.csv?sort=service", token.expose())).await,
    ];
    for answer in answers {
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        assert!(answer.header("content-type").unwrap().starts_with("text/csv"));
        let rows: Vec<&str> = answer.body.lines().skip(1).collect();
        assert_eq!(rows.len(), usize::from(many));
        for (row, number) in rows.iter().zip(0..many) {
            assert!(row.starts_with(&format!("\"{}\",", id(number))), "{row}");
            let (said, service) = (row.ends_with(",\"a hole\""), row.contains(&format!("LL-{number:04}")));
            assert_eq!((said, service), (number == 7, number != 7), "{row}");
        }
    }
    let json = world.send(from_our_page(Method::GET, "/export/json", &cookie)).await.json();
    let rows = json.as_array().unwrap();
    assert_eq!(rows.len(), usize::from(many));
    let aside = rows.iter().find(|row| row["relocation"] == id(7).to_string()).unwrap();
    assert_eq!(aside["set_aside"], "a hole");

    let some = world.send(bearer("/api/v1/tickets.csv?text=LL-0042", token.expose())).await;
    assert_eq!(some.body.lines().count(), 2);
    let wrong = world.send(bearer("/api/v1/tickets.csv?limit=3", token.expose())).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    let nobody = world.send(TestRequest::get().uri("/api/v1/tickets.csv")).await;
    assert_eq!(nobody.status, StatusCode::UNAUTHORIZED);
}

#[actix_web::test]
async fn the_overview_counts_those_that_have_waited_longest_however_many_have_changed_since() {
    let world = World::new(false);
    let many = u16::try_from(MAX_LIMIT).unwrap() + 50;
    submit(&world, 0..7, world.now() - SignedDuration::from_hours(48)).await;
    submit(&world, 7..many, world.now() - SignedDuration::from_mins(7)).await;
    world.user("ann", Role::Viewer).await;
    let cookie = world.signed_in("ann").await;
    let page = world.send(from_our_page(Method::GET, "/overview", &cookie)).await.body;
    for bar in ["1 d +: a person 7,", "&lt; 1 h: a person 1043,", "&lt; 5 min: a person 0,"] {
        assert!(page.contains(bar), "{bar} is not in {page}");
    }
}

#[actix_web::test]
async fn devices_are_told_by_page_and_api_with_what_waits_for_them_and_what_is_paused() {
    let world = World::new(false);
    submit(&world, 0..3, world.now()).await;
    world.user("ann", Role::Viewer).await;
    let (token, _) = world.token("ann", None, None).await;
    let answer = world.send(bearer("/api/v1/devices", token.expose())).await.json();
    assert_eq!((&answer["tickets"], &answer["complete"]), (&json!(3), &json!(true)));
    let devices = answer["devices"].as_array().unwrap();
    let gateway = devices.iter().find(|device| device["name"] == numbered(0).new.l3_device).unwrap();
    assert_eq!((&gateway["layer"], &gateway["tickets"]), (&json!("l3"), &json!(3)), "{gateway}");
    assert_eq!((&gateway["reachable"], &gateway["paused"]), (&json!("unknown"), &json!(false)), "{gateway}");
    let cookie = world.signed_in("ann").await;
    let page = world.send(from_our_page(Method::GET, "/devices?lang=zh", &cookie)).await;
    assert_eq!(page.status, StatusCode::OK);
    for told in ["3 个未结工单", "未见异常", &format!("href=\"/?device={}\"", numbered(0).new.l3_device)]
    {
        assert!(page.body.contains(told), "{told} is not in {}", page.body);
    }
}
