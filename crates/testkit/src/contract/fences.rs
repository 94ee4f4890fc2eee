//! The contract of [`FenceStore`], for one process and for two.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use rehome_domain::{
    id::{RelocationId, WorkOrderId},
    order::Layer,
    ports::{Admission, Conclusion, FenceStore, Part},
    reply::{Found, Outcome, Presence, Reason, Report},
};
use uuid::Uuid;

use super::{Case, cases, relocation::id};
use crate::history::{every_report, failed};

type Store = Arc<dyn FenceStore>;

/// What every [`FenceStore`] must do.
pub const CASES: &[Case<dyn FenceStore>] = cases![
    a_reserve_delivered_again_after_its_release_is_superseded,
    an_order_delivered_again_before_it_is_concluded_runs_again,
    an_order_delivered_again_after_it_is_concluded_gets_the_same_report,
    an_order_is_concluded_once_and_only_its_own_rollback_is_added,
    a_report_of_a_superseded_order_is_not_to_be_sent,
    an_inspect_is_told_the_last_conclusion,
    a_rollback_of_ones_own_runs_after_its_conclusion_until_a_newer_order_has_begun,
    layers_and_relocations_know_nothing_of_each_other,
    every_report_comes_back_as_it_was,
    every_sequence_of_three_calls_does_what_the_port_says,
];

fn order(seq: u64) -> WorkOrderId {
    WorkOrderId { relocation: id(1), seq, index: 0 }
}

fn reserved() -> Report {
    Report::Reserve { outcome: Outcome::Done, rollback: None }
}

async fn admit(store: &Store, order: WorkOrderId) -> Admission {
    store.admit(Layer::L3, order, Part::Order).await.unwrap()
}

async fn conclude(store: &Store, order: WorkOrderId, report: &Report) -> bool {
    concluded(store, order, Part::Order, report).await == Conclusion::Remembered
}

async fn concluded(store: &Store, order: WorkOrderId, part: Part, report: &Report) -> Conclusion {
    store.conclude(Layer::L3, order, part, report.clone()).await.unwrap()
}

const GO: Admission = Admission::Go { last: None };

async fn a_reserve_delivered_again_after_its_release_is_superseded(store: Store) {
    let released = Report::Release { outcome: Outcome::Done };
    assert_eq!(admit(&store, order(1)).await, GO);
    assert!(conclude(&store, order(1), &reserved()).await);
    assert_eq!(admit(&store, order(3)).await, Admission::Go { last: Some((order(1), reserved())) });
    assert!(conclude(&store, order(3), &released).await);
    assert_eq!(admit(&store, order(1)).await, Admission::Superseded { by: 3 });
    assert_eq!(admit(&store, order(3)).await, Admission::Concluded(released));
}

async fn an_order_delivered_again_before_it_is_concluded_runs_again(store: Store) {
    assert_eq!(admit(&store, order(2)).await, GO);
    assert_eq!(admit(&store, order(2)).await, GO);
    assert_eq!(admit(&store, order(1)).await, Admission::Superseded { by: 2 });
    assert_eq!(admit(&store, order(2)).await, GO, "being asked for an older one changes nothing");
}

async fn an_order_delivered_again_after_it_is_concluded_gets_the_same_report(store: Store) {
    assert_eq!(admit(&store, order(1)).await, GO);
    assert!(conclude(&store, order(1), &reserved()).await);
    assert_eq!(admit(&store, order(1)).await, Admission::Concluded(reserved()));
    assert_eq!(admit(&store, order(2)).await, Admission::Go { last: Some((order(1), reserved())) });
    assert_eq!(
        admit(&store, order(1)).await,
        Admission::Concluded(reserved()),
        "it was done, whatever has begun since"
    );
}

async fn an_order_is_concluded_once_and_only_its_own_rollback_is_added(store: Store) {
    let failed = Report::Reserve { outcome: failed(Reason::Rejected), rollback: None };
    let whole = Report::RolledBack { outcome: Outcome::Done };
    assert_eq!(admit(&store, order(1)).await, GO);
    assert!(conclude(&store, order(1), &failed).await);
    assert!(conclude(&store, order(1), &failed).await, "the same, because the answer got lost");
    let otherwise = concluded(&store, order(1), Part::Order, &reserved()).await;
    assert_eq!(otherwise, Conclusion::Concluded(failed.clone()), "what was said first counts");
    assert_eq!(concluded(&store, order(1), Part::OwnRollback, &whole).await, Conclusion::Remembered);
    assert_eq!(admit(&store, order(1)).await, Admission::Concluded(whole.clone()));
    assert_eq!(concluded(&store, order(1), Part::Order, &failed).await, Conclusion::Concluded(whole));
    assert_eq!(
        admit(&store, order(2)).await,
        Admission::Go { last: Some((order(1), Report::RolledBack { outcome: Outcome::Done })) }
    );
    assert_eq!(concluded(&store, order(1), Part::OwnRollback, &failed).await, Conclusion::Superseded);
}

async fn a_report_of_a_superseded_order_is_not_to_be_sent(store: Store) {
    assert_eq!(admit(&store, order(1)).await, GO);
    assert_eq!(admit(&store, order(2)).await, GO);
    assert!(!conclude(&store, order(1), &reserved()).await);
    assert_eq!(admit(&store, order(3)).await, GO, "and it is not remembered");
}

async fn an_inspect_is_told_the_last_conclusion(store: Store) {
    let found = Some(Found { old: Presence::Installed, new: Presence::Reserved });
    let inspected = Report::Inspected { found, concluded: Some(Box::new(reserved())) };
    admit(&store, order(1)).await;
    assert!(conclude(&store, order(1), &reserved()).await);
    assert_eq!(admit(&store, order(2)).await, Admission::Go { last: Some((order(1), reserved())) });
    assert_eq!(admit(&store, order(2)).await, Admission::Go { last: Some((order(1), reserved())) });
    assert!(conclude(&store, order(2), &inspected).await);
    assert_eq!(admit(&store, order(2)).await, Admission::Concluded(inspected));
}

async fn a_rollback_of_ones_own_runs_after_its_conclusion_until_a_newer_order_has_begun(store: Store) {
    let failed = Report::Reserve { outcome: failed(Reason::Rejected), rollback: None };
    let rollback = || store.admit(Layer::L3, order(1), Part::OwnRollback);
    admit(&store, order(1)).await;
    assert!(conclude(&store, order(1), &failed).await);
    let go = Admission::Go { last: Some((order(1), failed.clone())) };
    assert_eq!((rollback().await, rollback().await), (Ok(go.clone()), Ok(go)));
    assert_eq!(admit(&store, order(1)).await, Admission::Concluded(failed));
    admit(&store, order(2)).await;
    assert_eq!(rollback().await, Ok(Admission::Superseded { by: 2 }));
}

async fn layers_and_relocations_know_nothing_of_each_other(store: Store) {
    let elsewhere = WorkOrderId { relocation: id(2), ..order(1) };
    assert_eq!(admit(&store, order(9)).await, GO);
    assert!(conclude(&store, order(9), &reserved()).await);
    assert_eq!(store.admit(Layer::L2, order(1), Part::Order).await, Ok(GO));
    assert_eq!(admit(&store, elsewhere).await, GO);
}

async fn every_report_comes_back_as_it_was(store: Store) {
    for (seq, report) in (1..).zip(every_report()) {
        admit(&store, order(seq)).await;
        assert!(conclude(&store, order(seq), &report).await);
        assert_eq!(admit(&store, order(seq)).await, Admission::Concluded(report));
    }
}

// ---------------------------------------------------------------------------------------------------------------
// Everything that can happen in three calls

#[derive(Debug, Clone)]
enum Call {
    Admit(WorkOrderId, Part),
    Conclude(WorkOrderId, Part, Report),
    LetGo(WorkOrderId),
}

#[derive(Debug, PartialEq)]
enum Said {
    Admitted(Admission),
    Concluded(Conclusion),
    LetGo,
}

/// The words of the port, as code.
#[derive(Default)]
struct Fence {
    begun: u64,
    concluded: Option<(WorkOrderId, Report)>,
}

impl Fence {
    fn call(&mut self, call: Call) -> Said {
        match call {
            Call::Admit(order, part) => Said::Admitted(match &self.concluded {
                Some((concluded, report)) if *concluded == order && part == Part::Order => {
                    Admission::Concluded(report.clone())
                }
                _ if order.seq < self.begun => Admission::Superseded { by: self.begun },
                last => {
                    self.begun = order.seq;
                    Admission::Go { last: last.clone() }
                }
            }),
            Call::Conclude(order, part, report) => Said::Concluded(match &self.concluded {
                _ if order.seq < self.begun => Conclusion::Superseded,
                Some((concluded, standing))
                    if *concluded == order && part == Part::Order && *standing != report =>
                {
                    Conclusion::Concluded(standing.clone())
                }
                _ => {
                    self.begun = order.seq;
                    self.concluded = Some((order, report));
                    Conclusion::Remembered
                }
            }),
            Call::LetGo(_) => Said::LetGo,
        }
    }
}

async fn really(store: &Store, call: Call) -> Said {
    match call {
        Call::Admit(order, part) => Said::Admitted(store.admit(Layer::L3, order, part).await.unwrap()),
        Call::Conclude(order, part, report) => Said::Concluded(concluded(store, order, part, &report).await),
        Call::LetGo(order) => {
            store.let_go(Layer::L3, order).await.unwrap();
            Said::LetGo
        }
    }
}

/// What can be called: two orders of one entry, and two later ones.
fn calls(relocation: RelocationId) -> Vec<Call> {
    let orders = [(1, 0), (1, 1), (2, 0), (3, 0)].map(|(seq, index)| WorkOrderId { relocation, seq, index });
    let reports = [reserved(), Report::Noticed];
    let of = |order| {
        let conclusions = reports.clone().into_iter().flat_map(move |report| {
            [Part::Order, Part::OwnRollback].map(|part| Call::Conclude(order, part, report.clone()))
        });
        let others =
            [Call::Admit(order, Part::Order), Call::Admit(order, Part::OwnRollback), Call::LetGo(order)];
        others.into_iter().chain(conclusions)
    };
    orders.into_iter().flat_map(of).collect()
}

async fn every_sequence_of_three_calls_does_what_the_port_says(store: Store) {
    let count = calls(id(0)).len();
    let mut running = Vec::new();
    for first in 0..count {
        for second in 0..count {
            for third in 0..count {
                let store = Arc::clone(&store);
                running.push(tokio::spawn(async move {
                    let number =
                        [first, second, third].into_iter().fold(1, |number, pick| number * count + pick);
                    let calls = calls(RelocationId(Uuid::from_u128(u128::try_from(number).unwrap())));
                    let mut fence = Fence::default();
                    for pick in [first, second, third] {
                        let call = calls[pick].clone();
                        let said = really(&store, call.clone()).await;
                        assert_eq!(said, fence.call(call), "calls {first}, {second}, {third} of {calls:#?}");
                    }
                }));
            }
        }
    }
    for sequence in running {
        sequence.await.unwrap();
    }
}

// ---------------------------------------------------------------------------------------------------------------
// Two processes

/// One store, as two processes have it open.
pub struct FenceRivals(pub [Store; 2]);

/// What a store must do for several processes.
pub const RIVAL_CASES: &[Case<FenceRivals>] = cases![
    an_order_given_to_two_is_one_s_until_it_is_concluded,
    an_order_that_was_let_go_is_anybody_s,
    a_newer_order_elsewhere_keeps_the_older_from_beginning_anything_and_waits_until_it_is_out_of_the_way,
    a_rollback_of_ones_own_is_one_s_too,
    an_order_asked_for_by_two_at_the_same_instant_is_one_s,
    whatever_is_given_to_both_one_at_a_time_is_at_it_and_each_comes_to_its_end,
];

async fn an_order_given_to_two_is_one_s_until_it_is_concluded(rivals: Arc<FenceRivals>) {
    let [one, two] = &rivals.0;
    assert_eq!((admit(one, order(1)).await, admit(two, order(1)).await), (GO, Admission::Busy));
    assert_eq!((admit(one, order(1)).await, admit(two, order(1)).await), (GO, Admission::Busy));
    assert_eq!(two.admit(Layer::L2, order(1), Part::Order).await, Ok(GO), "another layer is another matter");
    assert!(conclude(one, order(1), &reserved()).await);
    assert_eq!(admit(two, order(1)).await, Admission::Concluded(reserved()));
    assert_eq!(admit(two, order(2)).await, Admission::Go { last: Some((order(1), reserved())) });
}

async fn an_order_that_was_let_go_is_anybody_s(rivals: Arc<FenceRivals>) {
    let [one, two] = &rivals.0;
    assert_eq!(admit(one, order(1)).await, GO);
    two.let_go(Layer::L3, order(1)).await.unwrap();
    assert_eq!(admit(two, order(1)).await, Admission::Busy, "nobody lets go for another");
    one.let_go(Layer::L3, order(1)).await.unwrap();
    assert_eq!((admit(two, order(1)).await, admit(one, order(1)).await), (GO, Admission::Busy));
}

async fn a_newer_order_elsewhere_keeps_the_older_from_beginning_anything_and_waits_until_it_is_out_of_the_way(
    rivals: Arc<FenceRivals>,
) {
    let [one, two] = &rivals.0;
    assert_eq!((admit(one, order(1)).await, admit(two, order(2)).await), (GO, Admission::Busy));
    assert_eq!(admit(two, order(2)).await, Admission::Busy, "it may be at a device yet");
    assert_eq!(admit(one, order(1)).await, Admission::Superseded { by: 2 });
    assert_eq!(admit(two, order(2)).await, GO);
    // The same where the older one has ended instead of asking.
    assert_eq!(admit(one, order(3)).await, Admission::Busy);
    assert!(!conclude(two, order(2), &reserved()).await);
    assert_eq!(admit(one, order(3)).await, GO);
}

async fn a_rollback_of_ones_own_is_one_s_too(rivals: Arc<FenceRivals>) {
    let [one, two] = &rivals.0;
    let failed = Report::Reserve { outcome: failed(Reason::Rejected), rollback: None };
    let whole = Report::RolledBack { outcome: Outcome::Done };
    assert_eq!(admit(one, order(1)).await, GO);
    assert!(conclude(one, order(1), &failed).await);
    let rollback = async |store: &Store| store.admit(Layer::L3, order(1), Part::OwnRollback).await;
    let go = |report: &Report| Ok(Admission::Go { last: Some((order(1), report.clone())) });
    assert_eq!((rollback(two).await, rollback(one).await), (go(&failed), Ok(Admission::Busy)));
    let late = concluded(one, order(1), Part::OwnRollback, &failed).await;
    assert_eq!(late, Conclusion::Superseded, "who does not hold it has nothing to say");
    assert_eq!(concluded(two, order(1), Part::OwnRollback, &whole).await, Conclusion::Remembered);
    assert_eq!(rollback(one).await, go(&whole), "it is told that there is nothing left to do");
}

/// Tickets whose second order is asked for by both processes at once: its row is there, and nobody holds it.
const INSTANTS: u16 = 400;

async fn an_order_asked_for_by_two_at_the_same_instant_is_one_s(rivals: Arc<FenceRivals>) {
    for ticket in 0..INSTANTS {
        let order = move |seq| WorkOrderId { relocation: id(ticket), seq, index: 0 };
        let [one, _] = &rivals.0;
        assert_eq!(admit(one, order(1)).await, GO);
        assert!(conclude(one, order(1), &reserved()).await);
        let asking = rivals.0.clone().map(|store| tokio::spawn(async move { admit(&store, order(2)).await }));
        let [first, second] = asking;
        let answers = [first.await.unwrap(), second.await.unwrap()];
        let busy = answers.iter().filter(|answer| **answer == Admission::Busy).count();
        assert_eq!(busy, 1, "ticket {ticket}: {answers:?}");
    }
}

/// Tickets, orders of each, and how often each order is given to each process.
const CROWD: (u16, u64, u64) = (8, 6, 2);

async fn whatever_is_given_to_both_one_at_a_time_is_at_it_and_each_comes_to_its_end(
    rivals: Arc<FenceRivals>,
) {
    let (tickets, orders, copies) = CROWD;
    // Of each ticket: which process is at it, and how many of its orders.
    let at_it: Arc<Vec<AtomicU64>> = Arc::new((0..tickets).map(|_| AtomicU64::new(0)).collect());
    let mut running = Vec::new();
    for (ticket, seq, copy) in (0..tickets).flat_map(|ticket| {
        (1..=orders).flat_map(move |seq| (0..copies * 2).map(move |copy| (ticket, seq, copy)))
    }) {
        let process = copy % 2;
        let store = Arc::clone(&rivals.0[usize::try_from(process).unwrap()]);
        let order = WorkOrderId { relocation: id(ticket), seq, index: 0 };
        let at_it = Arc::clone(&at_it);
        running.push(tokio::spawn(async move {
            let mine = &at_it[usize::from(ticket)];
            // One process counts in the low half, the other in the high half.
            let one = 1 << (32 * process);
            loop {
                match admit(&store, order).await {
                    Admission::Busy => tokio::task::yield_now().await,
                    Admission::Superseded { .. } | Admission::Concluded(_) => break,
                    Admission::Go { .. } => {
                        let before = mine.fetch_add(one, Ordering::SeqCst);
                        let others = before & (0xFFFF_FFFF << (32 * (1 - process)));
                        assert_eq!(others, 0, "both processes are at {order}");
                        // As long as an operation on a device: the others get to ask meanwhile.
                        let elsewhere = WorkOrderId { relocation: id(tickets + ticket), ..order };
                        admit(&store, elsewhere).await;
                        mine.fetch_sub(one, Ordering::SeqCst);
                        if copy == 0 {
                            store.let_go(Layer::L3, order).await.unwrap();
                        } else {
                            conclude(&store, order, &reserved()).await;
                        }
                    }
                }
            }
        }));
    }
    for order in running {
        order.await.unwrap();
    }
}
