//! A site to knock at.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use actix_web::{
    App, HttpResponse,
    body::to_bytes,
    cookie::Cookie,
    dev::Service,
    http::{Method, StatusCode, header},
    middleware::from_fn,
    test::{TestRequest, init_service},
    web,
};
use jiff::{SignedDuration, Timestamp};
use rehome_actors::{
    helm::{Helm, HelmParts},
    plan::Foresight,
    supervisor::{SupervisorParts, supervise},
    wall_clock,
};
use rehome_bus::{Capacity, Embedded};
use rehome_devices::simulated::{Devices, Simulated};
use rehome_domain::{
    account::{Account, Pass, PassKind},
    lang::Lang,
    ports::{AccountStore, Bus, Wait},
    request::{Deadlines, Request},
    role::Role,
};
use rehome_store::{Options, Sqlite};
use rehome_testkit::history::request;
use serde_json::{Value, json};
use tempfile::TempDir;
use uuid::Uuid;

use crate::{
    Asker, Bound, Caller, Changes, Door, Fresh, Listening, Part, Probe, Problem, Pulse, Readiness, Running,
    Runs, SheetFault, SheetReader, SheetRow, Site, Workbench,
    door::{Lifetimes, Passwords, Provider, Secret},
    frame::{Outside, around},
    webhooks::Reach,
};

/// Everybody's password here.
pub(super) const PASSWORD: &str = "correct horse battery";
pub(super) const HOST: &str = "rehome.example";

struct Ready;

impl Probe for Ready {
    fn look(&self) -> Wait<'_, Readiness> {
        let part = |kind| Part::new(kind, Vec::new());
        Box::pin(std::future::ready(Readiness::of(Vec::new(), false, part("embedded"), part("sqlite"))))
    }
}

/// A relocation with this number, that meets no other one.
pub(super) fn numbered(number: u16) -> Request {
    let mut request = request();
    request.service_id = format!("LL-{number:04}");
    (request.old.vlan, request.new.vlan) = (100 + number, 1000 + number);
    request
}

/// Knows a row's relocation by the number in its service. Real sheets are read elsewhere.
struct Numbered;

impl SheetReader for Numbered {
    fn read(&self, _: &str, bytes: &[u8], _: Lang) -> Result<Vec<SheetRow>, Vec<SheetFault>> {
        let rows: Vec<Value> = serde_json::from_slice(bytes).unwrap_or_default();
        let number = |row: &Value| row["service_id"].as_str()?.strip_prefix("LL-")?.parse().ok();
        let (mut read, mut faults) = (Vec::new(), Vec::new());
        for (line, row) in (1..).zip(&rows) {
            match number(row) {
                Some(number) => {
                    let request = Request { hold: row["hold"] == true, ..numbered(number) };
                    read.push(SheetRow { line, request: Arc::new(request) });
                }
                None => faults.push(SheetFault {
                    line: Some(line),
                    field: Some("service_id".to_owned()),
                    problem: "has no number".to_owned(),
                }),
            }
        }
        if faults.is_empty() { Ok(read) } else { Err(faults) }
    }
}

/// An endpoint for each role, that says who came in.
async fn example(role: web::Path<String>, caller: Caller) -> Result<HttpResponse, Problem> {
    caller.needs(role.parse().unwrap())?;
    Ok(HttpResponse::Ok().json(caller.by()))
}

async fn reads(body: web::Json<Value>) -> HttpResponse {
    HttpResponse::Ok().json(body.into_inner())
}

pub(super) struct World {
    pub(super) store: Arc<Sqlite>,
    pub(super) workbench: Arc<Workbench>,
    pub(super) bus: Arc<Embedded>,
    pub(super) outside: Outside,
    now: Arc<Mutex<Timestamp>>,
    _dir: TempDir,
}

/// What was answered.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// What problem it is.
    pub(super) fn problem(&self) -> String {
        self.json()["type"].as_str().unwrap().trim_start_matches("urn:rehome:problem:").to_owned()
    }

    /// The session cookie it sets, with its attributes.
    pub(super) fn cookie(&self) -> Option<Cookie<'static>> {
        let set = self.headers.iter().filter(|(name, _)| name == "set-cookie");
        let mut cookies = set.map(|(_, value)| Cookie::parse(value.clone()).unwrap());
        cookies.find(|cookie| cookie.name() != "rehome-lang")
    }
}

impl World {
    pub(super) fn new(secure: bool) -> Self {
        Self::with_provider(secure, None)
    }

    pub(super) fn with_provider(secure: bool, provider: Option<Provider>) -> Self {
        let dir = TempDir::new().unwrap();
        let store = Sqlite::open(&dir.path().join("rehome.db"), &Options::default()).unwrap();
        let now = Arc::new(Mutex::new(Timestamp::from_second(1_000_000).unwrap()));
        let clock = || {
            let now = Arc::clone(&now);
            Arc::new(move || *now.lock().unwrap())
        };
        let accounts = Arc::clone(&store) as Arc<dyn AccountStore>;
        let lifetimes = Lifetimes { session: Duration::from_secs(1000), idle: Duration::from_secs(300) };
        let door = Door::new(accounts, clock(), lifetimes).unwrap().with_provider(provider);
        let bus = Embedded::new(Capacity::default());
        let pulse = Pulse::start(&*bus);
        let workbench = Arc::new(Workbench {
            door,
            asker: Asker::start(Arc::clone(&bus) as _, Duration::from_secs(1)),
            tickets: Arc::clone(&store) as _,
            counts: Fresh::counts(Arc::clone(&store) as _),
            devices: Fresh::devices(Arc::clone(&store) as _),
            figures: Fresh::figures(Arc::clone(&store) as _, clock()),
            planner: Arc::new(Foresight::new(Arc::new(Simulated::new(
                Arc::clone(&store) as _,
                Devices::Any,
            )))),
            board: Arc::clone(&store) as _,
            letters: Arc::clone(&store) as _,
            steering: Arc::clone(&store) as _,
            under_way: Fresh::under_way(Arc::clone(&store) as _),
            domain_of: Arc::new(|_| "default".to_owned()),
            sheets: Arc::new(Numbered),
            runs: Runs::default(),
            pulse,
            changes: Changes::start(Arc::clone(&store) as _, Arc::clone(&store) as _),
            webhooks: Arc::clone(&store) as _,
            feed: Arc::clone(&store) as _,
            reach: Reach::default(),
            deadlines: Deadlines::default(),
        });
        Self { store, workbench, bus, outside: Outside { proxies: Vec::new(), secure }, now, _dir: dir }
    }

    /// Puts a supervisor and its helm to work. The helm's turns are for whoever needs them.
    pub(super) async fn supervise(&self) -> Arc<Helm> {
        let bus = || Arc::clone(&self.bus) as Arc<dyn Bus>;
        let helm = Helm::new(HelmParts {
            steering: Arc::clone(&self.store) as _,
            tickets: Arc::clone(&self.store) as _,
            bus: bus(),
            domain_of: Arc::new(|_| "default".to_owned()),
            every: Duration::from_millis(5),
            now: wall_clock(),
        });
        helm.look().await.unwrap();
        tokio::spawn(Arc::clone(&helm).obey(self.bus.steering()));
        tokio::spawn(supervise(SupervisorParts {
            tickets: Arc::clone(&self.store) as _,
            bus: bus(),
            batch: 16,
            in_flight: 64,
            shared: false,
            helm: Arc::clone(&helm),
            now: wall_clock(),
            gauge: Arc::default(),
        }));
        helm
    }

    pub(super) fn pass_time(&self, seconds: i64) {
        let mut now = self.now.lock().unwrap();
        *now += SignedDuration::from_secs(seconds);
    }

    pub(super) fn now(&self) -> Timestamp {
        *self.now.lock().unwrap()
    }

    pub(super) async fn user(&self, name: &str, role: Role) {
        self.user_with(name, role, PASSWORD, false).await;
    }

    pub(super) async fn user_with(&self, name: &str, role: Role, clear: &str, one_time: bool) {
        let password = Passwords::new().unwrap().keep(clear.to_owned(), one_time).await.unwrap();
        let account = Account::new(name.parse().unwrap(), role, "test", self.now());
        assert!(self.store.keep_account(Account { password: Some(password), ..account }).await.unwrap());
    }

    pub(super) async fn change(&self, name: &str, change: impl FnOnce(Account) -> Account) {
        let account = self.store.account(name.parse().unwrap()).await.unwrap().unwrap();
        let next = account.next("test", self.now());
        assert!(self.store.keep_account(change(next)).await.unwrap());
    }

    pub(super) async fn token(
        &self,
        of: &str,
        at_most: Option<Role>,
        ends_in: Option<i64>,
    ) -> (Secret, Uuid) {
        let (secret, now) = (Secret::new(PassKind::Token).unwrap(), self.now());
        let pass = Pass {
            id: Uuid::now_v7(),
            kind: PassKind::Token,
            account: of.parse().unwrap(),
            label: "test".to_owned(),
            at_most,
            issued_by: "test".to_owned(),
            issued_at: now,
            seen_at: now,
            ends_at: ends_in.map(|seconds| now + SignedDuration::from_secs(seconds)),
            idle_ms: None,
        };
        let id = pass.id;
        self.store.issue(secret.key(), pass).await.unwrap();
        (secret, id)
    }

    fn site(&self) -> Site {
        Site {
            probe: Arc::new(Ready),
            metrics: Arc::new(String::new),
            workbench: Some(Arc::clone(&self.workbench)),
        }
    }

    /// Serves over a real socket; where.
    pub(super) fn serve(&self) -> (Running, SocketAddr) {
        let bound = Bound::open("127.0.0.1:0").unwrap();
        let at = bound.address();
        let listening = Listening { threads: 1, outside: self.outside.clone() };
        (bound.serve(self.site(), &listening).unwrap(), at)
    }

    /// Sends a request.
    pub(super) async fn send(&self, request: TestRequest) -> Answer {
        let site = self.site();
        let app = App::new()
            .app_data(self.outside.clone())
            .wrap(from_fn(around))
            .configure(crate::frame::bounds)
            .service(web::resource("/api/example/{role}").to(example))
            .service(web::resource("/api/reads").route(web::post().to(reads)))
            .configure(move |config| site.paths(config));
        let request = request.insert_header((header::HOST, HOST)).to_request();
        let response = init_service(app).await.call(request).await.unwrap();
        let headers = response.headers().iter();
        let headers = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
        let (status, headers) = (response.status(), headers.collect::<Vec<(String, String)>>());
        // A stream has no end.
        if headers.iter().any(|(_, value)| value == "text/event-stream") {
            return Answer { status, headers, body: String::new() };
        }
        let body = to_bytes(response.into_body()).await.unwrap_or_else(|_| panic!("no body"));
        Answer { status, headers, body: String::from_utf8(body.to_vec()).unwrap() }
    }

    pub(super) async fn sign_in(&self, name: &str, password: &str) -> Answer {
        let tried = json!({ "name": name, "password": password });
        self.send(TestRequest::post().uri("/api/v1/session").set_json(tried)).await
    }

    /// The cookie of somebody who has signed in.
    pub(super) async fn signed_in(&self, name: &str) -> Cookie<'static> {
        let answer = self.sign_in(name, PASSWORD).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        bare(&answer.cookie().unwrap())
    }

    pub(super) async fn me(&self, cookie: &Cookie<'static>) -> StatusCode {
        self.send(TestRequest::get().uri("/api/v1/me").cookie(cookie.clone())).await.status
    }
}

/// As a browser sends it back.
pub(super) fn bare(cookie: &Cookie<'static>) -> Cookie<'static> {
    Cookie::new(cookie.name().to_owned(), cookie.value().to_owned())
}

/// A request that a page of ours has sent.
pub(super) fn from_our_page(method: Method, path: &str, cookie: &Cookie<'static>) -> TestRequest {
    TestRequest::with_uri(path)
        .method(method)
        .cookie(cookie.clone())
        .insert_header(("sec-fetch-site", "same-origin"))
}

pub(super) fn bearer(path: &str, secret: &str) -> TestRequest {
    TestRequest::with_uri(path).insert_header((header::AUTHORIZATION, format!("Bearer {secret}")))
}
