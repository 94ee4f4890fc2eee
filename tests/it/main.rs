//! What crosses floors: the binary as a user runs it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used)]

mod benches;
mod by_message;
mod checked;
mod cli;
mod credentials;
mod cut_off;
mod deployment;
mod first_start;
mod haystack;
mod kill;
mod lab;
mod long_work;
mod operations;
mod over_http;
mod promises;
mod python;
mod refused;
mod running;
mod scaled;
mod schemathesis;
mod sheet200;
mod taken_up;
mod tracing;
mod users;
