//! Webhooks: what is told, to whom, signed how, and that nothing is left out whatever happens to whom.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader, Read, Write},
    net::{IpAddr, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};
use rehome_domain::{
    MessageId, RelocationId, Request,
    account::{Account, Pass, PassKey, PassKind},
    command::CommandKind,
    message::{Envelope, Input},
    ports::{AccountStore, Change, Committed, Feed, Revoke, TicketStore, WebhookStore},
    role::Role,
    step::{Context, Stepped, step},
    webhook::{Format, Mark, Patience, Secret, Standing, Webhook, WebhookId},
};
use rehome_store::{Options, Sqlite};
use rehome_testkit::history;
use rehome_web::webhooks::{
    Postman, PostmanParts, Query, Reach,
    client::{Client, Post, Posting},
    secret_of, sign,
};
use tempfile::TempDir;
use ureq::tls::TlsConfig;
use uuid::Uuid;

const PATIENCE: Patience =
    Patience { first: SignedDuration::from_millis(20), longest: SignedDuration::from_millis(100), tries: 3 };

// ---------------------------------------------------------------------------------------------------------------
// A receiver

/// A request it got.
#[derive(Debug, Clone)]
struct Got {
    headers: Vec<(String, String)>,
    body: String,
}

impl Got {
    fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map_or_else(|| panic!("no {name} in {self:?}"), |(_, value)| value)
    }
}

/// What it answers to the next request: a status line's number, after so long.
type Answers = Box<dyn Fn(usize) -> (u16, Duration) + Send + Sync>;

/// A receiver over a real socket.
struct Receiver {
    at: SocketAddr,
    got: Arc<Mutex<Vec<Got>>>,
}

impl Receiver {
    fn start(answers: Answers) -> Self {
        Self::at(TcpListener::bind("127.0.0.1:0").unwrap(), answers)
    }

    fn at(listener: TcpListener, answers: Answers) -> Self {
        let (at, got) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(Vec::new())));
        let (keeping, answers) = (Arc::clone(&got), Arc::new(answers));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (keeping, answers) = (Arc::clone(&keeping), Arc::clone(&answers));
                thread::spawn(move || while serve(&stream, &keeping, &answers).is_some() {});
            }
        });
        Self { at, got }
    }

    fn url(&self) -> String {
        format!("http://{}/hook", self.at)
    }

    fn ids(&self) -> Vec<String> {
        self.got.lock().unwrap().iter().map(|got| got.header("webhook-id").to_owned()).collect()
    }

    /// The ids without those that came before.
    fn distinct(&self) -> Vec<String> {
        let mut known = BTreeSet::new();
        self.ids().into_iter().filter(|id| known.insert(id.clone())).collect()
    }
}

/// One request. What is answered with success counts as got.
fn serve(mut stream: &TcpStream, got: &Mutex<Vec<Got>>, answers: &Answers) -> Option<()> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        headers.push((name.to_lowercase(), value.to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length")?.1.parse().ok()?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let number = got.lock().unwrap().len();
    let (status, after) = answers(number);
    let late = Instant::now() + after;
    while Instant::now() < late {
        thread::park_timeout(late.saturating_duration_since(Instant::now()));
    }
    if (200..300).contains(&status) {
        got.lock().unwrap().push(Got { headers, body: String::from_utf8(body).unwrap() });
    }
    let answer = format!("HTTP/1.1 {status} X\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n");
    stream.write_all(answer.as_bytes()).ok()
}

fn takes_all() -> Answers {
    Box::new(|_| (204, Duration::ZERO))
}

// ---------------------------------------------------------------------------------------------------------------
// A store with relocations

struct World {
    store: Arc<Sqlite>,
    _dir: TempDir,
}

impl World {
    async fn new() -> Self {
        let dir = TempDir::new().unwrap();
        let store = Sqlite::open(&dir.path().join("rehome.db"), &Options::default()).unwrap();
        let asks = Account::new("bss".parse().unwrap(), Role::TO_LISTEN, "root", Timestamp::now());
        assert!(store.keep_account(asks).await.unwrap());
        Self { store, _dir: dir }
    }

    /// Changes the account of whoever asked for the webhooks.
    async fn change(&self, change: impl FnOnce(Account) -> Account) {
        let now = self.store.account("bss".parse().unwrap()).await.unwrap().unwrap();
        assert!(self.store.keep_account(change(now.next("root", Timestamp::now()))).await.unwrap());
    }

    /// Submits the `n`th relocation, held, and cancels it: two entries.
    async fn relocation(&self, n: u128) {
        let id = RelocationId(Uuid::from_u128(n));
        let mut request = Request { hold: true, service_id: format!("LL-{n}"), ..history::request() };
        request.new.l2_port = format!("eth{n}");
        request.new.l3_port = format!("ge{n}");
        let mut ticket = None;
        for input in [Input::Submitted { request: Arc::new(request) }, history::command(CommandKind::Cancel)]
        {
            let cause = MessageId(format!("{n}-{}", input.word()));
            let envelope = Envelope { relocation: id, cause, by: history::person(), input };
            let stepped = step(ticket.as_ref(), &envelope, &Context::at(Timestamp::now()));
            let Stepped::Journaled(stepped) = stepped else { panic!("{stepped:?}") };
            let (after, entry) = *stepped;
            let locked = after.state.needs_lock();
            let change = Change { ticket: Arc::new(after.clone()), entry: Arc::new(entry), locked };
            assert_eq!(self.store.commit(vec![change]).await.unwrap(), [Committed::Done]);
            ticket = Some(after);
        }
    }

    async fn webhook(&self, n: u128, url: String, format: Format, query: &str) -> WebhookId {
        self.webhook_by(n, url, format, query, None).await
    }

    /// A token of the account that asks for the webhooks.
    async fn token(&self, id: u128, ends_at: Timestamp) -> Uuid {
        let (id, now) = (Uuid::from_u128(id), Timestamp::now());
        let pass = Pass {
            id,
            kind: PassKind::Token,
            account: "bss".parse().unwrap(),
            label: "a program's".to_owned(),
            at_most: None,
            issued_by: "root".to_owned(),
            issued_at: now,
            seen_at: now,
            ends_at: Some(ends_at),
            idle_ms: None,
        };
        self.store.issue(PassKey([id.as_bytes()[15]; 32]), pass).await.unwrap();
        id
    }

    async fn webhook_by(
        &self,
        n: u128,
        url: String,
        format: Format,
        query: &str,
        token: Option<Uuid>,
    ) -> WebhookId {
        let id = WebhookId(Uuid::from_u128(n));
        let (query, by, at) = (query.to_owned(), "bss".to_owned(), Timestamp::now());
        let webhook = Webhook { id, url, secret: Secret(secret_of(b"secret")), format, query, by, token, at };
        assert!(self.store.subscribe(webhook, Standing::new(Mark::before(0), at)).await.unwrap());
        id
    }

    async fn standing(&self, id: WebhookId) -> Standing {
        let all = self.store.webhooks().await.unwrap();
        all.into_iter().find(|(webhook, _)| webhook.id == id).unwrap().1
    }

    fn parts(&self, lease: SignedDuration) -> PostmanParts {
        let reach = Reach::read(&["127.0.0.1".to_owned()]).unwrap();
        PostmanParts {
            feed: Arc::clone(&self.store) as Arc<dyn Feed>,
            webhooks: Arc::clone(&self.store) as _,
            tickets: Arc::clone(&self.store) as _,
            accounts: Arc::clone(&self.store) as _,
            post: Arc::new(Client::new(reach, Duration::from_secs(2), TlsConfig::default())),
            patience: PATIENCE,
            lease,
            poll: Duration::from_millis(10),
            now: Arc::new(Timestamp::now),
        }
    }

    fn postman(&self) -> Postman {
        Postman::start(self.parts(SignedDuration::from_secs(5)))
    }
}

/// Waits until it is so.
async fn until(what: &str, mut so: impl AsyncFnMut() -> bool) {
    let late = Instant::now() + Duration::from_secs(60);
    while !so().await {
        assert!(Instant::now() < late, "it never came about: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The ids of all that is told of so many relocations, in order.
fn expected(relocations: std::ops::Range<u128>) -> Vec<String> {
    relocations
        .flat_map(|n| [1, 2].map(|seq| format!("{}:{seq}:relocation.changed:0", Uuid::from_u128(n))))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_is_told_once_in_order_and_signed_while_nothing_goes_wrong() {
    let (world, receiver) = (World::new().await, Receiver::start(takes_all()));
    let id = world.webhook(1, receiver.url(), Format::Rehome, "").await;
    let postman = world.postman();
    for n in 1..20 {
        world.relocation(n).await;
    }
    until("all told", async || receiver.ids().len() >= 38).await;
    postman.stop().await;
    assert_eq!(receiver.ids(), expected(1..20));
    let standing = world.standing(id).await;
    assert_eq!((standing.told, standing.tried, standing.last_error), (38, 0, None));
    for got in receiver.got.lock().unwrap().iter() {
        let seconds = got.header("webhook-timestamp").parse().unwrap();
        let signed = sign(&secret_of(b"secret"), got.header("webhook-id"), seconds, &got.body);
        assert_eq!(got.header("webhook-signature"), signed);
        assert_eq!(got.header("content-type"), "application/json");
        let body: serde_json::Value = serde_json::from_str(&got.body).unwrap();
        assert_eq!(body["id"], got.header("webhook-id"));
    }
}

#[test]
fn a_signature_is_what_standard_webhooks_says_and_changes_with_all_it_is_over() {
    // Worked out with Python's hmac.
    let signed = sign(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1_614_265_330,
        "{\"test\": 2432232314}",
    );
    assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    let plain = sign("s", "i", 1, "b");
    for other in
        [sign("t", "i", 1, "b"), sign("s", "j", 1, "b"), sign("s", "i", 2, "b"), sign("s", "i", 1, "c")]
    {
        assert_ne!(plain, other);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receiver_that_is_down_or_answers_500_or_redirects_is_told_all_when_it_is_well_again() {
    for failing in [500_u16, 302, 0] {
        let world = World::new().await;
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        let ill = Arc::new(Mutex::new(true));
        let told = Arc::clone(&ill);
        let answers: Answers =
            Box::new(move |_| (if *told.lock().unwrap() { failing } else { 200 }, Duration::ZERO));
        // Down: the port is known and nobody listens at it.
        let mut receiver = if failing == 0 {
            drop(listener);
            None
        } else {
            Some(Receiver::at(listener, answers))
        };
        let id = world.webhook(1, format!("http://{at}/hook"), Format::Rehome, "").await;
        let postman = world.postman();
        world.relocation(1).await;
        until("it fails", async || world.standing(id).await.is_failing(&PATIENCE)).await;
        let standing = world.standing(id).await;
        let error = standing.last_error.unwrap();
        assert!(failing == 0 || error.contains(&failing.to_string()), "{error}");
        assert!(standing.failing_since.is_some());
        assert_eq!(standing.position, Mark::before(0));

        *ill.lock().unwrap() = false;
        let receiver =
            receiver.take().unwrap_or_else(|| Receiver::at(TcpListener::bind(at).unwrap(), takes_all()));
        until("all told", async || receiver.distinct().len() == 2).await;
        postman.stop().await;
        assert_eq!(receiver.distinct(), expected(1..2));
        assert_eq!(world.standing(id).await.failing_since, None);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_receiver_holds_up_no_other() {
    let world = World::new().await;
    let slow = Receiver::start(Box::new(|_| (200, Duration::from_millis(1500))));
    let quick = Receiver::start(takes_all());
    world.webhook(1, slow.url(), Format::Rehome, "").await;
    world.webhook(2, quick.url(), Format::Rehome, "").await;
    let postman = world.postman();
    for n in 1..10 {
        world.relocation(n).await;
    }
    until("the quick one has all", async || quick.ids().len() == 18).await;
    assert!(slow.ids().len() < 9, "the slow one was waited for");
    postman.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_killed_between_telling_and_writing_down_tells_again_under_the_same_ids() {
    let (world, receiver) = (World::new().await, Receiver::start(takes_all()));
    let id = world.webhook(1, receiver.url(), Format::Rehome, "").await;
    for n in 1..10 {
        world.relocation(n).await;
    }
    // A lease so long that nothing is written down before the kill, and a clock by which it ends.
    let clock = Arc::new(Mutex::new(Timestamp::now()));
    let parts = || {
        let clock = Arc::clone(&clock);
        PostmanParts {
            now: Arc::new(move || *clock.lock().unwrap()),
            ..world.parts(SignedDuration::from_hours(1))
        }
    };
    let first = parts();
    let alive = Arc::downgrade(&first.post);
    let killed = Postman::start(first);
    until("all told", async || receiver.ids().len() == 18).await;
    drop(killed);
    // Dead only when nothing of it runs any more: else it would see the clock of the next.
    until("it is dead", async || alive.upgrade().is_none()).await;
    assert_eq!(world.standing(id).await.told, 0, "nothing was written down");
    let next = Postman::start(parts());
    *clock.lock().unwrap() += SignedDuration::from_hours(2);
    until("all told again", async || receiver.ids().len() >= 36).await;
    next.stop().await;
    assert_eq!(receiver.distinct(), expected(1..10));
    assert_eq!(receiver.ids(), [expected(1..10), expected(1..10)].concat());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn any_number_of_postmen_tell_each_webhook_once() {
    let (world, receiver) = (World::new().await, Receiver::start(takes_all()));
    world.webhook(1, receiver.url(), Format::Rehome, "").await;
    let postmen = [world.postman(), world.postman(), world.postman()];
    for n in 1..30 {
        world.relocation(n).await;
    }
    until("all told", async || receiver.ids().len() >= 58).await;
    for postman in postmen {
        postman.stop().await;
    }
    assert_eq!(receiver.ids(), expected(1..30));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_webhook_is_told_what_its_query_lets_in_and_tmf_notifications_as_such() {
    let (world, receiver) = (World::new().await, Receiver::start(takes_all()));
    let query = "eventType=ServiceOrderStateChangeEvent&event.serviceOrder.state=cancelled&serviceId=LL-3&serviceId=LL-5";
    world.webhook(1, receiver.url(), Format::Tmf, query).await;
    for n in 1..8 {
        world.relocation(n).await;
    }
    let postman = world.postman();
    until("two told", async || receiver.ids().len() >= 2).await;
    postman.stop().await;
    let kind = "ServiceOrderStateChangeEvent";
    let expected = [3, 5].map(|n| format!("{}:2:{kind}", Uuid::from_u128(n)));
    assert_eq!(receiver.ids(), expected);
    let body: serde_json::Value = serde_json::from_str(&receiver.got.lock().unwrap()[0].body).unwrap();
    assert_eq!(body["event"]["serviceOrder"]["state"], "cancelled");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_may_not_come_in_any_more_is_told_nothing_and_goes_on_where_they_were_when_let_in_again() {
    type Changes = fn(Account) -> Account;
    let outs: [Changes; 2] = [
        |account| Account { disabled: true, ..account },
        |account| Account { role: Role::Viewer, ..account },
    ];
    for out in outs {
        let (world, receiver) = (World::new().await, Receiver::start(takes_all()));
        let id = world.webhook(1, receiver.url(), Format::Rehome, "").await;
        let clock = Arc::new(Mutex::new(Timestamp::now()));
        let looks = Arc::clone(&clock);
        let now = Arc::new(move || *looks.lock().unwrap());
        let postman = Postman::start(PostmanParts { now, ..world.parts(SignedDuration::from_secs(60)) });
        world.relocation(1).await;
        until("the first is told", async || receiver.ids() == expected(1..2)).await;

        world.change(out).await;
        world.relocation(2).await;
        // By a clock that stands still, how far it was told is only written down when it is found that they are out.
        let found = async || world.standing(id).await.told == 2 || receiver.ids().len() > 2;
        until("it is found", found).await;
        assert_eq!(receiver.ids(), expected(1..2));

        world.change(|account| Account { disabled: false, role: Role::TO_LISTEN, ..account }).await;
        *clock.lock().unwrap() += SignedDuration::from_secs(61);
        until("the rest is told", async || receiver.ids().len() == 4).await;
        assert_eq!(receiver.ids(), expected(1..3));
        postman.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_token_asked_for_is_told_nothing_when_that_is_revoked_or_ends_and_the_accounts_own_goes_on() {
    let world = World::new().await;
    let receivers = [(); 4].map(|()| Receiver::start(takes_all()));
    let later = Timestamp::now() + SignedDuration::from_hours(1);
    let stays = world.token(1, later).await;
    let revoked = world.token(2, later).await;
    let ended = world.token(3, Timestamp::now()).await;
    for (n, token) in (1..).zip([None, Some(stays), Some(revoked), Some(ended)]) {
        let url = receivers[n as usize - 1].url();
        world.webhook_by(n, url, Format::Rehome, "", token).await;
    }
    let postman = world.postman();
    world.relocation(1).await;
    until("all told", async || receivers[..3].iter().all(|receiver| receiver.ids().len() == 2)).await;
    assert_eq!(world.store.revoke(Revoke::One(revoked)).await.unwrap(), 1);
    world.relocation(2).await;
    until("those that stand told", async || receivers[..2].iter().all(|receiver| receiver.ids().len() == 4))
        .await;
    // Had it been told, it would have been by the time that the postman has ended.
    postman.stop().await;
    assert_eq!(receivers.map(|receiver| receiver.ids().len()), [4, 4, 2, 0]);
}

#[test]
fn a_query_that_says_nothing_is_refused_by_name() {
    for (query, said) in [
        ("colour=blue", "colour: is no name to filter by"),
        ("eventType=SomethingEvent", "eventType: `SomethingEvent` is not told"),
        ("event.serviceOrder.state=lost", "event.serviceOrder.state: `lost` is no order's state"),
        ("id=7", "id: `7` is no order's id"),
    ] {
        let error = Query::read(Format::Tmf, query).unwrap_err().to_string();
        assert!(error.starts_with(said), "{error}");
    }
    assert!(Query::read(Format::Rehome, "eventType=ServiceOrderStateChangeEvent").is_err());
}

#[test]
fn a_customer_with_a_comma_in_its_name_can_be_listened_for() {
    let named = |customer: &str, external_id: Option<&str>| {
        let request = Request {
            customer: customer.to_owned(),
            external_id: external_id.map(str::to_owned),
            ..history::request()
        };
        history::Play::submit(request).unwrap().ticket
    };
    let query =
        "customer=Acme%2C+Ltd&customer=Beta&externalId=7%2C8&eventType=relocation.changed,alarm.raised";
    let query = Query::read(Format::Rehome, query).unwrap();
    for kind in ["relocation.changed", "alarm.raised"] {
        assert!(query.admits(kind, &named("Acme, Ltd", Some("7,8"))));
        assert!(query.admits(kind, &named("Beta", Some("7,8"))));
        assert!(!query.admits(kind, &named("Acme", Some("7,8"))));
        assert!(!query.admits(kind, &named("Beta", Some("7"))));
    }
}

#[test]
fn addresses_of_this_machine_of_private_networks_and_of_secrets_are_not_reached_unless_allowed() {
    let open = Reach::default();
    for url in [
        "http://127.0.0.1/",
        "http://[::1]:8080/",
        "http://169.254.169.254/latest",
        "http://[fe80::1]/",
        "http://0.0.0.0/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:169.254.169.254]/",
        "http://224.0.0.1/",
        "http://[fd00:ec2::254]/",
        "http://[fd20:ce::254]/",
        "http://100.100.100.200/",
        "http://168.63.129.16/",
        "http://192.0.0.192/",
        "http://[::127.0.0.1]/",
        "http://[64:ff9b::127.0.0.1]/",
        "http://[64:ff9b::a9fe:a9fe]/",
        "http://[2002:7f00:1::]/",
        "http://10.1.2.3:15672/",
        "http://172.31.0.1/",
        "http://192.168.1.1/",
        "http://[fc00::1]/",
        "http://[::ffff:10.1.2.3]/",
        "http://255.255.255.255/",
        "ftp://example.com/",
        "file:///etc/passwd",
        "/path",
        "http://user:word@example.com/",
        "https://example.com/#there",
        "",
        "http://",
        "javascript:alert(1)",
    ] {
        assert!(open.admits_url(url).is_err(), "{url}");
    }
    for url in [
        "http://203.0.113.7:9/x?y=z",
        "https://receiver.example/hook",
        "http://[2001:db8::1]/",
        "http://[64:ff9b::203.0.113.7]/",
    ] {
        assert_eq!(open.admits_url(url), Ok(()), "{url}");
    }
    let some =
        Reach::read(&["10.0.0.0/8".to_owned(), "*.inside.example".to_owned(), "::1".to_owned()]).unwrap();
    let ip = |text: &str| text.parse::<IpAddr>().unwrap();
    assert!(some.admits("a.inside.example", ip("127.0.0.1")));
    assert!(some.admits("anything", ip("10.9.9.9")));
    assert!(some.admits("anything", ip("64:ff9b::10.9.9.9")));
    assert!(!some.admits("inside.example.evil", ip("192.0.2.1")));
    assert!(some.admits_url("http://[::1]/").is_ok());
    assert!(some.admits_url("http://192.0.2.1/").is_err());
    assert_eq!(Reach::read(&["not a host".to_owned()]), Err("not a host".to_owned()));
}

#[test]
fn a_name_that_leads_to_this_machine_is_not_connected_to() {
    let receiver = Receiver::start(takes_all());
    let client = Client::new(Reach::default(), Duration::from_secs(5), TlsConfig::default());
    let url = format!("http://localhost:{}/hook", receiver.at.port());
    let posting = Posting { url, headers: Vec::new(), body: "{}".to_owned() };
    let error = client.post(&posting).unwrap_err();
    assert!(error.contains("webhooks.allow"), "{error}");
    assert!(receiver.got.lock().unwrap().is_empty());
}
