//! RabbitMQ passes what every bus must.

use std::sync::Arc;

use rehome_bus::amqp::{Amqp, Options};
use rehome_domain::ports::Bus;
use rehome_testkit::{
    broker::Vhost,
    contract::{bus, check},
};

/// A bus in a vhost of its own, relaying for its own user.
pub(crate) async fn open(vhost: &Vhost) -> Arc<Amqp> {
    Amqp::connect(options(vhost)).await.unwrap()
}

pub(crate) fn options(vhost: &Vhost) -> Options {
    Options { relays: vec!["guest".to_owned()], ..Options::new(&vhost.url()) }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_does_what_every_bus_must() {
    check(bus::CASES, async || {
        let vhost = Vhost::new();
        let bus: Arc<dyn Bus> = open(&vhost).await;
        (bus, vhost)
    })
    .await;
}
