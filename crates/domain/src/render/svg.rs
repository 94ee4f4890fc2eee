//! The diagram as a picture of its own: no script, no font, nothing to load; readable on light and on dark pages.

use std::fmt::{Arguments, Write as _};

use super::{
    graph::{Arrow, Group, Loops, Node, Spot, graph},
    layout::{self, NODE_HEIGHT, NODE_WIDTH, Point},
};
use crate::{
    lang::Lang,
    status::CutoverStatus as C,
    table::{self, ROWS, SUBMITTED},
};

/// How many columns the key has, and how high a line of it is.
const KEY_COLUMNS: usize = 3;
const KEY_LINE: i32 = 20;
/// How far an arrow's corners are rounded.
const ROUNDING: i32 = 9;

/// What does not depend on light or dark.
const SHAPES: &str = "
  svg { font-family: system-ui, -apple-system, 'Segoe UI', 'Noto Sans SC', 'PingFang SC', 'Microsoft YaHei', sans-serif }
  .inner { fill: none; stroke-dasharray: 5 4 } .caption { font-size: 12.5px; font-weight: 600 }
  .inner-caption, .remark, .loops { font-size: 10.5px } .title { font-size: 12px; font-weight: 600 }
  .loops, .badge text, .key .id { font-weight: 700 } .badge text { font-size: 11px } .key text { font-size: 12px }
  .node rect { stroke-width: 1.4 } .down rect, .good rect, .end rect { stroke-width: 2.2 }
  .arrow path { fill: none; stroke-width: 1.6 } .beyond path { stroke-dasharray: 5 4 } .beyond.badge rect { stroke-dasharray: 3 2 }
";

/// A selector with its fill and stroke (none if empty), on a light page and on a dark one. Written out for each page
/// rather than as CSS variables, which renderers outside browsers do not know.
type Paint = (&'static str, [&'static str; 2], [&'static str; 2]);

const PAINTS: &[Paint] = &[
    (".page", ["#ffffff", ""], ["#10141c", ""]),
    ("text, .start", ["#1d2433", ""], ["#e6e9ef", ""]),
    (".inner-caption, .remark, .loops", ["#5b6472", ""], ["#a4adbb", ""]),
    (".frame", ["#f8fafc", "#d0d5dd"], ["#151b26", "#303a4a"]),
    (".inner", ["", "#b4bcc8"], ["", "#46536a"]),
    (".wait rect", ["#e7f0fe", "#2f6fdf"], ["#16294a", "#6ea3ff"]),
    (".fail rect", ["#fff4e0", "#c97a00"], ["#3a2a0c", "#f0ae3d"]),
    (".cut rect", ["#e6f6f5", "#14858a"], ["#0f3334", "#4cc3c0"]),
    (".half rect", ["#fdece6", "#cf4a1d"], ["#40200f", "#ff8a5c"]),
    (".down rect", ["#fddede", "#c81e1e"], ["#4a1515", "#ff6b6b"]),
    (".good rect", ["#e4f6e8", "#1f8a43"], ["#12351f", "#58c97c"]),
    (".end rect", ["#eeeff2", "#5b6472"], ["#262d39", "#a4adbb"]),
    (".arrow path", ["none", "#8490a3"], ["none", "#7c8aa0"]),
    (".head", ["#8490a3", ""], ["#7c8aa0", ""]),
    (".badge rect", ["#ffffff", "#8490a3"], ["#10141c", "#7c8aa0"]),
];

fn style() -> String {
    let paint = |(selector, [fill, stroke]): (&str, [&str; 2])| {
        let fill = if fill.is_empty() { String::new() } else { format!("fill: {fill}; ") };
        let stroke = if stroke.is_empty() { String::new() } else { format!("stroke: {stroke}") };
        format!("  {selector} {{ {fill}{stroke} }}\n")
    };
    let light: String = PAINTS.iter().map(|(selector, light, _)| paint((selector, *light))).collect();
    let dark: String = PAINTS.iter().map(|(selector, _, dark)| paint((selector, *dark))).collect();
    format!("{SHAPES}{light}  @media (prefers-color-scheme: dark) {{\n{dark}  }}\n")
}

/// The diagram of all states and the rows between them, as an SVG picture that stands alone. Solid arrows are numbered
/// rows, dashed ones extensions; rows that leave a state where it is are named in it. Side and doubt rows change no status
/// and are left to [`table_markdown`](super::table_markdown).
#[must_use]
pub fn diagram_svg(lang: Lang) -> String {
    let (arrows, loops) = graph();
    let key = key(&arrows, &loops);
    let lines = i32::try_from(key.len().div_ceil(KEY_COLUMNS)).unwrap_or(0);
    let (width, height) = (layout::WIDTH, layout::HEIGHT + lines * KEY_LINE + 36);
    let title = lang.pick("How a relocation moves", "移机状态流转");
    let mut svg = Svg { text: String::new(), lang };
    svg.put(format_args!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" role=\"img\" \
         aria-label=\"{title}\">\n<title>{title}</title>\n<style>{}</style>\n<defs><marker id=\"head\" \
         viewBox=\"0 0 10 10\" refX=\"9\" refY=\"5\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\">\
         <path class=\"head\" d=\"M0 0L10 5L0 10z\"/></marker></defs>\n\
         <rect class=\"page\" width=\"{width}\" height=\"{height}\"/>\n",
        style()
    ));
    for group in Group::ALL {
        svg.frame(group);
    }
    for arrow in &arrows {
        svg.arrow(arrow);
    }
    for node in Node::ALL {
        svg.node(node, loops.get(&node).map_or(&[], Vec::as_slice));
    }
    for arrow in &arrows {
        svg.badge(arrow);
    }
    svg.key(&key);
    svg.text.push_str("</svg>\n");
    svg.text
}

/// The rows that the picture shows, in the table's order.
fn key(arrows: &[Arrow], loops: &Loops) -> Vec<&'static str> {
    let shown = |id: &str| {
        arrows.iter().any(|arrow| arrow.rows.contains(&id)) || loops.values().any(|rows| rows.contains(&id))
    };
    std::iter::once(SUBMITTED).chain(ROWS.iter().map(|row| row.id)).filter(|id| shown(id)).collect()
}

struct Svg {
    text: String,
    lang: Lang,
}

impl Svg {
    /// A `String` takes whatever is written to it.
    fn put(&mut self, text: Arguments<'_>) {
        let _ = self.text.write_fmt(text);
    }

    fn frame(&mut self, group: Group) {
        let (left, top, right, bottom) = layout::frame(group);
        let (width, height, title) = (right - left, bottom - top, escaped(&group.title(self.lang)));
        // An inner frame's caption stands at its foot, out of the arrows' way; the start's arrow enters at the left.
        let (class, caption, anchor, x, y) = match group {
            Group::Forceable | Group::Half => ("inner", "inner-caption", "start", left + 12, bottom - 9),
            Group::Pending => ("frame", "caption", "end", right - 14, top + 22),
            Group::Failed | Group::Cutover => ("frame", "caption", "start", left + 14, top + 22),
        };
        self.put(format_args!(
            "<rect class=\"{class}\" x=\"{left}\" y=\"{top}\" width=\"{width}\" height=\"{height}\" rx=\"12\"/>\
             <text class=\"{caption}\" text-anchor=\"{anchor}\" x=\"{x}\" y=\"{y}\">{title}</text>\n"
        ));
    }

    fn arrow(&mut self, arrow: &Arrow) {
        let way = way(arrow);
        let class = if beyond(arrow) { "arrow beyond" } else { "arrow" };
        let rows = arrow.rows.join(" ");
        let says: Vec<String> = arrow.rows.iter().map(|id| says(id, self.lang)).collect();
        self.put(format_args!(
            "<g class=\"{class}\" data-rows=\"{rows}\"><title>{}</title><path marker-end=\"url(#head)\" d=\"{}\"/></g>\n",
            escaped(&says.join("; ")),
            rounded(&way)
        ));
    }

    fn badge(&mut self, arrow: &Arrow) {
        let (x, y) =
            layout::route(arrow.from, arrow.to).map_or_else(|| middle_of(&way(arrow)), |route| route.badge);
        let text = arrow.rows.join(" ");
        let width = i32::try_from(text.len()).unwrap_or(0) * 7 + 8;
        let class = if beyond(arrow) { "badge beyond" } else { "badge" };
        self.put(format_args!(
            "<g class=\"{class}\"><rect x=\"{}\" y=\"{}\" width=\"{width}\" height=\"17\" rx=\"8\"/>\
             <text text-anchor=\"middle\" x=\"{x}\" y=\"{}\">{text}</text></g>\n",
            x - width / 2,
            y - 8,
            y + 4
        ));
    }

    fn node(&mut self, node: Node, loops: &[&str]) {
        let (x, y) = layout::corner(node);
        if node == Node::Start {
            self.put(format_args!("<circle class=\"start\" cx=\"{x}\" cy=\"{y}\" r=\"7\"/>\n"));
            return;
        }
        let (title, remark) = (escaped(&node.title(self.lang)), escaped(&node.remark(self.lang)));
        let middle = x + NODE_WIDTH / 2;
        let lines = 1 + usize::from(!remark.is_empty()) + usize::from(!loops.is_empty());
        let first = y + [36, 28, 21][lines - 1];
        self.put(format_args!(
            "<g class=\"node {}\"><rect x=\"{x}\" y=\"{y}\" width=\"{NODE_WIDTH}\" height=\"{NODE_HEIGHT}\" rx=\"10\"/>\
             <text class=\"title\" text-anchor=\"middle\" x=\"{middle}\" y=\"{first}\">{title}</text>",
            class(node)
        ));
        if !remark.is_empty() {
            self.put(format_args!(
                "<text class=\"remark\" text-anchor=\"middle\" x=\"{middle}\" y=\"{}\">{remark}</text>",
                first + 17
            ));
        }
        if !loops.is_empty() {
            let rows = loops.join(" ");
            self.put(format_args!(
                "<text class=\"loops\" text-anchor=\"middle\" data-rows=\"{rows}\" x=\"{middle}\" y=\"{}\">↻ {}</text>",
                first + 34,
                loops.join(" · ")
            ));
        }
        self.text.push_str("</g>\n");
    }

    fn key(&mut self, ids: &[&str]) {
        let lines = ids.len().div_ceil(KEY_COLUMNS);
        let column_width = (layout::WIDTH - 2 * 28) / i32::try_from(KEY_COLUMNS).unwrap_or(1);
        self.text.push_str("<g class=\"key\">\n");
        for (index, id) in ids.iter().enumerate() {
            let place = |count: usize| i32::try_from(count).unwrap_or(0);
            let x = 28 + place(index / lines.max(1)) * column_width;
            let y = layout::HEIGHT + 24 + place(index % lines.max(1)) * KEY_LINE;
            self.put(format_args!(
                "<text class=\"id\" text-anchor=\"end\" x=\"{}\" y=\"{y}\">{id}</text><text x=\"{}\" y=\"{y}\">{}</text>\n",
                x + 30,
                x + 38,
                escaped(&says(id, self.lang))
            ));
        }
        self.text.push_str("</g>\n");
    }
}

/// What a row is taken on, and what it sends.
fn says(id: &str, lang: Lang) -> String {
    let Some(row) = table::row(id) else { return super::table::submitted(lang).to_owned() };
    let sends = super::table::sends(row.sends, lang).join(lang.pick(", ", "、"));
    let on = row.on.label(lang);
    if sends.is_empty() { on } else { format!("{on} → {}", sends.replace('`', "")) }
}

/// Whether an arrow is an extension's only: dashed.
fn beyond(arrow: &Arrow) -> bool {
    !arrow.rows.iter().any(|id| *id == SUBMITTED || table::row(id).is_some_and(table::Row::is_numbered))
}

fn class(node: Node) -> &'static str {
    match node {
        Node::Start | Node::Submitted | Node::L3Reserving | Node::L2Reserving => "wait",
        Node::Failed(_) | Node::Cancelling => "fail",
        Node::Ready | Node::CuttingOver | Node::Cutover(C::L3CutOver | C::CutOver) => "cut",
        Node::Cutover(C::L3TornDownInstallFailed) => "down",
        Node::Cutover(_) => "half",
        Node::Succeeded => "good",
        Node::Abnormal | Node::Cancelled => "end",
    }
}

fn way(arrow: &Arrow) -> Vec<Point> {
    let straight = || vec![layout::middle(arrow.from), layout::middle(Spot::Node(arrow.to))];
    layout::route(arrow.from, arrow.to).map_or_else(straight, |route| route.way.to_vec())
}

fn middle_of(way: &[Point]) -> Point {
    let (first, last) = (way.first().copied().unwrap_or_default(), way.last().copied().unwrap_or_default());
    (i32::midpoint(first.0, last.0), i32::midpoint(first.1, last.1))
}

/// A path along these points with round corners.
fn rounded(way: &[Point]) -> String {
    let towards = |(x, y): Point, (to_x, to_y): Point| {
        let step = |from: i32, to: i32| (to - from).clamp(-ROUNDING, ROUNDING);
        (x + step(x, to_x), y + step(y, to_y))
    };
    let mut path = String::new();
    for (index, point) in way.iter().enumerate() {
        let (before, after) = (index.checked_sub(1).and_then(|at| way.get(at)), way.get(index + 1));
        let piece = match (before, after) {
            (None, _) => format!("M{} {}", point.0, point.1),
            (Some(_), None) => format!("L{} {}", point.0, point.1),
            (Some(before), Some(after)) => {
                let (enter, leave) = (towards(*point, *before), towards(*point, *after));
                format!("L{} {}Q{} {} {} {}", enter.0, enter.1, point.0, point.1, leave.0, leave.1)
            }
        };
        path.push_str(&piece);
    }
    path
}

pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
