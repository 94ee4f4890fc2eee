//! Answers that take long to make are shared by all who ask, and are as fresh as their making allows.
//!
//! How old an answer may be goes by how long it took: where there is little to look at, it is a few milliseconds and
//! nobody notices; where a whole table is counted, it is a few seconds, and making it costs a tenth of the time at most.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rehome_domain::ports::{Count, StoreError, TicketStore};
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

/// An answer is good for so many times as long as it took.
const GOOD: u32 = 10;
/// No making counts as longer: then it waited for the store more than it worked.
const LONGEST: Duration = Duration::from_millis(500);
/// From then on it is given while the next one is made; after so many times as long, whoever asks waits for that.
const OLD: u32 = 40;
/// An answer that is asked for is made anew before it is old, so that whoever looks again does not wait either.
const RENEWED: u32 = 30;
/// For so long after it was last asked for: what nobody looks at costs nothing.
const WATCHED: Duration = Duration::from_secs(600);
/// And only if making it takes so long: who would notice otherwise?
const NOTICED: Duration = Duration::from_millis(50);

type Making<T> = std::pin::Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send>>;
/// What becomes of a making: none while it is under way.
type Outcome<T> = Option<Result<Kept<T>, StoreError>>;

/// An answer, made anew when it is asked for and no longer fresh. One is made at a time, whoever asks; whoever asks no
/// longer leaves it to the others.
pub struct Fresh<T>(Arc<Inner<T>>);

struct Inner<T> {
    make: Box<dyn Fn() -> Making<T> + Send + Sync>,
    state: Mutex<State<T>>,
}

struct State<T> {
    kept: Option<Kept<T>>,
    /// The last making.
    making: Option<watch::Receiver<Outcome<T>>>,
    /// When it was last asked for.
    asked: Option<Instant>,
}

struct Kept<T> {
    answer: Arc<T>,
    made: Instant,
    took: Duration,
}

impl<T> Clone for Kept<T> {
    fn clone(&self) -> Self {
        Self { answer: Arc::clone(&self.answer), ..*self }
    }
}

impl<T: Send + Sync + 'static> Fresh<T> {
    /// Of what `make` makes. Nothing is made before it is asked for, or told to be ready.
    pub fn new<F>(make: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let state = Mutex::new(State { kept: None, making: None, asked: None });
        Self(Arc::new(Inner { make: Box::new(move || Box::pin(make())), state }))
    }

    /// Has one made before anybody asks: the first who does need not wait. To be called within a runtime.
    pub fn ready(&self) {
        self.0.renew(&mut self.0.state());
    }

    /// The answer.
    ///
    /// # Errors
    /// If there is none that is fresh enough, and making one failed.
    pub async fn get(&self) -> Result<Arc<T>, StoreError> {
        self.kept().await.map(|kept| kept.answer)
    }

    /// The answer, and how long ago its making began: what has changed since then may not be in it.
    ///
    /// # Errors
    /// If there is none that is fresh enough, and making one failed.
    pub async fn with_age(&self) -> Result<(Arc<T>, Duration), StoreError> {
        self.kept().await.map(|kept| (kept.answer, kept.made.elapsed()))
    }

    async fn kept(&self) -> Result<Kept<T>, StoreError> {
        let mut made = {
            let mut state = self.0.state();
            state.asked = Some(Instant::now());
            if let Some((kept, age)) = state.kept(OLD) {
                if age >= GOOD {
                    self.0.renew(&mut state);
                }
                return Ok(kept);
            }
            self.0.renew(&mut state)
        };
        match made.wait_for(Option::is_some).await.as_deref() {
            Ok(Some(made)) => made.clone(),
            Ok(None) | Err(_) => Err(StoreError::Failed {
                what: "making an answer for all who ask",
                detail: "it ended without one".to_owned(),
            }),
        }
    }
}

impl Fresh<Vec<Count>> {
    /// How many tickets stand where.
    pub fn counts(tickets: Arc<dyn TicketStore>) -> Self {
        Self::new(move || {
            let tickets = Arc::clone(&tickets);
            async move { tickets.counts().await }
        })
    }
}

impl<T> State<T> {
    /// The kept answer, and how many times as long as it took it is old; none if that is so many or more.
    fn kept(&self, times: u32) -> Option<(Kept<T>, u32)> {
        let kept = self.kept.as_ref()?;
        let age = kept.made.elapsed().as_micros() / kept.took.as_micros().max(1);
        let age = u32::try_from(age).unwrap_or(u32::MAX);
        (age < times).then(|| (kept.clone(), age))
    }

    /// When it is to be made anew without being asked for, if so.
    fn due(&self) -> Option<Instant> {
        let kept = self.kept.as_ref().filter(|kept| kept.took >= NOTICED)?;
        let due = kept.made + kept.took * RENEWED;
        (self.asked? + WATCHED > due).then_some(due)
    }
}

impl<T> Inner<T> {
    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Send + Sync + 'static> Inner<T> {
    /// The making that is under way; if there is none, it begins one. It is a task of its own: whoever began it may go.
    fn renew(self: &Arc<Self>, state: &mut State<T>) -> watch::Receiver<Outcome<T>> {
        // Who makes it has the other end.
        if let Some(making) = state.making.as_ref().filter(|making| making.has_changed().is_ok()) {
            return making.clone();
        }
        let (outcome, making) = watch::channel(None);
        state.making = Some(making.clone());
        let inner = Arc::clone(self);
        tokio::spawn(async move {
            let made = inner.make().await;
            if let Err(error) = &made {
                tracing::warn!(%error, "what is shared by all who ask could not be brought up to date");
            }
            let due = if made.is_ok() { inner.state().due() } else { None };
            outcome.send_replace(Some(made));
            // Whoever asks from now on begins another.
            drop(outcome);
            let waits = Arc::downgrade(&inner);
            drop(inner);
            if let Some(due) = due {
                sleep_until(due).await;
                if let Some(inner) = waits.upgrade() {
                    inner.renew_if_due();
                }
            }
        });
        making
    }

    /// Unless it has been made anew meanwhile.
    fn renew_if_due(self: &Arc<Self>) {
        let mut state = self.state();
        if state.due().is_some_and(|due| due <= Instant::now()) {
            self.renew(&mut state);
        }
    }

    async fn make(&self) -> Result<Kept<T>, StoreError> {
        let begun = Instant::now();
        let answer = Arc::new((self.make)().await?);
        // What it says was so when its making began.
        let kept = Kept { answer, made: begun, took: begun.elapsed().min(LONGEST) };
        self.state().kept = Some(kept.clone());
        Ok(kept)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

    use futures::future::join_all;

    use super::*;

    const TAKES: Duration = Duration::from_millis(100);

    struct Source {
        made: AtomicU64,
        fails: AtomicBool,
    }

    /// Numbers, each of which takes its time.
    fn numbers() -> (Arc<Source>, Fresh<u64>) {
        let source = Arc::new(Source { made: AtomicU64::new(0), fails: AtomicBool::new(false) });
        let of = Arc::clone(&source);
        let fresh = Fresh::new(move || {
            let source = Arc::clone(&of);
            async move {
                tokio::time::sleep(TAKES).await;
                let failed = StoreError::Failed { what: "counting", detail: "away".to_owned() };
                let number = source.made.fetch_add(1, Ordering::Relaxed);
                if source.fails.load(Ordering::Relaxed) { Err(failed) } else { Ok(number) }
            }
        });
        (source, fresh)
    }

    #[tokio::test(start_paused = true)]
    async fn all_who_ask_at_once_share_one_answer_and_so_do_those_who_ask_soon() {
        let (source, fresh) = numbers();
        let all = join_all((0..20).map(|_| fresh.get())).await;
        assert!(all.into_iter().all(|answer| *answer.unwrap() == 0));
        tokio::time::advance(TAKES * (GOOD - 2)).await;
        assert_eq!(*fresh.get().await.unwrap(), 0);
        assert_eq!(source.made.load(Ordering::Relaxed), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_gives_up_leaves_the_making_to_the_others() {
        let (source, fresh) = numbers();
        let begun = Instant::now();
        let gave_up = tokio::time::timeout(TAKES / 2, fresh.get());
        let (gave_up, waited) = futures::join!(gave_up, fresh.get());
        assert!(gave_up.is_err());
        assert_eq!(*waited.unwrap(), 0);
        assert_eq!(begun.elapsed(), TAKES);
        assert_eq!(source.made.load(Ordering::Relaxed), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn who_asks_first_need_not_wait_for_what_was_made_ready() {
        let (_, fresh) = numbers();
        fresh.ready();
        tokio::time::sleep(TAKES * 2).await;
        let begun = Instant::now();
        assert_eq!(*fresh.get().await.unwrap(), 0);
        assert_eq!(begun.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn what_somebody_has_looked_at_is_kept_ready_for_a_while_and_then_costs_nothing() {
        let (source, fresh) = numbers();
        fresh.get().await.unwrap();
        tokio::time::sleep(WATCHED - TAKES * RENEWED).await;
        let begun = Instant::now();
        assert!(*fresh.get().await.unwrap() > 0);
        assert_eq!(begun.elapsed(), Duration::ZERO);
        tokio::time::sleep(WATCHED * 2).await;
        let made = source.made.load(Ordering::Relaxed);
        tokio::time::sleep(WATCHED * 10).await;
        assert_eq!(source.made.load(Ordering::Relaxed), made);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_says_how_long_ago_its_making_began() {
        let (_, fresh) = numbers();
        assert_eq!(fresh.with_age().await.unwrap().1, TAKES);
        tokio::time::advance(TAKES * 3).await;
        assert_eq!(fresh.with_age().await.unwrap().1, TAKES * 4);
    }

    #[tokio::test(start_paused = true)]
    async fn an_older_answer_is_given_at_once_while_one_is_made_and_a_much_older_one_never() {
        let (source, fresh) = numbers();
        fresh.get().await.unwrap();
        tokio::time::advance(TAKES * GOOD).await;
        let begun = Instant::now();
        let all = join_all((0..20).map(|_| fresh.get())).await;
        assert!(all.into_iter().all(|answer| *answer.unwrap() == 0));
        assert_eq!(begun.elapsed(), Duration::ZERO);
        tokio::time::sleep(TAKES * 2).await;
        assert_eq!(*fresh.get().await.unwrap(), 1);
        assert_eq!(source.made.load(Ordering::Relaxed), 2, "one, however many asked");
        tokio::time::advance(TAKES * OLD).await;
        assert_eq!(*fresh.get().await.unwrap(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_had_to_wait_for_the_store_is_not_good_for_longer_than_one_that_took_half_a_second()
     {
        let fresh = Fresh::new(|| async {
            tokio::time::sleep(LONGEST * 60).await;
            Ok(Instant::now())
        });
        let first = fresh.get().await.unwrap();
        tokio::time::advance(LONGEST * OLD).await;
        assert_ne!(fresh.get().await.unwrap(), first);
    }

    #[tokio::test(start_paused = true)]
    async fn all_who_wait_hear_of_one_failure_and_whoever_asks_later_tries_anew() {
        let (source, fresh) = numbers();
        source.fails.store(true, Ordering::Relaxed);
        let begun = Instant::now();
        assert!(join_all((0..20).map(|_| fresh.get())).await.iter().all(Result::is_err));
        assert_eq!((begun.elapsed(), source.made.load(Ordering::Relaxed)), (TAKES, 1));
        assert!(fresh.get().await.is_err());
        assert_eq!(source.made.load(Ordering::Relaxed), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_told_to_whoever_waits_and_not_kept() {
        let (source, fresh) = numbers();
        source.fails.store(true, Ordering::Relaxed);
        assert!(fresh.get().await.is_err());
        source.fails.store(false, Ordering::Relaxed);
        assert_eq!(*fresh.get().await.unwrap(), 1);
        source.fails.store(true, Ordering::Relaxed);
        tokio::time::advance(TAKES * GOOD).await;
        assert_eq!(*fresh.get().await.unwrap(), 1, "given while the next one is made");
        tokio::time::sleep(TAKES * 2).await;
        assert_eq!(*fresh.get().await.unwrap(), 1, "still not too old");
    }
}
