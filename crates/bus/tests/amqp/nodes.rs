//! A broker of several nodes, as its clients see it: several ways in, some of which lead nowhere.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use lapin::{options::QueueBindOptions, types::FieldTable};
use rehome_bus::amqp::{Amqp, Limits, Options};
use rehome_domain::{
    order::Layer,
    ports::{Bus as _, Outgoing},
};
use rehome_testkit::{
    broker::Vhost,
    contract::bus::{order, relocation, reply, soon, take},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, tcp::OwnedReadHalf},
    task::JoinHandle,
};

use crate::{
    client::Client,
    contract::{open, options},
};

/// The last byte of each frame.
const FRAME_END: u8 = 0xce;

/// A way to the broker that counts who comes by it, and may lose what the broker says.
struct Door {
    port: u16,
    inner: Arc<Inner>,
    accepting: JoinHandle<()>,
}

#[derive(Default)]
struct Inner {
    opened: AtomicUsize,
    losing: AtomicBool,
    lost: Mutex<Vec<u8>>,
}

impl Door {
    async fn before(vhost: &Vhost) -> Self {
        let server = vhost.url().rsplit_once('@').unwrap().1.split('/').next().unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (port, inner) = (listener.local_addr().unwrap().port(), Arc::<Inner>::default());
        let shared = Arc::clone(&inner);
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                shared.opened.fetch_add(1, Ordering::SeqCst);
                let server = TcpStream::connect(&server).await.unwrap();
                let ((from_client, mut to_client), (from_server, mut to_server)) =
                    (client.into_split(), server.into_split());
                let told = Arc::clone(&shared);
                tokio::spawn(async move {
                    pass(from_client, |bytes| Some(bytes.to_vec()), &mut to_server).await;
                });
                tokio::spawn(async move {
                    pass(from_server, |bytes| told.hear(bytes), &mut to_client).await;
                });
            }
        });
        Self { port, inner, accepting }
    }

    fn url(&self, vhost: &Vhost) -> String {
        let url = vhost.url();
        let (user, place) = url.split_once('@').unwrap();
        format!("{user}@127.0.0.1:{}/{}", self.port, place.split_once('/').unwrap().1)
    }

    fn opened(&self) -> usize {
        self.inner.opened.load(Ordering::SeqCst)
    }

    /// Loses what the broker says until that is whole frames with these bytes among them.
    async fn lose(&self, bytes: &[u8]) {
        let is_lost = || {
            let lost = self.inner.lost.lock().unwrap();
            lost.last() == Some(&FRAME_END) && lost.windows(bytes.len()).any(|window| window == bytes)
        };
        while !is_lost() {
            tokio::task::yield_now().await;
        }
        self.inner.losing.store(false, Ordering::SeqCst);
    }
}

impl Inner {
    fn hear(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        if self.losing.load(Ordering::SeqCst) {
            self.lost.lock().unwrap().extend(bytes);
            return None;
        }
        Some(bytes.to_vec())
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn pass(
    mut from: OwnedReadHalf,
    through: impl Fn(&[u8]) -> Option<Vec<u8>>,
    to: &mut (impl AsyncWriteExt + Unpin),
) {
    let mut bytes = vec![0; 1 << 16];
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        if let Some(bytes) = through(&bytes[..count])
            && to.write_all(&bytes).await.is_err()
        {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_gone_is_passed_over_and_named() {
    let vhost = Vhost::new();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let gone = format!("amqp://guest:secret@{nobody}/{}", vhost.name());
    let url = format!("{gone},{}", vhost.url());
    let bus = Amqp::connect(Options { url: url.clone(), ..options(&vhost) }).await.unwrap();
    bus.send(vec![Outgoing::Reply(reply(1))]).await.unwrap();
    assert_eq!(take(&mut *bus.inputs(), 1).await, [reply(1)]);

    let seen = Amqp::examine(Options { url, ..options(&vhost) }).await.unwrap();
    assert_eq!(seen.queues.len(), 7);
    let [absent] = &seen.absent[..] else { panic!("{:?}", seen.absent) };
    assert!(absent.starts_with(&format!("URL 1 of the broker's 2: no connection to the broker at {nobody}")));
    let Err(error) = Amqp::connect(Options { url: format!("{gone},{gone}"), ..options(&vhost) }).await else {
        panic!("there is nobody")
    };
    let said = error.to_string();
    assert!(
        said.starts_with("none of the broker's nodes can be used: ") && !said.contains("secret"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_refused_again_and_again_goes_by_the_next_node() {
    let vhost = Vhost::new();
    open(&vhost).await.shutdown().await;
    let other = Client::connect(&vhost.url()).await;
    let (queue, exchange, key) = ("rehome.l3", "rehome.work", "l3.default");
    let none = FieldTable::default();
    other.channel.queue_unbind(queue.into(), exchange.into(), key.into(), none.clone()).await.unwrap();
    let (first, second) = (Door::before(&vhost).await, Door::before(&vhost).await);
    let bus = Amqp::start(Options {
        url: format!("{},{}", first.url(&vhost), second.url(&vhost)),
        // Others do, and have not: each try comes back.
        declare: false,
        limits: Limits { refused: Duration::from_millis(500), ..Limits::default() },
        ..options(&vhost)
    })
    .unwrap();
    let sender = Arc::clone(&bus);
    let sending = tokio::spawn(async move { sender.send(vec![Outgoing::Order(order(1, Layer::L3))]).await });
    let moved = async {
        while second.opened() == 0 {
            tokio::task::yield_now().await;
        }
    };
    soon(moved).await;
    assert!(first.opened() > 0 && !sending.is_finished());
    let bind = QueueBindOptions::default();
    other.channel.queue_bind(queue.into(), exchange.into(), key.into(), bind, none).await.unwrap();
    soon(sending).await.unwrap().unwrap();
    vhost.until_messages(queue, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_given_to_a_consumer_and_never_came_comes_again_once_it_is_idle() {
    let vhost = Vhost::new();
    let door = Door::before(&vhost).await;
    let bus = Amqp::connect(Options {
        url: door.url(&vhost),
        limits: Limits { watchdog: Duration::from_secs(1), ..Limits::default() },
        ..options(&vhost)
    })
    .await
    .unwrap();
    let mut inputs = bus.inputs();
    // The consumer is there.
    bus.send(vec![Outgoing::Reply(reply(1))]).await.unwrap();
    let taken = soon(inputs.next(1, true)).await.unwrap();
    inputs.acks().ack(taken.iter().map(|delivery| delivery.tag).collect()).await.unwrap();

    door.inner.losing.store(true, Ordering::SeqCst);
    let other = open(&vhost).await;
    other.send(vec![Outgoing::Reply(reply(2))]).await.unwrap();
    soon(door.lose(relocation(2).to_string().as_bytes())).await;
    let again = soon(inputs.next(1, true)).await.unwrap();
    assert_eq!(again[0].message, reply(2));
}
