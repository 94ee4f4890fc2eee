//! Sheets and acts on several tickets: all of them, each once, and none lost without a word.

use std::time::Duration;

use actix_web::{
    cookie::Cookie,
    http::{Method, StatusCode, header},
    test::TestRequest,
};
use rehome_domain::{
    action::WhyNot,
    id::RelocationId,
    journal::Note,
    ports::{Bus as _, TicketStore as _},
    role::Role,
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::world::{Answer, World, bearer, from_our_page, numbered};
use crate::{
    api::BASE,
    runs::{ALL_AT_ONCE, Run, Stands},
};

/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(120);

/// A site, and somebody who is signed in.
async fn site(role: Role) -> (World, Cookie<'static>) {
    let world = World::new(false);
    world.user("ann", role).await;
    let cookie = world.signed_in("ann").await;
    (world, cookie)
}

/// Sends a sheet of the relocations with these numbers, to be looked at or to be submitted.
pub(super) async fn sheet(world: &World, cookie: &Cookie<'static>, numbers: &[u16], go: bool) -> Answer {
    // They wait for a person, so that the supervisor never has its hands full.
    let row = |number: &u16| json!({ "service_id": numbered(*number).service_id, "hold": true });
    let rows: Vec<Value> = numbers.iter().map(row).collect();
    let part = |name: &str, value: &str| {
        format!("--x\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let mut body = part("text", &json!(rows).to_string());
    if go {
        body += &part("go", "1");
    }
    let post = from_our_page(Method::POST, "/new/sheet", cookie)
        .insert_header((header::CONTENT_TYPE, "multipart/form-data; boundary=x"))
        .set_payload(body + "--x--\r\n");
    world.send(post).await
}

/// The page of a run.
async fn page(world: &World, cookie: &Cookie<'static>, begun: &Answer, query: &str) -> String {
    assert_eq!(begun.status, StatusCode::SEE_OTHER, "{}", begun.body);
    let path = format!("{}{query}", begun.header("location").unwrap());
    world.send(TestRequest::get().uri(&path).cookie(cookie.clone())).await.body
}

fn has(page: &str, words: &str) {
    assert!(page.contains(words), "no `{words}` in {page}");
}

#[actix_web::test]
async fn all_rows_of_a_long_sheet_are_submitted_and_what_is_shown_or_acted_on_in_part_is_told_so() {
    let (world, cookie) = site(Role::Operator).await;
    world.supervise().await;
    let numbers: Vec<u16> = (1..=1100).collect();
    has(
        &sheet(&world, &cookie, &numbers, false).await.body,
        "The first 1000 of 1100 rows are shown here; all 1100",
    );
    let begun = sheet(&world, &cookie, &numbers, true).await;
    assert_eq!(world.workbench.runs.finish(LONG).await, 0);
    assert_eq!(world.store.all_tickets(None, 2000).await.unwrap().len(), 1100);
    let run = page(&world, &cookie, &begun, "").await;
    has(&run, "1100 of 1100 done");
    has(&run, "1000 are shown");

    let preview = world.send(TestRequest::get().uri("/bulk?command=cancel").cookie(cookie)).await.body;
    has(&preview, "1100 match. 1000 are taken at once, those below");
    assert_eq!(preview.matches("name=\"ticket\"").count(), 1000);
}

#[actix_web::test]
async fn a_chosen_ticket_that_can_not_be_read_is_no_act_on_all() {
    let (world, cookie) = site(Role::Operator).await;
    let preview = TestRequest::get().uri("/bulk?command=cancel&id=nonsense").cookie(cookie);
    assert_eq!(world.send(preview).await.status, StatusCode::BAD_REQUEST);
}

#[actix_web::test]
async fn a_row_is_submitted_once_whoever_and_whichever_way_and_is_told_as_known_after() {
    let (world, cookie) = site(Role::Operator).await;
    world.supervise().await;
    world.user("bob", Role::Operator).await;
    let token = world.token("bob", None, None).await.0;
    let begun = sheet(&world, &cookie, &[1, 2], true).await;
    let mut wanted = json!(numbered(1));
    (wanted["once"], wanted["hold"]) = (json!(true), json!(true));
    let post = |wanted: &Value| {
        bearer(&format!("{BASE}/tickets"), token.expose()).method(Method::POST).set_json(wanted)
    };
    // One of them is first.
    assert!(world.send(post(&wanted)).await.status.is_success());
    let again = sheet(&world, &cookie, &[1, 2, 3], true).await;
    let known = world.send(post(&wanted)).await;
    assert_eq!(known.status, StatusCode::OK, "{}", known.body);
    assert_eq!(known.json()["id"], json!(numbered(1).relocation()));
    wanted["description"] = json!("mended");
    let otherwise = world.send(post(&wanted)).await;
    assert_eq!((otherwise.status, otherwise.problem()), (StatusCode::CONFLICT, "conflict".to_owned()));

    assert_eq!(world.workbench.runs.finish(LONG).await, 0);
    assert_eq!(world.store.all_tickets(None, 10).await.unwrap().len(), 3);
    has(&page(&world, &cookie, &begun, "").await, "2 of 2 done");
    let again = page(&world, &cookie, &again, "").await;
    has(&again, "had been submitted before; nothing was done to them");
    has(&again, "submitted before: ");
}

/// Sends the form of this relocation with this number's circuit.
async fn form(world: &World, cookie: &Cookie<'static>, id: RelocationId, number: u16, query: &str) -> Answer {
    let form = [("id", id.to_string()), ("service_id", numbered(number).service_id)];
    world.send(from_our_page(Method::POST, &format!("/new{query}"), cookie).set_form(form)).await
}

#[actix_web::test]
async fn a_form_that_is_sent_again_with_other_fields_is_told_what_it_has_submitted() {
    let (world, cookie) = site(Role::Operator).await;
    world.supervise().await;
    let id = RelocationId(Uuid::now_v7());
    assert_eq!(form(&world, &cookie, id, 1, "").await.status, StatusCode::SEE_OTHER);
    assert_eq!(form(&world, &cookie, id, 1, "").await.status, StatusCode::SEE_OTHER);
    let mended = form(&world, &cookie, id, 2, "").await;
    assert_eq!(mended.status, StatusCode::CONFLICT, "{}", mended.body);
    has(&mended.body, "service_id, old, new differ");
    has(&mended.body, &format!("href=\"/tickets/{id}\""));
    has(&form(&world, &cookie, id, 2, "?lang=zh").await.body, "此前提交的内容不同");
    assert_eq!(world.store.all_tickets(None, 10).await.unwrap().len(), 1);
}

#[actix_web::test]
async fn a_form_that_is_sent_again_while_nobody_answers_is_refused_in_the_journal_not_dropped() {
    let (world, cookie) = site(Role::Operator).await;
    let id = RelocationId(Uuid::now_v7());
    for number in [1, 2] {
        assert_eq!(form(&world, &cookie, id, number, "").await.status, StatusCode::SEE_OTHER);
    }
    world.supervise().await;
    // Whatever is asked after them is answered after them.
    assert_eq!(form(&world, &cookie, id, 1, "").await.status, StatusCode::SEE_OTHER);
    let journal = world.store.journal(id).await.unwrap();
    let refused = journal.into_iter().map(Result::unwrap).filter_map(|entry| match entry.note {
        Some(Note::Refused(why)) => Some(WhyNot::clone(&why)),
        _ => None,
    });
    assert_eq!(Vec::from_iter(refused), [WhyNot::Exists]);
}

#[actix_web::test]
async fn a_run_is_sent_to_its_end_before_the_process_stops_and_none_is_begun_after() {
    let (world, cookie) = site(Role::Operator).await;
    world.supervise().await;
    let numbers: Vec<u16> = (1..=100).collect();
    let begun = sheet(&world, &cookie, &numbers, true).await;
    assert_eq!(world.workbench.runs.finish(LONG).await, 0);
    assert_eq!(world.store.all_tickets(None, 200).await.unwrap().len(), 100);
    has(&page(&world, &cookie, &begun, "").await, "100 of 100 done");
    let late = sheet(&world, &cookie, &[200], true).await;
    assert_eq!(late.status, StatusCode::SERVICE_UNAVAILABLE);
    has(&late.body, "nothing was done");
}

#[actix_web::test]
async fn however_many_sheets_are_sent_at_once_there_is_room_for_whoever_acts_on_one_ticket() {
    let (world, cookie) = site(Role::Operator).await;
    // Nobody answers: what is sent waits.
    let mut begun = Vec::new();
    for sheet_number in 0..10 {
        let numbers: Vec<u16> = (1..=40).map(|number| sheet_number * 40 + number).collect();
        let answer = sheet(&world, &cookie, &numbers, true).await;
        let path = answer.header("location").unwrap().to_owned();
        begun.push(path.rsplit('/').next().unwrap().parse().unwrap());
    }
    // Each run has had its turn.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    let runs = begun.into_iter().map(|id| world.workbench.runs.find(id).unwrap());
    let asking = |run: &Run| run.steps.iter().filter(|step| matches!(step.stands(), Stands::Asking)).count();
    assert_eq!(runs.map(|run| asking(&run)).sum::<usize>(), ALL_AT_ONCE);
}

#[actix_web::test]
async fn what_a_process_that_stops_has_not_sent_is_counted_and_shown_and_never_sent_after() {
    let (world, cookie) = site(Role::Operator).await;
    let numbers: Vec<u16> = (1..=100).collect();
    let begun = sheet(&world, &cookie, &numbers, true).await;
    // Nobody answers: the rest waits for its turn.
    let left = world.workbench.runs.finish(Duration::ZERO).await;
    assert!(left > 0);
    let shown = page(&world, &cookie, &begun, "").await;
    has(&shown, &format!("{left} were not sent: this process stops"));
    assert_eq!(shown.matches(">not sent<").count(), left);
    // What was begun ends, and the rest stays where it is.
    world.supervise().await;
    assert_eq!(world.workbench.runs.finish(LONG).await, 0);
    assert_eq!(world.store.all_tickets(None, 200).await.unwrap().len(), 100 - left);
}

#[actix_web::test]
async fn whoever_reads_chinese_is_told_in_chinese_why_something_was_not_done() {
    let (world, cookie) = site(Role::Operator).await;
    world.supervise().await;
    let nobody = format!("{} 1", Uuid::now_v7());
    let chosen = [("command", "deploy_cutover"), ("ticket", nobody.as_str())];
    let begun = world.send(from_our_page(Method::POST, "/bulk", &cookie).set_form(chosen)).await;
    assert_eq!(world.workbench.runs.finish(LONG).await, 0);
    has(&page(&world, &cookie, &begun, "?lang=zh").await, "没有工单");

    let token = world.token("ann", None, None).await.0;
    let mut wanted = json!(numbered(1));
    wanted["new"]["vlan"] = json!(0);
    let path = format!("{BASE}/tickets?lang=zh");
    let wrong = world.send(bearer(&path, token.expose()).method(Method::POST).set_json(&wanted)).await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", wrong.body);
    has(&wrong.body, "应为 1 到 4094");

    world.bus.close();
    let away = form(&world, &cookie, RelocationId(Uuid::now_v7()), 1, "?lang=zh").await;
    has(&away.body, "消息总线");
}
