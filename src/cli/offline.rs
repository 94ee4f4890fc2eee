//! Looking into a data directory from outside, whether or not a process works in it.

use std::{
    fs::{File, TryLockError},
    path::{Path, PathBuf},
    sync::Arc,
};

use rehome_domain::{
    id::RelocationId,
    lang::Lang,
    ports::{Loaded, StoreError, TicketStore},
    ticket::Ticket,
};
use rehome_store::Sqlite;

use super::Failure;
use crate::{
    app::{AppError, DATABASE, Store},
    settings::{Settings, StoreKind},
    texts,
};

/// The file that the app locks in the directory it works in.
const LOCK: &str = "lock";

/// Tickets read at once.
const PAGE: usize = 1000;

/// Which data directory.
#[derive(Debug, clap::Args)]
pub(super) struct DataArg {
    /// Data directory of a run; a running system is asked if not given
    #[arg(long, value_name = "DIR", conflicts_with_all = ["url", "token_file"])]
    pub(super) data: Option<PathBuf>,
}

/// Which data directory, where the store may be a server's too.
#[derive(Debug, clap::Args)]
pub(super) struct StoreArg {
    /// Data directory of an SQLite store; data.dir if not given
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

impl StoreArg {
    fn dir<'a>(&'a self, settings: &'a Settings) -> &'a Path {
        self.data.as_ref().unwrap_or(&settings.data.dir)
    }

    /// Opens the store that the settings name, to write, beside whoever works with it.
    pub(super) async fn open(&self, lang: Lang, settings: &Settings) -> Result<Store, Failure> {
        let data = self.dir(settings);
        if settings.store.kind == StoreKind::Sqlite && !data.join(DATABASE).is_file() {
            return Err(no_data(lang, data));
        }
        Ok(Store::open(settings, data).await?)
    }

    /// The same, and makes it where there is none yet.
    pub(super) async fn open_or_make(&self, settings: &Settings) -> Result<Store, Failure> {
        let data = self.dir(settings);
        if settings.store.kind == StoreKind::Sqlite {
            std::fs::create_dir_all(data)
                .map_err(|source| AppError::Data { path: data.to_owned(), source })?;
        }
        Ok(Store::open(settings, data).await?)
    }
}

/// Opens a directory's store to read.
pub(super) fn open(lang: Lang, data: &Path) -> Result<Arc<Sqlite>, Failure> {
    let database = data.join(DATABASE);
    if !database.is_file() {
        return Err(no_data(lang, data));
    }
    Ok(Sqlite::open_read_only(&database)?)
}

/// Whether a process works in a directory.
pub(super) fn is_in_use(data: &Path) -> bool {
    let lock = File::open(data.join(LOCK));
    lock.is_ok_and(|lock| matches!(lock.try_lock(), Err(TryLockError::WouldBlock)))
}

/// Goes through every ticket, a page at a time.
pub(super) async fn each(
    tickets: &dyn TicketStore,
    mut look: impl FnMut(RelocationId, Loaded),
) -> Result<(), StoreError> {
    let mut after = None;
    loop {
        let page = tickets.all_tickets(after, PAGE).await?;
        let Some((last, _)) = page.last() else { return Ok(()) };
        after = Some(*last);
        for (id, loaded) in page {
            look(id, loaded);
        }
    }
}

/// The tickets meant by an id or a service id.
pub(super) async fn meant(
    lang: Lang,
    tickets: &dyn TicketStore,
    given: &str,
) -> Result<(RelocationId, Loaded), Failure> {
    if let Ok(id) = given.parse::<RelocationId>()
        && let Some(loaded) = tickets.load(vec![id]).await?.into_iter().next()
        && loaded != Loaded::Missing
    {
        return Ok((id, loaded));
    }
    let (mut found, mut unreadable): (Vec<Box<Ticket>>, Vec<String>) = (Vec::new(), Vec::new());
    each(tickets, |id, loaded| match loaded {
        Loaded::Ticket(ticket) if ticket.request.service_id == given => found.push(ticket),
        Loaded::Unreadable(_) => unreadable.push(id.to_string()),
        Loaded::Ticket(_) | Loaded::Missing => {}
    })
    .await?;
    match found.len() {
        0 if !unreadable.is_empty() => {
            Err(Failure::Bad(texts::no_ticket_but(lang, given, unreadable.join("\n"))))
        }
        0 => Err(Failure::Bad(texts::no_ticket(lang, given))),
        1 => found
            .pop()
            .map(|ticket| (ticket.id, Loaded::Ticket(ticket)))
            .ok_or_else(|| Failure::Bad(texts::no_ticket(lang, given))),
        _ => {
            let ids: Vec<String> = found.iter().map(|ticket| ticket.id.to_string()).collect();
            Err(Failure::Bad(texts::several_tickets(lang, given, ids.join("\n"))))
        }
    }
}

/// There is no data in a directory; perhaps there is in those below it.
pub(super) fn no_data(lang: Lang, data: &Path) -> Failure {
    let below = std::fs::read_dir(data).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut with: Vec<String> =
        below.filter(|path| path.join(DATABASE).is_file()).map(|path| path.display().to_string()).collect();
    with.sort();
    let why = texts::no_data(lang, data.display());
    Failure::Bad(if with.is_empty() {
        why
    } else {
        format!("{why}\n{}", texts::data_below(lang, with.join(", ")))
    })
}
