//! What a broker that others use can do to us.

use std::sync::Arc;

use rehome_testkit::broker::Vhost;

use crate::{contract::open, flow::flow};

#[tokio::test(flavor = "multi_thread")]
async fn nothing_confirmed_is_lost_when_all_connections_are_closed_again_and_again_in_mid_flow() {
    let vhost = Arc::new(Vhost::new());
    let bus = open(&vhost).await;
    let disturber = Arc::clone(&vhost);
    let outcome = flow(Arc::clone(&bus), move || {
        for _ in 0..5 {
            disturber.close_all_connections();
        }
    })
    .await;
    println!("{outcome:?}");
    bus.shutdown().await;
}
