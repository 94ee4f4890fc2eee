//! Every state that the table can lead to. Small enough to walk: tests prove things of all of it, and the diagram is drawn
//! from it.

use std::collections::{BTreeSet, VecDeque};

use super::{ROWS, Row, Trigger};
use crate::state::State;

/// A row taken.
#[derive(Debug, Clone, Copy)]
pub struct Edge {
    /// From where.
    pub from: State,
    /// On what.
    pub on: Trigger,
    /// Which.
    pub row: &'static Row,
    /// To where, after what settles by itself.
    pub to: State,
}

/// All states that the wanted rows reach from a submitted ticket, and all the edges between them.
pub fn explore(wanted: impl Fn(&Row) -> bool) -> (BTreeSet<State>, Vec<Edge>) {
    let rows: Vec<&'static Row> = ROWS.iter().filter(|row| wanted(row)).collect();
    let find = |state: &State, on: Trigger| {
        rows.iter()
            .copied()
            .find(|row| row.on == on && !state.is_closed() && row.from.unmet(state).is_empty())
    };
    let (mut seen, mut edges) = (BTreeSet::from([State::SUBMITTED]), Vec::new());
    let mut queue = VecDeque::from([State::SUBMITTED]);
    while let Some(from) = queue.pop_front() {
        for on in Trigger::all().into_iter().filter(|on| *on != Trigger::Settled) {
            let Some(row) = find(&from, on) else { continue };
            let after = row.apply(&from);
            let settled = find(&after, Trigger::Settled);
            let to = settled.map_or(after, |row| row.apply(&after));
            edges.push(Edge { from, on, row, to });
            edges.extend(settled.map(|row| Edge { from: after, on: Trigger::Settled, row, to }));
            if seen.insert(to) {
                queue.push_back(to);
            }
        }
    }
    (seen, edges)
}
