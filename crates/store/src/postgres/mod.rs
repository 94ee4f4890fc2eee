//! PostgreSQL: any number of processes over one database, each with a pool of connections.
//!
//! ```text
//!  commit ─────────────────────────────────────────▶ a connection: lock and read │ decide │ write and commit
//!  admit, conclude ─▶ bounded queue ─▶ writer ─all that queued up─▶ a connection:  (the same three steps)
//!  edit ────────────▶ bounded queue ─▶ writer ─all that queued up─▶ a connection:  (the same three steps)
//!  load, journal, look, claim_due, … ──────────────▶ a connection: one statement
//! ```
//!
//! Every transaction has one form (`session.rs`): it locks the rows it will decide over and reads what it must know,
//! decides in this process's memory, and writes with statements of many rows each: two round trips, whatever its size.
//! What must hold between processes is held by row locks taken in one order and by unique constraints; where another
//! process gets in between, a constraint says so, nothing is done, and the transaction is made again.

mod accounts;
pub mod bare;
mod board;
mod commit;
mod commits;
mod connect;
mod fences;
mod holdings;
mod indexes;
mod letters;
mod migrations;
mod plan;
mod presence;
mod schema;
mod session;
mod steering;
mod tickets;
mod trouble;
mod webhooks;
mod writer;

use std::{fmt, path::PathBuf, sync::Arc, time::Duration};

use rehome_domain::ports::StoreError;
use tokio::{runtime::Handle, sync::RwLock};

use board::Mending;
pub use board::Reach;
pub use connect::OpenError;
use fences::Ask;
use holdings::EditAll;
use presence::Presence;
pub use schema::{remove_schema, tidy};
pub use session::Stats;
use session::{Db, Work};
use writer::{Grouped, Writer};

/// How a database is reached and used.
#[derive(Clone)]
pub struct Options {
    /// Which: `postgres://user:password@host:5432/database`, or `host=… dbname=…` as libpq takes it.
    ///
    /// Directly, or through a pooler that keeps sessions: settings and prepared statements hang on them.
    ///
    /// `sslmode=require` encrypts, and takes only a server whose certificate is vouched for; otherwise nothing is
    /// encrypted.
    pub url: String,
    /// The certificates (a PEM file) that may vouch for the server; none: those that this machine trusts.
    pub authorities: Option<PathBuf>,
    /// The schema the tables are in, made if need be; none: where the user's `search_path` leads.
    pub schema: Option<String>,
    /// Wait for the disk at every commit (the default). Without it the last instants before a crash of the database
    /// may be lost although they were acknowledged; what is there is whole all the same.
    pub synchronous_commit: bool,
    /// Connections at most.
    pub pool: usize,
    /// Requests in one transaction of the writers at most.
    pub batch: usize,
    /// Requests that may wait for each writer; whoever brings more waits too.
    pub queue: usize,
    /// How long a connection may take to come about.
    pub connect_timeout: Duration,
    /// How long a call goes on trying while the database can't be reached, before it fails. Behind a writer's queue a
    /// call may have to wait as long for each batch in front of it.
    pub patience: Duration,
    /// How long a statement may take, with all its waiting for locks. A call that gets no answer at all fails after
    /// twice as long.
    pub statement_timeout: Duration,
    /// How long a statement may wait for a lock. A commit fails then, and its tickets are done one by one; everything else
    /// waits again, for about as long as a statement may take.
    pub lock_timeout: Duration,
    /// How far one look at a list goes.
    pub reach: Reach,
    /// How long after its last sign of life a process still holds the orders it was at. Then it is taken for dead, and
    /// another takes them over. Longer than any pause of a process, and than any operation on a device that it leaves
    /// behind.
    pub lease: Duration,
}

impl Options {
    /// The defaults for a database.
    ///
    /// Eight connections: a supervisor needs one, the writers two, the rest is for whoever looks. More than a few
    /// times the database's processors gain nothing.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            authorities: None,
            schema: None,
            synchronous_commit: true,
            pool: 8,
            batch: 512,
            queue: 4096,
            connect_timeout: Duration::from_secs(3),
            patience: Duration::from_secs(5),
            statement_timeout: Duration::from_secs(10),
            lock_timeout: Duration::from_secs(1),
            reach: Reach::default(),
            lease: Duration::from_secs(10),
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the URL as it is: it may hold a password.
        let Self { url, authorities, schema, synchronous_commit, pool, batch, queue, .. } = self;
        f.debug_struct("Options")
            .field("database", &connect::place(url))
            .field("authorities", authorities)
            .field("schema", schema)
            .field("synchronous_commit", synchronous_commit)
            .field("pool", pool)
            .field("batch", batch)
            .field("queue", queue)
            .field("connect_timeout", &self.connect_timeout)
            .field("patience", &self.patience)
            .field("statement_timeout", &self.statement_timeout)
            .field("lock_timeout", &self.lock_timeout)
            .field("reach", &self.reach)
            .field("lease", &self.lease)
            .finish()
    }
}

/// A PostgreSQL database: the ports [`TicketStore`](rehome_domain::ports::TicketStore),
/// [`FenceStore`](rehome_domain::ports::FenceStore) and [`DeviceMemory`](rehome_domain::ports::DeviceMemory).
///
/// Its connections live on the runtime that opened it, whoever calls. When it is dropped, what was handed over is
/// still done if that runtime goes on; [`close`](Self::close) waits for it.
pub struct Postgres {
    db: Arc<Db>,
    /// None if opened to read only.
    writers: Option<Writers>,
    presence: Presence,
    /// None if opened to read only.
    mending: Option<Mending>,
    reach: Reach,
    pieces: board::Pieces,
    /// Whether it has been closed; held for reading by every write that is under way.
    closed: RwLock<bool>,
}

struct Writers {
    fences: Writer<Ask>,
    holdings: Writer<EditAll>,
}

impl Postgres {
    /// Opens a database, bringing it up to this binary's schema if need be; several processes may do so at once.
    ///
    /// # Errors
    /// If the database can't be reached, refuses us or can't be brought up, or a newer binary has written it; each
    /// says what to do.
    pub async fn open(options: &Options) -> Result<Arc<Self>, OpenError> {
        let (pool, place) = connect::pool(options, false)?;
        migrations::migrate(&mut connect::first(&pool, &place, options).await?, &place, options).await?;
        let db = Arc::new(Db::new(pool, options, false));
        let runtime = Handle::current();
        let writers = Writers {
            fences: Writer::start(&runtime, Arc::clone(&db), options),
            holdings: Writer::start(&runtime, Arc::clone(&db), options),
        };
        let mending = Some(Mending::start(&runtime, Arc::clone(&db)));
        let presence = Presence::new(runtime, options.lease);
        Ok(Arc::new(Self {
            db,
            writers: Some(writers),
            presence,
            mending,
            reach: options.reach,
            pieces: board::Pieces::default(),
            closed: RwLock::new(false),
        }))
    }

    /// Opens a database to look into it. Whatever would write fails.
    ///
    /// # Errors
    /// If the database can't be reached or refuses us, or has not exactly this binary's schema.
    pub async fn open_read_only(options: &Options) -> Result<Arc<Self>, OpenError> {
        let (pool, place) = connect::pool(options, true)?;
        migrations::check(&connect::first(&pool, &place, options).await?, &place).await?;
        let db = Arc::new(Db::new(pool, options, true));
        let presence = Presence::new(Handle::current(), options.lease);
        let (writers, mending, closed) = (None, None, RwLock::new(false));
        let pieces = board::Pieces::default();
        Ok(Arc::new(Self { db, writers, presence, mending, reach: options.reach, pieces, closed }))
    }

    /// Takes no more writes, and resolves when what was handed over is written. Reading goes on. `at_rest`: no order of
    /// this process is at a device any more, so that what it holds is free at once and not only when its lease ends.
    pub async fn close(&self, at_rest: bool) {
        let mut closed = self.closed.write().await;
        *closed = true;
        if let Some(mending) = &self.mending {
            mending.end();
        }
        self.presence.end(&self.db, at_rest).await;
    }

    /// What this process has done in the database since it was opened.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.db.stats()
    }

    /// Has work done that writes.
    async fn write<W: Work>(&self, work: &W) -> Result<W::Answer, StoreError> {
        let closed = self.closed.read().await;
        if *closed {
            return Err(StoreError::Closed);
        }
        self.db.transact(work).await.map_err(|trouble| trouble.failed(work.what()))
    }

    /// Has a request done together with what else has queued up.
    async fn group<R: Grouped>(
        &self,
        writer: impl FnOnce(&Writers) -> &Writer<R>,
        request: R,
    ) -> Result<R::Answer, StoreError> {
        let closed = self.closed.read().await;
        if *closed {
            return Err(StoreError::Closed);
        }
        match &self.writers {
            Some(writers) => writer(writers).write(request).await,
            None => Err(StoreError::Failed { what: R::WHAT, detail: trouble::READ_ONLY.to_owned() }),
        }
    }
}
