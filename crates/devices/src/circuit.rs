//! What each operation does to one circuit's spots: pure, so that all drivers, the fault plan's predictions and the tests
//! share one truth.

use rehome_domain::{
    id::RelocationId,
    order::{Layer, WorkOrder},
    ports::{Edit, Holding, Operation},
    reply::{Failure, Presence, Reason},
    request::{Request, Spot},
};

use crate::device::Found;

/// What a spot holds; none if nothing.
type Held = Option<Holding>;

/// One relocation of one circuit, as a layer's devices see it.
#[derive(Debug, Clone)]
pub(crate) struct Circuit<'a> {
    pub(crate) layer: Layer,
    pub(crate) relocation: RelocationId,
    pub(crate) request: &'a Request,
    pub(crate) old: Spot,
    pub(crate) new: Spot,
}

impl<'a> Circuit<'a> {
    pub(crate) fn new(layer: Layer, relocation: RelocationId, request: &'a Request) -> Self {
        let (old, new) = match layer {
            Layer::L3 => (request.old.l3(), request.new.l3()),
            Layer::L2 => (request.old.l2(), request.new.l2()),
        };
        Self { layer, relocation, request, old, new }
    }

    pub(crate) fn of(order: &'a WorkOrder, layer: Layer) -> Self {
        Self::new(layer, order.relocation, &order.request)
    }

    /// The spots an operation is about; the last one is the one it answers for.
    pub(crate) fn spots(&self, operation: Operation) -> Vec<Spot> {
        match operation {
            Operation::Teardown | Operation::LookOld => vec![self.old.clone()],
            Operation::Swap
            | Operation::Hold
            | Operation::Confirm
            | Operation::TakeBack
            | Operation::Check
                if self.moves() =>
            {
                vec![self.old.clone(), self.new.clone()]
            }
            Operation::Swap
            | Operation::Hold
            | Operation::Confirm
            | Operation::TakeBack
            | Operation::Check
            | Operation::Reserve
            | Operation::Release
            | Operation::Install
            | Operation::RollbackInstall
            | Operation::LookNew => vec![self.new.clone()],
        }
    }

    /// Whether this layer sees a move at all. If not, the circuit is in service at the only spot there is, and
    /// nothing that prepares, undoes or tears down may touch it.
    pub(crate) fn moves(&self) -> bool {
        self.old != self.new
    }

    /// The edits that ensure what the operation says. An empty list: it is so already.
    ///
    /// # Errors
    /// Another circuit holds the spot.
    pub(crate) fn whole(
        &self,
        operation: Operation,
        held: impl Fn(&Spot) -> Held,
    ) -> Result<Vec<Edit>, Failure> {
        let (old, new) = (held(&self.old), held(&self.new));
        Ok(match operation {
            Operation::Reserve => self.at_new(&new, self.reserved(&new)?),
            Operation::Release => self.at_new(&new, self.released(&new)),
            Operation::Install => self.at_new(&new, self.installed(&new)?),
            Operation::Teardown => self.at_old(&old, self.torn_down(&old)),
            Operation::Swap | Operation::Hold => {
                let mut edits = self.at_new(&new, self.installed(&new)?);
                edits.extend(self.at_old(&old, self.torn_down(&old)));
                edits
            }
            Operation::RollbackInstall => self.at_new(&new, self.rolled_back(&new)),
            Operation::Confirm
            | Operation::TakeBack
            | Operation::Check
            | Operation::LookOld
            | Operation::LookNew => Vec::new(),
        })
    }

    /// The edits of the same operation when the device stops half-way: a half-made or half-removed holding, or the new
    /// half of a swap. What is in service at the new place is never half-made, and another circuit's is not touched.
    pub(crate) fn half(&self, operation: Operation, held: impl Fn(&Spot) -> Held) -> Vec<Edit> {
        let (old, new) = (held(&self.old), held(&self.new));
        let partial = |holding: &Holding| Holding { presence: Presence::Partial, ..holding.clone() };
        match operation {
            Operation::Reserve => self.at_new(&new, self.begun(&new, self.reserved(&new))),
            Operation::Install => self.at_new(&new, self.begun(&new, self.installed(&new))),
            Operation::Release if self.released(&new) != new => self.at_new(&new, new.as_ref().map(partial)),
            Operation::RollbackInstall if self.rolled_back(&new) != new => {
                self.at_new(&new, new.as_ref().map(partial))
            }
            Operation::Teardown if self.torn_down(&old) != old => {
                self.at_old(&old, old.as_ref().map(partial))
            }
            Operation::Swap => self.at_new(&new, self.installed(&new).unwrap_or_else(|_| new.clone())),
            Operation::Release
            | Operation::RollbackInstall
            | Operation::Teardown
            | Operation::Hold
            | Operation::Confirm
            | Operation::TakeBack
            | Operation::Check
            | Operation::LookOld
            | Operation::LookNew => Vec::new(),
        }
    }

    /// What this circuit has at a spot: nothing, if the spot holds nothing or another circuit's.
    pub(crate) fn presence(&self, held: Option<&Holding>) -> Presence {
        held.filter(|holding| self.is_ours(holding)).map_or(Presence::Absent, |holding| holding.presence)
    }

    /// Whether what bears no mark is this circuit all the same: it is where the request says that the circuit is, with the
    /// address and the VRF that it says. A half of it (what an interrupted teardown has left) may have none of them.
    pub(crate) fn is_believed(&self, spot: &Spot, found: &Found) -> bool {
        let half = found.presence != Presence::Installed;
        let fits = |found: &Option<String>, wanted: Option<&String>| {
            found.as_ref() == wanted || (half && found.is_none())
        };
        let addressed = match self.layer {
            Layer::L3 => {
                fits(&found.ip, Some(&self.request.ip)) && fits(&found.vrf, self.request.vrf.as_ref())
            }
            Layer::L2 => true,
        };
        *spot == self.old && addressed
    }

    fn is_ours(&self, holding: &Holding) -> bool {
        holding.service_id == self.request.service_id
    }

    /// Held for this circuit at the new place, short of service.
    ///
    /// The same circuit's leftovers of an earlier relocation count as its own: no two relocations of one service are
    /// open at once, so what a closed one has left is there to be taken over.
    fn reserved(&self, new: &Held) -> Result<Held, Failure> {
        match new {
            Some(holding) if !self.is_ours(holding) => Err(self.conflict(holding)),
            Some(holding) if holding.presence == Presence::Installed => Ok(new.clone()),
            Some(holding) if !self.moves() && !self.put_by_us(holding) => Ok(new.clone()),
            Some(_) | None => Ok(Some(self.holding(Presence::Reserved))),
        }
    }

    fn released(&self, new: &Held) -> Held {
        let in_service = |holding: &Holding| holding.presence == Presence::Installed;
        new.clone().filter(|holding| !self.put_by_us(holding) || in_service(holding))
    }

    fn installed(&self, new: &Held) -> Result<Held, Failure> {
        match new {
            Some(holding) if !self.is_ours(holding) => Err(self.conflict(holding)),
            Some(_) | None => Ok(Some(self.holding(Presence::Installed))),
        }
    }

    fn torn_down(&self, old: &Held) -> Held {
        old.clone().filter(|holding| !self.is_ours(holding) || !self.moves())
    }

    fn rolled_back(&self, new: &Held) -> Held {
        new.clone().filter(|holding| !self.put_by_us(holding) || !self.moves())
    }

    /// Half of what was to be put at the new place; what is in service there stays.
    fn begun(&self, new: &Held, wanted: Result<Held, Failure>) -> Held {
        let in_service = new.as_ref().is_some_and(|holding| holding.presence == Presence::Installed);
        match wanted {
            Ok(wanted) if !in_service && wanted != *new => Some(self.holding(Presence::Partial)),
            _ => new.clone(),
        }
    }

    fn put_by_us(&self, holding: &Holding) -> bool {
        self.is_ours(holding) && holding.relocation == Some(self.relocation)
    }

    /// What this relocation puts at the new place. Only an installed sub-interface has an address and a VRF: a
    /// reservation is the sub-interface and its description (claim 3).
    fn holding(&self, presence: Presence) -> Holding {
        let addressed = self.layer == Layer::L3 && presence == Presence::Installed;
        Holding {
            presence,
            service_id: self.request.service_id.clone(),
            relocation: Some(self.relocation),
            description: self.request.description.clone(),
            ip: addressed.then(|| self.request.ip.clone()),
            vrf: self.request.vrf.clone().filter(|_| addressed),
        }
    }

    fn at_new(&self, expect: &Held, put: Held) -> Vec<Edit> {
        edit(&self.new, expect, put)
    }

    fn at_old(&self, expect: &Held, put: Held) -> Vec<Edit> {
        edit(&self.old, expect, put)
    }

    fn conflict(&self, holding: &Holding) -> Failure {
        let does = match holding.presence {
            Presence::Installed => "is in service for",
            Presence::Partial => "is half taken by",
            Presence::Reserved | Presence::Absent => "is reserved for",
        };
        let by = holding.relocation.map(|id| format!(" (relocation {id})")).unwrap_or_default();
        let text = format!("{} {does} {}{by}", self.new, holding.service_id);
        Failure { reason: Reason::Conflict, text }
    }
}

fn edit(spot: &Spot, expect: &Held, put: Held) -> Vec<Edit> {
    if *expect == put {
        return Vec::new();
    }
    vec![Edit { spot: spot.clone(), expect: expect.clone(), put }]
}
