//! Signing in to a gateway with a password: a server of our own, for sshd knows no passwords but those of the machine's users.

use std::sync::Arc;

use rehome_devices::{
    netconf::{self, Line, Options, profile::Profile, xml},
    session::Session,
};
use rehome_domain::{
    order::{Layer, OrderKind},
    ports::{Driver as _, DriverError, Operation},
    reply::{Presence, Reason},
};
use rehome_lab::daemon;
use russh::{
    Channel, ChannelId,
    keys::{self, HashAlg, PrivateKey},
    server::{self, Auth, ChannelOpenHandle, Msg},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpListener,
};

use crate::world::{lying, order, relocation};

const USER: &str = "rehome";
const RIGHT: &str = "s3cret of gw-1";
const WRONG: &str = "s3cret of gw-2";
/// A variable that is set wherever tests run, so that its text can be a password.
const VARIABLE: &str = "PATH";
const END: &str = "]]>]]>";

/// Lets its user in with these passwords.
struct Door {
    passwords: Vec<String>,
    channel: Option<Channel<Msg>>,
}

impl server::Handler for Door {
    type Error = russh::Error;

    async fn auth_password(&mut self, user: &str, password: &str) -> Result<Auth, Self::Error> {
        let known = user == USER && self.passwords.iter().any(|known| known == password);
        Ok(if known { Auth::Accept } else { Auth::reject() })
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut server::Session,
    ) -> Result<(), Self::Error> {
        self.channel = Some(channel);
        reply.accept().await;
        Ok(())
    }

    async fn subsystem_request(
        &mut self,
        id: ChannelId,
        name: &str,
        session: &mut server::Session,
    ) -> Result<(), Self::Error> {
        let Some(channel) = self.channel.take().filter(|_| name == "netconf") else {
            return session.channel_failure(id);
        };
        session.channel_success(id)?;
        tokio::spawn(answer(channel.into_stream()));
        Ok(())
    }
}

/// A gateway that holds nothing.
async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin) {
    let capability = "<capability>urn:ietf:params:netconf:base:1.0</capability>";
    let hello = format!("<hello><capabilities>{capability}</capabilities></hello>{END}");
    stream.write_all(hello.as_bytes()).await.unwrap();
    let (mut said, mut piece) = (String::new(), [0; 4096]);
    while let Ok(read @ 1..) = stream.read(&mut piece).await {
        said.push_str(std::str::from_utf8(&piece[..read]).unwrap());
        while let Some((message, rest)) = said.split_once(END) {
            let message = xml::read(message).unwrap();
            said = rest.to_owned();
            if let Some(id) = message.attribute("message-id") {
                let reply = format!("<rpc-reply message-id=\"{id}\"><data/></rpc-reply>{END}");
                stream.write_all(reply.as_bytes()).await.unwrap();
            }
        }
    }
}

/// Serves until the test ends; how it is reached, but for the password.
async fn gateway(directory: &std::path::Path) -> Options {
    let file = directory.join("host_key");
    let mut make = daemon::command("ssh-keygen");
    daemon::run(make.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&file)).unwrap();
    let key: PrivateKey = keys::load_secret_key(file, None).unwrap();
    let fingerprint = key.public_key().fingerprint(HashAlg::Sha256);
    let config = server::Config {
        keys: vec![key],
        auth_rejection_time: std::time::Duration::ZERO,
        ..server::Config::default()
    };
    let (config, listener) = (Arc::new(config), TcpListener::bind("127.0.0.1:0").await.unwrap());
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let passwords = vec![RIGHT.to_owned(), std::env::var(VARIABLE).unwrap()];
            let door = Door { passwords, channel: None };
            let session = server::run_stream(Arc::clone(&config), stream, door).await.unwrap();
            tokio::spawn(session);
        }
    });
    toml::from_str(&format!(
        "profile = \"ietf-interfaces\"\nssh = {{ address = \"{address}\", user = {USER:?}, host_keys = [\"{fingerprint}\"] }}"
    ))
    .unwrap()
}

async fn look(options: Options) -> Result<Presence, DriverError> {
    let request = lying("S-1", crate::world::Lie::OneDevice);
    let order = order(relocation(1), Layer::L3, OrderKind::Inspect, &request);
    let line = Line::new("gw-1", options, Profile::named("ietf-interfaces").unwrap());
    Session::new(Layer::L3, "gw-1", netconf::Gateway(line)).perform(Operation::LookNew, &order).await
}

#[tokio::test]
async fn the_right_password_opens_a_session_and_a_wrong_one_is_refused_without_being_told() {
    let directory = tempfile::tempdir().unwrap();
    let reached = gateway(directory.path()).await;
    let with_file = |password: &str| {
        let file = directory.path().join("password");
        std::fs::write(&file, format!("{password}\nwhose it is\n")).unwrap();
        let mut options = reached.clone();
        options.ssh.password_file = Some(file);
        options
    };
    assert_eq!(look(with_file(RIGHT)).await, Ok(Presence::Absent));
    let refused = look(with_file(WRONG)).await.unwrap_err();
    assert_eq!((refused.transient, refused.failure.reason), (false, Reason::Unreachable), "{refused}");
    assert!(refused.failure.text.contains("does not let `rehome` in"), "{refused}");
    assert!(!format!("{refused:?}").contains(WRONG), "{refused:?}");
    let mut by_variable = reached.clone();
    by_variable.ssh.password_env = Some(VARIABLE.to_owned());
    assert_eq!(look(by_variable).await, Ok(Presence::Absent));
}
