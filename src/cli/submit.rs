//! `rehome submit`: relocations for a running system.

use std::{
    io::Read,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use indicatif::ProgressBar;
use rehome_domain::lang::Lang;
use serde_json::{Value, json};

use super::{
    Ended, Failure, Setting, Told,
    remote::{Answer, At, Remote, word},
    tables,
};
use crate::{
    sheet::{self, Row, Sheet},
    texts,
};

/// How often it is asked how those stand that are waited for.
const LOOK: Duration = Duration::from_millis(500);

/// How long a system that went away meanwhile is waited for, and a ticket that was said to be on its way.
const PATIENCE: Duration = Duration::from_secs(120);

/// Submit relocations to a running system
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rehome submit sheet.csv
  rehome submit sheet.json --wait
  cat sheet.csv | rehome submit - --json
  rehome submit sheet.csv --hold

Nothing is sent if a row has a fault. A row that was submitted before, here or in the workbench and whoever
did, finds its ticket and does nothing more, also if that one was cancelled: no circuit is moved twice.
Exit code 1 if one is refused, or with --wait if one has failed.")]
pub(super) struct Args {
    /// Relocation sheet: CSV with a header, or a JSON array of objects; - for standard input
    #[arg(value_name = "SHEET")]
    sheet: PathBuf,
    /// Wait for a person before reserving
    #[arg(long)]
    hold: bool,
    /// Wait until each is closed or waits for a person
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    at: At,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// A row that was sent.
struct Sent {
    line: usize,
    service: String,
    /// The ticket as the system told it last; its id at least, if there is one.
    ticket: Value,
    /// What became of it: `submitted`, `known`, `on_its_way`, `refused`, `unanswered` or `not_sent`.
    became: &'static str,
    why: Option<String>,
}

impl Sent {
    /// Whether there is a ticket, or will be.
    fn is_there(&self) -> bool {
        !self.ticket["id"].is_null()
    }
}

pub(super) async fn submit(args: Args, setting: &Setting) -> Ended {
    let lang = setting.lang;
    let sheet = read(&args.sheet, setting)?;
    let remote = args.at.remote(setting)?;
    let (mut sent, mut cut_off) = send_all(&remote, &sheet.rows, &args, setting)?;
    if args.wait && cut_off.is_none() {
        cut_off = wait(&remote, &mut sent, setting).await.err();
    }
    let well = |sent: &Sent| sent.is_there() && (!args.wait || is_well(&sent.ticket));
    let good = cut_off.is_none() && sent.iter().all(well);
    let cut_off = cut_off.map(|failure| failure.sentence());
    let text = if args.json {
        let rows: Vec<Value> = sent.iter().map(document).collect();
        serde_json::to_string_pretty(&json!({ "good": good, "cut_off": cut_off, "rows": rows }))? + "\n"
    } else {
        let end = cut_off.map(|why| texts::cut_off(lang, why) + "\n").unwrap_or_default();
        tables::plain(&(page(lang, &sent, args.wait) + &end))
    };
    Ok(Told { text, good })
}

/// Sends row after row. What was sent before a failure is told with it.
fn send_all(
    remote: &Remote,
    rows: &[Row],
    args: &Args,
    setting: &Setting,
) -> Result<(Vec<Sent>, Option<Failure>), Failure> {
    let bar = setting.screen.add(ProgressBar::new(rows.len() as u64));
    let (mut sent, mut cut_off) = (Vec::with_capacity(rows.len()), None);
    for row in rows {
        let unsent = |became| Sent {
            line: row.line,
            service: row.request.service_id.clone(),
            ticket: Value::Null,
            became,
            why: None,
        };
        if cut_off.is_some() {
            sent.push(unsent("not_sent"));
            continue;
        }
        match send(remote, row, args.hold) {
            Ok(row) => sent.push(row),
            // There is nothing to tell of any row yet.
            Err(failure) if sent.is_empty() => return Err(failure),
            Err(failure) => {
                cut_off = Some(failure);
                sent.push(unsent("unanswered"));
            }
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok((sent, cut_off))
}

fn read(path: &Path, setting: &Setting) -> Result<Sheet, Failure> {
    let deadlines = setting.loaded.settings.deadlines;
    let read = if path == Path::new("-") {
        let mut bytes = Vec::new();
        std::io::stdin().read_to_end(&mut bytes).map_err(anyhow::Error::from)?;
        sheet::named(path, &bytes, deadlines)
    } else {
        sheet::open(path, deadlines)
    };
    let lang = setting.lang;
    read.map_err(|error| Failure::Bad(texts::sheet_refused(lang, path.display(), error.sentence(lang))))
}

fn send(remote: &Remote, row: &Row, hold: bool) -> Result<Sent, Failure> {
    let mut wanted = serde_json::to_value(row.request.as_ref())?;
    if let Some(fields) = wanted.as_object_mut() {
        // How long orders may take is for the system to say.
        fields.remove("deadlines");
        // Whoever else submits this row, here or in the workbench, finds the same ticket.
        fields.insert("once".to_owned(), true.into());
        if hold {
            fields.insert("hold".to_owned(), true.into());
        }
    }
    let key = row.relocation().to_string();
    let (ticket, became, why) = match remote.post("/tickets", &key, &wanted)? {
        Answer::Good(201, ticket) => (ticket, "submitted", None),
        Answer::Good(200, ticket) => (ticket, "known", None),
        Answer::Good(_, ticket) => (ticket, "on_its_way", None),
        Answer::Refused(why) if why.status == 403 => return Err(remote.failure(&why)),
        Answer::Refused(why) => (Value::Null, "refused", Some(why.sentence())),
    };
    Ok(Sent { line: row.line, service: row.request.service_id.clone(), ticket, became, why })
}

/// Until each is closed, or waits for a person. A system that goes away is waited for.
async fn wait(remote: &Remote, sent: &mut [Sent], setting: &Setting) -> Result<(), Failure> {
    let bar = setting.screen.add(ProgressBar::new_spinner());
    let (begun, mut answered) = (Instant::now(), Instant::now());
    loop {
        let mut left = 0;
        for sent in sent.iter_mut().filter(|sent| sent.is_there() && !is_at_rest(&sent.ticket)) {
            let id = word(&sent.ticket["id"]).to_owned();
            match remote.get(&format!("/tickets/{id}"), &[]) {
                Ok(Answer::Good(_, ticket)) => sent.ticket = ticket,
                // It was rejected when its turn came, and nobody will ever tell.
                Ok(Answer::Refused(why)) if why.status == 404 && begun.elapsed() > PATIENCE => {
                    (sent.ticket, sent.became) = (Value::Null, "unanswered");
                    answered = Instant::now();
                    continue;
                }
                // It is on its way.
                Ok(Answer::Refused(why)) if why.status == 404 => {}
                Ok(Answer::Refused(why)) => return Err(remote.failure(&why)),
                Err(failure) if answered.elapsed() > PATIENCE => return Err(failure),
                Err(_) => {
                    left += 1;
                    break;
                }
            }
            answered = Instant::now();
            left += usize::from(!is_at_rest(&sent.ticket));
        }
        if left == 0 {
            bar.finish_and_clear();
            return Ok(());
        }
        bar.set_message(texts::still_under_way(setting.lang, left));
        tokio::time::sleep(LOOK).await;
    }
}

/// Whether it has succeeded, or can go on without anybody to mend it.
fn is_well(ticket: &Value) -> bool {
    match word(&ticket["disposition"]) {
        "open" => {
            ["awaiting_deploy", "held_back", "waiting_for_window"].contains(&word(&ticket["attention"]))
        }
        disposition => disposition == "completed",
    }
}

fn is_at_rest(ticket: &Value) -> bool {
    ticket["doing"].as_array().is_some_and(Vec::is_empty)
}

fn document(sent: &Sent) -> Value {
    json!({
        "line": sent.line, "service_id": sent.service, "result": sent.became, "why": sent.why,
        "relocation": sent.ticket["id"], "status": sent.ticket["relocation"],
        "reservation": sent.ticket["reservation"], "cutover": sent.ticket["cutover"],
        "attention": sent.ticket["attention"],
    })
}

fn page(lang: Lang, sent: &[Sent], waited: bool) -> String {
    let mut text = String::new();
    for sent in sent {
        let id = word(&sent.ticket["id"]);
        text += &match (sent.became, &sent.why) {
            ("unanswered", _) => texts::row_unanswered(lang, sent.line, &sent.service),
            ("not_sent", _) => texts::row_not_sent(lang, sent.line, &sent.service),
            (_, Some(why)) => texts::row_refused(lang, sent.line, &sent.service, why),
            (_, None) if waited => {
                texts::row_stands(lang, &sent.service, word(&sent.ticket["relocation"]), id)
            }
            ("known", None) => texts::row_known(lang, &sent.service, id, word(&sent.ticket["relocation"])),
            ("on_its_way", None) => texts::row_on_its_way(lang, &sent.service, id),
            (_, None) => texts::row_submitted(lang, &sent.service, id),
        };
        text.push('\n');
    }
    text
}
