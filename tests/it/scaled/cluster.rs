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
/// How much of all effects is done, in hundredths, when the node that leads a queue is killed, and when it may come back.
const COURSE: [(&str, usize, usize); 2] = [("rehome.supervisor", 20, 40), ("rehome.l3", 55, 75)];

#[test]
fn the_nodes_that_lead_queues_are_killed_in_mid_run_and_nothing_is_lost_or_repeated() {
    let _alone = the_machine();
    let reference = reference();
    let (cluster, database, dir) = (Cluster::start(), Database::create(), tempfile::tempdir().unwrap());
    let vhost = cluster.vhost();
    let plan = dir.path().join("faults.toml");
    std::fs::write(&plan, patient_plan("", DEADLINES, LATE_MS)).unwrap();
    let brokers = (0..cluster.nodes().len()).map(|first| cluster.urls(&vhost, first)).collect();
    let system = System::start_over(brokers, &database, &plan, &SIX);
    let mut run = system.run(&reference.sheet, RELOCATIONS);
    let mut losses = Losses { cluster: &cluster, vhost: &vhost, begun: Instant::now(), lost: None, over: 0 };
    let took = run.finish(Duration::from_millis(500), || {
        let done: usize = database.sql("SELECT count(*) FROM device_log").trim().parse().unwrap();
        losses.at(done * 100 / reference.effects());
    });
    assert_eq!(losses.over, COURSE.len(), "the run was over before the cluster had lost its nodes");
    reference.judge("a cluster that lost two leaders", took, &database);
}

/// What becomes of the cluster.
struct Losses<'a> {
    cluster: &'a Cluster,
    vhost: &'a Vhost,
    begun: Instant,
    /// The node that is dead now.
    lost: Option<usize>,
    /// Losses that are made good.
    over: usize,
}

impl Losses<'_> {
    /// So many hundredths of the work are done.
    fn at(&mut self, done: usize) {
        let Some((queue, kill, back)) = COURSE.get(self.over) else { return };
        match self.lost {
            None if done >= *kill => {
                let leader = self.cluster.leader(self.vhost, queue);
                self.cluster.nodes()[leader].kill();
                self.say(&format!("killed node {leader}, which led {queue}"), done);
                self.lost = Some(leader);
            }
            Some(node) if done >= *back => {
                self.cluster.nodes()[node].start_again();
                self.say(&format!("node {node} is back"), done);
                self.lost = None;
                self.over += 1;
            }
            _ => {}
        }
    }

    fn say(&self, what: &str, done: usize) {
        println!("{:?}: {what}, with {done}% of all effects done", self.begun.elapsed());
    }
}
