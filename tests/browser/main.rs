//! The workbench as people use it: in a real browser, over a real `rehome serve`.
#![allow(clippy::unwrap_used, clippy::panic)]

mod axe;
mod pages;
mod pictures;
mod stage;

use stage::{PATIENCE, Page, Stage};
use thirtyfour::prelude::*;

/// Rows of a sheet for circuits that move between these devices, one a service.
pub(crate) fn sheet(services: &[&str]) -> String {
    let head = "service_id,customer,old_l3_device,old_l3_port,old_vlan,old_l2_device,old_l2_port,\
                new_l3_device,new_l3_port,new_vlan,new_l2_device,new_l2_port,ip,description";
    let row = |(number, service): (usize, &&str)| {
        let vlan = 100 + number;
        format!(
            "{service},客户 {number},gw-east,ge-0/0/1,{vlan},sw-east,eth{number},gw-west,ge-0/0/1,{vlan},sw-west,eth{number},192.0.2.{number}/30,{service} moves"
        )
    };
    std::iter::once(head.to_owned())
        .chain(services.iter().enumerate().map(row))
        .collect::<Vec<_>>()
        .join("\n")
}

/// Leads each of these services to one state that can be forced.
pub(crate) const FAULTS: &str = r#"
[[fault]]
name = "no room"
service = "L3-REFUSED"
layer = "l3"
order = "reserve"
what = "refuse"

[[fault]]
name = "port busy"
service = "L2-*"
layer = "l2"
order = "reserve"
what = "refuse"

[[fault]]
name = "stuck"
service = "L2-STUCK"
layer = "l2"
operation = "release"
what = "refuse"

[[fault]]
name = "no teardown"
service = "TEARDOWN-*"
layer = "l3"
operation = "teardown"
what = "refuse"

[[fault]]
name = "no install"
service = "INSTALL-*"
layer = "l3"
operation = "install"
what = "refuse"

[[fault]]
name = "neither"
service = "BOTH-*"
layer = "l3"
order = "cutover"
what = "refuse"

[[fault]]
name = "switch says no"
service = "SWITCH-*"
layer = "l2"
order = "cutover"
what = "refuse"
"#;

/// Submits a sheet by the page, and waits until each of its rows has been taken.
pub(crate) async fn submit(page: &Page, services: &[&str]) {
    page.open("/new").await;
    page.click("#paste summary").await;
    page.fill("textarea[name=text]", &sheet(services)).await;
    page.click("form[action='/new/sheet'] button").await;
    page.click("button[name=go]").await;
    let all = services.len();
    page.until_says("#progress", &format!("{all} of {all} done")).await;
}

/// Opens the ticket of a service.
async fn ticket(page: &Page, service: &str) {
    page.open(&format!("/?text={service}")).await;
    page.click("#rows th a").await;
    page.until("#timeline").await;
}

/// Gives a command that needs a reason, by the ticket's page.
async fn force(page: &Page, command: &str, reason: &str) {
    let details = format!("#do-{command}");
    page.click(&format!("{details} summary")).await;
    page.fill(&format!("#reason-{command}"), reason).await;
    page.click(&format!("{details} button")).await;
    page.until_says("#became", "done").await;
}

#[tokio::test]
async fn a_sheet_is_submitted_and_its_tickets_move_while_the_list_is_open() {
    let stage = Stage::set(None).await;
    let (watching, acting) = (stage.signed_in().await, stage.signed_in().await);
    watching.until_says("#live", "Live").await;
    watching.script("window.here = 'the same page'").await;
    submit(&acting, &["LL-1", "LL-2", "LL-3"]).await;
    watching.until_says("#cell-awaiting_deploy", "3").await;
    let list = watching.text("#rows").await;
    assert!(["LL-1", "LL-2", "LL-3"].iter().all(|service| list.contains(service)), "{list}");
    ticket(&acting, "LL-2").await;
    acting.click("input[value=deploy_cutover] ~ button").await;
    acting.until_says("#statuses", "Relocation succeeded").await;
    watching.until_says("#cell-closed", "1").await;
    assert_eq!(watching.script("return window.here").await, "the same page", "it was never reloaded");
    watching.close().await;
    acting.close().await;
}

#[tokio::test]
async fn each_state_that_can_be_forced_is_forced_with_its_consequences_told_first() {
    let stage = Stage::set(Some(FAULTS)).await;
    let page = stage.signed_in().await;
    let reservations = ["L3-REFUSED", "L2-REFUSED"];
    let cutovers = ["TEARDOWN-1", "INSTALL-1", "BOTH-1", "SWITCH-1"];
    submit(&page, &[&reservations[..], &cutovers[..]].concat()).await;
    for service in reservations {
        ticket(&page, service).await;
        page.until("#do-force_reservation").await;
        page.click("#do-force_reservation summary").await;
        let told = page.text("#do-force_reservation .follows").await;
        assert!(told.contains("its cutover will install everything at once"), "{told}");
        page.click("#do-force_reservation summary").await;
        force(&page, "force_reservation", "the customer waits").await;
        page.until_says("#statuses", "Cutover to be deployed").await;
    }
    for service in cutovers {
        ticket(&page, service).await;
        page.click("input[value=deploy_cutover] ~ button").await;
        page.until("#do-force_completion").await;
        page.click("#do-force_completion summary").await;
        let told = page.text("#do-force_completion .follows").await;
        assert!(told.contains("closes as"), "{told}");
        assert_eq!(told.contains("without service"), service == "INSTALL-1", "{service}: {told}");
        page.click("#do-force_completion summary").await;
        force(&page, "force_completion", "finished by hand").await;
        page.until_says("#statuses", "Relocation abnormal").await;
        assert!(page.text("#sides").await.contains("finished by hand"));
    }
    page.close().await;
}

#[tokio::test]
async fn several_are_deployed_at_once_after_a_preview_of_which_and_which_not() {
    let stage = Stage::set(Some(FAULTS)).await;
    let page = stage.signed_in().await;
    submit(&page, &["LL-1", "LL-2", "L3-REFUSED"]).await;
    page.open("/").await;
    page.until_says("#cell-reservation_failed", "1").await;
    page.until_says("#cell-awaiting_deploy", "2").await;
    page.click("select[name=command] option[value=deploy_cutover]").await;
    page.click("fieldset.bulk button").await;
    let (will, not) = (page.text("#will").await, page.text("#not").await);
    assert!(will.contains("LL-1") && will.contains("LL-2"), "{will}");
    assert!(not.contains("L3-REFUSED") && not.contains("needs cutover_pending"), "{not}");
    page.click("section.card button.main").await;
    page.until_says("#progress", "2 of 2 done").await;
    page.open("/").await;
    page.until_says("#cell-closed", "2").await;
    page.close().await;
}

#[tokio::test]
async fn a_token_is_issued_copied_and_revoked_and_another_browser_is_signed_out_by_the_page() {
    let stage = Stage::set(None).await;
    let (page, other) = (stage.signed_in().await, stage.signed_in().await);
    page.click("#account summary").await;
    page.click("#account a[href='/tokens']").await;
    page.fill("form.form input[name=label]", "order entry").await;
    page.click("form.form select[name=at_most] option[value=viewer]").await;
    page.click("form.form button.main").await;
    let token = page.text("#token").await;
    assert!(token.starts_with("rht_"), "{token}");
    assert!(page.text("#tokens").await.contains("order entry"));
    page.open("/tokens").await;
    assert!(!page.text("main").await.contains(&token), "it is shown once");
    page.click("#tokens button").await;
    page.until_says("#tokens", "There are no tokens").await;
    // Of the sessions, the newest first, every other one than this.
    let others = async || page.driver.find_all(By::Css("#sessions button")).await.unwrap_or_default().len();
    for left in (0..others().await).rev() {
        page.click("#sessions button").await;
        // The page comes anew: what was found on the old one is of no use.
        page.until_count("#sessions button", left).await;
    }
    page.until_says("#sessions", "this one").await;
    other.open("/").await;
    other.until("input[name=password]").await;
    page.close().await;
    other.close().await;
}

#[tokio::test]
async fn of_two_people_on_one_ticket_the_second_is_told_what_the_first_did() {
    let stage = Stage::set(None).await;
    let (first, second) = (stage.signed_in().await, stage.signed_in().await);
    submit(&first, &["LL-1"]).await;
    ticket(&first, "LL-1").await;
    first.until_says("#statuses", "Cutover to be deployed").await;
    ticket(&second, "LL-1").await;
    // Their page does not learn of it: a form that was open before.
    let version = second.until("#do-cancel input[name=version]").await.value().await.unwrap().unwrap();
    first.click("input[value=deploy_cutover] ~ button").await;
    first.until_says("#statuses", "Relocation succeeded").await;
    let path = first.driver.current_url().await.unwrap().path().to_owned();
    second
        .script(&format!(
            "const form = document.createElement('form'); form.method = 'post'; form.action = '{path}/act'; \
             for (const [name, value] of [['command', 'cancel'], ['reason', 'changed their mind'], ['version', '{version}']]) \
             {{ const field = document.createElement('input'); field.name = name; field.value = value; form.append(field); }} \
             document.body.append(form); form.submit();"
        ))
        .await;
    second.until_says("#became", "was refused").await;
    let told = second.text("#became").await;
    assert!(told.contains("admin (web)") && told.contains("Deploy cutover"), "{told}");
    assert!(second.text("#statuses").await.contains("Relocation succeeded"), "nothing broke");
    first.close().await;
    second.close().await;
}

#[tokio::test]
async fn an_open_page_says_that_the_server_is_away_and_recovers_by_itself() {
    let mut stage = Stage::set(None).await;
    let page = stage.signed_in().await;
    submit(&page, &["LL-1"]).await;
    ticket(&page, "LL-1").await;
    page.until_says("#statuses", "Cutover to be deployed").await;
    page.script("window.here = 'the same page'").await;
    stage.restart();
    page.until_says("#live", "Live").await;
    // Somebody else acts; the page that was open all along shows it.
    let other = stage.signed_in().await;
    ticket(&other, "LL-1").await;
    other.click("input[value=deploy_cutover] ~ button").await;
    page.until_says("#statuses", "Relocation succeeded").await;
    assert_eq!(page.script("return window.here").await, "the same page", "it was never reloaded");
    page.close().await;
    other.close().await;
}

#[tokio::test]
async fn many_open_tabs_leave_each_other_room_and_one_looked_at_again_shows_what_happened_meanwhile() {
    let stage = Stage::set(None).await;
    let page = stage.signed_in().await;
    page.driver.set_page_load_timeout(PATIENCE).await.unwrap();
    submit(&page, &["LL-1"]).await;
    ticket(&page, "LL-1").await;
    page.until_says("#statuses", "Cutover to be deployed").await;
    page.until_says("#live", "Live").await;
    page.script("window.here = 'the same page'").await;
    let path = page.driver.current_url().await.unwrap().path().to_owned();
    let first = page.driver.window().await.unwrap();
    // More than the six connections that a browser has to one server.
    for _ in 0..8 {
        let tab = page.driver.new_tab().await.unwrap();
        page.driver.switch_to_window(tab).await.unwrap();
        page.open(&path).await;
        page.until_says("#live", "Live").await;
    }
    page.click("input[value=deploy_cutover] ~ button").await;
    page.until_says("#statuses", "Relocation succeeded").await;
    page.driver.switch_to_window(first).await.unwrap();
    page.until_says("#statuses", "Relocation succeeded").await;
    assert_eq!(page.script("return window.here").await, "the same page", "it was never reloaded");
    page.close().await;
}

#[tokio::test]
async fn everything_is_in_reach_of_the_keyboard_and_in_both_languages() {
    let stage = Stage::set(None).await;
    let page = stage.signed_in().await;
    submit(&page, &["LL-1"]).await;
    page.open("/?lang=zh").await;
    page.until_says("h1", "工单").await;
    page.until_says("#rows", "待人工部署").await;
    // From the top of the page by Tab alone to the ticket's link, and in.
    let mut reached = false;
    for _ in 0..80 {
        page.driver.action_chain().send_keys(Key::Tab).perform().await.unwrap();
        let focused = page.script("const e = document.activeElement; return [e.textContent.trim(), getComputedStyle(e).outlineStyle]").await;
        assert_ne!(focused[1], "none", "the focus is not to be seen on {}", focused[0]);
        if focused[0] == "LL-1" {
            reached = true;
            break;
        }
    }
    assert!(reached, "the ticket is not in reach");
    page.driver.action_chain().send_keys(Key::Enter).perform().await.unwrap();
    page.until_says("#actions", "部署移机切换").await;
    for _ in 0..40 {
        page.driver.action_chain().send_keys(Key::Tab).perform().await.unwrap();
        if page.script("return document.activeElement.textContent").await == "部署移机切换" {
            page.driver.action_chain().send_keys(Key::Enter).perform().await.unwrap();
            break;
        }
    }
    page.until_says("#statuses", "移机成功").await;
    page.close().await;
}
