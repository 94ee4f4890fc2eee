//! The contract of [`FenceStore`].

use std::sync::Arc;

use rehome_domain::{
    id::{RelocationId, WorkOrderId},
    order::Layer,
    ports::{Admission, FenceStore},
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
    a_report_may_be_replaced_while_no_newer_order_has_begun,
    a_report_of_a_superseded_order_is_not_to_be_sent,
    an_inspect_is_told_the_last_conclusion,
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
    store.admit(Layer::L3, order).await.unwrap()
}

async fn conclude(store: &Store, order: WorkOrderId, report: &Report) -> bool {
    store.conclude(Layer::L3, order, report.clone()).await.unwrap()
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

async fn a_report_may_be_replaced_while_no_newer_order_has_begun(store: Store) {
    let undone = Report::RolledBack { outcome: failed(Reason::Unreachable) };
    assert_eq!(admit(&store, order(1)).await, GO);
    assert!(conclude(&store, order(1), &reserved()).await);
    assert!(conclude(&store, order(1), &undone).await);
    assert_eq!(admit(&store, order(1)).await, Admission::Concluded(undone));
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

async fn layers_and_relocations_know_nothing_of_each_other(store: Store) {
    let elsewhere = WorkOrderId { relocation: id(2), ..order(1) };
    assert_eq!(admit(&store, order(9)).await, GO);
    assert!(conclude(&store, order(9), &reserved()).await);
    assert_eq!(store.admit(Layer::L2, order(1)).await, Ok(GO));
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
    Admit(WorkOrderId),
    Conclude(WorkOrderId, Report),
}

#[derive(Debug, PartialEq)]
enum Said {
    Admitted(Admission),
    Concluded(bool),
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
            Call::Admit(order) => Said::Admitted(match &self.concluded {
                Some((concluded, report)) if *concluded == order => Admission::Concluded(report.clone()),
                _ if order.seq < self.begun => Admission::Superseded { by: self.begun },
                last => {
                    self.begun = order.seq;
                    Admission::Go { last: last.clone() }
                }
            }),
            Call::Conclude(order, report) => {
                let current = order.seq >= self.begun;
                if current {
                    self.begun = order.seq;
                    self.concluded = Some((order, report));
                }
                Said::Concluded(current)
            }
        }
    }
}

async fn really(store: &Store, call: Call) -> Said {
    match call {
        Call::Admit(order) => Said::Admitted(admit(store, order).await),
        Call::Conclude(order, report) => Said::Concluded(conclude(store, order, &report).await),
    }
}

/// What can be called: two orders of one entry, and two later ones.
fn calls(relocation: RelocationId) -> Vec<Call> {
    let orders = [(1, 0), (1, 1), (2, 0), (3, 0)].map(|(seq, index)| WorkOrderId { relocation, seq, index });
    let reports = [reserved(), Report::Noticed];
    let conclude = |order| reports.clone().map(|report| Call::Conclude(order, report));
    orders.into_iter().flat_map(|order| std::iter::once(Call::Admit(order)).chain(conclude(order))).collect()
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
