//! Acts on several tickets at once: each its own message, with a result of its own. A page and the API show how far it is.
//!
//! What was sent is in the tickets' journals. Here it is kept only to show it: this process's last runs, in memory. What a
//! process that stops has not sent is told in its log, one by one.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::{StreamExt as _, stream};
use rehome_domain::{
    command::{By, CommandKind},
    id::RelocationId,
    message::{Answer, Envelope},
    request::Request,
    status::{Disposition, RelocationStatus},
};
use tokio::{
    sync::{Semaphore, watch},
    time::{Instant, timeout_at},
};
use uuid::Uuid;

use crate::{
    asker::{AskError, Asked},
    frame::Problem,
    site::Workbench,
    submission::{self, Submitted},
};

/// Runs that are kept to be looked at.
const KEPT: usize = 64;
/// Their steps: some ten of the largest sheets, a few tens of megabytes.
const KEPT_STEPS: usize = 100_000;
/// Steps of a run that wait for their answers at once: enough for the supervisor to take them in batches.
const AT_ONCE: usize = 32;
/// Steps of all runs that do: few beside all that may wait (`asker::WAITING`), so that however many sheets are sent at
/// once there is room for whoever acts on one ticket.
pub(crate) const ALL_AT_ONCE: usize = 256;

/// The last runs of this process.
pub struct Runs {
    all: Mutex<Kept>,
    turns: Semaphore,
}

impl Default for Runs {
    fn default() -> Self {
        Self { all: Mutex::default(), turns: Semaphore::new(ALL_AT_ONCE) }
    }
}

#[derive(Default)]
struct Kept {
    /// The newest first.
    runs: VecDeque<Arc<Run>>,
    /// The process stops: none is begun any more.
    closed: bool,
}

/// What a run does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    /// Submits the rows of a sheet.
    Submit,
    /// Gives each ticket this command.
    Command(CommandKind),
}

/// What is asked for one ticket.
pub(crate) enum Wish {
    /// A command.
    Command(Box<Envelope>),
    /// That it is there: as a row of a sheet says.
    Row(Arc<Request>),
}

/// A wish, with the service it is about.
pub(crate) struct Sent {
    pub(crate) service: String,
    pub(crate) relocation: RelocationId,
    pub(crate) wish: Wish,
}

/// One act on several tickets.
pub(crate) struct Run {
    pub(crate) id: Uuid,
    pub(crate) what: What,
    pub(crate) by: By,
    pub(crate) steps: Vec<Step>,
    ended: watch::Sender<bool>,
}

/// One ticket of it.
pub(crate) struct Step {
    pub(crate) relocation: RelocationId,
    pub(crate) service: String,
    stands: Mutex<Stands>,
}

/// How a step stands.
#[derive(Clone)]
pub(crate) enum Stands {
    /// Its turn has not come.
    Waiting,
    /// It was sent, or is being sent.
    Asking,
    /// The process stopped before its turn came.
    NotSent,
    /// It was done, or refused.
    Answered(Box<Answer>),
    /// There is a ticket now that was not there before.
    Submitted,
    /// The same was submitted before; how its ticket stands.
    Known(RelocationStatus, Disposition),
    /// It is on the bus, and was not answered for yet.
    OnItsWay,
    /// It could not be done.
    Failed(Box<Problem>),
}

impl From<Result<Asked, AskError>> for Stands {
    fn from(asked: Result<Asked, AskError>) -> Self {
        match asked {
            Ok(Asked::Answered(answer)) => Self::Answered(Box::new(answer)),
            Ok(Asked::Accepted) => Self::OnItsWay,
            Err(error) => Self::Failed(Box::new(error.into())),
        }
    }
}

impl From<Result<Submitted, Problem>> for Stands {
    fn from(submitted: Result<Submitted, Problem>) -> Self {
        match submitted {
            Ok(Submitted::New(_)) => Self::Submitted,
            Ok(Submitted::Known(ticket)) => {
                let standing = ticket.standing();
                Self::Known(standing.relocation, standing.disposition)
            }
            Ok(Submitted::Later) => Self::OnItsWay,
            Err(problem) => Self::Failed(Box::new(problem)),
        }
    }
}

impl Step {
    pub(crate) fn stands(&self) -> Stands {
        self.stands.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts it on if it stands as `from` has it; whether it did.
    fn turn(&self, from: fn(&Stands) -> bool, to: Stands) -> bool {
        let mut stands = self.stands.lock().unwrap_or_else(PoisonError::into_inner);
        let turns = from(&stands);
        if turns {
            *stands = to;
        }
        turns
    }
}

impl Runs {
    /// Sends these in somebody's name. Must be called on the runtime.
    ///
    /// # Errors
    /// If the process stops: nothing of it is begun.
    pub(crate) fn start(
        workbench: &Arc<Workbench>,
        what: What,
        by: By,
        sent: Vec<Sent>,
    ) -> Result<Arc<Run>, Problem> {
        let step = |Sent { service, relocation, wish }| {
            (Step { relocation, service, stands: Mutex::new(Stands::Waiting) }, wish)
        };
        let (steps, wishes): (Vec<Step>, Vec<Wish>) = sent.into_iter().map(step).unzip();
        let run = Arc::new(Run { id: Uuid::now_v7(), what, by, steps, ended: watch::Sender::new(false) });
        workbench.runs.keep(&run)?;
        tokio::spawn(go_through(Arc::clone(workbench), Arc::clone(&run), wishes));
        Ok(run)
    }

    fn keep(&self, run: &Arc<Run>) -> Result<(), Problem> {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        if all.closed {
            return Err(Problem::Stopping);
        }
        all.runs.push_front(Arc::clone(run));
        // One that is under way is kept: what becomes of it is told nowhere else.
        let (mut runs, mut steps) = (0, 0);
        all.runs.retain(|run| {
            (runs, steps) = (runs + 1, steps + run.steps.len());
            !run.has_ended() || (runs <= KEPT && steps <= KEPT_STEPS)
        });
        Ok(())
    }

    /// One of them, if this process has begun it and still keeps it.
    pub(crate) fn find(&self, id: Uuid) -> Option<Arc<Run>> {
        let all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.runs.iter().find(|run| run.id == id).cloned()
    }

    /// Begins no run any more, and waits until those under way have sent all and heard what became of it. After `within`
    /// nothing more is sent; what is left over is told in the log, one by one. Answers how many were not sent.
    pub async fn finish(&self, within: Duration) -> usize {
        let until = Instant::now() + within;
        let runs = {
            let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
            all.closed = true;
            all.runs.clone()
        };
        for run in &runs {
            run.wait(until).await;
        }
        runs.iter().map(|run| run.cut()).sum()
    }
}

impl Run {
    /// Waits until all of it is answered, but no longer than this.
    pub(crate) async fn wait(&self, until: Instant) {
        // Running out of time is a way to end, not a failure.
        let _ = timeout_at(until, self.ended.subscribe().wait_for(|ended| *ended)).await;
    }

    /// Whether nothing of it is under way any more.
    pub(crate) fn has_ended(&self) -> bool {
        *self.ended.borrow()
    }

    /// Sends nothing more, and says in the log what was not sent and what was not answered. How many were not sent.
    fn cut(&self) -> usize {
        let mut left = 0;
        for step in &self.steps {
            let (run, relocation, service) = (self.id, step.relocation, &step.service);
            if step.turn(|stands| matches!(stands, Stands::Waiting), Stands::NotSent) {
                let (by, what) = (&self.by, self.what);
                tracing::warn!(%run, %relocation, service, ?by, ?what, "not sent: the process stops");
                left += 1;
            } else if matches!(step.stands(), Stands::Asking) {
                tracing::warn!(%run, %relocation, service, "the process stops before it was answered: its journal says more");
            }
        }
        left
    }
}

/// Sends what is wished for each step when its turn comes.
async fn go_through(workbench: Arc<Workbench>, run: Arc<Run>, wishes: Vec<Wish>) {
    let workbench = &*workbench;
    let steps = wishes.into_iter().zip(&run.steps);
    stream::iter(steps)
        .for_each_concurrent(AT_ONCE, |(wish, step)| {
            let by = run.by.clone();
            async move {
                // Never closed.
                let _turn = workbench.runs.turns.acquire().await;
                if !step.turn(|stands| matches!(stands, Stands::Waiting), Stands::Asking) {
                    return;
                }
                let became = match wish {
                    Wish::Command(envelope) => workbench.asker.command(*envelope).await.into(),
                    Wish::Row(request) => {
                        submission::submit(workbench, by, step.relocation, request).await.into()
                    }
                };
                step.turn(|_| true, became);
            }
        })
        .await;
    run.ended.send_replace(true);
}
