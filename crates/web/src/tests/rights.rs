use actix_web::{
    http::{Method, StatusCode},
    test::TestRequest,
};
use rehome_domain::{
    account::Account,
    ports::{AccountStore, Revoke},
    role::Role,
};
use serde_json::json;

use super::world::{World, bearer, from_our_page};

fn example(role: Role) -> String {
    format!("/api/example/{role}")
}

#[actix_web::test]
async fn everybody_may_do_what_their_role_allows_and_nothing_more() {
    let world = World::new(false);
    for has in Role::ALL {
        world.user(has.wire(), has).await;
        let cookie = world.signed_in(has.wire()).await;
        let (token, _) = world.token(has.wire(), None, None).await;
        for needs in Role::ALL {
            let by_page = from_our_page(Method::POST, &example(needs), &cookie);
            let by_token = bearer(&example(needs), token.expose()).method(Method::POST);
            for (request, via) in [(by_page, "web"), (by_token, "api")] {
                let answer = world.send(request).await;
                if has >= needs {
                    let by = json!({ "who": "person", "name": has.wire(), "via": via, "role": has.wire() });
                    assert_eq!((answer.status, answer.json()), (StatusCode::OK, by));
                } else {
                    assert_eq!(answer.status, StatusCode::FORBIDDEN, "{has} at {needs}");
                    assert_eq!(answer.problem(), "not-allowed");
                }
            }
        }
    }
    for needs in Role::ALL {
        let answer = world.send(TestRequest::post().uri(&example(needs))).await;
        assert_eq!((answer.status, answer.problem().as_str()), (StatusCode::UNAUTHORIZED, "not-signed-in"));
    }
}

#[actix_web::test]
async fn a_token_gives_no_more_than_it_was_issued_for_and_no_more_than_its_owner_has() {
    let world = World::new(false);
    world.user("ann", Role::Supervisor).await;
    for most in Role::ALL {
        let (token, _) = world.token("ann", Some(most), None).await;
        for needs in Role::ALL {
            let answer = world.send(bearer(&example(needs), token.expose())).await;
            assert_eq!(answer.status.is_success(), needs <= most.min(Role::Supervisor), "{most} {needs}");
        }
    }
}

#[actix_web::test]
async fn a_changed_role_and_a_disabled_account_count_within_a_second() {
    let world = World::new(false);
    world.user("ann", Role::Admin).await;
    let cookie = world.signed_in("ann").await;
    let (token, _) = world.token("ann", None, None).await;
    let both = async || {
        let page = world.send(from_our_page(Method::GET, &example(Role::Admin), &cookie)).await.status;
        (page.as_u16(), world.send(bearer(&example(Role::Admin), token.expose())).await.status.as_u16())
    };
    assert_eq!(both().await, (200, 200));
    world.change("ann", |account| Account { role: Role::Viewer, ..account }).await;
    world.pass_time(1);
    assert_eq!(both().await, (403, 403));
    world.change("ann", |account| Account { disabled: true, ..account }).await;
    world.pass_time(1);
    assert_eq!(both().await, (401, 401));
    assert_eq!(world.sign_in("ann", super::world::PASSWORD).await.problem(), "sign-in-failed");
}

#[actix_web::test]
async fn a_token_that_was_revoked_has_ended_or_was_never_issued_lets_nobody_in() {
    let world = World::new(false);
    world.user("ann", Role::Viewer).await;
    let (revoked, id) = world.token("ann", None, None).await;
    let (ending, _) = world.token("ann", None, Some(10)).await;
    let status = async |secret: &str| world.send(bearer("/api/v1/me", secret)).await.status.as_u16();
    assert_eq!((status(revoked.expose()).await, status(ending.expose()).await), (200, 200));
    world.store.revoke(Revoke::One(id)).await.unwrap();
    world.pass_time(9);
    assert_eq!((status(revoked.expose()).await, status(ending.expose()).await), (401, 200));
    world.pass_time(1);
    assert_eq!(status(ending.expose()).await, 401);
    for never in ["", "rht_", "rht_nonsense", &format!("{}x", ending.expose())] {
        assert_eq!(status(never).await, 401);
    }
}

#[actix_web::test]
async fn a_tokens_secret_is_none_of_a_session_and_the_other_way_round() {
    let world = World::new(false);
    world.user("ann", Role::Viewer).await;
    let cookie = world.signed_in("ann").await;
    let (token, _) = world.token("ann", None, None).await;
    let as_cookie = actix_web::cookie::Cookie::new(cookie.name().to_owned(), token.expose().to_owned());
    assert_eq!(world.me(&as_cookie).await, StatusCode::UNAUTHORIZED);
    let answer = world.send(bearer("/api/v1/me", cookie.value())).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    // What names somebody else is not passed over for a cookie that would do.
    let answer = world.send(bearer("/api/v1/me", "rht_nonsense").cookie(cookie)).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
}
