use actix_web::{
    http::{Method, StatusCode},
    test::TestRequest,
};
use rehome_domain::role::Role;

use super::world::{World, from_our_page};
use crate::assets;

const HEADERS: [(&str, &str); 3] = [
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
         form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "same-origin"),
];

#[actix_web::test]
async fn every_answer_has_the_headers_errors_too_and_only_assets_are_kept() {
    for secure in [false, true] {
        let world = World::new(secure);
        let long = "x".repeat(300 * 1024);
        for (request, status) in [
            (TestRequest::get().uri("/healthz"), 200),
            (TestRequest::get().uri("/readyz"), 200),
            (TestRequest::get().uri("/sign-in"), 200),
            (TestRequest::get().uri("/nothing"), 404),
            (TestRequest::get().uri("/api/v1/nothing"), 404),
            (TestRequest::get().uri("/api/v1/me"), 401),
            (TestRequest::patch().uri("/api/v1/me"), 405),
            (TestRequest::post().uri("/api/reads").set_payload("{"), 400),
            (TestRequest::post().uri("/api/reads").set_json(&long), 413),
            (TestRequest::get().uri("/assets/0000/style.css"), 404),
            (TestRequest::get().uri(&assets::path("style.css")), 200),
        ] {
            let request = request.insert_header(("content-type", "application/json"));
            let answer = world.send(request).await;
            assert_eq!(answer.status.as_u16(), status, "{}", answer.body);
            for (name, value) in HEADERS {
                assert_eq!(answer.header(name), Some(value));
            }
            let strict = answer.header("strict-transport-security");
            assert_eq!(strict.is_some(), secure);
            let kept = answer.header("cache-control").unwrap();
            let asset = answer.header("content-type").is_some_and(|kind| kind.starts_with("text/css"));
            assert_eq!(kept, if asset { "public, max-age=31536000, immutable" } else { "no-store" });
        }
    }
}

#[actix_web::test]
async fn a_problem_is_told_as_each_reads_it() {
    let world = World::new(false);
    let nothing = |path: &str| TestRequest::get().uri(path).insert_header(("accept-language", "zh"));
    let api = world.send(nothing("/api/v1/nothing")).await;
    assert_eq!(api.header("content-type"), Some("application/problem+json"));
    let expected = serde_json::json!({
        "type": "urn:rehome:problem:not-found", "title": "未找到", "status": 404, "detail": "此地址没有内容。",
        "instance": "/api/v1/nothing",
    });
    assert_eq!(api.json(), expected);
    let tmf = world.send(nothing("/tmf-api/serviceOrdering/v4/nothing")).await.json();
    assert_eq!((&tmf["code"], &tmf["status"]), (&"not-found".into(), &"404".into()));
    let page = world.send(nothing("/nothing").insert_header(("accept", "text/html,*/*"))).await;
    assert!(page.header("content-type").unwrap().starts_with("text/html"));
    assert!(page.body.contains("<html lang=\"zh-CN\"") && page.body.contains("未找到"), "{}", page.body);
    let line = world.send(nothing("/apix")).await;
    assert_eq!((line.status, line.body.as_str()), (StatusCode::NOT_FOUND, "未找到: 此地址没有内容。\n"));
    let method = world.send(TestRequest::patch().uri("/api/v1/session")).await;
    assert_eq!(
        (method.problem().as_str(), method.header("allow")),
        ("method-not-allowed", Some("POST, DELETE"))
    );
    let malformed = TestRequest::post().uri("/api/reads").insert_header(("content-type", "application/json"));
    let malformed = world.send(malformed.set_payload("{\"a\":")).await;
    assert_eq!(malformed.problem(), "malformed");
}

#[actix_web::test]
async fn the_language_that_was_asked_for_is_kept() {
    let world = World::new(false);
    let answer = world.send(TestRequest::get().uri("/sign-in?lang=zh")).await;
    assert!(answer.body.contains("登录"));
    assert!(answer.header("set-cookie").unwrap().starts_with("rehome-lang=zh; "));
    let kept = actix_web::cookie::Cookie::new("rehome-lang", "zh");
    assert!(world.send(TestRequest::get().uri("/sign-in").cookie(kept)).await.body.contains("登录"));
}

#[actix_web::test]
async fn an_asset_that_a_browser_has_is_not_sent_again() {
    let world = World::new(false);
    let path = assets::path("style.css");
    let first = world.send(TestRequest::get().uri(&path)).await;
    let tag = first.header("etag").unwrap().to_owned();
    let again = world.send(TestRequest::get().uri(&path).insert_header(("if-none-match", tag))).await;
    assert_eq!((again.status, again.body.as_str()), (StatusCode::NOT_MODIFIED, ""));
    let other = world.send(TestRequest::get().uri(&path).insert_header(("if-none-match", "\"other\""))).await;
    assert_eq!(other.status, StatusCode::OK);
}

#[actix_web::test]
async fn a_page_says_who_is_signed_in() {
    let world = World::new(false);
    world.user("ann", Role::Operator).await;
    let cookie = world.signed_in("ann").await;
    let me = world.send(from_our_page(Method::GET, "/api/v1/me", &cookie)).await.json();
    assert_eq!(
        (&me["name"], &me["role"], &me["kind"]),
        (&"ann".into(), &"operator".into(), &"session".into())
    );
    let home = world.send(from_our_page(Method::GET, "/", &cookie)).await;
    assert!(home.body.contains("ann <small>operator</small>"), "{}", home.body);
}
