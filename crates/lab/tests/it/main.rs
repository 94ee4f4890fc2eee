//! The parts of the lab, each by itself.
#![allow(clippy::unwrap_used, clippy::panic, missing_docs)]

mod gateway;
mod packets;
mod switch;

use std::sync::atomic::{AtomicU32, Ordering};

/// A lab's name that no other test has, in this process or beside it.
fn name(what: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("{what}-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}
