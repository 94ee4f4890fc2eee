//! The threads that read, each with a connection of its own.

use std::sync::{Arc, Mutex, PoisonError};

use rehome_domain::ports::StoreError;
use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::{OpenError, Thread, failed};

/// Reads that may wait for a thread; whoever brings more waits too.
const QUEUE: usize = 1024;

type Read = Box<dyn FnOnce(&Connection) + Send>;

/// A few threads taking reads from one queue.
pub(super) struct Readers {
    queue: mpsc::Sender<Read>,
    // After the queue, whose end is what ends them.
    _threads: Vec<Thread>,
}

impl Readers {
    /// Starts so many, at least one.
    pub(super) fn start(
        threads: usize,
        connect: impl Fn() -> Result<Connection, OpenError>,
    ) -> Result<Self, OpenError> {
        let (queue, reads) = mpsc::channel::<Read>(QUEUE);
        let reads = Arc::new(Mutex::new(reads));
        let start = |_| {
            let (db, reads) = (connect()?, Arc::clone(&reads));
            Ok(Thread::start("store-reader", move || {
                while let Some(read) = next(&reads) {
                    read(&db);
                }
            })?)
        };
        let threads = (0..threads.max(1)).map(start).collect::<Result<_, OpenError>>()?;
        Ok(Self { queue, _threads: threads })
    }

    /// Reads from one snapshot of the database.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        what: &'static str,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (to, answer) = oneshot::channel();
        let read = move |db: &Connection| {
            let snapshot = db.unchecked_transaction();
            let found = snapshot.and_then(|snapshot| read(&snapshot)).map_err(|error| failed(what, &error));
            // Whoever asked may have stopped waiting.
            let _ = to.send(found);
        };
        self.queue.send(Box::new(read)).await.map_err(|_| StoreError::Closed)?;
        answer
            .await
            .map_err(|_| StoreError::Failed { what, detail: "the reading thread ended".to_owned() })?
    }
}

fn next(reads: &Mutex<mpsc::Receiver<Read>>) -> Option<Read> {
    reads.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv()
}
