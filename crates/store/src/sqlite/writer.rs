//! The one thread that writes.
//!
//! It takes what has queued up and puts it into one transaction: so many requests share the cost of one, and none
//! waits for another when there is nothing to do. A request that can't be done says so before it writes anything
//! ([`Write::execute`]), so that no request needs a savepoint: each would cost a copy of every page it touches. If
//! SQLite itself fails, the transaction is taken back and its requests are done again one by one.

use std::{
    io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use rehome_domain::ports::StoreError;
use rusqlite::{Connection, ErrorCode, TransactionBehavior};
use tokio::sync::{mpsc, oneshot};

use super::{Options, Thread, failed};

/// A request to the writer.
pub(super) trait Write: Send + 'static {
    /// What it answers.
    type Answer: Send;

    /// What it is, in the words of [`StoreError::Failed`].
    const WHAT: &'static str;

    /// Does it, inside a transaction that others share. It may be called again after the transaction was taken back.
    ///
    /// A refusal is an answer, and must be found before the first row is written. An error takes the whole
    /// transaction back.
    fn execute(&self, db: &Connection) -> rusqlite::Result<Self::Answer>;

    /// Adds itself to its transaction's shape.
    fn shape(&self, _shape: &mut Shape) {}
}

/// What was in one transaction: how many of each kind of write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Shape {
    /// Changes of tickets.
    pub changes: u32,
    /// Orders admitted.
    pub admits: u32,
    /// Orders concluded.
    pub concludes: u32,
    /// Edits of device memory.
    pub edits: u32,
}

/// What the writer has done.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stats {
    /// Transactions committed.
    pub transactions: u64,
    /// Requests in them.
    pub requests: u64,
    /// Rows inserted, updated and deleted in them.
    pub rows: u64,
    /// Every transaction's shape in order, if [`Options::record_shapes`] asks for it.
    pub shapes: Vec<Shape>,
}

// ---------------------------------------------------------------------------------------------------------------
// Jobs

/// A request of any kind, on its way through a transaction.
pub(super) trait Job: Send {
    /// See [`Write::execute`]; keeps the answer.
    fn execute(&mut self, db: &Connection) -> rusqlite::Result<()>;
    /// See [`Write::shape`].
    fn shape(&self, shape: &mut Shape);
    /// Answers whoever asked, now that the transaction is durable or has failed.
    fn answer(self: Box<Self>, outcome: Result<(), &rusqlite::Error>);
}

/// A request, its answer in the making, and who waits for it.
pub(super) struct Pending<W: Write> {
    write: W,
    answer: Option<W::Answer>,
    to: oneshot::Sender<Result<W::Answer, StoreError>>,
}

impl<W: Write> Pending<W> {
    /// A job for a request; where to send its answer.
    pub(super) fn job(write: W, to: oneshot::Sender<Result<W::Answer, StoreError>>) -> Box<dyn Job> {
        Box::new(Self { write, answer: None, to })
    }
}

impl<W: Write> Job for Pending<W> {
    fn execute(&mut self, db: &Connection) -> rusqlite::Result<()> {
        self.answer = Some(self.write.execute(db)?);
        Ok(())
    }

    fn shape(&self, shape: &mut Shape) {
        self.write.shape(shape);
    }

    fn answer(self: Box<Self>, outcome: Result<(), &rusqlite::Error>) {
        let answer = match (outcome, self.answer) {
            (Ok(()), Some(answer)) => Ok(answer),
            (Ok(()), None) => Err(StoreError::Failed {
                what: W::WHAT,
                detail: "it was committed before it was done".to_owned(),
            }),
            (Err(error), _) => Err(failed(W::WHAT, error)),
        };
        // Whoever asked may have stopped waiting.
        let _ = self.to.send(answer);
    }
}

/// Does jobs in one transaction: all are durable, or none has left a trace. Answers how many rows were written.
pub(super) fn together(db: &mut Connection, jobs: &mut [Box<dyn Job>]) -> rusqlite::Result<u64> {
    let before = db.total_changes();
    let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for job in jobs {
        job.execute(&transaction)?;
    }
    transaction.commit()?;
    Ok(db.total_changes() - before)
}

// ---------------------------------------------------------------------------------------------------------------
// The thread

enum Message {
    Do(Box<dyn Job>),
    Close(oneshot::Sender<()>),
}

/// The way to the writing thread.
pub(super) struct Writer {
    queue: mpsc::Sender<Message>,
    done: Arc<Done>,
    // After the queue, whose end is what ends it.
    _thread: Thread,
}

impl Writer {
    pub(super) fn start(db: Connection, options: &Options) -> io::Result<Self> {
        let (queue, messages) = mpsc::channel(options.queue.max(1));
        let done = Arc::new(Done::default());
        let writing = Writing {
            db,
            messages,
            batch: options.batch.max(1),
            record_shapes: options.record_shapes,
            done: Arc::clone(&done),
        };
        let thread = Thread::start("store-writer", move || writing.run())?;
        Ok(Self { queue, done, _thread: thread })
    }

    /// Has a request done; resolves when it is durable.
    pub(super) async fn write<W: Write>(&self, write: W) -> Result<W::Answer, StoreError> {
        let (to, answer) = oneshot::channel();
        self.queue.send(Message::Do(Pending::job(write, to))).await.map_err(|_| StoreError::Closed)?;
        answer.await.map_err(|_| StoreError::Failed {
            what: W::WHAT,
            detail: "the writing thread ended".to_owned(),
        })?
    }

    pub(super) async fn close(&self) {
        let (to, closed) = oneshot::channel();
        if self.queue.send(Message::Close(to)).await.is_ok() {
            // Nothing is ever said: the thread drops the other end when it is through.
            let _ = closed.await;
        }
    }

    pub(super) fn stats(&self) -> Stats {
        self.done.stats()
    }

    /// Requests that wait to be taken.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.queue.max_capacity() - self.queue.capacity()
    }
}

/// What the thread has done, for others to see.
#[derive(Default)]
struct Done {
    transactions: AtomicU64,
    requests: AtomicU64,
    rows: AtomicU64,
    shapes: Mutex<Vec<Shape>>,
}

impl Done {
    fn stats(&self) -> Stats {
        Stats {
            transactions: self.transactions.load(Ordering::Relaxed),
            requests: self.requests.load(Ordering::Relaxed),
            rows: self.rows.load(Ordering::Relaxed),
            shapes: self.shapes.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        }
    }
}

struct Writing {
    db: Connection,
    messages: mpsc::Receiver<Message>,
    batch: usize,
    record_shapes: bool,
    done: Arc<Done>,
}

impl Writing {
    fn run(mut self) {
        let mut messages = Vec::with_capacity(self.batch);
        let mut closing = Vec::new();
        while self.messages.blocking_recv_many(&mut messages, self.batch) > 0 {
            let mut jobs = Vec::with_capacity(messages.len());
            for message in messages.drain(..) {
                match message {
                    Message::Do(job) => jobs.push(job),
                    Message::Close(to) => {
                        // What is queued is still taken; nothing new is.
                        self.messages.close();
                        closing.push(to);
                    }
                }
            }
            if !jobs.is_empty() {
                self.settle(jobs);
            }
        }
        // Whoever closes is told after the file has been let go of.
        drop(self.db);
        drop(closing);
    }

    fn settle(&mut self, mut jobs: Vec<Box<dyn Job>>) {
        match together(&mut self.db, &mut jobs) {
            Ok(rows) => {
                self.count(&jobs, rows);
                jobs.into_iter().for_each(|job| job.answer(Ok(())));
            }
            // Nobody here is at fault when another process keeps the file locked, and each would wait for it again.
            Err(error) if jobs.len() == 1 || error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => {
                jobs.into_iter().for_each(|job| job.answer(Err(&error)));
            }
            Err(error) => {
                tracing::warn!(%error, requests = jobs.len(), "a transaction failed, its requests are done one by one");
                jobs.into_iter().for_each(|job| self.settle(vec![job]));
            }
        }
    }

    fn count(&self, jobs: &[Box<dyn Job>], rows: u64) {
        let requests = u64::try_from(jobs.len()).unwrap_or(u64::MAX);
        self.done.transactions.fetch_add(1, Ordering::Relaxed);
        self.done.requests.fetch_add(requests, Ordering::Relaxed);
        self.done.rows.fetch_add(rows, Ordering::Relaxed);
        if self.record_shapes {
            let mut shape = Shape::default();
            jobs.iter().for_each(|job| job.shape(&mut shape));
            self.done.shapes.lock().unwrap_or_else(PoisonError::into_inner).push(shape);
        }
    }
}
