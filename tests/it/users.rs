//! Accounts and tokens from the command line: what is kept, what is said, and what a script reads.

use std::{
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use rehome_testkit::postgres::Database;
use serde_json::Value;

use crate::running::{Said, rehome};

const PASSWORD: &str = "correct horse battery";

/// Where accounts are kept.
enum At<'a> {
    Data(&'a Path),
    Postgres(&'a str),
}

impl At<'_> {
    fn command(&self, args: &[&str]) -> Command {
        let mut command = rehome(args);
        match self {
            Self::Data(data) => command.arg("--data").arg(data),
            Self::Postgres(url) => {
                command.env("REHOME__STORE__KIND", "postgres").env("REHOME__POSTGRES__URL", url)
            }
        };
        command.env("USER", "root");
        command
    }

    fn said(&self, args: &[&str]) -> Said {
        Said::of(&mut self.command(args))
    }

    fn users(&self) -> Vec<Value> {
        self.said(&["user", "list", "--json"]).json(0)["users"].as_array().unwrap().clone()
    }

    fn tokens(&self) -> Vec<Value> {
        self.said(&["token", "list", "--json"]).json(0)["tokens"].as_array().unwrap().clone()
    }
}

/// A command that is given a text on standard input.
pub(crate) fn given(mut command: Command, text: &str) -> Said {
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    // One that refuses before it reads closes the pipe.
    let _ = child.stdin.take().unwrap().write_all(text.as_bytes());
    Said::by(child.wait_with_output().unwrap())
}

/// Adds, changes, disables and enables an account, and looks at what was kept.
fn whole_life(at: &At<'_>) {
    let added = given(
        at.command(&[
            "user",
            "add",
            "ann",
            "--role",
            "operator",
            "--display-name",
            "Ann",
            "--password-stdin",
        ]),
        &format!("{PASSWORD}\n"),
    );
    added.is(0, &["ann: operator, with a password for one sign-in"]);
    at.said(&["user", "add", "crm", "--role", "viewer", "--no-password"]).is(0, &["without a password"]);
    at.said(&["user", "role", "ann", "supervisor", "--reason", "on call"]).is(0, &["ann: supervisor"]);
    at.said(&["user", "disable", "ann", "--reason", "has left"]).is(0, &["ann: supervisor, disabled"]);
    at.said(&["user", "enable", "ann", "--reason", "is back"]).is(0, &["one sign-in"]);
    given(at.command(&["user", "password", "ann", "--password-stdin"]), &format!("{PASSWORD} staple"))
        .is(0, &["one sign-in"]);
    let users = at.users();
    let names: Vec<&str> = users.iter().map(|user| user["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["ann", "crm"]);
    assert!(!users.iter().any(|user| user.to_string().contains("argon2")), "{users:?}");
    let history = at.said(&["user", "list", "ann", "--json"]).json(0)["users"].clone();
    let kept = |key: &str| -> Vec<Value> {
        history.as_array().unwrap().iter().map(|version| version[key].clone()).collect()
    };
    assert_eq!(kept("version"), [1, 2, 3, 4, 5]);
    assert_eq!(kept("role"), ["operator", "supervisor", "supervisor", "supervisor", "supervisor"]);
    assert_eq!(kept("disabled"), [false, false, true, false, false]);
    let reasons = ["on call", "has left", "is back"].map(Value::from);
    assert_eq!(kept("reason"), [&[Value::Null], &reasons[..], &[Value::Null]].concat());
    assert!(kept("changed_by").iter().all(|by| by == "cli:root"), "{history}");
    assert!(kept("display_name").iter().all(|name| name == "Ann"), "{history}");
    at.said(&["user", "list"]).is(0, &["ann", "supervisor", "crm", "viewer"]);
    at.said(&["user", "list", "ann"]).is(0, &["on call", "has left", "is back", "cli:root"]);
    at.said(&["user", "list", "--lang", "zh"]).is(0, &["用户", "supervisor 主管", "一次性密码", "无密码"]);
}

#[test]
fn every_change_to_an_account_is_kept_with_who_and_why_in_a_data_directory_that_is_made_for_the_first() {
    let dir = tempfile::tempdir().unwrap();
    whole_life(&At::Data(&dir.path().join("new")));
}

#[test]
fn every_change_to_an_account_is_kept_with_who_and_why_in_postgresql() {
    let database = Database::create();
    whole_life(&At::Postgres(&database.url()));
}

#[test]
fn a_token_is_shown_once_allows_no_more_than_its_account_and_is_revoked_by_its_id() {
    let dir = tempfile::tempdir().unwrap();
    let at = At::Data(dir.path());
    at.said(&["user", "add", "crm", "--role", "operator", "--no-password"]).is(0, &[]);
    let above = ["token", "add", "crm", "--label", "orders", "--role", "supervisor"];
    at.said(&above).is(2, &["crm is operator", "can't allow more"]);
    at.said(&["token", "add", "bob", "--label", "x"]).is(2, &["no user bob"]);
    at.said(&["token", "add", "crm", "--label", "x", "--days", "0"]).is(2, &["--days"]);
    assert_eq!(at.tokens(), [] as [Value; 0]);

    let issued = at.said(&["token", "add", "crm", "--label", "orders", "--role", "viewer", "--json"]).json(0);
    let secret = issued["token"].as_str().unwrap();
    assert!(secret.starts_with("rht_") && secret.len() > 40, "{secret}");
    let tokens = at.tokens();
    assert_eq!(tokens, std::slice::from_ref(&issued["pass"]));
    assert_eq!((&tokens[0]["at_most"], &tokens[0]["issued_by"]), (&"viewer".into(), &"cli:root".into()));
    let days = |key: &str| tokens[0][key].as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    assert_eq!(days("ends_at").duration_since(days("issued_at")).as_hours(), 365 * 24);
    let listed = at.said(&["token", "list", "crm"]);
    listed.is(0, &["orders", "viewer"]);
    assert!(!listed.stdout.contains(secret));
    let files = std::fs::read_dir(dir.path()).unwrap().map(|entry| std::fs::read(entry.unwrap().path()));
    for file in files.flatten() {
        assert!(!file.windows(secret.len()).any(|part| part == secret.as_bytes()), "it is kept in clear");
    }

    let id = tokens[0]["id"].as_str().unwrap();
    at.said(&["token", "revoke", id]).is(0, &[id]);
    assert_eq!(at.tokens(), [] as [Value; 0]);
    at.said(&["token", "revoke", id]).is(2, &["no token", "rehome token list"]);
    at.said(&["token", "revoke", id, "--lang", "zh"]).is(2, &["没有令牌"]);
    let history = at.said(&["user", "list", "crm", "--json"]).json(0)["users"].clone();
    let reasons: Vec<&str> =
        history.as_array().unwrap().iter().filter_map(|line| line["reason"].as_str()).collect();
    assert_eq!(reasons, ["issued", "revoked"].map(|what| format!("token {id} (orders) {what}")));
    assert!(history.as_array().unwrap().iter().all(|line| line["changed_by"] == "cli:root"), "{history}");
}

#[test]
fn what_can_not_be_an_account_or_its_password_is_refused_with_the_reason_and_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let at = At::Data(dir.path());
    let add = |name: &str| at.command(&["user", "add", name, "--role", "admin", "--password-stdin"]);
    // Nothing but `add` makes a store.
    at.said(&["user", "list"]).is(2, &["no Rehome data"]);
    at.said(&["user", "disable", "ann", "--reason", "x"]).is(2, &["no Rehome data"]);
    given(add("Ann"), PASSWORD).is(2, &["`Ann`", "lower-case"]);
    given(add("ann"), "too short").is(2, &["shorter than 12 characters"]);
    given(add("ann"), "").is(2, &["shorter than 12 characters"]);
    given(add("ann"), &"x".repeat(100_000)).is(2, &["longer than 256 bytes"]);
    assert_eq!(at.users(), [] as [Value; 0]);
    given(add("ann"), PASSWORD).is(0, &[]);
    given(add("ann"), PASSWORD).is(2, &["there is a user ann already"]);
    at.said(&["user", "role", "ann", "king", "--reason", "x"]).is(2, &["'king'", "supervisor"]);
    at.said(&["user", "role", "ann", "viewer"]).is(2, &["--reason"]);
    at.said(&["user", "disable", "ann", "--reason", ""]).is(2, &["--reason"]);
    for verb in [&["disable", "bob"][..], &["role", "bob", "viewer"]] {
        at.said(&[&["user"], verb, &["--reason", "x"]].concat()).is(2, &["no user bob"]);
    }
    given(at.command(&["user", "password", "bob", "--password-stdin"]), PASSWORD).is(2, &["no user bob"]);
    assert_eq!((at.users().len(), &at.users()[0]["version"]), (1, &1.into()));
    // A password is no argument: others on the machine would see it.
    at.said(&["user", "add", "bob", "--role", "viewer", "--password", PASSWORD]).is(2, &["--password"]);
}
