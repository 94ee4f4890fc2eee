//! A ticket in every state there is, with its history.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use rehome_domain::{
    Request, State, Ticket, WorkOrderId,
    id::{MessageId, RelocationId},
    message::{Envelope, Input},
    ports::{Change, Committed, TicketStore},
    reply::Reply,
    request::Place,
    step::{Context, Stepped, step},
};
use rehome_testkit::{
    enumerate::inputs,
    history::{START, behind, request},
};
use uuid::Uuid;

/// The `n`th relocation.
pub(super) fn id(n: usize) -> RelocationId {
    RelocationId(Uuid::from_u64_pair(0x7265_686f, n as u64))
}

/// A request for places of its own.
pub(super) fn own(n: usize) -> Request {
    let to = Place { l3_port: format!("ge-{n}"), l2_port: format!("eth{n}"), ..request().new };
    Request { service_id: format!("LL-{n}"), new: to, hold: true, ..request() }
}

/// What comes in one after the other until a ticket is in a state: the shortest way to each.
pub(super) fn ways() -> Vec<(State, Vec<Input>)> {
    let mut known: HashMap<State, Vec<Input>> = HashMap::new();
    let mut order = Vec::new();
    let (first, _) = submitted(0, own(0));
    let mut queue = VecDeque::from([(first, Vec::new())]);
    while let Some((ticket, way)) = queue.pop_front() {
        if known.contains_key(&ticket.state) {
            continue;
        }
        known.insert(ticket.state, way.clone());
        order.push(ticket.state);
        for input in inputs(&ticket) {
            if let Some((next, _)) = stepped(&ticket, input.clone())
                && !known.contains_key(&next.state)
            {
                let mut further = way.clone();
                further.push(input);
                queue.push_back((next, further));
            }
        }
    }
    order.into_iter().map(|state| (state, known.remove(&state).unwrap())).collect()
}

fn change((ticket, entry): (Ticket, rehome_domain::journal::Entry)) -> (Ticket, Change) {
    let locked = ticket.state.needs_lock();
    (ticket.clone(), Change { ticket: Arc::new(ticket), entry: Arc::new(entry), locked })
}

fn submitted(n: usize, request: Request) -> (Ticket, Change) {
    let input = Input::Submitted { request: Arc::new(request) };
    let by = behind(&input);
    let envelope = Envelope { relocation: id(n), cause: MessageId("submitted".to_owned()), by, input };
    match step(None, &envelope, &Context::at(START)) {
        Stepped::Journaled(stepped) => change(*stepped),
        other => panic!("{other:?}"),
    }
}

/// One step; an overdue order is one at its deadline.
pub(super) fn stepped(ticket: &Ticket, input: Input) -> Option<(Ticket, Change)> {
    let at = match &input {
        Input::Overdue { order } => rehome_domain::Layer::ALL
            .into_iter()
            .filter_map(|layer| ticket.out(layer))
            .map(rehome_domain::ticket::Out::awaited)
            .find(|awaited| awaited.id == *order)
            .map_or(ticket.changed_at, |awaited| awaited.deadline),
        _ => ticket.changed_at,
    };
    let cause = MessageId(format!("step-{}", ticket.version));
    let envelope = Envelope { relocation: ticket.id, cause, by: behind(&input), input };
    match step(Some(ticket), &envelope, &Context::at(at)) {
        Stepped::Journaled(stepped) => Some(change(*stepped)),
        _ => None,
    }
}

/// The same input for another relocation.
pub(super) fn moved_to(relocation: RelocationId, input: &Input) -> Input {
    let moved = |order: WorkOrderId| WorkOrderId { relocation, ..order };
    match input.clone() {
        Input::Reply(reply) => Input::Reply(Reply { order: moved(reply.order), ..reply }),
        Input::Overdue { order } => Input::Overdue { order: moved(order) },
        Input::Undeliverable { order } => Input::Undeliverable { order: moved(order) },
        other => other,
    }
}

/// Puts the `n`th relocation of these ways into the store, with all its history.
pub(super) async fn put(store: &dyn TicketStore, ways: &[&[Input]]) -> Vec<Ticket> {
    let requests = ways.iter().enumerate().map(|(n, way)| (n, own(n), *way)).collect();
    put_requests(store, requests).await
}

/// The same for these requests, by these numbers.
pub(super) async fn put_requests(
    store: &dyn TicketStore,
    requests: Vec<(usize, Request, &[Input])>,
) -> Vec<Ticket> {
    let ways: Vec<&[Input]> = requests.iter().map(|(_, _, way)| *way).collect();
    let (mut tickets, mut round): (Vec<Ticket>, Vec<Change>) =
        requests.into_iter().map(|(n, request, _)| submitted(n, request)).unzip();
    let longest = ways.iter().map(|way| way.len()).max().unwrap_or_default();
    for next in 0..=longest {
        let results = store.commit(std::mem::take(&mut round)).await.unwrap();
        assert!(results.iter().all(|result| *result == Committed::Done), "{results:?}");
        for (ticket, way) in tickets.iter_mut().zip(&ways) {
            if let Some(input) = way.get(next) {
                let (moved, change) = stepped(ticket, moved_to(ticket.id, input)).unwrap();
                *ticket = moved;
                round.push(change);
            }
        }
    }
    tickets
}
