//! The stream of changes, taken up again where it broke off.

use std::{
    io::{BufRead, BufReader},
    time::{Duration, Instant},
};

use serde_json::Value;
use ureq::BodyReader;

use super::{Away, Failure, Remote};

/// Between two tries to listen again.
const AGAIN: Duration = Duration::from_secs(1);

/// Something that happened.
pub(crate) struct Event {
    /// `relocation.changed` or `alarm.raised`.
    pub(crate) kind: String,
    /// What.
    pub(crate) data: Value,
}

/// What happens to the tickets of a filter.
pub(crate) struct Events<'a> {
    remote: &'a Remote,
    query: Vec<(&'static str, String)>,
    /// None while it has to listen again.
    lines: Option<BufReader<BodyReader<'static>>>,
    last: Option<String>,
    patience: Duration,
}

impl<'a> Events<'a> {
    /// Listens from now on. While the system is away it is asked again for so long.
    pub(crate) fn listen(
        remote: &'a Remote,
        query: Vec<(&'static str, String)>,
        patience: Duration,
    ) -> Result<Self, Failure> {
        let mut events = Self { remote, query, lines: None, last: None, patience };
        events.open().map_err(Away::failure)?;
        Ok(events)
    }

    fn open(&mut self) -> Result<(), Away> {
        let answer = self.remote.stream(&self.query, self.last.as_deref())?;
        let mut lines = BufReader::new(answer.into_body().into_reader());
        // Its first words say that it listens, and from where on.
        loop {
            let mut line = String::new();
            let read = lines.read_line(&mut line);
            if read.map_err(|why| Away::ForNow(Failure::Broken(why.into())))? == 0 {
                // It broke off before it said so.
                return Ok(());
            }
            match line.trim_end().split_once(": ") {
                Some(("id", place)) => self.last = Some(place.to_owned()),
                None if line.trim_end().is_empty() => break,
                _ => {}
            }
        }
        self.lines = Some(lines);
        Ok(())
    }

    /// The next one; none: nothing for now.
    pub(crate) async fn next(&mut self) -> Result<Option<Event>, Failure> {
        let since = Instant::now();
        while self.lines.is_none() {
            match self.open() {
                Ok(()) if self.lines.is_some() => {}
                Err(Away::ForGood(failure)) => return Err(failure),
                Err(Away::ForNow(failure)) if since.elapsed() > self.patience => return Err(failure),
                Ok(()) | Err(_) => tokio::time::sleep(AGAIN).await,
            }
        }
        let (mut kind, mut data, mut id) = (String::new(), Value::Null, None);
        loop {
            let mut line = String::new();
            let read = self.lines.as_mut().map_or(Ok(0), |lines| lines.read_line(&mut line));
            if !matches!(read, Ok(1..)) {
                self.lines = None;
                return Ok(None);
            }
            match line.trim_end().split_once(": ") {
                Some(("id", told)) => id = Some(told.to_owned()),
                Some(("event", told)) => told.clone_into(&mut kind),
                Some(("data", told)) => data = serde_json::from_str(told).unwrap_or(Value::Null),
                _ if line.trim_end().is_empty() => {
                    self.last = id.or_else(|| self.last.take());
                    let event = (!kind.is_empty()).then(|| Event { kind, data: data["data"].take() });
                    return Ok(event);
                }
                _ => {}
            }
        }
    }
}
