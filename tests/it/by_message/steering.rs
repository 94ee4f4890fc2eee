//! Pausing and resuming over a real broker.

use rehome_domain::{command::By, ports::SteeringStore, role::Role, steering::Turn};
use rehome_testkit::stranger::Said;
use serde_json::{Value, json};

use super::world::World;

fn body() -> Value {
    json!({ "v": 1, "scope": "device", "name": "gw-west", "reason": "line card swap" })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admin_pauses_and_resumes_by_message_once_and_whoever_listens_hears_of_it() {
    let world = World::new().await;
    world.at_work();
    let mut admin = world.user(Role::Admin).await;
    let mut events = admin.stranger.listen("tap-events", &[("rehome.events", "steering.#")]).await;
    for (key, id, heard) in
        [("steer.pause", "p", "steering.paused"), ("steer.resume", "r", "steering.resumed")]
    {
        let mut told = Vec::new();
        for _ in 0..2 {
            admin.send(key, id, &body()).await;
            let (correlation, answer) = admin.answer().await;
            assert_eq!((correlation.as_str(), &answer["answer"]), (id, &json!("accepted")), "{answer}");
            let event = events.next().await;
            assert_eq!(event.key, heard);
            told.push((answer, event.json(), event.properties["message_id"].clone()));
        }
        assert_eq!(told[0], told[1], "the same message is answered and told the same");
        let line = &told[0].1;
        assert_eq!((&line["name"], &line["reason"]), (&json!("gw-west"), &json!("line card swap")));
        assert_eq!(line["by"]["name"], json!(admin.name));
    }
    let log = world.store.steering().await.unwrap();
    let by_message: Vec<Turn> =
        log.iter().map(|line| line.turn).filter(|turn| *turn != Turn::Lifted).collect();
    assert_eq!(by_message, [Turn::Pause, Turn::Resume]);
    let by = By::Person { name: admin.name, via: "amqp".to_owned(), role: Role::Admin };
    assert!(log.iter().take(2).all(|line| line.by == by));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_drain_by_message_is_answered_and_told_of_when_all_is_at_rest_there() {
    let world = World::new().await;
    world.at_work();
    let mut admin = world.user(Role::Admin).await;
    let mut events = admin.stranger.listen("tap-events", &[("rehome.events", "steering.#")]).await;
    admin.send("steer.drain", "d", &body()).await;
    let (correlation, answer) = admin.answer().await;
    assert_eq!(
        (correlation.as_str(), &answer["answer"], &answer["turn"]),
        ("d", &json!("accepted"), &json!("drain"))
    );
    let draining = events.next().await;
    assert_eq!(draining.key, "steering.draining");
    let drained = events.next().await;
    assert_eq!(drained.key, "steering.drained");
    let line = drained.json();
    assert_eq!(line["id"], json!(format!("drained:{}", draining.json()["id"].as_str().unwrap())));
    assert_eq!((&line["name"], &line["by"]["who"]), (&json!("gw-west"), &json!("system")));
    admin.send("steer.resume", "r", &body()).await;
    assert_eq!(events.next().await.key, "steering.resumed", "a drain is resumed as a pause is");
}

#[tokio::test(flavor = "multi_thread")]
async fn steering_by_nobody_by_too_low_a_role_or_without_a_pause_is_refused_answered_and_kept_with_the_reason()
 {
    let world = World::new().await;
    world.at_work();
    for role in [Role::Viewer, Role::Operator, Role::Supervisor] {
        let mut user = world.user(role).await;
        user.send("steer.pause", "low", &body()).await;
        let (_, answer) = user.answer().await;
        assert_eq!(
            (&answer["answer"], &answer["why"]["why_not"]),
            (&json!("refused"), &json!("not_allowed"))
        );
        let by = By::Person { name: user.name.clone(), via: "amqp".to_owned(), role };
        let kept = world.dead_letter(|letter| letter.by.as_ref() == Some(&by)).await;
        assert!(kept.reason.contains("role admin") && kept.key.as_deref() == Some("steer.pause"), "{kept:?}");
    }
    let mut admin = world.user(Role::Admin).await;
    let nameless = Said { user_id: None, ..admin.said("nameless") };
    admin.publish("steer.pause", nameless, &body()).await.unwrap();
    assert_eq!(admin.answer().await.1["why"]["why_not"], "not_allowed");
    let nobody = By::Nobody { via: "amqp".to_owned() };
    let kept = world.dead_letter(|letter| letter.by.as_ref() == Some(&nobody)).await;
    assert!(kept.reason.contains("nobody vouches"), "{kept:?}");

    admin.send("steer.resume", "not paused", &body()).await;
    assert_eq!(admin.answer().await.1["why"]["why_not"], "not_paused");
    let silent = json!({ "v": 1, "scope": "everything" });
    admin.send("steer.pause", "silent", &silent).await;
    assert_eq!(admin.answer().await.1["why"]["why_not"], "needs_reason");
    assert_eq!(world.store.steering().await.unwrap(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn steering_that_cannot_be_read_is_a_dead_letter_that_says_what_is_wrong_with_it() {
    let world = World::new().await;
    world.at_work();
    let admin = world.user(Role::Admin).await;
    for (id, key, body, says) in [
        ("1", "steer.pause", json!({ "v": 1, "scope": "device", "reason": "r" }), "which device is missing"),
        (
            "2",
            "steer.pause",
            json!({ "v": 1, "scope": "everything", "name": "x", "reason": "r" }),
            "has no name",
        ),
        ("3", "steer.pause", json!({ "v": 1, "scope": "rack", "reason": "r" }), "at `scope`"),
        ("4", "steer.pause", json!({ "v": 2, "scope": "everything", "reason": "r" }), "`v` is 2"),
        ("5", "steer.pause", json!({ "v": 1, "scope": "everything", "raeson": "r" }), "`raeson`"),
        ("6", "steer.halt", json!({ "v": 1, "scope": "everything", "reason": "r" }), "names no command"),
    ] {
        admin.send(key, id, &body).await;
        let kept = world.dead_letter(|letter| letter.id.0.ends_with(&format!(":{id}"))).await;
        assert!(kept.reason.contains(says), "{}", kept.reason);
    }
    let nameless = Said { message_id: None, ..admin.said("") };
    admin.publish("steer.pause", nameless, &body()).await.unwrap();
    world.dead_letter(|letter| letter.reason.contains("`message_id` is missing")).await;
    assert_eq!(world.store.steering().await.unwrap(), []);
}
