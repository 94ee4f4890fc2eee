//! Scenarios: a ticket's inputs and what each must do, as data that anyone can read and add to
//! (`tests/scenarios/README.md` says how).

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
};

use rehome_domain::{
    command::{By, Command, CommandKind},
    id::WorkOrderId,
    journal::Note,
    lang::Lang,
    message::Input,
    order::{Dispatch, Layer},
    reply::Report,
    request::{Place, Request},
    role::Role,
    steering::Scope,
    step::Stepped,
};
use serde::{Deserialize, Serialize};

use crate::history::{OTHER, Play, reply, request, windowed_request};

/// One scenario: a file.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What it shows, in one sentence.
    pub title: String,
    /// How its relocation differs from the standard one.
    #[serde(default)]
    pub request: Changes,
    /// What happens. The first step submits the relocation, all others come in afterwards.
    pub step: Vec<Step>,
}

/// How a scenario's relocation differs from the standard one: submitted without `hold` or a window, moving on both
/// layers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Changes {
    /// It waits for a person before reserving.
    #[serde(default)]
    pub hold: bool,
    /// It has a cutover window, an hour from now and an hour long.
    #[serde(default)]
    pub window: bool,
    /// On this layer its old and new place are one spot.
    #[serde(default)]
    pub stays_on: Option<Layer>,
}

/// One thing that comes in, and what it must do.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// A remark for whoever reads it.
    #[serde(default)]
    pub why: String,

    /// The relocation is submitted.
    #[serde(default)]
    pub submit: bool,
    /// A person commands.
    pub command: Option<CommandKind>,
    /// With `command`: the person's role, `nobody` for one whom nobody vouches for; without it a supervisor.
    pub role: Option<String>,
    /// With `command`: the reason given.
    #[serde(default)]
    pub reason: String,
    /// With `command`: the ticket's version the person saw.
    pub saw: Option<u64>,
    /// With `command`: another open relocation holds the target.
    #[serde(default)]
    pub held: bool,
    /// A configurator replies.
    pub from: Option<Layer>,
    /// With `from`: its report, as on the wire.
    pub says: Option<Report>,
    /// With `from`: the order it answers, `kind` or `kind attempt` (`reserve 2`); `foreign` for another relocation's.
    /// Without it, the order that is out, or the `inspect` about it if it says what was found.
    pub to: Option<String>,
    /// The bus finds nobody to give this layer's order to.
    pub nobody_takes: Option<Layer>,
    /// The deadline of what this layer has out passes.
    pub overdue: Option<Layer>,
    /// The clock comes to the cutover window.
    pub window: Option<Moment>,
    /// The system starts again over a bus that kept nothing.
    #[serde(default)]
    pub restart: bool,
    /// The pause that held the ticket back is over.
    #[serde(default)]
    pub unpaused: bool,
    /// With any of these: everything is paused meanwhile.
    #[serde(default)]
    pub paused: bool,

    /// What it must do.
    #[serde(flatten)]
    pub expected: Expected,
}

/// A moment of the cutover window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    /// It begins.
    Opens,
    /// It is over.
    Closed,
}

/// What a step must do; all that is not said must not happen.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Expected {
    /// The table's rows it takes.
    #[serde(default)]
    pub rows: Vec<String>,
    /// The three statuses after it, `relocation / reservation / cutover`, `-` for unset. Unchanged if not said.
    pub status: Option<String>,
    /// How it closes the ticket.
    pub closed: Option<String>,
    /// The orders it sends, `layer kind`.
    #[serde(default)]
    pub sends: Vec<String>,
    /// The alarms it raises.
    #[serde(default)]
    pub alarms: Vec<String>,
    /// Why nothing changed: `late`, `duplicate`, `unfit`, `retrying`, `window_missed`, `undeliverable`, or `refused: ` and the sentence.
    /// Of what is not even recorded: `void` (time has made it so) or `early` (it waits its turn).
    pub note: Option<String>,
}

/// Written as in a scenario file, so that it can be pasted there once it has been checked.
impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |name: &str, values: &[String]| {
            if values.is_empty() { String::new() } else { format!("{name} = {values:?}\n") }
        };
        let text = |name: &str, value: &Option<String>| {
            value.as_ref().map_or_else(String::new, |value| format!("{name} = {value:?}\n"))
        };
        f.write_str(&list("rows", &self.rows))?;
        f.write_str(&text("status", &self.status))?;
        f.write_str(&text("closed", &self.closed))?;
        f.write_str(&list("sends", &self.sends))?;
        f.write_str(&list("alarms", &self.alarms))?;
        f.write_str(&text("note", &self.note))
    }
}

/// What is wrong with a scenario, or with the code that it describes.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// The file can't be read.
    #[error("scenario {path} can't be read")]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is not a scenario.
    #[error("{path} is not a scenario: {source}")]
    Malformed {
        /// Which.
        path: PathBuf,
        /// Why.
        source: Box<toml::de::Error>,
    },
    /// A step makes no sense at its place.
    #[error("step {step} {problem}")]
    Meaningless {
        /// Which, from 1.
        step: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// A step did something else.
    #[error("step {step} was expected to do\n\n{expected}\nbut does\n\n{does}")]
    Differs {
        /// Which, from 1.
        step: usize,
        /// What the file says.
        expected: Box<Expected>,
        /// What happens.
        does: Box<Expected>,
    },
}

/// All scenarios of a folder, by file name.
///
/// # Errors
/// If one can't be read.
pub fn load_all(folder: &Path) -> Result<Vec<(String, Scenario)>, ScenarioError> {
    let unreadable = |source| ScenarioError::Unreadable { path: folder.to_owned(), source };
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        paths.push(entry.map_err(unreadable)?.path());
    }
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    paths.sort();
    paths.into_iter().map(|path| Ok((path.display().to_string(), load(&path)?))).collect()
}

/// Reads a scenario.
///
/// # Errors
/// If it can't be read.
pub fn load(path: &Path) -> Result<Scenario, ScenarioError> {
    let text = fs::read_to_string(path)
        .map_err(|source| ScenarioError::Unreadable { path: path.to_owned(), source })?;
    toml::from_str(&text)
        .map_err(|source| ScenarioError::Malformed { path: path.to_owned(), source: Box::new(source) })
}

impl Scenario {
    /// Plays it, and gives the ticket with its journal.
    ///
    /// # Errors
    /// Where a step does something else than it says.
    pub fn run(&self) -> Result<Play, ScenarioError> {
        let problem = |step, problem: &str| ScenarioError::Meaningless { step, problem: problem.to_owned() };
        let (first, rest) = self.step.split_first().ok_or_else(|| problem(1, "is missing"))?;
        if !first.submit {
            return Err(problem(1, "must submit the relocation"));
        }
        let mut play = Play::submit_while(self.request.made(), first.pause())
            .ok_or_else(|| problem(1, "is not accepted"))?;
        let done = Stepped::Journaled(Box::new((play.ticket.clone(), play.journal[0].clone())));
        let mut status = String::new();
        compare(1, &first.expected, &play, &done, &mut status)?;
        for (number, step) in (2..).zip(rest) {
            let input = step.input(&mut play).map_err(|what| problem(number, &what))?;
            play.held_by = step.held.then_some(OTHER);
            play.paused = step.pause();
            let done = match step.by().map_err(|what| problem(number, &what))? {
                Some(by) => play.put_by(by, input),
                None => play.put(input),
            };
            compare(number, &step.expected, &play, &done, &mut status)?;
        }
        Ok(play)
    }
}

impl Changes {
    fn made(self) -> Request {
        let base = if self.window { windowed_request() } else { request() };
        let (old, new) = (base.old.clone(), base.new.clone());
        let new = match self.stays_on {
            None => new,
            Some(Layer::L3) => Place { l3_device: old.l3_device.clone(), vlan: old.vlan, ..new },
            Some(Layer::L2) => Place { l2_device: old.l2_device.clone(), vlan: old.vlan, ..new },
        };
        Request { hold: self.hold, new, ..base }
    }
}

impl Step {
    /// What comes in. Moves the clock where that is what happens.
    fn input(&self, play: &mut Play) -> Result<Input, String> {
        let given = [
            self.submit,
            self.command.is_some(),
            self.from.is_some(),
            self.nobody_takes.is_some(),
            self.overdue.is_some(),
            self.window.is_some(),
            self.restart,
            self.unpaused,
        ];
        if given.iter().filter(|given| **given).count() != 1 {
            let words =
                "`submit`, `command`, `from`, `nobody_takes`, `overdue`, `window`, `restart`, `unpaused`";
            return Err(format!("needs one of {words}"));
        }
        if let Some(kind) = self.command {
            let (reason, expected_version) = (self.reason.clone(), self.saw);
            return Ok(Input::Command(Command { kind, reason, expected_version, plan: None }));
        }
        if let Some(layer) = self.from {
            let report = self.says.clone().ok_or("has `from`, but not what it `says`")?;
            return Ok(reply(layer, self.answered(play, layer, &report)?, report));
        }
        if let Some(layer) = self.nobody_takes {
            let out =
                play.ticket.out(layer).ok_or_else(|| format!("has an order for {layer}, which got none"))?;
            return Ok(Input::Undeliverable { order: out.awaited().id });
        }
        if let Some(layer) = self.overdue {
            let out =
                play.ticket.out(layer).ok_or_else(|| format!("waits for {layer}, which has nothing out"))?;
            let awaited = out.awaited();
            let (order, deadline) = (awaited.id, awaited.deadline);
            play.now = play.now.max(deadline);
            return Ok(Input::Overdue { order });
        }
        if let Some(moment) = self.window {
            let window = play.ticket.request.window.ok_or("names a window that the request does not have")?;
            play.now = play.now.max(if moment == Moment::Opens { window.start } else { window.end });
            return Ok(Input::WindowOpened);
        }
        if self.unpaused {
            return Ok(Input::Unpaused);
        }
        if self.restart {
            return Ok(Input::Resumed);
        }
        Ok(Input::Submitted { request: play.ticket.request.clone() })
    }

    fn pause(&self) -> Option<Scope> {
        self.paused.then_some(Scope::Everything)
    }

    /// Who is behind it, if that is said.
    fn by(&self) -> Result<Option<By>, String> {
        let via = || "amqp".to_owned();
        Ok(match self.role.as_deref() {
            None => None,
            Some("nobody") => Some(By::Nobody { via: via() }),
            Some(role) => {
                let role = role.parse::<Role>().map_err(|error| error.to_string())?;
                Some(By::Person { name: "somebody".to_owned(), via: via(), role })
            }
        })
    }

    /// The order a reply answers.
    fn answered(&self, play: &Play, layer: Layer, report: &Report) -> Result<WorkOrderId, String> {
        let Some(to) = &self.to else {
            let out =
                play.ticket.out(layer).ok_or_else(|| format!("answers {layer}, which has nothing out"))?;
            let inspect = out.inspect.as_ref().filter(|_| matches!(report, Report::Inspected { .. }));
            return Ok(inspect.unwrap_or(&out.order).id);
        };
        if to == "foreign" {
            return Ok(WorkOrderId { relocation: OTHER, seq: 1, index: 0 });
        }
        let named = |order: &&Dispatch| {
            order.layer == layer
                && (order.kind.wire() == to || format!("{} {}", order.kind, order.attempt) == *to)
        };
        let order = play.orders.iter().rev().find(named);
        order.map(|order| order.id).ok_or_else(|| format!("answers `{to}`, which {layer} never got"))
    }
}

fn compare(
    step: usize,
    expected: &Expected,
    play: &Play,
    done: &Stepped,
    status: &mut String,
) -> Result<(), ScenarioError> {
    let does = seen(play, done, status);
    if does == *expected {
        return Ok(());
    }
    Err(ScenarioError::Differs { step, expected: Box::new(expected.clone()), does: Box::new(does) })
}

/// What a step did, in a scenario's words; `status` is the status before it, and after.
fn seen(play: &Play, done: &Stepped, status: &mut String) -> Expected {
    let nothing = |note: String| Expected { note: Some(note), ..Expected::default() };
    let entry = match done {
        Stepped::Journaled(stepped) => &stepped.1,
        Stepped::Void => return nothing("void".to_owned()),
        Stepped::Early(_) => return nothing("early".to_owned()),
        Stepped::Rejected(rejection) => return nothing(format!("rejected: {rejection}")),
    };
    let state = &play.ticket.state;
    let reservation = state.reservation.map_or("-", |status| status.wire());
    let cutover = state.cutover.map_or("-", |status| status.wire());
    let now = format!("{} / {reservation} / {cutover}", state.relocation);
    let changed = *status != now;
    status.clone_from(&now);
    Expected {
        rows: entry.rows.clone(),
        status: changed.then_some(now),
        closed: (state.is_closed() && !entry.rows.is_empty()).then(|| state.disposition.to_string()),
        sends: entry.sends.iter().map(|sent| format!("{} {}", sent.layer.wire(), sent.kind)).collect(),
        alarms: entry.alarms.iter().map(wire).collect(),
        note: entry.note.as_ref().map(|note| match note {
            Note::Refused(why) => format!("refused: {}", why.sentence(Lang::En)),
            other => wire(other),
        }),
    }
}

/// A variant's name on the wire.
fn wire(variant: &impl Serialize) -> String {
    let value = serde_json::to_value(variant).unwrap_or_default();
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
