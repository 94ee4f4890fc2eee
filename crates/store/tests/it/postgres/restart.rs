//! The database's server goes away and comes back.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use rehome_domain::{
    journal::replay,
    order::Layer,
    ports::{Admission, Committed, Conclusion, FenceStore, Loaded, Part, TicketStore},
};
use rehome_store::postgres::{Options, Postgres};
use rehome_testkit::postgres::{Cluster, Database};

use super::{
    database::{order, reserved},
    options,
};
use crate::steps::{id, steps};

const WRITERS: u64 = 4;
/// The server is crashed after so many more acknowledgements.
const CRASHES: [usize; 3] = [40, 137, 301];

/// What has been acknowledged, by relocation: how many steps; 7 with the report concluded.
#[derive(Default)]
struct Acknowledged {
    steps: Mutex<HashMap<u64, u64>>,
    count: AtomicUsize,
}

impl Acknowledged {
    fn note(&self, n: u64, seq: u64) {
        self.steps.lock().unwrap().insert(n, seq);
        self.count.fetch_add(1, Ordering::SeqCst);
    }
}

/// Writes relocations until told to stop, asking again what fails.
async fn write(store: Arc<Postgres>, from: u64, acknowledged: Arc<Acknowledged>, stop: Arc<AtomicBool>) {
    for n in (from..).step_by(usize::try_from(WRITERS).unwrap()) {
        for step in steps(n) {
            let seq = step.entry.seq;
            loop {
                match store.commit(vec![step.clone()]).await.as_deref() {
                    Ok([Committed::Done | Committed::Seen]) => break,
                    Ok(answers) => unreachable!("{answers:?}"),
                    Err(_) => tokio::task::yield_now().await,
                }
            }
            acknowledged.note(n, seq);
        }
        while store.conclude(Layer::L3, order(n), Part::Order, reserved()).await != Ok(Conclusion::Remembered)
        {
        }
        acknowledged.note(n, 7);
        if stop.load(Ordering::SeqCst) {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_acknowledged_is_lost_when_the_server_crashes_and_comes_back() {
    let cluster = Arc::new(Cluster::start());
    let database = Database::on(&cluster.url());
    let store = Postgres::open(&options(&database)).await.unwrap();
    let (acknowledged, stop) = (Arc::new(Acknowledged::default()), Arc::new(AtomicBool::new(false)));
    let writers: Vec<_> = (0..WRITERS)
        .map(|n| tokio::spawn(write(Arc::clone(&store), n, Arc::clone(&acknowledged), Arc::clone(&stop))))
        .collect();
    for more in CRASHES {
        let until = acknowledged.count.load(Ordering::SeqCst) + more;
        while acknowledged.count.load(Ordering::SeqCst) < until {
            tokio::task::yield_now().await;
        }
        let server = Arc::clone(&cluster);
        tokio::task::spawn_blocking(move || server.crash()).await.unwrap();
        let by_then = acknowledged.steps.lock().unwrap().clone();
        let server = Arc::clone(&cluster);
        tokio::task::spawn_blocking(move || server.begin()).await.unwrap();
        for (n, seq) in by_then {
            is_there(&store, n, seq).await;
        }
    }
    stop.store(true, Ordering::SeqCst);
    for writer in writers {
        writer.await.unwrap();
    }
    let all = acknowledged.steps.lock().unwrap().clone();
    for (n, seq) in all {
        assert_eq!(seq, 7);
        is_there(&store, n, seq).await;
    }
}

/// That what was acknowledged is there, and makes a whole ticket.
async fn is_there(store: &Postgres, n: u64, seq: u64) {
    let journal: Vec<_> = store.journal(id(n)).await.unwrap().into_iter().map(Result::unwrap).collect();
    let written = journal.len() as u64;
    assert!(written >= seq.min(6), "relocation {n}: {written} of {seq} acknowledged steps are there");
    let ticket = replay(&journal).unwrap();
    // It may have gone on since its journal was read.
    let loaded = store.load(vec![id(n)]).await.unwrap();
    let [Loaded::Ticket(loaded)] = loaded.as_slice() else { unreachable!("{loaded:?}") };
    assert!(**loaded == ticket || loaded.version > ticket.version);
    if seq == 7 {
        assert_eq!(
            store.admit(Layer::L3, order(n), Part::Order).await.unwrap(),
            Admission::Concluded(reserved())
        );
    }
}

#[tokio::test]
async fn while_the_server_is_away_calls_fail_in_bounded_time_or_wait_until_it_is_back() {
    let cluster = Arc::new(Cluster::start());
    let database = Database::on(&cluster.url());
    let patient = Postgres::open(&options(&database)).await.unwrap();
    let short = Options { patience: Duration::from_millis(300), ..options(&database) };
    let impatient = Postgres::open(&short).await.unwrap();
    impatient.commit(steps(1)[..1].to_vec()).await.unwrap();
    cluster.crash();

    let begun = Instant::now();
    for failed in [
        impatient.load(vec![id(1)]).await.map(drop),
        impatient.commit(steps(1)[1..2].to_vec()).await.map(drop),
        impatient.admit(Layer::L3, order(1), Part::Order).await.map(drop),
    ] {
        let error = failed.unwrap_err();
        assert!(error.to_string().contains("the database can't be reached"), "{error}");
    }
    assert!(begun.elapsed() < Duration::from_secs(5), "it took {:?}", begun.elapsed());

    let waiting = tokio::spawn(async move { patient.commit(steps(1)[1..2].to_vec()).await });
    let server = Arc::clone(&cluster);
    tokio::task::spawn_blocking(move || server.begin()).await.unwrap();
    assert_eq!(waiting.await.unwrap(), Ok(vec![Committed::Done]));
    assert_eq!(impatient.journal(id(1)).await.unwrap().len(), 2);
}
