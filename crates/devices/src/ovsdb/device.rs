//! A switch: looks at ports and changes them.

use std::collections::{BTreeMap, BTreeSet};

use rehome_domain::{
    ports::{DriverError, Wait},
    reply::Reason,
    request::Spot,
};
use serde_json::{Value, json};

use super::{
    Options,
    client::{ClientError, Connection},
    port::{self, COLUMNS, Port},
    wire::{self, OperationError},
};
use crate::device::{Change, Device, Found, permanent, transient};

/// The database that is spoken to.
const DATABASE: &str = "Open_vSwitch";

/// One switch. Connects when it is first needed, and again when the connection broke.
#[derive(Debug)]
pub struct Switch {
    name: String,
    options: Options,
    connection: Option<Connection>,
    /// What was looked at last: what is changed then need not be read again, for each change is guarded by it.
    looked: Option<Ports>,
}

/// Ports as they were read in one transaction.
#[derive(Debug)]
struct Ports {
    /// Which were asked for.
    names: BTreeSet<String>,
    by_name: BTreeMap<String, Port>,
    /// What the switch can't open, and why.
    broken: BTreeMap<String, String>,
    next_cfg: i64,
    is_applied: bool,
}

impl Switch {
    /// A switch of this name.
    #[must_use]
    pub fn new(name: impl Into<String>, options: Options) -> Self {
        Self { name: name.into(), options, connection: None, looked: None }
    }

    /// Reads the ports of these spots, once the switch has applied what is in its database.
    async fn read(&mut self, spots: &[&Spot]) -> Result<Ports, DriverError> {
        let parking = self.options.parking_vlan;
        if let Some(spot) = spots.iter().find(|spot| spot.vlan == parking) {
            return Err(permanent(
                Reason::Rejected,
                format!(
                    "{spot}: VLAN {parking} is where {} keeps ports without service: correct the order, or \
                     `parking_vlan` of the device",
                    self.name
                ),
            ));
        }
        let names: BTreeSet<&str> = spots.iter().map(|spot| spot.port.as_str()).collect();
        let ports = self.select(&names, None).await?;
        if ports.is_applied { Ok(ports) } else { self.select(&names, Some(ports.next_cfg)).await }
    }

    /// Reads ports; after the switch has applied so much of its configuration, if that is asked for.
    async fn select(&mut self, names: &BTreeSet<&str>, applied: Option<i64>) -> Result<Ports, DriverError> {
        let (mut operations, mut longer_ms) = (Vec::new(), 0);
        if let Some(cfg) = applied {
            longer_ms = self.options.applied_ms;
            operations.push(json!({
                "op": "wait", "timeout": longer_ms, "table": DATABASE, "where": [["cur_cfg", ">=", cfg]],
                "columns": ["cur_cfg"], "until": "!=", "rows": [],
            }));
        }
        let skipped = operations.len();
        operations.push(
            json!({ "op": "select", "table": DATABASE, "where": [], "columns": ["cur_cfg", "next_cfg"] }),
        );
        operations
            .push(json!({ "op": "select", "table": "Bridge", "where": [], "columns": ["name", "ports"] }));
        for name in names {
            let columns = [&["_uuid"][..], &COLUMNS].concat();
            let of = |table: &str, columns: &[&str]| json!({ "op": "select", "table": table, "where": [["name", "==", name]], "columns": columns });
            operations.extend([of("Port", &columns), of("Interface", &["name", "error"])]);
        }
        let answer = self.ask_again(operations, longer_ms).await?;
        let answers = wire::answers(&answer).map_err(|error| match applied {
            Some(_) if error.error == "timed out" => self.not_applied(),
            _ => self.refused(&error),
        })?;
        self.ports(names, answers.get(skipped..).unwrap_or_default())
    }

    fn ports(&self, names: &BTreeSet<&str>, answers: &[Value]) -> Result<Ports, DriverError> {
        let cfg = |column| {
            let row = wire::rows(answers.first()).next();
            row.and_then(|row| wire::integer(row.get(column))).unwrap_or_default()
        };
        let bridge = &self.options.bridge;
        let mut bridges =
            wire::rows(answers.get(1)).filter_map(|row| Some((row.get("name")?.as_str()?, row)));
        let Some((_, row)) = bridges.find(|(name, _)| name == bridge) else {
            let text = format!("{} has no bridge `{bridge}`: correct `bridge` of the device", self.name);
            return Err(permanent(Reason::Rejected, text));
        };
        let members: BTreeSet<&str> =
            wire::set(row.get("ports")).into_iter().filter_map(|id| wire::uuid(Some(id))).collect();
        let (mut by_name, mut broken) = (BTreeMap::new(), BTreeMap::new());
        let name_of = |row: &wire::Row| row.get("name").and_then(Value::as_str).map(str::to_owned);
        for pair in answers.get(2..).unwrap_or_default().chunks(2) {
            let ports = wire::rows(pair.first()).filter_map(|row| Some((name_of(row)?, Port::read(row)?)));
            by_name.extend(ports.filter(|(_, port)| members.contains(port.id.as_str())));
            let error = |row: &wire::Row| Some(wire::set(row.get("error")).first()?.as_str()?.to_owned());
            broken.extend(wire::rows(pair.get(1)).filter_map(|row| Some((name_of(row)?, error(row)?))));
        }
        let (cur_cfg, next_cfg) = (cfg("cur_cfg"), cfg("next_cfg"));
        let names = names.iter().map(|name| (*name).to_owned()).collect();
        Ok(Ports { names, by_name, broken, next_cfg, is_applied: cur_cfg >= next_cfg })
    }

    async fn make(&mut self, changes: &[Change]) -> Result<(), DriverError> {
        let spots: Vec<&Spot> = changes.iter().map(|change| &change.spot).collect();
        let names: BTreeSet<&str> = spots.iter().map(|spot| spot.port.as_str()).collect();
        if names.len() < spots.len() {
            let text = format!("{}: two circuits want one port at once, try them one by one", self.name);
            return Err(transient(Reason::Conflict, text));
        }
        let is_of_these = |looked: &Ports| names.iter().all(|name| looked.names.contains(*name));
        let ports = match self.looked.take().filter(is_of_these) {
            Some(looked) => looked,
            None => self.read(&spots).await?,
        };
        let changed = self.guarded(changes, &ports)?;
        let answer = self.commit(changed).await?;
        let answers = wire::answers(&answer).map_err(|error| match error.error.as_str() {
            "timed out" => self.moved(),
            "not owner" => self.locked(),
            _ => self.refused(&error),
        })?;
        let next = answers.last().and_then(|answer| wire::rows(Some(answer)).next());
        let next = next.and_then(|row| wire::integer(row.get("next_cfg"))).unwrap_or_default();
        let after = self.select(&names, Some(next)).await?;
        let is_put = |change: &Change| {
            self.found(&after, &change.spot).as_ref() == change.put.clone().map(Found::from).as_ref()
        };
        if changes.iter().all(is_put) { Ok(()) } else { Err(self.moved()) }
    }

    /// The transaction that makes the changes, if everything is as it was found.
    fn guarded(&self, changes: &[Change], ports: &Ports) -> Result<Vec<Value>, DriverError> {
        let parking = self.options.parking_vlan;
        let (mut guards, mut updates) = (Vec::new(), Vec::new());
        for Change { spot, found, put } in changes {
            let Some(port) = ports.by_name.get(&spot.port) else {
                let text = format!("{spot}: bridge `{}` has no port `{}`", self.options.bridge, spot.port);
                return Err(permanent(Reason::Rejected, text));
            };
            if let Some(error) = ports.broken.get(&spot.port).filter(|_| put.is_some()) {
                let text = format!("{spot}: the switch can't use the port: {error}");
                return Err(permanent(Reason::Rejected, text));
            }
            if port.found(spot, parking) != *found {
                return Err(self.moved());
            }
            guards.push(port.guard());
            updates.push(port.update(spot, put.as_ref(), parking));
        }
        let comment = self.lines(changes).join("\n");
        let mut operations = vec![json!({ "op": "comment", "comment": format!("rehome: {comment}") })];
        operations.extend(self.options.lock.iter().map(|lock| json!({ "op": "assert", "lock": lock })));
        operations.extend(guards);
        operations.extend(updates);
        operations.extend([
            json!({ "op": "mutate", "table": DATABASE, "where": [], "mutations": [["next_cfg", "+=", 1]] }),
            json!({ "op": "select", "table": DATABASE, "where": [], "columns": ["next_cfg"] }),
        ]);
        Ok(operations)
    }

    /// Commits, with the lock if there is to be one.
    async fn commit(&mut self, operations: Vec<Value>) -> Result<Value, DriverError> {
        let Some(lock) = self.options.lock.clone() else { return self.transact(operations, 0).await };
        let locked = self.ask("lock", json!([lock]), 0).await?;
        let is_ours = locked.get("locked").and_then(Value::as_bool).unwrap_or_default();
        let answer = if is_ours { self.transact(operations, 0).await } else { Err(self.locked()) };
        if self.connection.as_ref().is_some_and(Connection::is_up) {
            // Else it went with the connection.
            self.ask("unlock", json!([lock]), 0).await?;
        }
        answer
    }

    /// The same as [`transact`](Self::transact), once more over a new connection if the one at hand turns out to be broken:
    /// for what changes nothing.
    async fn ask_again(&mut self, operations: Vec<Value>, longer_ms: u32) -> Result<Value, DriverError> {
        let was_up = self.connection.is_some();
        match self.transact(operations.clone(), longer_ms).await {
            Err(_) if was_up && self.connection.is_none() => self.transact(operations, longer_ms).await,
            answer => answer,
        }
    }

    async fn transact(&mut self, operations: Vec<Value>, longer_ms: u32) -> Result<Value, DriverError> {
        let mut params = vec![json!(DATABASE)];
        params.extend(operations);
        self.ask("transact", Value::Array(params), longer_ms).await
    }

    async fn ask(
        &mut self,
        method: &'static str,
        params: Value,
        longer_ms: u32,
    ) -> Result<Value, DriverError> {
        let answer = match self.connection.take().filter(Connection::is_up) {
            Some(connection) => Ok(connection),
            None => Connection::open(&self.options).await,
        };
        let connection = answer.map_err(|error| self.unreachable(&error))?;
        let answer = connection.ask(method, params, longer_ms).await;
        // After any error nobody knows what the next answer on this connection belongs to.
        let answer = answer.map_err(|error| self.unreachable(&error))?;
        self.connection = Some(connection);
        Ok(answer)
    }

    fn found(&self, ports: &Ports, spot: &Spot) -> Option<Found> {
        ports.by_name.get(&spot.port)?.found(spot, self.options.parking_vlan)
    }

    fn lines(&self, changes: &[Change]) -> Vec<String> {
        let line = |change: &Change| port::line(&change.spot, change.put.as_ref(), self.options.parking_vlan);
        changes.iter().map(line).collect()
    }

    fn unreachable(&self, error: &ClientError) -> DriverError {
        let text = format!("{} ({}): {error}", self.name, self.options.address);
        match error {
            ClientError::Untrusted(_) | ClientError::Setup(_) | ClientError::Foreign(_) => {
                permanent(Reason::Unreachable, text)
            }
            ClientError::Refused(_) => permanent(Reason::Rejected, text),
            ClientError::Connect(_) | ClientError::Dropped | ClientError::Silent { .. } => {
                transient(Reason::Unreachable, text)
            }
        }
    }

    /// The database has taken it, but what forwards has not.
    fn not_applied(&self) -> DriverError {
        let text = format!(
            "{}: what is in its database was not applied within {} ms: see whether its `ovs-vswitchd` runs",
            self.name, self.options.applied_ms
        );
        transient(Reason::Unreachable, text)
    }

    fn moved(&self) -> DriverError {
        let text = format!("{} was changed by somebody else between look and change", self.name);
        transient(Reason::Conflict, text)
    }

    fn locked(&self) -> DriverError {
        let lock = self.options.lock.as_deref().unwrap_or_default();
        transient(Reason::Locked, format!("{}: somebody else holds the lock `{lock}`", self.name))
    }

    fn refused(&self, error: &OperationError) -> DriverError {
        permanent(Reason::Rejected, format!("{} refused: {error}", self.name))
    }
}

impl Device for Switch {
    fn look<'a>(&'a mut self, spots: &'a [Spot]) -> Wait<'a, Result<Vec<Option<Found>>, DriverError>> {
        Box::pin(async move {
            let ports = self.read(&spots.iter().collect::<Vec<_>>()).await?;
            let found = spots.iter().map(|spot| self.found(&ports, spot)).collect();
            self.looked = Some(ports);
            Ok(found)
        })
    }

    fn change<'a>(&'a mut self, changes: &'a [Change]) -> Wait<'a, Result<(), DriverError>> {
        Box::pin(self.make(changes))
    }

    fn preview(&self, changes: &[Change]) -> Vec<String> {
        self.lines(changes)
    }
}
