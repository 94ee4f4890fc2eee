//! What both databases do for lists: in which parts a list is read, and what becomes of the places found.

use rehome_domain::{
    attention::Standing,
    board::{Cursor, Fault, Filter, Key, Line, Listed, Order, Page, SortBy, latest_first, rank},
    id::RelocationId,
    lang::Lang,
    ports::{Loaded, StoreError},
};
use uuid::Uuid;

/// One stored standing, and from where on its tickets are wanted: after this instant of change and id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stretch {
    pub(crate) code: i16,
    /// What its tickets are sorted by before their change, ascending.
    pub(crate) rank: i16,
    pub(crate) after: (i64, Uuid),
}

/// A part of a list that is sorted by change: all of it one way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Part {
    /// From the latest change to the earliest.
    pub(crate) down: bool,
    pub(crate) stretches: Vec<Stretch>,
}

/// The parts, in order, of what a list sorted by urgency or change has after a place; `codes` are the standings it lets in.
pub(crate) fn parts(order: Order, codes: &[i16], after: Option<&Cursor>) -> Vec<Part> {
    let by_urgency = order.by == SortBy::Urgency;
    let signed = |rank: i16| if order.descending { -rank } else { rank };
    let from = after.and_then(|after| match after.key {
        Key::Urgency(rank, at) => Some((signed(rank), (at, after.id.0))),
        Key::Changed(at) => Some((0, (at, after.id.0))),
        Key::Submitted(_) | Key::Service(_) | Key::Customer(_) => None,
    });
    let part = |latest: bool| {
        let down = latest != order.descending;
        let start = if down { (i64::MAX, Uuid::max()) } else { (i64::MIN, Uuid::nil()) };
        let stretch = |code: &i16| {
            let rank = if by_urgency { rank(*code) } else { 0 };
            if by_urgency && latest_first(rank) != latest {
                return None;
            }
            let rank = signed(rank);
            match from {
                Some((begun, _)) if rank < begun => None,
                Some((begun, place)) if rank == begun => Some(Stretch { code: *code, rank, after: place }),
                _ => Some(Stretch { code: *code, rank, after: start }),
            }
        };
        Part { down, stretches: codes.iter().filter_map(stretch).collect() }
    };
    let mut parts = if by_urgency { vec![part(false), part(true)] } else { vec![part(false)] };
    if order.descending {
        parts.reverse();
    }
    parts.retain(|part| !part.stretches.is_empty());
    parts
}

/// The place of a row in a list sorted by urgency or change.
pub(crate) fn place(by: SortBy, id: Uuid, code: i16, changed: i64) -> Cursor {
    let key = if by == SortBy::Urgency { Key::Urgency(rank(code), changed) } else { Key::Changed(changed) };
    Cursor { key, id: RelocationId(id) }
}

/// Places of a list in order, as far as it has been looked through.
#[derive(Debug, Default)]
pub(crate) struct Places {
    pub(crate) found: Vec<Cursor>,
    /// How far, if there may be more.
    pub(crate) more: Option<Cursor>,
}

impl Places {
    /// Those of one page, and where it goes on.
    pub(crate) fn cut(mut self, skip: usize, limit: usize) -> Self {
        let end = skip.saturating_add(limit);
        if self.found.len() > end {
            self.found.truncate(end);
            self.more = self.found.last().cloned();
        }
        self.found.drain(..skip.min(self.found.len()));
        self
    }

    pub(crate) fn ids(&self) -> Vec<RelocationId> {
        self.found.iter().map(|place| place.id).collect()
    }

    /// The page, its tickets loaded in order.
    pub(crate) fn page(self, loaded: Vec<Loaded>) -> Page {
        let rows = self.found.iter().zip(loaded).filter_map(|(place, loaded)| listed(place.id, loaded));
        Page { rows: rows.collect(), next: self.more }
    }
}

fn listed(id: RelocationId, loaded: Loaded) -> Option<Listed> {
    match loaded {
        Loaded::Ticket(ticket) => Some(Listed::Line(Box::new(Line::of(&ticket)))),
        Loaded::Unreadable(why) => Some(Listed::SetAside { id, reason: why.to_string() }),
        Loaded::Missing => None,
    }
}

/// Refuses what is faulty.
pub(crate) fn sound(what: &'static str, faults: &[(&str, Fault)]) -> Result<(), StoreError> {
    match faults.first() {
        None => Ok(()),
        Some((field, fault)) => {
            Err(StoreError::Failed { what, detail: format!("{field}: {}", fault.sentence(Lang::En)) })
        }
    }
}

/// Whether a filter lets in what stands so; what this binary does not know only one that asks for no standing.
pub(crate) fn admits(filter: &Filter, code: i16) -> bool {
    filter.any_standing() || Standing::of(code).is_some_and(|standing| filter.admits_standing(&standing))
}
