//! What a driver makes of one device: it looks at spots and changes them. Everything else (what an operation means, whose
//! a spot is, what is refused) is in [`Session`](crate::session::Session) and the circuit, once for all drivers.

use rehome_domain::{
    id::RelocationId,
    ports::{DriverError, Holding, Wait},
    reply::{Failure, Presence, Reason},
    request::Spot,
};

/// Whose a spot is, as a device remembers it: a real one in the description or in what it keeps for other systems.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// The circuit.
    pub service_id: String,
    /// The relocation that put it there; none if it was there before.
    pub relocation: Option<RelocationId>,
}

/// What is at a spot of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Reserved, half there, or in service; never absent.
    pub presence: Presence,
    /// Whose it is; none if it bears no mark of ours, because it was put there by hand or by another system.
    pub mark: Option<Mark>,
    /// The description, without the mark.
    pub description: String,
    /// The gateway address with its prefix length, on gateways.
    pub ip: Option<String>,
    /// The VRF, on gateways.
    pub vrf: Option<String>,
}

impl From<Holding> for Found {
    fn from(holding: Holding) -> Self {
        let mark = Mark { service_id: holding.service_id, relocation: holding.relocation };
        Self {
            presence: holding.presence,
            mark: Some(mark),
            description: holding.description,
            ip: holding.ip,
            vrf: holding.vrf,
        }
    }
}

/// A change of one spot: compare and set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Where.
    pub spot: Spot,
    /// What was found there, and must still be.
    pub found: Option<Found>,
    /// What is there afterwards.
    pub put: Option<Holding>,
}

/// One device, over whichever protocol it speaks. Remembers nothing about circuits: the truth is on the device.
pub trait Device: Send {
    /// What is at these spots now, in their order. Asks the device each time.
    ///
    /// # Errors
    /// Transient if the device can't be asked just now.
    fn look<'a>(&'a mut self, spots: &'a [Spot]) -> Wait<'a, Result<Vec<Option<Found>>, DriverError>>;

    /// Makes all changes or none, in one transaction of the device. When it resolves without an error, the device has been
    /// read back and holds what was to be put.
    ///
    /// # Errors
    /// [`Reason::Conflict`], transient, if something else than what was found is there by now: look again. Transient too
    /// if the device went away or somebody held its lock, whether or not the changes took effect: doing it again is
    /// harmless. Permanent, in the device's own words, if it refused.
    fn change<'a>(&'a mut self, changes: &'a [Change]) -> Wait<'a, Result<(), DriverError>>;

    /// The same, and the device takes it back by itself unless it is [confirmed](Self::confirm) in time. Final at once, where the
    /// device can't do that.
    ///
    /// # Errors
    /// The same as [`change`](Self::change).
    fn hold<'a>(&'a mut self, changes: &'a [Change], by: RelocationId) -> Wait<'a, Result<(), DriverError>> {
        let _ = by;
        self.change(changes)
    }

    /// Lets stand what the device [holds](Self::hold) for this relocation. Nothing, where it holds nothing. Afterwards it holds
    /// nothing: whether the change is there then says whether it stands.
    ///
    /// # Errors
    /// Transient if the device can't be asked just now.
    fn confirm(&mut self, by: RelocationId) -> Wait<'_, Result<(), DriverError>> {
        let _ = by;
        Box::pin(async { Ok(()) })
    }

    /// Takes back what somebody who died has left on the device to be confirmed, and which it would take back by itself sooner or
    /// later, and what it holds for this relocation; answers whether there was such a thing. What is seen from then on stays.
    /// Nothing, where a change is final at once.
    ///
    /// # Errors
    /// Transient if the device can't be asked just now, or somebody is at it.
    fn settle(&mut self, by: RelocationId) -> Wait<'_, Result<bool, DriverError>> {
        let _ = by;
        Box::pin(async { Ok(false) })
    }

    /// Whether the port of this spot is there and up, where the device can be asked that: before service is moved to it.
    ///
    /// # Errors
    /// Permanent if the port is not there, or down; transient if the device can't be asked just now.
    fn is_ready<'a>(&'a mut self, spot: &'a Spot) -> Wait<'a, Result<(), DriverError>> {
        let _ = spot;
        Box::pin(async { Ok(()) })
    }

    /// Whether it takes a teardown and an install in one change. Every switch does.
    fn swaps(&self) -> bool {
        true
    }

    /// What [`change`](Self::change) would send, line by line as a person of the trade reads it. Touches nothing, and never
    /// shows a credential.
    fn preview(&self, changes: &[Change]) -> Vec<String>;
}

/// A failure that trying again does not mend.
#[must_use]
pub fn permanent(reason: Reason, text: impl Into<String>) -> DriverError {
    DriverError { transient: false, failure: Failure { reason, text: text.into() } }
}

/// A failure that may be over when it is tried again.
#[must_use]
pub fn transient(reason: Reason, text: impl Into<String>) -> DriverError {
    DriverError { transient: true, failure: Failure { reason, text: text.into() } }
}
