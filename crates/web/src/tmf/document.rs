//! The OpenAPI 3.1 document of what is served under [`BASE`], its schemas made from the types that are on the wire.

use actix_web::{HttpResponse, web};
use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use super::{
    BASE, cancels,
    create::Create,
    hub,
    resource::{CancelServiceOrder, ServiceOrder},
    state::OrderState,
};
use crate::frame::TmfError;

const INFO: &str = "Relocations as service orders, as TMF641 v4.1 has them. Whoever asks shows an API token \
    (`Authorization: Bearer rht_…`).";

pub(super) fn paths(config: &mut web::ServiceConfig) {
    let tell = || async { HttpResponse::Ok().json(document()) };
    config.service(web::resource("/openapi.json").route(web::get().to(tell)));
}

/// What an operation takes and answers.
struct Operation<'a> {
    name: &'a str,
    is: &'a str,
    parameters: Vec<Value>,
    body: Option<Value>,
    /// Statuses that are no problem, each with its schema, if it carries anything.
    answers: Vec<(u16, Option<Value>)>,
    /// Those that are, beside those that any may answer.
    problems: &'a [u16],
}

impl Operation<'_> {
    fn document(self) -> Value {
        let mut answers = Map::new();
        for (status, schema) in self.answers {
            let content = schema.map(|schema| json!({ "application/json": { "schema": schema } }));
            let mut answer = json!({ "description": "Done" });
            if let Some(content) = content {
                answer["content"] = content;
            }
            answers.insert(status.to_string(), answer);
        }
        for status in [400, 401, 403, 500, 503].iter().chain(self.problems) {
            answers.insert(status.to_string(), json!({ "$ref": "#/components/responses/Error" }));
        }
        let mut operation = json!({
            "operationId": self.name, "summary": self.is, "parameters": self.parameters, "responses": answers,
        });
        if let Some(schema) = self.body {
            operation["requestBody"] =
                json!({ "required": true, "content": { "application/json": { "schema": schema } } });
        }
        operation
    }
}

fn within(name: &str, place: &str, is: &str, schema: &Value) -> Value {
    json!({ "name": name, "in": place, "required": place == "path", "description": is, "schema": schema })
}

fn text() -> Value {
    json!({ "type": "string", "minLength": 1 })
}

fn id() -> Vec<Value> {
    vec![within("id", "path", "Its id", &text())]
}

fn key() -> Value {
    let schema = json!({ "type": "string", "minLength": 1, "maxLength": 255 });
    within("Idempotency-Key", "header", "Names what is sent, so that it counts once", &schema)
}

fn fields() -> Value {
    within(
        "fields",
        "query",
        "Attributes of the first level, with commas between them",
        &json!({ "type": "string" }),
    )
}

/// The parameters of every list.
fn part() -> Vec<Value> {
    let number = json!({ "type": "integer", "minimum": 0, "maximum": 10000 });
    vec![
        within("offset", "query", "So many are passed over", &number),
        within("limit", "query", "So many at most", &number),
        fields(),
    ]
}

fn inline<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    if let Some(schema) = schema.as_object_mut() {
        schema.remove("$schema");
    }
    schema
}

/// The document.
#[must_use]
pub fn document() -> Value {
    let mut settings = SchemaSettings::draft2020_12().for_serialize();
    settings.definitions_path = "/components/schemas".into();
    let mut types = settings.into_generator();
    let error = types.subschema_for::<TmfError>().to_value();
    let paths = json!({
        "/serviceOrder": orders(&mut types),
        "/serviceOrder/{id}": order(&mut types),
        "/cancelServiceOrder": cancels(&mut types),
        "/cancelServiceOrder/{id}": cancel(&mut types),
        "/hub": listeners(),
        "/hub/{id}": listener(),
    });
    let mut document = json!({
        "openapi": "3.1.0",
        "info": { "title": "Rehome: TMF641 Service Ordering", "version": env!("CARGO_PKG_VERSION"), "description": INFO },
        "servers": [{ "url": BASE }],
        "security": [{ "token": [] }],
        "paths": paths,
        "components": {
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
            "responses": { "Error": {
                "description": "What is wrong, and what to do",
                "content": { "application/json": { "schema": error } },
            } },
            "schemas": types.take_definitions(true),
        },
    });
    document.sort_all_objects();
    document
}

fn orders(types: &mut SchemaGenerator) -> Value {
    let order = types.subschema_for::<ServiceOrder>().to_value();
    let list = json!({ "type": "array", "items": {} });
    let instant = json!({ "type": "string", "format": "date-time" });
    let mut parameters = part();
    parameters.extend([
        within("state", "query", "In this state", &json!({ "enum": OrderState::ALL })),
        within("relatedParty.name", "query", "This customer's", &text()),
        within("orderDate.gte", "query", "Placed then or later", &instant),
        within("orderDate.lt", "query", "Placed before then", &instant),
    ]);
    let listing = Operation {
        name: "listServiceOrder",
        is: "A part of the orders, the newest first; 206 if it is not all",
        parameters,
        body: None,
        answers: vec![(200, Some(list.clone())), (206, Some(list))],
        problems: &[],
    };
    let placing = Operation {
        name: "createServiceOrder",
        is: "Places an order. The same under the same `externalId` or `Idempotency-Key` finds the same order",
        parameters: vec![key()],
        body: Some(inline::<Create>()),
        answers: vec![
            (201, Some(order.clone())),
            (200, Some(order)),
            (202, Some(json!({ "type": "object" }))),
        ],
        problems: &[409, 413],
    };
    json!({ "get": listing.document(), "post": placing.document() })
}

fn order(types: &mut SchemaGenerator) -> Value {
    let schema = types.subschema_for::<ServiceOrder>().to_value();
    let reading = Operation {
        name: "retrieveServiceOrder",
        is: "An order",
        parameters: id().into_iter().chain([fields()]).collect(),
        body: None,
        answers: vec![(200, Some(json!({ "type": "object" })))],
        problems: &[404],
    };
    let going_on = Operation {
        name: "patchServiceOrder",
        is: "Lets an order go on",
        parameters: id(),
        body: Some(json!({
            "type": "object", "properties": { "state": { "const": "inProgress" } }, "required": ["state"],
        })),
        answers: vec![(200, Some(schema)), (202, Some(json!({ "type": "object" })))],
        problems: &[404, 409, 413],
    };
    json!({ "get": reading.document(), "patch": going_on.document() })
}

fn cancels(types: &mut SchemaGenerator) -> Value {
    let task = types.subschema_for::<CancelServiceOrder>().to_value();
    let list = json!({ "type": "array", "items": {} });
    let listing = Operation {
        name: "listCancelServiceOrder",
        is: "The requests to cancel an order",
        parameters: part()
            .into_iter()
            .chain([json!({ "name": "serviceOrder.id", "in": "query", "required": true, "schema": text() })])
            .collect(),
        body: None,
        answers: vec![(200, Some(list.clone())), (206, Some(list))],
        problems: &[],
    };
    let asking = Operation {
        name: "createCancelServiceOrder",
        is: "Asks for an order to be cancelled; 202 if that is on its way, and its order tells what became of it. The same \
             under the same `Idempotency-Key` finds the same request",
        parameters: vec![key()],
        body: Some(inline::<cancels::Wish>()),
        answers: vec![(201, Some(task)), (202, Some(json!({ "type": "object" })))],
        problems: &[409, 413],
    };
    json!({ "get": listing.document(), "post": asking.document() })
}

fn cancel(_: &mut SchemaGenerator) -> Value {
    let reading = Operation {
        name: "retrieveCancelServiceOrder",
        is: "A request to cancel an order, and how it stands",
        parameters: id().into_iter().chain([fields()]).collect(),
        body: None,
        answers: vec![(200, Some(json!({ "type": "object" })))],
        problems: &[404],
    };
    json!({ "get": reading.document() })
}

/// `EventSubscription`.
fn subscription() -> Value {
    json!({
        "type": "object",
        "properties": { "id": { "type": "string" }, "callback": { "type": "string" }, "query": { "type": "string" } },
        "required": ["id", "callback", "query"],
    })
}

fn listeners() -> Value {
    let listing = Operation {
        name: "listListener",
        is: "The listeners of whoever asks; an admin sees all",
        parameters: Vec::new(),
        body: None,
        answers: vec![(200, Some(json!({ "type": "array", "items": subscription() })))],
        problems: &[],
    };
    let registering = Operation {
        name: "registerListener",
        is: "Registers a listener. What its posts are signed with is told once, in `webhook-secret`",
        parameters: Vec::new(),
        body: Some(inline::<hub::Input>()),
        answers: vec![(201, Some(subscription()))],
        problems: &[409, 413],
    };
    json!({ "get": listing.document(), "post": registering.document() })
}

fn listener() -> Value {
    let reading = Operation {
        name: "retrieveListener",
        is: "A listener",
        parameters: id(),
        body: None,
        answers: vec![(200, Some(subscription()))],
        problems: &[404],
    };
    let forgetting = Operation {
        name: "unregisterListener",
        is: "Tells a listener no more",
        parameters: id(),
        body: None,
        answers: vec![(204, None)],
        problems: &[404],
    };
    json!({ "get": reading.document(), "delete": forgetting.document() })
}
