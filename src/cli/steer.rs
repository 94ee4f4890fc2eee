//! `rehome pause`, `resume` and `drain`: what may begin work, said to every supervisor through the store.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use rehome_actors::helm::{LOOKS, under_way};
use rehome_domain::{
    command::By,
    id::MessageId,
    lang::Lang,
    role::Role,
    steering::{Scope, Steered, Turn, pauses},
    wording,
};
use serde_json::json;
use uuid::Uuid;

use super::{Ended, Failure, Setting, Told, offline, person};
use crate::{
    app::{Store, domains},
    texts,
};

/// How often a drain looks whether all is at rest.
const LOOK: Duration = Duration::from_millis(200);

/// Let nothing begin: everywhere, on a domain's devices, or on one device
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rehome pause --reason \"maintenance tonight\"
  rehome pause --device gw-01 --reason \"line card swap\"
  rehome pause --domain north --reason \"ring split\" --data rehome-data

What is under way goes on to its end, and undoing is always allowed. What is submitted meanwhile is held back and
begins by itself after `rehome resume`. A pause outlives every process; `rehome check` shows it.")]
pub(super) struct Pause {
    #[command(flatten)]
    steer: Steer,
}

/// Lift a pause: what it held back begins
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rehome resume --reason \"maintenance over\"
  rehome resume --device gw-01 --reason \"line card swapped\"")]
pub(super) struct Resume {
    #[command(flatten)]
    steer: Steer,
}

/// Pause, and wait until nothing is under way there
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rehome drain --device gw-01 --reason \"line card swap\"
  rehome drain --reason \"new release\" --timeout 900 && systemctl stop rehome

Ctrl-C or the end of that time stops the waiting, with exit code 1. The pause
stays until `rehome resume`.")]
pub(super) struct Drain {
    #[command(flatten)]
    steer: Steer,
    /// How long to wait at most [default: to the end]
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<u64>,
}

#[derive(Debug, clap::Args)]
struct Steer {
    /// Only what has to do with this device
    #[arg(long, value_name = "NAME", conflicts_with = "domain")]
    device: Option<String>,
    /// Only what has to do with devices of this domain
    #[arg(long, value_name = "NAME")]
    domain: Option<String>,
    /// Why, for whoever meets the pause
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    data: offline::StoreArg,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

impl Steer {
    fn scope(&self) -> Scope {
        match (&self.device, &self.domain) {
            (Some(name), _) => Scope::Device { name: name.clone() },
            (None, Some(name)) => Scope::Domain { name: name.clone() },
            (None, None) => Scope::Everything,
        }
    }

    fn line(&self, turn: Turn) -> Steered {
        Steered {
            id: MessageId(format!("cli:{}", Uuid::now_v7())),
            turn,
            scope: self.scope(),
            by: By::Person { name: person(), via: "cli".to_owned(), role: Role::Admin },
            at: Timestamp::now(),
            reason: self.reason.clone(),
        }
    }

    /// Writes the line, and tells what is paused after it.
    async fn steer(&self, store: &Store, turn: Turn, setting: &Setting) -> Ended {
        let steering = store.steering();
        let scope = self.scope();
        let was = steering.steering().await?;
        if turn == Turn::Resume && !pauses(&was).iter().any(|line| line.scope == scope) {
            let paused = standing(setting.lang, &was, self.json)?;
            let why = texts::not_paused(setting.lang, scope.label(setting.lang));
            return Err(Failure::Bad(if self.json { paused } else { format!("{why}\n{paused}") }));
        }
        steering.steer(self.line(turn)).await?;
        Ok(Told::good(standing(setting.lang, &steering.steering().await?, self.json)?))
    }
}

/// What is paused, for people or for scripts.
fn standing(lang: Lang, log: &[Steered], json: bool) -> Result<String, Failure> {
    let paused = pauses(log);
    if json {
        return Ok(serde_json::to_string_pretty(&json!({ "paused": paused }))? + "\n");
    }
    if paused.is_empty() {
        return Ok(texts::nothing_paused(lang) + "\n");
    }
    Ok(paused.iter().map(|line| said(lang, line) + "\n").collect())
}

/// One pause, as a person reads it.
pub(super) fn said(lang: Lang, line: &Steered) -> String {
    let (scope, who) = (line.scope.label(lang), wording::by(lang, &line.by));
    texts::paused_line(lang, scope, who, format!("{:.0}", line.at), &line.reason)
}

pub(super) async fn pause(args: Pause, setting: &Setting) -> Ended {
    let store = args.steer.data.open(setting.lang, &setting.loaded.settings).await?;
    let ended = args.steer.steer(&store, Turn::Pause, setting).await;
    store.close(true).await;
    ended
}

pub(super) async fn resume(args: Resume, setting: &Setting) -> Ended {
    let store = args.steer.data.open(setting.lang, &setting.loaded.settings).await?;
    let ended = args.steer.steer(&store, Turn::Resume, setting).await;
    store.close(true).await;
    ended
}

pub(super) async fn drain(args: Drain, setting: &Setting) -> Ended {
    let settings = &setting.loaded.settings;
    let store = args.steer.data.open(setting.lang, settings).await?;
    let told = args.steer.steer(&store, Turn::Drain, setting).await?;
    let (tickets, domain_of, scope) = (store.tickets(), domains(settings), args.steer.scope());
    let bar = setting.screen.add(indicatif::ProgressBar::new_spinner());
    // Until every helm has heard of it, nothing under way does not mean that nothing begins.
    let begun = Instant::now();
    let heard = || begun.elapsed() >= Duration::from_millis(settings.timers.poll_ms.into()) * LOOKS;
    let over = || args.timeout.is_some_and(|seconds| begun.elapsed() >= Duration::from_secs(seconds));
    let mut left = under_way(tickets.as_ref(), &domain_of, &scope).await?;
    let mut good = left == 0 && heard();
    while !good && !over() {
        bar.set_message(standing_at(setting.lang, left, good));
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            interrupted = tokio::signal::ctrl_c() => {
                interrupted?;
                break;
            }
        }
        // First whether they have heard: what began before they had is counted then.
        let heard = heard();
        left = under_way(tickets.as_ref(), &domain_of, &scope).await?;
        good = left == 0 && heard;
    }
    bar.finish_and_clear();
    store.close(true).await;
    let end = if args.steer.json { String::new() } else { standing_at(setting.lang, left, good) + "\n" };
    Ok(Told { text: told.text + &end, good })
}

/// How far a drain has come.
fn standing_at(lang: Lang, left: usize, good: bool) -> String {
    if left == 0 && !good { texts::not_heard_yet(lang) } else { texts::still_under_way(lang, left) }
}
