//! `rehome bench`: the options; the measuring is in [`crate::bench`].

use std::path::PathBuf;

use indicatif::ProgressBar;

use super::{Ended, Setting, Told};
use crate::bench::{self, Options, Report};

/// Measure relocations a second and latency, beside the bare limit of the database in the same run
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rehome bench
  rehome bench -n 20000 --in-flight 512 --json
  rehome bench --full-sync")]
pub(super) struct Args {
    /// The bus
    #[arg(long, value_name = "BUS", default_value = "embedded")]
    bus: Bus,
    /// The store
    #[arg(long, value_name = "STORE", default_value = "sqlite")]
    store: Store,
    /// Relocations to carry
    #[arg(short = 'n', value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u64).range(1..))]
    relocations: u64,
    /// Relocations under way at once; from run.in_flight if not given
    #[arg(long, value_name = "K", value_parser = clap::value_parser!(u32).range(1..))]
    in_flight: Option<u32>,
    /// Data directory, kept afterwards; a temporary one if not given
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Survive a power cut too, not only a kill of the process
    #[arg(long)]
    full_sync: bool,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Bus {
    Embedded,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Store {
    Sqlite,
}

pub(super) async fn bench(args: Args, setting: &Setting) -> Ended {
    let (Bus::Embedded, Store::Sqlite) = (args.bus, args.store);
    let settings = &setting.loaded.settings;
    let options = Options {
        count: args.relocations,
        in_flight: args
            .in_flight
            .map_or(settings.run.in_flight, |count| usize::try_from(count).unwrap_or(usize::MAX)),
        data: args.data,
        full_sync: args.full_sync,
    };
    let bar = setting.screen.add(ProgressBar::new_spinner());
    let report = bench::run(settings, &options, |stage| bar.set_message(format!("{stage:?}"))).await?;
    bar.finish_and_clear();
    let text = if args.json { serde_json::to_string_pretty(&report)? + "\n" } else { page(&report) };
    Ok(Told { text, good: report.unsuccessful == 0 })
}

fn page(report: &Report) -> String {
    let Report { relocations, in_flight, sync, seconds, per_second, bare_seconds, bare_per_second, .. } =
        report;
    let Report { ratio, p50_ms, p99_ms, peak_mib, transactions, rows, bare_rows, unsuccessful, .. } = report;
    format!(
        "{relocations} relocations, {in_flight} at once, sync {sync}\n\
         whole path   {per_second:8.0} relocations/s   {seconds:.2} s   {rows} rows in {transactions} transactions\n\
         bare limit   {bare_per_second:8.0} relocations/s   {bare_seconds:.2} s   {bare_rows} rows in as many\n\
         ratio        {:8.1} %\n\
         latency      p50 {p50_ms:.1} ms, p99 {p99_ms:.1} ms\n\
         peak memory  {peak_mib:.0} MiB\n\
         unsuccessful {unsuccessful}\n",
        ratio * 100.0
    )
}
