//! The parts of the lab, each by itself.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod gateway;
mod switch;
