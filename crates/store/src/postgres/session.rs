//! How a transaction is done: a connection for it, its two round trips, and trying again.

use std::{
    future::Future,
    pin::pin,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    task::Poll,
    time::Duration,
};

use deadpool_postgres::{Object, Pool, Timeouts};
use futures::future::{join, join3, try_join_all};
use rehome_domain::ports::{StoreError, Wait};
use tokio::time::{Instant, sleep, timeout};
use tokio_postgres::{
    Error, Row, Statement,
    error::SqlState,
    types::{ToSql, Type},
};

use super::{
    Options,
    trouble::{READ_ONLY, Trouble, said},
};

/// How often a transaction that others got into is made again. Whoever got in has finished, so each time somebody got
/// on; a batch that still finds no way through is done one by one.
const RACES: u32 = 16;
/// The first wait before the database is tried again; each further one is twice as long, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// Parameters of a statement.
pub(super) type Params<'a> = [&'a (dyn ToSql + Sync)];

/// Something to be done in one transaction.
pub(super) trait Work: Sync {
    /// What it answers.
    type Answer: Send;

    /// What it is, in the words of [`StoreError::Failed`].
    fn what(&self) -> &'static str;

    /// How many requests it is.
    fn requests(&self) -> usize;

    /// Whether doing it twice is doing it once: then it is done again if the connection was lost at its end.
    fn repeatable(&self) -> bool;

    /// Whether it waits again for what somebody keeps locked longer than [`super::Options::lock_timeout`].
    fn waits_again(&self) -> bool {
        true
    }

    /// Whether it changes anything.
    fn writes(&self) -> bool {
        true
    }

    /// Does it, all or nothing. It may be called again.
    fn attempt(&self, session: &Session) -> impl Future<Output = Result<Self::Answer, Trouble>> + Send;
}

/// What this process has done in the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Transactions done, those that only looked included.
    pub transactions: u64,
    /// Requests in them.
    pub requests: u64,
    /// Transactions made again because another got in between.
    pub raced: u64,
    /// Tries made again because the database could not be reached.
    pub reconnects: u64,
}

// ---------------------------------------------------------------------------------------------------------------
// Sessions

/// A connection for one transaction.
///
/// Dropped before it is [`settled`](Self::settle), whatever the reason, it takes its connection with it: nobody gets
/// one with a transaction left open, and the database takes that one back.
pub(super) struct Session {
    /// None once it is dropped.
    client: Option<Object>,
    /// Whether nothing is under way on the connection.
    settled: AtomicBool,
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Some(client) = self.client.take()
            && !self.settled.load(Ordering::Relaxed)
        {
            drop(Object::take(client));
        }
    }
}

impl Session {
    fn client(&self) -> Result<&Object, Trouble> {
        self.client.as_ref().ok_or_else(|| Trouble::Unable("the session is over".to_owned()))
    }

    /// No transaction is open on the connection: others may have it.
    fn settle(&self) {
        self.settled.store(true, Ordering::Relaxed);
    }

    /// Statements, prepared once per connection. All that will be sent together must be prepared before: waiting for
    /// one in between would let those behind it overtake.
    pub(super) async fn prepare<const N: usize>(&self, sql: [&str; N]) -> Result<[Statement; N], Trouble> {
        let client = self.client()?;
        let prepared = try_join_all(sql.map(|sql| client.prepare_cached(sql))).await?;
        prepared.try_into().map_err(|_| Trouble::Unable("a statement got lost".to_owned()))
    }

    /// Begins. Joined with what follows and polled before it, it costs no round trip of its own.
    pub(super) async fn begin(&self) -> Result<(), Trouble> {
        // As isolated as the locks make it: a statement sees what was committed before it began, so what is read after
        // a lock was waited for is what the lock protects.
        Ok(self.client()?.batch_execute("BEGIN ISOLATION LEVEL READ COMMITTED").await?)
    }

    /// Reads (and locks).
    pub(super) async fn query(
        &self,
        statement: &Statement,
        params: Vec<&(dyn ToSql + Sync)>,
    ) -> Result<Vec<Row>, Trouble> {
        Ok(self.client()?.query(statement, &params).await?)
    }

    /// A write to [`finish`](Self::finish) with.
    pub(super) fn execute<'a>(
        &'a self,
        statement: &'a Statement,
        params: Vec<&'a (dyn ToSql + Sync)>,
    ) -> Wait<'a, Result<u64, Error>> {
        Box::pin(async move {
            match &self.client {
                Some(client) => client.execute(statement, &params).await,
                None => Ok(0),
            }
        })
    }

    /// Writes in this order and commits, in one round trip.
    pub(super) async fn finish(&self, writes: Vec<Wait<'_, Result<u64, Error>>>) -> Result<(), Trouble> {
        let client = self.client()?;
        let mut written = pin!(try_join_all(writes));
        // Polled once, every write is on its way; one that can't even be sent must keep the commit from being sent.
        let early = futures::poll!(&mut written);
        if let Poll::Ready(Err(error)) = early {
            return Err(error.into());
        }
        let written = async {
            match early {
                Poll::Ready(written) => written,
                Poll::Pending => written.await,
            }
        };
        let (written, committed) = join(written, client.batch_execute("COMMIT")).await;
        // Where a write fails, the commit behind it takes the transaction back, and answers that it has been done.
        if committed.is_ok() {
            self.settle();
        }
        written.map_err(|error| Trouble::at_the_end(&error))?;
        committed.map_err(|error| Trouble::at_the_end(&error))
    }
}

/// One statement that is a transaction by itself.
pub(super) struct Single<'a> {
    pub(super) what: &'static str,
    pub(super) sql: &'a str,
    pub(super) params: &'a Params<'a>,
    pub(super) repeatable: bool,
    pub(super) writes: bool,
}

impl Work for Single<'_> {
    type Answer = Vec<Row>;

    fn what(&self) -> &'static str {
        self.what
    }

    fn requests(&self) -> usize {
        1
    }

    fn repeatable(&self) -> bool {
        self.repeatable
    }

    fn writes(&self) -> bool {
        self.writes
    }

    async fn attempt(&self, session: &Session) -> Result<Vec<Row>, Trouble> {
        let [statement] = session.prepare([self.sql]).await?;
        let client = session.client()?;
        client.query(&statement, self.params).await.map_err(|error| Trouble::at_the_end(&error))
    }
}

/// A value of a parameter, and its type.
pub(super) type Param = (Box<dyn ToSql + Sync + Send>, Type);

/// One statement that only reads and is not prepared: there are many different ones, and each is planned for the values
/// it comes with.
pub(super) struct Typed<'a> {
    pub(super) what: &'static str,
    pub(super) sql: &'a str,
    pub(super) params: &'a [Param],
}

impl Work for Typed<'_> {
    type Answer = Vec<Row>;

    fn what(&self) -> &'static str {
        self.what
    }

    fn requests(&self) -> usize {
        1
    }

    fn repeatable(&self) -> bool {
        true
    }

    fn writes(&self) -> bool {
        false
    }

    async fn attempt(&self, session: &Session) -> Result<Vec<Row>, Trouble> {
        let read = session.client()?.query_typed(self.sql, &self.typed()).await;
        read.map_err(|error| Trouble::at_the_end(&error))
    }
}

impl Typed<'_> {
    fn typed(&self) -> Vec<(&(dyn ToSql + Sync), Type)> {
        self.params.iter().map(|(value, kind)| (&**value as &(dyn ToSql + Sync), kind.clone())).collect()
    }
}

/// The same, given up by the database when it takes longer; then it answers nothing.
pub(super) struct Within<'a>(pub(super) Typed<'a>, pub(super) Duration);

impl Work for Within<'_> {
    type Answer = Option<Vec<Row>>;

    fn what(&self) -> &'static str {
        self.0.what
    }

    fn requests(&self) -> usize {
        1
    }

    fn repeatable(&self) -> bool {
        true
    }

    fn writes(&self) -> bool {
        false
    }

    async fn attempt(&self, session: &Session) -> Result<Option<Vec<Row>>, Trouble> {
        let client = session.client()?;
        let begin = format!("BEGIN READ ONLY; SET LOCAL statement_timeout = {}", self.1.as_millis().max(1));
        let params = self.0.typed();
        // Polled in this order, they are sent together. What was given up is ended by the commit, too.
        let (begun, read, ended) = join3(
            client.batch_execute(&begin),
            client.query_typed(self.0.sql, &params),
            client.batch_execute("COMMIT"),
        )
        .await;
        let given_up = |error: &Error| error.code() == Some(&SqlState::QUERY_CANCELED);
        match begun.and(ended) {
            Ok(()) => {}
            // The time was over at the end itself: the connection goes, and it is tried again.
            Err(error) if given_up(&error) => return Err(Trouble::Away(said(&error))),
            Err(error) => return Err(Trouble::at_the_end(&error)),
        }
        match read {
            Ok(rows) => Ok(Some(rows)),
            Err(error) if given_up(&error) => Ok(None),
            Err(error) => Err(Trouble::at_the_end(&error)),
        }
    }
}

// ---------------------------------------------------------------------------------------------------------------
// Trying

/// The database as one process has it.
pub(super) struct Db {
    pool: Pool,
    read_only: bool,
    timeouts: Timeouts,
    patience: Duration,
    /// How long an attempt may take before its connection is given up.
    answer: Duration,
    transactions: AtomicU64,
    requests: AtomicU64,
    raced: AtomicU64,
    reconnects: AtomicU64,
}

impl Db {
    pub(super) fn new(pool: Pool, options: &Options, read_only: bool) -> Self {
        Self {
            pool,
            read_only,
            timeouts: super::connect::timeouts(options),
            patience: options.patience,
            answer: options.statement_timeout * 2,
            transactions: AtomicU64::new(0),
            requests: AtomicU64::new(0),
            raced: AtomicU64::new(0),
            reconnects: AtomicU64::new(0),
        }
    }

    pub(super) fn stats(&self) -> Stats {
        Stats {
            transactions: self.transactions.load(Ordering::Relaxed),
            requests: self.requests.load(Ordering::Relaxed),
            raced: self.raced.load(Ordering::Relaxed),
            reconnects: self.reconnects.load(Ordering::Relaxed),
        }
    }

    /// Has work done: again at once where another transaction got in between, again after a while where the database
    /// can't be reached.
    pub(super) async fn transact<W: Work>(&self, work: &W) -> Result<W::Answer, Trouble> {
        if self.read_only && work.writes() {
            return Err(Trouble::Unable(READ_ONLY.to_owned()));
        }
        let begun = Instant::now();
        let (mut races, mut pause) = (0, FIRST_PAUSE);
        loop {
            let trouble = match self.once(work).await {
                Ok(answer) => {
                    self.transactions.fetch_add(1, Ordering::Relaxed);
                    self.requests.fetch_add(work.requests() as u64, Ordering::Relaxed);
                    return Ok(answer);
                }
                Err(trouble) => trouble,
            };
            // What only looks has not done anything, heard of or not.
            let trouble = match trouble {
                Trouble::Unknown(why) if !work.writes() => Trouble::Away(why),
                other => other,
            };
            let again = match &trouble {
                Trouble::Locked(_) if work.waits_again() && begun.elapsed() < self.answer / 2 => continue,
                Trouble::Raced(_) | Trouble::Taken(_) if races < RACES => {
                    races += 1;
                    self.raced.fetch_add(1, Ordering::Relaxed);
                    continue;
                }
                Trouble::Away(_) => true,
                Trouble::Unknown(_) => work.repeatable(),
                Trouble::Raced(_)
                | Trouble::Locked(_)
                | Trouble::Taken(_)
                | Trouble::Unable(_)
                | Trouble::Refused(_) => false,
            };
            if !again || begun.elapsed() + pause > self.patience {
                return Err(trouble);
            }
            tracing::debug!(what = work.what(), ?trouble, "the database is tried again");
            self.reconnects.fetch_add(1, Ordering::Relaxed);
            sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn once<W: Work>(&self, work: &W) -> Result<W::Answer, Trouble> {
        let client = self.pool.timeout_get(&self.timeouts).await?;
        let session = Session { client: Some(client), settled: AtomicBool::new(false) };
        let done = timeout(self.answer, work.attempt(&session)).await;
        let done =
            done.map_err(|_| Trouble::Unknown(format!("there was no answer for {:?}", self.answer)))?;
        if done.is_ok() {
            session.settle();
        }
        done
    }

    /// Reads.
    pub(super) async fn read(
        &self,
        what: &'static str,
        sql: &str,
        params: &Params<'_>,
    ) -> Result<Vec<Row>, StoreError> {
        let single = Single { what, sql, params, repeatable: true, writes: false };
        self.transact(&single).await.map_err(|trouble| trouble.failed(what))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use rehome_testkit::postgres::Database;

    use super::*;
    use crate::postgres::Postgres;

    #[tokio::test]
    async fn what_takes_longer_is_given_up_by_the_database_and_its_connection_is_good_for_the_next() {
        let database = Database::create();
        let store = Postgres::open(&Options { pool: 1, ..Options::new(database.url()) }).await.unwrap();
        let within = |sql, within| Within(Typed { what: "testing", sql, params: &[] }, within);
        let pid = |rows: &[Row]| rows[0].get::<_, i32>(0);
        let before = store
            .db
            .transact(&within("SELECT pg_backend_pid()", Duration::from_mins(1)))
            .await
            .unwrap()
            .unwrap();
        let slow =
            store.db.transact(&within("SELECT pg_sleep(60)", Duration::from_millis(50))).await.unwrap();
        assert!(slow.is_none());
        let after = store.db.read("testing", "SELECT pg_backend_pid()", &[]).await.unwrap();
        assert_eq!(pid(&before), pid(&after));
        let timeout = store.db.read("testing", "SHOW statement_timeout", &[]).await.unwrap();
        assert_ne!(timeout[0].get::<_, String>(0), "50ms");
    }
}
