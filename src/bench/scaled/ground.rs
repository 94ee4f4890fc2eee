//! A bench's own ground on broker and database: names that nobody else has, taken away afterwards.

use rehome_bus::amqp;
use rehome_store::postgres;
use uuid::Uuid;

use super::super::BenchError;
use crate::{
    app::{Roles, amqp_options, postgres_options},
    settings::{BusKind, Settings, StoreKind},
};

/// What a bench measures, each over queues and tables of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::bench) enum Part {
    /// The system.
    Whole,
    /// The bare relay.
    Relay,
    /// The bare relay with a state.
    Durable,
}

impl Part {
    const ALL: [Self; 3] = [Self::Whole, Self::Relay, Self::Durable];

    const fn word(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Relay => "relay",
            Self::Durable => "durable",
        }
    }
}

/// Names under which everything of a bench stands.
pub(in crate::bench) struct Ground {
    settings: Settings,
    name: Uuid,
    /// The whole system's tables, where they are to be kept.
    kept: Option<String>,
}

impl Ground {
    /// On the broker and the database that the settings name.
    pub(in crate::bench) fn new(settings: &Settings) -> Result<Self, BenchError> {
        let mut settings = settings.clone();
        settings.bus.kind = BusKind::Amqp;
        settings.store.kind = StoreKind::Postgres;
        settings.deadlines = super::super::LONG;
        // Who drives is believed to be the person it says.
        let us = amqp_options(&settings, Roles::NONE).name_at_broker()?;
        settings.access.relays.push(us);
        Ok(Self { settings, name: Uuid::now_v7(), kept: None })
    }

    /// The same, with the whole system's tables in a schema that is kept.
    pub(in crate::bench) fn keeping(self, schema: Option<String>) -> Self {
        Self { kept: schema, ..self }
    }

    /// The settings of a part's processes.
    pub(in crate::bench) fn settings(&self, part: Part) -> Settings {
        let mut settings = self.settings.clone();
        settings.amqp.prefix = format!("rehome-bench-{}-{}", self.name.simple(), part.word());
        settings
    }

    /// A part's exchanges and queues.
    pub(in crate::bench) fn amqp(&self, part: Part) -> amqp::Options {
        amqp_options(&self.settings(part), Roles::ALL)
    }

    /// A part's tables.
    pub(in crate::bench) fn postgres(&self, part: Part) -> postgres::Options {
        let own = || format!("rehome_bench_{}_{}", self.name.simple(), part.word());
        let schema = self.kept_of(part).cloned().unwrap_or_else(own);
        postgres::Options { schema: Some(schema), ..postgres_options(&self.settings) }
    }

    fn kept_of(&self, part: Part) -> Option<&String> {
        self.kept.as_ref().filter(|_| part == Part::Whole)
    }

    /// Takes all of it away but what is kept, as far as it goes; answers the first thing that did not.
    pub(in crate::bench) async fn clear(&self) -> Result<(), BenchError> {
        let mut failed = None;
        for part in Part::ALL {
            let queues = amqp::remove(&self.amqp(part)).await.map_err(BenchError::from);
            failed = failed.or(queues.err());
            if self.kept_of(part).is_none() {
                let tables = postgres::remove_schema(&self.postgres(part)).await.map_err(BenchError::from);
                failed = failed.or(tables.err());
            }
        }
        failed.map_or(Ok(()), Err)
    }
}
