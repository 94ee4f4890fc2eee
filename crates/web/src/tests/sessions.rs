use actix_web::{
    cookie::{Cookie, SameSite},
    http::{Method, StatusCode},
    test::TestRequest,
};
use rehome_domain::{account::PassKind, ports::AccountStore, role::Role};
use serde_json::json;

use super::world::{PASSWORD, World, bare, bearer, from_our_page};

#[actix_web::test]
async fn the_cookie_is_for_this_host_alone_hidden_from_scripts_and_with_tls_for_nothing_else() {
    for (secure, name) in [(true, "__Host-rehome"), (false, "rehome")] {
        let world = World::new(secure);
        world.user("ann", Role::Viewer).await;
        let cookie = world.sign_in("ann", PASSWORD).await.cookie().unwrap();
        assert_eq!(cookie.name(), name);
        assert_eq!((cookie.http_only(), cookie.same_site()), (Some(true), Some(SameSite::Lax)));
        assert_eq!(
            (cookie.secure().unwrap_or(false), cookie.path(), cookie.domain()),
            (secure, Some("/"), None)
        );
        let passes = world.store.passes(None).await.unwrap();
        assert_eq!((passes.len(), passes[0].kind), (1, PassKind::Session));
        assert!(!serde_json::to_string(&passes).unwrap().contains(cookie.value()));
    }
}

#[actix_web::test]
async fn a_session_that_was_planted_is_worth_nothing_after_the_sign_in() {
    let world = World::new(false);
    for name in ["ann", "mallory"] {
        world.user(name, Role::Viewer).await;
    }
    let planted = world.signed_in("mallory").await;
    let tried = json!({ "name": "ann", "password": PASSWORD });
    let request = from_our_page(Method::POST, "/api/v1/session", &planted).set_json(tried);
    let given = bare(&world.send(request).await.cookie().unwrap());
    assert_ne!(given.value(), planted.value());
    assert_eq!(world.me(&planted).await, StatusCode::UNAUTHORIZED);
    assert_eq!(world.me(&given).await, StatusCode::OK);
    let made_up = Cookie::new("rehome", "made-up");
    let tried = json!({ "name": "ann", "password": PASSWORD });
    let request = from_our_page(Method::POST, "/api/v1/session", &made_up).set_json(tried);
    assert_ne!(world.send(request).await.cookie().unwrap().value(), "made-up");
    assert_eq!(world.me(&made_up).await, StatusCode::UNAUTHORIZED);
}

#[actix_web::test]
async fn a_session_ends_when_it_lies_idle_and_when_its_time_is_over_however_much_it_is_used() {
    let world = World::new(false);
    world.user("ann", Role::Viewer).await;
    let idle = world.signed_in("ann").await;
    world.pass_time(299);
    assert_eq!(world.me(&idle).await, StatusCode::OK);
    world.pass_time(300);
    assert_eq!(world.me(&idle).await, StatusCode::UNAUTHORIZED);
    let used = world.signed_in("ann").await;
    for _ in 0..9 {
        world.pass_time(111);
        assert_eq!(world.me(&used).await, StatusCode::OK);
    }
    world.pass_time(1);
    assert_eq!(world.me(&used).await, StatusCode::UNAUTHORIZED);
}

#[actix_web::test]
async fn a_session_lies_idle_while_only_an_open_page_asks_by_itself_but_not_while_somebody_works_beside_it() {
    let world = World::new(false);
    world.user("ann", Role::Viewer).await;
    let (idle, used) = (world.signed_in("ann").await, world.signed_in("ann").await);
    let refresh = |path: &str, cookie: &Cookie<'static>, name: &str, value: &str| {
        from_our_page(Method::GET, path, cookie).insert_header((name, value))
    };
    for _ in 0..4 {
        world.pass_time(70);
        for cookie in [&idle, &used] {
            let page = refresh("/", cookie, "rehome-by-itself", "1");
            assert_eq!(world.send(page).await.status, StatusCode::OK);
            let stream = refresh("/live", cookie, "accept", "text/event-stream");
            assert_eq!(world.send(stream).await.status, StatusCode::OK);
        }
        // Within the moment in which what the refresh has looked up is believed.
        assert_eq!(world.me(&used).await, StatusCode::OK);
    }
    world.pass_time(20);
    let page = refresh("/", &idle, "rehome-by-itself", "1");
    assert_eq!(world.send(page).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(world.me(&used).await, StatusCode::OK);
}

#[actix_web::test]
async fn signing_out_ends_the_session_at_once_and_takes_the_cookie_back() {
    let world = World::new(false);
    world.user("ann", Role::Viewer).await;
    for (method, path, status) in [(Method::DELETE, "/api/v1/session", 204), (Method::POST, "/sign-out", 303)]
    {
        let (cookie, other) = (world.signed_in("ann").await, world.signed_in("ann").await);
        assert_eq!(world.me(&cookie).await, StatusCode::OK);
        let answer = world.send(from_our_page(method, path, &cookie)).await;
        assert_eq!(answer.status.as_u16(), status);
        let taken_back = answer.cookie().unwrap();
        assert_eq!((taken_back.value(), taken_back.max_age().unwrap().whole_seconds()), ("", 0));
        assert_eq!(world.me(&cookie).await, StatusCode::UNAUTHORIZED);
        assert_eq!(world.me(&other).await, StatusCode::OK);
    }
}

#[actix_web::test]
async fn a_token_that_signs_out_is_told_that_it_can_not_and_still_lets_its_owner_in() {
    let world = World::new(false);
    world.user("ann", Role::Viewer).await;
    let token = world.token("ann", None, None).await.0;
    for (method, path) in [(Method::DELETE, "/api/v1/session"), (Method::POST, "/sign-out")] {
        let answer = world.send(bearer(path, token.expose()).method(method)).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{}", answer.body);
        assert!(answer.body.contains("rehome token revoke"), "{}", answer.body);
        assert_eq!(world.send(bearer("/api/v1/me", token.expose())).await.status, StatusCode::OK);
    }
}

#[actix_web::test]
async fn an_account_has_so_many_sessions_and_the_oldest_ends_for_a_new_one() {
    let world = World::new(false);
    world.user("ann", Role::Viewer).await;
    let first = world.signed_in("ann").await;
    for _ in 0..32 {
        world.pass_time(1);
        world.signed_in("ann").await;
    }
    assert_eq!(world.store.passes(None).await.unwrap().len(), 32);
    assert_eq!(world.me(&first).await, StatusCode::UNAUTHORIZED);
}

#[actix_web::test]
async fn a_form_leads_on_to_where_one_wanted_to_go_or_says_what_is_wrong() {
    let world = World::new(false);
    world.user("ann", Role::Viewer).await;
    let page = |path: &str| TestRequest::get().uri(path).insert_header(("accept", "text/html"));
    let answer = world.send(page("/?a=1&b=2")).await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("location")),
        (303, Some("/sign-in?next=/%3Fa%3D1%26b%3D2"))
    );
    let form = world.send(page("/sign-in?next=/%3Fa%3D1%26b%3D2")).await;
    assert!(form.body.contains(r#"name="next" value="/?a=1&#38;b=2""#), "{}", form.body);
    let sent = |password: &str, next: &str| {
        let fields = [("name", "ann"), ("password", password), ("next", next)];
        TestRequest::post().uri("/sign-in").insert_header(("accept", "text/html")).set_form(fields)
    };
    let wrong = world.send(sent("wrong <b>", "/")).await;
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    assert!(wrong.body.contains("role=\"alert\"") && wrong.cookie().is_none(), "{}", wrong.body);
    for (next, to) in [("/?a=1&b=2", "/?a=1&b=2"), ("//evil.example", "/")] {
        let answer = world.send(sent(PASSWORD, next)).await;
        assert_eq!((answer.status.as_u16(), answer.header("location")), (303, Some(to)));
        let home = page("/").cookie(bare(&answer.cookie().unwrap()));
        assert!(world.send(home).await.body.contains("ann"));
    }
}
