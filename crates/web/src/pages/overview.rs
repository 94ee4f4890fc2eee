//! How it goes, in three charts drawn here: what ended, how tickets stand, how long the open ones wait.

use actix_web::{HttpResponse, web};
use askama::Template;
use rehome_domain::{
    lang::Lang,
    ports::Count,
    status::{Attention, Disposition},
};

use super::{
    Frame,
    chart::{Bar, columns, rows},
    made_ago, page, tone,
    view::{Section, View},
    words::{self, Say},
};
use crate::{
    figures::{AGES, Figures, HOURS},
    frame::Problem,
    site::Workbench,
};

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
    let (lang, say) = (view.lang(), view.say);
    let (counts, counted) = workbench.counts.with_age().await?;
    let (figures, figured) = workbench.figures.with_age().await?;
    let overview = Overview {
        frame: view.frame(Section::Overview, say.overview()),
        say,
        hours: words::chart_hours(lang, HOURS),
        throughput: columns(say.throughput(), &by_hour(say, &figures)),
        outcomes: rows(say.outcomes(), &standing(lang, &counts)),
        waiting: rows(say.waiting_by_age(), &by_age(lang, &figures)),
        capped: figures.capped,
    };
    Ok(page(made_ago(counted.max(figured)), &overview))
}

/// What ended in each of the last hours: well, and otherwise.
fn by_hour(say: Say, figures: &Figures) -> Vec<Bar> {
    let bar = |(ago, [well, other]): (i64, &[u64; 2])| Bar {
        label: if ago % 6 == 0 { format!("−{ago} h") } else { String::new() },
        parts: vec![("good", say.succeeded(), *well), ("ended", say.not_succeeded(), *other)],
    };
    (0..HOURS).rev().zip(&figures.by_hour).map(bar).collect()
}

/// How many open tickets have waited how long, by whether they need a person.
fn by_age(lang: Lang, figures: &Figures) -> Vec<Bar> {
    let say = Say(lang);
    let bar = |((_, en, zh), [person, other]): (&(Option<i64>, &str, &str), &[u64; 2])| Bar {
        label: lang.pick(en, zh).to_owned(),
        parts: vec![("person", say.by_a_person(), *person), ("running", say.by_itself(), *other)],
    };
    AGES.iter().zip(&figures.by_age).map(bar).collect()
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
