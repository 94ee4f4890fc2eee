//! What crosses floors: the binary as a user runs it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used)]

mod checked;
mod cli;
mod deployment;
mod kill;
mod operations;
mod refused;
mod running;
mod sheet200;
mod taken_up;
mod tracing;
