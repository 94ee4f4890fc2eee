//! Readers: each asks over a connection of its own, one question after the other.

use std::{
    net::SocketAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use tokio::task::JoinSet;
use ureq::{Agent, http::StatusCode};

use super::{super::super::BenchError, questions::QUESTIONS};
use crate::http;

/// An answer that takes longer is none.
const PATIENCE: Duration = Duration::from_secs(30);
/// From one of a reader's tickets to its next: it should not be in any order.
const STRIDE: u64 = 7919;

/// Whoever reads.
pub(super) struct Readers {
    /// Where.
    pub(super) at: SocketAddr,
    /// By what they come in.
    pub(super) token: String,
    /// How many.
    pub(super) readers: usize,
    /// How long.
    pub(super) time: Duration,
    /// How long each rests between an answer and its next question.
    pub(super) pause: Duration,
    /// How many tickets they may ask for.
    pub(super) tickets: u64,
}

/// What they measured.
pub(super) struct Read {
    pub(super) seconds: f64,
    /// Question by question, in microseconds.
    pub(super) times: Vec<Histogram<u64>>,
    /// Answers that were none.
    pub(super) failed: u64,
}

impl Readers {
    /// Reads until the time is over.
    pub(super) async fn read(self) -> Result<Read, BenchError> {
        let begun = Instant::now();
        let mut at_work = JoinSet::new();
        for reader in 0..self.readers as u64 {
            let (agent, site) = (http::agent(PATIENCE)?, format!("http://{}", self.at));
            let (bearer, until) = (format!("Bearer {}", self.token), begun + self.time);
            let reader = Reader { agent, site, bearer, tickets: self.tickets, number: reader };
            // They begin apart, so that they do not all ask at once.
            let first = self.pause * u32::try_from(reader.number).unwrap_or(0)
                / u32::try_from(self.readers).unwrap_or(1).max(1);
            at_work.spawn(Arc::new(reader).read(first, self.pause, until));
        }
        let mut read = Read { seconds: 0.0, times: histograms()?, failed: 0 };
        while let Some(ended) = at_work.join_next().await {
            let (times, failed) = ended.map_err(|error| BenchError::Bare(error.to_string()))??;
            for (all, of_one) in read.times.iter_mut().zip(&times) {
                all.add(of_one).map_err(|error| BenchError::Bare(error.to_string()))?;
            }
            read.failed += failed;
        }
        read.seconds = begun.elapsed().as_secs_f64();
        Ok(read)
    }
}

fn histograms() -> Result<Vec<Histogram<u64>>, BenchError> {
    QUESTIONS.iter().map(|_| Ok(Histogram::new(3)?)).collect()
}

struct Reader {
    agent: Agent,
    site: String,
    bearer: String,
    tickets: u64,
    number: u64,
}

impl Reader {
    async fn read(
        self: Arc<Self>,
        first: Duration,
        pause: Duration,
        until: Instant,
    ) -> Result<(Vec<Histogram<u64>>, u64), BenchError> {
        let (mut times, mut failed) = (histograms()?, 0);
        let mut next = None;
        // Nor the same.
        let mut asked = self.number * 104_729;
        tokio::time::sleep(first).await;
        while Instant::now() < until {
            let question = usize::try_from(asked).unwrap_or(0) % QUESTIONS.len();
            let path = (QUESTIONS[question].at)(asked * STRIDE % self.tickets.max(1), next.as_deref());
            let (reader, asking) = (Arc::clone(&self), path.clone());
            let asking = tokio::task::spawn_blocking(move || {
                let begun = Instant::now();
                reader.ask(&asking).map(|answer| (answer, begun.elapsed()))
            });
            match asking.await.map_err(|error| BenchError::Bare(error.to_string()))? {
                Ok((answer, took)) => {
                    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
                    times[question].record(micros).map_err(|error| BenchError::Bare(error.to_string()))?;
                    // The list's: whoever goes on goes on in the list of all.
                    if question < 2 {
                        next = goes_on(&answer);
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, path, "a question had no answer");
                    failed += 1;
                }
            }
            asked += 1;
            tokio::time::sleep(pause).await;
        }
        Ok((times, failed))
    }

    fn ask(&self, path: &str) -> Result<String, ureq::Error> {
        let asked = self.agent.get(format!("{}{path}", self.site)).header("Authorization", &self.bearer);
        let answer = asked.call()?;
        let status = answer.status();
        if status != StatusCode::OK {
            return Err(ureq::Error::StatusCode(status.as_u16()));
        }
        answer.into_body().read_to_string()
    }
}

fn goes_on(answer: &str) -> Option<String> {
    let page: serde_json::Value = serde_json::from_str(answer).ok()?;
    page.get("next")?.as_str().map(str::to_owned)
}
