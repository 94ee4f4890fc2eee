//! Relocations as TMF641 service orders: the mapping, over everything a relocation can be.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet};

use rehome_domain::{
    command::{Command, CommandKind},
    journal::{Moment, moments},
    message::Input,
    request::{Deadlines, Request},
    status::{Disposition, RelocationStatus},
    table,
};
use rehome_testkit::history::{self, Play, moves, requests};
use rehome_web::tmf::{
    cancel, create, guide,
    notice::{KINDS, notices},
    order::order,
    resource::TaskState,
    state::{OrderState, is_working},
};
use serde_json::{Value, json, to_value};

#[test]
fn every_reachable_state_is_one_orders_state_and_every_state_that_can_be_is_some_ones() {
    let (states, _) = table::explore(|_| true);
    let mut found = BTreeSet::new();
    for state in &states {
        let order = OrderState::of(state);
        found.insert(order);
        assert_eq!(order.is_final(), state.is_closed(), "{order:?} for {state:?}");
        assert!(order != OrderState::Failed || state.is_closed(), "failed, and can go on: {state:?}");
        if state.relocation == RelocationStatus::Failed && !state.cancelling && !state.is_closed() {
            assert_eq!(order, OrderState::Held, "{state:?}");
        }
        assert_eq!(order == OrderState::Cancelled, state.disposition == Disposition::Cancelled);
        assert_eq!(order == OrderState::Completed, state.relocation == RelocationStatus::Succeeded);
        if order == OrderState::InProgress {
            assert!(is_working(state), "{state:?}");
        }
        if matches!(order, OrderState::Acknowledged | OrderState::Pending) {
            assert!(!is_working(state), "{state:?}");
        }
    }
    let never = [OrderState::Rejected, OrderState::AssessingCancellation];
    let all: BTreeSet<OrderState> =
        OrderState::ALL.into_iter().filter(|state| !never.contains(state)).collect();
    assert_eq!(found, all);
}

#[test]
fn the_guides_table_leaves_no_case_open_and_names_all_there_is() {
    let page = guide::markdown();
    assert!(!page.contains("` or `"), "two states in one case:\n{page}");
    let names = KINDS.into_iter().chain(create::CHARACTERISTICS.map(|(name, _)| name));
    for name in names.chain(OrderState::ALL.map(OrderState::wire)) {
        assert!(page.contains(&format!("`{name}`")), "{name}");
    }
}

/// An order that asks for what a request asks for.
fn ordered(request: &Request) -> Value {
    let Request { service_id, customer, description, external_id, window, .. } = request;
    let mut body = json!({
        "description": description,
        "relatedParty": [{ "role": "customer", "name": customer, "@type": "RelatedParty" }],
        "serviceOrderItem": [{ "id": "1", "action": "modify", "service": {
            "id": service_id,
            "place": [{ "role": "new", "id": format!("{}/{}", request.new.l2_device, request.new.l2_port) }],
            "serviceCharacteristic": to_value(rehome_web::tmf::order::characteristics(request)).unwrap(),
        } }],
        "@type": "ServiceOrder",
    });
    if let Some(external_id) = external_id {
        body["externalId"] = json!(external_id);
    }
    if let Some(window) = window {
        body["requestedStartDate"] = json!(window.start);
        body["requestedCompletionDate"] = json!(window.end);
    }
    body
}

fn read(body: &Value) -> Result<Request, Vec<String>> {
    let read = create::request(body.to_string().as_bytes(), Deadlines::default());
    read.map_err(|faults| faults.into_iter().map(|fault| fault.to_string()).collect())
}

proptest::proptest! {
    #[test]
    fn what_is_ordered_is_what_the_order_says_back(request in requests(), external in proptest::option::of("[a-z0-9]{1,9}")) {
        let request = Request { deadlines: Deadlines::default(), external_id: external, ..request };
        assert_eq!(read(&ordered(&request)), Ok(request.clone()));
        if let Some(play) = Play::submit(request.clone()) {
            let order = to_value(order(&moments(play.journal).unwrap()).unwrap()).unwrap();
            assert_eq!(order["description"], json!(request.description));
            assert_eq!(order["relatedParty"][0]["name"], json!(request.customer));
            let said = &order["serviceOrderItem"][0]["service"]["serviceCharacteristic"];
            assert_eq!(*said, ordered(&request)["serviceOrderItem"][0]["service"]["serviceCharacteristic"]);
        }
    }

    #[test]
    fn an_orders_notifications_tell_its_whole_course(
        request in requests(), steps in proptest::collection::vec(moves(), 0..40),
    ) {
        let Some(mut play) = Play::submit(request) else { return Ok(()) };
        for step in steps {
            play.make(&step);
        }
        the_course_is_told(&moments(play.journal).unwrap());
    }
}

/// Whoever only listens knows at each moment what whoever looks sees.
fn the_course_is_told(moments: &[Moment]) {
    let (mut heard, mut seen_ids) = (None, BTreeSet::new());
    for end in 1..=moments.len() {
        let seen = order(&moments[..end]).unwrap();
        assert_eq!(seen.state, OrderState::of(&moments[end - 1].after.state));
        let told = notices(&moments[..end]);
        assert_eq!(told, notices(&moments[..end]), "the same each time");
        for notice in told {
            assert!(KINDS.contains(&notice.kind));
            assert!(seen_ids.insert(notice.id.clone()), "two of one id: {}", notice.id);
            assert_eq!(notice.body["eventType"], json!(notice.kind));
            if notice.kind.starts_with("ServiceOrder") {
                heard = Some(notice.body["event"]["serviceOrder"]["state"].clone());
            }
        }
        assert_eq!(heard, Some(json!(seen.state)));
        // One entry's failure is one error; a milestone that is reached has its date.
        for milestone in &seen.milestone {
            assert_eq!(milestone.status == "completed", milestone.milestone_date.is_some());
        }
    }
}

#[test]
fn what_is_wrong_with_an_order_is_named_by_its_path() {
    let good = ordered(&history::windowed_request());
    assert!(read(&good).is_ok());
    let item = "/serviceOrderItem/0";
    let service = "/serviceOrderItem/0/service";
    let cases: Vec<(&str, Value, &str)> = vec![
        ("/category", json!("broadband"), "category: is not `relocation`"),
        ("/relatedParty", json!([]), "relatedParty: exactly one is expected"),
        ("/requestedCompletionDate", Value::Null, "requestedCompletionDate: is missing"),
        ("/requestedStartDate", json!("soon"), "requestedStartDate: "),
        ("/serviceOrderItem", json!([]), "serviceOrderItem: an order moves one service"),
        ("/priority", json!("1"), "priority: unknown field"),
    ];
    for (path, value, said) in cases {
        let mut body = good.clone();
        body[path.trim_start_matches('/')] = value;
        let faults = read(&body).unwrap_err();
        assert!(
            faults.iter().any(|fault| fault.starts_with(said) || fault.contains("unknown field")),
            "{path}: {faults:?}"
        );
    }
    for (at, key, value, said) in [
        (item, "action", json!("add"), "serviceOrderItem[0].action: is not `modify`"),
        (service, "id", json!(" "), "serviceOrderItem[0].service.id: is empty"),
        (service, "place", json!([{ "role": "middle" }]), "serviceOrderItem[0].service.place: has a role"),
        (
            service,
            "place",
            json!([{ "role": "old", "id": "x/y" }]),
            "serviceOrderItem[0].service.place: the old place is",
        ),
    ] {
        let mut body = good.clone();
        body.pointer_mut(at).unwrap()[key] = value;
        let faults = read(&body).unwrap_err();
        assert!(faults.iter().any(|fault| fault.starts_with(said)), "{at}/{key}: {faults:?}");
    }
}

#[test]
fn every_characteristic_that_is_wrong_is_named() {
    let good = ordered(&history::request());
    for (name, _) in create::CHARACTERISTICS {
        let mut body = good.clone();
        let all = body.pointer_mut("/serviceOrderItem/0/service/serviceCharacteristic").unwrap();
        let all = all.as_array_mut().unwrap();
        all.retain(|given| given["name"] != json!(name));
        all.push(json!({ "name": name, "value": { "nested": [] } }));
        let faults = read(&body).unwrap_err();
        let said = format!("serviceOrderItem[0].service.serviceCharacteristic[{name}]: is n");
        assert_eq!(faults.iter().filter(|fault| fault.starts_with(&said)).count(), 1, "{name}: {faults:?}");
    }
    let mut body = good;
    let all = body.pointer_mut("/serviceOrderItem/0/service/serviceCharacteristic").unwrap();
    let first = all[0].clone();
    all.as_array_mut().unwrap().extend([first, json!({ "name": "colour", "value": "blue" })]);
    let faults = read(&body).unwrap_err();
    assert!(faults.iter().any(|fault| fault.contains("is given twice")), "{faults:?}");
    assert!(faults.iter().any(|fault| fault.contains("is none of old.l3Device")), "{faults:?}");
}

#[test]
fn nothing_that_is_no_order_brings_it_down() {
    for body in ["", "null", "[]", "{", "{}", "\u{feff}{}", "{\"serviceOrderItem\": 1}", "{} {}"] {
        assert!(create::request(body.as_bytes(), Deadlines::default()).is_err(), "{body}");
    }
    let deep = "[".repeat(100_000);
    assert!(create::request(deep.as_bytes(), Deadlines::default()).is_err());
}

fn cancel() -> Input {
    let reason = "the customer stays".to_owned();
    Input::Command(Command { kind: CommandKind::Cancel, reason, expected_version: None, plan: None })
}

#[test]
fn a_request_to_cancel_is_a_task_with_a_state_of_its_own() {
    let mut play = Play::submit(history::request()).unwrap();
    play.put(cancel());
    play.put(cancel());
    let history = moments(play.journal.clone()).unwrap();
    let tasks = cancel::requests(&history);
    let states: BTreeMap<u64, TaskState> =
        tasks.iter().map(|task| (cancel::parse(&task.id).unwrap().1, task.state)).collect();
    // What was being reserved is given back first.
    assert_eq!(states, BTreeMap::from([(2, TaskState::InProgress), (3, TaskState::TerminatedWithError)]));
    assert_eq!(tasks[1].error_message.as_ref().unwrap().code, "cancelling");
    assert_eq!(order(&history).unwrap().state, OrderState::PendingCancellation);

    let mut held = Play::submit(Request { hold: true, ..history::request() }).unwrap();
    held.put(cancel());
    let task = &cancel::requests(&moments(held.journal).unwrap())[0];
    assert_eq!((task.state, task.effective_cancellation_date), (TaskState::Done, Some(history::START)));
    assert_eq!(cancel::parse("nonsense"), None);
    assert_eq!(cancel::parse(&format!("{}-07", history::RELOCATION)), None, "one request has one id");
}
