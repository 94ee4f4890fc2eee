//! `rehome bench --bus amqp --store postgres`: what it is asked for, and what it prints.

use std::time::Duration;

use comfy_table::Cell;
use indicatif::ProgressBar;
use rehome_domain::lang::Lang;
use serde::Serialize;

use super::{
    super::{Ended, Setting, Told, tables},
    Args, in_flight,
};
use crate::{
    bench::scaled::{self, Latency, Options, Report, Scale, Scaling, Stage},
    texts,
};

/// Supervisors that `--compare` compares.
const COMPARED: [usize; 3] = [1, 2, 4];
/// Relocations for each device worked in parallel: so few that the slowest row takes half a minute, so many that
/// beginning and end, when not all devices have work, hardly count.
const EACH: u64 = 16;

pub(super) async fn bench(args: &Args, setting: &Setting) -> Ended {
    match args.device_ms {
        Some(ms) => devices(args, setting, ms).await,
        None => whole(args, setting).await,
    }
}

fn number(given: Option<u32>) -> usize {
    given.and_then(|given| usize::try_from(given).ok()).unwrap_or(1)
}

// ---------------------------------------------------------------------------------------------------------------
// The whole path

async fn whole(args: &Args, setting: &Setting) -> Ended {
    let lang = setting.lang;
    let supervisors = if args.compare { COMPARED.to_vec() } else { vec![number(args.supervisors)] };
    let bar = setting.screen.add(ProgressBar::new_spinner());
    let mut reports = Vec::new();
    for supervisors in supervisors {
        let options = Options {
            count: args.relocations,
            in_flight: in_flight(args, setting),
            supervisors,
            configurators: number(args.configurators),
            latencies: args.compare && supervisors == 1,
        };
        let told = |stage| bar.set_message(under_way(lang, stage, args.relocations));
        reports.push(scaled::run(&setting.loaded.settings, &options, told).await?);
    }
    bar.finish_and_clear();
    let good = reports.iter().all(|report| report.unsuccessful == 0);
    let text = match (reports.as_slice(), args.json) {
        ([report], true) => json(report)?,
        (reports, true) => json(&reports)?,
        (reports, false) => pages(lang, reports),
    };
    Ok(Told { text, good })
}

fn json(report: &impl Serialize) -> serde_json::Result<String> {
    Ok(serde_json::to_string_pretty(report)? + "\n")
}

fn under_way(lang: Lang, stage: Stage, all: u64) -> String {
    match stage {
        Stage::Whole(done) => texts::bench_load(lang, done, all),
        Stage::Relay(done) => texts::bench_relay(lang, done),
        Stage::Durable(done) => texts::bench_durable(lang, done),
        Stage::Latency(in_flight, done) => texts::bench_latency_under_way(lang, in_flight, done),
        Stage::Devices(parallel, done) => texts::bench_devices_under_way(lang, parallel, done),
        Stage::Clearing => texts::bench_clearing(lang),
    }
}

fn pages(lang: Lang, reports: &[Report]) -> String {
    let mut text: String = reports.iter().map(|report| page(lang, report) + "\n").collect();
    if reports.len() > 1 {
        let mut table = tables::table(&[
            texts::bench_head_supervisors(lang),
            texts::bench_head_speed(lang),
            texts::bench_bare_relay(lang),
            texts::bench_durable_relay(lang),
            texts::bench_ratio(lang),
            texts::bench_head_median(lang),
        ]);
        for report in reports {
            table.add_row([
                tables::number(report.supervisors),
                tables::number(whole_number(report.per_second)),
                tables::number(whole_number(report.relay_per_second)),
                tables::number(whole_number(report.durable_per_second)),
                tables::number(percent(report.ratio)),
                tables::number(percent(report.median_ratio)),
            ]);
        }
        text.push_str(&tables::text(&table));
    }
    text
}

fn whole_number(number: f64) -> String {
    format!("{number:.0}")
}

fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

fn page(lang: Lang, report: &Report) -> String {
    let speed = |per_second: f64| texts::bench_speed(lang, whole_number(per_second));
    let seconds = |seconds: f64| format!("{seconds:.2}");
    let least = report.ratios.iter().copied().fold(f64::INFINITY, f64::min);
    let most = report.ratios.iter().copied().fold(0.0, f64::max);
    let rounds = texts::bench_rounds(lang, percent(report.median_ratio), percent(least), percent(most));
    let mut table = tables::table(&[]);
    let mut row = |name: String, figure: String, detail: String| {
        table.add_row([name, figure, detail]);
    };
    row(
        texts::bench_whole(lang),
        speed(report.per_second),
        texts::bench_transactions_detail(lang, seconds(report.seconds), report.transactions),
    );
    for (name, per_second, took) in [
        (texts::bench_bare_relay(lang), report.relay_per_second, report.relay_seconds),
        (texts::bench_durable_relay(lang), report.durable_per_second, report.durable_seconds),
    ] {
        row(name, speed(per_second), texts::bench_seconds_detail(lang, seconds(took)));
    }
    let relay = texts::bench_share_of(lang, texts::bench_bare_relay(lang));
    row(relay, percent(report.ratio_of_relay), String::new());
    let durable = texts::bench_share_of(lang, texts::bench_durable_relay(lang));
    row(durable, percent(report.ratio), rounds);
    let asked = (report.in_flight, report.p50_ms, report.p99_ms);
    let others = report
        .latencies
        .iter()
        .map(|Latency { in_flight, p50_ms, p99_ms, .. }| (*in_flight, *p50_ms, *p99_ms));
    for (in_flight, p50, p99) in std::iter::once(asked).chain(others) {
        let name = texts::bench_latency_at(lang, in_flight);
        row(name, format!("p50 {p50:.1} ms"), format!("p99 {p99:.1} ms"));
    }
    row(texts::bench_memory(lang), format!("{:.0} MiB", report.peak_mib), String::new());
    row(texts::bench_unsuccessful(lang), report.unsuccessful.to_string(), String::new());
    for column in table.column_iter_mut() {
        column.set_padding((0, tables::GUTTER));
    }
    let Report { relocations, in_flight, supervisors, configurators, .. } = report;
    texts::bench_scaled_of(lang, relocations, in_flight, supervisors, configurators)
        + "\n"
        + &tables::text(&table)
}

// ---------------------------------------------------------------------------------------------------------------
// Slow devices

async fn devices(args: &Args, setting: &Setting, ms: u32) -> Ended {
    let lang = setting.lang;
    let scale = Scale {
        device: Duration::from_millis(ms.into()),
        devices: number(Some(args.devices)),
        each: EACH,
        supervisors: number(args.supervisors),
    };
    let bar = setting.screen.add(ProgressBar::new_spinner());
    let told = |stage| bar.set_message(under_way(lang, stage, 0));
    let rows = scaled::devices(&setting.loaded.settings, &scale, told).await?;
    bar.finish_and_clear();
    let good = rows.iter().all(|row| row.unsuccessful == 0);
    let text = if args.json {
        json(&rows)?
    } else {
        texts::bench_device_takes(lang, ms, args.devices) + "\n" + &scaling(lang, &rows)
    };
    Ok(Told { text, good })
}

fn scaling(lang: Lang, rows: &[Scaling]) -> String {
    let mut table = tables::table(&[
        texts::bench_head_parallel(lang),
        texts::bench_head_configurators(lang),
        texts::bench_head_speed(lang),
        texts::bench_head_times(lang),
        texts::bench_head_mean(lang),
        texts::bench_head_peak(lang),
        texts::bench_head_cpu(lang),
    ]);
    let first = rows.first().map_or(1.0, |row| row.per_second);
    for row in rows {
        let cells: [Cell; 7] = [
            tables::number(row.parallel),
            tables::number(row.configurators),
            tables::number(format!("{:.2}", row.per_second)),
            tables::number(format!("{:.1}", row.per_second / first)),
            tables::number(format!("{:.1}", row.mean)),
            tables::number(format!("{}, {}", row.peak_l3, row.peak_l2)),
            tables::number(percent(row.cpu)),
        ];
        table.add_row(cells);
    }
    tables::text(&table)
}
