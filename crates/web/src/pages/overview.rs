//! How it goes, in three charts drawn here: what ended, how tickets stand, how long the open ones wait.

use actix_web::{HttpResponse, web};
use askama::Template;
use jiff::{SignedDuration, Timestamp};
use rehome_domain::{
    board::{Filter, MAX_COUNT, Span},
    lang::Lang,
    ports::{Board, Count},
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

/// Ages the third chart tells apart: up to so many minutes.
const AGES: [(Option<i64>, &str, &str); 5] = [
    (Some(5), "< 5 min", "< 5 分"),
    (Some(60), "< 1 h", "< 1 小时"),
    (Some(240), "< 4 h", "< 4 小时"),
    (Some(1440), "< 1 d", "< 1 天"),
    (None, "1 d +", "1 天以上"),
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
    let mut tallied = Tallied { board: &*workbench.board, capped: false };
    let by_hour = tallied.by_hour(say, now).await?;
    let by_age = tallied.by_age(lang, now).await?;
    let overview = Overview {
        frame: view.frame(Section::Overview, say.overview()),
        say,
        hours: words::chart_hours(lang, HOURS),
        throughput: columns(say.throughput(), &by_hour),
        outcomes: rows(say.outcomes(), &standing(lang, &counts)),
        waiting: rows(say.waiting_by_age(), &by_age),
        capped: tallied.capped,
    };
    Ok(page(HttpResponse::Ok(), &overview))
}

/// How many tickets bars show, and whether any of them stands for more.
struct Tallied<'a> {
    board: &'a dyn Board,
    capped: bool,
}

impl Tallied<'_> {
    /// How many a filter lets in of those last changed then.
    async fn count(&mut self, filter: &Filter, changed: Span) -> Result<u64, Problem> {
        let tally = self.board.count(Filter { changed, ..filter.clone() }, MAX_COUNT).await?;
        self.capped |= !tally.exact;
        Ok(tally.tickets)
    }

    /// What ended in each of the last hours: well, and otherwise.
    async fn by_hour(&mut self, say: Say, now: Timestamp) -> Result<Vec<Bar>, Problem> {
        let ended = |how: &[Disposition]| Filter { disposition: how.to_vec(), ..Filter::default() };
        let well = ended(&[Disposition::Completed]);
        let other = ended(&[Disposition::Forced, Disposition::Cancelled]);
        let mut bars = Vec::new();
        for ago in (0..HOURS).rev() {
            // Of the last hour is also what a process whose clock is ahead has changed.
            let until = (ago > 0).then(|| now - SignedDuration::from_hours(ago));
            let hour = Span { since: Some(now - SignedDuration::from_hours(ago + 1)), until };
            bars.push(Bar {
                label: if ago % 6 == 0 { format!("−{ago} h") } else { String::new() },
                parts: vec![
                    ("good", say.succeeded(), self.count(&well, hour).await?),
                    ("ended", say.not_succeeded(), self.count(&other, hour).await?),
                ],
            });
        }
        Ok(bars)
    }

    /// How many open tickets have waited how long, by whether they need a person.
    async fn by_age(&mut self, lang: Lang, now: Timestamp) -> Result<Vec<Bar>, Problem> {
        let say = Say(lang);
        let open = |person: bool| {
            let waits = Attention::ALL.iter().copied().filter(|waits| waits.needs_person() == person);
            Filter { disposition: vec![Disposition::Open], attention: waits.collect(), ..Filter::default() }
        };
        let (person, other) = (open(true), open(false));
        let (mut bars, mut until) = (Vec::new(), None);
        for (minutes, en, zh) in AGES {
            let since = minutes.map(|minutes| now - SignedDuration::from_mins(minutes));
            let aged = Span { since, until: std::mem::replace(&mut until, since) };
            bars.push(Bar {
                label: lang.pick(en, zh).to_owned(),
                parts: vec![
                    ("person", say.by_a_person(), self.count(&person, aged).await?),
                    ("running", say.by_itself(), self.count(&other, aged).await?),
                ],
            });
        }
        Ok(bars)
    }
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
