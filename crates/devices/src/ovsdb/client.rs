//! A connection to an `ovsdb-server`: JSON-RPC 1.0 (RFC 7047, section 4).

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, OnceLock},
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, ReadHalf, WriteHalf},
    sync::{mpsc, oneshot},
    time::{Instant, timeout, timeout_at},
};

use super::{
    Options,
    stream::{self, Stream},
    wire::{Messages, WireError},
};

/// Requests of one connection that wait to be written: a session has one under way, and one that it gave up.
const WAITING: usize = 4;
/// Bytes read at once.
const PIECE: usize = 16 << 10;

/// Why a server could not be asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum ClientError {
    /// No connection.
    #[error("no connection: {0}")]
    Connect(String),
    /// The two don't trust each other.
    #[error("{0}")]
    Untrusted(String),
    /// What the inventory says can't work.
    #[error("{0}")]
    Setup(String),
    /// It hung up.
    #[error("the connection broke before it had answered")]
    Dropped,
    /// Nothing came in time.
    #[error("it did not {what} within {within_ms} ms")]
    Silent {
        /// What was waited for.
        what: &'static str,
        /// How long, in milliseconds.
        within_ms: u32,
    },
    /// It does not speak JSON-RPC.
    #[error("it is no OVSDB server: {0}")]
    Foreign(#[from] WireError),
    /// It refused the request as a whole.
    #[error("it refused the request: {0}")]
    Refused(String),
}

impl ClientError {
    /// What an I/O error while connecting means; a broken trust is told apart, because trying again does not mend it.
    pub(super) fn from_io(error: &io::Error) -> Self {
        let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        match tls {
            Some(rustls::Error::InvalidCertificate(why)) => Self::Untrusted(format!(
                "its certificate is not vouched for by `ca_file`, or not for this name ({why}): if the switch has a \
                 new one, put who vouches for it into `ca_file`; if not, somebody may be in between"
            )),
            Some(rustls::Error::AlertReceived(alert)) => Self::Untrusted(format!(
                "it refused our certificate ({alert:?}): renew `certificate_file` and `key_file`, or let the switch's \
                 CA vouch for them"
            )),
            _ => Self::Connect(error.to_string()),
        }
    }

    /// What an I/O error on a connection means. With TLS 1.3 a server refuses our certificate only after the handshake.
    fn from_broken(error: &io::Error) -> Self {
        match Self::from_io(error) {
            untrusted @ Self::Untrusted(_) => untrusted,
            _ => Self::Dropped,
        }
    }
}

struct Request {
    method: &'static str,
    params: Value,
    answer: oneshot::Sender<Result<Value, ClientError>>,
}

/// A connection. Ends when this is dropped.
#[derive(Debug)]
pub(super) struct Connection {
    requests: mpsc::Sender<Request>,
    /// Why it ended, once it has.
    ended: Arc<OnceLock<ClientError>>,
    answer_ms: u32,
}

impl Connection {
    /// Connects.
    pub(super) async fn open(options: &Options) -> Result<Self, ClientError> {
        Ok(Self::over(stream::open(options).await?, options))
    }

    fn over(stream: Box<dyn Stream>, options: &Options) -> Self {
        let (requests, taken) = mpsc::channel(WAITING);
        let ended = Arc::new(OnceLock::new());
        tokio::spawn(Conversation::new(stream, options).hold(taken, Arc::clone(&ended)));
        Self { requests, ended, answer_ms: options.answer_ms }
    }

    /// Whether it has not broken so far.
    pub(super) fn is_up(&self) -> bool {
        !self.requests.is_closed()
    }

    /// Asks, and waits for the answer for [`Options::answer_ms`] and this much longer, which the server was told it may
    /// take.
    pub(super) async fn ask(
        &self,
        method: &'static str,
        params: Value,
        longer_ms: u32,
    ) -> Result<Value, ClientError> {
        let (answer, answered) = oneshot::channel();
        let within_ms = self.answer_ms.saturating_add(longer_ms);
        let asking = async {
            let why = || self.ended.get().cloned().unwrap_or(ClientError::Dropped);
            self.requests.send(Request { method, params, answer }).await.map_err(|_| why())?;
            answered.await.map_err(|_| why())?
        };
        let within = Duration::from_millis(within_ms.into());
        timeout(within, asking).await.unwrap_or(Err(ClientError::Silent { what: "answer", within_ms }))
    }
}

/// What goes over a connection, held by a task of its own: the server asks too, and hangs up on who does not answer.
struct Conversation {
    reader: ReadHalf<Box<dyn Stream>>,
    writer: WriteHalf<Box<dyn Stream>>,
    messages: Messages,
    asked: BTreeMap<u64, oneshot::Sender<Result<Value, ClientError>>>,
    last_id: u64,
    options: Options,
}

impl Conversation {
    fn new(stream: Box<dyn Stream>, options: &Options) -> Self {
        let (reader, writer) = tokio::io::split(stream);
        let (messages, asked) = (Messages::default(), BTreeMap::new());
        Self { reader, writer, messages, asked, last_id: 0, options: options.clone() }
    }

    /// Until it ends. Who waits for an answer then is told why, as whoever asks later.
    async fn hold(mut self, mut requests: mpsc::Receiver<Request>, ended: Arc<OnceLock<ClientError>>) {
        let error = self.go_on(&mut requests).await;
        tracing::debug!(address = %self.options.address, %error, "a connection to a switch ended");
        let _ = ended.set(error);
    }

    /// Until the connection ends, or nobody wants it any more.
    async fn go_on(&mut self, requests: &mut mpsc::Receiver<Request>) -> ClientError {
        let (mut piece, pause) = (vec![0; PIECE], self.options.keepalive());
        let (mut silent_at, mut echoed) = (Instant::now() + pause, false);
        loop {
            let done = tokio::select! {
                request = requests.recv() => match request {
                    Some(request) => self.send(request).await,
                    None => return ClientError::Dropped,
                },
                read = timeout_at(silent_at, self.reader.read(&mut piece)) => match read {
                    Ok(Ok(0)) => return ClientError::Dropped,
                    Ok(Err(error)) => return ClientError::from_broken(&error),
                    Ok(Ok(read)) => {
                        (silent_at, echoed) = (Instant::now() + pause, false);
                        self.take(piece.get(..read).unwrap_or_default()).await
                    }
                    Err(_) if echoed => {
                        let within_ms = self.options.keepalive_ms;
                        return ClientError::Silent { what: "show life", within_ms };
                    }
                    Err(_) => {
                        (silent_at, echoed) = (Instant::now() + pause, true);
                        self.write(&json!({ "method": "echo", "params": [], "id": "echo" })).await
                    }
                },
            };
            if let Err(error) = done {
                return error;
            }
        }
    }

    async fn send(&mut self, request: Request) -> Result<(), ClientError> {
        self.last_id += 1;
        self.asked.retain(|_, answer| !answer.is_closed());
        self.asked.insert(self.last_id, request.answer);
        self.write(&json!({ "method": request.method, "params": request.params, "id": self.last_id })).await
    }

    /// A server that takes nothing any more is as good as gone.
    async fn write(&mut self, message: &Value) -> Result<(), ClientError> {
        let bytes = message.to_string().into_bytes();
        let writing = async {
            self.writer.write_all(&bytes).await?;
            self.writer.flush().await
        };
        match timeout(self.options.answer(), writing).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(ClientError::from_broken(&error)),
            Err(_) => Err(ClientError::Dropped),
        }
    }

    async fn take(&mut self, bytes: &[u8]) -> Result<(), ClientError> {
        self.messages.feed(bytes);
        while let Some(message) = self.messages.next()? {
            match message.get("method").and_then(Value::as_str) {
                Some("echo") => {
                    let (id, params) = (message.get("id"), message.get("params"));
                    self.write(&json!({ "id": id, "result": params, "error": null })).await?;
                }
                // Notifications: of locks, and whatever else we did not ask for.
                Some(_) => {}
                None => self.answer(&message),
            }
        }
        Ok(())
    }

    fn answer(&mut self, message: &Value) {
        let id = message.get("id").and_then(Value::as_u64);
        let Some(asked) = id.and_then(|id| self.asked.remove(&id)) else { return };
        let answer = match message.get("error") {
            None | Some(Value::Null) => Ok(message.get("result").cloned().unwrap_or_default()),
            Some(error) => Err(ClientError::Refused(error.to_string())),
        };
        // Who asked may have given up.
        let _ = asked.send(answer);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};

    use super::{ClientError, Connection};
    use crate::ovsdb::{Options, wire::Messages};

    /// A server that does what a test makes it do.
    struct Server {
        stream: DuplexStream,
        messages: Messages,
    }

    impl Server {
        async fn hears(&mut self) -> Option<Value> {
            let mut piece = [0; 1024];
            loop {
                if let Some(message) = self.messages.next().unwrap() {
                    return Some(message);
                }
                match self.stream.read(&mut piece).await.unwrap() {
                    0 => return None,
                    read => self.messages.feed(&piece[..read]),
                }
            }
        }

        async fn says(&mut self, bytes: &[u8]) {
            self.stream.write_all(bytes).await.unwrap();
        }
    }

    fn connected() -> (Connection, Server) {
        let (ours, stream) = tokio::io::duplex(1 << 16);
        let options = Options::new("unix:/nowhere".to_owned().try_into().unwrap());
        (Connection::over(Box::new(ours), &options), Server { stream, messages: Messages::default() })
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_asks_whether_we_live_is_answered_while_we_wait_for_it() {
        let (connection, mut server) = connected();
        let serve = async {
            let asked = server.hears().await.unwrap();
            server.says(br#"{"method":"echo","params":[7],"id":"x"}"#).await;
            assert_eq!(server.hears().await, Some(json!({ "id": "x", "result": [7], "error": null })));
            server
                .says(br#"{"method":"update","params":[],"id":null}{"id":99,"result":0,"error":null}"#)
                .await;
            let answer = json!({ "id": asked["id"], "result": [1], "error": null }).to_string();
            server.says(answer.as_bytes()).await;
        };
        let (answer, ()) = tokio::join!(connection.ask("list_dbs", json!([]), 0), serve);
        assert_eq!(answer, Ok(json!([1])));
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_says_nothing_is_asked_and_then_given_up() {
        let (connection, mut server) = connected();
        assert_eq!(server.hears().await.unwrap()["method"], "echo");
        assert!(connection.is_up());
        assert_eq!(server.hears().await, None, "the connection was closed");
        assert!(!connection.is_up());
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_answers_our_echo_stays_connected() {
        let (connection, mut server) = connected();
        for _ in 0..100 {
            let echo = server.hears().await.unwrap();
            assert_eq!(echo["method"], "echo");
            server
                .says(json!({ "id": echo["id"], "result": [], "error": null }).to_string().as_bytes())
                .await;
        }
        assert!(connection.is_up());
    }

    #[tokio::test(start_paused = true)]
    async fn every_way_in_which_a_server_fails_us_has_its_name() {
        let (connection, mut server) = connected();
        let serve = async {
            let id = server.hears().await.unwrap()["id"].clone();
            server
                .says(json!({ "id": id, "result": null, "error": "unknown method" }).to_string().as_bytes())
                .await;
        };
        let (answer, ()) = tokio::join!(connection.ask("sing", json!([]), 0), serve);
        assert_eq!(answer, Err(ClientError::Refused("\"unknown method\"".to_owned())));

        let (connection, mut server) = connected();
        let serve = async { server.says(b"SSH-2.0-OpenSSH_9.2\r\n").await };
        let (answer, ()) = tokio::join!(connection.ask("list_dbs", json!([]), 0), serve);
        assert!(matches!(answer, Err(ClientError::Foreign(_))), "{answer:?}");

        let (connection, mut server) = connected();
        let serve = async { drop(server.hears().await.map(|_| server)) };
        let (answer, ()) = tokio::join!(connection.ask("list_dbs", json!([]), 0), serve);
        assert_eq!(answer, Err(ClientError::Dropped));

        let (connection, mut server) = connected();
        let serve = async {
            // It lives, but does not answer.
            while let Some(heard) = server.hears().await {
                if heard["method"] == "echo" {
                    let answer = json!({ "id": heard["id"], "result": [] }).to_string();
                    // The one who waits may have given up at the same instant.
                    let _ = server.stream.write_all(answer.as_bytes()).await;
                }
            }
        };
        let (answer, ()) = tokio::join!(
            async {
                let answer = connection.ask("list_dbs", json!([]), 0).await;
                drop(connection);
                answer
            },
            serve
        );
        assert_eq!(answer, Err(ClientError::Silent { what: "answer", within_ms: 5000 }));
    }
}
