//! Fences: what the configurators remember of the orders they have begun and concluded, and who is at them.

use std::collections::{BTreeMap, HashMap, HashSet};

use futures::join;
use rehome_domain::{
    id::{RelocationId, WorkOrderId},
    order::Layer,
    ports::{Admission, Conclusion, FenceStore, Part, StoreError, Wait},
    reply::Report,
};
use tokio_postgres::Row;
use uuid::Uuid;

use super::{Postgres, session::Session, trouble::Trouble, writer::Grouped};
use crate::{
    fence::{Admitted, Concluded, Fence, Hold},
    rows,
};

/// A question to a fence.
pub(super) struct Ask {
    layer: Layer,
    order: WorkOrderId,
    /// The process that asks.
    me: Uuid,
    /// Whether a holder that has not said lately that it is alive may be taken for dead.
    may_take_over: bool,
    question: Question,
}

enum Question {
    Admit(Part),
    /// The report, as JSON.
    Conclude(Part, String),
    LetGo,
}

/// What a fence answers.
#[derive(Debug)]
pub(super) enum Said {
    Admitted(Admitted),
    Concluded(Concluded),
    LetGo,
}

/// A fence's key. Sorted as the database sorts it.
type Key = (Uuid, &'static str);

impl Ask {
    fn key(&self) -> Key {
        (self.order.relocation.0, self.layer.wire())
    }

    fn decide(&self, fence: &mut Fence) -> Said {
        match &self.question {
            Question::Admit(part) => Said::Admitted(fence.admit(self.order, *part, self.me)),
            Question::Conclude(part, report) => {
                Said::Concluded(fence.conclude(self.order, *part, report, self.me))
            }
            Question::LetGo => {
                fence.let_go(self.order, self.me);
                Said::LetGo
            }
        }
    }
}

const LOCK: &str = "SELECT fence.relocation, fence.layer, begun, concluded_seq, concluded_index, report,
        holder, held_seq
    FROM fence JOIN unnest($1::uuid[], $2::text[]) AS asked (relocation, layer)
        ON fence.relocation = asked.relocation AND fence.layer = asked.layer
    ORDER BY fence.relocation, fence.layer FOR UPDATE OF fence";

/// A statement of its own behind the locks: joined to it, whoever waited for a lock would see the new fence with the
/// old holder's process, or none.
const ALIVE: &str = "SELECT id FROM process WHERE $1 OR alive_until > clock_timestamp()";

/// The guard is for those who would not lock: a fence never goes back.
const UPDATE: &str =
    "UPDATE fence SET begun = new.begun, concluded_seq = new.seq, concluded_index = new.index,
        report = new.report, holder = new.holder, held_seq = new.held_seq
    FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::bigint[], $5::smallint[], $6::text[], $7::uuid[],
            $8::bigint[])
        AS new (relocation, layer, begun, seq, index, report, holder, held_seq)
    WHERE fence.relocation = new.relocation AND fence.layer = new.layer AND fence.begun <= new.begun";

/// Another process may have begun the same in the meantime: then the primary key says so.
const INSERT: &str =
    "INSERT INTO fence (relocation, layer, begun, concluded_seq, concluded_index, report, holder,
        held_seq)
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::bigint[], $5::smallint[], $6::text[],
        $7::uuid[], $8::bigint[])";

impl Grouped for Ask {
    type Answer = Said;
    const WHAT: &'static str = "asking a fence";
    /// An order begun twice has begun, a report remembered twice is remembered, and what was let go is free.
    const REPEATABLE: bool = true;

    async fn together(asked: &[Self], session: &Session) -> Result<Vec<Said>, Trouble> {
        let [lock, alive, update, insert] = &session.prepare([LOCK, ALIVE, UPDATE, INSERT]).await?;
        let mut fences: BTreeMap<Key, Fence> =
            asked.iter().map(|ask| (ask.key(), Fence::default())).collect();
        let (relocations, layers): (Vec<_>, Vec<_>) = fences.keys().copied().unzip();
        let everybody = asked.iter().any(|ask| !ask.may_take_over);
        let (begun, found, alive) = join!(
            session.begin(),
            session.query(lock, vec![&relocations, &layers]),
            session.query(alive, vec![&everybody])
        );
        begun?;
        let mut found = found?.iter().map(fence).collect::<Result<HashMap<_, _>, _>>()?;
        let alive = alive?.iter().map(|row| row.try_get(0)).collect::<Result<HashSet<Uuid>, _>>()?;
        for fence in found.values_mut() {
            fence.held.take_if(|held| !alive.contains(&held.by));
        }
        for ((relocation, layer), fence) in &mut fences {
            if let Some(found) = found.get(&(*relocation, (*layer).to_owned())) {
                fence.clone_from(found);
            }
        }

        let said = asked.iter().map(|ask| ask.decide(fences.entry(ask.key()).or_default())).collect();

        let (mut updated, mut inserted) = (Columns::default(), Columns::default());
        for ((relocation, layer), fence) in &fences {
            match found.get(&(*relocation, (*layer).to_owned())) {
                Some(found) if found == fence => {}
                Some(_) => updated.push(*relocation, layer, fence),
                None => inserted.push(*relocation, layer, fence),
            }
        }
        let writes = [(&updated, update), (&inserted, insert)];
        let writes = writes.into_iter().filter(|(columns, _)| !columns.relocations.is_empty());
        session
            .finish(writes.map(|(columns, statement)| session.execute(statement, columns.params())).collect())
            .await?;
        Ok(said)
    }
}

fn fence(row: &Row) -> Result<((Uuid, String), Fence), Trouble> {
    let relocation: Uuid = row.try_get(0)?;
    let begun: i64 = row.try_get(2)?;
    let (seq, index): (Option<i64>, Option<i16>) = (row.try_get(3)?, row.try_get(4)?);
    let concluded = seq.zip(index).and_then(|(seq, index)| {
        let index = u8::try_from(index).ok()?;
        Some(WorkOrderId { relocation: RelocationId(relocation), seq: seq.cast_unsigned(), index })
    });
    let (holder, held): (Option<Uuid>, Option<i64>) = (row.try_get(6)?, row.try_get(7)?);
    let held = holder.zip(held).map(|(by, seq)| Hold { by, seq: seq.cast_unsigned() });
    let fence = Fence { begun: Some(begun.cast_unsigned()), last: concluded.zip(row.try_get(5)?), held };
    Ok(((relocation, row.try_get(1)?), fence))
}

/// Rows of fences, column by column.
#[derive(Default)]
struct Columns<'a> {
    relocations: Vec<Uuid>,
    layers: Vec<&'a str>,
    begun: Vec<i64>,
    seqs: Vec<Option<i64>>,
    indexes: Vec<Option<i16>>,
    reports: Vec<Option<&'a str>>,
    holders: Vec<Option<Uuid>>,
    held: Vec<Option<i64>>,
}

impl<'a> Columns<'a> {
    fn push(&mut self, relocation: Uuid, layer: &'a str, fence: &'a Fence) {
        // A fence without a token has not been decided over: nothing has begun.
        let Some(begun) = fence.begun else { return };
        let last = fence.last.as_ref();
        self.relocations.push(relocation);
        self.layers.push(layer);
        self.begun.push(begun.cast_signed());
        self.seqs.push(last.map(|(order, _)| order.seq.cast_signed()));
        self.indexes.push(last.map(|(order, _)| i16::from(order.index)));
        self.reports.push(last.map(|(_, report)| report.as_str()));
        self.holders.push(fence.held.map(|held| held.by));
        self.held.push(fence.held.map(|held| held.seq.cast_signed()));
    }

    fn params(&self) -> Vec<&(dyn tokio_postgres::types::ToSql + Sync)> {
        vec![
            &self.relocations,
            &self.layers,
            &self.begun,
            &self.seqs,
            &self.indexes,
            &self.reports,
            &self.holders,
            &self.held,
        ]
    }
}

/// The rows of fences alone, with nothing locked, read or decided before: each is a relocation's first at its layer, or
/// not. For [`super::bare`].
pub(super) async fn conclude_barely<'a>(
    rows: impl Iterator<Item = (Uuid, Layer, bool, &'a Fence)>,
    session: &Session,
) -> Result<(), Trouble> {
    let [update, insert] = &session.prepare([UPDATE, INSERT]).await?;
    let (mut updated, mut inserted) = (Columns::default(), Columns::default());
    for (relocation, layer, first, fence) in rows {
        let columns = if first { &mut inserted } else { &mut updated };
        columns.push(relocation, layer.wire(), fence);
    }
    let writes = [(&updated, update), (&inserted, insert)];
    let writes = writes.into_iter().filter(|(columns, _)| !columns.relocations.is_empty());
    let writes = writes.map(|(columns, statement)| session.execute(statement, columns.params())).collect();
    let (begun, written) = join!(session.begin(), session.finish(writes));
    begun?;
    written
}

impl Postgres {
    async fn ask(&self, layer: Layer, order: WorkOrderId, question: Question) -> Result<Said, StoreError> {
        let (me, may_take_over) = (self.presence.id(), self.presence.may_take_over());
        let ask = Ask { layer, order, me, may_take_over, question };
        self.group(|writers| &writers.fences, ask).await
    }
}

/// A fence that answers something else than it was asked.
fn misheard<T>(said: &Said) -> Result<T, StoreError> {
    Err(StoreError::Failed { what: Ask::WHAT, detail: format!("the answer was {said:?}") })
}

impl FenceStore for Postgres {
    fn admit(&self, layer: Layer, order: WorkOrderId, part: Part) -> Wait<'_, Result<Admission, StoreError>> {
        Box::pin(async move {
            if *self.closed.read().await {
                return Err(StoreError::Closed);
            }
            // Whoever holds something must be known to be alive.
            self.presence.show(&self.db).await?;
            match self.ask(layer, order, Question::Admit(part)).await? {
                Said::Admitted(admitted) => admitted.read(),
                other => misheard(&other),
            }
        })
    }

    fn conclude(
        &self,
        layer: Layer,
        order: WorkOrderId,
        part: Part,
        report: Report,
    ) -> Wait<'_, Result<Conclusion, StoreError>> {
        Box::pin(async move {
            match self.ask(layer, order, Question::Conclude(part, rows::json(&report)?)).await? {
                Said::Concluded(concluded) => concluded.read(),
                other => misheard(&other),
            }
        })
    }

    fn let_go(&self, layer: Layer, order: WorkOrderId) -> Wait<'_, Result<(), StoreError>> {
        Box::pin(async move {
            match self.ask(layer, order, Question::LetGo).await? {
                Said::LetGo => Ok(()),
                other => misheard(&other),
            }
        })
    }
}
