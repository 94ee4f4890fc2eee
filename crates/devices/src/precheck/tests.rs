//! Which findings let a cutover begin.

use jiff::Timestamp;
use rehome_domain::{
    id::{RelocationId, WorkOrderId},
    order::{Layer, MESSAGE_VERSION, OrderKind, WorkOrder},
    plan::SpotHeld,
    ports::{DriverError, Holding},
    reply::{Presence, Reason},
    request::{Deadlines, Place, Request, Spot},
};
use uuid::Uuid;

use super::check;
use crate::{
    circuit::Circuit,
    device::{Found, Mark},
};

const US: RelocationId = RelocationId(Uuid::from_u128(1));
const IP: &str = "192.0.2.1/30";

fn place(port: &str) -> Place {
    let (l3_device, l2_device) = ("gw-1".to_owned(), "sw-1".to_owned());
    Place {
        l3_device,
        l3_port: port.to_owned(),
        vlan: 100,
        inner_vlan: None,
        l2_device,
        l2_port: port.to_owned(),
    }
}

fn order(attempt: u32, planned: bool) -> WorkOrder {
    let request = Request {
        service_id: "LL-1".to_owned(),
        customer: "Acme".to_owned(),
        old: place("ge-0"),
        new: place("ge-1"),
        ip: IP.to_owned(),
        vrf: None,
        description: "LL-1 Acme".to_owned(),
        external_id: None,
        window: None,
        hold: false,
        deadlines: Deadlines::default(),
    };
    let told = |spot: Spot, found: Option<Found>| SpotHeld {
        held: crate::session::held(&Circuit::new(Layer::L3, US, &request), &spot, found),
        spot,
    };
    let expected = vec![
        told(request.old.l3(), Some(in_service(None))),
        told(request.new.l3(), Some(reserved(Some(US)))),
    ];
    WorkOrder {
        v: MESSAGE_VERSION,
        id: WorkOrderId { relocation: US, seq: 5, index: 0 },
        relocation: US,
        layer: Layer::L3,
        kind: OrderKind::Cutover,
        attempt,
        deadline: Timestamp::MAX,
        about: None,
        expected: if planned { expected } else { Vec::new() },
        hold: false,
        request: request.into(),
    }
}

fn of(presence: Presence, by: Option<RelocationId>) -> Found {
    let holding = Holding {
        presence,
        service_id: "LL-1".to_owned(),
        relocation: by,
        description: "LL-1 Acme".to_owned(),
        ip: (presence == Presence::Installed).then(|| IP.to_owned()),
        vrf: None,
    };
    Found { mark: by.map(|_| Mark { service_id: "LL-1".to_owned(), relocation: by }), ..Found::from(holding) }
}

fn in_service(by: Option<RelocationId>) -> Found {
    of(Presence::Installed, by)
}

fn reserved(by: Option<RelocationId>) -> Found {
    of(Presence::Reserved, by)
}

fn another() -> Found {
    let mark = Some(Mark { service_id: "LL-9".to_owned(), relocation: None });
    Found { mark, ..in_service(None) }
}

fn checked(order: &WorkOrder, old: Option<Found>, new: Option<Found>) -> Result<(), DriverError> {
    let circuit = Circuit::of(order, Layer::L3);
    let found = [(circuit.old.clone(), old), (circuit.new.clone(), new)];
    check(&circuit, order, &found)
}

fn refusal(order: &WorkOrder, old: Option<Found>, new: Option<Found>) -> String {
    let error = checked(order, old, new).unwrap_err();
    assert!(!error.transient && error.failure.reason == Reason::Conflict, "{error:?}");
    error.failure.text
}

#[test]
fn a_cutover_that_finds_what_was_planned_or_what_it_has_done_itself_may_begin() {
    let order = order(1, true);
    for old in [Some(in_service(None)), Some(of(Presence::Partial, None)), None] {
        for new in [Presence::Reserved, Presence::Partial, Presence::Installed] {
            assert_eq!(checked(&order, old.clone(), Some(of(new, Some(US)))), Ok(()), "{old:?} {new:?}");
        }
    }
}

#[test]
fn what_somebody_has_changed_since_the_plan_is_told_spot_by_spot_and_nothing_begins() {
    let order = order(1, true);
    let renamed = Found { vrf: Some("blue".to_owned()), ..in_service(None) };
    let text = refusal(&order, Some(renamed), Some(reserved(Some(US))));
    assert!(
        text.contains("gw-1/ge-0:100: expected in service for LL-1") && text.contains("vrf=blue"),
        "{text}"
    );
    let retold = Found { description: "taken".to_owned(), ..reserved(Some(US)) };
    let text = refusal(&order, Some(in_service(None)), Some(retold));
    assert!(text.contains("gw-1/ge-1:100: expected reserved") && text.contains("`taken`"), "{text}");
    let text = refusal(&order, Some(in_service(None)), None);
    assert!(text.contains("gw-1/ge-1:100") && text.contains("found nothing"), "{text}");
}

#[test]
fn what_an_earlier_try_has_taken_back_is_no_drift_for_the_next() {
    assert_eq!(checked(&order(2, true), Some(in_service(None)), None), Ok(()));
}

#[test]
fn without_a_plan_nothing_is_begun_over_what_is_not_as_believed_or_is_somebody_elses() {
    let order = order(1, false);
    assert_eq!(checked(&order, Some(in_service(None)), None), Ok(()));
    let moved = Found { ip: Some("192.0.2.9/30".to_owned()), ..in_service(None) };
    let text = refusal(&order, Some(moved), Some(reserved(Some(US))));
    assert!(text.contains("not as believed"), "{text}");
    let text = refusal(&order, Some(in_service(None)), Some(another()));
    assert!(text.contains("is in service for LL-9"), "{text}");
}

#[test]
fn an_old_place_that_serves_another_service_is_not_as_believed() {
    let text = refusal(&order(1, false), Some(another()), Some(reserved(Some(US))));
    assert!(text.contains("expected LL-1, found LL-9"), "{text}");
    assert_eq!(
        checked(&order(1, false), Some(another()), Some(in_service(Some(US)))),
        Ok(()),
        "it was given away since"
    );
}

#[test]
fn a_circuit_that_stays_where_it_is_and_was_marked_by_this_relocation_is_no_drift() {
    let mut order = order(1, true);
    let mut request = Request::clone(&order.request);
    request.new.l3_port.clone_from(&request.old.l3_port);
    order.request = request.into();
    order.expected.truncate(1);
    let circuit = Circuit::of(&order, Layer::L3);
    for found in [in_service(None), in_service(Some(US))] {
        assert_eq!(check(&circuit, &order, &[(circuit.new.clone(), Some(found))]), Ok(()));
    }
}

#[test]
fn a_description_that_a_device_has_cut_or_trimmed_is_no_drift_and_another_one_is() {
    let mut order = order(1, true);
    let told = order.expected[1].held.as_mut().unwrap();
    told.description = "LL-1 Acme, third floor ".to_owned();
    let held = |description: &str| Some(Found { description: description.to_owned(), ..reserved(Some(US)) });
    for kept in ["LL-1 Acme, third floor", "LL-1 Acme, thi"] {
        assert_eq!(checked(&order, Some(in_service(None)), held(kept)), Ok(()), "{kept}");
    }
    for changed in ["", "LL-1 Acme, 3rd floor", "LL-1 Acme, third floor, back"] {
        assert!(checked(&order, Some(in_service(None)), held(changed)).is_err(), "{changed}");
    }
}
