//! One command for several tickets: first which of them it would be given to and which not and why, then it is given, one
//! by one. The same for the page and for the API.

use std::sync::Arc;

use rehome_domain::{
    action::{self, WhyNot},
    board::{Listed, Look, MAX_COUNT, MAX_LIMIT, Tally},
    command::{Command, CommandKind},
    id::{MessageId, RelocationId},
    lang::Lang,
    message::{Envelope, Input},
    ports::{Loaded, Unreadable},
    role::Role,
    ticket::Ticket,
};
use uuid::Uuid;

use crate::{
    door::Caller,
    frame::Problem,
    runs::{Run, Runs, Sent, What, Wish},
    site::Workbench,
    texts,
};

/// Pages of the list that are looked through for what matches: a search in many tickets finds few on each.
const LOOKS: usize = 8;

/// For which tickets it is asked.
pub(crate) enum Asked {
    /// These.
    Chosen(Vec<RelocationId>),
    /// The first of those that a list has.
    Listed(Box<Look>),
}

/// Which tickets it would be given to.
pub(crate) struct Preview {
    /// To these.
    pub(crate) will: Vec<Ticket>,
    /// Not to these.
    pub(crate) not: Vec<(Ticket, WhyNot)>,
    /// Nor to these: they can't be read, or there are none.
    pub(crate) aside: Vec<(RelocationId, Option<Unreadable>)>,
    /// How many were asked for, if there are more than are taken at once.
    pub(crate) more: Option<More>,
}

impl Preview {
    /// How many were looked at.
    pub(crate) const fn taken(&self) -> usize {
        self.will.len() + self.not.len() + self.aside.len()
    }
}

/// How many were asked for.
pub(crate) enum More {
    /// So many were chosen.
    Chosen(usize),
    /// So many match.
    Matching(Tally),
}

/// Whether a command is not given without a reason.
pub(crate) const fn weighs(kind: CommandKind) -> bool {
    kind.is_force() || matches!(kind, CommandKind::Cancel)
}

/// Looks which tickets a command would be given to. It changes nothing.
///
/// # Errors
/// If the caller may give no commands, or the store fails.
pub(crate) async fn preview(
    workbench: &Workbench,
    caller: &Caller,
    kind: CommandKind,
    asked: Asked,
) -> Result<Preview, Problem> {
    caller.needs(Role::Operator)?;
    let (ids, more) = taken(workbench, asked).await?;
    let mut preview = Preview { will: Vec::new(), not: Vec::new(), aside: Vec::new(), more };
    let loaded = workbench.tickets.load(ids.clone()).await?;
    for (id, loaded) in ids.into_iter().zip(loaded) {
        match loaded {
            Loaded::Ticket(ticket) => match refused(caller, &ticket, kind) {
                None => preview.will.push(*ticket),
                Some(why) => preview.not.push((*ticket, why)),
            },
            Loaded::Unreadable(why) => preview.aside.push((id, Some(why))),
            Loaded::Missing => preview.aside.push((id, None)),
        }
    }
    Ok(preview)
}

/// Those that are taken at once, and how many were asked for if they are more.
async fn taken(workbench: &Workbench, asked: Asked) -> Result<(Vec<RelocationId>, Option<More>), Problem> {
    let mut look = match asked {
        Asked::Chosen(mut chosen) => {
            let count = chosen.len();
            chosen.truncate(MAX_LIMIT);
            return Ok((chosen, (count > MAX_LIMIT).then_some(More::Chosen(count))));
        }
        Asked::Listed(look) => Look { limit: MAX_LIMIT, ..*look },
    };
    let filter = look.filter.clone();
    let mut ids = Vec::new();
    // A page may have fewer rows than were asked for, and go on all the same.
    for _ in 0..LOOKS {
        let page = workbench.board.page(look.clone()).await?;
        ids.extend(page.rows.iter().map(Listed::id));
        look.after = page.next;
        if look.after.is_none() {
            return Ok((ids, None));
        }
        look.limit = MAX_LIMIT.saturating_sub(ids.len());
        if look.limit == 0 {
            break;
        }
    }
    let tally = workbench.board.count(filter, MAX_COUNT).await?;
    Ok((ids, Some(More::Matching(tally))))
}

fn refused(caller: &Caller, ticket: &Ticket, kind: CommandKind) -> Option<WhyNot> {
    let (has, needs) = (caller.role(), Role::to(kind));
    if has < needs {
        return Some(WhyNot::NotAllowed { command: kind, has: Some(has), needs });
    }
    action::allowed(&ticket.state, kind).err()
}

/// What is given to several tickets, each as it was previewed.
pub(crate) struct Act {
    /// The command.
    pub(crate) kind: CommandKind,
    /// Why.
    pub(crate) reason: String,
    /// The tickets with the versions they had. One that has moved on since is refused, and says so.
    pub(crate) tickets: Vec<(RelocationId, u64)>,
    /// Names the act: the same under the same name counts once.
    pub(crate) name: Uuid,
}

/// Begins to give a command to each of these tickets.
///
/// # Errors
/// If the caller may not, a reason is missing, they are more than a preview has, the store fails, or the process stops:
/// nothing was done then.
pub(crate) async fn act(
    workbench: &Arc<Workbench>,
    caller: &Caller,
    lang: Lang,
    act: Act,
) -> Result<Arc<Run>, Problem> {
    let Act { kind, reason, tickets, name } = act;
    caller.needs(Role::to(kind))?;
    if weighs(kind) && reason.trim().is_empty() {
        return Err(Problem::field("reason", texts::reason_needed(lang)));
    }
    if tickets.len() > MAX_LIMIT {
        return Err(Problem::TooLarge);
    }
    let loaded = workbench.tickets.load(tickets.iter().map(|(id, _)| *id).collect()).await?;
    let sent = tickets.into_iter().zip(loaded).map(|((id, version), loaded)| {
        let service = match loaded {
            Loaded::Ticket(ticket) => ticket.request.service_id.clone(),
            Loaded::Unreadable(_) | Loaded::Missing => String::new(),
        };
        // Something else under the same name is another message: it is not passed over as given before.
        let said = format!("{id} {version} {kind} {reason}");
        let command = Command { kind, reason: reason.clone(), expected_version: Some(version), plan: None };
        let envelope = Envelope {
            relocation: id,
            cause: MessageId(Uuid::new_v5(&name, said.as_bytes()).to_string()),
            by: caller.by(),
            input: Input::Command(command),
        };
        Sent { service, relocation: id, wish: Wish::Command(Box::new(envelope)) }
    });
    Runs::start(workbench, What::Command(kind), caller.by(), sent.collect())
}
