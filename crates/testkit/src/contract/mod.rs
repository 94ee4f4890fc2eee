//! What every adapter of a port must do, said once.
//!
//! A suite is a list of cases, each a function over a store of its own. An adapter's test hands each suite a way to
//! open an empty store, and can't leave a case out:
//!
//! ```ignore
//! contract::check(tickets::CASES, async || open_empty_store().await).await;
//! ```

#![allow(clippy::unwrap_used)]

pub mod accounts;
pub mod board;
pub mod bus;
pub mod device_memory;
pub mod fences;
pub mod letters;
mod model;
mod relocation;
pub mod rivals;
pub mod steering;
pub mod tickets;
pub mod webhooks;

use std::{fmt, sync::Arc};

use rehome_domain::ports::Wait;

/// Something an adapter must do.
pub struct Case<S: ?Sized> {
    name: &'static str,
    run: fn(Arc<S>) -> Wait<'static, ()>,
}

impl<S: ?Sized> fmt::Debug for Case<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

/// A list of cases, named as their functions are.
macro_rules! cases {
    ($($case:ident,)+) => {
        &[$($crate::contract::Case { name: stringify!($case), run: |store| Box::pin($case(store)) }),+]
    };
}
use cases;

/// Runs every case over an empty store of its own. What `open` gives beside the store is kept until the case ends.
///
/// # Panics
/// If a case fails, after all have run.
pub async fn check<S, K>(cases: &[Case<S>], mut open: impl AsyncFnMut() -> (Arc<S>, K))
where
    S: ?Sized + Send + Sync + 'static,
{
    let mut failed = Vec::new();
    for case in cases {
        let (store, _kept) = open().await;
        if tokio::spawn((case.run)(store)).await.is_err() {
            failed.push(case.name);
        }
    }
    assert!(failed.is_empty(), "these cases failed, each for the reason printed above: {failed:#?}");
}

/// Numbers that look random and are the same in every run.
struct Dice(u64);

impl Dice {
    /// A number below `sides`.
    fn roll(&mut self, sides: usize) -> usize {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let rolled = self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33;
        usize::try_from(rolled).unwrap() % sides
    }

    /// One of these.
    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.roll(from.len())]
    }
}
