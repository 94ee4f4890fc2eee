//! Acts on several tickets at once: each its own message, with a result of its own. A page shows how far it is.
//!
//! What was sent is in the tickets' journals. Here it is kept only to show it: this process's last runs, in memory.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use actix_web::{HttpResponse, web};
use askama::Template;
use futures::{StreamExt as _, stream};
use rehome_domain::{
    action::WhyNot,
    lang::Lang,
    message::{Answer, Envelope, Rejection},
};
use uuid::Uuid;

use super::{
    Frame, page,
    view::{Section, View},
    words::{self, Say},
};
use crate::{
    asker::{AskError, Asked, Asker},
    frame::Problem,
    site::Workbench,
};

/// Runs that are kept to be looked at.
const KEPT: usize = 64;
/// Commands of a run that wait for their answers at once: enough for the supervisor to take them in batches.
const AT_ONCE: usize = 32;

/// The last runs of this process.
#[derive(Default)]
pub struct Runs {
    all: Mutex<VecDeque<Arc<Run>>>,
}

/// One act on several tickets.
pub(super) struct Run {
    id: Uuid,
    title: String,
    steps: Vec<Step>,
}

/// One ticket of it.
struct Step {
    relocation: String,
    service: String,
    became: Mutex<Option<Result<Asked, AskError>>>,
}

impl Runs {
    /// Sends these, each with the service it is about, and gives the path of the page that shows how far it is. Must be
    /// called on the runtime.
    pub(super) fn start(&self, asker: &Arc<Asker>, title: String, sent: Vec<(String, Envelope)>) -> String {
        let step = |(service, envelope): &(String, Envelope)| Step {
            relocation: envelope.relocation.to_string(),
            service: service.clone(),
            became: Mutex::default(),
        };
        let run = Arc::new(Run { id: Uuid::now_v7(), title, steps: sent.iter().map(step).collect() });
        let path = format!("/runs/{}", run.id);
        {
            let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
            all.push_front(Arc::clone(&run));
            all.truncate(KEPT);
        }
        let asker = Arc::clone(asker);
        tokio::spawn(async move {
            let sends = sent.into_iter().zip(&run.steps);
            stream::iter(sends)
                .for_each_concurrent(AT_ONCE, |((_, envelope), step)| async {
                    let became = asker.command(envelope).await;
                    *step.became.lock().unwrap_or_else(PoisonError::into_inner) = Some(became);
                })
                .await;
        });
        path
    }

    fn find(&self, id: Uuid) -> Option<Arc<Run>> {
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().find(|run| run.id == id).cloned()
    }
}

pub(super) fn paths(config: &mut web::ServiceConfig) {
    config.service(web::resource("/runs/{id}").route(web::get().to(show)));
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
    steps: Vec<Shown>,
}

async fn show(
    view: View,
    id: web::Path<Uuid>,
    workbench: web::Data<Workbench>,
) -> Result<HttpResponse, Problem> {
    let (lang, say) = (view.lang(), view.say);
    let run = workbench.runs.find(*id);
    let steps: Vec<Shown> = run.iter().flat_map(|run| &run.steps).map(|step| shown(lang, step)).collect();
    let done = steps.iter().filter(|step| step.tone != "waiting").count();
    let title = run.as_ref().map_or_else(|| say.bulk_title().to_owned(), |run| run.title.clone());
    let run_page = RunPage {
        frame: view.frame(Section::Tickets, title),
        say,
        progress: words::bulk_progress(lang, done, steps.len()),
        done,
        all: steps.len(),
        gone: run.is_none(),
        steps,
    };
    Ok(page(HttpResponse::Ok(), &run_page))
}

fn shown(lang: Lang, step: &Step) -> Shown {
    let say = Say(lang);
    let became = step.became.lock().unwrap_or_else(PoisonError::into_inner);
    let (tone, text) = match became.as_ref() {
        None => ("waiting", say.waiting().to_owned()),
        Some(Ok(Asked::Accepted)) => ("running", say.on_its_way().to_owned()),
        Some(Ok(Asked::Answered(answer))) => match refusal(lang, answer) {
            None => ("good", say.done().to_owned()),
            Some(why) => ("bad", why),
        },
        Some(Err(error)) => ("bad", error.to_string()),
    };
    Shown { relocation: step.relocation.clone(), service: step.service.clone(), tone, text }
}

/// Why an answer is none that was hoped for; none if it is.
pub(super) fn refusal(lang: Lang, answer: &Answer) -> Option<String> {
    match answer {
        Answer::Accepted { .. } | Answer::Steering(_) => None,
        Answer::Refused { why, .. } => Some(why.sentence(lang)),
        Answer::Rejected(Rejection::Held { by }) => Some(WhyNot::Held { by: *by }.sentence(lang)),
        Answer::Rejected(rejection) => Some(rejection.to_string()),
    }
}
