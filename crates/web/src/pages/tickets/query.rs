//! The list's address: filters, order and place, readable and shareable. `?r=failed&waits=retrying&q=acme&sort=-changed`

use rehome_domain::{
    board::{Cursor, Filter, Look, Named, Order, SortBy},
    request::FieldError,
    status::{Attention, CutoverStatus, Disposition, RelocationStatus, ReservationStatus},
};

use super::super::encoded;

/// How a status that is not set is written in an address.
pub(in super::super) const UNSET: &str = "unset";
/// Rows on a page.
pub(super) const ROWS: usize = 50;

const SORTS: [(&str, SortBy); 5] = [
    ("urgency", SortBy::Urgency),
    ("changed", SortBy::Changed),
    ("submitted", SortBy::Submitted),
    ("service", SortBy::Service),
    ("customer", SortBy::Customer),
];

/// The name of an order in an address.
pub(super) fn word(by: SortBy) -> &'static str {
    SORTS.iter().find(|(_, known)| *known == by).map_or("urgency", |(word, _)| word)
}

/// What a reader asked to see.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(in super::super) struct Query {
    pub(in super::super) filter: Filter,
    pub(super) order: Order,
    after: Option<Cursor>,
}

impl Query {
    /// Reads an address. What it does not know it passes over, but a word that names no status is told.
    ///
    /// # Errors
    /// What is wrong, by field.
    pub(in super::super) fn read(pairs: &[(String, String)]) -> Result<Self, Vec<FieldError>> {
        let (mut query, mut faults) = (Self::default(), Vec::new());
        for (key, value) in pairs.iter().filter(|(_, value)| !value.trim().is_empty()) {
            if let Err(problem) = query.take(key, value.trim()) {
                faults.push(FieldError { field: key.clone(), problem });
            }
        }
        faults.extend(query.look(ROWS).faults());
        if faults.is_empty() { Ok(query) } else { Err(faults) }
    }

    fn take(&mut self, key: &str, value: &str) -> Result<(), String> {
        fn named<T: std::str::FromStr<Err: ToString>>(word: &str) -> Result<T, String> {
            word.parse().map_err(|error: T::Err| error.to_string())
        }
        fn or_unset<T: std::str::FromStr<Err: ToString>>(word: &str) -> Result<Option<T>, String> {
            if word == UNSET { Ok(None) } else { named(word).map(Some) }
        }
        let filter = &mut self.filter;
        match key {
            "r" => filter.relocation.push(named::<RelocationStatus>(value)?),
            "p" => filter.reservation.push(or_unset::<ReservationStatus>(value)?),
            "c" => filter.cutover.push(or_unset::<CutoverStatus>(value)?),
            "d" => filter.disposition.push(named::<Disposition>(value)?),
            "waits" => filter.attention.push(named::<Attention>(value)?),
            "device" => {
                filter.device = Some(match value.strip_suffix('*') {
                    Some(start) => Named::StartsWith(start.to_owned()),
                    None => Named::Exactly(value.to_owned()),
                });
            }
            "customer" => filter.customer = Some(value.to_owned()),
            "q" => filter.text = Some(value.to_owned()),
            "sort" => {
                let (word, descending) = value.strip_prefix('-').map_or((value, false), |word| (word, true));
                let known = SORTS.iter().find(|(known, _)| *known == word);
                let (_, by) = known.ok_or_else(|| format!("is `{value}`, expected an order's name"))?;
                self.order = Order { by: *by, descending };
            }
            "after" => {
                let cursor = serde_json::from_str(value);
                self.after = Some(cursor.map_err(|_| "is no place in a list".to_owned())?);
            }
            _ => {}
        }
        Ok(())
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
        pairs.extend(filter.relocation.iter().map(|status| ("r", status.to_string())));
        let unset = |wire: Option<&'static str>| wire.unwrap_or(UNSET).to_owned();
        pairs.extend(
            filter.reservation.iter().map(|status| ("p", unset(status.map(ReservationStatus::wire)))),
        );
        pairs.extend(filter.cutover.iter().map(|status| ("c", unset(status.map(CutoverStatus::wire)))));
        pairs.extend(filter.disposition.iter().map(|status| ("d", status.to_string())));
        pairs.extend(filter.attention.iter().map(|status| ("waits", status.to_string())));
        pairs.extend(filter.device.as_ref().map(|named| ("device", written(named))));
        pairs.extend(filter.customer.clone().map(|customer| ("customer", customer)));
        pairs.extend(filter.text.clone().map(|text| ("q", text)));
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

    fn read(address: &str) -> Result<Query, Vec<FieldError>> {
        let pairs = address.split('&').filter_map(|pair| pair.split_once('='));
        Query::read(&pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect::<Vec<_>>())
    }

    #[test]
    fn an_address_says_again_what_was_read_from_it() {
        for address in [
            "r=failed&r=abnormal&p=unset&p=l3_reserved&c=cut_over&d=open&waits=retrying&device=gw-*",
            "device=gw-east&customer=acme&q=10.0.0.1/30&sort=-changed",
            "waits=without_service&sort=-urgency",
        ] {
            assert_eq!(read(address).unwrap().address("/", &[]).replace("%2A", "*"), format!("/?{address}"));
        }
        assert_eq!(read("r=failed").unwrap().address("/", &[("r", None)]), "/");
    }

    #[test]
    fn a_word_that_names_nothing_is_told_with_its_field() {
        let faults = read("r=nonsense&waits=failed&sort=size&after=x").unwrap_err();
        let fields: Vec<&str> = faults.iter().map(|fault| fault.field.as_str()).collect();
        assert_eq!(fields, ["r", "waits", "sort", "after"]);
    }
}
