use actix_web::{
    http::{Method, StatusCode},
    test::TestRequest,
};
use rehome_domain::{ports::AccountStore, role::Role};
use serde_json::{Value, json};

use super::world::{PASSWORD, World, bare, bearer, from_our_page};

async fn choose(
    world: &World,
    cookie: &actix_web::cookie::Cookie<'static>,
    old: &str,
    new: &str,
) -> super::world::Answer {
    let chosen = json!({ "old": old, "new": new });
    world.send(from_our_page(Method::PUT, "/api/v1/me/password", cookie).set_json(chosen)).await
}

#[actix_web::test]
async fn who_has_a_one_time_password_may_do_nothing_but_choose_another() {
    let world = World::new(false);
    world.user_with("admin", Role::Admin, "given-by-another", true).await;
    let answer = world.sign_in("admin", "given-by-another").await;
    assert_eq!(answer.json()["must_change_password"], true);
    let cookie = bare(&answer.cookie().unwrap());
    let answer = world.send(from_our_page(Method::GET, "/api/example/viewer", &cookie)).await;
    assert_eq!((answer.status, answer.problem().as_str()), (StatusCode::FORBIDDEN, "password-to-change"));
    let page = from_our_page(Method::GET, "/", &cookie).insert_header(("accept", "text/html"));
    assert_eq!(world.send(page).await.header("location"), Some("/password"));

    let answer = choose(&world, &cookie, "given-by-another", "a password of my own").await;
    assert_eq!(
        (answer.status, &answer.json()["must_change_password"]),
        (StatusCode::OK, &Value::from(false))
    );
    let own = bare(&answer.cookie().unwrap());
    assert_eq!(world.me(&cookie).await, StatusCode::UNAUTHORIZED);
    let answer = world.send(from_our_page(Method::GET, "/api/example/admin", &own)).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(world.sign_in("admin", "given-by-another").await.problem(), "sign-in-failed");
    assert_eq!(world.sign_in("admin", "a password of my own").await.status, StatusCode::OK);
}

#[actix_web::test]
async fn a_new_password_ends_all_sessions_but_tokens_go_on_and_may_not_choose_one() {
    let world = World::new(false);
    world.user("ann", Role::Viewer).await;
    let (here, elsewhere) = (world.signed_in("ann").await, world.signed_in("ann").await);
    let (token, _) = world.token("ann", None, None).await;
    let chosen = json!({ "old": PASSWORD, "new": "another good one" });
    let by_token = bearer("/api/v1/me/password", token.expose()).method(Method::PUT).set_json(&chosen);
    assert_eq!(world.send(by_token).await.problem(), "not-by-token");
    assert_eq!(choose(&world, &here, PASSWORD, "another good one").await.status, StatusCode::OK);
    assert_eq!(world.me(&elsewhere).await, StatusCode::UNAUTHORIZED);
    assert_eq!(world.send(bearer("/api/v1/me", token.expose())).await.status, StatusCode::OK);
}

#[actix_web::test]
async fn a_password_that_can_not_be_one_is_named_by_its_field_and_changes_nothing() {
    let world = World::new(false);
    world.user("ann", Role::Viewer).await;
    let cookie = world.signed_in("ann").await;
    let long = "x".repeat(257);
    for (old, new, field) in [
        (PASSWORD, "too short", "new"),
        (PASSWORD, "密码密码密码密码密码密", "new"),
        (PASSWORD, &long, "new"),
        (PASSWORD, PASSWORD, "new"),
        ("not my password", "another good one", "old"),
    ] {
        let answer = choose(&world, &cookie, old, new).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{new}");
        assert_eq!(answer.json()["errors"][0]["field"], field);
    }
    assert_eq!(world.store.account("ann".parse().unwrap()).await.unwrap().unwrap().version, 1);
    assert_eq!(world.me(&cookie).await, StatusCode::OK);
}

#[actix_web::test]
async fn too_many_wrong_passwords_shut_the_account_for_a_while_also_for_the_right_one_and_nobody_else() {
    let world = World::new(false);
    for name in ["ann", "bob"] {
        world.user(name, Role::Viewer).await;
    }
    let inside = world.signed_in("ann").await;
    for _ in 0..10 {
        assert_eq!(world.sign_in("ann", "wrong").await.problem(), "sign-in-failed");
    }
    let shut = world.sign_in("ann", PASSWORD).await;
    assert_eq!((shut.status, shut.problem().as_str()), (StatusCode::TOO_MANY_REQUESTS, "too-many-tries"));
    assert_eq!(shut.header("retry-after"), Some("30"));
    let form = TestRequest::post().uri("/sign-in").set_form([("name", "ann"), ("password", PASSWORD)]);
    let form = world.send(form).await;
    assert_eq!((form.status.as_u16(), form.header("retry-after")), (429, Some("30")));
    assert_eq!(choose(&world, &inside, "wrong", "another good one").await.status.as_u16(), 429);
    assert_eq!(world.me(&inside).await, StatusCode::OK);
    assert_eq!(world.sign_in("bob", PASSWORD).await.status, StatusCode::OK);
    world.pass_time(30);
    assert_eq!(world.sign_in("ann", PASSWORD).await.status, StatusCode::OK);
}

#[actix_web::test]
async fn an_address_that_tries_many_names_is_shut_out() {
    let world = World::new(false);
    world.user("ann", Role::Viewer).await;
    let tries = async |from: &str, name: &str, password: &str| {
        let tried = json!({ "name": name, "password": password });
        let from = std::net::SocketAddr::new(from.parse().unwrap(), 1);
        world
            .send(TestRequest::post().uri("/api/v1/session").peer_addr(from).set_json(tried))
            .await
            .status
            .as_u16()
    };
    for number in 0..50 {
        assert_eq!(tries("10.0.0.1", &format!("user{number}"), "wrong").await, 401);
    }
    assert_eq!(tries("10.0.0.1", "ann", PASSWORD).await, 429);
    assert_eq!(tries("10.0.0.2", "ann", PASSWORD).await, 200);
}

#[actix_web::test]
async fn nobody_learns_which_names_there_are() {
    let world = World::new(false);
    world.user("ann", Role::Viewer).await;
    world.user("gone", Role::Viewer).await;
    world.change("gone", |account| rehome_domain::account::Account { disabled: true, ..account }).await;
    let mut said = Vec::new();
    for (name, password) in
        [("ann", "wrong"), ("nobody", "wrong"), ("gone", PASSWORD), ("Not A Name", "wrong")]
    {
        let answer = world.sign_in(name, password).await;
        said.push((answer.status, answer.body));
    }
    assert!(said.iter().all(|answer| *answer == said[0]), "{said:?}");
}
