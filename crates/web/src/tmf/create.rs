//! A `ServiceOrder_Create` as a request for a relocation.

use jiff::Timestamp;
use rehome_domain::{
    lang::Lang,
    request::{Deadlines, FieldError, Place, Request, Window},
};
use schemars::JsonSchema;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use super::order::access_port;

/// Every characteristic of an order's service: its name, and what it is.
pub const CHARACTERISTICS: [(&str, &str); 15] = [
    ("old.l3Device", "the gateway at the old place"),
    ("old.l3Port", "its parent port"),
    ("old.vlan", "the (outer) VLAN tag, 1 to 4094"),
    ("old.innerVlan", "the inner tag of a QinQ circuit; may be left out"),
    ("old.l2Device", "the access or aggregation switch at the old place"),
    ("old.l2Port", "its port"),
    ("new.l3Device", "the gateway at the new place"),
    ("new.l3Port", "its parent port"),
    ("new.vlan", "the (outer) VLAN tag, 1 to 4094"),
    ("new.innerVlan", "the inner tag of a QinQ circuit; may be left out"),
    ("new.l2Device", "the access or aggregation switch at the new place"),
    ("new.l2Port", "its port"),
    ("ip", "the gateway's address with prefix length, IPv4 or IPv6"),
    ("vrf", "the VRF, if the circuit is in one"),
    ("hold", "true: a person begins the reservation; false or left out: it begins at once"),
];

/// Where an order's service stands in the body.
const SERVICE: &str = "serviceOrderItem[0].service";

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Create {
    external_id: Option<String>,
    category: Option<String>,
    description: Option<String>,
    requested_start_date: Option<Timestamp>,
    requested_completion_date: Option<Timestamp>,
    #[serde(default)]
    related_party: Vec<Party>,
    service_order_item: Vec<Item>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Party {
    id: Option<String>,
    name: Option<String>,
    role: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Item {
    #[serde(rename = "id")]
    _id: String,
    action: String,
    service: Service,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Service {
    id: String,
    #[serde(default)]
    place: Vec<Named>,
    #[serde(default)]
    service_characteristic: Vec<Characteristic>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Named {
    id: Option<String>,
    role: String,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Characteristic {
    name: String,
    value: Value,
    #[serde(rename = "valueType")]
    _value_type: Option<String>,
    #[serde(rename = "id")]
    _id: Option<String>,
}

/// Reads an order. `deadlines` are those of this system: TMF641 has no word for them.
///
/// # Errors
/// All that is wrong, by its path in the body.
pub fn request(body: &[u8], deadlines: Deadlines) -> Result<Request, Vec<FieldError>> {
    let create: Create = read(body)?;
    let mut faults = Vec::new();
    let request = put_together(&create, deadlines, &mut faults);
    // What is said of a field once need not be said again in other words.
    let more =
        request.faults().into_iter().map(|(field, fault)| wrong(&path(&field), &fault.sentence(Lang::En)));
    for fault in more {
        if !faults.iter().any(|known| known.field == fault.field) {
            faults.push(fault);
        }
    }
    if faults.is_empty() { Ok(request) } else { Err(faults) }
}

/// What may say of any resource which it is: nothing that an order could differ in.
const KINDS: [&str; 4] = ["@type", "@baseType", "@schemaLocation", "@referredType"];

/// Reads a body, and says where it is not as it must be.
///
/// # Errors
/// What is wrong, by its path in the body.
pub fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Vec<FieldError>> {
    let value = serde_json::from_slice(body).map_err(|error| vec![wrong("body", &error.to_string())])?;
    serde_path_to_error::deserialize(without_kinds(value)).map_err(|error| {
        let path = error.path().to_string();
        let path = if path == "." { "body" } else { path.as_str() };
        vec![wrong(path, &error.inner().to_string())]
    })
}

fn without_kinds(value: Value) -> Value {
    match value {
        Value::Object(fields) => {
            let told = fields.into_iter().filter(|(name, _)| !KINDS.contains(&name.as_str()));
            told.map(|(name, value)| (name, without_kinds(value))).collect()
        }
        Value::Array(values) => values.into_iter().map(without_kinds).collect(),
        other => other,
    }
}

fn wrong(field: &str, problem: &str) -> FieldError {
    FieldError { field: field.to_owned(), problem: problem.to_owned() }
}

fn put_together(create: &Create, deadlines: Deadlines, faults: &mut Vec<FieldError>) -> Request {
    if create.category.as_ref().is_some_and(|category| category != "relocation") {
        faults.push(wrong("category", "is not `relocation`: nothing else can be ordered here"));
    }
    if create.service_order_item.len() != 1 {
        faults.push(wrong("serviceOrderItem", "an order moves one service: exactly one item is expected"));
    }
    let item = create.service_order_item.first();
    if item.is_some_and(|item| item.action != "modify") {
        faults.push(wrong(
            "serviceOrderItem[0].action",
            "is not `modify`: the service stays, its place changes",
        ));
    }
    let service = item.map(|item| &item.service);
    let mut given = Given::new(service.map_or(&[], |service| &service.service_characteristic), faults);
    let (old, new) = (place(&mut given, "old"), place(&mut given, "new"));
    let (ip, vrf) = (given.text("ip"), given.maybe_text("vrf"));
    let hold = given.flag("hold");
    for named in service.map_or(&[][..], |service| &service.place) {
        let place = match named.role.as_str() {
            "old" => &old,
            "new" => &new,
            _ => {
                faults.push(wrong(&format!("{SERVICE}.place"), "has a role other than `old` and `new`"));
                continue;
            }
        };
        if named.id.as_ref().is_some_and(|id| *id != access_port(place)) {
            let problem =
                format!("the {} place is `{}` by its characteristics", named.role, access_port(place));
            faults.push(wrong(&format!("{SERVICE}.place"), &problem));
        }
    }
    Request {
        service_id: service.map_or_else(String::new, |service| service.id.clone()),
        customer: customer(&create.related_party, faults),
        old,
        new,
        ip,
        vrf,
        description: create.description.clone().unwrap_or_default(),
        external_id: create.external_id.clone(),
        window: window(create, faults),
        hold,
        deadlines,
    }
}

fn customer(parties: &[Party], faults: &mut Vec<FieldError>) -> String {
    let customers: Vec<&Party> =
        parties.iter().filter(|party| party.role.as_deref() == Some("customer")).collect();
    if customers.len() != 1 || customers.len() != parties.len() {
        faults.push(wrong("relatedParty", "exactly one is expected, with the role `customer`"));
    }
    let named = customers.first().and_then(|party| party.name.clone().or_else(|| party.id.clone()));
    named.unwrap_or_default()
}

fn window(create: &Create, faults: &mut Vec<FieldError>) -> Option<Window> {
    match (create.requested_start_date, create.requested_completion_date) {
        (None, None) => None,
        (Some(start), Some(end)) => Some(Window { start, end }),
        (Some(_), None) => {
            let problem = "is missing: it says until when the cutover may begin by itself";
            faults.push(wrong("requestedCompletionDate", problem));
            None
        }
        (None, Some(_)) => {
            let problem = "is missing: it says from when on the cutover may begin by itself";
            faults.push(wrong("requestedStartDate", problem));
            None
        }
    }
}

fn place(given: &mut Given<'_>, side: &str) -> Place {
    let name = |name: &str| format!("{side}.{name}");
    Place {
        l3_device: given.text(&name("l3Device")),
        l3_port: given.text(&name("l3Port")),
        vlan: given.maybe_tag(&name("vlan"), true).unwrap_or_default(),
        inner_vlan: given.maybe_tag(&name("innerVlan"), false),
        l2_device: given.text(&name("l2Device")),
        l2_port: given.text(&name("l2Port")),
    }
}

/// Where a characteristic stands in the body.
fn characteristic(name: &str) -> String {
    format!("{SERVICE}.serviceCharacteristic[{name}]")
}

/// A request's field as the body has it.
fn path(field: &str) -> String {
    match field {
        "service_id" => format!("{SERVICE}.id"),
        "customer" => "relatedParty".to_owned(),
        "description" | "category" => field.to_owned(),
        "external_id" => "externalId".to_owned(),
        "window_end" => "requestedCompletionDate".to_owned(),
        "new" => format!("{SERVICE}.serviceCharacteristic"),
        field => {
            let name = |side: &str, rest: &str| {
                let mut words = rest.split('_');
                let first = words.next().unwrap_or_default().to_owned();
                let rest = words.map(|word| word[..1].to_uppercase() + &word[1..]);
                format!("{side}.{}", first + &rest.collect::<String>())
            };
            let sided = field.split_once('_').filter(|(side, _)| matches!(*side, "old" | "new"));
            characteristic(&sided.map_or_else(|| field.to_owned(), |(side, rest)| name(side, rest)))
        }
    }
}

/// The characteristics that were given.
struct Given<'a> {
    values: &'a [Characteristic],
    faults: &'a mut Vec<FieldError>,
}

impl<'a> Given<'a> {
    fn new(values: &'a [Characteristic], faults: &'a mut Vec<FieldError>) -> Self {
        for (place, value) in values.iter().enumerate() {
            let name = value.name.as_str();
            if !CHARACTERISTICS.iter().any(|(known, _)| *known == name) {
                let known: Vec<&str> = CHARACTERISTICS.iter().map(|(known, _)| *known).collect();
                let problem = format!("is none of {}", known.join(", "));
                faults.push(wrong(&format!("{SERVICE}.serviceCharacteristic[{place}].name"), &problem));
            } else if values.iter().take(place).any(|other| other.name == name) {
                faults.push(wrong(&characteristic(name), "is given twice"));
            }
        }
        Self { values, faults }
    }

    fn value(&self, name: &str) -> Option<&'a Value> {
        let found = self.values.iter().find(|value| value.name == name).map(|value| &value.value);
        found.filter(|value| !value.is_null())
    }

    fn fault(&mut self, name: &str, problem: &str) {
        self.faults.push(wrong(&characteristic(name), problem));
    }

    fn text(&mut self, name: &str) -> String {
        if self.value(name).is_none() {
            self.fault(name, "is missing");
        }
        self.maybe_text(name).unwrap_or_default()
    }

    fn maybe_text(&mut self, name: &str) -> Option<String> {
        let value = self.value(name)?;
        if value.as_str().is_none() {
            self.fault(name, "is no text");
        }
        value.as_str().map(str::to_owned)
    }

    /// A tag, as a number or as the text of one.
    fn maybe_tag(&mut self, name: &str, needed: bool) -> Option<u16> {
        let Some(value) = self.value(name) else {
            if needed {
                self.fault(name, "is missing");
            }
            return None;
        };
        let number = value.as_u64().or_else(|| value.as_str().and_then(|text| text.parse().ok()));
        let tag = number.and_then(|number| u16::try_from(number).ok());
        if tag.is_none() {
            self.fault(name, "is no VLAN tag, expected 1 to 4094");
        }
        tag
    }

    fn flag(&mut self, name: &str) -> bool {
        let Some(value) = self.value(name) else { return false };
        if value.as_bool().is_none() {
            self.fault(name, "is neither true nor false");
        }
        value.as_bool().unwrap_or_default()
    }
}
