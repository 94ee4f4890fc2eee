//! Running the binary as a user does, and looking at what it left behind.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::{Mutex, MutexGuard, PoisonError},
};

use rehome::{app::DATABASE, bench::synthetic};
use rehome_devices::audit::{Network, audit};
use rehome_domain::{
    Request, State, Ticket,
    journal::replay,
    ports::{DeviceMemory, Loaded, TicketStore},
    request::Deadlines,
};
use rehome_store::{Options, Sqlite};
use serde_json::Value;

/// Short deadlines, so that what a plan loses is asked about soon; long enough that nothing else ever misses them.
pub(crate) const DEADLINES: Deadlines =
    Deadlines { reserve_ms: 5000, cutover_ms: 5000, rollback_ms: 5000, inspect_ms: 5000 };

/// Held by tests that fill the machine, so that none starves another until its deadlines pass.
static MACHINE: Mutex<()> = Mutex::new(());

/// Waits until no other test fills the machine.
pub(crate) fn the_machine() -> MutexGuard<'static, ()> {
    MACHINE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A file of the repository.
pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// `rehome run` of a sheet, with short deadlines.
pub(crate) fn run(sheet: &Path, data: &Path, faults: Option<&Path>) -> Command {
    let mut command = rehome(&["run", "--json"]);
    command.arg(sheet).arg("--data").arg(data);
    if let Some(plan) = faults {
        command.arg("--faults").arg(plan);
    }
    command.stderr(Stdio::inherit());
    command
}

/// `rehome` with these arguments, with short deadlines and nothing else that the environment could say.
pub(crate) fn rehome(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rehome"));
    command.args(args);
    for variable in ["LC_ALL", "LC_MESSAGES", "LANG"] {
        command.env_remove(variable);
    }
    for (key, value) in [
        ("RESERVE", DEADLINES.reserve_ms),
        ("CUTOVER", DEADLINES.cutover_ms),
        ("ROLLBACK", DEADLINES.rollback_ms),
        ("INSPECT", DEADLINES.inspect_ms),
    ] {
        command.env(format!("REHOME__DEADLINES__{key}_MS"), value.to_string());
    }
    command.env("REHOME__HTTP__LISTEN", "");
    command.env("REHOME__STORE__SYNC", "normal").env("REHOME__TIMERS__POLL_MS", "100");
    // Its alarms are what the plans are for.
    command.env("RUST_LOG", "error");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// What a command said.
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Said {
    pub(crate) fn by(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Runs a command to its end.
    pub(crate) fn of(command: &mut Command) -> Self {
        Self::by(command.output().unwrap())
    }

    /// Its output as JSON, from a command that ended with this code.
    pub(crate) fn json(&self, code: i32) -> Value {
        assert_eq!(self.code, Some(code), "{}{}", self.stdout, self.stderr);
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}{}", self.stdout, self.stderr))
    }

    /// That it ended with this code and printed, on either channel, each of these.
    pub(crate) fn is(&self, code: i32, texts: &[&str]) {
        assert_eq!(self.code, Some(code), "{}{}", self.stdout, self.stderr);
        for text in texts {
            let said = self.stdout.contains(text) || self.stderr.contains(text);
            assert!(said, "`{text}` is not in:\n{}{}", self.stdout, self.stderr);
        }
    }
}

/// A sheet of made-up relocations.
pub(crate) fn write_sheet(path: &Path, count: u64) -> Vec<Request> {
    let mut text = String::from(
        "service_id,customer,old_l3_device,old_l3_port,old_vlan,old_l2_device,old_l2_port,\
         new_l3_device,new_l3_port,new_vlan,new_l2_device,new_l2_port,ip,vrf,description\n",
    );
    let requests: Vec<Request> = (0..count).map(|n| synthetic::request(n, DEADLINES)).collect();
    for request in &requests {
        let Request { service_id, customer, old, new, ip, vrf, description, .. } = request;
        let place = |place: &rehome_domain::Place| {
            let rehome_domain::Place { l3_device, l3_port, vlan, l2_device, l2_port, .. } = place;
            format!("{l3_device},{l3_port},{vlan},{l2_device},{l2_port}")
        };
        let vrf = vrf.as_deref().unwrap_or_default();
        let (old, new) = (place(old), place(new));
        writeln!(text, "{service_id},{customer},{old},{new},{ip},{vrf},\"{description}\"").unwrap();
    }
    std::fs::write(path, text).unwrap();
    requests
}

/// What a run left behind.
pub(crate) struct Left {
    /// The tickets by service.
    pub(crate) tickets: BTreeMap<String, Ticket>,
    /// What the devices hold that the tickets do not say, in sentences.
    pub(crate) discrepancies: Vec<String>,
    /// The tickets that are not the replay of their journals.
    pub(crate) not_replayed: Vec<String>,
}

impl Left {
    /// Reads a data directory.
    pub(crate) fn in_dir(data: &Path) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let store = Sqlite::open(&data.join(DATABASE), &Options::default()).unwrap();
            Self::of(&*store, &*store).await
        })
    }

    /// Reads a store.
    pub(crate) async fn of(store: &dyn TicketStore, memory: &dyn DeviceMemory) -> Self {
        let tickets = all_tickets(store).await;
        let not_replayed = not_replayed(store, &tickets).await;
        let network = Network::load(memory).await.unwrap();
        let discrepancies = audit(&tickets, &network).iter().map(ToString::to_string).collect();
        let tickets = tickets.into_iter().map(|ticket| (ticket.request.service_id.clone(), ticket)).collect();
        Self { tickets, discrepancies, not_replayed }
    }

    /// Where each service's ticket stands: all that the table knows.
    pub(crate) fn states(&self) -> BTreeMap<&str, State> {
        self.tickets.iter().map(|(service, ticket)| (service.as_str(), ticket.state)).collect()
    }
}

async fn all_tickets(store: &dyn TicketStore) -> Vec<Ticket> {
    let mut tickets = Vec::new();
    let mut after = None;
    loop {
        let page = store.all_tickets(after, 500).await.unwrap();
        let Some((last, _)) = page.last() else { return tickets };
        after = Some(*last);
        tickets.extend(page.into_iter().map(|(id, loaded)| match loaded {
            Loaded::Ticket(ticket) => *ticket,
            other => panic!("{id}: {other:?}"),
        }));
    }
}

async fn not_replayed(store: &dyn TicketStore, tickets: &[Ticket]) -> Vec<String> {
    let mut differing = Vec::new();
    for ticket in tickets {
        let entries: Vec<_> =
            store.journal(ticket.id).await.unwrap().into_iter().map(Result::unwrap).collect();
        if replay(&entries).as_ref() != Ok(ticket) {
            differing.push(ticket.request.service_id.clone());
        }
    }
    differing
}
