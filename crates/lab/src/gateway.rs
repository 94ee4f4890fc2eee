//! A gateway of the lab: netconfd behind an sshd of its own, by hand, from a directory of its own. Its model is
//! ietf-interfaces with our VLAN module; its configuration is gone when it ends.

use std::{
    fs,
    net::{Ipv4Addr, TcpListener, TcpStream},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use crate::daemon::{Daemon, DaemonError, command, run};

/// Where Debian's package keeps the models.
const MODELS: &str = "/usr/share/yuma/modules";

/// Our model of sub-interfaces.
const VLAN_MODEL: &str = include_str!("../yang/rehome-vlan.yang");

/// The models of a gateway.
const MODULES: [&str; 4] = ["iana-if-type", "ietf-interfaces", "ietf-ip", "rehome-vlan"];

/// What a gateway is to be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// Where it keeps its files; none: in a directory that goes with it.
    pub directory: Option<PathBuf>,
    /// Its ports: sub-interfaces are made on them.
    pub ports: Vec<String>,
}

/// A gateway that runs. Ends with this, unless it is [left running](Self::leave).
#[derive(Debug)]
pub struct Gateway {
    directory: PathBuf,
    ports: Vec<String>,
    server: Daemon,
    shell: Daemon,
    port: u16,
    // Invariant: the last field, so that the directory goes after the processes that use it.
    own_directory: Option<TempDir>,
}

impl Gateway {
    /// Starts one, and waits until it answers. Needs root: its sshd lets root in, by a key that is made here.
    ///
    /// # Errors
    /// netconfd or sshd is not installed, or did not start: with the end of its log.
    pub fn start(options: Options) -> Result<Self, DaemonError> {
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
        let port = free_port(&directory)?;
        key(&directory.join("host_key"))?;
        key(&directory.join("user_key"))?;
        write(&directory.join("sshd_config"), &sshd_config(&directory, port))?;
        write(&directory.join("rehome-vlan.yang"), VLAN_MODEL)?;
        let shell = shell(&directory, port)?;
        let server = server(&directory, port, &options.ports)?;
        Ok(Self { directory, ports: options.ports, server, shell, port, own_directory })
    }

    /// Where it listens: `127.0.0.1:port`. The same after a restart.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The private key that it lets root in by.
    #[must_use]
    pub fn user_key(&self) -> PathBuf {
        self.directory.join("user_key")
    }

    /// The fingerprint of its host key: `SHA256:…`.
    ///
    /// # Errors
    /// `ssh-keygen` can't be run.
    pub fn fingerprint(&self) -> Result<String, DaemonError> {
        let told = run(command("ssh-keygen").args(["-l", "-f"]).arg(self.directory.join("host_key.pub")))?;
        Ok(told.split_whitespace().nth(1).unwrap_or_default().to_owned())
    }

    /// Its directory.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The NETCONF server: to hold it up or to kill it.
    pub const fn server(&mut self) -> &mut Daemon {
        &mut self.server
    }

    /// Ends the NETCONF server, if it still runs, and starts it anew with nothing but its ports: it keeps no configuration.
    ///
    /// # Errors
    /// It did not start.
    pub fn restart(&mut self) -> Result<(), DaemonError> {
        self.server.kill();
        self.server = server(&self.directory, self.port, &self.ports)?;
        Ok(())
    }

    /// Shows another host key from now on, as a device that was replaced would.
    ///
    /// # Errors
    /// The key can't be made, or sshd does not start.
    pub fn change_host_key(&mut self) -> Result<(), DaemonError> {
        self.shell.kill();
        for file in ["host_key", "host_key.pub"] {
            let path = self.directory.join(file);
            fs::remove_file(&path).map_err(|source| DaemonError::File { path, source })?;
        }
        key(&self.directory.join("host_key"))?;
        self.shell = shell(&self.directory, self.port)?;
        Ok(())
    }

    /// Lets it outlive its owner: answers its process ids. Its directory stays too.
    #[must_use]
    pub fn leave(mut self) -> Vec<u32> {
        if let Some(directory) = self.own_directory.take() {
            let _ = directory.keep();
        }
        [self.server.leave(), self.shell.leave()].into_iter().flatten().collect()
    }
}

/// A port that was free a moment ago.
fn free_port(directory: &Path) -> Result<u16, DaemonError> {
    let file = |source| DaemonError::File { path: directory.to_owned(), source };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(file)?;
    Ok(listener.local_addr().map_err(file)?.port())
}

fn key(path: &Path) -> Result<(), DaemonError> {
    run(command("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-C", "rehome lab", "-f"]).arg(path))?;
    Ok(())
}

fn write(path: &Path, text: &str) -> Result<(), DaemonError> {
    let file = |source| DaemonError::File { path: path.to_owned(), source };
    fs::write(path, text).map_err(file)?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(file)
}

fn sshd_config(directory: &Path, port: u16) -> String {
    let directory = directory.display();
    format!(
        "Port {port}\n\
         ListenAddress 127.0.0.1\n\
         HostKey {directory}/host_key\n\
         PidFile none\n\
         AuthorizedKeysFile {directory}/user_key.pub\n\
         StrictModes no\n\
         UsePAM no\n\
         PasswordAuthentication no\n\
         PermitRootLogin prohibit-password\n\
         MaxSessions 64\n\
         MaxStartups 64\n\
         Subsystem netconf \"/usr/sbin/netconf-subsystem --ncxserver-sockname={port}@{directory}/ncx.sock\"\n"
    )
}

fn shell(directory: &Path, port: u16) -> Result<Daemon, DaemonError> {
    // sshd insists on it, whatever its configuration; Debian makes it when the service starts.
    let separation = Path::new("/run/sshd");
    fs::create_dir_all(separation)
        .map_err(|source| DaemonError::File { path: separation.to_owned(), source })?;
    let mut sshd = command("/usr/sbin/sshd");
    sshd.args(["-D", "-e", "-f"]).arg(directory.join("sshd_config"));
    let mut shell = Daemon::start(&mut sshd, &directory.join("sshd.log"))?;
    shell.until("listening of sshd", || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok())?;
    Ok(shell)
}

fn server(directory: &Path, port: u16, ports: &[String]) -> Result<Daemon, DaemonError> {
    let socket = directory.join("ncx.sock");
    // One that is left over makes it give up.
    let _ = fs::remove_file(&socket);
    let startup = directory.join("startup.xml");
    write(&startup, &startup_config(ports))?;
    let mut netconfd = command("netconfd");
    netconfd
        .env("HOME", directory)
        .arg("--superuser=root")
        .arg(format!("--port={port}"))
        .arg(format!("--ncxserver-sockname={}", socket.display()))
        .arg(format!("--modpath={}:{MODELS}", directory.display()))
        .args(MODULES.map(|module| format!("--module={module}")))
        .arg(format!("--startup={}", startup.display()))
        .arg("--log-level=info");
    let mut server = Daemon::start(&mut netconfd, &directory.join("netconfd.log"))?;
    server.until("listening of netconfd", || std::os::unix::net::UnixStream::connect(&socket).is_ok())?;
    Ok(server)
}

fn startup_config(ports: &[String]) -> String {
    let port = |name: &String| {
        format!(
            "<interface><name>{name}</name><type xmlns:ianaift=\"urn:ietf:params:xml:ns:yang:iana-if-type\">\
             ianaift:ethernetCsmacd</type></interface>"
        )
    };
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <nc:config xmlns:nc=\"urn:ietf:params:xml:ns:netconf:base:1.0\">\
         <interfaces xmlns=\"urn:ietf:params:xml:ns:yang:ietf-interfaces\">{}</interfaces></nc:config>\n",
        ports.iter().map(port).collect::<String>()
    )
}
