//! Fences: what the configurators remember of the orders they have begun and concluded.

use rehome_domain::{
    id::WorkOrderId,
    order::Layer,
    ports::{Admission, FenceStore, StoreError, Wait},
    reply::Report,
};
use rusqlite::{Connection, OptionalExtension, params};

use super::{
    Sqlite, rows,
    writer::{Shape, Write},
};

/// A layer's row of a ticket.
struct Fence {
    /// The highest fencing token begun.
    begun: u64,
    /// The order concluded last, by its sequence and index.
    concluded: Option<(u64, u8)>,
    /// Its report, as JSON.
    report: Option<String>,
}

fn fence(db: &Connection, layer: Layer, order: WorkOrderId) -> rusqlite::Result<Option<Fence>> {
    db.prepare_cached(
        "SELECT begun, concluded_seq, concluded_index, report FROM fence WHERE relocation = ?1 AND layer = ?2",
    )?
    .query_row(params![rows::key(order.relocation), layer.wire()], |row| {
        let seq: Option<i64> = row.get(1)?;
        let index: Option<u8> = row.get(2)?;
        Ok(Fence {
            begun: row.get::<_, i64>(0)?.cast_unsigned(),
            concluded: seq.map(i64::cast_unsigned).zip(index),
            report: row.get(3)?,
        })
    })
    .optional()
}

/// Asks for an order to be begun.
pub(super) struct Admit {
    pub(super) layer: Layer,
    pub(super) order: WorkOrderId,
}

/// An [`Admission`] whose report is still text.
pub(super) enum Admitted {
    Go(Option<(WorkOrderId, String)>),
    Concluded(String),
    Superseded { by: u64 },
}

impl Write for Admit {
    type Answer = Admitted;
    const WHAT: &'static str = "admitting an order";

    fn execute(&self, db: &Connection) -> rusqlite::Result<Admitted> {
        let Self { layer, order } = *self;
        let fence = fence(db, layer, order)?;
        let begun = fence.as_ref().map(|fence| fence.begun);
        let last = fence.and_then(|fence| {
            let (seq, index) = fence.concluded?;
            Some((WorkOrderId { relocation: order.relocation, seq, index }, fence.report?))
        });
        match (begun, last) {
            (_, Some((concluded, report))) if concluded == order => Ok(Admitted::Concluded(report)),
            (Some(begun), _) if begun > order.seq => Ok(Admitted::Superseded { by: begun }),
            (begun, last) => {
                if begun != Some(order.seq) {
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
                Ok(Admitted::Go(last))
            }
        }
    }

    fn shape(&self, shape: &mut Shape) {
        shape.admits += 1;
    }
}

/// Remembers an order's report.
pub(super) struct Conclude {
    layer: Layer,
    order: WorkOrderId,
    report: String,
}

impl Conclude {
    pub(super) fn new(layer: Layer, order: WorkOrderId, report: &Report) -> Result<Self, StoreError> {
        Ok(Self { layer, order, report: rows::json(report)? })
    }
}

impl Write for Conclude {
    type Answer = bool;
    const WHAT: &'static str = "concluding an order";

    fn execute(&self, db: &Connection) -> rusqlite::Result<bool> {
        let Self { layer, order, report } = self;
        if fence(db, *layer, *order)?.is_some_and(|fence| fence.begun > order.seq) {
            return Ok(false);
        }
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
        Ok(true)
    }

    fn shape(&self, shape: &mut Shape) {
        shape.concludes += 1;
    }
}

impl FenceStore for Sqlite {
    fn admit(&self, layer: Layer, order: WorkOrderId) -> Wait<'_, Result<Admission, StoreError>> {
        Box::pin(async move {
            let report = |text: String| rows::from_json("reading a concluded report", &text);
            Ok(match self.write(Admit { layer, order }).await? {
                Admitted::Go(last) => {
                    let last = last.map(|(order, text)| report(text).map(|report| (order, report)));
                    Admission::Go { last: last.transpose()? }
                }
                Admitted::Concluded(text) => Admission::Concluded(report(text)?),
                Admitted::Superseded { by } => Admission::Superseded { by },
            })
        })
    }

    fn conclude(
        &self,
        layer: Layer,
        order: WorkOrderId,
        report: Report,
    ) -> Wait<'_, Result<bool, StoreError>> {
        Box::pin(async move { self.write(Conclude::new(layer, order, &report)?).await })
    }
}
