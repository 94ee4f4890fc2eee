//! The walk over the merged layers: each value of the right type, each mistake by its key.

use std::{
    net::{IpAddr, SocketAddr},
    path::Path,
};

use config::{Map, Value, ValueKind};
use rehome_web::{door::BACK, webhooks::Reach};
use serde_json::Value as Json;

use super::{Effective, Mistake, Origin, PREFIX, Problem, RANGES};

/// Keys whose value may hold a password.
const URLS: [&str; 2] = ["amqp.url", "postgres.url"];

/// Keys that are a secret as a whole.
const SECRETS: [&str; 1] = ["oidc.client_secret"];

/// Lists whose lines say one thing of another.
const PAIRS: [(&str, &str); 2] =
    [("amqp.domains", "`pattern=domain`"), ("access.configurators", "`domain=user`")];

/// Keys whose value must not be less than another's.
const NOT_LESS: [(&str, &str); 3] = [
    ("retry.max_ms", "retry.first_ms"),
    ("webhooks.max_ms", "webhooks.first_ms"),
    ("webhooks.lease_ms", "webhooks.post_ms"),
];

/// The walk over the merged layers, beside the built-in one that says which keys there are and of what type.
pub(super) struct Reading<'a> {
    pub(super) file: Option<&'a Path>,
    pub(super) values: Vec<Effective>,
    pub(super) mistakes: Vec<Mistake>,
}

impl Reading<'_> {
    pub(super) fn section(&mut self, path: &str, given: &Value, known: &Value) -> Json {
        let (ValueKind::Table(given_keys), ValueKind::Table(known_keys)) = (&given.kind, &known.kind) else {
            self.mistake(path, given, Problem::NoSection(given.into(), path.to_owned()));
            return Json::Null;
        };
        let mut section = serde_json::Map::new();
        let mut names: Vec<_> = given_keys.iter().collect();
        names.sort_by_key(|(name, _)| *name);
        for (name, value) in names {
            let key = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            let read = match known_keys.get(name) {
                None => {
                    self.mistake(&key, value, Problem::Unknown(list(known_keys)));
                    continue;
                }
                Some(known) if matches!(known.kind, ValueKind::Table(_)) => self.section(&key, value, known),
                Some(known) => self.leaf(&key, value, known),
            };
            section.insert(name.clone(), read);
        }
        Json::Object(section)
    }

    /// A value must be of the type that the built-in one has.
    fn leaf(&mut self, key: &str, given: &Value, known: &Value) -> Json {
        let from = self.origin(key, given);
        let read = match (&given.kind, &known.kind) {
            (ValueKind::I64(number), ValueKind::I64(_)) => Json::from(*number),
            (ValueKind::String(text), ValueKind::String(_)) => Json::from(text.clone()),
            // In the environment everything is text, also what looks like a number.
            (ValueKind::I64(_) | ValueKind::Float(_) | ValueKind::Boolean(_), ValueKind::String(_))
                if matches!(from, Origin::Environment(_)) =>
            {
                Json::from(given.to_string())
            }
            (ValueKind::Array(items), ValueKind::Array(_)) if items.iter().all(is_text) => {
                items.iter().map(ToString::to_string).collect()
            }
            // In the environment a list is written with commas.
            (ValueKind::String(text), ValueKind::Array(_)) if matches!(from, Origin::Environment(_)) => {
                text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(Json::from).collect()
            }
            (_, ValueKind::Array(_)) => {
                self.mistake(key, given, Problem::NoList(given.into()));
                return Json::Null;
            }
            (_, ValueKind::I64(_)) => {
                self.mistake(key, given, Problem::NoNumber(given.into()));
                return Json::Null;
            }
            _ => {
                self.mistake(key, given, Problem::NoText(given.into()));
                return Json::Null;
            }
        };
        self.values.push(Effective { key: key.to_owned(), value: shown(key, &read), from });
        read
    }

    /// Ranges, and what must hold between two keys.
    pub(super) fn check(&mut self) {
        for (key, range) in RANGES {
            let out_of_range = self.number(key).filter(|number| !range.contains(number));
            if let Some(given) = out_of_range {
                self.reject(key, Problem::OutOfRange { given, from: *range.start(), to: *range.end() });
            }
        }
        for (key, least) in NOT_LESS {
            if let (Some(given), Some(bound)) = (self.number(key), self.number(least))
                && given < bound
            {
                self.reject(key, Problem::LessThan { given, key: least, least: bound });
            }
        }
        if let Some(level) = self.find("log.level").and_then(|found| found.value.as_str())
            && let Err(problem) = crate::telemetry::filter(level)
        {
            self.reject("log.level", Problem::Other(problem.to_string()));
        }
        if let Some(listen) = self.find("http.listen").and_then(|found| found.value.as_str())
            && !listen.is_empty()
            && !is_address(listen)
        {
            let problem = Problem::NoAddress(listen.to_owned());
            self.reject("http.listen", problem);
        }
        let proxies = self.find("http.proxies").and_then(|found| found.value.as_array().cloned());
        let wrong = proxies.into_iter().flatten().find_map(|proxy| {
            proxy.as_str().filter(|proxy| proxy.parse::<IpAddr>().is_err()).map(str::to_owned)
        });
        if let Some(wrong) = wrong {
            self.reject("http.proxies", Problem::NoIp(wrong));
        }
        let allowed = self.find("webhooks.allow").and_then(|found| found.value.as_array().cloned());
        let lines = allowed.into_iter().flatten().filter_map(|line| line.as_str().map(str::to_owned));
        if let Err(wrong) = Reach::read(&lines.collect::<Vec<_>>()) {
            self.reject("webhooks.allow", Problem::NoReceiver(wrong));
        }
        if let Some(endpoint) = self.find("telemetry.otlp_endpoint").and_then(|found| found.value.as_str())
            && !endpoint.is_empty()
            && !["http://", "https://"]
                .iter()
                .any(|scheme| endpoint.len() > scheme.len() && endpoint.starts_with(scheme))
        {
            let problem = Problem::NoUrl(endpoint.to_owned());
            self.reject("telemetry.otlp_endpoint", problem);
        }
        self.check_provider();
        for (key, form) in PAIRS {
            let lines = self.find(key).and_then(|found| found.value.as_array());
            let whole =
                |line: &&str| line.split_once('=').is_some_and(|(a, b)| !a.is_empty() && !b.is_empty());
            let odd = lines.into_iter().flatten().filter_map(Json::as_str).find(|line| !whole(line));
            if let Some(odd) = odd.map(str::to_owned) {
                self.reject(key, Problem::NoPair(odd, form));
            }
        }
        let dir_is_empty = self.find("data.dir").is_some_and(|found| found.value == "");
        if dir_is_empty {
            self.reject("data.dir", Problem::NoDirectory);
        }
    }

    /// What an identity provider takes, if there is one.
    fn check_provider(&mut self) {
        let text =
            |key: &str| self.find(key).and_then(|found| found.value.as_str()).unwrap_or_default().to_owned();
        if text("oidc.issuer").is_empty() {
            return;
        }
        let urls = ["oidc.issuer", "oidc.callback"].map(|key| (key, text(key)));
        let lacking = ["oidc.client_id", "oidc.name_claim"].map(|key| (key, text(key)));
        for (key, url) in urls {
            if !is_secure(&url) {
                self.reject(key, Problem::NoSecureUrl(url));
            } else if key == "oidc.callback" && !url.ends_with(BACK) {
                self.reject(key, Problem::NoCallback(url));
            }
        }
        for (key, _) in lacking.into_iter().filter(|(_, text)| text.is_empty()) {
            self.reject(key, Problem::Lacking("oidc.issuer"));
        }
    }

    fn find(&self, key: &str) -> Option<&Effective> {
        self.values.iter().find(|value| value.key == key)
    }

    fn number(&self, key: &str) -> Option<i64> {
        self.find(key)?.value.as_i64()
    }

    pub(super) fn origin_of(&self, key: &str) -> Origin {
        self.find(key).map_or(Origin::BuiltIn, |found| found.from.clone())
    }

    fn origin(&self, key: &str, value: &Value) -> Origin {
        match (value.origin(), self.file) {
            (None, _) => Origin::BuiltIn,
            (Some("the environment"), _) => {
                Origin::Environment(format!("{PREFIX}__{}", key.to_uppercase().replace('.', "__")))
            }
            (Some(uri), file) => {
                Origin::File(file.map_or_else(|| uri.to_owned(), |path| path.display().to_string()))
            }
        }
    }

    fn mistake(&mut self, key: &str, value: &Value, problem: Problem) {
        let from = match &value.kind {
            // A section has no origin of its own; its keys have.
            ValueKind::Table(keys) => {
                keys.values().next().map_or(Origin::BuiltIn, |inner| self.origin(key, inner))
            }
            _ => self.origin(key, value),
        };
        self.mistakes.push(Mistake { key: key.to_owned(), problem, from });
    }

    fn reject(&mut self, key: &str, problem: Problem) {
        let from = self.origin_of(key);
        self.mistakes.push(Mistake { key: key.to_owned(), problem, from });
    }
}

fn list(keys: &Map<String, Value>) -> String {
    let mut names: Vec<&str> = keys.keys().map(String::as_str).collect();
    names.sort_unstable();
    names.join(", ")
}

/// Whether it is `host:port`.
fn is_address(given: &str) -> bool {
    given.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
}

/// Whether it is the URL of a server that is reached by TLS, or of one on this machine.
fn is_secure(url: &str) -> bool {
    let here = |rest: &str| {
        let host = rest.split('/').next().unwrap_or_default();
        host == "localhost"
            || host.starts_with("localhost:")
            || host.parse::<SocketAddr>().is_ok_and(|at| at.ip().is_loopback())
    };
    url.strip_prefix("https://").is_some_and(|rest| !rest.is_empty())
        || url.strip_prefix("http://").is_some_and(here)
}

fn is_text(value: &Value) -> bool {
    matches!(value.kind, ValueKind::String(_))
}

/// A value as others may see it: no secret, nor the passwords in URLs.
fn shown(key: &str, value: &Json) -> Json {
    match value.as_str() {
        Some(urls) if URLS.contains(&key) => Json::from(without_passwords(urls)),
        Some(secret) if SECRETS.contains(&key) && !secret.is_empty() => Json::from("***"),
        _ => value.clone(),
    }
}

/// URLs with commas between them. A comma that no URL follows may be a password's, and is not split at.
fn without_passwords(urls: &str) -> String {
    let mut shown: Vec<String> = Vec::new();
    let mut url = String::new();
    for part in urls.split(',') {
        if part.contains("://") && !url.is_empty() {
            shown.push(without_password(&std::mem::take(&mut url)));
        }
        if !url.is_empty() {
            url.push(',');
        }
        url.push_str(part);
    }
    shown.push(without_password(&url));
    shown.join(",")
}

fn without_password(url: &str) -> String {
    let Some((scheme, (who, rest))) =
        url.split_once("://").and_then(|(scheme, rest)| Some((scheme, rest.rsplit_once('@')?)))
    else {
        return url.to_owned();
    };
    let user = who.split_once(':').map_or(who, |(user, _)| user);
    let secret = if who.contains(':') { ":***" } else { "" };
    format!("{scheme}://{user}{secret}@{rest}")
}
