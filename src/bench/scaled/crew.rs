//! The system being measured: supervisors and configurators as processes have them, each with connections of its own.

use std::{sync::Arc, time::Duration};

use rehome_domain::{Layer, ports::DeviceMemory};
use rehome_store::Postgres;

use super::{
    super::{
        BenchError, PROVISION_BATCH,
        bare::in_service,
        load::{Load, Measured},
        network::{Memory, Slow},
        synthetic::{self, Spread},
    },
    ground::{Ground, Part},
};
use crate::app::{App, Network, Roles, Store};

/// How many of whom, and what they work on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Muster {
    pub(super) supervisors: usize,
    pub(super) configurators: usize,
    /// Orders that one configurator has in hand at each layer at most; none: as the settings say.
    pub(super) hands: Option<usize>,
    pub(super) in_flight: usize,
    pub(super) device: Duration,
    pub(super) spread: Spread,
}

/// A system at work.
pub(super) struct Crew {
    apps: Vec<App>,
    stores: Vec<Arc<Postgres>>,
    driver: Option<App>,
    pub(super) network: Arc<Slow>,
    memory: Arc<Memory>,
    muster: Muster,
    run: u64,
    drain: Duration,
}

impl Crew {
    /// Nobody yet.
    pub(super) fn new(ground: &Ground, muster: Muster) -> Self {
        let memory = Arc::<Memory>::default();
        Self {
            apps: Vec::new(),
            stores: Vec::new(),
            driver: None,
            network: Arc::new(Slow::new(Arc::clone(&memory), muster.device)),
            memory,
            muster,
            run: super::run_number(),
            drain: ground.settings(Part::Whole).run.drain(),
        }
    }

    /// Starts everybody. What has started by then must be drained even if this fails.
    ///
    /// # Errors
    /// Broker or database can't be used.
    pub(super) async fn start(&mut self, ground: &Ground) -> Result<(), BenchError> {
        let Muster { supervisors, configurators, .. } = self.muster;
        let supervisor = Roles { supervisor: true, ..Roles::NONE };
        let configurator = Roles { l3: true, l2: true, ..Roles::NONE };
        for _ in 0..supervisors {
            let app = self.process(ground, supervisor).await?;
            self.apps.push(app);
        }
        for _ in 0..configurators {
            let app = self.process(ground, configurator).await?;
            self.apps.push(app);
        }
        self.driver = Some(self.process(ground, Roles::NONE).await?);
        Ok(())
    }

    async fn process(&mut self, ground: &Ground, roles: Roles) -> Result<App, BenchError> {
        let mut settings = ground.settings(Part::Whole);
        settings.supervisor.in_flight = settings.supervisor.in_flight.max(self.muster.in_flight);
        if let Some(hands) = self.muster.hands.filter(|_| !roles.supervisor) {
            settings.supervisor.in_flight = hands;
            // What one has waiting another could be doing.
            settings.amqp.prefetch_work = u32::try_from(hands).unwrap_or(u32::MAX);
        }
        let store = Postgres::open(&ground.postgres(Part::Whole)).await?;
        self.stores.push(Arc::clone(&store));
        let network =
            Network { devices: Arc::clone(&self.memory) as _, inventory: Arc::clone(&self.network) as _ };
        Ok(App::start_on(&settings, Store::Postgres(store), None, None, roles, network).await?)
    }

    /// Takes relocations through the system, numbered from `from`.
    pub(super) async fn carry(
        &self,
        from: u64,
        count: u64,
        in_flight: usize,
        progress: impl Fn(u64),
    ) -> Result<Measured, BenchError> {
        let driver = self.driver.as_ref().ok_or(BenchError::Ended)?;
        self.provision(from, count).await?;
        let load = Load {
            bus: Arc::clone(&driver.bus),
            tickets: Arc::clone(&driver.tickets),
            run: self.run,
            from,
            count,
            in_flight,
            deadlines: super::super::LONG,
            spread: self.muster.spread,
        };
        load.run(progress).await
    }

    /// Puts the circuits into service at their old places.
    async fn provision(&self, from: u64, count: u64) -> Result<(), BenchError> {
        for layer in Layer::ALL {
            let edits = |n| in_service(layer, &synthetic::spread(n, super::super::LONG, self.muster.spread));
            let all: Vec<_> = (from..from + count).map(edits).collect();
            for edits in all.chunks(PROVISION_BATCH) {
                self.memory.edit(layer, edits.to_vec()).await?;
            }
        }
        Ok(())
    }

    /// The process that drives, and its store.
    pub(super) fn driver(&self) -> Option<(&App, Arc<Postgres>)> {
        Some((self.driver.as_ref()?, Arc::clone(self.stores.last()?)))
    }

    /// Transactions done so far.
    pub(super) fn transactions(&self) -> u64 {
        self.stores.iter().map(|store| store.stats().transactions).sum()
    }

    /// Lets everybody finish what is in hand and go.
    pub(super) async fn drain(self) {
        for app in self.apps.into_iter().chain(self.driver) {
            app.drain(self.drain).await;
        }
        for store in self.stores {
            store.close(true).await;
        }
    }
}
