use actix_web::{
    cookie::Cookie,
    http::{Method, StatusCode},
    test::TestRequest,
};
use proptest::{prelude::*, sample::select, strategy::ValueTree, test_runner::TestRunner};
use rehome_domain::role::Role;
use serde_json::json;

use super::world::{HOST, PASSWORD, World};

/// What a browser may say of where a request comes from, and whether it is from here.
fn said() -> impl Strategy<Value = (Option<&'static str>, Option<String>, bool)> {
    let site = select(vec![
        None,
        Some("same-origin"),
        Some("same-site"),
        Some("cross-site"),
        Some("none"),
        Some("?"),
    ]);
    let origin = select(vec![
        None,
        Some(format!("https://{HOST}")),
        Some(format!("http://{HOST}")),
        Some(format!("https://{HOST}:444")),
        Some(format!("https://{HOST}.evil.example")),
        Some("https://evil.example".to_owned()),
        Some("null".to_owned()),
        Some(HOST.to_owned()),
        Some(String::new()),
    ]);
    (site, origin).prop_map(|(site, origin)| {
        let ours = |origin: &String| [format!("https://{HOST}"), format!("http://{HOST}")].contains(origin);
        let here = match site {
            Some(site) => site == "same-origin",
            None => origin.as_ref().is_some_and(ours),
        };
        (site, origin, here)
    })
}

fn request(method: &Method, path: &str, site: Option<&str>, origin: Option<&str>) -> TestRequest {
    let mut request = TestRequest::with_uri(path).method(method.clone());
    if let Some(site) = site {
        request = request.insert_header(("sec-fetch-site", site));
    }
    if let Some(origin) = origin {
        request = request.insert_header(("origin", origin));
    }
    request
}

#[actix_web::test]
async fn with_a_cookie_only_our_own_pages_change_anything_and_a_token_may_come_from_anywhere() {
    let world = World::new(false);
    world.user("ann", Role::Admin).await;
    let cookie: Cookie<'static> = world.signed_in("ann").await;
    let (token, _) = world.token("ann", None, None).await;
    let methods = [
        Method::GET,
        Method::HEAD,
        Method::OPTIONS,
        Method::POST,
        Method::PUT,
        Method::PATCH,
        Method::DELETE,
    ];
    let strategy = (select(methods.to_vec()), said());
    let mut runner = TestRunner::default();
    for _ in 0..256 {
        let (method, (site, origin, here)) = strategy.new_tree(&mut runner).unwrap().current();
        let asked = || request(&method, "/api/example/admin", site, origin.as_deref());
        let allowed = here || [Method::GET, Method::HEAD, Method::OPTIONS].contains(&method);
        let answer = world.send(asked().cookie(cookie.clone())).await;
        let expected = if allowed { StatusCode::OK } else { StatusCode::FORBIDDEN };
        assert_eq!(answer.status, expected, "{method} {site:?} {origin:?}");
        if !allowed {
            assert_eq!(answer.problem(), "cross-site");
        }
        let by_token = asked().insert_header(("authorization", format!("Bearer {}", token.expose())));
        assert_eq!(world.send(by_token).await.status, StatusCode::OK);
    }
}

#[actix_web::test]
async fn nobody_is_signed_in_by_another_sites_page() {
    let world = World::new(false);
    world.user("ann", Role::Viewer).await;
    let mut runner = TestRunner::default();
    for _ in 0..64 {
        let (site, origin, here) = said().new_tree(&mut runner).unwrap().current();
        let tried = json!({ "name": "ann", "password": PASSWORD });
        let asked = request(&Method::POST, "/api/v1/session", site, origin.as_deref()).set_json(tried);
        let answer = world.send(asked).await;
        let silent = site.is_none() && origin.is_none();
        assert_eq!(answer.cookie().is_some(), here || silent, "{site:?} {origin:?}");
    }
}
