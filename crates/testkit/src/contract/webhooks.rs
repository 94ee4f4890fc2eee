//! What the store of webhooks must do, and the order it gives the journals' entries.

use std::{collections::BTreeSet, sync::Arc};

use jiff::{SignedDuration, Timestamp};
use rehome_domain::{
    command::CommandKind,
    id::RelocationId,
    ports::{Change, Committed, Feed, TicketStore, WebhookStore},
    request::Request,
    webhook::{Format, MOST, Mark, Secret, Standing, Webhook, WebhookId},
};
use uuid::Uuid;

use super::{
    Case, cases,
    relocation::{Relocation, own},
};
use crate::history::START;

/// A store that can do all that webhooks need.
pub trait Telling: TicketStore + Feed + WebhookStore {}

impl<T: TicketStore + Feed + WebhookStore> Telling for T {}

/// The suite.
pub const CASES: &[Case<dyn Telling>] = cases![
    webhooks_come_back_as_they_were_kept_and_go_when_forgotten,
    there_are_never_more_webhooks_than_there_may_be,
    a_webhook_is_held_by_one_at_a_time_and_free_again_when_its_time_ends,
    a_holder_that_lost_its_webhook_writes_nothing,
    a_webhook_set_anew_is_nobodys,
    the_feed_has_every_entry_once_in_each_tickets_order,
    whoever_reads_on_from_a_place_misses_nothing_that_is_committed_meanwhile,
    from_the_end_on_there_is_only_what_comes_later,
];

fn webhook(n: u128) -> Webhook {
    Webhook {
        id: WebhookId(Uuid::from_u128(1000 - n)),
        url: format!("https://receiver-{n}.example/变更?a=\0"),
        secret: Secret("whsec_c2VjcmV0".to_owned()),
        format: if n.is_multiple_of(2) { Format::Tmf } else { Format::Rehome },
        query: "eventType=ServiceOrderStateChangeEvent".to_owned(),
        by: "bss".to_owned(),
        token: n.is_multiple_of(2).then(|| Uuid::from_u128(n)),
        at: START,
    }
}

fn standing() -> Standing {
    Standing::new(Mark::before(7), START)
}

fn at(seconds: i64) -> Timestamp {
    START + SignedDuration::from_secs(seconds)
}

const ONE: Uuid = Uuid::from_u128(1);
const TWO: Uuid = Uuid::from_u128(2);

async fn webhooks_come_back_as_they_were_kept_and_go_when_forgotten(store: Arc<dyn Telling>) {
    for n in 0..3 {
        assert!(store.subscribe(webhook(n), standing()).await.unwrap());
    }
    let all: Vec<_> = (0..3).map(|n| (webhook(n), standing())).collect();
    assert_eq!(store.webhooks().await.unwrap(), all);
    assert!(store.unsubscribe(webhook(1).id).await.unwrap());
    assert!(!store.unsubscribe(webhook(1).id).await.unwrap());
    assert_eq!(store.webhooks().await.unwrap(), [all[0].clone(), all[2].clone()]);
}

async fn there_are_never_more_webhooks_than_there_may_be(store: Arc<dyn Telling>) {
    for n in 0..u128::from(MOST) {
        assert!(store.subscribe(webhook(n), standing()).await.unwrap());
    }
    assert!(!store.subscribe(webhook(500), standing()).await.unwrap());
    assert!(store.unsubscribe(webhook(0).id).await.unwrap());
    assert!(store.subscribe(webhook(500), standing()).await.unwrap());
    assert_eq!(store.webhooks().await.unwrap().len(), usize::try_from(MOST).unwrap());
}

async fn a_webhook_is_held_by_one_at_a_time_and_free_again_when_its_time_ends(store: Arc<dyn Telling>) {
    store.subscribe(webhook(0), standing()).await.unwrap();
    store.subscribe(webhook(1), Standing { next_at: at(100), ..standing() }).await.unwrap();
    let first = [(webhook(0), standing())];
    assert_eq!(store.take_webhooks(ONE, at(0), at(30)).await.unwrap(), first);
    assert_eq!(store.take_webhooks(TWO, at(1), at(31)).await.unwrap(), []);
    assert_eq!(store.take_webhooks(TWO, at(30), at(60)).await.unwrap(), first, "its time has ended");
    // Let go of, but not to be told anything before its time.
    let waiting = Standing { next_at: at(50), told: 3, ..standing() };
    assert!(store.settle_webhook(webhook(0).id, TWO, waiting.clone(), None).await.unwrap());
    assert_eq!(store.take_webhooks(ONE, at(49), at(60)).await.unwrap(), []);
    assert_eq!(store.take_webhooks(ONE, at(50), at(60)).await.unwrap(), [(webhook(0), waiting)]);
}

async fn a_holder_that_lost_its_webhook_writes_nothing(store: Arc<dyn Telling>) {
    store.subscribe(webhook(0), standing()).await.unwrap();
    let told = |told| Standing { told, ..standing() };
    let id = webhook(0).id;
    assert!(!store.settle_webhook(id, ONE, told(1), None).await.unwrap(), "it never had it");
    store.take_webhooks(ONE, at(0), at(10)).await.unwrap();
    assert!(store.settle_webhook(id, ONE, told(2), Some(at(20))).await.unwrap());
    assert_eq!(store.take_webhooks(TWO, at(19), at(40)).await.unwrap(), [], "it holds it on");
    assert_eq!(store.take_webhooks(TWO, at(20), at(40)).await.unwrap(), [(webhook(0), told(2))]);
    assert!(!store.settle_webhook(id, ONE, told(3), Some(at(60))).await.unwrap());
    assert_eq!(store.webhooks().await.unwrap(), [(webhook(0), told(2))]);
}

async fn a_webhook_set_anew_is_nobodys(store: Arc<dyn Telling>) {
    store.subscribe(webhook(0), standing()).await.unwrap();
    store.take_webhooks(ONE, at(0), at(100)).await.unwrap();
    let anew = Standing { position: Mark::before(99), ..standing() };
    assert!(store.reset_webhook(webhook(0).id, anew.clone()).await.unwrap());
    assert!(!store.reset_webhook(webhook(1).id, anew.clone()).await.unwrap());
    assert!(!store.settle_webhook(webhook(0).id, ONE, standing(), Some(at(200))).await.unwrap());
    assert_eq!(store.take_webhooks(TWO, at(1), at(50)).await.unwrap(), [(webhook(0), anew)]);
}

/// Reads on until something says that this is all, in pages of this many.
async fn read_on(store: &dyn Telling, mut from: Mark, page: usize, expected: usize) -> Vec<Mark> {
    let mut found = Vec::new();
    let late = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while found.len() < expected && std::time::Instant::now() < late {
        let marks = store.after(from, page).await.unwrap();
        from = marks.last().copied().unwrap_or(from);
        // Somebody else's transaction in the same server may still be open: what is behind it comes when it has ended.
        if marks.is_empty() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        found.extend(marks);
    }
    found
}

/// What was committed, as the feed must have it.
fn entries(changes: &[Change]) -> BTreeSet<(RelocationId, u64)> {
    changes.iter().map(|change| (change.entry.relocation, change.entry.seq)).collect()
}

fn steps(n: u16) -> Vec<Change> {
    let (mut it, submitted) = Relocation::submitted(n, Request { hold: true, ..own(n) });
    vec![submitted, it.command(CommandKind::DeployReservation), it.command(CommandKind::Cancel)]
}

async fn commit(store: &dyn Telling, changes: Vec<Change>) {
    assert!(store.commit(changes).await.unwrap().iter().all(|done| *done == Committed::Done));
}

async fn the_feed_has_every_entry_once_in_each_tickets_order(store: Arc<dyn Telling>) {
    let histories: Vec<Vec<Change>> = (0..20).map(steps).collect();
    for step in 0..3 {
        commit(store.as_ref(), histories.iter().map(|steps| steps[step].clone()).collect()).await;
    }
    let expected = entries(&histories.concat());
    for page in [1, 7, 1000] {
        let found = read_on(store.as_ref(), Mark::before(0), page, expected.len()).await;
        assert!(found.is_sorted_by(|one, next| one < next), "in order, none twice: {found:?}");
        assert_eq!(found.iter().map(|mark| (mark.relocation, mark.seq)).collect::<BTreeSet<_>>(), expected);
        for steps in &histories {
            let own = found.iter().filter(|mark| mark.relocation == steps[0].entry.relocation);
            assert_eq!(own.map(|mark| mark.seq).collect::<Vec<_>>(), [1, 2, 3]);
        }
    }
}

async fn whoever_reads_on_from_a_place_misses_nothing_that_is_committed_meanwhile(store: Arc<dyn Telling>) {
    let writers = 4_u16;
    let (each, from) = (25_u16, Mark::before(0));
    let expected: BTreeSet<_> =
        (0..writers * each).flat_map(|n| entries(&steps(n)).into_iter().collect::<Vec<_>>()).collect();
    let writing = (0..writers).map(|writer| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            for n in writer * each..(writer + 1) * each {
                for change in steps(n) {
                    commit(store.as_ref(), vec![change]).await;
                }
            }
        })
    });
    let writing: Vec<_> = writing.collect();
    let found = read_on(store.as_ref(), from, 5, expected.len()).await;
    for writer in writing {
        writer.await.unwrap();
    }
    assert!(found.is_sorted_by(|one, next| one < next), "in order, none twice");
    assert_eq!(found.iter().map(|mark| (mark.relocation, mark.seq)).collect::<BTreeSet<_>>(), expected);
}

async fn from_the_end_on_there_is_only_what_comes_later(store: Arc<dyn Telling>) {
    commit(store.as_ref(), steps(1)).await;
    // Until it can be read, an open transaction of somebody else may keep the end in front of it.
    assert_eq!(read_on(store.as_ref(), Mark::before(0), 10, 3).await.len(), 3);
    let end = store.end().await.unwrap();
    commit(store.as_ref(), steps(2)).await;
    let found = read_on(store.as_ref(), end, 10, 3).await;
    assert_eq!(
        found.iter().map(|mark| (mark.relocation, mark.seq)).collect::<BTreeSet<_>>(),
        entries(&steps(2))
    );
}
