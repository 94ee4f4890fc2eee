//! A run is taken up where it was: run again, interrupted, beside another process, with a damaged journal, and when
//! somebody else holds what it wants.

use std::{
    io::{BufRead, BufReader, Lines, Read},
    path::{Path, PathBuf},
    process::{Child, ChildStderr, Command, Stdio},
    time::{Duration, Instant},
};

use rehome::app::DATABASE;
use rehome_domain::{Disposition, RelocationStatus, State};
use serde_json::Value;
use tempfile::TempDir;

use crate::running::{Left, Said, rehome, run, write_sheet};

struct Place {
    dir: TempDir,
    services: Vec<String>,
}

impl Place {
    /// A directory with a sheet of so many relocations.
    fn with(count: u64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let requests = write_sheet(&dir.path().join("sheet.csv"), count);
        Self { dir, services: requests.into_iter().map(|request| request.service_id).collect() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn data(&self) -> PathBuf {
        self.path("data")
    }

    /// Runs its sheet to the end, told as JSON.
    fn run(&self, args: &[&str]) -> Said {
        self.run_sheet("sheet.csv", args)
    }

    fn run_sheet(&self, name: &str, args: &[&str]) -> Said {
        Said::of(run(&self.path(name), &self.data(), None).args(args).stderr(Stdio::piped()))
    }

    /// Starts a run told to people.
    fn start(&self, args: &[&str]) -> Running {
        let mut command = rehome(&["run"]);
        command.arg(self.path("sheet.csv")).arg("--data").arg(self.data()).args(args);
        Running::start(&mut command)
    }

    /// Another verb on its data.
    fn verb(&self, args: &[&str]) -> Said {
        Said::of(rehome(args).arg("--data").arg(self.data()))
    }
}

/// A process whose stderr is followed.
struct Running {
    child: Child,
    stderr: Lines<BufReader<ChildStderr>>,
}

impl Running {
    fn start(command: &mut Command) -> Self {
        let mut child = command.spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap()).lines();
        Self { child, stderr }
    }

    /// Reads on until a line says this.
    fn until(&mut self, text: &str) {
        let mut read = Vec::new();
        for line in &mut self.stderr {
            let line = line.unwrap();
            if line.contains(text) {
                return;
            }
            read.push(line);
        }
        panic!("it ended without saying `{text}`: {read:?}");
    }

    /// What Ctrl-C does.
    fn interrupt(&self) {
        let id = self.child.id().to_string();
        let sent = Command::new("sh").args(["-c", "kill -INT \"$0\"", &id]).status().unwrap();
        assert!(sent.success());
    }

    fn ended(mut self) -> Said {
        let mut stdout = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
        let stderr = self.stderr.map(|line| line.unwrap() + "\n").collect();
        Said { code: self.child.wait().unwrap().code(), stdout, stderr }
    }
}

fn tickets(document: &Value) -> &Vec<Value> {
    document["tickets"].as_array().unwrap()
}

#[test]
fn a_finished_run_run_again_does_nothing_and_says_the_same() {
    let place = Place::with(20);
    let first = place.run(&[]).json(0);
    let journals = |place: &Place| -> Vec<String> {
        place.services.iter().map(|service| place.verb(&["export", service]).stdout).collect()
    };
    let written = journals(&place);
    let second = place.run(&[]).json(0);
    assert_eq!(tickets(&first), tickets(&second), "a ticket has been touched");
    assert_eq!(journals(&place), written);
}

#[test]
fn what_was_only_reserved_is_cut_over_by_the_same_command_without_manual() {
    let place = Place::with(20);
    let reserved = place.run(&["--deploy", "manual"]).json(1);
    assert!(tickets(&reserved).iter().all(|ticket| ticket["status"] == "cutover_pending"));
    let again = Said::of(
        rehome(&["run", "--deploy", "manual"]).arg(place.path("sheet.csv")).arg("--data").arg(place.data()),
    );
    again.is(1, &["waiting for the cutover: 20", "a run without --deploy manual"]);
    assert!(!again.stdout.contains("not succeeded"), "{}", again.stdout);
    let waiting = place.verb(&["list", "--waiting", "--json"]).json(0);
    assert_eq!(tickets(&waiting).len(), 20, "all of them wait for a person");
    let shown = place.verb(&["show", &place.services[0]]);
    shown.is(
        0,
        &["a person may:", "  deploy_cutover: yes", "  force_completion: no: the cutover status is `unset`"],
    );
    place
        .verb(&["show", &place.services[0], "--lang", "zh"])
        .is(0, &["可执行的操作:", "deploy_cutover 部署移机切换: 可"]);
    let moved = place.run(&[]).json(0);
    assert_eq!(tickets(&moved).len(), 20);
}

#[test]
fn interrupted_in_mid_run_it_finishes_what_is_in_hand_and_the_same_command_goes_on() {
    let place = Place::with(400);
    let plan = place.write(
        "plan.toml",
        "[[fault]]\noperation = \"reserve\"\nwhat = \"slow\"\ndelay_ms = 20\n\
         [deadlines]\nreserve_ms = 60000\ncutover_ms = 60000\nrollback_ms = 60000\ninspect_ms = 60000\n",
    );
    let mut running = place.start(&["--in-flight", "16", "--faults", plan.to_str().unwrap()]);
    running.until("of 400 relocations");
    running.interrupt();
    running.until("stopping: what is in hand is being finished");
    running.ended().is(1, &["stopped; ", " not begun. The same command goes on where it was"]);

    let left = Left::in_dir(&place.data());
    assert!(left.tickets.len() < 400, "it was not in mid-run any more");
    assert!(!left.states().values().any(State::in_flight), "an order was left out");
    assert_eq!(left.not_replayed, Vec::<String>::new());
    assert_eq!(left.discrepancies, Vec::<String>::new());
    let whole = place.run(&["--faults", plan.to_str().unwrap()]).json(0);
    assert_eq!(tickets(&whole).len(), 400);
}

/// Devices that take hours, and deadlines that wait for them.
const ENDLESS: &str = "[[fault]]\noperation = \"reserve\"\nwhat = \"slow\"\ndelay_ms = 36000000\n\
    [deadlines]\nreserve_ms = 80000000\ncutover_ms = 80000000\nrollback_ms = 80000000\ninspect_ms = 80000000\n";

/// Starts a run that never ends by itself, and waits until it works.
fn endless(place: &Place) -> Running {
    let plan = place.write("endless.toml", ENDLESS);
    let plan = plan.to_str().unwrap();
    let mut running = place.start(&["--faults", plan, "--log-level", "rehome_actors=debug"]);
    // An entry in a ticket's journal: the first relocation is under way.
    running.until("entry");
    running
}

#[test]
fn interrupted_twice_it_does_not_wait_and_the_next_run_takes_up_what_was_out() {
    let place = Place::with(3);
    let mut running = endless(&place);
    running.interrupt();
    running.until("Ctrl-C again stops at once");
    let pressed = Instant::now();
    running.interrupt();
    running.ended().is(1, &["stopped; "]);
    assert!(pressed.elapsed() < Duration::from_secs(20), "it waited out the drain, which takes 30 s");
    assert!(Left::in_dir(&place.data()).states().values().any(State::in_flight), "nothing was left out");
    // The same bytes, so the same relocations; without the plan the devices answer.
    place.run(&[]).json(0);
}

#[test]
fn a_second_process_on_the_same_data_is_told_and_only_looking_is_allowed() {
    let place = Place::with(3);
    let running = endless(&place);
    let data = place.data().display().to_string();
    for (lang, words) in [("en", "another rehome is working in"), ("zh", "另一个 rehome 正在使用")] {
        place.run(&["--lang", lang]).is(1, &[words, &data, "--data"]);
    }
    let checked = place.verb(&["check", "--json"]).json(0);
    assert_eq!(checked["data"][0]["in_use"], true);
    place.verb(&["check", "--lang", "zh"]).is(0, &["有进程正在使用"]);
    let listed = place.verb(&["list", "--json"]).json(0);
    assert!(tickets(&listed).iter().any(|ticket| ticket["in_flight"] == true), "{listed}");
    let mut child = running.child;
    child.kill().unwrap();
    child.wait().unwrap();
    place.run(&[]).json(0);
}

/// Changes a journal's entry in the database file by hand: the first `from` after the entry's cause becomes `to`, which
/// is as long.
fn damage(data: &Path, cause: &str, from: &str, to: &str) {
    assert_eq!(from.len(), to.len());
    let file = data.join(DATABASE);
    let mut bytes = std::fs::read(&file).unwrap();
    let find = |bytes: &[u8], after: usize, what: &str| {
        let at = bytes[after..].windows(what.len()).position(|window| window == what.as_bytes())?;
        Some(after + at)
    };
    // In a journal's row the body follows its cause. The file may hold older copies of the row: none is left as it was.
    let mut damaged = 0;
    let mut after = 0;
    while let Some(row) = find(&bytes, after, &format!("{cause}{{")) {
        after = row + cause.len();
        let at = find(&bytes, after, from).unwrap();
        bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
        damaged += 1;
    }
    assert!(damaged > 0, "there is no entry caused by {cause}");
    std::fs::write(file, bytes).unwrap();
}

#[test]
fn a_ticket_whose_journal_was_damaged_is_set_aside_and_named_while_all_others_go_on() {
    let place = Place::with(12);
    let reserved = place.run(&["--deploy", "manual"]).json(1);
    let id = |service: &str| {
        let ticket = tickets(&reserved).iter().find(|ticket| ticket["service_id"] == service).unwrap();
        ticket["relocation"].as_str().unwrap().to_owned()
    };
    // One that is not JSON any more, one that reads well but does not replay, one that replays to another ticket.
    let [torn, altered, other] = [3, 7, 9].map(|n: usize| place.services[n].clone());
    // Opened and closed once, so that nothing is left in the write-ahead log beside the file.
    drop(Left::in_dir(&place.data()));
    damage(&place.data(), &format!("{}:submit", id(&torn)), "{\"v\":1", "{\"v\";1");
    damage(&place.data(), &format!("{}:submit", id(&altered)), "\"at\":\"20", "\"at\":\"19");
    damage(&place.data(), &format!("{}:submit", id(&other)), "leased line", "leased lime");

    // Damaged, and not yet found by a start: a check finds it by itself.
    let unwell = [id(&torn), id(&altered), id(&other)];
    let unwell: Vec<&str> = unwell.iter().map(String::as_str).collect();
    is_named_by_check(&place, &unwell);

    // The alarm is raised once: at the start that finds it.
    for (start, alarms) in [("first", 3), ("second", 0)] {
        let said = place.run(&["--log-level", "error"]);
        let document = said.json(1);
        let succeeded = tickets(&document).iter().filter(|ticket| ticket["status"] == "succeeded").count();
        assert_eq!(succeeded, 9, "{start}: {document}");
        let without = document["without_ticket"].as_array().unwrap();
        let mut services: Vec<&str> = without.iter().map(|row| row["service_id"].as_str().unwrap()).collect();
        services.sort_unstable();
        assert_eq!(services, [&torn, &altered, &other], "{start}");
        assert!(without.iter().all(|row| row["what"] == "quarantined"), "{start}: {document}");
        assert_eq!(said.stderr.matches("ticket quarantined").count(), alarms, "{start}: {}", said.stderr);
        is_named_by_check(&place, &unwell);
    }
    // What was set aside is untouched: its target is still its own.
    place.verb(&["show", unwell[0]]).is(1, &["is set aside", "entry 1 can't be read"]);
    place.verb(&["show", &torn]).is(2, &["set aside", unwell[0]]);
    place.verb(&["list", "--lang", "zh"]).is(0, &["已隔离", unwell[1]]);
}

fn is_named_by_check(place: &Place, unwell: &[&str]) {
    let checked = place.verb(&["check", "--json"]).json(1);
    let data = &checked["data"][0];
    let mut named: Vec<&str> = data["quarantined"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["relocation"].as_str().unwrap())
        .collect();
    named.sort_unstable();
    let mut expected = unwell.to_vec();
    expected.sort_unstable();
    assert_eq!(named, expected, "{checked}");
    assert_eq!((&checked["good"], &data["tickets"]), (&Value::Bool(false), &Value::from(12)));
    for (lang, words) in [("en", ["can't go on", "something is wrong"]), ("zh", ["无法继续", "存在问题"])]
    {
        let said = place.verb(&["check", "--lang", lang]);
        said.is(1, &words);
        said.is(1, unwell);
    }
}

#[test]
fn a_second_relocation_to_the_same_port_and_vlan_is_refused_while_the_first_is_open_and_taken_afterwards() {
    let place = Place::with(1);
    // Another circuit, from elsewhere, to the very same place.
    let sheet = std::fs::read_to_string(place.path("sheet.csv")).unwrap();
    let (header, row) = sheet.trim_end().split_once('\n').unwrap();
    let mut cells: Vec<&str> = row.split(',').collect();
    let column = |name: &str| header.split(',').position(|column| column == name).unwrap();
    cells[column("service_id")] = "OTHER-1";
    cells[column("old_l3_device")] = "gw-elsewhere";
    cells[column("old_l2_device")] = "sw-elsewhere";
    place.write("other.csv", &format!("{header}\n{}\n", cells.join(",")));

    let first = place.run(&["--deploy", "manual"]).json(1);
    let holder = tickets(&first)[0]["relocation"].as_str().unwrap();
    for _ in 0..2 {
        let refused = place.run_sheet("other.csv", &[]).json(1);
        let why = &refused["without_ticket"][0];
        assert_eq!((&why["service_id"], &why["what"]), (&"OTHER-1".into(), &"held".into()), "{refused}");
        assert!(why["reason"].as_str().unwrap().contains(holder), "{refused}");
    }
    let told = |lang| {
        let mut command = rehome(&["run", "--lang", lang]);
        Said::of(command.arg(place.path("other.csv")).arg("--data").arg(place.data()))
    };
    told("en").is(1, &["OTHER-1", "held by the open relocation", holder]);
    told("zh").is(1, &["OTHER-1", "被未关闭的工单", holder]);

    let cancel = place.write(
        "cancel.toml",
        "[[operator]]\nrelocation = \"cutover_pending\"\ndo = \"cancel\"\nreason = \"the customer stays\"\n",
    );
    let cancelled = place.run(&["--faults", cancel.to_str().unwrap()]).json(1);
    assert_eq!(tickets(&cancelled)[0]["disposition"], "cancelled");
    place.run_sheet("other.csv", &[]).json(0);
    let left = Left::in_dir(&place.data());
    assert_eq!(left.tickets["OTHER-1"].state.relocation, RelocationStatus::Succeeded);
    assert_eq!(left.tickets[&place.services[0]].state.disposition, Disposition::Cancelled);
    assert_eq!(left.discrepancies, Vec::<String>::new());
}
