//! What `docs/promises.md` names is there.

use std::path::Path;

use crate::running::repository;

/// All Rust source below a folder, as one text.
fn source(folder: &Path) -> String {
    let mut text = String::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            text += &source(&path);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text += &std::fs::read_to_string(&path).unwrap();
        }
    }
    text
}

#[test]
fn every_test_that_a_promise_names_is_there() {
    let page = std::fs::read_to_string(repository("docs/promises.md")).unwrap();
    let source: String =
        ["src", "actors", "crates", "tests"].map(|folder| source(&repository(folder))).concat();
    // Names of tests are long, and nothing else between backticks has so many words.
    let named: Vec<&str> =
        page.split('`').skip(1).step_by(2).filter(|word| word.matches('_').count() > 3).collect();
    assert!(named.len() > 30, "{named:?}");
    let missing: Vec<&&str> = named.iter().filter(|name| !source.contains(&format!("fn {name}("))).collect();
    assert!(missing.is_empty(), "not there, or called otherwise now: {missing:#?}");
}
