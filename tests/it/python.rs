//! The programs in `examples/python`, against a running system: another system, an operator, and a vendor's L2.

use std::{
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{OnceLock, mpsc},
    time::{Duration, Instant},
};

use rehome_testkit::broker::Vhost;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::running::{Said, rehome, repository};

/// Long enough for anything here on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

/// A Python that has what `requirements.txt` asks for.
struct Python {
    program: PathBuf,
    path: Option<PathBuf>,
}

/// Makes it once: in an environment of its own, or, where Python comes without the means for that, beside it.
fn python() -> &'static Python {
    static MADE: OnceLock<Python> = OnceLock::new();
    MADE.get_or_init(|| {
        let requirements = repository("examples/python/requirements.txt");
        let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join("python");
        let (stamp, asked) = (place.join("made-for"), std::fs::read_to_string(&requirements).unwrap());
        let (own, beside) = (place.join("venv"), place.join("packages"));
        let made = std::fs::read_to_string(&stamp).is_ok_and(|made| made == asked);
        let by_venv = if made {
            own.join("bin/python").exists()
        } else {
            drop(std::fs::remove_dir_all(&place));
            let made = quietly(Command::new("python3").args(["-m", "venv"]).arg(&own)).is_ok();
            let pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"];
            let mut install = Command::new(if made { own.join("bin/python") } else { "python3".into() });
            install.args(pip).arg(&requirements);
            if !made {
                drop(std::fs::remove_dir_all(&own));
                install.arg("--target").arg(&beside);
            }
            quietly(&mut install).unwrap_or_else(|why| panic!("pika can't be installed: {why}"));
            std::fs::write(&stamp, asked).unwrap();
            made
        };
        if by_venv {
            Python { program: own.join("bin/python"), path: None }
        } else {
            Python { program: "python3".into(), path: Some(beside) }
        }
    })
}

fn quietly(command: &mut Command) -> Result<(), String> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| format!("{command:?}: {error}"))?;
    let said =
        || String::from_utf8_lossy(&[output.stdout.clone(), output.stderr.clone()].concat()).into_owned();
    if output.status.success() { Ok(()) } else { Err(format!("{command:?}: {}", said())) }
}

/// A process whose lines are read as they come.
struct Running {
    child: Child,
    lines: mpsc::Receiver<String>,
    read: Vec<String>,
}

impl Running {
    fn start(command: &mut Command) -> Self {
        let command = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (told, lines) = mpsc::channel();
        let streams: [Box<dyn Read + Send>; 2] =
            [Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap())];
        for stream in streams {
            let told = told.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    if told.send(line).is_err() {
                        return;
                    }
                }
            });
        }
        Self { child, lines, read: Vec::new() }
    }

    /// Reads on until a line says this.
    fn until(&mut self, text: &str) -> String {
        let late = Instant::now() + PATIENCE;
        loop {
            match self.lines.recv_timeout(late.saturating_duration_since(Instant::now())) {
                Ok(line) => {
                    self.read.push(line.clone());
                    if line.contains(text) {
                        return line;
                    }
                }
                Err(_) => panic!("nobody said `{text}`: {:#?}", self.read),
            }
        }
    }

    /// Reads to the end. Its exit code, and all it said.
    fn ended(mut self) -> (Option<i32>, String) {
        let late = Instant::now() + PATIENCE;
        loop {
            match self.lines.recv_timeout(late.saturating_duration_since(Instant::now())) {
                Ok(line) => self.read.push(line),
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
                Err(mpsc::RecvTimeoutError::Timeout) => panic!("it does not end: {:#?}", self.read),
            }
        }
        (self.child.wait().unwrap().code(), std::mem::take(&mut self.read).join("\n"))
    }

    /// `kill -9`.
    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A system over a broker, and a vendor beside it.
struct World {
    dir: TempDir,
    vhost: Vhost,
    _serve: Running,
}

impl World {
    fn new() -> Self {
        let (dir, vhost) = (tempfile::tempdir().unwrap(), Vhost::new());
        for role in ["operator", "supervisor", "admin"] {
            let own = format!("^{}[.]", vhost.named(role));
            let with = |exchange: &str| format!("({own}.*|^rehome[.]{exchange}$)");
            vhost.user_may(role, &own, &with("commands"), &with("events"));
        }
        let with = |exchange: &str| format!("(^vendor-x[.].*|^rehome[.]{exchange}$)");
        vhost.user_may("vendor", "^vendor-x[.]", &with("replies"), &with("work"));
        let mut command = rehome(&["serve"]);
        command.arg("--data").arg(dir.path().join("data"));
        command.env("RUST_LOG", "warn").env("REHOME__BUS__KIND", "amqp");
        command.env("REHOME__AMQP__URL", vhost.url()).env("REHOME__AMQP__DOMAINS", "sw-x-*=vendor-x");
        for (key, role) in [("OPERATORS", "operator"), ("SUPERVISORS", "supervisor"), ("ADMINS", "admin")] {
            command.env(format!("REHOME__ACCESS__{key}"), vhost.named(role));
        }
        // A vendor that is killed is given its time.
        for key in ["RESERVE", "CUTOVER", "ROLLBACK", "INSPECT"] {
            command.env(format!("REHOME__DEADLINES__{key}_MS"), "100000");
        }
        let mut serve = Running::start(&mut command);
        serve.until("serving");
        let world = Self { dir, vhost, _serve: serve };
        world.switch(&json!({}));
        world
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn program(&self, name: &str, user: &str) -> Command {
        let python = python();
        let mut command = Command::new(&python.program);
        if let Some(path) = &python.path {
            command.env("PYTHONPATH", path);
        }
        command.env("PYTHONDONTWRITEBYTECODE", "1").env("REHOME_AMQP", self.vhost.url_of(user));
        command.arg(repository("examples/python").join(name));
        command
    }

    /// Writes the toy switch, as a person would while it runs.
    fn switch(&self, toy: &Value) {
        let beside = self.path("switch.new");
        std::fs::write(&beside, toy.to_string()).unwrap();
        std::fs::rename(beside, self.path("switch.json")).unwrap();
    }

    fn holds(&self) -> Value {
        let toy = std::fs::read_to_string(self.path("switch.json")).unwrap();
        serde_json::from_str::<Value>(&toy).unwrap()["holds"].clone()
    }

    /// The vendor, taking orders.
    fn vendor(&self) -> Running {
        let mut command = self.program("vendor_l2.py", "vendor");
        command.args(["--domain", "vendor-x", "--switch"]).arg(self.path("switch.json"));
        let mut vendor = Running::start(command.arg("--state").arg(self.path("state.json")));
        vendor.until("taking orders");
        vendor
    }

    /// Another system submits this circuit's relocation, to a port of its own.
    fn order(&self, service: &str, args: &[&str]) -> Running {
        let text = std::fs::read_to_string(repository("examples/python/order.json")).unwrap();
        let mut order: Value = serde_json::from_str(&text).unwrap();
        order["service_id"] = json!(service);
        for end in ["old", "new"] {
            order[end]["l3_port"] = json!(format!("{end}-{service}"));
            order[end]["l2_port"] = json!(format!("{end}-{service}"));
        }
        let path = self.path(&format!("{service}.json"));
        std::fs::write(&path, order.to_string()).unwrap();
        let mut command = self.program("order_client.py", "operator");
        Running::start(command.arg(path).args(args))
    }

    fn over(&self, user: &str, args: &[&str]) -> Said {
        Said::of(self.program("override.py", user).args(args).stdin(Stdio::null()))
    }
}

/// The lines of a client that was told to speak JSON: what, and the message.
fn told(text: &str) -> Vec<(String, Value)> {
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines
        .map(|line| {
            let (what, message) = line.as_object().unwrap().iter().next().unwrap();
            (what.clone(), message.clone())
        })
        .collect()
}

fn statuses(text: &str, field: &str) -> Vec<String> {
    let mut seen: Vec<String> = Vec::new();
    for (_, event) in told(text).into_iter().filter(|(what, _)| what == "event") {
        let status = event[field].as_str().unwrap_or("-").to_owned();
        if seen.last() != Some(&status) {
            seen.push(status);
        }
    }
    seen
}

#[test]
fn an_order_succeeds_through_a_vendors_l2_and_the_toy_switch_holds_what_it_should() {
    let world = World::new();
    let (old, new) = ("sw-x-01/old-LL-1:101", "sw-x-02/new-LL-1:102");
    world.switch(&json!({ "holds": {
        old: { "service_id": "LL-1", "relocation": null, "presence": "installed" },
        "sw-x-01/1/0/9:101": { "service_id": "LL-9", "relocation": null, "presence": "installed" },
    } }));
    let vendor = world.vendor();
    let (code, text) = world.order("LL-1", &["--deploy", "--json"]).ended();
    assert_eq!(code, Some(0), "{text}");
    assert_eq!(statuses(&text, "reservation"), ["-", "l3_reserved", "reserved"]);
    assert_eq!(statuses(&text, "cutover"), ["-", "l3_cut_over", "cut_over"]);
    assert!(told(&text).iter().all(|(what, _)| what != "alarm"), "{text}");
    let holds = world.holds();
    assert_eq!((&holds[old], &holds[new]["presence"]), (&Value::Null, &json!("installed")));
    assert_eq!(holds["sw-x-01/1/0/9:101"]["service_id"], "LL-9", "another circuit is not touched");
    drop(vendor);
}

#[test]
fn a_vendor_that_refuses_rolls_back_and_a_person_with_the_rights_goes_on_and_one_without_does_not() {
    let world = World::new();
    world.switch(&json!({ "refuse": ["LL-1"] }));
    let vendor = world.vendor();
    let (code, text) = world.order("LL-1", &["--json", "--stop-when-waiting"]).ended();
    assert_eq!(code, Some(1), "{text}");
    let last = told(&text).pop().unwrap().1;
    assert_eq!(last["status"], "failed", "{text}");
    let reservation = statuses(&text, "reservation");
    assert!(
        reservation.starts_with(&["-".into(), "l3_reserved".into(), "l2_reservation_failed".into()]),
        "{text}"
    );
    // Both layers undo at once; the client stops at the first instant at which nothing is out.
    assert_eq!(last["reservation"], "l2_rolled_back");
    assert_eq!(world.holds(), json!({}));

    let (id, seq) = (last["relocation"].as_str().unwrap(), last["seq"].to_string());
    let force = ["force-reservation", id, "--reason", "checked on site", "--expected-version"];
    let with = [&force[..], &[seq.as_str()]].concat();
    world
        .over("operator", &with)
        .is(1, &["refused: not_allowed", "has: \"operator\"", "needs: \"supervisor\""]);
    world.over("supervisor", &with).is(1, &["refused: stale"]);
    world.over("supervisor", &force[..4]).is(0, &["accepted"]);
    world.over("operator", &["force-reservation", id]).is(2, &["--reason"]);
    world
        .over("operator", &["cancel", id, "--reason", "enough", "--json"])
        .is(0, &["\"answer\": \"accepted\""]);
    drop(vendor);
}

#[test]
fn an_admin_pauses_a_vendors_domain_by_message_and_what_is_submitted_begins_when_it_is_resumed() {
    let world = World::new();
    let vendor = world.vendor();
    let pause = ["pause", "--domain", "vendor-x", "--reason", "works at their site"];
    world.over("supervisor", &pause).is(1, &["refused: not_allowed", "needs: \"admin\""]);
    world.over("admin", &pause).is(0, &["accepted"]);
    let mut order = world.order("LL-1", &["--deploy"]);
    // Its answer and its first event come in either order.
    order.until("reservation_pending - - open");
    let resume = ["resume", "--domain", "vendor-x", "--reason", "done"];
    world.over("admin", &resume).is(0, &["accepted"]);
    let (code, text) = order.ended();
    assert_eq!(code, Some(0), "{text}");
    world.over("admin", &resume).is(1, &["refused: not_paused"]);
    // Nothing is under way any more, so a drain is over as soon as every helm has heard of it; and again when asked again.
    let drain = ["drain", "--domain", "vendor-x", "--reason", "their new release", "--message-id", "d-1"];
    world.over("admin", &drain).is(0, &["accepted"]);
    world.over("admin", &drain).is(0, &["accepted"]);
    drop(vendor);
}

#[test]
fn a_device_that_does_not_answer_is_tried_again_and_another_circuits_port_is_a_conflict() {
    let world = World::new();
    let taken = json!({ "service_id": "LL-9", "relocation": null, "presence": "installed" });
    world.switch(&json!({ "unreachable": ["sw-x-02"], "holds": { "sw-x-02/new-LL-2:102": taken } }));
    let mut vendor = world.vendor();
    let order = world.order("LL-1", &["--deploy"]);
    vendor.until("\"retrying\", \"tried\": 2");
    world.switch(&json!({ "holds": { "sw-x-02/new-LL-2:102": taken } }));
    let (code, text) = order.ended();
    assert_eq!(code, Some(0), "{text}");
    let (code, text) = world.order("LL-2", &["--stop-when-waiting"]).ended();
    assert_eq!(code, Some(1), "{text}");
    vendor.until("\"reason\": \"conflict\"");
    assert_eq!(world.holds()["sw-x-02/new-LL-2:102"], taken);
}

#[test]
fn a_vendor_killed_in_mid_work_again_and_again_loses_nothing_and_does_nothing_twice() {
    let world = World::new();
    let services: Vec<String> = (0..6).map(|n| format!("LL-{n}")).collect();
    world.switch(&json!({ "slow_ms": 150 }));
    let mut vendor = world.vendor();
    let orders: Vec<Running> =
        services.iter().map(|service| world.order(service, &["--deploy", "--json"])).collect();
    // Taken and not done; done and not said (it is printed before it is published); in the midst of a cutover.
    for moment in [
        "reserve for",
        "\"reserve\"",
        "reserve for",
        "\"reserve\"",
        "cutover for",
        "\"cutover_l2\"",
        "cutover for",
        "\"cutover_l2\"",
    ] {
        vendor.until(moment);
        vendor.kill();
        vendor = world.vendor();
    }
    for order in orders {
        let (code, text) = order.ended();
        assert_eq!(code, Some(0), "{text}");
        assert!(told(&text).iter().all(|(what, _)| what != "alarm"), "{text}");
    }
    let holds = world.holds();
    let held: Vec<(&str, &str)> = holds
        .as_object()
        .unwrap()
        .values()
        .map(|held| (held["service_id"].as_str().unwrap(), held["presence"].as_str().unwrap()))
        .collect();
    assert_eq!(held.len(), services.len());
    assert!(held.iter().all(|(_, presence)| *presence == "installed"), "{held:?}");
    // The last order is acknowledged after its reply is published: a moment after the relocation has ended.
    let late = Instant::now() + PATIENCE;
    while world.vhost.messages("vendor-x.l2") != Some(0) {
        assert!(Instant::now() < late, "an order is left");
    }
}

#[test]
fn a_vendor_survives_that_its_connections_are_closed_and_so_does_who_follows_an_order() {
    let world = World::new();
    // Closing takes a second or two: an order of its own for each moment, which may be over by then.
    world.switch(&json!({ "slow_ms": 1500 }));
    let mut vendor = world.vendor();
    let mut came_back = 0;
    for moment in ["reserve for LL-1", "cutover for LL-2"] {
        let order = world.order(moment.rsplit(' ').next().unwrap(), &["--deploy"]);
        vendor.until(moment);
        world.vhost.close_all_connections();
        vendor.until("taking orders");
        let (code, text) = order.ended();
        assert_eq!(code, Some(0), "{text}");
        came_back += usize::from(text.contains("connecting again"));
    }
    assert!(came_back > 0, "no client was there when its connection was closed");
}

#[test]
fn what_is_of_no_use_is_said_in_a_line_and_by_the_exit_code() {
    let world = World::new();
    let said = |name: &str, args: &[&str]| Said::of(world.program(name, "operator").args(args));
    for name in ["order_client.py", "override.py", "vendor_l2.py"] {
        said(name, &["--help"]).is(0, &["Example", "usage"]);
    }
    said("order_client.py", &["nowhere.json"]).is(2, &["nowhere.json can't be read"]);
    let path = world.path("odd.json");
    std::fs::write(&path, "[]").unwrap();
    said("order_client.py", &[path.to_str().unwrap()]).is(2, &["holds no relocation"]);
    said("override.py", &["cancel", "xyz", "--reason", "r"]).is(2, &["invalid UUID"]);
    let strange = ["--url", "amqp://nobody:wrong@127.0.0.1:5672/%2f"];
    said(
        "override.py",
        &[&["cancel", "0193ffff-0000-7000-8000-000000000000", "--reason", "r"][..], &strange].concat(),
    )
    .is(3, &["does not let 'nobody' in"]);
    said("override.py", &["cancel", "0193ffff-0000-7000-8000-000000000000", "--reason", "r"])
        .is(1, &["rejected: no_such_ticket"]);
    said("vendor_l2.py", &["--domain", "x", "--switch", "nowhere.json", "--state", "s"])
        .is(1, &["there is no nowhere.json"]);
    std::fs::write(&path, r#"{ "service_id": "LL-1" }"#).unwrap();
    // It can't be read, so there is no answer: it is a dead letter.
    said("order_client.py", &[path.to_str().unwrap(), "--timeout", "2"]).is(3, &["no answer within 2 s"]);
}
