//! Answers that take long to make are shared by all who ask, and are as fresh as their making allows.
//!
//! How old an answer may be goes by how long it took: where there is little to look at, it is a few milliseconds and
//! nobody notices; where a whole table is counted, it is a few seconds, and making it costs a tenth of the time at most.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rehome_domain::ports::{Count, StoreError, TicketStore};
use tokio::time::Instant;

/// An answer is good for so many times as long as it took.
const GOOD: u32 = 10;
/// No making counts as longer: then it waited for the store more than it worked.
const LONGEST: Duration = Duration::from_millis(500);
/// From then on it is given while the next one is made; after so many times as long, whoever asks waits for that.
const OLD: u32 = 40;

type Making<T> = std::pin::Pin<Box<dyn Future<Output = Result<T, StoreError>> + Send>>;

/// An answer, made anew when it is asked for and no longer fresh. One is made at a time, whoever asks.
pub struct Fresh<T>(Arc<Inner<T>>);

struct Inner<T> {
    make: Box<dyn Fn() -> Making<T> + Send + Sync>,
    kept: Mutex<Option<Kept<T>>>,
    /// How the last making failed, and when it did.
    failed: Mutex<Option<(Instant, StoreError)>>,
    turn: Arc<tokio::sync::Mutex<()>>,
}

struct Kept<T> {
    answer: Arc<T>,
    made: Instant,
    took: Duration,
}

impl<T: Send + Sync + 'static> Fresh<T> {
    /// Of what `make` makes. Nothing is made before it is asked for.
    pub fn new<F>(make: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let (kept, failed, turn) = Default::default();
        Self(Arc::new(Inner { make: Box::new(move || Box::pin(make())), kept, failed, turn }))
    }

    /// The answer.
    ///
    /// # Errors
    /// If there is none that is fresh enough, and making one failed.
    pub async fn get(&self) -> Result<Arc<T>, StoreError> {
        if let Some((answer, age)) = self.0.kept(OLD) {
            if age >= GOOD
                && let Ok(turn) = Arc::clone(&self.0.turn).try_lock_owned()
            {
                let inner = Arc::clone(&self.0);
                tokio::spawn(async move {
                    if let Err(error) = inner.make().await {
                        tracing::warn!(%error, "what was asked for could not be brought up to date");
                    }
                    drop(turn);
                });
            }
            return Ok(answer);
        }
        let asked = Instant::now();
        let _turn = self.0.turn.lock().await;
        // Whoever had the turn has made it, or has failed for all who waited.
        match (self.0.kept(GOOD), self.0.failed_since(asked)) {
            (Some((answer, _)), _) => Ok(answer),
            (None, Some(error)) => Err(error),
            (None, None) => self.0.make().await,
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

impl<T> Inner<T> {
    /// The kept answer, and how many times as long as it took it is old; none if that is so many or more.
    fn kept(&self, times: u32) -> Option<(Arc<T>, u32)> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let Kept { answer, made, took } = kept.as_ref()?;
        let age = made.elapsed().as_micros() / took.as_micros().max(1);
        let age = u32::try_from(age).unwrap_or(u32::MAX);
        (age < times).then(|| (Arc::clone(answer), age))
    }

    /// How a making failed that somebody has waited for since then.
    fn failed_since(&self, asked: Instant) -> Option<StoreError> {
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.as_ref().filter(|(at, _)| *at > asked).map(|(_, error)| error.clone())
    }

    async fn make(&self) -> Result<Arc<T>, StoreError> {
        let begun = Instant::now();
        let made = (self.make)().await;
        let failed = made.as_ref().err().map(|error| (Instant::now(), error.clone()));
        *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = failed;
        let answer = Arc::new(made?);
        // What it says was so when its making began.
        let kept = Kept { answer: Arc::clone(&answer), made: begun, took: begun.elapsed().min(LONGEST) };
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(kept);
        Ok(answer)
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
