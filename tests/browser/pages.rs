//! Every page there is, with something on it to see.

use crate::{
    FAULTS, sheet,
    stage::{Page, Stage},
    submit,
};

/// A page: its name, and its path.
pub(crate) struct Place {
    pub(crate) name: &'static str,
    pub(crate) path: String,
}

/// Tickets in many states, a pause and a dead letter; and where each page is.
pub(crate) async fn furnish(stage: &Stage) -> (Page, Vec<Place>) {
    let page = stage.signed_in().await;
    submit(
        &page,
        &[
            "LL-2041",
            "LL-2042",
            "L3-REFUSED",
            "L2-REFUSED",
            "L2-STUCK",
            "INSTALL-7",
            "SWITCH-3",
            "BOTH-9",
            "LL-2043",
        ],
    )
    .await;
    page.open("/").await;
    page.until_says("#cell-running", "0").await;
    // All but one go on to the cutover.
    page.open("/bulk?command=deploy_cutover&attention=awaiting_deploy").await;
    page.click("section.card button.main").await;
    page.until_says("#progress", "6 of 6 done").await;
    let run = page.driver.current_url().await.unwrap().path().to_owned();
    submit(&page, &["LL-2050", "LL-2051"]).await;
    page.open("/pauses").await;
    page.fill("form.form input[name=name]", "gw-north").await;
    page.fill("form.form input[name=reason]", "line card exchange until 02:00").await;
    page.click("form.form button.main").await;
    page.until_says("#paused", "gw-north").await;
    // Held by an open one: a dead letter.
    paste(&page, &sheet(&["SWITCH-3"]).replace(",100,", ",106,")).await;
    page.open("/?attention=without_service").await;
    page.click("#rows th a").await;
    page.until("#timeline").await;
    let ticket = page.driver.current_url().await.unwrap().path().to_owned();
    // One that still has something to change.
    paste(&page, &sheet(&["LL-2060"]).replace(",100,", ",300,")).await;
    page.open("/?text=LL-2060").await;
    page.click("#rows th a").await;
    page.until("#timeline").await;
    let plan = format!("{}/plan", page.driver.current_url().await.unwrap().path());
    page.open("/tokens").await;
    for (label, days) in [("order entry", "365"), ("reports", "30")] {
        page.fill("form.form input[name=label]", label).await;
        page.fill("form.form input[name=days]", days).await;
        page.click("form.form select[name=at_most] option[value=operator]").await;
        page.click("form.form button.main").await;
        page.until("#token").await;
    }
    let place = |name, path: &str| Place { name, path: path.to_owned() };
    let places = vec![
        place("tickets", "/"),
        place("filtered", "/?relocation=failed&text=L"),
        place("ticket", &ticket),
        place("plan", &plan),
        place("new", "/new"),
        place("bulk", "/bulk?command=force_completion&disposition=open"),
        place("run", &run),
        place("dead-letters", "/dead-letters"),
        place("devices", "/devices"),
        place("pauses", "/pauses"),
        place("overview", "/overview"),
        place("tokens", "/tokens"),
        place("password", "/password"),
        place("reference", "/reference"),
        place("nothing", "/nothing-here"),
    ];
    (page, places)
}

/// Submits a sheet of one row by the page.
async fn paste(page: &Page, sheet: &str) {
    page.open("/new").await;
    page.click("#paste summary").await;
    page.fill("textarea[name=text]", sheet).await;
    page.click("form[action='/new/sheet'] button").await;
    page.click("button[name=go]").await;
    page.until_says("#progress", "1 of 1 done").await;
}

pub(crate) async fn stage() -> Stage {
    Stage::set(Some(FAULTS)).await
}
