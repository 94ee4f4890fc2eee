//! The suite over a scripted command line behind a real `sshd`.

use rehome_domain::{
    order::{Layer, WorkOrder},
    ports::Driver,
};
use rehome_lab::shell::Shell;

use super::Rig;
use crate::cli::{NEW, OLD, options, session};

struct Cli(Shell);

impl Cli {
    fn start() -> Self {
        Self(Shell::start("gw-1", &[]).unwrap())
    }

    fn at(&self, interface: &str, lines: &[&str]) {
        let interface = format!("interface {interface}");
        self.0.types(&[&["configure terminal", interface.as_str()], lines].concat()).unwrap();
    }
}

impl Rig for Cli {
    const LAYER: Layer = Layer::L3;

    fn open(&self) -> Box<dyn Driver> {
        Box::new(session(Layer::L3, options(&self.0)))
    }

    async fn occupy(&self) {
        self.at(NEW, &["description THEIRS"]);
    }

    /// Not shut down, and without tags or address.
    async fn halve(&self, order: &WorkOrder) {
        self.at(
            NEW,
            &[&format!("description half [rehome {} {}]", order.request.service_id, order.relocation)],
        );
    }

    async fn serve(&self, _: &WorkOrder) {
        let addressed = ["vrf forwarding acme", "ip address 192.0.2.1 255.255.255.252"];
        self.at(OLD, &[&["description L-1 Acme", "encapsulation dot1q 100"][..], &addressed[..]].concat());
    }

    async fn meddle(&self, order: &WorkOrder) {
        let mark = format!("[rehome {} {}]", order.request.service_id, order.relocation);
        self.at(NEW, &[&format!("description meddled with {mark}")]);
    }
}

#[tokio::test]
async fn each_step_twice_is_once() {
    super::each_step_twice_is_once(&Cli::start()).await;
}

#[tokio::test]
async fn what_is_somebodys_is_refused_and_stays() {
    super::what_is_somebodys_is_refused_and_stays(&Cli::start()).await;
}

#[tokio::test]
async fn half_a_circuit_is_told_and_made_whole_or_taken_away() {
    super::half_a_circuit_is_told_and_made_whole_or_taken_away(&Cli::start()).await;
}

#[tokio::test]
async fn what_somebody_changes_after_the_plan_is_told_and_nothing_is_touched() {
    super::what_somebody_changes_after_the_plan_is_told_and_nothing_is_touched(&Cli::start()).await;
}
