//! A device with a command line: looks at spots and changes them, line by line.

use std::{path::PathBuf, sync::Arc};

use rehome_domain::{
    order::Layer,
    ports::{DriverError, Wait},
    reply::Reason,
    request::{Spot, VLANS},
};
use russh::client::Handle;
use serde::Deserialize;

use super::{
    profile::{Line, Profile},
    shown::Shown,
    terminal::{TalkError, Terminal},
};
use crate::{
    device::{Change, Device, Found, permanent, transient},
    mark,
    ssh::{self, Checked},
};

/// A terminal so wide that no device breaks a line, and so high that none waits with more of them.
const COLUMNS: u32 = 500;
const ROWS: u32 = 10_000;

/// What an inventory entry of a device with a command line says.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Options {
    /// Where and as whom to log in.
    pub ssh: ssh::Options,
    /// The file with the vendor's [`Profile`].
    pub profile: PathBuf,
    /// On a switch: the VLAN of ports that carry no service.
    #[serde(default = "parking")]
    pub parking_vlan: u16,
    /// How long the prompt may take to come after a line, in milliseconds.
    #[serde(default = "ten_seconds")]
    pub answer_ms: u32,
}

const fn parking() -> u16 {
    *VLANS.end()
}

const fn ten_seconds() -> u32 {
    10_000
}

/// A device with a command line. Logs in when it is first needed, and again when the connection broke.
pub struct Prompted {
    name: String,
    layer: Layer,
    ssh: ssh::Options,
    profile: Arc<Profile>,
    parking: Option<u16>,
    answer_ms: u32,
    terminal: Option<LoggedIn>,
}

/// A terminal, and the connection that it is on.
struct LoggedIn {
    terminal: Terminal,
    _connection: Handle<Checked>,
}

/// How a line ended.
enum Said {
    Taken,
    Refused(String),
    Locked(String),
}

impl Prompted {
    /// A device of this name and layer, whose vendor's command line the profile tells. On a switch, ports without service are
    /// in the parking VLAN.
    #[must_use]
    pub fn new(name: impl Into<String>, layer: Layer, options: Options, profile: Arc<Profile>) -> Self {
        let Options { ssh, parking_vlan, answer_ms, .. } = options;
        let parking = (layer == Layer::L2).then_some(parking_vlan);
        Self { name: name.into(), layer, ssh, profile, parking, answer_ms, terminal: None }
    }

    async fn look_at(&mut self, spots: &[Spot]) -> Result<Vec<Option<Found>>, DriverError> {
        let mut found = Vec::with_capacity(spots.len());
        for spot in spots {
            if self.parking == Some(spot.vlan) {
                let text =
                    format!("{spot}: VLAN {} is where {} keeps ports without service", spot.vlan, self.name);
                return Err(permanent(Reason::Rejected, text));
            }
            let mut answer = String::new();
            for line in self.profile.show(self.parking, spot)? {
                answer.push_str(&self.ask(&line).await?);
                answer.push('\n');
            }
            let says_vlan = self.profile.show.vlan.is_some();
            let shown = Shown::read(&self.profile.show, &answer);
            found.push(shown.and_then(|shown| shown.found(self.layer, spot, self.parking, says_vlan)));
        }
        Ok(found)
    }

    /// Looks; once more over a new connection if the one at hand turns out to be broken.
    async fn look_again(&mut self, spots: &[Spot]) -> Result<Vec<Option<Found>>, DriverError> {
        let was_up = self.terminal.is_some();
        match self.look_at(spots).await {
            Err(_) if was_up && self.terminal.is_none() => self.look_at(spots).await,
            found => found,
        }
    }

    async fn make(&mut self, changes: &[Change]) -> Result<(), DriverError> {
        let mut lines = Vec::new();
        for Change { spot, put, .. } in changes {
            lines.extend(self.profile.lines(self.layer, self.parking, spot, put.as_ref())?);
        }
        let spots: Vec<Spot> = changes.iter().map(|change| change.spot.clone()).collect();
        let found = self.look_again(&spots).await?;
        if changes.iter().zip(&found).any(|(change, found)| change.found != *found) {
            return Err(self.moved());
        }
        if let Err(refused) = self.type_in(&lines).await? {
            let now = self.look_at(&spots).await?;
            return Err(self.told(refused, &spots, &now));
        }
        let found = self.look_at(&spots).await?;
        let is_put = |(change, found): (&Change, &Option<Found>)| *found == self.kept(change);
        if changes.iter().zip(&found).all(is_put) { Ok(()) } else { Err(self.moved()) }
    }

    /// Types the lines into the configuration and leaves it; stops at the first that is not taken.
    async fn type_in(&mut self, lines: &[String]) -> Result<Result<(), DriverError>, DriverError> {
        let plain = |lines: &[Line]| lines.iter().map(ToString::to_string).collect::<Vec<_>>();
        let (enter, leave, save) =
            (plain(&self.profile.enter), plain(&self.profile.leave), plain(&self.profile.save));
        let all: Vec<&String> = enter.iter().chain(lines).collect();
        let mut stopped = Ok(());
        for (number, line) in all.iter().enumerate() {
            let failure = match self.say(line).await? {
                Said::Taken => continue,
                Said::Locked(answer) => transient(Reason::Locked, format!("{}: {answer}", self.name)),
                Said::Refused(answer) => {
                    let (number, of, name) = (number + 1, all.len(), &self.name);
                    permanent(
                        Reason::Rejected,
                        format!("{name} refused line {number} of {of}, `{line}`: {answer}"),
                    )
                }
            };
            stopped = Err(failure);
            break;
        }
        // A refused line may have left something that must be kept or shown as it is.
        for line in leave.iter().chain(&save) {
            self.say(line).await?;
        }
        Ok(stopped)
    }

    async fn say(&mut self, line: &str) -> Result<Said, DriverError> {
        let answer = self.ask(line).await?;
        let answer = answer.trim();
        Ok(if self.profile.locked.is_match(answer) {
            Said::Locked(answer.to_owned())
        } else if self.profile.refused.is_match(answer) {
            Said::Refused(answer.to_owned())
        } else {
            Said::Taken
        })
    }

    /// Sends a line over a connection that is up.
    async fn ask(&mut self, line: &str) -> Result<String, DriverError> {
        let mut logged_in = match self.terminal.take() {
            Some(logged_in) => logged_in,
            None => self.log_in().await?,
        };
        match logged_in.terminal.say(line).await {
            Ok(answer) => {
                self.terminal = Some(logged_in);
                Ok(answer)
            }
            // After any error nobody knows what the next answer belongs to.
            Err(error) => Err(self.broken(&error)),
        }
    }

    async fn log_in(&mut self) -> Result<LoggedIn, DriverError> {
        let connection = ssh::connect(&self.ssh).await?;
        let away = |error: russh::Error| transient(Reason::Unreachable, format!("{}: {error}", self.name));
        let channel = connection.channel_open_session().await.map_err(away)?;
        channel.request_pty(true, "vt100", COLUMNS, ROWS, 0, 0, &[]).await.map_err(away)?;
        channel.request_shell(true).await.map_err(away)?;
        let stream = Box::new(channel.into_stream());
        let opening = Terminal::open(stream, &self.profile, self.answer_ms);
        let mut terminal = opening.await.map_err(|error| self.broken(&error))?;
        for line in &self.profile.login {
            terminal.say(&line.to_string()).await.map_err(|error| self.broken(&error))?;
        }
        Ok(LoggedIn { terminal, _connection: connection })
    }

    /// What is found of a change once it is made: the device cuts long descriptions.
    fn kept(&self, change: &Change) -> Option<Found> {
        let put = change.put.clone()?;
        let (description, _) = mark::read(&self.profile.description(&put));
        Some(Found { description, ..Found::from(put) })
    }

    fn told(&self, refused: DriverError, spots: &[Spot], now: &[Option<Found>]) -> DriverError {
        let what = |(spot, found): (&Spot, &Option<Found>)| {
            let what =
                found.as_ref().map_or_else(|| "nothing".to_owned(), |found| format!("{:?}", found.presence));
            format!("{spot} now holds {}", what.to_lowercase())
        };
        let now: Vec<String> = spots.iter().zip(now).map(what).collect();
        let mut refused = refused;
        refused.failure.text = format!("{}; {}", refused.failure.text, now.join(", "));
        refused
    }

    fn broken(&self, error: &TalkError) -> DriverError {
        transient(Reason::Unreachable, format!("{} ({}): {error}", self.name, self.ssh.address))
    }

    fn moved(&self) -> DriverError {
        let text = format!("{} was changed by somebody else between look and change", self.name);
        transient(Reason::Conflict, text)
    }
}

impl Device for Prompted {
    fn look<'a>(&'a mut self, spots: &'a [Spot]) -> Wait<'a, Result<Vec<Option<Found>>, DriverError>> {
        Box::pin(self.look_again(spots))
    }

    fn change<'a>(&'a mut self, changes: &'a [Change]) -> Wait<'a, Result<(), DriverError>> {
        Box::pin(self.make(changes))
    }

    /// Each line takes effect by itself.
    fn swaps(&self) -> bool {
        false
    }

    fn preview(&self, changes: &[Change]) -> Vec<String> {
        let lines = |change: &Change| {
            let lines = self.profile.lines(self.layer, self.parking, &change.spot, change.put.as_ref());
            lines.unwrap_or_else(|error| vec![format!("! {}", error.failure.text)])
        };
        let around = |lines: &[Line]| lines.iter().map(ToString::to_string).collect::<Vec<_>>();
        let (enter, leave) = (around(&self.profile.enter), around(&self.profile.leave));
        [enter, changes.iter().flat_map(lines).collect(), leave].concat()
    }
}
