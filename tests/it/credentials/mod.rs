//! Credentials never appear: not in logs at their most talkative, nor in what is kept, answered, told to others or shown in
//! lists of processes, whatever goes well or wrong with them. Where they must be (a file of settings, the environment, the
//! answer that tells a token once) is not looked at.

mod devices;
mod haystack;

use std::{
    fs::File,
    io::{Read as _, Write as _},
    net::TcpListener,
    path::Path,
    process::{Child, Command},
    sync::mpsc::{Receiver, channel},
};

use rehome_testkit::{
    broker::Vhost,
    postgres::Database,
    stranger::{Said as Telling, Stranger},
};
use serde_json::{Value, json};

use self::{
    devices::Devices,
    haystack::{Haystack, Secret},
};
use crate::{lab::until, operations::ask, over_http::token_of, running::Said, users::given};

/// All that anybody says, our own code and the libraries.
const TALKATIVE: &str = "trace";

const BROKER: &str = "Br0ker/p@ss w0rd-7f3a";
const DATABASE: &str = "D@tabase:pass+5c1e";
const WRONG: &str = "Mistyped?pass#91b2";
const DEVICE_FILE: &str = "Dev1ce&pass%file-2d4b";
const DEVICE_ENV: &str = "Dev1ce=pass env-8e6f";
const OIDC: &str = "Cl1ent-secret~/0a9d";
const FIRST: &str = "One-time p@ss 44c0";
const CHOSEN: &str = "Chosen/p@ss 77d1 by her";
const BAD_TOKEN: &str = "rehome_bm9ib2R5cyB0b2tlbiBhdCBhbGwgMTIzNDU2Nzg5MA";

/// As it must be written in a URL.
fn percent(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

/// A broker's user whose password is a secret.
struct Servers {
    vhost: Vhost,
    database: Database,
    user: String,
}

impl Servers {
    fn start() -> Self {
        let (vhost, database) = (Vhost::new(), Database::create());
        let user = vhost.named("secretive");
        vhost.ctl(&["add_user", &user, BROKER]);
        vhost.ctl(&["set_permissions", "-p", vhost.name(), &user, ".*", ".*", ".*"]);
        Self { vhost, database, user }
    }

    fn amqp(&self, password: &str) -> String {
        let url = self.vhost.url();
        let place = url.rsplit('@').next().unwrap();
        format!("amqp://{}:{}@{place}", self.user, percent(password))
    }

    /// The server lets us in whatever the password is; it has to be sent all the same.
    fn postgres(&self) -> String {
        let url = self.database.url();
        let (who, place) = url.split_once('@').unwrap();
        format!("{who}:{}@{place}", percent(DATABASE))
    }

    /// All that is kept, as text. Webhooks' secrets are kept to sign with, in one column of a table of their own: all else there
    /// is looked at too.
    fn kept(&self) -> String {
        let tables = self.database.sql(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'",
        );
        assert!(tables.lines().count() > 5, "{tables}");
        let rows = |table: &str| {
            let what =
                if table == "webhook" { "(body::jsonb - 'secret')::text, standing" } else { "t::text" };
            self.database.sql(&format!("SELECT {what} FROM {table} t"))
        };
        let hooks = rows("webhook");
        assert!(hooks.contains("/hook") && hooks.contains("position"), "{hooks}");
        tables.lines().map(rows).collect()
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        self.vhost.ctl(&["delete_user", &self.user]);
    }
}

/// A process with a log of its own, killed with this.
struct Process {
    child: Child,
    log: std::path::PathBuf,
}

impl Process {
    fn start(command: &mut Command, log: &Path) -> Self {
        let file = File::create(log).unwrap();
        let child = command.stdout(file.try_clone().unwrap()).stderr(file).spawn().unwrap();
        Self { child, log: log.to_owned() }
    }

    fn said(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// Where it listens.
    fn at(&self) -> String {
        let find = || {
            let said = self.said();
            let after = said.split("http=").nth(1)?.lines().next()?.to_owned();
            Some(after.trim().trim_matches('"').to_owned())
        };
        until("its listening", || find().is_some());
        find().unwrap()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Somebody who is told of changes: what it was told.
fn listener() -> (String, Receiver<String>) {
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let at = format!("http://{}/hook", socket.local_addr().unwrap());
    let (sender, told) = channel();
    std::thread::spawn(move || {
        for stream in socket.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut piece = [0; 65536];
            let length = stream.read(&mut piece).unwrap_or_default();
            let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
            if sender.send(String::from_utf8_lossy(&piece[..length]).into_owned()).is_err() {
                return;
            }
        }
    });
    (at, told)
}

/// The command lines of all processes there are.
pub(crate) fn process_list() -> String {
    let all = std::fs::read_dir("/proc").unwrap().flatten();
    let line = |entry: std::fs::DirEntry| std::fs::read(entry.path().join("cmdline")).ok();
    all.filter_map(line).map(|line| String::from_utf8_lossy(&line).replace('\0', " ") + "\n").collect()
}

/// What people and programs do, over HTTP, rightly and wrongly; answers what only whoever asked may know.
fn use_it(at: &str, token: &str, hook: &str, hay: &mut Haystack) -> Vec<Secret> {
    let bearer = format!("Bearer {token}");
    let session = |cookie: &str, method: &str, path: &str, body: &Value| {
        let headers =
            [("Content-Type", "application/json"), ("Cookie", cookie), ("Sec-Fetch-Site", "same-origin")];
        ask(at, method, path, &headers, &body.to_string())
    };
    let cookie = |head: &str| {
        let set = head.lines().find_map(|line| line.split_once("rehome=")).unwrap().1;
        set.split(';').next().unwrap().to_owned()
    };
    let mut secrets = Vec::new();
    for (name, password, status) in [("bea", WRONG, 401), ("nobody", CHOSEN, 401), ("bea", FIRST, 200)] {
        let answer = session("", "POST", "/api/v1/session", &json!({ "name": name, "password": password }));
        assert_eq!(answer.status, status, "{}", answer.body);
        hay.add(&format!("the answer to signing in as {name}"), &answer.body);
        if status == 200 {
            secrets.push(Secret::new("the first session", &cookie(&answer.head)));
        }
    }
    let first = format!("rehome={}", secrets[0].text());
    let changed = session(&first, "PUT", "/api/v1/me/password", &json!({ "old": FIRST, "new": CHOSEN }));
    assert_eq!(changed.status, 200, "{}", changed.body);
    hay.add("the answer to choosing a password", &changed.body);
    secrets.push(Secret::new("the session", &cookie(&changed.head)));
    let later = format!("rehome={}", secrets[1].text());
    for path in ["/", "/devices", "/api/v1/me", "/api/v1/sessions", "/api/v1/tokens", "/nowhere"] {
        hay.add(path, &session(&later, "GET", path, &Value::Null).body);
    }
    let wrong = ask(at, "GET", "/api/v1/me", &[("Authorization", &format!("Bearer {BAD_TOKEN}"))], "");
    assert_eq!(wrong.status, 401);
    hay.add("the answer to a wrong token", &(wrong.head + &wrong.body));
    let wish = json!({ "url": hook }).to_string();
    let headers = [("Authorization", bearer.as_str()), ("Content-Type", "application/json")];
    let added = ask(at, "POST", "/api/v1/webhooks", &headers, &wish);
    assert_eq!(added.status, 201, "{}", added.body);
    let added: Value = serde_json::from_str(&added.body).unwrap();
    let secret = added["secret"].as_str().unwrap();
    secrets.push(Secret::new("the webhook's secret", secret));
    secrets.push(Secret::new("the webhook's key", secret.trim_start_matches("whsec_")));
    secrets
}

/// All that a running system answers.
fn look_at_it(at: &str, token: &str, hay: &mut Haystack) {
    let bearer = format!("Bearer {token}");
    let get = |path: &str| ask(at, "GET", path, &[("Authorization", &bearer)], "");
    let tickets: Value = serde_json::from_str(&get("/api/v1/tickets").body).unwrap();
    let ids =
        tickets["tickets"].as_array().unwrap().iter().map(|ticket| ticket["id"].as_str().unwrap().to_owned());
    let ids: Vec<String> = ids.collect();
    assert_eq!(ids.len(), 8, "{tickets}");
    let each = ids.iter().flat_map(|id| {
        ["", "/journal", "/journal.jsonl", "/plan"].map(|end| format!("/api/v1/tickets/{id}{end}"))
    });
    let all = ["tickets", "devices", "webhooks", "letters", "steering"].map(|what| format!("/api/v1/{what}"));
    let others = ["/metrics", "/readyz", "/api/v1/openapi.json"].map(str::to_owned);
    for path in each.chain(all).chain(others) {
        let answer = get(&path);
        hay.add(&path, &(answer.head + &answer.body));
    }
}

/// All that is tried, and what came of it.
struct World {
    devices: Devices,
    servers: Servers,
    sheet: String,
    dir: tempfile::TempDir,
    hay: Haystack,
    secrets: Vec<Secret>,
}

impl World {
    fn new() -> Self {
        let (devices, servers) = (Devices::start(), Servers::start());
        let (sheet, dir) = (devices.sheet(), tempfile::tempdir().unwrap());
        let secrets = devices.keys();
        Self { devices, servers, sheet, dir, hay: Haystack::default(), secrets }
    }

    /// A command with all the secrets that there are to know, to these servers.
    fn command_to(&self, args: &[&str], amqp: &str, postgres: &str) -> Command {
        let mut command = self.devices.lab.command(args);
        for (key, value) in [
            ("BUS__KIND", "amqp"),
            ("AMQP__URL", amqp),
            ("AMQP__RECONNECT_MAX_MS", "500"),
            ("STORE__KIND", "postgres"),
            ("POSTGRES__URL", postgres),
            ("POSTGRES__TIMEOUT_MS", "500"),
            ("OIDC__ISSUER", "http://127.0.0.1:1"),
            ("OIDC__CLIENT_ID", "rehome"),
            ("OIDC__CALLBACK", "http://localhost:8080/sign-in/back"),
            ("OIDC__CLIENT_SECRET", OIDC),
            ("WEBHOOKS__ALLOW", "127.0.0.1"),
            ("ACCESS__RELAYS", &self.servers.user),
        ] {
            command.env(format!("REHOME__{key}"), value);
        }
        for stage in ["RESERVE", "CUTOVER", "ROLLBACK", "INSPECT"] {
            command.env(format!("REHOME__DEADLINES__{stage}_MS"), "60000");
        }
        command.env("DEVICE_PASSWORD", DEVICE_ENV).env("RUST_LOG", TALKATIVE);
        command
    }

    fn command(&self, args: &[&str]) -> Command {
        self.command_to(args, &self.servers.amqp(BROKER), &self.servers.postgres())
    }

    fn secret(&mut self, name: &str, text: &str) {
        self.secrets.push(Secret::new(name, text));
    }

    /// A system at work, and all that is asked of it.
    fn work(&mut self) {
        given(self.command(&["user", "add", "bea", "--role", "admin", "--password-stdin"]), FIRST).is(0, &[]);
        Said::of(&mut self.command(&["user", "add", "ann", "--role", "supervisor", "--no-password"]))
            .is(0, &[]);
        let token =
            Said::of(&mut self.command(&["token", "add", "ann", "--label", "test", "--json"])).json(0);
        let token = token["token"].as_str().unwrap().to_owned();
        self.secret("a token", &token);
        let log = self.dir.path().join("serve.log");
        let serving = Process::start(&mut self.command(&["serve", "--listen", "127.0.0.1:0"]), &log);
        let at = serving.at();
        let (hook, told) = listener();
        self.secrets.extend(use_it(&at, &token, &hook, &mut self.hay));
        self.tell(&at, &token);
        look_at_it(&at, &token, &mut self.hay);
        self.hay.add("the list of processes", &process_list());
        let hooked: Vec<String> = std::iter::once(told.recv().unwrap()).chain(told.try_iter()).collect();
        assert!(hooked.concat().contains("relocation.changed"), "{hooked:?}");
        self.hay.add("what a webhook is told", &hooked.concat());
        let (kept, said) = (self.servers.kept(), serving.said());
        let all = ["TRACE actix_http", "DEBUG lapin", "rehome_devices::ovsdb", "refused our certificate"];
        is_talkative("the log", &said, all);
        let all = ["does not let `root` in", "host key is not one", "refused our certificate", "127.0.0.1:1"];
        is_talkative("what is kept", &kept, all);
        self.hay.add("what is kept in PostgreSQL", &kept);
        self.hay.add("the log of the system", &said);
    }

    /// What is told to a running system from the command line and by message.
    fn tell(&mut self, at: &str, token: &str) {
        let to_it = |world: &Self, args: &[&str]| {
            Said::of(world.command(args).env("REHOME_URL", at).env("REHOME_TOKEN", token))
        };
        let sheet = self.sheet.clone();
        let submitted = to_it(self, &["submit", &sheet, "--wait", "--json"]);
        let rows = submitted.json(1);
        let is_reserved = |row: &&Value| row["reservation"] == "reserved";
        let reserved = rows["rows"].as_array().unwrap().iter().filter(is_reserved);
        let reserved: Vec<_> = reserved.map(|row| row["service_id"].as_str().unwrap()).collect();
        assert_eq!(reserved, ["LAB-1", "TLS"], "{rows:#}");
        self.hay.said("submit", &submitted);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let stranger = Stranger::connect(&self.servers.amqp(BROKER)).await;
            let junk = json!({ "what": "nobody knows" });
            stranger.publish("rehome.commands", "order.submit", Telling::default(), &junk).await.unwrap();
        });
        let letters = &["dead", "list", "--json"];
        until("the dead letter", || to_it(self, letters).stdout.contains("order.submit"));
        for args in [
            &["deploy", "LAB-1"][..],
            &["submit", &sheet, "--wait"],
            &["show", "LAB-1"],
            &["export", "--all"],
            &["plan", "LAB-1", "--lines"],
            &["plan", &sheet, "--lines"],
            &["check"],
            &["check", "--json"],
            &["list"],
            &["user", "list", "bea"],
            &["token", "list", "--json"],
            letters,
        ] {
            let said = to_it(self, args);
            assert!(matches!(said.code, Some(0 | 1)), "{args:?}: {}{}", said.stdout, said.stderr);
            self.hay.said(&format!("{args:?}"), &said);
        }
    }

    /// Servers that are not there, or refuse us.
    fn refused(&mut self) {
        let url = self.servers.postgres();
        let (who, place) = url.rsplit_once('@').unwrap();
        let nobody = format!("{who}@127.0.0.1:1/{}", place.split_once('/').unwrap().1);
        let missing = format!("{url}_missing");
        let (wrong, right) = (self.servers.amqp(WRONG), self.servers.amqp(BROKER));
        let sheet = self.sheet.clone();
        for (amqp, postgres) in [(&wrong, &nobody), (&right, &missing)] {
            for args in
                [&["check"][..], &["check", "--json"], &["run", &sheet, "--attach"], &["user", "list"]]
            {
                let said = Said::of(&mut self.command_to(args, amqp, postgres));
                assert_ne!(said.code, Some(0), "{args:?}");
                self.hay.said(&format!("{args:?}, refused"), &said);
            }
        }
        let mut command = self.command_to(&["serve", "--roles", "l3", "--listen", ""], &wrong, &url);
        let process = Process::start(&mut command, &self.dir.path().join("refused.log"));
        until("the broker's refusal", || process.said().contains("ACCESS_REFUSED"));
        self.hay.add("the log of one whom the broker refuses", &process.said());
    }

    /// All in one process, over SQLite.
    fn alone(&mut self) {
        let data = self.dir.path().join("data");
        let token = token_of(&data, "ann", "viewer");
        self.secret("another token", &token);
        let mut run = self.devices.lab.command(&["run", &self.sheet, "--data", data.to_str().unwrap()]);
        let said = Said::of(run.env("DEVICE_PASSWORD", DEVICE_ENV).env("RUST_LOG", TALKATIVE));
        assert_eq!(said.code, Some(1), "{}", said.stdout);
        self.hay.said("run", &said);
        self.hay
            .add_bytes("what is kept in SQLite", std::fs::read(data.join(rehome::app::DATABASE)).unwrap());
    }
}

/// That something says what it must, or nothing is proved by what it does not say.
fn is_talkative(place: &str, said: &str, all: [&str; 4]) {
    for told in all {
        assert!(said.contains(told), "{place} does not say `{told}`, so nothing is proved by it");
    }
}

#[test]
fn no_credential_appears_in_logs_store_answers_figures_webhooks_or_lists_of_processes() {
    let mut world = World::new();
    for (name, text) in [
        ("the broker's password", BROKER),
        ("the database's password", DATABASE),
        ("a mistyped password", WRONG),
        ("a device's password, from a file", DEVICE_FILE),
        ("a device's password, from the environment", DEVICE_ENV),
        ("the identity provider's secret", OIDC),
        ("a one-time password", FIRST),
        ("a password", CHOSEN),
        ("a token that is none", BAD_TOKEN),
    ] {
        world.secret(name, text);
    }
    world.work();
    world.refused();
    world.alone();
    assert_eq!(world.hay.found(&world.secrets), Vec::<String>::new(), "credentials appear");
}
