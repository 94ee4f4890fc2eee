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
    bench::scaled::{self, Latency, Looked, Looking, Options, Report, Scale, Scaling, Stage},
    texts,
};

/// Supervisors that `--compare` compares.
const COMPARED: [usize; 3] = [1, 2, 4];
/// Relocations for each device worked in parallel: so few that the slowest row takes half a minute, so many that
/// beginning and end, when not all devices have work, hardly count.
const EACH: u64 = 16;
/// Relocations that run while readers read, if nothing is said: a busy night, not the most that goes.
const MEANWHILE: usize = 8;

pub(super) async fn bench(args: &Args, setting: &Setting) -> Ended {
    match (args.device_ms, args.tickets) {
        (Some(ms), _) => devices(args, setting, ms).await,
        (None, Some(tickets)) => lists(args, setting, tickets).await,
        (None, None) => whole(args, setting).await,
    }
}

fn number(given: Option<u32>) -> usize {
    given.and_then(|given| usize::try_from(given).ok()).unwrap_or(1)
}

// ---------------------------------------------------------------------------------------------------------------
// The whole path

async fn whole(args: &Args, setting: &Setting) -> Ended {
    let lang = setting.lang;
    let count = args.relocations.unwrap_or(super::RELOCATIONS);
    let supervisors = if args.compare { COMPARED.to_vec() } else { vec![number(args.supervisors)] };
    let bar = setting.screen.add(ProgressBar::new_spinner());
    let mut reports = Vec::new();
    for supervisors in supervisors {
        let options = Options {
            count,
            in_flight: in_flight(args, setting),
            supervisors,
            configurators: number(args.configurators),
            latencies: args.compare && supervisors == 1,
        };
        let told = |stage| bar.set_message(under_way(lang, stage, count));
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
        Stage::Filling(done) => texts::bench_filling(lang, done, all),
        Stage::Reading(done) => texts::bench_reading(lang, all, done),
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

// ---------------------------------------------------------------------------------------------------------------
// Many tickets, and readers

async fn lists(args: &Args, setting: &Setting, tickets: u64) -> Ended {
    let lang = setting.lang;
    let looking = Looking {
        tickets,
        readers: number(Some(args.readers)),
        time: Duration::from_secs(args.seconds.into()),
        pause: Duration::from_millis(args.pause_ms.into()),
        in_flight: args.in_flight.map_or(MEANWHILE, |given| number(Some(given))),
        schema: args.schema.clone(),
    };
    let bar = setting.screen.add(ProgressBar::new_spinner());
    let told = |stage| {
        let all = if matches!(stage, Stage::Reading(_)) { args.seconds.into() } else { tickets };
        bar.set_message(under_way(lang, stage, all));
    };
    let looked = scaled::lists(&setting.loaded.settings, &looking, told).await?;
    bar.finish_and_clear();
    let text = if args.json { json(&looked)? } else { answers(lang, &looked) };
    Ok(Told { text, good: looked.unsuccessful == 0 })
}

fn answers(lang: Lang, looked: &Looked) -> String {
    let mut table = tables::table(&[
        texts::bench_head_question(lang),
        texts::bench_head_reads(lang),
        "p50".to_owned(),
        "p99".to_owned(),
        texts::bench_head_most(lang),
    ]);
    let ms = |ms: f64| tables::number(format!("{ms:.1} ms"));
    for answered in &looked.answers {
        table.add_row([
            Cell::new(answered.what),
            tables::number(answered.reads),
            ms(answered.p50_ms),
            ms(answered.p99_ms),
            ms(answered.most_ms),
        ]);
    }
    let Looked { tickets, readers, seconds, unsuccessful, .. } = looked;
    let (reads, relocations) =
        (whole_number(looked.reads_per_second), whole_number(looked.relocations_per_second));
    texts::bench_looked(lang, tickets, readers, whole_number(*seconds))
        + "\n"
        + &tables::text(&table)
        + &texts::bench_looked_sum(lang, reads, relocations, unsuccessful)
        + "\n"
}
