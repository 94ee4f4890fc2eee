//! Credentials never appear: not in logs at their most talkative, nor in what is kept, answered, told to others or shown in
//! lists of processes, whatever goes well or wrong with them. Where they must be (a file of settings, the environment, the
//! answer that tells a token once) is not looked at.

use std::{
    fs::File,
    io::{Read as _, Write as _},
    net::TcpListener,
    path::Path,
    process::{Child, Command},
    sync::mpsc::{Receiver, channel},
};

use rehome_lab::{
    certificates::Authority,
    shell::Shell,
    switch::{Options, Switch},
};
use rehome_testkit::{
    broker::Vhost,
    postgres::Database,
    stranger::{Said as Telling, Stranger},
};
use serde_json::{Value, json};

use crate::{
    haystack::{Haystack, Secret},
    lab::{Lab, until},
    operations::ask,
    over_http::token_of,
    running::{Said, rehome, repository},
    users::given,
};

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

/// The devices: the lab's, and for each way to be refused one that refuses us so.
struct Devices {
    lab: Lab,
    shell: Shell,
    switch: Switch,
    /// The database's certificate authority is another one than it trusts.
    _stranger: tempfile::TempDir,
}

impl Devices {
    fn start() -> Self {
        let lab = Lab::up("secret", &["--gateways", "1"]);
        let shell = Shell::start("gw-password", &[]).unwrap();
        let switch = Switch::start(Options { tls: true, ..Options::default() }).unwrap();
        for port in ["p1", "p2"] {
            switch.add_port(port, Some(4094)).unwrap();
        }
        let stranger = tempfile::tempdir().unwrap();
        let untrusted = Authority::make(stranger.path()).unwrap().vouch("stranger").unwrap();
        let ours = switch.authority().unwrap().vouch("rehome").unwrap();
        let ca = switch.authority().unwrap().certificate();
        let file = stranger.path().join("password");
        std::fs::write(&file, format!("{DEVICE_FILE}\n")).unwrap();
        let tls = |name: &str, identity: &rehome_lab::certificates::Identity| {
            format!(
                "[[device]]\nname = {name:?}\nlayer = \"l2\"\ndriver = \"ovsdb\"\naddress = {:?}\nca_file = {ca:?}\n\
                 certificate_file = {:?}\nkey_file = {:?}\n",
                switch.tls().unwrap(),
                identity.certificate,
                identity.key
            )
        };
        let gateway = |name: &str, driver: &str, profile: &Path, address: &str, rest: &str| {
            format!(
                "[[device]]\nname = {name:?}\nlayer = \"l3\"\ndriver = {driver:?}\nprofile = {profile:?}\nssh = {{ address = \
                 {address:?}, user = \"root\", {rest} }}\n"
            )
        };
        let at = lab.told["devices"][0]["address"].as_str().unwrap();
        let room = lab.path("directory").join("gw1");
        let (key, wrong, known) = (room.join("user_key"), room.join("other_key"), room.join("known_hosts"));
        let ietf = Path::new("ietf-interfaces");
        let ios = repository("config/profiles/cli-ios.toml");
        let shell_at = format!("127.0.0.1:{}", shell.port());
        let shell_key = shell.fingerprint().unwrap();
        let more = [
            tls("swt", &ours),
            tls("sw-untrusted", &untrusted),
            gateway("gw-key", "netconf", ietf, at, &format!("key_file = {wrong:?}, known_hosts = {known:?}")),
            gateway(
                "gw-host",
                "netconf",
                ietf,
                at,
                &format!("key_file = {key:?}, host_keys = [\"SHA256:another\"]"),
            ),
            gateway("gw-gone", "netconf", ietf, "127.0.0.1:1", &format!("key_file = {key:?}")),
            gateway(
                "gw-env",
                "netconf",
                ietf,
                at,
                &format!("password_env = \"DEVICE_PASSWORD\", known_hosts = {known:?}"),
            ),
            gateway(
                "gw-file",
                "cli",
                &ios,
                &shell_at,
                &format!("password_file = {file:?}, host_keys = [{shell_key:?}]"),
            ),
        ];
        let lab = lab.with_inventory(|text| text + &more.concat());
        Self { lab, shell, switch, _stranger: stranger }
    }

    /// The keys that open devices, without the lines that all keys have.
    fn keys(&self) -> Vec<Secret> {
        let room = self.lab.path("directory").join("gw1");
        let tls = self.switch.directory().join("rehome.key");
        let files =
            [room.join("user_key"), room.join("other_key"), tls, self._stranger.path().join("stranger.key")];
        let mut secrets = Vec::new();
        for file in files {
            let text = std::fs::read_to_string(&file).unwrap();
            let lines = text.lines().filter(|line| !line.starts_with("-----"));
            // The first one says which kind of key it is, the last one may be too short to be anybody's.
            let own = lines.skip(1).filter(|line| line.len() > 20);
            secrets.extend(own.map(|line| Secret::new(&file.display().to_string(), line)));
        }
        assert!(secrets.len() >= 6, "{secrets:?}");
        secrets
    }

    /// The lab's sheet, and a relocation to each of the others.
    fn sheet(&self) -> String {
        let mut text = std::fs::read_to_string(self.lab.path("sheet")).unwrap();
        let header: Vec<String> = text.lines().next().unwrap().split(',').map(str::to_owned).collect();
        let others = [
            ("TLS", "gw1", "swt"),
            ("UNTRUSTED", "gw1", "sw-untrusted"),
            ("KEY", "gw-key", "sw1"),
            ("HOST", "gw-host", "sw1"),
            ("GONE", "gw-gone", "sw1"),
            ("ENV", "gw-env", "sw1"),
            ("FILE", "gw-file", "sw1"),
        ];
        for (number, (service, l3, l2)) in others.into_iter().enumerate() {
            let vlan = (301 + number).to_string();
            let cell = |column: &String| match column.as_str() {
                "service_id" | "customer" | "description" => service,
                "old_l3_device" => "gw1",
                "old_l3_port" => "ge1-1",
                "old_l2_device" => "sw1",
                "old_l2_port" => "c1a",
                "old_vlan" | "new_vlan" => &vlan,
                "new_l3_device" => l3,
                "new_l3_port" => "ge1-2",
                "new_l2_device" => l2,
                "new_l2_port" => "p2",
                "ip" => "10.98.0.1/30",
                _ => "",
            };
            text += &(header.iter().map(cell).collect::<Vec<_>>().join(",") + "\n");
        }
        let path = self.lab.path("directory").join("all.csv");
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }
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
        self.database.url().replace("postgres@", &format!("postgres:{}@", percent(DATABASE)))
    }

    /// All that is kept, as text. The secrets of webhooks are kept to sign with, and are in a table of their own.
    fn kept(&self) -> String {
        let tables = self.database.sql(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'",
        );
        assert!(tables.lines().count() > 5, "{tables}");
        let rows = |table: &str| self.database.sql(&format!("SELECT t::text FROM {table} t"));
        tables.lines().filter(|table| *table != "webhook").map(rows).collect()
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

#[test]
fn no_credential_appears_in_logs_store_answers_figures_webhooks_or_lists_of_processes() {
    let (devices, servers) = (Devices::start(), Servers::start());
    let (dir, mut hay) = (tempfile::tempdir().unwrap(), Haystack::default());
    let sheet = devices.sheet();
    let with = |command: &mut Command, amqp: &str, postgres: &str| {
        command.env("REHOME__BUS__KIND", "amqp").env("REHOME__AMQP__URL", amqp);
        command.env("REHOME__STORE__KIND", "postgres").env("REHOME__POSTGRES__URL", postgres);
        command.env("REHOME__POSTGRES__TIMEOUT_MS", "500").env("REHOME__AMQP__RECONNECT_MAX_MS", "500");
        command.env("REHOME__OIDC__ISSUER", "http://127.0.0.1:1").env("REHOME__OIDC__CLIENT_ID", "rehome");
        command
            .env("REHOME__OIDC__CALLBACK", "http://localhost:8080/sign-in/back")
            .env("REHOME__OIDC__CLIENT_SECRET", OIDC);
        command.env("DEVICE_PASSWORD", DEVICE_ENV).env("REHOME__WEBHOOKS__ALLOW", "127.0.0.1");
        command.env("REHOME__ACCESS__RELAYS", &servers.user).env("RUST_LOG", TALKATIVE);
        for stage in ["RESERVE", "CUTOVER", "ROLLBACK", "INSPECT"] {
            command.env(format!("REHOME__DEADLINES__{stage}_MS"), "60000");
        }
    };
    let scaled = |args: &[&str]| {
        let mut command = devices.lab.command(args);
        with(&mut command, &servers.amqp(BROKER), &servers.postgres());
        command
    };

    // A system at work.
    let on_store = |args: &[&str]| {
        let mut command = rehome(args);
        with(&mut command, &servers.amqp(BROKER), &servers.postgres());
        command
    };
    given(on_store(&["user", "add", "bea", "--role", "admin", "--password-stdin"]), FIRST).is(0, &[]);
    Said::of(&mut on_store(&["user", "add", "ann", "--role", "supervisor", "--no-password"])).is(0, &[]);
    let token = Said::of(&mut on_store(&["token", "add", "ann", "--label", "test", "--json"])).json(0);
    let token = token["token"].as_str().unwrap().to_owned();
    let serving =
        Process::start(&mut scaled(&["serve", "--listen", "127.0.0.1:0"]), &dir.path().join("serve.log"));
    let at = serving.at();
    let (hook, told) = listener();
    let mut secrets = use_it(&at, &token, &hook, &mut hay);
    let to_it = |args: &[&str]| {
        let mut command = scaled(args);
        command.env("REHOME_URL", &at).env("REHOME_TOKEN", &token);
        Said::of(&mut command)
    };
    let submitted = to_it(&["submit", &sheet, "--wait", "--json"]);
    let rows = submitted.json(1);
    let reserved = |row: &Value| row["reservation"] == "reserved";
    let reserved = rows["rows"].as_array().unwrap().iter().filter(|row| reserved(row));
    let reserved: Vec<_> = reserved.map(|row| row["service_id"].as_str().unwrap()).collect();
    assert_eq!(reserved, ["LAB-1", "TLS"], "{rows:#}");
    hay.said("submit", &submitted);
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
    ] {
        let said = to_it(args);
        assert!(matches!(said.code, Some(0 | 1)), "{args:?}: {}{}", said.stdout, said.stderr);
        hay.said(&format!("{args:?}"), &said);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let stranger = Stranger::connect(&servers.amqp(BROKER)).await;
        let junk = json!({ "what": "nobody knows" });
        stranger.publish("rehome.commands", "order.submit", Telling::default(), &junk).await.unwrap();
    });
    until("the dead letter", || to_it(&["dead", "list", "--json"]).stdout.contains("order.submit"));
    hay.said("dead", &to_it(&["dead", "list", "--json"]));
    look_at_it(&at, &token, &mut hay);
    hay.add("the list of processes", &process_list());
    let hooked: Vec<String> = std::iter::once(told.recv().unwrap()).chain(told.try_iter()).collect();
    assert!(hooked.concat().contains("relocation.changed"), "{hooked:?}");
    hay.add("what a webhook is told", &hooked.concat());
    let kept = servers.kept();
    hay.add("what is kept in PostgreSQL", &kept);

    // Servers that refuse us.
    let refused = |args: &[&str], amqp: &str, postgres: &str| {
        let mut command = devices.lab.command(args);
        with(&mut command, amqp, postgres);
        command
    };
    let nobody = servers.postgres().replace("127.0.0.1:5432", "127.0.0.1:1");
    let missing = servers.postgres() + "_missing";
    for (amqp, postgres) in [(servers.amqp(WRONG), nobody), (servers.amqp(BROKER), missing)] {
        for args in [&["check"][..], &["check", "--json"], &["run", &sheet, "--attach"], &["user", "list"]] {
            let said = Said::of(&mut refused(args, &amqp, &postgres));
            assert_ne!(said.code, Some(0), "{args:?}");
            hay.said(&format!("{args:?}, refused"), &said);
        }
    }
    let log = dir.path().join("refused.log");
    let mut command =
        refused(&["serve", "--roles", "l3", "--listen", ""], &servers.amqp(WRONG), &servers.postgres());
    let process = Process::start(&mut command, &log);
    until("the broker's refusal", || process.said().contains("ACCESS_REFUSED"));
    hay.add("the log of one whom the broker refuses", &process.said());
    drop(process);

    // All in one process, over SQLite.
    let data = dir.path().join("data");
    let mut run = devices.lab.command(&["run", &sheet, "--data", data.to_str().unwrap()]);
    run.env("DEVICE_PASSWORD", DEVICE_ENV).env("RUST_LOG", TALKATIVE);
    let own = token_of(&data, "ann", "viewer");
    let said = Said::of(&mut run);
    assert_eq!(said.code, Some(1), "{}", said.stdout);
    hay.said("run", &said);
    hay.add_bytes("what is kept in SQLite", std::fs::read(data.join(rehome::app::DATABASE)).unwrap());
    hay.add("the log of the system", &serving.said());
    let log = serving.said();
    let of_each =
        ["does not let `root` in", "host key is not one of those", "refused our certificate", "127.0.0.1:1"];
    for (where_, said, told) in [
        (
            "the log",
            &log,
            &["DEBUG lapin", "TRACE actix_http", "rehome_devices::ovsdb", "refused our certificate"],
        ),
        ("what is kept", &kept, &of_each),
    ] {
        for told in told {
            assert!(said.contains(told), "{where_} does not say `{told}`, so nothing is proved by it");
        }
    }

    for (name, text) in [
        ("the broker's password", BROKER),
        ("the database's password", DATABASE),
        ("a mistyped password", WRONG),
        ("a device's password, from a file", DEVICE_FILE),
        ("a device's password, from the environment", DEVICE_ENV),
        ("the identity provider's secret", OIDC),
        ("a one-time password", FIRST),
        ("a password", CHOSEN),
        ("a token", &token),
        ("a token that is none", BAD_TOKEN),
        ("another token", &own),
    ] {
        secrets.push(Secret::new(name, text));
    }
    secrets.extend(devices.keys());
    let _ = &devices.shell;
    assert_eq!(hay.found(&secrets), Vec::<String>::new(), "credentials appear");
}
