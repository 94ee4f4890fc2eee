//! How it goes, in three charts drawn here: what ended, how tickets stand, how long the open ones wait.

use actix_web::{HttpResponse, web};
use askama::Template;
use jiff::{SignedDuration, Timestamp};
use rehome_domain::{
    board::{Cursor, Filter, Line, Listed, Look, MAX_LIMIT, Order, SortBy},
    lang::Lang,
    ports::Count,
    status::{Attention, Disposition},
};

use super::{
    Frame,
    chart::{Bar, columns, rows},
    page, tone,
    view::{Section, View},
    words::{self, Say},
};
use crate::{frame::Problem, site::Workbench};

/// Hours that the first chart looks back.
const HOURS: i64 = 24;

/// Ages the third chart tells apart, in minutes.
const AGES: [(i64, &str, &str); 5] = [
    (5, "< 5 min", "< 5 分"),
    (60, "< 1 h", "< 1 小时"),
    (240, "< 4 h", "< 4 小时"),
    (1440, "< 1 d", "< 1 天"),
    (i64::MAX, "1 d +", "1 天以上"),
];

pub(super) fn paths(config: &mut web::ServiceConfig) {
    config.service(web::resource("/overview").route(web::get().to(show)));
}

#[derive(Template)]
#[template(path = "overview.html")]
struct Overview {
    frame: Frame,
    say: Say,
    hours: String,
    throughput: String,
    outcomes: String,
    waiting: String,
    capped: bool,
}

async fn show(view: View, workbench: web::Data<Workbench>) -> Result<HttpResponse, Problem> {
    let (lang, say, now) = (view.lang(), view.say, workbench.door.now());
    let counts = workbench.counts.get().await?;
    let since = now - SignedDuration::from_hours(HOURS);
    let mut ended = Filter {
        disposition: vec![Disposition::Completed, Disposition::Forced, Disposition::Cancelled],
        ..Filter::default()
    };
    ended.changed.since = Some(since);
    let (ended, more_ended) = newest(&workbench, ended).await?;
    let open = Filter { disposition: vec![Disposition::Open], ..Filter::default() };
    let (open, more_open) = newest(&workbench, open).await?;
    let overview = Overview {
        frame: view.frame(Section::Overview, say.overview()),
        say,
        hours: words::chart_hours(lang, HOURS),
        throughput: columns(say.throughput(), &by_hour(say, &ended, now)),
        outcomes: rows(say.outcomes(), &standing(lang, &counts)),
        waiting: rows(say.waiting_by_age(), &by_age(lang, &open, now)),
        capped: more_ended || more_open,
    };
    Ok(page(HttpResponse::Ok(), &overview))
}

/// The newest changes that a filter lets in, and whether there are more.
async fn newest(workbench: &Workbench, filter: Filter) -> Result<(Vec<Line>, bool), Problem> {
    let order = Order { by: SortBy::Changed, descending: true };
    let look = Look { filter, order, after: None::<Cursor>, skip: 0, limit: MAX_LIMIT };
    let page = workbench.board.page(look).await?;
    let lines = page.rows.into_iter().filter_map(|row| match row {
        Listed::Line(line) => Some(*line),
        Listed::SetAside { .. } => None,
    });
    Ok((lines.collect(), page.next.is_some()))
}

/// What ended in each of the last hours: well, and otherwise.
fn by_hour(say: Say, ended: &[Line], now: Timestamp) -> Vec<Bar> {
    (0..HOURS)
        .rev()
        .map(|ago| {
            let hour = |line: &&Line| now.duration_since(line.changed_at).as_hours() == ago;
            let (well, other): (Vec<&Line>, Vec<&Line>) = ended
                .iter()
                .filter(hour)
                .partition(|line| line.standing.disposition == Disposition::Completed);
            Bar {
                label: if ago % 6 == 0 { format!("−{ago} h") } else { String::new() },
                parts: vec![
                    ("good", say.succeeded(), well.len() as u64),
                    ("ended", say.not_succeeded(), other.len() as u64),
                ],
            }
        })
        .collect()
}

/// How many tickets wait for what, and how the closed ones ended.
fn standing(lang: Lang, counts: &[Count]) -> Vec<Bar> {
    let sum = |wanted: &dyn Fn(&Count) -> bool| -> u64 {
        counts.iter().filter(|count| wanted(count)).map(|count| count.tickets).sum()
    };
    let bar = |chip: tone::Chip, count: u64| Bar { label: chip.label, parts: vec![(chip.tone, "", count)] };
    let open = Attention::ALL.iter().filter(|waits| **waits != Attention::Closed);
    let open = open
        .map(|waits| bar(tone::attention(lang, *waits), sum(&|count| count.standing.attention == *waits)));
    let closed = Disposition::ALL.iter().filter(|how| **how != Disposition::Open);
    let closed = closed
        .map(|how| bar(tone::disposition(lang, *how), sum(&|count| count.standing.disposition == *how)));
    open.chain(closed).collect()
}

/// How many open tickets have waited how long, by whether they need a person.
fn by_age(lang: Lang, open: &[Line], now: Timestamp) -> Vec<Bar> {
    let mut younger = 0;
    AGES.iter()
        .map(|(minutes, en, zh)| {
            let from = std::mem::replace(&mut younger, *minutes);
            let aged =
                |line: &&Line| (from..*minutes).contains(&now.duration_since(line.changed_at).as_mins());
            let (person, other): (Vec<&Line>, Vec<&Line>) =
                open.iter().filter(aged).partition(|line| line.standing.attention.needs_person());
            let say = Say(lang);
            Bar {
                label: lang.pick(en, zh).to_owned(),
                parts: vec![
                    ("person", say.by_a_person(), person.len() as u64),
                    ("running", say.by_itself(), other.len() as u64),
                ],
            }
        })
        .collect()
}
