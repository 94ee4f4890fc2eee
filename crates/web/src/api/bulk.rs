//! One command for several tickets: looking which of them it would be given to, and giving it.

use std::str::FromStr;

use actix_web::{HttpRequest, HttpResponse, http::Method, web};
use rehome_domain::{
    board::MAX_LIMIT, command::CommandKind, id::RelocationId, lang::Lang, role::Role,
    status::RelocationStatus, ticket::Ticket,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    body,
    query::{self, Query},
    route::{Parameter, Route},
    runs::{self, begun},
    tickets::Count,
    unread::Unread,
};
use crate::{
    bulk::{self, Act, Asked, More, Preview, weighs},
    door::Caller,
    frame::{Language, Problem},
    site::Workbench,
    submission::{self, KEY},
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(Method::GET, "/bulk", "previewBulk", preview)
            .is("Which tickets a command would be given to, and which not and why: of those with these ids, or, if none is \
                 given, of the first 1000 that the filter lets in. It changes nothing")
            .needs(Some(Role::Operator))
            .query([
                Parameter::one::<CommandKind>("command", "Which command").required(),
                Parameter::many::<RelocationId>("id", "This ticket"),
            ])
            .query(query::list())
            .answers::<Previewed>(200, "The tickets"),
        Route::new(Method::POST, "/bulk", "bulk", act)
            .is("Gives a command to several tickets, each as it was previewed: one that has moved on since is refused. \
                 Forcing takes the role `supervisor`, and as cancelling a reason")
            .needs(Some(Role::Operator))
            .header(Parameter::one::<String>(
                KEY,
                "Names what is sent, so that it counts once however often it comes",
            ))
            .body::<Wish>()
            .answers::<runs::Told>(200, "What became of each")
            .answers::<runs::Told>(202, "It is being given: `Location` says how far that is"),
    ]
}

/// Which tickets a command would be given to.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "BulkPreview")]
struct Previewed {
    /// The command.
    command: CommandKind,
    /// It is not given without a reason.
    needs_reason: bool,
    /// To these: with their versions, as they are to be sent.
    will: Vec<Meant>,
    /// Not to these.
    not: Vec<Meant>,
    /// Nor to these: they can't be read, or there are none.
    set_aside: Vec<Aside>,
    /// How many were asked for, if there are more than are taken at once: the others are not among these.
    asked: Option<Count>,
}

/// A ticket it would be given to, or not.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "BulkTicket")]
struct Meant {
    /// Which.
    id: RelocationId,
    /// Its version.
    version: u64,
    /// The circuit.
    service_id: String,
    /// Whose.
    customer: String,
    /// How it stands.
    relocation: RelocationStatus,
    /// Why not, for programs, if that is so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// The same in words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

/// A ticket that can't be read, or is none.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "BulkSetAside")]
struct Aside {
    /// Which.
    id: RelocationId,
    /// Why.
    set_aside: String,
}

/// A command for several tickets.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "BulkCommand")]
struct Wish {
    /// Which.
    command: CommandKind,
    /// Why; must be given to force or cancel.
    #[serde(default)]
    reason: String,
    /// To which tickets: up to 1000.
    #[schemars(length(min = 1, max = MAX_LIMIT))]
    tickets: Vec<Seen>,
}

/// A ticket as it was seen.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "BulkSeen")]
struct Seen {
    /// Which.
    id: RelocationId,
    /// The version that was seen: it is refused if the ticket has moved on since.
    version: u64,
}

impl Meant {
    fn of(ticket: &Ticket, why_not: Option<(&'static str, String)>) -> Self {
        let (reason, why) = why_not.unzip();
        Self {
            id: ticket.id,
            version: ticket.version,
            service_id: ticket.request.service_id.clone(),
            customer: ticket.request.customer.clone(),
            relocation: ticket.state.relocation,
            reason: reason.map(str::to_owned),
            why,
        }
    }
}

impl Previewed {
    fn of(command: CommandKind, preview: &Preview, lang: Lang) -> Self {
        let aside = preview.aside.iter().map(|(id, why)| Aside {
            id: *id,
            set_aside: why.as_ref().map_or_else(|| Problem::NotFound.title(lang), ToString::to_string),
        });
        let not = preview.not.iter().map(|(ticket, why)| (ticket, Some((why.wire(), why.sentence(lang)))));
        Self {
            command,
            needs_reason: weighs(command),
            will: preview.will.iter().map(|ticket| Meant::of(ticket, None)).collect(),
            not: not.map(|(ticket, why)| Meant::of(ticket, why)).collect(),
            set_aside: aside.collect(),
            asked: preview.more.as_ref().map(|more| match more {
                More::Chosen(count) => Count { tickets: *count as u64, exact: true },
                More::Matching(tally) => Count { tickets: tally.tickets, exact: tally.exact },
            }),
        }
    }
}

/// A command by its name on the wire.
fn command(word: &str) -> Result<CommandKind, Unread> {
    let known = CommandKind::ALL.into_iter().find(|kind| kind.wire() == word);
    known.ok_or_else(|| query::none_of(word, &CommandKind::ALL.map(CommandKind::wire)))
}

async fn preview(
    caller: Caller,
    mut query: Query,
    language: Language,
    workbench: web::Data<Workbench>,
) -> Result<web::Json<Previewed>, Problem> {
    caller.needs(Role::Operator)?;
    let chosen =
        query.many("id", |id| RelocationId::from_str(id).map_err(|error| Unread::Parser(error.to_string())));
    let look = query.list();
    let kind = query.done_with("command", command)?;
    let asked = if chosen.is_empty() { Asked::Listed(Box::new(look)) } else { Asked::Chosen(chosen) };
    let preview = bulk::preview(&workbench, &caller, kind, asked).await?;
    Ok(web::Json(Previewed::of(kind, &preview, language.0)))
}

async fn act(
    caller: Caller,
    sent: web::Bytes,
    request: HttpRequest,
    language: Language,
    workbench: web::Data<Workbench>,
) -> Result<HttpResponse, Problem> {
    caller.needs(Role::Operator)?;
    let Wish { command: kind, reason, tickets } = body::read(&sent)?;
    if !(1..=MAX_LIMIT).contains(&tickets.len()) {
        let problem = format!("has {}, expected 1 to {MAX_LIMIT}", tickets.len());
        return Err(Problem::field("tickets", problem));
    }
    let name = submission::id(&caller, submission::key(&request)?.as_deref()).0;
    let tickets = tickets.into_iter().map(|Seen { id, version }| (id, version)).collect();
    let run = bulk::act(&workbench, &caller, language.0, Act { kind, reason, tickets, name }).await?;
    Ok(begun(&run, language.0).await)
}
