//! A database that restarts.

use std::time::Duration;

use rehome_testkit::{
    broker::Vhost,
    postgres::{Cluster, Database},
};

use super::{
    system::{SIX, System},
    verdict::{RELOCATIONS, reference},
};
use crate::running::the_machine;

/// So long the work goes on between two disturbances.
const BETWEEN: Duration = Duration::from_secs(8);

#[test]
fn a_database_crashed_twice_loses_nothing_and_repeats_nothing() {
    let _alone = the_machine();
    let reference = reference();
    let (vhost, cluster) = (Vhost::new(), Cluster::start());
    let database = Database::on(&cluster.url());
    let system = System::start(&vhost.url(), &database, &reference.plan, &SIX);
    let mut crashes = 0;
    let took = system.run(&reference.sheet, RELOCATIONS).finish(BETWEEN, || {
        if crashes < 2 {
            cluster.crash();
            cluster.begin();
            crashes += 1;
        }
    });
    assert_eq!(crashes, 2, "it ended before the database had been crashed twice");
    // What a reply that comes late still writes must not be read half.
    drop(system);
    reference.judge("PostgreSQL crashed twice", took, &database);
}
