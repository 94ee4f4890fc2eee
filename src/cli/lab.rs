//! `rehome lab`: a network of real gateways, switches and customers on this machine, with real packets.
//!
//! `up` starts a process that keeps the lab and waits until it stands; `down` ends that process and whatever else is of the
//! lab. Nothing is kept but in the lab's directory and on its processes and namespaces, so nothing is left behind by a crash.

mod files;
mod keep;

use std::path::{Path, PathBuf};

use rehome_lab::{left, network::Options, outage::are_answered};
use serde_json::{Value, json};

use self::files::{Papers, Person};
use super::{Ended, Failure, Setting, Told};
use crate::texts;

/// A small network with real devices and real packets on this machine, to try relocations in
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rehome lab up
  rehome lab up --name wide --gateways 2 --switches 2 --customers 4
  rehome lab status
  rehome lab down

Needs root, and the packages that scripts/setup installs. `up` writes an inventory of the lab's devices, a sheet that
moves every customer, and says how to run it and how to ping. Labs of different names stand side by side.")]
pub(super) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, clap::Subcommand)]
enum What {
    /// Start a lab
    Up(Up),
    /// End a lab and remove all that is left of it, whatever has become of its processes
    Down(Named),
    /// Show what a lab consists of, and which places have service
    Status(Named),
    /// Keep a lab: what `up` starts
    #[command(hide = true)]
    Keep(Up),
}

#[derive(Debug, clap::Args)]
struct Up {
    #[command(flatten)]
    named: Named,
    /// How many gateways: netconfd behind an sshd, with a data plane of Open vSwitch
    #[arg(long, default_value_t = 1, value_name = "N")]
    gateways: usize,
    /// How many switches: Open vSwitch
    #[arg(long, default_value_t = 1, value_name = "M")]
    switches: usize,
    /// How many customers, each with an old and a new place
    #[arg(long, default_value_t = 1, value_name = "K")]
    customers: usize,
}

#[derive(Debug, clap::Args)]
struct Named {
    /// Name of the lab
    #[arg(long, default_value = "lab", value_name = "NAME")]
    name: String,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

impl Up {
    fn options(&self) -> Options {
        Options {
            name: self.named.name.clone(),
            directory: Some(left::directory(&self.named.name)),
            gateways: self.gateways,
            switches: self.switches,
            customers: self.customers,
            served: true,
            moves: Vec::new(),
        }
    }
}

pub(super) fn lab(args: Args, setting: &Setting) -> Ended {
    match args.what {
        What::Up(up) => self::up(&up, setting),
        What::Down(named) => down(&named, setting),
        What::Status(named) => status(&named, setting),
        What::Keep(up) => Err(keep::keep(&up.options())),
    }
}

fn up(args: &Up, setting: &Setting) -> Ended {
    let (name, directory) = (&args.named.name, left::directory(&args.named.name));
    args.options().check().map_err(|error| Failure::Bad(error.to_string()))?;
    if directory.exists() {
        return Err(Failure::Bad(texts::lab_there(setting.lang, name)));
    }
    let papers = keep::start(args, &directory, setting)?;
    told(setting, &args.named, &papers, texts::lab_up(setting.lang, name))
}

fn down(args: &Named, setting: &Setting) -> Ended {
    let directory = left::directory(&args.name);
    let was = directory.exists();
    left::end(&args.name, &directory)?;
    let text = match (args.json, was) {
        (true, _) => format!("{:#}\n", json!({ "name": args.name, "ended": was })),
        (false, true) => texts::lab_down(setting.lang, &args.name) + "\n",
        (false, false) => texts::lab_none(setting.lang, &args.name) + "\n",
    };
    Ok(Told::good(text))
}

fn status(args: &Named, setting: &Setting) -> Ended {
    let directory = left::directory(&args.name);
    if !directory.exists() {
        let others = left::names().join(", ");
        let text = if args.json {
            format!("{:#}\n", json!({ "name": args.name, "up": false, "labs": left::names() }))
        } else if others.is_empty() {
            texts::lab_none(setting.lang, &args.name) + "\n"
        } else {
            format!("{} ({others})\n", texts::lab_none(setting.lang, &args.name))
        };
        return Ok(Told { text, good: false });
    }
    let Some(papers) = Papers::read(&directory) else {
        return Ok(Told { text: texts::lab_broken(setting.lang, &args.name) + "\n", good: false });
    };
    told(setting, args, &papers, texts::lab_stands(setting.lang, &args.name))
}

/// What a lab consists of now.
fn told(setting: &Setting, args: &Named, papers: &Papers, first: String) -> Ended {
    let alive = left::processes(&args.name, &papers.directory).len();
    let good = alive >= papers.processes;
    let answers = answers(papers)?;
    if args.json {
        let mut whole = serde_json::to_value(papers)?;
        whole["up"] = Value::from(good);
        whole["alive"] = Value::from(alive);
        for ((old, new), shown) in
            answers.into_iter().zip(whole["customers"].as_array_mut().into_iter().flatten())
        {
            shown["answered_at_old"] = Value::from(old);
            shown["answered_at_new"] = Value::from(new);
        }
        return Ok(Told { text: format!("{whole:#}\n"), good });
    }
    let mut text = first + "\n";
    if !good {
        text += &(texts::lab_dead(setting.lang, papers.processes.saturating_sub(alive), &args.name) + "\n");
    }
    for device in &papers.devices {
        text += &format!("  {:<5} {:<8} {}\n", device.name, device.driver, device.address);
    }
    for (customer, (old, new)) in papers.customers.iter().zip(answers) {
        let at = |answered: bool| {
            if answered { texts::lab_serves(setting.lang) } else { texts::lab_serves_not(setting.lang) }
        };
        let (old, new) = (at(old), at(new));
        text += &format!("  {}\n", texts::lab_customer(setting.lang, &customer.service_id, &old, &new));
    }
    let ping = papers.customers.first().map(|customer| customer.ping.clone()).unwrap_or_default();
    text += &texts::lab_next(setting.lang, papers.config.display(), papers.sheet.display(), &ping);
    Ok(Told { text: text + "\n", good })
}

/// Whether each customer has service at the old and at the new place now. Asked together: who has none is waited for.
fn answers(papers: &Papers) -> Result<Vec<(bool, bool)>, Failure> {
    let of = |namespace: fn(&Person) -> &str| {
        let asked = papers.customers.iter().map(|person| (namespace(person), person.gateway_ip.as_str()));
        are_answered(&asked.collect::<Vec<_>>())
    };
    let (old, new) = (of(|person| &person.old_namespace)?, of(|person| &person.new_namespace)?);
    Ok(old.into_iter().zip(new).collect())
}

/// Where the papers of a lab are.
fn papers_of(directory: &Path) -> PathBuf {
    directory.join("lab.json")
}
