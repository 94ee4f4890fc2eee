//! Lists of tickets, for whoever looks.

use jiff::Timestamp;

use super::{StoreError, Wait};
use crate::board::{Cursor, Filter, Look, Order, Page, SortBy, Tally};

/// Tickets as lists show them. What any call costs is bounded, however many tickets there are.
pub trait Board: Send + Sync {
    /// A page of the tickets that a filter lets in.
    ///
    /// A ticket that does not change while somebody goes from page to page is seen exactly once. One that changes may
    /// be seen again further on, or not any more. A page may have fewer rows than asked for, and even none, and go on
    /// all the same: where only few of many tickets are let in, it says how far it has looked.
    ///
    /// # Errors
    /// If the store fails, or the look has [`faults`](Look::faults).
    fn page(&self, look: Look) -> Wait<'_, Result<Page, StoreError>>;

    /// How many tickets a filter lets in, as far as they can be counted quickly, and not further than `at_most` nor
    /// [`MAX_COUNT`](crate::board::MAX_COUNT).
    ///
    /// # Errors
    /// If the store fails, or the filter has [`faults`](Filter::faults).
    fn count(&self, filter: Filter, at_most: u64) -> Wait<'_, Result<Tally, StoreError>>;

    /// A page of the tickets changed at an instant or later, the oldest change first; it goes on as any page does.
    ///
    /// A change is seen when it has been committed, and bears the instant at which it was decided: a little before, and
    /// by the clock of whoever decided it. Whoever follows changes goes back by [`LAG`](crate::board::LAG) each time and
    /// passes over what is known by id and version.
    ///
    /// # Errors
    /// If the store fails.
    fn changed_since(&self, at: Timestamp, limit: usize) -> Wait<'_, Result<Page, StoreError>> {
        self.page(Look {
            order: Order { by: SortBy::Changed, descending: false },
            after: Some(Cursor::changed(at)),
            limit,
            ..Look::default()
        })
    }
}
