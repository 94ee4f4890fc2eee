//! A stranger's tester reads the documents and sends what they allow, and what they do not: every answer must be one that the
//! document has, and none a fault of ours.

use std::{path::PathBuf, process::Command, sync::OnceLock};

use crate::{
    over_http::{System, sheet},
    running::{Said, repository},
};

/// What is looked at of each answer.
const CHECKS: &str =
    "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance";
/// Made-up requests of each operation, beside those that cover its parameters one by one.
const EXAMPLES: &str = "15";
const FEW: &str = "3";

/// The tester, fetched once.
fn tester() -> &'static PathBuf {
    static FETCHED: OnceLock<PathBuf> = OnceLock::new();
    FETCHED.get_or_init(|| {
        Said::of(&mut Command::new(repository("scripts/schemathesis"))).is(0, &[]);
        repository("target/schemathesis/bin/schemathesis")
    })
}

/// Lets it read a document of a system that has a ticket, and ask as an admin. Some operations it must leave out.
fn asked(system: &System, document: &str, but: &[&str]) {
    let rows = system.said(&["submit", &system.file("sheet.csv", &sheet(1)), "--wait", "--json"]).json(0);
    let id = &rows["rows"][0]["relocation"];
    let known = format!("[parameters]\n\"path.id\" = {id}\n\"query.serviceOrder.id\" = {id}\n");
    // Of what there is, and of whatever comes to its mind.
    for (settings, examples) in [(known.as_str(), EXAMPLES), ("", FEW)] {
        let settings = system.file("schemathesis.toml", settings);
        let said = Said::of(&mut command(system, document, but, &settings, examples));
        assert_eq!(said.code, Some(0), "{}{}", said.stdout, said.stderr);
        assert!(said.stdout.contains(" passed"), "{}", said.stdout);
    }
}

fn command(system: &System, document: &str, but: &[&str], settings: &str, examples: &str) -> Command {
    let mut command = Command::new(tester());
    command
        .current_dir(system.dir())
        .args(["--config-file", settings, "run"])
        .arg(format!("http://{}{document}", system.at()))
        .args(["--header", &format!("Authorization: Bearer {}", system.token())])
        .args(["--checks", CHECKS, "--max-examples", examples, "--generation-deterministic", "--no-color"]);
    for operation in but {
        command.args(["--exclude-operation-id", operation]);
    }
    command
}

#[test]
fn the_api_answers_whatever_is_sent_as_its_document_says() {
    // A stream has no end.
    asked(&System::start("admin"), "/api/v1/openapi.json", &["stream"]);
}

#[test]
fn tmf641_answers_whatever_is_sent_as_its_document_says() {
    asked(&System::start("admin"), "/tmf-api/serviceOrdering/v4/openapi.json", &[]);
}
