//! The bus behind [`rehome_domain::ports::Bus`].
//!
//! [`Embedded`] connects actors within one process, [`Amqp`] processes over RabbitMQ. [`Tampered`] stands before any bus
//! and loses, delays or doubles replies as a fault plan says.

pub mod amqp;
mod embedded;
mod letters;
pub mod metrics;
mod tampered;

pub use amqp::Amqp;
pub use embedded::{Capacity, Embedded};
pub use tampered::{Decide, Fate, Tampered, Tampering};
