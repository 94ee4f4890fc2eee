//! How long a customer is without service: both places ask the gateway every 5 ms, with the same addresses. The outage is
//! from the last answer at the old place to the first answer at the new one.

use std::{path::Path, process::Stdio, time::Duration};

use crate::{
    daemon::{Daemon, DaemonError, run},
    netns::inside,
};

/// How often each place asks, in seconds as `ping` takes them. An outage is known to within this.
const EVERY_S: &str = "0.005";
/// How many ask at once when many are asked: few enough that a busy machine answers each in time.
const AT_ONCE: usize = 50;

/// Who asks at both places of a customer. Ends with this.
#[derive(Debug)]
pub struct Pings {
    old: Daemon,
    new: Daemon,
}

/// What the two places heard.
#[derive(Debug, Clone, PartialEq)]
pub struct Heard {
    /// When the old place had answers, in seconds since 1970.
    pub old: Vec<f64>,
    /// When the new place had answers.
    pub new: Vec<f64>,
}

impl Pings {
    /// Asks this address from these two namespaces; what is heard goes into files of the directory.
    ///
    /// # Errors
    /// `ping` or `ip` is not installed.
    pub fn start(old: &str, new: &str, address: &str, directory: &Path) -> Result<Self, DaemonError> {
        let start = |namespace: &str, file: &str| {
            let log = directory.join(file);
            // What an earlier one heard is no answer to this one.
            let _ = std::fs::remove_file(&log);
            let mut ping = inside(namespace, "ping");
            Daemon::start(ping.args(["-n", "-D", "-i", EVERY_S, address]), &log)
        };
        Ok(Self { old: start(old, "old.ping")?, new: start(new, "new.ping")? })
    }

    /// Waits until the old place has been answered a few times.
    ///
    /// # Errors
    /// It was not, for as long as [`PATIENCE`](crate::daemon::PATIENCE).
    pub fn until_old_answered(&mut self) -> Result<(), DaemonError> {
        let log = self.old.log_path().to_owned();
        self.old.until("an answer at the old place", || read(&log).len() >= 3)
    }

    /// Waits until the new place has been answered a few times.
    ///
    /// # Errors
    /// It was not, for as long as [`PATIENCE`](crate::daemon::PATIENCE).
    pub fn until_new_answered(&mut self) -> Result<(), DaemonError> {
        self.until_new_answered_times(3)
    }

    /// Waits until the new place has been answered so many times: while it is, the old place asks as often, so that
    /// [`Heard::one_after_the_other`] then says of all this time that the old one had no answer.
    ///
    /// # Errors
    /// The same.
    pub fn until_new_answered_times(&mut self, times: usize) -> Result<(), DaemonError> {
        let log = self.new.log_path().to_owned();
        self.new.until("an answer at the new place", || read(&log).len() >= times)
    }

    /// What was heard so far.
    #[must_use]
    pub fn heard(&self) -> Heard {
        Heard { old: read(self.old.log_path()), new: read(self.new.log_path()) }
    }
}

impl Heard {
    /// From the last answer at the old place to the first at the new one; none if one of them had no answer. Nothing, if
    /// both were answered at the same time.
    #[must_use]
    pub fn outage(&self) -> Option<Duration> {
        let gap = self.new.first()? - self.old.last()?;
        Some(Duration::try_from_secs_f64(gap).unwrap_or_default())
    }

    /// Whether no answer came to the old place once the new one had its first.
    #[must_use]
    pub fn one_after_the_other(&self) -> bool {
        self.old.last().zip(self.new.first()).is_some_and(|(last, first)| last < first)
    }
}

/// Whether a namespace has an answer from an address now.
#[must_use]
pub fn is_answered(namespace: &str, address: &str) -> bool {
    let mut ping = inside(namespace, "ping");
    run(ping.args(["-n", "-q", "-c", "5", "-i", "0.02", "-W", "1", address])).is_ok()
}

/// Whether each of these namespaces has an answer from its address now: asked some at a time.
///
/// # Errors
/// `ping` or `ip` is not installed.
pub fn are_answered(asked: &[(&str, &str)]) -> Result<Vec<bool>, DaemonError> {
    let mut answered = Vec::with_capacity(asked.len());
    for some in asked.chunks(AT_ONCE) {
        let start = |(namespace, address): &(&str, &str)| {
            let mut ping = inside(namespace, "ping");
            ping.args(["-n", "-q", "-c", "3", "-i", "0.05", "-W", "1", address]);
            ping.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            ping.spawn().map_err(|source| DaemonError::Start { program: "ping".to_owned(), source })
        };
        let started = some.iter().map(start).collect::<Vec<_>>();
        // All are waited for, whether or not one could not be started.
        let ended = started.into_iter().map(|child| Ok(child?.wait().is_ok_and(|status| status.success())));
        answered.extend(ended.collect::<Vec<_>>().into_iter().collect::<Result<Vec<_>, _>>()?);
    }
    Ok(answered)
}

/// The times of the answers: `[1795880947.698123] 64 bytes from 10.9.1.1: icmp_seq=1 ttl=64 time=0.3 ms`.
fn read(log: &Path) -> Vec<f64> {
    times(&std::fs::read_to_string(log).unwrap_or_default())
}

fn times(log: &str) -> Vec<f64> {
    let answers = log.lines().filter(|line| line.contains(" bytes from "));
    answers.filter_map(|line| line.strip_prefix('[')?.split_once(']')?.0.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_from_the_last_answer_at_the_old_place_to_the_first_at_the_new_one() {
        let old = times(
            "PING 10.9.1.1 (10.9.1.1) 56(84) bytes of data.\n[100.000000] 64 bytes from 10.9.1.1: icmp_seq=1 \
             ttl=64 time=0.1 ms\n[100.250000] 64 bytes from 10.9.1.1: icmp_seq=2 ttl=64 time=0.1 ms\n",
        );
        let new =
            times("[100.1] From 10.9.1.2 icmp_seq=1 Destination Host Unreachable\n[100.5] 64 bytes from x\n");
        let heard = Heard { old, new };
        assert_eq!(heard.outage(), Some(Duration::from_millis(250)));
        assert!(heard.one_after_the_other());
        assert_eq!(Heard { old: vec![2.0], new: vec![1.0] }.outage(), Some(Duration::ZERO));
        assert_eq!(Heard { old: Vec::new(), new: vec![1.0] }.outage(), None);
    }
}
