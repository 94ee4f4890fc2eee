//! What crosses floors: the binary as a user runs it.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used)]

#[allow(dead_code, reason = "the kill test uses the rest")]
mod running;
mod sheet200;
