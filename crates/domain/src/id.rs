//! Ids. All are inputs or derived from inputs: nothing here draws a random number.

use std::{borrow::Cow, fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

/// Names one relocation (one ticket), on the bus as `correlation_id`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct RelocationId(pub Uuid);

impl fmt::Display for RelocationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for RelocationId {
    type Err = uuid::Error;

    fn from_str(given: &str) -> Result<Self, uuid::Error> {
        given.parse().map(Self)
    }
}

/// Named by its bytes: what the ids of submissions with a key are made in.
const SUBMISSIONS: Uuid = Uuid::from_u128(0x7265_686f_6d65_4000_8000_6b65_7973_0001);

impl RelocationId {
    /// The relocation that a caller submits under a key of its own. The same key is the same relocation, so that the
    /// ticket itself remembers what was submitted under it; the keys of two callers never meet.
    #[must_use]
    pub fn keyed(caller: &str, key: &str) -> Self {
        // The length in front: no caller's name can run into a key.
        let name = format!("{}:{caller}{key}", caller.len());
        Self(Uuid::new_v5(&SUBMISSIONS, name.as_bytes()))
    }
}

/// Names one message. Whoever sends a message twice gives it the same id, and it counts once.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct MessageId(pub String);

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Names a work order by the journal entry that sent it, so that a resend is the same message and the
/// order's place in its ticket's history (its fencing token) can be read off the id.
///
/// Written as `relocation:seq:index`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct WorkOrderId {
    /// The ticket.
    pub relocation: RelocationId,
    /// The sequence of the journal entry that sent it: also the fencing token.
    pub seq: u64,
    /// Which of the entry's messages it is.
    pub index: u8,
}

impl WorkOrderId {
    /// The id of the message that answers this order; `what` tells apart the several answers an order may have.
    #[must_use]
    pub fn answer(self, what: &str) -> MessageId {
        MessageId(format!("{self}:{what}"))
    }
}

impl fmt::Display for WorkOrderId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.relocation, self.seq, self.index)
    }
}

/// A text that is not a work order's id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a work order id, expected `<relocation uuid>:<seq>:<index>`")]
pub struct BadWorkOrderId(pub String);

impl FromStr for WorkOrderId {
    type Err = BadWorkOrderId;

    fn from_str(given: &str) -> Result<Self, BadWorkOrderId> {
        let bad = || BadWorkOrderId(given.to_owned());
        let mut parts = given.split(':');
        let (Some(relocation), Some(seq), Some(index), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(bad());
        };
        Ok(Self {
            relocation: relocation.parse().map_err(|_| bad())?,
            seq: seq.parse().map_err(|_| bad())?,
            index: index.parse().map_err(|_| bad())?,
        })
    }
}

impl Serialize for WorkOrderId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for WorkOrderId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for WorkOrderId {
    fn schema_name() -> Cow<'static, str> {
        "WorkOrderId".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "Names a work order: `relocation:seq:index`. `relocation` is the ticket's id, `seq` (from 1, \
                growing with the ticket) is the fencing token, `index` tells apart orders sent together.",
            "type": "string",
            "pattern": "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}:[0-9]+:[0-9]+$",
        })
    }
}
