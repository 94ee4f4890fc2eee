use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use futures::future::join_all;
use rehome_domain::{
    MessageId, RelocationId, Request,
    board::Filter,
    command::{By, CommandKind},
    message::{Envelope, Input},
    ports::{Change, Committed, Feed, StoreError, TicketStore as _, Wait},
    role::Role,
    step::{Context, Stepped, step},
    ticket::Ticket,
    webhook::Mark,
};
use rehome_testkit::history;
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
    sync::watch,
    time::{Duration, timeout},
};

use super::world::World;
use crate::changes::{Changes, HERE, Heard};

const PATIENCE: Duration = Duration::from_secs(30);

/// A client of the stream over a socket of its own.
struct Client(BufReader<TcpStream>);

/// An event as a client reads it.
#[derive(Debug, Clone, PartialEq)]
struct Event {
    id: String,
    kind: String,
    data: Value,
}

impl Client {
    async fn connect(at: SocketAddr, token: &str, query: &str, last: Option<&str>) -> (u16, Self) {
        let mut stream = TcpStream::connect(at).await.unwrap();
        let last = last.map(|id| format!("Last-Event-ID: {id}\r\n")).unwrap_or_default();
        let head = format!(
            "GET /api/v1/stream{query} HTTP/1.1\r\nHost: rehome.example\r\nAuthorization: Bearer {token}\r\n{last}\r\n"
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut client = Self(BufReader::new(stream));
        let status = client.line().await.unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        (status, client)
    }

    /// Listens, once it is told that it does.
    async fn listen(at: SocketAddr, token: &str, query: &str, last: Option<&str>) -> Self {
        Self::listen_from(at, token, query, last).await.0
    }

    /// Listens, and is told from where on.
    async fn listen_from(at: SocketAddr, token: &str, query: &str, last: Option<&str>) -> (Self, String) {
        let (status, mut client) = Self::connect(at, token, query, last).await;
        assert_eq!(status, 200);
        while client.line().await.unwrap() != "retry: 1500" {}
        let mut place = String::new();
        loop {
            match client.line().await.unwrap().split_once(": ") {
                Some(("id", id)) => id.clone_into(&mut place),
                None => return (client, place),
                Some(_) => {}
            }
        }
    }

    async fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        let read = timeout(PATIENCE, self.0.read_line(&mut line)).await.expect("nothing comes").unwrap();
        (read > 0).then(|| line.trim_end().to_owned())
    }

    async fn event(&mut self) -> Event {
        let mut event = Event { id: String::new(), kind: String::new(), data: Value::Null };
        loop {
            let line = self.line().await.unwrap();
            match line.split_once(": ") {
                Some(("id", id)) => id.clone_into(&mut event.id),
                Some(("event", kind)) => kind.clone_into(&mut event.kind),
                Some(("data", data)) => event.data = serde_json::from_str(data).unwrap(),
                _ if line.is_empty() && !event.kind.is_empty() => return event,
                _ => {}
            }
        }
    }

    /// Which tickets' entries it is told of next, so many of them.
    async fn changes(&mut self, many: usize) -> Vec<Event> {
        let hearing = async {
            let mut heard = Vec::new();
            while heard.len() < many {
                let event = self.event().await;
                if event.kind == "relocation.changed" {
                    heard.push(event);
                }
            }
            heard
        };
        timeout(PATIENCE, hearing).await.expect("not all of it is heard")
    }
}

fn by() -> By {
    By::Person { name: "test".to_owned(), via: "cli".to_owned(), role: Role::Admin }
}

impl World {
    async fn put(&self, ticket: Option<&Ticket>, envelope: Envelope) -> Ticket {
        let Stepped::Journaled(stepped) = step(ticket, &envelope, &Context::at(self.now())) else {
            panic!("not journaled");
        };
        let (ticket, entry) = *stepped;
        let change = Change {
            locked: ticket.state.needs_lock(),
            ticket: Arc::new(ticket.clone()),
            entry: Arc::new(entry),
        };
        assert_eq!(self.store.commit(vec![change]).await, Ok(vec![Committed::Done]));
        ticket
    }

    /// A ticket of its own service and places.
    async fn ticket(&self, n: u64) -> Ticket {
        let mut request = Request { hold: true, service_id: format!("S-{n}"), ..history::request() };
        for place in [&mut request.old, &mut request.new] {
            place.l3_port = format!("{}/{n}", place.l3_port);
            place.l2_port = format!("{}/{n}", place.l2_port);
        }
        let input = Input::Submitted { request: Arc::new(request) };
        let by = by();
        let id = RelocationId(uuid::Uuid::from_u64_pair(9, n));
        self.put(None, Envelope { relocation: id, cause: MessageId(format!("s{n}")), by, input }).await
    }

    /// Another entry of a ticket: a refusal.
    async fn refuse(&self, ticket: &Ticket, cause: &str) -> Ticket {
        let input = history::command(CommandKind::DeployCutover);
        let by = by();
        self.put(
            Some(ticket),
            Envelope { relocation: ticket.id, cause: MessageId(cause.to_owned()), by, input },
        )
        .await
    }

    async fn viewer(&self) -> String {
        self.user("ann", Role::Viewer).await;
        self.token("ann", None, None).await.0.expose().to_owned()
    }
}

fn services(events: &[Event]) -> Vec<String> {
    events.iter().map(|event| event.data["data"]["service_id"].as_str().unwrap().to_owned()).collect()
}

#[actix_web::test]
async fn five_hundred_listeners_all_hear_what_changes_after_they_came_and_nothing_else() {
    let world = World::new(false);
    let token = world.viewer().await;
    let (running, at) = world.serve();
    world.ticket(0).await;
    let clients = join_all((0..500).map(|_| Client::listen(at, &token, "", None))).await;
    let ticket = world.ticket(1).await;
    world.refuse(&ticket, "c1").await;
    let heard = join_all(clients.into_iter().map(|mut client| async move { client.changes(2).await })).await;
    assert_eq!(heard.len(), 500);
    for events in &heard {
        assert_eq!(events, &heard[0]);
    }
    assert_eq!(services(&heard[0]), ["S-1", "S-1"]);
    drop(running);
}

#[actix_web::test]
async fn whoever_comes_again_with_the_last_id_hears_all_that_came_after_it_once_and_in_order() {
    let world = World::new(false);
    let token = world.viewer().await;
    let (_running, at) = world.serve();
    let mut first = Client::listen(at, &token, "", None).await;
    for n in 0..3 {
        world.ticket(n).await;
    }
    let heard = first.changes(3).await;
    assert_eq!(services(&heard), ["S-0", "S-1", "S-2"]);
    drop(first);
    // More than is read at once, while nobody listens.
    for n in 3..250 {
        world.ticket(n).await;
    }
    for last in [0, 2] {
        let mut again = Client::listen(at, &token, "", Some(&heard[last].id)).await;
        let rest = again.changes(249 - last).await;
        assert!(rest.iter().all(|event| !event.id.is_empty()), "one that breaks off hears nothing twice");
        let rest = services(&rest);
        assert_eq!(rest, (last + 1..250).map(|n| format!("S-{n}")).collect::<Vec<_>>());
    }
    let query = format!("?since={}", heard[1].id);
    assert_eq!(services(&Client::listen(at, &token, &query, None).await.changes(1).await), ["S-2"]);
}

#[actix_web::test]
async fn who_breaks_off_before_anything_happened_goes_on_where_it_began_and_misses_nothing() {
    let world = World::new(false);
    let token = world.viewer().await;
    let (_running, at) = world.serve();
    let (first, place) = Client::listen_from(at, &token, "", None).await;
    drop(first);
    // As long as nothing happens that place is the end, and may be come back to.
    for _ in 0..2 {
        let (again, still) = Client::listen_from(at, &token, "", Some(&place)).await;
        assert_eq!(still, place);
        drop(again);
    }
    world.ticket(0).await;
    let mut last = Client::listen(at, &token, "", Some(&place)).await;
    assert_eq!(services(&last.changes(1).await), ["S-0"]);
}

#[actix_web::test]
async fn a_filter_lets_in_by_what_a_ticket_is_after_the_change() {
    let world = World::new(false);
    let token = world.viewer().await;
    let (_running, at) = world.serve();
    let mut client = Client::listen(at, &token, "?text=S-1", None).await;
    for n in 0..3 {
        world.ticket(n).await;
    }
    world.ticket(10).await;
    assert_eq!(services(&client.changes(2).await), ["S-1", "S-10"]);
}

/// Of many entries of one ticket, that nobody knows any more; each hundred takes its time to read.
struct Long;

impl Feed for Long {
    fn end(&self) -> Wait<'_, Result<Mark, StoreError>> {
        Box::pin(std::future::ready(Ok(Mark::before(1))))
    }

    fn after(&self, mark: Mark, limit: usize) -> Wait<'_, Result<Vec<Mark>, StoreError>> {
        let relocation = RelocationId(uuid::Uuid::nil());
        let next = move |n: usize| Mark { commit: mark.commit + n as u64, relocation, seq: 1 };
        Box::pin(async move {
            tokio::time::sleep(HERE / 4).await;
            Ok((1..=limit).map(next).collect())
        })
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_goes_past_much_that_they_did_not_ask_for_hears_how_far_they_are() {
    let world = World::new(false);
    let changes = Changes::start(Arc::new(Long), Arc::clone(&world.store) as _);
    let start = Mark::before(1);
    let mut listener = changes.listen(Some(start), Filter::default()).await.unwrap();
    let mut before = start;
    for _ in 0..2 {
        let heard = listener.next().await;
        let Some(Heard::Nothing(place)) = heard else { panic!("nothing is heard") };
        assert!(place > before && place == listener.place());
        before = place;
    }
}

/// Tells where it ends, but for the reader's first question, only once the reader has moved on meanwhile.
struct MovesOn {
    begun: AtomicBool,
    read: watch::Sender<u32>,
}

impl Feed for MovesOn {
    fn end(&self) -> Wait<'_, Result<Mark, StoreError>> {
        Box::pin(async move {
            if self.begun.swap(true, Ordering::Relaxed) {
                let mut read = self.read.subscribe();
                let now = *read.borrow();
                // The first may have been under way; who reads a second time has moved on after it.
                read.wait_for(|read| *read >= now + 2).await.unwrap();
            }
            Ok(Mark::before(1))
        })
    }

    fn after(&self, mark: Mark, _limit: usize) -> Wait<'_, Result<Vec<Mark>, StoreError>> {
        self.read.send_modify(|read| *read += 1);
        let next = Mark { commit: mark.commit + 1, relocation: RelocationId(uuid::Uuid::nil()), seq: 1 };
        Box::pin(std::future::ready(Ok(vec![next])))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listener_that_is_still_being_told_its_place_does_not_keep_the_reader_from_moving_on() {
    let world = World::new(false);
    let feed = MovesOn { begun: AtomicBool::default(), read: watch::Sender::default() };
    let changes = Changes::start(Arc::new(feed), Arc::clone(&world.store) as _);
    assert!(timeout(PATIENCE, changes.listen(None, Filter::default())).await.is_ok_and(|told| told.is_ok()));
}

#[actix_web::test]
async fn what_is_no_place_in_this_stream_or_no_filter_is_refused_by_its_name() {
    let world = World::new(false);
    let token = world.viewer().await;
    let (_running, at) = world.serve();
    let later = format!("{}.{}.1", u64::MAX, uuid::Uuid::nil());
    for (query, last) in [
        ("?since=yesterday", None),
        ("", Some("7")),
        ("", Some(later.as_str())),
        ("?relocation=lost", None),
        ("?limit=7", None),
    ] {
        assert_eq!(Client::connect(at, &token, query, last).await.0, 422, "{query} {last:?}");
    }
    assert_eq!(Client::connect(at, "rht_nobody", "", None).await.0, 401);
}
