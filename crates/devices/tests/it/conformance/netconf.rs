//! The suite over a real `netconfd` behind a real `sshd`, once for each profile that comes with Rehome.

mod shapes;

use std::sync::Arc;

use rehome_devices::{
    device::{Change, Device as _},
    netconf::{self, Line, Options, client::Client, profile::Profile, xml::Element},
    session::Session,
};
use rehome_domain::{
    order::{Layer, OrderKind, WorkOrder},
    ports::{Driver, Holding, Operation},
    reply::{Presence, Reason},
    request::{Place, Request},
};
use rehome_lab::gateway::{self, Gateway};

use self::shapes::Shape;
use super::{Rig, perform};
use crate::{
    netconf::reached,
    world::{order, place, relocation, request},
};

struct Netconf {
    shape: Shape,
    options: Options,
    _gateway: Gateway,
}

impl Netconf {
    fn start(shape: Shape) -> Self {
        let ports = vec!["ge-0/0/1".to_owned(), "ge-0/0/2".to_owned()];
        let model = shape.model();
        let gateway =
            Gateway::start(gateway::Options { ports, model, ..gateway::Options::default() }).unwrap();
        let options = reached(&gateway);
        Self { shape, options, _gateway: gateway }
    }

    fn line(&self) -> Arc<Line> {
        Line::new("gw-1", self.options.clone(), Profile::named(self.shape.profile).unwrap())
    }

    /// What another system does.
    async fn edit(&self, config: &str) {
        let edit =
            format!("<edit-config><target><candidate/></target><config>{config}</config></edit-config>");
        let mut other = Client::connect("gw-1", &self.options).await.unwrap();
        other.call("take the edit", &edit).await.unwrap();
        other.call("commit", "<commit/>").await.unwrap();
    }

    /// What it does at the new place, in this order's name.
    async fn edit_as(&self, order: &WorkOrder, config: &str, description: &str) {
        let marked = format!("{description} [rehome {} {}]", order.request.service_id, order.relocation);
        self.edit(&config.replace("DESCRIPTION", &marked)).await;
    }

    /// The whole configuration, without containers that say nothing.
    async fn holds(&self) -> Element {
        let mut client = Client::connect("gw-1", &self.options).await.unwrap();
        let ask = "<get-config><source><running/></source></get-config>";
        let reply = client.call("tell its configuration", ask).await.unwrap();
        without_empty(reply.at("data").unwrap().clone())
    }
}

/// Who creates what is in a container makes the container too, and it stays when that is removed.
fn without_empty(mut element: Element) -> Element {
    element.children = element.children.into_iter().map(without_empty).collect();
    element.children.retain(|child| !child.children.is_empty() || !child.text.is_empty());
    element
}

impl Rig for Netconf {
    const LAYER: Layer = Layer::L3;

    fn open(&self) -> Box<dyn Driver> {
        Box::new(Session::new(Layer::L3, "gw-1", netconf::Gateway(self.line())))
    }

    async fn occupy(&self) {
        self.edit(&self.shape.described.replace("DESCRIPTION", "somebody's")).await;
    }

    /// Up, by the model's default, and without an address.
    async fn halve(&self, order: &WorkOrder) {
        self.edit_as(order, self.shape.half, "half").await;
    }

    async fn serve(&self, _: &WorkOrder) {
        self.edit(self.shape.in_service).await;
    }

    async fn meddle(&self, order: &WorkOrder) {
        self.edit_as(order, self.shape.described, "meddled with").await;
    }
}

/// What circuits look like: in a VRF with one tag, in none with two, and of version 6.
fn circuits(shape: &Shape) -> Vec<Request> {
    let two = |port| Place { inner_vlan: Some(7), ..place(1, port) };
    let mut all = vec![
        request("L-1", place(1, 1), place(1, 2)),
        Request { vrf: None, ..request("L-1", two(1), two(2)) },
    ];
    if shape.v6 {
        all.push(Request { ip: "2001:db8::1/64".to_owned(), ..request("L-1", place(1, 1), two(2)) });
    }
    all
}

fn back(there: &Request) -> Request {
    Request { old: there.new.clone(), new: there.old.clone(), ..there.clone() }
}

/// In one commit and in halves, there and back: what is on the gateway then is what was there before, to the last leaf.
async fn a_circuit_that_goes_and_comes_back_leaves_nothing_behind(rig: &Netconf) {
    use Operation::{Install, LookNew, LookOld, Release, Reserve, RollbackInstall, Swap, Teardown};
    use Presence::{Absent, Installed, Reserved};
    let empty = rig.holds().await;
    for request in circuits(&rig.shape) {
        let there = order(relocation(6), Layer::L3, OrderKind::Cutover, &request);
        let back = order(relocation(6), Layer::L3, OrderKind::Cutover, &back(&request));
        let mut gateway = rig.open();
        let mut step = async |operation, order: &WorkOrder, presence| {
            assert_eq!(gateway.perform(operation, order).await, Ok(presence), "{operation:?}: {request:?}");
        };
        step(Install, &back, Installed).await;
        let before = rig.holds().await;
        step(Reserve, &there, Reserved).await;
        step(LookOld, &there, Installed).await;
        step(Release, &there, Absent).await;
        assert_eq!(rig.holds().await, before, "released: {request:?}");
        step(Reserve, &there, Reserved).await;
        for halves in [&[Swap][..], &[Teardown, Install]] {
            for order in [&there, &back] {
                for operation in halves {
                    let presence = if *operation == Teardown { Absent } else { Installed };
                    step(*operation, order, presence).await;
                }
                step(LookOld, order, Absent).await;
                step(LookNew, order, Installed).await;
            }
            assert_eq!(rig.holds().await, before, "{halves:?}: {request:?}");
        }
        step(RollbackInstall, &back, Absent).await;
        assert_eq!(rig.holds().await, empty, "rolled back: {request:?}");
    }
}

/// Circuits of one port and one VRF, in one edit.
async fn several_circuits_go_in_one_commit(rig: &Netconf) {
    let tagged = |port, vlan| Place { vlan, ..place(1, port) };
    let requests = [100, 200].map(|vlan| request(&format!("L-{vlan}"), tagged(1, vlan), tagged(2, vlan)));
    for request in &requests {
        let order = order(relocation(7), Layer::L3, OrderKind::Cutover, &back(request));
        assert_eq!(perform(rig, Operation::Install, &order).await, Ok(Presence::Installed));
    }
    let spots = [&requests[0], &requests[1]].map(|request| request.old.l3());
    let mut gateway = netconf::Gateway(rig.line());
    let found = gateway.look(&spots).await.unwrap();
    let mut changes = Vec::new();
    for (request, found) in requests.iter().zip(found) {
        let put = Holding {
            presence: Presence::Installed,
            service_id: request.service_id.clone(),
            relocation: Some(relocation(7)),
            description: request.description.clone(),
            ip: Some(request.ip.clone()),
            vrf: request.vrf.clone(),
        };
        changes.push(Change { spot: request.old.l3(), found, put: None });
        changes.push(Change { spot: request.new.l3(), found: None, put: Some(put) });
    }
    assert_eq!(gateway.change(&changes).await, Ok(()));
    for request in &requests {
        let order = order(relocation(7), Layer::L3, OrderKind::Cutover, request);
        assert_eq!(perform(rig, Operation::LookOld, &order).await, Ok(Presence::Absent));
        assert_eq!(perform(rig, Operation::LookNew, &order).await, Ok(Presence::Installed));
    }
}

async fn what_the_model_refuses_is_told_and_leaves_nothing_behind(rig: &Netconf) {
    let mut request = request("L-1", place(1, 1), place(1, 2));
    let mut refused = Vec::new();
    if let Some(taken) = rig.shape.taken {
        rig.edit(taken).await;
        refused.push((request.clone(), "tags-taken"));
    }
    request.new.l3_port = "ge-0/0/9".to_owned();
    refused.push((request, "instance-required"));
    let before = rig.holds().await;
    for (request, told) in refused {
        let order = order(relocation(8), Layer::L3, OrderKind::Cutover, &request);
        let refused = perform(rig, Operation::Install, &order).await.unwrap_err();
        assert_eq!((refused.transient, refused.failure.reason), (false, Reason::Rejected), "{refused}");
        assert!(refused.failure.text.contains(told), "{refused}");
        assert_eq!(rig.holds().await, before);
    }
}

async fn a_port_that_is_down_or_not_there_is_not_cut_over_to(rig: &Netconf) {
    let mut order = super::moved(rig, 5);
    order.kind = OrderKind::Cutover;
    rig.serve(&order).await;
    assert_eq!(perform(rig, Operation::Check, &order).await, Ok(Presence::Absent));
    if let Some(down) = rig.shape.down {
        rig.edit(down).await;
        let refused = perform(rig, Operation::Check, &order).await.unwrap_err();
        let told = "`ge-0/0/2` of gw-1 is not up";
        assert!(!refused.transient && refused.failure.text.contains(told), "{refused}");
    }
    let mut request = Request::clone(&order.request);
    request.new.l3_port = "ge-0/0/9".to_owned();
    order.request = request.into();
    let refused = perform(rig, Operation::Check, &order).await.unwrap_err();
    assert!(!refused.transient && refused.failure.text.contains("gw-1 has no port `ge-0/0/9`"), "{refused}");
}

/// Each check over a gateway of its own: which profile it is of stands in the test's name.
macro_rules! checked {
    ($($profile:ident: $shape:ident),*) => {$(
        mod $profile {
            use super::{super as suite, Netconf, shapes::$shape};

            #[tokio::test]
            async fn each_step_twice_is_once() {
                suite::each_step_twice_is_once(&Netconf::start($shape)).await;
            }

            #[tokio::test]
            async fn what_is_somebodys_is_refused_and_stays() {
                suite::what_is_somebodys_is_refused_and_stays(&Netconf::start($shape)).await;
            }

            #[tokio::test]
            async fn half_a_circuit_is_told_and_made_whole_or_taken_away() {
                suite::half_a_circuit_is_told_and_made_whole_or_taken_away(&Netconf::start($shape)).await;
            }

            #[tokio::test]
            async fn what_somebody_changes_after_the_plan_is_told_and_nothing_is_touched() {
                let rig = Netconf::start($shape);
                suite::what_somebody_changes_after_the_plan_is_told_and_nothing_is_touched(&rig).await;
            }

            #[tokio::test]
            async fn a_circuit_that_goes_and_comes_back_leaves_nothing_behind() {
                super::a_circuit_that_goes_and_comes_back_leaves_nothing_behind(&Netconf::start($shape)).await;
            }

            #[tokio::test]
            async fn several_circuits_go_in_one_commit() {
                super::several_circuits_go_in_one_commit(&Netconf::start($shape)).await;
            }

            #[tokio::test]
            async fn what_the_model_refuses_is_told_and_leaves_nothing_behind() {
                super::what_the_model_refuses_is_told_and_leaves_nothing_behind(&Netconf::start($shape)).await;
            }

            #[tokio::test]
            async fn a_port_that_is_down_or_not_there_is_not_cut_over_to() {
                super::a_port_that_is_down_or_not_there_is_not_cut_over_to(&Netconf::start($shape)).await;
            }
        }
    )*};
}

checked! {
    ietf_interfaces: IETF_INTERFACES,
    ietf_if_vlan_encapsulation: IETF_IF_VLAN_ENCAPSULATION,
    openconfig: OPENCONFIG,
    huawei_vrp: HUAWEI_VRP
}
