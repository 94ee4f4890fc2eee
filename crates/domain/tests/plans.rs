//! Plans: what tells two of them apart, and who has changed what a plan says since it was seen.
#![allow(clippy::unwrap_used, clippy::panic)]

use rehome_domain::{
    Command, CommandKind, Layer, RelocationId, Report,
    message::Input,
    plan::{DevicePlan, Plan, Since, SpotHeld},
    ports::Holding,
    reply::{Outcome, Presence, Reason},
    request::Spot,
    step::Stepped,
};
use rehome_testkit::history::{self, OTHER, Play, RELOCATION, failed};

fn spot(layer: Layer, old: bool) -> Spot {
    let request = history::request();
    let place = if old { &request.old } else { &request.new };
    if layer == Layer::L3 { place.l3() } else { place.l2() }
}

fn held(presence: Presence, relocation: Option<RelocationId>) -> Option<Holding> {
    Some(Holding {
        presence,
        service_id: history::request().service_id,
        relocation,
        description: "as it was".to_owned(),
        ip: None,
        vrf: None,
    })
}

/// The plan of devices that hold this when the cutover begins: at the old and the new place of gateways, then of switches.
fn plan(l3: [Option<Holding>; 2], l2: [Option<Holding>; 2]) -> Plan {
    let devices = [(Layer::L3, l3), (Layer::L2, l2)].map(|(layer, [old, new])| DevicePlan {
        layer,
        device: "one".to_owned(),
        now: Vec::new(),
        orders: Vec::new(),
        expected: vec![
            SpotHeld { spot: spot(layer, true), held: old },
            SpotHeld { spot: spot(layer, false), held: new },
        ],
        unknown: None,
    });
    Plan::new(devices.to_vec())
}

fn in_service() -> Option<Holding> {
    held(Presence::Installed, None)
}

fn ours(presence: Presence) -> Option<Holding> {
    held(presence, Some(RELOCATION))
}

/// What both layers hold between reservation and cutover.
fn before() -> Plan {
    let both = || [in_service(), ours(Presence::Reserved)];
    plan(both(), both())
}

fn put(play: &mut Play, input: Input) {
    assert!(matches!(play.put(input), Stepped::Journaled(_)));
}

fn answer(play: &mut Play, layer: Layer, report: Report) {
    let order = play.ticket.out(layer).unwrap().order.id;
    put(play, history::reply(layer, order, report));
}

/// A ticket that goes by the plan from before its cutover, which L3 has answered so, and L2 has done.
fn cut_over(teardown: Outcome, install: Outcome) -> Play {
    let mut play = Play::submit(history::request()).unwrap();
    for layer in Layer::ALL {
        answer(&mut play, layer, Report::Reserve { outcome: Outcome::Done, rollback: None });
    }
    let seen = Some(Box::new(before().seen()));
    let deploy = Command { plan: seen, ..Command::plain(CommandKind::DeployCutover) };
    put(&mut play, Input::Command(deploy));
    answer(&mut play, Layer::L3, Report::CutoverL3 { teardown, install, during: None, held_until: None });
    answer(&mut play, Layer::L2, Report::CutoverL2 { outcome: Outcome::Done, during: None });
    play
}

#[test]
fn what_a_relocations_own_half_cutover_has_left_is_no_change_by_others() {
    let play = cut_over(failed(Reason::Rejected), Outcome::Done);
    assert_eq!(before().since(&play.ticket), Since::Same);
    let l2 = || [None, ours(Presence::Installed)];
    let left = plan([in_service(), ours(Presence::Installed)], l2());
    assert_eq!(left.since(&play.ticket), Since::OwnCutover);
    let torn = plan([held(Presence::Partial, None), ours(Presence::Installed)], l2());
    assert_eq!(torn.since(&play.ticket), Since::OwnCutover);

    let renamed = in_service().map(|held| Holding { vrf: Some("blue".to_owned()), ..held });
    let taken = held(Presence::Installed, Some(OTHER));
    for l3 in [
        [renamed, ours(Presence::Installed)],
        [in_service(), taken.clone()],
        [in_service(), None],
        [taken, ours(Presence::Installed)],
    ] {
        assert_eq!(plan(l3.clone(), l2()).since(&play.ticket), Since::Others, "{l3:?}");
    }
}

#[test]
fn an_old_place_that_is_gone_before_anything_was_begun_was_taken_by_others() {
    let mut play = cut_over(Outcome::Done, failed(Reason::Rejected));
    let gone = plan([None, ours(Presence::Reserved)], [in_service(), ours(Presence::Reserved)]);
    assert_eq!(gone.since(&play.ticket), Since::OwnCutover);
    play.ticket.state.cutover = Some(rehome_domain::CutoverStatus::L3CutoverFailed);
    assert_eq!(gone.since(&play.ticket), Since::Others);
    play.ticket.state.cutover = None;
    assert_eq!(gone.since(&play.ticket), Since::Others);
    play.ticket.plan = None;
    assert_eq!(gone.since(&play.ticket), Since::Same, "nobody goes by a plan");
}

#[test]
fn a_device_that_could_not_be_asked_may_have_been_changed_by_others() {
    let play = cut_over(failed(Reason::Rejected), Outcome::Done);
    let l2 = || [None, ours(Presence::Installed)];
    let mut devices = plan([in_service(), ours(Presence::Installed)], l2()).devices;
    devices[1].expected.clear();
    devices[1].unknown = Some(history::failure(Reason::Unreachable));
    assert_eq!(Plan::new(devices).since(&play.ticket), Since::Others);
}

#[test]
fn the_fingerprint_of_the_same_holdings_is_the_same_in_every_binary() {
    let full = Holding {
        ip: Some("192.0.2.1/30".to_owned()),
        vrf: Some("blue".to_owned()),
        description: "线路 1 \"a\"\n".to_owned(),
        relocation: None,
        ..ours(Presence::Partial).unwrap()
    };
    let l2 = [None, ours(Presence::Installed)];
    let mut devices = plan([Some(full), ours(Presence::Reserved)], l2).devices;
    devices[0].expected[0].spot =
        Spot { device: "gw-1".to_owned(), port: "ge-0".to_owned(), vlan: 100, inner_vlan: Some(7) };
    for held in devices.iter_mut().flat_map(|device| &mut device.expected).skip(1) {
        held.spot = Spot { device: "d".to_owned(), port: "p".to_owned(), vlan: 1, inner_vlan: None };
    }
    for held in
        devices.iter_mut().flat_map(|device| &mut device.expected).filter_map(|held| held.held.as_mut())
    {
        held.service_id = "LL-1".to_owned();
    }
    // Tickets remember it: it may change only together with the version that it is made of.
    assert_eq!(Plan::new(devices).fingerprint, "5376583fd42d5e08b0e591a52ccd6c95");
}

#[test]
fn no_two_holdings_that_differ_have_one_fingerprint() {
    let with = |change: fn(&mut Holding, &mut Spot)| {
        let mut devices = before().devices;
        let SpotHeld { spot, held } = &mut devices[0].expected[0];
        change(held.as_mut().unwrap(), spot);
        Plan::new(devices).fingerprint
    };
    let mut all = vec![
        before().fingerprint,
        with(|held, _| held.presence = Presence::Partial),
        with(|held, _| held.service_id.push('x')),
        with(|held, _| held.relocation = Some(OTHER)),
        with(|held, _| held.description.push('x')),
        with(|held, _| held.description.push_str("\nip 1 x")),
        with(|held, _| held.ip = Some("x".to_owned())),
        with(|held, _| held.vrf = Some("x".to_owned())),
        with(|_, spot| spot.device.push('x')),
        with(|_, spot| spot.port.push('x')),
        with(|_, spot| spot.vlan += 1),
        with(|_, spot| spot.inner_vlan = Some(1)),
    ];
    let count = all.len();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), count, "{all:?}");
    assert!(all.iter().all(|print| print.len() == 32), "{all:?}");
}
