//! `rehome check --ready`: asks a process that runs, for health checks of containers and for people.

use std::time::Duration;

use rehome_web::Readiness;
use serde_json::{Value, json};

use super::{Ended, Setting, Told};
use crate::{http, texts};

/// How long the process may take. It answers within two seconds, however things stand.
const PATIENCE: Duration = Duration::from_secs(4);
/// What is asked if only the place is given.
const PATH: &str = "/readyz";

/// Asks, and says what was answered: well if it is a 200.
pub(super) fn ask(url: &str, as_json: bool, setting: &Setting) -> Ended {
    let url = whole(url);
    let asked = http::agent(PATIENCE)?.get(&url).call();
    let answered = asked.and_then(|mut answer| {
        let status = answer.status().as_u16();
        answer.body_mut().read_to_string().map(|body| (status, body))
    });
    let (status, body) = match answered {
        Ok(answered) => answered,
        Err(error) => {
            let text = texts::no_answer(setting.lang, &url, &error) + "\n";
            let document = json!({ "url": url, "ready": false, "reasons": [error.to_string()] });
            return Ok(Told { text: if as_json { format!("{document:#}\n") } else { text }, good: false });
        }
    };
    let good = status == 200;
    let readiness: Option<Readiness> = serde_json::from_str(&body).ok();
    let text = if as_json {
        let said: Value = serde_json::from_str(&body).unwrap_or(Value::String(body));
        format!("{said:#}\n")
    } else {
        page(setting, &url, status, readiness.as_ref())
    };
    Ok(Told { text, good })
}

fn page(setting: &Setting, url: &str, status: u16, readiness: Option<&Readiness>) -> String {
    let lang = setting.lang;
    match readiness {
        Some(said) if said.ready => {
            texts::process_ready(lang, said.roles.join(","), &said.bus.kind, &said.store.kind) + "\n"
        }
        Some(said) => {
            let reasons = said.reasons.iter().map(|reason| texts::wrong(lang, reason));
            let lines = std::iter::once(texts::process_not_ready(lang, said.roles.join(","))).chain(reasons);
            lines.map(|line| line + "\n").collect()
        }
        None => texts::answered(lang, url, status) + "\n",
    }
}

/// The URL with what may be left out.
fn whole(given: &str) -> String {
    let url = if given.contains("://") { given.to_owned() } else { format!("http://{given}") };
    let (_, place) = url.split_once("://").unwrap_or(("", &url));
    match place.split_once('/') {
        Some((_, path)) if !path.is_empty() => url,
        _ => format!("{}{PATH}", url.trim_end_matches('/')),
    }
}

#[cfg(test)]
mod tests {
    use super::whole;

    #[test]
    fn a_place_alone_is_asked_whether_it_is_ready() {
        for (given, url) in [
            ("127.0.0.1:8080", "http://127.0.0.1:8080/readyz"),
            ("https://a.b/", "https://a.b/readyz"),
            ("http://a:1/healthz", "http://a:1/healthz"),
        ] {
            assert_eq!(whole(given), url);
        }
    }
}
