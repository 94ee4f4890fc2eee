//! A server of the lab: a process started by hand, with a log of its own, that ends with its owner.

use std::{
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};

/// How long a server may take to start or to end, on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(30);
/// How much of a log an error shows, in bytes: its end says what went wrong.
const LOG_SHOWN: usize = 2000;

/// Why a part of the lab did not start, or did not do what it was told.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// A program is not installed.
    #[error("{program} is not installed: run scripts/setup as root")]
    Missing {
        /// Its name.
        program: String,
    },
    /// A program could not be started.
    #[error("{program} can't be started")]
    Start {
        /// Its name.
        program: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A program said that it failed, or ended when it should have stayed.
    #[error("{program} failed: {detail}")]
    Failed {
        /// Its name.
        program: String,
        /// In its own words.
        detail: String,
    },
    /// What was waited for did not come.
    #[error("{what} did not happen within {} s: {detail}", PATIENCE.as_secs())]
    Late {
        /// What was waited for.
        what: String,
        /// The end of the log.
        detail: String,
    },
    /// A file of the lab can't be written or read.
    #[error("{}: can't be used", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

/// A server process. It is killed when this is dropped, unless it was [left running](Self::leave).
#[derive(Debug)]
pub struct Daemon {
    program: String,
    log: PathBuf,
    // Invariant: none only after `stop`, `kill` or `leave`.
    child: Option<Child>,
}

impl Daemon {
    /// Starts a command as a server, which writes what it has to say into this file.
    ///
    /// # Errors
    /// The program is not there or can't be started.
    pub fn start(command: &mut Command, log: &Path) -> Result<Self, DaemonError> {
        let program = name_of(command);
        let file = |source| DaemonError::File { path: log.to_owned(), source };
        let output = std::fs::OpenOptions::new().create(true).append(true).open(log).map_err(file)?;
        let errors = output.try_clone().map_err(file)?;
        let child = command.stdin(Stdio::null()).stdout(output).stderr(errors).spawn();
        let child = child.map_err(|source| not_started(&program, source))?;
        Ok(Self { program, log: log.to_owned(), child: Some(child) })
    }

    /// Its process id; none once it was stopped.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Whether it has neither ended nor been stopped.
    pub fn is_running(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    /// Waits until a condition holds, and fails at once if the server ends meanwhile.
    ///
    /// # Errors
    /// The server has ended, or the condition did not come to hold within [`PATIENCE`]; with the end of its log.
    pub fn until(&mut self, what: &str, mut holds: impl FnMut() -> bool) -> Result<(), DaemonError> {
        let since = Instant::now();
        while !holds() {
            if let Some(status) = self.child.as_mut().and_then(|child| child.try_wait().ok().flatten()) {
                let detail = format!("it ended with {status}: {}", self.log_end());
                return Err(DaemonError::Failed { program: self.program.clone(), detail });
            }
            if since.elapsed() > PATIENCE {
                return Err(DaemonError::Late { what: what.to_owned(), detail: self.log_end() });
            }
            pause();
        }
        Ok(())
    }

    /// Holds it up, as a device that hangs: it answers nothing until it [goes on](Self::resume).
    pub fn hold(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    /// Ends it as an operator would, and kills it if it does not listen.
    pub fn stop(&mut self) {
        self.resume();
        self.signal(Signal::TERM);
        let Some(child) = &mut self.child else { return };
        let since = Instant::now();
        while matches!(child.try_wait(), Ok(None)) && since.elapsed() < PATIENCE {
            pause();
        }
        self.kill();
    }

    /// Ends it at once, as a power cut would.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself; then there is nothing to do.
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Lets it outlive its owner, and answers its process id.
    pub fn leave(mut self) -> Option<u32> {
        self.leave_running()
    }

    /// The same for an owner that can't give it away.
    pub(crate) fn leave_running(&mut self) -> Option<u32> {
        self.child.take().map(|child| child.id())
    }

    /// Where it writes what it has to say.
    #[must_use]
    pub fn log_path(&self) -> &Path {
        &self.log
    }

    /// What it has written.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    fn log_end(&self) -> String {
        let log = self.log();
        let from = log.ceil_char_boundary(log.len().saturating_sub(LOG_SHOWN));
        log[from..].trim().to_owned()
    }

    fn signal(&self, signal: Signal) {
        let pid = self.pid().and_then(|pid| Pid::from_raw(pid.cast_signed()));
        if let Some(pid) = pid {
            // Only a process that has ended by itself can't be told; whoever waits for it sees that.
            let _ = kill_process(pid, signal);
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Runs a command to its end, and answers what it printed.
///
/// # Errors
/// The program is not there, can't be started, or said that it failed: with what it printed as an error.
pub fn run(command: &mut Command) -> Result<String, DaemonError> {
    let program = name_of(command);
    let output = command.stdin(Stdio::null()).output().map_err(|source| not_started(&program, source))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let detail = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(DaemonError::Failed { program, detail })
}

/// A command of a program that Debian may keep where only root's path leads.
#[must_use]
pub fn command(program: &str) -> Command {
    let places = ["/usr/sbin", "/sbin"].map(|place| Path::new(place).join(program));
    let found = places.into_iter().find(|place| place.exists());
    found.map_or_else(|| Command::new(program), Command::new)
}

fn name_of(command: &Command) -> String {
    let program = Path::new(command.get_program());
    program.file_name().unwrap_or(program.as_os_str()).to_string_lossy().into_owned()
}

fn not_started(program: &str, source: std::io::Error) -> DaemonError {
    let program = program.to_owned();
    if source.kind() == std::io::ErrorKind::NotFound {
        return DaemonError::Missing { program };
    }
    DaemonError::Start { program, source }
}

/// Between two looks at a condition.
#[allow(
    clippy::disallowed_methods,
    reason = "what another process or a person does can only be looked at again"
)]
pub(crate) fn pause() {
    std::thread::sleep(Duration::from_millis(5));
}
