//! What crosses floors: the binary as a user runs it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used)]

mod kill;
mod running;
mod sheet200;
