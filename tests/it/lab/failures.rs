//! Every failure of claims 1, 4 and 5, on real devices: how the ticket ends, what the devices hold, and who has service; and
//! how it goes on once what was wrong is mended.

use serde_json::{Value, json};

use super::rig::{Lab, System};

/// What goes wrong.
enum Wrong {
    /// A device does what this file of faults says.
    Fault(&'static str, &'static str),
    /// Somebody types this at a switch; and to mend it, that.
    Typed(&'static str, &'static [&'static str], &'static [&'static str]),
}

/// How the ticket and the devices stand, once nothing is under way.
struct Stand {
    /// 移机状态, 移机预占状态, 移机切换状态.
    ticket: [Value; 3],
    /// How taking L3's reservation back, taking the failed install back, and L2's cutover went.
    sides: [&'static str; 3],
    /// What the gateways have at the old place and at the new one.
    l3: [&'static str; 2],
    /// The VLANs of the switches' ports at the old place and at the new one.
    l2: [u16; 2],
    /// Whether the customer has service at the old place, and at the new one.
    served: (bool, bool),
}

/// A way to fail, and the way on.
struct Case {
    name: &'static str,
    gateways: u8,
    switches: u8,
    /// What is wrong from the beginning.
    reserving: &'static [Wrong],
    /// What is wrong from when the cutover is deployed; none: it does not come so far.
    cutting_over: Option<&'static [Wrong]>,
    ends: Stand,
    /// The table's rows that it takes for that, whatever the order of those of the two layers.
    rows: &'static [&'static str],
    /// What is done one after the other when all is mended.
    then: &'static [&'static [&'static str]],
    /// The end of that.
    at_last: Stand,
}

const NONE: &str = "none";
const DONE: &str = "done";
const FAILED: &str = "failed";
const GONE: &str = "-";
const RESERVED: &str = "reserved";
const SERVES: &str = "in service";
const OLD: u16 = 101;
const NEW: u16 = 201;
const PARKED: u16 = 4094;
/// There is no such port, or nobody to ask.
const UNKNOWN: u16 = 0;
const RETRY: &[&str] = &["retry"];
const DEPLOY: &[&str] = &["deploy"];
/// Somebody else has got the new place's port for VLAN 300.
const PORT_TAKEN: Wrong =
    Wrong::Typed("sw1", &["set", "port", "c1b", "tag=300"], &["set", "port", "c1b", "tag=4094"]);
/// The new place's port is gone: its card was pulled.
const PORT_GONE: Wrong = Wrong::Typed("sw1", &["del-port", "c1b"], &["add-port", "br0", "c1b", "tag=4094"]);

/// The customer was moved.
fn moved() -> Stand {
    Stand {
        ticket: [json!("succeeded"), json!("reserved"), json!("cut_over")],
        sides: [NONE, NONE, DONE],
        l3: [GONE, SERVES],
        l2: [PARKED, NEW],
        served: (false, true),
    }
}

/// All is ready for the cutover.
fn reserved() -> Stand {
    Stand {
        ticket: [json!("cutover_pending"), json!("reserved"), Value::Null],
        sides: [NONE, NONE, NONE],
        l3: [SERVES, RESERVED],
        l2: [OLD, PARKED],
        served: (true, false),
    }
}

/// The cutover stands so; the rest is to be said.
fn cut(cutover: &str) -> [Value; 3] {
    [json!("cutover_pending"), json!("reserved"), json!(cutover)]
}

/// The reservation failed so.
fn failed(reservation: &str) -> [Value; 3] {
    [json!("failed"), json!(reservation), Value::Null]
}

impl Stand {
    fn check(&self, lab: &Lab, case: &Case, ticket: &Value) {
        let told = ["relocation", "reservation", "cutover"].map(|status| ticket[status].clone());
        assert_eq!(told, self.ticket, "{ticket:#}");
        let sides = ["l3_reservation_rollback", "install_rollback", "l2_cutover"].map(|side| &ticket[side]);
        assert_eq!(sides, self.sides.map(Value::from).each_ref(), "{ticket:#}");
        let (gateway, switch) =
            (format!("gw{}", case.gateways.min(2)), format!("sw{}", case.switches.min(2)));
        // A switch's number is in the name of the gateway's port that leads to it.
        let new = format!("ge{}-2.{NEW}", case.switches.min(2));
        let l3 = [lab.at("gw1", &format!("ge1-1.{OLD}")), lab.at(&gateway, &new)];
        assert_eq!(l3, self.l3, "at the gateways");
        assert_eq!([lab.tag("sw1", "c1a"), lab.tag(&switch, "c1b")], self.l2, "at the switches");
        assert_eq!(lab.served(), self.served, "by ping");
    }
}

impl Wrong {
    fn happens(&self, lab: &Lab) {
        match self {
            Self::Fault(device, text) => lab.fault(device, text),
            Self::Typed(switch, wrong, _) => drop(lab.vsctl(switch, wrong)),
        }
    }

    fn is_mended(&self, lab: &Lab) {
        match self {
            Self::Fault(device, _) => lab.fault(device, ""),
            Self::Typed(switch, _, mended) => drop(lab.vsctl(switch, mended)),
        }
    }
}

impl Case {
    fn run(&self) {
        let (gateways, switches) = (self.gateways.to_string(), self.switches.to_string());
        let lab = Lab::up(self.name, &["--gateways", &gateways, "--switches", &switches]);
        let system = lab.serve();
        self.reserving.iter().for_each(|wrong| wrong.happens(&lab));
        let mut ticket = system.rest();
        if let Some(wrong) = self.cutting_over {
            reserved().check(&lab, self, &ticket);
            wrong.iter().for_each(|wrong| wrong.happens(&lab));
            system.act(DEPLOY);
            ticket = system.rest();
        }
        self.ends(&lab, &system, &ticket);
        let wrong = self.reserving.iter().chain(self.cutting_over.unwrap_or_default());
        wrong.for_each(|wrong| wrong.is_mended(&lab));
        for act in self.then {
            system.act(act);
            ticket = system.rest();
        }
        self.at_last.check(&lab, self, &ticket);
    }

    fn ends(&self, lab: &Lab, system: &System<'_>, ticket: &Value) {
        let mut rows = system.rows();
        rows.sort_unstable();
        let mut expected = self.rows.to_vec();
        expected.sort_unstable();
        assert_eq!(rows, expected, "{ticket:#}");
        self.ends.check(lab, self, ticket);
    }
}

/// The smallest lab, with nothing wrong.
fn case(name: &'static str) -> Case {
    Case {
        name,
        gateways: 1,
        switches: 1,
        reserving: &[],
        cutting_over: None,
        ends: reserved(),
        rows: &[],
        then: &[],
        at_last: moved(),
    }
}

#[test]
fn a_gateway_that_refuses_to_reserve_fails_the_reservation_and_it_is_tried_again() {
    Case {
        reserving: &[Wrong::Fault("gw1", "refuse reserve\n")],
        ends: Stand {
            ticket: failed("l3_reservation_failed"),
            sides: [DONE, NONE, NONE],
            l3: [SERVES, GONE],
            ..reserved()
        },
        rows: &["1", "2", "4", "S1", "S5"],
        then: &[RETRY, DEPLOY],
        ..case("reserve-l3")
    }
    .run();
}

#[test]
fn a_reservation_that_a_gateway_refused_is_forced_on_and_the_cutover_installs_everything_at_once() {
    Case {
        reserving: &[Wrong::Fault("gw1", "refuse reserve\n")],
        ends: Stand {
            ticket: failed("l3_reservation_failed"),
            sides: [DONE, NONE, NONE],
            l3: [SERVES, GONE],
            ..reserved()
        },
        rows: &["1", "2", "4", "S1", "S5"],
        then: &[&["force", "reservation", "--yes"], DEPLOY],
        at_last: Stand {
            ticket: [json!("succeeded"), json!("l3_reservation_failed"), json!("cut_over")],
            sides: [DONE, NONE, DONE],
            ..moved()
        },
        ..case("force")
    }
    .run();
}

#[test]
fn a_switchs_port_that_somebody_took_fails_the_reservation_which_is_rolled_back_on_both_layers() {
    Case {
        reserving: &[PORT_TAKEN],
        ends: Stand {
            ticket: failed("l2_rolled_back"),
            sides: [DONE, NONE, NONE],
            l3: [SERVES, GONE],
            l2: [OLD, 300],
            ..reserved()
        },
        rows: &["1", "2", "3", "6", "7", "S1"],
        then: &[RETRY, DEPLOY],
        ..case("reserve-l2")
    }
    .run();
}

#[test]
fn a_switch_that_is_gone_and_a_gateway_that_keeps_the_reservation_leave_both_rollbacks_failed() {
    Case {
        reserving: &[Wrong::Fault("sw2", "off\n"), Wrong::Fault("gw1", "refuse release\n")],
        switches: 2,
        ends: Stand {
            ticket: failed("l2_rollback_failed"),
            sides: [FAILED, NONE, NONE],
            l3: [SERVES, RESERVED],
            l2: [OLD, UNKNOWN],
            ..reserved()
        },
        rows: &["1", "2", "3", "6", "8", "S2"],
        then: &[RETRY],
        at_last: Stand {
            ticket: failed("l2_rolled_back"),
            sides: [DONE, NONE, NONE],
            l3: [SERVES, GONE],
            ..reserved()
        },
        ..case("rollbacks")
    }
    .run();
}

#[test]
fn a_teardown_that_is_refused_on_one_gateway_refuses_the_install_too_for_an_address_is_there_once() {
    Case {
        cutting_over: Some(&[Wrong::Fault("gw1", "refuse teardown\n")]),
        ends: Stand {
            ticket: cut("l3_teardown_and_install_failed"),
            sides: [NONE, DONE, DONE],
            l3: [SERVES, GONE],
            l2: [PARKED, NEW],
            served: (false, false),
        },
        rows: &["1", "2", "3", "5", "10", "14", "S3", "17a"],
        then: &[RETRY],
        ..case("teardown")
    }
    .run();
}

#[test]
fn a_teardown_that_is_refused_on_another_gateway_leaves_the_old_place_and_the_new_one_has_service() {
    Case {
        gateways: 2,
        cutting_over: Some(&[Wrong::Fault("gw1", "refuse teardown\n")]),
        ends: Stand { ticket: cut("l3_teardown_failed_installed"), l3: [SERVES, SERVES], ..moved() },
        rows: &["1", "2", "3", "5", "10", "12", "17a"],
        then: &[RETRY],
        ..case("teardown2")
    }
    .run();
}

#[test]
fn an_install_that_is_refused_leaves_the_customer_without_service_until_it_is_tried_again() {
    Case {
        cutting_over: Some(&[Wrong::Fault("gw1", "refuse install\n")]),
        ends: Stand {
            ticket: cut("l3_torn_down_install_failed"),
            sides: [NONE, DONE, DONE],
            l3: [GONE, GONE],
            l2: [PARKED, NEW],
            served: (false, false),
        },
        rows: &["1", "2", "3", "5", "10", "13", "S3", "17a"],
        then: &[RETRY],
        ..case("install")
    }
    .run();
}

#[test]
fn an_install_that_is_refused_is_forced_to_its_end_and_the_devices_stay_as_they_are() {
    Case {
        cutting_over: Some(&[Wrong::Fault("gw1", "refuse install\n")]),
        ends: Stand {
            ticket: cut("l3_torn_down_install_failed"),
            sides: [NONE, DONE, DONE],
            l3: [GONE, GONE],
            l2: [PARKED, NEW],
            served: (false, false),
        },
        rows: &["1", "2", "3", "5", "10", "13", "S3", "17a"],
        then: &[&["force", "completion", "--yes"]],
        at_last: Stand {
            ticket: [json!("abnormal"), json!("reserved"), json!("l3_torn_down_install_failed")],
            sides: [NONE, DONE, DONE],
            l3: [GONE, GONE],
            l2: [PARKED, NEW],
            served: (false, false),
        },
        ..case("abnormal")
    }
    .run();
}

#[test]
fn a_teardown_and_an_install_that_are_both_refused_leave_the_gateways_as_they_were() {
    Case {
        gateways: 2,
        cutting_over: Some(&[
            Wrong::Fault("gw1", "refuse teardown\n"),
            Wrong::Fault("gw2", "refuse install\n"),
        ]),
        ends: Stand {
            ticket: cut("l3_teardown_and_install_failed"),
            sides: [NONE, DONE, DONE],
            l3: [SERVES, GONE],
            l2: [PARKED, NEW],
            served: (false, false),
        },
        rows: &["1", "2", "3", "5", "10", "14", "S3", "17a"],
        then: &[RETRY],
        ..case("both")
    }
    .run();
}

#[test]
fn an_install_that_can_not_be_taken_back_either_keeps_its_sub_interface_until_that_is_tried_again() {
    Case {
        cutting_over: Some(&[Wrong::Fault("gw1", "refuse install\nrefuse release\n")]),
        ends: Stand {
            ticket: cut("l3_torn_down_install_failed"),
            sides: [NONE, FAILED, DONE],
            l3: [GONE, RESERVED],
            l2: [PARKED, NEW],
            served: (false, false),
        },
        rows: &["1", "2", "3", "5", "10", "13", "S4", "17a"],
        // First the rollback, then the cutover.
        then: &[RETRY, RETRY],
        ..case("rollback")
    }
    .run();
}

#[test]
fn a_gateway_that_is_gone_at_the_cutover_refuses_it_before_it_began_and_the_old_place_keeps_its_service() {
    Case {
        cutting_over: Some(&[Wrong::Fault("gw1", "off\n")]),
        ends: Stand { ticket: cut("l3_cutover_failed"), l3: ["?", "?"], ..reserved() },
        rows: &["1", "2", "3", "5", "10", "19"],
        then: &[RETRY],
        ..case("gone")
    }
    .run();
}

#[test]
fn a_circuit_is_moved_off_a_gateway_that_is_dead_and_torn_down_there_when_it_is_back() {
    Case {
        gateways: 2,
        cutting_over: Some(&[Wrong::Fault("gw1", "off\n")]),
        ends: Stand { ticket: cut("l3_teardown_failed_installed"), l3: ["?", SERVES], ..moved() },
        rows: &["1", "2", "3", "5", "10", "12", "17a"],
        then: &[RETRY],
        ..case("gone2")
    }
    .run();
}

#[test]
fn a_switchs_port_that_is_gone_at_the_cutover_keeps_the_gateways_cutover_and_l2_is_tried_again() {
    Case {
        cutting_over: Some(&[PORT_GONE]),
        ends: Stand {
            ticket: cut("l2_teardown_failed"),
            sides: [NONE, NONE, FAILED],
            l2: [OLD, UNKNOWN],
            served: (false, false),
            ..moved()
        },
        rows: &["1", "2", "3", "5", "10", "11", "16"],
        then: &[RETRY],
        ..case("l2-gone")
    }
    .run();
}

#[test]
fn a_switchs_port_that_somebody_took_before_the_cutover_is_left_to_them() {
    Case {
        cutting_over: Some(&[PORT_TAKEN]),
        ends: Stand {
            ticket: cut("l2_teardown_failed"),
            sides: [NONE, NONE, FAILED],
            l2: [OLD, 300],
            served: (false, false),
            ..moved()
        },
        rows: &["1", "2", "3", "5", "10", "11", "16"],
        then: &[RETRY],
        ..case("l2-taken")
    }
    .run();
}

#[test]
fn the_old_switch_keeps_its_port_while_the_new_one_is_gone() {
    Case {
        switches: 2,
        cutting_over: Some(&[Wrong::Fault("sw2", "off\n")]),
        ends: Stand {
            ticket: cut("l2_teardown_failed"),
            sides: [NONE, NONE, FAILED],
            l2: [OLD, UNKNOWN],
            served: (false, false),
            ..moved()
        },
        rows: &["1", "2", "3", "5", "10", "11", "16"],
        then: &[RETRY],
        ..case("l2-off")
    }
    .run();
}

#[test]
fn a_gateway_and_a_switch_that_both_refuse_are_told_apart() {
    Case {
        cutting_over: Some(&[Wrong::Fault("gw1", "refuse install\n"), PORT_TAKEN]),
        ends: Stand {
            ticket: cut("l3_torn_down_install_failed"),
            sides: [NONE, DONE, FAILED],
            l3: [GONE, GONE],
            l2: [OLD, 300],
            served: (false, false),
        },
        rows: &["1", "2", "3", "5", "10", "13", "S3", "17b"],
        then: &[RETRY],
        ..case("l3-and-l2")
    }
    .run();
}
