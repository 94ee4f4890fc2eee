//! A person's command to one ticket, and how it is told what became of it.
//!
//! The form carries the version of the ticket its reader saw: of two people the second is told what the first did.

use actix_web::{HttpResponse, web};
use rehome_domain::{
    action::{self, WhyNot},
    command::{Command, CommandKind},
    consequence,
    id::{MessageId, RelocationId},
    journal::{Entry, Note},
    lang::Lang,
    message::{Answer, Envelope, Input},
    role::Role,
    ticket::Ticket,
    wording,
};
use serde::Deserialize;
use uuid::Uuid;

use super::super::{encoded, go, view::View, words};
use crate::{asker::Asked, bulk::weighs, foreseen, frame::Problem, site::Workbench, submission::refused};

/// A command as its form sends it.
#[derive(Deserialize)]
pub(super) struct Sent {
    command: CommandKind,
    #[serde(default)]
    reason: String,
    version: u64,
    /// The fingerprint of the plan that was seen, if the form was at one.
    plan: Option<String>,
}

/// A command a person may give, or why not.
pub(super) struct Action {
    pub(super) wire: &'static str,
    pub(super) label: &'static str,
    /// Why not now; it may be given if there is no reason.
    pub(super) why_not: Option<String>,
    /// What will follow, and whether that is grave.
    pub(super) follows: Vec<(String, bool)>,
    /// It needs a reason, and its consequences are shown before it is given.
    pub(super) weighs: bool,
}

/// All commands: what may be done now first.
pub(super) fn actions(lang: Lang, ticket: &Ticket, role: Role) -> Vec<Action> {
    let mut actions: Vec<Action> = action::actions(&ticket.state)
        .into_iter()
        .map(|(kind, allowed)| {
            let needs = Role::to(kind);
            let right = if role < needs {
                Err(WhyNot::NotAllowed { command: kind, has: Some(role), needs })
            } else {
                Ok(())
            };
            let follows = consequence::of(ticket, kind).unwrap_or_default();
            Action {
                wire: kind.wire(),
                label: kind.label(lang),
                why_not: allowed.and(right).err().map(|why| why.sentence(lang)),
                follows: follows.iter().map(|one| (one.sentence(lang), one.is_grave())).collect(),
                weighs: weighs(kind),
            }
        })
        .collect();
    actions.sort_by_key(|action| action.why_not.is_some());
    actions
}

pub(super) async fn act(
    view: View,
    id: web::Path<RelocationId>,
    sent: web::Form<Sent>,
    workbench: web::Data<Workbench>,
) -> Result<HttpResponse, Problem> {
    let (id, sent) = (id.into_inner(), sent.into_inner());
    view.caller.needs(Role::to(sent.command))?;
    let cause = cause(&view, id, &sent);
    let plan = match &sent.plan {
        Some(fingerprint) => Some(foreseen::seen(&workbench, id, &cause, fingerprint).await?),
        None => None,
    };
    let command =
        Command { kind: sent.command, reason: sent.reason, expected_version: Some(sent.version), plan };
    let input = Input::Command(command);
    // What it answers stands in the journal, and is told from there, now and whenever the page is looked at again.
    let envelope = Envelope { relocation: id, cause: cause.clone(), by: view.caller.by(), input };
    match workbench.asker.command(envelope).await? {
        // No ticket has taken it, so no journal tells of it.
        Asked::Answered(rejected @ Answer::Rejected(_)) => return Err(refused(rejected)),
        Asked::Answered(_) | Asked::Accepted => {}
    }
    Ok(go(&format!("/tickets/{id}?did={}&as={}", encoded(&cause.0), sent.command)))
}

/// The command's id: a person's of one kind at one version of the ticket, so that sent twice it counts once. Each entry of
/// the journal, a refusal too, makes a version of its own.
fn cause(view: &View, id: RelocationId, sent: &Sent) -> MessageId {
    let name = format!("{}\0{id}\0{}\0{}", view.caller.account().name, sent.version, sent.command);
    MessageId(Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()).to_string())
}

/// What became of a command: a sentence, how it ended, and what others did meanwhile.
pub(super) struct Became {
    pub(super) tone: &'static str,
    pub(super) text: String,
    pub(super) meanwhile: Vec<String>,
}

/// What became of the command with this id.
pub(super) fn became(lang: Lang, journal: &[Entry], did: &str, kind: CommandKind) -> Became {
    let label = kind.label(lang);
    let Some(entry) = journal.iter().find(|entry| entry.cause.0 == did) else {
        return Became { tone: "running", text: words::accepted_as(lang, label), meanwhile: Vec::new() };
    };
    let Some(Note::Refused(why)) = &entry.note else {
        return Became { tone: "good", text: words::done_as(lang, label), meanwhile: Vec::new() };
    };
    let mut meanwhile = Vec::new();
    if let WhyNot::Stale { expected, is } = why {
        let since = journal.iter().filter(|entry| entry.seq > *expected && entry.seq <= *is);
        meanwhile.extend(
            since.map(|entry| {
                words::moved_on(lang, wording::by(lang, &entry.by), wording::entry(lang, entry))
            }),
        );
    }
    Became { tone: "bad", text: words::refused_as(lang, label, why.sentence(lang)), meanwhile }
}
