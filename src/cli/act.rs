//! `rehome deploy`, `force`, `cancel` and `retry`: commands to tickets of a running system.

use std::io::{self, IsTerminal, Write};

use clap::ValueEnum;
use rehome_domain::{command::CommandKind, lang::Lang};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Ended, Failure, Setting, Told,
    remote::{Answer, At, Remote, word},
    tables,
};
use crate::texts;

/// Begin what a ticket waits for: its reservation, or its cutover
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rehome deploy LL-000702
  rehome deploy LL-000702 LL-000703 --reason \"customer has agreed\"
  rehome deploy LL-000702 --plan 1c0b6a52e6b55d3a8f9d2c4a7e1f0b36
  rehome deploy 019346f2-4b6e-7c3a-9d2e-5f0a1b2c3d4e --expect-version 7 --json

Asks a running system over HTTP; exit code 1 if a ticket refuses, with the reason.")]
pub(super) struct Deploy {
    #[command(flatten)]
    given: Given,
}

/// Go on although a stage failed: takes the role supervisor, and a reason
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rehome force reservation LL-000702 --reason \"port checked by phone\"
  rehome force completion LL-000702 --reason \"moved by hand\" --yes

Says what will follow and asks first, unless --yes is given.")]
pub(super) struct Force {
    /// Which stage
    #[arg(value_name = "STAGE")]
    stage: Stage,
    #[command(flatten)]
    given: Given,
    /// Do not ask first
    #[arg(long)]
    yes: bool,
}

/// Give relocations up before their cutover: what is reserved is given back
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rehome cancel LL-000702 --reason \"customer stays\"")]
pub(super) struct Cancel {
    #[command(flatten)]
    given: Given,
}

/// Do again what failed: a reservation, a rollback, or a cutover
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rehome retry LL-000702 --reason \"card replaced\"
  rehome retry LL-000702 --plan 1c0b6a52e6b55d3a8f9d2c4a7e1f0b36 --reason \"VRF renamed, agreed\"")]
pub(super) struct Retry {
    #[command(flatten)]
    given: Given,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Stage {
    /// To the cutover although the reservation failed
    Reservation,
    /// To the end although the cutover failed
    Completion,
}

#[derive(Debug, clap::Args)]
struct Given {
    /// The tickets: each by its id, or by the id of its service
    #[arg(value_name = "TICKET", required = true)]
    tickets: Vec<String>,
    /// Why, for the journal
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    reason: String,
    /// Go by the plan of this fingerprint, as `rehome plan TICKET` shows it: refused if devices have been changed since
    #[arg(long, value_name = "FINGERPRINT")]
    plan: Option<String>,
    /// Only if the ticket still has this version
    #[arg(long, value_name = "N")]
    expect_version: Option<u64>,
    #[command(flatten)]
    at: At,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

pub(super) fn deploy(args: &Deploy, setting: &Setting) -> Ended {
    give(&args.given, &[CommandKind::DeployReservation, CommandKind::DeployCutover], true, setting)
}

pub(super) fn force(args: &Force, setting: &Setting) -> Ended {
    let kind = match args.stage {
        Stage::Reservation => CommandKind::ForceReservation,
        Stage::Completion => CommandKind::ForceCompletion,
    };
    give(&args.given, &[kind], args.yes, setting)
}

pub(super) fn cancel(args: &Cancel, setting: &Setting) -> Ended {
    give(&args.given, &[CommandKind::Cancel], true, setting)
}

pub(super) fn retry(args: &Retry, setting: &Setting) -> Ended {
    let kinds = [CommandKind::RetryRollback, CommandKind::RetryReservation, CommandKind::RetryCutover];
    give(&args.given, &kinds, true, setting)
}

/// What became of a command.
enum Became {
    Answered(Answer),
    /// There was no answer of use, for this reason: it may have been taken.
    Unknown(String),
    /// One before it had no answer.
    NotGiven,
}

/// Gives each ticket the one of these commands that it allows.
fn give(given: &Given, kinds: &[CommandKind], sure: bool, setting: &Setting) -> Ended {
    let lang = setting.lang;
    let weighs = |kind: &CommandKind| kind.is_force() || *kind == CommandKind::Cancel;
    if given.reason.trim().is_empty() && kinds.iter().any(weighs) {
        return Err(Failure::Bad(texts::needs_reason(lang)));
    }
    let remote = given.at.remote(setting)?;
    // All are known and agreed to before the first is given: what was given is never left untold for another's sake.
    let mut wanted = Vec::new();
    for named in &given.tickets {
        let ticket = remote.meant(named)?;
        let kind = kinds.iter().copied().find(|kind| action(&ticket, *kind)["allowed"] == true);
        // What it refuses it refuses by itself, so that the refusal is in its journal.
        let kind = kind.or_else(|| kinds.first().copied()).unwrap_or(CommandKind::Cancel);
        if !sure && !agreed(&ticket, kind, lang)? {
            return Err(Failure::Bad(texts::not_agreed(lang)));
        }
        // What was agreed to is what was shown: a ticket that has moved on since refuses.
        let shown = if sure { None } else { ticket["version"].as_u64() };
        wanted.push((kind, given.expect_version.or(shown), ticket));
    }
    let mut told: Vec<(CommandKind, Value, Became)> = Vec::new();
    let mut cut_off = false;
    for (kind, version, ticket) in wanted {
        let became = if cut_off {
            Became::NotGiven
        } else {
            send(&remote, given, &ticket, version, kind)
                .map_or_else(|failure| Became::Unknown(failure.sentence()), Became::Answered)
        };
        cut_off |= matches!(became, Became::Unknown(_));
        told.push((kind, ticket, became));
    }
    let good = told.iter().all(|(.., became)| matches!(became, Became::Answered(Answer::Good(..))));
    let text = if given.json {
        let documents: Vec<Value> =
            told.iter().map(|(kind, ticket, became)| document(lang, *kind, ticket, became)).collect();
        serde_json::to_string_pretty(&json!({ "good": good, "commands": documents }))? + "\n"
    } else {
        let line = |(kind, ticket, became): &(CommandKind, Value, Became)| {
            tables::plain(&line(lang, *kind, ticket, became)) + "\n"
        };
        told.iter().map(line).collect()
    };
    Ok(Told { text, good })
}

fn send(
    remote: &Remote,
    given: &Given,
    ticket: &Value,
    version: Option<u64>,
    kind: CommandKind,
) -> Result<Answer, Failure> {
    let mut command = json!({ "kind": kind, "reason": given.reason });
    if let Some(version) = version {
        command["expected_version"] = version.into();
    }
    if let Some(plan) = &given.plan {
        command["plan"] = plan.as_str().into();
    }
    let path = format!("/tickets/{}/commands", word(&ticket["id"]));
    remote.post(&path, &Uuid::now_v7().to_string(), &command)
}

fn action(ticket: &Value, kind: CommandKind) -> &Value {
    let actions = ticket["actions"].as_array().into_iter().flatten();
    let mut named = actions.filter(|action| action["command"] == kind.wire());
    named.next().unwrap_or(&Value::Null)
}

/// Says what will follow, and asks whoever sits there.
fn agreed(ticket: &Value, kind: CommandKind, lang: Lang) -> Result<bool, Failure> {
    if !io::stdin().is_terminal() {
        return Err(Failure::Bad(texts::needs_yes(lang)));
    }
    let mut err = io::stderr().lock();
    let mut say = |text: String| writeln!(err, "{}", tables::plain(&text)).map_err(anyhow::Error::from);
    say(texts::about_to(lang, kind.label(lang), word(&ticket["service_id"]), word(&ticket["id"])))?;
    for follows in action(ticket, kind)["follows"].as_array().into_iter().flatten() {
        say(format!("  - {}", word(follows)))?;
    }
    say(texts::agree(lang))?;
    let mut said = String::new();
    io::stdin().read_line(&mut said).map_err(anyhow::Error::from)?;
    Ok(["y", "yes", "是"].contains(&said.trim().to_lowercase().as_str()))
}

fn document(lang: Lang, kind: CommandKind, ticket: &Value, became: &Became) -> Value {
    let (accepted, version, why) = match became {
        Became::Answered(Answer::Good(_, said)) => (Some(true), said["version"].clone(), Value::Null),
        Became::Answered(Answer::Refused(why)) => {
            (Some(false), Value::Null, json!({ "kind": why.kind, "sentence": why.sentence() }))
        }
        Became::Unknown(why) => (None, Value::Null, json!({ "kind": "no-answer", "sentence": why })),
        Became::NotGiven => {
            (Some(false), Value::Null, json!({ "kind": "not-given", "sentence": texts::not_given(lang) }))
        }
    };
    json!({
        "relocation": ticket["id"], "service_id": ticket["service_id"], "command": kind,
        "accepted": accepted, "version": version, "why": why,
    })
}

fn line(lang: Lang, kind: CommandKind, ticket: &Value, became: &Became) -> String {
    let (service, label) = (word(&ticket["service_id"]), kind.label(lang));
    match became {
        Became::Answered(Answer::Good(200, _)) => texts::command_taken(lang, service, label),
        Became::Answered(Answer::Good(..)) => texts::command_on_its_way(lang, service, label),
        Became::Answered(Answer::Refused(why)) => {
            texts::command_refused(lang, service, label, why.sentence())
        }
        Became::Unknown(why) => texts::command_unanswered(lang, service, label, why),
        Became::NotGiven => texts::command_refused(lang, service, label, texts::not_given(lang)),
    }
}
