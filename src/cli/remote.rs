//! A running system, over its API: where it is, who asks, and what it answers.

mod events;

use std::{io::Read, path::PathBuf, time::Duration};

use serde_json::Value;
use ureq::{
    Agent, Body,
    http::{Request, Response, StatusCode, Uri},
};

pub(super) use events::{Event, Events};

use super::{Failure, Setting};
use crate::{http, settings, texts};

/// How long an answer may take. A command is answered, or said to be on its way, much sooner.
const PATIENCE: Duration = Duration::from_secs(40);
/// How long one listens at once: a server that says nothing any more and does not end is left then, and what happened
/// meanwhile is told by the next.
const LISTENS: Duration = Duration::from_secs(60);
/// The most that is read of an answer.
const MOST: u64 = 64 << 20;
/// Where the API is at the server.
const API: &str = "/api/v1";
/// The environment's words for the server and for the token.
const URL: &str = "REHOME_URL";
const TOKEN: &str = "REHOME_TOKEN";

/// Which system, and by what right.
#[derive(Debug, clap::Args)]
pub(super) struct At {
    /// Where the system is; REHOME_URL if not given, else where http.listen has it on this machine
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// File with the API token; the token in REHOME_TOKEN if not given
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

/// A system that is asked.
pub(super) struct Remote {
    agent: Agent,
    base: String,
    token: Option<String>,
    lang: &'static str,
    texts: rehome_domain::lang::Lang,
}

/// A problem as the API tells it (RFC 9457).
#[derive(Debug)]
pub(super) struct Refused {
    pub(super) status: u16,
    /// Its name for programs.
    pub(super) kind: String,
    /// What is wrong and what to do.
    pub(super) detail: String,
    /// Each field that is wrong.
    pub(super) fields: Vec<String>,
}

impl Refused {
    /// In one line.
    pub(super) fn sentence(&self) -> String {
        if self.fields.is_empty() { self.detail.clone() } else { self.fields.join("; ") }
    }
}

/// An answer, or why there is none of use.
pub(super) enum Answer {
    /// It did; what it says, and its status.
    Good(u16, Value),
    /// It did not.
    Refused(Refused),
}

/// What is asked.
enum Asks {
    /// All of an answer.
    ForAll,
    /// An answer that goes on.
    ToListen,
    /// All of an answer to this.
    With(String),
}

/// Why a stream does not begin.
pub(super) enum Away {
    /// The system may be there again soon.
    ForNow(Failure),
    /// It would say the same each time.
    ForGood(Failure),
}

impl Away {
    /// What is told if nobody waits.
    fn failure(self) -> Failure {
        match self {
            Self::ForNow(failure) | Self::ForGood(failure) => failure,
        }
    }
}

impl At {
    /// The system to ask.
    pub(super) fn remote(&self, setting: &Setting) -> Result<Remote, Failure> {
        let settings = &setting.loaded.settings;
        let url = self.url.clone().or_else(|| given(URL)).unwrap_or_else(|| at_home(&settings.http));
        let url = if url.contains("://") { url } else { format!("http://{url}") };
        if url
            .parse::<Uri>()
            .ok()
            .and_then(|uri| uri.host().map(str::to_owned))
            .is_none_or(|host| host.is_empty())
        {
            return Err(Failure::Bad(texts::no_url(setting.lang, url)));
        }
        let token = match &self.token_file {
            None => given(TOKEN),
            Some(path) => {
                let read = std::fs::read_to_string(path);
                let text = read.map_err(|why| {
                    Failure::Bad(texts::token_unreadable(setting.lang, path.display(), why))
                })?;
                Some(text.trim().to_owned())
            }
        };
        Ok(Remote {
            agent: http::agent(PATIENCE)?,
            base: format!("{}{API}", url.trim_end_matches('/')),
            token,
            lang: setting.lang.pick("en", "zh-CN"),
            texts: setting.lang,
        })
    }
}

fn given(variable: &str) -> Option<String> {
    std::env::var(variable).ok().filter(|value| !value.is_empty())
}

/// Where a process of these settings is reached on this machine.
fn at_home(http: &settings::Http) -> String {
    let (host, port) = http.listen.rsplit_once(':').unwrap_or(("127.0.0.1", "8080"));
    let anywhere = ["0.0.0.0", "[::]", ""].contains(&host);
    format!("http://{}:{port}", if anywhere { "127.0.0.1" } else { host })
}

impl Remote {
    /// Asks for what a path has.
    pub(super) fn get(&self, path: &str, query: &[(&str, String)]) -> Result<Answer, Failure> {
        let request = Request::get(format!("{}{path}{}", self.base, written(query)));
        self.told(self.ask(request, Asks::ForAll)?)
    }

    /// The same where anything but an answer is a failure.
    pub(super) fn told_of(&self, path: &str, query: &[(&str, String)]) -> Result<Value, Failure> {
        match self.get(path, query)? {
            Answer::Good(_, value) => Ok(value),
            Answer::Refused(why) => Err(self.failure(&why)),
        }
    }

    /// A path's text, as it is.
    pub(super) fn text(&self, path: &str) -> Result<String, Failure> {
        let mut answer = self.ask(Request::get(format!("{}{path}", self.base)), Asks::ForAll)?;
        let text = body(&mut answer)?;
        if answer.status().is_success() {
            return Ok(text);
        }
        Err(self.failure(&problem(answer.status(), &text)))
    }

    /// Sends something to a path.
    pub(super) fn post(&self, path: &str, key: &str, sent: &Value) -> Result<Answer, Failure> {
        let request = Request::post(format!("{}{path}", self.base)).header("Idempotency-Key", key);
        self.told(self.ask(request, Asks::With(sent.to_string()))?)
    }

    /// What changes from now on, or after an event's id.
    pub(super) fn stream(
        &self,
        query: &[(&str, String)],
        last: Option<&str>,
    ) -> Result<Response<Body>, Away> {
        let mut request = Request::get(format!("{}/stream{}", self.base, written(query)));
        if let Some(last) = last {
            request = request.header("Last-Event-ID", last);
        }
        let mut answer = self.ask(request, Asks::ToListen).map_err(Away::ForNow)?;
        if answer.status().is_success() {
            return Ok(answer);
        }
        let text = body(&mut answer).map_err(Away::ForNow)?;
        let failure = self.failure(&problem(answer.status(), &text));
        Err(match answer.status().as_u16() {
            429 | 500.. => Away::ForNow(failure),
            _ => Away::ForGood(failure),
        })
    }

    fn ask(&self, request: ureq::http::request::Builder, asks: Asks) -> Result<Response<Body>, Failure> {
        let mut request = request.header("Accept-Language", self.lang);
        if let Some(token) = &self.token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        let asked = match asks {
            Asks::ForAll => {
                request.body(()).map_err(ureq::Error::from).and_then(|request| self.agent.run(request))
            }
            Asks::ToListen => request.body(()).map_err(ureq::Error::from).and_then(|request| {
                let request = self.agent.configure_request(request).timeout_global(None);
                let request = request.timeout_connect(Some(PATIENCE)).timeout_recv_response(Some(PATIENCE));
                self.agent.run(request.timeout_recv_body(Some(LISTENS)).build())
            }),
            Asks::With(body) => request
                .header("Content-Type", "application/json")
                .body(body)
                .map_err(ureq::Error::from)
                .and_then(|request| self.agent.run(request)),
        };
        asked.map_err(|why| {
            let base = self.base.trim_end_matches(API);
            Failure::Broken(anyhow::anyhow!(texts::not_reached(self.texts, base, why)))
        })
    }

    fn told(&self, mut answer: Response<Body>) -> Result<Answer, Failure> {
        let text = body(&mut answer)?;
        let status = answer.status();
        if status.is_success() {
            return Ok(Answer::Good(status.as_u16(), serde_json::from_str(&text).unwrap_or(Value::Null)));
        }
        let why = problem(status, &text);
        // What no ticket is to blame for ends the verb.
        if matches!(status.as_u16(), 401 | 429 | 500..) {
            return Err(self.failure(&why));
        }
        Ok(Answer::Refused(why))
    }

    /// A refusal that ends the verb.
    pub(super) fn failure(&self, why: &Refused) -> Failure {
        let said = match why.status {
            401 if self.token.is_some() => texts::token_not_taken(self.texts),
            401 => texts::no_token(self.texts, TOKEN),
            // What was given is wrong, not how it went.
            422 => return Failure::Bad(why.sentence()),
            _ => why.sentence(),
        };
        Failure::Broken(anyhow::anyhow!(said))
    }

    /// The ticket meant by an id or a service id: as the API tells it.
    pub(super) fn meant(&self, given: &str) -> Result<Value, Failure> {
        if given.parse::<rehome_domain::id::RelocationId>().is_ok() {
            match self.get(&format!("/tickets/{given}"), &[])? {
                Answer::Good(_, ticket) => return Ok(ticket),
                Answer::Refused(why) if why.status == 404 => {}
                Answer::Refused(why) => return Err(self.failure(&why)),
            }
        }
        // A search finds all that has the text in it; by this order nothing is meant that comes after the service itself.
        let query = [("text", given.to_owned()), ("sort", "service".to_owned())];
        let mut found = Vec::new();
        let refused = self.asked_for("/tickets", "tickets", &query, |ticket| {
            let service = word(&ticket["service_id"]);
            let go_on = service <= given;
            if service == given {
                found.push(ticket);
            }
            go_on
        })?;
        // What can't be looked for is the name of none.
        if let Some(why) = refused.filter(|why| why.status != 422) {
            return Err(self.failure(&why));
        }
        // Of a circuit's tickets the one that is open is meant.
        let open: Vec<&Value> = found.iter().filter(|ticket| ticket["disposition"] == "open").collect();
        let meant = if open.is_empty() { found.iter().collect() } else { open };
        match meant.as_slice() {
            [] => Err(Failure::Bad(texts::no_such_ticket(self.texts, given))),
            [one] => self.told_of(&format!("/tickets/{}", word(&one["id"])), &[]),
            several => {
                let ids: Vec<&str> = several.iter().map(|ticket| word(&ticket["id"])).collect();
                Err(Failure::Bad(texts::several_tickets(self.texts, given, ids.join("\n"))))
            }
        }
    }

    /// Every ticket of a list, page by page, as long as more are wanted.
    pub(super) fn each(
        &self,
        query: &[(&str, String)],
        look: impl FnMut(Value) -> bool,
    ) -> Result<(), Failure> {
        self.pages("/tickets", "tickets", query, look)
    }

    /// Everything of a list of any kind, which its pages have under this name.
    pub(super) fn pages(
        &self,
        path: &str,
        name: &str,
        query: &[(&str, String)],
        look: impl FnMut(Value) -> bool,
    ) -> Result<(), Failure> {
        self.asked_for(path, name, query, look)?.map_or(Ok(()), |why| Err(self.failure(&why)))
    }

    /// The same; answers why the list is refused, if it is.
    fn asked_for(
        &self,
        path: &str,
        name: &str,
        query: &[(&str, String)],
        mut look: impl FnMut(Value) -> bool,
    ) -> Result<Option<Refused>, Failure> {
        let mut query: Vec<(&str, String)> = query.to_vec();
        query.push(("limit", "200".to_owned()));
        loop {
            let page = match self.get(path, &query)? {
                Answer::Good(_, page) => page,
                Answer::Refused(why) => return Ok(Some(why)),
            };
            for one in page[name].as_array().into_iter().flatten() {
                if !look(one.clone()) {
                    return Ok(None);
                }
            }
            let Some(next) = page["next"].as_str() else { return Ok(None) };
            query.retain(|(name, _)| *name != "after");
            query.push(("after", next.to_owned()));
        }
    }
}

/// A text as one part of a path.
pub(super) fn path_part(text: &str) -> String {
    // A blank is `+` in a form only.
    form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

/// A text of a document; nothing if it is none.
pub(super) fn word(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn body(answer: &mut Response<Body>) -> Result<String, Failure> {
    let mut text = String::new();
    let read = answer.body_mut().with_config().limit(MOST).reader().read_to_string(&mut text);
    read.map_err(anyhow::Error::from)?;
    Ok(text)
}

fn problem(status: StatusCode, text: &str) -> Refused {
    let said: Value = serde_json::from_str(text).unwrap_or(Value::Null);
    let fields = said["errors"].as_array().into_iter().flatten();
    let field = |field: &Value| format!("{} {}", word(&field["field"]), word(&field["problem"]));
    let detail = said["detail"].as_str().map_or_else(|| format!("HTTP {status}"), str::to_owned);
    let kind = word(&said["type"]).trim_start_matches("urn:rehome:problem:").to_owned();
    Refused { status: status.as_u16(), kind, detail, fields: fields.map(field).collect() }
}

fn written(query: &[(&str, String)]) -> String {
    if query.is_empty() {
        return String::new();
    }
    let mut written = form_urlencoded::Serializer::for_suffix("?".to_owned(), 1);
    written.extend_pairs(query);
    written.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_written_so_that_any_text_comes_through() {
        assert_eq!(written(&[]), "");
        let query = [("text", "客户 & co".to_owned()), ("after", "a=b".to_owned())];
        assert_eq!(written(&query), "?text=%E5%AE%A2%E6%88%B7+%26+co&after=a%3Db");
    }
}
