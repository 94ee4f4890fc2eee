//! The list's address: filters, order and place, readable and shareable, in the words of the API.
//! `?relocation=failed&attention=retrying&text=acme&sort=-changed`

use rehome_domain::{
    board::{Cursor, Filter, Look, Named, Order, Span},
    lang::Lang,
    status::{CutoverStatus, ReservationStatus},
};

use super::super::encoded;
use crate::{
    api::query::{self, UNSET, word},
    frame::FieldProblem,
};

/// Rows on a page.
pub(super) const ROWS: usize = 50;
/// What a reader can filter by on the page.
pub(super) const FILTERS: [&str; 8] =
    ["relocation", "reservation", "cutover", "disposition", "attention", "device", "customer", "text"];

/// What a reader asked to see.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in super::super) struct Query {
    pub(in super::super) filter: Filter,
    pub(super) order: Order,
    after: Option<Cursor>,
}

impl Query {
    /// Reads an address. What it does not know it passes over, and a field of a form that nothing was written into.
    ///
    /// # Errors
    /// What is wrong, by field.
    pub(in super::super) fn read(pairs: &[(String, String)], lang: Lang) -> Result<Self, Vec<FieldProblem>> {
        let given = pairs.iter().filter(|(_, value)| !value.trim().is_empty());
        let given = given.map(|(name, value)| (name.clone(), value.trim().to_owned()));
        let mut asked = query::Query::of(given.collect(), lang);
        let Look { filter, order, after, .. } = asked.look();
        let faults = asked.faults();
        if faults.is_empty() { Ok(Self { filter, order, after }) } else { Err(faults) }
    }

    /// What it asks of the store.
    pub(in super::super) fn look(&self, limit: usize) -> Look {
        Look { filter: self.filter.clone(), order: self.order, after: self.after.clone(), skip: 0, limit }
    }

    pub(super) const fn begins(&self) -> bool {
        self.after.is_none()
    }

    /// Its filters as they stand in an address.
    pub(in super::super) fn filters(&self) -> Vec<(&'static str, String)> {
        let filter = &self.filter;
        let mut pairs: Vec<(&'static str, String)> = Vec::new();
        pairs.extend(filter.relocation.iter().map(|status| ("relocation", status.to_string())));
        let unset = |wire: Option<&'static str>| wire.unwrap_or(UNSET).to_owned();
        pairs.extend(
            filter
                .reservation
                .iter()
                .map(|status| ("reservation", unset(status.map(ReservationStatus::wire)))),
        );
        pairs.extend(filter.cutover.iter().map(|status| ("cutover", unset(status.map(CutoverStatus::wire)))));
        pairs.extend(filter.disposition.iter().map(|status| ("disposition", status.to_string())));
        pairs.extend(filter.attention.iter().map(|status| ("attention", status.to_string())));
        pairs.extend(filter.device.as_ref().map(|named| ("device", written(named))));
        pairs.extend(filter.customer.clone().map(|customer| ("customer", customer)));
        pairs.extend(filter.text.clone().map(|text| ("text", text)));
        let spans = [
            ("changed_since", "changed_until", filter.changed),
            ("submitted_since", "submitted_until", filter.submitted),
        ];
        for (from, to, Span { since, until }) in spans {
            pairs.extend(since.map(|at| (from, at.to_string())));
            pairs.extend(until.map(|at| (to, at.to_string())));
        }
        pairs
    }

    /// Its filters and order as an address, with these changes; a change to nothing takes the key away.
    pub(super) fn address(&self, path: &str, changes: &[(&str, Option<&str>)]) -> String {
        let mut pairs: Vec<(&str, String)> = self.filters();
        if self.order != Order::default() {
            let sign = if self.order.descending { "-" } else { "" };
            pairs.push(("sort", format!("{sign}{}", word(self.order.by))));
        }
        pairs.retain(|(key, _)| !changes.iter().any(|(changed, _)| changed == key));
        pairs.extend(changes.iter().filter_map(|(key, value)| Some((*key, (*value)?.to_owned()))));
        let pairs: Vec<String> =
            pairs.iter().map(|(key, value)| format!("{key}={}", encoded(value))).collect();
        if pairs.is_empty() { path.to_owned() } else { format!("{path}?{}", pairs.join("&")) }
    }
}

/// A device as it is typed.
pub(super) fn written(named: &Named) -> String {
    match named {
        Named::Exactly(name) => name.clone(),
        Named::StartsWith(start) => format!("{start}*"),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn read(address: &str) -> Result<Query, Vec<FieldProblem>> {
        let pairs = address.split('&').filter_map(|pair| pair.split_once('='));
        Query::read(
            &pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect::<Vec<_>>(),
            Lang::En,
        )
    }

    #[test]
    fn an_address_says_again_what_was_read_from_it() {
        for address in [
            "relocation=failed&relocation=abnormal&reservation=unset&reservation=l3_reserved&cutover=cut_over&disposition=open&attention=retrying&device=gw-*",
            "device=gw-east&customer=acme&text=10.0.0.1/30&sort=-changed",
            "attention=without_service&changed_since=2026-01-31T08:00:00Z&sort=-urgency",
        ] {
            let said = read(address).unwrap().address("/", &[]);
            assert_eq!(said.replace("%2A", "*").replace("%3A", ":"), format!("/?{address}"));
        }
        assert_eq!(read("relocation=failed").unwrap().address("/", &[("relocation", None)]), "/");
    }

    #[test]
    fn a_word_that_names_nothing_is_told_with_its_field() {
        let faults = read("relocation=nonsense&attention=failed&sort=size&after=x").unwrap_err();
        let fields: Vec<&str> = faults.iter().map(|fault| fault.field.as_str()).collect();
        assert_eq!(fields, ["after", "relocation", "attention", "sort"]);
    }
}
