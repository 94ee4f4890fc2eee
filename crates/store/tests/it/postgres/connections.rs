//! Connections that end, answers that get lost, rows that others hold, requests that come many at once.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use jiff::SignedDuration;
use rehome_domain::{
    order::Layer,
    ports::{
        Admission, Committed, Conclusion, DeviceMemory, Edit, FenceStore, Part, StoreError, TicketStore,
    },
    request::Spot,
};
use rehome_store::postgres::{Options, Postgres};
use rehome_testkit::postgres::Database;
use tokio_postgres::NoTls;

use super::{
    database::{order, put, reserved},
    open, options,
    proxy::Proxy,
};
use crate::steps::{id, steps};

async fn behind(database: &Database) -> (Proxy, Arc<Postgres>) {
    let proxy = Proxy::before(&database.url()).await;
    let store =
        Postgres::open(&Options { url: proxy.url(&database.url()), ..options(database) }).await.unwrap();
    (proxy, store)
}

fn not_known(error: &StoreError) -> bool {
    error.to_string().contains("whether it was done is not known")
}

#[tokio::test]
async fn a_commit_whose_answer_is_lost_is_an_error_and_asked_again_has_been_seen() {
    let database = Database::create();
    let (proxy, store) = behind(&database).await;
    let steps = steps(1);
    assert_eq!(store.commit(steps[..1].to_vec()).await, Ok(vec![Committed::Done]));
    proxy.lose_the_next_commit();
    let lost = store.commit(steps[1..2].to_vec()).await.unwrap_err();
    assert!(not_known(&lost), "{lost}");
    assert_eq!(store.commit(steps[1..2].to_vec()).await, Ok(vec![Committed::Seen]));
    assert_eq!(store.journal(id(1)).await.unwrap().len(), 2);
}

#[tokio::test]
async fn what_may_be_asked_twice_is_asked_again_by_itself_when_its_answer_is_lost() {
    let database = Database::create();
    let (proxy, store) = behind(&database).await;
    proxy.lose_the_next_commit();
    assert_eq!(store.admit(Layer::L3, order(1), Part::Order).await, Ok(Admission::Go { last: None }));
    proxy.lose_the_next_commit();
    assert_eq!(
        store.conclude(Layer::L3, order(1), Part::Order, reserved()).await,
        Ok(Conclusion::Remembered)
    );
    assert_eq!(store.admit(Layer::L3, order(1), Part::Order).await, Ok(Admission::Concluded(reserved())));
    assert_eq!(store.stats().reconnects, 2, "both answers were lost");
}

#[tokio::test]
async fn an_edit_whose_answer_is_lost_is_an_error_and_is_not_made_twice() {
    let database = Database::create();
    let (proxy, store) = behind(&database).await;
    proxy.lose_the_next_commit();
    let lost = store.edit(Layer::L3, vec![put(1)]).await.unwrap_err();
    assert!(not_known(&lost), "{lost}");
    assert_eq!(store.look(Layer::L3, vec![put(1).spot]).await, Ok(vec![put(1).put]));
    assert_eq!(store.edit(Layer::L3, vec![put(1)]).await, Ok(false));
}

#[tokio::test]
async fn a_database_that_falls_silent_fails_every_call_in_bounded_time_and_is_found_again() {
    let database = Database::create();
    let proxy = Proxy::before(&database.url()).await;
    let impatient = Options {
        url: proxy.url(&database.url()),
        connect_timeout: Duration::from_millis(200),
        patience: Duration::from_millis(200),
        statement_timeout: Duration::from_millis(500),
        ..options(&database)
    };
    let store = Postgres::open(&impatient).await.unwrap();
    assert_eq!(store.commit(steps(1)[..1].to_vec()).await, Ok(vec![Committed::Done]));
    proxy.fall_silent();
    let begun = Instant::now();
    for _ in 0..2 {
        let silent = tokio::join!(
            store.load(vec![id(1)]),
            store.commit(steps(1)[1..2].to_vec()),
            store.admit(Layer::L3, order(1), Part::Order),
        );
        assert!(silent.0.is_err() && silent.1.is_err() && silent.2.is_err(), "{silent:?}");
    }
    assert!(begun.elapsed() < Duration::from_secs(20), "it took {:?}", begun.elapsed());
    proxy.pass();
    assert_eq!(store.commit(steps(1)[1..2].to_vec()).await, Ok(vec![Committed::Done]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_killed_in_mid_run_lose_nothing_and_double_nothing() {
    const RELOCATIONS: u64 = 60;
    const WRITERS: u64 = 6;
    const KILLS: usize = 8;
    let database = Database::create();
    let store = open(&database).await;
    let (acknowledged, failed) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let (store, acknowledged, failed) =
                (Arc::clone(&store), Arc::clone(&acknowledged), Arc::clone(&failed));
            tokio::spawn(async move {
                for step in (writer..RELOCATIONS).step_by(6).flat_map(steps) {
                    // As the port says: an error is asked again, and may have been done.
                    while let Err(error) = store.commit(vec![step.clone()]).await.map(|answers| {
                        assert!(matches!(answers[..], [Committed::Done | Committed::Seen]), "{answers:?}");
                    }) {
                        assert!(not_known(&error), "{error}");
                        failed.fetch_add(1, Ordering::SeqCst);
                    }
                    acknowledged.fetch_add(1, Ordering::SeqCst);
                }
            })
        })
        .collect();
    let kill = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid()";
    let all = usize::try_from(RELOCATIONS * 6).unwrap();
    for round in 1..=KILLS {
        while acknowledged.load(Ordering::SeqCst) < round * all / (KILLS + 1) {
            tokio::task::yield_now().await;
        }
        assert_ne!(database.sql(kill), "0");
    }
    for writer in writers {
        writer.await.unwrap();
    }
    for n in 0..RELOCATIONS {
        let journal: Vec<_> = store.journal(id(n)).await.unwrap().into_iter().map(Result::unwrap).collect();
        let expected = steps(n);
        assert!(journal.iter().eq(expected.iter().map(|step| step.entry.as_ref())), "{journal:#?}");
    }
    let met = failed.load(Ordering::SeqCst) as u64 + store.stats().reconnects;
    assert!(met > 0, "no kill met a transaction: this test has shown nothing");
}

#[tokio::test]
async fn a_claim_passes_over_rows_that_others_have_locked() {
    let database = Database::create();
    let store = open(&database).await;
    for n in 1..=3 {
        store.commit(steps(n)[..1].to_vec()).await.unwrap();
    }
    let (other, connection) = tokio_postgres::connect(&database.url(), NoTls).await.unwrap();
    tokio::spawn(connection);
    other.batch_execute("BEGIN").await.unwrap();
    let locked = "SELECT FROM ticket WHERE id = $1 FOR UPDATE";
    other.query(locked, &[&id(2).0]).await.unwrap();

    let due = steps(1)[0].ticket.due().unwrap() + SignedDuration::from_hours(1);
    let claim = async || -> Vec<_> {
        let claimed = store.claim_due(due, SignedDuration::from_mins(1), 9).await.unwrap();
        claimed.into_iter().map(|(id, _)| id).collect()
    };
    assert_eq!(claim().await, [id(1), id(3)], "nothing was waited for");
    other.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(claim().await, [id(2)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_queues_up_is_done_in_few_transactions() {
    const ORDERS: u64 = 400;
    let database = Database::create();
    // So long that it is said once that this process is alive, and not again in between.
    let lease = Duration::from_secs(3600);
    let store = Postgres::open(&Options { lease, ..options(&database) }).await.unwrap();
    store.admit(Layer::L3, order(ORDERS), Part::Order).await.unwrap();
    let before = store.stats();
    let asking: Vec<_> = (0..ORDERS)
        .map(|n| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.admit(Layer::L3, order(n), Part::Order).await })
        })
        .collect();
    for asked in asking {
        assert_eq!(asked.await.unwrap(), Ok(Admission::Go { last: None }));
    }
    let after = store.stats();
    assert_eq!(after.requests - before.requests, ORDERS);
    assert!(after.transactions - before.transactions < ORDERS / 4, "{after:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_the_database_does_not_want_fails_nobody_else() {
    let database = Database::create();
    let store = open(&database).await;
    let bad = |edit: Edit| {
        let spot = Spot { device: "gw\0".to_owned(), ..edit.spot };
        Edit { spot, ..edit }
    };
    let editing: Vec<_> = (0..40)
        .map(|n| {
            let (store, edit) = (Arc::clone(&store), if n == 20 { bad(put(n)) } else { put(n) });
            tokio::spawn(async move { store.edit(Layer::L3, vec![edit]).await })
        })
        .collect();
    for (n, edited) in editing.into_iter().enumerate() {
        let edited = edited.await.unwrap();
        assert_eq!(edited.is_err(), n == 20, "{n}: {edited:?}");
    }
}

/// Something in the database that refuses whoever locks one resource, as if another had always just taken it.
const CONTENTION: &str = "
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF NEW.resource = 'service LL-2' THEN RAISE unique_violation; END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER refuse BEFORE INSERT ON resource_lock FOR EACH ROW EXECUTE FUNCTION refuse();";

#[tokio::test]
async fn a_batch_that_others_keep_getting_into_is_committed_step_by_step() {
    let database = Database::create();
    let store = open(&database).await;
    database.sql(CONTENTION);
    let batch = vec![steps(1)[0].clone(), steps(2)[0].clone(), steps(3)[0].clone()];
    let error = store.commit(batch.clone()).await.unwrap_err();
    assert!(error.to_string().contains("others kept getting in between"), "{error}");
    database.sql("DROP TRIGGER refuse ON resource_lock");
    let again = store.commit(batch).await.unwrap();
    assert_eq!(
        again,
        [Committed::Seen, Committed::Done, Committed::Done],
        "the first was committed by itself"
    );
}

#[tokio::test]
async fn a_caller_that_gives_up_leaves_no_transaction_behind() {
    let database = Database::create();
    let store = Postgres::open(&Options { pool: 1, ..options(&database) }).await.unwrap();
    store.commit(steps(1)[..1].to_vec()).await.unwrap();
    store.commit(steps(2)[..1].to_vec()).await.unwrap();
    let (other, connection) = tokio_postgres::connect(&database.url(), NoTls).await.unwrap();
    tokio::spawn(connection);
    other.batch_execute("BEGIN").await.unwrap();
    other.query("SELECT FROM ticket WHERE id = $1 FOR UPDATE", &[&id(2).0]).await.unwrap();

    // It has locked the first ticket, and waits for the second.
    let mut commit = Box::pin(store.commit(vec![steps(1)[1].clone(), steps(2)[1].clone()]));
    let waits =
        "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while other.query(waits, &[]).await.unwrap().is_empty() {
        assert!(futures::poll!(&mut commit).is_pending());
    }
    drop(commit);
    other.batch_execute("ROLLBACK").await.unwrap();
    assert_eq!(store.journal(id(1)).await.unwrap().len(), 1);
    while !other.query(waits, &[]).await.unwrap().is_empty() {}
    other.query("SELECT FROM ticket FOR UPDATE NOWAIT", &[]).await.unwrap();
    let done = store.commit(vec![steps(1)[1].clone(), steps(2)[1].clone()]).await;
    assert_eq!(done, Ok(vec![Committed::Done; 2]));
}
