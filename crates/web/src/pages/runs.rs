//! The page that shows how far a run is.

use actix_web::{HttpResponse, web};
use askama::Template;
use rehome_domain::{lang::Lang, message::Answer};
use uuid::Uuid;

use super::{
    Frame, go, page,
    view::{Section, View},
    words::{self, Say},
};
use crate::{
    frame::Problem,
    runs::{Run, Stands, Step, What},
    site::Workbench,
};

/// Steps that a page shows. All are counted.
const SHOWN: usize = 1000;

pub(super) fn paths(config: &mut web::ServiceConfig) {
    config.service(web::resource("/runs/{id}").route(web::get().to(show)));
}

/// Leads to the page of a run that was begun.
pub(super) fn go_to(run: &Run) -> HttpResponse {
    go(&format!("/runs/{}", run.id))
}

fn title(say: Say, what: What) -> String {
    match what {
        What::Submit => say.submit().to_owned(),
        What::Command(kind) => kind.label(say.0).to_owned(),
    }
}

/// What became of a step.
struct Shown {
    relocation: String,
    service: String,
    tone: &'static str,
    text: String,
}

#[derive(Template)]
#[template(path = "run.html")]
struct RunPage {
    frame: Frame,
    say: Say,
    progress: String,
    done: usize,
    all: usize,
    gone: bool,
    counted: Vec<String>,
    cut: Option<String>,
    steps: Vec<Shown>,
}

async fn show(
    view: View,
    id: web::Path<Uuid>,
    workbench: web::Data<Workbench>,
) -> Result<HttpResponse, Problem> {
    let (lang, say) = (view.lang(), view.say);
    let run = workbench.runs.find(*id);
    let title = run.as_ref().map_or_else(|| say.bulk_title().to_owned(), |run| title(say, run.what));
    let (steps, counts) = run.as_ref().map(|run| looked_at(lang, run)).unwrap_or_default();
    let all = run.as_ref().map_or(0, |run| run.steps.len());
    let done = all - counts.open - counts.not_sent;
    let run_page = RunPage {
        frame: view.frame(Section::Tickets, title),
        say,
        progress: words::bulk_progress(lang, done, all),
        done,
        all,
        gone: run.is_none(),
        counted: counts.told(lang),
        cut: (all > SHOWN).then(|| words::run_cut(lang, SHOWN)),
        steps,
    };
    Ok(page(HttpResponse::Ok(), &run_page))
}

/// How many steps stand how; those that were simply done are the others.
#[derive(Default)]
struct Counts {
    open: usize,
    on_their_way: usize,
    known: usize,
    refused: usize,
    not_sent: usize,
}

impl Counts {
    fn told(&self, lang: Lang) -> Vec<String> {
        let told = [
            (self.not_sent, words::run_not_sent(lang, self.not_sent)),
            (self.refused, words::run_refused(lang, self.refused)),
            (self.known, words::run_known(lang, self.known)),
            (self.on_their_way, words::run_on_its_way(lang, self.on_their_way)),
        ];
        told.into_iter().filter_map(|(count, told)| (count > 0).then_some(told)).collect()
    }
}

/// The steps of a run, and how many stand how. Of a long run some: first those that somebody must look at.
fn looked_at(lang: Lang, run: &Run) -> (Vec<Shown>, Counts) {
    let mut counts = Counts::default();
    let mut ranked: Vec<(u8, &Step, Stands)> = Vec::with_capacity(run.steps.len());
    for step in &run.steps {
        let stands = step.stands();
        let (rank, count) = match &stands {
            Stands::NotSent => (0, Some(&mut counts.not_sent)),
            Stands::Failed(_) => (0, Some(&mut counts.refused)),
            Stands::Answered(answer) if !is_good(answer) => (0, Some(&mut counts.refused)),
            Stands::Known(..) => (1, Some(&mut counts.known)),
            Stands::OnItsWay => (1, Some(&mut counts.on_their_way)),
            Stands::Waiting | Stands::Asking => (3, Some(&mut counts.open)),
            Stands::Answered(_) | Stands::Submitted => (2, None),
        };
        if let Some(count) = count {
            *count += 1;
        }
        ranked.push((rank, step, stands));
    }
    if ranked.len() > SHOWN {
        ranked.sort_by_key(|(rank, ..)| *rank);
    }
    let steps = ranked.into_iter().take(SHOWN).map(|(_, step, stands)| shown(lang, step, stands)).collect();
    (steps, counts)
}

fn shown(lang: Lang, step: &Step, stands: Stands) -> Shown {
    let say = Say(lang);
    let (tone, text) = match stands {
        Stands::Waiting | Stands::Asking => ("waiting", say.waiting().to_owned()),
        Stands::NotSent => ("bad", say.not_sent().to_owned()),
        Stands::Submitted => ("good", say.done().to_owned()),
        Stands::Known(status, disposition) => {
            ("ended", words::known_as(lang, status.label(lang), disposition.label(lang)))
        }
        Stands::OnItsWay => ("running", say.on_its_way().to_owned()),
        Stands::Answered(answer) => match refusal(lang, &answer) {
            None => ("good", say.done().to_owned()),
            Some(why) => ("bad", why),
        },
        Stands::Failed(problem) => ("bad", problem.detail(lang)),
    };
    Shown { relocation: step.relocation.to_string(), service: step.service.clone(), tone, text }
}

const fn is_good(answer: &Answer) -> bool {
    matches!(answer, Answer::Accepted { .. } | Answer::Steering(_))
}

/// Why an answer is none that was hoped for; none if it is.
fn refusal(lang: Lang, answer: &Answer) -> Option<String> {
    match answer {
        Answer::Accepted { .. } | Answer::Steering(_) => None,
        Answer::Refused { why, .. } => Some(why.sentence(lang)),
        Answer::Rejected(rejection) => Some(rejection.sentence(lang)),
    }
}
