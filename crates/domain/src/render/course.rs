//! One ticket's way through the diagram: what has happened, where it stands, what can come next. Read off the rows its
//! journal took, and off the table for what may follow.

use std::collections::BTreeSet;

use super::graph::Node;
use crate::{
    action::work_label,
    lang::Lang,
    order::Layer,
    state::State,
    table::{self, Trigger},
};

/// A ticket's way.
#[derive(Debug, Clone)]
pub struct Course {
    /// Every node it has come to, in order, the last is where it stands.
    pub(super) been: Vec<Node>,
    /// Where each row that can be taken now leads, with what it is taken on; those that stay where they are too.
    pub(super) next: Vec<(Trigger, Node)>,
    state: State,
}

impl Course {
    /// The way of a ticket whose journal took these rows, in order. Rows this binary does not know are passed over.
    #[must_use]
    pub fn of<'a>(rows: impl IntoIterator<Item = &'a str>) -> Self {
        let mut state = State::SUBMITTED;
        let mut been = vec![Node::Submitted];
        for row in rows.into_iter().filter_map(table::row) {
            state = row.apply(&state);
            let node = Node::of(&state);
            if been.last() != Some(&node) {
                been.push(node);
            }
        }
        // A restart sends again what is out: nothing a person waits for.
        let possible =
            Trigger::all().into_iter().filter(|on| !matches!(on, Trigger::Resume(_) | Trigger::Settled));
        let next = possible.filter_map(|on| Some((on, table::find(&state, on)?)));
        let next = next.map(|(on, row)| (on, Node::of(&settled(row.apply(&state))))).collect();
        Self { been, next, state }
    }

    /// The state in which it ends: the ticket's own.
    #[must_use]
    pub const fn state(&self) -> &State {
        &self.state
    }

    /// What has happened, where it stands and what can come next, in words: for who can't see the picture.
    #[must_use]
    pub fn told(&self, lang: Lang) -> Told {
        let title = |node: &Node| node.title(lang);
        let here = self.here();
        let running = Layer::ALL.into_iter().filter_map(|layer| {
            let work = self.state.work(layer)?;
            Some(format!("{} {}", layer.label(lang), work_label(work, lang)))
        });
        let mut next: Vec<Next> = Vec::new();
        for (on, node) in &self.next {
            let to = (*node != here).then(|| title(node));
            next.push(Next { by_person: matches!(on, Trigger::Command(_)), on: on.label(lang), to });
        }
        let happened = self.been.iter().take(self.been.len().saturating_sub(1)).map(title).collect();
        Told { happened, here: title(&here), running: running.collect(), next }
    }

    pub(super) fn here(&self) -> Node {
        self.been.last().copied().unwrap_or(Node::Submitted)
    }

    /// The arrows it took, each once.
    pub(super) fn taken(&self) -> BTreeSet<(Node, Node)> {
        self.been.windows(2).map(|pair| (pair[0], pair[1])).collect()
    }

    /// The nodes it can come to with the next row.
    pub(super) fn ahead(&self) -> BTreeSet<Node> {
        self.next.iter().map(|(_, node)| *node).filter(|node| *node != self.here()).collect()
    }
}

/// A way in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// What it has come through, in order.
    pub happened: Vec<String>,
    /// Where it stands.
    pub here: String,
    /// What each layer has in hand.
    pub running: Vec<String>,
    /// What can come next.
    pub next: Vec<Next>,
}

/// Something that can come next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Next {
    /// Whether a person does it.
    pub by_person: bool,
    /// On what.
    pub on: String,
    /// Where it leads; none if it stays where it is.
    pub to: Option<String>,
}

/// After what settles by itself.
fn settled(state: State) -> State {
    table::find(&state, Trigger::Settled).map_or(state, |row| row.apply(&state))
}
