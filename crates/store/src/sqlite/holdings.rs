//! What simulated devices hold.

use rehome_domain::{
    order::Layer,
    ports::{DeviceMemory, Edit, Holding, StoreError, Wait},
    request::Spot,
};
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::{
    Sqlite,
    writer::{Shape, Write},
};
use crate::rows::{self, EditRow};

/// What a spot holds, as JSON.
fn body(db: &Connection, layer: Layer, spot: &Spot) -> rusqlite::Result<Option<String>> {
    db.prepare_cached(
        "SELECT body FROM holding
         WHERE layer = ?1 AND device = ?2 AND port = ?3 AND vlan = ?4 AND inner_vlan = ?5",
    )?
    .query_row(params![layer.wire(), spot.device, spot.port, spot.vlan, inner(spot)], |row| row.get(0))
    .optional()
}

/// The inner tag as it stands in a key.
fn inner(spot: &Spot) -> u16 {
    spot.inner_vlan.unwrap_or(0)
}

fn put(db: &Connection, layer: Layer, spot: &Spot, body: &str) -> rusqlite::Result<usize> {
    db.prepare_cached(
        "INSERT INTO holding (layer, device, port, vlan, inner_vlan, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT DO UPDATE SET body = excluded.body",
    )?
    .execute(params![layer.wire(), spot.device, spot.port, spot.vlan, inner(spot), body])
}

fn clear(db: &Connection, layer: Layer, spot: &Spot) -> rusqlite::Result<usize> {
    db.prepare_cached(
        "DELETE FROM holding WHERE layer = ?1 AND device = ?2 AND port = ?3 AND vlan = ?4 AND inner_vlan = ?5",
    )?
    .execute(params![layer.wire(), spot.device, spot.port, spot.vlan, inner(spot)])
}

/// Edits to be made all or none.
pub(super) struct EditAll {
    layer: Layer,
    edits: Vec<EditRow>,
}

impl EditAll {
    pub(super) fn new(layer: Layer, edits: Vec<Edit>) -> Result<Self, StoreError> {
        Ok(Self { layer, edits: edits.into_iter().map(EditRow::new).collect::<Result<_, _>>()? })
    }
}

impl Write for EditAll {
    type Answer = bool;
    const WHAT: &'static str = "editing device memory";

    fn execute(&self, db: &Connection) -> rusqlite::Result<bool> {
        for edit in &self.edits {
            if !edit.expects(body(db, self.layer, edit.spot())?.as_deref()) {
                return Ok(false);
            }
        }
        for edit in &self.edits {
            match edit.put() {
                Some(body) => put(db, self.layer, edit.spot(), body)?,
                None => clear(db, self.layer, edit.spot())?,
            };
        }
        Ok(true)
    }

    fn shape(&self, shape: &mut Shape) {
        shape.edits += u32::try_from(self.edits.len()).unwrap_or(u32::MAX);
    }
}

fn spot(row: &Row<'_>) -> rusqlite::Result<Spot> {
    let inner: u16 = row.get(3)?;
    Ok(Spot {
        device: row.get(0)?,
        port: row.get(1)?,
        vlan: row.get(2)?,
        inner_vlan: (inner != 0).then_some(inner),
    })
}

impl DeviceMemory for Sqlite {
    fn look(&self, layer: Layer, spots: Vec<Spot>) -> Wait<'_, Result<Vec<Option<Holding>>, StoreError>> {
        const WHAT: &str = "looking into device memory";
        Box::pin(async move {
            let read = move |db: &Connection| {
                spots.iter().map(|spot| body(db, layer, spot)).collect::<Result<Vec<_>, _>>()
            };
            let bodies = self.read(WHAT, read).await?;
            bodies
                .iter()
                .map(|body| body.as_deref().map(|body| rows::from_json(WHAT, body)).transpose())
                .collect()
        })
    }

    fn edit(&self, layer: Layer, edits: Vec<Edit>) -> Wait<'_, Result<bool, StoreError>> {
        Box::pin(async move { self.write(EditAll::new(layer, edits)?).await })
    }

    fn all(&self, layer: Layer) -> Wait<'_, Result<Vec<(Spot, Holding)>, StoreError>> {
        const WHAT: &str = "reading device memory";
        Box::pin(async move {
            let read = move |db: &Connection| {
                db.prepare_cached(
                    "SELECT device, port, vlan, inner_vlan, body FROM holding WHERE layer = ?1
                     ORDER BY device, port, vlan, inner_vlan",
                )?
                .query_map([layer.wire()], |row| Ok((spot(row)?, row.get::<_, String>(4)?)))?
                .collect::<Result<Vec<_>, _>>()
            };
            let holdings = self.read(WHAT, read).await?;
            holdings.into_iter().map(|(spot, body)| Ok((spot, rows::from_json(WHAT, &body)?))).collect()
        })
    }
}
