//! Gives the supervisor commands in people's names, and hears what became of them.
//!
//! A process has one asker, with one queue of its own for answers. What is asked is a message like any other system's:
//! there is no second way to change a ticket.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rehome_domain::{
    id::MessageId,
    lang::Lang,
    message::{Answer, Envelope},
    ports::{Answered, Answers, Bus, BusError, DeadLetter, Incoming, NotResent, Outgoing, ReplyTo, Wish},
    steering::Steer,
};
use tokio::{sync::oneshot, task::JoinHandle, time::timeout};
use uuid::Uuid;

use crate::texts;

/// Questions that may wait for their answers at once. More than people and programs ask in the time a question may take,
/// unless the supervisors are away.
const WAITING: usize = 4096;

/// What became of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// This is the answer.
    Answered(Answer),
    /// It is on the bus and will be done or refused; there was no answer yet. The journal will say.
    Accepted,
}

/// A question could not be asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// Too many wait already.
    #[error("too many commands wait for their answers")]
    Busy,
    /// The bus did not take it in time. It may still do so: asked again, it must have the same id.
    #[error("the bus did not take the command in time")]
    NotTaken,
    /// The bus could not take it.
    #[error(transparent)]
    Bus(#[from] BusError),
}

impl AskError {
    /// The sentence a person reads.
    #[must_use]
    pub fn sentence(&self, lang: Lang) -> String {
        match self {
            Self::Busy => texts::busy(lang),
            Self::NotTaken => texts::not_taken(lang),
            Self::Bus(error) => texts::no_bus(lang, error),
        }
    }
}

type Waiting = Arc<Mutex<HashMap<MessageId, oneshot::Sender<Answer>>>>;

/// Asks.
pub struct Asker {
    bus: Arc<dyn Bus>,
    queue: String,
    waiting: Waiting,
    patience: Duration,
    reading: JoinHandle<()>,
}

impl Asker {
    /// An asker that waits so long for each answer. It reads its answers on the runtime that starts it.
    #[must_use]
    pub fn start(bus: Arc<dyn Bus>, patience: Duration) -> Arc<Self> {
        let queue = format!("web-{}", Uuid::now_v7());
        let waiting = Waiting::default();
        let reading = tokio::spawn(read(bus.answers(&queue), Arc::clone(&waiting)));
        Arc::new(Self { bus, queue, waiting, patience, reading })
    }

    /// Gives a command for a ticket. The same cause counts once, however often it is asked.
    ///
    /// # Errors
    /// If the bus does not take it.
    pub async fn command(&self, envelope: Envelope) -> Result<Asked, AskError> {
        self.ask(|reply_to| Outgoing::Command(Incoming { envelope, reply_to: Some(reply_to), early: 0 }))
            .await
    }

    /// The request or command that a dead letter is.
    ///
    /// # Errors
    /// If it is none, or can't be read.
    pub fn said(&self, letter: &DeadLetter) -> Result<Envelope, NotResent> {
        self.bus.said(letter)
    }

    /// Wishes something paused or resumed.
    ///
    /// # Errors
    /// If the bus does not take it.
    pub async fn steer(&self, steer: Steer) -> Result<Asked, AskError> {
        self.ask(|reply_to| Outgoing::Steer(Wish { steer, reply_to: Some(reply_to) })).await
    }

    async fn ask(&self, message: impl FnOnce(ReplyTo) -> Outgoing) -> Result<Asked, AskError> {
        // Not the message's own id: the same may be asked twice at once.
        let correlation = MessageId(Uuid::now_v7().to_string());
        let (question, answer) = Question::new(&self.waiting, correlation.clone())?;
        let message = message(ReplyTo { queue: self.queue.clone(), correlation });
        let mut taken = false;
        let asking = async {
            self.bus.send(vec![message]).await?;
            taken = true;
            // An error: the bus closes, and nobody will answer any more.
            Ok(answer.await.map_or(Asked::Accepted, Asked::Answered))
        };
        let asked = timeout(self.patience, asking).await;
        drop(question);
        match asked {
            Ok(asked) => asked,
            Err(_) if taken => Ok(Asked::Accepted),
            Err(_) => Err(AskError::NotTaken),
        }
    }
}

impl Drop for Asker {
    fn drop(&mut self) {
        self.reading.abort();
    }
}

/// A place among those that wait, given up when dropped: also when the client has gone.
struct Question<'a> {
    waiting: &'a Waiting,
    correlation: MessageId,
}

impl<'a> Question<'a> {
    fn new(
        waiting: &'a Waiting,
        correlation: MessageId,
    ) -> Result<(Self, oneshot::Receiver<Answer>), AskError> {
        let (to, answer) = oneshot::channel();
        let mut all = waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= WAITING {
            return Err(AskError::Busy);
        }
        all.insert(correlation.clone(), to);
        Ok((Self { waiting, correlation }, answer))
    }
}

impl Drop for Question<'_> {
    fn drop(&mut self) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.correlation);
    }
}

/// Gives answers to those that wait for them. One that comes too late is dropped: the journal says the same.
async fn read(mut answers: Box<dyn Answers>, waiting: Waiting) {
    while let Some(Answered { to, answer }) = answers.next().await {
        let waits = waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&to.correlation);
        if let Some(waits) = waits {
            let _ = waits.send(answer);
        }
    }
    // Nobody is answered any more.
    waiting.lock().unwrap_or_else(PoisonError::into_inner).clear();
}
