//! The load: so many relocations through the whole path, so many at once.

use std::{sync::Arc, time::Instant};

use hdrhistogram::Histogram;
use rehome_domain::{
    Command, CommandKind, MessageId, RelocationId, RelocationStatus, Ticket,
    command::By,
    event::Event,
    message::{Envelope, Input},
    ports::{Bus, BusError, Heard, Loaded, Outgoing, TicketStore},
    request::Deadlines,
    role::Role,
};
use rustc_hash::FxHashMap;
use tokio::{sync::mpsc, task::JoinSet};

use super::{
    BenchError,
    synthetic::{self, Spread},
};

/// Events taken from the bus and not yet looked at; and how many are looked at together.
const EVENTS: usize = 256;

/// What a load measured.
pub(super) struct Measured {
    /// From the first submission to the last completion, in seconds.
    pub(super) seconds: f64,
    /// From a relocation's submission to its completion, in microseconds.
    pub(super) latency: Histogram<u64>,
    /// Relocations that did not succeed; there are no faults, so there should be none.
    pub(super) unsuccessful: u64,
}

/// Drives a load.
pub(super) struct Load {
    /// Where commands go and events come from.
    pub(super) bus: Arc<dyn Bus>,
    /// Looked at when events were missed.
    pub(super) tickets: Arc<dyn TicketStore>,
    /// Which run the ids belong to.
    pub(super) run: u64,
    /// The number of the first relocation.
    pub(super) from: u64,
    /// How many relocations.
    pub(super) count: u64,
    /// Over which devices.
    pub(super) spread: Spread,
    /// How many at once.
    pub(super) in_flight: usize,
    /// Stamped on each.
    pub(super) deadlines: Deadlines,
}

/// A load under way.
struct Course {
    load: Load,
    begun: FxHashMap<RelocationId, Instant>,
    submitted: u64,
    measured: Measured,
    /// To be sent once the events in hand have been looked at.
    commands: Vec<Outgoing>,
    /// On their way to the bus: their confirms are not waited for before more is sent.
    sending: JoinSet<Result<(), BusError>>,
}

impl Load {
    /// Runs it to its end, telling `progress` how many are done now and then.
    ///
    /// # Errors
    /// If the bus or the store fails.
    pub(super) async fn run(self, progress: impl Fn(u64)) -> Result<Measured, BenchError> {
        let mut events = self.bus.events();
        let (tell, mut told) = mpsc::channel(EVENTS);
        // Ended with the set.
        let mut listening = JoinSet::new();
        listening.spawn(async move {
            while let Some(heard) = events.next().await {
                if tell.send(heard).await.is_err() {
                    break;
                }
            }
        });
        let measured = Measured { seconds: 0.0, latency: Histogram::new(3)?, unsuccessful: 0 };
        let (begun, commands, sending) = Default::default();
        let mut course = Course { load: self, begun, submitted: 0, measured, commands, sending };
        let start = Instant::now();
        course.submit_more();
        course.send();
        let mut batch = Vec::with_capacity(EVENTS);
        while !course.begun.is_empty() {
            tokio::select! {
                heard = told.recv_many(&mut batch, EVENTS) => {
                    if heard == 0 {
                        return Err(BenchError::Ended);
                    }
                }
                Some(sent) = course.sending.join_next() => {
                    sent.map_err(|error| BenchError::Bare(error.to_string()))??;
                    continue;
                }
            }
            for heard in batch.drain(..) {
                match heard {
                    Heard::Event(event) => course.hear(&event)?,
                    Heard::Alarm(_) | Heard::Steered(_) => {}
                    Heard::Missed(_) => course.look_again().await?,
                }
            }
            course.send();
            progress(course.submitted - course.begun.len() as u64);
        }
        course.measured.seconds = start.elapsed().as_secs_f64();
        Ok(course.measured)
    }
}

impl Course {
    fn submit_more(&mut self) {
        while self.begun.len() < self.load.in_flight && self.submitted < self.load.count {
            let n = self.load.from + self.submitted;
            let relocation = synthetic::id(self.load.run, n);
            let request = Arc::new(synthetic::spread(n, self.load.deadlines, self.load.spread));
            self.commands.push(command(relocation, "submit", Input::Submitted { request }));
            self.begun.insert(relocation, Instant::now());
            self.submitted += 1;
        }
    }

    fn send(&mut self) {
        if !self.commands.is_empty() {
            let (bus, commands) = (Arc::clone(&self.load.bus), std::mem::take(&mut self.commands));
            self.sending.spawn(async move { bus.send(commands).await });
        }
    }

    fn hear(&mut self, event: &Event) -> Result<(), BenchError> {
        if !self.begun.contains_key(&event.relocation) || event.in_flight {
            return Ok(());
        }
        let deploy = event.status == RelocationStatus::CutoverPending && event.cutover.is_none();
        self.at_rest(event.relocation, deploy, event.status)
    }

    /// Some events were missed: asks the store where everything under way stands.
    async fn look_again(&mut self) -> Result<(), BenchError> {
        let ids: Vec<RelocationId> = self.begun.keys().copied().collect();
        let loaded = self.load.tickets.load(ids).await?;
        let resting = loaded.into_iter().filter_map(|loaded| match loaded {
            Loaded::Ticket(ticket) if !ticket.state.in_flight() => Some(ticket),
            _ => None,
        });
        for ticket in resting.collect::<Vec<Box<Ticket>>>() {
            let state = &ticket.state;
            let deploy = state.relocation == RelocationStatus::CutoverPending && state.cutover.is_none();
            self.at_rest(ticket.id, deploy, state.relocation)?;
        }
        Ok(())
    }

    fn at_rest(
        &mut self,
        id: RelocationId,
        deploy: bool,
        status: RelocationStatus,
    ) -> Result<(), BenchError> {
        if deploy {
            let deploy = Input::Command(Command::plain(CommandKind::DeployCutover));
            self.commands.push(command(id, "deploy", deploy));
            return Ok(());
        }
        if let Some(begun) = self.begun.remove(&id) {
            let micros = u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX);
            self.measured.latency.record(micros).map_err(|error| BenchError::Bare(error.to_string()))?;
            self.measured.unsuccessful += u64::from(status != RelocationStatus::Succeeded);
        }
        self.submit_more();
        Ok(())
    }
}

fn command(relocation: RelocationId, what: &str, input: Input) -> Outgoing {
    let by = By::Person { name: "bench".to_owned(), via: "cli".to_owned(), role: Role::Admin };
    let cause = MessageId(format!("{relocation}:{what}"));
    Outgoing::Command(Envelope { relocation, cause, by, input }.into())
}
