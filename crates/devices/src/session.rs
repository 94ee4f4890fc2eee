//! A session with one device: what an operation means, over whichever [`Device`] there is.
//!
//! It looks, decides and changes by compare-and-set, and remembers nothing: two processes at one device stay correct, and
//! doing an operation twice is doing it once. What each operation does is in `circuit`.

use std::sync::Arc;

use rehome_domain::{
    lang::Lang,
    order::{Layer, WorkOrder},
    plan::DevicePlan,
    ports::{Driver, DriverError, Edit, Holding, Operation, Wait},
    reply::{Presence, Reason},
    request::{Request, Spot},
    wording,
};

use crate::{
    circuit::Circuit,
    device::{Change, Device, Found, permanent},
    plan, precheck,
};

/// A session with one device.
pub struct Session<D> {
    device: D,
    layer: Layer,
    name: String,
}

/// How far the device gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extent {
    Whole,
    Half,
}

/// What an order of several is answered if the device takes what they share; none for one that has to be tried alone.
type Answer = Option<Result<Presence, DriverError>>;
/// What several orders change together, and their answers.
type Decided = (Vec<Change>, Vec<Answer>);

/// Orders that want the same operation of a device, and may share a change of it.
struct Shared<'a> {
    operation: Operation,
    orders: &'a [Arc<WorkOrder>],
    circuits: Vec<Circuit<'a>>,
    spots: Vec<Vec<Spot>>,
}

impl Shared<'_> {
    /// All of them fail in the same way.
    fn fail(&self, error: &DriverError) -> Vec<Answer> {
        self.orders.iter().map(|_| Some(Err(error.clone()))).collect()
    }
}

impl<D: Device> Session<D> {
    /// A session with a device of this name and layer.
    #[must_use]
    pub fn new(layer: Layer, name: impl Into<String>, device: D) -> Self {
        Self { device, layer, name: name.into() }
    }

    /// What this device holds at a relocation's spots on it, and what each of its orders would do here.
    async fn foresee(&mut self, order: &WorkOrder) -> Result<DevicePlan, DriverError> {
        let circuit = Circuit::of(order, self.layer);
        let found = self.look_at(&circuit).await?;
        let swaps = self.layer == Layer::L2 || self.device.swaps();
        let preview = |changes: &[Change]| self.device.preview(changes);
        Ok(plan::foresee(&circuit, &self.name, swaps, &found, preview))
    }

    /// Whether a cutover may begin here.
    async fn check_before(&mut self, order: &WorkOrder) -> Result<Presence, DriverError> {
        let circuit = Circuit::of(order, self.layer);
        let mut found = self.look_at(&circuit).await?;
        // Once the old place is gone the cutover has begun, perhaps by one who died in the middle: the halves tell how far it
        // came, and what is in the way of the rest is their failure. Or somebody else has taken the old place away, which can't
        // be told apart here: an order that comes again after its teardown, before its install, finds the same, with the same
        // attempt. To refuse that one would leave the customer without service.
        let is_gone = |(spot, found): &(Spot, Option<Found>)| *spot == circuit.old && found.is_none();
        let has_begun = circuit.moves() && found.iter().any(is_gone);
        if has_begun && order.expected.is_empty() {
            return Ok(Presence::Absent);
        }
        if let Err(refused) = precheck::check(&circuit, order, &found) {
            if !self.device.settle(order.relocation).await? {
                return Err(refused);
            }
            found = self.look_at(&circuit).await?;
            precheck::check(&circuit, order, &found)?;
        }
        if circuit.new.device == self.name && !has_begun {
            self.device.is_ready(&circuit.new).await?;
        }
        let new = found.into_iter().find(|(spot, _)| *spot == circuit.new);
        let held = new.and_then(|(spot, found)| held(&circuit, &spot, found));
        Ok(circuit.presence(held.as_ref()))
    }

    /// What is at those of a relocation's spots that are on this device.
    async fn look_at(&mut self, circuit: &Circuit<'_>) -> Result<Vec<(Spot, Option<Found>)>, DriverError> {
        let mut spots = circuit.spots(Operation::Swap);
        spots.retain(|spot| spot.device == self.name);
        let found = self.device.look(&spots).await?;
        Ok(spots.into_iter().zip(found).collect())
    }

    pub(crate) const fn layer(&self) -> Layer {
        self.layer
    }

    pub(crate) fn device(&self) -> &str {
        &self.name
    }

    /// Does half of it and stops: a reservation, install, release, teardown or rollback leaves [`Presence::Partial`], a
    /// swap puts the new end into service and leaves the old. For fault plans.
    ///
    /// # Errors
    /// The same as [`Driver::perform`]; the fault itself is the caller's to report.
    pub async fn perform_half(
        &mut self,
        operation: Operation,
        order: &WorkOrder,
    ) -> Result<Presence, DriverError> {
        self.ensure(operation, order, Extent::Half).await
    }

    async fn ensure(
        &mut self,
        operation: Operation,
        order: &WorkOrder,
        extent: Extent,
    ) -> Result<Presence, DriverError> {
        match operation {
            Operation::Check => return self.check_before(order).await,
            Operation::Confirm | Operation::TakeBack => return self.end_hold(operation, order).await,
            _ => {}
        }
        let circuit = Circuit::of(order, self.layer);
        let spots = circuit.spots(operation);
        self.check(operation, order, spots.iter().map(|spot| spot.device.as_str()))?;
        let (found, changes) = self.decided(&circuit, operation, extent, &spots).await?;
        let answered = answered(&circuit, &spots, &found, &changes);
        if !changes.is_empty() {
            match operation {
                Operation::Hold => self.device.hold(&changes, order.relocation).await?,
                _ => self.device.change(&changes).await?,
            }
        }
        Ok(circuit.presence(answered.as_ref()))
    }

    /// Ends what the device holds for this relocation. What is there afterwards says how: whoever comes too late, or a second
    /// time, hears whether the cutover stands.
    async fn end_hold(&mut self, operation: Operation, order: &WorkOrder) -> Result<Presence, DriverError> {
        let circuit = Circuit::of(order, self.layer);
        let spots = circuit.spots(operation);
        self.check(operation, order, spots.iter().map(|spot| spot.device.as_str()))?;
        match operation {
            Operation::Confirm => self.device.confirm(order.relocation).await?,
            _ => drop(self.device.settle(order.relocation).await?),
        }
        let found = self.look_at(&circuit).await?;
        let at = |wanted: &Spot| {
            let found = found.iter().find(|(spot, _)| spot == wanted).and_then(|(_, found)| found.clone());
            circuit.presence(held(&circuit, wanted, found).as_ref())
        };
        let (old, new) = (at(&circuit.old), at(&circuit.new));
        let (as_wanted, why) = match operation {
            Operation::Confirm => (
                old == Presence::Absent && new == Presence::Installed,
                "the cutover does not stand: it was not confirmed in time, or somebody has taken it back",
            ),
            _ => (
                old == Presence::Installed && new != Presence::Installed,
                "the cutover can't be taken back any more",
            ),
        };
        if as_wanted {
            return Ok(new);
        }
        let there = |presence| wording::presence(Lang::En, presence);
        let text = format!(
            "{}: {why}; the circuit is {} at {}, {} at {}",
            self.name,
            there(old),
            circuit.old,
            there(new),
            circuit.new
        );
        Err(permanent(Reason::Conflict, text))
    }

    /// What is at the spots, and what is to be changed there. Where that is nothing, or is refused, what was seen must be there to
    /// stay: an order is not done, nor refused, by what the device is going to take back. Only what is to be held may be so
    /// already, by the same order given before.
    async fn decided(
        &mut self,
        circuit: &Circuit<'_>,
        operation: Operation,
        extent: Extent,
        spots: &[Spot],
    ) -> Result<(Vec<Option<Found>>, Vec<Change>), DriverError> {
        let found = self.device.look(spots).await?;
        let decided = decide(circuit, operation, extent, spots, &found);
        let stays = |changes: &Vec<Change>| !changes.is_empty() || operation == Operation::Hold;
        let may_change = match operation {
            _ if decided.as_ref().is_ok_and(stays) => false,
            // It is what was held for it before, and what it wants.
            Operation::Swap if decided.is_ok() => {
                self.device.confirm(circuit.relocation).await?;
                true
            }
            _ => self.device.settle(circuit.relocation).await?,
        };
        if !may_change {
            return decided.map(|changes| (found, changes));
        }
        let found = self.device.look(spots).await?;
        decide(circuit, operation, extent, spots, &found).map(|changes| (found, changes))
    }

    /// As many orders as can be in one change of the device. If it does not take it as a whole, each is tried alone.
    async fn ensure_all(
        &mut self,
        operation: Operation,
        orders: &[Arc<WorkOrder>],
    ) -> Vec<Result<Presence, DriverError>> {
        let shared = self.ensure_shared(operation, orders).await;
        let mut answers = Vec::with_capacity(orders.len());
        for (order, answer) in orders.iter().zip(shared) {
            answers.push(match answer {
                Some(answer) => answer,
                None => self.ensure(operation, order, Extent::Whole).await,
            });
        }
        answers
    }

    /// The answers that a shared change gives; none for an order that has to be tried alone.
    async fn ensure_shared(&mut self, operation: Operation, orders: &[Arc<WorkOrder>]) -> Vec<Answer> {
        let circuits: Vec<_> = orders.iter().map(|order| Circuit::of(order, self.layer)).collect();
        let spots: Vec<Vec<Spot>> = circuits.iter().map(|circuit| circuit.spots(operation)).collect();
        let shared = Shared { operation, orders, circuits, spots };
        let (all, answers) = match self.decided_all(&shared).await {
            Ok(decided) => decided,
            Err(error) => return shared.fail(&error),
        };
        if all.is_empty() {
            return answers;
        }
        let Err(error) = self.device.change(&all).await else { return answers };
        // Where the device could not be reached at all it would not be reached for each alone either.
        let for_all = matches!(error.failure.reason, Reason::Unreachable | Reason::Locked | Reason::TimedOut);
        let alone = || (error.transient && for_all).then(|| Err(error.clone()));
        answers
            .into_iter()
            .map(|answer| if matches!(answer, Some(Ok(_))) { alone() } else { answer })
            .collect()
    }

    /// The same as [`decided`](Self::decided), for orders that share a change: nobody is refused for what the device is going to
    /// take back.
    async fn decided_all(&mut self, shared: &Shared<'_>) -> Result<Decided, DriverError> {
        let spots = shared.spots.concat();
        let found = self.device.look(&spots).await?;
        let (all, mut answers) = self.decide_all(shared, &found);
        let is_refused = |answer: &Answer| matches!(answer, Some(Err(_)));
        let Some(order) = shared.orders.first().filter(|_| answers.iter().any(is_refused)) else {
            return Ok((all, answers));
        };
        match self.device.settle(order.relocation).await {
            Ok(false) => {}
            Ok(true) => {
                let found = self.device.look(&spots).await?;
                return Ok(self.decide_all(shared, &found));
            }
            Err(error) => {
                for answer in answers.iter_mut().filter(|answer| is_refused(answer)) {
                    *answer = Some(Err(error.clone()));
                }
            }
        }
        Ok((all, answers))
    }

    /// What orders that share a change put into it, and what each is answered.
    fn decide_all(&self, shared: &Shared<'_>, found: &[Option<Found>]) -> Decided {
        let Shared { operation, orders, ref circuits, ref spots } = *shared;
        let (mut all, mut answers) = (Vec::<Change>::new(), Vec::with_capacity(orders.len()));
        let mut rest = found;
        for ((order, circuit), spots) in orders.iter().zip(circuits).zip(spots) {
            let (found, others) = rest.split_at_checked(spots.len()).unwrap_or((rest, &[]));
            rest = others;
            // Who wants a spot that another one changes must see what that one has made of it.
            if all.iter().any(|change| spots.contains(&change.spot)) {
                answers.push(None);
                continue;
            }
            let decided = self
                .check(operation, order, spots.iter().map(|spot| spot.device.as_str()))
                .and_then(|()| decide(circuit, operation, Extent::Whole, spots, found));
            // Whether it stays as it is seen is asked for each alone.
            if decided.as_ref().is_ok_and(Vec::is_empty) {
                answers.push(None);
                continue;
            }
            answers.push(Some(decided.map(|changes| {
                let presence = circuit.presence(answered(circuit, spots, found, &changes).as_ref());
                all.extend(changes);
                presence
            })));
        }
        (all, answers)
    }

    /// A device refuses what is not for it: an order of the other layer, a spot on another device, a swap where it
    /// can't.
    fn check<'s>(
        &self,
        operation: Operation,
        order: &WorkOrder,
        mut devices: impl Iterator<Item = &'s str>,
    ) -> Result<(), DriverError> {
        let refuse = |text: String| Err(permanent(Reason::Rejected, text));
        if order.layer != self.layer {
            return refuse(format!(
                "{} is an {} device, the order is for {}",
                self.name, self.layer, order.layer
            ));
        }
        let at_once = matches!(operation, Operation::Swap | Operation::Hold);
        if at_once && self.layer == Layer::L3 && !self.device.swaps() {
            return refuse(format!("{} can't take a teardown and an install in one change", self.name));
        }
        match devices.find(|device| *device != self.name) {
            Some(other) => refuse(format!("{} can't change a spot on {other}", self.name)),
            None => Ok(()),
        }
    }
}

impl<D: Device> Driver for Session<D> {
    fn perform<'a>(
        &'a mut self,
        operation: Operation,
        order: &'a WorkOrder,
    ) -> Wait<'a, Result<Presence, DriverError>> {
        Box::pin(self.ensure(operation, order, Extent::Whole))
    }

    fn plan<'a>(&'a mut self, order: &'a WorkOrder) -> Wait<'a, Result<DevicePlan, DriverError>> {
        Box::pin(self.foresee(order))
    }

    fn perform_all<'a>(
        &'a mut self,
        operation: Operation,
        orders: &'a [Arc<WorkOrder>],
    ) -> Wait<'a, Vec<Result<Presence, DriverError>>> {
        Box::pin(self.ensure_all(operation, orders))
    }
}

/// What is at the spot an operation answers for, once the changes are made.
fn answered(
    circuit: &Circuit<'_>,
    spots: &[Spot],
    found: &[Option<Found>],
    changes: &[Change],
) -> Option<Holding> {
    let (spot, found) = spots.last().zip(found.last())?;
    let changed = changes.iter().find(|change| change.spot == *spot);
    changed.map_or_else(|| held(circuit, spot, found.clone()), |change| change.put.clone())
}

/// The changes that an operation means, from what was found.
fn decide(
    circuit: &Circuit<'_>,
    operation: Operation,
    extent: Extent,
    spots: &[Spot],
    found: &[Option<Found>],
) -> Result<Vec<Change>, DriverError> {
    let found_at = |wanted: &Spot| {
        let place = spots.iter().position(|spot| spot == wanted)?;
        found.get(place).cloned().flatten()
    };
    if matches!(operation, Operation::Teardown | Operation::Swap | Operation::Hold) && circuit.moves() {
        refuse_strangers(circuit, found_at(&circuit.old).as_ref())?;
    }
    let held_at = |wanted: &Spot| held(circuit, wanted, found_at(wanted));
    let edits = match extent {
        Extent::Whole => {
            let refused = |failure| DriverError { transient: false, failure };
            circuit.whole(operation, held_at).map_err(refused)?
        }
        Extent::Half => circuit.half(operation, held_at),
    };
    let change = |edit: Edit| {
        let found = found_at(&edit.spot);
        Change { spot: edit.spot, found, put: edit.put }
    };
    Ok(edits.into_iter().map(change).collect())
}

/// What is held at a spot, and for whom. What bears no mark is taken for this circuit where it is believed to be, at the
/// old place, if nothing that the device says speaks against it; everywhere else it is somebody's.
pub(crate) fn held(circuit: &Circuit<'_>, spot: &Spot, found: Option<Found>) -> Option<Holding> {
    let found = found?;
    let (service_id, relocation) = match found.mark.clone() {
        Some(mark) => (mark.service_id, mark.relocation),
        None if circuit.is_believed(spot, &found) => (circuit.request.service_id.clone(), None),
        None => (unknown(&found), None),
    };
    Some(Holding {
        presence: found.presence,
        service_id,
        relocation,
        description: found.description,
        ip: found.ip,
        vrf: found.vrf,
    })
}

/// What a person is told of a circuit that nobody has marked.
fn unknown(found: &Found) -> String {
    let ip = found.ip.as_deref().unwrap_or("no address");
    let vrf = found.vrf.as_deref().unwrap_or("none");
    format!("a circuit without a mark of Rehome (description `{}`, {ip}, VRF {vrf})", found.description)
}

/// Nothing is torn down that may be somebody else's: what bears no mark must be as the request says that it is.
pub(crate) fn refuse_strangers(circuit: &Circuit<'_>, old: Option<&Found>) -> Result<(), DriverError> {
    let Some(found) = old.filter(|found| found.mark.is_none() && !circuit.is_believed(&circuit.old, found))
    else {
        return Ok(());
    };
    let Request { service_id, ip, vrf, .. } = circuit.request;
    let vrf = vrf.as_deref().unwrap_or("none");
    let expected = match circuit.layer {
        Layer::L3 => format!("{service_id} with {ip}, VRF {vrf}"),
        Layer::L2 => service_id.clone(),
    };
    let text = format!("{} is not as believed: expected {expected}, found {}", circuit.old, unknown(found));
    Err(permanent(Reason::Conflict, text))
}
