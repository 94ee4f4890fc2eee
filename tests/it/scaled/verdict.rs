//! A sheet of many and its plan, how it ends undisturbed, and whether a disturbed run has ended so too.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::OnceLock,
    time::{Duration, Instant},
};

use rehome::settings;
use rehome_devices::faults::FaultPlan;
use rehome_domain::{Request, State, request::Deadlines};
use rehome_testkit::postgres::Database;
use tempfile::TempDir;

use super::{
    effects::{Effects, beyond, count, counted, total},
    system::{Run, left},
};
use crate::running::{rehome, write_sheet};

/// Relocations in flight at once, which is all of the sheet.
pub(crate) const RELOCATIONS: usize = 2000;
/// Longer than any order has to wait for its turn among so many on a busy machine, or for what is being restarted: only
/// what the plan loses or delays misses its deadline.
const DEADLINES: Deadlines =
    Deadlines { reserve_ms: 40_000, cutover_ms: 40_000, rollback_ms: 40_000, inspect_ms: 40_000 };
/// Late by this, a reply has missed its deadline.
pub(crate) const LATE_MS: u32 = 45_000;
/// Every kind of fault, a few in a hundred each.
const PLAN: &str = include_str!("../kill.faults.toml");
/// Fewer replies are lost or late, and by this seed at most one of a relocation, or each test would wait for several
/// deadlines one after the other.
const SEED: u64 = 8;

/// A sheet, its plan, and how it ends in one undisturbed process.
pub(crate) struct Reference {
    _dir: TempDir,
    pub(crate) sheet: PathBuf,
    pub(crate) plan: PathBuf,
    pub(crate) requests: Vec<Request>,
    pub(crate) states: BTreeMap<String, State>,
    effects: Effects,
}

/// The same for all tests: run once, whoever comes first.
pub(crate) fn reference() -> &'static Reference {
    static REFERENCE: OnceLock<Reference> = OnceLock::new();
    REFERENCE.get_or_init(Reference::run)
}

/// The plan with longer deadlines, and with replies that miss them. More rules may be added.
pub(crate) fn plan(more: &str) -> String {
    patient_plan(more, DEADLINES, LATE_MS)
}

/// The same with other deadlines, and with replies so late that they miss them too. It ends in the same statuses.
pub(crate) fn patient_plan(more: &str, deadlines: Deadlines, late_ms: u32) -> String {
    let mut text = PLAN.to_owned();
    for (is, becomes) in [
        ("seed = 20201223", format!("seed = {SEED}")),
        (
            "probability = 0.01\nwhat = \"drop_reply\"",
            "probability = 0.003\nwhat = \"drop_reply\"".to_owned(),
        ),
        (
            "probability = 0.01\ndelay_ms = 7000\nwhat = \"late_reply\"",
            format!("probability = 0.003\ndelay_ms = {late_ms}\nwhat = \"late_reply\""),
        ),
    ] {
        assert!(text.contains(is), "the plan has changed: `{is}`");
        text = text.replace(is, &becomes);
    }
    let Deadlines { reserve_ms, cutover_ms, rollback_ms, inspect_ms } = deadlines;
    format!(
        "{text}\n{more}\n[deadlines]\nreserve_ms = {reserve_ms}\ncutover_ms = {cutover_ms}\n\
         rollback_ms = {rollback_ms}\ninspect_ms = {inspect_ms}\n"
    )
}

/// Where a relocation ends under a plan; none if that hangs on whether a late reply comes before something else or not
/// at all, as it may not if its process is killed.
pub(crate) fn certain_end(text: &str, request: &Request) -> Option<State> {
    let plan = FaultPlan::from_toml(text).unwrap();
    let late = format!("delay_ms = {LATE_MS}\nwhat = \"late_reply\"");
    let lost = FaultPlan::from_toml(&text.replace(&late, "what = \"drop_reply\"")).unwrap();
    let tries = settings::load(None).unwrap().settings.retry.max_tries;
    let request = Request { deadlines: DEADLINES, ..request.clone() };
    let (late, lost) = (plan.predict(&request, tries), lost.predict(&request, tries));
    (late.certain && late.state == lost.state).then_some(late.state)
}

impl Reference {
    fn run() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (sheet, file) = (dir.path().join("sheet.csv"), dir.path().join("faults.toml"));
        let requests = write_sheet(&sheet, RELOCATIONS.try_into().unwrap());
        let end = |request: &Request| {
            let end = certain_end(&plan(""), request);
            (request.service_id.clone(), end.expect("another seed"))
        };
        let predicted: BTreeMap<String, State> = requests.iter().map(end).collect();
        std::fs::write(&file, plan("")).unwrap();
        let database = Database::create();
        count(&database);
        let begun = Instant::now();
        let mut command = rehome(&["run", "--json", "--in-flight", &RELOCATIONS.to_string()]);
        command.env("REHOME__STORE__KIND", "postgres").env("REHOME__POSTGRES__URL", database.url());
        command.env("REHOME__SUPERVISOR__IN_FLIGHT", "2048");
        command.arg(&sheet).arg("--data").arg(dir.path().join("data")).arg("--faults").arg(&file);
        Run::start(&mut command, dir.path().join("none")).finish(Duration::from_secs(10), || {});
        let left = left(&database);
        assert_eq!(left.tickets.len(), RELOCATIONS);
        assert_eq!(left.discrepancies, Vec::<String>::new());
        assert_eq!(left.not_replayed, Vec::<String>::new());
        let effects = counted(&database);
        println!(
            "undisturbed, embedded: {RELOCATIONS} ended in {:?}, {} effects on devices",
            begun.elapsed(),
            total(&effects)
        );
        let states: BTreeMap<String, State> =
            left.states().into_iter().map(|(service, state)| (service.to_owned(), state)).collect();
        assert_eq!(states, predicted, "not even undisturbed");
        Self { _dir: dir, sheet, plan: file, requests, states, effects }
    }

    /// How many effects there are on devices in all.
    pub(crate) fn effects(&self) -> usize {
        total(&self.effects)
    }

    /// That a run of the same sheet has ended exactly so, with nothing lost and nothing done twice. Prints the counts.
    pub(crate) fn judge(&self, what: &str, took: Duration, database: &Database) {
        let left = left(database);
        let states = left.states();
        let at_rest = states.values().filter(|state| !state.in_flight()).count();
        let closed = states.values().filter(|state| state.is_closed()).count();
        let lost: Vec<&String> =
            self.states.keys().filter(|service| !states.contains_key(service.as_str())).collect();
        let otherwise: Vec<String> = self
            .states
            .iter()
            .filter(|(service, state)| states.get(service.as_str()).is_some_and(|other| other != *state))
            .map(|(service, state)| format!("{service}: {:?} instead of {state:?}", states[service.as_str()]))
            .collect();
        let effects = counted(database);
        let (twice, missing) = (beyond(&effects, &self.effects), beyond(&self.effects, &effects));
        println!(
            "{what}: accepted {}, ended {closed}, waiting for a person {}, still moving {}, lost {}, otherwise {}; \
             effects {}, duplicated {}, missing {}; dead letters {}; took {took:?}",
            states.len(),
            at_rest - closed,
            states.len() - at_rest,
            lost.len(),
            otherwise.len(),
            total(&effects),
            twice.len(),
            missing.len(),
            database.sql("SELECT count(*) FROM dead_letter"),
        );
        assert_eq!(lost, Vec::<&String>::new(), "lost");
        assert_eq!(otherwise, Vec::<String>::new(), "ended otherwise");
        assert_eq!(states.len(), self.states.len(), "somebody else's tickets");
        assert_eq!(twice, Vec::<String>::new(), "done twice");
        assert_eq!(missing, Vec::<String>::new(), "not done");
        assert_eq!(left.not_replayed, Vec::<String>::new(), "tickets that are not their journals");
        assert_eq!(left.discrepancies, Vec::<String>::new(), "devices hold what no ticket says");
    }
}
