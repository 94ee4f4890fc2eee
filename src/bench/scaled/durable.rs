//! The bare relay's state: one row, or what belongs to one step, for each message, by the store's own statements.

use std::collections::HashMap;

use rehome_bus::amqp::bare::{Durable, Taken};
use rehome_domain::{id::WorkOrderId, order::Layer, ports::Wait};
use rehome_store::postgres::{self, bare};

use super::super::{
    BenchError,
    script::{Act, Script},
    synthetic,
};

/// Writes what a station has taken.
pub(super) struct State {
    writer: bare::Writer,
    template: bare::Template,
    acts: Vec<Act>,
    run: u64,
}

impl State {
    pub(super) async fn open(options: &postgres::Options, script: Script) -> Result<Self, BenchError> {
        let template = bare::Template::new(script.steps)?;
        let writer = bare::Writer::open(options).await?;
        Ok(Self { writer, template, acts: script.acts, run: super::run_number() })
    }

    pub(super) async fn close(&self) {
        self.writer.close().await;
    }

    async fn all(&self, taken: &[Taken]) -> Result<(), BenchError> {
        let (mut steps, mut orders) = (Vec::new(), HashMap::<Layer, Vec<_>>::new());
        for Taken { relocation, hop } in taken {
            let relocation = synthetic::id(self.run, *relocation);
            match self.acts.get(*hop) {
                Some(Act::Step(step)) => steps.push((relocation, *step)),
                Some(Act::Conclude { layer, first, seq, report }) => {
                    let order = WorkOrderId { relocation, seq: *seq, index: 0 };
                    orders.entry(*layer).or_default().push((order, *first, report));
                }
                None => {}
            }
        }
        // A station takes either inputs or one layer's orders: this is one transaction.
        if !steps.is_empty() {
            self.writer.write(self.template.request(&steps)).await?;
        }
        for (layer, orders) in orders {
            self.writer.conclude(bare::Conclusions::new(layer, orders)?).await?;
        }
        Ok(())
    }
}

impl Durable for State {
    fn write(&self, taken: Vec<Taken>) -> Wait<'_, Result<(), String>> {
        Box::pin(async move { self.all(&taken).await.map_err(|error| error.to_string()) })
    }
}
