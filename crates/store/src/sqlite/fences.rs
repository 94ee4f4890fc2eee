//! Fences: what the configurators remember of the orders they have begun and concluded.

use rehome_domain::{
    id::WorkOrderId,
    order::Layer,
    ports::{Admission, Conclusion, FenceStore, Part, StoreError, Wait},
    reply::Report,
};
use rusqlite::{Connection, OptionalExtension, params};
use uuid::Uuid;

use super::{
    Sqlite,
    writer::{Shape, Write},
};
use crate::{
    fence::{Admitted, Concluded, Fence},
    rows,
};

fn fence(db: &Connection, layer: Layer, order: WorkOrderId) -> rusqlite::Result<Fence> {
    let row = db
        .prepare_cached(
            "SELECT begun, concluded_seq, concluded_index, report FROM fence
             WHERE relocation = ?1 AND layer = ?2",
        )?
        .query_row(params![rows::key(order.relocation), layer.wire()], |row| {
            let (seq, index): (Option<i64>, Option<u8>) = (row.get(1)?, row.get(2)?);
            let concluded = seq.zip(index).map(|(seq, index)| WorkOrderId {
                relocation: order.relocation,
                seq: seq.cast_unsigned(),
                index,
            });
            let begun = Some(row.get::<_, i64>(0)?.cast_unsigned());
            Ok(Fence { begun, last: concluded.zip(row.get(3)?), held: None })
        })
        .optional()?;
    Ok(row.unwrap_or_default())
}

/// The one process that has the database: nobody else can hold anything, so nothing is written of who does.
const ALONE: Uuid = Uuid::nil();

/// Asks for an order to be begun.
pub(super) struct Admit {
    pub(super) layer: Layer,
    pub(super) order: WorkOrderId,
    pub(super) part: Part,
}

impl Write for Admit {
    type Answer = Admitted;
    const WHAT: &'static str = "admitting an order";

    fn execute(&self, db: &Connection) -> rusqlite::Result<Admitted> {
        let Self { layer, order, part } = *self;
        let mut fence = fence(db, layer, order)?;
        let before = fence.begun;
        let admitted = fence.admit(order, part, ALONE);
        if fence.begun != before {
            db.prepare_cached(
                "INSERT INTO fence (relocation, layer, begun) VALUES (?1, ?2, ?3)
                 ON CONFLICT DO UPDATE SET begun = excluded.begun",
            )?
            .execute(params![
                rows::key(order.relocation),
                layer.wire(),
                order.seq.cast_signed()
            ])?;
        }
        Ok(admitted)
    }

    fn shape(&self, shape: &mut Shape) {
        shape.admits += 1;
    }
}

/// Remembers an order's report.
pub(super) struct Conclude {
    layer: Layer,
    order: WorkOrderId,
    part: Part,
    report: String,
}

impl Conclude {
    pub(super) fn new(
        layer: Layer,
        order: WorkOrderId,
        part: Part,
        report: &Report,
    ) -> Result<Self, StoreError> {
        Ok(Self { layer, order, part, report: rows::json(report)? })
    }
}

impl Write for Conclude {
    type Answer = Concluded;
    const WHAT: &'static str = "concluding an order";

    fn execute(&self, db: &Connection) -> rusqlite::Result<Concluded> {
        let Self { layer, order, part, report } = self;
        let said = fence(db, *layer, *order)?.conclude(*order, *part, report, ALONE);
        if said == Concluded::Remembered {
            db.prepare_cached(
                "INSERT INTO fence (relocation, layer, begun, concluded_seq, concluded_index, report)
                 VALUES (?1, ?2, ?3, ?3, ?4, ?5)
                 ON CONFLICT DO UPDATE SET begun = excluded.begun, concluded_seq = excluded.concluded_seq,
                     concluded_index = excluded.concluded_index, report = excluded.report",
            )?
            .execute(params![
                rows::key(order.relocation),
                layer.wire(),
                order.seq.cast_signed(),
                order.index,
                report
            ])?;
        }
        Ok(said)
    }

    fn shape(&self, shape: &mut Shape) {
        shape.concludes += 1;
    }
}

impl FenceStore for Sqlite {
    fn admit(&self, layer: Layer, order: WorkOrderId, part: Part) -> Wait<'_, Result<Admission, StoreError>> {
        Box::pin(async move { self.write(Admit { layer, order, part }).await?.read() })
    }

    fn conclude(
        &self,
        layer: Layer,
        order: WorkOrderId,
        part: Part,
        report: Report,
    ) -> Wait<'_, Result<Conclusion, StoreError>> {
        Box::pin(async move { self.write(Conclude::new(layer, order, part, &report)?).await?.read() })
    }

    fn let_go(&self, _layer: Layer, _order: WorkOrderId) -> Wait<'_, Result<(), StoreError>> {
        Box::pin(async { Ok(()) })
    }
}
