//! Dead letters that are sent again.

use actix_web::http::{Method, StatusCode};
use rehome_domain::{
    id::MessageId,
    ports::{DeadLetter, Kept, LetterFilter, LetterStore, TicketStore},
    role::Role,
};
use serde_json::{Value, json};

use super::{
    api::{at, submit, token, wanted, world},
    world::{Answer, World, from_our_page},
};

/// A world with a letter: somebody's relocation, whose target another one held until now.
async fn with_letter() -> (World, Kept) {
    let world = world().await;
    let operator = token(&world, Role::Operator).await;
    let first = submit(&world, &operator, "one", &wanted(1)).await.json();
    assert_eq!(submit(&world, &operator, "two", &wanted(1)).await.problem(), "held");
    let cancelled = at(&format!("/tickets/{}/commands", first["id"].as_str().unwrap()), &operator);
    let cancelled = cancelled.method(Method::POST).set_json(json!({ "kind": "cancel", "reason": "x" }));
    assert_eq!(world.send(cancelled).await.status, StatusCode::OK);
    let letter = newest(&world).await;
    (world, letter)
}

async fn newest(world: &World) -> Kept {
    world.store.letters(LetterFilter::All, None, 1).await.unwrap().remove(0)
}

fn path(kept: &Kept) -> String {
    let key: String = kept.key.bytes().map(|byte| format!("%{byte:02X}")).collect();
    format!("/dead-letters/{key}")
}

async fn resend(world: &World, by: &str, kept: &Kept) -> Answer {
    let sent = at(&format!("{}/resend", path(kept)), by).method(Method::POST);
    world.send(sent.set_json(json!({ "reason": "the target is free" }))).await
}

async fn journal(world: &World, relocation: &Value) -> Vec<rehome_domain::journal::Entry> {
    let id = relocation.as_str().unwrap().parse().unwrap();
    world.store.journal(id).await.unwrap().into_iter().map(Result::unwrap).collect()
}

#[actix_web::test]
async fn a_letter_is_sent_again_in_the_name_of_whoever_wants_it_and_that_is_taken_down() {
    let (world, kept) = with_letter().await;
    let supervisor = token(&world, Role::Supervisor).await;
    let told = world.send(at(&path(&kept), &supervisor)).await.json();
    assert_eq!((&told["not_resent"], &told["settled"]), (&Value::Null, &Value::Null), "{told}");
    let answer = resend(&world, &supervisor, &kept).await;
    assert_eq!(
        (answer.status, &answer.json()["result"]),
        (StatusCode::OK, &json!("accepted")),
        "{}",
        answer.body
    );
    let by = json!({ "who": "person", "name": "supervisor", "via": "api", "role": "supervisor" });
    assert_eq!(json!(journal(&world, &answer.json()["relocation"]).await[0].by), by);
    let settled = &world.send(at(&path(&kept), &supervisor)).await.json()["settled"];
    assert_eq!(
        (&settled["what"], &settled["by"], &settled["reason"]),
        (&json!("resent"), &by, &json!("the target is free"))
    );
    let again = resend(&world, &supervisor, &kept).await;
    assert_eq!((again.status, again.problem().as_str()), (StatusCode::CONFLICT, "conflict"));
}

#[actix_web::test]
async fn a_letter_whose_sender_died_before_taking_that_down_is_sent_once_more_and_counts_once() {
    let (world, kept) = with_letter().await;
    let asker = &world.workbench.asker;
    let by = rehome_testkit::history::person();
    let envelope = kept.again(asker.said(&kept.letter).unwrap(), by.clone());
    asker.command(envelope).await.unwrap();
    let answer = resend(&world, &token(&world, Role::Supervisor).await, &kept).await;
    assert_eq!(
        (answer.status, &answer.json()["result"]),
        (StatusCode::OK, &json!("accepted")),
        "{}",
        answer.body
    );
    let entries = journal(&world, &answer.json()["relocation"]).await;
    assert_eq!((entries.len(), &entries[0].by), (1, &by));
}

#[actix_web::test]
async fn what_no_ticket_can_take_again_is_a_letter_of_its_own() {
    let (world, _) = with_letter().await;
    let operator = token(&world, Role::Operator).await;
    assert_eq!(submit(&world, &operator, "three", &wanted(1)).await.status, StatusCode::CREATED);
    let supervisor = token(&world, Role::Supervisor).await;
    // Twice, the second time what the first time came back.
    for before in 1..=2 {
        let answer = resend(&world, &supervisor, &newest(&world).await).await;
        assert_eq!((answer.status, &answer.json()["result"]), (StatusCode::OK, &json!("rejected")));
        assert!(answer.json()["why"].as_str().unwrap().contains("held by"), "{}", answer.body);
        let open = world
            .store
            .letters(LetterFilter::All, None, 9)
            .await
            .unwrap()
            .into_iter()
            .map(|letter| letter.settled.is_none());
        assert_eq!(open.filter(|open| *open).count(), 1, "of {} letters", before + 1);
    }
    assert_eq!(world.store.letters(LetterFilter::All, None, 9).await.unwrap().len(), 3);
}

#[actix_web::test]
async fn what_is_no_request_and_no_command_or_can_not_be_read_says_so_and_stays() {
    let world = world().await;
    let supervisor = token(&world, Role::Supervisor).await;
    let unpaused = rehome_domain::message::Envelope::unpaused(rehome_testkit::history::RELOCATION, 1);
    let unpaused = json!(unpaused).to_string();
    for (origin, key, body, why) in [
        ("work", Some("l3.default"), "{}", "only requests and commands"),
        ("commands", None, "{}", "missing field `relocation`"),
        ("commands", None, "not JSON", "expected"),
        ("replies", None, &unpaused, "only requests and commands"),
    ] {
        let letter = DeadLetter {
            id: MessageId(format!("a/{key:?}%\n{body}")),
            at: world.now(),
            origin: origin.to_owned(),
            key: key.map(str::to_owned),
            by: None,
            trace: None,
            reason: "nobody knows it".to_owned(),
            body: body.to_owned(),
        };
        world.store.bury(letter).await.unwrap();
        let kept = newest(&world).await;
        let told = world.send(at(&path(&kept), &supervisor)).await.json();
        assert!(told["not_resent"].as_str().unwrap().contains(why), "{told}");
        let answer = resend(&world, &supervisor, &kept).await;
        assert_eq!(answer.status, StatusCode::CONFLICT);
        assert!(answer.json()["detail"].as_str().unwrap().contains(why), "{}", answer.body);
        assert_eq!(newest(&world).await.settled, None);
    }
}

#[actix_web::test]
async fn the_page_sends_a_letter_again_and_leads_to_its_ticket() {
    let (world, kept) = with_letter().await;
    for (role, may) in [(Role::Operator, false), (Role::Supervisor, true)] {
        let cookie = world.signed_in(role.wire()).await;
        let page = world.send(from_our_page(Method::GET, "/dead-letters", &cookie)).await.body;
        assert_eq!(page.contains("action=\"/dead-letters/resend\""), may);
        let sent = from_our_page(Method::POST, "/dead-letters/resend", &cookie);
        let form = json!({ "key": kept.key, "reason": "the target is free" });
        let answer = world.send(sent.set_form(form)).await;
        if !may {
            assert_eq!(answer.status, StatusCode::FORBIDDEN);
            continue;
        }
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
        let ticket = answer.header("location").unwrap().to_owned();
        assert!(ticket.starts_with("/tickets/"), "{ticket}");
        let shown = world.send(from_our_page(Method::GET, &ticket, &cookie)).await;
        assert_eq!(shown.status, StatusCode::OK);
        let page = async |path: &str| world.send(from_our_page(Method::GET, path, &cookie)).await.body;
        assert!(page("/dead-letters?show=all").await.contains(">resent<"));
        let open = page("/dead-letters").await;
        assert!(!open.contains(">resent<") && open.contains("nobody has dealt with"), "{open}");
    }
}

#[actix_web::test]
async fn what_somebody_has_dealt_with_is_listed_only_if_all_are_asked_for() {
    let (world, kept) = with_letter().await;
    let supervisor = token(&world, Role::Supervisor).await;
    let listed = async |query: &str| {
        let answer = world.send(at(&format!("/dead-letters{query}"), &supervisor)).await;
        (answer.status == StatusCode::OK).then(|| answer.json()["letters"].as_array().unwrap().len())
    };
    for (query, letters) in
        [("", Some(1)), ("?show=open", Some(1)), ("?show=all", Some(1)), ("?show=x", None)]
    {
        assert_eq!(listed(query).await, letters, "{query}");
    }
    let dropped = at(&format!("{}/drop", path(&kept)), &supervisor);
    let dropped = world.send(dropped.method(Method::POST).set_json(json!({ "reason": "a test" }))).await;
    assert_eq!(dropped.status, StatusCode::NO_CONTENT, "{}", dropped.body);
    for (query, letters) in [("", 0), ("?show=open", 0), ("?show=all", 1)] {
        assert_eq!(listed(query).await, Some(letters), "{query}");
    }
}
