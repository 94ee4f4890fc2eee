//! What is served, and under which path.

use std::sync::Arc;

use actix_web::{HttpResponse, web};
use rehome_domain::{
    ports::{Board, Count, Feed, LetterStore, Planner, SteeringStore, TicketStore, WebhookStore},
    request::Deadlines,
};

use crate::{
    api,
    asker::Asker,
    assets,
    changes::Changes,
    devices::Devices,
    door::Door,
    figures::Figures,
    frame::{self, Problem},
    fresh::Fresh,
    operations,
    pages::{self, Pulse},
    readiness::Probe,
    runs::Runs,
    sheets::SheetReader,
    tmf,
    under_way::{DomainOf, UnderWay},
    webhooks::Reach,
};

/// What is served.
#[derive(Clone)]
pub struct Site {
    /// Whether the process can work.
    pub probe: Arc<dyn Probe>,
    /// The figures, as Prometheus reads them.
    pub metrics: Arc<dyn Fn() -> String + Send + Sync>,
    /// What people and programs see and do; none in a process without the role `web`.
    pub workbench: Option<Arc<Workbench>>,
}

/// What people and programs see and do.
pub struct Workbench {
    /// Who may come in.
    pub door: Door,
    /// Gives commands, and hears what became of them.
    pub asker: Arc<Asker>,
    /// The tickets.
    pub tickets: Arc<dyn TicketStore>,
    /// How many of them stand where.
    pub counts: Fresh<Vec<Count>>,
    /// What they tell of the devices.
    pub devices: Fresh<Devices>,
    /// What the overview charts.
    pub figures: Fresh<Figures>,
    /// Tells what one would change on its devices.
    pub planner: Arc<dyn Planner>,
    /// Lists of them.
    pub board: Arc<dyn Board>,
    /// The messages that no ticket could take.
    pub letters: Arc<dyn LetterStore>,
    /// The log of what was paused.
    pub steering: Arc<dyn SteeringStore>,
    /// What still has orders out where something drains.
    pub under_way: Fresh<UnderWay>,
    /// Which domain a device is of.
    pub domain_of: DomainOf,
    /// Who is told of changes.
    pub webhooks: Arc<dyn WebhookStore>,
    /// Where what they are told begins.
    pub feed: Arc<dyn Feed>,
    /// Who may be told.
    pub reach: Reach,
    /// How long the orders of what is submitted here may stay unanswered.
    pub deadlines: Deadlines,
    /// Reads sheets.
    pub sheets: Arc<dyn SheetReader>,
    /// What people have asked of several tickets at once.
    pub runs: Runs,
    /// What changes, for whoever listens.
    pub changes: Arc<Changes>,
    /// Tells open pages that something changed.
    pub pulse: Arc<Pulse>,
}

impl Site {
    /// Whoever looks first after a start need not wait.
    pub(crate) fn ready(&self) {
        if let Some(workbench) = &self.workbench {
            workbench.counts.ready();
            workbench.devices.ready();
            workbench.figures.ready();
        }
    }

    /// Its scopes.
    pub(crate) fn paths(&self, config: &mut web::ServiceConfig) {
        config.app_data(web::Data::new(self.clone()));
        config.configure(operations::paths);
        if let Some(workbench) = &self.workbench {
            config.app_data(web::Data::from(Arc::clone(workbench)));
            config
                .configure(frame::bounds)
                .service(api::scope())
                .service(web::scope(tmf::BASE).configure(tmf::paths))
                .service(web::scope(assets::ROOT).configure(assets::paths))
                .configure(pages::paths);
        }
        config.default_service(web::to(nowhere));
    }
}

async fn nowhere() -> Result<HttpResponse, Problem> {
    Err(Problem::NotFound)
}
