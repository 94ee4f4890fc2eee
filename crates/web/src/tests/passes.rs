//! Tokens and sessions over the API: whose they are, what issues and ends them, and what is kept of that.

use actix_web::{
    cookie::Cookie,
    http::{Method, StatusCode},
};
use rehome_domain::{ports::AccountStore as _, role::Role};
use serde_json::{Value, json};

use super::world::{Answer, World, bearer, from_our_page};
use crate::api::BASE;

/// A site with a viewer, an operator and an admin, and their sessions.
async fn site() -> (World, [Cookie<'static>; 3]) {
    let world = World::new(false);
    for (name, role) in [("vic", Role::Viewer), ("ann", Role::Operator), ("root", Role::Admin)] {
        world.user(name, role).await;
    }
    let cookies = [world.signed_in("vic").await, world.signed_in("ann").await, world.signed_in("root").await];
    (world, cookies)
}

async fn ask(world: &World, by: &Cookie<'static>, method: Method, path: &str) -> Answer {
    world.send(from_our_page(method, &format!("{BASE}{path}"), by)).await
}

async fn issue(world: &World, by: &Cookie<'static>, wish: &Value) -> Answer {
    world.send(from_our_page(Method::POST, &format!("{BASE}/tokens"), by).set_json(wish)).await
}

/// A form's own mark.
const FORM: &str = "019346f2-4b6e-7c3a-9d2e-5f0a1b2c3d4e";

/// What is said of each, by this name.
fn each(passes: &Answer, name: &str) -> Vec<Value> {
    passes.json().as_array().unwrap().iter().map(|pass| pass[name].clone()).collect()
}

/// Who made each version of an account after the first, and why.
async fn history(world: &World, name: &str) -> Vec<(String, String)> {
    let versions = world.store.account_history(name.parse().unwrap()).await.unwrap();
    versions.into_iter().skip(1).map(|version| (version.changed_by, version.reason)).collect()
}

#[actix_web::test]
async fn a_token_is_shown_once_lets_in_until_it_is_revoked_and_both_stand_in_its_accounts_history() {
    let (world, [_, ann, _]) = site().await;
    let issued = issue(&world, &ann, &json!({ "label": "orders", "at_most": "viewer", "days": 1 })).await;
    assert_eq!(issued.status, StatusCode::CREATED, "{}", issued.body);
    let (token, pass) = (issued.json()["token"].as_str().unwrap().to_owned(), issued.json()["pass"].clone());
    let me = async || world.send(bearer(&format!("{BASE}/me"), &token)).await;
    assert_eq!(
        (me().await.json()["role"].clone(), pass["at_most"].clone()),
        (json!("viewer"), json!("viewer"))
    );
    let listed = ask(&world, &ann, Method::GET, "/tokens").await;
    assert!(!listed.body.contains(&token), "{}", listed.body);
    assert_eq!(
        (each(&listed, "id"), each(&listed, "current")),
        (vec![pass["id"].clone()], vec![json!(false)])
    );
    let path = format!("/tokens/{}", pass["id"].as_str().unwrap());
    assert_eq!(ask(&world, &ann, Method::DELETE, &path).await.status, StatusCode::NO_CONTENT);
    assert_eq!(me().await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(ask(&world, &ann, Method::DELETE, &path).await.status, StatusCode::NOT_FOUND);
    let line =
        |what: &str| ("ann".to_owned(), format!("token {} (orders) {what}", pass["id"].as_str().unwrap()));
    assert_eq!(history(&world, "ann").await, [line("issued"), line("revoked")]);
    world.pass_time(1);
    assert_eq!(world.me(&ann).await, StatusCode::OK, "the account is as it was");
}

#[actix_web::test]
async fn passes_are_their_owners_alone_and_an_admins_who_is_named_in_the_history() {
    let (world, [vic, ann, root]) = site().await;
    let issued = issue(&world, &ann, &json!({ "label": "orders" })).await.json();
    let token = format!("/tokens/{}", issued["pass"]["id"].as_str().unwrap());
    let sessions = ask(&world, &ann, Method::GET, "/sessions").await;
    assert_eq!(
        (each(&sessions, "account"), each(&sessions, "current")),
        (vec![json!("ann")], vec![json!(true)])
    );
    let session = format!("/sessions/{}", each(&sessions, "id")[0].as_str().unwrap());
    for path in [&token, &session] {
        assert_eq!(ask(&world, &vic, Method::DELETE, path).await.status, StatusCode::NOT_FOUND);
    }
    // Neither is one of the other kind.
    let other = token.replace("tokens", "sessions");
    assert_eq!(ask(&world, &root, Method::DELETE, &other).await.status, StatusCode::NOT_FOUND);
    assert_eq!(each(&ask(&world, &vic, Method::GET, "/tokens").await, "id"), [] as [Value; 0]);
    assert_eq!(each(&ask(&world, &root, Method::GET, "/tokens").await, "account"), ["ann"]);
    assert_eq!(each(&ask(&world, &root, Method::GET, "/sessions").await, "account"), ["vic", "ann", "root"]);

    let refused = issue(&world, &vic, &json!({ "label": "x", "account": "ann" })).await;
    assert_eq!((refused.status, refused.problem().as_str()), (StatusCode::FORBIDDEN, "not-allowed"));
    let given = issue(&world, &root, &json!({ "label": "y", "account": "vic" })).await;
    assert_eq!(
        (given.status, given.json()["pass"]["issued_by"].clone()),
        (StatusCode::CREATED, json!("root"))
    );
    assert_eq!(history(&world, "vic").await.len(), 1);

    assert_eq!(ask(&world, &root, Method::DELETE, &session).await.status, StatusCode::NO_CONTENT);
    assert_eq!(world.me(&ann).await, StatusCode::UNAUTHORIZED);
    let last = history(&world, "ann").await.pop().unwrap();
    assert!(last.0 == "root" && last.1.starts_with("session "), "{last:?}");
}

#[actix_web::test]
async fn a_token_neither_issues_nor_revokes_and_what_can_be_none_is_refused_by_its_field() {
    let (world, [_, ann, root]) = site().await;
    let (token, id) = world.token("root", None, None).await;
    let by_token =
        |method: Method, path: &str| bearer(&format!("{BASE}{path}"), token.expose()).method(method);
    let session = each(&ask(&world, &ann, Method::GET, "/sessions").await, "id")[0].clone();
    for request in [
        by_token(Method::POST, "/tokens").set_json(json!({ "label": "more" })),
        by_token(Method::DELETE, &format!("/tokens/{id}")),
        by_token(Method::DELETE, &format!("/sessions/{}", session.as_str().unwrap())),
    ] {
        assert_eq!(world.send(request).await.problem(), "not-by-token");
    }
    assert_eq!(each(&world.send(by_token(Method::GET, "/tokens")).await, "current"), [true]);
    for (wish, field) in [
        (json!({ "label": " " }), "label"),
        (json!({ "label": "x".repeat(201) }), "label"),
        (json!({ "label": "x", "days": 0 }), "days"),
        (json!({ "label": "x", "days": 3651 }), "days"),
        (json!({ "label": "x", "at_most": "supervisor", "account": "ann" }), "at_most"),
        (json!({ "label": "x", "account": "nobody" }), "account"),
        (json!({ "label": "x", "account": "No Name" }), "account"),
    ] {
        let refused = issue(&world, &root, &wish).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", refused.body);
        assert_eq!(refused.json()["errors"][0]["field"], field);
    }
    assert_eq!(history(&world, "root").await, []);
    for _ in 0..99 {
        world.token("root", None, None).await;
    }
    let refused = issue(&world, &root, &json!({ "label": "x" })).await;
    assert_eq!((refused.status, refused.problem().as_str()), (StatusCode::CONFLICT, "conflict"));
}

#[actix_web::test]
async fn the_page_issues_a_token_shows_it_once_and_takes_it_and_another_session_away() {
    let (world, [_, ann, root]) = site().await;
    let other = world.signed_in("ann").await;
    let page = async |by: &Cookie<'static>| world.send(from_our_page(Method::GET, "/tokens", by)).await.body;
    let post = async |path: &str, form: Value| {
        world.send(from_our_page(Method::POST, path, &ann).set_form(form)).await
    };
    for (form, wrong) in [
        (json!({ "form": FORM, "label": " ", "at_most": "", "days": "1" }), "label: is empty"),
        (json!({ "form": FORM, "label": "x", "at_most": "", "days": "soon" }), "days: is 0"),
        (
            json!({ "form": FORM, "label": "x", "at_most": "admin", "days": "1" }),
            "at_most: the account is operator",
        ),
    ] {
        let answer = post("/tokens", form).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", answer.body);
        assert!(answer.body.contains(wrong), "{}", answer.body);
    }
    let others = json!({ "form": FORM, "label": "x", "account": "vic", "at_most": "", "days": "1" });
    assert_eq!(post("/tokens", others).await.status, StatusCode::FORBIDDEN);

    let wish = json!({ "form": FORM, "label": "order entry", "at_most": "viewer", "days": "30" });
    let issued = post("/tokens", wish).await;
    assert_eq!(issued.status, StatusCode::CREATED, "{}", issued.body);
    let token = issued.body.split("<code id=\"token\">").nth(1).unwrap().split('<').next().unwrap();
    let me = async || world.send(bearer(&format!("{BASE}/me"), token)).await;
    assert_eq!(me().await.json()["role"], "viewer");
    let shown = page(&ann).await;
    assert!(shown.contains("order entry") && !shown.contains(token), "{shown}");
    assert!(page(&root).await.contains("order entry"), "an admin sees everybody's");

    for (kind, list) in [("token", "/tokens"), ("session", "/sessions")] {
        let mine = ask(&world, &ann, Method::GET, list).await;
        let ids = each(&mine, "id").into_iter().zip(each(&mine, "current"));
        for (id, _) in ids.filter(|(_, current)| *current == json!(false)) {
            let gone = post("/tokens/revoke", json!({ "kind": kind, "id": id })).await;
            assert_eq!(gone.status, StatusCode::SEE_OTHER, "{}", gone.body);
        }
    }
    assert_eq!(me().await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(world.me(&other).await, StatusCode::UNAUTHORIZED);
    assert_eq!(world.me(&ann).await, StatusCode::OK, "the one by which it was asked stays");
}

#[actix_web::test]
async fn a_form_that_is_sent_again_issues_no_second_token_and_says_that_the_first_was_shown() {
    let (world, [vic, ann, root]) = site().await;
    let post = async |by: &Cookie<'static>, path: &str, form: &Value| {
        world.send(from_our_page(Method::POST, path, by).set_form(form)).await
    };
    let page = world.send(from_our_page(Method::GET, "/tokens", &ann)).await.body;
    let form = page.split("name=\"form\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let wish = json!({ "form": form, "label": "orders", "at_most": "", "days": "30" });
    assert_eq!(post(&ann, "/tokens", &wish).await.status, StatusCode::CREATED);
    let listed = async || each(&ask(&world, &root, Method::GET, "/tokens").await, "id");
    let first = listed().await;
    let relabelled = json!({ "form": form, "label": "more orders", "at_most": "", "days": "30" });
    for again in [&wish, &relabelled] {
        let again = post(&ann, "/tokens", again).await;
        assert_eq!(again.status, StatusCode::CONFLICT, "{}", again.body);
        assert!(
            again.body.contains("was shown then") && !again.body.contains("id=\"token\""),
            "{}",
            again.body
        );
        assert!(!again.body.contains(form), "the next one is issued by a form of its own");
        assert_eq!(listed().await, first);
    }
    // Nor once it was taken away.
    let gone = json!({ "kind": "token", "id": first[0] });
    assert_eq!(post(&ann, "/tokens/revoke", &gone).await.status, StatusCode::SEE_OTHER);
    assert_eq!(post(&ann, "/tokens", &wish).await.status, StatusCode::CONFLICT);
    assert_eq!(listed().await, [] as [Value; 0]);
    assert_eq!(history(&world, "ann").await.len(), 2);
    // Another account's token is another one, whatever form it came by.
    assert_eq!(post(&vic, "/tokens", &wish).await.status, StatusCode::CREATED);
}
