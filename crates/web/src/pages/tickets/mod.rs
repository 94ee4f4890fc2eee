//! The list of tickets: who needs somebody first.

mod export;
pub(super) mod query;

use actix_web::{HttpResponse, web};
use askama::Template;
use jiff::Timestamp;
use rehome_domain::{
    action::work_label,
    board::{Doing, Line, Listed, SortBy, Tally},
    command::CommandKind,
    lang::Lang,
    ports::Count,
    request::Place,
    role::Role,
    status::{Attention, CutoverStatus, Disposition, RelocationStatus, ReservationStatus},
};

use super::{
    Frame, made_ago, page,
    tone::{self, Chip},
    view::{Section, View, When, age},
    words::{self, Say},
};
use crate::{
    api::{
        self,
        query::{UNSET, word},
    },
    frame::{FieldProblem, Problem},
    site::Workbench,
};
use query::{FILTERS, Query, ROWS, written};

/// Where.
pub(super) const PATH: &str = "/";
/// How far the tickets that match are counted.
const COUNTED: u64 = 10_000;

pub(super) fn paths(config: &mut web::ServiceConfig) {
    config
        .service(web::resource(PATH).route(web::get().to(list)))
        .service(web::resource("/export/{format}").route(web::get().to(export::export)));
}

/// A cell of the strip: how many stand so, and the list of them.
struct Cell {
    chip: Chip,
    count: u64,
    href: String,
    chosen: bool,
}

/// A choice of a select box.
struct Choice {
    value: &'static str,
    label: String,
    chosen: bool,
}

/// A select box of the filters.
struct Select {
    name: &'static str,
    label: &'static str,
    choices: Vec<Choice>,
}

/// A row of the table.
enum Row {
    Line(Box<LineRow>),
    SetAside { id: String, reason: String },
}

struct LineRow {
    id: String,
    service: String,
    customer: String,
    places: [(String, String); 2],
    relocation: Chip,
    reservation: Chip,
    cutover: Chip,
    waits: Chip,
    detail: Vec<String>,
    since: When,
    waited: String,
    submitted: When,
    age: String,
    closed: bool,
}

#[derive(Template)]
#[template(path = "tickets.html")]
struct Tickets {
    frame: Frame,
    say: Say,
    matching: String,
    strips: Vec<(&'static str, Vec<Cell>)>,
    filtered: bool,
    clear: String,
    selects: Vec<Select>,
    sorts: Vec<Choice>,
    descending: bool,
    device: String,
    customer: String,
    text: String,
    rows: Vec<Row>,
    next: Option<String>,
    first: Option<String>,
    exports: [(&'static str, String); 2],
    hidden: Vec<(&'static str, String)>,
    commands: Vec<(&'static str, &'static str)>,
    may_act: bool,
}

async fn list(
    view: View,
    pairs: web::Query<Vec<(String, String)>>,
    workbench: web::Data<Workbench>,
) -> Result<HttpResponse, Problem> {
    let query = Query::read(&pairs, view.lang()).map_err(invalid)?;
    let page_of = workbench.board.page(query.look(ROWS)).await?;
    let tally = workbench.board.count(query.filter.clone(), COUNTED).await?;
    let (counts, age) = workbench.counts.with_age().await?;
    let (lang, say, now) = (view.lang(), view.say, workbench.door.now());
    let next = page_of.next.as_ref().map(api::query::written);
    let tickets = Tickets {
        frame: view.frame(Section::Tickets, say.tickets()),
        say,
        matching: matching(lang, &tally),
        strips: strips(lang, &query, &counts),
        filtered: !query.filters().is_empty(),
        clear: query.address(PATH, &FILTERS.map(|key| (key, None))),
        selects: selects(lang, &query),
        sorts: sorts(say, query.order.by),
        descending: query.order.descending,
        device: query.filter.device.as_ref().map(written).unwrap_or_default(),
        customer: query.filter.customer.clone().unwrap_or_default(),
        text: query.filter.text.clone().unwrap_or_default(),
        rows: page_of.rows.into_iter().map(|listed| row(lang, now, listed)).collect(),
        next: next.map(|next| query.address(PATH, &[("after", Some(&next))])),
        first: (!query.begins()).then(|| query.address(PATH, &[])),
        exports: ["csv", "json"].map(|format| (format, query.address(&format!("/export/{format}"), &[]))),
        hidden: query.filters(),
        commands: CommandKind::ALL.into_iter().map(|kind| (kind.wire(), kind.label(lang))).collect(),
        may_act: view.may(Role::Operator),
    };
    Ok(page(made_ago(age), &tickets))
}

/// Faults of an address as a problem.
pub(super) const fn invalid(faults: Vec<FieldProblem>) -> Problem {
    Problem::Invalid(faults)
}

pub(super) fn matching(lang: Lang, tally: &Tally) -> String {
    if tally.exact { words::matching(lang, tally.tickets) } else { words::at_least(lang, tally.tickets) }
}

/// How many wait for what, and how many have which relocation status: of all tickets, whatever is filtered.
fn strips(lang: Lang, query: &Query, counts: &[Count]) -> Vec<(&'static str, Vec<Cell>)> {
    let say = Say(lang);
    let sum = |wanted: &dyn Fn(&Count) -> bool| {
        counts.iter().filter(|count| wanted(count)).map(|count| count.tickets).sum()
    };
    let cell = |key: &str, chip: Chip, chosen: bool, count: u64| {
        let to = if chosen { None } else { Some(chip.wire) };
        Cell { href: query.address(PATH, &[(key, to)]), chip, count, chosen }
    };
    let attention = Attention::ALL.iter().map(|waits| {
        let chosen = query.filter.attention == [*waits];
        cell(
            "attention",
            tone::attention(lang, *waits),
            chosen,
            sum(&|count| count.standing.attention == *waits),
        )
    });
    let status = RelocationStatus::ALL.iter().map(|status| {
        let chosen = query.filter.relocation == [*status];
        cell(
            "relocation",
            tone::relocation(lang, *status),
            chosen,
            sum(&|count| count.standing.relocation == *status),
        )
    });
    vec![(say.by_attention(), attention.collect()), (say.by_status(), status.collect())]
}

fn selects(lang: Lang, query: &Query) -> Vec<Select> {
    let (say, filter) = (Say(lang), &query.filter);
    let choice =
        |value: &'static str, label: &str, chosen: bool| Choice { value, label: label.to_owned(), chosen };
    let unset = |chosen: bool| choice(UNSET, say.unset(), chosen);
    let waits =
        Attention::ALL.iter().map(|it| choice(it.wire(), it.label(lang), filter.attention.contains(it)));
    let r = RelocationStatus::ALL
        .iter()
        .map(|it| choice(it.wire(), it.label(lang), filter.relocation.contains(it)));
    let p = ReservationStatus::ALL
        .iter()
        .map(|it| choice(it.wire(), it.label(lang), filter.reservation.contains(&Some(*it))));
    let c = CutoverStatus::ALL
        .iter()
        .map(|it| choice(it.wire(), it.label(lang), filter.cutover.contains(&Some(*it))));
    let d =
        Disposition::ALL.iter().map(|it| choice(it.wire(), it.label(lang), filter.disposition.contains(it)));
    vec![
        Select { name: "attention", label: say.waits_for(), choices: waits.collect() },
        Select { name: "relocation", label: say.relocation(), choices: r.collect() },
        Select {
            name: "reservation",
            label: say.reservation(),
            choices: std::iter::once(unset(filter.reservation.contains(&None))).chain(p).collect(),
        },
        Select {
            name: "cutover",
            label: say.cutover(),
            choices: std::iter::once(unset(filter.cutover.contains(&None))).chain(c).collect(),
        },
        Select { name: "disposition", label: say.disposition(), choices: d.collect() },
    ]
}

fn sorts(say: Say, by: SortBy) -> Vec<Choice> {
    let choice =
        |of: SortBy, label: &str| Choice { value: word(of), label: label.to_owned(), chosen: of == by };
    vec![
        choice(SortBy::Urgency, say.sort_urgency()),
        choice(SortBy::Changed, say.sort_changed()),
        choice(SortBy::Submitted, say.sort_submitted()),
        choice(SortBy::Service, say.sort_service()),
        choice(SortBy::Customer, say.sort_customer()),
    ]
}

fn row(lang: Lang, now: Timestamp, listed: Listed) -> Row {
    match listed {
        Listed::SetAside { id, reason } => Row::SetAside { id: id.to_string(), reason },
        Listed::Line(line) => Row::Line(Box::new(line_row(lang, now, *line))),
    }
}

fn line_row(lang: Lang, now: Timestamp, line: Line) -> LineRow {
    let standing = line.standing;
    let closed = standing.attention == Attention::Closed;
    LineRow {
        id: line.id.to_string(),
        places: ends(&line.old, &line.new),
        relocation: tone::relocation(lang, standing.relocation),
        reservation: tone::reservation(lang, standing.reservation),
        cutover: tone::cutover(lang, standing.cutover),
        waits: match standing.attention {
            Attention::Closed => tone::disposition(lang, standing.disposition),
            waits => tone::attention(lang, waits),
        },
        detail: detail(lang, &line),
        since: When::of(line.changed_at),
        waited: age(lang, line.changed_at, now),
        submitted: When::of(line.submitted_at),
        age: age(lang, line.submitted_at, if closed { line.changed_at } else { now }),
        closed,
        service: line.service_id,
        customer: line.customer,
    }
}

/// The two layers' spots, from where to where.
fn ends(old: &Place, new: &Place) -> [(String, String); 2] {
    [(old.l3().to_string(), new.l3().to_string()), (old.l2().to_string(), new.l2().to_string())]
}

/// What is under way, with the how-many-th try and when next; the window; else the last failure.
fn detail(lang: Lang, line: &Line) -> Vec<String> {
    let mut detail: Vec<String> = line.doing.iter().map(|doing| under_way(lang, doing)).collect();
    detail.extend(line.window.map(|window| When::of(window.start).text));
    if detail.is_empty() && line.standing.attention.needs_person() {
        detail.extend(
            line.last_failure.as_ref().map(|(layer, failure)| format!("{} {failure}", layer.label(lang))),
        );
    }
    detail
}

/// An order that is out, in a few words.
pub(super) fn under_way(lang: Lang, doing: &Doing) -> String {
    let mut text = format!("{} {}", doing.layer.label(lang), work_label(doing.work, lang));
    if doing.attempt > 1 {
        text = format!("{text} · {}", words::attempt(lang, doing.attempt));
    }
    if let Some(retrying) = &doing.retrying {
        let next = When::of(retrying.next_at).text;
        text =
            format!("{text} · {} ({})", words::retry_number(lang, retrying.attempt, next), retrying.failure);
    }
    text
}
