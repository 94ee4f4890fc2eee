//! A device of the lab that has nothing but a command line over SSH, in the manner of Cisco IOS: a script behind an `sshd`. It
//! keeps what it is told, forwards nothing, and does wrong what a test makes it do.

use std::path::PathBuf;

use tempfile::TempDir;

use crate::{
    daemon::{DaemonError, run},
    sshd::Sshd,
};

const SCRIPT: &str = include_str!("../shell/device.py");

/// What it does wrong. A pattern is a regular expression of Python's on the line that is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault<'a> {
    /// Refuses lines.
    Refuse(&'a str),
    /// Says nothing any more after such a line.
    Hang(&'a str),
    /// Takes such a line, then hangs up.
    Drop(&'a str),
    /// Somebody else is configuring.
    Locked,
}

/// A device that runs. Ends with this.
#[derive(Debug)]
pub struct Shell {
    sshd: Sshd,
    // Invariant: the last field, so that the directory goes after the processes that use it.
    directory: TempDir,
}

impl Shell {
    /// Starts one of this name, with these ports as it would show them: `("eth1", "switchport access vlan 100")`.
    ///
    /// # Errors
    /// This is not root, a package is not installed, or sshd did not start.
    pub fn start(name: &str, ports: &[(&str, &str)]) -> Result<Self, DaemonError> {
        let directory = tempfile::Builder::new().prefix("rehome-shell-").tempdir();
        let directory =
            directory.map_err(|source| DaemonError::File { path: std::env::temp_dir(), source })?;
        let script = directory.path().join("device.py");
        std::fs::write(&script, SCRIPT)
            .map_err(|source| DaemonError::File { path: script.clone(), source })?;
        let sshd =
            Sshd::start(directory.path(), &format!("REHOME_SHELL={name} python3 {}", script.display()))?;
        let shell = Self { sshd, directory };
        for (port, setting) in ports {
            shell.types(&["configure terminal", &format!("interface {port}"), setting])?;
        }
        Ok(shell)
    }

    /// Types lines by itself, as an operator beside Rehome, and answers what the device said.
    ///
    /// # Errors
    /// The script failed.
    pub fn types(&self, lines: &[&str]) -> Result<String, DaemonError> {
        let script = self.directory.path().join("device.py");
        let typed = format!("printf '%s\\n' \"$@\" | python3 '{}'", script.display());
        run(std::process::Command::new("sh").args(["-c", &typed, "sh"]).args(lines))
    }

    /// Where it takes connections.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.sshd.port()
    }

    /// Who may log in, with [`key`](Self::key).
    #[must_use]
    pub const fn user(&self) -> &'static str {
        "root"
    }

    /// The private key that lets its user in.
    #[must_use]
    pub fn key(&self) -> PathBuf {
        self.directory.path().join("user_key")
    }

    /// A private key that lets nobody in.
    #[must_use]
    pub fn wrong_key(&self) -> PathBuf {
        self.directory.path().join("other_key")
    }

    /// The fingerprint of its host key: `SHA256:…`.
    ///
    /// # Errors
    /// The key can't be read.
    pub fn fingerprint(&self) -> Result<String, DaemonError> {
        self.sshd.fingerprint()
    }

    /// Gives it another host key, as if another machine had taken its place.
    ///
    /// # Errors
    /// sshd did not start.
    pub fn change_host_key(&mut self) -> Result<(), DaemonError> {
        self.sshd.restart(true)
    }

    /// Lets it do something wrong from now on; none: nothing any more.
    ///
    /// # Errors
    /// The fault can't be written.
    pub fn fault(&self, fault: Option<Fault<'_>>) -> Result<(), DaemonError> {
        let path = self.directory.path().join("fault");
        let text = match fault {
            None => String::new(),
            Some(Fault::Refuse(pattern)) => format!("refuse {pattern}"),
            Some(Fault::Hang(pattern)) => format!("hang {pattern}"),
            Some(Fault::Drop(pattern)) => format!("drop {pattern}"),
            Some(Fault::Locked) => "locked".to_owned(),
        };
        std::fs::write(&path, text).map_err(|source| DaemonError::File { path, source })
    }
}
