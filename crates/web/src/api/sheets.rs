//! Submitting sheets.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, header},
    web,
};
use rehome_domain::role::Role;
use serde_json::{Map, Value};

use super::{
    route::Route,
    runs::{Told, begun},
};
use crate::{
    door::Caller,
    frame::{FieldProblem, Language, Problem},
    sheets::{self, LARGEST, SheetFault, TOLD},
    site::Workbench,
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(Method::POST, "/sheets", "submitSheet", submit)
            .is("Submits all relocations of a sheet of up to 4 MiB: CSV with a header, or an array of flat objects with the \
                 same names (`docs/sheet.md`). All of it is read first: if a row is wrong, the problem's `errors` say in which \
                 `line` (of the file, or the how-many-th object) what is wrong, the first 1000 of them, and nothing is \
                 submitted. A row is known by what moves from where to where, as `once` has it at `POST /tickets`")
            .needs(Some(Role::TO_SUBMIT))
            .body::<Vec<Map<String, Value>>>()
            .text("text/csv")
            .answers::<Told>(200, "What became of each row")
            .answers::<Told>(202, "They are being submitted: `Location` says how far that is"),
    ]
}

/// A name by which the reader of sheets knows what a sheet is written in; by how it begins if nothing is said.
fn named(request: &HttpRequest) -> &'static str {
    let said = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    match said.and_then(|kind| kind.split(';').next()).map(str::trim) {
        Some("application/json") => "sheet.json",
        Some("text/csv") => "sheet.csv",
        _ => "",
    }
}

async fn submit(
    caller: Caller,
    sent: web::Payload,
    request: HttpRequest,
    language: Language,
    workbench: web::Data<Workbench>,
) -> Result<HttpResponse, Problem> {
    caller.needs(Role::TO_SUBMIT)?;
    let read = sent.to_bytes_limited(LARGEST).await.map_err(|_| Problem::TooLarge)?;
    let bytes = read.map_err(|error| Problem::Malformed(error.to_string()))?;
    let rows = workbench.sheets.read(named(&request), &bytes, language.0).map_err(told)?;
    let run = sheets::submit(&workbench, &caller, rows)?;
    Ok(begun(&run, language.0).await)
}

fn told(faults: Vec<SheetFault>) -> Problem {
    let count = faults.len();
    let told = faults.into_iter().take(TOLD);
    let errors = told.map(|SheetFault { line, field, problem }| FieldProblem {
        line,
        field: field.unwrap_or_else(|| "body".to_owned()),
        problem,
    });
    Problem::BadSheet { errors: errors.collect(), count }
}
