//! Tells open pages that something changed: an event stream of ticket ids. What changed a page fetches itself.

use std::{sync::Arc, time::Duration};

use actix_web::{HttpResponse, http::header, web};
use futures::stream;
use rehome_domain::ports::{Bus, Heard};
use tokio::{
    sync::broadcast::{self, error::RecvError},
    task::JoinHandle,
    time::timeout,
};

use super::view::View;
use crate::{frame::Problem, site::Workbench};

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
    let told = stream::unfold((changes, true), |(mut changes, first)| async move {
        let text = if first {
            "retry: 1500\nevent: here\ndata:\n\n".to_owned()
        } else {
            match timeout(HERE, changes.recv()).await {
                Ok(Ok(relocation)) => format!("event: changed\ndata: {relocation}\n\n"),
                Ok(Err(RecvError::Lagged(_))) => "event: changed\ndata:\n\n".to_owned(),
                Ok(Err(RecvError::Closed)) => return None,
                Err(_) => "event: here\ndata:\n\n".to_owned(),
            }
        };
        Some((Ok::<_, Problem>(web::Bytes::from(text)), (changes, false)))
    });
    HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .streaming(told)
}
