//! Tells each webhook what it has not been told yet.

use std::{
    hash::{BuildHasher, RandomState},
    sync::Arc,
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use rehome_domain::{
    journal::moments,
    ports::{AccountStore, Feed, StoreError, TicketStore, WebhookStore},
    webhook::{Mark, Patience, Standing, Webhook},
};
use tokio::{
    sync::watch,
    task::{JoinHandle, JoinSet, spawn_blocking},
    time::sleep,
};
use uuid::Uuid;

use super::{
    client::{Post, Posting},
    query::Query,
    signature::sign,
    silence::silence,
    telling::{Telling, tellings},
};

/// Entries read on at once: few enough to be kept in memory for every webhook, enough that reading costs little.
const BATCH: usize = 100;
/// While it is being told, a webhook's position is written down this often within its lease: what was told since is told
/// again after a death.
const TELLING: i32 = 20;
/// While nothing is new, only its lease has to be kept.
const WAITING: i32 = 3;

/// What a postman works with.
#[derive(Clone)]
pub struct PostmanParts {
    /// What happened, in order.
    pub feed: Arc<dyn Feed>,
    /// Who is told.
    pub webhooks: Arc<dyn WebhookStore>,
    /// The journals.
    pub tickets: Arc<dyn TicketStore>,
    /// Those who asked for the webhooks: whoever may not come in any more is told nothing either.
    pub accounts: Arc<dyn AccountStore>,
    /// Posts.
    pub post: Arc<dyn Post>,
    /// How receivers that take nothing are tried again.
    pub patience: Patience,
    /// How long a webhook stays a process's of which nothing more is heard. Several times as long as a post may take.
    pub lease: SignedDuration,
    /// How often it is looked for what is new.
    pub poll: Duration,
    /// The clock.
    pub now: Arc<dyn Fn() -> Timestamp + Send + Sync>,
}

/// One process's postman: any number of processes have one each, and share the webhooks among them.
pub struct Postman {
    stopping: watch::Sender<bool>,
    going: JoinHandle<()>,
}

impl Postman {
    /// Begins, on the runtime that starts it.
    #[must_use]
    pub fn start(parts: PostmanParts) -> Self {
        let (stopping, stopped) = watch::channel(false);
        Self { stopping, going: tokio::spawn(go(parts, stopped)) }
    }

    /// Ends when what is being posted has been answered, and lets go of the webhooks.
    pub async fn stop(mut self) {
        self.stopping.send_replace(true);
        if let Err(error) = (&mut self.going).await {
            tracing::error!(%error, "the postman ended");
        }
    }
}

impl Drop for Postman {
    fn drop(&mut self) {
        self.going.abort();
    }
}

/// Takes the webhooks that nobody holds, each to be told by itself: a slow receiver keeps no other waiting.
async fn go(parts: PostmanParts, mut stopped: watch::Receiver<bool>) {
    let mut told = JoinSet::new();
    while !*stopped.borrow() {
        let (now, holder) = ((parts.now)(), Uuid::now_v7());
        match parts.webhooks.take_webhooks(holder, now, later(now, parts.lease)).await {
            Ok(taken) => {
                for (webhook, standing) in taken {
                    let held = Held { parts: parts.clone(), holder, webhook, standing, written_at: now };
                    told.spawn(held.tell(stopped.clone()));
                }
            }
            Err(error) => tracing::warn!(%error, "webhooks wait"),
        }
        while told.try_join_next().is_some() {}
        pause(parts.poll, &mut stopped).await;
    }
    while told.join_next().await.is_some() {}
}

async fn pause(poll: Duration, stopped: &mut watch::Receiver<bool>) {
    tokio::select! {
        () = sleep(poll) => {}
        _ = stopped.changed() => {}
    }
}

fn later(now: Timestamp, by: SignedDuration) -> Timestamp {
    now.saturating_add(by).unwrap_or(Timestamp::MAX)
}

/// A webhook in hand.
struct Held {
    parts: PostmanParts,
    holder: Uuid,
    webhook: Webhook,
    standing: Standing,
    /// When its position was last written down, and its lease renewed with that.
    written_at: Timestamp,
}

/// It is not in this hand any more: whoever takes it next goes on.
struct LetGo;

impl Held {
    async fn tell(mut self, mut stopped: watch::Receiver<bool>) {
        let Ok(query) = Query::read(self.webhook.format, &self.webhook.query) else {
            // A newer binary may know it. Held until the lease ends, it is looked at seldom.
            let (id, query) = (self.webhook.id, &self.webhook.query);
            tracing::error!(%id, query, "a webhook's query can't be read: it is told nothing");
            return;
        };
        while !*stopped.borrow() {
            match self.tell_on(&query, &stopped).await {
                Ok(true) => {}
                Ok(false) => pause(self.parts.poll, &mut stopped).await,
                Err(LetGo) => return,
            }
        }
        // Whether it could be written or not, this was all.
        let _ = self.write(false).await;
    }

    /// Tells a batch of what is next. Whether there was any.
    async fn tell_on(&mut self, query: &Query, stopped: &watch::Receiver<bool>) -> Result<bool, LetGo> {
        let marks = self.parts.feed.after(self.standing.position, BATCH).await;
        let marks = marks.map_err(|error| self.waits(&error))?;
        for mark in &marks {
            let told = self.about(query, *mark).await.map_err(|error| self.waits(&error))?;
            for telling in told {
                if *stopped.borrow() {
                    return Ok(false);
                }
                self.may_be_told().await?;
                self.post(telling).await?;
                self.write_now_and_then(TELLING).await?;
            }
            self.standing.position = *mark;
        }
        self.write_now_and_then(if marks.is_empty() { WAITING } else { TELLING }).await?;
        Ok(!marks.is_empty())
    }

    /// What is told of an entry.
    async fn about(&self, query: &Query, mark: Mark) -> Result<Vec<Telling>, StoreError> {
        let journal = self.parts.tickets.journal(mark.relocation).await?;
        let entries: Result<Vec<_>, _> = journal.into_iter().collect();
        let moments = entries.map_err(|why| why.to_string()).and_then(|mut entries| {
            entries.retain(|entry| entry.seq <= mark.seq);
            moments(entries).map_err(|error| error.to_string())
        });
        Ok(moments.map_or_else(
            |why| {
                // The supervisor sets such a ticket aside, with an alarm. Waiting for it would hold up all others.
                tracing::warn!(relocation = %mark.relocation, seq = mark.seq, why, "an entry that can't be read is not told");
                Vec::new()
            },
            |moments| tellings(self.webhook.format, query, &moments),
        ))
    }

    /// Lets go unless whoever asked for it may still listen. Looked at before each post: whoever is disabled is out at once.
    async fn may_be_told(&mut self) -> Result<(), LetGo> {
        let asked = silence(&*self.parts.accounts, &self.webhook, (self.parts.now)()).await;
        let Some(why) = asked.map_err(|error| self.waits(&error))? else { return Ok(()) };
        let (id, by) = (self.webhook.id, &self.webhook.by);
        tracing::warn!(%id, by, "{why}");
        // Held until the lease ends, it is looked at seldom; should they be let in again, it goes on from where it was.
        self.write(true).await?;
        Err(LetGo)
    }

    async fn post(&mut self, telling: Telling) -> Result<(), LetGo> {
        let seconds = (self.parts.now)().as_second();
        let Telling { id, body } = telling;
        let signature = sign(&self.webhook.secret.0, &id, seconds, &body);
        let headers = vec![
            ("webhook-id", id),
            ("webhook-timestamp", seconds.to_string()),
            ("webhook-signature", signature),
        ];
        let posting = Posting { url: self.webhook.url.clone(), headers, body };
        let post = Arc::clone(&self.parts.post);
        let posted = spawn_blocking(move || post.post(&posting)).await;
        let now = (self.parts.now)();
        let Err(why) = posted.unwrap_or_else(|error| Err(format!("posting it failed: {error}"))) else {
            self.standing.took(now);
            return Ok(());
        };
        self.standing.failed(&why, now, &self.parts.patience, jitter());
        if self.standing.is_failing(&self.parts.patience) {
            let (id, url, tried) = (self.webhook.id, &self.webhook.url, self.standing.tried);
            tracing::warn!(%id, url, why, tried, "a webhook's receiver takes nothing");
        }
        // Not written, it is tried again when the lease ends.
        let _ = self.write(false).await;
        Err(LetGo)
    }

    /// Writes down how far it was told, unless that was done within this part of the lease.
    async fn write_now_and_then(&mut self, times: i32) -> Result<(), LetGo> {
        let since = (self.parts.now)().duration_since(self.written_at);
        if since < self.parts.lease / times { Ok(()) } else { self.write(true).await }
    }

    async fn write(&mut self, hold: bool) -> Result<(), LetGo> {
        let now = (self.parts.now)();
        let until = hold.then(|| later(now, self.parts.lease));
        let standing = self.standing.clone();
        let written = self.parts.webhooks.settle_webhook(self.webhook.id, self.holder, standing, until).await;
        self.written_at = now;
        match written {
            Ok(true) => Ok(()),
            Ok(false) => Err(LetGo),
            Err(error) => Err(self.waits(&error)),
        }
    }

    fn waits(&self, error: &StoreError) -> LetGo {
        tracing::warn!(id = %self.webhook.id, %error, "a webhook waits");
        LetGo
    }
}

/// Anything from 0 to 1. Nobody has to be kept from guessing it.
fn jitter() -> f64 {
    let drawn = u32::try_from(RandomState::new().hash_one(0_u8) >> 32).unwrap_or_default();
    f64::from(drawn) / f64::from(u32::MAX)
}
