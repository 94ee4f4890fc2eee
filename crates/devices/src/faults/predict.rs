//! Where a relocation comes to rest under a plan: the table walked with the outcomes the faults give, without devices,
//! actors or time.

use std::{collections::BTreeMap, time::Duration};

use rehome_domain::{
    command::CommandKind,
    id::RelocationId,
    order::{Layer, OrderKind},
    ports::{Holding, Operation},
    reply::{Found, Presence},
    request::{Request, Spot},
    state::State,
    status::RelocationStatus,
    step::settle,
    table::{self, Trigger},
};
use uuid::Uuid;

use super::{
    Fate, FaultPlan, Standing,
    rule::{End, Site, Subject},
};
use crate::circuit::Circuit;

/// What a plan leads a relocation to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prediction {
    /// Where it comes to rest: closed, or waiting for a person the plan does not have.
    pub state: State,
    /// Every state on the way, from the submission on, the last one included.
    pub passed: Vec<State>,
    /// The table's rows taken.
    pub rows: Vec<&'static str>,
    /// False if a device was slower than its order's deadline: then a real run races with it and may end otherwise.
    pub certain: bool,
}

impl FaultPlan {
    /// Where a relocation comes to rest if everything is deployed as soon as it can be, the plan's operator is asked
    /// first whenever the ticket stands still, its target is free, and configurators try an operation up to
    /// `max_tries` times before they give up (and get to do so before the deadline).
    #[must_use]
    pub fn predict(&self, request: &Request, max_tries: u32) -> Prediction {
        let mut walk = Walk::new(self, request, max_tries);
        if !request.hold {
            walk.fire(Trigger::Command(CommandKind::DeployReservation));
            walk.rest();
        }
        let mut used = Vec::new();
        while let Some(command) = walk.next_command(&mut used) {
            walk.fire(Trigger::Command(command));
            walk.rest();
        }
        Prediction { state: walk.state, passed: walk.passed, rows: walk.rows, certain: walk.certain }
    }
}

/// An order that is out.
type Sent = (Layer, OrderKind, u32);

struct Walk<'a> {
    plan: &'a FaultPlan,
    request: &'a Request,
    max_tries: u32,
    state: State,
    /// What the circuit has on its devices.
    held: BTreeMap<(Layer, Spot), Holding>,
    sent: [[u32; OrderKind::ALL.len()]; 2],
    out: Vec<Sent>,
    passed: Vec<State>,
    rows: Vec<&'static str>,
    certain: bool,
}

impl<'a> Walk<'a> {
    fn new(plan: &'a FaultPlan, request: &'a Request, max_tries: u32) -> Self {
        let mut walk = Self {
            plan,
            request,
            max_tries,
            state: State::SUBMITTED,
            held: BTreeMap::new(),
            sent: Default::default(),
            out: Vec::new(),
            passed: vec![State::SUBMITTED],
            rows: vec![table::SUBMITTED],
            certain: true,
        };
        for layer in Layer::ALL {
            let circuit = walk.circuit(layer);
            let in_service = Holding {
                presence: Presence::Installed,
                service_id: request.service_id.clone(),
                relocation: None,
                description: request.description.clone(),
                ip: None,
                vrf: None,
            };
            walk.held.insert((layer, circuit.old), in_service);
        }
        walk
    }

    /// What a person does now: what the plan's operator says, or deploy what waits to be deployed.
    fn next_command(&self, used: &mut Vec<usize>) -> Option<CommandKind> {
        loop {
            let standing = Standing::new(&self.request.service_id, &self.state);
            let Some(act) = self.plan.operator(&standing, used) else { break };
            used.push(act.rule);
            // A command that the table refuses changes nothing.
            if table::find(&self.state, Trigger::Command(act.command)).is_some() {
                return Some(act.command);
            }
        }
        let deploy = match self.state.relocation {
            RelocationStatus::ReservationPending => CommandKind::DeployReservation,
            _ => CommandKind::DeployCutover,
        };
        table::find(&self.state, Trigger::Command(deploy)).map(|_| deploy)
    }

    /// Takes the row for a trigger, as the step does, and notes the orders it sends.
    fn fire(&mut self, trigger: Trigger) {
        let Some(row) = table::find(&self.state, trigger) else { return };
        let orders = row.orders(&self.state);
        self.state = row.apply(&self.state);
        self.passed.push(self.state);
        self.rows.push(row.id);
        for (layer, kind) in orders {
            let attempt = &mut self.sent[layer as usize][kind as usize];
            *attempt += 1;
            self.out.push((layer, kind, *attempt));
        }
        if trigger != Trigger::Settled {
            self.fire(Trigger::Settled);
        }
    }

    /// Lets every order that is out come to its end.
    fn rest(&mut self) {
        while !self.out.is_empty() {
            let sent = self.out.remove(0);
            self.answer(sent);
        }
    }

    fn answer(&mut self, (layer, kind, attempt): Sent) {
        let Some(work) = self.state.work(layer) else { return };
        let (said, took) = self.carry_out(layer, kind, attempt);
        let patience = Duration::from_millis(kind.allowance_ms(&self.request.deadlines).into());
        let said_at = self.arrival(layer, kind, attempt, took);
        if said_at.is_some_and(|at| at < patience) {
            return self.fire_all(said);
        }
        self.fire(Trigger::Overdue(layer));
        let Some(inspect) =
            self.out.iter().position(|order| order.0 == layer && order.1 == OrderKind::Inspect)
        else {
            return;
        };
        let (_, _, inspect_attempt) = self.out.remove(inspect);
        let (found, looked) = self.inspect(layer, inspect_attempt);
        let inspect_patience = OrderKind::Inspect.allowance_ms(&self.request.deadlines);
        let until = patience + Duration::from_millis(inspect_patience.into());
        let found_at =
            self.arrival(layer, OrderKind::Inspect, inspect_attempt, looked).map(|at| patience + at);
        // The device was still at it when the deadline passed.
        let concluded = took < patience;
        self.certain &= concluded;
        match (found_at.filter(|at| *at < until), said_at.filter(|at| *at < until)) {
            (Some(_), _) if !concluded => self.fire(settle(layer, work, found)),
            // The inspect tells what the order had concluded; a late reply tells the same.
            (Some(_), _) | (None, Some(_)) => self.fire_all(said),
            (None, None) => self.fire(settle(layer, work, None)),
        }
    }

    fn fire_all(&mut self, triggers: Vec<Trigger>) {
        for trigger in triggers {
            self.fire(trigger);
        }
    }

    /// How long after its order a reply arrives; none if never.
    fn arrival(&self, layer: Layer, order: OrderKind, attempt: u32, took: Duration) -> Option<Duration> {
        let service = self.request.service_id.as_str();
        match self.plan.fate(&Subject { service, layer, order, attempt }) {
            Fate::Deliver | Fate::Twice => Some(took),
            Fate::Late(by) => Some(took + by),
            Fate::Drop => None,
        }
    }

    /// Does an order as its configurator does; answers what it says and how long the devices made it wait.
    fn carry_out(&mut self, layer: Layer, kind: OrderKind, attempt: u32) -> (Vec<Trigger>, Duration) {
        let (mut took, request) = (Duration::ZERO, self.request);
        let mut does = |operation| self.perform(layer, kind, attempt, operation, &mut took).is_some();
        let pick = |good: bool, done, failed| vec![if good { done } else { failed }];
        let said = match (layer, kind) {
            (Layer::L3, OrderKind::Reserve) => {
                pick(does(Operation::Reserve), Trigger::L3Reserved, Trigger::L3ReserveFailed)
            }
            (Layer::L2, OrderKind::Reserve) if does(Operation::Reserve) => vec![Trigger::L2Reserved],
            (Layer::L2, OrderKind::Reserve) => {
                let undone = does(Operation::Release);
                let undone = if undone { Trigger::L2RolledBack } else { Trigger::L2RollbackFailed };
                vec![Trigger::L2ReserveFailed, undone]
            }
            (Layer::L3, OrderKind::Release) => {
                pick(does(Operation::Release), Trigger::L3Released, Trigger::L3ReleaseFailed)
            }
            (Layer::L2, OrderKind::Release) => {
                pick(does(Operation::Release), Trigger::L2RolledBack, Trigger::L2RollbackFailed)
            }
            (Layer::L3, OrderKind::Cutover) => {
                vec![match (does(Operation::Teardown), does(Operation::Install)) {
                    (true, true) => Trigger::L3CutOver,
                    (false, true) => Trigger::L3TeardownFailed,
                    (true, false) => Trigger::L3InstallFailed,
                    (false, false) => Trigger::L3BothFailed,
                }]
            }
            (Layer::L2, OrderKind::Cutover) => {
                let (old, new) = (request.old.l2(), request.new.l2());
                let over = match (old.device == new.device, old == new) {
                    (true, false) => does(Operation::Swap),
                    (_, true) => does(Operation::Install),
                    (false, false) => does(Operation::Install) && does(Operation::Teardown),
                };
                pick(over, Trigger::L2CutOver, Trigger::L2CutoverFailed)
            }
            (Layer::L3, OrderKind::RollbackInstall) => pick(
                does(Operation::RollbackInstall),
                Trigger::L3InstallRolledBack,
                Trigger::L3InstallRollbackFailed,
            ),
            (Layer::L2, OrderKind::Notice) => vec![Trigger::L2Noticed],
            // No row sends these, as no simulated gateway holds anything.
            (_, OrderKind::Inspect | OrderKind::Confirm | OrderKind::TakeBack)
            | (Layer::L2, OrderKind::RollbackInstall)
            | (Layer::L3, OrderKind::Notice) => Vec::new(),
        };
        (said, took)
    }

    fn inspect(&mut self, layer: Layer, attempt: u32) -> (Option<Found>, Duration) {
        let mut took = Duration::ZERO;
        let mut look = |operation| self.perform(layer, OrderKind::Inspect, attempt, operation, &mut took);
        let found =
            look(Operation::LookOld).zip(look(Operation::LookNew)).map(|(old, new)| Found { old, new });
        (found, took)
    }

    /// One operation with its configurator's tries; none if it fails.
    fn perform(
        &mut self,
        layer: Layer,
        order: OrderKind,
        attempt: u32,
        operation: Operation,
        took: &mut Duration,
    ) -> Option<Presence> {
        let circuit = self.circuit(layer);
        let spot = circuit.spots(operation).pop()?;
        let service = self.request.service_id.as_str();
        let subject = Subject { service, layer, order, attempt };
        let verdict = self.plan.verdict(&Site { order: subject, device: &spot.device, operation });
        let tries = match verdict.end {
            Some((End::Unreachable { tries }, _)) => tries,
            _ => 0,
        };
        *took += verdict.delay * (1 + tries.min(self.max_tries.saturating_sub(1)));
        let at = |spot: &Spot| self.held.get(&(layer, spot.clone())).cloned();
        let (edits, done) = match verdict.end {
            Some((End::Refuse, _)) => (Vec::new(), false),
            Some((End::Half, _)) => (circuit.half(operation, at), false),
            Some((End::Unreachable { tries }, _)) if tries >= self.max_tries => (Vec::new(), false),
            Some((End::Unreachable { .. }, _)) | None => (circuit.whole(operation, at).ok()?, true),
        };
        for edit in edits {
            match edit.put {
                Some(holding) => self.held.insert((layer, edit.spot), holding),
                None => self.held.remove(&(layer, edit.spot)),
            };
        }
        done.then(|| circuit.presence(self.held.get(&(layer, spot))))
    }

    /// The circuit under an id of its own: nothing that is decided here depends on it.
    fn circuit(&self, layer: Layer) -> Circuit<'a> {
        Circuit::new(layer, RelocationId(Uuid::nil()), self.request)
    }
}
