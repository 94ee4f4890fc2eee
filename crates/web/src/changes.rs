//! What changes, as it is committed: read once, for however many listen.
//!
//! ```text
//!  store ──feed, every 250 ms──▶ [reader] ──broadcast──▶ listener ─▶ its connection
//!    └────────────── what a listener has missed ──────────▲
//! ```
//!
//! A listener knows its own place. It reads on by itself until nothing is left, then hears the reader; one that lags behind
//! reads on by itself again. So nothing is left out and nothing is told twice, and a slow listener keeps nobody waiting.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
    time::Duration,
};

use rehome_domain::{
    board::Filter,
    id::RelocationId,
    journal::{Moment, moments},
    ports::{Feed, StoreError, TicketStore},
    ticket::Ticket,
    webhook::Mark,
};
use tokio::{
    sync::{
        broadcast::{self, error::RecvError},
        watch,
    },
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};

use crate::webhooks::{Telling, changed_and_raised};

/// How often the reader looks for what is new.
const POLL: Duration = Duration::from_millis(250);
/// And after the store has failed.
const AWAY: Duration = Duration::from_secs(1);
/// Entries read at once.
const BATCH: usize = 100;
/// How long an entry may be held back before that is told: longer than any of our own transactions.
const HELD_UP: Duration = Duration::from_secs(30);
/// Changes a listener may lag behind before it reads on by itself.
const BEHIND: usize = 1024;
/// How often a listener is told that all is well, if nothing else is.
pub(crate) const HERE: Duration = Duration::from_secs(10);
/// How long one listens at once. Whoever goes on comes in again, so that a right that was taken away ends here.
pub(crate) const LONGEST: Duration = Duration::from_secs(600);

/// An entry of a journal, with what is told of it.
pub(crate) struct Change {
    mark: Mark,
    /// The ticket after it, and what is told of that; none if the entry can't be read.
    told: Option<(Ticket, Told)>,
}

/// What changes in the store.
pub struct Changes {
    source: Source,
    heard: broadcast::Sender<Arc<Change>>,
    /// How far the reader is; none before it has begun.
    reached: watch::Receiver<Option<Mark>>,
    reading: JoinHandle<()>,
}

/// Where they are read.
#[derive(Clone)]
struct Source {
    feed: Arc<dyn Feed>,
    tickets: Arc<dyn TicketStore>,
}

impl Changes {
    /// Reads on the runtime that starts it.
    #[must_use]
    pub fn start(feed: Arc<dyn Feed>, tickets: Arc<dyn TicketStore>) -> Arc<Self> {
        let source = Source { feed, tickets };
        let (heard, _) = broadcast::channel(BEHIND);
        let (tell, reached) = watch::channel(None);
        let reading = tokio::spawn(source.clone().read_on(heard.clone(), tell));
        Arc::new(Self { source, heard, reached, reading })
    }

    /// Listens from a place on; from now on if there is none.
    pub(crate) async fn listen(&self, from: Option<Mark>, filter: Filter) -> Result<Listener, StoreError> {
        let heard = self.heard.subscribe();
        // What was settled before the reader began is found by reading on, what it finds is heard: nothing is between.
        let mut reached = self.reached.clone();
        // What it gives locks the place for reading, and is let go before anything is waited for: else the reader that moves on and
        // the next listener wait for each other for ever.
        let begun = timeout(HERE, reached.wait_for(Option::is_some)).await.is_ok_and(|place| place.is_ok());
        if !begun {
            return Err(StoreError::Failed {
                what: "reading the journals on",
                detail: "the store is away".to_owned(),
            });
        }
        let place = match from {
            Some(mark) => mark,
            None => self.source.feed.end().await?,
        };
        let ends = Instant::now() + LONGEST;
        Ok(Listener { source: self.source.clone(), heard, place, filter, behind: true, ends })
    }
}

impl Drop for Changes {
    fn drop(&mut self) {
        self.reading.abort();
    }
}

impl Source {
    async fn read_on(self, heard: broadcast::Sender<Arc<Change>>, reached: watch::Sender<Option<Mark>>) {
        let mut well = true;
        let mut looked = Instant::now();
        loop {
            let read = self.read_once(&heard, &reached).await;
            if looked.elapsed() > HERE {
                looked = Instant::now();
                self.say_if_held_up().await;
            }
            let rest = match &read {
                Ok(true) => Duration::ZERO,
                Ok(false) => POLL,
                Err(_) => AWAY,
            };
            if let (Err(error), true) = (&read, well) {
                tracing::warn!(%error, "changes wait for the store");
            }
            well = read.is_ok();
            sleep(rest).await;
        }
    }

    /// Else nothing would say why nobody hears anything.
    async fn say_if_held_up(&self) {
        match self.feed.held_up().await {
            Ok(held_up) if held_up > HELD_UP => {
                let seconds = held_up.as_secs();
                tracing::warn!(
                    seconds,
                    "webhooks and listeners wait: a transaction is open on the database's server (pg_stat_activity, \
                     pg_prepared_xacts); end it"
                );
            }
            // That the store is away is told elsewhere.
            Ok(_) | Err(_) => {}
        }
    }

    /// Whether there may be more.
    async fn read_once(
        &self,
        heard: &broadcast::Sender<Arc<Change>>,
        reached: &watch::Sender<Option<Mark>>,
    ) -> Result<bool, StoreError> {
        let Some(at) = *reached.borrow() else {
            reached.send_replace(Some(self.feed.end().await?));
            return Ok(true);
        };
        let marks = self.feed.after(at, BATCH).await?;
        let Some(last) = marks.last().copied() else { return Ok(false) };
        // Where nobody listens, only the place has to be kept.
        if heard.receiver_count() > 0 {
            for change in self.about(&marks).await? {
                let _ = heard.send(Arc::new(change));
            }
        }
        reached.send_replace(Some(last));
        Ok(marks.len() == BATCH)
    }

    async fn after(&self, place: Mark) -> Result<Vec<Change>, StoreError> {
        let marks = self.feed.after(place, BATCH).await?;
        self.about(&marks).await
    }

    /// What is told of entries, each journal read once.
    async fn about(&self, marks: &[Mark]) -> Result<Vec<Change>, StoreError> {
        let mut journals: HashMap<RelocationId, Vec<Moment>> = HashMap::new();
        for Mark { relocation, .. } in marks {
            if let Entry::Vacant(unread) = journals.entry(*relocation) {
                unread.insert(self.history(*relocation).await?);
            }
        }
        let change = |mark: &Mark| {
            let moment = usize::try_from(mark.seq)
                .ok()
                .and_then(|seq| journals.get(&mark.relocation)?.get(seq.checked_sub(1)?));
            Change {
                mark: *mark,
                told: moment.map(|moment| (moment.after.clone(), changed_and_raised(moment))),
            }
        };
        Ok(marks.iter().map(change).collect())
    }

    /// A ticket's journal as far as it can be read: the supervisor sets one aside that can't, with an alarm.
    async fn history(&self, relocation: RelocationId) -> Result<Vec<Moment>, StoreError> {
        let entries = self.tickets.journal(relocation).await?;
        Ok(moments(entries.into_iter().map_while(Result::ok)).unwrap_or_else(|error| {
            tracing::warn!(%relocation, %error, "a journal that can't be read is not told");
            Vec::new()
        }))
    }
}

/// Somebody who listens.
pub(crate) struct Listener {
    source: Source,
    heard: broadcast::Receiver<Arc<Change>>,
    place: Mark,
    filter: Filter,
    /// It reads on by itself.
    behind: bool,
    ends: Instant,
}

/// What is told of one entry, each with its kind.
pub(crate) type Told = Vec<(&'static str, Telling)>;

/// What a listener hears.
pub(crate) enum Heard {
    /// What is told of these entries, each with the place after it.
    Changes(Vec<(Mark, Told)>),
    /// Nothing that it asked for; it is at this place.
    Nothing(Mark),
}

impl Listener {
    /// Where it is: whoever comes again from there hears what comes next.
    pub(crate) const fn place(&self) -> Mark {
        self.place
    }

    /// What comes next; none: it is over, and who wants more comes again.
    pub(crate) async fn next(&mut self) -> Option<Heard> {
        let still = Instant::now() + HERE;
        while Instant::now() < self.ends {
            if self.behind {
                match self.source.after(self.place).await {
                    Ok(changes) if changes.is_empty() => self.behind = false,
                    Ok(changes) => {
                        let told: Vec<_> = changes.iter().filter_map(|change| self.take(change)).collect();
                        if !told.is_empty() {
                            return Some(Heard::Changes(told));
                        }
                        // Whoever has much to go past that they did not ask for hears how far they are: cut off, they go
                        // on from there.
                        if Instant::now() >= still {
                            return Some(Heard::Nothing(self.place));
                        }
                    }
                    // The client asks again, and is told of it then.
                    Err(_) => return None,
                }
                continue;
            }
            match timeout(still.saturating_duration_since(Instant::now()), self.heard.recv()).await {
                Ok(Ok(change)) => {
                    if let Some(told) = self.take(&change) {
                        return Some(Heard::Changes(vec![told]));
                    }
                }
                Ok(Err(RecvError::Lagged(_))) => self.behind = true,
                Ok(Err(RecvError::Closed)) => return None,
                Err(_) => return Some(Heard::Nothing(self.place)),
            }
        }
        None
    }

    /// Goes past a change; answers what of it was asked for, none if nothing, or if it was told before.
    fn take(&mut self, change: &Change) -> Option<(Mark, Told)> {
        if change.mark <= self.place {
            return None;
        }
        self.place = change.mark;
        let (_, told) = change.told.as_ref().filter(|(after, _)| self.filter.admits(after))?;
        (!told.is_empty()).then(|| (change.mark, told.clone()))
    }
}
