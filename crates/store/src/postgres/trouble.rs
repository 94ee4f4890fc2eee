//! What can go wrong with a transaction, told apart by what may be done about it.

use std::{error::Error as _, fmt::Write as _, io};

use deadpool_postgres::PoolError;
use rehome_domain::ports::StoreError;
use tokio_postgres::{Error, error::SqlState};

use crate::metrics;

/// Why an attempt came to nothing (or may have).
#[derive(Debug)]
pub(super) enum Trouble {
    /// The database could not be reached; nothing was done.
    Away(String),
    /// Another transaction got in between; nothing was done.
    Raced(String),
    /// Another transaction has kept what it needs locked; nothing was done.
    Locked(String),
    /// What it writes is there already, which mostly another transaction has just written; nothing was done.
    Taken(String),
    /// The connection was lost while the end of the transaction was under way: it may have been done or not.
    Unknown(String),
    /// The database can't do it as things stand: a statement takes too long, the disk is full, it may only be read; nothing
    /// was done.
    Unable(String),
    /// The database won't have it for what it says, and won't if asked again; nothing was done.
    Refused(String),
}

impl Trouble {
    /// In the port's words.
    pub(super) fn failed(self, what: &'static str) -> StoreError {
        metrics::failed(what);
        let detail = match self {
            Self::Away(why) => format!("the database can't be reached: {why}"),
            Self::Raced(why) => format!("{BETWEEN}: {why}"),
            Self::Unknown(why) => format!("whether it was done is not known: {why}"),
            Self::Locked(why) | Self::Unable(why) => why,
            // What others write is seen by the next try: what is in the way after so many is mostly not theirs.
            Self::Taken(why) => return StoreError::Refused { what, detail: format!("{BETWEEN}: {why}") },
            Self::Refused(detail) => return StoreError::Refused { what, detail },
        };
        StoreError::Failed { what, detail }
    }

    /// The same error, met when the end of the transaction had been asked for already.
    pub(super) fn at_the_end(error: &Error) -> Self {
        // A refusal is the server's word that it was not done; a connection's end is nobody's word.
        match Self::from(error) {
            Self::Away(why) => Self::Unknown(why),
            other => other,
        }
    }
}

impl From<&Error> for Trouble {
    fn from(error: &Error) -> Self {
        let why = said(error);
        let io = || error.source().is_some_and(<dyn std::error::Error>::is::<io::Error>);
        match error.code() {
            Some(code) if *code == SqlState::UNIQUE_VIOLATION => Self::Taken(why),
            Some(code) if *code == SqlState::LOCK_NOT_AVAILABLE => Self::Locked(why),
            Some(code) if races(code) => Self::Raced(why),
            Some(code) if ends(code) => Self::Away(why),
            Some(code) if is_content(code) => Self::Refused(why),
            None if error.is_closed() || io() => Self::Away(why),
            _ => Self::Unable(why),
        }
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::from(&error)
    }
}

impl From<PoolError> for Trouble {
    fn from(error: PoolError) -> Self {
        match error {
            PoolError::Backend(error) => Self::from(error),
            PoolError::Timeout(_) => {
                Self::Away("no connection came free, or none came about, in time".to_owned())
            }
            other => Self::Unable(other.to_string()),
        }
    }
}

/// Whether this is how the database says that what a statement says can't be kept: a value it does not take (class 22), a
/// constraint (23), or more than fits (54). Every other class is about the database, the connection or this binary.
fn is_content(code: &SqlState) -> bool {
    ["22", "23", "54"].iter().any(|class| code.code().starts_with(class))
}

/// Whether this is how the database says that two transactions met.
fn races(code: &SqlState) -> bool {
    [SqlState::T_R_SERIALIZATION_FAILURE, SqlState::T_R_DEADLOCK_DETECTED].contains(code)
}

/// Whether this is how the database says that the connection is over, or that there is none to be had just now.
fn ends(code: &SqlState) -> bool {
    [
        SqlState::ADMIN_SHUTDOWN,
        SqlState::CRASH_SHUTDOWN,
        SqlState::CANNOT_CONNECT_NOW,
        SqlState::TOO_MANY_CONNECTIONS,
        SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
    ]
    .contains(code)
        || code.code().starts_with("08")
}

/// An error with its causes, in one line.
pub(super) fn said(error: &Error) -> String {
    if let Some(db) = error.as_db_error() {
        let mut said = format!("{} (SQLSTATE {})", db.message(), db.code().code());
        if let Some(detail) = db.detail() {
            // Writing into a string does not fail.
            let _ = write!(said, ": {detail}");
        }
        return said;
    }
    let mut said = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_said = cause.to_string();
        if !said.contains(&cause_said) {
            said = format!("{said}: {cause_said}");
        }
        source = cause.source();
    }
    said
}

/// What is said of a transaction that met others each time.
const BETWEEN: &str = "others kept getting in between";
/// What a store opened to read only says to whoever wants to write.
pub(super) const READ_ONLY: &str = "the store was opened to read only";
