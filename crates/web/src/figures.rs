//! What the overview's charts show: counted for all who ask this process.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use rehome_domain::{
    board::{Filter, MAX_COUNT, Span},
    ports::{Board, StoreError},
    status::{Attention, Disposition},
};

use crate::{door::Now, fresh::Fresh};

/// Hours that are charted.
pub(crate) const HOURS: i64 = 24;
/// Ages told apart: up to so many minutes, and what that is called.
pub(crate) const AGES: [(Option<i64>, &str, &str); 5] = [
    (Some(5), "< 5 min", "< 5 分"),
    (Some(60), "< 1 h", "< 1 小时"),
    (Some(240), "< 4 h", "< 4 小时"),
    (Some(1440), "< 1 d", "< 1 天"),
    (None, "1 d +", "1 天以上"),
];

/// The figures.
pub struct Figures {
    /// What ended in each hour, the oldest first: well, and otherwise.
    pub(crate) by_hour: Vec<[u64; 2]>,
    /// Open tickets by how long they have waited: those that need a person, and the others.
    pub(crate) by_age: Vec<[u64; 2]>,
    /// Some of them stand for more.
    pub(crate) capped: bool,
}

impl Fresh<Figures> {
    /// Of the tickets of a board.
    pub fn figures(board: Arc<dyn Board>, now: Now) -> Self {
        Self::new(move || {
            let (board, now) = (Arc::clone(&board), now());
            async move { count(&*board, now).await }
        })
    }
}

async fn count(board: &dyn Board, now: Timestamp) -> Result<Figures, StoreError> {
    let mut counting = Counting { board, capped: false };
    let (by_hour, by_age) = (counting.by_hour(now).await?, counting.by_age(now).await?);
    Ok(Figures { by_hour, by_age, capped: counting.capped })
}

/// Whether any of what was counted stands for more.
struct Counting<'a> {
    board: &'a dyn Board,
    capped: bool,
}

impl Counting<'_> {
    /// How many a filter lets in of those last changed then.
    async fn count(&mut self, filter: &Filter, changed: Span) -> Result<u64, StoreError> {
        let tally = self.board.count(Filter { changed, ..filter.clone() }, MAX_COUNT).await?;
        self.capped |= !tally.exact;
        Ok(tally.tickets)
    }

    async fn by_hour(&mut self, now: Timestamp) -> Result<Vec<[u64; 2]>, StoreError> {
        let ended = |how: &[Disposition]| Filter { disposition: how.to_vec(), ..Filter::default() };
        let well = ended(&[Disposition::Completed]);
        let other = ended(&[Disposition::Forced, Disposition::Cancelled]);
        let mut hours = Vec::new();
        for ago in (0..HOURS).rev() {
            // Of the last hour is also what a process whose clock is ahead has changed.
            let until = (ago > 0).then(|| now - SignedDuration::from_hours(ago));
            let hour = Span { since: Some(now - SignedDuration::from_hours(ago + 1)), until };
            hours.push([self.count(&well, hour).await?, self.count(&other, hour).await?]);
        }
        Ok(hours)
    }

    async fn by_age(&mut self, now: Timestamp) -> Result<Vec<[u64; 2]>, StoreError> {
        let open = |person: bool| {
            let waits = Attention::ALL.iter().copied().filter(|waits| waits.needs_person() == person);
            Filter { disposition: vec![Disposition::Open], attention: waits.collect(), ..Filter::default() }
        };
        let (person, other) = (open(true), open(false));
        let (mut ages, mut until) = (Vec::new(), None);
        for (minutes, _, _) in AGES {
            let since = minutes.map(|minutes| now - SignedDuration::from_mins(minutes));
            let aged = Span { since, until: std::mem::replace(&mut until, since) };
            ages.push([self.count(&person, aged).await?, self.count(&other, aged).await?]);
        }
        Ok(ages)
    }
}
