//! Somebody else changes a gateway between the plan and the cutover.

use serde_json::Value;

use super::rig::{Lab, SERVICE, System};

/// The fingerprint of the plan as it is now.
fn seen(system: &System<'_>) -> String {
    let plans = system.said(&["plan", SERVICE, "--json"]).json(0);
    plans["plans"][0]["plan"]["fingerprint"].as_str().unwrap().to_owned()
}

/// The ticket, once nothing is under way.
fn rest(system: &System<'_>) -> Value {
    system.rest_of(&["--hold"])
}

/// Another system describes a sub-interface anew.
fn describe(lab: &Lab, interface: &str, description: &str) {
    lab.edit(
        "gw1",
        &format!("<interface><name>{interface}</name><description>{description}</description></interface>"),
    );
}

#[test]
fn a_gateway_changed_since_the_plan_refuses_the_cutover_with_the_difference_until_that_is_accepted() {
    let lab = Lab::up("drift", &[]);
    let system = lab.serve();
    assert_eq!(rest(&system)["reservation"], Value::Null);
    let plan = seen(&system);
    describe(&lab, "ge1-1.101", "rented to somebody else");
    system.said(&["deploy", SERVICE, "--plan", &plan]).is(1, &["look at the plan again"]);
    assert_eq!(rest(&system)["plan"], Value::Null, "a command that is refused remembers nothing");

    // From here on it is remembered, and the reservation is no drift.
    let plan = seen(&system);
    system.said(&["deploy", SERVICE, "--plan", &plan]).is(0, &["taken"]);
    let ticket = rest(&system);
    assert_eq!(
        (&ticket["relocation"], ticket["plan"].as_str()),
        (&Value::from("cutover_pending"), Some(plan.as_str()))
    );
    assert_eq!(seen(&system), plan);

    describe(&lab, "ge1-1.101", "rented to a third");
    system.said(&["deploy", SERVICE]).is(0, &["taken"]);
    let ticket = rest(&system);
    let why = ticket["last_failure"]["failure"]["text"].as_str().unwrap();
    assert!(why.contains("gw1/ge1-1:101: expected") && why.contains("`rented to a third`"), "{why}");
    assert_eq!(
        (&ticket["cutover"], lab.served()),
        (&Value::from("l3_cutover_failed"), (true, false)),
        "{ticket:#}"
    );

    let plan = seen(&system);
    system.said(&["retry", SERVICE, "--plan", &plan]).is(1, &["say why you accept that"]);
    system.said(&["retry", SERVICE, "--plan", &plan, "--reason", "agreed by phone"]).is(0, &["taken"]);
    let ticket = rest(&system);
    assert_eq!(
        (&ticket["relocation"], ticket["outage_ms"].is_u64()),
        (&Value::from("succeeded"), true),
        "{ticket:#}"
    );
    assert_eq!(lab.served(), (false, true));
}
