//! An `sshd` of the lab: its own keys and port, and one command for everybody who comes in.

use std::{
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
};

use crate::daemon::{Daemon, DaemonError, command, run};

/// sshd can't be told to take any free port, and one that was free may be taken by the time that it starts.
const TRIES: usize = 5;

/// An sshd that runs. Ends with this.
#[derive(Debug)]
pub(crate) struct Sshd {
    directory: PathBuf,
    command: String,
    port: u16,
    daemon: Daemon,
}

impl Sshd {
    /// Starts one with its files in this directory. Whoever comes in with `user_key` as root gets this command.
    pub(crate) fn start(directory: &Path, forced: &str) -> Result<Self, DaemonError> {
        if !rustix::process::geteuid().is_root() {
            let detail = "an sshd of the lab needs root: run this as root, after scripts/setup".to_owned();
            return Err(DaemonError::Failed { program: "sshd".to_owned(), detail });
        }
        // sshd's own, which a machine without a running sshd does not have.
        let _ = std::fs::create_dir_all("/run/sshd");
        for key in ["host_key", "user_key", "other_key"] {
            make_key(directory, key)?;
        }
        let allowed = directory.join("authorized_keys");
        let copied = std::fs::copy(directory.join("user_key.pub"), &allowed);
        copied.map_err(|source| DaemonError::File { path: allowed, source })?;
        let mut left = TRIES;
        loop {
            left -= 1;
            let port = free_port(directory)?;
            match listen(directory, forced, port) {
                Err(DaemonError::Failed { .. }) if left > 0 => {}
                daemon => {
                    let (directory, command) = (directory.to_owned(), forced.to_owned());
                    return Ok(Self { directory, command, port, daemon: daemon? });
                }
            }
        }
    }

    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// Ends it with all who are in, and starts it again at the same port; with another host key, if that is asked for.
    pub(crate) fn restart(&mut self, with_new_key: bool) -> Result<(), DaemonError> {
        self.daemon.kill();
        if with_new_key {
            make_key(&self.directory, "host_key")?;
        }
        self.daemon = listen(&self.directory, &self.command, self.port)?;
        Ok(())
    }

    /// The fingerprint of its host key: `SHA256:…`.
    pub(crate) fn fingerprint(&self) -> Result<String, DaemonError> {
        let told = run(command("ssh-keygen").arg("-lf").arg(self.directory.join("host_key.pub")))?;
        Ok(told.split_whitespace().nth(1).unwrap_or_default().to_owned())
    }
}

fn make_key(directory: &Path, name: &str) -> Result<(), DaemonError> {
    let path = directory.join(name);
    // ssh-keygen asks before it writes over one.
    let _ = std::fs::remove_file(&path);
    run(command("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"]).arg(path)).map(drop)
}

fn free_port(directory: &Path) -> Result<u16, DaemonError> {
    let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    Ok(address.map_err(|source| DaemonError::File { path: directory.to_owned(), source })?.port())
}

fn listen(directory: &Path, forced: &str, port: u16) -> Result<Daemon, DaemonError> {
    let (at, config) = (directory.display(), directory.join("sshd_config"));
    let text = format!(
        "Port {port}\nListenAddress 127.0.0.1\nHostKey {at}/host_key\nAuthorizedKeysFile {at}/authorized_keys\n\
         StrictModes no\nPermitRootLogin prohibit-password\nPasswordAuthentication no\n\
         KbdInteractiveAuthentication no\nUsePAM no\nPidFile none\nMaxStartups 200\nPrintMotd no\n\
         PrintLastLog no\nForceCommand {forced}\n"
    );
    std::fs::write(&config, text).map_err(|source| DaemonError::File { path: config.clone(), source })?;
    let log = directory.join("sshd.log");
    let said = || std::fs::read_to_string(&log).unwrap_or_default();
    let before = said().len();
    let mut daemon = Daemon::start(command("sshd").args(["-D", "-e", "-f"]).arg(&config), &log)?;
    daemon.until("listening of sshd", || {
        said().get(before..).is_some_and(|log| log.contains("Server listening"))
    })?;
    Ok(daemon)
}
