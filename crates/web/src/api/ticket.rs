//! A ticket as the API tells it: in lists, and by itself.

use jiff::Timestamp;
use rehome_domain::{
    action::{self, WhyNot},
    board,
    command::{By, CommandKind},
    consequence,
    id::RelocationId,
    lang::Lang,
    order::Layer,
    reply::Failure,
    request::{Place, Request, Window},
    role::Role,
    state::Work,
    status::{Attention, CutoverStatus, Disposition, RelocationStatus, ReservationStatus, Side},
    ticket::{self, Outage, Ticket},
};
use schemars::JsonSchema;
use serde::Serialize;

/// A ticket as a list shows it.
#[derive(Serialize, JsonSchema)]
pub(super) struct Line {
    /// Its id.
    id: RelocationId,
    /// Its version: the number of its journal's entries.
    version: u64,
    /// The circuit.
    service_id: String,
    /// Whose.
    customer: String,
    /// From where.
    old: Place,
    /// To where.
    new: Place,
    /// 移机状态: where it stands.
    relocation: RelocationStatus,
    /// 移机预占状态; none: unset.
    reservation: Option<ReservationStatus>,
    /// 移机切换状态; none: unset.
    cutover: Option<CutoverStatus>,
    /// Open, or closed how.
    disposition: Disposition,
    /// What it waits for.
    attention: Attention,
    /// The orders that are out.
    doing: Vec<Doing>,
    /// Its window, while it waits for that.
    window: Option<Window>,
    /// The last failure a configurator told.
    last_failure: Option<LastFailure>,
    /// The customer has no service.
    service_down: bool,
    /// When it was submitted.
    submitted_at: Timestamp,
    /// When it changed last.
    changed_at: Timestamp,
}

/// An order that is out.
#[derive(Serialize, JsonSchema)]
struct Doing {
    /// By whom it is done.
    layer: Layer,
    /// What.
    work: Work,
    /// The how-many-th order of its kind.
    attempt: u32,
    /// Since when.
    since: Timestamp,
    /// Until when it should be answered.
    deadline: Timestamp,
    /// Its deadline has passed, and it is being asked about.
    doubt: bool,
    /// The configurator's own retry, if it is at one.
    retrying: Option<Retrying>,
}

/// A configurator's own retry.
#[derive(Serialize, JsonSchema)]
struct Retrying {
    /// The try that failed, from 1.
    attempt: u32,
    /// What it met.
    failure: Failure,
    /// When it tries again.
    next_at: Timestamp,
}

/// What a configurator told of a failure.
#[derive(Serialize, JsonSchema)]
struct LastFailure {
    /// Whose.
    layer: Layer,
    /// What.
    failure: Failure,
}

impl From<board::Line> for Line {
    fn from(line: board::Line) -> Self {
        let board::Line { id, version, service_id, customer, old, new, standing, window, .. } = line;
        let told = |doing: board::Doing| Doing {
            layer: doing.layer,
            work: doing.work,
            attempt: doing.attempt,
            since: doing.since,
            deadline: doing.deadline,
            doubt: doing.doubt,
            retrying: doing.retrying.map(|retrying| Retrying {
                attempt: retrying.attempt,
                failure: retrying.failure,
                next_at: retrying.next_at,
            }),
        };
        Self {
            id,
            version,
            service_id,
            customer,
            old,
            new,
            relocation: standing.relocation,
            reservation: standing.reservation,
            cutover: standing.cutover,
            disposition: standing.disposition,
            attention: standing.attention,
            doing: line.doing.into_iter().map(told).collect(),
            window,
            last_failure: line.last_failure.map(|(layer, failure)| LastFailure { layer, failure }),
            service_down: line.service_down,
            submitted_at: line.submitted_at,
            changed_at: line.changed_at,
        }
    }
}

/// A manual act.
#[derive(Serialize, JsonSchema)]
struct Act {
    /// Who.
    by: By,
    /// When.
    at: Timestamp,
    /// Why.
    reason: String,
}

impl From<&ticket::Act> for Act {
    fn from(act: &ticket::Act) -> Self {
        Self { by: act.by.clone(), at: act.at, reason: act.reason.clone() }
    }
}

/// A command, and whether whoever asks may give it now.
#[derive(Serialize, JsonSchema)]
struct Action {
    /// Which.
    command: CommandKind,
    /// Whether it would be taken now.
    allowed: bool,
    /// Why not.
    why: Option<WhyNot>,
    /// The same as a sentence.
    why_not: Option<String>,
    /// What will follow if it is given now, each in a sentence.
    follows: Vec<String>,
}

/// One ticket.
#[derive(Serialize, JsonSchema)]
pub(super) struct Details {
    /// As lists show it.
    #[serde(flatten)]
    line: Line,
    /// What was asked for.
    request: Request,
    /// How taking L3's reservation back went.
    l3_reservation_rollback: Side,
    /// How taking a failed install back went.
    install_rollback: Side,
    /// How L2's cutover went.
    l2_cutover: Side,
    /// The gateway holds L3's cutover until L2's is done, and takes it back by itself if nobody confirms it.
    held: bool,
    /// A person asked to cancel; it closes as soon as nothing is held.
    cancelling: bool,
    /// It was submitted while its devices were paused.
    held_back: bool,
    /// Who forced the reservation.
    forced_reservation: Option<Act>,
    /// Who forced the completion.
    forced_completion: Option<Act>,
    /// Who cancelled.
    cancelled: Option<Act>,
    /// When the customer was without service, as the configurators measured it; none: not yet, or not measured.
    outage: Option<Outage>,
    /// The same in milliseconds, once it is over; none too if the clocks of the configurators differ by more than it lasted.
    outage_ms: Option<u64>,
    /// The fingerprint of the plan that its cutovers go by; none: nobody has said one.
    plan: Option<String>,
    /// Every command, and whether it may be given now.
    actions: Vec<Action>,
}

impl Details {
    /// A ticket, to whoever has this role and reads this language.
    pub(super) fn of(ticket: &Ticket, role: Role, lang: Lang) -> Self {
        let action = |(command, allowed): (CommandKind, Result<(), WhyNot>)| {
            let needs = Role::to(command);
            let right = || {
                let not = WhyNot::NotAllowed { command, has: Some(role), needs };
                if role < needs { Err(not) } else { Ok(()) }
            };
            let why = allowed.and_then(|()| right()).err();
            let why_not = why.as_ref().map(|why| why.sentence(lang));
            let follows =
                if why.is_none() { consequence::of(ticket, command).unwrap_or_default() } else { Vec::new() };
            let follows = follows.iter().map(|follows| follows.sentence(lang)).collect();
            Action { command, allowed: why.is_none(), why, why_not, follows }
        };
        let state = &ticket.state;
        Self {
            line: board::Line::of(ticket).into(),
            request: ticket.request.as_ref().clone(),
            l3_reservation_rollback: state.l3_reservation_rollback,
            install_rollback: state.install_rollback,
            l2_cutover: state.l2_cutover,
            held: state.held,
            cancelling: state.cancelling,
            held_back: ticket.held_back,
            forced_reservation: ticket.forced_reservation.as_ref().map(Act::from),
            forced_completion: ticket.forced_completion.as_ref().map(Act::from),
            cancelled: ticket.cancelled.as_ref().map(Act::from),
            outage: ticket.outage,
            outage_ms: ticket.outage.as_ref().and_then(Outage::ms),
            plan: ticket.plan.as_ref().map(|plan| plan.fingerprint.clone()),
            actions: action::actions(state).into_iter().map(action).collect(),
        }
    }
}
