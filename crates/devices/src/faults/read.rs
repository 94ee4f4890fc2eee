//! Reads a plan from TOML or JSON and names every mistake by its place.

use std::{fmt, path::Path, time::Duration};

use rehome_domain::{
    command::CommandKind,
    order::{Layer, OrderKind},
    ports::Operation,
    request::Deadlines,
    status::UnknownStatus,
};
use serde::Deserialize;

use super::{
    FaultPlan, names,
    operator::OperatorRule,
    rule::{FaultRule, What},
};
use crate::pattern::Pattern;

/// One mistake in a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    /// Where, such as `fault[2].probability`; rules count from 0.
    pub path: String,
    /// What is wrong and what was expected.
    pub problem: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.problem)
    }
}

/// A plan that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The file could not be read.
    #[error("the fault plan {path} could not be read")]
    Unreadable {
        /// Which file.
        path: String,
        /// Why.
        source: std::io::Error,
    },
    /// The file is neither TOML nor JSON by its name.
    #[error("the fault plan {path} has an unknown extension, expected .toml or .json")]
    UnknownFormat {
        /// Which file.
        path: String,
    },
    /// What it says is not a plan.
    #[error("the fault plan is not valid: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Invalid(Vec<Mistake>),
}

impl FaultPlan {
    /// Reads the plan in a `.toml` or `.json` file.
    ///
    /// # Errors
    /// The file can't be read, or is not a plan.
    pub fn load(path: &Path) -> Result<Self, PlanError> {
        let shown = || path.display().to_string();
        let parse = match path.extension().and_then(|extension| extension.to_str()) {
            Some("toml") => Self::from_toml,
            Some("json") => Self::from_json,
            _ => return Err(PlanError::UnknownFormat { path: shown() }),
        };
        let text = std::fs::read_to_string(path)
            .map_err(|source| PlanError::Unreadable { path: shown(), source })?;
        parse(&text)
    }

    /// Reads a plan written in TOML.
    ///
    /// # Errors
    /// It is not a plan: every mistake by its place, or the first one if it can't be read further.
    pub fn from_toml(text: &str) -> Result<Self, PlanError> {
        let read = toml::Deserializer::parse(text).map_err(|error| (error, "the file".to_owned()));
        let read = read.and_then(|deserializer| {
            serde_path_to_error::deserialize(deserializer).map_err(|error| {
                let path = error.path().to_string();
                (error.into_inner(), path)
            })
        });
        let written: Written = read.map_err(|(error, path)| {
            let line = error.span().map(|span| 1 + text[..span.start].matches('\n').count());
            let line = line.map(|line| format!(" (line {line})")).unwrap_or_default();
            PlanError::Invalid(vec![Mistake { path, problem: format!("{}{line}", error.message()) }])
        })?;
        written.check()
    }

    /// Reads a plan written in JSON.
    ///
    /// # Errors
    /// It is not a plan: every mistake by its place, or the first one if it can't be read further.
    pub fn from_json(text: &str) -> Result<Self, PlanError> {
        let read = serde_path_to_error::deserialize(&mut serde_json::Deserializer::from_str(text));
        let written: Written = read.map_err(|error| {
            let path = error.path().to_string();
            PlanError::Invalid(vec![Mistake { path, problem: error.into_inner().to_string() }])
        })?;
        written.check()
    }
}

/// A plan as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    seed: u64,
    deadlines: Option<Deadlines>,
    #[serde(default)]
    messages_twice: bool,
    #[serde(default)]
    fault: Vec<WrittenFault>,
    #[serde(default)]
    operator: Vec<WrittenOperator>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenFault {
    name: Option<String>,
    layer: Option<Layer>,
    device: Option<String>,
    service: Option<String>,
    #[serde(default, deserialize_with = "operation")]
    operation: Option<Operation>,
    order: Option<OrderKind>,
    attempts: Option<Vec<u32>>,
    #[serde(default = "always")]
    probability: f64,
    what: WrittenWhat,
    delay_ms: Option<u64>,
    tries: Option<u32>,
}

const fn always() -> f64 {
    1.0
}

/// An operation by its name, one of those that a plan may name.
fn operation<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Operation>, D::Error> {
    let Some(word) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
    if let Some(named) = names::NAMED.into_iter().find(|named| names::operation(*named) == word) {
        return Ok(Some(named));
    }
    let known = names::NAMED.map(|named| format!("`{}`", names::operation(named))).join(", ");
    Err(serde::de::Error::custom(format!("unknown variant `{word}`, expected one of {known}")))
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum WrittenWhat {
    Refuse,
    Slow,
    Half,
    Unreachable,
    DropReply,
    LateReply,
    ReplyTwice,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenOperator {
    service: Option<String>,
    relocation: Option<String>,
    reservation: Option<String>,
    cutover: Option<String>,
    #[serde(rename = "do")]
    command: CommandKind,
    #[serde(default)]
    reason: String,
}

/// Collects mistakes under one rule's path.
struct Checking<'a> {
    path: String,
    mistakes: &'a mut Vec<Mistake>,
}

impl Checking<'_> {
    fn wrong(&mut self, key: &str, problem: impl Into<String>) {
        self.mistakes.push(Mistake { path: format!("{}.{key}", self.path), problem: problem.into() });
    }

    /// A word that is a status, or `unset` for one that must not be set yet.
    fn status<T>(
        &mut self,
        key: &str,
        word: Option<&str>,
        read: impl Fn(&str) -> Result<T, UnknownStatus>,
    ) -> Option<Option<T>> {
        match word? {
            "unset" => Some(None),
            word => match read(word) {
                Ok(status) => Some(Some(status)),
                Err(error) => {
                    self.wrong(key, format!("{error}, unset"));
                    None
                }
            },
        }
    }
}

impl Written {
    fn check(self) -> Result<FaultPlan, PlanError> {
        let mut mistakes = Vec::new();
        let mut plan = FaultPlan {
            seed: self.seed,
            deadlines: self.deadlines,
            messages_twice: self.messages_twice,
            ..FaultPlan::default()
        };
        for (index, fault) in self.fault.into_iter().enumerate() {
            let path = format!("fault[{index}]");
            plan.faults.extend(fault.check(index, &mut Checking { path, mistakes: &mut mistakes }));
        }
        for (index, operator) in self.operator.into_iter().enumerate() {
            let path = format!("operator[{index}]");
            plan.operators.extend(operator.check(&mut Checking { path, mistakes: &mut mistakes }));
        }
        if mistakes.is_empty() { Ok(plan) } else { Err(PlanError::Invalid(mistakes)) }
    }
}

impl WrittenFault {
    fn check(self, index: usize, checking: &mut Checking<'_>) -> Option<FaultRule> {
        if !(0.0..=1.0).contains(&self.probability) {
            checking.wrong("probability", format!("is {}, expected 0 to 1", self.probability));
        }
        if self.attempts.as_ref().is_some_and(|attempts| attempts.is_empty() || attempts.contains(&0)) {
            checking.wrong("attempts", "expected at least one number, counted from 1");
        }
        let what = self.what(checking)?;
        if what.is_of_replies() {
            for (key, given) in [("device", self.device.is_some()), ("operation", self.operation.is_some())] {
                if given {
                    checking
                        .wrong(key, "a reply is told apart by service, layer and order only, leave it out");
                }
            }
        } else if !self.can_happen(what) {
            let parts = [
                self.layer.map(|layer| format!("layer {}", layer.wire())),
                self.order.map(|order| format!("order {order}")),
                self.operation.map(|operation| format!("operation {}", names::operation(operation))),
            ];
            let parts: Vec<String> = parts.into_iter().flatten().collect();
            let key = if self.operation.is_some() { "operation" } else { "order" };
            checking.wrong(key, format!("no configurator ever meets this at {}", parts.join(", ")));
        }
        Some(FaultRule {
            name: self.name.unwrap_or_else(|| format!("fault[{index}]")),
            layer: self.layer,
            device: self.device.map(Pattern::new),
            service: self.service.map(Pattern::new),
            operation: self.operation,
            order: self.order,
            attempts: self.attempts,
            probability: self.probability,
            what,
        })
    }

    /// The kind of fault with its number, and no other number.
    fn what(&self, checking: &mut Checking<'_>) -> Option<What> {
        let (delay, tries) = (self.delay_ms.map(Duration::from_millis), self.tries);
        let (what, takes) = match self.what {
            WrittenWhat::Refuse => (Some(What::Refuse), None),
            WrittenWhat::Half => (Some(What::Half), None),
            WrittenWhat::DropReply => (Some(What::DropReply), None),
            WrittenWhat::ReplyTwice => (Some(What::ReplyTwice), None),
            WrittenWhat::Slow => (delay.map(What::Slow), Some("delay_ms")),
            WrittenWhat::LateReply => (delay.map(What::LateReply), Some("delay_ms")),
            WrittenWhat::Unreachable => {
                (tries.filter(|tries| *tries > 0).map(|tries| What::Unreachable { tries }), Some("tries"))
            }
        };
        if let (None, Some(key)) = (what, takes) {
            let expected = if key == "tries" { "how many tries fail, at least 1" } else { "milliseconds" };
            checking.wrong(key, format!("is missing, expected {expected}"));
        }
        for (key, given) in [("delay_ms", delay.is_some()), ("tries", tries.is_some())] {
            if given && takes != Some(key) {
                checking.wrong(key, "does not belong to this kind of fault");
            }
        }
        what
    }

    /// Whether there is an order that does such an operation: a rule that can never hit is a slip of the pen.
    fn can_happen(&self, what: What) -> bool {
        let looks = [Operation::LookOld, Operation::LookNew];
        Layer::ALL.into_iter().filter(|layer| self.layer.is_none_or(|given| given == *layer)).any(|layer| {
            OrderKind::ALL.into_iter().filter(|order| self.order.is_none_or(|given| given == *order)).any(
                |order| {
                    names::operations(layer, order).iter().any(|operation| {
                        self.operation.is_none_or(|given| given == *operation)
                            && !(what == What::Half && looks.contains(operation))
                    })
                },
            )
        })
    }
}

impl WrittenOperator {
    fn check(self, checking: &mut Checking<'_>) -> Option<OperatorRule> {
        if self.relocation.is_none() && self.reservation.is_none() && self.cutover.is_none() {
            checking
                .wrong("relocation", "expected at least one of relocation, reservation, cutover to look at");
        }
        let needs_reason = self.command.is_force() || self.command == CommandKind::Cancel;
        if needs_reason && self.reason.trim().is_empty() {
            checking.wrong("reason", format!("is missing, {} needs one", self.command));
        }
        let relocation = self.relocation.as_deref().and_then(|word| {
            word.parse().map_err(|error: UnknownStatus| checking.wrong("relocation", error.to_string())).ok()
        });
        let reservation = checking.status("reservation", self.reservation.as_deref(), str::parse);
        let cutover = checking.status("cutover", self.cutover.as_deref(), str::parse);
        Some(OperatorRule {
            service: self.service.map(Pattern::new),
            relocation,
            reservation,
            cutover,
            command: self.command,
            reason: self.reason,
        })
    }
}
