//! Which tickets have orders out, for all who ask this process how far a drain has come.

use std::sync::Arc;

use rehome_domain::{
    board::Line,
    ports::{Loaded, StoreError, TicketStore, Unreadable},
    steering::Scope,
};

use crate::fresh::Fresh;

/// Tells a device's domain.
pub type DomainOf = Arc<dyn Fn(&str) -> String + Send + Sync>;

/// Open tickets read at once.
const PAGE: usize = 500;
/// Open tickets that are read at most: whoever looks is told that there are more.
const MOST: usize = 50_000;

/// The tickets that have orders out.
#[derive(Default)]
pub struct UnderWay {
    tickets: Vec<Line>,
    /// Only a newer process can read them: they may have.
    newer: usize,
    /// Not all open tickets were looked at.
    cut: bool,
}

/// What is under way in a scope.
pub(crate) struct There<'a> {
    pub(crate) tickets: Vec<&'a Line>,
    /// So many more may be, which only a newer process can read.
    pub(crate) newer: usize,
    /// There may be others.
    pub(crate) cut: bool,
}

impl Fresh<UnderWay> {
    /// What these tickets have out.
    pub fn under_way(tickets: Arc<dyn TicketStore>) -> Self {
        Self::new(move || read(Arc::clone(&tickets)))
    }
}

async fn read(tickets: Arc<dyn TicketStore>) -> Result<UnderWay, StoreError> {
    let (mut found, mut seen, mut after) = (UnderWay::default(), 0, None);
    loop {
        let page = tickets.open_tickets(after, PAGE).await?;
        let Some((last, _)) = page.last() else { return Ok(found) };
        if seen >= MOST {
            found.cut = true;
            return Ok(found);
        }
        (seen, after) = (seen + page.len(), Some(*last));
        for (_, loaded) in &page {
            match loaded {
                Loaded::Ticket(ticket) if ticket.state.in_flight() => found.tickets.push(Line::of(ticket)),
                Loaded::Unreadable(Unreadable::Newer { .. }) => found.newer += 1,
                _ => {}
            }
        }
    }
}

impl UnderWay {
    pub(crate) fn there(&self, scope: &Scope, domain_of: &DomainOf) -> There<'_> {
        let has_to_do = |line: &&Line| scope.touches([&line.old, &line.new], |device| domain_of(device));
        There { tickets: self.tickets.iter().filter(has_to_do).collect(), newer: self.newer, cut: self.cut }
    }
}

impl There<'_> {
    pub(crate) const fn count(&self) -> usize {
        self.tickets.len() + self.newer
    }
}
