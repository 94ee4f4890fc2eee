//! SQLite: one writer thread, a few reader threads, a write-ahead log between them.
//!
//! ```text
//!  commit, admit, conclude, edit, … ──▶ bounded queue ──▶ writer ──one transaction for all that queued up──▶ WAL ─┐
//!                                 ◀── each answered once that is durable                                          ├ file
//!  load, journal, look, counts, … ──▶ bounded queue ──▶ readers ──a snapshot each, never waiting for the writer───┘
//! ```
//!
//! Text is made and parsed by whoever asks, never on the writer's thread: what one thread can write is what limits
//! the whole system.

mod accounts;
pub mod bare;
mod board;
mod commit;
mod fences;
mod holdings;
mod letters;
mod migrations;
mod readers;
mod steering;
mod tickets;
mod webhooks;
mod writer;

#[cfg(test)]
mod tests;

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    thread::JoinHandle,
    time::Duration,
};

use rehome_domain::ports::StoreError;
use rusqlite::{Connection, ErrorCode, OpenFlags};

use readers::Readers;
pub use writer::{Shape, Stats};
use writer::{Write, Writer};

/// Statements of this crate, with room: each is prepared once per connection.
const STATEMENTS: usize = 64;
/// Pages of 4 KiB the log may grow by before it is put back into the file: 64 MiB. Putting it back syncs the disk, and
/// a page changed many times in between goes back once; SQLite's own 1,000 pages are for smaller databases.
const CHECKPOINT_PAGES: u32 = 16_000;
/// The writer's page cache, in KiB. The upper pages of every index stay in it up to some ten million rows.
const WRITER_CACHE_KIB: u32 = 65_536;

/// How a database is opened.
#[derive(Debug, Clone)]
pub struct Options {
    /// Wait for the disk at every commit. Without it (the default) what is acknowledged survives the end of the
    /// process at any instant; with it, the end of the power too.
    pub full_sync: bool,
    /// Requests in one transaction at most. More than this gains nothing, and makes the first wait for the last.
    pub batch: usize,
    /// Requests that may wait for the writer; whoever brings more waits too.
    pub queue: usize,
    /// Reading threads.
    pub readers: usize,
    /// How long another process may keep the file locked before a request fails.
    pub busy_timeout: Duration,
    /// Keep the [`Shape`] of every transaction, for measuring. It grows as long as the store is open.
    pub record_shapes: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            full_sync: false,
            batch: 512,
            queue: 4096,
            readers: 2,
            busy_timeout: Duration::from_secs(5),
            record_shapes: false,
        }
    }
}

/// A database that can't be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// SQLite says no.
    #[error("the database {} failed at {what}: {source}", path.display())]
    Failed {
        /// Which.
        path: PathBuf,
        /// At what.
        what: &'static str,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// Somewhere that a write-ahead log can't be kept, such as a network share.
    #[error(
        "the database {} can't keep a write-ahead log (its journal mode stays `{mode}`): put it on a local disk",
        path.display()
    )]
    NoLog {
        /// Which.
        path: PathBuf,
        /// The journal mode it has.
        mode: String,
    },
    /// A newer binary has been here.
    #[error("the database {} has schema {database}, this binary knows up to {binary}: start the newer one", path.display())]
    Newer {
        /// Which.
        path: PathBuf,
        /// The database's schema.
        database: usize,
        /// The newest this binary knows.
        binary: usize,
    },
    /// It must be brought up to date first, and this was only to read.
    #[error("the database {} has schema {database}, this binary reads {binary}: start it once to bring it up", path.display())]
    Older {
        /// Which.
        path: PathBuf,
        /// The database's schema.
        database: usize,
        /// The one this binary reads.
        binary: usize,
    },
    /// No thread to be had.
    #[error("the store's threads can't be started: {0}")]
    Thread(#[from] io::Error),
}

/// A database file: the ports [`TicketStore`](rehome_domain::ports::TicketStore),
/// [`FenceStore`](rehome_domain::ports::FenceStore) and [`DeviceMemory`](rehome_domain::ports::DeviceMemory).
///
/// Dropping it waits until everything handed over is written.
pub struct Sqlite {
    readers: Readers,
    /// None if opened to read only. After the readers, so that its connection is the last to close: that one puts the
    /// log back into the file.
    writer: Option<Writer>,
}

impl Sqlite {
    /// Opens a database, making it or bringing it up to this binary's schema if need be.
    ///
    /// # Errors
    /// If the file can't be opened or brought up, or a newer binary has written it.
    pub fn open(path: &Path, options: &Options) -> Result<Arc<Self>, OpenError> {
        let db = writing(path, options)?;
        let readers = Readers::start(options.readers, || reading(path, options))?;
        let writer = Writer::start(db, options)?;
        Ok(Arc::new(Self { writer: Some(writer), readers }))
    }

    /// Opens a database to look into it, even while another process works on it. Whatever would write fails.
    ///
    /// # Errors
    /// If the file is not there, can't be opened, or has not exactly this binary's schema.
    pub fn open_read_only(path: &Path) -> Result<Arc<Self>, OpenError> {
        let options = Options::default();
        migrations::check(&reading(path, &options)?, path)?;
        let readers = Readers::start(options.readers, || reading(path, &options))?;
        Ok(Arc::new(Self { writer: None, readers }))
    }

    /// Takes no more writes, and resolves when what was handed over is written. Reading goes on.
    pub async fn close(&self) {
        if let Some(writer) = &self.writer {
            writer.close().await;
        }
    }

    /// What the writer has done since the database was opened.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.writer.as_ref().map(Writer::stats).unwrap_or_default()
    }

    async fn write<W: Write>(&self, write: W) -> Result<W::Answer, StoreError> {
        match &self.writer {
            Some(writer) => writer.write(write).await,
            None => Err(StoreError::Failed {
                what: W::WHAT,
                detail: "the store was opened to read only".to_owned(),
            }),
        }
    }

    async fn read<T: Send + 'static>(
        &self,
        what: &'static str,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.readers.read(what, read).await
    }
}

/// The connection that writes, on a database of this binary's schema.
fn writing(path: &Path, options: &Options) -> Result<Connection, OpenError> {
    let failed = |what| move |source| OpenError::Failed { path: path.to_owned(), what, source };
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut db = connect(path, flags, options).map_err(failed("opening it"))?;
    let mode: String = db
        .query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))
        .map_err(failed("setting up its write-ahead log"))?;
    if mode != "wal" {
        return Err(OpenError::NoLog { path: path.to_owned(), mode });
    }
    let settings = [
        ("synchronous", if options.full_sync { "FULL".to_owned() } else { "NORMAL".to_owned() }),
        ("foreign_keys", "ON".to_owned()),
        ("wal_autocheckpoint", CHECKPOINT_PAGES.to_string()),
        ("cache_size", format!("-{WRITER_CACHE_KIB}")),
    ];
    for (setting, value) in settings {
        db.pragma_update(None, setting, value).map_err(failed(setting))?;
    }
    migrations::migrate(&mut db, path)?;
    Ok(db)
}

/// A connection that only reads.
fn reading(path: &Path, options: &Options) -> Result<Connection, OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    connect(path, flags, options).map_err(|source| OpenError::Failed {
        path: path.to_owned(),
        what: "opening it to read",
        source,
    })
}

fn connect(path: &Path, flags: OpenFlags, options: &Options) -> rusqlite::Result<Connection> {
    let db = Connection::open_with_flags(path, flags)?;
    db.busy_timeout(options.busy_timeout)?;
    db.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(db)
}

/// What SQLite said, in the port's words.
fn failed(what: &'static str, error: &rusqlite::Error) -> StoreError {
    crate::metrics::failed(what);
    let detail = error.to_string();
    if is_content(error) { StoreError::Refused { what, detail } } else { StoreError::Failed { what, detail } }
}

/// Whether it is about what a statement says: a constraint, a value of the wrong kind or more than fits. Every other code
/// is about the file, the disk, other processes or this binary.
fn is_content(error: &rusqlite::Error) -> bool {
    let content = [ErrorCode::ConstraintViolation, ErrorCode::TypeMismatch, ErrorCode::TooBig];
    error.sqlite_error_code().is_some_and(|code| content.contains(&code))
}

/// A thread that is waited for when dropped. It must end by itself by then: declare it after what it waits for.
struct Thread(Option<JoinHandle<()>>);

impl Thread {
    fn start(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<Self> {
        std::thread::Builder::new().name(name.to_owned()).spawn(run).map(|thread| Self(Some(thread)))
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        if let Some(thread) = self.0.take() {
            // A thread that panicked has said so by itself; whoever waited for it has been told too.
            let _ = thread.join();
        }
    }
}
