//! A cluster of brokers that loses nodes.

use std::time::{Duration, Instant};

use rehome_domain::request::Deadlines;
use rehome_testkit::{
    broker::{Cluster, Vhost},
    postgres::Database,
};

use super::{
    system::{SIX, System},
    verdict::{RELOCATIONS, patient_plan, reference},
};
use crate::running::the_machine;

/// Longer than on one broker: three on this machine do each message's work three times, and while a node is lost, a
/// leader elected and what it held given out again, all orders wait. None must miss its deadline but those whose reply
/// the plan loses or delays.
const DEADLINES: Deadlines =
    Deadlines { reserve_ms: 80_000, cutover_ms: 80_000, rollback_ms: 80_000, inspect_ms: 80_000 };
/// Late by this, a reply has missed its deadline.
const LATE_MS: u32 = 85_000;
/// Each operation of a gateway takes so long, or all would be done before a node that was killed is back.
const SLOW: &str = "
[[fault]]
name = \"gateways take their time\"
layer = \"l3\"
probability = 1.0
delay_ms = 1000
what = \"slow\"
";
/// What becomes of the cluster, and how much of all effects must be done before, in hundredths; the first quarter is what
/// devices held when nothing had moved yet.
const COURSE: [(usize, Step); 4] = [
    (35, Step::Lose("rehome.supervisor")),
    (36, Step::Return),
    (55, Step::Lose("rehome.l3")),
    (56, Step::Return),
];
/// Later than this it is not mid-run.
const LATEST: usize = 90;

#[test]
fn the_nodes_that_lead_queues_are_killed_in_mid_run_and_nothing_is_lost_or_repeated() {
    let _alone = the_machine();
    let reference = reference();
    let (cluster, database, dir) = (Cluster::start(), Database::create(), tempfile::tempdir().unwrap());
    let vhost = cluster.vhost();
    let plan = dir.path().join("faults.toml");
    std::fs::write(&plan, patient_plan(SLOW, DEADLINES, LATE_MS)).unwrap();
    let brokers = (0..cluster.nodes().len()).map(|first| cluster.urls(&vhost, first)).collect();
    let system = System::start_over(brokers, &database, &plan, &SIX);
    let mut run = system.run(&reference.sheet, RELOCATIONS);
    let mut losses = Losses::of(&cluster, &vhost);
    let took = run.finish(Duration::from_millis(500), || {
        let done: usize = database.sql("SELECT count(*) FROM device_log").trim().parse().unwrap();
        losses.at(done * 100 / reference.effects());
    });
    assert!(losses.are_over(), "the run was over before the cluster had lost its nodes");
    drop(system);
    reference.judge("a cluster that lost two leaders", took, &database);
}

/// What becomes of a cluster.
#[derive(Clone, Copy)]
enum Step {
    /// The node that leads this queue is killed.
    Lose(&'static str),
    /// It is started again.
    Return,
}

/// A cluster's course.
struct Losses<'a> {
    cluster: &'a Cluster,
    vhost: &'a Vhost,
    begun: Instant,
    steps: std::slice::Iter<'static, (usize, Step)>,
    /// The node that is dead.
    lost: Option<usize>,
    /// The node that is being started again: that takes long on a busy machine, and the run goes on.
    returning: Option<usize>,
}

impl<'a> Losses<'a> {
    fn of(cluster: &'a Cluster, vhost: &'a Vhost) -> Self {
        Self { cluster, vhost, begun: Instant::now(), steps: COURSE.iter(), lost: None, returning: None }
    }

    fn are_over(&self) -> bool {
        self.steps.as_slice().is_empty() && self.returning.is_none()
    }

    /// So many hundredths of the work are done.
    fn at(&mut self, done: usize) {
        let nodes = self.cluster.nodes();
        if let Some(node) = self.returning {
            if !nodes[node].takes_connections() {
                return;
            }
            nodes[node].until_up();
            self.say(&format!("node {node} is back"), done);
            self.returning = None;
        }
        let Some((_, step)) = self.steps.as_slice().first().filter(|(from, _)| *from <= done) else { return };
        self.steps.next();
        match *step {
            Step::Lose(queue) => {
                assert!(done <= LATEST, "{done}% is done before {queue} loses its leader");
                let leader = self.cluster.leader(self.vhost, queue);
                nodes[leader].kill();
                self.say(&format!("killed node {leader}, which led {queue}"), done);
                self.lost = Some(leader);
            }
            Step::Return => {
                self.returning = self.lost.take();
                self.returning.iter().for_each(|node| nodes[*node].begin());
            }
        }
    }

    fn say(&self, what: &str, done: usize) {
        println!("{:?}: {what}, with {done}% of all effects done", self.begun.elapsed());
    }
}
