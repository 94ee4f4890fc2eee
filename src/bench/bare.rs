//! The bare limit: the same rows, in transactions of the same sizes, with nothing else going on.
//!
//! What a relocation writes is made here by the pure step, in the order it happens; as many relocations as were in
//! flight go side by side, as they did in the load. Making it is not measured, only writing it.

use std::{
    collections::VecDeque,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use rehome_domain::{
    Command, CommandKind, Layer, MessageId, Reply, Report, Ticket,
    command::By,
    message::{Envelope, Input},
    order::{Dispatch, MESSAGE_VERSION, OrderKind},
    ports::{Change, Edit, Holding},
    reply::{Outcome, Presence},
    request::{Deadlines, Request, Spot},
    role::Role,
    step::{Context, Stepped, step},
};
use rehome_store::{Options, Shape, bare};

use super::{BenchError, PROVISION_BATCH, synthetic};

/// What to write.
pub(super) struct Bare {
    pub(super) run: u64,
    pub(super) count: u64,
    pub(super) in_flight: usize,
    pub(super) deadlines: Deadlines,
}

/// What was written.
pub(super) struct Written {
    pub(super) seconds: f64,
    pub(super) rows: u64,
}

impl Bare {
    /// Writes it to a fresh database, in transactions of these shapes.
    pub(super) async fn write(
        self,
        dir: &Path,
        options: &Options,
        shapes: &[Shape],
        progress: impl Fn(u64),
    ) -> Result<Written, BenchError> {
        std::fs::create_dir_all(dir)?;
        let mut writer = bare::Writer::open(&dir.join("bare.db"), options)?;
        self.provision(&mut writer)?;
        let mut stock = Stock::new(self)?;
        let (mut took, mut rows, mut written) = (Duration::ZERO, 0, 0);
        let mut shapes = shapes.iter().copied();
        loop {
            // What the greedy order could not place in time is written last.
            let shape = shapes.next();
            let requests = stock.take(shape.unwrap_or(LAST))?;
            if requests.is_empty() && shape.is_none() {
                return Ok(Written { seconds: took.as_secs_f64(), rows });
            }
            let begun = Instant::now();
            rows += writer.write(requests)?;
            took += begun.elapsed();
            written += 1;
            progress(written);
            if written.is_multiple_of(256) {
                tokio::task::yield_now().await;
            }
        }
    }

    fn provision(&self, writer: &mut bare::Writer) -> Result<(), BenchError> {
        for layer in Layer::ALL {
            let edits: Vec<Edit> =
                (0..self.count).map(|n| in_service(layer, &synthetic::request(n, self.deadlines))).collect();
            for edits in edits.chunks(PROVISION_BATCH) {
                writer.write(vec![bare::Request::edit(layer, edits.to_vec())?])?;
            }
        }
        Ok(())
    }
}

/// Asked for when the load's shapes are used up: more of everything than is ever left.
const LAST: Shape = Shape { changes: 512, admits: 512, concludes: 512, edits: 512 };

/// A write of a relocation, made and not yet written.
enum Made {
    Admit(bare::Request),
    Edit(bare::Request),
    Conclude(bare::Request),
    Change(Box<Change>),
}

/// The kinds of [`Made`], in the order they stand in a transaction. Changes come last: so no relocation's next order is
/// admitted in a transaction before its last one is concluded.
const KINDS: usize = 4;

impl Made {
    const fn kind(&self) -> usize {
        match self {
            Self::Admit(_) => 0,
            Self::Edit(_) => 1,
            Self::Conclude(_) => 2,
            Self::Change(_) => 3,
        }
    }
}

/// As many relocations as were in flight, each by the kind of its next write. Each writes its own in its order, whatever
/// the others do: so all that the load wrote is written, and the same number of rows.
struct Stock {
    bare: Bare,
    next: u64,
    ready: [VecDeque<Course>; KINDS],
    /// What earlier transactions had of a kind, and no relocation was ready for.
    owed: [u32; KINDS],
}

impl Stock {
    fn new(bare: Bare) -> Result<Self, BenchError> {
        let in_flight = bare.in_flight;
        let mut stock = Self { bare, next: 0, ready: Default::default(), owed: [0; KINDS] };
        for _ in 0..in_flight {
            stock.begin()?;
        }
        Ok(stock)
    }

    /// Begins the next relocation, if there is one.
    fn begin(&mut self) -> Result<(), BenchError> {
        if self.next < self.bare.count {
            let course = Course::submit(&self.bare, self.next)?;
            self.next += 1;
            self.ready[KINDS - 1].push_back(course);
        }
        Ok(())
    }

    /// The writes of one transaction.
    fn take(&mut self, shape: Shape) -> Result<Vec<bare::Request>, BenchError> {
        let Shape { changes, admits, concludes, edits } = shape;
        for (owed, more) in self.owed.iter_mut().zip([admits, edits, concludes, changes]) {
            *owed = owed.saturating_add(more);
        }
        let mut requests = Vec::new();
        let mut changes = Vec::new();
        for kind in 0..KINDS {
            while self.owed[kind] > 0
                && let Some(mut course) = self.ready[kind].pop_front()
            {
                self.owed[kind] -= 1;
                match course.take()? {
                    Some(Made::Admit(request) | Made::Edit(request) | Made::Conclude(request)) => {
                        requests.push(request);
                    }
                    Some(Made::Change(change)) => changes.push(*change),
                    None => {}
                }
                match course.made.front().map(Made::kind) {
                    Some(next) => self.ready[next].push_back(course),
                    None => self.begin()?,
                }
            }
        }
        if !changes.is_empty() {
            requests.push(bare::Request::commit(changes)?);
        }
        Ok(requests)
    }
}

/// One relocation on its way.
struct Course {
    ticket: Arc<Ticket>,
    /// What it writes next, in order. Invariant: ends with a change unless the ticket is closed.
    made: VecDeque<Made>,
}

impl Course {
    fn submit(bare: &Bare, n: u64) -> Result<Self, BenchError> {
        let request = Arc::new(synthetic::request(n, bare.deadlines));
        let relocation = synthetic::id(bare.run, n);
        let input = Input::Submitted { request };
        let envelope =
            Envelope { relocation, cause: MessageId(format!("{relocation}:submit")), by: person(), input };
        let change = stepped(None, &envelope)?;
        Ok(Self { ticket: Arc::clone(&change.ticket), made: [Made::Change(Box::new(change))].into() })
    }

    /// The next write; after a change also makes what that change leads to.
    fn take(&mut self) -> Result<Option<Made>, BenchError> {
        let made = self.made.pop_front();
        if let Some(Made::Change(_)) = &made {
            self.go_on()?;
        }
        Ok(made)
    }

    /// What the step before leads to: the configurators' writes, and the next step.
    fn go_on(&mut self) -> Result<(), BenchError> {
        let ticket = Arc::clone(&self.ticket);
        let next = match Layer::ALL.into_iter().find_map(|layer| ticket.out(layer)) {
            Some(out) => {
                let order = &out.order;
                for edit in edits_of(&ticket, order) {
                    self.made.push_back(Made::Admit(bare::Request::admit(order.layer, order.id)));
                    self.made.push_back(Made::Edit(bare::Request::edit(order.layer, vec![edit])?));
                }
                let report = report(order.layer, order.kind);
                let conclude = bare::Request::conclude(order.layer, order.id, &report)?;
                self.made.push_back(Made::Conclude(conclude));
                let Dispatch { id, attempt, layer, .. } = *order;
                Envelope::reply(Reply { v: MESSAGE_VERSION, order: id, attempt, layer, report }, "done")
            }
            None if ticket.state.is_closed() => return Ok(()),
            None => Envelope {
                relocation: ticket.id,
                cause: MessageId(format!("{}:deploy", ticket.id)),
                by: person(),
                input: Input::Command(Command::plain(CommandKind::DeployCutover)),
            },
        };
        let change = stepped(Some(&ticket), &next)?;
        self.ticket = Arc::clone(&change.ticket);
        self.made.push_back(Made::Change(Box::new(change)));
        Ok(())
    }
}

/// The step an input leads to, as the system makes it.
pub(super) fn stepped(ticket: Option<&Ticket>, envelope: &Envelope) -> Result<Change, BenchError> {
    stepped_at(ticket, envelope, jiff::Timestamp::now())
}

/// The same, as it was made then.
pub(super) fn stepped_at(
    ticket: Option<&Ticket>,
    envelope: &Envelope,
    at: jiff::Timestamp,
) -> Result<Change, BenchError> {
    match step(ticket, envelope, &Context::at(at)) {
        Stepped::Journaled(stepped) => {
            let (ticket, entry) = *stepped;
            Ok(Change { locked: ticket.state.needs_lock(), ticket: Arc::new(ticket), entry: Arc::new(entry) })
        }
        other => Err(BenchError::Bare(format!("a step gave {other:?}"))),
    }
}

/// Who drives.
pub(super) fn person() -> By {
    By::Person { name: "bench".to_owned(), via: "cli".to_owned(), role: Role::Admin }
}

/// What a configurator says of an order that it has carried out.
pub(super) fn report(layer: Layer, kind: OrderKind) -> Report {
    match (layer, kind) {
        (Layer::L3, OrderKind::Cutover) => Report::CutoverL3 {
            teardown: Outcome::Done,
            install: Outcome::Done,
            during: None,
            held_until: None,
        },
        (Layer::L2, OrderKind::Cutover) => Report::CutoverL2 { outcome: Outcome::Done, during: None },
        _ => Report::Reserve { outcome: Outcome::Done, rollback: None },
    }
}

/// What an order changes on the devices, operation by operation. The made-up relocations always change device.
fn edits_of(ticket: &Ticket, order: &Dispatch) -> Vec<Edit> {
    let (layer, request) = (order.layer, ticket.request.as_ref());
    let reserved = holding(ticket, layer, Presence::Reserved);
    let installed = holding(ticket, layer, Presence::Installed);
    let (old, new) = spots(layer, request);
    let teardown = Edit { spot: old, expect: in_service(layer, request).put, put: None };
    match (layer, order.kind) {
        (_, OrderKind::Reserve) => vec![Edit { spot: new, expect: None, put: Some(reserved) }],
        (Layer::L3, _) => vec![teardown, Edit { spot: new, expect: Some(reserved), put: Some(installed) }],
        (Layer::L2, _) => vec![Edit { spot: new, expect: Some(reserved), put: Some(installed) }, teardown],
    }
}

fn holding(ticket: &Ticket, layer: Layer, presence: Presence) -> Holding {
    let request = ticket.request.as_ref();
    let addressed = layer == Layer::L3 && presence == Presence::Installed;
    Holding {
        presence,
        service_id: request.service_id.clone(),
        relocation: Some(ticket.id),
        description: request.description.clone(),
        ip: addressed.then(|| request.ip.clone()),
        vrf: request.vrf.clone().filter(|_| addressed),
    }
}

fn spots(layer: Layer, request: &Request) -> (Spot, Spot) {
    match layer {
        Layer::L3 => (request.old.l3(), request.new.l3()),
        Layer::L2 => (request.old.l2(), request.new.l2()),
    }
}

/// A circuit in service at its old place.
pub(super) fn in_service(layer: Layer, request: &Request) -> Edit {
    let addressed = layer == Layer::L3;
    let held = Holding {
        presence: Presence::Installed,
        service_id: request.service_id.clone(),
        relocation: None,
        description: request.description.clone(),
        ip: addressed.then(|| request.ip.clone()),
        vrf: request.vrf.clone().filter(|_| addressed),
    };
    Edit { spot: spots(layer, request).0, expect: None, put: Some(held) }
}
