//! What operations see of a process: whether it lives, whether it can work, and its figures.

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use rehome_testkit::{
    broker::Vhost,
    postgres::{Cluster, Database},
};
use serde_json::Value;

use crate::running::{Said, rehome, repository};

/// Long enough for any machine; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(60);

/// `rehome serve`, ended with this.
pub(crate) struct Serving {
    child: Child,
    at: String,
    said: String,
}

impl Serving {
    /// Starts it, and waits until it says where it listens.
    pub(crate) fn start(mut command: Command) -> Self {
        command.args(["--listen", "127.0.0.1:0"]);
        Self::start_as_told(command)
    }

    /// The same, with an address of its own among its arguments.
    pub(crate) fn start_as_told(mut command: Command) -> Self {
        let mut child = command.env("RUST_LOG", "warn").spawn().unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap());
        let mut said = String::new();
        let at = loop {
            let mut line = String::new();
            assert_ne!(log.read_line(&mut line).unwrap(), 0, "it ended: {said}");
            if let Some((_, at)) = line.split_once("http=") {
                break at.trim().trim_matches('"').to_owned();
            }
            said.push_str(&line);
        };
        // Somebody must read on, or the process waits for it.
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        Self { child, at, said }
    }

    pub(crate) fn at(&self) -> &str {
        &self.at
    }

    /// What it said before it said where it listens.
    pub(crate) fn said(&self) -> &str {
        &self.said
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    fn get(&self, path: &str) -> (u16, String) {
        get(&self.at, path)
    }

    fn readiness(&self) -> (u16, Value) {
        let (status, body) = self.get("/readyz");
        (status, serde_json::from_str(&body).unwrap())
    }

    /// Waits until it is ready or not.
    pub(crate) fn until_ready(&self, ready: bool) -> Value {
        let begun = Instant::now();
        loop {
            let (status, said) = self.readiness();
            if said["ready"] == ready {
                assert_eq!(status, if ready { 200 } else { 503 });
                return said;
            }
            assert!(begun.elapsed() < PATIENCE, "{said}");
            std::thread::yield_now();
        }
    }

    /// Waits until the first reason why it is not ready begins so.
    fn until_reason(&self, begins: &str) {
        let begun = Instant::now();
        loop {
            let (_, said) = self.readiness();
            if said["reasons"][0].as_str().is_some_and(|reason| reason.starts_with(begins)) {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{said}");
            std::thread::yield_now();
        }
    }

    pub(crate) fn terminate(mut self) -> Option<i32> {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").arg(pid).status().unwrap().success());
        self.child.wait().unwrap().code()
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn get(at: &str, path: &str) -> (u16, String) {
    let answer = ask(at, "GET", path, &[], "");
    (answer.status, answer.body)
}

/// What was answered over HTTP.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

/// Asks over a connection of its own.
pub(crate) fn ask(at: &str, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let mut stream = TcpStream::connect(at).unwrap();
    let mut request = format!("{method} {path} HTTP/1.1\r\nHost: {at}\r\nConnection: close\r\n");
    for (name, value) in headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    write!(stream, "{request}Content-Length: {}\r\n\r\n{body}", body.len()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let chunked = head.to_ascii_lowercase().contains("transfer-encoding: chunked");
    assert!(!chunked, "{head}");
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}

/// A process of a system over these servers.
pub(crate) fn scaled_out(args: &[&str], amqp: &str, postgres: &str) -> Command {
    let mut command = rehome(args);
    command.env("REHOME__BUS__KIND", "amqp").env("REHOME__AMQP__URL", amqp);
    command.env("REHOME__STORE__KIND", "postgres").env("REHOME__POSTGRES__URL", postgres);
    command.env("REHOME__POSTGRES__TIMEOUT_MS", "500").env("REHOME__AMQP__RECONNECT_MAX_MS", "500");
    command
}

#[test]
fn one_process_lives_is_ready_tells_figures_that_are_documented_and_ends_well() {
    let data = tempfile::tempdir().unwrap();
    let mut command = rehome(&["serve", "--data"]);
    command.arg(data.path()).stdout(Stdio::null());
    let serving = Serving::start(command);
    assert_eq!(serving.get("/healthz"), (200, "ok\n".to_owned()));
    let said = serving.until_ready(true);
    assert_eq!(said["roles"], serde_json::json!(["supervisor", "l3", "l2", "web"]));
    assert_eq!((&said["bus"]["kind"], &said["store"]["kind"]), (&"embedded".into(), &"sqlite".into()));
    let (status, figures) = serving.get("/metrics");
    assert_eq!(status, 200);
    let document = std::fs::read_to_string(repository("docs/metrics.md")).unwrap();
    let told: BTreeSet<&str> =
        figures.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    assert!(told.contains("rehome_alarms_total") && told.contains("rehome_build_info"), "{figures}");
    for name in told {
        assert!(document.contains(&format!("| `{name}` |")), "{name} is not documented");
    }
    assert_eq!(serving.terminate(), Some(0));
}

#[test]
fn a_port_that_is_taken_is_named_before_anything_starts() {
    let data = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = taken.local_addr().unwrap().to_string();
    let mut command = rehome(&["serve", "--listen", &at, "--data"]);
    command.arg(data.path().join("never"));
    let said = Said::of(&mut command);
    assert_eq!(said.code, Some(1));
    assert!(said.stderr.contains(&at) && said.stderr.contains("already"), "{}", said.stderr);
    assert!(!data.path().join("never").exists());
}

#[test]
fn a_process_without_its_queue_or_its_broker_says_so_and_lives_on() {
    let (vhost, database) = (Vhost::new(), Database::create());
    let start = |role| Serving::start(scaled_out(&["serve", "--roles", role], &vhost.url(), &database.url()));
    let serving = start("l3");
    serving.until_reason("bus: consume rehome.l3: ");
    // Which declares what all of them need.
    let _supervisor = start("supervisor");
    assert_eq!(serving.until_ready(true)["roles"], serde_json::json!(["l3"]));
    drop(vhost);
    let said = serving.until_ready(false);
    assert_eq!((&said["bus"]["ok"], &said["store"]["ok"]), (&false.into(), &true.into()), "{said}");
    assert!(said["reasons"][0].as_str().unwrap().starts_with("bus: "), "{said}");
    assert_eq!(serving.get("/healthz").0, 200);
}

#[test]
fn a_process_is_not_ready_while_its_database_is_away_and_is_again_when_it_is_back() {
    let (vhost, cluster) = (Vhost::new(), Cluster::start());
    let database = Database::on(&cluster.url());
    let serving =
        Serving::start(scaled_out(&["serve", "--roles", "supervisor"], &vhost.url(), &database.url()));
    serving.until_ready(true);
    let figures = || serving.get("/metrics").1;
    let begun = Instant::now();
    while !figures().contains("rehome_queue_consumers{queue=\"supervisor\"} 1") {
        assert!(begun.elapsed() < PATIENCE, "{}", figures());
    }
    cluster.crash();
    let said = serving.until_ready(false);
    assert_eq!((&said["bus"]["ok"], &said["store"]["ok"]), (&true.into(), &false.into()), "{said}");
    cluster.begin();
    serving.until_ready(true);
    assert!(figures().contains("rehome_store_errors_total"), "{}", figures());
    assert_eq!(serving.terminate(), Some(0));
}
