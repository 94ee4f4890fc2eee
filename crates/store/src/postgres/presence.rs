//! Says again and again that this process is alive, so that what it holds stays its own; and knows when the silence of
//! others may be the database's own, because this process could not speak either.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rehome_domain::ports::StoreError;
use tokio::{
    runtime::Handle,
    task::JoinHandle,
    time::{Instant, sleep},
};
use uuid::Uuid;

use super::session::{Db, Single};

/// It says so this often within its lease: one word that is late or lost makes nobody think it dead.
const TIMES: u32 = 4;

/// Those of long ago hold nothing any more.
const SHOW: &str =
    "WITH gone AS (DELETE FROM process WHERE alive_until < clock_timestamp() - interval '1 day')
    INSERT INTO process (id, alive_until) VALUES ($1, clock_timestamp() + make_interval(secs => $2))
    ON CONFLICT (id) DO UPDATE SET alive_until = excluded.alive_until";

/// This process, as the others see it.
pub(super) struct Presence {
    seen: Arc<Seen>,
    runtime: Handle,
    /// Runs once there is something to hold.
    showing: Mutex<Option<JoinHandle<()>>>,
}

struct Seen {
    id: Uuid,
    lease: Duration,
    /// When it last said that it was alive.
    last: tokio::sync::Mutex<Option<Instant>>,
    /// Until then the silence of others says nothing: the database may have been away for everybody, and they must get
    /// the time to speak again.
    lenient_until: Mutex<Instant>,
}

impl Presence {
    pub(super) fn new(runtime: Handle, lease: Duration) -> Self {
        let lenient_until = Mutex::new(Instant::now() + lease);
        let seen = Seen { id: Uuid::now_v7(), lease, last: tokio::sync::Mutex::default(), lenient_until };
        Self { seen: Arc::new(seen), runtime, showing: Mutex::default() }
    }

    /// Which process it is.
    pub(super) fn id(&self) -> Uuid {
        self.seen.id
    }

    /// Whether a process that has not said lately that it is alive may be taken for dead.
    pub(super) fn may_take_over(&self) -> bool {
        *self.seen.lenient_until.lock().unwrap_or_else(PoisonError::into_inner) <= Instant::now()
    }

    /// Sees to it that the others take this process to be alive, from now on.
    pub(super) async fn show(&self, db: &Arc<Db>) -> Result<(), StoreError> {
        self.seen.show(db, self.seen.lease / 2).await?;
        let mut showing = self.showing.lock().unwrap_or_else(PoisonError::into_inner);
        if showing.is_none() {
            let (seen, db) = (Arc::clone(&self.seen), Arc::clone(db));
            *showing = Some(self.runtime.spawn(async move { seen.keep(&db).await }));
        }
        Ok(())
    }

    /// It says no more that it is alive. If it is at rest, and so holds nothing, others need not wait for its lease to
    /// end.
    pub(super) async fn end(&self, db: &Db, at_rest: bool) {
        let showing = self.showing.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(showing) = showing else { return };
        showing.abort();
        if !at_rest {
            return;
        }
        let (what, sql) = ("leaving", "DELETE FROM process WHERE id = $1");
        let leaving = Single { what, sql, params: &[&self.seen.id], repeatable: true, writes: true };
        if let Err(trouble) = db.transact(&leaving).await {
            tracing::warn!(?trouble, "what this process held is free only when its lease ends");
        }
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        if let Some(showing) = self.showing.get_mut().unwrap_or_else(PoisonError::into_inner).take() {
            showing.abort();
        }
    }
}

impl Seen {
    /// Says that it is alive, unless it has said so within this time.
    async fn show(&self, db: &Db, within: Duration) -> Result<(), StoreError> {
        const WHAT: &str = "saying that this process is alive";
        let mut last = self.last.lock().await;
        let now = Instant::now();
        if last.is_some_and(|last| now - last < within) {
            return Ok(());
        }
        let lease = self.lease.as_secs_f64();
        let show =
            Single { what: WHAT, sql: SHOW, params: &[&self.id, &lease], repeatable: true, writes: true };
        db.transact(&show).await.map_err(|trouble| trouble.failed(WHAT))?;
        // Since then nobody may have been able to speak.
        if last.is_none_or(|last| last.elapsed() > self.lease / 2) {
            let lenient = Instant::now() + self.lease;
            *self.lenient_until.lock().unwrap_or_else(PoisonError::into_inner) = lenient;
        }
        *last = Some(now);
        Ok(())
    }

    async fn keep(&self, db: &Db) {
        loop {
            sleep(self.lease / TIMES).await;
            if let Err(error) = self.show(db, self.lease / (TIMES + 1)).await {
                tracing::warn!(%error, "others may take over what this process holds");
            }
        }
    }
}
