//! The diagram for pages that draw Mermaid.

use std::fmt::Write as _;

use super::graph::{Arrow, Node, Spot, graph};
use crate::{
    lang::Lang,
    table::{self, SUBMITTED},
};

/// The diagram of all states and the rows between them, as Mermaid text. Side and doubt rows change no status and are
/// left to [`table_markdown`](super::table_markdown).
#[must_use]
pub fn diagram_mermaid(lang: Lang) -> String {
    let (arrows, loops) = graph();
    let mut text = String::from("stateDiagram-v2\n    direction LR\n");
    for node in Node::ALL.into_iter().filter(|node| *node != Node::Start) {
        line(&mut text, format_args!("    state \"{}\" as {}", node.title(lang), name(node)));
    }
    for Arrow { from, to, rows } in &arrows {
        for from in starts(*from) {
            line(&mut text, format_args!("    {from} --> {}: {}", name(*to), labels(rows, lang)));
        }
    }
    for (node, rows) in &loops {
        line(&mut text, format_args!("    {0} --> {0}: {1}", name(*node), labels(rows, lang)));
    }
    for end in [Node::Succeeded, Node::Abnormal, Node::Cancelled] {
        line(&mut text, format_args!("    {} --> [*]", name(end)));
    }
    text
}

/// A `String` takes whatever is written to it.
fn line(text: &mut String, line: std::fmt::Arguments<'_>) {
    let _ = writeln!(text, "{line}");
}

/// A node's name as Mermaid takes one.
fn name(node: Node) -> String {
    match node {
        Node::Start => "[*]".to_owned(),
        Node::Failed(status) => format!("{status:?}"),
        Node::Cutover(status) => format!("{status:?}"),
        other => format!("{other:?}"),
    }
}

/// Mermaid draws no arrow from a composite state's inside to another's: a group's arrow is drawn from each of its nodes.
fn starts(spot: Spot) -> Vec<String> {
    match spot {
        Spot::Node(node) => vec![name(node)],
        Spot::Group(group) => group.nodes().into_iter().map(name).collect(),
    }
}

/// Rows with what they are taken on. A colon would end a label.
fn labels(rows: &[&str], lang: Lang) -> String {
    let label = |id: &&str| match table::row(id) {
        Some(row) => format!("{id} {}", row.on.label(lang)),
        None => format!("{SUBMITTED} {}", super::table::submitted(lang)),
    };
    rows.iter().map(label).collect::<Vec<_>>().join(" / ")
}
