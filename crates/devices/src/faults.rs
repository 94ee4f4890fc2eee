//! Deterministic fault plans: what devices and replies do wrong, and what a scripted operator does about it.
//!
//! Every decision is a pure function of the plan, the circuit's service id and the order's kind and attempt — never of
//! time, of a counter or of the relocation's random id: a run that was killed and started again meets the same faults,
//! and [`FaultPlan::predict`] can say beforehand where each ticket will come to rest. (How many tries an `unreachable`
//! device has let pass is counted per order, in memory: a restart counts anew, and the order still ends the same.)
//!
//! ```text
//!  plan text ──read──▶ FaultPlan ─┬─ Faulty ─────▶ refuse, half, slow, unreachable: around each simulated session
//!                                 ├─ reply_fate ─▶ drop, late, twice: the bus asks it for each order
//!                                 ├─ operator ───▶ the run driver asks it for each ticket at rest
//!                                 └─ predict ────▶ tests compare a run's statuses with it
//! ```

mod draw;
mod faulty;
mod names;
mod operator;
mod predict;
mod read;
mod reply;
mod rule;

pub use faulty::Faulty;
pub use operator::{OperatorAct, Standing};
pub use predict::Prediction;
pub use read::{Mistake, PlanError};
pub use reply::Fate;

use operator::OperatorRule;
use rehome_domain::request::Deadlines;
use rule::FaultRule;

/// A plan of faults, and of what a person does about them. The default plan has none.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FaultPlan {
    seed: u64,
    deadlines: Option<Deadlines>,
    messages_twice: bool,
    faults: Vec<FaultRule>,
    operators: Vec<OperatorRule>,
}

impl FaultPlan {
    /// The deadlines to stamp on the relocations that run under this plan: who loses replies on purpose does not want to
    /// wait for them as long as for a real device.
    #[must_use]
    pub const fn deadlines(&self) -> Option<Deadlines> {
        self.deadlines
    }

    /// Whether every command, order and reply is sent twice.
    #[must_use]
    pub const fn messages_twice(&self) -> bool {
        self.messages_twice
    }
}
