//! A ticket, two configurators and a network that loses, doubles, delays and reorders: the ticket always comes to rest,
//! and what is on the devices then is what its statuses promise.
#![allow(clippy::unwrap_used, clippy::panic)]

use jiff::Timestamp;
use proptest::prelude::*;
use rehome_domain::{
    CommandKind, Layer, OrderKind, Report, Request, Ticket, WorkOrderId,
    holding::{End, allowed},
    message::Input,
    order::Dispatch,
    reply::{Found, Outcome, Presence, Reason},
    state::Work,
    ticket::Out,
};
use rehome_testkit::history::{self, Play, failed, failure};

/// What the adversary and the devices decide, drawn beforehand so that a failing run shrinks.
struct Choices {
    drawn: std::vec::IntoIter<u16>,
}

impl Choices {
    /// One of `among`; the first once the drawn ones are used up.
    fn pick<T: Copy>(&mut self, among: &[T]) -> T {
        among[usize::from(self.drawn.next().unwrap_or(0)) % among.len()]
    }

    fn index(&mut self, len: usize) -> usize {
        usize::from(self.drawn.next().unwrap_or(0)) % len
    }

    fn coin(&mut self) -> bool {
        self.pick(&[true, false])
    }

    fn outcome(&mut self) -> Outcome {
        if self.pick(&[true, true, false]) { Outcome::Done } else { failed(Reason::Unreachable) }
    }
}

/// A configurator with its device: ensures, remembers the newest order begun, and says the same again.
struct Configurator {
    layer: Layer,
    old: Presence,
    new: Presence,
    begun: u64,
    concluded: Option<(WorkOrderId, Report)>,
    /// L3: what was there before a cutover that its gateway holds to be confirmed.
    held_over: Option<(Presence, Presence)>,
    /// L2: the failed `reserve` whose own rollback is still to be done.
    to_roll_back: Option<WorkOrderId>,
}

impl Configurator {
    fn new(layer: Layer) -> Self {
        let (old, new) = (Presence::Installed, Presence::Absent);
        Self { layer, old, new, begun: 0, concluded: None, held_over: None, to_roll_back: None }
    }

    /// Takes an order; gives what it replies, if it lives to.
    fn take(&mut self, order: &Dispatch, choices: &mut Choices) -> Option<Report> {
        if order.id.seq < self.begun {
            let superseded = Report::Release { outcome: failed(Reason::Superseded) };
            return choices.coin().then_some(superseded);
        }
        if let Some((_, report)) = self.concluded.as_ref().filter(|(id, _)| *id == order.id) {
            return Some(report.clone());
        }
        self.begun = order.id.seq;
        let report = match order.kind {
            OrderKind::Reserve => Report::Reserve { outcome: self.reserve(choices), rollback: None },
            OrderKind::Release => Report::Release { outcome: self.take_back(choices) },
            OrderKind::RollbackInstall => Report::InstallRolledBack { outcome: self.take_back(choices) },
            OrderKind::Cutover if choices.pick(&[false, false, false, true]) => {
                Report::CutoverRefused { failure: failure(Reason::UnknownDevice) }
            }
            OrderKind::Cutover => self.cut_over(order, choices),
            OrderKind::Confirm => Report::Confirmed { outcome: self.confirm(choices) },
            OrderKind::TakeBack => self.take_cutover_back(choices),
            OrderKind::Notice => Report::Noticed,
            OrderKind::Inspect => return Some(self.inspect(order, choices)),
        };
        if choices.pick(&[false, false, false, true]) {
            // Killed after the device changed and before anybody heard of it.
            return None;
        }
        self.concluded = Some((order.id, report.clone()));
        if self.layer == Layer::L2 && matches!(report, Report::Reserve { outcome: Outcome::Failed(_), .. }) {
            self.to_roll_back = Some(order.id);
        }
        Some(report)
    }

    fn reserve(&mut self, choices: &mut Choices) -> Outcome {
        let outcome = choices.outcome();
        let left = [Presence::Absent, Presence::Reserved, Presence::Partial];
        self.new = if outcome.is_done() { Presence::Reserved } else { choices.pick(&left) };
        outcome
    }

    fn take_back(&mut self, choices: &mut Choices) -> Outcome {
        if self.new == Presence::Absent {
            return Outcome::Done;
        }
        let outcome = choices.outcome();
        self.new =
            if outcome.is_done() { Presence::Absent } else { choices.pick(&[self.new, Presence::Partial]) };
        outcome
    }

    fn cut_over(&mut self, order: &Dispatch, choices: &mut Choices) -> Report {
        if order.attempt > 1 {
            self.time_is_over();
        }
        let before = (self.old, self.new);
        let torn_down = if self.old == Presence::Absent { Outcome::Done } else { choices.outcome() };
        let installed = if self.new == Presence::Installed { Outcome::Done } else { choices.outcome() };
        self.old =
            if torn_down.is_done() { Presence::Absent } else { choices.pick(&[self.old, Presence::Partial]) };
        let short_of_service = [Presence::Absent, Presence::Reserved, Presence::Partial];
        self.new = if installed.is_done() { Presence::Installed } else { choices.pick(&short_of_service) };
        if self.layer == Layer::L3 {
            let both = torn_down.is_done() && installed.is_done();
            let held = both
                && order.attempt == 1
                && (self.held_over.is_some() || choices.pick(&[false, false, true]));
            if held && before != (Presence::Absent, Presence::Installed) {
                self.held_over = Some(before);
            }
            let held_until = held.then_some(Timestamp::MAX);
            return Report::CutoverL3 { teardown: torn_down, install: installed, during: None, held_until };
        }
        Report::CutoverL2 { outcome: if torn_down.is_done() { installed } else { torn_down }, during: None }
    }

    /// The gateway takes back what nobody has confirmed.
    fn time_is_over(&mut self) {
        if let Some(before) = self.held_over.take() {
            (self.old, self.new) = before;
        }
    }

    fn confirm(&mut self, choices: &mut Choices) -> Outcome {
        if !choices.outcome().is_done() {
            return failed(Reason::Unreachable);
        }
        self.held_over = None;
        let stands = (self.old, self.new) == (Presence::Absent, Presence::Installed);
        if stands { Outcome::Done } else { failed(Reason::Conflict) }
    }

    fn take_cutover_back(&mut self, choices: &mut Choices) -> Report {
        if !choices.outcome().is_done() {
            return Report::TakenBack { outcome: failed(Reason::Unreachable), found: None };
        }
        self.time_is_over();
        let found = Some(Found { old: self.old, new: self.new });
        let serves = self.old == Presence::Installed && self.new != Presence::Installed;
        let outcome = if serves { Outcome::Done } else { failed(Reason::Conflict) };
        Report::TakenBack { outcome, found: found.filter(|_| !serves) }
    }

    fn inspect(&mut self, order: &Dispatch, choices: &mut Choices) -> Report {
        let told = self.concluded.as_ref().filter(|(id, _)| Some(*id) == order.about);
        let concluded = told.filter(|_| choices.coin()).map(|(_, report)| Box::new(report.clone()));
        // What is found must be there to stay.
        if !matches!(concluded.as_deref(), Some(Report::CutoverL3 { held_until: Some(_), .. })) {
            self.time_is_over();
        }
        let found = choices.pick(&[true, true, false]).then_some(Found { old: self.old, new: self.new });
        Report::Inspected { found, concluded }
    }

    /// L2's own rollback, unless a newer order has begun.
    fn roll_itself_back(&mut self, choices: &mut Choices) -> Option<(WorkOrderId, Report)> {
        let order = self.to_roll_back.take().filter(|order| order.seq == self.begun)?;
        let (_, Report::Reserve { outcome, .. }) = self.concluded.clone()? else { return None };
        let undone = self.take_back(choices);
        self.concluded = Some((order, Report::Reserve { outcome, rollback: Some(undone.clone()) }));
        Some((order, Report::RolledBack { outcome: undone }))
    }
}

/// The ticket, the two configurators, and what is on its way between them.
struct World {
    play: Play,
    configurators: [Configurator; 2],
    orders: Vec<Dispatch>,
    replies: Vec<Input>,
    choices: Choices,
}

impl World {
    fn new(request: Request, choices: Vec<u16>) -> Self {
        let play = Play::submit(request).unwrap();
        let orders = play.orders.clone();
        let choices = Choices { drawn: choices.into_iter() };
        Self { play, configurators: Layer::ALL.map(Configurator::new), orders, replies: Vec::new(), choices }
    }

    fn put(&mut self, input: Input) {
        let entries = self.play.journal.len();
        self.play.put(input);
        let sent = self.play.journal.iter().skip(entries).flat_map(|entry| entry.sends.clone());
        self.orders.extend(sent);
        self.check();
    }

    fn deliver_order(&mut self, keep_a_copy: bool) {
        let index = self.choices.index(self.orders.len());
        let order = if keep_a_copy { self.orders[index].clone() } else { self.orders.remove(index) };
        let configurator = &mut self.configurators[order.layer as usize];
        let report = configurator.take(&order, &mut self.choices);
        self.replies.extend(report.map(|report| history::reply(order.layer, order.id, report)));
        self.check();
    }

    fn deliver_reply(&mut self, keep_a_copy: bool) {
        let index = self.choices.index(self.replies.len());
        let reply = if keep_a_copy { self.replies[index].clone() } else { self.replies.remove(index) };
        self.put(reply);
    }

    fn roll_back_l2(&mut self) {
        let told = self.configurators[Layer::L2 as usize].roll_itself_back(&mut self.choices);
        self.replies.extend(told.map(|(order, report)| history::reply(Layer::L2, order, report)));
        self.check();
    }

    /// The clock strikes the next deadline.
    fn strike(&mut self) {
        let ticket = &self.play.ticket;
        let out = Layer::ALL.into_iter().filter_map(|layer| ticket.out(layer)).map(Out::awaited);
        let Some(next) = out.min_by_key(|order| order.deadline).cloned() else { return };
        self.play.now = self.play.now.max(next.deadline);
        self.put(Input::Overdue { order: next.id });
    }

    /// One move of the adversary.
    fn disturb(&mut self) {
        let (orders, replies) = (!self.orders.is_empty(), !self.replies.is_empty());
        match self.choices.pick(&[0, 0, 0, 1, 2, 3, 3, 3, 4, 5, 6, 7, 8, 8, 9, 10, 11, 11]) {
            0 if orders => self.deliver_order(false),
            1 if orders => self.deliver_order(true),
            2 if orders => drop(self.orders.remove(self.choices.index(self.orders.len()))),
            3 if replies => self.deliver_reply(false),
            4 if replies => self.deliver_reply(true),
            5 if replies => drop(self.replies.remove(self.choices.index(self.replies.len()))),
            6 => self.roll_back_l2(),
            7 => self.strike(),
            8 => {
                let kind = self.choices.pick(&CommandKind::ALL);
                self.put(history::command(kind));
            }
            9 => self.put(Input::Resumed),
            10 => self.configurators[Layer::L3 as usize].time_is_over(),
            // Somebody has confirmed it on the gateway.
            11 => self.configurators[Layer::L3 as usize].held_over = None,
            _ => {}
        }
    }

    /// The network is kind from now on: everything arrives, or its deadline strikes.
    fn calm_down(&mut self) {
        for _ in 0..200 {
            self.roll_back_l2();
            if !self.orders.is_empty() {
                self.deliver_order(false);
            } else if !self.replies.is_empty() {
                self.deliver_reply(false);
            } else if self.play.ticket.state.in_flight() {
                self.strike();
            } else {
                return;
            }
        }
        panic!("the ticket never comes to rest: {:?}", self.play.ticket.state);
    }

    /// Holds at any moment: what a quiet layer's status promises is true, however late the last order may still arrive.
    fn check(&self) {
        let ticket = &self.play.ticket;
        for configurator in &self.configurators {
            let layer = configurator.layer;
            if !matches!(ticket.state.work(layer), None | Some(Work::Noticing)) {
                continue;
            }
            for (end, there) in [(End::Old, configurator.old), (End::New, configurator.new)] {
                let promised = allowed(ticket, layer, end);
                assert!(
                    promised.contains(&there),
                    "{layer} {end:?} is {there:?}, promised {promised:?}\n{}",
                    self.story()
                );
            }
        }
        let held = self.configurators[Layer::L3 as usize].held_over.is_some();
        assert!(!(ticket.state.is_closed() && held), "closed over a held cutover\n{}", self.story());
        self.check_service(ticket);
    }

    fn check_service(&self, ticket: &Ticket) {
        let cut_over = self.play.orders.iter().any(|order| order.kind == OrderKind::Cutover);
        for configurator in &self.configurators {
            let untouched =
                configurator.old == Presence::Installed && configurator.new != Presence::Installed;
            assert!(cut_over || untouched, "a reservation touched service\n{}", self.story());
            let given_up = !ticket.state.needs_lock() && !cut_over;
            let left = configurator.new != Presence::Absent;
            assert!(!(given_up && left), "the lock is given up over a reservation\n{}", self.story());
        }
    }

    /// The journal, for whoever reads a failure.
    fn story(&self) -> String {
        let entries = self.play.journal.iter();
        let line = |entry: &rehome_domain::Entry| {
            let sends: Vec<String> = entry
                .sends
                .iter()
                .map(|sent| format!("{} {} ({})", sent.layer, sent.kind, sent.id.seq))
                .collect();
            format!(
                "{} {:?} rows {:?} sends {sends:?} note {:?}",
                entry.seq, entry.input, entry.rows, entry.note
            )
        };
        entries.skip(1).map(line).collect::<Vec<_>>().join("\n")
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_the_network_does_the_ticket_comes_to_rest_and_the_devices_hold_what_it_promises(
        request in history::requests(),
        moves in 1..120_usize,
        choices in prop::collection::vec(any::<u16>(), 0..600),
    ) {
        let mut world = World::new(request, choices);
        for _ in 0..moves {
            world.disturb();
        }
        world.calm_down();
        prop_assert!(!world.play.ticket.state.in_flight());
        prop_assert_eq!(&rehome_domain::journal::replay(&world.play.journal).unwrap(), &world.play.ticket);
    }
}

#[test]
fn on_a_kind_network_with_obedient_devices_a_relocation_succeeds() {
    let mut world = World::new(history::request(), Vec::new());
    world.calm_down();
    world.put(history::command(CommandKind::DeployCutover));
    world.calm_down();
    let configurator = |layer: Layer| &world.configurators[layer as usize];
    for layer in Layer::ALL {
        assert_eq!(
            (configurator(layer).old, configurator(layer).new),
            (Presence::Absent, Presence::Installed)
        );
    }
    assert_eq!(world.play.ticket.state.disposition, rehome_domain::Disposition::Completed);
}

/// The property above is worth as much as the histories its adversary makes.
#[test]
fn the_adversary_drives_tickets_through_every_row_of_the_table() {
    use proptest::{strategy::ValueTree, test_runner::TestRunner};
    let mut runner = TestRunner::deterministic();
    let strategy = (history::requests(), 1..120_usize, prop::collection::vec(any::<u16>(), 0..600));
    let mut rows = std::collections::BTreeSet::new();
    for _ in 0..10_000 {
        let (request, moves, choices) = strategy.new_tree(&mut runner).unwrap().current();
        let mut world = World::new(request, choices);
        for _ in 0..moves {
            world.disturb();
        }
        world.calm_down();
        rows.extend(world.play.journal.into_iter().flat_map(|entry| entry.rows));
    }
    let ids = rehome_domain::table::ROWS.iter().map(|row| row.id);
    let missed: Vec<&str> = ids.filter(|id| !rows.contains(*id)).collect();
    assert!(missed.is_empty(), "never taken: {missed:?}");
}
