//! `rehome check`: what is in effect, what is reachable, what is wrong.

mod devices;
mod servers;

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    path::{Path, PathBuf},
};

use rehome_actors::resume;
use rehome_devices::audit::{Network, audit};
use rehome_domain::{
    id::RelocationId,
    lang::Lang,
    order::Layer,
    ports::{DeadLetter, DeviceMemory as _, Loaded, SteeringStore as _, StoreError, TicketStore as _},
    steering::{Steered, pauses},
};
use rehome_store::Sqlite;
use serde_json::{Value, json};

use super::{Ended, Setting, Told, offline, ready, steer, tables};
use crate::{app::DATABASE, settings::Effective, texts};

/// Dead letters shown; there may be more.
const LETTERS: usize = 20;

/// Check the configuration, the servers and the data: what is in effect, what is wrong
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rehome check
  rehome check --config site.toml --data rehome-data/sheet
  rehome check --json
  rehome check --ready 127.0.0.1:8080

Without --data every run's directory under data.dir is looked at. With bus.kind \"amqp\" the broker
is looked at, each of its nodes that amqp.url names, and its queues; with store.kind \"postgres\" the
database instead of directories. With devices.inventory every device in it is connected to.
Exit code 1 if something is wrong.")]
pub(super) struct Args {
    /// Data directory of a run
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Ask a process that runs whether it is ready: its address or URL
    #[arg(long, value_name = "URL", conflicts_with = "data")]
    ready: Option<String>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// What was found in one data directory.
struct Found {
    dir: PathBuf,
    in_use: bool,
    /// So many tickets, and so many things the devices hold; none if the store can't be opened.
    tickets: Option<usize>,
    holdings: [usize; 2],
    /// Tickets set aside, or to be set aside at the next start, and why.
    quarantined: Vec<(String, String)>,
    letters: Vec<DeadLetter>,
    /// What was paused and resumed.
    steering: Vec<Steered>,
    /// What the devices hold that no ticket allows.
    discrepancies: Vec<String>,
    /// What is wrong otherwise.
    problems: Vec<String>,
}

impl Found {
    fn is_good(&self) -> bool {
        self.quarantined.is_empty() && self.discrepancies.is_empty() && self.problems.is_empty()
    }
}

pub(super) async fn check(args: Args, setting: &Setting) -> Ended {
    if let Some(url) = &args.ready {
        return ready::ask(url, args.json, setting);
    }
    let settings = &setting.loaded.settings;
    let servers = servers::Servers::look(setting.lang, settings).await;
    let devices = devices::Devices::look(settings).await;
    let root = args.data.as_ref().unwrap_or(&settings.data.dir);
    let mut found = Vec::new();
    // With a database that is no file there is nothing to find in a directory, unless one is named.
    if args.data.is_some() || !servers.has_database() {
        for dir in directories(root) {
            found.push(look(setting.lang, &dir, settings.devices.are_simulated()).await);
        }
    }
    let good = servers.is_good()
        && devices.as_ref().is_none_or(devices::Devices::is_good)
        && found.iter().all(Found::is_good);
    let values = &setting.loaded.values;
    let text = if args.json {
        let found: Vec<Value> = found.iter().map(document).collect();
        let mut document = json!({ "good": good, "configuration": values, "data": found });
        for (name, server) in servers.documents().into_iter().filter(|(_, server)| !server.is_null()) {
            document[name] = server;
        }
        if let Some(devices) = &devices {
            document["devices"] = devices.document();
        }
        serde_json::to_string_pretty(&document)? + "\n"
    } else {
        page(setting.lang, values, (&servers, devices.as_ref()), &found, good)?
    };
    Ok(Told { text, good })
}

/// The directory itself, or the runs' directories in it.
fn directories(root: &Path) -> Vec<PathBuf> {
    if root.join(DATABASE).exists() {
        return vec![root.to_owned()];
    }
    let inside = std::fs::read_dir(root).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut runs: Vec<PathBuf> = inside.filter(|dir| dir.join(DATABASE).exists()).collect();
    runs.sort();
    if runs.is_empty() { vec![root.to_owned()] } else { runs }
}

/// `simulated`: what the devices hold is in the directory too, and is compared with the tickets.
async fn look(lang: Lang, dir: &Path, simulated: bool) -> Found {
    let mut found = Found {
        dir: dir.to_owned(),
        in_use: offline::is_in_use(dir),
        tickets: None,
        holdings: [0; 2],
        quarantined: Vec::new(),
        letters: Vec::new(),
        steering: Vec::new(),
        discrepancies: Vec::new(),
        problems: Vec::new(),
    };
    if let Err(why) = writable(dir) {
        found.problems.push(texts::not_writable(lang, dir.display(), why));
    }
    let database = dir.join(DATABASE);
    if !database.exists() {
        return found;
    }
    match Sqlite::open_read_only(&database) {
        Err(error) => found.problems.push(error.to_string()),
        Ok(store) => {
            if let Err(error) = look_into(&store, simulated, &mut found).await {
                found.problems.push(error.to_string());
            }
        }
    }
    found
}

/// Whether something can be written there, or in the nearest directory above that exists.
fn writable(dir: &Path) -> std::io::Result<()> {
    let absolute = std::path::absolute(dir)?;
    let existing = absolute.ancestors().find(|above| above.exists()).unwrap_or(&absolute);
    tempfile::tempfile_in(existing).map(drop)
}

async fn look_into(store: &Sqlite, simulated: bool, found: &mut Found) -> Result<(), StoreError> {
    let mut tickets = Vec::new();
    offline::each(store, |id, loaded| tickets.push((id, loaded))).await?;
    found.tickets = Some(tickets.len());
    let mut unwell: BTreeMap<RelocationId, String> = store.quarantined().await?.into_iter().collect();
    let mut well = Vec::with_capacity(tickets.len());
    for (id, loaded) in tickets {
        // While a process works, a ticket and its journal are read at different instants and need not agree.
        let read = match loaded {
            Loaded::Ticket(ticket) if found.in_use => Ok(ticket),
            loaded => resume::read(store, id, loaded).await?,
        };
        match read {
            Ok(ticket) => well.push(*ticket),
            Err(why) => _ = unwell.entry(id).or_insert_with(|| why.to_string()),
        }
    }
    found.quarantined = unwell.into_iter().map(|(id, why)| (id.to_string(), why)).collect();
    found.steering = store.steering().await?;
    found.letters = store.dead_letters(LETTERS).await?;
    for layer in Layer::ALL {
        found.holdings[layer as usize] = store.all(layer).await?.len();
    }
    // The same goes for tickets and devices; and what a ticket holds that can't be read is not a leak.
    if simulated && !found.in_use && found.quarantined.is_empty() {
        let network = Network::load(store).await?;
        found.discrepancies = audit(&well, &network).iter().map(ToString::to_string).collect();
    }
    Ok(())
}

fn document(found: &Found) -> Value {
    json!({
        "dir": found.dir,
        "good": found.is_good(),
        "in_use": found.in_use,
        "tickets": found.tickets,
        "devices": { "l3": found.holdings[0], "l2": found.holdings[1] },
        "quarantined": quarantine(&found.quarantined),
        "paused": pauses(&found.steering),
        "dead_letters": found.letters,
        "discrepancies": found.discrepancies,
        "problems": found.problems,
    })
}

fn page(
    lang: Lang,
    values: &[Effective],
    (servers, devices): (&servers::Servers, Option<&devices::Devices>),
    found: &[Found],
    good: bool,
) -> Result<String, std::fmt::Error> {
    let mut table = tables::table(&[texts::head_key(lang), texts::head_value(lang), texts::head_from(lang)]);
    for value in values {
        table.add_row([value.key.clone(), value.value.to_string(), value.from.label(lang)]);
    }
    let mut page = tables::text(&table);
    for (heading, lines) in servers.pages(lang).into_iter().chain(devices.map(|devices| devices.page(lang))) {
        writeln!(page, "\n{heading}")?;
        for line in lines {
            writeln!(page, "  {line}")?;
        }
    }
    for found in found {
        writeln!(page, "\n{}", found.dir.display())?;
        for line in lines(lang, found) {
            writeln!(page, "  {line}")?;
        }
    }
    writeln!(page, "\n{}", if good { texts::all_well(lang) } else { texts::something_wrong(lang) })?;
    Ok(page)
}

fn lines(lang: Lang, found: &Found) -> Vec<String> {
    let mut lines = Vec::new();
    if found.in_use {
        lines.push(texts::in_use(lang));
    }
    match found.tickets {
        Some(tickets) => lines.push(texts::data_holds(lang, tickets, found.holdings[0], found.holdings[1])),
        None if found.problems.is_empty() => lines.push(texts::data_empty(lang)),
        None => {}
    }
    lines.extend(pauses(&found.steering).into_iter().map(|line| steer::said(lang, line)));
    lines.extend(found.problems.iter().map(|problem| texts::wrong(lang, problem)));
    lines.extend(
        found.quarantined.iter().map(|(id, why)| texts::wrong(lang, texts::can_not_go_on(lang, id, why))),
    );
    lines.extend(found.discrepancies.iter().map(|what| texts::wrong(lang, what)));
    lines.extend(found.letters.iter().map(|found| letter(lang, found)));
    lines
}

fn letter(lang: Lang, letter: &DeadLetter) -> String {
    texts::dead_letter(lang, format!("{:.0}", letter.at), &letter.origin, &letter.id, &letter.reason)
}

fn quarantine(aside: &[(String, String)]) -> Vec<Value> {
    aside.iter().map(|(id, why)| json!({ "relocation": id, "reason": why })).collect()
}
