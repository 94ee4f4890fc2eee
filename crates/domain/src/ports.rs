//! The traits behind which everything with I/O sits: bus, store, devices.
//!
//! Adapters implement them; actors use them and know no adapter. Futures are boxed by hand because the domain has no
//! runtime and the traits must be usable as objects.

mod accounts;
mod board;
mod bus;
mod device;
mod fence;
mod letters;
mod store;
mod webhooks;

use std::{future::Future, pin::Pin};

pub use self::{
    accounts::{AccountStore, Revoke},
    board::Board,
    bus::{
        Acks, Answered, Answers, Bus, BusError, DeadQueue, Delivery, Depth, Events, Heard, Incoming, Inputs,
        Outgoing, ReplyTo, SteeringQueue, Wish, WorkQueue, dead_letter,
    },
    device::{DeviceMemory, Driver, DriverError, Edit, Holding, Inventory, Operation, Planner},
    fence::{Admission, Conclusion, FenceStore, Part},
    letters::{Kept, LetterFilter, LetterStore, NotResent, Settled, Settlement},
    store::{
        Change, Committed, Count, DeadLetter, Loaded, ReadEntry, SteeringStore, StoreError, TicketStore,
        Unreadable,
    },
    webhooks::{Feed, WebhookStore},
};

/// A future of a port.
pub type Wait<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
