//! People come in by an identity provider. It is a server of its own here, reached over HTTP, and misbehaves as it is told.

use std::{collections::HashMap, sync::Mutex};

use actix_web::{App, HttpResponse, HttpServer, cookie::Cookie, http::StatusCode, test::TestRequest, web};
use base64::{Engine, prelude::BASE64_STANDARD, prelude::BASE64_URL_SAFE_NO_PAD};
use openidconnect::{
    JsonWebKeyId, PrivateSigningKey,
    core::{CoreEdDsaPrivateSigningKey, CoreJsonWebKeySet, CoreJwsSigningAlgorithm},
};
use rehome_domain::{account::Account, identity::Identity, ports::AccountStore, role::Role};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::world::{Answer, World, bare};
use crate::door::{Claims, Provider, ProviderParts};

const SECRET: &str = "known to both";
const CALLBACK: &str = "http://rehome.example/sign-in/back";

/// What the provider does.
struct Script {
    issuer: String,
    key: CoreEdDsaPrivateSigningKey,
    /// Over the claims it would make.
    claims: Value,
    /// The tokens it signs are those of another.
    forges: bool,
    /// What it was asked for a code with.
    asked: Option<HashMap<String, String>>,
    nonce: String,
    challenge: String,
}

type Shared = web::Data<Mutex<Script>>;

/// A new key. Its PKCS#8 is what says that it is one of Ed25519, then its 32 bytes: one line of PEM.
fn key(id: &str) -> CoreEdDsaPrivateSigningKey {
    let mut der =
        *b"\x30\x2e\x02\x01\x00\x30\x05\x06\x03\x2b\x65\x70\x04\x22\x04\x20................................";
    getrandom::fill(&mut der[16..]).unwrap();
    let pem =
        format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----", BASE64_STANDARD.encode(der));
    CoreEdDsaPrivateSigningKey::from_ed25519_pem(&pem, Some(JsonWebKeyId::new(id.to_owned()))).unwrap()
}

async fn about(script: Shared) -> HttpResponse {
    let at = &script.lock().unwrap().issuer;
    HttpResponse::Ok().json(json!({
        "issuer": at,
        "authorization_endpoint": format!("{at}/authorize"),
        "token_endpoint": format!("{at}/token"),
        "jwks_uri": format!("{at}/keys"),
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["EdDSA"],
    }))
}

async fn keys(script: Shared) -> HttpResponse {
    let key = script.lock().unwrap().key.as_verification_key();
    HttpResponse::Ok().json(CoreJsonWebKeySet::new(vec![key]))
}

async fn token(
    script: Shared,
    asked: web::Form<HashMap<String, String>>,
    request: actix_web::HttpRequest,
) -> HttpResponse {
    let mut script = script.lock().unwrap();
    let authorization = request.headers().get("authorization").unwrap().to_str().unwrap();
    assert_eq!(authorization, format!("Basic {}", BASE64_STANDARD.encode("rehome:known+to+both")));
    let challenge = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(asked["code_verifier"].as_bytes()));
    assert_eq!(asked["redirect_uri"], CALLBACK);
    if asked["code"] != "the-code" || challenge != script.challenge {
        return HttpResponse::BadRequest()
            .json(json!({ "error": "invalid_grant", "error_description": "no such code" }));
    }
    script.asked = Some(asked.into_inner());
    let now = jiff::Timestamp::now().as_second();
    let mut claims = json!({
        "iss": script.issuer, "aud": "rehome", "sub": "s1", "exp": now + 60, "iat": now, "nonce": script.nonce,
        "preferred_username": "ann", "name": "Ann Lee", "groups": ["noc"],
    });
    for (name, value) in script.claims.as_object().unwrap() {
        claims[name] = value.clone();
    }
    let signer = if script.forges { &key("k1") } else { &script.key };
    HttpResponse::Ok().json(json!({
        "access_token": "for nothing", "token_type": "Bearer", "id_token": signed(signer, &claims),
    }))
}

fn signed(key: &CoreEdDsaPrivateSigningKey, claims: &Value) -> String {
    let id = key.as_verification_key();
    let id = serde_json::to_value(&id).unwrap()["kid"].clone();
    let part = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&json!({ "alg": "EdDSA", "kid": id })), part(claims));
    let signature = key.sign(&CoreJwsSigningAlgorithm::EdDsa, signed.as_bytes()).unwrap();
    format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature))
}

/// A world with a provider.
struct Vouching {
    world: World,
    script: Shared,
}

impl Vouching {
    fn new(secure: bool) -> Self {
        let script = web::Data::new(Mutex::new(Script {
            issuer: String::new(),
            key: key("k1"),
            claims: json!({}),
            forges: false,
            asked: None,
            nonce: String::new(),
            challenge: String::new(),
        }));
        let shared = script.clone();
        let server = HttpServer::new(move || {
            App::new()
                .app_data(shared.clone())
                .route("/.well-known/openid-configuration", web::get().to(about))
                .route("/keys", web::get().to(keys))
                .route("/token", web::post().to(token))
        });
        let server = server.workers(1).disable_signals().bind("127.0.0.1:0").unwrap();
        let issuer = format!("http://{}", server.addrs()[0]);
        script.lock().unwrap().issuer = issuer.clone();
        actix_web::rt::spawn(server.run());
        let groups = |name: &str| vec![name.to_owned()];
        let provider = Provider::new(ProviderParts {
            issuer,
            client_id: "rehome".to_owned(),
            client_secret: SECRET.to_owned(),
            callback: CALLBACK.to_owned(),
            scopes: vec!["profile".to_owned()],
            claims: Claims {
                name: "preferred_username".to_owned(),
                groups: "groups".to_owned(),
                roles: vec![(Role::Operator, groups("noc")), (Role::Admin, groups("lead"))],
            },
            label: "Carrier ID".to_owned(),
            agent: ureq::Agent::new_with_defaults(),
        });
        Self { world: World::with_provider(secure, Some(provider)), script }
    }

    /// Goes to the provider; what the browser keeps, and what it was sent there with.
    async fn go(&self, next: &str) -> (Cookie<'static>, HashMap<String, String>) {
        let answer = self.world.send(TestRequest::get().uri(&format!("/sign-in/with?next={next}"))).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.body);
        let to = answer.header("location").unwrap();
        let (at, query) = to.split_once('?').unwrap();
        assert_eq!(at, format!("{}/authorize", self.script.lock().unwrap().issuer));
        let query: HashMap<String, String> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let mut script = self.script.lock().unwrap();
        script.nonce.clone_from(&query["nonce"]);
        script.challenge.clone_from(&query["code_challenge"]);
        (answer.cookie().unwrap(), query)
    }

    async fn come_back(&self, kept: &Cookie<'static>, query: &str) -> Answer {
        // As a browser comes from another site.
        let request = TestRequest::get().uri(&format!("/sign-in/back?{query}")).cookie(bare(kept));
        self.world.send(request.insert_header(("sec-fetch-site", "cross-site"))).await
    }

    /// There and back again.
    async fn sign_in(&self) -> Answer {
        let (kept, sent) = self.go("/tickets").await;
        self.come_back(&kept, &format!("code=the-code&state={}", sent["state"])).await
    }

    async fn account(&self) -> Option<Account> {
        self.world.store.account("ann".parse().unwrap()).await.unwrap()
    }

    async fn refused(&self, part: &str) {
        let answer = self.sign_in().await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{}", answer.body);
        assert!(answer.body.contains(part), "{part}: {}", answer.body);
        assert_eq!(self.world.store.passes(None).await.unwrap(), []);
    }
}

/// The session it gives.
fn session(answer: &Answer) -> Cookie<'static> {
    let set = answer.headers.iter().filter(|(name, _)| name == "set-cookie");
    let mut cookies = set.map(|(_, value)| Cookie::parse(value.clone()).unwrap());
    let found = cookies.find(|cookie| ["rehome", "__Host-rehome"].contains(&cookie.name()));
    bare(&found.unwrap_or_else(|| panic!("{} {}", answer.status, answer.body)))
}

#[actix_web::test]
async fn who_signs_in_at_the_provider_comes_back_with_a_session_and_the_role_of_their_groups() {
    for secure in [true, false] {
        let vouching = Vouching::new(secure);
        let page = vouching.world.send(TestRequest::get().uri("/sign-in?next=/tickets/1")).await;
        assert!(
            page.body.contains("/sign-in/with?next=/tickets/1") && page.body.contains("Carrier ID"),
            "{}",
            page.body
        );
        let (kept, sent) = vouching.go("/tickets/1").await;
        assert_eq!((kept.http_only(), kept.secure().unwrap_or(false)), (Some(true), secure));
        assert_eq!(sent["scope"], "openid profile");
        assert_eq!(
            (sent["response_type"].as_str(), sent["code_challenge_method"].as_str()),
            ("code", "S256")
        );
        let answer = vouching.come_back(&kept, &format!("code=the-code&state={}", sent["state"])).await;
        assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, Some("/tickets/1")));
        let me = TestRequest::get().uri("/api/v1/me").cookie(session(&answer));
        let me = vouching.world.send(me).await.json();
        assert_eq!((&me["name"], &me["role"]), (&json!("ann"), &json!("operator")), "{me}");
        let account = vouching.account().await.unwrap();
        let issuer = vouching.script.lock().unwrap().issuer.clone();
        assert_eq!(account.identity, Some(Identity { issuer, subject: "s1".to_owned() }));
        assert_eq!((account.display_name.as_str(), &account.password), ("Ann Lee", &None));
    }
}

#[actix_web::test]
async fn a_role_that_changed_at_the_provider_is_theirs_from_the_next_sign_in_on() {
    let vouching = Vouching::new(false);
    let first = session(&vouching.sign_in().await);
    vouching.script.lock().unwrap().claims = json!({ "groups": ["lead", "noc"] });
    session(&vouching.sign_in().await);
    assert_eq!(vouching.account().await.unwrap().role, Role::Admin);
    vouching.script.lock().unwrap().claims = json!({ "groups": [] });
    let answer = vouching.sign_in().await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN, "{}", answer.body);
    assert!(answer.body.contains("oidc.viewers"), "{}", answer.body);
    assert_eq!(vouching.world.me(&first).await, StatusCode::OK);
}

#[actix_web::test]
async fn a_token_that_is_not_for_this_sign_in_here_and_now_lets_nobody_in() {
    for (claims, part) in [
        (json!({ "nonce": "another" }), "nonce"),
        (json!({ "aud": "another" }), "audience"),
        (json!({ "iss": "http://127.0.0.1:1" }), "issuer"),
        (json!({ "exp": 1 }), "expired"),
    ] {
        let vouching = Vouching::new(false);
        vouching.script.lock().unwrap().claims = claims;
        vouching.refused(part).await;
        assert_eq!(vouching.account().await, None);
    }
}

#[actix_web::test]
async fn a_forged_token_lets_nobody_in() {
    let vouching = Vouching::new(false);
    vouching.script.lock().unwrap().forges = true;
    vouching.refused("can&#39;t be believed").await;
}

#[actix_web::test]
async fn keys_the_provider_has_changed_are_fetched_again_once_the_old_ones_are_some_seconds_old() {
    let vouching = Vouching::new(false);
    vouching.sign_in().await;
    vouching.script.lock().unwrap().key = key("k2");
    vouching.world.workbench.door.provider().unwrap().age(std::time::Duration::from_secs(11));
    session(&vouching.sign_in().await);
}

#[actix_web::test]
async fn nobody_comes_in_by_what_another_browser_began() {
    let vouching = Vouching::new(false);
    let (kept, sent) = vouching.go("/").await;
    let (other, _) = vouching.go("/").await;
    let code = format!("code=the-code&state={}", sent["state"]);
    for (kept, query) in [
        (&other, code.as_str()),
        (&kept, "code=the-code&state=guessed"),
        (&kept, "code=the-code"),
        (&Cookie::new("rehome-way", "nonsense"), code.as_str()),
        (&Cookie::new("another", "cookie"), code.as_str()),
    ] {
        let answer = vouching.come_back(kept, query).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{query}");
        assert!(answer.body.contains("not begun in this browser"), "{}", answer.body);
    }
    assert!(vouching.script.lock().unwrap().asked.is_none(), "the code was spent");
    assert_eq!(vouching.account().await, None);
}

#[actix_web::test]
async fn a_refusal_of_the_provider_is_told_in_its_words_and_nothing_of_it_is_markup() {
    let vouching = Vouching::new(false);
    let (kept, sent) = vouching.go("/").await;
    let query = format!("error=access_denied&error_description=%3Cscript%3Eno&state={}", sent["state"]);
    let answer = vouching.come_back(&kept, &query).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(answer.body.contains("access_denied: &#60;script&#62;no"), "{}", answer.body);
    let (kept, sent) = vouching.go("/").await;
    let answer = vouching.come_back(&kept, &format!("code=made-up&state={}", sent["state"])).await;
    assert!(answer.body.contains("invalid_grant"), "{}", answer.body);
}

#[actix_web::test]
async fn nobody_becomes_a_user_of_this_site_by_having_their_name_there() {
    let vouching = Vouching::new(false);
    vouching.world.user("ann", Role::Admin).await;
    vouching.refused("rehome user bind ann s1").await;
    let identity =
        Identity { issuer: vouching.script.lock().unwrap().issuer.clone(), subject: "s1".to_owned() };
    vouching.world.change("ann", |account| Account { identity: Some(identity), ..account }).await;
    session(&vouching.sign_in().await);
    assert_eq!(vouching.account().await.unwrap().role, Role::Operator, "the provider says what they may do");
    vouching.world.change("ann", |account| Account { disabled: true, ..account }).await;
    let answer = vouching.sign_in().await;
    assert!(answer.body.contains("is disabled here"), "{}", answer.body);
}

#[actix_web::test]
async fn a_provider_that_is_away_is_said_and_passwords_still_let_people_in() {
    let vouching = Vouching::new(false);
    let (kept, sent) = vouching.go("/").await;
    let gone = Provider::new(ProviderParts {
        issuer: "http://127.0.0.1:1".to_owned(),
        client_id: "rehome".to_owned(),
        client_secret: String::new(),
        callback: CALLBACK.to_owned(),
        scopes: Vec::new(),
        claims: Claims::default(),
        label: String::new(),
        agent: ureq::Agent::new_with_defaults(),
    });
    assert_eq!(gone.label(), "127.0.0.1:1");
    let world = World::with_provider(false, Some(gone));
    world.user("bob", Role::Viewer).await;
    let answer = world.send(TestRequest::get().uri("/sign-in/with")).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{}", answer.body);
    assert!(answer.body.contains("sign in with a name and a password"), "{}", answer.body);
    let back = format!("/sign-in/back?code=c&state={}", sent["state"]);
    let answer = world.send(TestRequest::get().uri(&back).cookie(bare(&kept))).await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE, "{}", answer.body);
    world.signed_in("bob").await;
}

#[actix_web::test]
async fn without_a_provider_there_is_no_way_to_one() {
    let world = World::new(false);
    assert!(!world.send(TestRequest::get().uri("/sign-in")).await.body.contains("/sign-in/with"));
    for path in ["/sign-in/with", "/sign-in/back?code=c&state=s"] {
        assert_eq!(world.send(TestRequest::get().uri(path)).await.status, StatusCode::NOT_FOUND);
    }
}
