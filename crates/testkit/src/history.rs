//! Histories of one ticket: everything that could come in for it, played through the step.
//!
//! [`Play`] keeps a ticket with its journal; [`Move`] and [`moves`] draw at random what comes in. What it does is the
//! domain's. Tests that would rather have everything at once enumerate ([`crate::enumerate`]).

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::{Just, Strategy, any, prop, prop_oneof};
use rehome_domain::{
    command::{By, Command, CommandKind},
    id::{MessageId, RelocationId, WorkOrderId},
    journal::Entry,
    message::{Envelope, Input},
    order::{Dispatch, Layer, MESSAGE_VERSION, OrderKind},
    reply::{Failure, Found, Outcome, Presence, Reason, Reply, Report},
    request::{Deadlines, Place, Request, Window},
    role::Role,
    steering::Scope,
    step::{Context, Stepped, step},
    ticket::Ticket,
};

/// The relocation that every history is about.
pub const RELOCATION: RelocationId = RelocationId(uuid::Uuid::from_u128(0x7e57));
/// Another relocation: whose orders are foreign here, and who may hold the target.
pub const OTHER: RelocationId = RelocationId(uuid::Uuid::from_u128(0x07e5));
/// When every history begins.
pub const START: Timestamp = Timestamp::UNIX_EPOCH;

/// A valid request: a leased line that moves to another gateway and another switch.
#[must_use]
pub fn request() -> Request {
    let place = |l3_device: &str, l2_device: &str, vlan| Place {
        l3_device: l3_device.to_owned(),
        l3_port: "ge-0/0/1".to_owned(),
        vlan,
        inner_vlan: None,
        l2_device: l2_device.to_owned(),
        l2_port: "eth7".to_owned(),
    };
    Request {
        service_id: "LL-0001".to_owned(),
        customer: "Acme".to_owned(),
        old: place("gw-east", "sw-east", 100),
        new: place("gw-west", "sw-west", 200),
        ip: "192.0.2.1/30".to_owned(),
        vrf: None,
        description: "LL-0001 Acme".to_owned(),
        window: None,
        external_id: None,
        hold: false,
        deadlines: Deadlines::default(),
    }
}

/// The same with a window an hour after the start, an hour long.
#[must_use]
pub fn windowed_request() -> Request {
    let at = |hours| START + SignedDuration::from_hours(hours);
    Request { window: Some(Window { start: at(1), end: at(2) }), ..request() }
}

/// A person.
#[must_use]
pub fn person() -> By {
    By::Person { name: "operator".to_owned(), via: "plan".to_owned(), role: Role::Supervisor }
}

// ---------------------------------------------------------------------------------------------------------------
// What can come in

/// Both outcomes.
#[must_use]
pub fn outcomes() -> [Outcome; 2] {
    [Outcome::Done, failed(Reason::Rejected)]
}

/// A failed outcome.
#[must_use]
pub fn failed(reason: Reason) -> Outcome {
    Outcome::Failed(failure(reason))
}

/// A failure.
#[must_use]
pub fn failure(reason: Reason) -> Failure {
    Failure { reason, text: "the device said no".to_owned() }
}

/// Everything a device may hold at one spot.
pub const PRESENCES: [Presence; 4] =
    [Presence::Absent, Presence::Reserved, Presence::Partial, Presence::Installed];

/// Everything an `inspect` may find.
#[must_use]
pub fn findings() -> Vec<Option<Found>> {
    let both = PRESENCES.into_iter().flat_map(|old| PRESENCES.map(|new| Some(Found { old, new })));
    std::iter::once(None).chain(both).collect()
}

/// Every report that fits an order of this kind, the last word as well as the words on the way. For an `inspect`,
/// `about` is the kind of the order in doubt.
#[must_use]
pub fn reports(layer: Layer, kind: OrderKind, about: Option<OrderKind>) -> Vec<Report> {
    let each = |report: fn(Outcome) -> Report| outcomes().map(report).to_vec();
    match (layer, kind) {
        (Layer::L3, OrderKind::Reserve) => each(|outcome| Report::Reserve { outcome, rollback: None }),
        (Layer::L2, OrderKind::Reserve) => {
            let mut all = each(|outcome| Report::Reserve { outcome, rollback: None });
            all.extend(each(|undone| Report::Reserve {
                outcome: failed(Reason::Unreachable),
                rollback: Some(undone),
            }));
            all.extend(each(|outcome| Report::RolledBack { outcome }));
            all
        }
        (_, OrderKind::Release) => each(|outcome| Report::Release { outcome }),
        (Layer::L3, OrderKind::Cutover) => {
            let mut all = vec![Report::CutoverRefused { failure: failure(Reason::UnknownDevice) }];
            for teardown in outcomes() {
                all.extend(outcomes().map(|install| Report::CutoverL3 {
                    teardown: teardown.clone(),
                    install,
                    during: None,
                    held_until: None,
                }));
            }
            let (teardown, install) = (Outcome::Done, Outcome::Done);
            let held = |until: Timestamp| Report::CutoverL3 {
                teardown: teardown.clone(),
                install: install.clone(),
                during: None,
                held_until: Some(until),
            };
            // As long as any history lasts, and no longer than the first moment of it.
            all.extend([held(Timestamp::MAX), held(START)]);
            all
        }
        (Layer::L2, OrderKind::Cutover) => {
            let mut all = each(|outcome| Report::CutoverL2 { outcome, during: None });
            all.push(Report::CutoverRefused { failure: failure(Reason::UnknownDevice) });
            all
        }
        (_, OrderKind::RollbackInstall) => each(|outcome| Report::InstallRolledBack { outcome }),
        (_, OrderKind::Confirm) => each(|outcome| Report::Confirmed { outcome }),
        (_, OrderKind::TakeBack) => {
            let stands = Found { old: Presence::Absent, new: Presence::Installed };
            let half = Found { old: Presence::Partial, new: Presence::Partial };
            let failed = |found| Report::TakenBack { outcome: failed(Reason::Conflict), found };
            let done = Report::TakenBack { outcome: Outcome::Done, found: None };
            std::iter::once(done).chain([None, Some(stands), Some(half)].map(failed)).collect()
        }
        (_, OrderKind::Notice) => vec![Report::Noticed],
        (_, OrderKind::Inspect) => inspections(layer, about),
    }
}

/// What an `inspect` may answer: what is there, or the report whose reply was lost.
fn inspections(layer: Layer, about: Option<OrderKind>) -> Vec<Report> {
    let found = findings().into_iter().map(|found| Report::Inspected { found, concluded: None });
    let lost = about.filter(|kind| *kind != OrderKind::Inspect).map(|kind| reports(layer, kind, None));
    let concluded = lost
        .unwrap_or_default()
        .into_iter()
        .map(|report| Report::Inspected { found: None, concluded: Some(Box::new(report)) });
    found.chain(concluded).collect()
}

/// A configurator's word that it will try again.
#[must_use]
pub fn retrying(attempt: u32) -> Report {
    let next_at = START + SignedDuration::from_secs(i64::from(attempt));
    Report::Retrying { attempt, failure: failure(Reason::Locked), next_at }
}

/// Every report of every kind from either layer, and the ones that mean nothing by themselves.
#[must_use]
pub fn every_report() -> Vec<Report> {
    let mut all = vec![
        retrying(1),
        Report::Reserve { outcome: failed(Reason::Superseded), rollback: None },
        Report::CutoverL2 { outcome: failed(Reason::Superseded), during: None },
    ];
    for layer in Layer::ALL {
        for kind in OrderKind::ALL {
            for report in reports(layer, kind, Some(OrderKind::Reserve)) {
                if !all.contains(&report) {
                    all.push(report);
                }
            }
        }
    }
    all
}

/// A reply.
#[must_use]
pub fn reply(layer: Layer, order: WorkOrderId, report: Report) -> Input {
    Input::Reply(Reply { v: MESSAGE_VERSION, order, attempt: 1, layer, report })
}

/// A command with a reason.
#[must_use]
pub fn command(kind: CommandKind) -> Input {
    Input::Command(Command {
        kind,
        reason: "told to by the customer".to_owned(),
        expected_version: None,
        plan: None,
    })
}

/// Who could be behind an input.
#[must_use]
pub fn behind(input: &Input) -> By {
    match input {
        Input::Submitted { .. } | Input::Command(_) => person(),
        Input::Reply(reply) => By::Configurator { layer: reply.layer, domain: None },
        Input::Overdue { .. } | Input::WindowOpened => By::Timer,
        Input::Resumed | Input::Unpaused | Input::Undeliverable { .. } => By::System,
    }
}

// ---------------------------------------------------------------------------------------------------------------
// Playing

/// A ticket with its journal and its clock: what a supervisor and a store are between them.
#[derive(Debug, Clone)]
pub struct Play {
    /// The ticket after the last entry.
    pub ticket: Ticket,
    /// Its journal.
    pub journal: Vec<Entry>,
    /// Every order it ever sent, once each, in order.
    pub orders: Vec<Dispatch>,
    /// Now.
    pub now: Timestamp,
    /// Who else holds the target, if someone does.
    pub held_by: Option<RelocationId>,
    /// What is paused.
    pub paused: Option<Scope>,
    messages: u64,
}

impl Play {
    /// Submits a request at [`START`]; none if it is not accepted.
    #[must_use]
    pub fn submit(request: Request) -> Option<Self> {
        Self::submit_while(request, None)
    }

    /// The same while something is paused.
    #[must_use]
    pub fn submit_while(request: Request, paused: Option<Scope>) -> Option<Self> {
        let input = Input::Submitted { request: Arc::new(request) };
        let cause = MessageId("message-1".to_owned());
        let envelope = Envelope { relocation: RELOCATION, cause, by: person(), input };
        let context = Context { paused: paused.clone(), ..Context::at(START) };
        let Stepped::Journaled(stepped) = step(None, &envelope, &context) else { return None };
        let (ticket, entry) = *stepped;
        let orders = entry.sends.clone();
        Some(Self { ticket, journal: vec![entry], orders, now: START, held_by: None, paused, messages: 1 })
    }

    /// Gives the ticket an input now.
    pub fn put(&mut self, input: Input) -> Stepped {
        let by = behind(&input);
        self.put_by(by, input)
    }

    /// The same from somebody in particular.
    pub fn put_by(&mut self, by: By, input: Input) -> Stepped {
        self.messages += 1;
        let cause = MessageId(format!("message-{}", self.messages));
        let envelope = Envelope { relocation: self.ticket.id, cause, by, input };
        let context = Context { held_by: self.held_by, paused: self.paused.clone(), ..Context::at(self.now) };
        let stepped = step(Some(&self.ticket), &envelope, &context);
        if let Stepped::Journaled(stepped) = &stepped {
            let (ticket, entry) = stepped.as_ref();
            self.ticket = ticket.clone();
            for sent in &entry.sends {
                if !self.orders.iter().any(|order| order.id == sent.id) {
                    self.orders.push(sent.clone());
                }
            }
            self.journal.push(entry.clone());
        }
        stepped
    }

    /// Turns a move into an input and gives it; none if the move has no meaning here (nothing is out to answer).
    pub fn make(&mut self, step: &Move) -> Option<Stepped> {
        let input = self.input(step)?;
        self.held_by = matches!(step, Move::Command { held: true, .. }).then_some(OTHER);
        Some(self.put(input))
    }

    fn input(&mut self, step: &Move) -> Option<Input> {
        let ticket = &self.ticket;
        Some(match step {
            Move::Command { kind, reason, stale, .. } => Input::Command(Command {
                kind: *kind,
                reason: if *reason { "told to".to_owned() } else { " ".to_owned() },
                expected_version: stale.map(|stale| ticket.version - u64::from(stale)),
                plan: None,
            }),
            Move::Answer { layer, inspect, pick } => {
                let out = ticket.out(*layer)?;
                let order = out.inspect.as_ref().filter(|_| *inspect).unwrap_or(&out.order);
                self.about(order.id, *pick)?
            }
            Move::Stray { order, pick } => {
                let order = chosen(&self.orders, *order)?.id;
                self.about(order, *pick)?
            }
            Move::Unfit { layer, order, pick } => {
                let order = chosen(&self.orders, *order)?.id;
                reply(*layer, order, chosen(&every_report(), *pick)?.clone())
            }
            Move::Foreign { layer, ahead, pick } => {
                let (relocation, seq) = if *ahead { (ticket.id, ticket.version + 1) } else { (OTHER, 1) };
                let order = WorkOrderId { relocation, seq, index: 0 };
                reply(*layer, order, chosen(&every_report(), *pick)?.clone())
            }
            Move::Repeat { entry } => chosen(&self.journal, *entry)?.input.clone(),
            Move::Overdue { layer, in_time } => {
                let awaited = ticket.out(*layer)?.awaited();
                let (order, deadline) = (awaited.id, awaited.deadline);
                if *in_time {
                    self.now = self.now.max(deadline);
                }
                Input::Overdue { order }
            }
            Move::Undeliverable { layer } => Input::Undeliverable { order: ticket.out(*layer)?.awaited().id },
            Move::Wait { minutes } => {
                self.now += SignedDuration::from_mins(i64::from(*minutes));
                Input::WindowOpened
            }
            Move::Resumed => Input::Resumed,
            Move::Pause { on } => {
                self.paused = on.then_some(Scope::Everything);
                Input::Unpaused
            }
        })
    }

    /// A fitting report about an order sent.
    fn about(&self, order: WorkOrderId, pick: u16) -> Option<Input> {
        let sent = self.orders.iter().find(|sent| sent.id == order)?;
        let about = sent.about.and_then(|about| self.orders.iter().find(|sent| sent.id == about));
        let mut fitting = reports(sent.layer, sent.kind, about.map(|about| about.kind));
        fitting.push(retrying(u32::from(pick % 5) + 1));
        Some(reply(sent.layer, order, chosen(&fitting, pick)?.clone()))
    }
}

fn chosen<T>(from: &[T], pick: u16) -> Option<&T> {
    from.get(usize::from(pick).checked_rem(from.len())?)
}

// ---------------------------------------------------------------------------------------------------------------
// Drawing at random

/// One thing that happens in a random history. `pick` and the like choose among what there is at that moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Move {
    /// A person commands.
    Command {
        /// What.
        kind: CommandKind,
        /// Whether a reason is given.
        reason: bool,
        /// How many versions ago the ticket was seen, if that is said.
        stale: Option<u8>,
        /// Whether another relocation holds the target.
        held: bool,
    },
    /// The order that a layer has out is answered with a report that fits.
    Answer {
        /// Whose.
        layer: Layer,
        /// The `inspect` about it, if one is out.
        inspect: bool,
        /// Which report.
        pick: u16,
    },
    /// Any order ever sent is answered with a report that fits: mostly late, in any order.
    Stray {
        /// Which order.
        order: u16,
        /// Which report.
        pick: u16,
    },
    /// Any order ever sent is answered with any report by any layer.
    Unfit {
        /// By whom.
        layer: Layer,
        /// Which order.
        order: u16,
        /// Which report.
        pick: u16,
    },
    /// An order of another relocation, or one not sent yet, is answered.
    Foreign {
        /// By whom.
        layer: Layer,
        /// Not sent yet.
        ahead: bool,
        /// Which report.
        pick: u16,
    },
    /// Something that came in before comes again.
    Repeat {
        /// Which entry's input.
        entry: u16,
    },
    /// The bus finds nobody to give a layer's order to.
    Undeliverable {
        /// Whose.
        layer: Layer,
    },
    /// The clock says that a layer's deadline has passed.
    Overdue {
        /// Whose.
        layer: Layer,
        /// And it has.
        in_time: bool,
    },
    /// Time passes, and the clock says that the window has opened.
    Wait {
        /// How much.
        minutes: u8,
    },
    /// The system starts again.
    Resumed,
    /// Everything is paused, or resumed; the sweep that follows a resume comes by.
    Pause {
        /// Paused.
        on: bool,
    },
}

/// One random move; mostly such as move a ticket on.
pub fn moves() -> impl Strategy<Value = Move> {
    let layer = || prop_oneof![Just(Layer::L3), Just(Layer::L2)];
    let kind = prop::sample::select(CommandKind::ALL.to_vec());
    let stale = prop_oneof![8 => Just(None), 2 => Just(Some(0_u8)), 1 => Just(Some(1_u8))];
    prop_oneof![
        6 => (kind, prop::bool::weighted(0.9), stale, prop::bool::weighted(0.1))
            .prop_map(|(kind, reason, stale, held)| Move::Command { kind, reason, stale, held }),
        12 => (layer(), any::<bool>(), any::<u16>())
            .prop_map(|(layer, inspect, pick)| Move::Answer { layer, inspect, pick }),
        3 => (layer(), prop::bool::weighted(0.8))
            .prop_map(|(layer, in_time)| Move::Overdue { layer, in_time }),
        2 => (any::<u16>(), any::<u16>()).prop_map(|(order, pick)| Move::Stray { order, pick }),
        1 => (layer(), any::<u16>(), any::<u16>())
            .prop_map(|(layer, order, pick)| Move::Unfit { layer, order, pick }),
        1 => (layer(), any::<bool>(), any::<u16>())
            .prop_map(|(layer, ahead, pick)| Move::Foreign { layer, ahead, pick }),
        2 => any::<u16>().prop_map(|entry| Move::Repeat { entry }),
        1 => layer().prop_map(|layer| Move::Undeliverable { layer }),
        1 => (1..90_u8).prop_map(|minutes| Move::Wait { minutes }),
        1 => Just(Move::Resumed),
        1 => prop::bool::weighted(0.2).prop_map(|on| Move::Pause { on }),
    ]
}

/// A random request: at once or held, with a window or without.
pub fn requests() -> impl Strategy<Value = Request> {
    (any::<bool>(), any::<bool>()).prop_map(|(hold, windowed)| {
        let request = if windowed { windowed_request() } else { request() };
        Request { hold, ..request }
    })
}
