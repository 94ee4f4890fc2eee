//! A NETCONF session: what the device can, and one request after the other.

use std::time::Duration;

use rehome_domain::{ports::DriverError, reply::Reason};
use russh::{
    ChannelStream,
    client::{Handle, Msg},
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{
    Options,
    framing::{Deframer, Framing, framed},
    rpc::{self, RpcError},
    xml::{self, Element},
};
use crate::{
    device::{permanent, transient},
    ssh::{self, Checked},
};

/// Bytes read at once.
const PIECE: usize = 32 * 1024;
/// How long the first answer of a session may take before the session is given up for another; each further one may have
/// twice as long. Long for what touches nothing, and short beside the time in which a session must come about.
const FIRST_ANSWER: Duration = Duration::from_secs(1);

/// What a device can, as its hello says; never by its maker's name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Capabilities(Vec<String>);

impl Capabilities {
    /// Those that a hello tells.
    #[must_use]
    pub fn of(hello: &Element) -> Self {
        let all = hello.all("capabilities/capability");
        Self(all.into_iter().map(|capability| capability.text.clone()).collect())
    }

    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|known| known.split('?').next() == Some(name))
    }

    fn can(&self, name: &str) -> bool {
        self.has(&format!("urn:ietf:params:netconf:capability:{name}"))
    }

    /// Messages in chunks.
    #[must_use]
    pub fn chunks(&self) -> bool {
        self.has("urn:ietf:params:netconf:base:1.1")
    }

    /// A candidate configuration that is committed as a whole.
    #[must_use]
    pub fn candidate(&self) -> bool {
        self.can("candidate:1.0")
    }

    /// Commits that it takes back by itself, and that another session may confirm.
    #[must_use]
    pub fn confirmed_commit(&self) -> bool {
        self.can("confirmed-commit:1.1")
    }

    /// Changes of the running configuration itself.
    #[must_use]
    pub fn writable_running(&self) -> bool {
        self.can("writable-running:1.0")
    }

    /// All or nothing of an edit.
    #[must_use]
    pub fn rollback_on_error(&self) -> bool {
        self.can("rollback-on-error:1.0")
    }
}

/// A session. Whoever gives up waiting for an answer must drop it: the answer would be taken for another's.
pub struct Client {
    device: String,
    // Invariant: kept as long as the stream is used, or the connection is closed.
    _session: Handle<Checked>,
    // Invariant: there until this is dropped.
    stream: Option<ChannelStream<Msg>>,
    /// Where it was opened: closing it is work too, and must be done there.
    runtime: tokio::runtime::Handle,
    deframer: Deframer,
    framing: Framing,
    last: u64,
    answer: Duration,
    pub(super) capabilities: Capabilities,
}

impl Client {
    /// Connects, signs in, exchanges hellos, and sees that the device answers.
    ///
    /// A server that is busy when our hello comes may find it together with the first request, and never look at that: Debian's
    /// netconfd does so. So the first request is one that asks for nothing; where it is not answered, another session is begun.
    ///
    /// # Errors
    /// Permanent if a person must see to it; else transient.
    pub async fn connect(device: &str, options: &Options) -> Result<Self, DriverError> {
        let within = Duration::from_millis(options.ssh.connect_ms.into());
        let late =
            || transient(Reason::Unreachable, format!("{device}: no NETCONF session within {within:?}"));
        let answering = async {
            let mut patience = FIRST_ANSWER;
            loop {
                let session = ssh::connect(&options.ssh).await?;
                let mut client = Self::greet(device, options, session).await?;
                let first = client.call("answer", rpc::ASK_NOTHING);
                match tokio::time::timeout(patience, first).await {
                    Ok(Err(error)) if error.failure.reason == Reason::Unreachable => return Err(error),
                    // A refusal is an answer too.
                    Ok(_) => return Ok(client),
                    // A slow device gets the rest of the time in one piece.
                    Err(_) => patience = if patience > FIRST_ANSWER { within } else { patience * 2 },
                }
            }
        };
        tokio::time::timeout(within, answering).await.map_err(|_| late())?
    }

    async fn greet(device: &str, options: &Options, session: Handle<Checked>) -> Result<Self, DriverError> {
        let away = |error: russh::Error| transient(Reason::Unreachable, format!("{device}: {error}"));
        let channel = session.channel_open_session().await.map_err(away)?;
        channel.request_subsystem(false, "netconf").await.map_err(away)?;
        let mut client = Self {
            device: device.to_owned(),
            _session: session,
            stream: Some(channel.into_stream()),
            runtime: tokio::runtime::Handle::current(),
            deframer: Deframer::new(options.largest_message),
            framing: Framing::Marked,
            last: 0,
            answer: Duration::from_millis(options.answer_ms.into()),
            capabilities: Capabilities::default(),
        };
        client.send(&rpc::hello()).await?;
        let hello = client.receive().await?;
        if hello.name != "hello" {
            let text = format!("{device} does not speak NETCONF: it began with `{}`", hello.name);
            return Err(permanent(Reason::Unreachable, text));
        }
        client.capabilities = Capabilities::of(&hello);
        if client.capabilities.chunks() {
            client.framing = Framing::Chunked;
            client.deframer.frame(Framing::Chunked);
        }
        Ok(client)
    }

    /// One request and its reply. `what` is it, for people.
    ///
    /// # Errors
    /// Transient if no answer comes: then nobody knows whether the request was done. Else as the device refuses.
    pub async fn call(&mut self, what: &str, operation: &str) -> Result<Element, DriverError> {
        let answered = self.ask(what, operation).await?;
        answered.map_err(|errors| rpc::refusal(&self.device, what, &errors))
    }

    /// The same for whoever goes by what the device says when it refuses.
    ///
    /// # Errors
    /// Transient if no answer comes.
    pub(super) async fn ask(
        &mut self,
        what: &str,
        operation: &str,
    ) -> Result<Result<Element, Vec<RpcError>>, DriverError> {
        self.last += 1;
        let id = self.last;
        let late = |device: &str, answer: Duration| {
            transient(Reason::Unreachable, format!("{device} did not answer within {answer:?} to {what}"))
        };
        let answered = tokio::time::timeout(self.answer, async {
            self.send(&rpc::request(id, operation)).await?;
            self.receive().await
        });
        let reply = answered.await.map_err(|_| late(&self.device, self.answer))??;
        if reply.name != "rpc-reply" || reply.attribute("message-id") != Some(id.to_string().as_str()) {
            let text = format!("{} answered something else than was asked", self.device);
            return Err(transient(Reason::Unreachable, text));
        }
        let errors = rpc::errors(&reply);
        Ok(if errors.is_empty() { Ok(reply) } else { Err(errors) })
    }

    async fn send(&mut self, message: &str) -> Result<(), DriverError> {
        let message = framed(self.framing, message);
        let sent = async {
            let stream = self.stream.as_mut().ok_or(std::io::ErrorKind::NotConnected)?;
            stream.write_all(&message).await?;
            stream.flush().await
        };
        sent.await.map_err(|error| transient(Reason::Unreachable, format!("{}: {error}", self.device)))
    }

    async fn receive(&mut self) -> Result<Element, DriverError> {
        let away = |device: &str, why: &dyn std::fmt::Display| {
            transient(Reason::Unreachable, format!("{device}: {why}"))
        };
        let mut piece = vec![0; PIECE];
        loop {
            if let Some(message) = self.deframer.take().map_err(|error| away(&self.device, &error))? {
                let text = String::from_utf8(message).map_err(|error| away(&self.device, &error))?;
                return xml::read(text.trim_start_matches('\u{feff}').trim())
                    .map_err(|error| away(&self.device, &error));
            }
            let stream = self.stream.as_mut().ok_or_else(|| away(&self.device, &"the session is closed"))?;
            let read = stream.read(&mut piece).await.map_err(|error| away(&self.device, &error))?;
            if read == 0 {
                return Err(away(&self.device, &"the device ended the session"));
            }
            self.deframer.push(piece.get(..read).unwrap_or_default());
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // The stream says goodbye in a task of its own, for which there must be a runtime wherever this is dropped.
        let _entered = self.runtime.enter();
        drop(self.stream.take());
    }
}
