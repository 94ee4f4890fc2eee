//! Which changes a webhook is told of.

use rehome_domain::{id::RelocationId, ticket::Ticket, webhook::Format};

use super::telling::CHANGED_AND_RAISED;
use crate::tmf::{notice::KINDS, state::OrderState};

/// What TMF641's queries put in front of a field of the order.
const OF_THE_ORDER: &str = "event.serviceOrder.";

/// What is wrong with a query.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct BadQuery {
    /// Which of its names.
    pub field: String,
    /// What is wrong and what was expected.
    pub problem: String,
}

/// What is given with commas: a customer, a service or an external id may have one in it.
const SEVERAL: [&str; 3] = ["eventType", "id", "state"];

/// Which changes: those that every given name lets in. Of a name that is given several times, or (of those in which there
/// is none) with commas, any.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    kinds: Vec<String>,
    ids: Vec<RelocationId>,
    states: Vec<OrderState>,
    customers: Vec<String>,
    services: Vec<String>,
    external_ids: Vec<String>,
}

impl Query {
    /// Reads `eventType=…&state=…`: the names are `eventType`, `id`, `state`, `customer`, `serviceId` and `externalId`, each
    /// also with `event.serviceOrder.` in front. The first three may have several values, with commas between.
    ///
    /// # Errors
    /// The first name that is none, or has a value that is none.
    pub fn read(format: Format, text: &str) -> Result<Self, BadQuery> {
        let mut query = Self::default();
        for (name, value) in form_urlencoded::parse(text.as_bytes()) {
            let plain = name.strip_prefix(OF_THE_ORDER).unwrap_or(&name);
            let several = SEVERAL.contains(&plain);
            let values: Vec<&str> = if several { value.split(',').collect() } else { vec![&value] };
            for value in values {
                let added = query.add(format, plain, value.trim());
                added.map_err(|problem| BadQuery { field: name.to_string(), problem })?;
            }
        }
        Ok(query)
    }

    fn add(&mut self, format: Format, name: &str, value: &str) -> Result<(), String> {
        match name {
            "eventType" => self.kinds.push(kind(format, value)?),
            "id" => self.ids.push(value.parse().map_err(|_| format!("`{value}` is no order's id"))?),
            "state" => self.states.push(state(value)?),
            "customer" => self.customers.push(value.to_owned()),
            "serviceId" => self.services.push(value.to_owned()),
            "externalId" => self.external_ids.push(value.to_owned()),
            _ => {
                let names = "eventType, id, state, customer, serviceId or externalId";
                return Err(format!("is no name to filter by, expected {names}"));
            }
        }
        Ok(())
    }

    /// Whether something of this kind is told of a ticket as it was then.
    #[must_use]
    pub fn admits(&self, kind: &str, ticket: &Ticket) -> bool {
        fn one<T>(of: &[T], is: impl Fn(&T) -> bool) -> bool {
            of.is_empty() || of.iter().any(is)
        }
        let request = ticket.request.as_ref();
        one(&self.kinds, |wanted| wanted == kind)
            && one(&self.ids, |id| *id == ticket.id)
            && one(&self.states, |state| *state == OrderState::of(&ticket.state))
            && one(&self.customers, |customer| *customer == request.customer)
            && one(&self.services, |service| *service == request.service_id)
            && one(&self.external_ids, |id| request.external_id.as_ref() == Some(id))
    }
}

fn kind(format: Format, value: &str) -> Result<String, String> {
    let known: &[&str] = match format {
        Format::Rehome => &CHANGED_AND_RAISED,
        Format::Tmf => &KINDS,
    };
    if known.contains(&value) {
        return Ok(value.to_owned());
    }
    Err(format!("`{value}` is not told, expected {}", known.join(", ")))
}

fn state(value: &str) -> Result<OrderState, String> {
    let known = OrderState::ALL.into_iter().find(|state| state.wire() == value);
    known.ok_or_else(|| {
        let all: Vec<&str> = OrderState::ALL.into_iter().map(OrderState::wire).collect();
        format!("`{value}` is no order's state, expected {}", all.join(", "))
    })
}
