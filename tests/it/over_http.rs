//! The command line over a running system's API, as operators and scripts use it.

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, Command},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{
    operations::{Answer, ask},
    running::{Said, rehome, repository},
};

/// A system, and a token.
pub(crate) struct System {
    process: Child,
    at: SocketAddr,
    token: String,
    dir: TempDir,
}

impl Drop for System {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Adds a user of this role, and gives a token of theirs.
pub(crate) fn token_of(data: &Path, name: &str, role: &str) -> String {
    let on = |args: &[&str]| Said::of(rehome(args).arg("--data").arg(data));
    on(&["user", "add", name, "--role", role, "--no-password"]).is(0, &[role]);
    let token = on(&["token", "add", name, "--label", "test", "--json"]).json(0);
    token["token"].as_str().unwrap_or_else(|| panic!("{token}")).to_owned()
}

impl System {
    /// One whose token is of this role.
    pub(crate) fn start(role: &str) -> Self {
        let dir = TempDir::new().unwrap();
        let data = dir.path().join("data");
        let token = token_of(&data, "ann", role);
        let mut serve = rehome(&["serve", "--listen", "127.0.0.1:0", "--log", "json"]);
        let mut process = serve.arg("--data").arg(&data).env("RUST_LOG", "rehome=warn").spawn().unwrap();
        let mut lines = BufReader::new(process.stderr.take().unwrap()).lines().map_while(Result::ok);
        let at = lines.by_ref().find_map(|line| {
            let said: Value = serde_json::from_str(&line).ok()?;
            said["fields"]["http"].as_str().or_else(|| said["http"].as_str())?.parse().ok()
        });
        // So that it never waits for a reader.
        std::thread::spawn(move || lines.for_each(drop));
        Self { process, at: at.expect("it says where it listens"), token, dir }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = rehome(args);
        command.env("REHOME_URL", self.at.to_string()).env("REHOME_TOKEN", &self.token);
        command
    }

    pub(crate) fn at(&self) -> SocketAddr {
        self.at
    }

    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn said(&self, args: &[&str]) -> Said {
        Said::of(&mut self.command(args))
    }

    pub(crate) fn file(&self, name: &str, text: &str) -> String {
        let path = self.dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

/// The first rows of the example's sheet.
pub(crate) fn sheet(rows: usize) -> String {
    let text = std::fs::read_to_string(repository("examples/relocations-200.csv")).unwrap();
    text.lines().take(rows + 1).map(|line| format!("{line}\n")).collect()
}

/// What became of each row.
fn results(said: &Value) -> Vec<&str> {
    said["rows"].as_array().unwrap().iter().map(|row| row["result"].as_str().unwrap()).collect()
}

#[test]
fn a_sheet_is_submitted_watched_deployed_and_exported_over_http() {
    let system = System::start("supervisor");
    let path = system.file("sheet.csv", &sheet(3));
    let rows = system.said(&["submit", &path, "--wait", "--json"]).json(0);
    assert_eq!(results(&rows), ["submitted"; 3]);
    assert_eq!(rows["rows"][0]["attention"], "awaiting_deploy");
    assert_eq!(results(&system.said(&["submit", &path, "--json"]).json(0)), ["known"; 3]);

    let service = rows["rows"][0]["service_id"].as_str().unwrap();
    system.said(&["show", service]).is(0, &["deploy_cutover: yes", "reply to the order of entry 1"]);
    system.said(&["deploy", service, "--expect-version", "99"]).is(1, &["you saw version 99"]);
    let mut watch = system.command(&["watch", service, "--until-closed", "--json"]).spawn().unwrap();
    system.said(&["deploy", service, "--reason", "agreed"]).is(0, &["Deploy cutover: taken"]);
    // Whether or not it heard of it: it may have begun when the ticket was closed.
    let mut told = BufReader::new(watch.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(watch.wait().unwrap().success());
    if let Some(last) = told.by_ref().last() {
        let last: Value = serde_json::from_str(&last).unwrap();
        assert_eq!(
            (&last["service_id"], &last["status"]),
            (&Value::from(service), &Value::from("succeeded"))
        );
    }

    let list = system.said(&["list", "--status", "succeeded", "--json"]).json(0);
    assert_eq!(
        (&list["tickets"][0]["service_id"], &list["more"]),
        (&Value::from(service), &Value::from(false))
    );
    system.said(&["list", "--limit", "2"]).is(0, &["There are more than these 2"]);
    system.said(&["list", "--waiting", "--lang", "zh"]).is(0, &["cutover_pending 移机切换待部署"]);
    let journal = system.file("ticket.jsonl", &system.said(&["export", service]).stdout);
    Said::of(rehome(&["replay"]).arg(Path::new(&journal))).is(0, &["the table gives the same"]);
    let file = system.said(&["export", "--all"]);
    let mut read = csv::Reader::from_reader(file.stdout.as_bytes());
    assert_eq!(read.headers().unwrap().get(1), Some("service_id"));
    assert_eq!(read.records().count(), 3);
}

#[test]
fn a_sheet_that_a_program_sends_is_read_as_a_whole_and_known_to_whoever_submits_it_after() {
    let system = System::start("operator");
    let token = format!("Bearer {}", system.token());
    let send = |kind: &str, sheet: &str| -> (u16, Value) {
        let headers = [("Authorization", token.as_str()), ("Content-Type", kind)];
        let Answer { status, body, .. } =
            ask(&system.at().to_string(), "POST", "/api/v1/sheets", &headers, sheet);
        (status, serde_json::from_str(&body).unwrap())
    };
    let lines = sheet(2);
    let (header, rows) = lines.split_once('\n').unwrap();
    let place = header.split(',').position(|name| name == "new_vlan").unwrap();
    let spoiled = |row: &str| {
        let cells = row.split(',').enumerate().map(|(at, cell)| if at == place { "5000" } else { cell });
        cells.collect::<Vec<_>>().join(",")
    };
    let (first, second) = rows.trim_end().split_once('\n').unwrap();
    let (status, refused) = send("text/csv", &format!("{header}\n{first}\n{}\n", spoiled(second)));
    assert_eq!((status, &refused["errors"][0]["line"]), (422, &Value::from(3)), "{refused}");
    assert_eq!(refused["errors"][0]["field"], "new_vlan");
    let (status, unreadable) = send("application/json", &lines);
    assert_eq!((status, &unreadable["errors"][0]["field"]), (422, &Value::from("body")), "{unreadable}");

    let (status, run) = send("text/csv; charset=utf-8", &lines);
    assert!(matches!(status, 200 | 202), "{run}");
    let path = system.file("sheet.csv", &lines);
    let known = system.said(&["submit", &path, "--wait", "--json"]).json(0);
    for row in 0..2 {
        assert_eq!(run["tickets"][row]["id"], known["rows"][row]["relocation"], "{run} {known}");
    }
}

#[test]
fn a_row_finds_its_ticket_again_whoever_submits_it_also_when_that_was_cancelled() {
    let system = System::start("supervisor");
    let path = system.file("sheet.csv", &sheet(2));
    let first = system.said(&["submit", &path, "--hold", "--json"]).json(0);
    assert_eq!(results(&first), ["submitted"; 2]);
    let service = first["rows"][0]["service_id"].as_str().unwrap();
    system.said(&["cancel", service, "--reason", "stays"]).is(0, &["Cancel: taken"]);
    let bob = token_of(&system.dir().join("data"), "bob", "operator");
    let mut again = system.command(&["submit", &path, "--hold", "--json"]);
    let again = Said::of(again.env("REHOME_TOKEN", bob)).json(0);
    assert_eq!(results(&again), ["known"; 2]);
    for row in 0..2 {
        assert_eq!(again["rows"][row]["relocation"], first["rows"][row]["relocation"]);
    }
}

#[test]
fn what_is_refused_or_can_not_be_asked_says_why_and_what_to_do_by_its_exit_code() {
    let system = System::start("supervisor");
    let path = system.file("sheet.csv", &sheet(1));
    let rows = system.said(&["submit", &path, "--hold", "--json"]).json(0);
    let service = rows["rows"][0]["service_id"].as_str().unwrap();
    system.said(&["cancel", service]).is(2, &["give --reason"]);
    system.said(&["force", "completion", service, "--yes"]).is(2, &["give --reason"]);
    system.said(&["retry", service, "--reason", "x"]).is(1, &["It was refused"]);
    system.said(&["force", "completion", service, "--reason", "x"]).is(2, &["give --yes"]);
    let forced = system.said(&["force", "completion", service, "--reason", "x", "--yes", "--json"]).json(1);
    assert_eq!(
        (&forced["good"], &forced["commands"][0]["accepted"]),
        (&Value::from(false), &Value::from(false))
    );
    // Nothing is given while one of the names is nobody's: the ticket before it is as it was.
    system.said(&["cancel", service, "nosuch", "--reason", "x"]).is(2, &["there is no ticket nosuch"]);
    system.said(&["cancel", service, "--reason", "stays"]).is(0, &["Cancel: taken"]);
    system.said(&["cancel", "nosuch", "--reason", "x"]).is(2, &["there is no ticket nosuch"]);
    system.said(&["submit", &system.file("bad.csv", "service_id\nx\n")]).is(2, &["customer"]);
    Said::of(system.command(&["list"]).env("REHOME_TOKEN", "rht_no"))
        .is(1, &["does not take this token", "rehome token add"]);
    Said::of(system.command(&["list"]).env_remove("REHOME_TOKEN"))
        .is(1, &["set REHOME_TOKEN", "rehome token add"]);
    system.said(&["list", "--device", ""]).is(2, &["device is empty"]);
    system.said(&["list", "--limit", "0"]).is(2, &["--limit", "0"]);
    system.said(&["list", "--customer", "nobody"]).is(0, &["no ticket matches"]);
    system.said(&["export"]).is(2, &["say what to export", "--all"]);
    let token = system.file("token", &format!("{}\n", system.token));
    Said::of(system.command(&["list", "--token-file", &token]).env_remove("REHOME_TOKEN")).is(0, &[service]);
    system.said(&["plan", "TYPO.csv"]).is(2, &["there is no file TYPO.csv"]);
    system.said(&["plan", "sheets/may"]).is(2, &["there is no ticket sheets/may", "nor is there a file"]);
    let away = ["plan", "sheets/may", "--url", "127.0.0.1:1", "--lang", "zh"];
    system.said(&away).is(1, &["没有文件 sheets/may", "没有系统应答"]);
    system.said(&["list", "--url", "127.0.0.1:1"]).is(1, &["rehome serve", "--url"]);
    system.said(&["completions", "bash"]).is(0, &["_rehome()"]);
}

#[test]
fn dead_letters_are_listed_shown_sent_again_and_dropped_over_http() {
    let system = System::start("supervisor");
    system.said(&["dead", "list"]).is(0, &["there are no dead letters"]);
    let rows = sheet(1);
    let first = system.said(&["submit", &system.file("one.csv", &rows), "--hold", "--json"]).json(0);
    let service = first["rows"][0]["service_id"].as_str().unwrap();
    // Another service that wants the same place.
    let other = system.file("other.csv", &rows.replace(service, "OTHER-1"));
    assert_eq!(results(&system.said(&["submit", &other, "--hold", "--json"]).json(1)), ["refused"]);
    let newest = || {
        let list = system.said(&["dead", "list", "--limit", "1", "--json"]).json(0);
        list["letters"][0]["key"].as_str().unwrap().to_owned()
    };
    let key = newest();
    system
        .said(&["dead", "show", &key])
        .is(0, &[&key, "set aside: ", "held by", "OTHER-1", "nobody has dealt with it"]);
    let again = |key: &str, more: &[&str]| {
        system.said(&[&["dead", "resend", key, "--reason", "the place is free"], more].concat())
    };
    again(&key, &[]).is(1, &["set aside again", "held by"]);
    again(&key, &[]).is(1, &["ann (api) has dealt with it already"]);
    system.said(&["cancel", service, "--reason", "stays"]).is(0, &["taken"]);
    let key = newest();
    let became = again(&key, &["--json"]).json(0);
    system.said(&["show", "OTHER-1"]).is(0, &[became["relocation"].as_str().unwrap()]);
    assert_eq!(became["result"], "accepted");

    let third = rows.replace(service, "OTHER-2");
    system.said(&["submit", &system.file("third.csv", &third), "--hold"]).is(1, &["held by"]);
    let key = newest();
    system.said(&["dead", "drop", &key, "--reason", "a test"]).is(0, &["dropped"]);
    system.said(&["dead", "list"]).is(0, &["there are no dead letters"]);
    let all = system.said(&["dead", "list", "--all", "--lang", "zh"]);
    all.is(0, &["重新发送：the place is free", "丢弃：a test", &key]);
    system.said(&["dead", "drop", "no/such one", "--reason", "x"]).is(2, &["no dead letter no/such one"]);
    system.said(&["dead", "resend", &key]).is(2, &["--reason"]);
}

#[test]
fn the_guides_example_is_a_service_order_that_becomes_a_relocation() {
    let system = System::start("operator");
    let order = std::fs::read_to_string(repository("examples/service-order.json")).unwrap();
    let token = format!("Bearer {}", system.token());
    let headers = [("Authorization", token.as_str()), ("Content-Type", "application/json")];
    let path = "/tmf-api/serviceOrdering/v4/serviceOrder";
    let answer = ask(&system.at().to_string(), "POST", path, &headers, &order);
    assert!(matches!(answer.status, 201 | 202), "{} {}", answer.status, answer.body);
    let sent: Value = serde_json::from_str(&order).unwrap();
    let service = sent["serviceOrderItem"][0]["service"]["id"].as_str().unwrap();
    system.said(&["show", service]).is(0, &[service, "new place: gw-west/ge-0/0/1:200"]);
}
