//! How many tickets have a piece of text, as the database has counted for its own plans.
//!
//! An index finds quickly what few tickets have, and lists a million for what all of them have. So it is asked for the
//! rarest pieces of a text only, and not at all where even those are in too many.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use rehome_domain::{board::Filter, ports::StoreError};
use tokio_postgres::Row;

use super::{Postgres, WHAT};
use crate::{postgres::tickets::each, search};

/// How long what was counted is believed. The database itself counts anew only after many changes.
const GOOD: Duration = Duration::from_secs(60);
/// The index is asked for so many pieces of a text; what was found is looked at anyway.
const MOST: usize = 4;

/// What is in many tickets, and in how many, more or less. Whatever else there is is rare.
#[derive(Default)]
struct Common {
    pieces: HashMap<i16, f64>,
}

/// What was last read.
#[derive(Default)]
pub(in crate::postgres) struct Pieces(Mutex<Option<(Instant, Arc<Common>)>>);

impl Common {
    fn tickets(&self, piece: i16) -> f64 {
        self.pieces.get(&piece).copied().unwrap_or(0.0)
    }
}

impl Pieces {
    fn kept(&self) -> Option<Arc<Common>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.as_ref().filter(|(read, _)| read.elapsed() < GOOD).map(|(_, common)| Arc::clone(common))
    }

    fn keep(&self, common: &Arc<Common>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((Instant::now(), Arc::clone(common)));
    }
}

/// The rarest of these; none if even those are in more tickets than `many`.
fn rarest(pieces: BTreeSet<i16>, common: &Common, many: usize) -> Vec<i16> {
    let mut rarest: Vec<i16> = pieces.into_iter().collect();
    rarest.sort_by(|one, other| common.tickets(*one).total_cmp(&common.tickets(*other)));
    rarest.truncate(MOST);
    #[expect(clippy::cast_precision_loss, reason = "thousands")]
    let many = many as f64;
    if rarest.first().is_some_and(|piece| common.tickets(*piece) > many) { Vec::new() } else { rarest }
}

/// What an index is worth asking for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Worth {
    /// Pieces of text.
    pub(super) pieces: Vec<i16>,
    /// As far as is known, what is asked for may be in more than a few.
    pub(super) maybe_many: bool,
}

impl Postgres {
    /// What of a filter the index of pieces is worth asking for.
    pub(super) async fn worth_asking(&self, filter: &Filter) -> Result<Worth, StoreError> {
        let pieces = filter.text.as_deref().map(search::wanted).unwrap_or_default();
        if pieces.is_empty() {
            return Ok(Worth::default());
        }
        let common = match self.pieces.kept() {
            Some(common) => common,
            None => self.count_pieces().await?,
        };
        #[expect(clippy::cast_precision_loss, reason = "thousands")]
        let few = self.reach.few as f64;
        let pieces = rarest(pieces, &common, self.reach.many);
        let rarest = pieces.first().map_or(0.0, |piece| common.tickets(*piece));
        // Of devices' names there are indexes that answer at once.
        Ok(Worth { maybe_many: filter.device.is_none() && rarest > few, pieces })
    }

    async fn count_pieces(&self) -> Result<Arc<Common>, StoreError> {
        const SQL: &str = "SELECT found.element, found.share * greatest(rows.reltuples, 0)::float8
            FROM pg_catalog.pg_stats AS s
            JOIN pg_catalog.pg_namespace AS n ON n.nspname = s.schemaname
            JOIN pg_catalog.pg_class AS rows ON rows.relnamespace = n.oid AND rows.relname = s.tablename
            CROSS JOIN unnest(s.most_common_elems::text::text[], s.most_common_elem_freqs)
                AS found (element, share)
            WHERE s.schemaname = current_schema() AND found.element IS NOT NULL
                AND s.tablename = 'request' AND s.attname = 'grams'";
        let found = self.db.read(WHAT, SQL, &[]).await?;
        let read = |row: &Row| Ok((row.try_get(0)?, row.try_get(1)?));
        let of_pieces = each::<(String, f64)>(WHAT, &found, read)?.into_iter();
        let pieces = of_pieces.filter_map(|(piece, tickets)| Some((piece.parse().ok()?, tickets))).collect();
        let common = Arc::new(Common { pieces });
        self.pieces.keep(&common);
        Ok(common)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rarest_pieces_are_asked_for_and_none_where_all_are_common() {
        let pieces = HashMap::from([(1, 900.0), (2, 50.0), (3, 40.0), (4, 30.0), (5, 20.0), (6, 950.0)]);
        let common = Common { pieces };
        assert_eq!(rarest(BTreeSet::from([1, 2, 3, 4, 5, 6, 7]), &common, 100), [7, 5, 4, 3]);
        assert_eq!(rarest(BTreeSet::from([1, 6]), &common, 100), Vec::<i16>::new());
        assert_eq!(rarest(BTreeSet::from([6, 2]), &common, 100), [2, 6]);
        assert_eq!(rarest(BTreeSet::from([8, 9]), &Common::default(), 0), [8, 9]);
    }
}
