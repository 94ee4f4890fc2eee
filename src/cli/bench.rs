//! `rehome bench`: the options; the measuring is in [`crate::bench`].

mod lab;
mod scaled;

use std::path::PathBuf;

use indicatif::ProgressBar;

use rehome_domain::lang::Lang;

use super::{Ended, Failure, Setting, Told, tables};
use crate::{
    bench::{self, Options, Report, Stage, lab::Over},
    texts,
};

/// Relocations, if nothing is said.
const RELOCATIONS: u64 = 10_000;

/// Measure relocations a second and latency, beside the bare limit in the same run
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rehome bench
  rehome bench -n 20000 --in-flight 512 --json
  rehome bench --full-sync
  rehome bench --bus amqp --store postgres --supervisors 2
  rehome bench --bus amqp --store postgres --compare
  rehome bench --bus amqp --store postgres --device-ms 200 --devices 64
  rehome bench --bus amqp --store postgres --tickets 1000000 --readers 20
  rehome bench --bus amqp --store postgres --lab outage --runs 20
  rehome bench --bus amqp --store postgres --lab parallel -n 200

Over RabbitMQ (amqp.url) and PostgreSQL (postgres.url) it makes queues and tables of
its own and takes them away at the end, also after Ctrl-C. So it does with the lab,
which needs root and the packages that scripts/setup installs.")]
pub(super) struct Args {
    /// The bus
    #[arg(long, value_name = "BUS", default_value = "embedded")]
    bus: Bus,
    /// The store
    #[arg(long, value_name = "STORE", default_value = "sqlite")]
    store: Store,
    /// Relocations to carry: 10000 if not given, 200 in a lab
    #[arg(short = 'n', value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    relocations: Option<u64>,
    /// Relocations under way at once; from run.in_flight if not given
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u32).range(1..))]
    in_flight: Option<u32>,
    /// Data directory, kept afterwards; a temporary one if not given
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Survive a power cut too, not only a kill of the process
    #[arg(long)]
    full_sync: bool,
    /// Supervisors, each as a process of its own would be (amqp)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    supervisors: Option<u32>,
    /// Configurators likewise, each for both layers (amqp)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    configurators: Option<u32>,
    /// Compare 1, 2 and 4 supervisors, and latencies with 1 and with 512 at once (amqp)
    #[arg(long, conflicts_with = "supervisors")]
    compare: bool,
    /// How long an operation on a device takes: compare 1, 2, 4, … devices in parallel (amqp)
    #[arg(long, value_name = "MS", conflicts_with_all = ["compare", "configurators", "in_flight"],
        value_parser = clap::value_parser!(u32).range(1..=60_000))]
    device_ms: Option<u32>,
    /// Gateways, and as many switches, with --device-ms
    #[arg(long, value_name = "N", default_value_t = 64, requires = "device_ms",
        value_parser = clap::value_parser!(u32).range(1..=512))]
    devices: u32,
    /// Fill the database with this many tickets, and measure what readers wait for (amqp)
    #[arg(long, value_name = "N", conflicts_with_all = ["compare", "configurators", "supervisors", "device_ms", "relocations"],
        value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    tickets: Option<u64>,
    /// How many readers at once, with --tickets
    #[arg(long, value_name = "N", default_value_t = 20, requires = "tickets",
        value_parser = clap::value_parser!(u32).range(1..=512))]
    readers: u32,
    /// For how many seconds they read
    #[arg(long, value_name = "S", default_value_t = 60, requires = "tickets",
        value_parser = clap::value_parser!(u32).range(1..=86_400))]
    seconds: u32,
    /// How long each rests between an answer and its next question, in milliseconds: an open page
    /// refreshes no sooner than after 700
    #[arg(long, value_name = "MS", default_value_t = 0, requires = "tickets",
        value_parser = clap::value_parser!(u32).range(0..=60_000))]
    pause_ms: u32,
    /// Keep the tickets in this schema, and fill it only the first time
    #[arg(long, value_name = "NAME", requires = "tickets")]
    schema: Option<String>,
    /// In a lab with real devices and packets: outage (how long customers are without service), parallel
    /// (many relocations at once), commits (reservations that share commits)
    #[arg(long, value_name = "WHAT",
        conflicts_with_all = ["compare", "configurators", "supervisors", "device_ms", "tickets", "in_flight", "data", "full_sync"])]
    lab: Option<Lab>,
    /// How often each move is measured, with --lab outage
    #[arg(long, value_name = "N", default_value_t = 20, requires = "lab", conflicts_with = "relocations",
        value_parser = clap::value_parser!(u32).range(1..=1000))]
    runs: u32,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Lab {
    Outage,
    Parallel,
    Commits,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Bus {
    Embedded,
    Amqp,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Store {
    Sqlite,
    Postgres,
}

impl Args {
    /// Options that are for the other bench.
    fn stray(&self) -> Option<(&'static str, &'static str)> {
        let over_amqp = [
            ("--supervisors", self.supervisors.is_some()),
            ("--configurators", self.configurators.is_some()),
            ("--compare", self.compare),
            ("--device-ms", self.device_ms.is_some()),
            ("--tickets", self.tickets.is_some()),
        ];
        let embedded = [("--data", self.data.is_some()), ("--full-sync", self.full_sync)];
        let given = |options: &[(&'static str, bool)]| {
            options.iter().find(|(_, given)| *given).map(|(option, _)| *option)
        };
        match self.bus {
            Bus::Embedded => given(&over_amqp).map(|option| (option, "amqp")),
            Bus::Amqp => given(&embedded).map(|option| (option, "embedded")),
        }
    }
}

pub(super) async fn bench(args: Args, setting: &Setting) -> Ended {
    if let Some((option, bus)) = args.stray() {
        return Err(Failure::Bad(texts::bench_only_for(setting.lang, option, bus)));
    }
    match (args.bus, args.store) {
        (Bus::Embedded, Store::Sqlite) if args.lab.is_some() => {
            lab::bench(&args, setting, Over::Itself).await
        }
        (Bus::Amqp, Store::Postgres) if args.lab.is_some() => lab::bench(&args, setting, Over::Servers).await,
        (Bus::Embedded, Store::Sqlite) => embedded(args, setting).await,
        (Bus::Amqp, Store::Postgres) => scaled::bench(&args, setting).await,
        (bus, store) => {
            let (bus, store) = (format!("{bus:?}").to_lowercase(), format!("{store:?}").to_lowercase());
            Err(Failure::Bad(texts::bench_not_together(setting.lang, bus, store)))
        }
    }
}

/// Relocations at once.
fn in_flight(args: &Args, setting: &Setting) -> usize {
    let given = args.in_flight.map(|count| usize::try_from(count).unwrap_or(usize::MAX));
    given.unwrap_or(setting.loaded.settings.run.in_flight)
}

async fn embedded(args: Args, setting: &Setting) -> Ended {
    let settings = &setting.loaded.settings;
    let options = Options {
        count: args.relocations.unwrap_or(RELOCATIONS),
        in_flight: in_flight(&args, setting),
        data: args.data,
        full_sync: args.full_sync,
    };
    let bar = setting.screen.add(ProgressBar::new_spinner());
    let lang = setting.lang;
    let report = bench::run(settings, &options, |stage| {
        bar.set_message(match stage {
            Stage::Provisioning(done) => texts::bench_provisioning(lang, done, options.count),
            Stage::Load(done) => texts::bench_load(lang, done, options.count),
            Stage::Bare(done) => texts::bench_bare(lang, done),
        });
    })
    .await?;
    bar.finish_and_clear();
    let text = if args.json { serde_json::to_string_pretty(&report)? + "\n" } else { page(lang, &report) };
    Ok(Told { text, good: report.unsuccessful == 0 })
}

fn page(lang: Lang, report: &Report) -> String {
    let Report { relocations, in_flight, sync, seconds, bare_seconds, transactions, rows, bare_rows, .. } =
        report;
    let (seconds, bare_seconds) = (format!("{seconds:.2}"), format!("{bare_seconds:.2}"));
    let speed = |per_second: f64| texts::bench_speed(lang, format!("{per_second:.0}"));
    let mut table = tables::table(&[]);
    for (name, figure, detail) in [
        (
            texts::bench_whole(lang),
            speed(report.per_second),
            texts::bench_whole_detail(lang, seconds, rows, transactions),
        ),
        (
            texts::bench_limit(lang),
            speed(report.bare_per_second),
            texts::bench_limit_detail(lang, bare_seconds, bare_rows),
        ),
        (texts::bench_ratio(lang), format!("{:.1} %", report.ratio * 100.0), String::new()),
        (
            texts::bench_latency(lang),
            format!("p50 {:.1} ms", report.p50_ms),
            format!("p99 {:.1} ms", report.p99_ms),
        ),
        (texts::bench_memory(lang), format!("{:.0} MiB", report.peak_mib), String::new()),
        (texts::bench_unsuccessful(lang), report.unsuccessful.to_string(), String::new()),
    ] {
        table.add_row([name, figure, detail]);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, tables::GUTTER));
    }
    texts::bench_of(lang, relocations, in_flight, sync) + "\n" + &tables::text(&table)
}
