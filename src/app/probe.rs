//! How this process stands, for whoever asks over HTTP.

use std::{sync::Arc, time::Duration};

use rehome_actors::supervisor::Gauge;
use rehome_domain::ports::{TicketStore, Wait};
use rehome_web::{Part, Probe, Readiness};
use tokio::time::timeout;

use super::{Roles, adapters::Wire};

/// A database that does not answer within this is away. Shorter than any orchestrator's own patience.
const PATIENCE: Duration = Duration::from_secs(2);

/// Looks at bus and store.
pub(super) struct Standing {
    pub(super) roles: Roles,
    pub(super) wire: Wire,
    pub(super) store: &'static str,
    pub(super) tickets: Arc<dyn TicketStore>,
    pub(super) gauge: Arc<Gauge>,
}

impl Probe for Standing {
    fn look(&self) -> Wait<'_, Readiness> {
        Box::pin(async move {
            let store = Part::new(self.store, self.database().await);
            let bus = Part::new(self.wire.kind(), self.wire.troubles());
            Readiness::of(self.roles.names(), self.gauge.is_draining(), bus, store)
        })
    }
}

impl Standing {
    /// The cheapest question there is.
    async fn database(&self) -> Vec<String> {
        match timeout(PATIENCE, self.tickets.dead_letters(1)).await {
            Ok(Ok(_)) => Vec::new(),
            Ok(Err(error)) => vec![error.to_string()],
            Err(_) => vec![format!("no answer within {PATIENCE:?}")],
        }
    }
}
