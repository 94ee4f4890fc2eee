//! The command line while the system it asks goes away: what was done is told all the same.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    over_http::sheet,
    running::{Said, rehome},
};

/// A request as it came: its first line, and the place it comes again from.
#[derive(Debug, Clone)]
struct Asked {
    line: String,
    last: Option<String>,
}

/// Answers as it is told, and remembers what was asked.
struct Scripted {
    at: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl Scripted {
    /// `answer` is given the request and how many came before it; a status and a body.
    fn start(answer: impl Fn(&Asked, usize) -> (u16, String) + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = listener.local_addr().unwrap();
        let asked = Arc::<Mutex<Vec<Asked>>>::default();
        let seen = Arc::clone(&asked);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let Some(request) = read(&stream) else { continue };
                let before = seen.lock().unwrap().len();
                let (status, body) = answer(&request, before);
                seen.lock().unwrap().push(request);
                let kind = if body.starts_with('{') { "application/json" } else { "text/event-stream" };
                let head = format!(
                    "HTTP/1.1 {status} -\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                    body.len()
                );
                let _ = (&stream).write_all((head + &body).as_bytes());
            }
        });
        Self { at, asked }
    }

    fn said(&self, args: &[&str]) -> Said {
        Said::of(rehome(args).env("REHOME_URL", self.at.to_string()))
    }

    fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

fn read(stream: &TcpStream) -> Option<Asked> {
    let mut lines = BufReader::new(stream);
    let (mut line, mut last, mut length) = (String::new(), None, 0);
    lines.read_line(&mut line).ok().filter(|read| *read > 0)?;
    loop {
        let mut header = String::new();
        lines.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim_end().split_once(": ") else { break };
        match name.to_lowercase().as_str() {
            "last-event-id" => last = Some(value.to_owned()),
            "content-length" => length = value.parse().ok()?,
            _ => {}
        }
    }
    lines.take(length).read_to_end(&mut Vec::new()).ok()?;
    Some(Asked { line: line.trim_end().to_owned(), last })
}

fn away() -> (u16, String) {
    (503, json!({ "type": "urn:rehome:problem:unavailable", "detail": "it starts again" }).to_string())
}

const IDS: [&str; 3] = [
    "019346f2-4b6e-7c3a-9d2e-5f0a1b2c3d41",
    "019346f2-4b6e-7c3a-9d2e-5f0a1b2c3d42",
    "019346f2-4b6e-7c3a-9d2e-5f0a1b2c3d43",
];

fn ticket(id: &str) -> Value {
    json!({ "id": id, "service_id": format!("S-{id}"), "disposition": "open", "actions": [] })
}

#[test]
fn of_several_commands_those_before_a_failure_are_told_and_those_after_it_are_not_given() {
    let system = Scripted::start(|asked, _| {
        let id = IDS.into_iter().find(|id| asked.line.contains(id)).unwrap();
        match (asked.line.starts_with("POST"), id == IDS[1]) {
            (false, _) => (200, ticket(id).to_string()),
            (true, false) => (200, json!({ "id": id, "version": 4 }).to_string()),
            (true, true) => away(),
        }
    });
    let [one, two, three] = IDS;
    let args = ["force", "completion", one, two, three, "--reason", "x", "--yes"];
    let told = system.said(&[&args[..], &["--json"]].concat()).json(1);
    let accepted: Vec<&Value> =
        told["commands"].as_array().unwrap().iter().map(|told| &told["accepted"]).collect();
    assert_eq!(accepted, [&json!(true), &Value::Null, &json!(false)]);
    let kinds = [&told["commands"][1]["why"]["kind"], &told["commands"][2]["why"]["kind"]];
    assert_eq!(kinds, ["no-answer", "not-given"]);
    assert_eq!(system.asked().iter().filter(|asked| asked.line.starts_with("POST")).count(), 2);
    system
        .said(&args)
        .is(1, &["Force completion: taken", "it starts again. It may have been taken", "not given"]);
}

#[test]
fn of_a_sheets_rows_those_before_a_failure_are_told_with_their_tickets() {
    let system = Scripted::start(|_, before| match before {
        0 => (201, ticket(IDS[0]).to_string()),
        _ => away(),
    });
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("sheet.csv");
    std::fs::write(&path, sheet(3)).unwrap();
    let told = system.said(&["submit", path.to_str().unwrap(), "--json"]).json(1);
    let rows: Vec<_> =
        told["rows"].as_array().unwrap().iter().map(|row| (&row["result"], &row["relocation"])).collect();
    let (first, null) = (json!(IDS[0]), Value::Null);
    let results = [&json!("submitted"), &json!("unanswered"), &json!("not_sent")];
    assert_eq!(rows, [(results[0], &first), (results[1], &null), (results[2], &null)]);
    assert_eq!((&told["good"], &told["cut_off"]), (&json!(false), &json!("it starts again")));
}

#[test]
fn a_system_that_goes_away_while_a_sheets_end_is_waited_for_is_asked_again() {
    let system = Scripted::start(|_, before| match before {
        0 => (201, json!({ "id": IDS[0], "doing": [{}], "disposition": "open" }).to_string()),
        1 | 2 => away(),
        _ => (200, json!({ "id": IDS[0], "doing": [], "disposition": "completed" }).to_string()),
    });
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("sheet.csv");
    std::fs::write(&path, sheet(1)).unwrap();
    system.said(&["submit", path.to_str().unwrap(), "--wait"]).is(0, &[IDS[0]]);
    assert_eq!(system.asked().len(), 4);
}

#[test]
fn a_watch_comes_again_from_where_it_began_and_ends_where_it_is_refused_for_good() {
    let changed = |n: u8| {
        let data = json!({ "data": { "relocation": IDS[0], "service_id": format!("S-{n}"), "status": "reserving" } });
        format!("id: p{n}\nevent: relocation.changed\ndata: {data}\n\n")
    };
    let system = Scripted::start(move |_, before| match before {
        0 => (200, "retry: 1500\n: here\nid: p0\n\n".to_owned()),
        1 => away(),
        2 => (200, format!("retry: 1500\n: here\nid: p0\n\n{}", changed(1))),
        _ => (422, json!({ "type": "urn:rehome:problem:invalid", "detail": "no such place" }).to_string()),
    });
    let said = system.said(&["watch", "--json"]);
    said.is(2, &["no such place", "\"service_id\":\"S-1\""]);
    let last: Vec<_> = system.asked().into_iter().map(|asked| asked.last).collect();
    let at = |place: &str| Some(place.to_owned());
    assert_eq!(last, [None, at("p0"), at("p0"), at("p1")]);
}

#[test]
fn a_service_is_found_among_all_those_whose_names_hold_its_own() {
    let system = Scripted::start(|asked, _| {
        let named =
            |name: &str| json!({ "id": IDS[0], "service_id": name, "disposition": "open", "actions": [] });
        let page = |names: &[&str], next: Option<&str>| {
            json!({ "tickets": names.iter().map(|name| named(name)).collect::<Vec<_>>(), "next": next })
                .to_string()
        };
        let list = asked.line.starts_with("GET /api/v1/tickets?");
        match (list, asked.line.contains("after=")) {
            (true, false) => (200, page(&["A-LL-1"], Some("x"))),
            (true, true) => (200, page(&["LL-1", "LL-10"], Some("y"))),
            (false, _) if asked.line.starts_with("POST") => {
                (200, json!({ "id": IDS[0], "version": 2 }).to_string())
            }
            (false, _) => (200, named("LL-1").to_string()),
        }
    });
    system.said(&["deploy", "LL-1"]).is(0, &["LL-1: Deploy reservation: taken"]);
    let lists = system.asked().iter().filter(|asked| asked.line.starts_with("GET /api/v1/tickets?")).count();
    assert_eq!(lists, 2, "what stands behind it in the list is not asked for");
}
