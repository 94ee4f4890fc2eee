//! A ticket's way as a picture, for a page that has a style sheet: shapes carry classes and no colours.
//!
//! The nodes are the diagram's. They stand closer together than there, since only the arrows that were taken or can be
//! taken now are drawn, and the way on when nothing fails, faintly.

use std::fmt::{Arguments, Write as _};

use super::{
    course::Course,
    graph::Node,
    layout::{Point, cell},
};
use crate::{
    lang::Lang,
    status::{CutoverStatus as C, ReservationStatus as P},
};

const WIDTH: i32 = 1180;
const HEIGHT: i32 = 372;
const NODE_WIDTH: i32 = 142;
const NODE_HEIGHT: i32 = 44;
/// The columns.
const X: [i32; 7] = [12, 178, 344, 526, 692, 858, 1026];
/// The rows.
const Y: [i32; 4] = [44, 132, 220, 308];
/// How much of a title fits on a line of a node, in half-width characters.
const LINE: usize = 20;

/// The way on when nothing fails.
const WELL: [Node; 7] = [
    Node::Submitted,
    Node::L3Reserving,
    Node::L2Reserving,
    Node::Ready,
    Node::CuttingOver,
    Node::Cutover(C::L3CutOver),
    Node::Succeeded,
];

fn corner(node: Node) -> Point {
    let (column, row) = cell(node);
    (X[column], Y[row])
}

/// A ticket's way as a picture. What it shows is told in words by [`Course::told`], which belongs beside it.
#[must_use]
pub fn course_svg(course: &Course, lang: Lang) -> String {
    let mut svg = Svg { text: String::new() };
    let title = lang.pick("The way of this relocation", "本次移机的过程");
    svg.put(format_args!(
        "<svg class=\"course\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{title}\">\
         <defs><marker id=\"course-head\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" \
         markerHeight=\"7\" orient=\"auto\"><path d=\"M0 0L8 4L0 8z\"/></marker></defs>"
    ));
    for (left, right, stage) in [
        (2, X[2] + NODE_WIDTH + 10, lang.pick("Reservation", "移机预占")),
        (X[3] - 10, WIDTH - 2, lang.pick("Cutover", "移机切换")),
    ] {
        svg.put(format_args!(
            "<rect class=\"stage\" x=\"{left}\" y=\"2\" width=\"{}\" height=\"{}\" rx=\"8\"/>\
             <text class=\"stage-title\" x=\"{}\" y=\"26\">{stage}</text>",
            right - left,
            HEIGHT - 4,
            left + 12
        ));
    }
    let (taken, ahead, here) = (course.taken(), course.ahead(), course.here());
    for pair in WELL.windows(2).filter(|pair| !taken.contains(&(pair[0], pair[1]))) {
        svg.arrow("faint", pair[0], pair[1]);
    }
    for (from, to) in &taken {
        svg.arrow("taken", *from, *to);
    }
    for to in &ahead {
        svg.arrow("open", here, *to);
    }
    for node in Node::ALL.into_iter().filter(|node| *node != Node::Start) {
        let standing = if node == here {
            "here"
        } else if course.been.contains(&node) {
            "been"
        } else if ahead.contains(&node) {
            "ahead"
        } else {
            "rest"
        };
        svg.node(node, standing, lang);
    }
    svg.text.push_str("</svg>");
    svg.text
}

struct Svg {
    text: String,
}

impl Svg {
    /// A `String` takes whatever is written to it.
    fn put(&mut self, text: Arguments<'_>) {
        let _ = self.text.write_fmt(text);
    }

    fn node(&mut self, node: Node, standing: &str, lang: Lang) {
        let (x, y) = corner(node);
        let lines = lines(&node.title(lang), lang);
        let middle = x + NODE_WIDTH / 2;
        let first = y + NODE_HEIGHT / 2 + if lines.len() > 1 { -3 } else { 4 };
        self.put(format_args!(
            "<g class=\"step {standing} {}\"><rect x=\"{x}\" y=\"{y}\" width=\"{NODE_WIDTH}\" \
             height=\"{NODE_HEIGHT}\" rx=\"7\"/>",
            tone(node)
        ));
        for (line, number) in lines.iter().zip(0..) {
            self.put(format_args!(
                "<text text-anchor=\"middle\" x=\"{middle}\" y=\"{}\">{}</text>",
                first + number * 15,
                super::svg::escaped(line)
            ));
        }
        self.text.push_str("</g>");
    }

    fn arrow(&mut self, class: &str, from: Node, to: Node) {
        let way = way(from, to);
        self.put(format_args!("<path class=\"way {class}\" marker-end=\"url(#course-head)\" d=\"{way}\"/>"));
    }
}

/// From side to side where both stand in one row, else from foot to head, or up again.
fn way(from: Node, to: Node) -> String {
    let ((x1, y1), (x2, y2)) = (corner(from), corner(to));
    let (middle1, middle2) = (x1 + NODE_WIDTH / 2, x2 + NODE_WIDTH / 2);
    let half = NODE_HEIGHT / 2;
    if y1 == y2 {
        let (start, end) = if x1 < x2 { (x1 + NODE_WIDTH, x2) } else { (x1, x2 + NODE_WIDTH) };
        // Over what stands between.
        if (x1 - x2).abs() > 200 {
            return format!("M{middle1} {y1}C{middle1} {0} {middle2} {0} {middle2} {y2}", y1 - 34);
        }
        return format!("M{start} {}L{end} {}", y1 + half, y2 + half);
    }
    let (start, end) = if y1 < y2 { (y1 + NODE_HEIGHT, y2) } else { (y1, y2 + NODE_HEIGHT) };
    // Beside the arrow that leads the other way.
    let aside = if y1 < y2 { 10 } else { -10 };
    let (middle1, middle2, between) = (middle1 + aside, middle2 + aside, i32::midpoint(start, end));
    format!("M{middle1} {start}C{middle1} {between} {middle2} {between} {middle2} {end}")
}

/// How good or bad a node is.
const fn tone(node: Node) -> &'static str {
    match node {
        Node::Start | Node::Submitted | Node::Ready => "waiting",
        Node::L3Reserving
        | Node::L2Reserving
        | Node::CuttingOver
        | Node::Cancelling
        | Node::Cutover(C::L3CutOver | C::CutOver) => "running",
        Node::Failed(P::L2RollbackFailed) | Node::Cutover(C::L3CutoverFailed) => "bad",
        Node::Failed(_) => "failed",
        Node::Cutover(C::L3TornDownInstallFailed) => "down",
        Node::Cutover(_) => "bad",
        Node::Succeeded => "good",
        Node::Abnormal | Node::Cancelled => "ended",
    }
}

/// A title on at most two lines, broken at a blank, or in Chinese at a comma or in the middle.
fn lines(title: &str, lang: Lang) -> Vec<String> {
    let width = |text: &str| text.chars().map(|c| if c.is_ascii() { 1 } else { 2 }).sum::<usize>();
    if width(title) <= LINE {
        return vec![title.to_owned()];
    }
    let split = match lang {
        Lang::En => {
            let blanks = title.match_indices(' ').map(|(at, _)| at);
            let uneven = |at: &usize| width(&title[..*at]).abs_diff(width(&title[at + 1..]));
            blanks.min_by_key(uneven).map(|at| (&title[..at], &title[at + 1..]))
        }
        Lang::Zh => title.split_once('，'),
    };
    split.map_or_else(|| vec![title.to_owned()], |(one, other)| vec![one.to_owned(), other.to_owned()])
}
