//! What a query asks for, of the API and of the pages' lists: one set of words, read in one way.

use std::str::FromStr;

use actix_web::{
    Error, FromRequest, HttpRequest,
    body::MessageBody,
    dev::{Payload, ServiceRequest, ServiceResponse},
    middleware::Next,
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jiff::Timestamp;
use rehome_domain::{
    board::{Cursor, Fault, Filter, Look, MAX_LIMIT, Named, Order, SortBy, Span},
    lang::Lang,
    status::{Attention, CutoverStatus, Disposition, RelocationStatus, ReservationStatus},
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::{BASE, route::Parameter, unread::Unread};
use crate::frame::{self, FieldProblem, Problem};

/// How a status that is not set is written.
pub(crate) const UNSET: &str = "unset";
/// What every route may be asked: in which language.
const LANGUAGE: &str = "lang";

/// Refuses parameters that a route does not have, by name.
pub(super) async fn known<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse, Error> {
    let pattern = request.request().match_pattern();
    let path = pattern.as_deref().and_then(|pattern| pattern.strip_prefix(BASE));
    let (query, lang) = (request.query_string(), frame::language(request.request()));
    if let Some(path) = path.filter(|_| !query.is_empty()) {
        let routes = super::routes();
        let route = routes.iter().find(|route| route.path == path && route.method == *request.method());
        if let Some(route) = route {
            let names: Vec<&str> = route.query.iter().map(|parameter| parameter.name).collect();
            let mut unknown = Vec::new();
            for (name, _) in form_urlencoded::parse(query.as_bytes()) {
                if name != LANGUAGE && !names.contains(&name.as_ref()) {
                    let why = Unread::Unknown(names.join(", "));
                    unknown.push(FieldProblem::new(name, why.sentence(lang)));
                }
            }
            if !unknown.is_empty() {
                return Ok(request.error_response(Problem::Invalid(unknown)));
            }
        }
    }
    next.call(request).await.map(ServiceResponse::map_into_boxed_body)
}

/// A query's parameters, read one by one. What is wrong is gathered, and told by [`Query::done`].
#[derive(Debug, Default)]
pub(crate) struct Query {
    pairs: Vec<(String, String)>,
    faults: Vec<FieldProblem>,
    /// Of whoever reads what is wrong.
    lang: Lang,
}

impl FromRequest for Query {
    type Error = Problem;
    type Future = std::future::Ready<Result<Self, Problem>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let pairs = form_urlencoded::parse(request.query_string().as_bytes()).into_owned().collect();
        std::future::ready(Ok(Self::of(pairs, frame::language(request))))
    }
}

impl Query {
    pub(crate) const fn of(pairs: Vec<(String, String)>, lang: Lang) -> Self {
        Self { pairs, faults: Vec::new(), lang }
    }

    fn fault(&mut self, name: &str, why: &Unread) {
        self.faults.push(FieldProblem::new(name, why.sentence(self.lang)));
    }

    /// All that is said of a parameter that may be given several times.
    pub(super) fn many<T>(&mut self, name: &str, read: impl Fn(&str) -> Result<T, Unread>) -> Vec<T> {
        let given: Vec<String> =
            self.pairs.iter().filter(|(given, _)| given == name).map(|(_, value)| value.clone()).collect();
        let mut values = Vec::new();
        for value in given {
            match read(&value) {
                Ok(value) => values.push(value),
                Err(why) => self.fault(name, &why),
            }
        }
        values
    }

    /// What is said of a parameter that may be given once.
    pub(super) fn one<T>(&mut self, name: &str, read: impl Fn(&str) -> Result<T, Unread>) -> Option<T> {
        let mut values = self.many(name, read);
        if values.len() > 1 {
            self.fault(name, &Unread::Repeated);
        }
        values.pop()
    }

    /// How many rows a page is to have at most.
    pub(super) fn limit(&mut self, otherwise: usize) -> usize {
        let read = |value: &str| {
            let number = value.parse().ok().filter(|number| (1..=MAX_LIMIT).contains(number));
            number.ok_or_else(|| Unread::NoNumber { given: value.to_owned(), least: 1, most: MAX_LIMIT })
        };
        self.one("limit", read).unwrap_or(otherwise)
    }

    /// Which list of tickets, from its beginning.
    pub(super) fn list(&mut self) -> Look {
        self.from(None, Look::default().limit)
    }

    /// Which page of the list of tickets.
    pub(crate) fn look(&mut self) -> Look {
        let (after, limit) = (self.one("after", cursor), self.limit(Look::default().limit));
        self.from(after, limit)
    }

    fn from(&mut self, after: Option<Cursor>, limit: usize) -> Look {
        let (filter, order) = (self.filter(), self.one("sort", sort).unwrap_or_default());
        let look = Look { filter, order, after, skip: 0, limit };
        self.check(look.faults());
        look
    }

    /// Which tickets.
    pub(super) fn filter(&mut self) -> Filter {
        Filter {
            relocation: self.many("relocation", named::<RelocationStatus>),
            reservation: self.many("reservation", or_unset::<ReservationStatus>),
            cutover: self.many("cutover", or_unset::<CutoverStatus>),
            disposition: self.many("disposition", named::<Disposition>),
            attention: self.many("attention", named::<Attention>),
            device: self.one("device", |value| {
                Ok(match value.strip_suffix('*') {
                    Some(start) => Named::StartsWith(start.to_owned()),
                    None => Named::Exactly(value.to_owned()),
                })
            }),
            customer: self.one("customer", text),
            text: self.one("text", text),
            changed: self.span("changed_since", "changed_until"),
            submitted: self.span("submitted_since", "submitted_until"),
        }
    }

    fn span(&mut self, since: &str, until: &str) -> Span {
        Span { since: self.one(since, instant), until: self.one(until, instant) }
    }

    pub(super) fn check(&mut self, faults: Vec<(&'static str, Fault)>) {
        for (field, fault) in faults {
            self.fault(field, &Unread::List(fault));
        }
    }

    /// What of it could not be read.
    pub(crate) fn faults(self) -> Vec<FieldProblem> {
        self.faults
    }

    /// Whether all of it could be read.
    pub(super) fn done(self) -> Result<(), Problem> {
        if self.faults.is_empty() { Ok(()) } else { Err(Problem::Invalid(self.faults)) }
    }

    /// The same, with a parameter that must be given.
    pub(super) fn done_with<T>(
        mut self,
        name: &str,
        read: impl Fn(&str) -> Result<T, Unread>,
    ) -> Result<T, Problem> {
        if let Some(value) = self.one(name, read) {
            return self.done().map(|()| value);
        }
        if !self.faults.iter().any(|fault| fault.field == name) {
            self.fault(name, &Unread::Missing);
        }
        Err(Problem::Invalid(self.faults))
    }
}

pub(super) fn named<T: FromStr<Err: Into<Unread>>>(word: &str) -> Result<T, Unread> {
    word.parse().map_err(T::Err::into)
}

fn or_unset<T: FromStr<Err: Into<Unread>>>(word: &str) -> Result<Option<T>, Unread> {
    if word == UNSET { Ok(None) } else { named(word).map(Some) }
}

pub(super) fn text(value: &str) -> Result<String, Unread> {
    Ok(value.to_owned())
}

fn instant(value: &str) -> Result<Timestamp, Unread> {
    value.parse().map_err(|_| Unread::NoInstant(value.to_owned()))
}

pub(super) fn flag(value: &str) -> Result<bool, Unread> {
    value.parse().map_err(|_| none_of(value, &["true", "false"]))
}

const SORTS: [(&str, SortBy); 5] = [
    ("urgency", SortBy::Urgency),
    ("changed", SortBy::Changed),
    ("submitted", SortBy::Submitted),
    ("service", SortBy::Service),
    ("customer", SortBy::Customer),
];

/// An order's name.
pub(crate) fn word(by: SortBy) -> &'static str {
    SORTS.iter().find(|(_, known)| *known == by).map_or("urgency", |(word, _)| word)
}

/// That a word is none of these.
pub(super) fn none_of(given: &str, known: &[&str]) -> Unread {
    Unread::NoneOf { given: given.to_owned(), known: known.join(", ") }
}

fn sort(value: &str) -> Result<Order, Unread> {
    let (word, descending) = value.strip_prefix('-').map_or((value, false), |word| (word, true));
    let known = SORTS.iter().find(|(known, _)| *known == word);
    let names = SORTS.iter().flat_map(|(name, _)| [(*name).to_owned(), format!("-{name}")]);
    let (_, by) = known.ok_or_else(|| Unread::NoneOf {
        given: value.to_owned(),
        known: names.collect::<Vec<_>>().join(", "),
    })?;
    Ok(Order { by: *by, descending })
}

/// A place in a list as it is handed out: opaque.
pub(crate) fn written(cursor: &Cursor) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(serde_json::to_vec(cursor).unwrap_or_default())
}

fn cursor(value: &str) -> Result<Cursor, Unread> {
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(value).ok();
    let cursor = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    cursor.ok_or(Unread::NoPlace)
}

/// A status, or that it is not set.
struct OrUnset<T>(std::marker::PhantomData<T>);

impl<T: JsonSchema> JsonSchema for OrUnset<T> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("{}OrUnset", T::schema_name()).into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(types: &mut SchemaGenerator) -> Schema {
        let status = types.subschema_for::<T>();
        json_schema!({ "anyOf": [status, { "const": UNSET }] })
    }
}

/// A sort's name.
struct Sort;

impl JsonSchema for Sort {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Sort".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names = SORTS.iter().flat_map(|(name, _)| [(*name).to_owned(), format!("-{name}")]);
        json_schema!({ "type": "string", "enum": names.collect::<Vec<_>>() })
    }
}

/// How many rows.
pub(super) struct Limit;

impl JsonSchema for Limit {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Limit".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": 1, "maximum": MAX_LIMIT })
    }
}

/// The parameters that [`Query::filter`] reads.
pub(super) fn filter() -> Vec<Parameter> {
    vec![
        Parameter::many::<RelocationStatus>("relocation", "With one of these relocation statuses"),
        Parameter::many::<OrUnset<ReservationStatus>>(
            "reservation",
            "With one of these reservation statuses",
        ),
        Parameter::many::<OrUnset<CutoverStatus>>("cutover", "With one of these cutover statuses"),
        Parameter::many::<Disposition>("disposition", "Open, or closed in one of these ways"),
        Parameter::many::<Attention>("attention", "Waiting for one of these"),
        Parameter::one::<String>(
            "device",
            "With this device; with `*` at the end, with one whose name begins so",
        ),
        Parameter::one::<String>("customer", "This customer's"),
        Parameter::one::<String>("text", "With this text in what was asked for"),
        Parameter::one::<Timestamp>("changed_since", "Last changed then or later"),
        Parameter::one::<Timestamp>("changed_until", "Last changed before then"),
        Parameter::one::<Timestamp>("submitted_since", "Submitted then or later"),
        Parameter::one::<Timestamp>("submitted_until", "Submitted before then"),
    ]
}

/// The parameters of a whole list: which tickets, in what order.
pub(super) fn list() -> Vec<Parameter> {
    let sort = Parameter::one::<Sort>("sort", "In this order; urgency if nothing is said");
    filter().into_iter().chain([sort]).collect()
}

/// The parameters that [`Query::look`] reads.
pub(super) fn look() -> Vec<Parameter> {
    let page = [
        Parameter::one::<String>("after", "Where to go on: the `next` of the page before"),
        Parameter::one::<Limit>("limit", "So many rows at most; 50 if nothing is said"),
    ];
    list().into_iter().chain(page).collect()
}
