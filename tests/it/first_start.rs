//! A process that serves people: who the first of them is, and who is out.

use std::{
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    operations::{Answer, Serving, ask},
    running::{Said, rehome},
    users::given,
};

/// Long enough for any machine; a test that waits so long has failed.
const PATIENCE: Duration = Duration::from_secs(60);
const CHOSEN: &str = "a password of my own";

fn serve(data: &std::path::Path) -> Command {
    let mut command = rehome(&["serve", "--data"]);
    command.arg(data).stdout(Stdio::null());
    command
}

fn send(serving: &Serving, method: &str, path: &str, cookie: &str, body: &Value) -> Answer {
    let headers =
        [("Content-Type", "application/json"), ("Cookie", cookie), ("Sec-Fetch-Site", "same-origin")];
    ask(serving.at(), method, path, &headers, &body.to_string())
}

fn sign_in(serving: &Serving, name: &str, password: &str) -> Answer {
    send(serving, "POST", "/api/v1/session", "", &json!({ "name": name, "password": password }))
}

/// The session's cookie, as a browser sends it back.
fn cookie(answer: &Answer) -> String {
    let lines = answer.head.lines().filter_map(|line| line.split_once(": "));
    let set = lines.filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie")).map(|(_, value)| value);
    let mut set = set.map(|value| value.split(';').next().unwrap());
    set.find(|value| value.starts_with("rehome=")).unwrap_or_else(|| panic!("{}", answer.head)).to_owned()
}

fn me(serving: &Serving, cookie: &str) -> Answer {
    ask(serving.at(), "GET", "/api/v1/me", &[("Cookie", cookie)], "")
}

/// Whether somebody must choose another password.
fn asked_for_another(me: &Answer) -> bool {
    let me: Value = serde_json::from_str(&me.body).unwrap();
    me["must_change_password"].as_bool().unwrap()
}

/// The one-time password in what a process said.
fn told(said: &str) -> Option<&str> {
    said.lines().find_map(|line| line.trim_start_matches([' ', '│']).strip_prefix("password")).map(str::trim)
}

#[test]
fn the_first_start_tells_one_password_that_must_be_changed_and_the_second_tells_none() {
    let data = tempfile::tempdir().unwrap();
    let serving = Serving::start(serve(data.path()));
    let password = told(serving.said()).unwrap().to_owned();
    assert_eq!(serving.said().matches(&password).count(), 1);
    assert!(serving.said().contains(&format!("http://{}", serving.at())), "{}", serving.said());
    assert_eq!(sign_in(&serving, "admin", "not the password").status, 401);
    let in_once = sign_in(&serving, "admin", &password);
    assert_eq!(in_once.status, 200, "{}", in_once.body);
    let session = cookie(&in_once);
    assert!(asked_for_another(&me(&serving, &session)));
    // And nothing else is there before it is chosen.
    let forced = ask(serving.at(), "GET", "/", &[("Cookie", &session), ("Accept", "text/html")], "");
    assert!(forced.status == 303 && forced.head.contains("/password"), "{}", forced.head);
    let chosen = json!({ "old": password, "new": CHOSEN });
    let changed = send(&serving, "PUT", "/api/v1/me/password", &session, &chosen);
    assert_eq!(changed.status, 200, "{}", changed.body);
    let in_for_good = me(&serving, &cookie(&changed));
    assert!(!asked_for_another(&in_for_good));
    let who: Value = serde_json::from_str(&in_for_good.body).unwrap();
    assert_eq!((&who["name"], &who["role"]), (&"admin".into(), &"admin".into()));
    assert_eq!(me(&serving, &session).status, 401, "the session of the one-time password goes on");
    assert_eq!(sign_in(&serving, "admin", &password).status, 401);
    assert_eq!(serving.terminate(), Some(0));

    let again = Serving::start(serve(data.path()));
    assert_eq!(told(again.said()), None, "{}", again.said());
    assert_eq!(me(&again, &cookie(&sign_in(&again, "admin", CHOSEN))).status, 200);
}

#[test]
fn where_others_could_come_first_a_process_without_users_refuses_and_says_how_to_make_the_first() {
    let data = tempfile::tempdir().unwrap();
    let exposed = |lang: &str, roles: &str| {
        let mut command = serve(data.path());
        command.args(["--listen", "0.0.0.0:0", "--lang", lang, "--roles", roles]);
        command
    };
    let all = "supervisor,l3,l2,web";
    Said::of(&mut exposed("en", all)).is(2, &["no users yet", "rehome user add NAME --role admin"]);
    Said::of(&mut exposed("zh", all)).is(2, &["尚无用户", "rehome user add NAME --role admin"]);
    let mut add = rehome(&["user", "add", "ann", "--role", "admin", "--password-stdin", "--data"]);
    add.arg(data.path());
    given(add, "correct horse battery").is(0, &["ann: admin"]);
    // As it was told: now it starts, and makes nobody else.
    let serving = Serving::start_as_told(exposed("en", all));
    assert_eq!(told(serving.said()), None);
    assert_eq!(serving.terminate(), Some(0));
}

#[test]
fn whoever_is_disabled_from_the_command_line_is_out_of_a_process_that_runs_by_session_and_by_token() {
    let data = tempfile::tempdir().unwrap();
    let user = |args: &[&str]| {
        let mut command = rehome(args);
        command.arg("--data").arg(data.path());
        command
    };
    let password = "correct horse battery";
    let add = user(&["user", "add", "ann", "--role", "operator", "--password-stdin"]);
    given(add, password).is(0, &[]);
    let issued = Said::of(&mut user(&["token", "add", "ann", "--label", "test", "--json"])).json(0);
    let bearer = format!("Bearer {}", issued["token"].as_str().unwrap());
    let serving = Serving::start(serve(data.path()));
    assert_eq!(told(serving.said()), None, "there is a user");
    let session = cookie(&sign_in(&serving, "ann", password));
    let by_token = || ask(serving.at(), "GET", "/api/v1/me", &[("Authorization", &bearer)], "");
    assert_eq!((me(&serving, &session).status, by_token().status), (200, 200));
    let until = |expected: (u16, u16)| {
        let begun = Instant::now();
        while (me(&serving, &session).status, by_token().status) != expected {
            assert!(begun.elapsed() < PATIENCE, "never {expected:?}");
        }
    };
    Said::of(&mut user(&["user", "disable", "ann", "--reason", "has left"])).is(0, &[]);
    until((401, 401));
    assert_eq!(sign_in(&serving, "ann", password).status, 401);
    Said::of(&mut user(&["user", "enable", "ann", "--reason", "is back"])).is(0, &[]);
    // The token gives what it gave; the session has ended.
    until((401, 200));
    let id = issued["pass"]["id"].as_str().unwrap();
    Said::of(&mut user(&["token", "revoke", id])).is(0, &[]);
    until((401, 401));
}
