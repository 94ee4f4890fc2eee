//! `rehome bench --lab`: what it is asked for, and what it prints.

use indicatif::ProgressBar;
use rehome_domain::lang::Lang;
use serde::Serialize;

use super::{
    super::{Ended, Failure, Setting, Told, tables},
    Args, Lab,
};
use crate::{
    bench::lab::{self, By, Commits, Kind, Outages, Over, Parallel, Stage, Times},
    texts,
};

/// Relocations in a lab, if nothing is said.
const RELOCATIONS: usize = 200;

pub(super) async fn bench(args: &Args, setting: &Setting, over: Over) -> Ended {
    lab::check().map_err(|error| Failure::Bad(error.to_string()))?;
    let (settings, lang) = (&setting.loaded.settings, setting.lang);
    let count = args.relocations.map_or(RELOCATIONS, |count| usize::try_from(count).unwrap_or(usize::MAX));
    let runs = usize::try_from(args.runs).unwrap_or(usize::MAX);
    let bar = setting.screen.add(ProgressBar::new_spinner());
    let told = |stage| bar.set_message(under_way(lang, stage, count, runs));
    let (text, json, good) = match args.lab {
        Some(Lab::Parallel) => {
            let measured = lab::parallel(settings, over, count, told).await?;
            let speeds = [&measured.at_once, &measured.one_by_one];
            let good = speeds.iter().all(|speed| speed.unsuccessful == 0 && speed.wrong.is_empty());
            (parallel(lang, &measured), json(&measured)?, good)
        }
        Some(Lab::Commits) => {
            let measured = lab::commits(settings, over, count, told).await?;
            let good = measured.alone.unsuccessful + measured.shared.unsuccessful == 0;
            (commits(lang, &measured), json(&measured)?, good)
        }
        Some(Lab::Outage) | None => {
            let measured = lab::outages(settings, over, runs, told).await?;
            let good = measured.iter().all(|kind| kind.unsuccessful + kind.answered_at_old == 0);
            (outages(lang, &measured), json(&measured)?, good)
        }
    };
    bar.finish_and_clear();
    Ok(Told { text: if args.json { json } else { text }, good })
}

fn json(report: &impl Serialize) -> serde_json::Result<String> {
    Ok(serde_json::to_string_pretty(report)? + "\n")
}

fn under_way(lang: Lang, stage: Stage, count: usize, runs: usize) -> String {
    match stage {
        Stage::Starting => texts::lab_starting(lang),
        Stage::Moved(done) => texts::bench_moved(lang, done, lab::MOVERS * runs),
        Stage::Carried(at_once, done) => texts::bench_carried(lang, at_once, done, count),
        Stage::Checking => texts::bench_checking(lang),
        Stage::Clearing => texts::bench_clearing(lang),
    }
}

fn outages(lang: Lang, kinds: &[Outages]) -> String {
    let mut table = tables::table(&[
        texts::bench_head_move(lang),
        texts::bench_head_by(lang),
        texts::bench_head_least(lang),
        texts::bench_head_middle(lang),
        texts::bench_head_most(lang),
        texts::bench_head_gateway(lang),
        texts::bench_head_times_direct(lang),
    ]);
    let ms = |ms: f64| tables::number(format!("{ms:.1} ms"));
    for kind in kinds {
        let ratio = |ratio: f64| format!("{ratio:.2}");
        let by = [
            (move_of(lang, kind.kind), texts::bench_by_rehome(lang), &kind.rehome, String::new()),
            (String::new(), texts::bench_by_hand(lang), &kind.direct, ratio(kind.ratio)),
            (String::new(), texts::bench_by_bare(lang), &kind.bare, ratio(kind.ratio_of_bare)),
        ];
        for (name, who, By { outage, gateway }, ratio) in by {
            let Times { median_ms, least_ms, most_ms, .. } = outage;
            table.add_row([
                name.into(),
                who.into(),
                ms(*least_ms),
                ms(*median_ms),
                ms(*most_ms),
                ms(gateway.median_ms),
                tables::number(ratio),
            ]);
        }
    }
    let runs = kinds.first().map_or(0, |kind| kind.runs);
    let (answered, unsuccessful) = kinds.iter().fold((0, 0), |(answered, unsuccessful), kind| {
        (answered + kind.answered_at_old, unsuccessful + kind.unsuccessful)
    });
    let sum = texts::bench_outages_sum(lang, lab::MOVERS * runs * kinds.len(), answered, unsuccessful);
    texts::bench_outages_of(lang, runs) + "\n" + &tables::text(&table) + &sum + "\n"
}

fn move_of(lang: Lang, kind: Kind) -> String {
    match kind {
        Kind::Ports => texts::bench_move_ports(lang),
        Kind::SameVlan => texts::bench_move_same_vlan(lang),
        Kind::Gateways => texts::bench_move_gateways(lang),
    }
}

fn parallel(lang: Lang, measured: &Parallel) -> String {
    let mut table = tables::table(&[
        texts::bench_head_at_once(lang),
        texts::bench_head_seconds(lang),
        texts::bench_head_speed(lang),
        texts::bench_unsuccessful(lang),
        texts::bench_head_wrong(lang),
    ]);
    let mut wrong = String::new();
    for speed in [&measured.at_once, &measured.one_by_one] {
        table.add_row([
            tables::number(speed.in_flight),
            tables::number(format!("{:.2}", speed.seconds)),
            tables::number(format!("{:.2}", speed.per_second)),
            tables::number(speed.unsuccessful),
            tables::number(speed.wrong.len()),
        ]);
        wrong.extend(speed.wrong.iter().map(|sentence| format!("{sentence}\n")));
    }
    let Parallel { relocations, gateways, switches, ratio, .. } = measured;
    let ratio = texts::bench_times_as_fast(lang, format!("{ratio:.1}"));
    texts::bench_parallel_of(lang, relocations, gateways, switches)
        + "\n"
        + &tables::text(&table)
        + &ratio
        + "\n"
        + &wrong
}

fn commits(lang: Lang, measured: &Commits) -> String {
    let mut table = tables::table(&[
        texts::bench_head_batch(lang),
        texts::bench_head_seconds(lang),
        texts::bench_head_reservations(lang),
        texts::bench_unsuccessful(lang),
    ]);
    for shared in [&measured.alone, &measured.shared] {
        table.add_row([
            tables::number(shared.batch),
            tables::number(format!("{:.2}", shared.seconds)),
            tables::number(format!("{:.1}", shared.per_second)),
            tables::number(shared.unsuccessful),
        ]);
    }
    let ratio = texts::bench_times_as_fast(lang, format!("{:.1}", measured.ratio));
    texts::bench_commits_of(lang, measured.reservations) + "\n" + &tables::text(&table) + &ratio + "\n"
}
