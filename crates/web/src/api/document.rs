//! The OpenAPI 3.1 document, made from the routes and from the types that are on the wire.
//!
//! Schemas and their descriptions come from the types and their doc comments, as those of the AsyncAPI document do: the
//! domain's types say once how they look, whatever carries them.

use actix_web::{HttpResponse, http::Method};
use schemars::{SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use super::{
    BASE,
    route::{Answer, Content, Parameter, Route, Shape},
};
use crate::frame::Details;

const INFO: &str = "Relocations of customers' circuits, as the workbench has them. Whoever asks shows an API token \
    (`Authorization: Bearer rht_…`) or the cookie of a session. `x-role` is the least role that may. Every problem is told \
    as RFC 9457 has it; `type` is its name for programs, the words are in the language of `Accept-Language` (`en`, `zh`) or \
    of `?lang=`, but what a store, a broker or a parser says is English. A field or a parameter that is not known is refused by its name.";

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(Method::GET, "/openapi.json", "document", tell)
            .is("This document")
            .needs(None)
            .answers::<Map<String, Value>>(200, "The document"),
    ]
}

async fn tell() -> HttpResponse {
    HttpResponse::Ok().json(document())
}

/// The document.
#[must_use]
pub fn document() -> Value {
    let mut settings = SchemaSettings::draft2020_12();
    settings.definitions_path = "/components/schemas".into();
    let mut types = settings.into_generator();
    let problem = types.subschema_for::<Details<'static>>().to_value();
    let mut paths = Map::new();
    for route in super::routes() {
        let operation = operation(&route, &mut types);
        let path = paths.entry(route.path).or_insert_with(|| json!({}));
        path[route.method.as_str().to_lowercase()] = operation;
    }
    let mut document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Rehome",
            "version": env!("CARGO_PKG_VERSION"),
            "description": INFO,
            "license": { "name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0" },
        },
        "servers": [{ "url": BASE }],
        "security": [{ "token": [] }, { "session": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": { "type": "http", "scheme": "bearer", "description": "An API token." },
                "session": {
                    "type": "apiKey", "in": "cookie", "name": "rehome",
                    "description": "A session, from signing in. Such requests must come from this site's own pages.",
                },
            },
            "responses": { "Problem": {
                "description": "What is wrong, and what to do",
                "content": { "application/problem+json": { "schema": problem } },
            } },
            "schemas": types.take_definitions(true),
        },
    });
    plain(&mut document);
    // The same text whatever keeps objects in the order of their making elsewhere in a build.
    document.sort_all_objects();
    document
}

fn operation(route: &Route, types: &mut SchemaGenerator) -> Value {
    let mut operation = json!({
        "operationId": route.name,
        "summary": route.is,
        "responses": answers(route, types),
    });
    let named = |name| json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string", "minLength": 1 } });
    let mut parameters: Vec<Value> = placeholders(route.path).map(named).collect();
    parameters.extend(route.query.iter().map(|given| parameter(given, "query", types)));
    parameters.extend(route.headers.iter().map(|given| parameter(given, "header", types)));
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    if !route.bodies.is_empty() {
        let media = |(media_type, shape): &(&str, Shape)| {
            ((*media_type).to_owned(), json!({ "schema": shape(types) }))
        };
        let content: Map<String, Value> = route.bodies.iter().map(media).collect();
        operation["requestBody"] = json!({ "required": true, "content": content });
    }
    match route.needs {
        Some(role) => operation["x-role"] = json!(role),
        None => operation["security"] = json!([]),
    }
    if route.in_session {
        operation["security"] = json!([{ "session": [] }]);
    }
    operation
}

/// The names in braces of a path.
pub(super) fn placeholders(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

fn parameter(given: &Parameter, place: &str, types: &mut SchemaGenerator) -> Value {
    let schema = (given.shape)(types).to_value();
    let schema = if given.many { json!({ "type": "array", "items": schema }) } else { schema };
    let mut parameter = json!({ "name": given.name, "in": place, "description": given.is, "schema": schema });
    if given.required {
        parameter["required"] = json!(true);
    }
    if given.many {
        parameter["explode"] = json!(true);
    }
    parameter
}

fn answers(route: &Route, types: &mut SchemaGenerator) -> Value {
    let mut answers: Map<String, Value> =
        route.answers.iter().map(|given| (given.status.to_string(), answer(given, types))).collect();
    for status in problems(route) {
        let problem = json!({ "$ref": "#/components/responses/Problem" });
        answers.entry(status.to_string()).or_insert(problem);
    }
    answers.into()
}

/// The problems a route may tell: those of every route, and what follows from how it is asked.
fn problems(route: &Route) -> impl Iterator<Item = u16> {
    // A parameter that is not known; something is away; it is our fault.
    let mut statuses = vec![422, 503, 500];
    if route.needs.is_some() {
        statuses.extend([401, 403]);
    }
    if placeholders(route.path).next().is_some() {
        statuses.push(404);
    }
    if !route.bodies.is_empty() {
        statuses.extend([400, 413]);
    }
    statuses.extend(&route.problems);
    statuses.into_iter()
}

fn answer(given: &Answer, types: &mut SchemaGenerator) -> Value {
    let content = match given.content {
        Content::Nothing => return json!({ "description": given.is }),
        Content::Lines => json!({ "application/jsonl": { "schema": { "type": "string" } } }),
        Content::Csv => json!({ "text/csv": { "schema": { "type": "string" } } }),
        Content::Events => json!({ "text/event-stream": { "schema": { "type": "string" } } }),
        Content::Json(shape) => json!({ "application/json": { "schema": shape(types) } }),
    };
    json!({ "description": given.is, "content": content })
}

/// Doc comments link to other items; strangers have only the words.
fn plain(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) if name == "description" => *text = without_links(text),
                    other => plain(other),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(plain),
        _ => {}
    }
}

/// `[`Window`](super::Window)` is `Window` in backquotes.
fn without_links(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("[`") {
        let Some((name, after)) = after.split_once("`]") else { break };
        let target = after.strip_prefix('(').and_then(|after| after.split_once(')'));
        plain.extend([before, "`", name, "`"]);
        rest = target.map_or(after, |(_, after)| after);
    }
    plain + rest
}
