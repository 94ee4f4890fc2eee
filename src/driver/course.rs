//! The driver's loop.
//!
//! ```text
//!   queued ──its turn──▶ active ──closed, or nothing to do for us──▶ at rest
//!                         │  ▲                                         │
//!                         ▼  └────── the clock, or somebody else ──────┤
//!                      a window ◀─────────────────────────────────────-┘
//! ```
//!
//! An active relocation holds one of the `in_flight` slots. Each has at most one question open with the supervisor: a
//! command is not followed by another before it is answered, or its effect is seen.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use futures::{Stream, StreamExt, stream};
use rehome_domain::{
    action::WhyNot,
    command::{By, Command, CommandKind},
    event::Alarm,
    id::{MessageId, RelocationId},
    journal::{Entry, Note},
    message::{Answer, Envelope, Input},
    ports::{
        Answered, Answers, Bus, BusError, Events, Heard, Incoming, Loaded, Outgoing, ReplyTo, TicketStore,
    },
    request::Window,
    role::Role,
};
use rustc_hash::FxHashMap;
use tokio::time::Instant;

use super::{Act, Deploy, DriveError, Job, Moved, Options, Seen, Standing};

/// News taken in at one go: as many as can have queued up while a batch was being sent.
const BURST: usize = 1024;
/// Tickets loaded in one call.
const PAGE: usize = 1000;

/// Where a relocation stands with the driver.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Its turn has not come.
    Queued,
    /// It holds a slot.
    Active,
    /// It waits for its window.
    Window(Window),
    /// Nothing is to be done.
    Rest,
}

struct Row {
    standing: Standing,
    place: Place,
    /// The question that is open with the supervisor.
    asked: Option<Asked>,
    /// The supervisor would not deploy the cutover. It is not asked for that again.
    refused: bool,
    /// The operator's rules used on the ticket; none if they must be read from its journal.
    used: Option<Vec<usize>>,
}

/// Whom a command comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// The person running it.
    Cli,
    /// The scripted operator, by this rule.
    Plan(usize),
}

struct Asked {
    /// The version of the ticket it was asked about; 0 for a submission.
    version: u64,
    way: Way,
    message: Incoming,
    /// When it is asked again if nothing is heard, and how long after that. Twice as long each time: what is asked may
    /// wait behind much else, which asking does not shorten.
    again: (Instant, Duration),
}

/// What is to be done about a ticket that stands still.
enum Next {
    Ask(Way, Command),
    AwaitWindow(Window),
    Nothing,
}

enum News {
    Heard(Heard),
    Answered(Answered),
}

pub(super) struct Course<'a, P> {
    bus: &'a dyn Bus,
    tickets: &'a dyn TicketStore,
    jobs: &'a [Job],
    options: &'a Options<'a>,
    progress: P,
    index: FxHashMap<RelocationId, usize>,
    rows: Vec<Row>,
    queue: VecDeque<usize>,
    /// Invariant: as many rows are [`Place::Active`].
    active: usize,
    /// Invariant: as many rows are [`Place::Window`].
    windows: usize,
    /// The driver's own queue for answers.
    answers: String,
}

impl<'a, P: FnMut(Moved<'_>)> Course<'a, P> {
    pub(super) fn new(
        bus: &'a dyn Bus,
        tickets: &'a dyn TicketStore,
        jobs: &'a [Job],
        options: &'a Options<'a>,
        progress: P,
    ) -> Self {
        let row = || Row {
            standing: Standing::Waiting,
            place: Place::Queued,
            asked: None,
            refused: false,
            used: None,
        };
        Self {
            bus,
            tickets,
            jobs,
            options,
            progress,
            index: jobs.iter().enumerate().map(|(row, job)| (job.relocation, row)).collect(),
            rows: jobs.iter().map(|_| row()).collect(),
            queue: VecDeque::new(),
            active: 0,
            windows: 0,
            answers: format!("driver-{}", uuid::Uuid::now_v7()),
        }
    }

    pub(super) fn into_standings(self) -> Vec<Standing> {
        self.rows.into_iter().map(|row| row.standing).collect()
    }

    pub(super) async fn run(&mut self) -> Result<(), DriveError> {
        // Listen first and look then: what happens in between is heard.
        let mut news = std::pin::pin!(self.listen());
        self.look(&(0..self.rows.len()).collect::<Vec<_>>()).await?;
        self.queue = (0..self.rows.len()).filter(|row| self.rows[*row].place == Place::Queued).collect();
        loop {
            self.begin().await?;
            if self.is_over() {
                return Ok(());
            }
            match tokio::time::timeout(self.options.recheck, news.next()).await {
                Ok(Some(burst)) => self.hear(burst).await?,
                Ok(None) => return Err(BusError::Closed.into()),
                Err(_silence) => self.recheck().await?,
            }
        }
    }

    /// Events and answers as they come, in bursts. A listener's future is never dropped half-way.
    fn listen(&self) -> impl Stream<Item = Vec<News>> + use<P> {
        let heard = stream::unfold(self.bus.events(), |mut events: Box<dyn Events>| async move {
            events.next().await.map(|heard| (News::Heard(heard), events))
        });
        let answered =
            stream::unfold(self.bus.answers(&self.answers), |mut answers: Box<dyn Answers>| async move {
                answers.next().await.map(|answered| (News::Answered(answered), answers))
            });
        stream::select(heard, answered).ready_chunks(BURST)
    }

    /// Gives free slots to those whose turn has come.
    async fn begin(&mut self) -> Result<(), DriveError> {
        loop {
            let free = self.options.in_flight.max(1).saturating_sub(self.active);
            let turn: Vec<usize> = self.queue.drain(..free.min(self.queue.len())).collect();
            if turn.is_empty() {
                return Ok(());
            }
            let (new, known): (Vec<usize>, Vec<usize>) =
                turn.into_iter().partition(|row| self.rows[*row].standing == Standing::Waiting);
            let mut messages = Vec::with_capacity(new.len());
            for row in new {
                messages.push(self.submit(row));
            }
            self.bus.send(messages).await?;
            self.settle(known).await?;
        }
    }

    /// Whether nothing is left that moves by itself soon.
    fn is_over(&self) -> bool {
        let wait = self.options.window_wait;
        let now = (self.options.now)();
        let soon = now.saturating_add(wait).unwrap_or(now);
        let past = now.saturating_sub(wait).unwrap_or(now);
        let opens_soon = |row: &Row| match row.place {
            Place::Window(window) => window.start <= soon && past <= window.end,
            _ => false,
        };
        self.queue.is_empty() && self.active == 0 && (self.windows == 0 || !self.rows.iter().any(opens_soon))
    }

    async fn hear(&mut self, burst: Vec<News>) -> Result<(), DriveError> {
        let mut touched = Vec::new();
        let mut unclear = Vec::new();
        let mut missed = false;
        for news in burst {
            match news {
                News::Heard(Heard::Event(event)) => {
                    if let Some(row) = self.index.get(&event.relocation).copied()
                        && self.is_news(row, event.seq)
                    {
                        self.stands(row, Standing::At(Seen::from(&event)));
                        touched.push(row);
                    }
                }
                News::Heard(Heard::Alarm(raised)) => {
                    if raised.alarm == Alarm::Quarantined {
                        unclear.extend(self.index.get(&raised.relocation).copied());
                    }
                }
                // What is paused shows in the tickets that are held back.
                News::Heard(Heard::Steered(_)) => {}
                News::Heard(Heard::Missed(_)) => missed = true,
                News::Answered(answered) => unclear.extend(self.answered(answered)),
            }
        }
        unclear.sort_unstable();
        unclear.dedup();
        self.look(&unclear).await?;
        touched.extend(unclear);
        touched.sort_unstable();
        touched.dedup();
        touched.retain(|row| self.rows[*row].place != Place::Queued);
        self.settle(touched).await?;
        // Answers may be lost too. Where connections break again and again it is never silent for long.
        if missed { self.recheck().await } else { Ok(()) }
    }

    fn is_news(&self, row: usize, version: u64) -> bool {
        let known = match &self.rows[row].standing {
            Standing::At(seen) => seen.version,
            _ => 0,
        };
        version > known
    }

    /// Takes an answer to the open question. Gives the row if its ticket must be looked at.
    fn answered(&mut self, answered: Answered) -> Option<usize> {
        let correlation = answered.to.correlation;
        let relocation = correlation.0.split(':').next()?.parse().ok()?;
        let row = self.index.get(&relocation).copied()?;
        let asked = self.rows[row].asked.take_if(|asked| asked.message.envelope.cause == correlation)?;
        match answered.answer {
            Answer::Accepted { .. } => {
                self.rows[row].use_up(asked.way);
                None
            }
            // The second is not what was asked: the ticket says what came of it.
            Answer::Refused { why: WhyNot::Stale { .. }, .. } | Answer::Steering(_) => Some(row),
            Answer::Refused { why, .. } => {
                tracing::warn!(%relocation, cause = %correlation, ?why, "refused");
                self.rows[row].will_not(asked.way);
                Some(row)
            }
            Answer::Rejected(rejection) => {
                if matches!(asked.message.envelope.input, Input::Submitted { .. }) {
                    self.stands(row, Standing::Rejected(rejection));
                    return None;
                }
                self.rows[row].will_not(asked.way);
                Some(row)
            }
        }
    }

    /// Reads how these stand from the store.
    async fn look(&mut self, rows: &[usize]) -> Result<(), DriveError> {
        for page in rows.chunks(PAGE) {
            let ids = page.iter().map(|row| self.jobs[*row].relocation).collect();
            for (row, loaded) in page.iter().zip(self.tickets.load(ids).await?) {
                self.found(*row, loaded);
            }
        }
        Ok(())
    }

    /// Takes what the store says.
    fn found(&mut self, row: usize, loaded: Loaded) {
        let standing = match loaded {
            Loaded::Missing => return,
            Loaded::Ticket(ticket) => Standing::At(Seen::from(&*ticket)),
            Loaded::Unreadable(why) => Standing::Unreadable(why.to_string()),
        };
        let news = match &standing {
            Standing::At(seen) => self.is_news(row, seen.version),
            other => self.rows[row].standing != *other,
        };
        if news {
            self.stands(row, standing);
        }
    }

    /// A relocation has come further.
    fn stands(&mut self, row: usize, standing: Standing) {
        let place = match &standing {
            Standing::At(seen) if seen.is_closed() => Place::Rest,
            Standing::At(seen) if seen.in_flight => Place::Active,
            Standing::Sent => Place::Active,
            Standing::Rejected(_) | Standing::Unreadable(_) => Place::Rest,
            Standing::Waiting | Standing::At(_) => self.rows[row].place,
        };
        let answers_question = match &standing {
            Standing::At(seen) => {
                seen.in_flight || self.rows[row].asked.as_ref().is_some_and(|asked| asked.version == 0)
            }
            Standing::Rejected(_) | Standing::Unreadable(_) => true,
            Standing::Waiting | Standing::Sent => false,
        };
        if answers_question {
            self.rows[row].drop_question();
        }
        self.put(row, place);
        let before = std::mem::replace(&mut self.rows[row].standing, standing);
        (self.progress)(Moved { job: row, before: &before, after: &self.rows[row].standing });
    }

    fn put(&mut self, row: usize, place: Place) {
        let before = std::mem::replace(&mut self.rows[row].place, place);
        for (which, change) in [(before, -1), (place, 1)] {
            let count = match which {
                Place::Active => &mut self.active,
                Place::Window(_) => &mut self.windows,
                Place::Queued | Place::Rest => continue,
            };
            *count = count.saturating_add_signed(change);
        }
    }

    /// Decides about those that stand still, and asks the supervisor for what is to be done.
    async fn settle(&mut self, mut rows: Vec<usize>) -> Result<(), DriveError> {
        rows.retain(|row| self.stands_still(*row).is_some() && self.rows[*row].asked.is_none());
        let mut messages = Vec::new();
        for row in rows {
            if let Some(seen) = self.stands_still(row) {
                let next = self.next(row, seen).await?;
                messages.extend(self.go_on(row, seen, next));
            }
        }
        self.bus.send(messages).await?;
        Ok(())
    }

    /// How a ticket is, if it stands still.
    fn stands_still(&self, row: usize) -> Option<Seen> {
        match &self.rows[row].standing {
            Standing::At(seen) if !seen.in_flight && !seen.is_closed() => Some(*seen),
            _ => None,
        }
    }

    async fn next(&mut self, row: usize, seen: Seen) -> Result<Next, DriveError> {
        if let Some(act) = self.act(row, seen).await? {
            let command = Command { reason: act.reason, ..Command::plain(act.command) };
            return Ok(Next::Ask(Way::Plan(act.rule), command));
        }
        let job = &self.jobs[row];
        if let Some(window) = job.request.window {
            // An event does not say whether the window is still to come.
            let loaded = self.tickets.load(vec![job.relocation]).await?.into_iter().next();
            let awaited = matches!(loaded, Some(Loaded::Ticket(ticket)) if ticket.window_due().is_some());
            return Ok(if awaited { Next::AwaitWindow(window) } else { Next::Nothing });
        }
        let deploys = self.options.deploy == Deploy::Auto && !self.rows[row].refused;
        let in_charge = self.options.operator.is_some() || !seen.is_forced_on();
        if deploys && in_charge && seen.awaits_cutover() {
            return Ok(Next::Ask(Way::Cli, Command::plain(CommandKind::DeployCutover)));
        }
        Ok(Next::Nothing)
    }

    /// What the scripted operator does, if it does something.
    async fn act(&mut self, row: usize, seen: Seen) -> Result<Option<Act>, DriveError> {
        let Some(operator) = self.options.operator else { return Ok(None) };
        let job = &self.jobs[row];
        if operator(job, &seen, self.rows[row].used.as_deref().unwrap_or_default()).is_none() {
            return Ok(None);
        }
        if self.rows[row].used.is_none() {
            let journal = self.tickets.journal(job.relocation).await?;
            let used = journal.iter().filter_map(|entry| rule_used(entry.as_ref().ok()?)).collect();
            self.rows[row].used = Some(used);
        }
        Ok(operator(job, &seen, self.rows[row].used.as_deref().unwrap_or_default()))
    }

    fn go_on(&mut self, row: usize, seen: Seen, next: Next) -> Option<Outgoing> {
        let (place, message) = match next {
            Next::Ask(way, command) => (Place::Active, Some(self.ask(row, seen, way, command))),
            Next::AwaitWindow(window) => (Place::Window(window), None),
            Next::Nothing => (Place::Rest, None),
        };
        self.put(row, place);
        message
    }

    fn submit(&mut self, row: usize) -> Outgoing {
        let job = &self.jobs[row];
        let request = Arc::clone(&job.request);
        let cause = MessageId(format!("{}:submit", job.relocation));
        let message = self.question(row, 0, Way::Cli, cause, Input::Submitted { request });
        self.rows[row].used = Some(Vec::new());
        self.stands(row, Standing::Sent);
        message
    }

    /// Asks about the ticket as it was seen: if it has moved on meanwhile, the supervisor says so and nothing changes.
    fn ask(&mut self, row: usize, seen: Seen, way: Way, command: Command) -> Outgoing {
        let what = match way {
            Way::Cli => format!("cli:{}", command.kind),
            Way::Plan(rule) => format!("{RULE}:{rule}"),
        };
        let cause = MessageId(format!("{}:{what}:{}", self.jobs[row].relocation, seen.version));
        let command = Command { expected_version: Some(seen.version), ..command };
        self.question(row, seen.version, way, cause, Input::Command(command))
    }

    fn question(&mut self, row: usize, version: u64, way: Way, cause: MessageId, input: Input) -> Outgoing {
        let via = match way {
            Way::Cli => "cli",
            Way::Plan(_) => "plan",
        };
        let by = By::Person { name: self.options.person.clone(), via: via.to_owned(), role: Role::Admin };
        let reply_to = Some(ReplyTo { queue: self.answers.clone(), correlation: cause.clone() });
        let envelope = Envelope { relocation: self.jobs[row].relocation, cause, by, input };
        let message = Incoming { envelope, reply_to, early: 0 };
        self.rows[row].asked = Some(Asked {
            version,
            way,
            message: message.clone(),
            again: (Instant::now() + self.options.recheck, self.options.recheck),
        });
        Outgoing::Command(message)
    }

    /// Those that move by themselves.
    fn moving(&self) -> Vec<usize> {
        let moves = |row: &usize| matches!(self.rows[*row].place, Place::Active | Place::Window(_));
        (0..self.rows.len()).filter(moves).collect()
    }

    /// Nothing was heard for long, or something was missed: looks at the store, and asks again what may have been lost.
    async fn recheck(&mut self) -> Result<(), DriveError> {
        let moving = self.moving();
        self.look(&moving).await?;
        let mut again = Vec::new();
        for row in &moving {
            let state = &mut self.rows[*row];
            let version = match &state.standing {
                Standing::At(seen) => seen.version,
                _ => 0,
            };
            // The same message, which counts once; but about a ticket that has moved on it would only be refused.
            if state.asked.as_ref().is_some_and(|asked| asked.version != version) {
                state.drop_question();
            }
            let now = Instant::now();
            if let Some(asked) = state.asked.as_mut().filter(|asked| asked.again.0 <= now) {
                let pause = asked.again.1 * 2;
                asked.again = (now + pause, pause);
                again.push(Outgoing::Command(asked.message.clone()));
            }
        }
        self.bus.send(again).await?;
        self.settle(moving).await
    }
}

impl Row {
    /// The open question is answered by what was seen, or is void.
    fn drop_question(&mut self) {
        if self.asked.take().is_some_and(|asked| matches!(asked.way, Way::Plan(_))) {
            // Whether the rule was used is in the journal.
            self.used = None;
        }
    }

    /// The supervisor will not do it: it is not asked again.
    fn will_not(&mut self, way: Way) {
        self.refused |= way == Way::Cli;
        self.use_up(way);
    }

    fn use_up(&mut self, way: Way) {
        if let (Way::Plan(rule), Some(used)) = (way, &mut self.used) {
            used.push(rule);
        }
    }
}

/// What stands in the id of a scripted operator's message before the rule.
const RULE: &str = "plan";

/// The operator's rule that caused an entry. One that came too late for what it saw does not count as used.
fn rule_used(entry: &Entry) -> Option<usize> {
    let mut words = entry.cause.0.split(':').skip(1);
    if words.next() != Some(RULE) || matches!(entry.note, Some(Note::Refused(WhyNot::Stale { .. }))) {
        return None;
    }
    words.next()?.parse().ok()
}
