//! A switch of the lab: Open vSwitch by hand, from a directory of its own. `ovsdb-server` keeps the configuration and
//! `ovs-vswitchd` forwards by it, without a kernel module; or forwards nothing, where only the configuration matters.

use std::{
    net::{Ipv4Addr, TcpStream},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use crate::{
    certificates::{Authority, Identity},
    daemon::{Daemon, DaemonError, command, run},
};

/// Where Open vSwitch's packages keep the database's schema.
const SCHEMA: &str = "/usr/share/openvswitch/vswitch.ovsschema";

/// What the switch forwards with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Forwarding {
    /// Real packets in a network namespace; none: where this process is. Needs root.
    Userspace {
        /// The namespace.
        namespace: Option<String>,
    },
    /// Nothing: every port is made up, so that any number of switches with the same ports stand side by side, and no root
    /// is needed. Everything else is real.
    Nothing,
}

/// What a switch is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Its bridge.
    pub bridge: String,
    /// What it forwards with.
    pub forwarding: Forwarding,
    /// Where it keeps its files; none: in a directory that goes with it.
    pub directory: Option<PathBuf>,
    /// Whether it takes connections over mutual TLS, besides those over its socket and over TCP.
    pub tls: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { bridge: "br0".to_owned(), forwarding: Forwarding::Nothing, directory: None, tls: false }
    }
}

/// A switch that runs. Ends with this, unless it is [left running](Self::leave).
#[derive(Debug)]
pub struct Switch {
    options: Options,
    directory: PathBuf,
    database: Daemon,
    forwarder: Daemon,
    tcp: u16,
    tls: Option<Tls>,
    // Invariant: the last field, so that the directory goes after the processes that use it.
    own_directory: Option<TempDir>,
}

#[derive(Debug)]
struct Tls {
    port: u16,
    authority: Authority,
    server: Identity,
}

impl Switch {
    /// Starts one, and waits until it forwards by its bridge.
    ///
    /// # Errors
    /// Open vSwitch is not installed, or did not start: with the end of its log.
    pub fn start(options: Options) -> Result<Self, DaemonError> {
        let own_directory = match options.directory {
            Some(_) => None,
            None => Some(
                tempfile::Builder::new()
                    .prefix("rehome-switch-")
                    .tempdir()
                    .map_err(|source| DaemonError::File { path: std::env::temp_dir(), source })?,
            ),
        };
        let given = options.directory.clone();
        let directory = given.or_else(|| Some(own_directory.as_ref()?.path().to_owned())).unwrap_or_default();
        run(command("ovsdb-tool").arg("create").arg(directory.join("conf.db")).arg(SCHEMA))?;
        let tls = options.tls.then(|| Tls::make(&directory)).transpose()?;
        let mut database = database(&directory, 0, tls.as_ref())?;
        let tcp = chosen_port(&mut database, 0)?;
        let tls = match tls {
            None => None,
            // One after the other: the log does not say which port is which.
            Some(tls) => {
                let control = control(&directory, "ovsdb-server");
                database.until("listening to ovs-appctl", || UnixStream::connect(&control).is_ok())?;
                let add = ["ovsdb-server/add-remote", "pssl:0:127.0.0.1"];
                run(command("ovs-appctl").arg("-t").arg(control).args(add))?;
                Some(Tls { port: chosen_port(&mut database, 1)?, ..tls })
            }
        };
        let vsctl = |arguments: &[&str]| run(vsctl(&directory).args(arguments));
        vsctl(&["--no-wait", "init"])?;
        let (bridge, datapath) = (options.bridge.as_str(), "datapath_type=netdev");
        vsctl(&["--no-wait", "add-br", bridge, "--", "set", "bridge", bridge, datapath])?;
        let forwarder = forwarder(&directory, &options.forwarding)?;
        // Answers once the configuration has been applied for the first time.
        vsctl(&["set", "bridge", bridge, datapath])?;
        Ok(Self { options, directory, database, forwarder, tcp, tls, own_directory })
    }

    /// The address of its socket: `unix:/path`.
    #[must_use]
    pub fn unix(&self) -> String {
        remote(&self.directory)
    }

    /// Its address over TCP: `tcp:127.0.0.1:port`. The same after a restart.
    #[must_use]
    pub fn tcp(&self) -> String {
        format!("tcp:127.0.0.1:{}", self.tcp)
    }

    /// Its address over mutual TLS, if it has one: `tls:127.0.0.1:port`. The same after a restart.
    #[must_use]
    pub fn tls(&self) -> Option<String> {
        self.tls.as_ref().map(|tls| format!("tls:127.0.0.1:{}", tls.port))
    }

    /// Who vouches for the switch and for those who connect to it over TLS.
    #[must_use]
    pub fn authority(&self) -> Option<&Authority> {
        self.tls.as_ref().map(|tls| &tls.authority)
    }

    /// Its directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Adds an access port in this VLAN, or one that carries all VLANs. The port is a device that is there already, such as
    /// an end of a veth, in the namespace of the switch; where nothing is forwarded it is made up.
    ///
    /// # Errors
    /// Open vSwitch has no such device, or the port is there already.
    pub fn add_port(&self, name: &str, tag: Option<u16>) -> Result<(), DaemonError> {
        self.add_ports(&[(name.to_owned(), tag)])
    }

    /// Adds many, in one transaction.
    ///
    /// # Errors
    /// The same: then none is added.
    pub fn add_ports(&self, ports: &[(String, Option<u16>)]) -> Result<(), DaemonError> {
        let mut arguments = Vec::new();
        for (name, tag) in ports {
            arguments.extend(["--", "add-port", &self.options.bridge, name].map(str::to_owned));
            arguments.extend(tag.map(|tag| format!("tag={tag}")));
            if self.options.forwarding == Forwarding::Nothing {
                arguments.extend(["--", "set", "interface", name, "type=dummy"].map(str::to_owned));
            }
        }
        self.vsctl(&arguments.iter().map(String::as_str).collect::<Vec<_>>()).map(drop)
    }

    /// Runs `ovs-vsctl`, which waits until what it changes is applied, for at most half a minute.
    ///
    /// # Errors
    /// In the words of `ovs-vsctl`.
    pub fn vsctl(&self, arguments: &[&str]) -> Result<String, DaemonError> {
        run(vsctl(&self.directory).args(arguments))
    }

    /// The process that keeps the configuration: to hold it up or to kill it.
    pub const fn database(&mut self) -> &mut Daemon {
        &mut self.database
    }

    /// The process that forwards: to hold it up or to kill it.
    pub const fn forwarder(&mut self) -> &mut Daemon {
        &mut self.forwarder
    }

    /// Ends the database if it still runs, and starts it again with all it has kept, at the same addresses.
    ///
    /// # Errors
    /// It did not start.
    pub fn restart_database(&mut self) -> Result<(), DaemonError> {
        self.database.kill();
        self.database = database(&self.directory, self.tcp, self.tls.as_ref())?;
        let ports = [Some(self.tcp), self.tls.as_ref().map(|tls| tls.port)];
        let open = |port| TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok();
        self.database.until("listening of ovsdb-server", || ports.into_iter().flatten().all(open))
    }

    /// Ends what forwards if it still runs, starts it again, and waits until it has applied the configuration.
    ///
    /// # Errors
    /// It did not start.
    pub fn restart_forwarder(&mut self) -> Result<(), DaemonError> {
        self.forwarder.kill();
        self.forwarder = forwarder(&self.directory, &self.options.forwarding)?;
        let bridge = self.options.bridge.clone();
        self.vsctl(&["set", "bridge", &bridge, "datapath_type=netdev"]).map(drop)
    }

    /// Ends the database at once, in whatever it is at. What forwards goes on by what it knows.
    pub fn off(&mut self) {
        self.database.kill();
    }

    /// Starts whichever server does not run, with what it has kept, at the same addresses.
    ///
    /// # Errors
    /// It did not start.
    pub fn on(&mut self) -> Result<(), DaemonError> {
        if !self.database.is_running() {
            self.restart_database()?;
        }
        if !self.forwarder.is_running() {
            self.restart_forwarder()?;
        }
        Ok(())
    }

    /// Lets it outlive its owner: answers its process ids. Its directory stays too.
    #[must_use]
    pub fn leave(mut self) -> Vec<u32> {
        if let Some(directory) = self.own_directory.take() {
            let _ = directory.keep();
        }
        [self.forwarder.leave(), self.database.leave()].into_iter().flatten().collect()
    }
}

impl Tls {
    fn make(directory: &Path) -> Result<Self, DaemonError> {
        let authority = Authority::make(directory)?;
        let server = authority.vouch("switch")?;
        Ok(Self { port: 0, authority, server })
    }
}

fn remote(directory: &Path) -> String {
    format!("unix:{}", directory.join("db.sock").display())
}

fn vsctl(directory: &Path) -> Command {
    let mut command = command("ovs-vsctl");
    command.arg(format!("--db={}", remote(directory))).arg("--timeout=30");
    command
}

/// Starts the database at the same ports as before, and waits until it listens at its socket. Port 0 is any that is free; over TLS, that is for later.
fn database(directory: &Path, tcp: u16, tls: Option<&Tls>) -> Result<Daemon, DaemonError> {
    let mut command = open_vswitch("ovsdb-server", directory);
    command.arg(directory.join("conf.db"));
    command.arg(format!("--remote=p{}", remote(directory))).arg(format!("--remote=ptcp:{tcp}:127.0.0.1"));
    if let Some(Tls { port, authority, server }) = tls {
        let file = |option: &str, path: &Path| format!("--{option}={}", path.display());
        command.args([
            file("private-key", &server.key),
            file("certificate", &server.certificate),
            file("ca-cert", &authority.certificate()),
        ]);
        if *port != 0 {
            command.arg(format!("--remote=pssl:{port}:127.0.0.1"));
        }
    }
    let mut database = Daemon::start(&mut command, &directory.join("ovsdb-server.log"))?;
    let socket = directory.join("db.sock");
    database.until("listening of ovsdb-server", || UnixStream::connect(&socket).is_ok())?;
    Ok(database)
}

fn forwarder(directory: &Path, forwarding: &Forwarding) -> Result<Daemon, DaemonError> {
    let mut command = open_vswitch("ovs-vswitchd", directory);
    command.arg(remote(directory));
    match forwarding {
        Forwarding::Nothing => {
            command.arg("--enable-dummy=override");
        }
        Forwarding::Userspace { namespace: None } => {}
        Forwarding::Userspace { namespace: Some(namespace) } => command = inside(namespace, &command),
    }
    Daemon::start(&mut command, &directory.join("ovs-vswitchd.log"))
}

/// A server of Open vSwitch that keeps to a directory.
fn open_vswitch(program: &str, directory: &Path) -> Command {
    let mut command = command(program);
    for variable in ["OVS_RUNDIR", "OVS_LOGDIR", "OVS_DBDIR", "OVS_SYSCONFDIR"] {
        command.env(variable, directory);
    }
    command.arg(format!("--unixctl={}", control(directory, program).display()));
    command.args(["-vsyslog:off", "-vconsole:info"]);
    command
}

/// Where a server of Open vSwitch listens to `ovs-appctl`.
fn control(directory: &Path, program: &str) -> PathBuf {
    directory.join(program).with_extension("ctl")
}

/// The same command in a network namespace. `ip` becomes the command, so its process id is the command's.
fn inside(namespace: &str, within: &Command) -> Command {
    let mut outer = command("ip");
    outer.args(["netns", "exec", namespace]).arg(within.get_program()).args(within.get_args());
    outer.envs(within.get_envs().filter_map(|(name, value)| Some((name, value?))));
    outer
}

/// Waits until the database has opened one more port than so many that it was free to choose, and answers it.
fn chosen_port(database: &mut Daemon, before: usize) -> Result<u16, DaemonError> {
    let log = database.log_path().to_owned();
    // `0:127.0.0.1: listening on port 43765`
    let port = |line: &str| line.rsplit_once("listening on port ")?.1.trim().parse().ok();
    let chosen = || {
        let log = std::fs::read_to_string(&log).unwrap_or_default();
        log.lines().filter_map(port).nth(before)
    };
    database.until("listening of ovsdb-server", || chosen().is_some())?;
    Ok(chosen().unwrap_or_default())
}
