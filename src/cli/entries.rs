//! Journal entries as people read them.

use comfy_table::{Cell, Table};
use rehome_domain::{
    command::By,
    journal::{Entry, Note},
    lang::Lang,
    message::Input,
    order::{Dispatch, OrderKind},
    reply::{Outcome, Presence, Reply, Report},
};

use super::tables;
use crate::texts;

/// A table with a row for each entry.
pub(super) fn table<'a>(lang: Lang, entries: impl IntoIterator<Item = &'a Entry>) -> Table {
    let mut table = tables::table(&[
        texts::head_entry(lang),
        texts::head_time(lang),
        texts::head_who(lang),
        texts::head_input(lang),
        texts::head_rows(lang),
        texts::head_relocation(lang),
        texts::head_reservation(lang),
        texts::head_cutover(lang),
        texts::head_sends(lang),
    ]);
    for entry in entries {
        table.add_row([
            tables::number(entry.seq),
            Cell::new(format!("{:.3}", entry.at)),
            Cell::new(by(lang, &entry.by)),
            Cell::new(what(lang, entry)),
            Cell::new(rows(entry)),
            Cell::new(tables::relocation(lang, entry.relocation_status)),
            Cell::new(tables::reservation(lang, entry.reservation_status)),
            Cell::new(tables::cutover(lang, entry.cutover_status)),
            Cell::new(sends(lang, entry)),
        ]);
    }
    table
}

fn rows(entry: &Entry) -> String {
    if entry.rows.is_empty() { "-".to_owned() } else { entry.rows.join(" ") }
}

pub(super) fn by(lang: Lang, by: &By) -> String {
    match by {
        By::Person { .. } => by.to_string(),
        By::Nobody { via } => texts::nobody(lang, via),
        By::Configurator { layer } => texts::configurator(lang, layer.label(lang)),
        By::Timer => texts::timer(lang),
        By::System => "rehome".to_owned(),
    }
}

/// What came in, and why it changed nothing if it changed nothing.
fn what(lang: Lang, entry: &Entry) -> String {
    let mut text = match &entry.input {
        Input::Submitted { request } => texts::submitted(lang, &request.service_id),
        Input::Command(command) if command.reason.is_empty() => command.kind.label(lang).to_owned(),
        Input::Command(command) => texts::command_because(lang, command.kind.label(lang), &command.reason),
        Input::Reply(reply) => said(lang, reply),
        Input::Overdue { order } => texts::overdue(lang, order.seq),
        Input::Undeliverable { order } => texts::undeliverable(lang, order.seq),
        Input::WindowOpened => texts::window_opened(lang),
        Input::Unpaused => texts::unpaused(lang),
        Input::Resumed => texts::resumed_entry(lang),
    };
    if let Some(note) = &entry.note {
        text = texts::but(lang, text, self::note(lang, note));
    }
    for alarm in &entry.alarms {
        text = texts::with_alarm(lang, text, alarm.severity().wire(), alarm.label(lang));
    }
    text
}

fn note(lang: Lang, note: &Note) -> String {
    match note {
        Note::Refused(why) => texts::note_refused(lang, why.sentence(lang)),
        Note::Late => texts::note_late(lang),
        Note::Duplicate => texts::note_duplicate(lang),
        Note::Unfit => texts::note_unfit(lang),
        Note::Retrying => texts::note_retrying(lang),
        Note::WindowMissed => texts::note_window_missed(lang),
        Note::Undeliverable => texts::note_undeliverable(lang),
    }
}

fn said(lang: Lang, reply: &Reply) -> String {
    let report = report(lang, &reply.report);
    texts::reply(lang, reply.order.seq, report)
}

fn report(lang: Lang, report: &Report) -> String {
    let of = |kind: OrderKind, result: &Outcome| part(lang, kind.label(lang), result);
    match report {
        Report::Reserve { outcome, rollback: None } => of(OrderKind::Reserve, outcome),
        Report::Reserve { outcome, rollback: Some(rollback) } => {
            format!(
                "{}, {}",
                of(OrderKind::Reserve, outcome),
                part(lang, &texts::own_rollback(lang), rollback)
            )
        }
        Report::RolledBack { outcome } => part(lang, &texts::own_rollback(lang), outcome),
        Report::Release { outcome } => of(OrderKind::Release, outcome),
        Report::CutoverL3 { teardown, install } => {
            let (teardown, install) =
                (part(lang, &texts::teardown(lang), teardown), part(lang, &texts::install(lang), install));
            format!("{teardown}, {install}")
        }
        Report::CutoverRefused { failure } => texts::cutover_refused(lang, failure),
        Report::CutoverL2 { outcome } => of(OrderKind::Cutover, outcome),
        Report::InstallRolledBack { outcome } => of(OrderKind::RollbackInstall, outcome),
        Report::Noticed => texts::noticed(lang),
        Report::Inspected { concluded: Some(concluded), .. } => {
            texts::inspect_concluded(lang, self::report(lang, concluded))
        }
        Report::Inspected { found: Some(found), .. } => {
            texts::inspect_found(lang, presence(lang, found.old), presence(lang, found.new))
        }
        Report::Inspected { found: None, .. } => texts::inspect_nothing(lang),
        Report::Retrying { attempt, failure, next_at } => {
            texts::retrying(lang, attempt, failure, format!("{next_at:.3}"))
        }
    }
}

fn part(lang: Lang, what: &str, outcome: &Outcome) -> String {
    match outcome {
        Outcome::Done => texts::part_done(lang, what),
        Outcome::Failed(failure) => texts::part_failed(lang, what, failure),
    }
}

fn presence(lang: Lang, presence: Presence) -> &'static str {
    match presence {
        Presence::Absent => lang.pick("absent", "无"),
        Presence::Reserved => lang.pick("reserved", "已预占"),
        Presence::Partial => lang.pick("half there", "不完整"),
        Presence::Installed => lang.pick("in service", "在用"),
    }
}

fn sends(lang: Lang, entry: &Entry) -> String {
    let sends: Vec<String> = entry.sends.iter().map(|dispatch| order(lang, dispatch)).collect();
    if sends.is_empty() { "-".to_owned() } else { sends.join(", ") }
}

/// An order in a few words.
pub(super) fn order(lang: Lang, dispatch: &Dispatch) -> String {
    let words = texts::order(lang, dispatch.layer.label(lang), dispatch.kind.label(lang));
    if dispatch.attempt > 1 { format!("{words} #{}", dispatch.attempt) } else { words }
}
