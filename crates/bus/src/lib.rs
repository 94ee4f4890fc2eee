//! The bus behind [`rehome_domain::ports::Bus`].
//!
//! [`Embedded`] connects actors within one process. [`Tampered`] stands before any bus and loses, delays or doubles
//! replies as a fault plan says.

mod embedded;
mod tampered;

pub use embedded::{Capacity, Embedded};
pub use tampered::{Decide, Fate, Tampered};
