//! `rehome plan`: what a relocation would change on its devices, told before anything is sent.

use std::{
    ffi::OsStr,
    fmt::Write as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use indicatif::ProgressBar;
use rehome_actors::plan::Foresight;
use rehome_devices::provision::provision;
use rehome_domain::{
    id::RelocationId,
    lang::Lang,
    plan::{DevicePlan, Plan, PlannedOrder},
    ports::{Inventory, Planner as _},
    request::Request,
    wording,
};
use rehome_store::Sqlite;
use serde_json::{Value, json};

use super::{
    Ended, Failure, Setting, Told, offline,
    remote::{At, path_part, word},
    run::default_data,
};
use crate::{
    app::{self, AppError, DATABASE},
    sheet::{self, Sheet},
    texts,
};

/// Show what a relocation would change on its devices, touching nothing
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rehome plan sheet.csv
  rehome plan sheet.csv --config site.toml --lines
  rehome plan SH-LL-000702
  rehome plan SH-LL-000702 --json

A sheet's devices are asked from here, a ticket's by the running system. Each device tells what it holds
now, and what reservation, cutover and each rollback would change from there.
Exit code 1 if a device could not be asked, or would refuse something.")]
pub(super) struct Args {
    /// Relocation sheet (a file), or a ticket: its id, or the id of its service
    #[arg(value_name = "SHEET|TICKET")]
    what: String,
    /// Show what would be sent to each device, in its own words
    #[arg(long)]
    lines: bool,
    /// Data directory of a run whose simulated devices are meant; what `rehome run SHEET` would use if not given
    #[arg(long, value_name = "DIR", conflicts_with_all = ["url", "token_file"])]
    data: Option<PathBuf>,
    #[command(flatten)]
    at: At,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// The plan of one relocation.
struct Planned {
    service: String,
    ticket: String,
    plan: Plan,
}

pub(super) async fn plan(args: Args, setting: &Setting) -> Ended {
    let path = Path::new(&args.what);
    let planned =
        if path.is_file() { of_sheet(&args, path, setting).await? } else { of_ticket(&args, setting)? };
    let good = planned.iter().all(|planned| planned.plan.is_good());
    let text = if args.json {
        let plans: Vec<Value> = planned
            .iter()
            .map(|one| json!({ "service_id": one.service, "relocation": one.ticket, "plan": one.plan }))
            .collect();
        format!("{:#}\n", json!({ "plans": plans, "good": good }))
    } else {
        let pages: Vec<String> = planned.iter().map(|one| page(setting.lang, one, args.lines)).collect();
        pages.join("\n")
    };
    Ok(Told { text, good })
}

fn of_ticket(args: &Args, setting: &Setting) -> Result<Vec<Planned>, Failure> {
    let lang = setting.lang;
    if is_named_as_sheet(Path::new(&args.what)) {
        return Err(Failure::Bad(texts::plan_no_file(lang, &args.what)));
    }
    let remote = args.at.remote(setting)?;
    let ticket = remote.meant(&args.what).map_err(|why| neither(lang, &args.what, why))?;
    let id = word(&ticket["id"]);
    let told = remote.told_of(&format!("/tickets/{}/plan", path_part(id)), &[])?;
    let plan = serde_json::from_value(told)?;
    Ok(vec![Planned { service: word(&ticket["service_id"]).to_owned(), ticket: id.to_owned(), plan }])
}

/// Whether nothing but a sheet is called so: no system need be asked.
fn is_named_as_sheet(path: &Path) -> bool {
    let ending = path.extension().and_then(OsStr::to_str).unwrap_or_default();
    ["csv", "json"].iter().any(|sheets| ending.eq_ignore_ascii_case(sheets))
}

/// What is said of a name that no ticket was found by: a sheet may have been meant.
fn neither(lang: Lang, given: &str, why: Failure) -> Failure {
    if given.parse::<RelocationId>().is_ok() {
        return why;
    }
    match why {
        Failure::Bad(why) => Failure::Bad(texts::plan_no_file_and(lang, given, why)),
        Failure::Broken(why) => Failure::Broken(why.context(texts::plan_no_file_here(lang, given))),
    }
}

async fn of_sheet(args: &Args, path: &Path, setting: &Setting) -> Result<Vec<Planned>, Failure> {
    let (lang, settings) = (setting.lang, &setting.loaded.settings);
    let sheet = sheet::open(path, settings.deadlines)
        .map_err(|error| Failure::Bad(texts::sheet_refused(lang, path.display(), error.sentence(lang))))?;
    let data = args.data.clone().unwrap_or_else(|| default_data(settings, path));
    let (inventory, _made) = network(args, &data, &sheet, setting).await?;
    let foresight = Foresight::new(inventory);
    let bar = setting.screen.add(ProgressBar::new(sheet.rows.len().try_into().unwrap_or(u64::MAX)));
    let mut planned = Vec::with_capacity(sheet.rows.len());
    for row in &sheet.rows {
        let plan = foresight.plan(row.relocation(), &row.request).await;
        let service = row.request.service_id.clone();
        planned.push(Planned { service, ticket: row.relocation().to_string(), plan });
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(planned)
}

/// The devices: simulated ones as a run has left them, or as the first run of this sheet would find them. With it comes what
/// has to be kept as long as they are asked.
async fn network(
    args: &Args,
    data: &Path,
    sheet: &Sheet,
    setting: &Setting,
) -> Result<(Arc<dyn Inventory>, Option<tempfile::TempDir>), Failure> {
    let settings = &setting.loaded.settings;
    if data.join(DATABASE).is_file() || args.data.is_some() {
        let devices = offline::open(setting.lang, data)?;
        return Ok((app::inventory(settings, &(devices as _), None)?, None));
    }
    let unused = |source| AppError::Data { path: std::env::temp_dir(), source };
    let made = tempfile::tempdir().map_err(unused)?;
    let devices = Sqlite::open(&made.path().join(DATABASE), &rehome_store::Options::default())?;
    let requests: Vec<Request> = sheet.rows.iter().map(|row| Request::clone(&row.request)).collect();
    provision(&*devices, &requests).await?;
    Ok((app::inventory(settings, &(devices as _), None)?, Some(made)))
}

fn page(lang: Lang, planned: &Planned, lines: bool) -> String {
    let mut page = format!("{}\n", texts::plan_of(lang, &planned.service, &planned.ticket));
    for device in &planned.plan.devices {
        tell_device(lang, device, lines, &mut page);
    }
    let _ = writeln!(page, "{}", texts::plan_fingerprint(lang, &planned.plan.fingerprint));
    page
}

fn tell_device(lang: Lang, device: &DevicePlan, lines: bool, page: &mut String) {
    let _ = writeln!(page, "\n{} {}", device.layer.label(lang), device.device);
    if let Some(why) = &device.unknown {
        let _ = writeln!(page, "  ! {}", texts::plan_unknown(lang, wording::failure(lang, why)));
        return;
    }
    for spot in &device.now {
        let held = wording::held(lang, spot.held.as_ref());
        let _ = writeln!(page, "    {}", texts::plan_now(lang, &spot.spot, held));
    }
    for order in &device.orders {
        tell_order(lang, order, lines, page);
    }
}

fn tell_order(lang: Lang, order: &PlannedOrder, lines: bool, page: &mut String) {
    let _ = writeln!(page, "  {}", order.order.label(lang));
    if let Some(why) = &order.refused {
        let _ = writeln!(page, "  ! {}", texts::plan_order_refused(lang, wording::failure(lang, why)));
    } else if order.changes.is_empty() {
        let _ = writeln!(page, "    {}", texts::plan_nothing(lang));
    }
    for change in &order.changes {
        for (sign, held) in [("-", &change.from), ("+", &change.to)] {
            if let Some(held) = held {
                let _ = writeln!(page, "  {sign} {}  {}", change.spot, wording::held(lang, Some(held)));
            }
        }
    }
    for line in order.lines.iter().filter(|_| lines) {
        let _ = writeln!(page, "      | {line}");
    }
}
