//! The bare limit: the same rows, in transactions of the same sizes, with nothing else going on.
//!
//! What a relocation writes is made here by the pure step, in the order it happens; as many relocations as were in
//! flight go side by side, as they did in the load. Making the text is not measured, only writing it.

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
        let mut stock = Stock { bare: self, next: 0, ..Stock::default() };
        let (mut took, mut rows) = (Duration::ZERO, 0);
        for (written, shape) in shapes.iter().enumerate() {
            let requests = stock.take(shape)?;
            let begun = Instant::now();
            rows += writer.write(requests)?;
            took += begun.elapsed();
            progress(written as u64 + 1);
            if written.is_multiple_of(256) {
                tokio::task::yield_now().await;
            }
        }
        Ok(Written { seconds: took.as_secs_f64(), rows })
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

impl Default for Bare {
    fn default() -> Self {
        Self { run: 0, count: 0, in_flight: 1, deadlines: Deadlines::default() }
    }
}

/// Writes made and not yet written, by kind, each kind in an order its relocations allow.
#[derive(Default)]
struct Stock {
    bare: Bare,
    next: u64,
    changes: VecDeque<Change>,
    admits: VecDeque<bare::Request>,
    concludes: VecDeque<bare::Request>,
    edits: VecDeque<bare::Request>,
}

impl Stock {
    fn take(&mut self, shape: &Shape) -> Result<Vec<bare::Request>, BenchError> {
        let lacks = |stock: &Self| {
            let short = |have: usize, want: u32| have < want as usize;
            short(stock.changes.len(), shape.changes)
                || short(stock.admits.len(), shape.admits)
                || short(stock.concludes.len(), shape.concludes)
                || short(stock.edits.len(), shape.edits)
        };
        while lacks(self) && self.next < self.bare.count {
            self.make_more()?;
        }
        let mut requests = Vec::new();
        let changes: Vec<Change> = front(&mut self.changes, shape.changes).collect();
        if !changes.is_empty() {
            requests.push(bare::Request::commit(changes)?);
        }
        requests.extend(front(&mut self.admits, shape.admits));
        requests.extend(front(&mut self.edits, shape.edits));
        requests.extend(front(&mut self.concludes, shape.concludes));
        Ok(requests)
    }

    /// Makes all writes of as many relocations as go side by side, step by step.
    fn make_more(&mut self) -> Result<(), BenchError> {
        let last = self.bare.count.min(self.next + self.bare.in_flight as u64);
        let mut courses = (self.next..last)
            .map(|n| Course::submit(&self.bare, n))
            .collect::<Result<Vec<Course>, BenchError>>()?;
        self.next = last;
        loop {
            let mut moved = false;
            for course in &mut courses {
                if let Some(change) = course.change.take() {
                    self.changes.push_back(change);
                    moved = true;
                    course.go_on(&mut self.admits, &mut self.edits, &mut self.concludes)?;
                }
            }
            if !moved {
                return Ok(());
            }
        }
    }
}

fn front<T>(queue: &mut VecDeque<T>, count: u32) -> impl Iterator<Item = T> {
    let count = queue.len().min(count as usize);
    queue.drain(..count)
}

/// One relocation on its way.
struct Course {
    ticket: Arc<Ticket>,
    /// The step to be written next.
    change: Option<Change>,
}

impl Course {
    fn submit(bare: &Bare, n: u64) -> Result<Self, BenchError> {
        let request = Arc::new(synthetic::request(n, bare.deadlines));
        let relocation = synthetic::id(bare.run, n);
        let input = Input::Submitted { request };
        let envelope =
            Envelope { relocation, cause: MessageId(format!("{relocation}:submit")), by: person(), input };
        let change = stepped(None, &envelope)?;
        Ok(Self { ticket: Arc::clone(&change.ticket), change: Some(change) })
    }

    /// What the step before leads to: the configurators' writes, and the next step.
    fn go_on(
        &mut self,
        admits: &mut VecDeque<bare::Request>,
        edits: &mut VecDeque<bare::Request>,
        concludes: &mut VecDeque<bare::Request>,
    ) -> Result<(), BenchError> {
        let ticket = Arc::clone(&self.ticket);
        let next = match Layer::ALL.into_iter().find_map(|layer| ticket.out(layer)) {
            Some(out) => {
                let order = &out.order;
                for edit in edits_of(&ticket, order) {
                    admits.push_back(bare::Request::admit(order.layer, order.id));
                    edits.push_back(bare::Request::edit(order.layer, vec![edit])?);
                }
                let report = report(order);
                concludes.push_back(bare::Request::conclude(order.layer, order.id, &report)?);
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
        self.change = Some(change);
        Ok(())
    }
}

fn stepped(ticket: Option<&Ticket>, envelope: &Envelope) -> Result<Change, BenchError> {
    let context = Context { at: jiff::Timestamp::now(), held_by: None };
    match step(ticket, envelope, &context) {
        Stepped::Journaled(stepped) => {
            let (ticket, entry) = *stepped;
            Ok(Change { locked: ticket.state.needs_lock(), ticket: Arc::new(ticket), entry: Arc::new(entry) })
        }
        other => Err(BenchError::Bare(format!("a step gave {other:?}"))),
    }
}

fn person() -> By {
    By::Person { name: "bench".to_owned(), via: "cli".to_owned() }
}

fn report(order: &Dispatch) -> Report {
    match (order.layer, order.kind) {
        (Layer::L3, OrderKind::Cutover) => {
            Report::CutoverL3 { teardown: Outcome::Done, install: Outcome::Done }
        }
        (Layer::L2, OrderKind::Cutover) => Report::CutoverL2 { outcome: Outcome::Done },
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
