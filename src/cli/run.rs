//! `rehome run`: every relocation of a sheet to its end, all in this process.

mod progress;
mod summary;

use std::{
    io::stderr,
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::anyhow;
use jiff::{SignedDuration, Timestamp};
use rehome_devices::{
    faults::{self, FaultPlan, PlanError},
    provision::provision,
};
use rehome_domain::{lang::Lang, ports::Loaded, request::Request};

use super::{Ended, Failure, Setting, Told, person, say};
use crate::{
    app::{App, AppError, Roles},
    driver::{self, Act, Driven, Job},
    settings::{BusKind, Settings},
    sheet, texts,
};
use progress::Progress;
use summary::Summary;

/// Carry every relocation of a sheet to its end, all in this process
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rehome run relocations.csv
  rehome run relocations.json --faults faults.toml --data rehome-data/faults
  rehome run relocations.csv --deploy manual    only reserve; cut over: run it without this
  rehome run relocations.csv --json > result.json

Interrupted by Ctrl-C or killed, the same command with the same sheet and data goes on where it was.
Exit code 0 if all succeeded, 1 if some did not, 2 if the sheet can't be used (nothing is started then).")]
pub(super) struct Args {
    /// The relocations: CSV with a header, or a JSON array of objects
    #[arg(value_name = "SHEET")]
    sheet: PathBuf,
    /// Who deploys the cutover of what is reserved: auto (at once), manual (nobody yet)
    #[arg(long, value_name = "HOW", default_value = "auto")]
    deploy: Deploy,
    /// Fault plan (TOML or JSON): what goes wrong on purpose, and a scripted operator
    #[arg(long, value_name = "PLAN")]
    faults: Option<PathBuf>,
    /// Data directory; one named after the sheet under data.dir if not given
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Relocations under way at once; run.in_flight if not given
    #[arg(long, value_name = "K")]
    in_flight: Option<NonZeroUsize>,
    /// Run nothing here: submit to the system that runs elsewhere (rehome serve) over the configured broker and database
    #[arg(long)]
    attach: bool,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Deploy {
    Auto,
    Manual,
}

impl From<Deploy> for driver::Deploy {
    fn from(deploy: Deploy) -> Self {
        match deploy {
            Deploy::Auto => Self::Auto,
            Deploy::Manual => Self::Manual,
        }
    }
}

/// What a run is about.
struct Run<'a> {
    args: &'a Args,
    settings: &'a Settings,
    data: PathBuf,
    jobs: Vec<Job>,
    plan: Option<Arc<FaultPlan>>,
}

pub(super) async fn run(args: Args, setting: &Setting) -> Ended {
    let lang = setting.lang;
    let settings = &setting.loaded.settings;
    let plan = args.faults.as_deref().map(|path| plan(lang, path)).transpose()?;
    let deadlines = plan.as_ref().and_then(FaultPlan::deadlines).unwrap_or(settings.deadlines);
    let sheet = sheet::open(&args.sheet, deadlines).map_err(|error| {
        Failure::Bad(texts::sheet_refused(lang, args.sheet.display(), error.sentence(lang)))
    })?;
    let data = args.data.clone().unwrap_or_else(|| default_data(settings, &args.sheet));
    let jobs = sheet
        .rows
        .iter()
        .map(|row| Job { relocation: row.relocation(), request: Arc::clone(&row.request) })
        .collect();
    let roles = if args.attach { Roles::NONE } else { Roles::ALL };
    if args.attach && settings.bus.kind == BusKind::Embedded {
        return Err(Failure::Bad(texts::nothing_to_attach_to(lang)));
    }
    let began = Instant::now();
    let app = App::start(settings, &data, plan.clone(), roles).await.map_err(|error| match error {
        AppError::InUse { path } => Failure::Broken(anyhow!(texts::data_in_use(lang, path.display()))),
        other => other.into(),
    })?;
    let (tickets, devices) = (Arc::clone(&app.tickets), Arc::clone(&app.devices));
    let run = Run { args: &args, settings, data, jobs, plan: plan.map(Arc::new) };
    let progress = Progress::start(lang, run.jobs.len(), args.deploy.into(), args.json, &setting.screen);
    let driven = run.carry(&app, progress).await;
    if driven.as_ref().is_ok_and(|driven| driven.stopped) {
        setting.screen.suspend(|| say(stderr(), &format!("{}\n", texts::stopping(lang))));
    }
    // Whatever happened, what is in hand is finished first, unless the person can't wait.
    tokio::select! {
        _ = app.drain(settings.run.drain()) => {}
        () = interrupted() => {}
    }
    let devices = settings.devices.are_simulated().then_some(&*devices);
    let summary = Summary::new(&run.data, &run.jobs, driven?, &*tickets, devices, began.elapsed()).await?;
    let text = if args.json { summary.document()? } else { summary.page(lang) };
    Ok(Told { text, good: summary.good() })
}

/// Reads the fault plan. What is wrong with it is said in its own words, which have no Chinese: plans are for those who
/// test, and their keys are English too.
fn plan(lang: Lang, path: &Path) -> Result<FaultPlan, Failure> {
    FaultPlan::load(path).map_err(|error| {
        let problems = match error {
            PlanError::Invalid(mistakes) => {
                mistakes.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
            }
            other => format!("{:#}", anyhow::Error::from(other)),
        };
        Failure::Bad(texts::plan_refused(lang, path.display(), problems))
    })
}

pub(super) fn default_data(settings: &Settings, sheet: &Path) -> PathBuf {
    settings.data.dir.join(sheet.file_stem().unwrap_or_default())
}

impl Run<'_> {
    async fn carry(&self, app: &App, mut progress: Progress) -> Result<Driven, Failure> {
        self.provision(app).await?;
        let operator = self.plan.as_ref().map(|plan| operator(plan));
        let options = driver::Options {
            in_flight: self.args.in_flight.map_or(self.settings.run.in_flight, NonZeroUsize::get),
            deploy: self.args.deploy.into(),
            person: person(),
            operator: operator.as_deref(),
            window_wait: SignedDuration::from_millis(self.settings.run.window_wait_ms.into()),
            recheck: Duration::from_millis(self.settings.run.recheck_ms.into()),
            now: Timestamp::now,
        };
        let show = |moved: driver::Moved<'_>| progress.show(&moved);
        let driven = driver::drive(&*app.bus, &*app.tickets, &self.jobs, &options, interrupted(), show).await;
        progress.finish();
        Ok(driven?)
    }

    /// The circuits not yet relocated are in service at their old places. Those of real devices are, or are not.
    async fn provision(&self, app: &App) -> Result<(), Failure> {
        if !self.settings.devices.are_simulated() {
            return Ok(());
        }
        let ids = self.jobs.iter().map(|job| job.relocation).collect();
        let loaded = app.tickets.load(ids).await?;
        let new: Vec<Request> = self
            .jobs
            .iter()
            .zip(loaded)
            .filter(|(_, loaded)| *loaded == Loaded::Missing)
            .map(|(job, _)| job.request.as_ref().clone())
            .collect();
        provision(&*app.devices, &new).await?;
        Ok(())
    }
}

/// Resolves when the person presses Ctrl-C.
async fn interrupted() {
    // Without a signal handler Ctrl-C ends the process at once, and the next run takes it up all the same.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// The plan's scripted operator, as the driver asks for it.
fn operator(plan: &Arc<FaultPlan>) -> Box<driver::Operator> {
    let plan = Arc::clone(plan);
    Box::new(move |job, seen, used| {
        let standing = faults::Standing {
            service_id: &job.request.service_id,
            relocation: seen.relocation,
            reservation: seen.reservation,
            cutover: seen.cutover,
            disposition: seen.disposition,
            in_flight: seen.in_flight,
        };
        let act = plan.operator(&standing, used)?;
        Some(Act { rule: act.rule, command: act.command, reason: act.reason.to_owned() })
    })
}
