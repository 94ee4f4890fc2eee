//! A gateway of the lab: `netconfd` behind an `sshd` of its own, from a directory of its own. Its model is ietf-interfaces and
//! ietf-ip, and [`MODULE`] for tagged sub-interfaces; or [another](Model).
//!
//! `netconfd` has habits that are seen to here: it must be told the SSH port, it writes below its `HOME`, it dies of a socket
//! that a former one has left, and only root may log in to it without further ado.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::Command,
};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::{
    daemon::{Daemon, DaemonError, command, run},
    left::descendants,
};

/// Our YANG module, which the server loads.
pub const MODULE: &str = include_str!("../yang/rehome-vlan.yang");
/// Where Debian keeps the other modules.
const MODULES: &str = "/usr/share/yuma/modules";
/// What a gateway loads that is given no other model, our module last.
const LOADED: [&str; 4] = ["ietf-interfaces", "ietf-ip", "iana-if-type", "rehome-vlan"];
/// What stands between sshd and netconfd.
const SUBSYSTEM: &str = "/usr/sbin/netconf-subsystem";
/// sshd can't be told to take any free port, and one that was free may be taken by the time that it starts.
const TRIES: usize = 5;

/// What a gateway is to be.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Options {
    /// The physical ports that it has from the start.
    pub ports: Vec<String>,
    /// What else it has from the start: `interface` elements of ietf-interfaces.
    pub interfaces: Vec<String>,
    /// Where it keeps its files; none: in a directory that goes with it.
    pub directory: Option<PathBuf>,
    /// Where the server finds code that is called before and after commits (`librehome-vlan.so`); none: it only keeps what it
    /// is told.
    pub code: Option<PathBuf>,
    /// What the server's code finds in its environment.
    pub environment: Vec<(String, String)>,
    /// What its configuration is about instead, without the ports and interfaces above.
    pub model: Option<Model>,
}

/// What a gateway's configuration is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    /// The names of the YANG modules that it loads, in this order.
    pub loaded: Vec<String>,
    /// Those of them that Debian does not have: name and text.
    pub own: Vec<(String, String)>,
    /// What it has from the start: the elements of its configuration.
    pub startup: String,
}

impl Model {
    /// ietf-interfaces and ietf-ip with our module.
    fn usual(options: &Options) -> Self {
        Self {
            loaded: LOADED.map(str::to_owned).to_vec(),
            own: vec![("rehome-vlan".to_owned(), MODULE.to_owned())],
            startup: startup(options),
        }
    }
}

/// A gateway that runs. Ends with this, unless it is [left running](Self::leave).
#[derive(Debug)]
pub struct Gateway {
    options: Options,
    directory: PathBuf,
    port: u16,
    server: Daemon,
    sshd: Daemon,
    // Invariant: the last field, so that the directory goes after the processes that use it.
    own_directory: Option<TempDir>,
}

impl Gateway {
    /// Starts one, and waits until it takes connections.
    ///
    /// # Errors
    /// This is not root, a package is not installed, or something did not start: with the end of its log.
    pub fn start(options: Options) -> Result<Self, DaemonError> {
        if !rustix::process::geteuid().is_root() {
            let detail = "a gateway of the lab needs root: run this as root, after scripts/setup".to_owned();
            return Err(DaemonError::Failed { program: "sshd".to_owned(), detail });
        }
        let own_directory = match options.directory {
            Some(_) => None,
            None => Some(
                tempfile::Builder::new()
                    .prefix("rehome-gateway-")
                    .tempdir()
                    .map_err(|source| DaemonError::File { path: std::env::temp_dir(), source })?,
            ),
        };
        let given = options.directory.clone();
        let directory = given.or_else(|| Some(own_directory.as_ref()?.path().to_owned())).unwrap_or_default();
        furnish(&directory, &options)?;
        let (sshd, port) = listening(&directory)?;
        let server = netconfd(&directory, port, &options)?;
        Ok(Self { options, directory, port, server, sshd, own_directory })
    }

    /// Where it takes SSH connections. The same after a restart.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// Who may log in, with [`key`](Self::key).
    #[must_use]
    pub const fn user(&self) -> &'static str {
        "root"
    }

    /// The private key that lets its user in.
    #[must_use]
    pub fn key(&self) -> PathBuf {
        self.directory.join("user_key")
    }

    /// A private key that lets nobody in.
    #[must_use]
    pub fn wrong_key(&self) -> PathBuf {
        self.directory.join("other_key")
    }

    /// The fingerprint of its host key: `SHA256:…`.
    ///
    /// # Errors
    /// The key can't be read.
    pub fn fingerprint(&self) -> Result<String, DaemonError> {
        let told = run(command("ssh-keygen").arg("-lf").arg(self.directory.join("host_key.pub")))?;
        Ok(told.split_whitespace().nth(1).unwrap_or_default().to_owned())
    }

    /// A `known_hosts` file that knows it.
    ///
    /// # Errors
    /// It can't be written.
    pub fn known_hosts(&self) -> Result<PathBuf, DaemonError> {
        let key = self.directory.join("host_key.pub");
        let line = std::fs::read_to_string(&key).map_err(|source| DaemonError::File { path: key, source })?;
        let path = self.directory.join("known_hosts");
        write(&path, &format!("[127.0.0.1]:{} {line}", self.port))?;
        Ok(path)
    }

    /// Its directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The process that keeps the configuration: to hold it up, to let it go on, or to kill it.
    pub const fn server(&mut self) -> &mut Daemon {
        &mut self.server
    }

    /// Ends the server at once if it still runs, and starts it again with what it has kept. Sessions are lost.
    ///
    /// # Errors
    /// It did not start.
    pub fn restart(&mut self) -> Result<(), DaemonError> {
        self.server.kill();
        self.drop_sessions();
        self.server = netconfd(&self.directory, self.port, &self.options)?;
        Ok(())
    }

    /// Ends both servers at once with all their sessions, in whatever they are at.
    pub fn off(&mut self) {
        self.drop_sessions();
        self.sshd.kill();
        self.server.kill();
    }

    /// Starts whichever server does not run, with what it has kept, at the same address.
    ///
    /// # Errors
    /// It did not start.
    pub fn on(&mut self) -> Result<(), DaemonError> {
        if !self.server.is_running() {
            self.server = netconfd(&self.directory, self.port, &self.options)?;
        }
        if !self.sshd.is_running() {
            self.sshd = sshd(&self.directory)?;
        }
        Ok(())
    }

    /// Cuts every SSH session, as a broken line would; the server goes on.
    pub fn drop_sessions(&self) {
        for pid in self.sshd.pid().map(descendants).unwrap_or_default() {
            if let Some(pid) = Pid::from_raw(pid.cast_signed()) {
                // It may have ended by itself meanwhile.
                let _ = kill_process(pid, Signal::KILL);
            }
        }
    }

    /// Gives it another host key, as if another machine had taken its place.
    ///
    /// # Errors
    /// The key can't be made, or sshd did not start.
    pub fn change_host_key(&mut self) -> Result<(), DaemonError> {
        self.drop_sessions();
        self.sshd.kill();
        make_key(&self.directory, "host_key")?;
        self.sshd = sshd(&self.directory)?;
        Ok(())
    }

    /// Lets it outlive its owner: answers its process ids. Its directory stays too.
    #[must_use]
    pub fn leave(mut self) -> Vec<u32> {
        if let Some(directory) = self.own_directory.take() {
            let _ = directory.keep();
        }
        [self.sshd.leave_running(), self.server.leave_running()].into_iter().flatten().collect()
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.drop_sessions();
    }
}

/// Writes all that the two servers need.
fn furnish(directory: &Path, options: &Options) -> Result<(), DaemonError> {
    let home = directory.join("home/.yuma");
    std::fs::create_dir_all(&home).map_err(|source| DaemonError::File { path: home, source })?;
    // sshd's own, which a machine without a running sshd does not have.
    let _ = std::fs::create_dir_all("/run/sshd");
    let model = options.model.clone().unwrap_or_else(|| Model::usual(options));
    for (name, text) in &model.own {
        write(&directory.join(format!("{name}.yang")), text)?;
    }
    let startup =
        format!("<config xmlns=\"urn:ietf:params:xml:ns:netconf:base:1.0\">{}</config>\n", model.startup);
    write(&directory.join("startup-cfg.xml"), &startup)?;
    for key in ["host_key", "user_key", "other_key"] {
        make_key(directory, key)?;
    }
    let allowed = directory.join("authorized_keys");
    let copied = std::fs::copy(directory.join("user_key.pub"), &allowed);
    copied.map(drop).map_err(|source| DaemonError::File { path: allowed, source })
}

/// The ports, up and without addresses.
fn startup(options: &Options) -> String {
    let port = |name: &String| {
        format!(
            "<interface><name>{name}</name><type xmlns:i=\"urn:ietf:params:xml:ns:yang:iana-if-type\">\
             i:ethernetCsmacd</type><enabled>true</enabled></interface>"
        )
    };
    let ports: String = options.ports.iter().map(port).collect();
    let interfaces = options.interfaces.concat();
    format!(
        "<interfaces xmlns=\"urn:ietf:params:xml:ns:yang:ietf-interfaces\">{ports}{interfaces}</interfaces>"
    )
}

fn make_key(directory: &Path, name: &str) -> Result<(), DaemonError> {
    let path = directory.join(name);
    // ssh-keygen asks before it writes over one.
    let _ = std::fs::remove_file(&path);
    run(command("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"]).arg(path)).map(drop)
}

/// An sshd at a free port.
fn listening(directory: &Path) -> Result<(Daemon, u16), DaemonError> {
    let mut left = TRIES;
    loop {
        left -= 1;
        let port = free_port().map_err(|source| DaemonError::File { path: directory.to_owned(), source })?;
        write(&directory.join("sshd_config"), &sshd_config(directory, port))?;
        match sshd(directory) {
            Err(DaemonError::Failed { .. }) if left > 0 => {}
            started => return Ok((started?, port)),
        }
    }
}

fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

fn sshd_config(directory: &Path, port: u16) -> String {
    let at = directory.display();
    format!(
        "Port {port}\nListenAddress 127.0.0.1\nHostKey {at}/host_key\nAuthorizedKeysFile {at}/authorized_keys\n\
         StrictModes no\nPermitRootLogin prohibit-password\nPasswordAuthentication no\n\
         KbdInteractiveAuthentication no\nUsePAM no\nPidFile none\nMaxStartups 200\n\
         Subsystem netconf \"{SUBSYSTEM} --ncxserver-sockname={port}@{at}/netconfd.sock\"\n"
    )
}

fn sshd(directory: &Path) -> Result<Daemon, DaemonError> {
    let log = directory.join("sshd.log");
    let before = std::fs::read_to_string(&log).unwrap_or_default().len();
    let mut command = command("sshd");
    command.args(["-D", "-e", "-f"]).arg(directory.join("sshd_config"));
    let mut daemon = Daemon::start(&mut command, &log)?;
    let said = || std::fs::read_to_string(&log).unwrap_or_default();
    daemon.until("listening of sshd", || {
        said().get(before..).is_some_and(|log| log.contains("Server listening"))
    })?;
    Ok(daemon)
}

fn netconfd(directory: &Path, port: u16, options: &Options) -> Result<Daemon, DaemonError> {
    let socket = directory.join("netconfd.sock");
    let _ = std::fs::remove_file(&socket);
    let log = directory.join("netconfd.log");
    let before = std::fs::read_to_string(&log).unwrap_or_default().len();
    let mut daemon = Daemon::start(&mut server(directory, port, &socket, options), &log)?;
    let said = || std::fs::read_to_string(&log).unwrap_or_default();
    daemon.until("start of netconfd", || {
        socket.exists() && said().get(before..).is_some_and(|log| log.contains("Running netconfd server"))
    })?;
    Ok(daemon)
}

fn server(directory: &Path, port: u16, socket: &Path, options: &Options) -> Command {
    let mut command = command("netconfd");
    command.current_dir(directory).env("HOME", directory.join("home"));
    command.envs(options.environment.iter().map(|(name, value)| (name, value)));
    command.arg(format!("--modpath={}:{MODULES}", directory.display()));
    let usual = LOADED.map(str::to_owned);
    let loaded = options.model.as_ref().map_or(usual.as_slice(), |model| model.loaded.as_slice());
    command.args(loaded.iter().map(|module| format!("--module={module}")));
    if let Some(code) = &options.code {
        command.arg(format!("--runpath={}", code.display()));
    }
    command.arg(format!("--ncxserver-sockname={}", socket.display())).arg(format!("--port={port}"));
    command.arg(format!("--startup={}", directory.join("startup-cfg.xml").display()));
    command.args(["--superuser=root", "--log-level=info"]);
    command
}

fn write(path: &Path, text: &str) -> Result<(), DaemonError> {
    std::fs::write(path, text).map_err(|source| DaemonError::File { path: path.to_owned(), source })
}
