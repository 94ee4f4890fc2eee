//! Tells open pages that something changed: an event stream of ticket ids. What changed a page fetches itself.

use std::{sync::Arc, time::Duration};

use actix_web::{HttpResponse, http::header, web};
use futures::stream::{self, Stream};
use rehome_domain::ports::{Bus, Heard};
use tokio::{
    sync::broadcast::{self, error::RecvError},
    task::JoinHandle,
    time::{Instant, timeout},
};

use super::view::View;
use crate::{changes::LONGEST, frame::Problem, site::Workbench};

/// Changes a slow reader may lag behind; then it is told to look at all.
const BEHIND: usize = 1024;
/// How often a stream says that it is there: a page takes a longer silence for a loss.
const HERE: Duration = Duration::from_secs(10);

/// Hears what changes, for all open pages of this process.
pub struct Pulse {
    changes: broadcast::Sender<String>,
    hearing: JoinHandle<()>,
}

impl Pulse {
    /// Listens to the bus on the runtime that starts it.
    #[must_use]
    pub fn start(bus: &dyn Bus) -> Arc<Self> {
        let (changes, _) = broadcast::channel(BEHIND);
        let (mut events, tell) = (bus.events(), changes.clone());
        let hearing = tokio::spawn(async move {
            while let Some(heard) = events.next().await {
                let changed = match heard {
                    Heard::Event(event) => event.relocation.to_string(),
                    Heard::Alarm(raised) => raised.relocation.to_string(),
                    // All of it, as far as anybody here knows.
                    Heard::Steered(_) | Heard::Missed(_) => String::new(),
                };
                // Nobody looks: nobody to tell.
                let _ = tell.send(changed);
            }
        });
        Arc::new(Self { changes, hearing })
    }
}

impl Drop for Pulse {
    fn drop(&mut self) {
        self.hearing.abort();
    }
}

pub(super) fn paths(config: &mut web::ServiceConfig) {
    config.service(web::resource("/live").route(web::get().to(live)));
}

async fn live(_: View, workbench: web::Data<Workbench>) -> HttpResponse {
    let changes = workbench.pulse.changes.subscribe();
    HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .streaming(told(changes, Instant::now() + LONGEST))
}

/// How far a stream is.
enum Next {
    Begin,
    Hear,
    End,
}

/// What changes, until then; last, that the page is to come again.
fn told(
    changes: broadcast::Receiver<String>,
    ends: Instant,
) -> impl Stream<Item = Result<web::Bytes, Problem>> {
    stream::unfold((changes, Next::Begin), move |(mut changes, next)| async move {
        let (text, next) = match next {
            Next::Begin => ("retry: 1500\nevent: here\ndata:\n\n".to_owned(), Next::Hear),
            Next::Hear if Instant::now() >= ends => ("event: again\ndata:\n\n".to_owned(), Next::End),
            Next::Hear => (heard(&mut changes).await?, Next::Hear),
            Next::End => return None,
        };
        Some((Ok(web::Bytes::from(text)), (changes, next)))
    })
}

/// The next change, or that there was none for a while; none: nothing will be told any more.
async fn heard(changes: &mut broadcast::Receiver<String>) -> Option<String> {
    Some(match timeout(HERE, changes.recv()).await {
        Ok(Ok(relocation)) => format!("event: changed\ndata: {relocation}\n\n"),
        Ok(Err(RecvError::Lagged(_))) => "event: changed\ndata:\n\n".to_owned(),
        Ok(Err(RecvError::Closed)) => return None,
        Err(_) => "event: here\ndata:\n\n".to_owned(),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use futures::StreamExt;

    use super::*;

    #[actix_web::test]
    async fn a_stream_tells_what_changes_and_at_its_end_to_come_again() {
        let (changes, heard) = broadcast::channel(4);
        let mut stream = std::pin::pin!(told(heard, Instant::now() + LONGEST));
        changes.send("7".to_owned()).unwrap();
        let mut next = async || String::from_utf8(stream.next().await.unwrap().unwrap().to_vec()).unwrap();
        assert!(next().await.contains("event: here"));
        assert_eq!(next().await, "event: changed\ndata: 7\n\n");

        let heard = changes.subscribe();
        changes.send("8".to_owned()).unwrap();
        let all: Vec<_> = told(heard, Instant::now()).take(5).map(Result::unwrap).collect().await;
        assert_eq!(all.len(), 2, "it goes on");
        assert_eq!(all[1], "event: again\ndata:\n\n");
    }
}
