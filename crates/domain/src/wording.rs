//! Journal entries as people read them: one wording for the command line, the workbench and whoever else tells of them.

use crate::{
    command::By,
    journal::{Entry, Note},
    lang::Lang,
    message::Input,
    order::{Dispatch, OrderKind},
    ports::Holding,
    reply::{Failure, Outcome, Presence, Reply, Report},
    ticket::Outage,
};

/// Who.
#[must_use]
pub fn by(lang: Lang, by: &By) -> String {
    match by {
        By::Person { .. } => by.to_string(),
        By::Nobody { via } => says::nobody(lang, via),
        By::Configurator { layer, domain } => {
            let who = says::configurator(lang, layer.label(lang));
            domain.as_ref().map_or_else(|| who.clone(), |domain| format!("{who} ({domain})"))
        }
        By::Timer => says::timer(lang),
        By::System => "rehome".to_owned(),
    }
}

/// What came in.
#[must_use]
pub fn input(lang: Lang, input: &Input) -> String {
    match input {
        Input::Submitted { request } => says::submitted(lang, &request.service_id),
        Input::Command(command) if command.reason.is_empty() => command.kind.label(lang).to_owned(),
        Input::Command(command) => says::command_because(lang, command.kind.label(lang), &command.reason),
        Input::Reply(reply) => said(lang, reply),
        Input::Overdue { order } => says::overdue(lang, order.seq),
        Input::Undeliverable { order } => says::undeliverable(lang, order.seq),
        Input::WindowOpened => says::window_opened(lang),
        Input::Unpaused => says::unpaused(lang),
        Input::Resumed => says::resumed_entry(lang),
    }
}

/// What came in, why it changed nothing if it changed nothing, and the alarms it raised.
#[must_use]
pub fn entry(lang: Lang, entry: &Entry) -> String {
    let mut text = input(lang, &entry.input);
    if let Some(note) = &entry.note {
        text = says::but(lang, text, self::note(lang, note));
    }
    for alarm in &entry.alarms {
        text = says::with_alarm(lang, text, alarm.severity().wire(), alarm.label(lang));
    }
    text
}

/// Why an input changed nothing.
#[must_use]
pub fn note(lang: Lang, note: &Note) -> String {
    match note {
        Note::Refused(why) => says::note_refused(lang, why.sentence(lang)),
        Note::Late => says::note_late(lang),
        Note::Duplicate => says::note_duplicate(lang),
        Note::Unfit => says::note_unfit(lang),
        Note::Retrying => says::note_retrying(lang),
        Note::WindowMissed => says::note_window_missed(lang),
        Note::Undeliverable => says::note_undeliverable(lang),
    }
}

/// An order in a few words.
#[must_use]
pub fn order(lang: Lang, dispatch: &Dispatch) -> String {
    let words = says::order(lang, dispatch.layer.label(lang), dispatch.kind.label(lang));
    if dispatch.attempt > 1 { format!("{words} #{}", dispatch.attempt) } else { words }
}

fn said(lang: Lang, reply: &Reply) -> String {
    says::reply(lang, reply.order.seq, report(lang, &reply.report))
}

/// What a reply says.
#[must_use]
pub fn report(lang: Lang, report: &Report) -> String {
    let of = |kind: OrderKind, result: &Outcome| part(lang, kind.label(lang), result);
    match report {
        Report::Reserve { outcome, rollback: None } => of(OrderKind::Reserve, outcome),
        Report::Reserve { outcome, rollback: Some(rollback) } => {
            format!(
                "{}, {}",
                of(OrderKind::Reserve, outcome),
                part(lang, &says::own_rollback(lang), rollback)
            )
        }
        Report::RolledBack { outcome } => part(lang, &says::own_rollback(lang), outcome),
        Report::Release { outcome } => of(OrderKind::Release, outcome),
        Report::CutoverL3 { held_until: Some(_), .. } => says::held_cutover(lang),
        Report::CutoverL3 { teardown, install, .. } => {
            let (teardown, install) =
                (part(lang, &says::teardown(lang), teardown), part(lang, &says::install(lang), install));
            format!("{teardown}, {install}")
        }
        Report::CutoverRefused { failure } => says::cutover_refused(lang, self::failure(lang, failure)),
        Report::CutoverL2 { outcome, .. } => of(OrderKind::Cutover, outcome),
        Report::InstallRolledBack { outcome } => of(OrderKind::RollbackInstall, outcome),
        Report::Confirmed { outcome } => of(OrderKind::Confirm, outcome),
        Report::TakenBack { outcome, .. } => of(OrderKind::TakeBack, outcome),
        Report::Noticed => says::noticed(lang),
        Report::Inspected { concluded: Some(concluded), .. } => {
            says::inspect_concluded(lang, self::report(lang, concluded))
        }
        Report::Inspected { found: Some(found), .. } => {
            says::inspect_found(lang, presence(lang, found.old), presence(lang, found.new))
        }
        Report::Inspected { found: None, .. } => says::inspect_nothing(lang),
        Report::Retrying { attempt, failure, next_at } => {
            says::retrying(lang, attempt, self::failure(lang, failure), format!("{next_at:.3}"))
        }
    }
}

fn part(lang: Lang, what: &str, outcome: &Outcome) -> String {
    match outcome {
        Outcome::Done => says::part_done(lang, what),
        Outcome::Failed(failure) => says::part_failed(lang, what, self::failure(lang, failure)),
    }
}

/// Why something failed: the reason's code or, where people read Chinese, its label, before the device's own words.
#[must_use]
pub fn failure(lang: Lang, failure: &Failure) -> String {
    match lang {
        Lang::En => failure.to_string(),
        Lang::Zh => says::failure(lang, failure.reason.label(lang), &failure.text),
    }
}

/// How long a customer was without service. Without an end it lasts, unless it [may be over](crate::State::may_serve_again); `from`
/// is when it began, as the reader writes times.
#[must_use]
pub fn outage(lang: Lang, outage: &Outage, may_be_over: bool, from: &str) -> String {
    match (outage.ms(), outage.until) {
        (Some(ms), _) => format!("{ms} ms"),
        (None, Some(_)) => says::outage_clocks(lang),
        (None, None) if may_be_over => says::outage_unended(lang, from),
        (None, None) => says::outage_lasts(lang, from),
    }
}

/// What a person reads of what a device holds at a spot.
#[must_use]
pub fn held(lang: Lang, held: Option<&Holding>) -> String {
    let Some(holding) = held else { return lang.pick("nothing", "无").to_owned() };
    let presence = presence(lang, holding.presence);
    let mut said = says::holding(lang, presence, &holding.service_id, &holding.description);
    for (name, value) in [("ip", &holding.ip), ("vrf", &holding.vrf)] {
        if let Some(value) = value {
            said.push_str(&format!(" {name}={value}"));
        }
    }
    said
}

/// What a person reads of how far something is there.
#[must_use]
pub fn presence(lang: Lang, presence: Presence) -> &'static str {
    match presence {
        Presence::Absent => lang.pick("absent", "无"),
        Presence::Reserved => lang.pick("reserved", "已预占"),
        Presence::Partial => lang.pick("half there", "不完整"),
        Presence::Installed => lang.pick("in service", "在用"),
    }
}

#[expect(unreachable_pub, reason = "the macro's functions are public")]
mod says {
    crate::texts! {
        holding(presence, service, description): "{presence} for {service}, `{description}`", "{presence}，{service}，“{description}”";
        but(text, note): "{text}: {note}", "{text}：{note}";
        with_alarm(text, severity, alarm): "{text} [{severity}: {alarm}]", "{text}【{severity}：{alarm}】";
        configurator(layer): "{layer} configurator", "{layer}配置装置";
        nobody(via): "nobody known ({via})", "身份未知（{via}）";
        timer(): "clock", "时钟";
        submitted(service): "submitted {service}", "提交 {service}";
        command_because(command, reason): "{command}, because: {reason}", "{command}，原因：{reason}";
        overdue(seq): "the deadline of the order of entry {seq} passed", "第 {seq} 条所发工单超时";
        unpaused(): "no longer paused", "暂停已解除";
        undeliverable(seq): "nobody takes the order of entry {seq}", "工单 {seq} 无人接收";
        window_opened(): "the window opened", "切换窗口开始";
        resumed_entry(): "started again", "系统重启";
        reply(seq, report): "reply to the order of entry {seq}: {report}", "对第 {seq} 条所发工单的回单：{report}";
        note_refused(why): "refused: {why}", "拒绝：{why}";
        note_late(): "too late, changes nothing", "迟到，无变化";
        note_duplicate(): "again, changes nothing", "重复，无变化";
        note_unfit(): "answers nothing that was asked, changes nothing", "与任何工单不符，无变化";
        note_retrying(): "not an answer yet", "尚非结果";
        note_undeliverable(): "it stays out until its deadline", "等待超时处理";
        note_window_missed(): "the window had closed", "窗口已过";
        noticed(): "notice read", "已收通知";
        order(layer, kind): "{layer} {kind}", "{layer}{kind}";
        own_rollback(): "own rollback", "自行回滚";
        part_done(what): "{what} done", "{what}成功";
        part_failed(what, failure): "{what} failed ({failure})", "{what}失败（{failure}）";
        cutover_refused(failure): "not begun, or no outcome known ({failure})", "未开始或结果未知（{failure}）";
        held_cutover(): "teardown done, install done, held to be confirmed", "拆成功，装成功，待确认";
        teardown(): "teardown", "拆";
        install(): "install", "装";
        inspect_concluded(report): "it had ended: {report}", "已有结果：{report}";
        inspect_found(old, new): "found {old} at the old place, {new} at the new", "旧址{old}，新址{new}";
        failure(reason, text): "{reason}: {text}", "{reason}：{text}";
        outage_clocks(): "unknown: the clocks of the configurators differ", "未知：各配置装置的时钟不一致";
        outage_unended(from): "since {from}, no end was measured", "始于 {from}，未测得结束时间";
        outage_lasts(from): "lasts since {from}", "自 {from} 起，尚未恢复";
        inspect_nothing(): "could not tell", "无法核查";
        retrying(attempt, failure, next): "try {attempt} failed ({failure}), again at {next}", "第 {attempt} 次失败（{failure}），{next} 重试";
    }
}
