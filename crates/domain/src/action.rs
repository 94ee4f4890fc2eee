//! What an operator may do now, and why not otherwise: derived from the table's rows.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    command::CommandKind,
    id::RelocationId,
    lang::Lang,
    order::Layer,
    role::Role,
    state::{State, Work},
    status::{CutoverStatus as C, Disposition, RelocationStatus as R, ReservationStatus as P, Side},
    steering::Scope,
    table::{self, Row, Trigger, Unmet},
};

/// How a status that is not set yet is written.
const UNSET: &str = "unset";

/// Why a command is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
    /// The plan it names is not of this relocation.
    AnothersPlan,
    /// It names another plan than the ticket goes by, and accepting that needs a reason.
    DriftNeedsReason,
    /// Their role does not allow it (promise 5).
    NotAllowed {
        /// What was asked.
        command: CommandKind,
        /// The role they have; none if nobody vouches for who they are.
        has: Option<Role>,
        /// The role it takes.
        needs: Role,
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
    /// Nothing may begin there now.
    Paused {
        /// What is paused.
        #[serde(flatten)]
        scope: Scope,
    },
    /// Another open relocation holds the target by now (promise 4).
    Held {
        /// That relocation.
        by: RelocationId,
    },
}

impl WhyNot {
    /// The name on the wire.
    #[must_use]
    pub const fn wire(&self) -> &'static str {
        match self {
            Self::Closed { .. } => "closed",
            Self::InFlight { .. } => "in_flight",
            Self::WrongStatus { .. } => "wrong_status",
            Self::Rollback { .. } => "rollback",
            Self::Cancelling => "cancelling",
            Self::NeedsReason { .. } => "needs_reason",
            Self::AnothersPlan => "anothers_plan",
            Self::DriftNeedsReason => "drift_needs_reason",
            Self::NotAllowed { .. } => "not_allowed",
            Self::Stale { .. } => "stale",
            Self::Exists => "exists",
            Self::Paused { .. } => "paused",
            Self::Held { .. } => "held",
        }
    }

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
                format!("{}正在{}，请等待结果", layer.label(lang), work_label(*work, lang))
            }
            (Self::WrongStatus { command, field, is, needs }, Lang::En) => {
                format!("the {field} status is `{is}`, {command} needs {}", needs.join(" or "))
            }
            (Self::WrongStatus { command, field, is, needs }, Lang::Zh) => {
                let needs: Vec<String> = needs.iter().map(|needed| in_chinese(field, needed)).collect();
                let (field, is) = (field_label(field), in_chinese(field, is));
                format!("{field}为{is}，{}需要{}", command.label(lang), needs.join("或"))
            }
            (Self::Rollback { command: CommandKind::RetryRollback }, Lang::En) => {
                "there is no failed rollback to retry".to_owned()
            }
            (Self::Rollback { command: CommandKind::RetryRollback }, Lang::Zh) => {
                "没有可重试的失败回滚".to_owned()
            }
            (Self::Rollback { .. }, Lang::En) => "a rollback has failed; retry it first".to_owned(),
            (Self::Rollback { .. }, Lang::Zh) => "有回滚失败，请先重试回滚".to_owned(),
            (Self::Cancelling, Lang::En) => "the ticket is being cancelled".to_owned(),
            (Self::Cancelling, Lang::Zh) => "工单正在取消".to_owned(),
            (Self::NeedsReason { command }, Lang::En) => format!("{command} needs a reason"),
            (Self::NeedsReason { command }, Lang::Zh) => format!("{}需要填写原因", command.label(lang)),
            (Self::AnothersPlan, Lang::En) => {
                "the plan must say what the gateways hold at the relocation's old and new place, and nothing else"
                    .to_owned()
            }
            (Self::AnothersPlan, Lang::Zh) => {
                "计划必须且只能说明本移机单旧址和新址的网关配置".to_owned()
            }
            (Self::DriftNeedsReason, Lang::En) => {
                "the ticket goes by another plan: its devices have been changed since; say why you accept that".to_owned()
            }
            (Self::DriftNeedsReason, Lang::Zh) => {
                "工单依据的是另一份变更计划：此后设备配置已有变化，请说明接受该变化的原因".to_owned()
            }
            (Self::NotAllowed { command, has: Some(has), needs }, Lang::En) => {
                format!("{command} needs the role {needs}, yours is {has}")
            }
            (Self::NotAllowed { command, has: Some(has), needs }, Lang::Zh) => {
                let (has, needs) = (has.label(lang), needs.label(lang));
                format!("{}需要“{needs}”角色，您的角色是“{has}”", command.label(lang))
            }
            (Self::NotAllowed { command, has: None, needs }, Lang::En) => {
                format!("{command} needs the role {needs}, and nobody vouches for who sent it")
            }
            (Self::NotAllowed { command, has: None, needs }, Lang::Zh) => {
                format!("{}需要“{}”角色，但发送者身份未经验证", command.label(lang), needs.label(lang))
            }
            (Self::Stale { expected, is }, Lang::En) => {
                format!("the ticket has moved on: you saw version {expected}, it is {is}; look again")
            }
            (Self::Stale { expected, is }, Lang::Zh) => {
                format!("工单已变化：您看到的版本是 {expected}，现在是 {is}，请刷新")
            }
            (Self::Exists, Lang::En) => "a relocation with this id exists already".to_owned(),
            (Self::Exists, Lang::Zh) => "该移机单号已存在".to_owned(),
            (Self::Paused { scope }, Lang::En) => {
                format!("{scope} is paused: nothing begins there until somebody resumes it")
            }
            (Self::Paused { scope }, Lang::Zh) => {
                format!("{}已暂停，恢复之前不会开始新的操作", scope.label(lang))
            }
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
        Work::Confirming => lang.pick("confirming its cutover", "确认切换"),
        Work::TakingBack => lang.pick("taking its cutover back", "撤回切换"),
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

/// The reason that helps most: what to wait for if waiting can help, else what stands in the way of the row that comes
/// nearest.
fn why_not(state: &State, kind: CommandKind) -> WhyNot {
    // Once forced on, what the reservation left behind is the cutover's to settle.
    let reservation_stuck = state.relocation == R::Failed
        && (state.l3_reservation_rollback == Side::Failed || state.reservation == Some(P::L2RollbackFailed));
    let stuck = reservation_stuck || state.install_rollback == Side::Failed;
    if state.cancelling && kind != CommandKind::RetryRollback {
        return WhyNot::Cancelling;
    }
    if !stuck && kind == CommandKind::RetryRollback {
        return WhyNot::Rollback { command: kind };
    }
    if let Some((layer, work)) = busy(state).filter(|_| may_open_by_waiting(state, kind)) {
        return WhyNot::InFlight { layer, work };
    }
    if reservation_stuck && kind == CommandKind::RetryReservation {
        return WhyNot::Rollback { command: kind };
    }
    in_the_way(state, kind)
}

/// The first layer with work in hand that a command may have to wait for.
fn busy(state: &State) -> Option<(Layer, Work)> {
    let works = Layer::ALL.into_iter().filter_map(|layer| Some((layer, state.work(layer)?)));
    works.into_iter().find(|(_, work)| *work != Work::Noticing)
}

/// Whether the outcomes of what is out, whichever they are, can lead to a state in which the command is allowed.
fn may_open_by_waiting(state: &State, kind: CommandKind) -> bool {
    let outcomes = || Trigger::all().into_iter().filter(|on| on.ends_work_of().is_some());
    let mut seen = vec![*state];
    let mut next = 0;
    while let Some(state) = seen.get(next).copied() {
        if table::find(&state, Trigger::Command(kind)).is_some() {
            return true;
        }
        let after = outcomes().filter_map(|on| table::find(&state, on)).map(|row| row.apply(&state));
        for state in after {
            if !seen.contains(&state) {
                seen.push(state);
            }
        }
        next += 1;
    }
    false
}

/// What stands in the way of the nearest rows; of a status, all that they would need instead.
fn in_the_way(state: &State, kind: CommandKind) -> WhyNot {
    // The stage a ticket is in says more than how the stage went, and that more than what is out.
    let distance = |row: &Row| -> u32 {
        let far = |unmet| match unmet {
            Unmet::Relocation => 16,
            Unmet::Reservation | Unmet::Cutover => 4,
            Unmet::Hand(_) | Unmet::Rollback | Unmet::L2Cutover | Unmet::Cancelling | Unmet::Held => 1,
        };
        row.from.unmet(state).into_iter().map(far).sum()
    };
    let rows = || table::ROWS.iter().filter(|row| row.on == Trigger::Command(kind));
    let shortest = rows().map(distance).min();
    let nearest: Vec<&Row> = rows().filter(|row| Some(distance(row)) == shortest).collect();
    let unmet = nearest.first().and_then(|row| row.from.unmet(state).into_iter().next());
    let from = || nearest.iter().map(|row| &row.from);
    match unmet {
        Some(Unmet::Relocation) => {
            let needs = from().flat_map(|from| from.relocation).map(|status| status.wire());
            wrong(kind, "relocation", state.relocation.wire(), needs)
        }
        Some(Unmet::Reservation) => {
            let needs =
                from().flat_map(|from| from.reservation).map(|status| wire_or_unset(*status, P::wire));
            wrong(kind, "reservation", wire_or_unset(state.reservation, P::wire), needs)
        }
        Some(Unmet::Cutover) => {
            let needs = from().flat_map(|from| from.cutover).map(|status| wire_or_unset(*status, C::wire));
            wrong(kind, "cutover", wire_or_unset(state.cutover, C::wire), needs)
        }
        Some(Unmet::Hand(layer)) if let Some(work) = state.work(layer) => WhyNot::InFlight { layer, work },
        Some(Unmet::Hand(_) | Unmet::Rollback | Unmet::L2Cutover | Unmet::Cancelling | Unmet::Held)
        | None => WhyNot::Rollback { command: kind },
    }
}

fn wire_or_unset<T>(status: Option<T>, wire: fn(T) -> &'static str) -> &'static str {
    status.map_or(UNSET, wire)
}

fn wrong(command: CommandKind, field: &str, is: &str, needs: impl Iterator<Item = &'static str>) -> WhyNot {
    let mut named: Vec<String> = Vec::new();
    for needed in needs {
        if !named.iter().any(|known| known == needed) {
            named.push(needed.to_owned());
        }
    }
    WhyNot::WrongStatus { command, field: field.to_owned(), is: is.to_owned(), needs: named }
}

/// A status field as an operator knows it.
fn field_label(field: &str) -> &str {
    match field {
        "relocation" => "移机状态",
        "reservation" => "移机预占状态",
        "cutover" => "移机切换状态",
        other => other,
    }
}

/// A status's Chinese label, in quotes.
fn in_chinese(field: &str, wire: &str) -> String {
    let label = match field {
        "relocation" => wire.parse::<R>().map(|status| status.label(Lang::Zh)).ok(),
        "reservation" => wire.parse::<P>().map(|status| status.label(Lang::Zh)).ok(),
        "cutover" => wire.parse::<C>().map(|status| status.label(Lang::Zh)).ok(),
        _ => None,
    };
    let unset = (wire == UNSET).then_some("未开始");
    format!("“{}”", label.or(unset).unwrap_or(wire))
}
