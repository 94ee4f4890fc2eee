//! `rehome watch`: what happens in a running system, as it happens.

use std::{
    collections::HashMap,
    io::{self, IsTerminal, Write},
    time::Duration,
};

use indicatif::ProgressBar;
use rehome_domain::{lang::Lang, status::RelocationStatus};
use serde_json::Value;

use super::{
    Ended, Failure, Setting, Told,
    remote::{At, Event, Events, word},
    tables,
};
use crate::texts;

/// How long a system that went away is waited for.
const PATIENCE: Duration = Duration::from_secs(120);
/// Tickets that stand live at the bottom of a terminal at most.
const LIVE: usize = 15;

/// Watch tickets change, until Ctrl-C
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rehome watch
  rehome watch LL-000702 --until-closed
  rehome watch --device gw-01
  rehome watch --status failed --json | jq .service_id

In a terminal what is under way stands at the bottom and moves. A system that goes away for a while is
waited for, and nothing that happened meanwhile is left out.")]
pub(super) struct Args {
    /// Only these: each by its id, or by the id of its service
    #[arg(value_name = "TICKET")]
    tickets: Vec<String>,
    #[command(flatten)]
    filter: super::list::Filter,
    /// End when all of these tickets are closed
    #[arg(long, requires = "tickets")]
    until_closed: bool,
    #[command(flatten)]
    at: At,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

pub(super) async fn watch(args: Args, setting: &Setting) -> Ended {
    let remote = args.at.remote(setting)?;
    let mut events = Events::listen(&remote, args.filter.query(), PATIENCE)?;
    // After it listens: what is open now can't close unheard.
    let mut open: HashMap<String, bool> = HashMap::new();
    for named in &args.tickets {
        let ticket = remote.meant(named)?;
        open.insert(word(&ticket["id"]).to_owned(), ticket["disposition"] == "open");
    }
    let mut face = Face::new(args.json, setting);
    while !args.until_closed || open.values().any(|open| *open) {
        let Some(event) = events.next().await? else { continue };
        let id = word(&event.data["relocation"]).to_owned();
        if !args.tickets.is_empty() && !open.contains_key(&id) {
            continue;
        }
        if event.kind == "relocation.changed" {
            open.insert(id, event.data["disposition"] == "open");
        }
        if !face.show(&event)? {
            break;
        }
    }
    Ok(Told::good(String::new()))
}

/// Where it is shown.
struct Face<'a> {
    json: bool,
    setting: &'a Setting,
    /// In a terminal: a line for each ticket that is under way.
    live: Option<HashMap<String, ProgressBar>>,
}

impl<'a> Face<'a> {
    fn new(json: bool, setting: &'a Setting) -> Self {
        let live = !json && io::stdout().is_terminal() && io::stderr().is_terminal();
        Self { json, setting, live: live.then(HashMap::new) }
    }

    /// False if nobody looks any more.
    fn show(&mut self, event: &Event) -> Result<bool, Failure> {
        if self.json {
            let mut told = event.data.clone();
            told["event"] = event.kind.clone().into();
            return Ok(say(&told.to_string()));
        }
        let text = tables::plain(&line(self.setting.lang, event));
        let Some(live) = &mut self.live else { return Ok(say(&text)) };
        let id = word(&event.data["relocation"]).to_owned();
        if event.data["in_flight"] == true {
            if live.len() < LIVE || live.contains_key(&id) {
                let bar = live.entry(id).or_insert_with(|| {
                    let bar = self.setting.screen.add(ProgressBar::new_spinner());
                    bar.enable_steady_tick(Duration::from_millis(200));
                    bar
                });
                bar.set_message(text);
            }
            return Ok(true);
        }
        if let Some(bar) = live.remove(&id) {
            bar.finish_and_clear();
            self.setting.screen.remove(&bar);
        }
        Ok(self.setting.screen.suspend(|| say(&text)))
    }
}

/// Prints a line. False if nobody reads any more.
fn say(line: &str) -> bool {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}").and_then(|()| out.flush()).is_ok()
}

fn line(lang: Lang, event: &Event) -> String {
    let data = &event.data;
    let (at, service) = (word(&data["at"]).get(..19).unwrap_or_default(), word(&data["service_id"]));
    if event.kind == "alarm.raised" {
        return format!("{at}  {service}  {}: {}", texts::alarm(lang), word(&data["detail"]));
    }
    let status = word(&data["status"]);
    let label = status.parse::<RelocationStatus>().map_or(status, |status| status.label(lang));
    let status = match lang {
        Lang::En => status.to_owned(),
        Lang::Zh => format!("{status} {label}"),
    };
    let part = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let under_way = if data["in_flight"] == true { " …" } else { "" };
    format!(
        "{at}  {service}  {status}  {}  {}{under_way}",
        part(&data["reservation"]),
        part(&data["cutover"])
    )
}
