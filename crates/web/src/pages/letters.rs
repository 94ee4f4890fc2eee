//! Messages that no ticket could take: what they said, why nobody took them, and what a person did about it.

use actix_web::{HttpResponse, web};
use askama::Template;
use rehome_domain::{
    lang::Lang,
    message::Answer,
    ports::{Kept, LetterFilter, Settlement},
    role::Role,
    wording,
};
use serde::Deserialize;

use super::{
    Frame, encoded, go, page,
    tone::Chip,
    view::{Section, View, When},
    words::Say,
};
use crate::{asker::Asked, frame::Problem, settling, site::Workbench};

/// Where.
const PATH: &str = "/dead-letters";
/// Letters on a page.
const SHOWN: usize = 50;

pub(super) fn paths(config: &mut web::ServiceConfig) {
    config
        .service(web::resource(PATH).route(web::get().to(list)))
        .service(web::resource("/dead-letters/drop").route(web::post().to(drop)))
        .service(web::resource("/dead-letters/resend").route(web::post().to(resend)));
}

/// A letter.
struct Letter {
    key: String,
    at: When,
    origin: String,
    who: String,
    reason: String,
    body: String,
    state: Chip,
    /// Why it can't be sent again, if it can't.
    not_resent: Option<String>,
    settled: Option<(String, When, String)>,
}

#[derive(Template)]
#[template(path = "letters.html")]
struct Letters {
    frame: Frame,
    say: Say,
    may: bool,
    letters: Vec<Letter>,
    /// All are shown, not only those that nobody has dealt with.
    all: bool,
    next: Option<String>,
}

/// Where a page begins.
#[derive(Deserialize)]
struct From {
    show: Option<String>,
    after: Option<String>,
}

async fn list(
    view: View,
    from: web::Query<From>,
    workbench: web::Data<Workbench>,
) -> Result<HttpResponse, Problem> {
    let From { show, after } = from.into_inner();
    let all = show.as_deref() == Some("all");
    let which = if all { LetterFilter::All } else { LetterFilter::Open };
    let kept = workbench.letters.letters(which, after, SHOWN).await?;
    let next = kept
        .last()
        .filter(|_| kept.len() == SHOWN)
        .map(|last| format!("{PATH}?show={}&after={}", if all { "all" } else { "open" }, encoded(&last.key)));
    let letters = Letters {
        frame: view.frame(Section::Letters, view.say.dead_letters()),
        say: view.say,
        may: view.may(Role::TO_SETTLE),
        all,
        letters: kept.into_iter().map(|kept| letter(&workbench, view.lang(), kept)).collect(),
        next,
    };
    Ok(page(HttpResponse::Ok(), &letters))
}

fn letter(workbench: &Workbench, lang: Lang, kept: Kept) -> Letter {
    let (say, not_resent) = (Say(lang), settling::not_resent(workbench, &kept, lang));
    let (tone, label, wire) = match kept.settled.as_ref().map(|settled| settled.what) {
        None => ("person", say.open(), "open"),
        Some(Settlement::Resent) => ("good", say.resent(), "resent"),
        Some(Settlement::Dropped) => ("ended", say.dropped(), "dropped"),
    };
    let body = serde_json::from_str::<serde_json::Value>(&kept.letter.body)
        .ok()
        .and_then(|json| serde_json::to_string_pretty(&json).ok())
        .unwrap_or(kept.letter.body);
    Letter {
        key: kept.key,
        at: When::of(kept.letter.at),
        origin: kept.letter.origin,
        who: kept.letter.by.map(|by| wording::by(lang, &by)).unwrap_or_default(),
        reason: kept.letter.reason,
        body,
        state: Chip { tone, label: label.to_owned(), wire },
        not_resent,
        settled: kept
            .settled
            .map(|settled| (wording::by(lang, &settled.by), When::of(settled.at), settled.reason)),
    }
}

/// What is done about a letter, as the form sends it.
#[derive(Deserialize)]
struct Sent {
    key: String,
    #[serde(default)]
    reason: String,
}

impl Sent {
    /// The letter and the reason, from somebody who may.
    fn checked(self, view: &View) -> Result<(String, String), Problem> {
        view.caller.needs(Role::TO_SETTLE)?;
        if self.reason.trim().is_empty() {
            return Err(Problem::field("reason", view.say.reason_needed().to_owned()));
        }
        Ok((self.key, self.reason))
    }
}

async fn drop(
    view: View,
    sent: web::Form<Sent>,
    workbench: web::Data<Workbench>,
) -> Result<HttpResponse, Problem> {
    let (key, reason) = sent.into_inner().checked(&view)?;
    match settling::drop(&workbench, &view.caller, view.lang(), key, reason).await {
        Ok(()) => Ok(go(PATH)),
        // Of two who want to, the second finds it done, with the first one's name.
        Err(Problem::Conflict(_)) => Ok(go(&format!("{PATH}?show=all"))),
        Err(problem) => Err(problem),
    }
}

async fn resend(
    view: View,
    sent: web::Form<Sent>,
    workbench: web::Data<Workbench>,
) -> Result<HttpResponse, Problem> {
    let (key, reason) = sent.into_inner().checked(&view)?;
    let resent = settling::resend(&workbench, &view.caller, view.lang(), key, reason).await?;
    Ok(match resent.asked {
        // What became of it stands in the ticket's journal.
        Asked::Answered(Answer::Accepted { .. } | Answer::Refused { .. }) => {
            go(&format!("/tickets/{}", resent.relocation))
        }
        // If it was set aside again, that is the first letter now.
        Asked::Answered(_) | Asked::Accepted => go(PATH),
    })
}
