//! What an operator may do now, and why not otherwise: derived from the table's rows.

use serde::{Deserialize, Serialize};

use crate::{
    command::CommandKind,
    id::RelocationId,
    lang::Lang,
    order::Layer,
    state::{State, Work},
    status::Disposition,
    table::{self, Row, Trigger, Unmet},
};

/// Why a command is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "why_not", rename_all = "snake_case")]
pub enum WhyNot {
    /// The ticket is closed.
    Closed {
        /// How.
        disposition: Disposition,
    },
    /// An order is out that must end first.
    InFlight {
        /// Whose.
        layer: Layer,
        /// What it does.
        work: Work,
    },
    /// The statuses do not allow it.
    WrongStatus {
        /// What was asked.
        command: CommandKind,
        /// Which status stands in the way: `relocation`, `reservation`, `cutover`.
        field: String,
        /// The status it has (`unset` if none).
        is: String,
        /// The statuses it would need.
        needs: Vec<String>,
    },
    /// There is no failed rollback of the kind, or one must be retried first.
    Rollback {
        /// What was asked.
        command: CommandKind,
    },
    /// The ticket is being cancelled.
    Cancelling,
    /// Force and cancel need a reason (promise 5).
    NeedsReason {
        /// What was asked.
        command: CommandKind,
    },
    /// The sender saw an older ticket.
    Stale {
        /// The version the sender saw.
        expected: u64,
        /// The version it has.
        is: u64,
    },
    /// The ticket exists already.
    Exists,
    /// Another open relocation holds the target by now (promise 4).
    Held {
        /// That relocation.
        by: RelocationId,
    },
}

impl WhyNot {
    /// The sentence a person reads.
    #[must_use]
    pub fn sentence(&self, lang: Lang) -> String {
        match (self, lang) {
            (Self::Closed { disposition }, Lang::En) => format!("the ticket is closed ({disposition})"),
            (Self::Closed { disposition }, Lang::Zh) => format!("工单已关闭（{}）", disposition.label(lang)),
            (Self::InFlight { layer, work }, Lang::En) => {
                format!("{layer} is still {}; wait for its outcome", work_label(*work, lang))
            }
            (Self::InFlight { layer, work }, Lang::Zh) => {
                format!("{layer} 正在{}，请等待结果", work_label(*work, lang))
            }
            (Self::WrongStatus { command, field, is, needs }, Lang::En) => {
                format!("the {field} status is `{is}`, {command} needs {}", needs.join(" or "))
            }
            (Self::WrongStatus { command, field, is, needs }, Lang::Zh) => {
                format!("状态 {field} 为 `{is}`，{}需要 {}", command.label(lang), needs.join(" 或 "))
            }
            (Self::Rollback { command: CommandKind::RetryRollback }, Lang::En) => {
                "no rollback has failed".to_owned()
            }
            (Self::Rollback { command: CommandKind::RetryRollback }, Lang::Zh) => "没有失败的回滚".to_owned(),
            (Self::Rollback { .. }, Lang::En) => "a rollback has failed; retry it first".to_owned(),
            (Self::Rollback { .. }, Lang::Zh) => "有回滚失败，请先重试回滚".to_owned(),
            (Self::Cancelling, Lang::En) => "the ticket is being cancelled".to_owned(),
            (Self::Cancelling, Lang::Zh) => "工单正在取消".to_owned(),
            (Self::NeedsReason { command }, Lang::En) => format!("{command} needs a reason"),
            (Self::NeedsReason { command }, Lang::Zh) => format!("{}需要填写原因", command.label(lang)),
            (Self::Stale { expected, is }, Lang::En) => {
                format!("the ticket has moved on: you saw version {expected}, it is {is}; look again")
            }
            (Self::Stale { expected, is }, Lang::Zh) => {
                format!("工单已变化：您看到的版本是 {expected}，现在是 {is}，请刷新")
            }
            (Self::Exists, Lang::En) => "a relocation with this id exists already".to_owned(),
            (Self::Exists, Lang::Zh) => "该移机单号已存在".to_owned(),
            (Self::Held { by }, Lang::En) => format!("the target is held by the open relocation {by}"),
            (Self::Held { by }, Lang::Zh) => format!("目标资源被未关闭的移机单 {by} 占用"),
        }
    }
}

/// What a layer is doing, in words.
#[must_use]
pub fn work_label(work: Work, lang: Lang) -> &'static str {
    match work {
        Work::Reserving => lang.pick("reserving", "预占"),
        Work::RollingBack => lang.pick("rolling its reservation back", "预占回滚"),
        Work::Releasing => lang.pick("releasing its reservation", "释放预占"),
        Work::CuttingOver => lang.pick("cutting over", "切换"),
        Work::RollingBackInstall => lang.pick("rolling the install back", "新装回滚"),
        Work::Noticing => lang.pick("being told of the failure", "接收失败通知"),
    }
}

/// Whether the table allows a command now; the reason if not. Rights, reasons and locks are checked by the step.
///
/// # Errors
/// Why not.
pub fn allowed(state: &State, kind: CommandKind) -> Result<&'static Row, WhyNot> {
    if state.is_closed() {
        return Err(WhyNot::Closed { disposition: state.disposition });
    }
    table::find(state, Trigger::Command(kind)).ok_or_else(|| why_not(state, kind))
}

/// Every command with whether it is allowed now: the buttons of a ticket.
#[must_use]
pub fn actions(state: &State) -> Vec<(CommandKind, Result<(), WhyNot>)> {
    CommandKind::ALL.into_iter().map(|kind| (kind, allowed(state, kind).map(|_| ()))).collect()
}

/// The reason from the row that comes nearest: the one with the fewest parts unmet.
fn why_not(state: &State, kind: CommandKind) -> WhyNot {
    let rows = table::ROWS.iter().filter(|row| row.on == Trigger::Command(kind));
    let nearest = rows.map(|row| (row, row.from.unmet(state))).min_by_key(|(_, unmet)| unmet.len());
    let Some((row, unmet)) = nearest else {
        return WhyNot::Rollback { command: kind };
    };
    match unmet.first() {
        Some(Unmet::Hand(layer)) => match state.work(*layer) {
            Some(work) => WhyNot::InFlight { layer: *layer, work },
            None => WhyNot::Rollback { command: kind },
        },
        Some(Unmet::Relocation) => {
            wrong(kind, "relocation", state.relocation.wire(), row.from.relocation.iter().map(|s| s.wire()))
        }
        Some(Unmet::Reservation) => wrong(
            kind,
            "reservation",
            state.reservation.map_or("unset", |s| s.wire()),
            row.from.reservation.iter().map(|s| s.map_or("unset", |s| s.wire())),
        ),
        Some(Unmet::Cutover) => wrong(
            kind,
            "cutover",
            state.cutover.map_or("unset", |s| s.wire()),
            row.from.cutover.iter().map(|s| s.map_or("unset", |s| s.wire())),
        ),
        Some(Unmet::Cancelling) => WhyNot::Cancelling,
        Some(Unmet::Rollback) | None => WhyNot::Rollback { command: kind },
    }
}

fn wrong(command: CommandKind, field: &str, is: &str, needs: impl Iterator<Item = &'static str>) -> WhyNot {
    WhyNot::WrongStatus {
        command,
        field: field.to_owned(),
        is: is.to_owned(),
        needs: needs.map(str::to_owned).collect(),
    }
}
