//! `rehome run`: every relocation of a sheet to its end, all in this process.

mod progress;
mod summary;

use std::{
    num::NonZeroUsize,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use jiff::{SignedDuration, Timestamp};
use rehome_devices::{
    faults::{self, FaultPlan},
    provision::provision,
};
use rehome_domain::{lang::Lang, ports::Loaded, request::Request};

use super::{Ended, Failure, Setting, Told};
use crate::{
    app::App,
    driver::{self, Act, Job},
    settings::Settings,
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
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Deploy {
    Auto,
    Manual,
}

/// What a run is about.
struct Run<'a> {
    args: &'a Args,
    lang: Lang,
    settings: &'a Settings,
    data: PathBuf,
    jobs: Vec<Job>,
    plan: Option<Arc<FaultPlan>>,
}

pub(super) async fn run(args: Args, setting: &Setting) -> Ended {
    let lang = setting.lang;
    let settings = &setting.loaded.settings;
    let plan = args.faults.as_deref().map(FaultPlan::load).transpose();
    let plan = plan.map_err(|error| Failure::Bad(format!("{:#}", anyhow::Error::from(error))))?;
    let deadlines = plan.as_ref().and_then(FaultPlan::deadlines).unwrap_or(settings.deadlines);
    let sheet = sheet::open(&args.sheet, deadlines).map_err(|error| {
        Failure::Bad(texts::sheet_refused(lang, args.sheet.display(), error.sentence(lang)))
    })?;
    let data = args.data.clone().unwrap_or_else(|| default_data(settings, &args.sheet));
    let jobs = sheet
        .rows
        .iter()
        .map(|row| Job { relocation: sheet.relocation(row), request: Arc::clone(&row.request) })
        .collect();
    let app = App::start(settings, &data, plan.clone()).await?;
    let run = Run { args: &args, lang, settings, data, jobs, plan: plan.map(Arc::new) };
    let progress = Progress::start(lang, run.jobs.len(), run.args.json, &setting.screen);
    let summary = run.carry(&app, progress).await;
    // Whatever happened, what is in hand is finished first.
    app.drain(settings.run.drain()).await;
    let summary = summary?;
    let text = if args.json { summary.document()? } else { summary.page(lang) };
    Ok(Told { text, good: summary.good() })
}

fn default_data(settings: &Settings, sheet: &Path) -> PathBuf {
    settings.data.dir.join(sheet.file_stem().unwrap_or_default())
}

impl Run<'_> {
    async fn carry(&self, app: &App, mut progress: Progress) -> Result<Summary, Failure> {
        let began = Instant::now();
        self.provision(app).await?;
        let operator = self.plan.as_ref().map(|plan| operator(plan));
        let options = driver::Options {
            in_flight: self.args.in_flight.map_or(self.settings.run.in_flight, NonZeroUsize::get),
            deploy: match self.args.deploy {
                Deploy::Auto => driver::Deploy::Auto,
                Deploy::Manual => driver::Deploy::Manual,
            },
            person: person(),
            operator: operator.as_deref(),
            window_wait: SignedDuration::from_millis(self.settings.run.window_wait_ms.into()),
            recheck: Duration::from_millis(self.settings.run.recheck_ms.into()),
            now: Timestamp::now,
        };
        let stop = async {
            // Without a signal handler Ctrl-C ends the process at once, and the next run takes it up all the same.
            if tokio::signal::ctrl_c().await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        let driven = driver::drive(&*app.bus, &*app.tickets, &self.jobs, &options, stop, |moved| {
            progress.show(&moved);
        })
        .await?;
        progress.finish();
        Ok(Summary::new(self.lang, &self.data, &self.jobs, driven, app, began.elapsed()).await?)
    }

    /// The circuits not yet relocated are in service at their old places.
    async fn provision(&self, app: &App) -> Result<(), Failure> {
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

/// Who runs it, for the journal.
fn person() -> String {
    std::env::var("USER").ok().filter(|name| !name.is_empty()).unwrap_or_else(|| "operator".to_owned())
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
