//! A real switch with a customer's circuit on it, and ways to it.

use std::{
    path::{Path, PathBuf},
    sync::Mutex,
};

use rehome_devices::{
    ovsdb::{self, Options},
    session::Session,
};
use rehome_domain::{
    order::{Layer, OrderKind, WorkOrder},
    ports::{Driver as _, DriverError, Operation},
    reply::Presence,
    request::Request,
};
use rehome_lab::switch::{self, Switch};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{UnixListener, UnixStream},
};

use crate::world::{Lie, lying, order, relocation};

pub(super) const PARKED: &str = "4094";

/// A switch whose port `eth1` is in service in VLAN 100, by nobody's mark, and whose `eth2` and `eth3` are parked.
pub(crate) struct Rig {
    pub(super) switch: Switch,
}

impl Rig {
    pub(crate) fn new() -> Self {
        Self::with(switch::Options::default())
    }

    pub(super) fn with(options: switch::Options) -> Self {
        let switch = Switch::start(options).unwrap();
        for (port, tag) in [("eth1", 100), ("eth2", 4094), ("eth3", 4094)] {
            switch.add_port(port, Some(tag)).unwrap();
        }
        Self { switch }
    }

    /// How an inventory says it.
    pub(super) fn options(&self) -> Options {
        options(self.switch.unix())
    }

    pub(crate) fn session(&self) -> Session<ovsdb::Switch> {
        session(self.options())
    }

    /// A column of a port, as `ovs-vsctl` shows it.
    pub(super) fn get(&self, port: &str, column: &str) -> String {
        self.switch.vsctl(&["get", "port", port, column]).unwrap().trim().to_owned()
    }

    pub(crate) fn set(&self, port: &str, what: &[&str]) {
        self.switch.vsctl(&[&["set", "port", port], what].concat()).unwrap();
    }

    /// All ports' tags, modes and ids.
    pub(super) fn state(&self) -> String {
        self.switch.vsctl(&["--columns=name,tag,vlan_mode,cvlans,external_ids", "list", "port"]).unwrap()
    }
}

pub(super) fn options(address: String) -> Options {
    Options::new(address.try_into().unwrap())
}

pub(super) fn session(options: Options) -> Session<ovsdb::Switch> {
    Session::new(Layer::L2, "sw-1", ovsdb::Switch::new("sw-1", options))
}

/// The circuit from `eth1` to `eth2`.
pub(super) fn moving() -> WorkOrder {
    asking(&lying("OURS", Lie::OneDevice))
}

pub(super) fn asking(request: &Request) -> WorkOrder {
    order(relocation(1), Layer::L2, OrderKind::Cutover, request)
}

pub(super) async fn done(session: &mut Session<ovsdb::Switch>, operation: Operation) -> Presence {
    session.perform(operation, &moving()).await.unwrap()
}

pub(super) async fn fails(session: &mut Session<ovsdb::Switch>, operation: Operation) -> DriverError {
    session.perform(operation, &moving()).await.unwrap_err()
}

/// What befalls a change on its way to the switch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// Somebody puts `eth2` into VLAN 300 just before it arrives.
    Overtaken,
    /// It arrives, but the connection breaks before the answer.
    AnswerLost,
}

/// A way to a switch on which something befalls the first change; all others pass.
pub(super) struct Way {
    pub(super) address: String,
    at: PathBuf,
}

impl Drop for Way {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.at);
    }
}

impl Way {
    pub(super) fn to(rig: &Rig, fate: Fate) -> Self {
        let at = rig.switch.directory().join("way.sock");
        let listener = UnixListener::bind(&at).unwrap();
        let server = rig.switch.directory().join("db.sock");
        let fate = std::sync::Arc::new(Mutex::new(Some(fate)));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (server, fate) = (server.clone(), fate.clone());
                tokio::spawn(async move { carry(client, &server, &fate).await });
            }
        });
        Self { address: format!("unix:{}", at.display()), at }
    }
}

/// Carries bytes both ways until one side hangs up. The requests are small and written at once, so a read is one.
async fn carry(mut client: UnixStream, at: &Path, fate: &Mutex<Option<Fate>>) {
    let mut server = UnixStream::connect(at).await.unwrap();
    let (mut asked, mut answered) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    let mut lost = false;
    loop {
        tokio::select! {
            read = client.read(&mut asked) => {
                let Ok(read @ 1..) = read else { return };
                let request = String::from_utf8_lossy(&asked[..read]).into_owned();
                let befalls = request.contains("\"comment\"").then(|| fate.lock().unwrap().take()).flatten();
                if befalls == Some(Fate::Overtaken) {
                    let database = format!("--db=unix:{}", at.display());
                    let command = ["--no-wait", "set", "port", "eth2", "tag=300"];
                    let set = std::process::Command::new("ovs-vsctl").arg(database).args(command).status();
                    assert!(set.unwrap().success());
                }
                lost |= befalls == Some(Fate::AnswerLost);
                server.write_all(&asked[..read]).await.unwrap();
            }
            read = server.read(&mut answered) => {
                let Ok(read @ 1..) = read else { return };
                if lost || client.write_all(&answered[..read]).await.is_err() {
                    return;
                }
            }
        }
    }
}
