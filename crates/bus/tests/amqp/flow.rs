//! Thousands of messages on their way both directions, while something happens to the broker.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use rehome_bus::Amqp;
use rehome_domain::{
    order::Layer,
    ports::{Bus as _, Delivery, Outgoing},
};
use rehome_testkit::contract::bus::{number, order, reply};
use tokio::{sync::watch, task::JoinHandle, time::timeout};

/// Calls that send side by side.
const SENDERS: u64 = 4;
/// Messages in one call.
const BATCH: u64 = 25;
/// Every flow is at least so long.
const LEAST: usize = 4000;
/// Nothing takes longer, whatever happens.
const PATIENCE: Duration = Duration::from_secs(180);

/// What came of it.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Messages confirmed and received, both ways together.
    pub(crate) messages: usize,
    /// Came more than once.
    pub(crate) doubled: usize,
}

/// Sends replies and orders until the disturbance is over and there were enough, and receives until every confirmed
/// one has come.
pub(crate) async fn flow(bus: Arc<Amqp>, disturbance: impl FnOnce() + Send + 'static) -> Outcome {
    let over = Arc::new(AtomicBool::new(false));
    let (told, confirmed) = watch::channel(None);
    let inputs = tokio::spawn(receive_inputs(Arc::clone(&bus), confirmed.clone()));
    let orders = tokio::spawn(receive_orders(Arc::clone(&bus), confirmed));
    let senders: Vec<JoinHandle<BTreeSet<u64>>> =
        (0..SENDERS).map(|sender| tokio::spawn(send(Arc::clone(&bus), sender, Arc::clone(&over)))).collect();
    tokio::task::spawn_blocking(disturbance).await.unwrap();
    over.store(true, Ordering::Release);
    let mut sent = BTreeSet::new();
    for sender in senders {
        sent.extend(timeout(PATIENCE, sender).await.expect("sending hangs").unwrap());
    }
    told.send_replace(Some(sent.clone()));
    let mut outcome = Outcome { messages: 0, doubled: 0 };
    for receiver in [inputs, orders] {
        let (received, doubled) =
            timeout(PATIENCE, receiver).await.expect("something confirmed is lost").unwrap();
        assert!(received.is_superset(&sent));
        outcome.messages += sent.len();
        outcome.doubled += doubled;
    }
    outcome
}

/// Each number is sent as a reply and as an order. Answers those that were confirmed.
async fn send(bus: Arc<Amqp>, sender: u64, over: Arc<AtomicBool>) -> BTreeSet<u64> {
    let mut sent = BTreeSet::new();
    let mut next = sender * 1_000_000;
    while !over.load(Ordering::Acquire) || sent.len() < LEAST / 4 {
        let batch = next..next + BATCH;
        next += BATCH;
        let messages = batch
            .clone()
            .flat_map(|n| [Outgoing::Reply(reply(n)), Outgoing::Order(order(n, Layer::L2))])
            .collect();
        bus.send(messages).await.unwrap();
        sent.extend(batch);
    }
    sent
}

type Confirmed = watch::Receiver<Option<BTreeSet<u64>>>;

/// Whether all has come that was confirmed.
fn complete(confirmed: &Confirmed, received: &BTreeSet<u64>) -> bool {
    confirmed.borrow().as_ref().is_some_and(|sent| received.is_superset(sent))
}

async fn receive_inputs(bus: Arc<Amqp>, mut confirmed: Confirmed) -> (BTreeSet<u64>, usize) {
    let mut inputs = bus.inputs();
    let acks = inputs.acks();
    let (mut received, mut doubled) = (BTreeSet::new(), 0);
    while !complete(&confirmed, &received) {
        let batch = tokio::select! {
            batch = inputs.next(128, true) => batch.unwrap(),
            _ = confirmed.changed() => continue,
        };
        for Delivery { message, .. } in &batch {
            doubled += usize::from(!received.insert(number(message.envelope.relocation)));
        }
        acks.ack(batch.iter().map(|delivery| delivery.tag).collect()).await.unwrap();
    }
    (received, doubled)
}

async fn receive_orders(bus: Arc<Amqp>, mut confirmed: Confirmed) -> (BTreeSet<u64>, usize) {
    let mut work = bus.work(Layer::L2);
    let acks = work.acks();
    let (mut received, mut doubled) = (BTreeSet::new(), 0);
    while !complete(&confirmed, &received) {
        let Delivery { message, tag, .. } = tokio::select! {
            order = work.next() => order.unwrap(),
            _ = confirmed.changed() => continue,
        };
        doubled += usize::from(!received.insert(number(message.relocation)));
        acks.ack(vec![tag]).await.unwrap();
    }
    (received, doubled)
}
