//! What operations ask, over a real socket.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::sync::{Arc, Mutex};

use rehome_domain::ports::Wait;
use rehome_web::{Bound, ListenError, Listening, Part, Probe, Readiness, Site};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Says what it was told to.
struct Told(Mutex<Readiness>);

impl Probe for Told {
    fn look(&self) -> Wait<'_, Readiness> {
        let told = self.0.lock().unwrap().clone();
        Box::pin(std::future::ready(told))
    }
}

fn readiness(draining: bool, bus: &[&str], store: &[&str]) -> Readiness {
    let troubles = |given: &[&str]| given.iter().map(|trouble| (*trouble).to_owned()).collect();
    let parts = (Part::new("amqp", troubles(bus)), Part::new("postgres", troubles(store)));
    Readiness::of(vec!["supervisor".to_owned()], draining, parts.0, parts.1)
}

/// The status line and the body of an answer.
async fn get(at: std::net::SocketAddr, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(at).await.unwrap();
    let asked = format!("GET {path} HTTP/1.1\r\nHost: rehome\r\nConnection: close\r\n\r\n");
    stream.write_all(asked.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

fn on_system<T>(test: impl Future<Output = T>) -> T {
    actix_web::rt::System::new().block_on(test)
}

#[test]
fn a_process_that_can_not_work_is_healthy_but_not_ready_and_says_why() {
    on_system(async {
        let told = Arc::new(Told(Mutex::new(readiness(false, &[], &[]))));
        let bound = Bound::open("127.0.0.1:0").unwrap();
        let at = bound.address();
        let metrics = Arc::new(|| "rehome_up 1\n".to_owned());
        let running = bound
            .serve(Site { probe: Arc::clone(&told) as _, metrics, workbench: None }, &Listening::default())
            .unwrap();

        assert_eq!(get(at, "/healthz").await, (200, "ok\n".to_owned()));
        assert_eq!(get(at, "/metrics").await, (200, "rehome_up 1\n".to_owned()));
        assert_eq!(get(at, "/nothing").await.0, 404);
        let (status, body) = get(at, "/readyz").await;
        assert_eq!((status, serde_json::from_str(&body).unwrap()), (200, readiness(false, &[], &[])));

        for (standing, reason) in [
            (readiness(true, &[], &[]), "draining: it finishes what is in hand"),
            (readiness(false, &["publish: connection refused"], &[]), "bus: publish: connection refused"),
            (readiness(false, &[], &["no answer"]), "store: no answer"),
        ] {
            *told.0.lock().unwrap() = standing.clone();
            let (status, body) = get(at, "/readyz").await;
            let said: Readiness = serde_json::from_str(&body).unwrap();
            assert_eq!((status, &said), (503, &standing));
            assert_eq!(said.reasons, [reason]);
            assert_eq!(get(at, "/healthz").await.0, 200);
        }
        running.stop().await;
        assert!(TcpStream::connect(at).await.is_err());
    });
}

#[test]
fn a_port_that_somebody_has_is_named() {
    let first = Bound::open("127.0.0.1:0").unwrap();
    let taken = first.address().to_string();
    let error = Bound::open(&taken).unwrap_err();
    assert!(matches!(&error, ListenError::InUse { at } if *at == taken), "{error}");
    assert!(error.to_string().contains(&taken));
}
