//! What can't be seen from outside: grouping, failing neighbours, a slow writer, a writer that dies.
#![allow(clippy::unwrap_used)]

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, mpsc},
    time::{Duration, Instant},
};

use rehome_domain::ports::{StoreError, TicketStore};
use rehome_testkit::history::RELOCATION;
use rusqlite::{Connection, ErrorCode, ffi};
use tempfile::TempDir;

use super::{Options, Sqlite, writer::Write};

fn open(options: &Options) -> (Arc<Sqlite>, PathBuf, TempDir) {
    let dir = TempDir::new().unwrap();
    let path = dir.path().join("rehome.db");
    (Sqlite::open(&path, options).unwrap(), path, dir)
}

/// Writes a row, then does something.
struct Then<F> {
    row: u32,
    then: F,
}

impl<F: Fn() -> rusqlite::Result<()> + Send + 'static> Write for Then<F> {
    type Answer = u32;
    const WHAT: &'static str = "testing";

    fn execute(&self, db: &Connection) -> rusqlite::Result<u32> {
        db.execute("INSERT INTO quarantine (relocation, reason) VALUES (randomblob(16), ?1)", [self.row])?;
        (self.then)()?;
        Ok(self.row)
    }
}

fn write(store: &Arc<Sqlite>, row: u32) -> tokio::task::JoinHandle<Result<u32, StoreError>> {
    then(store, row, || Ok(()))
}

fn then(
    store: &Arc<Sqlite>,
    row: u32,
    then: impl Fn() -> rusqlite::Result<()> + Send + Sync + 'static,
) -> tokio::task::JoinHandle<Result<u32, StoreError>> {
    let store = Arc::clone(store);
    tokio::spawn(async move { store.write(Then { row, then }).await })
}

/// Keeps the writer inside a transaction until the sender is dropped; `begun` says when it is there.
struct Hold {
    begun: mpsc::Sender<()>,
    until: Mutex<mpsc::Receiver<()>>,
}

impl Write for Hold {
    type Answer = ();
    const WHAT: &'static str = "holding the writer";

    fn execute(&self, db: &Connection) -> rusqlite::Result<()> {
        db.execute("INSERT INTO quarantine (relocation, reason) VALUES (randomblob(16), 'held')", [])?;
        let _ = self.begun.send(());
        let _ = self.until.lock().unwrap().recv();
        Ok(())
    }
}

/// Holds the writer until what is returned is dropped, so that requests queue up behind.
fn hold(store: &Arc<Sqlite>) -> mpsc::Sender<()> {
    let (begun, is_there) = mpsc::channel();
    let (release, until) = mpsc::channel();
    let store = Arc::clone(store);
    tokio::spawn(async move { store.write(Hold { begun, until: Mutex::new(until) }).await });
    is_there.recv().unwrap();
    release
}

/// Until so many requests are queued behind a held writer.
async fn queued(store: &Sqlite, count: usize) {
    while store.writer.as_ref().unwrap().waiting() < count {
        tokio::task::yield_now().await;
    }
}

async fn reasons(store: &Sqlite) -> Vec<String> {
    let mut reasons: Vec<_> =
        store.quarantined().await.unwrap().into_iter().map(|(_, reason)| reason).collect();
    reasons.sort();
    reasons
}

fn full() -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(
        ffi::Error { code: ErrorCode::DiskFull, extended_code: ffi::SQLITE_FULL },
        None,
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_queues_up_is_committed_together_up_to_the_limit() {
    let (store, _path, _dir) = open(&Options { batch: 8, record_shapes: true, ..Options::default() });
    let release = hold(&store);
    let writes: Vec<_> = (0..20).map(|row| write(&store, row)).collect();
    queued(&store, 20).await;
    drop(release);
    for (row, write) in (0..).zip(writes) {
        assert_eq!(write.await.unwrap(), Ok(row));
    }
    let stats = store.stats();
    assert_eq!((stats.transactions, stats.requests, stats.rows), (1 + 3, 1 + 20, 1 + 20), "8, 8 and 4");
    assert_eq!(stats.shapes.len(), 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_fails_leaves_no_trace_and_fails_nobody_else() {
    let (store, _path, _dir) = open(&Options::default());
    let release = hold(&store);
    let before = write(&store, 1);
    queued(&store, 1).await;
    let failing = then(&store, 2, || Err(full()));
    queued(&store, 2).await;
    let after = write(&store, 3);
    queued(&store, 3).await;
    drop(release);
    assert_eq!((before.await.unwrap(), after.await.unwrap()), (Ok(1), Ok(3)));
    let error = failing.await.unwrap().unwrap_err();
    assert!(matches!(error, StoreError::Failed { what: "testing", .. }), "{error}");
    assert_eq!(reasons(&store).await, ["1", "3", "held"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lock_of_another_process_is_waited_for_together() {
    let patience = Duration::from_millis(100);
    let (store, path, _dir) = open(&Options { busy_timeout: patience, ..Options::default() });
    let other = Connection::open(path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let begun = Instant::now();
    let writes: Vec<_> = (0..50).map(|row| write(&store, row)).collect();
    for write in writes {
        let error = write.await.unwrap().unwrap_err();
        assert!(error.to_string().contains("locked"), "{error}");
    }
    assert!(begun.elapsed() < patience * 25, "a few transactions waited, not every request");
    other.execute_batch("COMMIT").unwrap();
    assert_eq!(write(&store, 7).await.unwrap(), Ok(7), "and it goes on as soon as it can");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reading_goes_on_beside_a_long_write() {
    let (store, _path, _dir) = open(&Options { readers: 1, ..Options::default() });
    write(&store, 1).await.unwrap().unwrap();
    let release = hold(&store);
    assert_eq!(reasons(&store).await, ["1"], "nor is anything seen that is not durable");
    let held = write(&store, 2);
    queued(&store, 1).await;
    assert_eq!(reasons(&store).await, ["1"]);
    drop(release);
    held.await.unwrap().unwrap();
    assert_eq!(reasons(&store).await, ["1", "2", "held"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dropping_the_store_writes_what_is_queued() {
    let (store, path, _dir) = open(&Options::default());
    let release = hold(&store);
    let writes: Vec<_> = (0..9).map(|row| write(&store, row)).collect();
    queued(&store, 9).await;
    // Whoever asked gives up; what was handed over is done all the same.
    writes.iter().for_each(tokio::task::JoinHandle::abort);
    drop(release);
    while Arc::strong_count(&store) > 1 {
        tokio::task::yield_now().await;
    }
    tokio::task::spawn_blocking(move || drop(store)).await.unwrap();
    assert!(!path.with_extension("db-wal").exists(), "the log is back in the file");
    let store = Sqlite::open_read_only(&path).unwrap();
    assert_eq!(reasons(&store).await.len(), 10);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_writer_that_dies_leaves_nobody_waiting() {
    let (store, _path, _dir) = open(&Options::default());
    let release = hold(&store);
    let before = write(&store, 1);
    queued(&store, 1).await;
    let fatal = then(&store, 2, || panic!("the writer dies, as this test wants"));
    queued(&store, 2).await;
    let after = write(&store, 3);
    queued(&store, 3).await;
    drop(release);
    for waiting in [before, fatal, after] {
        let error = waiting.await.unwrap().unwrap_err();
        assert_eq!(
            error,
            StoreError::Failed { what: "testing", detail: "the writing thread ended".to_owned() }
        );
    }
    assert!(write(&store, 4).await.unwrap().is_err());
    assert_eq!(reasons(&store).await, ["held"]);
    assert_eq!(store.journal(RELOCATION).await, Ok(Vec::new()), "reading goes on");
    store.close().await;
}
