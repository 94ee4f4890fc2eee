//! A system of several processes: its broker, its database, its roles, and the run that is attached to it.

use std::{
    fs::File,
    io::Read,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    time::{Duration, Instant},
};

use rehome_store::{Postgres, postgres};
use rehome_testkit::postgres::Database;
use tempfile::TempDir;

use super::effects;
use crate::running::{Left, rehome};

/// One process with all roles.
pub(crate) const ONE: [&str; 1] = ["supervisor,l3,l2"];
/// Two of each.
pub(crate) const SIX: [&str; 6] = ["supervisor", "supervisor", "l3", "l3", "l2", "l2"];

/// No run takes so long, whatever disturbs it.
const LONGEST: Duration = Duration::from_secs(600);
/// Lines of each process's log that a failed test shows.
const LINES: usize = 30;

/// Processes over a broker and a database; all end with it.
pub(crate) struct System<'a> {
    dir: TempDir,
    /// Where each process in turn finds the broker.
    brokers: Vec<String>,
    database: &'a Database,
    plan: PathBuf,
    processes: Vec<Process>,
}

/// One of the processes.
struct Process {
    roles: &'static str,
    child: Child,
    /// All it printed, once it has ended.
    said: Receiver<String>,
    log: PathBuf,
}

impl<'a> System<'a> {
    /// Makes the tables, begins to count what is done to devices, and starts a process for each of these roles, all
    /// with this fault plan.
    pub(crate) fn start(broker: &str, database: &'a Database, plan: &Path, roles: &[&'static str]) -> Self {
        Self::start_over(vec![broker.to_owned()], database, plan, roles)
    }

    /// The same over a cluster: each process in turn is told of it by the next of these.
    pub(crate) fn start_over(
        brokers: Vec<String>,
        database: &'a Database,
        plan: &Path,
        roles: &[&'static str],
    ) -> Self {
        effects::count(database);
        let (dir, plan) = (tempfile::tempdir().unwrap(), plan.to_owned());
        let mut system = Self { dir, brokers, database, plan, processes: Vec::new() };
        for roles in roles {
            let process = system.process(roles);
            system.processes.push(process);
        }
        system
    }

    /// How many processes there are.
    pub(crate) fn len(&self) -> usize {
        self.processes.len()
    }

    /// Kills a process (`kill -9`), and starts another in its place at once.
    pub(crate) fn kill(&mut self, which: usize) {
        let Process { roles, child, .. } = &mut self.processes[which];
        child.kill().unwrap();
        let ended = child.wait().unwrap();
        assert_eq!(ended.code(), None, "a process with the roles {roles} had ended by itself");
        let roles = *roles;
        self.processes[which] = self.process(roles);
    }

    /// Tells a process to stop (SIGTERM) and waits for its end. Answers its exit code, and what it said last.
    ///
    /// # Panics
    /// If it has not ended within this time.
    pub(crate) fn stop(&mut self, which: usize, within: Duration) -> (Option<i32>, String) {
        let Process { roles, child, said, .. } = &mut self.processes[which];
        let told = Command::new("sh").args(["-c", "kill -TERM \"$0\"", &child.id().to_string()]).status();
        assert!(told.unwrap().success());
        // Its output closes when it ends.
        let said = said.recv_timeout(within);
        let said = said
            .unwrap_or_else(|_| panic!("the process with the roles {roles} did not end within {within:?}"));
        (child.wait().unwrap().code(), said)
    }

    /// Starts a process in the place of one that has ended.
    pub(crate) fn again(&mut self, which: usize) {
        self.processes[which] = self.process(self.processes[which].roles);
    }

    /// A run of a sheet that lets this system do the work.
    pub(crate) fn run(&self, sheet: &Path, in_flight: usize) -> Run {
        let args = ["run", "--attach", "--json", "--in-flight", &in_flight.to_string()];
        let mut command = self.command(self.processes.len(), &args);
        let log = self.dir.path().join("run.log");
        command.arg(sheet).arg("--faults").arg(&self.plan).stderr(File::create(&log).unwrap());
        Run::start(&mut command, log)
    }

    /// What is in the store once the run has ended.
    pub(crate) fn left(&self) -> Left {
        left(self.database)
    }

    fn process(&self, roles: &'static str) -> Process {
        let number = std::fs::read_dir(self.dir.path()).unwrap().count();
        let log = self.dir.path().join(format!("{number}-{roles}.log"));
        let mut command = self.command(number, &["serve", "--roles", roles]);
        command.arg("--faults").arg(&self.plan);
        command.stdout(Stdio::piped()).stderr(File::create(&log).unwrap());
        let mut child = command.spawn().unwrap();
        let said = read(&mut child);
        Process { roles, child, said, log }
    }

    fn command(&self, number: usize, args: &[&str]) -> Command {
        let mut command = rehome(args);
        let broker = &self.brokers[number % self.brokers.len()];
        for (key, value) in [
            ("BUS__KIND", "amqp"),
            ("AMQP__URL", broker),
            ("STORE__KIND", "postgres"),
            ("POSTGRES__URL", &self.database.url()),
            ("SUPERVISOR__IN_FLIGHT", "2048"),
            ("TIMERS__LEASE_MS", "2000"),
            ("POSTGRES__LEASE_MS", "3000"),
            ("RUN__DRAIN_MS", "4000"),
        ] {
            command.env(format!("REHOME__{key}"), value);
        }
        command.env("RUST_LOG", "warn,rehome_actors::supervisor=error");
        command
    }
}

impl Drop for System<'_> {
    fn drop(&mut self) {
        for process in &mut self.processes {
            // One that ended by itself can't be killed.
            let _ = process.child.kill();
            let _ = process.child.wait();
        }
        if std::thread::panicking() {
            for Process { roles, log, .. } in &self.processes {
                show(roles, log);
            }
        }
    }
}

/// The last lines of a log.
fn show(whose: &str, log: &Path) {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    println!("--- {whose}, last of {} lines:", lines.len());
    for line in &lines[lines.len().saturating_sub(LINES)..] {
        println!("{line}");
    }
}

/// What a process prints, all of it once it has ended.
fn read(child: &mut Child) -> Receiver<String> {
    let (sender, stdout) = channel();
    let mut pipe = child.stdout.take().unwrap();
    std::thread::spawn(move || {
        let mut text = String::new();
        let _ = pipe.read_to_string(&mut text);
        // A test that failed meanwhile does not listen.
        let _ = sender.send(text);
    });
    stdout
}

/// Makes the store's tables.
pub(crate) fn make_tables(database: &Database) {
    drop(open(database));
}

/// What is in a store.
pub(crate) fn left(database: &Database) -> Left {
    let (runtime, store) = open(database);
    runtime.block_on(Left::of(&*store, &*store))
}

fn open(database: &Database) -> (tokio::runtime::Runtime, std::sync::Arc<Postgres>) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let store = runtime.block_on(Postgres::open(&postgres::Options::new(database.url()))).unwrap();
    (runtime, store)
}

/// A run under way, ended with this.
pub(crate) struct Run {
    child: Child,
    stdout: Receiver<String>,
    log: PathBuf,
    begun: Instant,
    over: bool,
}

impl Run {
    pub(crate) fn start(command: &mut Command, log: PathBuf) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let stdout = read(&mut child);
        Self { child, stdout, log, begun: Instant::now(), over: false }
    }

    /// Whether it ends within this time.
    pub(crate) fn ends_within(&mut self, time: Duration) -> bool {
        // Not all succeed under a fault plan, and nothing else goes wrong.
        self.ends_so_within(1, time)
    }

    /// Waits for its end, with all succeeded. Answers how long it took.
    pub(crate) fn finish_well(&mut self, look: Duration) -> Duration {
        while !self.ends_so_within(0, look) {}
        self.begun.elapsed()
    }

    fn ends_so_within(&mut self, with: i32, time: Duration) -> bool {
        assert!(self.begun.elapsed() < LONGEST, "the run does not come to its end");
        match self.stdout.recv_timeout(time) {
            Err(RecvTimeoutError::Timeout) => false,
            Ok(said) => {
                self.over = true;
                let code = self.child.wait().unwrap().code();
                assert_eq!(code, Some(with), "{said}");
                true
            }
            Err(RecvTimeoutError::Disconnected) => panic!("the run had ended before"),
        }
    }

    /// Waits for its end, doing something each time this has passed. Answers how long it took.
    pub(crate) fn finish(&mut self, every: Duration, mut disturb: impl FnMut()) -> Duration {
        while !self.ends_within(every) {
            disturb();
        }
        self.begun.elapsed()
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            show("the run", &self.log);
        }
    }
}
