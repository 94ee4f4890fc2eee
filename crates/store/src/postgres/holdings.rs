//! What simulated devices hold.

use std::collections::BTreeMap;

use futures::join;
use rehome_domain::{
    order::Layer,
    ports::{DeviceMemory, Edit, Holding, StoreError, Wait},
    request::Spot,
};
use tokio_postgres::{Row, types::ToSql};

use super::{Postgres, session::Session, trouble::Trouble, writer::Grouped};
use crate::rows::{self, EditRow};

/// Edits to be made all or none.
pub(super) struct EditAll {
    layer: Layer,
    edits: Vec<EditRow>,
}

impl EditAll {
    fn new(layer: Layer, edits: Vec<Edit>) -> Result<Self, StoreError> {
        Ok(Self { layer, edits: edits.into_iter().map(EditRow::new).collect::<Result<_, _>>()? })
    }

    /// Makes them in what is held, or leaves it as it is.
    fn make<'a>(&'a self, held: &mut BTreeMap<Key<'a>, Option<&'a str>>) -> bool {
        let there = |edit: &'a EditRow| held.get(&key(self.layer, edit.spot())).copied().flatten();
        if !self.edits.iter().all(|edit| edit.expects(there(edit))) {
            return false;
        }
        for edit in &self.edits {
            held.insert(key(self.layer, edit.spot()), edit.put());
        }
        true
    }
}

/// A spot's key. Sorted as the database sorts it.
type Key<'a> = (&'a str, &'a str, &'a str, i32, i32);

fn key(layer: Layer, spot: &Spot) -> Key<'_> {
    (layer.wire(), &spot.device, &spot.port, i32::from(spot.vlan), i32::from(spot.inner_vlan.unwrap_or(0)))
}

/// Keys, and perhaps what is held there, column by column.
#[derive(Default)]
struct Columns<'a> {
    layers: Vec<&'a str>,
    devices: Vec<&'a str>,
    ports: Vec<&'a str>,
    vlans: Vec<i32>,
    inner_vlans: Vec<i32>,
    bodies: Vec<&'a str>,
}

impl<'a> Columns<'a> {
    fn of(keys: impl IntoIterator<Item = Key<'a>>) -> Self {
        let mut columns = Self::default();
        for key in keys {
            columns.push(key, None);
        }
        columns
    }

    fn push(&mut self, (layer, device, port, vlan, inner_vlan): Key<'a>, body: Option<&'a str>) {
        self.layers.push(layer);
        self.devices.push(device);
        self.ports.push(port);
        self.vlans.push(vlan);
        self.inner_vlans.push(inner_vlan);
        self.bodies.extend(body);
    }

    fn keys(&self) -> Vec<&(dyn ToSql + Sync)> {
        vec![&self.layers, &self.devices, &self.ports, &self.vlans, &self.inner_vlans]
    }

    fn all(&self) -> Vec<&(dyn ToSql + Sync)> {
        let mut all = self.keys();
        all.push(&self.bodies);
        all
    }
}

/// Begins with the columns of a key.
const FOUND: &str =
    "SELECT holding.layer, holding.device, holding.port, holding.vlan, holding.inner_vlan, holding.body
    FROM holding JOIN unnest($1::text[], $2::text[], $3::text[], $4::integer[], $5::integer[])
        AS asked (layer, device, port, vlan, inner_vlan)
        ON (holding.layer, holding.device, holding.port, holding.vlan, holding.inner_vlan)
         = (asked.layer, asked.device, asked.port, asked.vlan, asked.inner_vlan)";

const ORDER_AND_LOCK: &str =
    "ORDER BY holding.layer, holding.device, holding.port, holding.vlan, holding.inner_vlan
    FOR UPDATE OF holding";

const UPDATE: &str = "UPDATE holding SET body = new.body
    FROM unnest($1::text[], $2::text[], $3::text[], $4::integer[], $5::integer[], $6::text[])
        AS new (layer, device, port, vlan, inner_vlan, body)
    WHERE (holding.layer, holding.device, holding.port, holding.vlan, holding.inner_vlan)
        = (new.layer, new.device, new.port, new.vlan, new.inner_vlan)";

/// Another process may have put something there in the meantime: then the primary key says so.
const INSERT: &str = "INSERT INTO holding (layer, device, port, vlan, inner_vlan, body)
    SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::integer[], $5::integer[], $6::text[])";

const DELETE: &str = "DELETE FROM holding
    USING unnest($1::text[], $2::text[], $3::text[], $4::integer[], $5::integer[])
        AS gone (layer, device, port, vlan, inner_vlan)
    WHERE (holding.layer, holding.device, holding.port, holding.vlan, holding.inner_vlan)
        = (gone.layer, gone.device, gone.port, gone.vlan, gone.inner_vlan)";

impl Grouped for EditAll {
    type Answer = bool;
    const WHAT: &'static str = "editing device memory";
    /// Made once, an edit finds something else than it expects.
    const REPEATABLE: bool = false;

    async fn together(requests: &[Self], session: &Session) -> Result<Vec<bool>, Trouble> {
        let lock = format!("{FOUND} {ORDER_AND_LOCK}");
        let [lock, update, insert, delete] =
            &session.prepare([lock.as_str(), UPDATE, INSERT, DELETE]).await?;
        let spots = requests.iter().flat_map(|all| all.edits.iter().map(|edit| key(all.layer, edit.spot())));
        let mut held: BTreeMap<Key<'_>, Option<&str>> = spots.map(|key| (key, None)).collect();
        let asked = Columns::of(held.keys().copied());
        let (begun, found) = join!(session.begin(), session.query(lock, asked.keys()));
        begun?;
        let found = found?.iter().map(Found::of).collect::<Result<Vec<_>, _>>()?;
        for found in &found {
            held.insert(found.key(), Some(&found.body));
        }
        let before = held.clone();

        let made = requests.iter().map(|request| request.make(&mut held)).collect();

        let (mut updated, mut inserted, mut deleted) =
            (Columns::default(), Columns::default(), Columns::default());
        for (key, now) in held {
            match (before.get(&key).copied().flatten(), now) {
                (Some(before), Some(now)) if before != now => updated.push(key, Some(now)),
                (None, Some(now)) => inserted.push(key, Some(now)),
                (Some(_), None) => deleted.push(key, None),
                _ => {}
            }
        }
        let mut writes = Vec::with_capacity(3);
        for (columns, statement) in [(&updated, update), (&inserted, insert)] {
            if !columns.layers.is_empty() {
                writes.push(session.execute(statement, columns.all()));
            }
        }
        if !deleted.layers.is_empty() {
            writes.push(session.execute(delete, deleted.keys()));
        }
        session.finish(writes).await?;
        Ok(made)
    }
}

/// A row.
struct Found {
    layer: String,
    device: String,
    port: String,
    vlan: i32,
    inner_vlan: i32,
    body: String,
}

impl Found {
    fn of(row: &Row) -> Result<Self, tokio_postgres::Error> {
        Ok(Self {
            layer: row.try_get(0)?,
            device: row.try_get(1)?,
            port: row.try_get(2)?,
            vlan: row.try_get(3)?,
            inner_vlan: row.try_get(4)?,
            body: row.try_get(5)?,
        })
    }

    fn key(&self) -> Key<'_> {
        (&self.layer, &self.device, &self.port, self.vlan, self.inner_vlan)
    }

    fn holding(&self, what: &'static str) -> Result<(Spot, Holding), StoreError> {
        let tag = |tag: i32| {
            let bad = |_| StoreError::Failed { what, detail: format!("{tag} is not a VLAN") };
            u16::try_from(tag).map_err(bad)
        };
        let inner = tag(self.inner_vlan)?;
        let spot = Spot {
            device: self.device.clone(),
            port: self.port.clone(),
            vlan: tag(self.vlan)?,
            inner_vlan: (inner != 0).then_some(inner),
        };
        Ok((spot, rows::from_json(what, &self.body)?))
    }
}

impl Postgres {
    async fn holdings(
        &self,
        what: &'static str,
        sql: &str,
        params: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Found>, StoreError> {
        let rows = self.db.read(what, sql, params).await?;
        rows.iter().map(|row| Found::of(row).map_err(|error| Trouble::from(error).failed(what))).collect()
    }
}

impl DeviceMemory for Postgres {
    fn look(&self, layer: Layer, spots: Vec<Spot>) -> Wait<'_, Result<Vec<Option<Holding>>, StoreError>> {
        const WHAT: &str = "looking into device memory";
        Box::pin(async move {
            let asked = Columns::of(spots.iter().map(|spot| key(layer, spot)));
            let found = self.holdings(WHAT, FOUND, &asked.keys()).await?;
            let found: BTreeMap<_, _> = found.iter().map(|found| (found.key(), found)).collect();
            let holding = |spot| {
                let found = found.get(&key(layer, spot));
                found.map(|found| rows::from_json(WHAT, &found.body)).transpose()
            };
            spots.iter().map(holding).collect()
        })
    }

    fn edit(&self, layer: Layer, edits: Vec<Edit>) -> Wait<'_, Result<bool, StoreError>> {
        Box::pin(async move { self.group(|writers| &writers.holdings, EditAll::new(layer, edits)?).await })
    }

    fn all(&self, layer: Layer) -> Wait<'_, Result<Vec<(Spot, Holding)>, StoreError>> {
        const WHAT: &str = "reading device memory";
        const ALL: &str = "SELECT layer, device, port, vlan, inner_vlan, body FROM holding WHERE layer = $1
            ORDER BY device, port, vlan, inner_vlan";
        Box::pin(async move {
            self.holdings(WHAT, ALL, &[&layer.wire()])
                .await?
                .iter()
                .map(|found| found.holding(WHAT))
                .collect()
        })
    }
}
