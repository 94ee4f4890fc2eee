//! Bar charts as SVG: shapes carry classes and no colours, each bar its number in words.

use std::fmt::Write as _;

/// A bar: what it is, and its parts, each with its class, its name and its length.
pub(super) struct Bar {
    pub(super) label: String,
    pub(super) parts: Vec<(&'static str, &'static str, u64)>,
}

impl Bar {
    fn whole(&self) -> u64 {
        self.parts.iter().map(|(_, _, value)| value).sum()
    }

    fn title(&self) -> String {
        let parts = self.parts.iter().map(|(_, name, value)| format!("{name} {value}").trim().to_owned());
        escaped(&format!("{}: {}", self.label, parts.collect::<Vec<_>>().join(", ")))
    }
}

fn longest(bars: &[Bar]) -> u64 {
    bars.iter().map(Bar::whole).max().unwrap_or(0).max(1)
}

/// Bars lying, one under another, with what they are before and their number behind.
pub(super) fn rows(title: &str, bars: &[Bar]) -> String {
    const LINE: u64 = 26;
    const LEFT: u64 = 232;
    const LONGEST: u64 = 250;
    let height = LINE * bars.len() as u64 + 6;
    let mut svg = begin(title, 560, height);
    let most = longest(bars);
    for (bar, number) in bars.iter().zip(0_u64..) {
        let y = number * LINE + 4;
        let _ = write!(
            svg,
            "<g><title>{}</title><text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>",
            bar.title(),
            LEFT - 8,
            y + 14,
            escaped(&bar.label)
        );
        let mut x = LEFT;
        for (class, _, value) in &bar.parts {
            let width = value * LONGEST / most;
            let _ =
                write!(svg, "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"18\"/>");
            x += width;
        }
        let _ =
            write!(svg, "<text class=\"value\" x=\"{}\" y=\"{}\">{}</text></g>", x + 6, y + 14, bar.whole());
    }
    svg + "</svg>"
}

/// Bars standing, one beside another.
pub(super) fn columns(title: &str, bars: &[Bar]) -> String {
    const HIGH: u64 = 150;
    const STEP: u64 = 22;
    let (width, most) = (STEP * bars.len() as u64 + 32, longest(bars));
    let mut svg = begin(title, width, HIGH + 44);
    let foot = HIGH + 18;
    for (bar, number) in bars.iter().zip(0_u64..) {
        let (x, mut y) = (number * STEP + 20, foot);
        let _ = write!(svg, "<g><title>{}</title>", bar.title());
        for (class, _, value) in &bar.parts {
            let height = value * HIGH / most;
            y -= height;
            let _ =
                write!(svg, "<rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"16\" height=\"{height}\"/>");
        }
        if bar.whole() > 0 {
            let _ = write!(
                svg,
                "<text class=\"value\" text-anchor=\"middle\" x=\"{}\" y=\"{}\">{}</text>",
                x + 8,
                y - 4,
                bar.whole()
            );
        }
        let _ = write!(
            svg,
            "<text text-anchor=\"middle\" x=\"{}\" y=\"{}\">{}</text></g>",
            x + 8,
            foot + 16,
            escaped(&bar.label)
        );
    }
    let _ = write!(svg, "<path class=\"axis\" d=\"M14 {foot}H{}\"/>", width - 8);
    svg + "</svg>"
}

fn begin(title: &str, width: u64, height: u64) -> String {
    format!(
        "<svg class=\"chart\" viewBox=\"0 0 {width} {height}\" role=\"img\" aria-label=\"{}\">",
        escaped(title)
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
