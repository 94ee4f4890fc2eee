//! The table as people read it.

use crate::{
    action::work_label,
    lang::Lang,
    order::{Layer, OrderKind},
    state::Work,
    status::{CutoverStatus, Disposition, RelocationStatus, ReservationStatus, Side},
    table::{self, Edge, From, Hand, ROWS, Row, SUBMITTED, Sends, Set, Source},
};

/// Every row as a Markdown table: number, from, event, to, what it sends, whom it calls, and where it comes from.
#[must_use]
pub fn table_markdown(lang: Lang) -> String {
    let head = match lang {
        Lang::En => "| # | From | Event | To | Sends | Alarm | Source |\n",
        Lang::Zh => "| # | 起始状态 | 事件 | 目标状态 | 发出工单 | 告警 | 来源 |\n",
    };
    let new = RelocationStatus::ReservationPending;
    let first = cells(&[
        SUBMITTED.to_owned(),
        "–".to_owned(),
        submitted(lang).to_owned(),
        is("R", &relocation(new, lang)),
        "–".to_owned(),
        "–".to_owned(),
        Source::Resolution.label(lang),
    ]);
    let (_, edges) = table::explore(|_| true);
    let rows = ROWS.iter().map(|row| line(row, &edges, lang));
    let rule = "|---|---|---|---|---|---|---|\n".to_owned();
    [head.to_owned(), rule, first].into_iter().chain(rows).collect()
}

/// Row 1's event.
pub(super) fn submitted(lang: Lang) -> &'static str {
    lang.pick("submitted (valid)", "提交（校验通过）")
}

fn cells(cells: &[String; 7]) -> String {
    format!("| {} |\n", cells.join(" | "))
}

fn line(row: &Row, edges: &[Edge], lang: Lang) -> String {
    cells(&[
        row.id.to_owned(),
        or_dash(&from(&row.from, lang), lang),
        row.on.label(lang),
        to(row, edges, lang),
        or_dash(&sends(row.sends, lang), lang),
        row.alarm.map_or_else(|| "–".to_owned(), |alarm| alarm.label(lang).to_owned()),
        row.source.label(lang),
    ])
}

fn or_dash(parts: &[String], lang: Lang) -> String {
    if parts.is_empty() { "–".to_owned() } else { joined(parts, lang) }
}

/// Chinese status labels have commas of their own.
fn joined(parts: &[String], lang: Lang) -> String {
    parts.join(lang.pick(", ", "；"))
}

/// A status as this language's readers know it.
fn status(wire: &str, label: &str, lang: Lang) -> String {
    match lang {
        Lang::En => format!("`{wire}`"),
        Lang::Zh => label.to_owned(),
    }
}

fn relocation(of: RelocationStatus, lang: Lang) -> String {
    status(of.wire(), of.label(lang), lang)
}

fn reservation(of: Option<ReservationStatus>, lang: Lang) -> String {
    of.map_or(unset(lang), |of| status(of.wire(), of.label(lang), lang))
}

fn cutover(of: Option<CutoverStatus>, lang: Lang) -> String {
    of.map_or(unset(lang), |of| status(of.wire(), of.label(lang), lang))
}

fn unset(lang: Lang) -> String {
    lang.pick("unset", "未设").to_owned()
}

fn is(what: &str, value: &str) -> String {
    format!("{what} = {value}")
}

/// `R = failed`, or `P ∈ {…}`.
fn among(what: &str, values: &[String], lang: Lang) -> Option<String> {
    match values {
        [] => None,
        [one] => Some(is(what, one)),
        many => Some(format!("{what} ∈ {{{}}}", many.join(lang.pick(", ", "、")))),
    }
}

fn from(from: &From, lang: Lang) -> Vec<String> {
    let cancelling = from.cancelling.map(|cancelling| match cancelling {
        true => lang.pick("being cancelled", "取消中").to_owned(),
        false => lang.pick("not being cancelled", "未取消").to_owned(),
    });
    let held = from.held.map(|held| match held {
        true => held_cutover(lang),
        false => lang.pick("L3 cutover not held", "三层切换无需确认").to_owned(),
    });
    [
        among("R", &from.relocation.iter().map(|of| relocation(*of, lang)).collect::<Vec<_>>(), lang),
        among("P", &from.reservation.iter().map(|of| reservation(*of, lang)).collect::<Vec<_>>(), lang),
        among("C", &from.cutover.iter().map(|of| cutover(*of, lang)).collect::<Vec<_>>(), lang),
        hand(Layer::L3, from.l3, lang),
        hand(Layer::L2, from.l2, lang),
        side(lang.pick("L3 rollback", "三层预占回滚"), from.l3_reservation_rollback, lang),
        side(lang.pick("install rollback", "新装回滚"), from.install_rollback, lang),
        side(lang.pick("L2 cutover", "二层切换"), from.l2_cutover, lang),
        cancelling,
        held,
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The gateway takes it back unless it is confirmed.
fn held_cutover(lang: Lang) -> String {
    lang.pick("L3 cutover held", "三层切换待确认").to_owned()
}

fn side(what: &str, sides: &[Side], lang: Lang) -> Option<String> {
    let sides: Vec<&str> = sides.iter().map(|side| side.label(lang)).collect();
    (!sides.is_empty()).then(|| {
        format!("{what}{}{}", lang.pick(" ", "："), sides.join(lang.pick(" or ", "或")).to_lowercase())
    })
}

fn hand(layer: Layer, hand: Hand, lang: Lang) -> Option<String> {
    let layer = layer.label(lang);
    let said = match hand {
        Hand::Any => return None,
        Hand::Empty => lang.pick("idle", "空闲").to_owned(),
        Hand::Quiet => lang.pick("idle (a notice aside)", "空闲（通知除外）").to_owned(),
        Hand::Has(all) => works(all, lang),
        Hand::Sure(all) => works(all, lang) + lang.pick(", not in doubt", "，未超时"),
        Hand::Doubtful(all) => works(all, lang) + lang.pick(", in doubt", "，存疑"),
    };
    Some(format!("{layer}{}{said}", lang.pick(" ", "")))
}

fn works(works: &[Work], lang: Lang) -> String {
    lang.pick("", "正在").to_owned()
        + &works.iter().map(|work| work_label(*work, lang)).collect::<Vec<_>>().join(lang.pick(" or ", "或"))
}

fn to(row: &Row, edges: &[Edge], lang: Lang) -> String {
    let parts: Vec<String> = [
        row.relocation.map(|of| is("R", &relocation(of, lang))),
        set("P", row.reservation, |of| reservation(of, lang)),
        set("C", row.cutover, |of| cutover(of, lang)),
        row.awaits_l2_rollback.then(|| lang.pick("L2's own rollback awaited", "等待二层回滚结果").to_owned()),
        row.cancels.then(|| lang.pick("being cancelled", "取消中").to_owned()),
        row.disposition.map(|of| closed(of, lang)),
    ]
    .into_iter()
    .flatten()
    .chain(beside(row, edges, lang))
    .collect();
    if parts.is_empty() { lang.pick("same", "不变").to_owned() } else { joined(&parts, lang) }
}

/// What a row settles beside the statuses, read off a state in which it is taken.
fn beside(row: &Row, edges: &[Edge], lang: Lang) -> Vec<String> {
    let Some(before) = edges.iter().find(|edge| edge.row.id == row.id).map(|edge| edge.from) else {
        return Vec::new();
    };
    let after = row.apply(&before);
    let settled = |what: &str, side: Side| {
        let outcome =
            (row.on.ends_work_of().is_some() && matches!(side, Side::Done | Side::Failed)).then_some(side);
        outcome.map(|side| format!("{what}{}{}", lang.pick(" ", "："), side.label(lang).to_lowercase()))
    };
    let changed = |before: Side, after: Side| if before == after { Side::None } else { after };
    let doubt = Layer::ALL.into_iter().any(|layer| {
        after.flight(layer).is_some_and(|flight| flight.doubt) && before.flight(layer) != after.flight(layer)
    });
    [
        settled(
            lang.pick("L3 rollback", "三层预占回滚"),
            changed(before.l3_reservation_rollback, after.l3_reservation_rollback),
        ),
        settled(
            lang.pick("install rollback", "新装回滚"),
            changed(before.install_rollback, after.install_rollback),
        ),
        settled(lang.pick("L2 cutover", "二层切换"), changed(before.l2_cutover, after.l2_cutover)),
        (after.held && !before.held).then(|| held_cutover(lang)),
        doubt.then(|| lang.pick("in doubt", "存疑").to_owned()),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn set<T>(what: &str, set: Set<T>, text: impl Fn(Option<T>) -> String) -> Option<String> {
    match set {
        Set::Keep => None,
        Set::To(new) => Some(is(what, &text(Some(new)))),
        Set::Clear => Some(is(what, &text(None))),
    }
}

fn closed(disposition: Disposition, lang: Lang) -> String {
    match lang {
        Lang::En => format!("closed ({disposition})"),
        Lang::Zh => format!("关闭（{}）", disposition.label(lang)),
    }
}

pub(super) fn sends(sends: Sends, lang: Lang) -> Vec<String> {
    let order = |layer: Layer, kind: OrderKind| match lang {
        Lang::En => format!("{layer} `{kind}`"),
        Lang::Zh => format!("{}{}", layer.label(lang), kind.label(lang)),
    };
    match sends {
        Sends::These(orders) => orders.iter().map(|(layer, kind)| order(*layer, *kind)).collect(),
        Sends::ReleaseHeld => {
            vec![
                lang.pick("`release` to each layer that holds anything", "向有占用的各层发预占回滚")
                    .to_owned(),
            ]
        }
        Sends::Again(layer) => vec![match lang {
            Lang::En => format!("{layer}: the order that is out, again"),
            Lang::Zh => format!("{}：重发未回工单", layer.label(lang)),
        }],
    }
}
