//! The process that keeps a lab.

use std::{
    convert::Infallible,
    fs::File,
    os::unix::process::CommandExt as _,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use indicatif::ProgressBar;
use rehome_lab::{
    left::{self, LOG, MARK},
    network::{Network, Options},
};

use super::{Papers, Up};
use crate::{
    cli::{Failure, Setting},
    texts,
};

/// Between two looks at whether the lab, or a device of it, stands.
const LOOK: Duration = Duration::from_millis(20);

/// Starts the process, and waits until its lab stands. If it does not come to stand, nothing is left of it.
pub(super) fn start(args: &Up, directory: &Path, setting: &Setting) -> Result<Papers, Failure> {
    std::fs::create_dir_all(directory)?;
    let log = File::create(directory.join(LOG))?;
    let errors = log.try_clone()?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["lab", "keep", "--name", &args.named.name]);
    for (option, count) in
        [("--gateways", args.gateways), ("--switches", args.switches), ("--customers", args.customers)]
    {
        command.arg(option).arg(count.to_string());
    }
    // A group of its own: Ctrl-C at the terminal is not meant for it.
    command.env(MARK, directory).stdin(Stdio::null()).stdout(log).stderr(errors).process_group(0);
    let mut child = command.spawn()?;
    let bar = setting.screen.add(ProgressBar::new_spinner());
    bar.set_message(texts::lab_starting(setting.lang));
    loop {
        if let Some(papers) = Papers::read(directory) {
            bar.finish_and_clear();
            return Ok(papers);
        }
        if let Some(status) = child.try_wait()? {
            bar.finish_and_clear();
            let said = std::fs::read_to_string(directory.join(LOG)).unwrap_or_default();
            left::end(&args.named.name, directory)?;
            let why = if said.trim().is_empty() { status.to_string() } else { said.trim().to_owned() };
            return Err(Failure::Broken(anyhow::anyhow!(why)));
        }
        bar.tick();
        pause();
    }
}

/// Starts the lab and stays, and starts devices again that have ended. Whoever ends the lab kills this.
pub(super) fn keep(options: &Options) -> Failure {
    match stay(options) {
        Ok(never) => match never {},
        Err(failure) => failure,
    }
}

fn stay(options: &Options) -> Result<Infallible, Failure> {
    let mut network = Network::start(options)?;
    Papers::of(&network, options)?.write()?;
    loop {
        network.tend();
        pause();
    }
}

#[allow(clippy::disallowed_methods, reason = "what another process does can only be looked at again")]
fn pause() {
    std::thread::sleep(LOOK);
}
