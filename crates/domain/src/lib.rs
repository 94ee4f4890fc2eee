//! What a relocation is and exactly how it moves.
//!
//! This crate is the law of Rehome as code: the statuses, the work orders and replies, the transition
//! table *as data*, the pure [`step`](step::step) function that the supervisor calls, the journal and its
//! replay, and the ports that adapters implement. It has no clock, no I/O and no async runtime: time and
//! ids come in as inputs, effects go out as data.
//!
//! Start at [`table`]: everything else (the step, the docs' table, the diagram, the buttons an operator
//! sees) is derived from its rows.

pub mod account;
pub mod action;
pub mod attention;
pub mod board;
pub mod command;
pub mod consequence;
pub mod event;
pub mod fleet;
pub mod holding;
pub mod id;
pub mod identity;
pub mod journal;
pub mod lang;
pub mod message;

pub mod order;
mod outage;
mod outcome;
pub mod plan;
pub mod ports;
pub mod render;
pub mod reply;
pub mod request;
pub mod role;
pub mod state;
pub mod status;
pub mod steering;
pub mod step;
pub mod table;
pub mod ticket;
pub mod trace;
pub mod webhook;
pub mod wording;

pub use command::{Command, CommandKind};
pub use id::{MessageId, RelocationId, WorkOrderId};
pub use journal::Entry;
pub use lang::Lang;
pub use order::{Layer, OrderKind, WorkOrder};
pub use reply::{Reply, Report};
pub use request::{Place, Request};
pub use role::Role;
pub use state::State;
pub use status::{Attention, CutoverStatus, Disposition, RelocationStatus, ReservationStatus};
pub use step::step;
pub use ticket::Ticket;
