//! An accessibility checker finds no serious fault on any page, in either theme and language.

use std::process::Command;

use crate::{pages, stage::repository};

/// The checker, fetched by a script of ours.
fn checker() -> String {
    assert!(Command::new(repository().join("scripts/axe")).status().unwrap().success());
    std::fs::read_to_string(repository().join("target/axe/axe-4.11.0.js")).unwrap()
}

const RUN: &str = "
    const done = arguments[arguments.length - 1];
    for (const details of document.querySelectorAll('details')) details.open = true;
    axe.run({ resultTypes: ['violations'] }).then(
        (found) => done(found.violations
            .filter((one) => one.impact === 'serious' || one.impact === 'critical')
            .map((one) => one.id + ': ' + one.nodes.slice(0, 3).map((node) => node.html.slice(0, 160) + ' ' + node.failureSummary).join(' | '))),
        (error) => done(['axe failed: ' + error]));";

#[tokio::test]
async fn no_page_has_a_serious_fault_in_either_theme_and_language() {
    let (axe, stage) = (checker(), pages::stage().await);
    let (page, places) = pages::furnish(&stage).await;
    let outside = stage.browser().await;
    let mut faults = Vec::new();
    for (lang, theme) in [("en", "light"), ("en", "dark"), ("zh", "light"), ("zh", "dark")] {
        page.open(&format!("/?lang={lang}&theme={theme}")).await;
        let inside = places.iter().map(|place| (&page, place.name, place.path.clone()));
        let sign_in = (&outside, "sign-in", format!("/sign-in?lang={lang}"));
        for (page, name, path) in inside.chain([sign_in]) {
            page.open(&path).await;
            page.script(&axe).await;
            let found = page.driver.execute_async(RUN, Vec::new()).await.unwrap().json().clone();
            let found = found.as_array().unwrap().clone();
            faults.extend(found.iter().map(|fault| format!("{name} {lang} {theme}: {fault}")));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    page.close().await;
    outside.close().await;
}
