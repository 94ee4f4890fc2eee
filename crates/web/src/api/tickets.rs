//! Tickets: lists of them, one, its history; submitting one, and giving it commands.

use std::sync::Arc;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, header},
    web,
};
use rehome_domain::{
    action::WhyNot,
    board::{Listed, MAX_COUNT},
    command::{Command, CommandKind},
    id::{MessageId, RelocationId},
    message::{self, Envelope, Input},
    ports::Loaded,
    request::{Deadlines, Place, Request, Window},
    role::Role,
    ticket::Ticket,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    BASE, body,
    journal::Journal,
    query::{self, Query, written},
    route::{Answer, Content, Parameter, Route},
    ticket::{Details, Line},
};
use crate::{
    asker::Asked,
    bulk::weighs,
    door::Caller,
    export::{self, Format},
    foreseen,
    frame::{Language, Problem},
    site::Workbench,
    submission::{self, KEY, Submitted, refused},
    texts,
};

pub(super) fn routes() -> Vec<Route> {
    let key =
        || Parameter::one::<String>(KEY, "Names what is sent, so that it counts once however often it comes");
    vec![
        Route::new(Method::GET, "/tickets", "listTickets", list)
            .is("A page of the tickets that a filter lets in; one that can't be read is told with the reason")
            .query(query::look())
            .query([Parameter::one::<bool>("count", "Count them too, as far as that is quick")])
            .answers::<Page>(200, "The page"),
        Route::new(Method::POST, "/tickets", "submit", submit)
            .is("Submits a relocation. The same again under the same key finds the same ticket")
            .needs(Some(Role::TO_SUBMIT))
            .header(key())
            .body::<Wanted>()
            .answers::<Details>(201, "It is a ticket now; its address is in `Location`")
            .answers::<Details>(200, "It was one already; as it stands now")
            .answers::<Accepted>(202, "It is on the bus, and was not answered for yet: look at the ticket")
            .problems([409]),
        Route::new(Method::GET, "/tickets.csv", "exportTickets", sheet)
            .is("All tickets that a filter lets in, as a file; one that can't be read has the reason in `set_aside`. Tickets \
                 go on while it is written: one that changes meanwhile may stand in it twice or not at all, unless it is \
                 sorted by what does not change (`submitted`, `service`, `customer`)")
            .query(query::list())
            .with(Answer { status: 200, is: "The rows; an answer that breaks off is not whole", content: Content::Csv }),
        Route::new(Method::GET, "/tickets/{id}", "ticket", one)
            .is("One ticket, with what may be done and what may not and why. `ETag` is its version")
            .answers::<Details>(200, "The ticket"),
        Route::new(Method::GET, "/tickets/{id}/journal", "journal", journal)
            .is("A ticket's history")
            .answers::<Journal>(200, "The history"),
        Route::new(Method::GET, "/tickets/{id}/journal.jsonl", "exportJournal", export_journal)
            .is("A ticket's history as it is kept, which `rehome replay` steps again")
            .with(Answer { status: 200, is: "The entries, one a line", content: Content::Lines }),
        Route::new(Method::POST, "/tickets/{id}/commands", "command", command)
            .is("Gives a ticket a command. Forcing takes the role `supervisor`, and as cancelling a reason")
            .needs(Some(Role::Operator))
            .header(key())
            .header(Parameter::one::<String>(
                "If-Match",
                "The ticket's `ETag` as the sender saw it: it is refused if the ticket has moved on since",
            ))
            .body::<Commanded>()
            .answers::<Accepted>(200, "It is in the journal, and what it sends will be sent")
            .answers::<Accepted>(202, "It is on the bus, and was not answered for yet: look at the journal")
            .problems([409, 412]),
    ]
}

/// A page of a list.
#[derive(Serialize, JsonSchema)]
struct Page {
    /// Its rows, in order. There may be fewer than asked for, even none, and a `next` all the same.
    tickets: Vec<Row>,
    /// Where it goes on; none at the list's end.
    next: Option<String>,
    /// How many there are, if that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    count: Option<Count>,
}

/// A row of a list.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
enum Row {
    /// A ticket.
    Line(Box<Line>),
    /// A ticket that can't be read.
    SetAside {
        /// Which.
        id: RelocationId,
        /// Why not.
        set_aside: String,
    },
}

impl From<Listed> for Row {
    fn from(listed: Listed) -> Self {
        match listed {
            Listed::Line(line) => Self::Line(Box::new((*line).into())),
            Listed::SetAside { id, reason } => Self::SetAside { id, set_aside: reason },
        }
    }
}

/// How many tickets there are.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Tally")]
pub(super) struct Count {
    /// So many, or at least so many.
    pub(super) tickets: u64,
    /// Not more than that.
    pub(super) exact: bool,
}

/// A relocation to be submitted.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Submission")]
struct Wanted {
    /// The circuit's id in the carrier's inventory.
    service_id: String,
    /// Whose circuit it is.
    customer: String,
    /// Where it is.
    old: Place,
    /// Where it goes.
    new: Place,
    /// The gateway address with prefix length, IPv4 or IPv6.
    ip: String,
    /// The VRF, if the circuit is in one.
    #[serde(default)]
    vrf: Option<String>,
    /// The description put on the port at reservation.
    description: String,
    /// What the caller calls it.
    #[serde(default)]
    external_id: Option<String>,
    /// When the cutover deploys by itself; without one a person deploys.
    #[serde(default)]
    window: Option<Window>,
    /// Wait for a person before reserving.
    #[serde(default)]
    hold: bool,
    /// How long orders may stay unanswered; as this system has it if nothing is said.
    #[serde(default)]
    deadlines: Option<Deadlines>,
    /// As a row of a sheet: known by what moves from where to where, whoever submits it and under whichever key. What was
    /// submitted so before is found again, here and in the workbench; another request for it is a conflict.
    #[serde(default)]
    once: bool,
}

impl Wanted {
    fn request(self, deadlines: Deadlines) -> Request {
        let Self { service_id, customer, old, new, ip, vrf, description, external_id, window, hold, .. } =
            self;
        let deadlines = self.deadlines.unwrap_or(deadlines);
        Request { service_id, customer, old, new, ip, vrf, description, external_id, window, hold, deadlines }
    }
}

/// What was taken.
#[derive(Serialize, JsonSchema)]
struct Accepted {
    /// The ticket.
    id: RelocationId,
    /// Its version with this in its journal, if it is there already.
    version: Option<u64>,
}

async fn list(
    caller: Caller,
    mut query: Query,
    workbench: web::Data<Workbench>,
) -> Result<web::Json<Page>, Problem> {
    caller.needs(Role::Viewer)?;
    let (look, count) = (query.look(), query.one("count", query::flag).unwrap_or_default());
    query.done()?;
    let count = if count {
        let tally = workbench.board.count(look.filter.clone(), MAX_COUNT).await?;
        Some(Count { tickets: tally.tickets, exact: tally.exact })
    } else {
        None
    };
    let page = workbench.board.page(look).await?;
    let tickets = page.rows.into_iter().map(Row::from).collect();
    Ok(web::Json(Page { tickets, next: page.next.as_ref().map(written), count }))
}

async fn sheet(
    caller: Caller,
    mut query: Query,
    workbench: web::Data<Workbench>,
) -> Result<HttpResponse, Problem> {
    caller.needs(Role::Viewer)?;
    let look = query.look();
    query.done()?;
    export::export(&workbench.board, look, Format::Csv).await
}

/// A relocation's ticket.
pub(super) async fn load(workbench: &Workbench, id: RelocationId) -> Result<Ticket, Problem> {
    match workbench.tickets.load(vec![id]).await?.pop() {
        Some(Loaded::Ticket(ticket)) => Ok(*ticket),
        Some(Loaded::Unreadable(why)) => Err(Problem::Unavailable(why.to_string())),
        Some(Loaded::Missing) | None => Err(Problem::NotFound),
    }
}

fn tag(version: u64) -> (header::HeaderName, String) {
    (header::ETAG, format!("\"{version}\""))
}

async fn one(
    caller: Caller,
    id: web::Path<RelocationId>,
    language: Language,
    workbench: web::Data<Workbench>,
) -> Result<HttpResponse, Problem> {
    caller.needs(Role::Viewer)?;
    let ticket = load(&workbench, id.into_inner()).await?;
    let details = Details::of(&ticket, caller.role(), language.0);
    Ok(HttpResponse::Ok().insert_header(tag(ticket.version)).json(details))
}

async fn journal(
    caller: Caller,
    id: web::Path<RelocationId>,
    language: Language,
    workbench: web::Data<Workbench>,
) -> Result<web::Json<Journal>, Problem> {
    caller.needs(Role::Viewer)?;
    let journal = workbench.tickets.journal(id.into_inner()).await?;
    if journal.is_empty() { Err(Problem::NotFound) } else { Ok(web::Json(Journal::of(journal, language.0))) }
}

/// All of it or nothing: a journal with a hole is none.
async fn export_journal(
    caller: Caller,
    id: web::Path<RelocationId>,
    workbench: web::Data<Workbench>,
) -> Result<HttpResponse, Problem> {
    caller.needs(Role::Viewer)?;
    let mut lines = String::new();
    for entry in workbench.tickets.journal(id.into_inner()).await? {
        let entry = entry.map_err(|why| Problem::Unavailable(why.to_string()))?;
        lines += &serde_json::to_string(&entry).map_err(|error| Problem::Failed(error.to_string()))?;
        lines.push('\n');
    }
    if lines.is_empty() {
        return Err(Problem::NotFound);
    }
    Ok(HttpResponse::Ok().content_type("application/jsonl").body(lines))
}

async fn submit(
    caller: Caller,
    sent: web::Bytes,
    request: HttpRequest,
    language: Language,
    workbench: web::Data<Workbench>,
) -> Result<HttpResponse, Problem> {
    caller.needs(Role::TO_SUBMIT)?;
    let key = submission::key(&request)?;
    let wanted = body::read::<Wanted>(&sent)?;
    let once = wanted.once;
    let wanted = wanted.request(workbench.deadlines);
    submission::check(&wanted, language.0)?;
    let id = if once { wanted.relocation() } else { submission::id(&caller, key.as_deref()) };
    let place = (header::LOCATION, format!("{BASE}/tickets/{id}"));
    let (mut answer, ticket) = match submission::submit(&workbench, caller.by(), id, Arc::new(wanted)).await?
    {
        Submitted::New(ticket) => (HttpResponse::Created(), ticket),
        Submitted::Known(ticket) => (HttpResponse::Ok(), ticket),
        Submitted::Later => {
            let accepted = Accepted { id, version: None };
            return Ok(HttpResponse::Accepted().insert_header(place).json(accepted));
        }
    };
    let details = Details::of(&ticket, caller.role(), language.0);
    Ok(answer.insert_header(place).insert_header(tag(ticket.version)).json(details))
}

/// A command, with what its sender says of it.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Commanded {
    /// What to do.
    kind: CommandKind,
    /// Why; must be given to force or cancel, and to accept that devices have drifted from an earlier plan.
    #[serde(default)]
    reason: String,
    /// The ticket's version its sender saw; a stale one is refused.
    #[serde(default)]
    expected_version: Option<u64>,
    /// The fingerprint of the plan its sender has seen and goes by. It is refused if the devices hold something else by now;
    /// and so is each cutover of the ticket from now on, before anything is touched, if its gateways have been changed
    /// meanwhile.
    #[serde(default)]
    #[schemars(length(min = 1, max = 64))]
    plan: Option<String>,
}

/// The version that `If-Match` names; none: any.
fn seen(request: &HttpRequest) -> Result<Option<u64>, Problem> {
    let Some(given) = request.headers().get(header::IF_MATCH) else { return Ok(None) };
    let given = given.to_str().unwrap_or_default().trim();
    if given == "*" {
        return Ok(None);
    }
    let version =
        given.strip_prefix('"').and_then(|given| given.strip_suffix('"')).and_then(|v| v.parse().ok());
    let wrong = || Problem::field("If-Match", format!("is `{given}`, expected a ticket's ETag, as `\"3\"`"));
    version.map(Some).ok_or_else(wrong)
}

async fn command(
    caller: Caller,
    id: web::Path<RelocationId>,
    sent: web::Bytes,
    request: HttpRequest,
    language: Language,
    workbench: web::Data<Workbench>,
) -> Result<HttpResponse, Problem> {
    caller.needs(Role::Operator)?;
    let (id, Commanded { kind, reason, expected_version, plan }) = (id.into_inner(), body::read(&sent)?);
    let mut command = Command { kind, reason, expected_version, plan: None };
    caller.needs(Role::to(command.kind))?;
    let seen = seen(&request)?;
    if seen.is_some() && command.expected_version.is_some() && seen != command.expected_version {
        let problem = "is another version than `If-Match` has".to_owned();
        return Err(Problem::field("expected_version", problem));
    }
    command.expected_version = command.expected_version.or(seen);
    if weighs(command.kind) && command.reason.trim().is_empty() {
        return Err(Problem::field("reason", texts::reason_needed(language.0)));
    }
    let key = submission::key(&request)?;
    let cause = MessageId(submission::id(&caller, key.as_deref()).to_string());
    if let Some(fingerprint) = plan {
        command.plan = Some(foreseen::seen(&workbench, id, &cause, &fingerprint).await?);
    }
    let input = Input::Command(command);
    let envelope = Envelope { relocation: id, cause: cause.clone(), by: caller.by(), input: input.clone() };
    let asked = workbench.asker.command(envelope).await?;
    if key.is_some() {
        // What was given before under this key is not given again, whatever it says now.
        let entry = workbench.tickets.caused(vec![(id, cause)]).await?.pop().flatten();
        let entry = entry.transpose().map_err(|why| Problem::Unavailable(why.to_string()))?;
        if entry.is_some_and(|entry| entry.input != input) {
            return Err(Problem::CommandedOtherwise(id));
        }
    }
    match asked {
        Asked::Answered(message::Answer::Accepted { version, .. }) => {
            let accepted = Accepted { id, version: Some(version) };
            Ok(HttpResponse::Ok().insert_header(tag(version)).json(accepted))
        }
        Asked::Accepted => Ok(HttpResponse::Accepted().json(Accepted { id, version: None })),
        Asked::Answered(message::Answer::Refused { why: WhyNot::Stale { expected, is }, .. })
            if seen.is_some() =>
        {
            Err(Problem::Stale { expected, is })
        }
        Asked::Answered(answer) => Err(refused(answer)),
    }
}
