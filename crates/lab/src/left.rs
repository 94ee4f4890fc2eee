//! Ending a lab that another process started, whatever has become of that process: nothing of it is left.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    time::Instant,
};

use rustix::process::{Pid, Signal, kill_process};

use crate::{
    daemon::{DaemonError, PATIENCE, command, pause, run},
    netns,
};

/// The variable that a lab's processes have in their environment, with its directory: by it they are found even when nobody
/// has written down that they were started, and none is taken for another.
pub const MARK: &str = "REHOME_LAB";

/// Where the lab of this name keeps its files, if it is to outlive who starts it.
#[must_use]
pub fn directory(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("rehome-lab-{name}"))
}

/// The names of the labs that have a directory.
#[must_use]
pub fn names() -> Vec<String> {
    let entries = std::fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten();
    let name = |path: &Path| path.file_name()?.to_str()?.strip_prefix("rehome-lab-").map(str::to_owned);
    // Only who is meant to outlive its owner has written this.
    let mut names: Vec<_> = entries
        .map(|entry| entry.path())
        .filter(|path| path.join(LOG).exists())
        .filter_map(|path| name(&path))
        .collect();
    names.sort();
    names
}

/// The file that who keeps a lab writes first.
pub const LOG: &str = "lab.log";

/// The processes of the lab in this directory.
#[must_use]
pub fn processes(name: &str, directory: &Path) -> BTreeSet<u32> {
    let mark = format!("{MARK}={}", directory.display());
    let has_mark = |pid: &u32| {
        let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes())
    };
    let all = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids: BTreeSet<u32> = all.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    let sshds = pids.iter().copied().filter(|pid| is_sshd_of(*pid, directory));
    let mut found: BTreeSet<u32> = sshds.flat_map(|pid| [descendants(pid), vec![pid]].concat()).collect();
    found.extend(pids.iter().copied().filter(has_mark));
    for namespace in netns::of_lab(name).unwrap_or_default() {
        let told = run(command("ip").args(["netns", "pids", &namespace])).unwrap_or_default();
        found.extend(told.lines().filter_map(|pid| pid.trim().parse::<u32>().ok()));
    }
    found.remove(&std::process::id());
    found
}

/// An `sshd` is known by its configuration: it writes over its environment when it gives itself a title.
fn is_sshd_of(pid: u32, directory: &Path) -> bool {
    let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let line = String::from_utf8_lossy(&line);
    let mut words = line.split(['\0', ' ']);
    line.starts_with("sshd: ")
        && words.any(|word| word.ends_with("/sshd_config") && Path::new(word).starts_with(directory))
}

/// The processes that a process has started, and theirs.
pub(crate) fn descendants(pid: u32) -> Vec<u32> {
    let told = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    let children = told.split_whitespace().filter_map(|child| child.parse().ok());
    children.flat_map(|child| [descendants(child), vec![child]].concat()).collect()
}

/// Ends all processes of a lab, and removes its namespaces and its directory.
///
/// # Errors
/// Something stays all the same: this is not root, or a process can't end.
pub fn end(name: &str, directory: &Path) -> Result<(), DaemonError> {
    let since = Instant::now();
    loop {
        // Looked at anew each time: what is killed first may have started another meanwhile.
        let processes = processes(name, directory);
        if processes.is_empty() {
            break;
        }
        for pid in &processes {
            if let Some(pid) = Pid::from_raw(pid.cast_signed()) {
                // It may have ended by itself; whoever may not kill it sees that it stays.
                let _ = kill_process(pid, Signal::KILL);
            }
        }
        if since.elapsed() > PATIENCE {
            let detail = format!("processes {processes:?} are still there: run this as root");
            return Err(DaemonError::Late { what: "ending of the lab".to_owned(), detail });
        }
        pause();
    }
    for namespace in netns::of_lab(name)? {
        run(command("ip").args(["netns", "del", &namespace]))?;
    }
    match std::fs::remove_dir_all(directory) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => {
            Err(DaemonError::File { path: directory.to_owned(), source })
        }
        _ => Ok(()),
    }
}
