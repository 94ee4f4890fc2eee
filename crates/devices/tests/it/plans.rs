//! Reading plans: every key, every mistake by its place.

use std::time::Duration;

use rehome_devices::faults::{Fate, FaultPlan, PlanError, Standing};
use rehome_domain::{
    command::CommandKind,
    order::{Layer, OrderKind},
    request::{Deadlines, Request},
    state::State,
    status::{CutoverStatus, RelocationStatus, ReservationStatus},
};

use crate::world::{Lie, lying, order, relocation};

fn mistakes(text: &str) -> Vec<String> {
    match FaultPlan::from_toml(text) {
        Err(PlanError::Invalid(mistakes)) => mistakes.iter().map(ToString::to_string).collect(),
        other => panic!("{other:?} for {text}"),
    }
}

#[test]
fn each_mistake_is_named_by_its_place_with_what_was_expected() {
    let cases = [
        (
            "sed = 1",
            "sed: unknown field `sed`, expected one of `seed`, `deadlines`, `messages_twice`, `fault`, `operator`",
        ),
        ("seed = -1", "seed: invalid value: integer `-1`, expected u64"),
        ("[[fault]]\nlayer = \"l3\"", "fault[0]: missing field `what`"),
        (
            "[[fault]]\nwhat = \"explode\"",
            "fault[0].what: unknown variant `explode`, expected one of `refuse`",
        ),
        (
            "[[fault]]\nwhat = \"refuse\"\nlayer = \"l4\"",
            "fault[0].layer: unknown variant `l4`, expected `l3` or `l2`",
        ),
        (
            "[[fault]]\nwhat = \"refuse\"\noperation = \"cutover\"",
            "fault[0].operation: unknown variant `cutover`, expected one of `reserve`, `release`, `install`, `teardown`, \
             `swap`, `rollback_install`, `look_old`, `look_new`",
        ),
        (
            "[[fault]]\nwhat = \"refuse\"\noperation = \"check\"",
            "fault[0].operation: unknown variant `check`, expected one of `reserve`",
        ),
        (
            "[[fault]]\nwhat = \"slow\"\ndelay_ms = 1\norder = \"cutover\"\noperation = \"confirm\"",
            "fault[0].operation: unknown variant `confirm`, expected one of `reserve`",
        ),
        ("[[fault]]\nwhat = \"refuse\"\nchance = 1", "fault[0].chance: unknown field `chance`"),
        ("[[fault]]\nwhat = \"refuse\"\nprobability = 1.5", "fault[0].probability: is 1.5, expected 0 to 1"),
        (
            "[[fault]]\nwhat = \"refuse\"\nprobability = \"x\"",
            "fault[0].probability: invalid type: string \"x\"",
        ),
        ("[[fault]]\nwhat = \"refuse\"\nattempts = []", "fault[0].attempts: expected at least one number"),
        ("[[fault]]\nwhat = \"refuse\"\nattempts = [0]", "fault[0].attempts: expected at least one number"),
        ("[[fault]]\nwhat = \"slow\"", "fault[0].delay_ms: is missing, expected milliseconds"),
        ("[[fault]]\nwhat = \"unreachable\"", "fault[0].tries: is missing, expected how many tries fail"),
        ("[[fault]]\nwhat = \"unreachable\"\ntries = 0", "fault[0].tries: is missing"),
        ("[[fault]]\nwhat = \"refuse\"\ntries = 1", "fault[0].tries: does not belong to this kind of fault"),
        (
            "[[fault]]\nwhat = \"half\"\ndelay_ms = 1",
            "fault[0].delay_ms: does not belong to this kind of fault",
        ),
        ("[[fault]]\nwhat = \"drop_reply\"\ndevice = \"x\"", "fault[0].device: a reply is told apart by"),
        (
            "[[fault]]\nwhat = \"drop_reply\"\noperation = \"install\"",
            "fault[0].operation: a reply is told apart by",
        ),
        (
            "[[fault]]\nwhat = \"refuse\"\norder = \"release\"\noperation = \"install\"",
            "fault[0].operation: no configurator ever meets this at order release, operation install",
        ),
        (
            "[[fault]]\nwhat = \"refuse\"\norder = \"notice\"",
            "fault[0].order: no configurator ever meets this",
        ),
        (
            "[[fault]]\nwhat = \"half\"\norder = \"inspect\"",
            "fault[0].order: no configurator ever meets this",
        ),
        (
            "[[fault]]\nwhat = \"refuse\"\nlayer = \"l3\"\noperation = \"swap\"",
            "fault[0].operation: no configurator ever meets this at layer l3, operation swap",
        ),
        ("[[operator]]\ndo = \"cancel\"\nreason = \"x\"", "operator[0].relocation: expected at least one of"),
        ("[[operator]]\nrelocation = \"failed\"", "operator[0]: missing field `do`"),
        ("[[operator]]\nrelocation = \"failed\"\ndo = \"pray\"", "operator[0].do: unknown variant `pray`"),
        (
            "[[operator]]\nrelocation = \"failed\"\ndo = \"cancel\"",
            "operator[0].reason: is missing, cancel needs one",
        ),
        (
            "[[operator]]\nrelocation = \"lost\"\ndo = \"retry_cutover\"",
            "operator[0].relocation: unknown relocation status `lost`, expected one of reservation_pending",
        ),
        (
            "[[operator]]\ncutover = \"lost\"\ndo = \"retry_cutover\"",
            "operator[0].cutover: unknown cutover status `lost`",
        ),
        ("[deadlines]\nreserve_ms = 1", "deadlines: missing field `cutover_ms`"),
    ];
    for (text, expected) in cases {
        let found = mistakes(text);
        assert!(found.len() == 1 && found[0].starts_with(expected), "{text}\n{found:#?}\n{expected}");
    }
}

#[test]
fn all_mistakes_of_a_plan_are_told_at_once_and_a_malformed_one_by_its_line() {
    let text = "[[fault]]\nwhat = \"slow\"\n[[fault]]\nwhat = \"refuse\"\nprobability = 2\n[[operator]]\ndo = \"cancel\"\n";
    let paths = ["fault[0].delay_ms", "fault[1].probability", "operator[0].relocation", "operator[0].reason"];
    let found = mistakes(text);
    assert_eq!(found.len(), paths.len(), "{found:#?}");
    assert!(found.iter().zip(paths).all(|(found, path)| found.starts_with(path)), "{found:#?}");
    assert!(mistakes("seed = 1\n\n[[fault]\n")[0].contains("(line 3)"));
    assert!(mistakes("seed = 1\n[[fault]]\nwhat = 3\n")[0].contains("(line 3)"));
}

#[test]
fn a_plan_says_the_same_in_json_and_in_toml() {
    let toml = "seed = 7\n[deadlines]\nreserve_ms = 1\ncutover_ms = 2\nrollback_ms = 3\ninspect_ms = 4\n\
        [[fault]]\nname = \"n\"\nlayer = \"l2\"\ndevice = \"sw-*\"\nservice = \"S*\"\noperation = \"swap\"\n\
        order = \"cutover\"\nattempts = [1, 2]\nprobability = 0.5\nwhat = \"unreachable\"\ntries = 2\n\
        [[operator]]\nservice = \"S*\"\nrelocation = \"failed\"\nreservation = \"unset\"\ncutover = \"cut_over\"\n\
        do = \"cancel\"\nreason = \"so\"\n";
    let json = r#"{"seed": 7, "deadlines": {"reserve_ms": 1, "cutover_ms": 2, "rollback_ms": 3, "inspect_ms": 4},
        "fault": [{"name": "n", "layer": "l2", "device": "sw-*", "service": "S*", "operation": "swap",
            "order": "cutover", "attempts": [1, 2], "probability": 0.5, "what": "unreachable", "tries": 2}],
        "operator": [{"service": "S*", "relocation": "failed", "reservation": "unset", "cutover": "cut_over",
            "do": "cancel", "reason": "so"}]}"#;
    let plan = FaultPlan::from_toml(toml).unwrap();
    assert_eq!(FaultPlan::from_json(json).unwrap(), plan);
    assert_eq!(
        plan.deadlines(),
        Some(Deadlines { reserve_ms: 1, cutover_ms: 2, rollback_ms: 3, inspect_ms: 4 })
    );
    let Err(PlanError::Invalid(found)) = FaultPlan::from_json(r#"{"fault": [{"what": "refuse", "x": 1}]}"#)
    else {
        panic!("an unknown key was let pass");
    };
    assert_eq!(found[0].path, "fault[0].x");
    assert!(
        found[0].problem.starts_with("unknown field `x`") && found[0].problem.contains("line 1"),
        "{found:?}"
    );
    assert_eq!(FaultPlan::from_toml("").unwrap(), FaultPlan::default());
}

#[test]
fn a_plan_file_is_read_by_its_extension() {
    let missing = FaultPlan::load("no-such-plan.toml".as_ref());
    assert!(matches!(missing, Err(PlanError::Unreadable { path, .. }) if path == "no-such-plan.toml"));
    let unknown = FaultPlan::load("plan.yaml".as_ref());
    assert!(matches!(unknown, Err(PlanError::UnknownFormat { path }) if path == "plan.yaml"));
}

#[test]
fn the_first_rule_about_replies_that_matches_decides_their_fate() {
    let text = "[[fault]]\nwhat = \"refuse\"\n\
        [[fault]]\nwhat = \"drop_reply\"\nlayer = \"l3\"\norder = \"cutover\"\nattempts = [2]\n\
        [[fault]]\nwhat = \"late_reply\"\ndelay_ms = 30\nservice = \"A*\"\n\
        [[fault]]\nwhat = \"reply_twice\"\norder = \"inspect\"\n";
    let plan = FaultPlan::from_toml(text).unwrap();
    let fate = |service: &str, layer, kind, attempt| {
        let request = lying(service, Lie::TwoDevices);
        let mut order = order(relocation(1), layer, kind, &request);
        order.attempt = attempt;
        plan.reply_fate(&order)
    };
    assert_eq!(fate("B", Layer::L3, OrderKind::Cutover, 2), Fate::Drop);
    assert_eq!(fate("A", Layer::L3, OrderKind::Cutover, 2), Fate::Drop, "the first rule counts");
    assert_eq!(fate("A", Layer::L3, OrderKind::Cutover, 1), Fate::Late(Duration::from_millis(30)));
    assert_eq!(fate("B", Layer::L2, OrderKind::Inspect, 1), Fate::Twice);
    assert_eq!(fate("B", Layer::L2, OrderKind::Cutover, 2), Fate::Deliver);
}

#[test]
fn the_operator_acts_on_a_ticket_at_rest_by_the_first_rule_not_used_yet() {
    let text = "[[operator]]\nservice = \"A\"\nrelocation = \"cutover_pending\"\ncutover = \"unset\"\ndo = \"cancel\"\nreason = \"one\"\n\
        [[operator]]\nrelocation = \"cutover_pending\"\nreservation = \"reserved\"\ndo = \"deploy_cutover\"\n";
    let plan = FaultPlan::from_toml(text).unwrap();
    let pending = State {
        relocation: RelocationStatus::CutoverPending,
        reservation: Some(ReservationStatus::Reserved),
        ..State::SUBMITTED
    };
    let act = |service, state: &State, used: &[usize]| {
        plan.operator(&Standing::new(service, state), used)
            .map(|act| (act.rule, act.command, act.reason.to_owned()))
    };
    assert_eq!(act("A", &pending, &[]), Some((0, CommandKind::Cancel, "one".to_owned())));
    assert_eq!(act("A", &pending, &[0]), Some((1, CommandKind::DeployCutover, String::new())));
    assert_eq!(act("A", &pending, &[0, 1]), None);
    assert_eq!(act("B", &pending, &[]).map(|act| act.0), Some(1), "the first rule is for another service");
    let half = State { cutover: Some(CutoverStatus::L2TeardownFailed), ..pending };
    assert_eq!(act("A", &half, &[]).map(|act| act.0), Some(1), "the first rule wants the cutover unset");
    let (mut flying, mut closed) = (pending, pending);
    flying.l3 =
        Some(rehome_domain::state::Flight { work: rehome_domain::state::Work::CuttingOver, doubt: false });
    closed.disposition = rehome_domain::status::Disposition::Completed;
    assert_eq!(act("A", &flying, &[]), None);
    assert_eq!(act("A", &closed, &[]), None);
    assert_eq!(act("A", &State::SUBMITTED, &[]), None);
}

#[test]
fn without_faults_every_relocation_succeeds_by_the_straight_path() {
    for lie in [Lie::OneDevice, Lie::TwoDevices] {
        for hold in [false, true] {
            let request = Request { hold, ..lying("S", lie) };
            let prediction = FaultPlan::default().predict(&request, 1);
            assert_eq!(prediction.rows, ["1", "2", "3", "5", "10", "11", "15"]);
            assert_eq!(prediction.state.relocation, RelocationStatus::Succeeded);
        }
    }
}
