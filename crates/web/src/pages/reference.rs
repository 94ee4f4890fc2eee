//! The interfaces as a page: what the OpenAPI documents say, readable where there is no network to fetch a viewer from.

use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    Frame, page,
    view::{Section, View},
    words::Say,
};
use crate::{api, tmf};

/// Where.
const PATH: &str = "/reference";

pub(super) fn paths(config: &mut web::ServiceConfig) {
    config.service(web::resource(PATH).route(web::get().to(show)));
}

/// A parameter of an operation.
struct Parameter {
    name: String,
    place: String,
    is: String,
    shape: String,
}

/// What an operation answers.
struct Answer {
    status: String,
    is: String,
    shape: String,
}

/// A method of a path.
struct Operation {
    name: String,
    method: String,
    path: String,
    is: String,
    role: String,
    parameters: Vec<Parameter>,
    body: String,
    answers: Vec<Answer>,
}

/// A type by its name.
struct Shape {
    name: String,
    shape: String,
}

#[derive(Template)]
#[template(path = "reference.html")]
struct Reference {
    frame: Frame,
    say: Say,
    is_tmf: bool,
    document: String,
    about: String,
    operations: Vec<Operation>,
    shapes: Vec<Shape>,
}

/// Which document.
#[derive(Deserialize)]
struct Which {
    #[serde(default)]
    of: String,
}

async fn show(view: View, which: web::Query<Which>) -> HttpResponse {
    let is_tmf = which.of == "tmf641";
    let (document, base) =
        if is_tmf { (tmf::document::document(), tmf::BASE) } else { (api::document(), api::BASE) };
    let reference = Reference {
        frame: view.frame(Section::Reference, view.say.reference()),
        say: view.say,
        is_tmf,
        about: text(&document["info"]["description"]),
        operations: operations(&document, base),
        shapes: fields(&document["components"]["schemas"])
            .map(|(name, schema)| Shape { name: name.clone(), shape: written(schema) })
            .collect(),
        document: format!("{base}/openapi.json"),
    };
    page(HttpResponse::Ok(), &reference)
}

fn operations(document: &Value, base: &str) -> Vec<Operation> {
    let paths = fields(&document["paths"]);
    let methods =
        paths.flat_map(|(path, methods)| fields(methods).map(move |(method, said)| (path, method, said)));
    let operation = |(path, method, said): (&String, &String, &Value)| Operation {
        name: text(&said["operationId"]),
        method: method.to_uppercase(),
        path: format!("{base}{path}"),
        is: text(&said["summary"]),
        role: text(&said["x-role"]),
        parameters: said["parameters"].as_array().into_iter().flatten().map(parameter).collect(),
        body: written(&said["requestBody"]["content"]["application/json"]["schema"]),
        answers: fields(&said["responses"])
            .filter(|(status, _)| status.starts_with('2'))
            .map(|(status, answer)| Answer {
                status: status.clone(),
                is: text(&answer["description"]),
                shape: fields(&answer["content"]).map(|(_, content)| written(&content["schema"])).collect(),
            })
            .collect(),
    };
    methods.map(operation).collect()
}

fn parameter(said: &Value) -> Parameter {
    Parameter {
        name: text(&said["name"]),
        place: text(&said["in"]),
        is: text(&said["description"]),
        shape: short(&said["schema"]),
    }
}

/// What a parameter may be, in a few words.
fn short(schema: &Value) -> String {
    let words =
        |values: &Value| -> Vec<String> { values.as_array().into_iter().flatten().map(text).collect() };
    let named = text(&schema["$ref"]);
    match schema["type"].as_str() {
        _ if !named.is_empty() => named.rsplit('/').next().unwrap_or_default().to_owned(),
        _ if schema["enum"].is_array() => words(&schema["enum"]).join(" | "),
        Some("array") => format!("{} …", short(&schema["items"])),
        Some(kind) => kind.to_owned(),
        None => schema["anyOf"].as_array().into_iter().flatten().map(short).collect::<Vec<_>>().join(" | "),
    }
}

fn fields(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// A schema as it stands in the document; nothing if there is none.
fn written(schema: &Value) -> String {
    if schema.is_null() { String::new() } else { format!("{schema:#}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_of_both_documents_is_on_the_page_with_what_it_takes_and_answers() {
        for (document, base) in [(api::document(), api::BASE), (tmf::document::document(), tmf::BASE)] {
            let shown = operations(&document, base);
            let all: usize = fields(&document["paths"]).map(|(_, methods)| fields(methods).count()).sum();
            assert_eq!(shown.len(), all);
            for operation in shown {
                assert!(!operation.is.is_empty() && !operation.answers.is_empty(), "{}", operation.name);
                for parameter in operation.parameters {
                    assert!(!parameter.shape.is_empty(), "{} of {}", parameter.name, operation.name);
                }
            }
        }
    }
}
