//! What goes into the supervisor and what comes out, whatever bus carries it.
//!
//! ```text
//!  people, systems ──Steer──────────────────────────▶ steering ─▶ helm
//!        └───────────Envelope(Submitted, Command)──▶ commands ─┐
//!  configurators ────Envelope(Reply)───────────────▶ replies ──┼─▶ supervisor ──WorkOrder──▶ work l3, work l2
//!  timers, start ────Envelope(Overdue, …)──────────▶ replies ──┘        ├──Event───────▶ events
//!                                                                       └──Answer──────▶ whoever asked
//! ```

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    action::WhyNot,
    command::{By, Command, CommandKind},
    id::{MessageId, RelocationId, WorkOrderId},
    lang::Lang,
    reply::Reply,
    request::{FieldError, Request},
    role::Role,
    steering::Verdict,
};

/// What can come in for a ticket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "input", rename_all = "snake_case")]
pub enum Input {
    /// A new relocation.
    Submitted {
        /// What is asked for.
        request: std::sync::Arc<Request>,
    },
    /// A person's command.
    Command(Command),
    /// A configurator's reply.
    Reply(Reply),
    /// The deadline of an order (or of the `inspect` about it) has passed.
    Overdue {
        /// That order.
        order: WorkOrderId,
    },
    /// The bus found nobody to give an order to.
    Undeliverable {
        /// That order.
        order: WorkOrderId,
    },
    /// The cutover window the person set has begun.
    WindowOpened,
    /// The system starts again over a bus that kept nothing.
    Resumed,
    /// The pause that held it back is over.
    Unpaused,
}

/// How an input stands to the bound on what is in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weight {
    /// It ends work in hand, or sends nothing: never waits.
    Ends,
    /// A person's override that may send orders for a ticket at rest: waits while enough is in flight, but never behind
    /// what begins new work.
    Overrides,
    /// It begins work for a ticket at rest: waits while enough is in flight.
    Begins,
}

impl Input {
    /// Its sort in a word, for keys and traces.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Submitted { .. } => "submitted",
            Self::Command(_) => "command",
            Self::Reply(_) => "reply",
            Self::Overdue { .. } => "overdue",
            Self::Undeliverable { .. } => "undeliverable",
            Self::WindowOpened => "window_opened",
            Self::Resumed => "resumed",
            Self::Unpaused => "unpaused",
        }
    }

    /// See [`Weight`]. Whatever may send orders for a ticket that has none out must not weigh nothing: that is what keeps
    /// the bounded queues from filling up in a circle.
    #[must_use]
    pub const fn weight(&self) -> Weight {
        match self {
            Self::Submitted { .. } | Self::WindowOpened | Self::Resumed | Self::Unpaused => Weight::Begins,
            Self::Command(command) => match command.kind {
                CommandKind::DeployReservation | CommandKind::DeployCutover => Weight::Begins,
                CommandKind::RetryReservation
                | CommandKind::RetryRollback
                | CommandKind::RetryCutover
                | CommandKind::Cancel => Weight::Overrides,
                CommandKind::ForceReservation | CommandKind::ForceCompletion => Weight::Ends,
            },
            Self::Reply(_) | Self::Overdue { .. } | Self::Undeliverable { .. } => Weight::Ends,
        }
    }
}

/// An input with what must be known of it to count it once and to journal it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Envelope {
    /// The ticket.
    pub relocation: RelocationId,
    /// The message's id: the same message counts once for its ticket.
    pub cause: MessageId,
    /// Who is behind it.
    pub by: By,
    /// What came in.
    #[serde(flatten)]
    pub input: Input,
}

impl Envelope {
    /// A deadline's message. Its id names the deadline, so that several clocks give the same message.
    #[must_use]
    pub fn overdue(order: WorkOrderId, deadline: Timestamp) -> Self {
        Self {
            relocation: order.relocation,
            cause: order.answer(&format!("overdue:{}", deadline.as_millisecond())),
            by: By::Timer,
            input: Input::Overdue { order },
        }
    }

    /// The message that nobody takes an order.
    #[must_use]
    pub fn undeliverable(order: WorkOrderId) -> Self {
        Self {
            relocation: order.relocation,
            cause: order.answer("undeliverable"),
            by: By::System,
            input: Input::Undeliverable { order },
        }
    }

    /// The message that a pause no longer holds a ticket back, as it stood at this version.
    #[must_use]
    pub fn unpaused(relocation: RelocationId, version: u64) -> Self {
        let cause = MessageId(format!("{relocation}:unpaused:{version}"));
        Self { relocation, cause, by: By::System, input: Input::Unpaused }
    }

    /// A reply's message. `what` tells apart the several messages an order's answer may have.
    #[must_use]
    pub fn reply(reply: Reply, what: &str) -> Self {
        Self {
            relocation: reply.order.relocation,
            cause: reply.order.answer(what),
            by: By::Configurator { layer: reply.layer, domain: None },
            input: Input::Reply(reply),
        }
    }

    /// A reply's message by the right of this domain; any other message as it is.
    #[must_use]
    pub fn in_domain(mut self, by: Option<String>) -> Self {
        if let By::Configurator { domain, .. } = &mut self.by {
            *domain = by;
        }
        self
    }
}

/// Why an input could not be given to any ticket. It is kept as a dead letter with this reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error, JsonSchema)]
#[serde(tag = "rejected", rename_all = "snake_case")]
pub enum Rejection {
    /// A request with fields that are not as they must be.
    #[error("the request is not valid: {}", errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Invalid {
        /// What is wrong, by field.
        errors: Vec<FieldError>,
    },
    /// Whoever submitted it may not (promise 5).
    #[error("submitting needs the role {needs}; {}", has.map_or_else(
        || "nobody vouches for who sent it".to_owned(), |has| format!("the sender's is {has}")))]
    NotAllowed {
        /// The role they have; none if nobody vouches for who they are.
        has: Option<Role>,
        /// The role it takes.
        needs: Role,
    },
    /// The target (or the service) is held by another open relocation (promise 4).
    #[error(
        "the target or the service is held by the open relocation {by}; submit again when that one is closed"
    )]
    Held {
        /// That relocation.
        by: RelocationId,
    },
    /// There is no such ticket.
    #[error("there is no relocation {relocation}")]
    NoSuchTicket {
        /// The id that was named.
        relocation: RelocationId,
    },
    /// The ticket is set aside because its journal can't be read.
    #[error("the relocation {relocation} is quarantined: {reason}")]
    Quarantined {
        /// The ticket.
        relocation: RelocationId,
        /// What is wrong with its journal.
        reason: String,
    },
    /// A newer binary has written the ticket, and no process as new works here.
    #[error("the relocation {relocation} can't be continued here: {reason}")]
    Newer {
        /// The ticket.
        relocation: RelocationId,
        /// Which version it has, and what to do.
        reason: String,
    },
    /// The store refuses it for what it says.
    #[error("the store can't keep it for the relocation {relocation}: {reason}")]
    NotKept {
        /// The ticket.
        relocation: RelocationId,
        /// What the store says.
        reason: String,
    },
    /// A configurator of another domain than the order's device answers.
    #[error(
        "it answers the order {order} for the domain `{domain}`, but the order's device is of the domain `{is}`: no \
         domain can answer for another"
    )]
    WrongDomain {
        /// The order it names.
        order: WorkOrderId,
        /// The domain it came by.
        domain: String,
        /// The device's.
        is: String,
    },
    /// It names an order that its ticket has not sent, and has waited for it long enough.
    #[error("the reply names the order {order}, which its relocation has never sent")]
    UnknownOrder {
        /// The order it names.
        order: WorkOrderId,
    },
}

impl Rejection {
    /// The sentence a person reads.
    #[must_use]
    pub fn sentence(&self, lang: Lang) -> String {
        if lang == Lang::En {
            return self.to_string();
        }
        match self {
            Self::Invalid { errors } => {
                let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
                format!("请求无效：{}", errors.join("；"))
            }
            Self::NotAllowed { has: Some(has), needs } => {
                format!("提交需要“{}”角色，发送者的角色是“{}”", needs.label(lang), has.label(lang))
            }
            Self::NotAllowed { has: None, needs } => {
                format!("提交需要“{}”角色，但发送者身份未经验证", needs.label(lang))
            }
            Self::Held { by } => WhyNot::Held { by: *by }.sentence(lang),
            Self::NoSuchTicket { relocation } => format!("没有工单 {relocation}"),
            Self::Quarantined { relocation, reason } => format!("工单 {relocation} 已隔离：{reason}"),
            Self::Newer { relocation, reason } => format!("工单 {relocation} 无法在此继续：{reason}"),
            Self::NotKept { relocation, reason } => format!("工单 {relocation} 无法保存：{reason}"),
            Self::WrongDomain { order, domain, is } => {
                format!("域“{domain}”答复了指令 {order}，但该指令的设备属于域“{is}”：任何域不能代答其他域")
            }
            Self::UnknownOrder { order } => format!("答复所指的指令 {order} 并非其工单发出"),
        }
    }
}

/// What whoever sent a command is told, correlated by the command's message id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// It is in the journal, and what it sends will be sent.
    Accepted {
        /// The ticket.
        relocation: RelocationId,
        /// The ticket's version now.
        version: u64,
    },
    /// It changed nothing; the refusal is in the journal.
    Refused {
        /// The ticket.
        relocation: RelocationId,
        /// Why.
        why: WhyNot,
    },
    /// No ticket could take it; it is a dead letter.
    Rejected(Rejection),
    /// Not about a ticket: whether something was paused or resumed. The same words, without a ticket.
    // Others are told of it as a message of its own.
    #[serde(untagged)]
    #[schemars(skip)]
    Steering(Verdict),
}
